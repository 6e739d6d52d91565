//! A lake with the catalogue and the published figures of `deploy/hanoi`, put into the ledger as the way in would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use chrono::NaiveDate;
use dinh_lake::catalogue::files::{SourceFile, read};
use dinh_lake::catalogue::{Record, RecordKind};
use dinh_lake::grant::{Action, Credential, Grant, token_sha256};
use dinh_lake::observation::{accepted_schema, decimal_type};
use dinh_lake::period::Period;
use dinh_lake::submission::{Mode, Severity, Submission, Verdict};
use dinh_lake::unit::UnitId;
use dinh_lake::{Clock, Decimal, Lake, LakeOptions, LakeUrl};
use dinh_query::{Access, Answers, Engine, QueryError, SqlLimits};
use tempfile::TempDir;

/// One row of a push, as text; absent columns are empty.
pub(crate) type Row = BTreeMap<String, String>;

/// A lake in a folder of its own, with answers over it.
pub(crate) struct Hanoi {
    pub(crate) folder: TempDir,
    pub(crate) lake: Arc<Lake>,
    pub(crate) answers: Answers,
    clock: Clock,
}

fn deployed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/hanoi").join(file)
}

fn catalogue() -> Vec<Record> {
    let file = |name: &str| SourceFile {
        name: name.to_owned(),
        text: std::fs::read_to_string(deployed(name)).unwrap(),
    };
    let files = [
        "units.csv",
        "succession.csv",
        "synonyms.csv",
        "indicators.csv",
        "feeds.csv",
        "holidays.csv",
        "composites.csv",
        "component_groups.csv",
        "components.csv",
    ];
    read(&files.map(file)).unwrap()
}

/// A grant to read with the token `dinh_<principal>`.
pub(crate) fn reader(principal: &str, within: Option<&str>) -> Record {
    let grant = Grant {
        grant: format!("g-{principal}"),
        principal: principal.to_owned(),
        credential: Credential::Token(token_sha256(&format!("dinh_{principal}"))),
        actions: [Action::Read].into(),
        feeds: Default::default(),
        within: within.map(|unit| UnitId(unit.to_owned())),
        issued_at: Default::default(),
        expires_at: None,
        revoked_at: None,
    };
    let content = Some(serde_json::to_string(&grant).unwrap());
    Record { kind: RecordKind::Grant, key: grant.grant, content }
}

async fn open(folder: &Path, clock: &Clock) -> Arc<Lake> {
    let options = LakeOptions { clock: clock.clone(), ..LakeOptions::default() };
    Lake::open(&LakeUrl::from(folder), options).await.unwrap()
}

fn answers(lake: &Arc<Lake>, limits: SqlLimits) -> Answers {
    Answers::new(Arc::new(Engine::new(Arc::clone(lake), limits).unwrap()))
}

impl Hanoi {
    /// A lake with the catalogue and no figures.
    pub(crate) async fn empty() -> Self {
        Self::by_clock(Clock::system()).await
    }

    /// The same by a clock of one's own.
    pub(crate) async fn by_clock(clock: Clock) -> Self {
        let folder = TempDir::new().unwrap();
        let lake = open(folder.path(), &clock).await;
        let mut records = catalogue();
        records.extend([reader("analyst", None), reader("dan-phuong", Some("273.1"))]);
        lake.apply(records).await.unwrap();
        let answers = answers(&lake, SqlLimits::default());
        Self { folder, lake, answers, clock }
    }

    /// A lake with the published figures, one submission for each feed.
    pub(crate) async fn published() -> Self {
        let hanoi = Self::empty().await;
        let mut reader = csv::Reader::from_path(deployed("facts.csv")).unwrap();
        let mut feeds: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in reader.deserialize::<Row>() {
            let row = row.unwrap();
            feeds.entry(row["feed"].clone()).or_default().push(row);
        }
        for (feed, rows) in feeds {
            hanoi.push(&feed, "published", &rows).await;
        }
        hanoi
    }

    /// The same lake after a restart, when nothing is in memory.
    pub(crate) async fn reopened(self) -> Self {
        let Self { folder, lake, answers, clock } = self;
        drop(answers);
        assert_eq!(Arc::strong_count(&lake), 1, "the lock goes with the last owner");
        drop(lake);
        let lake = open(folder.path(), &clock).await;
        let answers = self::answers(&lake, SqlLimits::default());
        Self { folder, lake, answers, clock }
    }

    /// Other limits for the statements to come.
    pub(crate) fn limit(&mut self, limits: SqlLimits) {
        self.answers = answers(&self.lake, limits);
    }

