//! Đan Phượng and its neighbours before and after July 2025, with extents as the decision gives them and made-up figures.

mod any;
mod country;

use dinh_lake::observation::Status;

use super::super::cell::Cell;
use super::super::fixture::{cell, decimal};
use super::super::question::{Asked, On};
use super::super::ranking::ranking;
use super::super::series::series;
use super::super::totals::{Totals, totals};
use super::super::tree::Source;
use country::{Country, DAN_PHUONG, asked};

/// One figure for each of the sixteen communes: 1, 2, 3 and so on.
fn sixteen(period: &str) -> Vec<Cell> {
    let figure = |(n, code): (usize, &&str)| cell(code, period, &(n + 1).to_string());
    DAN_PHUONG.iter().enumerate().map(figure).collect()
}

fn rows(totals: &Totals) -> Vec<(&str, String, &str)> {
    let value = |row: &super::super::totals::TotalsRow| {
        row.value.map_or_else(|| "null".to_owned(), |value| value.to_string())
    };
    totals.rows.iter().map(|row| (row.code.as_str(), value(row), row.status)).collect()
}

#[test]
fn sixteen_communes_become_three_exactly() {
    let country = Country::new("sum", "villages");
    let asked = asked("2025-07-02", "273");
    let totals = totals(&country.figures(&asked, sixteen("2024")), &asked).unwrap();
    assert_eq!((totals.by.as_str(), totals.on.as_deref()), ("commune", Some("2025-07-02")));
    let expected =
        [("09784", "57", "normal"), ("09787", "19", "normal"), ("09817", "60", "normal")];
    assert_eq!(rows(&totals), expected.map(|(code, value, s)| (code, value.to_owned(), s)));
    assert_eq!(totals.total.value, Some(decimal("136")));
    assert_eq!(totals.estimated_share, decimal("0"));
    assert!(totals.rows.iter().all(|row| row.weights.is_empty() && row.source == Source::Computed));
    assert_eq!((totals.coverage.reported, totals.coverage.expected), (3, 3));
    let covered = &totals.rows[0].coverage;
    assert_eq!((covered.reported, covered.expected), (5, 5));
}

#[test]
fn what_only_the_district_reported_holds_for_the_three_together() {
    let country = Country::new("sum", "villages");
    let asked = asked("2025-07-02", "273");
    let cells = vec![cell("273", "2024", "129").declaring(129, 129)];
    let figures = country.figures(&asked, cells);
    let totals = totals(&figures, &asked).unwrap();
    assert_eq!(totals.total.value, Some(decimal("129")));
    let nulls = ["09784", "09787", "09817"].map(|code| (code, "null".to_owned(), "normal"));
    assert_eq!(rows(&totals), nulls);
    let [together] = totals.together.as_slice() else { panic!("{:?}", totals.together) };
    let codes = |units: &[super::super::outline::UnitName]| -> Vec<String> {
        units.iter().map(|unit| unit.code.clone()).collect()
    };
    assert_eq!(codes(&together.units), ["09784", "09787", "09817"]);
    assert_eq!(
        (codes(&together.from), together.value),
        (vec!["273".to_owned()], Some(decimal("129")))
    );
    assert!(together.complete);
    assert_eq!((totals.coverage.reported, totals.coverage.expected), (0, 3));
    assert_eq!((&totals.coverage.silent, totals.estimated_share), (&None, decimal("0")));
    let unit = figures.structure.unit("09817").unwrap();
    let series = series(&figures, unit, &asked);
    assert_eq!((series.rows.len(), series.rows[0].value), (1, None));
    assert_eq!(series.rows[0].together.as_ref(), Some(together));
    let ranking = ranking(&figures, &Asked { level: Some("commune".to_owned()), ..asked });
    let ranking = ranking.unwrap();
    assert_eq!((ranking.ranked, ranking.missing.len(), ranking.together.len()), (0, 3, 1));
}

