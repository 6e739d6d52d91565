//! Judging a text once, however often it repeats.

use std::collections::HashMap;

/// The distinct texts of a column, numbered as they come, each with what was found out about it.
#[derive(Debug)]
pub(super) struct Intern<'a, T> {
    numbers: HashMap<&'a str, usize>,
    found: Vec<T>,
    /// Rows are mostly sorted by something, so the text before is the likeliest one.
    last: Option<(&'a str, usize)>,
}

impl<T> Default for Intern<'_, T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), found: Vec::new(), last: None }
    }
}

impl<'a, T> Intern<'a, T> {
    /// The number of a text; `find` is called if it is new.
    pub(super) fn number(&mut self, text: &'a str, find: impl FnOnce() -> T) -> usize {
        if let Some((last, number)) = self.last
            && last == text
        {
            return number;
        }
        let number = *self.numbers.entry(text).or_insert_with(|| {
            self.found.push(find());
            self.found.len() - 1
        });
        self.last = Some((text, number));
        number
    }

    /// What was found out about the text of a number.
    pub(super) fn at(&self, number: usize) -> &T {
        &self.found[number]
    }
}
