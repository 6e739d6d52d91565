//! Successions (kế thừa đơn vị hành chính): what became of a unit's land and people when units were merged or split.
//!
//! They are kept and checked from the start; reading a series across a reform by them comes later.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::observation::codes;
use crate::unit::UnitId;

codes! {
    /// How much of the old unit went to the new one.
    Extent {
        /// All of it.
        Whole = "whole",
        /// Some of its land and some of its people.
        Part = "part",
        /// Some of its land, and none of its people.
        PartAreaOnly = "part_area_only",
        /// Some of its land, and all of its people.
        PartAreaAllPopulation = "part_area_all_population",
    }
}

/// The shares of the old unit that went to the new one, each from 0 to 1; none where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Of its people.
    pub population: Option<Decimal>,
    /// Of its land.
    pub area: Option<Decimal>,
    /// Of its households.
    pub households: Option<Decimal>,
    /// Of its villages and residential groups.
    pub villages: Option<Decimal>,
}

/// One edge from an old unit to a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The old unit.
    pub from: UnitId,
    /// The new unit.
    pub to: UnitId,
    /// The first day of the new order.
    pub effective: NaiveDate,
    /// How much went over.
    pub extent: Extent,
    /// The shares that went over.
    pub weights: Weights,
    /// Where this is known from.
    pub source: Option<String>,
    /// How sure it is: `declared`, `derived`, `low`.
    pub confidence: Option<String>,
}

impl Succession {
    /// Its key in the catalogue: `00007.1/00025.2/2025-07-01`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.from, self.to, self.effective)
    }
}