#[test]
fn what_a_weight_splits_is_an_estimate_and_says_by_which() {
    let country = Country::new("sum", "population");
    let asked = asked("2025-07-02", "01");
    // 00016 is split in equal parts, 00025 by 0.3 and 0.7; 00006 is whole.
    let cells =
        vec![cell("00016", "2024", "7"), cell("00025", "2024", "10"), cell("00006", "2024", "1")];
    let totals = totals(&country.figures(&asked, cells), &asked).unwrap();
    let figure = |code: &str| totals.rows.iter().find(|row| row.code == code).unwrap();
    let ngoc_ha = figure("00008");
    assert_eq!((ngoc_ha.value, ngoc_ha.status), (Some(decimal("7.5")), "estimated"));
    let weights: Vec<_> = ngoc_ha
        .weights
        .iter()
        .map(|w| (w.code.as_str(), w.weight.to_string(), w.confidence))
        .collect();
    let expected = [("00016", "0.5", "low"), ("00025", "0.3", "declared")];
    assert_eq!(weights, expected.map(|(code, weight, sure)| (code, weight.to_owned(), sure)));
    let ba_dinh = figure("00004");
    assert_eq!((ba_dinh.value, ba_dinh.status), (Some(decimal("10.5")), "estimated"));
    assert_eq!(totals.total.value, Some(decimal("18")));
    assert_eq!(totals.estimated_share, decimal("1"));
}

#[test]
fn ratios_go_through_their_parts_and_means_are_estimates() {
    let on = asked("2025-07-02", "273");
    let with_parts = |n: usize, code: &&str| {
        cell(code, "2024", "50").with_parts(&n.to_string(), &(2 * n).to_string())
    };
    let mut cells: Vec<Cell> =
        DAN_PHUONG.iter().enumerate().map(|(n, c)| with_parts(n + 1, c)).collect();
    cells[0].denominator = Some(decimal("4"));
    let country = Country::new("ratio_of_sums", "none");
    let ratio = totals(&country.figures(&on, cells.clone()), &on).unwrap();
    // 100 * 57 / 116: the denominator of one commune is 4 and not 2.
    assert_eq!(ratio.rows[0].value, Some(decimal("49.137931")));
    assert_eq!((ratio.rows[0].status, ratio.rows[1].value), ("normal", Some(decimal("50"))));
    cells[1].numerator = None;
    let left_out = totals(&country.figures(&on, cells), &on).unwrap();
    assert_eq!(left_out.rows[1].source, Source::Partial);

    let country = Country::new("mean", "population");
    let mean = totals(&country.figures(&on, sixteen("2024")), &on).unwrap();
    assert_eq!((mean.rows[0].value, mean.rows[0].status), (Some(decimal("11.4")), "estimated"));
    assert_eq!(mean.rows[0].weights.len(), 5);
}

#[test]
fn scores_are_null_and_what_is_whole_stays_what_it_is() {
    let country = Country::new("score", "none");
    let on = asked("2025-07-02", "01");
    let cells =
        vec![cell("09784", "2024", "90"), cell("99999", "2024", "80"), cell("88888", "2024", "70")];
    let figures = country.figures(&on, cells);
    let level = Asked { level: Some("commune".to_owned()), ..on };
    let ranking = ranking(&figures, &level).unwrap();
    // 99999 goes on as it was, 88888 became 77777 and nobody else did; 09784 is one of five.
    let ranked: Vec<_> = ranking.rows.iter().map(|row| (row.rank, row.code.as_str())).collect();
    assert_eq!(ranked, [("1", "99999"), ("2", "77777")].map(|(r, c)| (decimal(r), c)));
    assert_eq!(ranking.estimated_share, decimal("0"));
}

#[test]
fn a_unit_of_which_a_part_is_silent_has_no_rank() {
    let country = Country::new("sum", "villages");
    let on = Asked { level: Some("commune".to_owned()), ..asked("2025-07-02", "273") };
    let mut cells = sixteen("2024");
    cells.extend(sixteen("2023"));
    cells.retain(|cell| (cell.unit.as_str(), cell.period.label.as_str()) != ("09814.1", "2024"));
    let figures = country.figures(&on, cells);
    let ranking = ranking(&figures, &on).unwrap();
    let ranked: Vec<_> =
        ranking.rows.iter().map(|r| (r.rank, r.code.as_str(), r.previous_rank)).collect();
    let expected = [("1", "09817", "1"), ("2", "09787", "3")];
    assert_eq!(ranked, expected.map(|(rank, code, b)| (decimal(rank), code, Some(decimal(b)))));
    assert_eq!((ranking.universe, ranking.missing[0].code.as_str()), (3, "09784"));
    let partial = totals(&figures, &on).unwrap();
    assert_eq!(partial.rows[0].source, Source::Partial);
    let silent = partial.rows[0].coverage.silent.as_ref().unwrap();
    assert_eq!(silent[0].code, "09814");
    assert_eq!(
        (partial.coverage.reported, partial.coverage.silent.as_ref().unwrap().len()),
        (2, 1)
    );
}

