//! The catalogue: units, indicators, feeds and grants as they stand at one version.
//!
//! It is made from [`Record`]s and gives them back. A person edits it as [`files`]; [`plan`] shows what an edit changes.

pub mod files;
mod past;
pub mod plan;
pub mod record;
mod successors;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

pub use record::{Record, RecordKind};
pub(crate) use table::CatalogueTable;
pub use table::CatalogueTableError;

use crate::caller::Refusal;
use crate::composite::Composite;
use crate::feed::Feed;
use crate::grant::{Credential, Grant};
use crate::holiday::{Holiday, Holidays};
use crate::indicator::Indicator;
use crate::reform::Reforms;
use crate::succession::Succession;
use crate::unit::{Synonym, Units};

/// Everything that the catalogue says at one version; immutable.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The version of the catalogue table that it was read from.
    pub version: u64,
    /// When that version was recorded, in microseconds since 1970-01-01T00:00:00Z; 0 of none.
    pub recorded_at: i64,
    /// The units and their versions.
    pub units: Units,
    /// Other names of units, by key.
    pub synonyms: BTreeMap<String, Synonym>,
    /// What became of units, by key.
    pub successions: BTreeMap<String, Succession>,
    /// What the successions amount to between any two days.
    pub reforms: Reforms,
    /// By code.
    pub indicators: BTreeMap<String, Indicator>,
    /// The versions of composite indices, by key.
    pub composites: BTreeMap<String, Composite>,
    /// By name.
    pub feeds: BTreeMap<String, Feed>,
    /// By grant id.
    pub grants: BTreeMap<String, Grant>,
    /// The days that are off, or worked, though their weekday says otherwise.
    pub holidays: Holidays,
}

/// Why a credential carries no grant; for the log, not for whoever showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoGrant<'a> {
    /// Whether it never did, or no longer does.
    pub refusal: Refusal,
    /// The grant that it carried last.
    pub grant: Option<&'a str>,
}

/// A record that is not what its kind and key say.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The content does not read as the kind.
    #[error("catalogue record `{kind}` `{key}` does not read: {source}")]
    Content {
        /// The record's kind.
        kind: RecordKind,
        /// The record's key.
        key: String,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// The content is of another thing than the key says.
    #[error("catalogue record `{kind}` `{key}` holds `{found}`")]
    Key {
        /// The record's kind.
        kind: RecordKind,
        /// The record's key.
        key: String,
        /// The key of what it holds.
        found: String,
    },
}

impl Catalogue {
    /// The grant that a credential carries now: of several that name one certificate, the one that was issued last. Grants
    /// are some hundreds at most, so they are looked through; hashes are compared, so the time that takes says nothing
    /// about any token.
    ///
    /// # Errors
    /// [`NoGrant`] when there is none, or none that holds.
    pub fn grant_of(
        &self,
        credential: &Credential,
        now: DateTime<Utc>,
    ) -> Result<&Grant, NoGrant<'_>> {
        let named = || self.grants.values().filter(|grant| grant.credential == *credential);
        let newest = |grant: &&Grant| grant.issued_at;
        if let Some(grant) = named().filter(|grant| grant.holds_at(now)).max_by_key(newest) {
            return Ok(grant);
        }
        let ended = named().max_by_key(newest);
        let refusal = match ended {
            None => Refusal::CredentialUnknown,
            Some(grant) if grant.revoked_at.is_some_and(|at| at <= now) => Refusal::GrantRevoked,
            Some(_) => Refusal::GrantExpired,
        };
        Err(NoGrant { refusal, grant: ended.map(|grant| grant.grant.as_str()) })
    }

    /// The catalogue that records make; of several with one kind and key the last one counts.
    ///
    /// # Errors
    /// [`CatalogueError`] when a record that counts does not read.
    pub fn from_records(
        version: u64,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, CatalogueError> {
        let mut newest: BTreeMap<(RecordKind, String), Option<String>> = BTreeMap::new();
        newest
            .extend(records.into_iter().map(|record| ((record.kind, record.key), record.content)));
        let mut catalogue = Self { version, ..Self::default() };
        let (mut unit_versions, mut holidays) = (Vec::new(), Vec::<Holiday>::new());
        for ((kind, key), content) in newest {
            let Some(content) = content else { continue };
            match kind {
                RecordKind::Unit => unit_versions.push(thing(kind, &key, &content)?),
                RecordKind::Succession => {
                    catalogue.successions.insert(key.clone(), thing(kind, &key, &content)?);
                }
                RecordKind::Indicator => {
                    catalogue.indicators.insert(key.clone(), thing(kind, &key, &content)?);
                }
                RecordKind::Composite => {
                    catalogue.composites.insert(key.clone(), thing(kind, &key, &content)?);
                }
                RecordKind::Feed => {
                    catalogue.feeds.insert(key.clone(), thing(kind, &key, &content)?);
                }
                RecordKind::Grant => {
                    catalogue.grants.insert(key.clone(), thing(kind, &key, &content)?);
                }
                RecordKind::Holiday => holidays.push(thing(kind, &key, &content)?),
                RecordKind::Synonym => {
                    catalogue.synonyms.insert(key.clone(), thing(kind, &key, &content)?);
                }
            }
        }
        catalogue.holidays = holidays.into_iter().collect();
        catalogue.units = Units::new(unit_versions).with_synonyms(catalogue.synonyms.values());
        catalogue.reforms = Reforms::new(&catalogue.units, catalogue.successions.values());
        Ok(catalogue)
    }

    /// The records that make it, in order of kind and key.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let units = self.units.versions().iter().map(Record::from);
        units
            .chain(self.successions.values().map(Record::from))
            .chain(self.indicators.values().map(Record::from))
            .chain(self.composites.values().map(Record::from))
            .chain(self.feeds.values().map(Record::from))
            .chain(self.grants.values().map(Record::from))
            .chain(self.holidays.iter().map(Record::from))
            .chain(self.synonyms.values().map(Record::from))
            .collect()
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(
    kind: RecordKind,
    key: &str,
    content: &'a str,
) -> Result<T, CatalogueError> {
    serde_json::from_str(content).map_err(|source| CatalogueError::Content {
        kind,
        key: key.to_owned(),
        source,
    })
}

/// Reads a record's content and holds its own key against the record's.
fn thing<T: DeserializeOwned>(
    kind: RecordKind,
    key: &str,
    content: &str,
) -> Result<T, CatalogueError>
where
    for<'a> Record: From<&'a T>,
{
    let thing: T = parse(kind, key, content)?;
    let found = Record::from(&thing).key;
    if found != key {
        return Err(CatalogueError::Key { kind, key: key.to_owned(), found });
    }
    Ok(thing)
}
