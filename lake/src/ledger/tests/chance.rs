//! Random numbers from a seed, and the sizes of long runs.
//!
//! A test that needs chance prints its seed; `DINH_TEST_SEED` gives it again. `DINH_TEST_ROUNDS` makes a run longer.

/// Random numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// From the seed that was given, or from a fresh one; either way it is printed.
    pub(super) fn seeded() -> Self {
        let fresh = || {
            use std::hash::{BuildHasher as _, Hasher as _};
            std::hash::RandomState::new().build_hasher().finish()
        };
        let seed = given("DINH_TEST_SEED").unwrap_or_else(fresh);
        println!("DINH_TEST_SEED={seed}");
        Self(seed)
    }

    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to `bound`, which is not reached.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Chance of its own for something within this run.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}

/// How many rounds to run: as many as `DINH_TEST_ROUNDS` says, or so many.
pub(super) fn rounds(short: usize) -> usize {
    given("DINH_TEST_ROUNDS").map_or(short, |rounds| usize::try_from(rounds).unwrap())
}

/// A number from the environment of whoever runs the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the seed of a run that failed and the size of a long one are given by whoever runs it"
)]
fn given(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{name}` is no number: `{text}`")))
}
