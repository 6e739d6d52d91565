//! The questions: what can be asked, and the reading of what was asked.

mod parameters;
mod values;

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use dinh_lake::observation::Stage;
use dinh_lake::period::Every;

pub use parameters::Parameter;
pub(crate) use values::nearest;
use values::{count, later, one_of, order, required, stage, structure, unknown};

use crate::as_of::AsOf;
use crate::error::{Fault, QueryError};

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The units of a level in order of an indicator.
    Rankings,
    /// Sums, or what stands for them, with their coverage.
    Totals,
    /// One unit's figures over periods.
    Series,
    /// Every revision of one cell.
    History,
    /// Who reported and who is silent.
    Coverage,
    /// The units of a level in order of a composite index.
    Composites,
    /// Units by name, level or subtree.
    Units,
    /// The stages of each unit's figure side by side, with the distance to the target.
    Stages,
    /// The indicators of the catalogue.
    Indicators,
    /// The feeds of the catalogue.
    Feeds,
}

impl Question {
    /// Every question, in the order of the manual.
    pub const ALL: [Self; 10] = [
        Self::Rankings,
        Self::Totals,
        Self::Series,
        Self::History,
        Self::Coverage,
        Self::Stages,
        Self::Composites,
        Self::Units,
        Self::Indicators,
        Self::Feeds,
    ];

    /// Its name, as in `/v1/<name>` and in `dinh.v1.Admin/Ask`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rankings => "rankings",
            Self::Totals => "totals",
            Self::Series => "series",
            Self::History => "history",
            Self::Coverage => "coverage",
            Self::Stages => "stages",
            Self::Composites => "composites",
            Self::Units => "units",
            Self::Indicators => "indicators",
            Self::Feeds => "feeds",
        }
    }

    /// Its HTTP route, in the form of both axum and OpenAPI.
    #[must_use]
    pub fn path(self) -> String {
        let tail = self.subject().map(|name| format!("/{{{name}}}")).unwrap_or_default();
        format!("/v1/{}{tail}", self.name())
    }

    /// The parameter that stands in its path: what it is about.
    #[must_use]
    pub fn subject(self) -> Option<&'static str> {
        ["indicator", "composite"].into_iter().find(|name| self.takes(name))
    }

    /// The question of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|question| question.name() == name)
    }

    /// What it gives, in one English sentence.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::Rankings => "The units of a level, ranked by an indicator",
            Self::Totals => "Totals of an indicator with their coverage",
            Self::Series => "One unit's figures over periods",
            Self::History => "Every revision of one cell, withdrawals included",
            Self::Coverage => "Who reported in a period, on time or late, and who is silent",
            Self::Stages => {
                "Self-assessed, appraised, surveyed, final and target figures side by side"
            }
            Self::Composites => "The units of a level, ranked by the score of a composite index",
            Self::Units => "Units by name, level, subtree and date",
            Self::Indicators => "The indicators of the catalogue",
            Self::Feeds => "The feeds of the catalogue",
        }
    }
}

/// The order of a ranking's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The first rank first.
    #[default]
    Ascending,
    /// The last rank first.
    Descending,
}

/// What units are ranked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ranked {
    /// The figure.
    #[default]
    Value,
    /// The figure less the previous one.
    Change,
    /// How far the figure is beyond the target.
    Distance,
}

impl Ranked {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Value, Self::Change, Self::Distance];

    /// Its name in `by`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Change => "change",
            Self::Distance => "distance",
        }
    }
}

/// How units of one value share ranks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// 1, 2, 2, 4.
    #[default]
    Standard,
    /// 1, 2, 2, 3.
    Dense,
    /// 1, 2.5, 2.5, 4.
    Fractional,
}

impl Ties {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Dense, Self::Fractional];

    /// Its name in `ties`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Dense => "dense",
            Self::Fractional => "fractional",
        }
    }
}

/// The structure that figures are shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The units of a day.
    Day(NaiveDate),
    /// Clusters of units that are the same on every day.
    Clusters,
}

impl On {
    /// The day, if it is one.
    #[must_use]
    pub fn day(self) -> Option<NaiveDate> {
        match self {
            Self::Day(day) => Some(day),
            Self::Clusters => None,
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Clusters => f.pad("clusters"),
        }
    }
}

/// What was asked: parameters that are known to the question, none of them empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The code of the indicator.
    pub indicator: Option<String>,
    /// The code of the composite index.
    pub composite: Option<String>,
    /// A version of its definition.
    pub version: Option<String>,
    /// `level`, or `by` of totals.
    pub level: Option<String>,
    /// A period label.
    pub period: Option<String>,
    /// A stage.
    pub stage: Option<Stage>,
    /// A feed's name.
    pub feed: Option<String>,
    /// A unit's id, code or path.
    pub within: Option<String>,
    /// A kind of unit.
    pub kind: Option<String>,
    /// The structure that figures are shown on, or units are valid on.
    pub on: Option<On>,
    /// When it was known.
    pub as_of: Option<AsOf>,
    /// A unit's id, code or path.
    pub unit: Option<String>,
    /// A name, or a part of one.
    pub q: Option<String>,
    /// Rows at most.
    pub limit: Option<usize>,
    /// Rows to skip.
    pub offset: usize,
    /// The order of rows.
    pub order: Order,
    /// What units are ranked by.
    pub by: Ranked,
    /// How units of one value share ranks.
    pub ties: Ties,
    /// The earlier moment that ranks are held against.
    pub against: Option<AsOf>,
    /// The parts that time is cut in.
    pub every: Option<Every>,
}

