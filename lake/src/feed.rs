//! Feeds (nguồn số liệu): the streams of submissions, each of one class, which principals are granted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::observation::codes;

codes! {
    /// Whether a feed's figures are real. Figures of the two classes never meet in one answer.
    FeedClass {
        /// Reported by a body that answers for them.
        Official = "official",
        /// Made up, for demonstrations and trials.
        Synthetic = "synthetic",
    }
}

codes! {
    /// What the letters of a period mean on a feed.
    Calendar {
        /// Calendar months and years.
        Gregorian = "gregorian",
        /// Vietnam's reporting regime: the month from the 15th to the 14th, the year from 15 Dec to 14 Dec
        /// (Decree 09/2019/NĐ-CP as provinces apply it).
        Reporting = "reporting",
    }
}

/// One feed of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Its name, such as `dan-phuong`.
    pub feed: String,
    /// Its title in Vietnamese.
    pub name_vi: String,
    /// Its title in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// Official or synthetic.
    pub class: FeedClass,
    /// The calendar of its reporting periods.
    pub calendar: Calendar,
    /// Which feed wins where two report one cell: the smallest number does; ties go by name.
    pub precedence: i64,
    /// The code of the unit whose subtree it reports on.
    pub within: String,
    /// The indicators that it may carry; empty means all.
    pub indicators: BTreeSet<String>,
    /// Working days after a period's last day in which its figures are due; none: they have no deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_working_days: Option<u32>,
}
