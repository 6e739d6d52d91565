use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::Calendar;
use dinh_lake::indicator::{TimeAggregation, UnitAggregation};
use dinh_lake::observation::Qualifier;

use super::super::fixture::{catalogue, cell, decimal, figures, indicator, units};
use super::super::ranking::ranking;
use super::super::totals::totals;
use super::super::tree::Source;
use super::*;

fn two(aggregation: TimeAggregation) -> Catalogue {
    let rows = [("01", "city", ""), ("A", "district", "01"), ("B", "district", "01")];
    let mut catalogue = catalogue(units(&rows), indicator("dossiers", UnitAggregation::Sum));
    let indicators = catalogue.indicators.values_mut();
    indicators.for_each(|indicator| indicator.aggregation_time = aggregation);
    catalogue
}

/// The months of 2024 of a unit, each with its number as its figure.
fn months(code: &str, months: impl IntoIterator<Item = u32>) -> Vec<Cell> {
    let month = |n: u32| cell(code, &format!("2024-{n:02}"), &n.to_string());
    months.into_iter().map(month).collect()
}

fn asked(period: &str) -> Asked {
    Asked { period: Some(period.to_owned()), ..Asked::default() }
}

fn span(label: &str, calendar: Calendar) -> Span {
    let period = Period::parse(label, calendar).unwrap();
    Span { start: period.start, end: period.end }
}

/// The figure of A that cells make of a period, in words.
fn made(aggregation: TimeAggregation, cells: &[Cell], period: &str) -> String {
    let catalogue = two(aggregation);
    let indicator = catalogue.indicators.values().next().unwrap();
    let made = composed(indicator, cells, span(period, Calendar::Gregorian));
    let [cell] = made.as_slice() else { return format!("{} figures", made.len()) };
    let over_time = cell.over_time.as_ref().unwrap();
    let (of, all) = (over_time.months_reported, over_time.months_expected);
    let missing = over_time.missing.join(" ");
    let whole = if over_time.whole { "whole" } else { "partial" };
    format!("{} {whole} {of}/{all} {missing}", cell.value.unwrap()).trim_end().to_owned()
}

#[test]
fn twelve_months_make_a_year_by_the_indicators_rule() {
    let year = months("A", 1..=12);
    assert_eq!(made(TimeAggregation::Sum, &year, "2024"), "78 whole 12/12");
    assert_eq!(made(TimeAggregation::Last, &year, "2024"), "12 whole 12/12");
    assert_eq!(made(TimeAggregation::Average, &year, "2024"), "6.5 whole 12/12");
    assert_eq!(made(TimeAggregation::None, &year, "2024"), "0 figures");
    assert_eq!(made(TimeAggregation::Sum, &year, "2024-Q2"), "15 whole 3/3");
    assert_eq!(made(TimeAggregation::Sum, &year, "2024-03"), "0 figures");
    assert_eq!(made(TimeAggregation::Sum, &year, "2024-01-10/2024-07-30"), "0 figures");
}

#[test]
fn what_is_missing_is_named_and_nothing_is_whole_without_it() {
    let some = months("A", [1, 2, 5, 6, 7, 8, 9, 10]);
    let missing = "8/12 2024-03-01/2024-04-30 2024-11-01/2024-12-31";
    assert_eq!(made(TimeAggregation::Sum, &some, "2024"), format!("48 partial {missing}"));
    assert_eq!(made(TimeAggregation::Average, &some, "2024"), format!("6 partial {missing}"));
    assert_eq!(made(TimeAggregation::Last, &some, "2024"), format!("10 partial {missing}"));
    let december = months("A", [12]);
    let whole = "12 whole 1/12 2024-01-01/2024-11-30";
    assert_eq!(made(TimeAggregation::Last, &december, "2024"), whole);
}

#[test]
fn a_quarter_and_its_months_are_counted_once() {
    let mut cells = months("A", 1..=12);
    cells.push(cell("A", "2024-Q1", "7"));
    cells.push(cell("A", "2024-S1", "22"));
    assert_eq!(made(TimeAggregation::Sum, &cells, "2024"), "79 whole 12/12");
    cells.push(cell("A", "2024", "80"));
    assert_eq!(made(TimeAggregation::Sum, &cells, "2024"), "0 figures", "the year was reported");
    let mean = [cell("A", "2024-S1", "10"), cell("A", "2024-Q3", "4"), cell("A", "2024-Q4", "8")];
    assert_eq!(made(TimeAggregation::Average, &mean, "2024"), "8 whole 12/12");
}

