//! Composite indices: answers worked by hand for every normalisation, mean and rule, and what holds for all of them.

mod golden;
mod laws;
mod soundness;

use std::collections::BTreeMap;

use super::{
    Component, Composite, Drawing, Group, Mean, Method, MissingRule, Normalisation, Outcome,
    RankInterval, Score, UnitFigures,
};
use crate::decimal::Decimal;
use crate::indicator::{
    Behaviour, Direction, Indicator, Rules, Tier, TimeAggregation, UnitAggregation, ValueKind,
};
use crate::observation::Stage;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Indicators of that name whose figures lie from 0 to 1, where more is better.
fn indicators(codes: &[&str]) -> BTreeMap<String, Indicator> {
    let indicator = |code: &&str| Indicator {
        indicator: (*code).to_owned(),
        name_vi: "Chỉ tiêu".to_owned(),
        name_en: None,
        kind: ValueKind::Score,
        unit_of_measure: "điểm".to_owned(),
        pillar: None,
        behaviour: Behaviour::Intensive,
        aggregation: UnitAggregation::Mean,
        aggregation_time: TimeAggregation::None,
        numerator: None,
        denominator: None,
        factor: 1,
        direction: Direction::Higher,
        levels: ["commune".to_owned()].into(),
        stages: [Stage::SelfReported, Stage::Final].into(),
        default_stage: Stage::Final,
        min: Some(Decimal::ZERO),
        max: Decimal::from_integer(1),
        integer: false,
        tier: Tier::Open,
        rebase_weight: "none".to_owned(),
        ranks: None,
        precedence: Vec::new(),
        rules: Rules::default(),
    };
    codes.iter().map(|code| ((*code).to_owned(), indicator(code))).collect()
}

fn component(code: &str, weight: &str) -> Component {
    Component {
        component: code.to_owned(),
        name_vi: None,
        name_en: None,
        indicator: code.to_owned(),
        stage: None,
        weight: decimal(weight),
        max_points: None,
        direction: None,
        normalisation: None,
        lower: None,
        upper: None,
        evidence: None,
    }
}

/// Groups of components with their weights, a share of the maximum each, and plain sums; the full score is 100.
fn composite(groups: &[(&str, &[(&str, &str)])]) -> Composite {
    let sum = |weights: &mut dyn Iterator<Item = Decimal>| {
        Decimal::from_unscaled(weights.map(Decimal::unscaled).sum()).unwrap()
    };
    let group = |(code, components): &(&str, &[(&str, &str)])| {
        let components: Vec<_> = components.iter().map(|(c, w)| component(c, w)).collect();
        Group {
            group: (*code).to_owned(),
            name_vi: "Nhóm".to_owned(),
            name_en: None,
            weight: sum(&mut components.iter().map(|component| component.weight)),
            components,
        }
    };
    let groups: Vec<Group> = groups.iter().map(group).collect();
    Composite {
        composite: "index".to_owned(),
        version: "1".to_owned(),
        name_vi: "Chỉ số".to_owned(),
        name_en: None,
        valid_from: "2024-01-01".parse().unwrap(),
        valid_to: None,
        legal_basis: None,
        level: None,
        normalisation: Normalisation::ShareOfMaximum,
        within_groups: Mean::Arithmetic,
        over_groups: Mean::Arithmetic,
        missing: MissingRule::Refuse,
        threshold: decimal("0.66"),
        weights_total: sum(&mut groups.iter().map(|group| group.weight)),
        full_score: decimal("100"),
        floor: Decimal::ZERO,
        weight_spread: decimal("0.25"),
        draws: 200,
        seed: 1,
        example: true,
        note: None,
        groups,
    }
}

/// A unit's figures, `-` for one that is missing, between spaces.
fn figures(text: &str) -> Vec<Option<Decimal>> {
    text.split(' ').map(|figure| (figure != "-").then(|| decimal(figure))).collect()
}

fn unit(text: &str) -> UnitFigures<'static> {
    UnitFigures { kind: "xa", figures: figures(text), previous: Vec::new() }
}

/// The outcome of each unit: the score, or why there is none.
fn scores(definition: &Composite, units: &[UnitFigures<'_>]) -> Vec<String> {
    let codes: Vec<_> = definition.components().map(|(_, c)| c.indicator.as_str()).collect();
    let indicators = indicators(&codes);
    let method = Method::of(definition, &indicators).unwrap();
    let text = |outcome: &Outcome| match outcome {
        Outcome::Scored(score) => score.score.to_string(),
        Outcome::Unscored(unscored) => format!("{:?}", unscored.why),
    };
    method.outcomes(units).iter().map(text).collect()
}

/// The rank intervals of some scores.
fn intervals(method: &Method<'_>, scores: &[&Score]) -> Vec<RankInterval> {
    let mut drawing = Drawing::new(method, scores.iter().copied());
    while drawing.draw() {}
    drawing.intervals()
}
