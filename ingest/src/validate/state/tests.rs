use arrow::array::RecordBatch;
use dinh_lake::catalogue::Record;
use dinh_lake::catalogue::files::{SourceFile, read};
use dinh_lake::ledger::Outcome;
use dinh_lake::submission::{Mode, Submission};
use dinh_lake::{Lake, LakeOptions, LakeUrl};
use tokio::task::JoinSet;

use super::super::tests::{columns, rules};
use super::super::{Context, Judged, validate};

const INDICATORS: &str = "\
indicator,name_vi,name_en,kind,unit_of_measure,pillar,behaviour,aggregation,aggregation_time,numerator,denominator,factor,direction,levels,stages,default_stage,min,max,integer,tier,rebase_weight,ranks,precedence,rules
cameras,Camera,,count,camera,,stock,sum,last,,,,higher,commune;district;city,self;target,self,0,,true,open,none,,,added=added
added,Camera lắp thêm,,count,camera,,flow,sum,sum,,,,neutral,commune;district;city,self;target,self,0,,true,open,none,,,
services,Thủ tục,,count,thủ tục,,stock,sum,last,,,,higher,commune;district;city,self;target,self,0,,true,open,none,,,off=alike;off=children;off=jump
funds,Kinh phí,,money,triệu đồng,,flow,sum,sum,,,,neutral,commune;district;city,self;target,self,0,,false,open,none,,,
share,Tỷ lệ,,ratio,%,,ratio,ratio_of_sums,last,,,100,higher,commune;district;city,self;target,self,0,100,false,open,none,,,
";

fn records() -> Vec<Record> {
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files = [
        file("units.csv", include_str!("../../../tests/catalogue/units.csv")),
        file("succession.csv", include_str!("../../../tests/catalogue/succession.csv")),
        file("indicators.csv", INDICATORS),
        file(
            "feeds.csv",
            "feed,name_vi,name_en,class,calendar,precedence,within,indicators\n\
             city,Thành phố,,official,gregorian,10,01,\n\
             other,Nguồn khác,,official,gregorian,20,01,\n",
        ),
    ];
    read(&files).unwrap_or_else(|faults| panic!("{faults:?}"))
}

struct House {
    lake: std::sync::Arc<Lake>,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(&LakeUrl::from(folder.path()), LakeOptions::default()).await.unwrap();
        lake.apply(records()).await.unwrap();
        let mut tasks = JoinSet::new();
        let kept = std::sync::Arc::clone(&lake);
        tasks.spawn(async move { kept.keep_present().await.unwrap() });
        Self { lake, _tasks: tasks, _folder: folder }
    }

    /// Judges rows against what the lake has.
    async fn judge(&self, feed: &str, rows: &[&str]) -> Judged {
        self.lake.present().reached(self.lake.ledger().snapshot().position).await;
        let catalogue = self.lake.catalogue();
        let context = Context {
            catalogue: &catalogue,
            feed: &catalogue.feeds[feed],
            within: None,
            today: "2025-12-31".parse().unwrap(),
            present: Some(self.lake.present()),
        };
        validate(&columns(rows), context, Mode::Partial)
    }

    /// Records rows.
    async fn push(&self, feed: &str, rows: &[&str]) {
        let judged = self.judge(feed, rows).await;
        assert_eq!(judged.refused, 0, "{:?}", judged.verdicts);
        let id = self.lake.ledger().snapshot().position.to_string();
        let outcomes = self.lake.ledger().append(vec![submission(feed, &id, judged.accepted)]);
        assert!(matches!(outcomes.await.unwrap()[..], [Outcome::Recorded(_)]));
    }
}

fn submission(feed: &str, id: &str, accepted: RecordBatch) -> Submission {
    Submission {
        feed: feed.to_owned(),
        id: id.to_owned(),
        principal: "test".to_owned(),
        mode: Mode::Partial,
        digest: id.to_owned(),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows: accepted.num_rows() as u64,
        accepted,
        verdicts: Vec::new(),
    }
}

