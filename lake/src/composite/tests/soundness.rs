//! Definitions that cannot be used.

use super::super::method::MethodError;
use super::super::{Place, check};
use super::*;

fn sound() -> Composite {
    composite(&[("g", &[("a", "30"), ("b", "10")]), ("h", &[("c", "60")])])
}

/// Where each fault is, and of what.
fn faults(definition: &Composite) -> Vec<(Place, &'static str)> {
    let indicators = indicators(&["a", "b", "c"]);
    let faults = check(definition, |code| indicators.get(code));
    assert!(faults.iter().all(|fault| fault.message != fault.message_vi));
    faults.iter().map(|fault| (fault.place, fault.field)).collect()
}

#[test]
fn each_fault_is_told_where_it_is() {
    use Place::{Component as C, Group as G, Version as V};
    type Spoil = fn(&mut Composite);
    let cases: &[(Spoil, &[(Place, &str)])] = &[
        (|_| (), &[]),
        (|d| d.threshold = decimal("1.1"), &[(V, "threshold")]),
        (|d| d.floor = decimal("1"), &[(V, "floor")]),
        (|d| d.weight_spread = decimal("1"), &[(V, "weight_spread")]),
        (|d| d.draws = 0, &[(V, "draws")]),
        (|d| d.full_score = Decimal::ZERO, &[(V, "full_score")]),
        (|d| d.valid_to = "2023-12-31".parse().ok(), &[(V, "valid_to")]),
        (|d| d.weights_total = decimal("99"), &[(V, "weights_total")]),
        (|d| d.groups[1].weight = decimal("59"), &[(V, "weights_total"), (G(1), "weight")]),
        (
            |d| d.groups[1].components[0].weight = decimal("-60"),
            &[(G(1), "weight"), (C(2), "weight")],
        ),
        (|d| d.groups[1].components.clear(), &[(G(1), "group")]),
        (|d| d.groups[1].group = "g".to_owned(), &[(G(1), "group")]),
        (|d| d.groups[1].components[0].component = "a".to_owned(), &[(C(2), "component")]),
        (|d| d.groups[1].components[0].indicator = "a".to_owned(), &[(C(2), "indicator")]),
        (|d| d.groups[0].components[1].stage = Some(Stage::Survey), &[(C(1), "stage")]),
        (
            |d| d.groups[0].components[1].direction = Some(Direction::Neutral),
            &[(C(1), "direction")],
        ),
        (
            |d| d.level = Some("city".to_owned()),
            &[(C(0), "indicator"), (C(1), "indicator"), (C(2), "indicator")],
        ),
        (|d| d.groups[0].components[1].max_points = Some(Decimal::ZERO), &[(C(1), "max_points")]),
        (
            |d| {
                d.normalisation = Normalisation::Goalposts;
                d.groups[0].components[1].lower = Some(decimal("1"));
            },
            &[(C(1), "lower")],
        ),
        (|d| d.within_groups = Mean::Geometric, &[(V, "floor")]),
        (
            |d| {
                d.groups[0].components[0].normalisation = Some(Normalisation::ZScore);
                d.over_groups = Mean::Geometric;
            },
            &[(V, "within_groups")],
        ),
        (
            |d| {
                d.normalisation = Normalisation::ZScore;
                (d.missing, d.floor) = (MissingRule::Zero, decimal("0.1"));
            },
            &[(V, "missing"), (V, "floor")],
        ),
    ];
    for (number, (spoil, expected)) in cases.iter().enumerate() {
        let mut definition = sound();
        spoil(&mut definition);
        assert_eq!(faults(&definition), *expected, "case {number}");
    }
}

#[test]
fn a_geometric_mean_may_do_without_a_floor() {
    let mut definition = sound();
    definition.over_groups = Mean::Geometric;
    definition.normalisation = Normalisation::Goalposts;
    for group in &mut definition.groups {
        for component in &mut group.components {
            // The indicators' figures begin at 0, so none reaches the lower goalpost.
            component.lower = Some(decimal("-0.1"));
        }
    }
    assert_eq!(faults(&definition), []);
    definition.missing = MissingRule::Zero;
    assert_eq!(faults(&definition), [(Place::Version, "floor")]);
}

#[test]
fn an_indicator_that_is_gone_is_named() {
    let definition = sound();
    let error = Method::of(&definition, &indicators(&["a", "c"])).unwrap_err();
    assert_eq!(error, MethodError::UnknownIndicators(vec!["b".to_owned()]));
    let mut definition = sound();
    definition.draws = 0;
    let indicators = indicators(&["a", "b", "c"]);
    let error = Method::of(&definition, &indicators).unwrap_err();
    assert!(matches!(error, MethodError::Unsound(faults) if faults.len() == 1));
}
