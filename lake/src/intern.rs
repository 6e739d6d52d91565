//! Texts as small numbers, and the hashing that it takes.
//!
//! The texts come from outside, so every table hashes with secrets of its own: nobody can send texts that all fall into
//! one place. The hash is the folded multiplication of wyhash and its kin, which costs a few nanoseconds for a code.
//!
//! Invariant: equal texts have one number, numbers count up from 0 as texts come, and a number is never given back.

use std::hash::{BuildHasher, Hasher, RandomState};

const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Secrets of a table; makes the hashers of maps whose keys are numbers.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    start: u64,
    factor: u64,
}

impl Default for Seed {
    /// Secrets that nobody outside the process can know.
    fn default() -> Self {
        let random = RandomState::new();
        Self { start: random.hash_one(1_u8), factor: random.hash_one(2_u8) | 1 }
    }
}

impl Seed {
    /// The hash of a text.
    #[must_use]
    #[inline]
    pub fn text(&self, text: &str) -> u64 {
        let bytes = text.as_bytes();
        let mut state = self.start ^ (bytes.len() as u64).wrapping_mul(SPREAD);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let word = word.try_into().expect("chunks have eight bytes");
            state = fold(state ^ u64::from_le_bytes(word), self.factor);
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            state = fold(state ^ rest, self.factor);
        }
        fold(state, SPREAD)
    }
}

impl BuildHasher for Seed {
    type Hasher = Folded;

    #[inline]
    fn build_hasher(&self) -> Folded {
        Folded { state: self.start, factor: self.factor }
    }
}

/// Hashes keys that are made of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Folded {
    state: u64,
    factor: u64,
}

impl Hasher for Folded {
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state, SPREAD)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    #[inline]
    fn write_i32(&mut self, number: i32) {
        self.write_u64(u64::from(number.cast_unsigned()));
    }

    #[inline]
    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    #[inline]
    fn write_isize(&mut self, number: isize) {
        self.write_u64(number.cast_unsigned() as u64);
    }

    #[inline]
    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64);
        self.write_u64((number >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.state = fold(self.state ^ number, self.factor);
    }
}

/// All bits of the one on all bits of the other.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Distinct texts, numbered as they come.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    seed: Seed,
    texts: String,
    /// Where each text ends in `texts`.
    ends: Vec<usize>,
    /// The hash of each text, in part: what tells most others apart.
    hashes: Vec<u32>,
    /// Numbers of texts plus one, each at or after the place that its hash says; 0 is free. Their count is a power of two.
    slots: Vec<u32>,
}

impl Interner {
    /// The number of a text, a new one if it was not seen before.
    ///
    /// # Panics
    /// When there are more than 2^32 - 1 texts.
    #[inline]
    pub fn number(&mut self, text: &str) -> u32 {
        // At most three quarters of the slots are taken.
        if self.ends.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let hash = self.seed.text(text);
        match self.probe(text, hash) {
            Ok(number) => number,
            Err(slot) => {
                let number = u32::try_from(self.ends.len()).expect("there are fewer than 2^32");
                self.texts.push_str(text);
                self.ends.push(self.texts.len());
                self.hashes.push((hash >> 32) as u32);
                self.slots[slot] = number + 1;
                number
            }
        }
    }

    /// The number of a text that was seen before.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.probe(text, self.seed.text(text)).ok()
    }

    /// The text of a number.
    #[must_use]
    #[inline]
    pub fn text(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start..self.ends[number]]
    }

    /// All texts, in order of their numbers.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|number| self.text(number as u32))
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.texts.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + (self.hashes.capacity() + self.slots.capacity()) * size_of::<u32>()
    }

    /// The number of a text, or the slot that is free for it.
    fn probe(&self, text: &str, hash: u64) -> Result<u32, usize> {
        let (mask, part) = (self.slots.len() - 1, (hash >> 32) as u32);
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot].checked_sub(1) {
                None => return Err(slot),
                Some(number)
                    if self.hashes[number as usize] == part && self.text(number) == text =>
                {
                    return Ok(number);
                }
                Some(_) => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(16);
        self.slots = vec![0; size];
        for number in 0..self.ends.len() as u32 {
            let mut slot = self.seed.text(self.text(number)) as usize & (size - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = number + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_number_and_numbers_their_text() {
        let mut interner = Interner::default();
        let texts: Vec<String> = (0..5_000).map(|n| "x".repeat(n % 40) + &n.to_string()).collect();
        for round in 0..2 {
            for (index, text) in texts.iter().enumerate() {
                assert_eq!(interner.number(text), index as u32, "round {round}");
            }
        }
        assert_eq!((interner.len(), interner.text(4_999)), (5_000, texts[4_999].as_str()));
        assert!(interner.texts().eq(texts.iter().map(String::as_str)));
        assert_eq!((interner.find("x1"), interner.find("")), (interner.find("x1"), None));
        assert_eq!(Interner::default().find("x"), None);
    }

    #[test]
    fn texts_that_share_much_have_different_hashes() {
        let seed = Seed::default();
        let mut hashes: Vec<u64> =
            ["", "\0", "\0\0", "0", "00", "12345678", "12345678\0", "87654321"]
                .map(|text| seed.text(text))
                .into();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 8);
        assert_ne!(seed.text("12345678"), Seed::default().text("12345678"), "secrets differ");
    }
}
