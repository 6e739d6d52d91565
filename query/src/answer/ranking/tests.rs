use dinh_lake::indicator::Direction;
use dinh_lake::indicator::UnitAggregation;
use dinh_lake::observation::{Qualifier, Stage};

use super::super::fixture::{catalogue, cell, decimal, figures, indicator, units};
use super::super::question::Ties;
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
    let place = |row: &RankingRow| row.rank.to_string().parse().unwrap();
    ranking.rows.iter().map(|row| (place(row), row.tied, row.code.as_str())).collect()
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
    assert_eq!((row.previous_rank, row.movement), (Some(decimal("1")), Some(decimal("-4"))));
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

/// The ranks of a question, with the codes.
fn asked(figures: &Figures<'_>, asked: &Asked) -> Vec<(String, String)> {
    let ranking = ranking(figures, asked).unwrap();
    ranking.rows.iter().map(|row| (row.rank.to_string(), row.code.clone())).collect()
}

#[test]
fn ties_are_shared_as_asked() {
    let catalogue = thirty();
    let mut cells = announced();
    cells.push(cell("H03", "2023", "91.61"));
    cells.push(cell("H04", "2023", "91.61"));
    let figures = figures(&catalogue, None, cells);
    let ranks = |ties| -> Vec<String> {
        let of = asked(&figures, &Asked { ties, ..Asked::default() });
        of.into_iter().map(|(rank, _)| rank).collect()
    };
    assert_eq!(ranks(Ties::Standard), ["1", "2", "2", "4", "5", "6", "6", "6"]);
    assert_eq!(ranks(Ties::Dense), ["1", "2", "2", "3", "4", "5", "5", "5"]);
    assert_eq!(ranks(Ties::Fractional), ["1", "2.5", "2.5", "4", "5", "7", "7", "7"]);
}

#[test]
fn units_are_ranked_by_their_change_in_the_indicators_direction() {
    let mut catalogue = thirty();
    let cells = || {
        let of = |code, before, now| [cell(code, "2022", before), cell(code, "2023", now)];
        let mut cells: Vec<_> =
            [of("Q01", "90", "91"), of("Q02", "80", "85"), of("Q03", "95", "94")].concat();
        cells.extend([
            cell("Q04", "2023", "99"),
            cell("Q01", "2021", "89"),
            cell("Q02", "2021", "81"),
        ]);
        cells
    };
    let by = Asked { by: Ranked::Change, ..Asked::default() };
    let order = |catalogue: &dinh_lake::catalogue::Catalogue| {
        asked(&figures(catalogue, None, cells()), &by)
            .into_iter()
            .map(|(_, code)| code)
            .collect::<Vec<_>>()
    };
    assert_eq!(order(&catalogue), ["Q02", "Q01", "Q03"]);
    let ranking = ranking(&figures(&catalogue, None, cells()), &by).unwrap();
    let first = &ranking.rows[0];
    // By change, Q02 was behind Q01 in 2022: -1 against +1.
    assert_eq!((first.change, first.previous_rank), (Some(decimal("5")), Some(decimal("2"))));
    assert_eq!(first.movement, Some(decimal("1")));
    let q04 = ranking.missing.iter().find(|unit| unit.code == "Q04").unwrap();
    assert_eq!((q04.reason, ranking.coverage.reported), (Lack::NoPrevious, 4));
    catalogue.indicators.values_mut().for_each(|i| i.direction = Direction::Lower);
    assert_eq!(order(&catalogue), ["Q03", "Q01", "Q02"]);
}

#[test]
fn units_are_ranked_by_their_distance_to_the_target() {
    let catalogue = thirty();
    let mut figures = figures(&catalogue, None, announced());
    let target = |code, value| cell(code, "2023", value).at(Stage::Target);
    figures.targets =
        vec![target("Q01", "97"), target("H01", "90").hedged(Qualifier::GreaterOrEqual)];
    let by = Asked { by: Ranked::Distance, ..Asked::default() };
    let ranking = ranking(&figures, &by).unwrap();
    assert_eq!(ranks(&ranking), [(1, false, "H01"), (2, false, "Q01")]);
    let first = &ranking.rows[0];
    assert_eq!((first.distance, first.target), (Some(decimal("3.86")), Some(decimal("90"))));
    assert_eq!((first.target_qualifier, ranking.by), (Some("ge"), "distance"));
    let q02 = ranking.missing.iter().find(|unit| unit.code == "Q02").unwrap();
    assert_eq!(q02.reason, Lack::NoTarget);
}