    /// Records rows; gives the position.
    pub(crate) async fn push(&self, feed: &str, id: &str, rows: &[Row]) -> u64 {
        let catalogue = self.lake.catalogue();
        let calendar = catalogue.feeds[feed].calendar;
        let column = |name: &str| -> ArrayRef {
            let text = |row: &Row| row.get(name).filter(|text| !text.is_empty()).cloned();
            let period = |row: &Row| Period::parse(&row["period"], calendar).unwrap();
            let or = |default: &'static str| {
                Arc::new(
                    rows.iter()
                        .map(|r| text(r).or(Some(default.to_owned())))
                        .collect::<StringArray>(),
                )
            };
            match name {
                "row" => Arc::new(Int64Array::from_iter_values(1..=rows.len() as i64)),
                "unit" => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| {
                    let end = period(row).end;
                    catalogue.units.resolve(&row["unit"], Some(end)).unwrap().unit.0.clone()
                }))),
                "period_start" => days(rows.iter().map(|row| period(row).start)),
                "period_end" => days(rows.iter().map(|row| period(row).end)),
                "value" | "numerator" | "denominator" => decimals(rows.iter().map(text)),
                "coverage_reported" | "coverage_expected" => {
                    let whole = |row: &Row| text(row).map(|text| text.parse::<i64>().unwrap());
                    Arc::new(rows.iter().map(whole).collect::<Int64Array>())
                }
                "stage" => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| {
                    let default = catalogue.indicators[&row["indicator"]].default_stage;
                    text(row).unwrap_or_else(|| default.code().to_owned())
                }))),
                "qualifier" => or("exact"),
                "status" => or("normal"),
                _ => Arc::new(rows.iter().map(text).collect::<StringArray>()),
            }
        };
        let schema = accepted_schema();
        let columns = schema.fields().iter().map(|field| column(field.name())).collect();
        let accepted = RecordBatch::try_new(schema, columns).unwrap();
        let submission = submission(feed, id, accepted);
        self.lake.ledger().append(vec![submission]).await.unwrap();
        self.lake.ledger().snapshot().position
    }

    /// Asks with nothing in hand.
    pub(crate) async fn ask(
        &self,
        question: &str,
        parameters: &[(&str, &str)],
    ) -> Result<serde_json::Value, QueryError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters = parameters.iter().map(own).collect();
        let text = self.answers.ask(question, &parameters, &Access::open()).await?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    /// The rows of a statement as CSV lines without the heading.
    pub(crate) async fn sql(&self, sql: &str, access: &Access) -> Result<Vec<String>, QueryError> {
        let batches = self.answers.engine().run(sql, access).await?.collect().await?;
        let lines = |batch: &RecordBatch| {
            (0..batch.num_rows()).map(|row| line(batch, row)).collect::<Vec<_>>()
        };
        Ok(batches.iter().flat_map(lines).collect())
    }
}

fn line(batch: &RecordBatch, row: usize) -> String {
    let text =
        |column: &ArrayRef| arrow::util::display::array_value_to_string(column, row).unwrap();
    batch.columns().iter().map(text).collect::<Vec<_>>().join(",")
}

/// A row from `column=value` pairs.
pub(crate) fn row(pairs: &[(&str, &str)]) -> Row {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn submission(feed: &str, id: &str, accepted: RecordBatch) -> Submission {
    let verdict = Verdict {
        row: 1,
        severity: Severity::Warned,
        field: "value".to_owned(),
        rule: "value.jump".to_owned(),
        message_vi: "tăng nhiều".to_owned(),
        message_en: "it rose by much".to_owned(),
        suggestions: Vec::new(),
        content: "{}".to_owned(),
    };
    Submission {
        feed: feed.to_owned(),
        id: id.to_owned(),
        principal: "tester".to_owned(),
        mode: Mode::Partial,
        digest: format!("{feed}-{id}"),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows: accepted.num_rows() as u64,
        accepted,
        verdicts: vec![verdict],
    }
}

fn days(days: impl Iterator<Item = NaiveDate>) -> ArrayRef {
    let day = |day: NaiveDate| day.signed_duration_since(NaiveDate::default()).num_days() as i32;
    Arc::new(Date32Array::from_iter_values(days.map(day)))
}

fn decimals(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    let value = |text: Option<String>| Some(text?.parse::<Decimal>().unwrap().unscaled());
    Arc::new(values.map(value).collect::<Decimal128Array>().with_data_type(decimal_type()))
}
