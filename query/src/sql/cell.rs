//! Cells as numbers: the key of an observation in 128 bits, in the order that merged files are sorted by.
//!
//! Texts become ordinals, days their number since 1970, and the key compares as one number. The texts of the catalogue get
//! ordinals in the order of their texts, so numbers compare as texts do. The ledger may hold others, of records that were
//! taken out of the catalogue since or that another hub knows first: such a text is *late*. It gets the next ordinal, and
//! from then on keys are compared part by part, late texts as texts: slower, and as exact.
//!
//! Sorted files give their texts as dictionaries: each text of one is looked up once, and a row costs a look into a table.
//!
//! Invariants:
//! - Two keys are equal if and only if the cells are.
//! - [`Cells::compare`] is the order of [`CELL_ORDER`], however texts came.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, RwLock};

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type};
use datafusion::common::{DataFusionError, HashMap, Result};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::observation::Stage;

/// What makes two observations revisions of one cell, in the order that merged files are sorted by; within a cell they are
/// sorted by `recorded_at`.
pub(super) const CELL_ORDER: [&str; 6] =
    ["indicator", "period_end", "period_start", "unit", "stage", "feed"];

/// Bits of the parts of a key, from the highest: a hundred thousand years around 1970 for a day, some millions of
/// indicators and units, a million feeds.
const BITS: [u32; 6] = [22, 27, 27, 25, 7, 20];
/// The parts that are texts.
const TEXTS: [bool; 6] = [true, false, false, true, true, true];

/// The part that is the last day of the period.
const PERIOD_END: usize = 1;

/// A cell's key.
pub(super) type Key = u128;

/// The texts of a catalogue, ranked; made once for each version of it.
#[derive(Debug)]
pub(super) struct KnownTexts {
    parts: [Ranked; 6],
}

/// Texts in order, and the place of each.
#[derive(Debug, Default)]
struct Ranked {
    texts: Vec<Arc<str>>,
    ranks: HashMap<Arc<str>, u32>,
}

impl Ranked {
    fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut texts: Vec<Arc<str>> = texts.into_iter().map(Arc::from).collect();
        texts.sort_unstable();
        texts.dedup();
        let ranks = (0..).zip(&texts).map(|(rank, text)| (Arc::clone(text), rank)).collect();
        Self { texts, ranks }
    }
}

impl KnownTexts {
    /// The texts of a catalogue.
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let units = catalogue.units.versions().iter().map(|version| version.unit.as_str());
        Self::new(
            catalogue.indicators.keys().map(String::as_str),
            units,
            catalogue.feeds.keys().map(String::as_str),
        )
    }

    pub(super) fn new<'a>(
        indicators: impl IntoIterator<Item = &'a str>,
        units: impl IntoIterator<Item = &'a str>,
        feeds: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let stages = Stage::ALL.iter().map(|stage| stage.code());
        let days = Ranked::default;
        let (indicators, units) = (Ranked::of(indicators), Ranked::of(units));
        Self { parts: [indicators, days(), days(), units, Ranked::of(stages), Ranked::of(feeds)] }
    }
}

/// The keys of one run of a plan: the known texts, and those that came late.
#[derive(Debug)]
pub(super) struct Cells {
    known: Arc<KnownTexts>,
    late: RwLock<[Ranked; 6]>,
    /// Whether there is any late text; set before a key with one leaves [`Keys::of`].
    is_late: AtomicBool,
}

impl Cells {
    pub(super) fn new(known: Arc<KnownTexts>) -> Self {
        Self { known, late: RwLock::default(), is_late: AtomicBool::new(false) }
    }

    /// Whether keys may not compare as numbers do.
    pub(super) fn is_late(&self) -> bool {
        self.is_late.load(Relaxed)
    }

    /// The order of two cells.
    pub(super) fn compare(&self, left: Key, right: Key) -> Ordering {
        if !self.is_late() {
            return left.cmp(&right);
        }
        let ordinals = |part| (ordinal(left, part), ordinal(right, part));
        let differing = (0..BITS.len()).find(|part| {
            let (left, right) = ordinals(*part);
            left != right
        });
        differing.map_or(Ordering::Equal, |part| {
            let (left, right) = ordinals(part);
            let known = &self.known.parts[part].texts;
            if !TEXTS[part] || left.max(right) < known.len() {
                return left.cmp(&right);
            }
            let late = self.late.read().expect("nothing panics while it is held");
            let text = |ordinal: usize| {
                known.get(ordinal).unwrap_or_else(|| &late[part].texts[ordinal - known.len()])
            };
            text(left).cmp(text(right))
        })
    }

    fn ordinal_of(&self, part: usize, text: &str) -> Result<u32> {
        match self.known.parts[part].ranks.get(text) {
            Some(rank) => Ok(*rank),
            None => self.late_ordinal(part, text),
        }
    }

