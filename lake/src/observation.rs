//! What an observation says beside its figure: stage, qualifier, status; and the Arrow shape of accepted rows.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::decimal::{PRECISION, SCALE};

/// Declares an enum whose variants have one lower-case code each, as kept in the lake and sent on the wire.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $code)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code kept in the lake and sent on the wire.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The value of a code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.code())
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// How far a figure has come: scores are self-assessed, then appraised, surveyed and final; each is kept.
    /// A target is the same indicator at stage `target`.
    Stage {
        /// Said by the unit itself (tự chấm, tự báo cáo).
        SelfReported = "self",
        /// Checked by the level above (thẩm định).
        Appraised = "appraised",
        /// From a survey of citizens (điều tra xã hội học).
        Survey = "survey",
        /// Announced (công bố).
        Final = "final",
        /// Aimed at (mục tiêu).
        Target = "target",
    }
}

codes! {
    /// How the source hedges its figure.
    Qualifier {
        /// As it stands.
        Exact = "exact",
        /// About (khoảng).
        Approximate = "approx",
        /// More than (trên).
        Greater = "gt",
        /// At least (ít nhất, tối thiểu).
        GreaterOrEqual = "ge",
        /// Less than, just below (dưới, gần).
        Less = "lt",
        /// At most (tối đa).
        LessOrEqual = "le",
    }
}

codes! {
    /// The standing of a revision; the SDMX code list CL_OBS_STATUS has letters for the same.
    Status {
        /// A, normal.
        Normal = "normal",
        /// P, provisional.
        Provisional = "provisional",
        /// E, estimated.
        Estimated = "estimated",
        /// M: the cell is taken back; it drops out of `current`.
        Withdrawn = "withdrawn",
    }
}

/// The Arrow type of every figure.
#[must_use]
pub fn decimal_type() -> DataType {
    DataType::Decimal128(PRECISION, SCALE)
}

static ACCEPTED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        Field::new("row", DataType::Int64, false),
        text("indicator", false),
        text("unit", false),
        text("period", false),
        Field::new("period_start", DataType::Date32, false),
        Field::new("period_end", DataType::Date32, false),
        text("stage", false),
        Field::new("value", decimal_type(), true),
        Field::new("numerator", decimal_type(), true),
        Field::new("denominator", decimal_type(), true),
        text("qualifier", false),
        text("status", false),
        Field::new("coverage_reported", DataType::Int64, true),
        Field::new("coverage_expected", DataType::Int64, true),
        text("note", true),
    ]))
});

/// The schema of accepted rows on their way into the ledger: an observation without what the ledger adds
/// (`kind`, `feed`, `submission`, `recorded_at`, `position`). `row` counts from 1 within the submission; `unit` is a
/// unit id such as `00004.1`; `value` is null only where `status` is `withdrawn`.
#[must_use]
pub fn accepted_schema() -> SchemaRef {
    Arc::clone(&ACCEPTED)
}
