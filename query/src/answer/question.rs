//! The questions and the parameters that each takes: one table, from which requests are read, unknown parameters are
//! refused, and the OpenAPI document is made.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use dinh_lake::observation::Stage;

use crate::error::{ErrorKind, Fault, QueryError, Text};

/// A parameter of a question.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it means, in English.
    pub description: &'static str,
    /// A value that it may have.
    pub example: &'static str,
}

macro_rules! parameters {
    ($($constant:ident = $name:literal, $example:literal, $description:literal;)+) => {
        $(const $constant: Parameter =
            Parameter { name: $name, description: $description, example: $example };)+
    };
}

parameters! {
    INDICATOR = "indicator", "par_index_pct", "the code of the indicator";
    LEVEL = "level", "district", "the level of the units; absent: the level that has the most figures";
    BY = "by", "district", "the level to show rows for; absent: the one right below `within`";
    PERIOD = "period", "2023", "a period label; absent: the latest `period_end` with a figure in scope";
    STAGE = "stage", "final", "self, appraised, survey, final or target; absent: the indicator's default (in a series and a history: all)";
    FEED = "feed", "par-index", "one feed; absent: the official feeds by precedence. Synthetic feeds answer only when named";
    WITHIN = "within", "Hà Nội", "only this unit and what is below it: an id, a code or a path";
    KIND = "kind", "quan", "only units of this kind";
    ON = "on", "2024-12-31", "the structure date; absent: as reported";
    AS_OF = "as_of", "2024-06-30T00:00:00Z", "when it was known: a time or a position; absent: now";
    LIMIT = "limit", "10", "how many rows at most";
    OFFSET = "offset", "0", "how many rows to skip";
    ORDER = "order", "asc", "asc: the first rank first; desc: the last";
    UNIT = "unit", "Hà Nội/Đan Phượng", "the unit: an id, a code or a path";
    Q = "q", "song phuong", "a name or a part of one, with or without accents";
}

/// The question's units at a date, for `/v1/units`, where absence means all units that ever were.
const UNITS_ON: Parameter = Parameter {
    name: "on",
    description: "only units valid on this day; absent: all units that ever were",
    example: "2024-12-31",
};

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
    /// Units by name, level or subtree.
    Units,
    /// The indicators of the catalogue.
    Indicators,
    /// The feeds of the catalogue.
    Feeds,
}

impl Question {
    /// Every question, in the order of the manual.
    pub const ALL: [Self; 8] = [
        Self::Rankings,
        Self::Totals,
        Self::Series,
        Self::History,
        Self::Coverage,
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
            Self::Units => "units",
            Self::Indicators => "indicators",
            Self::Feeds => "feeds",
        }
    }

    /// Its HTTP route, in the form of both axum and OpenAPI.
    #[must_use]
    pub fn path(self) -> String {
        let of_indicator = self.parameters().iter().any(|p| p.name == INDICATOR.name);
        let tail = if of_indicator { "/{indicator}" } else { "" };
        format!("/v1/{}{tail}", self.name())
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
            Self::Coverage => "Who reported in a period and who is silent",
            Self::Units => "Units by name, level, subtree and date",
            Self::Indicators => "The indicators of the catalogue",
            Self::Feeds => "The feeds of the catalogue",
        }
    }

    /// The parameters that it takes.
    #[must_use]
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Rankings => {
                &const {
                    [
                        INDICATOR, LEVEL, PERIOD, STAGE, FEED, WITHIN, KIND, ON, AS_OF, LIMIT,
                        OFFSET, ORDER,
                    ]
                }
            }
            Self::Totals => &const { [INDICATOR, BY, PERIOD, STAGE, FEED, WITHIN, ON, AS_OF] },
            Self::Series => &const { [INDICATOR, UNIT, STAGE, FEED, ON, AS_OF] },
            Self::History => &const { [INDICATOR, UNIT, PERIOD, STAGE, FEED] },
            Self::Coverage => &const { [PERIOD, FEED, LEVEL, WITHIN] },
            Self::Units => &const { [Q, LEVEL, WITHIN, UNITS_ON, LIMIT, OFFSET] },
            Self::Indicators | Self::Feeds => &[],
        }
    }

    /// Whether a parameter must be given.
    #[must_use]
    pub fn requires(self, parameter: &str) -> bool {
        let taken = self.parameters().iter().any(|known| known.name == parameter);
        taken && (parameter == INDICATOR.name || parameter == UNIT.name)
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

/// What was asked: parameters that are known to the question, none of them empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The code of the indicator.
    pub indicator: Option<String>,
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
    /// A structure date.
    pub on: Option<NaiveDate>,
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
                value => asked.set(name, value),
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
        let present = |name: &str| given.get(name).is_some_and(|value| !value.trim().is_empty());
        match question {
            Question::Rankings | Question::Totals | Question::Series if present("on") => {
                Err(later("on"))
            }
            _ if present("as_of") => Err(later("as_of")),
            _ => Ok(asked),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let text = || Some(value.to_owned());
        match name {
            "indicator" => self.indicator = text(),
            "level" | "by" => self.level = text(),
            "period" => self.period = text(),
            "feed" => self.feed = text(),
            "within" => self.within = text(),
            "kind" => self.kind = text(),
            "unit" => self.unit = text(),
            "q" => self.q = text(),
            "stage" => self.stage = Some(stage(value)?),
            "on" => self.on = Some(date(name, value)?),
            "limit" => self.limit = Some(count(name, value)?),
            "offset" => self.offset = count(name, value)?,
            "order" => self.order = order(value)?,
            // `as_of` is read when it is answered; until then its presence is enough.
            _ => {}
        }
        Ok(())
    }
}

