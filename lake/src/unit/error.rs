//! Why a text names no one unit, with what it may have meant, in Vietnamese and English.

use chrono::NaiveDate;
use serde::Serialize;

use super::{UnitId, UnitVersion, Units};

/// A unit that a text may have meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The unit.
    pub unit: UnitId,
    /// Its official code.
    pub code: String,
    /// Its name with its kind word.
    pub name: String,
    /// Its name after those of the units above it.
    pub path: String,
    /// The first day of the version that was meant.
    pub valid_from: NaiveDate,
    /// The last day of the version that was meant; none while it goes on.
    pub valid_to: Option<NaiveDate>,
}

impl Candidate {
    pub(super) fn new(units: &Units, version: &UnitVersion) -> Self {
        Self {
            unit: version.unit.clone(),
            code: version.code.clone(),
            name: version.name.clone(),
            path: units.path(version),
            valid_from: version.valid_from,
            valid_to: version.valid_to,
        }
    }

    fn with_span_en(&self) -> String {
        let Self { unit, path, valid_from, .. } = self;
        match self.valid_to {
            Some(valid_to) => format!("`{unit}` {path} ({valid_from} to {valid_to})"),
            None => format!("`{unit}` {path} (since {valid_from})"),
        }
    }

    fn with_span_vi(&self) -> String {
        let Self { unit, path, valid_from, .. } = self;
        match self.valid_to {
            Some(valid_to) => format!("`{unit}` {path} (từ {valid_from} đến {valid_to})"),
            None => format!("`{unit}` {path} (từ {valid_from})"),
        }
    }
}

/// Why a text names no one unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No unit ever had it as its id, code or path.
    #[error("{}", self.message_en())]
    Unknown {
        /// The text as it was given.
        text: String,
        /// Units with a code or name close to it, the closest first.
        nearest: Vec<Candidate>,
    },
    /// What it names was not valid on any of the days in question.
    #[error("{}", self.message_en())]
    NotValid {
        /// The text as it was given.
        text: String,
        /// The first of the days in question.
        from: NaiveDate,
        /// The last of them.
        to: NaiveDate,
        /// What it names on other days.
        known: Vec<Candidate>,
        /// What became of it by the last of the days; see `Catalogue::resolve`.
        successors: Vec<Candidate>,
        /// Units valid on the last day with a code or name close to it, the closest first.
        nearest: Vec<Candidate>,
    },
    /// It names several units; the hub does not guess.
    #[error("{}", self.message_en())]
    Ambiguous {
        /// The text as it was given.
        text: String,
        /// The units that it names, in order of time.
        candidates: Vec<Candidate>,
    },
}

impl UnitError {
    /// The text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Unknown { text, .. }
            | Self::NotValid { text, .. }
            | Self::Ambiguous { text, .. } => text,
        }
    }

    /// What to write instead, best first: codes of the successors or of the nearest units, or the ids of the candidates.
    #[must_use]
    pub fn suggestions(&self) -> Vec<String> {
        match self {
            Self::NotValid { successors: units, .. } if !units.is_empty() => codes(units),
            Self::Unknown { nearest: units, .. } | Self::NotValid { nearest: units, .. } => {
                codes(units)
            }
            Self::Ambiguous { candidates, .. } => {
                candidates.iter().map(|candidate| candidate.unit.0.clone()).collect()
            }
        }
    }

    /// What is wrong and what to do, in English.
    #[must_use]
    pub fn message_en(&self) -> String {
        let nearest = |nearest: &[Candidate]| listed("; nearest: ", nearest, code_and_name);
        match self {
            Self::Unknown { text, nearest: near } => {
                format!("unit `{text}` is unknown{}", nearest(near))
            }
            Self::NotValid { text, from, to, known, successors, nearest: near } => {
                let days =
                    if from == to { format!("on {to}") } else { format!("from {from} to {to}") };
                let known = listed("; it names ", known, Candidate::with_span_en);
                let instead = match successors.is_empty() {
                    true => nearest(near),
                    false => listed("; after it came ", successors, code_and_name),
                };
                format!("unit `{text}` is not valid {days}{known}{instead}")
            }
            Self::Ambiguous { text, candidates } => format!(
                "unit `{text}` names {} units{}; write the id, or the code and a date such as \
                 `00004@2024-12-31`",
                candidates.len(),
                listed(": ", candidates, Candidate::with_span_en)
            ),
        }
    }

    /// What is wrong and what to do, in Vietnamese.
    #[must_use]
    pub fn message_vi(&self) -> String {
        let nearest = |nearest: &[Candidate]| listed("; gần nhất: ", nearest, code_and_name);
        match self {
            Self::Unknown { text, nearest: near } => {
                format!("không có đơn vị `{text}`{}", nearest(near))
            }
            Self::NotValid { text, from, to, known, successors, nearest: near } => {
                let days = if from == to {
                    format!("vào ngày {to}")
                } else {
                    format!("từ ngày {from} đến {to}")
                };
                let known = listed("; đó là ", known, Candidate::with_span_vi);
                let instead = match successors.is_empty() {
                    true => nearest(near),
                    false => listed("; kế thừa là ", successors, code_and_name),
                };
                format!("đơn vị `{text}` không còn hoặc chưa có hiệu lực {days}{known}{instead}")
            }
            Self::Ambiguous { text, candidates } => format!(
                "đơn vị `{text}` chỉ {} đơn vị khác nhau{}; hãy ghi định danh, hoặc mã kèm ngày \
                 như `00004@2024-12-31`",
                candidates.len(),
                listed(": ", candidates, Candidate::with_span_vi)
            ),
        }
    }
}

fn codes(units: &[Candidate]) -> Vec<String> {
    units.iter().map(|candidate| candidate.code.clone()).collect()
}

fn code_and_name(candidate: &Candidate) -> String {
    format!("`{}` {}", candidate.code, candidate.name)
}

fn listed(prefix: &str, units: &[Candidate], text: fn(&Candidate) -> String) -> String {
    if units.is_empty() {
        return String::new();
    }
    format!("{prefix}{}", units.iter().map(text).collect::<Vec<_>>().join(", "))
}
