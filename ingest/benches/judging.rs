//! Nanoseconds a row of each stage from a message to judged rows, for rows sent as Arrow and as typed messages.
//!
//! `cargo bench -p dinh-ingest` (with `--profile dev` for a quick look). Each form is sent as submissions of a thousand rows and as one of half a million.
#![allow(clippy::print_stdout, reason = "the report is the product")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to report")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Decimal128Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
};
use arrow::datatypes::Int32Type;
use arrow::ipc::writer::StreamWriter;
use chrono::{Days, NaiveDate};
use dinh_ingest::service::stages::{Stages, time};
use dinh_lake::catalogue::Record;
use dinh_lake::catalogue::files::{SourceFile, read};
use dinh_lake::{Lake, LakeOptions, LakeUrl};
use dinh_proto::v1::submission::Payload;
use dinh_proto::v1::{Row, Rows, Submission};
use prost::Message as _;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const COMMUNES: usize = 600;
const INDICATORS: usize = 10;
const ROWS_IN_ALL: usize = 1_000_000;

/// How rows are sent.
#[derive(Clone, Copy, Debug)]
enum Form {
    Dictionaries,
    Texts,
    Typed,
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let runtime = Runtime::new().expect("threads can be had");
    let lake = runtime.block_on(lake(folder.path()));
    let kept = Arc::clone(&lake);
    let mut tasks = JoinSet::new();
    tasks.spawn_on(async move { kept.keep_present().await }, runtime.handle());
    runtime.block_on(lake.present().reached(lake.ledger().snapshot().position));
    println!("ns/row                     message  decode   judge  digest     all");
    for form in [Form::Dictionaries, Form::Texts, Form::Typed] {
        // No rule needs the present state of scores; all do of counts.
        for kind in ["score", "count"] {
            for rows in [1_000, 500_000] {
                report(form, kind, rows, &lake);
            }
        }
    }
}

async fn lake(folder: &Path) -> Arc<Lake> {
    let lake = Lake::open(&LakeUrl::from(folder), LakeOptions::default()).await;
    let lake = lake.expect("the lake opens");
    lake.apply(records()).await.expect("the catalogue can be applied");
    lake
}

/// The best of the rounds of one form, since others use the machine too.
fn report(form: Form, kind: &str, rows: usize, lake: &Lake) {
    let catalogue = lake.catalogue();
    let today = NaiveDate::from_ymd_opt(2026, 1, 1).expect("it is a day");
    let message = submission(form, kind, rows).encode_to_vec();
    let rounds = (ROWS_IN_ALL / rows).max(3);
    let mut best: Option<Stages> = None;
    for _ in 0..rounds {
        let stages = time(&message, &catalogue, today, Some(lake.present()))
            .expect("the submission is sound");
        assert_eq!(stages.accepted, rows, "all rows land");
        if best.is_none_or(|best| all(&stages) < all(&best)) {
            best = Some(stages);
        }
    }
    let best = best.expect("there was a round");
    let ns = |time: Duration| time.as_nanos() / rows as u128;
    println!(
        "{:12} {kind:5} {rows:7} {:8} {:7} {:7} {:7} {:7}",
        format!("{form:?}"),
        ns(best.message),
        ns(best.decode),
        ns(best.judge),
        ns(best.digest),
        ns(all(&best)),
    );
}

fn all(stages: &Stages) -> Duration {
    stages.message + stages.decode + stages.judge + stages.digest
}

