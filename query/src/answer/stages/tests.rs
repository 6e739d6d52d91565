use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::{Direction, UnitAggregation};

use super::super::fixture::{catalogue, cell, decimal, figures, indicator, units};
use super::*;

fn three(direction: Direction) -> Catalogue {
    let rows = [
        ("01", "city", ""),
        ("A", "district", "01"),
        ("B", "district", "01"),
        ("C", "district", "01"),
    ];
    let mut catalogue = catalogue(units(&rows), indicator("score", UnitAggregation::Mean));
    catalogue.indicators.values_mut().for_each(|indicator| indicator.direction = direction);
    catalogue
}

/// The rows of a catalogue's stages in 2024.
fn rows(catalogue: &Catalogue, cells: Vec<Cell>, targets: Vec<Cell>) -> Stages {
    let mut figures = figures(catalogue, None, cells);
    figures.targets = targets;
    stages(&figures, &Asked { stage: Some(Stage::Final), ..Asked::default() }).unwrap()
}

fn target(code: &str, period: &str, value: &str, qualifier: Qualifier) -> Cell {
    cell(code, period, value).at(Stage::Target).hedged(qualifier)
}

#[test]
fn stages_stand_in_one_row_with_the_distance_to_the_target() {
    let catalogue = three(Direction::Higher);
    let cells = vec![
        cell("A", "2024", "95"),
        cell("A", "2024", "93").at(Stage::Appraised),
        cell("A", "2024", "88").at(Stage::Survey),
        cell("A", "2024", "91.5").at(Stage::Final).reported(true),
        cell("B", "2024", "80"),
    ];
    let targets = vec![
        target("A", "2024", "90", Qualifier::GreaterOrEqual),
        target("A", "2025", "99", Qualifier::GreaterOrEqual),
    ];
    let stages = rows(&catalogue, cells, targets);
    let [a, b] = stages.rows.as_slice() else { panic!("{:?}", stages.rows) };
    let of = [a.self_reported, a.appraised, a.survey, a.announced, a.target, a.distance];
    let expected = ["95", "93", "88", "91.5", "90", "1.5"].map(|text| Some(decimal(text)));
    assert_eq!((of, a.met, a.target_qualifier), (expected, Some(true), Some("ge")));
    assert_eq!((b.self_reported, b.announced, b.met), (Some(decimal("80")), None, None));
    let coverage = &stages.coverage;
    assert_eq!((coverage.reported, coverage.expected, coverage.on_time), (1, 3, Some(0)));
    assert_eq!(coverage.late.as_ref().map(Vec::len), Some(1));
}

#[test]
fn a_later_target_is_what_a_year_without_one_is_held_against() {
    let catalogue = three(Direction::Higher);
    let cells = vec![cell("A", "2024", "91").at(Stage::Final)];
    let targets = vec![
        target("A", "2030", "100", Qualifier::Exact),
        target("A", "2025", "95", Qualifier::Exact),
        target("A", "2023", "80", Qualifier::Exact),
    ];
    let row = rows(&catalogue, cells, targets).rows.remove(0);
    assert_eq!((row.target_period.as_deref(), row.distance), (Some("2025"), Some(decimal("-4"))));
    assert_eq!(row.met, Some(false));
}

#[test]
fn less_is_better_where_the_indicator_says_so_and_a_strict_target_takes_more() {
    let catalogue = three(Direction::Lower);
    for (value, qualifier, distance, met) in [
        ("4", Qualifier::LessOrEqual, "1", true),
        ("5", Qualifier::LessOrEqual, "0", true),
        ("5", Qualifier::Less, "0", false),
        ("6", Qualifier::LessOrEqual, "-1", false),
    ] {
        let cells = vec![cell("A", "2024", value).at(Stage::Final)];
        let row = rows(&catalogue, cells, vec![target("A", "2024", "5", qualifier)]).rows.remove(0);
        assert_eq!((row.distance, row.met), (Some(decimal(distance)), Some(met)), "{value}");
    }
}
