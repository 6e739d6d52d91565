//! Log lines: to standard error, as text or as JSON, with the spans along the way of a row.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Global, LogFormat};

/// What a hub logs. The Delta library calls it an error that a table is not there yet; whoever asks hears of it anyway.
const OF_A_HUB: &str = "info,buoyant_kernel=off";
/// What any other command logs.
const OF_A_COMMAND: &str = "warn,buoyant_kernel=off";

/// Never, whatever is asked for: below `info` these write the headers of requests, which hold tokens.
const HEADERS: [&str; 3] = ["h2=info", "hyper=info", "tonic=info"];

/// Starts logging for this process: what `--log` says, else what suits a hub or another command.
///
/// # Errors
/// When the directives of `--log` cannot be read.
pub fn start(global: &Global, is_hub: bool) -> anyhow::Result<()> {
    let log = global.log.as_deref().unwrap_or(if is_hub { OF_A_HUB } else { OF_A_COMMAND });
    let filter = EnvFilter::try_new(log).map_err(|error| {
        anyhow::anyhow!("--log `{log}` is not a list of tracing directives: {error}")
    })?;
    let quiet = |directive: &str| directive.parse().expect("the directive reads");
    let filter = HEADERS.into_iter().map(quiet).fold(filter, EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(std::io::stderr().is_terminal());
    match global.log_format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