#[test]
fn a_ratio_is_the_ratio_of_the_sums_of_its_parts() {
    let halves = [
        cell("A", "2024-S1", "50").with_parts("1", "2"),
        cell("A", "2024-S2", "90").with_parts("9", "10"),
    ];
    let made_of = |cells: &[Cell]| made(TimeAggregation::RatioOfSums, cells, "2024");
    assert_eq!(made_of(&halves), "83.333333 whole 12/12");
    let bare = [halves[0].clone(), cell("A", "2024-S2", "90")];
    assert_eq!(made_of(&bare), "50 partial 6/12 2024-S2");
}

#[test]
fn a_stock_is_the_figure_of_the_last_day_whatever_its_period() {
    let days = [cell("A", "2024-06-30", "5"), cell("A", "2024-12-31", "9")];
    assert_eq!(
        made(TimeAggregation::Last, &days, "2024").split(' ').take(2).collect::<Vec<_>>(),
        ["9", "whole"]
    );
    assert_eq!(
        made(TimeAggregation::Last, &days[..1], "2024").split(' ').take(2).collect::<Vec<_>>(),
        ["5", "partial"]
    );
    assert_eq!(made(TimeAggregation::Sum, &days, "2024"), "0 figures");
}

#[test]
fn a_total_says_how_it_was_made_and_what_it_lacks() {
    let catalogue = two(TimeAggregation::Sum);
    let mut cells = months("A", 1..=12);
    cells.extend(months("B", 1..=11));
    let made = totals(&figures(&catalogue, None, cells.clone()), &asked("2024")).unwrap();
    assert_eq!((made.total.value, made.period.as_str()), (Some(decimal("144")), "2024"));
    let composed = Composed { aggregation: "sum", figures: 2, partial: 1 };
    assert_eq!(made.over_time, Some(composed));
    let sources: Vec<_> = made.rows.iter().map(|row| row.source).collect();
    assert_eq!(sources, [Source::Computed, Source::Partial]);
    assert_eq!(made.rows[1].over_time.as_ref().unwrap().missing, ["2024-12"]);
    let silent = made.coverage.silent.as_ref().unwrap();
    assert_eq!((made.coverage.reported, silent[0].code.as_str()), (1, "B"));
    // Nothing is made unless the period is named.
    let latest = totals(&figures(&catalogue, None, cells), &Asked::default()).unwrap();
    assert_eq!((latest.period.as_str(), latest.over_time), ("2024-12", None));
}

#[test]
fn a_ranking_of_made_figures_has_whole_ones_only_and_never_beside_reported_ones() {
    let catalogue = two(TimeAggregation::Sum);
    let mut cells = months("A", 1..=12);
    cells.extend(months("B", 1..=11));
    cells.extend((1..=12).map(|n| cell("A", &format!("2023-{n:02}"), "1")));
    let ranks = ranking(&figures(&catalogue, None, cells.clone()), &asked("2024")).unwrap();
    let [a] = ranks.rows.as_slice() else { panic!("{:?}", ranks.rows) };
    assert_eq!(
        (a.value, a.previous_value, a.change),
        (decimal("78"), Some(decimal("12")), Some(decimal("66")))
    );
    assert_eq!(ranks.compared_with.as_ref().map(|with| with.period.as_str()), Some("2023"));
    let missing: Vec<_> =
        ranks.missing.iter().map(|unit| (unit.code.as_str(), unit.reason)).collect();
    assert_eq!(missing, [("B", super::super::ranking::Lack::Partial)]);
    cells.push(cell("B", "2024", "1"));
    let ranks = ranking(&figures(&catalogue, None, cells), &asked("2024")).unwrap();
    assert_eq!((ranks.rows.len(), ranks.rows[0].code.as_str(), ranks.over_time), (1, "B", None));
}

#[test]
fn a_series_is_cut_in_parts_of_one_length() {
    let catalogue = two(TimeAggregation::Sum);
    let mut cells = months("A", 1..=5);
    cells.push(cell("A", "2023", "100"));
    cells.push(cell("A", "2024-Q2", "16").hedged(Qualifier::Approximate));
    let figures = figures(&catalogue, None, cells);
    let unit = catalogue.units.versions().iter().find(|version| version.code == "A").unwrap();
    let asked = Asked { every: Some(Every::Quarter), ..Asked::default() };
    let series = super::super::series::series(&figures, unit, &asked);
    let rows: Vec<_> = series
        .rows
        .iter()
        .map(|row| (row.period.as_str(), row.value.unwrap(), row.over_time.is_some()))
        .collect();
    assert_eq!(rows, [("2024-Q1", decimal("6"), true), ("2024-Q2", decimal("16"), false)]);
    assert_eq!(series.every, Some("quarter"));
}
