//! Records: the rows of the catalogue table. What is kept of a thing is its JSON text under its kind and key.

use serde::Serialize;

use crate::composite::Composite;
use crate::feed::Feed;
use crate::grant::Grant;
use crate::holiday::Holiday;
use crate::indicator::Indicator;
use crate::observation::codes;
use crate::succession::Succession;
use crate::unit::{Synonym, UnitVersion};

codes! {
    /// What a record is of.
    RecordKind {
        /// A unit version; its key is `<unit>/<valid_from>`.
        Unit = "unit",
        /// An edge of the succession; its key is `<from>/<to>/<effective>`.
        Succession = "succession",
        /// An indicator; its key is its code.
        Indicator = "indicator",
        /// One version of the definition of a composite index; its key is `<composite>/<version>`.
        Composite = "composite",
        /// A feed; its key is its name.
        Feed = "feed",
        /// A grant; its key is its id.
        Grant = "grant",
        /// A day that is off or worked; its key is the day.
        Holiday = "holiday",
        /// Another name of a unit; its key is `<unit>/<name>`.
        Synonym = "synonym",
    }
}

/// One row of the catalogue table. Of the rows with one kind and key the newest counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is of.
    pub kind: RecordKind,
    /// Which one.
    pub key: String,
    /// The JSON text of the thing; none when it is removed.
    pub content: Option<String>,
}

impl Record {
    /// The record that takes a thing out of the catalogue.
    #[must_use]
    pub fn removed(kind: RecordKind, key: String) -> Self {
        Self { kind, key, content: None }
    }

    pub(crate) fn of(kind: RecordKind, key: String, thing: &impl Serialize) -> Self {
        let content = serde_json::to_string(thing);
        let content = content.expect("texts, dates and decimals always have a JSON form");
        Self { kind, key, content: Some(content) }
    }
}

impl From<&UnitVersion> for Record {
    fn from(version: &UnitVersion) -> Self {
        Self::of(RecordKind::Unit, unit_key(version), version)
    }
}

impl From<&Synonym> for Record {
    fn from(synonym: &Synonym) -> Self {
        Self::of(RecordKind::Synonym, synonym.key(), synonym)
    }
}

impl From<&Succession> for Record {
    fn from(succession: &Succession) -> Self {
        Self::of(RecordKind::Succession, succession.key(), succession)
    }
}

impl From<&Indicator> for Record {
    fn from(indicator: &Indicator) -> Self {
        Self::of(RecordKind::Indicator, indicator.indicator.clone(), indicator)
    }
}

impl From<&Composite> for Record {
    fn from(composite: &Composite) -> Self {
        Self::of(RecordKind::Composite, composite.key(), composite)
    }
}

impl From<&Feed> for Record {
    fn from(feed: &Feed) -> Self {
        Self::of(RecordKind::Feed, feed.feed.clone(), feed)
    }
}

impl From<&Grant> for Record {
    fn from(grant: &Grant) -> Self {
        Self::of(RecordKind::Grant, grant.grant.clone(), grant)
    }
}

impl From<&Holiday> for Record {
    fn from(holiday: &Holiday) -> Self {
        Self::of(RecordKind::Holiday, holiday.day.to_string(), holiday)
    }
}

/// The key of a unit version's record.
pub(crate) fn unit_key(version: &UnitVersion) -> String {
    format!("{}/{}", version.unit, version.valid_from)
}
