//! Reforms of a few units whose answers can be worked out by hand, and of any units in `tests/any.rs`.

mod any;

use super::*;
use crate::decimal::Decimal;
use crate::succession::{Event, Extent, Weights};
use crate::unit::UnitVersion;

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn id(text: &str) -> UnitId {
    UnitId(text.to_owned())
}

/// A commune that was valid from one day to another; no last day while it goes on.
pub(super) fn commune(unit: &str, from: &str, to: &str) -> UnitVersion {
    UnitVersion {
        unit: id(unit),
        code: unit.split('.').next().unwrap_or(unit).to_owned(),
        name: format!("Xã {unit}"),
        name_en: None,
        kind: "xa".to_owned(),
        level: "commune".to_owned(),
        parent: None,
        valid_from: day(from),
        valid_to: (!to.is_empty()).then(|| day(to)),
        legal_basis: None,
    }
}

pub(super) fn edge(from: &str, to: &str, on: &str, extent: Extent) -> Succession {
    Succession {
        event: Event::Split,
        from: id(from),
        to: id(to),
        effective: day(on),
        extent,
        weights: Weights::default(),
        source: None,
        confidence: Confidence::Declared,
    }
}

impl Succession {
    fn people(mut self, weight: &str) -> Self {
        self.weights.population = Some(weight.parse().unwrap());
        self
    }
}

const FIRST: &str = "2025-01-01";
const SECOND: &str = "2025-07-01";
const ALL: Extent = Extent::PartAreaAllPopulation;

/// Six communes, of which five take part in one reform or in two.
fn country() -> Units {
    let old = ["a.1", "b.1", "c.1"].map(|unit| commune(unit, "2020-03-01", "2024-12-31"));
    let middle = ["a.2", "d.1"].map(|unit| commune(unit, "2020-03-01", "2025-06-30"));
    let new = ["x.1", "y.1"].map(|unit| commune(unit, SECOND, ""));
    let same = ["e.1", "f.1"].map(|unit| commune(unit, "2020-03-01", ""));
    let mut versions: Vec<UnitVersion> = old.into_iter().chain(middle).chain(new).collect();
    versions.extend(same);
    let begun = versions.iter_mut().find(|version| version.unit == id("a.2")).unwrap();
    begun.valid_from = day(FIRST);
    Units::new(versions)
}

/// a, b and c made a.2; a.2 went to x and y, d to y with all its people and to x with land, f gave land to x.
fn reforms(weights: bool) -> Reforms {
    let mut to_x = edge("a.2", "x.1", SECOND, Extent::Part);
    if weights {
        to_x = to_x.people("0.3");
    }
    let edges = [
        edge("a.1", "a.2", FIRST, Extent::Whole),
        edge("b.1", "a.2", FIRST, Extent::Whole),
        edge("c.1", "a.2", FIRST, Extent::Whole),
        to_x,
        edge("a.2", "y.1", SECOND, Extent::Part),
        edge("d.1", "x.1", SECOND, Extent::PartAreaOnly),
        edge("d.1", "y.1", SECOND, ALL),
        edge("f.1", "x.1", SECOND, Extent::PartAreaOnly),
    ];
    Reforms::new(&country(), &edges)
}

fn shares(reforms: &Reforms, unit: &str, from: &str, to: &str, basis: Basis) -> Vec<String> {
    let shares = reforms.shares(&id(unit), day(from), day(to), basis);
    let text = |share: &Share| {
        let sure = if share.estimated { share.confidence.code() } else { "exact" };
        format!("{} {} {sure}", share.to, share.weight.decimal())
    };
    shares.iter().map(text).collect()
}

#[test]
fn whole_units_go_whole_and_the_rest_by_weight_or_in_equal_parts() {
    let (guessed, declared) = (reforms(false), reforms(true));
    let forwards = |reforms, unit| shares(reforms, unit, "2024-03-01", "2025-08-01", Basis::Units);
    assert_eq!(forwards(&guessed, "a.1"), ["x.1 0.5 low", "y.1 0.5 low"]);
    assert_eq!(forwards(&declared, "a.1"), ["x.1 0.3 derived", "y.1 0.7 low"]);
    let people = |unit| shares(&declared, unit, "2025-03-01", "2025-08-01", Basis::Population);
    assert_eq!(people("a.2"), ["x.1 0.3 declared", "y.1 0.7 low"]);
    assert_eq!(people("d.1"), ["y.1 1 exact"]);
    assert_eq!(people("f.1"), ["f.1 1 exact"]);
    assert_eq!(people("e.1"), ["e.1 1 exact"]);
    let until = shares(&declared, "b.1", "2024-03-01", "2025-06-30", Basis::Population);
    assert_eq!(until, ["a.2 1 exact"]);
}

