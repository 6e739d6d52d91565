//! What is sent under an id: always the same, whoever sends it and in whichever form, so that no client has to keep it.
//!
//! Most submissions are small, and some are numbered by their producer; some have hundreds of rows, a row that is refused, or a figure that is taken back. All
//! of them revise the same few cells over and over.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use chrono::{Days, NaiveDate};
use dinh_proto::v1 as proto;
use proto::submission::Payload;

use crate::bad_input::TEAMS;
use crate::bulk::stream;
use crate::house::{row, submission};

pub(crate) const FEED: &str = "dan-phuong";
/// The communes of Huyện Đan Phượng.
const COMMUNES: [&str; 16] = [
    "09784", "09787", "09790", "09793", "09796", "09799", "09802", "09805", "09808", "09811",
    "09814", "09817", "09820", "09823", "09826", "09829",
];
/// Who numbers some of what it sends.
pub(crate) const PRODUCER: &str = "máy đếm";
const NUMBERED: &str = "count-";
const NO_COMMUNE: &str = "99999";
/// Days of a large submission.
const DAYS: u64 = 40;

/// How rows are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Typed,
    Arrow,
}

/// One row; without a value its cell is taken back.
pub(crate) struct Figure {
    pub(crate) unit: &'static str,
    pub(crate) day: String,
    pub(crate) value: Option<u64>,
}

/// The rows of a submission in their order; the first may be one that is refused.
pub(crate) fn figures(id: &str) -> Vec<Figure> {
    let number = number_of(id);
    let small = number % 16 != 3;
    let (units, days) = if small { (1 + number % 16, 1) } else { (16, DAYS) };
    let units = &COMMUNES[..usize::try_from(units).unwrap()];
    let first = if small { number / 16 % 3 } else { 0 };
    // Never ten times what was there before: nothing for a rule to warn of.
    let figure = |unit, day: u64, index: usize| Figure {
        unit,
        day: (NaiveDate::from_ymd_opt(2024, 6, 1).unwrap() + Days::new(day)).to_string(),
        value: Some(500 + (number + index as u64) % 400),
    };
    let cells = (first..first + days).flat_map(|day| units.iter().map(move |unit| (*unit, day)));
    let mut rows: Vec<_> =
        cells.enumerate().map(|(index, (unit, day))| figure(unit, day, index)).collect();
    if number.is_multiple_of(7) {
        rows.last_mut().unwrap().value = None;
    }
    if has_a_bad_row(id) {
        rows.insert(0, figure(NO_COMMUNE, first, 0));
    }
    rows
}

/// The rows of a submission that land, by their numbers.
pub(crate) fn landing(id: &str) -> impl Iterator<Item = (u64, Figure)> {
    (1..).zip(figures(id)).filter(|(_, figure)| figure.unit != NO_COMMUNE)
}

pub(crate) fn has_a_bad_row(id: &str) -> bool {
    number_of(id).is_multiple_of(5)
}

/// The submission of an id.
pub(crate) fn made_up(id: &str, form: Form) -> proto::Submission {
    let figures = figures(id);
    let mut made_up = submission(FEED, id, figures.iter().map(typed).collect());
    if let Form::Arrow = form {
        made_up.payload = Some(Payload::ArrowIpc(arrow(&figures).into()));
    }
    if let Some((epoch, sequence)) = numbering(id) {
        made_up = proto::Submission { producer: PRODUCER.into(), epoch, sequence, ..made_up };
    }
    made_up
}

/// An id that its producer numbers.
pub(crate) fn numbered(epoch: u64, sequence: u64) -> String {
    format!("{NUMBERED}{epoch}-{sequence:06}")
}

/// The epoch and the sequence of an id that has them.
pub(crate) fn numbering(id: &str) -> Option<(u64, u64)> {
    let (epoch, sequence) = id.strip_prefix(NUMBERED)?.split_once('-')?;
    Some((epoch.parse().unwrap(), sequence.parse().unwrap()))
}

fn typed(figure: &Figure) -> proto::Row {
    let value = figure.value.map(|value| value.to_string()).unwrap_or_default();
    let sent = row(TEAMS, figure.unit, &figure.day, &value);
    proto::Row { status: status(figure).unwrap_or_default().into(), ..sent }
}

fn arrow(figures: &[Figure]) -> Vec<u8> {
    let text = |of: fn(&Figure) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(figures.iter().map(of)))
    };
    let value = figures.iter().map(|figure| Some(figure.value?.cast_signed()));
    stream(vec![
        ("indicator", text(|_| TEAMS)),
        ("unit", text(|figure| figure.unit)),
        ("period", text(|figure| &figure.day)),
        ("value", Arc::new(value.collect::<Int64Array>())),
        ("status", Arc::new(figures.iter().map(status).collect::<StringArray>())),
    ])
}

fn status(figure: &Figure) -> Option<&'static str> {
    figure.value.is_none().then_some("withdrawn")
}

/// A number that looks random and is always the same for an id (FNV-1a).
pub(crate) fn number_of(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 40
}