#[test]
fn movement_can_be_against_what_was_known_before() {
    let catalogue = thirty();
    let mut now = announced();
    now.push(cell("H01", "2022", "10"));
    let mut figures = figures(&catalogue, None, now);
    let mut then = super::super::fixture::figures(
        &catalogue,
        None,
        vec![cell("Q01", "2023", "96.3"), cell("H01", "2023", "97")],
    );
    then.seen.as_of = Some("2024-01-01T00:00:00Z".to_owned());
    figures.against = Some(Box::new(then));
    let ranking = ranking(&figures, &Asked::default()).unwrap();
    let row = ranking.rows.iter().find(|row| row.code == "H01").unwrap();
    assert_eq!((row.previous_value, row.previous_rank), (Some(decimal("97")), Some(decimal("1"))));
    assert_eq!((row.change, row.movement), (Some(decimal("-3.14")), Some(decimal("-4"))));
    let with = ranking.compared_with.unwrap();
    assert_eq!(
        (with.period.as_str(), with.as_of.as_deref()),
        ("2023", Some("2024-01-01T00:00:00Z"))
    );
}

#[test]
fn who_does_not_compete_is_counted_with_the_reason() {
    let catalogue = thirty();
    let mut cells = announced();
    cells.push(cell("677", "2023", "90"));
    cells.push(cell("gone", "2023", "1"));
    let asked =
        Asked { kind: Some("quan".to_owned()), within: Some("01".to_owned()), ..Asked::default() };
    let ranking = ranking(&figures(&catalogue, None, cells), &asked).unwrap();
    let excluded: Vec<_> = ranking.excluded.iter().map(|e| (e.reason, e.units)).collect();
    assert_eq!(excluded, [(Exclusion::Within, 1), (Exclusion::Kind, 2)]);
    assert_eq!((ranking.universe, ranking.ranked), (12, 4));
    assert!(ranking.missing.iter().all(|unit| unit.reason == Lack::Silent));
}

#[test]
fn late_figures_are_counted_where_they_had_a_deadline() {
    let catalogue = thirty();
    let none = ranking(&figures(&catalogue, None, announced()), &Asked::default()).unwrap();
    assert_eq!((none.coverage.on_time, none.coverage.late), (None, None));
    let mut cells = announced();
    cells[0].late = Some(true);
    cells[1].late = Some(false);
    let some = ranking(&figures(&catalogue, None, cells), &Asked::default()).unwrap();
    assert_eq!(some.coverage.on_time, Some(1));
    assert_eq!(some.coverage.late.unwrap()[0].code, "Q01");
}

/// A small pseudo-random sequence: the same for one seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[test]
fn no_order_of_rows_changes_a_ranking() {
    let catalogue = thirty();
    let codes: Vec<_> =
        catalogue.units.versions().iter().map(|version| version.code.clone()).collect();
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let mut cells = Vec::new();
        for period in ["2022", "2023"] {
            for code in &codes {
                // Few values, so that there are ties, and gaps.
                if dice.roll(4) > 0 {
                    cells.push(cell(code, period, &dice.roll(7).to_string()));
                }
            }
        }
        let choose = |n: u64| match n % 3 {
            0 => (Ties::Standard, Ranked::Value),
            1 => (Ties::Dense, Ranked::Change),
            _ => (Ties::Fractional, Ranked::Value),
        };
        let (ties, by) = choose(seed);
        let asked = Asked { level: Some("district".to_owned()), ties, by, ..Asked::default() };
        let first = ranking(&figures(&catalogue, None, cells.clone()), &asked).unwrap();
        for turn in 0..3 {
            for place in (1..cells.len()).rev() {
                let other = usize::try_from(dice.roll(place as u64 + 1)).unwrap();
                cells.swap(place, other);
            }
            let again = ranking(&figures(&catalogue, None, cells.clone()), &asked).unwrap();
            let text = |ranking| serde_json::to_string(ranking).unwrap();
            assert_eq!(text(&again), text(&first), "seed {seed}, turn {turn}");
        }
        let lacking = first.missing.len();
        assert_eq!((first.ranked + lacking, first.ranked), (first.universe, first.rows.len()));
        let places = first.rows.windows(2).all(|two| two[0].rank <= two[1].rank);
        assert!(places && first.coverage.reported <= first.coverage.expected, "seed {seed}");
    }
}
