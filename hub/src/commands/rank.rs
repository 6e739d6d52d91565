//! `dinh rank`: a ranking of units by an indicator.

use crate::commands::ask;
use crate::config::Global;

/// Which ranking.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: dinh rank par_index_pct --level district --period 2023")]
pub struct Args {
    /// The indicator's code.
    indicator: String,
    /// The level of the units, such as district.
    #[arg(long)]
    level: Option<String>,
    /// The period, such as 2023 or 2024-03; without it the latest one with a figure.
    #[arg(long)]
    period: Option<String>,
    /// The stage; without it the indicator's own.
    #[arg(long)]
    stage: Option<String>,
    /// A feed; without it official feeds by precedence.
    #[arg(long)]
    feed: Option<String>,
    /// The unit whose subtree is ranked.
    #[arg(long)]
    within: Option<String>,
    /// The kind of the units, such as quan or huyen.
    #[arg(long)]
    kind: Option<String>,
    /// When it was known: a time, a day or a position of the ledger; without it now.
    #[arg(long)]
    as_of: Option<String>,
    /// What units are ranked by: value, change or distance (to the target); without it value.
    #[arg(long)]
    by: Option<String>,
    /// How units of one value share ranks: standard (1, 2, 2, 4), dense or fractional; without it standard.
    #[arg(long)]
    ties: Option<String>,
    /// An earlier moment, as --as-of: movement is against what was known of the period then.
    #[arg(long)]
    against: Option<String>,
    /// asc or desc, by rank.
    #[arg(long)]
    order: Option<String>,
    /// At most so many rows.
    #[arg(long)]
    limit: Option<u32>,
    /// After so many rows.
    #[arg(long)]
    offset: Option<u32>,
}

/// The columns of a ranking that a person reads.
pub const COLUMNS: [&str; 9] = [
    "rank",
    "code",
    "name",
    "value",
    "qualifier",
    "reported_rank",
    "change",
    "previous_rank",
    "movement",
];

/// What is said above a ranking's rows.
#[must_use]
pub fn heading(answer: &ask::Answer) -> String {
    let text = |member| ask::text(answer, member);
    let synthetic =
        if text("contains_synthetic") == "true" { " · SYNTHETIC, made-up figures" } else { "" };
    format!(
        "{} · {} · {} · {} · {} of {} ranked · {} · position {}{}{synthetic}",
        text("indicator"),
        text("level"),
        text("period"),
        text("stage"),
        text("ranked"),
        text("universe"),
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
    let number = |n: Option<u32>| n.map(|n| n.to_string());
    let parameters = ask::parameters([
        ("level", args.level),
        ("period", args.period),
        ("stage", args.stage),
        ("feed", args.feed),
        ("within", args.within),
        ("kind", args.kind),
        ("as_of", args.as_of),
        ("by", args.by),
        ("ties", args.ties),
        ("against", args.against),
        ("order", args.order),
        ("limit", number(args.limit)),
        ("offset", number(args.offset)),
    ]);
    let json = ask::ask(global, format!("rankings/{}", args.indicator), parameters).await?;
    ask::write(&mut std::io::stdout().lock(), global.output, &json, &COLUMNS, heading)
}
