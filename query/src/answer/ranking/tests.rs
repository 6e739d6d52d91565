use dinh_lake::indicator::UnitAggregation;
use dinh_lake::observation::Qualifier;

use super::super::fixture::{catalogue, cell, decimal, figures, indicator, units};
use super::*;

/// Hà Nội's thirty districts, one of another province, and the country.
fn thirty() -> dinh_lake::catalogue::Catalogue {
    let mut rows = vec![
        ("VN".to_owned(), "country", ""),
        ("01".to_owned(), "city", "VN"),
        ("68".to_owned(), "city", "VN"),
        ("677".to_owned(), "district", "68"),
    ];
    rows.extend((1..=12).map(|n| (format!("Q{n:02}"), "district", "01")));
    rows.extend((1..=18).map(|n| (format!("H{n:02}"), "district", "01")));
    let rows: Vec<_> = rows.iter().map(|(code, level, up)| (code.as_str(), *level, *up)).collect();
    catalogue(units(&rows), indicator("par_index_pct", UnitAggregation::Mean))
}

/// PAR INDEX 2023 as announced, on made-up codes.
fn announced() -> Vec<Cell> {
    let scores = [
        ("Q01", "96.3"),
        ("Q02", "95.7"),
        ("Q03", "95.7"),
        ("Q04", "95.22"),
        ("H01", "93.86"),
        ("H02", "91.61"),
    ];
    scores.map(|(code, score)| cell(code, "2023", score)).into()
}

fn ranks(ranking: &Ranking) -> Vec<(usize, bool, &str)> {
    ranking.rows.iter().map(|row| (row.rank, row.tied, row.code.as_str())).collect()
}

#[test]
fn ties_share_a_rank_and_leave_a_gap() {
    let catalogue = thirty();
    let ranking = ranking(&figures(&catalogue, None, announced()), &Asked::default()).unwrap();
    assert_eq!(
        ranks(&ranking),
        [
            (1, false, "Q01"),
            (2, true, "Q02"),
            (2, true, "Q03"),
            (4, false, "Q04"),
            (5, false, "H01"),
            (6, false, "H02")
        ]
    );
    assert_eq!((ranking.universe, ranking.ranked, ranking.missing.len()), (30, 6, 24));
    assert_eq!((ranking.level.as_str(), ranking.period.as_str()), ("district", "2023"));
    assert_eq!((ranking.coverage.reported, ranking.coverage.expected), (6, 30));
    assert_eq!(
        (ranking.feeds.as_slice(), ranking.contains_synthetic),
        (&["city".to_owned()][..], false)
    );
}

#[test]
fn a_province_that_was_not_asked_is_not_missing() {
    let catalogue = thirty();
    let mut cells = announced();
    let within_one = ranking(&figures(&catalogue, None, cells.clone()), &Asked::default()).unwrap();
    assert!(within_one.missing.iter().all(|unit| unit.code != "677"));
    cells.push(cell("677", "2023", "90"));
    let whole = ranking(&figures(&catalogue, None, cells), &Asked::default()).unwrap();
    assert_eq!((whole.universe, whole.ranked), (31, 7));
    let of_cities = vec![cell("01", "2023", "91.43")];
    let cities = ranking(&figures(&catalogue, None, of_cities), &Asked::default()).unwrap();
    assert_eq!((cities.level.as_str(), cities.universe, cities.ranked), ("city", 2, 1));
}

#[test]
fn movement_and_change_are_against_the_previous_period_of_the_same_make() {
    let catalogue = thirty();
    let mut cells = announced();
    cells.extend([
        cell("H01", "2022", "91.73"),
        cell("Q01", "2022", "90"),
        cell("H01", "2022-12", "99"),
        cell("H01", "2020", "1"),
    ]);
    let ranking = ranking(&figures(&catalogue, None, cells), &Asked::default()).unwrap();
    let row = ranking.rows.iter().find(|row| row.code == "H01").unwrap();
    assert_eq!((row.previous_value, row.change), (Some(decimal("91.73")), Some(decimal("2.13"))));
    assert_eq!((row.previous_rank, row.movement), (Some(1), Some(-4)));
    let new = ranking.rows.iter().find(|row| row.code == "Q02").unwrap();
    assert_eq!((new.previous_rank, new.movement, new.change), (None, None, None));
}

#[test]
fn a_reported_rank_stands_beside_the_computed_one() {
    let catalogue = thirty();
    let mut figures = figures(&catalogue, None, announced());
    figures.reported_ranks = vec![cell("H01", "2023", "21"), cell("Q01", "2022", "9")];
    let ranking = ranking(&figures, &Asked::default()).unwrap();
    let reported = |code| ranking.rows.iter().find(|row| row.code == code).unwrap().reported_rank;
    assert_eq!((reported("H01"), reported("Q01")), (Some(decimal("21")), None));
}

#[test]
fn the_field_can_be_narrowed_and_the_rows_paged() {
    let catalogue = thirty();
    let figures = figures(&catalogue, None, announced());
    let asked = Asked { kind: Some("quan".to_owned()), ..Asked::default() };
    let quan = ranking(&figures, &asked).unwrap();
    assert_eq!((quan.universe, quan.ranked, quan.missing.len()), (12, 4, 8));
    let order = Order::Descending;
    let asked = Asked { order, limit: Some(2), offset: 1, ..Asked::default() };
    let page = ranking(&figures, &asked).unwrap();
    assert_eq!(ranks(&page), [(5, false, "H01"), (4, false, "Q04")]);
    assert_eq!((page.universe, page.missing.len()), (30, 24));
}

#[test]
fn less_is_better_where_the_indicator_says_so() {
    let mut catalogue = thirty();
    catalogue.indicators.values_mut().for_each(|i| i.direction = Direction::Lower);
    let cells = vec![cell("Q01", "2023", "3"), cell("Q02", "2023", "1").hedged(Qualifier::Greater)];
    let ranking = ranking(&figures(&catalogue, None, cells), &Asked::default()).unwrap();
    assert_eq!(ranks(&ranking), [(1, false, "Q02"), (2, false, "Q01")]);
    assert_eq!(ranking.rows[0].qualifier, "gt");
}

#[test]
fn only_figures_of_the_chosen_span_are_ranked() {
    let catalogue = thirty();
    let cells =
        vec![cell("Q01", "2023", "1"), cell("Q02", "2023-12", "2"), cell("Q03", "2023-06", "3")];
    let figures = figures(&catalogue, None, cells);
    let latest = ranking(&figures, &Asked::default()).unwrap();
    assert_eq!((latest.period.as_str(), latest.ranked), ("2023-12", 1));
    let asked = Asked { period: Some("2023".to_owned()), ..Asked::default() };
    assert_eq!(ranks(&ranking(&figures, &asked).unwrap()), [(1, false, "Q01")]);
    let asked = Asked {
        period: Some("2021".to_owned()),
        level: Some("district".to_owned()),
        ..Asked::default()
    };
    let none = ranking(&figures, &asked).unwrap();
    assert_eq!((none.ranked, none.universe, none.period.as_str()), (0, 31, "2021"));
}

#[test]
fn without_a_figure_there_is_no_period_to_answer_for() {
    let catalogue = thirty();
    let error = ranking(&figures(&catalogue, None, Vec::new()), &Asked::default()).unwrap_err();
    assert_eq!(error.code, "figures.none");
    let asked = Asked { level: Some("distrct".to_owned()), ..Asked::default() };
    let error = ranking(&figures(&catalogue, None, announced()), &asked).unwrap_err();
    assert_eq!(error.code, "level.unknown");
}
