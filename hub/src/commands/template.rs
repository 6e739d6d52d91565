//! `dinh template`: the empty CSV of a feed, with its indicators and units.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use chrono::NaiveDate;
use dinh_lake::clock::Clock;
use dinh_lake::feed::Calendar;
use dinh_lake::period::Period;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::commands::ask;
use crate::config::{Global, Lang};
use crate::push::template::{self, Indicator, Unit};
use crate::wording::Wording;

const AFTER_HELP: &str = "\
Examples:
  dinh template --feed dan-phuong --period 2024-Q1 --file quy-1.csv
  dinh template --feed dan-phuong --period 2024 --indicator community_digital_teams --separator ,

Fill in `value` (or `numerator` and `denominator`), leave empty what is not known, and `dinh push` the file.

Excel drops the zeros at the head of codes and turns 2024-03 into a date: open the file with \
Data > From Text/CSV and set `unit` and `period` to Text.";

/// Which template.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The feed to report on.
    #[arg(long)]
    feed: String,
    /// The period, such as 2024 or 2024-Q1; its last day decides which units there are. Without it the units of today.
    #[arg(long)]
    period: Option<String>,
    /// Only these indicators.
    #[arg(long = "indicator", value_name = "INDICATOR")]
    indicators: Vec<String>,
    /// Where to write it; without it to standard output.
    #[arg(long)]
    file: Option<PathBuf>,
    /// What stands between fields; Vietnamese Excel expects `;`.
    #[arg(long, default_value = ";", value_parser = [";", ",", "tab"])]
    separator: String,
}

#[derive(Deserialize)]
struct Feeds {
    feeds: Vec<FeedRow>,
}

#[derive(Deserialize)]
struct FeedRow {
    feed: String,
    calendar: String,
    within: String,
    indicators: Vec<String>,
}

#[derive(Deserialize)]
struct Indicators {
    indicators: Vec<IndicatorRow>,
}

#[derive(Deserialize)]
struct IndicatorRow {
    indicator: String,
    name: String,
    name_en: Option<String>,
    levels: Vec<String>,
    default_stage: String,
}

#[derive(Deserialize)]
struct Units {
    units: Vec<UnitRow>,
}

#[derive(Deserialize)]
struct UnitRow {
    code: String,
    name: String,
    name_en: Option<String>,
    level: String,
}

/// Writes the template.
///
/// # Errors
/// When the hub cannot be reached, knows no such feed, indicator or period, or the file cannot be written.
pub async fn run(global: &Global, args: Args) -> anyhow::Result<()> {
    let feeds: Feeds = answer(global, "feeds", []).await?;
    let Some(feed) = feeds.feeds.iter().find(|row| row.feed == args.feed) else {
        let known: Vec<&str> = feeds.feeds.iter().map(|row| row.feed.as_str()).collect();
        bail!("there is no feed `{}`; there are {}", args.feed, known.join(", "));
    };
    let on = day(&args, feed)?;
    let indicators = indicators(global, &args, feed).await?;
    let units = units(global, feed, on, &indicators).await?;
    let separator = if args.separator == "tab" { b'\t' } else { args.separator.as_bytes()[0] };
    let period = args.period.as_deref().unwrap_or_default();
    let bytes = template::write(&indicators, &units, period, separator);
    match &args.file {
        None => io::stdout().lock().write_all(&bytes)?,
        Some(file) => {
            std::fs::write(file, bytes).with_context(|| format!("writing `{}`", file.display()))?;
            let hint = Wording::new(
                format!(
                    "đã ghi `{}`; Excel bỏ số 0 đầu mã và đổi 2024-03 thành ngày: hãy mở bằng Data > From Text/CSV, đặt cột `unit`, `period` là Text",
                    file.display()
                ),
                format!(
                    "wrote `{}`; Excel drops leading zeros and turns 2024-03 into a date: open it with Data > From Text/CSV and set `unit`, `period` to Text",
                    file.display()
                ),
            );
            // Standard error may be closed; there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{}", hint.text(global.lang));
        }
    }
    Ok(())
}

/// The day that decides which units there are.
fn day(args: &Args, feed: &FeedRow) -> anyhow::Result<NaiveDate> {
    let Some(period) = &args.period else {
        return Ok(Clock::system().now().date_naive());
    };
    let calendar = Calendar::from_code(&feed.calendar)
        .with_context(|| format!("the hub has the unknown calendar `{}`", feed.calendar))?;
    Ok(Period::parse(period, calendar)?.end)
}

async fn indicators(
    global: &Global,
    args: &Args,
    feed: &FeedRow,
) -> anyhow::Result<Vec<Indicator>> {
    let known: Indicators = answer(global, "indicators", []).await?;
    let in_feed =
        |row: &IndicatorRow| feed.indicators.is_empty() || feed.indicators.contains(&row.indicator);
    let carried: Vec<IndicatorRow> = known.indicators.into_iter().filter(in_feed).collect();
    for asked in &args.indicators {
        ensure!(
            carried.iter().any(|row| row.indicator == *asked),
            "the feed `{}` carries no indicator `{asked}`",
            feed.feed
        );
    }
    let asked =
        |row: &IndicatorRow| args.indicators.is_empty() || args.indicators.contains(&row.indicator);
    let indicator = |row: IndicatorRow| Indicator {
        name: name(global.lang, row.name, row.name_en),
        code: row.indicator,
        stage: row.default_stage,
        levels: row.levels,
    };
    Ok(carried.into_iter().filter(asked).map(indicator).collect())
}

/// The units of all levels that an indicator has, as they are on a day.
async fn units(
    global: &Global,
    feed: &FeedRow,
    on: NaiveDate,
    indicators: &[Indicator],
) -> anyhow::Result<Vec<Unit>> {
    let levels: BTreeSet<&str> =
        indicators.iter().flat_map(|i| i.levels.iter().map(String::as_str)).collect();
    let mut units = Vec::new();
    for level in levels {
        let on = on.to_string();
        let found: Units =
            answer(global, "units", [("within", &feed.within), ("level", level), ("on", &on)])
                .await?;
        units.extend(found.units.into_iter().map(|row| Unit {
            name: name(global.lang, row.name, row.name_en),
            code: row.code,
            level: row.level,
        }));
    }
    ensure!(
        !units.is_empty(),
        "no unit within `{}` reports to `{}` on {on}: choose another --period",
        feed.within,
        feed.feed
    );
    units.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(units)
}

fn name(lang: Lang, vi: String, en: Option<String>) -> String {
    match lang {
        Lang::Vi => vi,
        Lang::En => en.unwrap_or(vi),
    }
}

async fn answer<T: DeserializeOwned, const N: usize>(
    global: &Global,
    question: &str,
    parameters: [(&str, &str); N],
) -> anyhow::Result<T> {
    let parameters: BTreeMap<_, _> =
        parameters.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let json = ask::ask(global, question.to_owned(), parameters).await?;
    serde_json::from_str(&json).with_context(|| format!("the hub's answer to `{question}`"))
}
