//! Scores worked by hand.

use super::*;

/// Scores of units that have one figure each, under one normalisation of one component.
fn normalised(
    normalisation: Normalisation,
    direction: Direction,
    bounds: (&str, &str),
    figures: &[&str],
) -> Vec<String> {
    let mut definition = composite(&[("g", &[("a", "1")])]);
    definition.normalisation = normalisation;
    let component = &mut definition.groups[0].components[0];
    component.direction = Some(direction);
    (component.lower, component.upper) = (Some(decimal(bounds.0)), Some(decimal(bounds.1)));
    component.max_points = component.upper;
    scores(&definition, &figures.iter().map(|figure| unit(figure)).collect::<Vec<_>>())
}

#[test]
fn every_normalisation() {
    use Direction::{Higher, Lower};
    use Normalisation::{Goalposts, MinMax, Rank, ShareOfMaximum, ZScore};
    for (normalisation, direction, bounds, figures, expected) in [
        (MinMax, Higher, ("0", "1"), "10 20 40", "0 33.333333 100"),
        (MinMax, Lower, ("0", "1"), "10 20 40", "100 66.666667 0"),
        // The mean is 4 and the deviation of the sample 2.
        (ZScore, Higher, ("0", "1"), "2 4 6", "-100 0 100"),
        // The mean is 2.5 and the deviation the root of 5/3; -1.5 over it is -1.161895004.
        (ZScore, Lower, ("0", "1"), "1 2 3 4", "116.1895 38.729833 -38.729833 -116.1895"),
        (Goalposts, Higher, ("20", "85"), "10 52.5 90", "0 50 100"),
        (Goalposts, Lower, ("20", "85"), "10 52.5 90", "100 50 0"),
        (ShareOfMaximum, Higher, ("0", "60"), "0 45 60 66", "0 75 100 100"),
        (ShareOfMaximum, Lower, ("0", "60"), "0 45 60 66", "100 25 0 0"),
        // Of the three others one is worse than a 7 and one is equal, which counts half.
        (Rank, Higher, ("0", "1"), "5 7 9 7", "0 50 100 50"),
        (Rank, Lower, ("0", "1"), "5 7 9 7", "100 50 0 50"),
        // What does not part the units gives each the middle.
        (MinMax, Higher, ("0", "1"), "3 3", "50 50"),
        (Rank, Lower, ("0", "1"), "3 3 3", "50 50 50"),
        (ZScore, Higher, ("0", "1"), "3 3", "0 0"),
    ] {
        let figures: Vec<_> = figures.split(' ').collect();
        let expected: Vec<_> = expected.split(' ').collect();
        let found = normalised(normalisation, direction, bounds, &figures);
        assert_eq!(found, expected, "{normalisation} {direction}");
    }
}

#[test]
fn every_mean() {
    use Mean::{Arithmetic, Geometric};
    let groups: &[(&str, &[(&str, &str)])] =
        &[("g", &[("a", "50"), ("b", "50")]), ("h", &[("c", "100")])];
    // a 0.25 and b 1 make 0.625, or 0.5; with c 0.64 of the same weight.
    for (within, over, expected) in [
        (Arithmetic, Arithmetic, "63.25"),
        (Geometric, Arithmetic, "57"),
        (Arithmetic, Geometric, "63.245553"), // the root of 0.4
        (Geometric, Geometric, "56.568542"),  // the root of 0.32
    ] {
        let mut definition = composite(groups);
        (definition.within_groups, definition.over_groups) = (within, over);
        definition.floor = decimal("0.01");
        assert_eq!(scores(&definition, &[unit("0.25 1 0.64")]), [expected], "{within} {over}");
    }
}

#[test]
fn contributions_are_parts_of_the_score() {
    let mut definition = composite(&[("g", &[("a", "50"), ("b", "50")]), ("h", &[("c", "100")])]);
    let indicators = indicators(&["a", "b", "c"]);
    let contributions = |definition: &Composite, figures: &str| {
        let method = Method::of(definition, &indicators).unwrap();
        let [Outcome::Scored(score)] = &method.outcomes(&[unit(figures)])[..] else { panic!() };
        score.contributions.iter().map(Decimal::to_string).collect::<Vec<_>>()
    };
    assert_eq!(contributions(&definition, "0.25 1 0.64"), ["6.25", "25", "32"]);
    definition.within_groups = Mean::Geometric;
    definition.floor = decimal("0.01");
    // The group has 0.5, a quarter of the whole is 25, parted as 0.25 to 1.
    assert_eq!(contributions(&definition, "0.25 1 0.64"), ["5", "20", "32"]);
    definition.within_groups = Mean::Arithmetic;
    // Three of one weight, 33.333333 each, sum to 100: the first gets what is left over.
    let mut thirds = composite(&[("g", &[("a", "1"), ("b", "1"), ("c", "1")])]);
    thirds.groups[0].components[2].direction = Some(Direction::Lower);
    assert_eq!(contributions(&thirds, "1 1 0"), ["33.333334", "33.333333", "33.333333"]);
}

/// Three units, of which the first lacks `a` and is of the kind of the last.
fn with_a_gap() -> Vec<UnitFigures<'static>> {
    let first = UnitFigures { previous: figures("0.6 0.1 0.1"), ..unit("- 0.8 0.25") };
    let second = UnitFigures { kind: "phuong", ..unit("0.5 0.4 1") };
    vec![first, second, unit("0.9 0.4 1")]
}

