//! Administrative units (đơn vị hành chính) and their versions over time.
//!
//! The official code is not an identity: Decision 124/2004/QĐ-TTg gives a merged unit the code of the old unit where its
//! office sits. A unit's id is its code and the ordinal of its holder (`00004.1`, then `00004.2`), and is never reused.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A unit's id, such as `00004.1`: an official code and the ordinal of its holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(pub String);

/// What a unit was between two dates, both included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitVersion {
    /// The unit.
    pub unit: UnitId,
    /// Its official code in this version, such as `00004`.
    pub code: String,
    /// Its name with its kind word, in Vietnamese: `Xã Song Phượng`.
    pub name: String,
    /// Its name in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// Its kind, such as `quan`, `huyen`, `phuong`, `xa`, `thi_tran`.
    pub kind: String,
    /// Its level, such as `country`, `city`, `district`, `commune`, `village`.
    pub level: String,
    /// The unit above it.
    pub parent: Option<UnitId>,
    /// The first day of this version.
    pub valid_from: NaiveDate,
    /// The last day of this version; none while it goes on.
    pub valid_to: Option<NaiveDate>,
    /// The decision or list that it rests on.
    pub legal_basis: Option<String>,
}

/// All units, indexed.
#[derive(Clone, Debug, Default)]
pub struct Units {
    versions: Vec<UnitVersion>,
}
