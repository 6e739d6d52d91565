//! Successions (kế thừa đơn vị hành chính): what became of a unit's land and people when units were merged or split.
//!
//! An event between two units is an edge of the graph that series are re-based by. An event of one unit alone (it came from
//! nothing, got another name or parent, ended without a successor) names that unit twice and is no edge.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::observation::codes;
use crate::unit::UnitId;

codes! {
    /// What happened to a unit.
    Event {
        /// It came from no other unit.
        Create = "create",
        /// It went into a new unit together with others (nhập).
        Merge = "merge",
        /// It was divided among several units (chia).
        Split = "split",
        /// Some of its land or people went to another unit (điều chỉnh địa giới).
        Transfer = "transfer",
        /// It got another name.
        Rename = "rename",
        /// It became a unit of another kind: a town became a ward.
        Retype = "retype",
        /// It got another code.
        Recode = "recode",
        /// It was put under another unit.
        Reparent = "reparent",
        /// It ended, and no unit took it over whole or in part.
        Close = "close",
    }
}

impl Event {
    /// Whether it is between two units; any other is of one unit alone, which stands as both.
    #[must_use]
    pub fn moves(self) -> bool {
        matches!(self, Self::Merge | Self::Split | Self::Transfer)
    }
}

codes! {
    /// How sure it is how much of the old unit went to the new one.
    Confidence {
        /// Said by the decision or the statistics office.
        Declared = "declared",
        /// Worked out from something that was said.
        Derived = "derived",
        /// Not known; without weights, equal shares are taken.
        Low = "low",
    }
}

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

/// One edge from an old unit to a new one, or one event of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// What happened.
    pub event: Event,
    /// The old unit.
    pub from: UnitId,
    /// The new unit; the same one where the event is of one unit alone.
    pub to: UnitId,
    /// The first day of the new order.
    pub effective: NaiveDate,
    /// How much went over.
    pub extent: Extent,
    /// The shares that went over.
    pub weights: Weights,
    /// Where this is known from.
    pub source: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

impl Succession {
    /// Its key in the catalogue: `00007.1/00025.2/2025-07-01`, for one unit alone `273.1/273.1/2025-07-01/close`, as
    /// several things may happen to it on one day.
    #[must_use]
    pub fn key(&self) -> String {
        let Self { event, from, to, effective, .. } = self;
        match event.moves() {
            true => format!("{from}/{to}/{effective}"),
            false => format!("{from}/{to}/{effective}/{event}"),
        }
    }
}
