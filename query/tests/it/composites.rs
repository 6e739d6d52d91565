//! Composite indices: the example definitions of `deploy/hanoi` over made-up figures, asked as anybody asks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use dinh_lake::catalogue::{Record, RecordKind};
use dinh_lake::composite::Composite;
use dinh_lake::indicator::Tier;
use dinh_lake::unit::UnitId;
use dinh_query::{Access, ErrorKind};
use serde_json::Value;

use crate::door;
use crate::hanoi::{Hanoi, Row, row};

const FEED: &str = "composite-example";
const DTI: &str = "example_dti_commune";

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Made-up points of the 579 communes for the 47 components, a tenth of them missing. The first commune says nothing, and
/// the second only something of the first 20 components.
fn commune_figures(hanoi: &Hanoi, period: &str, seed: u64) -> Vec<Row> {
    let catalogue = hanoi.lake.catalogue();
    let on = NaiveDate::from_ymd_opt(2024, 12, 31).unwrap();
    let ha_noi = UnitId("01.1".to_owned());
    let communes = catalogue.units.at(on, Some("commune"), None, Some(&ha_noi));
    assert_eq!(communes.len(), 579);
    let definition = &catalogue.composites[&format!("{DTI}/2025")];
    let components: Vec<_> = definition.components().map(|(_, c)| c.indicator.as_str()).collect();
    let mut chance = Chance(seed);
    let mut rows = Vec::new();
    for (place, commune) in communes.iter().enumerate().skip(1) {
        for (index, component) in components.iter().enumerate() {
            let (points, gap) = (chance.below(101), chance.below(10) == 0);
            if gap || (place == 1 && index >= 20) {
                continue;
            }
            let value = format!("{}.{}", points / 10, points % 10);
            rows.push(row(&[
                ("indicator", component),
                ("unit", &commune.code),
                ("period", period),
                ("value", &value),
            ]));
        }
    }
    rows
}

/// A city with made-up figures of two years, and definitions that draw few times, so that tests are quick.
async fn two_years() -> Hanoi {
    let hanoi = Hanoi::empty().await;
    let composites = hanoi.lake.catalogue().composites.clone();
    let few = composites.into_values().map(|one| Record::from(&Composite { draws: 100, ..one }));
    hanoi.lake.apply(few.collect()).await.unwrap();
    for (period, seed) in [("2023", 1), ("2024", 2)] {
        let rows = commune_figures(&hanoi, period, seed);
        hanoi.push(FEED, period, &rows).await;
    }
    hanoi
}

async fn ask(hanoi: &Hanoi, composite: &str, parameters: &[(&str, &str)]) -> Value {
    let mut all = vec![("composite", composite), ("feed", FEED)];
    all.extend(parameters);
    hanoi.ask("composites", &all).await.unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn list<'v>(value: &'v Value, field: &str) -> &'v Vec<Value> {
    value[field].as_array().unwrap()
}

/// The score of each unit.
fn scores(answer: &Value) -> BTreeMap<String, String> {
    let score = |row: &Value| (row["unit"].as_str().unwrap().to_owned(), row["score"].to_string());
    list(answer, "rows").iter().map(score).collect()
}

#[tokio::test]
async fn the_47_components_of_579_communes_over_two_years() {
    let hanoi = two_years().await;
    a_tenth_is_missing_and_said_to_be(&hanoi).await;
    a_score_does_not_depend_on_the_question(&hanoi).await;
    a_past_year_is_recomputed_under_either_version(hanoi).await;
}

async fn a_tenth_is_missing_and_said_to_be(hanoi: &Hanoi) {
    let answer = ask(hanoi, DTI, &[("period", "2024"), ("version", "2025")]).await;
    assert_eq!((&answer["universe"], &answer["ranked"]), (&579.into(), &577.into()));
    assert_eq!((&answer["example"], &answer["contains_synthetic"]), (&true.into(), &true.into()));
    assert_eq!(answer["coverage"]["reported"], 577);
    let missing: Vec<_> = list(&answer, "missing").iter().map(|unit| &unit["why"]).collect();
    assert_eq!(missing, ["silent", "below_threshold"]);
    assert_eq!(list(&answer["missing"][0], "missing_components").len(), 47);
    let imputed = number(&answer["imputed_share"]);
    assert!((0.08..0.12).contains(&imputed), "{imputed}");
    let sizes: Vec<_> =
        list(&answer, "groups").iter().map(|group| list(group, "components").len()).collect();
    assert_eq!(sizes, [5, 3, 5, 6, 4, 10, 6, 8]);

    let mut wide = 0;
    for row in list(&answer, "rows") {
        assert_made_of_its_parts(&answer, row);
        let [rank, from, to] = ["rank", "rank_from", "rank_to"].map(|field| number(&row[field]));
        assert!(1.0 <= from && from <= to && to <= 577.0, "{row}");
        wide += usize::from(from < rank && rank < to);
    }
    assert!(wide > 500, "weights that move a quarter move ranks: {wide}");
}

