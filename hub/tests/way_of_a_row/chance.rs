//! Random numbers from a seed, and the sizes of long runs.
//!
//! A test that needs chance prints its seed; `DINH_TEST_SEED` gives it again. `DINH_TEST_ROUNDS` makes a run longer.
//! `DINH_TEST_WITHOUT`, a list such as `strace,fuse`, says what a machine lacks; without it, what is missing is a failure.

/// Random numbers from a seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    /// From the seed that was given, or from a fresh one; either way it is printed.
    #[expect(clippy::print_stdout, reason = "whoever looks into a run that failed needs its seed")]
    pub(crate) fn seeded() -> Self {
        let fresh = || {
            use std::hash::{BuildHasher as _, Hasher as _};
            std::hash::RandomState::new().build_hasher().finish()
        };
        let seed = given("DINH_TEST_SEED").unwrap_or_else(fresh);
        println!("seed {seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }
}

/// How many rounds to run: as many as `DINH_TEST_ROUNDS` says, or so many.
pub(crate) fn rounds(short: usize) -> usize {
    given("DINH_TEST_ROUNDS").map_or(short, |rounds| usize::try_from(rounds).unwrap())
}

/// Whether a long run was asked for.
pub(crate) fn is_long() -> bool {
    given("DINH_TEST_ROUNDS").is_some()
}

/// Whether `DINH_TEST_WITHOUT` says that this machine lacks something that a test takes; then it does not run.
#[expect(clippy::print_stdout, reason = "who reads that all is well must see what did not run")]
pub(crate) fn is_without(what: &str) -> bool {
    let lacks =
        text("DINH_TEST_WITHOUT").is_some_and(|list| list.split(',').any(|one| one == what));
    if lacks {
        println!("did not run: DINH_TEST_WITHOUT says that there is no {what} here");
    }
    lacks
}

fn given(name: &str) -> Option<u64> {
    let text = text(name)?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{name}` is no number: `{text}`")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the seed of a run that failed, the size of a long one, and what a machine lacks"
)]
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
