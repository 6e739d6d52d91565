//! `dinh total`: the total of an indicator, with its coverage.

use crate::commands::ask;
use crate::config::Global;

/// Which total.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: dinh total villages_with_community_team --within 01")]
pub struct Args {
    /// The indicator's code.
    indicator: String,
    /// The level whose units are shown under the total, such as district.
    #[arg(long)]
    by: Option<String>,
    /// The period; without it the latest one with a figure.
    #[arg(long)]
    period: Option<String>,
    /// The stage; without it the indicator's own.
    #[arg(long)]
    stage: Option<String>,
    /// A feed; without it official feeds by precedence.
    #[arg(long)]
    feed: Option<String>,
    /// The unit whose total it is.
    #[arg(long)]
    within: Option<String>,
    /// When it was known: a time, a day or a position of the ledger; without it now.
    #[arg(long)]
    as_of: Option<String>,
}

/// The columns of a total's rows that a person reads.
pub const COLUMNS: [&str; 6] = ["code", "name", "value", "qualifier", "source", "feed"];

/// What is said above a total's rows.
#[must_use]
pub fn heading(answer: &ask::Answer) -> String {
    let text = |member| ask::text(answer, member);
    let total =
        answer.get("total").and_then(|total| serde_json::from_str::<ask::Answer>(total.get()).ok());
    let total = total.unwrap_or_default();
    let qualifier = match ask::text(&total, "qualifier").as_str() {
        "exact" | "-" => String::new(),
        qualifier => format!(" ({qualifier})"),
    };
    let synthetic =
        if text("contains_synthetic") == "true" { " · SYNTHETIC, made-up figures" } else { "" };
    format!(
        "{} · {} · {} · total {}{qualifier} · {} · position {}{}{synthetic}",
        text("indicator"),
        text("period"),
        text("stage"),
        ask::text(&total, "value"),
        ask::coverage(answer),
        text("position"),
        ask::as_of(answer),
    )
}

/// Asks for it and writes it.
///
/// # Errors
/// When the hub refuses it or cannot be reached.
pub async fn run(global: &Global, args: Args) -> anyhow::Result<()> {
    let parameters = ask::parameters([
        ("by", args.by),
        ("period", args.period),
        ("stage", args.stage),
        ("feed", args.feed),
        ("within", args.within),
        ("as_of", args.as_of),
    ]);
    let json = ask::ask(global, format!("totals/{}", args.indicator), parameters).await?;
    ask::write(&mut std::io::stdout().lock(), global.output, &json, &COLUMNS, heading)
}