impl Asked {
    /// Reads the parameters of a question; an empty value counts as absent.
    ///
    /// # Errors
    /// All faults at once: unknown parameters with the nearest known one, values that cannot be read, required ones that
    /// are absent; or that a parameter waits for a later release.
    pub fn read(question: Question, given: &BTreeMap<String, String>) -> Result<Self, QueryError> {
        let mut asked = Self::default();
        let mut faults = Vec::new();
        for (name, value) in given {
            let value = value.trim();
            let known = question.parameters().iter().any(|known| known.name == name);
            let read = match value {
                _ if !known => Err(unknown(question, name)),
                "" => Ok(()),
                value => asked.set(question, name, value),
            };
            faults.extend(read.err());
        }
        for parameter in question.parameters() {
            let present = given.get(parameter.name).is_some_and(|value| !value.trim().is_empty());
            if question.requires(parameter.name) && !present {
                faults.push(required(parameter));
            }
        }
        if !faults.is_empty() {
            return Err(QueryError::from_faults(faults));
        }
        match (question, asked.on) {
            (Question::Units, Some(On::Clusters)) => {
                Err(QueryError::from_faults(vec![values::no_day("on", "clusters")]))
            }
            (Question::Composites, Some(_)) => Err(later("on")),
            _ => Ok(asked),
        }
    }

    fn set(&mut self, question: Question, name: &str, value: &str) -> Result<(), Fault> {
        let text = || Some(value.to_owned());
        match name {
            "indicator" => self.indicator = text(),
            "by" if question == Question::Rankings => {
                self.by = one_of(name, value, &Ranked::ALL, Ranked::code)?;
            }
            "composite" => self.composite = text(),
            "version" => self.version = text(),
            "level" | "by" => self.level = text(),
            "period" => self.period = text(),
            "feed" => self.feed = text(),
            "within" => self.within = text(),
            "kind" => self.kind = text(),
            "unit" => self.unit = text(),
            "q" => self.q = text(),
            "stage" => self.stage = Some(stage(value)?),
            "on" => self.on = Some(structure(value)?),
            "limit" => self.limit = Some(count(name, value)?),
            "offset" => self.offset = count(name, value)?,
            "order" => self.order = order(value)?,
            "ties" => self.ties = one_of(name, value, &Ties::ALL, Ties::code)?,
            "every" => self.every = Some(one_of(name, value, Every::ALL, Every::code)?),
            "against" => self.against = Some(AsOf::read(value)?),
            "as_of" => self.as_of = Some(AsOf::read(value)?),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn read(question: Question, given: &[(&str, &str)]) -> Result<Asked, QueryError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Asked::read(question, &given.iter().map(own).collect())
    }

    #[test]
    fn parameters_are_read_into_types() {
        let given = [
            ("indicator", "par_index_pct"),
            ("stage", "final"),
            ("limit", "10"),
            ("order", "desc"),
            ("kind", ""),
        ];
        let asked = read(Question::Rankings, &given).unwrap();
        assert_eq!(asked.stage, Some(Stage::Final));
        assert_eq!((asked.limit, asked.offset, asked.kind), (Some(10), 0, None));
        assert_eq!(asked.order, Order::Descending);
    }

    #[test]
    fn all_faults_come_at_once_with_the_nearest_name() {
        let error =
            read(Question::Rankings, &[("levle", "district"), ("limit", "-1")]).unwrap_err();
        let codes: Vec<_> = error.faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["parameter.unknown", "parameter.invalid", "parameter.required"]);
        assert_eq!(error.faults[0].suggestions, ["level"]);
        assert_eq!(error.kind, ErrorKind::Invalid);
    }

    #[test]
    fn a_parameter_of_another_question_is_unknown() {
        let error = read(Question::Totals, &[("indicator", "x"), ("level", "city")]).unwrap_err();
        assert_eq!(error.code, "parameter.unknown");
        assert!(read(Question::Indicators, &[("q", "x")]).is_err());
    }

    #[test]
    fn a_structure_is_a_day_that_there_is_or_clusters() {
        let on = |text| read(Question::Totals, &[("indicator", "x"), ("on", text)]);
        assert_eq!(on("clusters").unwrap().on, Some(On::Clusters));
        assert_eq!(on("2025-07-01").unwrap().on.unwrap().to_string(), "2025-07-01");
        for wrong in ["2025-02-29", "2025", "2025-07-01/2024-01-01", "now"] {
            let error = on(wrong).unwrap_err();
            assert_eq!((error.kind, error.code), (ErrorKind::Invalid, "parameter.invalid"));
            assert!(error.message.en.contains("`clusters`"), "{error}");
        }
        assert!(read(Question::Units, &[("on", "2024-12-31")]).unwrap().on.is_some());
        assert!(read(Question::Units, &[("on", "clusters")]).is_err());
    }
}
