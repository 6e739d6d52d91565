use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::UnitAggregation;
use dinh_lake::observation::Qualifier;

use super::super::fixture::{catalogue, cell, decimal, figures, indicator, units};
use super::*;

/// A city of two districts, of two communes and of one.
fn city(aggregation: UnitAggregation) -> Catalogue {
    let rows = [
        ("VN", "country", ""),
        ("01", "city", "VN"),
        ("A", "district", "01"),
        ("B", "district", "01"),
        ("A1", "commune", "A"),
        ("A2", "commune", "A"),
        ("B1", "commune", "B"),
        ("68", "city", "VN"),
        ("C", "district", "68"),
    ];
    catalogue(units(&rows), indicator("teams", aggregation))
}

fn asked(within: &str, by: &str) -> Asked {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Asked { within: text(within), level: text(by), ..Asked::default() }
}

fn total(catalogue: &Catalogue, cells: Vec<Cell>, within: &str, by: &str) -> Totals {
    totals(&figures(catalogue, None, cells), &asked(within, by)).unwrap()
}

fn rows(totals: &Totals) -> Vec<(&str, Option<String>, Source)> {
    let row = |row: &TotalsRow| row.value.map(|value| value.to_string());
    totals.rows.iter().map(|r| (r.code.as_str(), row(r), r.source)).collect()
}

fn silent(coverage: &Coverage) -> Option<Vec<&str>> {
    let silent = coverage.silent.as_ref()?;
    Some(silent.iter().map(|unit| unit.code.as_str()).collect())
}

#[test]
fn all_children_make_the_total() {
    let catalogue = city(UnitAggregation::Sum);
    let cells = ["A1", "A2", "B1"].map(|code| cell(code, "2024", "2"));
    let by_district = total(&catalogue, cells.to_vec(), "", "");
    assert_eq!(by_district.by, "district");
    assert_eq!(by_district.total.value, Some(decimal("6")));
    assert_eq!(by_district.total.qualifier, Some("exact"));
    let own = |value: &str| Some(value.to_owned());
    assert_eq!(
        rows(&by_district),
        [("A", own("4"), Source::Computed), ("B", own("2"), Source::Computed)]
    );
    assert_eq!((by_district.coverage.reported, by_district.coverage.expected), (2, 2));
    let by_commune = total(&catalogue, cells.to_vec(), "01", "commune");
    assert_eq!((by_commune.coverage.reported, by_commune.rows.len()), (3, 3));
    assert!(by_commune.rows.iter().all(|row| row.source == Source::Reported));
}

#[test]
fn a_parents_own_report_stands_in_for_children_that_are_silent() {
    let catalogue = city(UnitAggregation::Sum);
    let cells = vec![
        cell("01", "2024", "3064").hedged(Qualifier::Approximate).declaring(18, 30),
        cell("A1", "2024", "1"),
    ];
    let totals = total(&catalogue, cells, "01", "");
    assert_eq!(totals.total.value, Some(decimal("3064")));
    assert_eq!(totals.total.qualifier, Some("approx"));
    assert_eq!(silent(&totals.coverage), None);
    let declared = totals.coverage.declared.unwrap();
    assert_eq!((declared.reported, declared.expected), (Some(18), Some(30)));
    assert_eq!((totals.coverage.reported, totals.coverage.expected), (0, 2));
    assert_eq!(rows(&totals), [("A", Some("1".to_owned()), Source::Partial)]);
    assert_eq!(silent(&totals.rows[0].coverage), Some(vec!["A2"]));
}

#[test]
fn without_a_report_of_its_own_a_parent_is_partial() {
    let catalogue = city(UnitAggregation::Sum);
    let cells = vec![cell("A1", "2024", "1"), cell("A2", "2024", "2").hedged(Qualifier::Greater)];
    let totals = total(&catalogue, cells, "01", "");
    assert_eq!(totals.total.value, Some(decimal("3")));
    assert_eq!(totals.total.qualifier, Some("approx"));
    assert_eq!((totals.coverage.reported, silent(&totals.coverage)), (1, Some(vec!["B"])));
    assert_eq!(rows(&totals), [("A", Some("3".to_owned()), Source::Computed)]);
}