    fn late_ordinal(&self, part: usize, text: &str) -> Result<u32> {
        self.is_late.store(true, Relaxed);
        let mut late = self.late.write().expect("nothing panics while it is held");
        let late = &mut late[part];
        if let Some(ordinal) = late.ranks.get(text) {
            return Ok(*ordinal);
        }
        let place = self.known.parts[part].texts.len() + late.texts.len();
        let ordinal = u32::try_from(place).ok().filter(|ordinal| ordinal >> BITS[part] == 0);
        let ordinal = ordinal.ok_or_else(|| unfit(part, "there are too many of them"))?;
        let text: Arc<str> = Arc::from(text);
        late.texts.push(Arc::clone(&text));
        late.ranks.insert(text, ordinal);
        Ok(ordinal)
    }
}

/// Makes the keys of the rows of one stream. It remembers the ordinals of the last dictionaries.
#[derive(Debug)]
pub(super) struct Keys {
    cells: Arc<Cells>,
    dictionaries: [Option<Dictionary>; 6],
}

/// The texts of a dictionary, and what each adds to a key.
#[derive(Debug)]
struct Dictionary {
    texts: StringArray,
    parts: Vec<Key>,
}

impl Dictionary {
    /// Whether it is of the same texts: while it holds them, their buffers are nobody else's.
    fn is_of(&self, texts: &StringArray) -> bool {
        let place = |texts: &StringArray| {
            (texts.value_offsets().as_ptr(), texts.value_data().as_ptr(), texts.len())
        };
        place(&self.texts) == place(texts)
    }
}

impl Keys {
    pub(super) fn new(cells: Arc<Cells>) -> Self {
        Self { cells, dictionaries: [const { None }; 6] }
    }

    /// The keys of rows, from their columns in [`CELL_ORDER`].
    ///
    /// # Errors
    /// When a column is not of the ledger's type, or a part does not fit.
    pub(super) fn of(&mut self, columns: &[&ArrayRef; 6]) -> Result<Vec<Key>> {
        let mut keys = vec![0; columns[0].len()];
        for (part, column) in columns.iter().enumerate() {
            if column.null_count() > 0 {
                return Err(unfit(part, "it is missing in an observation"));
            }
            match column.data_type() {
                DataType::Date32 if !TEXTS[part] => add_days(part, column, &mut keys)?,
                DataType::Utf8 if TEXTS[part] => self.add_texts(part, column, &mut keys)?,
                DataType::Dictionary(..) if TEXTS[part] => {
                    self.add_dictionary(part, column, &mut keys)?;
                }
                _ => return Err(unfit(part, "it is of another type")),
            }
        }
        Ok(keys)
    }

    fn add_texts(&self, part: usize, column: &ArrayRef, keys: &mut [Key]) -> Result<()> {
        let (texts, shift) = (column.as_string::<i32>(), shift(part));
        // Rows come in runs of one indicator, stage and feed.
        let mut last = ("", None);
        for (row, key) in keys.iter_mut().enumerate() {
            let text = texts.value(row);
            let ordinal = match last {
                (same, Some(ordinal)) if same == text => ordinal,
                _ => self.cells.ordinal_of(part, text)?,
            };
            last = (text, Some(ordinal));
            *key |= Key::from(ordinal) << shift;
        }
        Ok(())
    }

    fn add_dictionary(&mut self, part: usize, column: &ArrayRef, keys: &mut [Key]) -> Result<()> {
        let column = column.as_dictionary_opt::<Int32Type>();
        let texts = column.and_then(|column| column.values().as_string_opt::<i32>());
        let (Some(column), Some(texts)) = (column, texts) else {
            return Err(unfit(part, "it is a dictionary of another type"));
        };
        let known = self.dictionaries[part].take().filter(|known| known.is_of(texts));
        let known = match known {
            Some(known) => known,
            None => self.dictionary(part, texts)?,
        };
        if let [only] = known.parts[..] {
            keys.iter_mut().for_each(|key| *key |= only);
        } else {
            for (key, place) in keys.iter_mut().zip(column.keys().values()) {
                *key |= known.parts[usize::try_from(*place).unwrap_or(usize::MAX)];
            }
        }
        self.dictionaries[part] = Some(known);
        Ok(())
    }

    fn dictionary(&self, part: usize, texts: &StringArray) -> Result<Dictionary> {
        let of = |text: Option<&str>| {
            let text = text.ok_or_else(|| unfit(part, "its dictionary has a gap"))?;
            Ok(Key::from(self.cells.ordinal_of(part, text)?) << shift(part))
        };
        let parts = texts.iter().map(of).collect::<Result<_>>()?;
        Ok(Dictionary { texts: texts.clone(), parts })
    }
}

fn add_days(part: usize, column: &ArrayRef, keys: &mut [Key]) -> Result<()> {
    let days = column.as_primitive::<Date32Type>().values();
    let (shift, middle) = (shift(part), 1_i64 << (BITS[part] - 1));
    let place = |day: &i32| (i64::from(*day) + middle).cast_unsigned();
    // A day before the first has its highest bit set.
    if days.iter().fold(0, |bits, day| bits | place(day)) >> BITS[part] != 0 {
        return Err(unfit(part, "it is too far away"));
    }
    for (key, day) in keys.iter_mut().zip(days) {
        *key |= Key::from(place(day)) << shift;
    }
    Ok(())
}