/// What is found in rows, each submission of the history being recorded before. Rows are divided by `|`.
async fn found(history: &[&str], rows: &str) -> String {
    let house = House::open().await;
    for submission in history {
        house.push("city", &submission.split('|').collect::<Vec<_>>()).await;
    }
    rules(&house.judge("city", &rows.split('|').collect::<Vec<_>>()).await)
}

async fn check(cases: &[(&[&str], &str, &str)]) {
    for (history, rows, wanted) in cases {
        assert_eq!(found(history, rows).await, *wanted, "{rows} after {history:?}");
    }
}

#[tokio::test]
async fn jumps_are_told_from_growth() {
    check(&[
        (&["cameras,09820,2024-01,,129"], "cameras,09820,2024-02,,1290", "1:value.tenfold?"),
        (&["cameras,09820,2024-01,,1290"], "cameras,09820,2024-02,,129", "1:value.tenfold?"),
        (&["cameras,09820,2024-01,,129"], "cameras,09820,2024-02,,131", ""),
        (&["cameras,09820,2024-01,,3"], "cameras,09820,2024-02,,40", ""),
        (&["cameras,09820,2024-01,,0"], "cameras,09820,2024-02,,4000", ""),
        (&["services,09820,2024-01,,129"], "services,09820,2024-02,,1290", ""),
        (&["share,09820,2024-01,,1"], "share,09820,2024-02,,100", ""),
        (&["funds,09820,2024-01,,64.5"], "funds,09820,2024-02,,64500", "1:value.thousandfold?"),
        (&["cameras,09820,2023,,12000"], "cameras,09820,2024-01,,1200", ""),
        (&["cameras,09820,2024-01,target,129"], "cameras,09820,2024-02,,1290", ""),
        (&["cameras,09784,2024-01,,129"], "cameras,09820,2024-02,,1290", ""),
        (&["cameras,09820,2024-03,,129"], "cameras,09820,2024-02,,1290", ""),
    ])
    .await;
}

#[tokio::test]
async fn revisions_and_withdrawals_of_the_newest_period_count() {
    let (january, february) = ("cameras,09820,2024-01,,129", "cameras,09820,2024-02,,1300");
    let withdrawn = "cameras,09820,2024-02,,,,,,withdrawn";
    check(&[
        (&[january, february], "cameras,09820,2024-03,,130", "1:value.tenfold?"),
        (&[january, february, withdrawn], "cameras,09820,2024-03,,130", ""),
        (&[january, february, "cameras,09820,2024-02,,131"], "cameras,09820,2024-03,,130", ""),
        (&[january, february], "cameras,09820,2024-02,,131", ""),
    ])
    .await;
}

#[tokio::test]
async fn withdrawals_of_what_is_not_there_are_told() {
    let nothing = "1:status.nothing_to_withdraw?";
    let (january, march) = ("cameras,09820,2024-01,,129", "cameras,09820,2024-03,,131");
    let both = &[january, march][..];
    let withdrawn = "cameras,09820,2024-03,,,,,,withdrawn";
    check(&[
        (&[], withdrawn, nothing),
        (both, withdrawn, ""),
        (&[january, march, withdrawn], withdrawn, nothing),
        (&[january, march, withdrawn, march], withdrawn, ""),
        // Between the two that are known, after both, before the only one, and of another unit, stage and length.
        (both, "cameras,09820,2024-02,,,,,,withdrawn", nothing),
        (both, "cameras,09820,2024-04,,,,,,withdrawn", nothing),
        (&[march], "cameras,09820,2024-01,,,,,,withdrawn", nothing),
        (both, "cameras,09784,2024-03,,,,,,withdrawn", nothing),
        (both, "cameras,09820,2024-03,target,,,,,withdrawn", nothing),
        (both, "cameras,09820,2024,,,,,,withdrawn", nothing),
        // What is older than both is not known, nor are shares, which no such rule can tell a fault of.
        (both, "cameras,09820,2023-12,,,,,,withdrawn", ""),
        (&[], "share,09820,2024-01,,,,,,withdrawn", ""),
        // The row is counted once, beside what the row itself is warned of.
        (
            both,
            "cameras,09784,2024-03,,,,,,withdrawn|cameras,09820,2024-03,,,,,,withdrawn",
            nothing,
        ),
    ])
    .await;
    let house = House::open().await;
    house.push("city", &[january]).await;
    let judged = house.judge("other", &["cameras,09820,2024-01,,,,,,withdrawn"]).await;
    let (position, verdict) = (house.lake.ledger().snapshot().position, &judged.verdicts[0]);
    assert_eq!((judged.warned, judged.refused, judged.accepted.num_rows()), (1, 0, 1));
    assert_eq!(judged.state_position, Some(position));
    assert!(verdict.message_en.contains(&format!("(against position {position})")), "{verdict:?}");
    assert!(verdict.message_vi.contains(&format!("(so với vị trí {position})")), "{verdict:?}");
}

