use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};

use super::*;
use crate::observation::decimal_type;

/// One observation of `teams` by feed `f` at stage `self`: unit, day, value, status, stamp.
type Row = (&'static str, i32, i64, &'static str, i64);

fn batch(rows: &[Row]) -> RecordBatch {
    let text = |text: fn(&Row) -> &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
    };
    let days = || -> ArrayRef { Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| r.1))) };
    let values =
        rows.iter().map(|row| (row.3 != "withdrawn").then(|| i128::from(row.2) * 1_000_000));
    let values = Decimal128Array::from_iter(values).with_data_type(decimal_type());
    let stamps = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.4));
    RecordBatch::try_from_iter([
        ("feed", text(|_| "f")),
        ("indicator", text(|_| "teams")),
        ("unit", text(|row| row.0)),
        ("stage", text(|_| "self")),
        ("period_start", days()),
        ("period_end", days()),
        ("value", Arc::new(values) as ArrayRef),
        ("qualifier", text(|_| "exact")),
        ("status", text(|row| row.3)),
        ("recorded_at", Arc::new(stamps) as ArrayRef),
    ])
    .unwrap()
}

fn state() -> State {
    State { is_ready: true, ..State::new(["teams".to_owned()].into()) }
}

/// The figure before a day, and that of the day.
fn seen(state: State, day: i32) -> (Option<i128>, Option<i128>) {
    let present = Present { state: RwLock::new(state), ..Present::default() };
    let view = present.view().unwrap();
    let series = view.series("f", "teams", Stage::SelfReported, Length::Day).unwrap();
    let series = view.of_unit(series, view.unit("1.1").unwrap()).unwrap();
    let value = |figure: Option<&Figure>| figure.map(|f| f.value.unscaled() / 1_000_000);
    (value(series.earlier(day)), value(series.at(day, day)))
}

#[test]
fn the_order_in_which_rows_are_taken_in_does_not_matter() {
    // Day 3 is revised, day 5 is withdrawn after a revision, day 1 is older than what is kept.
    let rows: [Row; 6] = [
        ("1.1", 1, 10, "normal", 1),
        ("1.1", 3, 30, "normal", 2),
        ("1.1", 3, 33, "normal", 3),
        ("1.1", 5, 50, "normal", 4),
        ("1.1", 5, 55, "normal", 5),
        ("1.1", 5, 0, "withdrawn", 6),
    ];
    for first in 0..rows.len() {
        for step in [1, 5] {
            let order: Vec<Row> =
                (0..rows.len()).map(|n| rows[(first + n * step) % rows.len()]).collect();
            let mut state = state();
            order.chunks(2).for_each(|rows| state.take_in(&batch(rows)));
            assert_eq!(seen(state, 6), (Some(33), None), "{order:?}");
        }
    }
}

#[test]
fn what_was_withdrawn_and_sent_again_counts_again() {
    let mut state = state();
    state.take_in(&batch(&[
        ("1.1", 5, 50, "normal", 1),
        ("1.1", 5, 0, "withdrawn", 2),
        ("1.1", 5, 51, "normal", 3),
    ]));
    assert_eq!(seen(state, 5), (None, Some(51)));
}

#[test]
fn only_what_is_surely_missing_is_lacked() {
    let mut state = state();
    state.take_in(&batch(&[
        ("1.1", 1, 10, "normal", 1),
        ("1.1", 3, 30, "normal", 2),
        ("1.1", 5, 50, "normal", 3),
        ("1.1", 5, 0, "withdrawn", 4),
        ("2.1", 3, 30, "normal", 5),
    ]));
    state.is_full = true;
    let present = Present { state: RwLock::new(state), ..Present::default() };
    let view = present.view().unwrap();
    assert!(!view.has_all("teams"), "past its bound new series are left out");
    let of = view.series("f", "teams", Stage::SelfReported, Length::Day).unwrap();
    let lacks = |unit: &str| {
        let series = view.of_unit(of, view.unit(unit).unwrap()).unwrap();
        (1..=6).filter(|day| series.lacks(*day, *day)).collect::<Vec<_>>()
    };
    assert_eq!(lacks("1.1"), [4, 5, 6], "days 1 and 2 are older than what is kept");
    assert_eq!(lacks("2.1"), [1, 2, 4, 5, 6]);
}

#[test]
fn indicators_without_rules_take_no_room() {
    let mut state = State::new(BTreeSet::new());
    state.take_in(&batch(&[("1.1", 5, 50, "normal", 1)]));
    assert!(state.series.is_empty());
}

#[test]
fn past_its_bound_known_series_go_on_and_new_ones_are_left_out() {
    let mut state = state();
    state.take_in(&batch(&[("1.1", 5, 50, "normal", 1)]));
    state.is_full = true;
    state.take_in(&batch(&[("2.1", 5, 50, "normal", 2), ("1.1", 6, 60, "normal", 3)]));
    assert_eq!(state.series.len(), 1);
    assert_eq!(seen(state, 6), (Some(50), Some(60)));
}

#[test]
fn a_series_takes_no_more_than_is_reckoned() {
    // A map grows when it is seven eighths full, to twice its size, and there are both while it does.
    let entry = size_of::<(Key, Series)>() + 1;
    assert!(3 * entry * 8 / 7 <= SERIES_BYTES, "{entry}");
}

#[test]
fn a_state_that_is_not_filled_shows_nothing() {
    assert!(Present::default().view().is_none());
}
