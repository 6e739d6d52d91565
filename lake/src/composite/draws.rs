//! The rank interval: between which ranks a unit lies when the weights are drawn anew, many times.
//!
//! Each draw moves the weight of every group and of every component within it by up to `weight_spread`, evenly, and ranks
//! the units by what comes out. The interval is from the 5th to the 95th of a hundred ranks.
//!
//! Invariant: one seed gives one answer, on any machine. The generator is written here (SplitMix64), and of floats only the
//! basic operations are used, in one order.

use super::aggregate::{index, is_plain};
use super::fine::Fine;
use super::method::Method;
use super::score::Score;

/// The ranks that hold nine of ten draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RankInterval {
    /// The rank that one draw in twenty is better than.
    pub from: usize,
    /// The rank that one draw in twenty is worse than.
    pub to: usize,
}

/// The draws of some units among each other, one at a time, so that whoever draws can let others work in between.
#[derive(Debug)]
pub struct Drawing<'m> {
    method: &'m Method<'m>,
    /// By unit, its components on the common scale.
    values: Vec<Vec<f64>>,
    generator: Generator,
    weights: Vec<f64>,
    results: Vec<i64>,
    order: Vec<usize>,
    /// By unit, its rank in each draw.
    ranks: Vec<Vec<u32>>,
    left: u32,
}

impl<'m> Drawing<'m> {
    /// Draws to come for units with these scores.
    #[must_use]
    pub fn new<'s>(method: &'m Method<'m>, scores: impl IntoIterator<Item = &'s Score>) -> Self {
        let floats = |score: &Score| score.fine.iter().map(|value| value.float()).collect();
        let values: Vec<Vec<f64>> = scores.into_iter().map(floats).collect();
        let units = values.len();
        Self {
            method,
            values,
            generator: Generator(u64::from(method.definition.seed)),
            weights: vec![0.0; method.parts.len()],
            results: vec![0; units],
            order: (0..units).collect(),
            ranks: vec![Vec::with_capacity(method.definition.draws as usize); units],
            left: method.definition.draws,
        }
    }

    /// Draws once, if there are draws left; whether there were.
    pub fn draw(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.draw_weights();
        for (result, values) in self.results.iter_mut().zip(&self.values) {
            *result = score(self.method, values, &self.weights);
        }
        let results = &self.results;
        self.order.sort_unstable_by_key(|unit| std::cmp::Reverse(results[*unit]));
        let (mut rank, mut before) = (0, None);
        for (better, unit) in self.order.iter().enumerate() {
            if before != Some(results[*unit]) {
                (rank, before) = (better, Some(results[*unit]));
            }
            self.ranks[*unit].push(u32::try_from(rank + 1).unwrap_or(u32::MAX));
        }
        true
    }

    /// The interval of each unit, in their order.
    #[must_use]
    pub fn intervals(mut self) -> Vec<RankInterval> {
        self.ranks.iter_mut().map(|ranks| interval(ranks)).collect()
    }

    /// New weights. Only their shares count, so they need not sum to anything.
    fn draw_weights(&mut self) {
        let definition = self.method.definition;
        let spread = Fine::of_decimal(definition.weight_spread).float();
        let generator = &mut self.generator;
        let mut factor = || 1.0 + spread * (2.0 * generator.unit() - 1.0);
        let groups: Vec<f64> = definition.groups.iter().map(|_| factor()).collect();
        for (weight, part) in self.weights.iter_mut().zip(&self.method.parts) {
            *weight = part.weight as f64 * groups[part.group] * factor();
        }
    }
}

/// The score under some weights, in millionths as scores have them, so that what is a tie there is one here.
fn score(method: &Method<'_>, values: &[f64], weights: &[f64]) -> i64 {
    let on_scale = if is_plain(method) {
        let (mut sum, mut total) = (0.0, 0.0);
        for (value, weight) in values.iter().zip(weights) {
            sum += value * weight;
            total += weight;
        }
        sum / total
    } else {
        index(method, values, weights)
    };
    let full = method.definition.full_score.unscaled() as f64;
    // The cast saturates; a score is far from the bounds.
    (on_scale * full).round() as i64
}

/// The 5th and the 95th of a hundred, by the nearest rank.
fn interval(ranks: &mut [u32]) -> RankInterval {
    ranks.sort_unstable();
    let at = |percent: usize| {
        let place = (ranks.len() * percent).div_ceil(100).max(1) - 1;
        ranks.get(place).map_or(0, |rank| *rank as usize)
    };
    RankInterval { from: at(5), to: at(95) }
}

/// SplitMix64: each step adds a constant, and the sum is mixed.
#[derive(Debug)]
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly from 0 to under 1, in steps of 2^-53.
    fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next() >> 11) as f64 * STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first values of SplitMix64 from the seed 0, as its author published them.
        let mut generator = Generator(0);
        let first = [generator.next(), generator.next()];
        assert_eq!(first, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn an_interval_leaves_out_a_twentieth_on_each_side() {
        let mut ranks: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(interval(&mut ranks), RankInterval { from: 5, to: 95 });
        assert_eq!(interval(&mut [7]), RankInterval { from: 7, to: 7 });
    }
}
