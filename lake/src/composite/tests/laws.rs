//! What holds for every definition and all figures. `PROPTEST_CASES` tries more of them.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const KINDS: [&str; 2] = ["phuong", "xa"];

/// A sound definition of up to 12 components.
fn definitions() -> impl Strategy<Value = Composite> {
    let weights = vec(vec(1_u32..50, 1..5), 1..4);
    let choices = (
        select(Normalisation::ALL.to_vec()),
        select(Mean::ALL.to_vec()),
        select(Mean::ALL.to_vec()),
        select(MissingRule::ALL.to_vec()),
        any::<u32>(),
    );
    (weights, choices).prop_map(|(weights, (normalisation, within, over, missing, seed))| {
        let mut codes = ('a'..='z').map(|letter| letter.to_string());
        let rows: Vec<Vec<(String, String)>> = weights
            .iter()
            .map(|group| group.iter().map(|w| (codes.next().unwrap(), w.to_string())).collect())
            .collect();
        let rows: Vec<Vec<(&str, &str)>> = rows
            .iter()
            .map(|group| group.iter().map(|(c, w)| (c.as_str(), w.as_str())).collect())
            .collect();
        let groups: Vec<_> =
            rows.iter().zip(["g", "h", "i"]).map(|(row, code)| (code, row.as_slice())).collect();
        let mut definition = composite(&groups);
        let scored = normalisation == Normalisation::ZScore;
        definition.normalisation = normalisation;
        definition.missing = match missing {
            MissingRule::Zero if scored => MissingRule::MeanOfUnits,
            other => other,
        };
        if !scored {
            (definition.within_groups, definition.over_groups) = (within, over);
            definition.floor = decimal("0.01");
        }
        (definition.threshold, definition.seed, definition.draws) = (decimal("0.3"), seed, 40);
        definition
    })
}

/// A definition with the figures of up to 12 units, a tenth of them missing.
fn cases() -> impl Strategy<Value = (Composite, Vec<UnitFigures<'static>>)> {
    let figure = || {
        weighted(0.9, (0_i64..=1_000_000).prop_map(|n| Decimal::from_unscaled(n.into()).unwrap()))
    };
    definitions().prop_flat_map(move |definition| {
        let components = definition.components().count();
        let row = vec(figure(), components);
        let unit = (select(KINDS.to_vec()), row.clone(), row)
            .prop_map(|(kind, figures, previous)| UnitFigures { kind, figures, previous });
        (Just(definition), vec(unit, 1..12))
    })
}

/// Scores with their intervals, none for units without a score.
fn run(
    definition: &Composite,
    units: &[UnitFigures<'_>],
) -> (Vec<Outcome>, Vec<Option<RankInterval>>) {
    let codes: Vec<_> = definition.components().map(|(_, c)| c.indicator.as_str()).collect();
    let indicators = indicators(&codes);
    let method = Method::of(definition, &indicators).unwrap();
    let outcomes = method.outcomes(units);
    let score = |outcome: &Outcome| match outcome {
        Outcome::Scored(score) => Some(score.clone()),
        Outcome::Unscored(_) => None,
    };
    let scored: Vec<_> = outcomes.iter().filter_map(score).collect();
    let mut drawn = intervals(&method, &scored.iter().collect::<Vec<_>>()).into_iter();
    let intervals = outcomes.iter().map(|o| score(o).and_then(|_| drawn.next())).collect();
    (outcomes, intervals)
}

proptest! {
    #[test]
    fn contributions_sum_to_the_score((definition, units) in cases()) {
        for outcome in run(&definition, &units).0 {
            let Outcome::Scored(score) = outcome else { continue };
            let sum: i128 = score.contributions.iter().map(|c| c.unscaled()).sum();
            prop_assert_eq!(Decimal::from_unscaled(sum), Some(score.score));
            if definition.normalisation != Normalisation::ZScore {
                prop_assert!(score.score <= definition.full_score && score.score >= Decimal::ZERO);
            }
            prop_assert_eq!(score.imputed_share == Decimal::ZERO, !score.imputed.contains(&true));
        }
    }

    #[test]
    fn the_order_of_units_changes_nothing((definition, units) in cases()) {
        let (outcomes, intervals) = run(&definition, &units);
        let reversed: Vec<_> = units.iter().rev().cloned().collect();
        let (mut back, mut back_intervals) = run(&definition, &reversed);
        back.reverse();
        back_intervals.reverse();
        prop_assert_eq!(back, outcomes);
        prop_assert_eq!(back_intervals, intervals);
    }

    #[test]
    fn the_seed_determines_the_interval((definition, units) in cases()) {
        prop_assert_eq!(run(&definition, &units), run(&definition, &units));
        let (outcomes, intervals) = run(&definition, &units);
        let still = Composite { weight_spread: Decimal::ZERO, ..definition };
        let of_still = run(&still, &units).1;
        for (outcome, (drawn, still)) in outcomes.iter().zip(intervals.iter().zip(&of_still)) {
            let (Outcome::Scored(score), Some(drawn), Some(still)) = (outcome, drawn, still) else {
                continue;
            };
            prop_assert!(drawn.from <= drawn.to);
            // Without spread each draw is the ranking itself.
            let better = outcomes.iter().filter(|other| {
                matches!(other, Outcome::Scored(other) if other.score > score.score)
            });
            let rank = better.count() + 1;
            prop_assert_eq!((still.from, still.to), (rank, rank));
        }
    }
}
