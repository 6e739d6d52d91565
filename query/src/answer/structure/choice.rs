//! From a question to a structure: what figures are split by, whose cells are meant, and what is said where there is no such
//! structure.

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::{Indicator, UnitAggregation};
use dinh_lake::reform::Basis;
use dinh_lake::unit::{UnitVersion, Units};

use super::super::address;
use super::super::cell::Span;
use super::super::question::On;
use crate::error::{ErrorKind, Fault, QueryError, Text};

/// What an indicator's figures are split by, and whether they are split at all.
///
/// Both parts of a ratio go by one weight, its own or else the denominator's, so that the quotient is of the same people.
pub(super) fn basis(catalogue: &Catalogue, indicator: &Indicator) -> (Basis, bool) {
    let own = |indicator: &Indicator| Basis::from_code(&indicator.rebase_weight);
    let part = |code: &Option<String>| catalogue.indicators.get(code.as_ref()?).and_then(own);
    if indicator.aggregation == UnitAggregation::RatioOfSums {
        let parts = || part(&indicator.denominator).or_else(|| part(&indicator.numerator));
        return (own(indicator).or_else(parts).unwrap_or(Basis::Population), true);
    }
    match own(indicator) {
        Some(basis) => (basis, true),
        None => (Basis::Population, false),
    }
}

/// The unit whose cells are meant: named at the period's last day, at the structure's day, or at any.
pub(super) fn source<'a>(
    catalogue: &'a Catalogue,
    text: &str,
    on: On,
    span: Option<Span>,
) -> Result<&'a UnitVersion, QueryError> {
    let found = address::unit(catalogue, "within", text, span);
    let Err(error) = found else { return found };
    if error.kind == ErrorKind::Ambiguous {
        return Err(error);
    }
    let day = on.day().map(|day| Span { start: day, end: day });
    address::unit(catalogue, "within", text, day).or(Err(error))
}

pub(super) fn no_cluster(text: &str) -> QueryError {
    let message = Text::new(
        format!(
            "`{text}` không thuộc cụm so sánh nào: đơn vị này đã kết thúc; hãy hỏi các đơn vị bên dưới"
        ),
        format!(
            "`{text}` is in no cluster: it ended, and left only the units below it; ask for those"
        ),
    );
    QueryError::from_fault(ErrorKind::Invalid, Fault::of("unit", "unit.no_cluster", message))
}

pub(super) fn check_begun(units: &Units, on: NaiveDate) -> Result<(), QueryError> {
    let first = units.versions().iter().map(|version| version.valid_from).min();
    let Some(first) = first.filter(|first| on < *first) else { return Ok(()) };
    let message = Text::new(
        format!(
            "danh mục đơn vị bắt đầu từ {first}; hãy chọn `on` từ ngày đó trở đi, hoặc `on=clusters`"
        ),
        format!(
            "the register of units begins on {first}; give `on` that day or a later one, or `on=clusters`"
        ),
    );
    let fault = Fault::of("on", "on.before_registry", message).suggest([first.to_string()]);
    Err(QueryError::from_fault(ErrorKind::Invalid, fault))
}
