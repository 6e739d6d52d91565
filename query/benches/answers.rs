//! How long a ranking and a total of one period take, cold, over a long history, beside reading the rows of that period; and
//! re-basing ten years of monthly figures beside a plain GROUP BY over the same rows.
//!
//! Run it by `cargo bench -p dinh-query --bench answers`, with `DINH_BENCH_ROWS=100000000` for other than a million rows, and
//! `DINH_BENCH_LAKE=DIR` to fill a folder once and read it every time after. `deploy/bench/answers_of_duckdb.py DIR` asks
//! DuckDB the same SQL over the same files.
//!
//! The country is made up: 126 wards, 579 communes and 10,000 villages, each level with indicators of its own, reported
//! month by month, one row in twenty revised. Cold means: a new engine, which knows no footer, over a lake that was just
//! opened, so that nothing is in memory; the system's own cache of the disk stays as it is, for both sides.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are the product")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use chrono::{Datelike, Months, NaiveDate};
use dinh_lake::catalogue::files::{SourceFile, read};
use dinh_lake::observation::{accepted_schema, decimal_type};
use dinh_lake::submission::{Mode, Submission};
use dinh_lake::{Lake, LakeOptions, LakeUrl};
use dinh_query::{Access, Answers, Engine, SqlLimits};
use tempfile::TempDir;

const FEED: &str = "bench";
/// The levels, and how many units each has.
const LEVELS: [(&str, usize); 3] = [("ward", 126), ("commune", 579), ("village", 10_000)];
/// Months of each indicator: ten years.
const MONTHS: u32 = 120;
const ROUNDS: usize = 5;

fn main() {
    let setting = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, v)| v);
    let rows = setting("DINH_BENCH_ROWS").map_or(1_000_000, |rows| rows.parse().unwrap());
    let kept = setting("DINH_BENCH_LAKE").map(PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(rows, kept));
}

async fn measure(rows: usize, kept: Option<PathBuf>) {
    let folder = TempDir::new().unwrap();
    let folder = kept.as_deref().unwrap_or(folder.path());
    let rows = fill(folder, rows).await;
    println!("{rows} observations in {}", folder.display());
    let last = first_of_month(MONTHS).pred_opt().unwrap();
    for (level, units) in LEVELS {
        let indicator = format!("{level}_0");
        let own = format!(
            "SELECT unit, value FROM current WHERE indicator = '{indicator}' AND period_end = DATE '{last}' AND stage = 'self'"
        );
        let own = cold(folder, async |answers: &Answers| {
            let rows = answers.engine().run(&own, &Access::everything()).await.unwrap();
            let batches = rows.collect().await.unwrap();
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), units);
        });
        let own = own.await;
        println!("{units:>6} units: {:>8.1} ms to read the rows of one period", millis(own));
        for (question, level_of) in [("rankings", "level"), ("totals", "by")] {
            let asked = [("indicator", indicator.as_str()), (level_of, level)];
            let asked: BTreeMap<String, String> =
                asked.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let took = cold(folder, async |answers: &Answers| {
                let json = answers.ask(question, &asked, &Access::everything()).await.unwrap();
                assert!(json.contains(&format!("{}-{:02}", last.year(), last.month())));
            });
            let took = took.await;
            let ratio = took.as_secs_f64() / own.as_secs_f64();
            println!(
                "{:>27.1} ms for {question} of the latest one: {ratio:.1} times",
                millis(took)
            );
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The best time of some rounds, each over a lake that was just opened.
async fn cold(folder: &Path, ask: impl AsyncFn(&Answers)) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let lake = Lake::open(&LakeUrl::from(folder), LakeOptions::default()).await.unwrap();
        let limits = SqlLimits { memory_bytes_max: 8 << 30, ..SqlLimits::default() };
        let answers = Answers::new(Arc::new(Engine::new(lake, limits).unwrap()));
        let began = Instant::now();
        ask(&answers).await;
        best = best.min(began.elapsed());
    }
    best
}

/// The first day of a month, counted from January 2015.
fn first_of_month(month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2015, 1, 1).unwrap() + Months::new(month)
}

/// Indicators of each level, so that all months of all of them make so many rows.
fn indicators(rows: usize) -> usize {
    let of_one: usize = LEVELS.iter().map(|(_, units)| units).sum::<usize>() * MONTHS as usize;
    rows.div_ceil(of_one).max(1)
}

