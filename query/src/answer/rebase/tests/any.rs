//! What must hold of any figures of the small country.

use dinh_lake::Decimal;
use proptest::prelude::*;

use super::super::super::fixture::cell;
use super::super::super::ranking::ranking;
use super::super::super::totals::totals;
use super::*;

const PERIODS: [&str; 3] = ["2023", "2024", "2025-12"];
const STRUCTURES: [&str; 3] = ["2024-12-31", "2025-07-02", "clusters"];

/// A figure, in hundredths, or none, for each commune of each period.
fn figures() -> impl Strategy<Value = Vec<Option<i32>>> {
    prop::collection::vec(prop::option::weighted(0.8, -500..100_000_i32), 3 * 40)
}

/// The cells of all communes that were valid at the end of each period.
fn cells(country: &Country, figures: &[Option<i32>]) -> Vec<Cell> {
    let mut figures = figures.iter();
    let mut cells = Vec::new();
    for period in PERIODS {
        let end = cell("01", period, "0").period.end;
        for version in country.units().at(end, Some("commune"), None, None) {
            let Some(Some(hundredths)) = figures.next() else { continue };
            let value = Decimal::from_unscaled(i128::from(*hundredths) * 10_000);
            let made = Cell { value, ..cell("01", period, "0") };
            cells.push(Cell { unit: version.unit.clone(), ..made });
        }
    }
    cells
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn totals_are_what_was_reported(
        figures in figures(),
        on in prop::sample::select(&STRUCTURES),
        weight in prop::sample::select(&["population", "households", "area", "villages", "units"]),
    ) {
        let country = Country::new("sum", weight);
        let cells = cells(&country, &figures);
        let reported = cells.iter().map(|cell| cell.value.unwrap().unscaled()).sum::<i128>();
        let shown = country.figures(&asked(on, ""), cells);
        let rebased = shown.cells.iter().map(|cell| cell.value.unwrap().unscaled()).sum::<i128>();
        prop_assert_eq!(reported, rebased);
        prop_assert!(shown.together.is_empty());
        let mut seen = std::collections::BTreeSet::new();
        for cell in &shown.cells {
            let on = shown.day(cell.span());
            prop_assert!(shown.units().version_at(&cell.unit, on).is_some());
            prop_assert!(seen.insert((cell.span(), cell.unit.clone())), "{} twice", cell.unit);
        }
        if on == "clusters" {
            prop_assert!(shown.cells.iter().all(|cell| cell.status == Status::Normal));
        }
    }

    #[test]
    fn the_structure_of_the_period_itself_changes_nothing(figures in figures()) {
        let country = Country::new("sum", "population");
        let cells = cells(&country, &figures);
        let on = Asked { period: Some("2024".to_owned()), ..asked("2024-12-31", "") };
        let as_reported = Asked { on: None, ..on.clone() };
        let shown = country.figures(&on, cells.clone());
        let plain = country.figures(&as_reported, cells);
        if plain.cells.iter().any(|cell| cell.period.label == "2024") {
            let ranked = |figures: &_, asked: &_| {
                let mut ranking = ranking(figures, asked).unwrap();
                ranking.on = None;
                serde_json::to_string(&ranking).unwrap()
            };
            prop_assert_eq!(ranked(&shown, &on), ranked(&plain, &as_reported));
            let total = |figures: &_, asked: &_| {
                let mut totals = totals(figures, asked).unwrap();
                (totals.on, totals.estimated_share) = (None, decimal("0"));
                serde_json::to_string(&totals).unwrap()
            };
            prop_assert_eq!(total(&shown, &on), total(&plain, &as_reported));
        }
    }
}
