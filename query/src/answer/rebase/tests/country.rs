//! A small country: the city 01, its district 273 with sixteen communes, some of their neighbours, and four wards that were
//! divided anew. The codes and what became of Đan Phượng's communes are facts; the rest is made up.

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::FeedClass;
use dinh_lake::indicator::{UnitAggregation, ValueKind};
use dinh_lake::reform::Reforms;
use dinh_lake::succession::{Confidence, Event, Extent, Succession, Weights};
use dinh_lake::unit::{UnitId, UnitVersion, Units};

use super::super::super::cell::{Cell, one_feed_per_cell};
use super::super::super::figures::Figures;
use super::super::super::fixture::{decimal, feed, indicator};
use super::super::super::outline::Seen;
use super::super::super::question::{Asked, On};
use super::super::super::scope::Sources;
use super::super::super::structure::Structure;
use super::super::super::windows::Window;
use super::super::{Rebased, rebase};
use crate::error::QueryError;

const REFORM: &str = "2025-07-01";

/// The communes of Đan Phượng until June 2025.
pub(super) const DAN_PHUONG: [&str; 16] = [
    "09784", "09787", "09790", "09793", "09796", "09799", "09802", "09805", "09808", "09811",
    "09814", "09817", "09820", "09823", "09826", "09829",
];

/// Which of them went where: those in capitals whole, the others with all their people.
const DISSOLVED: [(&str, &[&str], &[&str]); 3] = [
    ("09784", &["09784", "09814", "09823", "09826", "09829"], &[]),
    ("09787", &["09811"], &["09787", "09790", "09793"]),
    ("09817", &["09805", "09817"], &["09796", "09799", "09802", "09808", "09820"]),
];

/// Land without people that crossed between the three, and from outside.
const LAND: [(&str, &str); 5] = [
    ("09787", "09784"),
    ("09796", "09787"),
    ("09808", "09784"),
    ("00607", "09817"),
    ("09007", "09787"),
];

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A question `on` a day or `clusters`, of figures `within` a unit; empty for none.
pub(super) fn asked(on: &str, within: &str) -> Asked {
    let on = if on == "clusters" { On::Clusters } else { On::Day(day(on)) };
    Asked {
        on: Some(on),
        within: (!within.is_empty()).then(|| within.to_owned()),
        ..Asked::default()
    }
}

pub(super) struct Country {
    catalogue: Catalogue,
}

fn version(unit: &str, level: &str, parent: &str, from: &str, to: &str) -> UnitVersion {
    let code = unit.split('.').next().unwrap();
    UnitVersion {
        unit: UnitId(unit.to_owned()),
        code: code.to_owned(),
        name: format!("Đơn vị {code}"),
        name_en: None,
        kind: level.to_owned(),
        level: level.to_owned(),
        parent: (!parent.is_empty()).then(|| UnitId(parent.to_owned())),
        valid_from: day(from),
        valid_to: (!to.is_empty()).then(|| day(to)),
        legal_basis: None,
    }
}

fn units() -> Units {
    let (begin, end) = ("2020-03-01", "2025-06-30");
    let mut versions = vec![version("01.1", "city", "", begin, "")];
    for district in ["273.1", "001.1", "005.1", "009.1"] {
        versions.push(version(district, "district", "01.1", begin, end));
    }
    let old =
        |code: &str, district: &str| version(&format!("{code}.1"), "commune", district, begin, end);
    versions.extend(DAN_PHUONG.iter().map(|code| old(code, "273.1")));
    versions.extend(["00006", "00016", "00025"].map(|code| old(code, "001.1")));
    versions.push(old("00157", "005.1"));
    versions.extend(["00607", "09007", "88888"].map(|code| old(code, "009.1")));
    versions.push(old("99999", "009.1"));
    for unit in ["09784.2", "09787.2", "09817.2", "00008.2", "00004.2", "00607.2", "77777.1"] {
        versions.push(version(unit, "commune", "01.1", REFORM, ""));
    }
    versions.push(version("99999.1", "commune", "01.1", REFORM, ""));
    Units::new(versions)
}

