//! What an access may read, as filters inside the tables.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{ident, lit};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Tier;
use dinh_lake::unit::{UnitId, Units};

use crate::access::{Access, Reach};

/// The observations that an access may read; none where it may read all of them.
///
/// `named` are the indicators that the filters of the scan name, if they do: where all of them may be read, nothing needs
/// to be looked at row by row.
pub(super) fn observations(
    catalogue: &Catalogue,
    access: &Access,
    named: Option<&BTreeSet<String>>,
) -> Option<Expr> {
    let (tiers, within): (&[Tier], _) = match &access.reach {
        Reach::Everything => return None,
        Reach::Open => (&[Tier::Open], None),
        Reach::Subtree { within, .. } => (&[Tier::Open, Tier::Shared], Some(within)),
    };
    let known = catalogue.indicators.values();
    let readable: BTreeSet<_> = known
        .filter(|indicator| tiers.contains(&indicator.tier))
        .map(|indicator| indicator.indicator.as_str())
        .collect();
    if named.is_some_and(|named| named.iter().all(|name| readable.contains(name.as_str()))) {
        return None;
    }
    let by_indicator = one_of("indicator", readable);
    let by_unit = within.map(|within| in_subtree(&catalogue.units, within));
    Some(match by_unit {
        Some(by_unit) => by_indicator.or(by_unit),
        None => by_indicator,
    })
}

/// The submissions and verdicts that an access may read; none where it may read all of them.
pub(super) fn submissions(catalogue: &Catalogue, access: &Access) -> Option<Expr> {
    match &access.reach {
        Reach::Everything => None,
        Reach::Open => Some(lit(false)),
        Reach::Subtree { within, feeds } => {
            let units = &catalogue.units;
            let covers = |code: &str| {
                let mut holders = units.versions().iter().filter(|v| v.code == code).peekable();
                holders.peek().is_some()
                    && holders.all(|v| units.is_within(&v.unit, within, v.valid_from))
            };
            let covered = catalogue.feeds.values().filter(|feed| covers(&feed.within));
            let covered = covered.map(|feed| feed.feed.as_str());
            Some(one_of("feed", covered.chain(feeds.iter().map(String::as_str))))
        }
    }
}

/// The column has one of some values.
pub(super) fn one_of<'a>(column: &str, values: impl IntoIterator<Item = &'a str>) -> Expr {
    let values: Vec<_> = values.into_iter().map(lit).collect();
    if values.is_empty() { lit(false) } else { ident(column).in_list(values, false) }
}

/// The row's unit was in a subtree on the last day of the row's period. Units that always were are listed; one that came
/// or went is bound to the days.
fn in_subtree(units: &Units, within: &UnitId) -> Expr {
    let mut days: BTreeSet<NaiveDate> = units.versions().iter().map(|v| v.valid_from).collect();
    let ends = units.versions().iter().filter_map(|version| version.valid_to?.succ_opt());
    days.extend(ends);
    let days: Vec<_> = days.into_iter().collect();

    let all: BTreeSet<_> = units.versions().iter().map(|version| &version.unit).collect();
    let (mut always, mut sometimes) = (Vec::new(), Vec::new());
    for unit in all {
        let alive = |day: &&NaiveDate| units.version_at(unit, **day).is_some();
        let inside = |day: &NaiveDate| units.is_within(unit, within, *day);
        let lived: Vec<_> = days.iter().filter(alive).collect();
        if lived.iter().all(|day| inside(day)) {
            always.push(unit.as_str());
            continue;
        }
        for (index, day) in days.iter().enumerate().filter(|(_, day)| inside(day)) {
            sometimes.push(between(unit, *day, days.get(index + 1).copied()));
        }
    }
    sometimes.into_iter().fold(one_of("unit", always), Expr::or)
}

/// The unit, for periods that end from one day to before another.
fn between(unit: &UnitId, from: NaiveDate, before: Option<NaiveDate>) -> Expr {
    let day = |day: NaiveDate| {
        let since = day.signed_duration_since(NaiveDate::default()).num_days();
        lit(ScalarValue::Date32(i32::try_from(since).ok()))
    };
    let own = ident("unit").eq(lit(unit.as_str())).and(ident("period_end").gt_eq(day(from)));
    match before {
        Some(before) => own.and(ident("period_end").lt(day(before))),
        None => own,
    }
}