#[test]
fn complete_children_win_over_the_parents_report() {
    let catalogue = city(UnitAggregation::Sum);
    let mut cells = ["A1", "A2", "B1"].map(|code| cell(code, "2024", "0")).to_vec();
    cells.push(cell("01", "2024", "99"));
    let totals = total(&catalogue, cells, "", "");
    assert_eq!(totals.total.value, Some(Decimal::ZERO));
    assert_eq!(totals.feeds, ["city"]);
}

#[test]
fn ratios_are_ratios_of_sums_and_those_without_parts_are_listed() {
    let catalogue = city(UnitAggregation::RatioOfSums);
    let cells = vec![
        cell("A1", "2024", "50").with_parts("1", "2"),
        cell("A2", "2024", "10").with_parts("10", "100"),
        cell("B1", "2024", "70"),
    ];
    let by_commune = total(&catalogue, cells.clone(), "01", "commune");
    // 100 * 11 / 102, not the mean of 50 and 10.
    assert_eq!(by_commune.total.value, Some(decimal("10.784314")));
    let coverage = &by_commune.coverage;
    assert_eq!((coverage.reported, coverage.expected, silent(coverage)), (2, 3, Some(vec![])));
    assert_eq!(coverage.left_out[0].code, "B1");
    let in_district = total(&catalogue, cells, "A", "");
    assert_eq!(in_district.rows.len(), 2);
    assert_eq!(in_district.coverage.reported, 2);
    assert_eq!(in_district.coverage.left_out, []);
}

#[test]
fn scores_are_means_and_ranks_are_never_made() {
    let catalogue = city(UnitAggregation::Mean);
    let cells = vec![cell("A", "2024", "90"), cell("B", "2024", "95")];
    assert_eq!(total(&catalogue, cells.clone(), "01", "").total.value, Some(decimal("92.5")));
    let catalogue = city(UnitAggregation::None);
    let totals = total(&catalogue, cells, "01", "");
    assert_eq!((totals.total.value, totals.rows.len()), (None, 2));
}

#[test]
fn feeds_of_one_cell_are_chosen_by_precedence_and_never_added_up() {
    let mut catalogue = city(UnitAggregation::Sum);
    let two = || vec![cell("C", "2024", "1"), cell("C", "2024", "5").of_feed("district")];
    let totals_of = |catalogue: &Catalogue| total(catalogue, two(), "68", "").total.value;
    assert_eq!(totals_of(&catalogue), Some(decimal("1")));
    for indicator in catalogue.indicators.values_mut() {
        indicator.precedence = vec!["district".to_owned()];
    }
    assert_eq!(totals_of(&catalogue), Some(decimal("5")));
}

#[test]
fn made_up_figures_say_so() {
    let catalogue = city(UnitAggregation::Sum);
    let cells = vec![cell("C", "2024", "1").of_feed("made-up")];
    let figures = figures(&catalogue, Some("made-up"), cells);
    let totals = totals(&figures, &Asked::default()).unwrap();
    assert!(totals.contains_synthetic);
    assert_eq!(totals.feeds, ["made-up"]);
}

#[test]
fn totals_by_every_level_agree_where_all_reported() {
    for seed in 0..200_u64 {
        let mut state = seed;
        let mut roll = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let aggregation =
            if roll(2) == 0 { UnitAggregation::Sum } else { UnitAggregation::RatioOfSums };
        let catalogue = city(aggregation);
        let cells: Vec<_> = ["A1", "A2", "B1"]
            .map(|code| {
                let (part, whole) = (roll(50), 50 + roll(1000));
                cell(code, "2024", &part.to_string())
                    .with_parts(&part.to_string(), &whole.to_string())
            })
            .to_vec();
        let of = |by| {
            let total = total(&catalogue, cells.clone(), "01", by);
            let rows: Option<Vec<_>> = total.rows.iter().map(|row| row.value).collect();
            (total.total.value.unwrap(), rows.unwrap(), total.coverage.silent)
        };
        let levels = ["commune", "district", "city"].map(of);
        for (value, rows, silent) in &levels {
            assert_eq!((value, silent), (&levels[0].0, &Some(Vec::new())), "seed {seed}");
            if aggregation == UnitAggregation::Sum {
                let sum = rows.iter().try_fold(Decimal::ZERO, |sum, row| sum.checked_add(*row));
                assert_eq!(sum, Some(*value), "seed {seed}");
            }
        }
    }
}