fn catalogue(indicators: usize) -> Vec<SourceFile> {
    let mut units = String::from(
        "unit,code,name,name_en,kind,level,parent,valid_from,valid_to,legal_basis\n01.1,01,Thành phố,,thanh_pho,city,,2000-01-01,,\n",
    );
    let mut lines = String::from(
        "indicator,name_vi,name_en,kind,unit_of_measure,pillar,behaviour,aggregation,aggregation_time,numerator,denominator,\
         factor,direction,levels,stages,default_stage,min,max,integer,tier,rebase_weight,ranks,precedence,rules\n",
    );
    for (level, count) in LEVELS {
        for unit in 0..count {
            let code = code(level, unit);
            units.push_str(&format!(
                "{code}.1,{code},Đơn vị {unit},,xa,{level},01.1,2000-01-01,,\n"
            ));
        }
        for indicator in 0..indicators {
            lines.push_str(&format!(
                "{level}_{indicator},Chỉ tiêu,,count,,,flow,sum,sum,,,1,higher,{level};city,self,self,0,,false,open,none,,,\n"
            ));
        }
    }
    let feeds = "feed,name_vi,name_en,class,calendar,precedence,within,indicators\nbench,Đo,,official,gregorian,10,01,\n";
    [("units.csv", units), ("indicators.csv", lines), ("feeds.csv", feeds.to_owned())]
        .map(|(name, text)| SourceFile { name: name.to_owned(), text })
        .to_vec()
}

fn code(level: &str, unit: usize) -> String {
    format!("{}{unit:05}", &level[..1])
}

/// Fills a folder month by month, merging meanwhile, unless it has a lake; gives how many observations there are.
async fn fill(folder: &Path, rows: usize) -> usize {
    let lake = Lake::open(&LakeUrl::from(folder), LakeOptions::default()).await.unwrap();
    let indicators = indicators(rows);
    let of_month = |indicator: usize, month: u32, again: bool| {
        LEVELS.map(|(level, units)| submission(level, units, indicator, month, again))
    };
    if lake.catalogue().version == 0 {
        lake.apply(read(&catalogue(indicators)).unwrap()).await.unwrap();
        for month in 0..MONTHS {
            for indicator in 0..indicators {
                lake.ledger().append(of_month(indicator, month, false).into()).await.unwrap();
                if month % 20 == 7 {
                    lake.ledger().append(of_month(indicator, month, true).into()).await.unwrap();
                }
                lake.ledger().maintain().await.unwrap();
            }
        }
    }
    let files = lake.ledger().snapshot().files.clone();
    usize::try_from(files.iter().map(|file| file.stats.num_records).sum::<u64>()).unwrap()
}

fn submission(level: &str, units: usize, indicator: usize, month: u32, again: bool) -> Submission {
    Submission {
        feed: FEED.to_owned(),
        id: format!("{level}/{indicator}/{month}/{again}"),
        principal: "bench".to_owned(),
        mode: Mode::Partial,
        digest: String::new(),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows: units as u64,
        accepted: figures(level, units, indicator, month, again),
        verdicts: Vec::new(),
    }
}

fn figures(level: &str, units: usize, indicator: usize, month: u32, again: bool) -> RecordBatch {
    let (start, end) = (first_of_month(month), first_of_month(month + 1).pred_opt().unwrap());
    let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..units).map(of)))
    };
    let day = |day: NaiveDate| -> ArrayRef {
        let days = day.signed_duration_since(NaiveDate::default()).num_days();
        Arc::new(Date32Array::from_value(i32::try_from(days).unwrap(), units))
    };
    let schema = accepted_schema();
    let column = |name: &str| match name {
        "row" => Arc::new(Int64Array::from_iter_values(1..=units as i64)) as ArrayRef,
        "indicator" => text(&|_| format!("{level}_{indicator}")),
        "unit" => text(&|unit| format!("{}.1", code(level, unit))),
        "period" => text(&|_| format!("{}-{:02}", start.year(), start.month())),
        "period_start" => day(start),
        "period_end" => day(end),
        "stage" => text(&|_| "self".to_owned()),
        "value" => {
            let value = |unit: usize| (unit * 31 + month as usize * 7 + usize::from(again)) % 5_000;
            let values = (0..units).map(|unit| value(unit) as i128 * 10_000);
            let values = Decimal128Array::from_iter_values(values);
            Arc::new(values.with_data_type(decimal_type()))
        }
        "qualifier" => text(&|_| "exact".to_owned()),
        "status" => text(&|_| "normal".to_owned()),
        name => new_null_array(schema.field_with_name(name).unwrap().data_type(), units),
    };
    let columns = schema.fields().iter().map(|field| column(field.name())).collect();
    RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
}
