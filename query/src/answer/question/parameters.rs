//! The parameters that each question takes: one table, from which requests are read, unknown parameters are refused, and
//! the OpenAPI document and the arguments of SQL's table functions are made.

use super::Question;

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
    COMPOSITE = "composite", "example_dti_commune", "the code of the composite index";
    VERSION = "version", "2025", "a version of the definition; absent: the one for the period's last day";
    LEVEL = "level", "district", "the level of the units; absent: the level that has the most figures";
    BY = "by", "district", "the level to show rows for; absent: the one right below `within`";
    PERIOD = "period", "2023", "a period label; absent: the latest `period_end` with a figure in scope";
    STAGE = "stage", "final", "self, appraised, survey, final or target; absent: the indicator's default (in a series and a history: all)";
    FEED = "feed", "par-index", "one feed; absent: the official feeds by precedence. Synthetic feeds answer only when named";
    WITHIN = "within", "Hà Nội", "only figures of this unit and what is below it: an id, a code or a path, with a day after `@` where it takes one";
    KIND = "kind", "quan", "only units of this kind";
    ON = "on", "2025-07-01", "the structure that figures are shown on: a day, or clusters (units that are comparable over all reforms); absent: as reported";
    AS_OF = "as_of", "2024-06-30T17:00:00+07:00", "when it was known: a time in RFC 3339, a day (its end in Vietnam) or a position of the ledger; absent: now";
    LIMIT = "limit", "10", "how many rows at most";
    OFFSET = "offset", "0", "how many rows to skip";
    ORDER = "order", "asc", "asc: the first rank first; desc: the last";
    RANKED_BY = "by", "change", "value, change (against the previous period, or against `against`) or distance (to the target); absent: value";
    TIES = "ties", "dense", "standard (1, 2, 2, 4), dense (1, 2, 2, 3) or fractional (1, 2.5, 2.5, 4); absent: standard";
    AGAINST = "against", "2024-06-30T00:00:00Z", "an earlier moment, as `as_of`: movement and change are against what was known of the period then";
    EVERY = "every", "quarter", "month, quarter, half or year: figures are made of those of shorter periods; absent: periods as they were reported";
    UNIT = "unit", "Hà Nội/Huyện Đan Phượng", "the unit: an id, a code or a path, with a day after `@` where it takes one";
    Q = "q", "song phuong", "a name or a part of one, with or without accents";
}

/// The question's units at a date, for `/v1/units`, where absence means all units that ever were.
const UNITS_ON: Parameter = Parameter {
    name: "on",
    description: "only units valid on this day; absent: all units that ever were",
    example: "2024-12-31",
};

impl Question {
    /// The parameters that it takes.
    #[must_use]
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Rankings => {
                &const {
                    [
                        INDICATOR, LEVEL, PERIOD, STAGE, FEED, WITHIN, KIND, ON, AS_OF, LIMIT,
                        OFFSET, ORDER, RANKED_BY, TIES, AGAINST,
                    ]
                }
            }
            Self::Totals => &const { [INDICATOR, BY, PERIOD, STAGE, FEED, WITHIN, ON, AS_OF] },
            Self::Series => &const { [INDICATOR, UNIT, STAGE, FEED, ON, AS_OF, EVERY] },
            Self::History => &const { [INDICATOR, UNIT, PERIOD, STAGE, FEED, AS_OF] },
            Self::Coverage => &const { [PERIOD, FEED, LEVEL, WITHIN, AS_OF] },
            Self::Stages => {
                &const { [INDICATOR, LEVEL, PERIOD, STAGE, FEED, WITHIN, KIND, ON, AS_OF] }
            }
            Self::Composites => {
                &const {
                    [
                        COMPOSITE, VERSION, PERIOD, LEVEL, STAGE, FEED, WITHIN, KIND, ON, AS_OF,
                        LIMIT, OFFSET, ORDER,
                    ]
                }
            }
            Self::Units => &const { [Q, LEVEL, WITHIN, UNITS_ON, AS_OF, LIMIT, OFFSET] },
            Self::Indicators | Self::Feeds => &const { [AS_OF] },
        }
    }

    /// Whether it takes a parameter.
    #[must_use]
    pub fn takes(self, parameter: &str) -> bool {
        self.parameters().iter().any(|known| known.name == parameter)
    }

    /// Whether a parameter must be given.
    #[must_use]
    pub fn requires(self, parameter: &str) -> bool {
        let always = [INDICATOR.name, COMPOSITE.name, UNIT.name];
        self.takes(parameter) && always.contains(&parameter)
    }
}