/// The score is what its figures make by the definition, and the sum of the contributions.
fn assert_made_of_its_parts(answer: &Value, row: &Value) {
    let mut sum = 0;
    let mut by_hand = 0.0;
    for (group, of) in list(row, "groups").iter().zip(list(answer, "groups")) {
        let shares = list(group, "components");
        let weights: Vec<_> = list(of, "components").iter().map(|c| number(&c["weight"])).collect();
        let pairs = || shares.iter().zip(&weights);
        // What is missing is the mean of the group, so the group is the mean of what there is.
        let there = || pairs().filter(|(share, _)| share["imputed"] == false);
        let points: f64 =
            there().map(|(share, weight)| number(&share["figure"]) / 10.0 * weight).sum();
        let weight: f64 = there().map(|(_, weight)| weight).sum();
        by_hand += points / weight * weights.iter().sum::<f64>();
        assert!(pairs().all(|(share, _)| share["figure"].is_null() == (share["imputed"] == true)));
        let of_group: i128 = shares.iter().map(|share| millionths(&share["contribution"])).sum();
        assert_eq!(of_group, millionths(&group["contribution"]));
        sum += of_group;
    }
    assert_eq!(sum, millionths(&row["score"]), "{row}");
    assert!((number(&row["score"]) - by_hand).abs() < 1e-5, "{by_hand} {row}");
    let missing = !list(row, "missing_components").is_empty();
    assert_eq!(number(&row["imputed_share"]) > 0.0, missing);
}

fn millionths(value: &Value) -> i128 {
    value.to_string().parse::<dinh_lake::Decimal>().unwrap().unscaled()
}

async fn a_past_year_is_recomputed_under_either_version(hanoi: Hanoi) {
    let of = async |version: &str| {
        let parameters = [("period", "2024"), ("version", version)];
        ask(&hanoi, DTI, if version.is_empty() { &parameters[..1] } else { &parameters }).await
    };
    let (own, earlier, later) = (of("").await, of("2024").await, of("2025").await);
    assert_eq!(own, earlier, "the version of the period's last day");
    assert_eq!((&own["version"], &later["version"]), (&"2024".into(), &"2025".into()));
    assert_ne!(scores(&earlier), scores(&later));

    // Movement is under one version: 2023 has none of its own, and is ranked by the one that was asked for.
    let before = ask(&hanoi, DTI, &[("period", "2023"), ("version", "2025")]).await;
    let ranks = |answer: &Value, unit: &Value| {
        let row = list(answer, "rows").iter().find(|row| row["unit"] == *unit).cloned();
        row.map(|row| (row["rank"].as_i64().unwrap(), row["score"].to_string()))
    };
    assert_eq!(later["previous_period"], "2023");
    for row in list(&later, "rows").iter().step_by(50) {
        let (rank, score) = ranks(&before, &row["unit"]).unwrap();
        assert_eq!(row["previous_rank"], rank);
        assert_eq!(row["previous_score"].to_string(), score);
        assert_eq!(row["movement"], rank - row["rank"].as_i64().unwrap());
    }
    // The same again, from files alone.
    let hanoi = hanoi.reopened().await;
    let again = ask(&hanoi, DTI, &[("period", "2024"), ("version", "2025")]).await;
    assert_eq!(again, later);
}