fn records() -> Vec<Record> {
    let mut units = "unit,code,name,name_en,kind,level,parent,valid_from,valid_to,legal_basis\n\
                     91.1,91,Thành phố đo thử,,thanh_pho,city,,1999-01-01,,\n"
        .to_owned();
    for district in 0..30 {
        writeln!(units, "9{district:02}.1,9{district:02},Huyện đo thử {district},,huyen,district,91.1,1999-01-01,,")
            .expect("writing to a string does not fail");
    }
    for commune in 0..COMMUNES {
        let district = commune % 30;
        writeln!(units, "9{commune:04}.1,9{commune:04},Xã đo thử {commune},,xa,commune,9{district:02}.1,1999-01-01,,")
            .expect("writing to a string does not fail");
    }
    let mut indicators = "indicator,name_vi,name_en,kind,unit_of_measure,pillar,behaviour,aggregation,\
                          aggregation_time,numerator,denominator,factor,direction,levels,stages,default_stage,min,max,\
                          integer,tier,rebase_weight,ranks,precedence\n"
        .to_owned();
    for n in 0..INDICATORS {
        writeln!(indicators, "score_{n},Điểm đo thử {n},,score,điểm,,intensive,mean,none,,,,higher,commune,self,self,0,100,,open,none,,\n\
                              count_{n},Số đo thử {n},,count,tổ,,stock,sum,last,,,,higher,commune,self,self,0,,true,open,none,,")
            .expect("writing to a string does not fail");
    }
    let feeds = "feed,name_vi,name_en,class,calendar,precedence,within,indicators\n\
                 bench,Số liệu đo thử,,synthetic,gregorian,10,91,\n";
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files =
        [file("units.csv", &units), file("indicators.csv", &indicators), file("feeds.csv", feeds)];
    read(&files).expect("the files are sound")
}

/// The cells of a submission: days in order, in each day the communes, of each commune the indicators.
fn submission(form: Form, kind: &str, rows: usize) -> Submission {
    let indicators: Vec<_> = (0..INDICATORS).map(|n| format!("{kind}_{n}")).collect();
    let units: Vec<_> = (0..COMMUNES).map(|n| format!("9{n:04}")).collect();
    let first = NaiveDate::from_ymd_opt(2001, 1, 1).expect("it is a day");
    let days: Vec<_> = (0..rows.div_ceil(COMMUNES * INDICATORS) as u64)
        .map(|n| (first + Days::new(n)).to_string())
        .collect();
    let cell =
        |row: usize| (row % INDICATORS, row / INDICATORS % COMMUNES, row / INDICATORS / COMMUNES);
    // Scores have two digits after the point.
    let (scale, step) = if kind == "score" { (2_i8, 1) } else { (0, 7) };
    let value = |row: usize| (row.wrapping_mul(2_654_435_761) % 10_000) as i128 * step;
    let payload = match form {
        Form::Typed => {
            let row = |n: usize| {
                let (indicator, unit, day) = cell(n);
                let value = value(n);
                let value = if scale == 2 {
                    format!("{}.{:02}", value / 100, value % 100)
                } else {
                    value.to_string()
                };
                Row {
                    indicator: indicators[indicator].clone(),
                    unit: units[unit].clone(),
                    period: days[day].clone(),
                    value,
                    ..Row::default()
                }
            };
            Payload::Rows(Rows { rows: (0..rows).map(row).collect() })
        }
        Form::Dictionaries | Form::Texts => {
            let column = |words: &[String], which: &dyn Fn(usize) -> usize| -> ArrayRef {
                if matches!(form, Form::Texts) {
                    let texts = (0..rows).map(|row| words[which(row)].as_str());
                    return Arc::new(StringArray::from_iter_values(texts));
                }
                let keys = Int32Array::from_iter_values((0..rows).map(|row| which(row) as i32));
                let words = Arc::new(StringArray::from_iter_values(words));
                Arc::new(DictionaryArray::<Int32Type>::new(keys, words))
            };
            let values = Decimal128Array::from_iter_values((0..rows).map(value));
            let values = values.with_precision_and_scale(18, scale).expect("the scale is sound");
            let batch = RecordBatch::try_from_iter([
                ("indicator", column(&indicators, &|row| cell(row).0)),
                ("unit", column(&units, &|row| cell(row).1)),
                ("period", column(&days, &|row| cell(row).2)),
                ("value", Arc::new(values) as ArrayRef),
            ])
            .expect("the columns are of one length");
            let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())
                .expect("the schema can be written");
            writer.write(&batch).expect("a batch can be written");
            writer.finish().expect("the end can be written");
            Payload::ArrowIpc(writer.into_inner().expect("it is finished").into())
        }
    };
    Submission { feed: "bench".to_owned(), payload: Some(payload), ..Submission::default() }
}
