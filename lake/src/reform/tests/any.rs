//! What must hold of any units and any two reforms.
//!
//! `PROPTEST_CASES` makes the runs longer; a failure prints the smallest case that it found.

use proptest::prelude::*;

use super::{
    Basis, NaiveDate, Reforms, Share, UnitId, Units, Weight, commune, day, edge, hand_out,
};
use crate::decimal::Decimal;
use crate::succession::{Extent, Succession};

/// The units of each of three orders, at most.
const SIZE: usize = 6;
const BEGINS: [&str; 3] = ["2020-03-01", "2025-01-01", "2025-07-01"];
const ENDS: [&str; 3] = ["2024-12-31", "2025-06-30", ""];
const WITHIN: [&str; 3] = ["2024-05-05", "2025-05-05", "2025-08-08"];

/// An edge to the n-th new unit: how much goes over, and perhaps a weight in hundredths.
type To = (usize, Extent, Option<u8>);

/// For each unit of an order, what becomes of it; nothing where it goes on.
type Reform = Vec<Vec<To>>;

fn reform() -> impl Strategy<Value = Reform> {
    let to = (0..SIZE, prop::sample::select(Extent::ALL), prop::option::of(0..=100_u8));
    prop::collection::vec(prop::collection::vec(to, 0..4), SIZE)
}

/// Everything that a case is made of.
struct World {
    units: Units,
    reforms: Reforms,
}

/// Units `<order>-<n>.1`. Where `whole`, each that does not go on goes to one other, all of it.
fn world(orders: &[Reform], whole: bool) -> World {
    let mut versions = Vec::new();
    let mut edges: Vec<Succession> = Vec::new();
    let mut alive: Vec<(String, usize)> = (0..SIZE).map(|n| (format!("0-{n}.1"), 0)).collect();
    for (order, reform) in orders.iter().enumerate() {
        let mut next = Vec::new();
        let mut new: Vec<String> = Vec::new();
        for (place, (unit, since)) in std::mem::take(&mut alive).into_iter().enumerate() {
            let ways = &reform[place % SIZE];
            if ways.is_empty() {
                next.push((unit, since));
                continue;
            }
            let mut ways = ways.clone();
            ways.sort_by_key(|way| way.0);
            ways.dedup_by_key(|way| way.0);
            // What went whole went nowhere else.
            match ways.iter().find(|way| way.1 == Extent::Whole).copied() {
                Some(way) => ways = vec![way],
                None => ways.truncate(if whole { 1 } else { ways.len() }),
            }
            for (to, extent, weight) in ways {
                // Whole-only worlds have no merger: every unit has a successor of its own.
                let to = if whole { place } else { to };
                let to = format!("{}-{to}.1", order + 1);
                let extent = if whole { Extent::Whole } else { extent };
                let mut edge = edge(&unit, &to, BEGINS[order + 1], extent);
                edge.weights.population =
                    weight.and_then(|w| Decimal::from_unscaled(i128::from(w) * 10_000));
                edges.push(edge);
                new.push(to);
            }
            versions.push(commune(&unit, BEGINS[since], ENDS[order]));
        }
        new.sort();
        new.dedup();
        alive = next;
        alive.extend(new.into_iter().map(|unit| (unit, order + 1)));
    }
    versions.extend(alive.iter().map(|(unit, since)| commune(unit, BEGINS[*since], "")));
    let units = Units::new(versions);
    let reforms = Reforms::new(&units, &edges);
    World { units, reforms }
}

impl World {
    fn at(&self, on: NaiveDate) -> Vec<UnitId> {
        self.units.at(on, None, None, None).into_iter().map(|v| v.unit.clone()).collect()
    }
}

fn days() -> impl Iterator<Item = (NaiveDate, NaiveDate)> {
    WITHIN.iter().flat_map(|from| WITHIN.iter().map(|to| (day(from), day(to))))
}

fn weights(shares: &[Share]) -> Vec<Weight> {
    shares.iter().map(|share| share.weight).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn totals_are_kept(
        orders in prop::collection::vec(reform(), 2),
        figures in prop::collection::vec(-1_000_000_000_i64..1_000_000_000_000, SIZE * SIZE),
        basis in prop::sample::select(Basis::ALL),
    ) {
        let World { units, reforms } = &world(&orders, false);
        for (from, to) in days() {
            let before = world(&orders, false).at(from);
            let (mut total, mut rebased) = (0, 0);
            for (unit, figure) in before.iter().zip(figures.iter().cycle()) {
                let figure = Decimal::from_unscaled(i128::from(*figure)).unwrap();
                let shares = reforms.shares(unit, from, to, basis);
                let sum: u64 = weights(&shares).iter().map(|w| w.steps()).sum();
                prop_assert_eq!(sum, Weight::ONE.steps());
                for share in &shares {
                    prop_assert!(units.version_at(&share.to, to).is_some(), "{} on {}", share.to, to);
                    prop_assert!(share.weight > Weight::ZERO);
                    prop_assert_eq!(share.estimated, share.weight != Weight::ONE);
                }
                total += figure.unscaled();
                let parts = hand_out(figure, &weights(&shares)).unwrap();
                rebased += parts.iter().map(|part| part.unscaled()).sum::<i128>();
            }
            prop_assert_eq!(total, rebased);
        }
    }

    #[test]
    fn whole_units_come_back_as_they_were(orders in prop::collection::vec(reform(), 2)) {
        let world = world(&orders, true);
        for (from, to) in days() {
            for unit in world.at(from) {
                let there = world.reforms.shares(&unit, from, to, Basis::Population);
                prop_assert_eq!(weights(&there), [Weight::ONE]);
                let back = world.reforms.shares(&there[0].to, to, from, Basis::Population);
                prop_assert_eq!(weights(&back), [Weight::ONE]);
                prop_assert_eq!(&back[0].to, &unit);
            }
        }
    }

    #[test]
    fn clusters_partition_the_units_and_hold_every_share(
        orders in prop::collection::vec(reform(), 2),
        basis in prop::sample::select(Basis::ALL),
    ) {
        let world = world(&orders, false);
        for (from, to) in days() {
            let clusters = world.reforms.clusters(&world.units, from, to, basis);
            let sorted = |mut units: Vec<UnitId>| { units.sort(); units };
            let before = clusters.iter().flat_map(|cluster| cluster.before.clone()).collect();
            let after = clusters.iter().flat_map(|cluster| cluster.after.clone()).collect();
            prop_assert_eq!(sorted(before), sorted(world.at(from)));
            prop_assert_eq!(sorted(after), sorted(world.at(to)));
            for cluster in &clusters {
                for unit in &cluster.before {
                    for share in world.reforms.shares(unit, from, to, basis) {
                        prop_assert!(cluster.after.contains(&share.to));
                    }
                }
            }
        }
    }

    #[test]
    fn a_crossing_says_of_every_unit_what_its_shares_say(
        orders in prop::collection::vec(reform(), 2),
        basis in prop::sample::select(Basis::ALL),
    ) {
        let world = world(&orders, false);
        for (from, to) in days() {
            let crossing = world.reforms.crossing(&world.units, from, to, basis);
            for unit in world.at(from) {
                let shares = world.reforms.shares(&unit, from, to, basis);
                match crossing.shares(&unit) {
                    Some(found) => prop_assert_eq!(found, shares.as_slice()),
                    None => prop_assert_eq!(&shares[0].to, &unit),
                }
                for share in shares {
                    prop_assert!(crossing.has_share(&unit, &share.to));
                }
            }
        }
    }
}