async fn a_score_does_not_depend_on_the_question(hanoi: &Hanoi) {
    let all = ask(hanoi, DTI, &[]).await;
    assert_eq!((&all["period"], &all["level"]), (&"2024".into(), &"commune".into()));
    let part = ask(hanoi, DTI, &[("within", "Hà Nội/Huyện Đan Phượng"), ("kind", "xa")]).await;
    assert_eq!(part["universe"], 15);
    let (all_scores, part_scores) = (scores(&all), scores(&part));
    assert!(part_scores.iter().all(|(unit, score)| all_scores[unit] == *score));
    let ranks: Vec<_> =
        list(&part, "rows").iter().map(|row| row["rank"].as_u64().unwrap()).collect();
    assert_eq!((ranks[0], ranks.last()), (1, Some(&15)));
    let page = ask(hanoi, DTI, &[("order", "desc"), ("limit", "2"), ("offset", "1")]).await;
    let last: Vec<_> = list(&all, "rows").iter().rev().skip(1).take(2).collect();
    assert_eq!(list(&page, "rows").iter().collect::<Vec<_>>(), last);
}

/// Points of the small PAR index: the district, the points of each of 7 fields at a stage, and those of the survey.
fn par_figures(district: &str, fields: usize, given: &[(&str, &str)], survey: &str) -> Vec<Row> {
    let all =
        ["steering", "institutions", "procedures", "organisation", "service", "finance", "digital"];
    let mut rows = Vec::new();
    for field in &all[..fields] {
        for (stage, value) in given {
            let indicator = format!("example_par_{field}");
            let pairs = [
                ("indicator", &*indicator),
                ("unit", district),
                ("period", "2023"),
                ("stage", stage),
                ("value", value),
            ];
            rows.push(row(&pairs));
        }
    }
    if !survey.is_empty() {
        rows.push(row(&[
            ("indicator", "example_par_survey"),
            ("unit", district),
            ("period", "2023"),
            ("value", survey),
        ]));
    }
    rows
}

async fn par() -> Hanoi {
    let hanoi = Hanoi::empty().await;
    let figures = [
        par_figures("001", 7, &[("self", "9"), ("appraised", "8")], "24"),
        par_figures("002", 7, &[("appraised", "9")], ""),
        par_figures("003", 3, &[("appraised", "10")], ""),
        par_figures("004", 7, &[("appraised", "9")], "27"),
    ];
    hanoi.push(FEED, "par", &figures.concat()).await;
    hanoi
}

#[tokio::test]
async fn points_are_rescaled_without_a_survey_and_what_units_say_stands_beside() {
    let hanoi = par().await;
    let answer = ask(&hanoi, "example_par", &[]).await;
    assert_eq!(answer["level"], "district");
    // 7 fields of 9 are 63 of 70, which is 90 of 100; with a survey of 27 of 30 they are 90 too.
    let shown = |row: &Value| {
        let fields = ["rank", "tied", "code", "score", "imputed_share", "self_gap"];
        fields.map(|field| row[field].to_string().replace('"', "")).join(" ")
    };
    let rows: Vec<_> = list(&answer, "rows").iter().map(shown).collect();
    assert_eq!(rows, ["1 true 002 90 0.3 null", "1 true 004 90 0 null", "3 false 001 80 0 7"]);
    let below = list(&answer, "missing").iter().find(|unit| unit["code"] == "003").unwrap();
    assert_eq!((&below["why"], &below["present_share"]), (&"below_threshold".into(), &0.3.into()));
    let own = ask(&hanoi, "example_par", &[("stage", "self")]).await;
    let rows: Vec<_> = list(&own, "rows").iter().map(shown).collect();
    assert_eq!((&own["stage"], rows), (&"self".into(), vec!["1 false 001 87 0 null".to_owned()]));
}

#[tokio::test]
async fn a_correction_leaves_the_scores_of_then() {
    let hanoi = par().await;
    let before = ask(&hanoi, "example_par", &[]).await;
    let position = before["position"].to_string();
    hanoi.push(FEED, "better", &par_figures("001", 7, &[("appraised", "10")], "30")).await;
    let after = ask(&hanoi, "example_par", &[]).await;
    assert_eq!(
        (&after["rows"][0]["code"], &after["rows"][0]["score"]),
        (&"001".into(), &100.into())
    );
    let then = ask(&hanoi, "example_par", &[("as_of", &position)]).await;
    assert_eq!(then["rows"], before["rows"]);
    assert_eq!(then["position"], before["position"]);
}