#[test]
fn every_rule_for_what_is_missing() {
    let groups: &[(&str, &[(&str, &str)])] =
        &[("g", &[("a", "30"), ("b", "10")]), ("h", &[("c", "60")])];
    // Without `a` there is 10 * 0.8 + 60 * 0.25 = 23 of 70.
    for (rule, expected) in [
        (MissingRule::Refuse, "Missing"),
        (MissingRule::Zero, "23"),
        (MissingRule::MeanOfOthers, "32.857143"), // 100 * 23 / 70
        (MissingRule::MeanOfGroup, "47"),         // 30 * 0.8 more
        (MissingRule::MeanOfUnits, "44"),         // 30 * 0.7 more
        (MissingRule::MeanOfKind, "50"),          // 30 * 0.9 more
        (MissingRule::PreviousPeriod, "41"),      // 30 * 0.6 more
    ] {
        let mut definition = composite(groups);
        definition.missing = rule;
        assert_eq!(scores(&definition, &with_a_gap()), [expected, "79", "91"], "{rule}");
    }
}

#[test]
fn what_cannot_be_filled_in_is_not_made_up() {
    let groups: &[(&str, &[(&str, &str)])] = &[("g", &[("a", "30")]), ("h", &[("c", "70")])];
    for rule in [
        MissingRule::MeanOfGroup,
        MissingRule::MeanOfUnits,
        MissingRule::MeanOfKind,
        MissingRule::PreviousPeriod,
    ] {
        let mut definition = composite(groups);
        definition.missing = rule;
        assert_eq!(scores(&definition, &[unit("- 1")]), ["NotFilled"], "{rule}");
        assert_eq!(scores(&definition, &[unit("- -")]), ["Silent"], "{rule}");
    }
}

#[test]
fn a_threshold_is_a_share_of_the_weight() {
    let mut definition = composite(&[("g", &[("a", "30"), ("b", "10"), ("c", "60")])]);
    definition.missing = MissingRule::Zero;
    for (threshold, expected) in [("0.7", "23"), ("0.700001", "BelowThreshold"), ("0", "23")] {
        definition.threshold = decimal(threshold);
        assert_eq!(scores(&definition, &with_a_gap())[0], expected, "{threshold}");
    }
    definition.threshold = Decimal::ZERO;
    assert_eq!(scores(&definition, &[unit("- - -")]), ["Silent"], "nothing is not a zero");
    let indicators = indicators(&["a", "b", "c"]);
    let method = Method::of(&definition, &indicators).unwrap();
    let outcomes = method.outcomes(&with_a_gap());
    let Outcome::Scored(score) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(
        (score.imputed_share, &score.imputed[..]),
        (decimal("0.3"), &[true, false, false][..])
    );
}

#[test]
fn what_was_filled_in_does_not_move_the_scale() {
    let mut definition = composite(&[("g", &[("a", "50"), ("b", "50")])]);
    definition.missing = MissingRule::PreviousPeriod;
    definition.normalisation = Normalisation::MinMax;
    definition.threshold = decimal("0.5");
    let absent = UnitFigures { previous: figures("900 0"), ..unit("- 0") };
    // 900 is over the greatest figure that there is, 20, and counts as it does.
    assert_eq!(scores(&definition, &[unit("10 0"), unit("20 1"), absent]), ["0", "100", "50"]);
}

#[test]
fn a_seed_gives_one_interval_on_any_machine() {
    let mut definition = composite(&[("g", &[("a", "40"), ("b", "20")]), ("h", &[("c", "40")])]);
    let units =
        ["0.9 0.2 0.5", "0.5 0.6 0.7", "0.6 0.6 0.6", "0.2 0.9 0.8", "0.6 0.6 0.6", "0 0 0"];
    let units: Vec<_> = units.iter().map(|figures| unit(figures)).collect();
    let indicators = indicators(&["a", "b", "c"]);
    let drawn = |definition: &Composite| {
        let method = Method::of(definition, &indicators).unwrap();
        let outcomes = method.outcomes(&units);
        let scores: Vec<_> = outcomes
            .iter()
            .map(|outcome| match outcome {
                Outcome::Scored(score) => score,
                Outcome::Unscored(_) => panic!("{outcome:?}"),
            })
            .collect();
        let pair = |RankInterval { from, to }| (from, to);
        intervals(&method, &scores).into_iter().map(pair).collect::<Vec<_>>()
    };
    // A program of a few lines in another language gives the same.
    definition.draws = 7;
    let of_seeds = [1, 2, 3].map(|seed| {
        definition.seed = seed;
        drawn(&definition)
    });
    let expected = [
        [(1, 5), (1, 4), (2, 3), (2, 5), (2, 3), (6, 6)],
        [(1, 5), (1, 4), (1, 3), (1, 5), (1, 3), (6, 6)],
        [(1, 5), (1, 4), (2, 3), (1, 5), (2, 3), (6, 6)],
    ];
    assert_eq!(of_seeds, expected);
    for mean in [Mean::Arithmetic, Mean::Geometric] {
        (definition.floor, definition.over_groups) = (decimal("0.01"), mean);
        definition.weight_spread = Decimal::ZERO;
        // The weights stay: 60, 60, 60, 58, 60 and the floor; of the geometric mean other ranks.
        let ranks = match mean {
            Mean::Arithmetic => [(1, 1), (1, 1), (1, 1), (5, 5), (1, 1), (6, 6)],
            Mean::Geometric => [(4, 4), (3, 3), (1, 1), (5, 5), (1, 1), (6, 6)],
        };
        assert_eq!(drawn(&definition), ranks, "{mean}");
    }
}