fn unknown(question: Question, name: &str) -> Fault {
    let known = question.parameters().iter().map(|parameter| parameter.name);
    let nearest = nearest(name, known);
    let (vi, en) = match &nearest {
        Some(near) => (format!("; có phải `{near}` không?"), format!("; did you mean `{near}`?")),
        None => (String::new(), String::new()),
    };
    let question = question.name();
    let message = Text::new(
        format!("`{question}` không có tham số `{name}`{vi}"),
        format!("`{question}` takes no parameter `{name}`{en}"),
    );
    Fault::of(name, "parameter.unknown", message).suggest(nearest)
}

/// The nearest of some names, if one is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::damerau_levenshtein(name, known), known));
    let near = |(distance, known): &(usize, &str)| *distance <= known.len().div_ceil(2);
    scored.filter(near).min().map(|(_, known)| known)
}

fn required(parameter: &Parameter) -> Fault {
    let Parameter { name, example, .. } = parameter;
    let message = Text::new(
        format!("thiếu tham số `{name}`, ví dụ `{name}={example}`"),
        format!("the parameter `{name}` is missing, for example `{name}={example}`"),
    );
    Fault::of(name, "parameter.required", message)
}

fn later(parameter: &'static str) -> QueryError {
    let message = Text::new(
        format!(
            "tham số `{parameter}` chưa được hỗ trợ ở bản này; hãy bỏ nó đi để xem số liệu như đã báo cáo"
        ),
        format!(
            "the parameter `{parameter}` is not supported by this release yet; leave it out to read the figures as \
             reported"
        ),
    );
    let fault = Fault::of(parameter, "parameter.not_implemented", message);
    QueryError::from_fault(ErrorKind::NotImplemented, fault)
}

fn invalid(parameter: &str, value: &str, expected: (&str, &str)) -> Fault {
    let message = Text::new(
        format!("`{value}` không dùng được cho `{parameter}`; hãy ghi {}", expected.0),
        format!("`{value}` is no value for `{parameter}`; write {}", expected.1),
    );
    Fault::of(parameter, "parameter.invalid", message)
}

fn stage(value: &str) -> Result<Stage, Fault> {
    let codes = Stage::ALL.iter().map(|stage| stage.code());
    let expected = codes.clone().collect::<Vec<_>>().join(", ");
    Stage::from_code(value)
        .ok_or_else(|| invalid("stage", value, (&expected, &expected)).suggest(codes))
}

fn date(name: &str, value: &str) -> Result<NaiveDate, Fault> {
    let expected = ("một ngày như `2024-12-31`", "a day such as `2024-12-31`");
    value.parse().map_err(|_| invalid(name, value, expected))
}

fn count(name: &str, value: &str) -> Result<usize, Fault> {
    let expected = ("một số nguyên không âm", "a whole number, 0 or more");
    value.parse().map_err(|_| invalid(name, value, expected))
}

fn order(value: &str) -> Result<Order, Fault> {
    match value {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(invalid("order", value, ("`asc` hoặc `desc`", "`asc` or `desc`"))
            .suggest(["asc", "desc"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_waits_for_a_later_release_says_so() {
        for name in ["on", "as_of"] {
            let given = [("indicator", "x"), (name, "2024-12-31")];
            let error = read(Question::Rankings, &given).unwrap_err();
            assert_eq!(error.kind, ErrorKind::NotImplemented, "{name}");
        }
        assert!(read(Question::Units, &[("on", "2024-12-31")]).unwrap().on.is_some());
    }
}
