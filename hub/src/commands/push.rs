//! `dinh push FILE`: a file of figures to the hub, and what became of them.
//!
//! Results on standard output, narration on standard error. A file is read whole before anything is sent, and a fault of
//! the file as such (encoding, columns, a figure that reads two ways) sends nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use dinh_lake::submission::Mode;
use dinh_proto::v1;
use indicatif::ProgressBar;
use serde::Deserialize;

use crate::config::{Global, Lang};
use crate::dial::Dial;
use crate::exit::Exit;
use crate::push::number::{Expected, Locale};
use crate::push::report::{self, RowVerdict};
use crate::push::rows::{self, Reading};
use crate::push::table::{self, Table};
use crate::push::wire::{self, Envelope};
use crate::push::{rejects, text};
use crate::wording::Wording;

use self::delivery::{Failure, Hub};
use self::summary::Summary;

pub(crate) mod delivery;
mod summary;
#[cfg(test)]
mod tests;

/// A larger file would not fit the hub's limit of 128 MiB for a submission either.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// How many figures that read two ways are named.
const AMBIGUITIES_NAMED_MAX: usize = 10;
/// A call that answers sooner shows no progress bar.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Examples:
  dinh push par-2023.csv --feed par-index --token-file token.txt --locale vi
  dinh push par-2023.csv --feed par-index --token-file token.txt --locale vi --dry-run
  dinh push thang-3.csv --feed dan-phuong --locale vi --rejects sua-lai.csv

The file: CSV with `,`, `;` or tab, in UTF-8, UTF-16 or windows-1258. Columns by name, in any order: \
indicator, unit, period, value; stage, numerator, denominator, qualifier, status, coverage_reported, \
coverage_expected, note; or in Vietnamese (chỉ tiêu, đơn vị, kỳ, giá trị, giai đoạn, tử số, mẫu số, ghi chú ...). \
`dinh template` writes an empty one. A row without a value is not sent and is told.

Exit codes:
  0  all rows landed
  1  any other error
  2  wrong usage, or a figure that reads two ways and no --locale
  3  some rows landed, some were refused
  4  nothing landed: the file, the submission or every row was refused
  5  the token is missing, unknown, or does not cover this feed
  6  the hub cannot be reached or is overloaded; push again, nothing is counted twice
  7  the id was used for other content
  130  interrupted before the hub answered; push again, nothing is counted twice";

/// Pushes a CSV file of figures to a feed.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The file, or `-` for standard input.
    pub file: PathBuf,

    /// The feed that the figures belong to.
    #[arg(long)]
    pub feed: String,

    /// How separators are read: vi `1.015,5`, en `1,015.5`. Required if a figure reads two ways.
    #[arg(long)]
    pub locale: Option<Locale>,

    /// The submission's id, unique in the feed for ever. Without it one is made from feed and content.
    #[arg(long)]
    pub id: Option<String>,

    /// partial: the good rows land. atomic: one refused row refuses all.
    #[arg(long, default_value = "partial", value_parser = PossibleValuesParser::new(["partial", "atomic"])
        .map(|code| Mode::from_code(&code).unwrap_or(Mode::Partial)))]
    pub mode: Mode,

    /// Why these figures revise or withdraw earlier ones.
    #[arg(long, default_value = "")]
    pub reason: String,

    /// The document that orders the revision.
    #[arg(long, default_value = "")]
    pub document: String,

    /// Has the hub judge the rows and says what would land; nothing is kept, not even the id.
    #[arg(long)]
    pub dry_run: bool,

    /// Writes the refused rows to this file, with the reasons, to be corrected and pushed again.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// What has no exit code of its own, such as a file that cannot be read.
pub async fn run(global: &Global, args: Args) -> anyhow::Result<Exit> {
    match push(global, &args).await {
        Ok(exit) => Ok(exit),
        Err(Stop::Failure(failure)) => {
            narrate(failure.wording.text(global.lang));
            Ok(failure.exit)
        }
        Err(Stop::Other(error)) => Err(error),
    }
}