#[tokio::test]
async fn what_cannot_be_answered_names_what_can() {
    let hanoi = par().await;
    let refused = async |parameters: &[(&str, &str)]| {
        let error = hanoi.ask("composites", parameters).await.unwrap_err();
        (error.code, error.kind, error.to_string())
    };
    let (code, kind, text) = refused(&[("composite", "example_pra")]).await;
    assert_eq!((code, kind), ("composite.unknown", ErrorKind::NotFound));
    assert!(text.contains("example_dti_commune, example_par"), "{text}");
    let (code, _, text) = refused(&[("composite", DTI), ("version", "2019")]).await;
    assert_eq!(code, "composite.version_unknown");
    assert!(text.contains("2024 (2024-02-19/2025-10-22), 2025 (2025-10-23/)"), "{text}");
    assert_eq!(refused(&[]).await.0, "parameter.required");
    let official = refused(&[("composite", "example_par")]).await;
    assert_eq!(official.0, "figures.none", "made-up figures answer only when named");
    let early = [("composite", DTI), ("period", "2023"), ("feed", FEED)];
    assert_eq!(refused(&early).await.0, "composite.version_none");
    let level = [("composite", "example_par"), ("level", "planet"), ("feed", FEED)];
    assert_eq!(refused(&level).await.0, "level.unknown");
    let kind = [("composite", DTI), ("feed", FEED), ("kind", "quarter")];
    assert_eq!(refused(&kind).await.0, "kind.unknown");
}

#[tokio::test]
async fn a_component_whose_indicator_is_gone_is_named_at_the_door() {
    let hanoi = par().await;
    let gone = Record::removed(RecordKind::Indicator, "example_par_finance".to_owned());
    hanoi.lake.apply(vec![gone]).await.unwrap();
    let router = door::door(&hanoi);
    let path = format!("/v1/composites/example_par?feed={FEED}");
    let answer = door::get(&router, &path, &[("accept-language", "en")]).await;
    let problem = answer.json();
    assert_eq!(answer.status, 404, "{problem}");
    assert!(problem.to_string().contains("composite.component_unknown"), "{problem}");
    assert!(problem.to_string().contains("`example_par_finance`"), "{problem}");
}

#[tokio::test]
async fn who_reads_a_part_of_an_indicator_gets_no_composite_of_it() {
    let hanoi = par().await;
    let mut indicator = hanoi.lake.catalogue().indicators["example_par_finance"].clone();
    indicator.tier = Tier::Restricted;
    hanoi.lake.apply(vec![Record::from(&indicator)]).await.unwrap();
    let parameters = [("composite", "example_par"), ("feed", FEED)];
    let parameters: BTreeMap<_, _> =
        parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let grants = hanoi.lake.catalogue().grants.clone();
    let mut outcomes = BTreeSet::new();
    for access in [Access::open(), Access::of_grant(&grants["g-dan-phuong"])] {
        let error = hanoi.answers.ask("composites", &parameters, &access).await.unwrap_err();
        outcomes.insert(error.code);
    }
    assert_eq!(outcomes, ["indicator.not_open"].into());
    let analyst = Access::of_grant(&grants["g-analyst"]);
    hanoi.answers.ask("composites", &parameters, &analyst).await.unwrap();
}

#[tokio::test]
async fn definitions_are_tables_and_the_door_gives_the_same_answer() {
    let hanoi = par().await;
    let everything = Access::everything();
    let sql = "SELECT composite, version, count(*), count(DISTINCT \"group\"), sum(weight) FROM components \
               GROUP BY ALL ORDER BY 1, 2";
    let rows = hanoi.sql(sql, &everything).await.unwrap();
    let dti = |version| format!("{DTI},{version},47,8,1000.000000");
    assert_eq!(rows, [dti("2024"), dti("2025"), "example_par,2023,8,2,100.000000".to_owned()]);
    let sql = "SELECT version, valid_from, valid_to, example FROM composites WHERE level = 'commune' ORDER BY 1";
    let rows = hanoi.sql(sql, &everything).await.unwrap();
    assert_eq!(rows, ["2024,2024-02-19,2025-10-22,true", "2025,2025-10-23,,true"]);
    let router = door::door(&hanoi);
    let path = format!("/v1/composites/example_par?feed={FEED}&limit=2");
    let answer = door::get(&router, &path, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), ask(&hanoi, "example_par", &[("limit", "2")]).await);
}
