//! What makes a definition sound. The same for a file that an official edits and for a record that is about to be used.

use std::collections::BTreeMap;

use super::method::{FixedScale, fixed_scale, lower_is_better, normalisation, stage};
use super::{
    COMPONENTS_MAX, Component, Composite, DRAWS_MAX, Mean, MissingRule, Normalisation,
    WEIGHTS_TOTAL_MAX,
};
use crate::decimal::Decimal;
use crate::indicator::{Direction, Indicator};

/// Where in a definition a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In what is said of the whole version.
    Version,
    /// In what is said of a group, by its place.
    Group(usize),
    /// In what is said of a component, by its place in the whole version.
    Component(usize),
}

/// One thing that is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFault {
    /// Where.
    pub place: Place,
    /// The field.
    pub field: &'static str,
    /// What is wrong and what to do, in English.
    pub message: String,
    /// What is wrong and what to do, in Vietnamese.
    pub message_vi: String,
}

/// Everything that is wrong with a definition, in order of place. Components whose indicator is not found are passed over:
/// whoever looks for it says so.
#[must_use]
pub fn check<'a>(
    definition: &Composite,
    find: impl Fn(&str) -> Option<&'a Indicator>,
) -> Vec<DefinitionFault> {
    let mut faults = Faults(Vec::new());
    bounds(definition, &mut faults);
    weights(definition, &mut faults);
    twice(definition, &find, &mut faults);
    for (index, (_, component)) in definition.components().enumerate() {
        if let Some(indicator) = find(&component.indicator) {
            of_component(definition, index, component, indicator, &mut faults);
        }
    }
    means(definition, &find, &mut faults);
    faults.0.sort_by_key(|fault| fault.place);
    faults.0
}

struct Faults(Vec<DefinitionFault>);

impl Faults {
    fn tell(&mut self, place: Place, field: &'static str, vi: String, en: String) {
        self.0.push(DefinitionFault { place, field, message: en, message_vi: vi });
    }
}

fn whole(n: i64) -> Decimal {
    Decimal::from_integer(n).expect("it has at most 12 digits")
}

/// What is said of the whole version lies within its bounds.
fn bounds(definition: &Composite, faults: &mut Faults) {
    let (zero, one) = (Decimal::ZERO, whole(1));
    let most = whole(WEIGHTS_TOTAL_MAX);
    let Composite { threshold, weights_total, full_score, floor, weight_spread, draws, .. } =
        definition;
    let shares = [
        ("threshold", *threshold, *threshold >= zero && *threshold <= one, "0 to 1", "0 đến 1"),
        ("floor", *floor, *floor >= zero && *floor < one, "0 to under 1", "0 đến dưới 1"),
        (
            "weight_spread",
            *weight_spread,
            *weight_spread >= zero && *weight_spread < one,
            "0 to under 1",
            "0 đến dưới 1",
        ),
    ];
    for (field, value, fits, en, vi) in shares {
        if !fits {
            let vi = format!("`{value}` không nằm trong khoảng từ {vi}");
            faults.tell(Place::Version, field, vi, format!("`{value}` does not lie from {en}"));
        }
    }
    for (field, value) in [("weights_total", *weights_total), ("full_score", *full_score)] {
        if value <= zero || value > most {
            let vi = format!("`{value}` phải lớn hơn 0 và không quá {most}");
            let en = format!("`{value}` must be over 0 and at most {most}");
            faults.tell(Place::Version, field, vi, en);
        }
    }
    if !(1..=DRAWS_MAX).contains(draws) {
        let vi = format!("`{draws}` không nằm trong khoảng từ 1 đến {DRAWS_MAX}");
        let en = format!("`{draws}` does not lie from 1 to {DRAWS_MAX}");
        faults.tell(Place::Version, "draws", vi, en);
    }
    if definition.valid_to.is_some_and(|last| last < definition.valid_from) {
        let (last, first) = (definition.valid_to.unwrap_or_default(), definition.valid_from);
        let vi = format!("`{last}` trước `valid_from` `{first}`");
        let en = format!("`{last}` is before the `valid_from` `{first}`");
        faults.tell(Place::Version, "valid_to", vi, en);
    }
    let components = definition.components().count();
    if definition.groups.is_empty() || components > COMPONENTS_MAX {
        let vi = format!("có {components} thành phần; phải có từ 1 đến {COMPONENTS_MAX}");
        let en = format!("it has {components} components; there must be 1 to {COMPONENTS_MAX}");
        faults.tell(Place::Version, "version", vi, en);
    }
}

