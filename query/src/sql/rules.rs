//! What holds for all scans of one statement: what it sees, what its caller may read, and that it reads one class of feeds.

use std::sync::{Arc, Mutex};

use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::FeedClass;

use super::cell::KnownTexts;
use super::naming::named;
use super::permission;
use super::view::View;
use crate::access::Access;
use crate::error::{ErrorKind, QueryError, Text};

/// The class of feeds that a statement reads, once a scan has chosen; shared by all that it reads, of whatever moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim(Arc<Mutex<Option<FeedClass>>>);

/// What holds for all scans of one statement, at one moment.
pub(super) struct Rules {
    /// What is seen of the ledger.
    pub(super) view: View,
    /// The catalogue of that moment: what feeds and units were.
    pub(super) catalogue: Arc<Catalogue>,
    /// The catalogue of today: who may read what.
    pub(super) present: Arc<Catalogue>,
    /// The texts of a catalogue.
    pub(super) known: Arc<KnownTexts>,
    pub(super) access: Access,
    pub(super) claim: Claim,
}

impl Rules {
    /// The feeds that a scan reads: those that its filters name, or all official ones.
    pub(super) fn feeds(&self, filters: &[Expr]) -> Result<(FeedClass, Expr)> {
        let feeds = &self.catalogue.feeds;
        let named = named("feed", filters);
        let wanted = |name: &str| named.as_ref().is_none_or(|named| named.contains(name));
        let of = |class| {
            let of_class = feeds.values().filter(move |feed| feed.class == class);
            of_class.map(|feed| feed.feed.as_str()).filter(|name| wanted(name)).collect::<Vec<_>>()
        };
        let synthetic = if named.is_some() { of(FeedClass::Synthetic) } else { Vec::new() };
        let official = of(FeedClass::Official);
        match (official.is_empty(), synthetic.is_empty()) {
            (false, false) => Err(both_classes()),
            (true, false) => Ok((FeedClass::Synthetic, permission::one_of("feed", synthetic))),
            (_, true) => Ok((FeedClass::Official, permission::one_of("feed", official))),
        }
    }

    /// Holds the statement to one class.
    pub(super) fn claim(&self, class: FeedClass) -> Result<()> {
        let mut claimed = self.claim.0.lock().expect("nothing panics while it is held");
        match *claimed {
            Some(other) if other != class => Err(both_classes()),
            _ => {
                *claimed = Some(class);
                Ok(())
            }
        }
    }
}

fn both_classes() -> DataFusionError {
    let message = Text::new(
        "số liệu chính thức và số liệu giả lập không bao giờ nằm chung trong một câu trả lời; hãy hỏi riêng từng loại, và \
         ghi `feed = '…'` cho mỗi bảng trong câu lệnh",
        "official and synthetic figures never meet in one answer; ask for one class at a time, and write `feed = '…'` for \
         each table of the statement",
    );
    let error = QueryError::new(ErrorKind::Invalid, "sql.feed_classes", message);
    DataFusionError::External(Box::new(error))
}
