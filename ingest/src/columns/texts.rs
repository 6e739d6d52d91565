//! A column of texts in which each distinct text stands once, and a row is its number.
//!
//! Codes, labels and notes repeat, and dictionaries come so already. What is judged of a text is then judged once, however
//! many rows have it.
//!
//! Invariant: number 0 is the empty text, which means *not given*.

use dinh_lake::intern::Interner;

/// The number of the empty text.
pub(crate) const EMPTY: u32 = 0;

/// A column of texts.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    words: Interner,
    /// The number of each row's text; none where no row has any.
    keys: Option<Vec<u32>>,
}

impl Texts {
    /// A column that was not sent.
    #[cfg(test)]
    pub(crate) fn missing() -> Self {
        TextsBuilder::with_capacity(0).finish()
    }

    /// A column of texts as they come.
    #[cfg(test)]
    pub(crate) fn from_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut builder = TextsBuilder::with_capacity(0);
        texts.into_iter().for_each(|text| builder.push(text));
        builder.finish()
    }

    /// The number of a row's text.
    pub(crate) fn key(&self, row: usize) -> u32 {
        self.keys.as_ref().map_or(EMPTY, |keys| keys[row])
    }

    /// The text of a row; empty if it was not given.
    pub(crate) fn text(&self, row: usize) -> &str {
        self.words.text(self.key(row))
    }

    /// Whether no row has a text.
    pub(crate) fn is_missing(&self) -> bool {
        self.keys.is_none()
    }

    /// The distinct texts, by number. Some may be in no row.
    pub(crate) fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.texts()
    }

    /// The text of a number.
    pub(crate) fn word(&self, number: u32) -> &str {
        self.words.text(number)
    }

    /// How many distinct texts there are.
    pub(crate) fn words_count(&self) -> usize {
        self.words.len()
    }
}

/// Gathers a column of texts.
#[derive(Debug)]
pub(crate) struct TextsBuilder {
    words: Interner,
    keys: Vec<u32>,
    /// Rows before the first one with a text; they are in `keys` only once there is such a row.
    empty: usize,
    rows: usize,
    last: u32,
}

impl TextsBuilder {
    /// A builder for so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let mut words = Interner::default();
        words.number("");
        Self { words, keys: Vec::new(), empty: 0, rows, last: EMPTY }
    }

    /// The number of a text, to be used with [`Self::push_key`].
    pub(crate) fn word(&mut self, text: &str) -> u32 {
        self.words.number(text)
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, text: &str) {
        // Rows are mostly sorted by something, so the text before is the likeliest one.
        if text.is_empty() {
            return self.push_key(EMPTY);
        }
        if text != self.words.text(self.last) {
            self.last = self.words.number(text);
        }
        self.push_key(self.last);
    }

    /// Adds a row by the number of its text.
    pub(crate) fn push_key(&mut self, key: u32) {
        if self.keys.is_empty() {
            if key == EMPTY {
                self.empty += 1;
                return;
            }
            self.keys.reserve_exact(self.rows.max(self.empty + 1));
            self.keys.resize(self.empty, EMPTY);
        }
        self.keys.push(key);
    }

    /// The column.
    pub(crate) fn finish(self) -> Texts {
        Texts { words: self.words, keys: (!self.keys.is_empty()).then_some(self.keys) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_once() {
        let texts = ["", "", "b", "", "a", "a", "b"];
        let column = Texts::from_texts(texts);
        assert!((0..7).map(|row| column.text(row)).eq(texts));
        assert_eq!(column.words().collect::<Vec<_>>(), ["", "b", "a"]);
        assert_eq!((column.words_count(), column.is_missing()), (3, false));
    }

    #[test]
    fn a_column_of_nothing_takes_no_room() {
        let column = Texts::from_texts(["", "", ""]);
        assert!(column.is_missing());
        assert_eq!((column.text(2), column.key(1)), ("", EMPTY));
    }
}
