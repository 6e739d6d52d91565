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
    /// What it names was not valid on the day in question.
    #[error("{}", self.message_en())]
    NotValid {
        /// The text as it was given.
        text: String,
        /// The day in question.
        on: NaiveDate,
        /// What it names on other days.
        known: Vec<Candidate>,
        /// Units valid on that day with a code or name close to it, the closest first.
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

    /// What to write instead, best first: codes of the nearest units, or the ids of the candidates.
    #[must_use]
    pub fn suggestions(&self) -> Vec<String> {
        match self {
            Self::Unknown { nearest, .. } | Self::NotValid { nearest, .. } => {
                nearest.iter().map(|candidate| candidate.code.clone()).collect()
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
            Self::NotValid { text, on, known, nearest: near } => format!(
                "unit `{text}` is not valid on {on}{}{}",
                listed("; it names ", known, Candidate::with_span_en),
                nearest(near)
            ),
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
            Self::NotValid { text, on, known, nearest: near } => format!(
                "đơn vị `{text}` không còn hoặc chưa có hiệu lực vào ngày {on}{}{}",
                listed("; đó là ", known, Candidate::with_span_vi),
                nearest(near)
            ),
            Self::Ambiguous { text, candidates } => format!(
                "đơn vị `{text}` chỉ {} đơn vị khác nhau{}; hãy ghi định danh, hoặc mã kèm ngày \
                 như `00004@2024-12-31`",
                candidates.len(),
                listed(": ", candidates, Candidate::with_span_vi)
            ),
        }
    }
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