/// Weights are positive and add up.
fn weights(definition: &Composite, faults: &mut Faults) {
    let sum = |weights: &mut dyn Iterator<Item = Decimal>| {
        weights.map(Decimal::unscaled).fold(0_i128, i128::saturating_add)
    };
    let shown = |unscaled: i128| match Decimal::from_unscaled(unscaled) {
        Some(sum) => sum.to_string(),
        None => "?".to_owned(),
    };
    for (index, (_, component)) in definition.components().enumerate() {
        if component.weight <= Decimal::ZERO {
            let vi = format!("trọng số `{}` phải lớn hơn 0", component.weight);
            let en = format!("the weight `{}` must be over 0", component.weight);
            faults.tell(Place::Component(index), "weight", vi, en);
        }
    }
    for (index, group) in definition.groups.iter().enumerate() {
        let place = Place::Group(index);
        if group.components.is_empty() {
            let vi = format!("nhóm `{}` không có thành phần nào", group.group);
            let en = format!("the group `{}` has no component", group.group);
            faults.tell(place, "group", vi, en);
            continue;
        }
        let parts = sum(&mut group.components.iter().map(|component| component.weight));
        if parts != group.weight.unscaled() {
            let (parts, weight) = (shown(parts), group.weight);
            let vi =
                format!("các trọng số thành phần cộng lại là `{parts}`, không phải `{weight}`");
            let en = format!("the weights of its components sum to `{parts}`, not to `{weight}`");
            faults.tell(place, "weight", vi, en);
        }
    }
    let groups = sum(&mut definition.groups.iter().map(|group| group.weight));
    if groups != definition.weights_total.unscaled() {
        let (groups, total) = (shown(groups), definition.weights_total);
        let vi = format!("các trọng số nhóm cộng lại là `{groups}`, không phải `{total}`");
        let en = format!("the weights of its groups sum to `{groups}`, not to `{total}`");
        faults.tell(Place::Version, "weights_total", vi, en);
    }
}

/// No code stands twice, and no figure counts twice.
fn twice<'a>(
    definition: &Composite,
    find: impl Fn(&str) -> Option<&'a Indicator>,
    faults: &mut Faults,
) {
    let mut groups = BTreeMap::new();
    for (index, group) in definition.groups.iter().enumerate() {
        if groups.insert(&group.group, index).is_some() {
            let vi = format!("nhóm `{}` bị lặp lại", group.group);
            let en = format!("the group `{}` stands twice", group.group);
            faults.tell(Place::Group(index), "group", vi, en);
        }
    }
    let (mut codes, mut figures) = (BTreeMap::new(), BTreeMap::new());
    for (index, (_, component)) in definition.components().enumerate() {
        let place = Place::Component(index);
        if codes.insert(&component.component, index).is_some() {
            let vi = format!("thành phần `{}` bị lặp lại", component.component);
            let en = format!("the component `{}` stands twice", component.component);
            faults.tell(place, "component", vi, en);
        }
        let Some(indicator) = find(&component.indicator) else { continue };
        let stage = stage(component, indicator, None);
        if let Some(other) = figures.insert((&component.indicator, stage), &component.component) {
            let vi = format!(
                "số liệu `{}` giai đoạn `{stage}` đã tính ở `{other}`",
                indicator.indicator
            );
            let en = format!(
                "the figures of `{}` at the stage `{stage}` count in `{other}` already",
                indicator.indicator
            );
            faults.tell(place, "indicator", vi, en);
        }
    }
}

