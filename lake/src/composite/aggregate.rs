//! From the values of a unit's components to its score, and from the score back to what each component contributed.

use super::Mean;
use super::fine::Fine;
use super::method::Method;
use super::transcendental::{exponential, logarithm};
use crate::decimal::Decimal;

/// A score with its parts.
pub(super) struct Parted {
    pub(super) score: Decimal,
    /// By component; they sum to the score exactly.
    pub(super) contributions: Vec<Decimal>,
}

/// The score of a unit from all its values; none where it does not fit a decimal.
pub(super) fn score(method: &Method<'_>, values: &[Fine]) -> Option<Parted> {
    let full = method.definition.full_score;
    let parts: Vec<Fine> = if is_plain(method) {
        let weighted = method.parts.iter().zip(values);
        weighted.map(|(part, value)| value.share(part.weight, method.total).times(full)).collect()
    } else {
        contributions(method, values).into_iter().map(|part| part.times(full)).collect()
    };
    let score = parts.iter().fold(Fine::ZERO, |sum, part| sum.plus(*part)).decimal()?;
    Some(Parted { score, contributions: apportioned(&parts, score)? })
}

/// Whether both means are arithmetic, so that the score is a weighted sum.
pub(super) fn is_plain(method: &Method<'_>) -> bool {
    let definition = method.definition;
    [definition.within_groups, definition.over_groups] == [Mean::Arithmetic; 2]
}

/// What each component contributes where a mean is geometric: its group's share of the index, parted by weight times value.
fn contributions(method: &Method<'_>, values: &[Fine]) -> Vec<Fine> {
    let floats: Vec<f64> = values.iter().map(|value| value.float()).collect();
    let weights: Vec<f64> = method.parts.iter().map(|part| part.weight as f64).collect();
    let groups = group_values(method, &floats, &weights);
    let index = over_groups(method, &groups);
    let of_groups: f64 = groups.iter().map(|group| group.weight * group.value).sum();
    let mut within = vec![0.0; groups.len()];
    for (part, (value, weight)) in method.parts.iter().zip(floats.iter().zip(&weights)) {
        within[part.group] += weight * value;
    }
    let contribution = |(index_of, part): (usize, &super::Part<'_>)| {
        let group = &groups[part.group];
        let of_group = ratio(group.weight * group.value, of_groups);
        let of_part = ratio(weights[index_of] * floats[index_of], within[part.group]);
        Fine::of_float(index * of_group * of_part)
    };
    method.parts.iter().enumerate().map(contribution).collect()
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// The value of a group, with the sum of its weights.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GroupValue {
    pub(super) weight: f64,
    pub(super) value: f64,
}

/// The index on the common scale under some weights of its components.
pub(super) fn index(method: &Method<'_>, values: &[f64], weights: &[f64]) -> f64 {
    over_groups(method, &group_values(method, values, weights))
}

fn group_values(method: &Method<'_>, values: &[f64], weights: &[f64]) -> Vec<GroupValue> {
    let mean = method.definition.within_groups;
    let mut groups = vec![GroupValue::default(); method.definition.groups.len()];
    for (part, (value, weight)) in method.parts.iter().zip(values.iter().zip(weights)) {
        let group = &mut groups[part.group];
        group.weight += weight;
        group.value += weight * into(mean, *value);
    }
    for group in &mut groups {
        group.value = out_of(mean, group.value / group.weight);
    }
    groups
}

fn over_groups(method: &Method<'_>, groups: &[GroupValue]) -> f64 {
    let mean = method.definition.over_groups;
    let (mut weight, mut sum) = (0.0, 0.0);
    for group in groups {
        weight += group.weight;
        sum += group.weight * into(mean, group.value);
    }
    out_of(mean, sum / weight)
}

/// What of a value is added up.
fn into(mean: Mean, value: f64) -> f64 {
    match mean {
        Mean::Arithmetic => value,
        Mean::Geometric => logarithm(value),
    }
}

/// The value that a sum stands for.
fn out_of(mean: Mean, sum: f64) -> f64 {
    match mean {
        Mean::Arithmetic => sum,
        Mean::Geometric => exponential(sum),
    }
}

/// Rounds parts down to 6 digits, and gives what is left of their sum to those that lost most; of equals to the first.
fn apportioned(parts: &[Fine], sum: Decimal) -> Option<Vec<Decimal>> {
    let floors: Vec<(i128, i128)> = parts.iter().map(|part| part.floor()).collect();
    let left = sum.unscaled() - floors.iter().map(|(floor, _)| floor).sum::<i128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(floors[*index].1));
    let mut rounded: Vec<i128> = floors.iter().map(|(floor, _)| *floor).collect();
    // The sum was rounded by less than one, and each part lost less than one: `left` is from 0 to the number of parts.
    for index in order.into_iter().take(usize::try_from(left).unwrap_or_default()) {
        rounded[index] += 1;
    }
    rounded.into_iter().map(Decimal::from_unscaled).collect()
}