/// Why a push ends early.
enum Stop {
    Failure(Failure),
    Other(anyhow::Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

async fn push(global: &Global, args: &Args) -> Result<Exit, Stop> {
    let table = table(args)?;
    let locale = locale(args, &table)?;
    let dial = Dial::of(global)?;
    let hub = Hub::at(&dial, global.to.as_deref(), global.token()?.as_deref())?;
    let catalogue =
        if rows::needs_catalogue(&table) { catalogue(&hub, global.lang).await } else { Vec::new() };
    let reading = rows::read(&table, locale, |indicator| expected(&catalogue, indicator));
    if reading.rows.is_empty() {
        return Err(nothing_to_send(args, &reading).into());
    }
    let envelope = Envelope {
        feed: args.feed.clone(),
        id: args.id.clone().unwrap_or_else(|| rows::identity(&args.feed, args.mode, &reading.rows)),
        mode: args.mode,
        dry_run: args.dry_run,
        reason: args.reason.clone(),
        document: args.document.clone(),
    };
    let submission = wire::submission(&envelope, &reading.rows)
        .context("the rows do not fit an Arrow stream")?;
    let delivered = with_progress(global.lang, reading.rows.len(), deliver(args, &hub, submission));
    let summary = tokio::select! {
        delivered = delivered => delivered?,
        _ = tokio::signal::ctrl_c() => return Err(interrupted().into()),
    };
    tell(global, args, &table, &reading, &summary)
}

/// Sends a submission, to be kept or only to be judged.
async fn deliver(args: &Args, hub: &Hub, submission: v1::Submission) -> Result<Summary, Failure> {
    let before = if args.dry_run { None } else { hub.position(&args.feed).await };
    let answer = hub.push(submission).await?;
    Ok(Summary::of_answer(answer, args.mode, before))
}

/// Somebody would not wait any longer.
fn interrupted() -> Failure {
    let wording = Wording::new(
        "đã dừng theo yêu cầu, chưa rõ hub đã ghi hay chưa: hãy đẩy lại đúng tệp này, sẽ không bị tính hai lần",
        "stopped as asked, whether the hub has recorded it is not known: push the same file again, nothing is counted twice",
    );
    Failure { exit: Exit::Interrupted, wording }
}

/// Waits for a call; one that takes long shows that it is under way, if somebody is looking.
async fn with_progress<T>(lang: Lang, rows: usize, call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    tokio::select! {
        answer = &mut call => return answer,
        () = tokio::time::sleep(PROGRESS_AFTER) => {}
    }
    if !io::stderr().is_terminal() {
        return call.await;
    }
    let text = Wording::new(
        format!("đã gửi {rows} dòng, đang chờ hub ghi nhận"),
        format!("sent {rows} rows, waiting for the hub to keep them"),
    );
    let bar = ProgressBar::new_spinner().with_message(text.text(lang).to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    let answer = call.await;
    bar.finish_and_clear();
    answer
}

/// Prints the summary, writes the refused rows, and says how it ended.
fn tell(
    global: &Global,
    args: &Args,
    table: &Table,
    reading: &Reading,
    summary: &Summary,
) -> Result<Exit, Stop> {
    let verdicts: Vec<RowVerdict> = summary.verdicts.iter().map(wire::verdict).collect();
    let findings = report::findings(reading, &verdicts, global.lang);
    if let Some(path) = &args.rejects {
        write_rejects(global.lang, path, table, &report::reasons(reading, &findings))?;
    }
    summary
        .print(global.output, global.lang, &findings, &reading.missing)
        .context("standard output")?;
    for hint in summary.hints(args.id.is_none()) {
        narrate(hint.text(global.lang));
    }
    Ok(summary.exit())
}

fn write_rejects(
    lang: Lang,
    path: &Path,
    table: &Table,
    reasons: &BTreeMap<usize, rejects::Reason>,
) -> anyhow::Result<()> {
    let Some(bytes) = rejects::write(table, reasons) else {
        return Ok(());
    };
    fs::write(path, bytes).with_context(|| format!("writing `{}`", path.display()))?;
    let (count, path) = (reasons.len(), path.display());
    let text = Wording::new(
        format!("đã ghi {count} dòng bị từ chối vào `{path}`: hãy sửa rồi đẩy lại tệp đó"),
        format!("wrote {count} refused rows to `{path}`: correct them and push that file"),
    );
    narrate(text.text(lang));
    Ok(())
}

fn narrate(text: &str) {
    // Standard error may be closed; there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Reads the file, up to its rows.
fn table(args: &Args) -> Result<Table, Stop> {
    let name = args.file.display();
    let bytes = bytes(&args.file).with_context(|| format!("reading `{name}`"))?;
    let refused = |lines: Vec<Wording>| {
        let join = |lang| lines.iter().map(|line| line.text(lang)).collect::<Vec<_>>().join("\n");
        let wording = Wording::new(join(Lang::Vi), join(Lang::En));
        Failure { exit: Exit::NothingLanded, wording }
    };
    let text = text::read(&bytes).map_err(|error| {
        let wording = error.wording();
        refused(vec![Wording::new(
            format!("{name}: {}", wording.vi),
            format!("{name}: {}", wording.en),
        )])
    })?;
    let table = table::read(&text).map_err(|faults| {
        let line = |fault: &table::Fault| {
            Wording::new(
                format!("{name}: dòng {}: {}", fault.line, fault.wording.vi),
                format!("{name}: line {}: {}", fault.line, fault.wording.en),
            )
        };
        refused(faults.iter().map(line).collect())
    })?;
    Ok(table)
}

fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    } else {
        fs::File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    }
    anyhow::ensure!(bytes.len() as u64 <= FILE_BYTES_MAX, "larger than 256 MiB: split it");
    Ok(bytes)
}

/// The locale to read by: the one given, or any if no figure depends on it.
fn locale(args: &Args, table: &Table) -> Result<Locale, Failure> {
    if let Some(locale) = args.locale {
        return Ok(locale);
    }
    let ambiguities = rows::ambiguities(table);
    if ambiguities.is_empty() {
        return Ok(Locale::Vi);
    }
    let name = args.file.display();
    let (mut vi, mut en) = (
        format!(
            "{name}: có số đọc được theo hai cách: hãy đẩy lại với `--locale vi` hoặc `--locale en`"
        ),
        format!("{name}: some figures read two ways: push with `--locale vi` or `--locale en`"),
    );
    for found in ambiguities.iter().take(AMBIGUITIES_NAMED_MAX) {
        let read = |value: Option<_>, none: &str| {
            value.map_or_else(
                || none.to_owned(),
                |value: dinh_lake::decimal::Decimal| format!("`{value}`"),
            )
        };
        let (line, column, raw) = (found.line, found.column.name(), &found.raw);
        let (as_vi, as_en) = (read(found.vi, "không phải số"), read(found.en, "không phải số"));
        vi += &format!(
            "\n  dòng {line}, cột `{column}`: `{raw}` là {as_vi} theo vi, {as_en} theo en"
        );
        let (as_vi, as_en) = (read(found.vi, "no number"), read(found.en, "no number"));
        en +=
            &format!("\n  line {line}, column `{column}`: `{raw}` is {as_vi} in vi, {as_en} in en");
    }
    if let more @ 1.. = ambiguities.len().saturating_sub(AMBIGUITIES_NAMED_MAX) {
        vi += &format!("\n  và {more} số nữa");
        en += &format!("\n  and {more} more");
    }
    Err(Failure { exit: Exit::Usage, wording: Wording::new(vi, en) })
}

fn nothing_to_send(args: &Args, reading: &Reading) -> Failure {
    let (name, lines) = (args.file.display(), report::lines_text(&reading.missing, 20));
    let wording = if reading.missing.is_empty() {
        Wording::new(
            format!("{name}: không có dòng số liệu nào"),
            format!("{name}: there are no rows"),
        )
    } else {
        Wording::new(
            format!(
                "{name}: không dòng nào có giá trị (dòng {lines}): ô trống không phải là 0, không có gì để gửi"
            ),
            format!(
                "{name}: no row has a value (lines {lines}): empty is not 0, there is nothing to send"
            ),
        )
    };
    Failure { exit: Exit::NothingLanded, wording }
}

/// What the push needs of an indicator, as `GET /v1/indicators` gives it.
#[derive(Debug, Deserialize)]
struct IndicatorWords {
    indicator: String,
    kind: String,
    unit_of_measure: String,
}

/// The indicators, if the token may read them; without them the hub decides what it can.
async fn catalogue(hub: &Hub, lang: Lang) -> Vec<IndicatorWords> {
    #[derive(Deserialize)]
    struct Answer {
        indicators: Vec<IndicatorWords>,
    }
    let answer = hub.ask("indicators".to_owned(), BTreeMap::new()).await;
    let read = |json: String| serde_json::from_str::<Answer>(&json).ok();
    if let Some(answer) = answer.ok().and_then(read) {
        return answer.indicators;
    }
    let text = Wording::new(
        "không đọc được danh mục chỉ tiêu: số như `21/30` được gửi thành tử số và mẫu số, `toàn bộ` bị từ chối",
        "the indicators cannot be read: `21/30` goes as numerator and denominator, `toàn bộ` is refused",
    );
    narrate(text.text(lang));
    Vec::new()
}

fn expected(catalogue: &[IndicatorWords], indicator: &str) -> Expected {
    match catalogue.iter().find(|known| known.indicator == indicator) {
        None => Expected::Unknown,
        Some(known) if known.kind == "rank" => Expected::Rank,
        Some(known) if known.unit_of_measure == "%" => Expected::Percentage,
        Some(_) => Expected::Quantity,
    }
}