/// What one component says goes with its indicator.
fn of_component(
    definition: &Composite,
    index: usize,
    component: &Component,
    indicator: &Indicator,
    faults: &mut Faults,
) {
    let place = Place::Component(index);
    if let Some(stage) = component.stage.filter(|stage| !indicator.stages.contains(stage)) {
        let known = indicator.stages.iter().map(|stage| format!("`{stage}`"));
        let known = known.collect::<Vec<_>>().join(", ");
        let code = &indicator.indicator;
        let vi = format!("`{code}` không có giai đoạn `{stage}`; chỉ có {known}");
        let en = format!("`{code}` has no stage `{stage}`; it has {known}");
        faults.tell(place, "stage", vi, en);
    }
    if lower_is_better(component, indicator).is_none() {
        let code = &indicator.indicator;
        let (higher, lower) = (Direction::Higher, Direction::Lower);
        let vi = format!("`{code}` không nói hướng nào tốt hơn; hãy ghi `{higher}` hoặc `{lower}`");
        let en =
            format!("`{code}` does not say which way is better; write `{higher}` or `{lower}`");
        faults.tell(place, "direction", vi, en);
    }
    if let Some(level) = definition.level.as_ref().filter(|l| !indicator.levels.contains(*l)) {
        let code = &indicator.indicator;
        let vi = format!("`{code}` không báo cáo ở cấp `{level}`");
        let en = format!("`{code}` is not reported at the level `{level}`");
        faults.tell(place, "indicator", vi, en);
    }
    match (normalisation(definition, component), fixed_scale(definition, component, indicator)) {
        (Normalisation::Goalposts, Some(FixedScale { lower, upper })) if lower >= upper => {
            let vi = format!("`{lower}` không nhỏ hơn `upper` `{upper}`");
            let en = format!("`{lower}` is not under the `upper` `{upper}`");
            faults.tell(place, "lower", vi, en);
        }
        (Normalisation::Goalposts, None) => {
            let code = &indicator.indicator;
            let vi = format!("cần `lower` và `upper`: `{code}` không có đủ `min` và `max`");
            let en =
                format!("needs `lower` and `upper`: `{code}` does not have both `min` and `max`");
            faults.tell(place, "lower", vi, en);
        }
        (Normalisation::ShareOfMaximum, scale)
            if scale.is_none_or(|scale| scale.upper <= Decimal::ZERO) =>
        {
            let code = &indicator.indicator;
            let vi = format!("cần một số lớn hơn 0: `{code}` không có `max` như vậy");
            let en = format!("needs a number over 0: `{code}` has no such `max`");
            faults.tell(place, "max_points", vi, en);
        }
        _ => {}
    }
}

/// Normalisations, means and the rule for what is missing go together.
fn means<'a>(
    definition: &Composite,
    find: impl Fn(&str) -> Option<&'a Indicator>,
    faults: &mut Faults,
) {
    let scored = definition
        .components()
        .find(|(_, c)| normalisation(definition, c) == Normalisation::ZScore)
        .map(|(_, component)| component.component.as_str());
    let geometric = [definition.within_groups, definition.over_groups].contains(&Mean::Geometric);
    if let Some(code) = scored {
        if geometric {
            let vi =
                format!("trung bình nhân cần giá trị dương, mà `{code}` dùng `z_score` có thể âm");
            let en = format!(
                "a geometric mean needs values over 0, and `{code}` has a `z_score`, which may be below"
            );
            faults.tell(Place::Version, "within_groups", vi, en);
            return;
        }
        if definition.missing == MissingRule::Zero {
            let vi = format!(
                "`zero` với `z_score` của `{code}` là mức trung bình, không phải không điểm"
            );
            let en =
                format!("`zero` is the mean of the `z_score` of `{code}`, not the lack of points");
            faults.tell(Place::Version, "missing", vi, en);
        }
        if definition.floor != Decimal::ZERO {
            let vi = format!("`z_score` của `{code}` không có mức sàn; hãy ghi 0");
            let en = format!("the `z_score` of `{code}` has no floor; write 0");
            faults.tell(Place::Version, "floor", vi, en);
        }
    }
    if !geometric || definition.floor > Decimal::ZERO {
        return;
    }
    let may_be_zero = |component: &&Component| match find(&component.indicator) {
        Some(indicator) => reaches_zero(definition, component, indicator),
        None => false,
    };
    let zeroes: Vec<_> =
        definition.components().map(|(_, component)| component).filter(may_be_zero).collect();
    if let Some(first) = zeroes.first() {
        let (count, code) = (zeroes.len(), &first.component);
        let vi = format!(
            "trung bình nhân cần giá trị dương, mà {count} thành phần có thể bằng 0, trước hết là `{code}`; hãy ghi \
             một mức sàn như `0.01`"
        );
        let en = format!(
            "a geometric mean needs values over 0, and {count} components may count 0, first `{code}`; write a floor \
             such as `0.01`"
        );
        faults.tell(Place::Version, "floor", vi, en);
    }
}

/// Whether a component may count 0 where there is no floor.
fn reaches_zero(definition: &Composite, component: &Component, indicator: &Indicator) -> bool {
    let Some(FixedScale { lower, upper }) = fixed_scale(definition, component, indicator) else {
        // The least of the units counts 0 by definition.
        return true;
    };
    let reaches = match lower_is_better(component, indicator) {
        Some(true) => indicator.max.is_none_or(|max| max >= upper),
        _ => indicator.min.is_none_or(|min| min <= lower),
    };
    reaches || definition.missing == MissingRule::Zero
}