#[test]
fn a_series_goes_on_over_the_reform_both_ways() {
    let country = Country::new("sum", "villages");
    let mut cells = sixteen("2024");
    for (code, value) in [("09784", "33"), ("09787", "21"), ("09817", "84")] {
        cells.push(country.after(cell(code, "2025-12", value)));
    }
    let values = |on: &str, unit: &str| -> Vec<String> {
        let asked = asked(on, "");
        let figures = country.figures(&asked, cells.clone());
        let series = series(&figures, figures.structure.unit(unit).unwrap(), &asked);
        let text = |row: &super::super::series::SeriesRow| {
            format!("{} {} {}", row.period, row.value.unwrap(), row.status)
        };
        series.rows.iter().map(text).collect()
    };
    assert_eq!(values("2025-07-02", "09784"), ["2024 57 normal", "2025-12 33 normal"]);
    // Backwards in equal parts: five communes of 33.
    assert_eq!(values("2024-12-31", "09823"), ["2024 14 normal", "2025-12 6.6 estimated"]);
    let own = Country::cluster("09787");
    assert_eq!(values("clusters", &own), ["2024 19 normal", "2025-12 21 normal"]);
    // A district's sum of what was split and is whole again is no estimate.
    let back = Asked {
        level: Some("district".to_owned()),
        period: Some("2025-12".to_owned()),
        ..asked("2024-12-31", "01")
    };
    let totals = totals(&country.figures(&back, cells.clone()), &back).unwrap();
    assert_eq!(rows(&totals), [("273", "138".to_owned(), "normal")]);
}

#[test]
fn clusters_hold_what_was_reported_and_ignore_edges_without_people() {
    let country = Country::new("sum", "villages");
    let on = Asked { on: Some(On::Clusters), ..asked("2025-07-02", "273") };
    let three = totals(&country.figures(&on, sixteen("2024")), &on).unwrap();
    assert_eq!(three.on.as_deref(), Some("clusters"));
    let values: Vec<_> =
        rows(&three).into_iter().map(|(_, value, status)| (value, status)).collect();
    assert_eq!(values, ["57", "19", "60"].map(|value| (value.to_owned(), "normal")));
    let land = Country::new("sum", "area");
    let one = totals(&land.figures(&on, sixteen("2024")), &on).unwrap();
    assert_eq!((one.rows.len(), one.total.value), (1, Some(decimal("136"))));
    assert!(one.rows[0].unit.contains('+'));
}

#[test]
fn within_chooses_the_cells_and_on_where_they_are_shown() {
    let country = Country::new("sum", "population");
    // 00025 is of the district 001, 00157 of 005; both have a part in 00008.
    let cells = vec![cell("00025", "2024", "10"), cell("00157", "2024", "100")];
    let of = |within: &str| {
        let on = asked("2025-07-02", within);
        let totals = totals(&country.figures(&on, cells.clone()), &on).unwrap();
        let ngoc_ha = totals.rows.iter().find(|row| row.code == "00008").map(|row| row.value);
        (totals.total.value, ngoc_ha)
    };
    assert_eq!(of("001"), (Some(decimal("10")), Some(Some(decimal("3")))));
    assert_eq!(of("005"), (Some(decimal("100")), Some(Some(decimal("50")))));
    assert_eq!(of("01"), (Some(decimal("110")), Some(Some(decimal("53")))));
}

#[test]
fn a_day_before_the_register_is_refused_with_the_first_one() {
    let country = Country::new("sum", "villages");
    let error = country.refusal(&asked("2020-02-29", ""));
    assert_eq!(error.code, "on.before_registry");
    assert_eq!(error.faults[0].suggestions, ["2020-03-01"]);
    assert!(country.refusal(&asked("2025-07-02", "Hà Nôi")).message.en.contains("unknown"));
}