#[tokio::test]
async fn separators_that_were_misread_are_told() {
    let thousands = "1:value.thousands_separator?";
    check(&[
        (&["funds,09820,2024-01,,3100"], "funds,09820,2024-02,,3.064", thousands),
        (&["funds,09820,2024-01,,3.064"], "funds,09820,2024-02,,3100", thousands),
        (&["funds,09820,2024-01,,3.1"], "funds,09820,2024-02,,3.064", ""),
        (
            &["funds,09820,2024-01,,93.86"],
            "funds,09820,2024-02,,9386",
            "1:value.decimal_separator?",
        ),
        (&[], "cameras,09820,2024-01,,12.000", thousands),
        (&[], "cameras,09820,2024-01,,12000", ""),
        (&[], "funds,09820,2024-01,,236.000", ""),
    ])
    .await;
    let house = House::open().await;
    house.push("city", &["funds,09820,2024-01,,3100"]).await;
    let judged = house.judge("city", &["funds,09820,2024-02,,3.064"]).await;
    let (position, verdict) = (house.lake.ledger().snapshot().position, &judged.verdicts[0]);
    assert_eq!(judged.state_position, Some(position));
    assert_eq!((verdict.suggestions.as_slice(), judged.warned), (&["3064".to_owned()][..], 1));
    assert!(verdict.message_en.contains(&format!("(against position {position})")), "{verdict:?}");
    assert!(verdict.message_vi.contains(&format!("(so với vị trí {position})")), "{verdict:?}");
}

#[tokio::test]
async fn a_stock_is_the_one_before_plus_what_was_added() {
    let wrong = "1:value.not_previous_plus_added?";
    let before = "cameras,09820,2024-01,,511";
    check(&[
        (&[before], "cameras,09820,2024-02,,579|added,09820,2024-02,,68", ""),
        (&[before], "cameras,09820,2024-02,,579|added,09820,2024-02,,60", wrong),
        (&[before, "added,09820,2024-02,,60"], "cameras,09820,2024-02,,579", wrong),
        (&[before], "cameras,09820,2024-02,,579", ""),
        (&[before], "cameras,09820,2024-03,,579|added,09820,2024-03,,60", ""),
        (&[before], "cameras,09820,2024-02,,579|added,09820,2024-02,,60,,,approx", ""),
        (
            &["cameras,09820,2022-06-30,,511"],
            "cameras,09820,2022-11-04,,579|added,09820,2022-11-04,,60",
            wrong,
        ),
        (
            &["cameras,09820,2024-01,,100"],
            "cameras,09820,2024-03,,120|added,09820,2024-03,,10|cameras,09820,2024-02,,110|added,09820,2024-02,,10",
            "",
        ),
    ])
    .await;
}