#[test]
fn land_follows_the_edges_that_people_do_not() {
    let land = |unit| shares(&reforms(false), unit, "2025-03-01", "2025-08-01", Basis::Area);
    assert_eq!(land("d.1"), ["x.1 0.5 low", "y.1 0.5 low"]);
    // It goes on with the rest of its land.
    assert_eq!(land("f.1"), ["f.1 0.5 low", "x.1 0.5 low"]);
}

#[test]
fn backwards_a_unit_goes_to_those_that_it_came_from() {
    let reforms = reforms(true);
    let back = |unit, to| shares(&reforms, unit, "2025-08-01", to, Basis::Population);
    assert_eq!(back("x.1", "2025-03-01"), ["a.2 1 exact"]);
    let thirds = ["a.1 0.333333 low", "b.1 0.333333 low", "c.1 0.333333 low"];
    assert_eq!(back("x.1", "2024-03-01"), thirds);
    // 0.7 of a.2 came over and all of d.
    assert_eq!(back("y.1", "2025-03-01"), ["a.2 0.411765 low", "d.1 0.588235 low"]);
    assert_eq!(back("f.1", "2024-03-01"), ["f.1 1 exact"]);
    let land = shares(&reforms, "f.1", "2025-08-01", "2025-03-01", Basis::Area);
    assert_eq!(land, ["f.1 1 exact"]);
}

#[test]
fn what_is_split_and_joined_again_is_whole_again() {
    let units = ["p.1", "q.1", "r.1"].map(|unit| commune(unit, "2020-03-01", "2024-12-31"));
    let edges = [
        edge("p.1", "q.1", FIRST, Extent::Part),
        edge("p.1", "r.1", FIRST, Extent::Part),
        edge("q.1", "s.1", SECOND, Extent::Whole),
        edge("r.1", "s.1", SECOND, Extent::Whole),
    ];
    let reforms = Reforms::new(&Units::new(units.into()), &edges);
    let over = shares(&reforms, "p.1", "2024-03-01", "2025-08-01", Basis::Population);
    assert_eq!(over, ["s.1 1 exact"]);
}

#[test]
fn figures_are_handed_out_without_a_loss() {
    let figure = |text: &str| text.parse::<Decimal>().unwrap();
    let reforms = reforms(true);
    let shares = reforms.shares(&id("x.1"), day(SECOND), day("2024-03-01"), Basis::Population);
    let weights: Vec<Weight> = shares.iter().map(|share| share.weight).collect();
    for (whole, parts) in [
        ("100", ["33.333334", "33.333333", "33.333333"]),
        ("-0.000001", ["-0.000001", "0", "0"]),
        ("3", ["1", "1", "1"]),
    ] {
        assert_eq!(hand_out(figure(whole), &weights), Some(parts.map(figure).to_vec()), "{whole}");
    }
}

#[test]
fn clusters_ignore_edges_that_carry_nothing() {
    let (units, reforms) = (country(), reforms(false));
    let clusters = |basis| -> Vec<String> {
        let clusters = reforms.clusters(&units, day("2024-03-01"), day("2025-08-01"), basis);
        let joined =
            |units: &[UnitId]| units.iter().map(UnitId::as_str).collect::<Vec<_>>().join(" ");
        clusters.iter().map(|c| format!("{} -> {}", joined(&c.before), joined(&c.after))).collect()
    };
    let people = ["a.1 b.1 c.1 d.1 -> x.1 y.1", "e.1 -> e.1", "f.1 -> f.1"];
    assert_eq!(clusters(Basis::Population), people);
    assert_eq!(clusters(Basis::Area), ["a.1 b.1 c.1 d.1 f.1 -> f.1 x.1 y.1", "e.1 -> e.1"]);
}

#[test]
fn comparable_units_are_the_clusters_of_all_time() {
    let (units, reforms) = (country(), reforms(false));
    let comparable = reforms.comparable(&units, Basis::Villages);
    let all: Vec<_> = comparable.units.versions().iter().map(|v| v.unit.as_str()).collect();
    assert_eq!(all, ["e.1", "f.1", "x.1+y.1"]);
    for unit in ["a.1", "a.2", "d.1", "y.1"] {
        assert_eq!(comparable.of(&id(unit)), Some(&id("x.1+y.1")), "{unit}");
    }
    let cluster = comparable.units.latest(&id("x.1+y.1")).unwrap();
    assert_eq!((cluster.name.as_str(), cluster.code.as_str()), ("Xã x.1 + Xã y.1", "x+y"));
    let related = reforms.related(&id("x.1"));
    assert_eq!(related, ["a.1", "a.2", "b.1", "c.1", "d.1", "f.1", "x.1"].map(id));
}