/// The place of a part's lowest bit.
fn shift(part: usize) -> u32 {
    BITS[part + 1..].iter().sum()
}

/// The last day of a key's period, in days since 1970.
pub(super) fn period_end(key: Key) -> i32 {
    let middle = 1_i64 << (BITS[PERIOD_END] - 1);
    let day = i64::try_from(ordinal(key, PERIOD_END)).unwrap_or(i64::MAX) - middle;
    i32::try_from(day).expect("a day has at most 27 bits")
}

fn ordinal(key: Key, part: usize) -> usize {
    let bits = (key >> shift(part)) & ((1 << BITS[part]) - 1);
    usize::try_from(bits).expect("a part has at most 27 bits")
}

fn unfit(part: usize, reason: &str) -> DataFusionError {
    DataFusionError::Internal(format!(
        "the column `{}` of the ledger cannot be a part of a cell's key: {reason}",
        CELL_ORDER[part]
    ))
}

#[cfg(test)]
mod tests {
    use arrow::array::Date32Array;
    use arrow::compute::cast;
    use dinh_lake::ledger::{OBSERVATION, sort_order};

    use super::*;

    type Parts = (&'static str, i32, i32, &'static str, &'static str, &'static str);

    const ROWS: [Parts; 8] = [
        ("a", -5, -9, "1.1", "final", "f"),
        ("a", -5, -9, "1.1", "self", "f"),
        ("a", 0, -9, "1.1", "self", "f"),
        ("a", 0, 0, "1.1", "self", "f"),
        ("a", 0, 0, "1.2", "self", "f"),
        ("a", 0, 0, "10.1", "self", "e"),
        ("a", 0, 0, "10.1", "self", "f"),
        ("ab", -40_000_000, 40_000_000, "", "self", "f"),
    ];

    /// The keys of rows, the same for texts as they are and as dictionaries.
    fn keys(cells: &Arc<Cells>, rows: &[Parts]) -> Vec<Key> {
        let text = |of: fn(&Parts) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        let days = |of: fn(&Parts) -> i32| -> ArrayRef {
            Arc::new(Date32Array::from_iter_values(rows.iter().map(of)))
        };
        let columns = [
            text(|row| row.0.to_owned()),
            days(|row| row.1),
            days(|row| row.2),
            text(|row| row.3.to_owned()),
            text(|row| row.4.to_owned()),
            text(|row| row.5.to_owned()),
        ];
        let plain = Keys::new(Arc::clone(cells)).of(&columns.each_ref()).unwrap();
        let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let texts = columns.each_ref().map(|column| match column.data_type() {
            DataType::Utf8 => cast(column, &kind).unwrap(),
            _ => Arc::clone(column),
        });
        let mut keys = Keys::new(Arc::clone(cells));
        for from in [0, 1, 0] {
            let part = texts.each_ref().map(|column| column.slice(from, rows.len() - from));
            assert_eq!(keys.of(&part.each_ref()).unwrap(), plain[from..]);
        }
        plain
    }

    fn check_order(known: KnownTexts) -> bool {
        let cells = Arc::new(Cells::new(Arc::new(known)));
        // Late texts come in no order at all.
        let backwards: Vec<_> = ROWS.into_iter().rev().collect();
        let mut keys = keys(&cells, &backwards);
        keys.reverse();
        for (left, a) in keys.iter().zip(&ROWS) {
            for (right, b) in keys.iter().zip(&ROWS) {
                assert_eq!(cells.compare(*left, *right), a.cmp(b), "{a:?} {b:?}");
            }
        }
        cells.is_late()
    }

    #[test]
    fn cells_are_in_the_order_of_sorted_files() {
        let (cell, stamp) = sort_order(OBSERVATION).split_at(CELL_ORDER.len());
        assert_eq!((cell, stamp), (&CELL_ORDER[..], &["recorded_at"][..]));
    }

    #[test]
    fn keys_are_in_the_order_of_their_columns() {
        let all = KnownTexts::new(["ab", "a"], ["10.1", "1.2", "1.1", ""], ["f", "e"]);
        assert!(!check_order(all));
    }

    #[test]
    fn late_texts_are_in_order_too() {
        assert!(check_order(KnownTexts::new(["a"], ["10.1", "1.1"], ["f", "e"])));
        assert!(check_order(KnownTexts::new([], [], [])));
    }

    #[test]
    fn a_day_beyond_the_key_is_an_error() {
        let cells = Cells::new(Arc::new(KnownTexts::new(["a"], ["1.1"], ["f"])));
        let mut keys = Keys::new(Arc::new(cells));
        let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let day = |day: i32| -> ArrayRef { Arc::new(Date32Array::from(vec![day])) };
        let columns =
            |end: i32| [text("a"), day(end), day(0), text("1.1"), text("self"), text("f")];
        assert!(keys.of(&columns((1 << 26) - 1).each_ref()).is_ok());
        for end in [1 << 26, i32::MIN] {
            let error = keys.of(&columns(end).each_ref()).unwrap_err().to_string();
            assert!(error.contains("period_end"), "{error}");
        }
    }
}
