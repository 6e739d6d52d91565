//! Chance with a seed that is printed: `DINH_TEST_SEED` gives it again, `DINH_TEST_ROUNDS` makes more rounds.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Numbers without end, the same for the same seed (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % limit
    }

    pub(crate) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the seed of a run that failed is given again by whoever looks into it"
)]
pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

pub(crate) fn seed() -> u64 {
    let fresh = || RandomState::new().build_hasher().finish();
    let seed = setting("DINH_TEST_SEED").unwrap_or_else(fresh);
    eprintln!("DINH_TEST_SEED={seed}");
    seed
}
