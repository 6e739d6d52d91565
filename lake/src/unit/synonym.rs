//! Other names of units: old ones, short ones, those in other languages. They are for searching; a path takes official names.

use serde::{Deserialize, Serialize};

use super::UnitId;
use crate::observation::codes;

codes! {
    /// The language of a name.
    Language {
        /// Vietnamese.
        Vietnamese = "vi",
        /// English.
        English = "en",
    }
}

/// Another name of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synonym {
    /// The unit.
    pub unit: UnitId,
    /// The name.
    pub name: String,
    /// Its language.
    pub lang: Language,
}

impl Synonym {
    /// Its key in the catalogue: `01.1/Thăng Long`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.unit, self.name)
    }
}
