//! How measured times are spread.

use std::time::Duration;

/// Times in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread(Vec<Duration>);

impl Spread {
    /// The spread of some times.
    #[must_use]
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// How many times there are.
    #[must_use]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many per cent of all do not exceed (nearest rank); zero if there are none.
    #[must_use]
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect());
        let at = |percent| spread.percentile(percent).as_millis();
        assert_eq!((at(50), at(90), at(99), at(100), at(0)), (100, 180, 198, 200, 1));
        assert_eq!(Spread::of(vec![Duration::from_secs(3)]).percentile(50), Duration::from_secs(3));
        assert_eq!(
            (Spread::default().percentile(50), Spread::default().count()),
            (Duration::ZERO, 0)
        );
    }
}