#[tokio::test]
async fn units_below_do_not_have_more_than_the_unit_above() {
    let wrong = "1:value.children_over_parent?";
    let (parent, children) =
        ("cameras,273,2024-01,,100", "cameras,09784,2024-01,,60|cameras,09820,2024-01,,50");
    let both = format!("{children}|{parent}");
    check(&[
        (&[parent], children, wrong),
        (&[children], parent, wrong),
        (&[], &both, "3:value.children_over_parent?"),
        (&[parent], "cameras,09784,2024-01,,60|cameras,09820,2024-01,,40", ""),
        (&[parent], "cameras,09784,2024-02,,60|cameras,09820,2024-02,,50", ""),
        (&["cameras,273,2024-01,,100,,,approx"], children, ""),
        (&["cameras,273,2024-01,target,100"], "cameras,09784,2024-01,target,101", ""),
        (&["services,273,2024-01,,100"], "services,09784,2024-01,,101", ""),
        (&["cameras,09784,2024-01,,60", parent], "cameras,09820,2024-01,,50", wrong),
    ])
    .await;
}

#[tokio::test]
async fn codes_and_counts_of_other_units_are_told_from_figures() {
    let (code, alike) = ("1:value.unit_code?", "value.same_as_other_unit?");
    check(&[
        (&[], "cameras,09820,2024-01,,9820", code),
        (&[], "cameras,09784,2024-01,,9820", code),
        (&[], "cameras,001,2024-01,,09820", code),
        (&[], "cameras,001,2024-01,,9820", ""),
        (&[], "cameras,273,2024-01,,273", ""),
        (&[], "cameras,00004,2024-01,,4", ""),
        (&["cameras,09784,2024-01,,9700"], "cameras,09784,2024-02,,9820", ""),
        (&[], "cameras,09784,2024-01,,5209|cameras,09820,2024-01,,5209", &format!("2:{alike}")),
        (&["cameras,09784,2024-01,,5209"], "cameras,09820,2024-01,,5209", &format!("1:{alike}")),
        (&["cameras,09784,2024-01,,5209"], "cameras,09820,2024-02,,5209", ""),
        (&["cameras,09784,2024-01,,5209"], "cameras,09784,2024-01,,5209", ""),
        (&[], "cameras,09784,2024-01,,5200|cameras,09820,2024-01,,5200", ""),
        (&[], "cameras,09784,2024-01,,209|cameras,09820,2024-01,,209", ""),
        (&[], "services,09784,2024-01,,5209|services,09820,2024-01,,5209", ""),
        (
            &["cameras,09784,2024-01,,5209|cameras,09820,2024-01,,5209"],
            "cameras,09784,2024-02,,5209|cameras,09820,2024-02,,5209",
            "",
        ),
    ])
    .await;
}

#[tokio::test]
async fn feeds_are_held_against_themselves_only() {
    let house = House::open().await;
    house.push("other", &["cameras,09820,2024-01,,129"]).await;
    assert_eq!(rules(&house.judge("city", &["cameras,09820,2024-02,,1290"]).await), "");
    let other = house.judge("other", &["cameras,09820,2024-02,,1290"]).await;
    assert_eq!(rules(&other), "1:value.tenfold?");
}

#[tokio::test]
async fn a_reopened_lake_is_filled_from_its_files_and_merges_change_nothing() {
    let house = House::open().await;
    for month in 1..=20 {
        let (year, month) = (2023 + month / 12, month % 12 + 1);
        house.push("city", &[&format!("cameras,09820,{year}-{month:02},,129")]).await;
    }
    house.lake.ledger().maintain().await.unwrap();
    let House { lake, _tasks: mut tasks, _folder: folder } = house;
    tasks.shutdown().await;
    drop(lake);
    let lake = Lake::open(&LakeUrl::from(folder.path()), LakeOptions::default()).await.unwrap();
    assert!(lake.present().view().is_none(), "nothing is known before it is filled");
    let mut tasks = JoinSet::new();
    let kept = std::sync::Arc::clone(&lake);
    tasks.spawn(async move { kept.keep_present().await.unwrap() });
    let house = House { lake, _tasks: tasks, _folder: folder };
    let judged = house.judge("city", &["cameras,09820,2024-10,,1290"]).await;
    assert_eq!(rules(&judged), "1:value.tenfold?");
    assert_eq!(judged.state_position, Some(house.lake.ledger().snapshot().position));
}