fn edge(from: &str, to: &str, extent: Extent, people: &str) -> Succession {
    let population = (!people.is_empty()).then(|| decimal(people));
    let low = extent == Extent::Part && people.is_empty();
    Succession {
        event: Event::Split,
        from: UnitId(format!("{from}.1")),
        to: UnitId(to.to_owned()),
        effective: day(REFORM),
        extent,
        weights: Weights { population, ..Weights::default() },
        source: None,
        confidence: if low { Confidence::Low } else { Confidence::Declared },
    }
}

fn successions() -> Vec<Succession> {
    let mut edges = Vec::new();
    for (to, whole, people) in DISSOLVED {
        let to = format!("{to}.2");
        edges.extend(whole.iter().map(|from| edge(from, &to, Extent::Whole, "")));
        let all = Extent::PartAreaAllPopulation;
        edges.extend(people.iter().map(|from| edge(from, &to, all, "")));
    }
    edges.extend(LAND.map(|(from, to)| edge(from, &format!("{to}.2"), Extent::PartAreaOnly, "")));
    edges.extend([
        edge("00006", "00008.2", Extent::Whole, ""),
        edge("00016", "00008.2", Extent::Part, ""),
        edge("00016", "00004.2", Extent::Part, ""),
        edge("00025", "00008.2", Extent::Part, "0.3"),
        edge("00025", "00004.2", Extent::Part, "0.7"),
        edge("00157", "00008.2", Extent::Part, ""),
        edge("00157", "00004.2", Extent::Part, ""),
        edge("00607", "00607.2", Extent::PartAreaAllPopulation, ""),
        edge("09007", "00607.2", Extent::Part, ""),
        edge("88888", "77777.1", Extent::Whole, ""),
    ]);
    edges
}

impl Country {
    /// With one indicator, of an aggregation (or of scores), that is split by a weight.
    pub(super) fn new(aggregation: &str, rebase_weight: &str) -> Self {
        let known = UnitAggregation::from_code(aggregation).unwrap_or(UnitAggregation::Mean);
        let mut indicator = indicator("teams", known);
        indicator.rebase_weight = rebase_weight.to_owned();
        if aggregation == "score" {
            indicator.kind = ValueKind::Score;
        }
        let units = units();
        let successions = successions();
        let reforms = Reforms::new(&units, &successions);
        let feeds = ["city", "district"].map(|name| feed(name, FeedClass::Official, 10));
        let catalogue = Catalogue {
            version: 1,
            units,
            reforms,
            indicators: [(indicator.indicator.clone(), indicator)].into(),
            feeds: feeds.into_iter().map(|feed| (feed.feed.clone(), feed)).collect(),
            ..Catalogue::default()
        };
        Self { catalogue }
    }

    /// The figures of some cells as a question shows them.
    pub(super) fn figures(&self, asked: &Asked, cells: Vec<Cell>) -> Figures<'_> {
        let catalogue = &self.catalogue;
        let indicator = &catalogue.indicators["teams"];
        let as_reported = one_feed_per_cell(cells, indicator, catalogue);
        let structure = Structure::asked(catalogue, indicator, asked, None).unwrap();
        let Rebased { cells, together } = rebase(&structure, indicator, &as_reported);
        Figures {
            catalogue,
            seen: Seen { position: 7, as_of: None },
            indicator,
            sources: Sources::of(catalogue, None).unwrap(),
            structure,
            window: Window::default(),
            cells,
            as_reported,
            together,
            reported_ranks: Vec::new(),
            targets: Vec::new(),
            against: None,
        }
    }

    /// A figure of the unit that holds a code since the reform.
    pub(super) fn after(&self, cell: Cell) -> Cell {
        let code = cell.unit.as_str().split('.').next().unwrap();
        let holder = self.catalogue.units.by_code(code, cell.period.end).unwrap();
        Cell { unit: holder.unit.clone(), ..cell }
    }

    /// The cluster that the holder of a code since the reform is.
    pub(super) fn cluster(code: &str) -> String {
        format!("{code}.2")
    }

    pub(super) fn refusal(&self, asked: &Asked) -> QueryError {
        let indicator = &self.catalogue.indicators["teams"];
        Structure::asked(&self.catalogue, indicator, asked, None).unwrap_err()
    }

    pub(super) fn units(&self) -> &Units {
        &self.catalogue.units
    }
}
