//! All settings, on one page: flag, then `DINH_…` variable, then `dinh.toml`, then the default.
//!
//! The keys of `dinh.toml` (in the working folder, or where `DINH_CONFIG` says) are the long names of the flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::commands;

/// The hub of a city's figures: districts push them, everybody reads the same ones.
#[derive(Debug, Parser)]
#[command(name = "dinh", version, about, max_term_width = 120, after_help = EXIT_CODES)]
pub struct Cli {
    /// Settings of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 landed, but rows were refused; 4 nothing landed; \
5 not allowed; 6 unavailable, safe to try again; 7 the id was used for other content; 130 interrupted.";

/// Settings of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The lake: a folder, or an object store's URL such as s3://bucket/prefix (with the AWS_ variables of its tools).
    #[arg(long, env = "DINH_LAKE", default_value = "./dinh-data", global = true)]
    pub lake: String,
    /// The gRPC door of a hub to go through, such as http://127.0.0.1:7051 or https://hub.hanoi.example:7051; without it the lake is opened, or the hub
    /// that holds it is found.
    #[arg(long, env = "DINH_TO", global = true)]
    pub to: Option<String>,
    /// The token to go with; better given as DINH_TOKEN or in a file.
    #[arg(long, env = "DINH_TOKEN", hide_env_values = true, global = true)]
    pub token: Option<String>,
    /// A file that holds the token.
    #[arg(long, env = "DINH_TOKEN_FILE", global = true, conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// The authority that signed the hub's certificate, PEM; needed to go through an https:// door.
    #[arg(long, env = "DINH_CA", value_name = "FILE", global = true)]
    pub ca: Option<PathBuf>,
    /// The certificate to show to the hub, PEM; with --client-key.
    #[arg(long, env = "DINH_CLIENT_CERT", value_name = "FILE", global = true)]
    pub client_cert: Option<PathBuf>,
    /// The key of that certificate, PEM.
    #[arg(long, env = "DINH_CLIENT_KEY", value_name = "FILE", global = true)]
    pub client_key: Option<PathBuf>,
    /// How results are written to standard output.
    #[arg(long, env = "DINH_OUTPUT", value_enum, default_value_t = Output::Table, global = true)]
    pub output: Output,
    /// The language of names and messages.
    #[arg(long, env = "DINH_LANG", value_enum, default_value_t = Lang::Vi, global = true)]
    pub lang: Lang,
    /// How log lines are written to standard error.
    #[arg(long, env = "DINH_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
    /// What is logged, as tracing directives such as info,dinh_ingest=debug; without it `serve` logs from info up, and
    /// other commands from warn up.
    #[arg(long, env = "DINH_LOG", global = true)]
    pub log: Option<String>,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Aligned columns, for people.
    Table,
    /// JSON, for programs.
    Json,
    /// CSV, for spreadsheets.
    Csv,
}

/// The language of names and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Tiếng Việt.
    Vi,
    /// English.
    En,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// At which doors a client must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClientCertificates {
    /// At none.
    Optional,
    /// At the gRPC door.
    Grpc,
    /// At all doors.
    All,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole way on an embedded lake: hub, catalogue of Hà Nội, real figures, answers.
    Demo(commands::demo::Args),
    /// Run a hub until Ctrl-C.
    Serve(Serve),
    /// Send a CSV file of figures to a hub.
    Push(commands::push::Args),
    /// Write the empty CSV of a feed, with its units.
    Template(commands::template::Args),
    /// Run one read-only SQL statement.
    Sql(commands::sql::Args),
    /// Show a ranking of units by an indicator.
    Rank(commands::rank::Args),
    /// Show a total of an indicator, with its coverage.
    Total(commands::total::Args),
    /// Show or make a change of the catalogue.
    #[command(subcommand)]
    Catalog(commands::catalog::Action),
    /// Issue, list and revoke tokens.
    #[command(subcommand)]
    Token(commands::token::Action),
    /// Merge small files, write a checkpoint and delete what nobody needs any more.
    Maintain,
    /// Check the lake's invariants.
    Check,
    /// Measure this machine.
    #[command(subcommand)]
    Bench(commands::bench::Action),
}

/// Settings of a hub.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Where the gRPC door listens.
    #[arg(long, env = "DINH_GRPC", default_value = "127.0.0.1:7051")]
    pub grpc: SocketAddr,
    /// Where the HTTP door listens.
    #[arg(long, env = "DINH_HTTP", default_value = "127.0.0.1:7080")]
    pub http: SocketAddr,
    /// The hub's certificate and those that lead to its authority, PEM; with it all doors speak TLS. Files that change are
    /// read again within 10 seconds, at once on SIGHUP.
    #[arg(long, env = "DINH_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the hub's certificate, PEM.
    #[arg(long, env = "DINH_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The authorities that sign the certificates of clients, PEM. Who shows one may have a grant without a token.
    #[arg(long, env = "DINH_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
    /// At which doors a client must show a certificate.
    #[arg(long, env = "DINH_TLS_CLIENT_CERTIFICATES", value_enum, default_value_t = ClientCertificates::Optional)]
    pub tls_client_certificates: ClientCertificates,
    /// Connections at one door; each costs some tens of KiB and a file descriptor.
    #[arg(long, env = "DINH_CONNECTIONS_MAX", default_value_t = 4_096)]
    pub connections_max: usize,
    /// Seconds that a client may take to shake hands, over the worst of mobile networks, and then as many until it has said
    /// what it wants; whoever is slower is closed.
    #[arg(long, env = "DINH_HANDSHAKE_SECONDS_MAX", default_value_t = 10)]
    pub handshake_seconds_max: u64,
    /// Bytes of the newest rows that are kept in memory.
    #[arg(long, env = "DINH_HOT_BYTES_MAX", default_value_t = 256 << 20)]
    pub hot_bytes_max: usize,
    /// Seconds that merged files and old log entries are kept for readers that began before. The lake remembers it, for
    /// other hubs, commands and engines; without it what was set last holds, 3600 at first.
    #[arg(long, env = "DINH_RETENTION_SECONDS")]
    pub retention_seconds: Option<u64>,
    /// Bytes of one gRPC message, after decompression.
    #[arg(long, env = "DINH_MESSAGE_BYTES_MAX", default_value_t = 128 << 20)]
    pub message_bytes_max: usize,
    /// Bytes that may wait to be written before pushes are refused for a while.
    #[arg(long, env = "DINH_QUEUE_BYTES_MAX", default_value_t = 1 << 30)]
    pub queue_bytes_max: usize,
    /// Seconds that one query may take.
    #[arg(long, env = "DINH_QUERY_SECONDS_MAX", default_value_t = 60)]
    pub query_seconds_max: u64,
    /// Bytes of memory that queries may take together.
    #[arg(long, env = "DINH_QUERY_BYTES_MAX", default_value_t = 2 << 30)]
    pub query_bytes_max: usize,
}

impl Default for Serve {
    fn default() -> Self {
        let command = Self::augment_args(clap::Command::new("serve").no_binary_name(true));
        let matches = command.get_matches_from(std::iter::empty::<OsString>());
        Self::from_arg_matches(&matches).expect("every setting has a default")
    }
}

impl Global {
    /// The token, from wherever it was given.
    ///
    /// # Errors
    /// When the file that should hold it cannot be read.
    pub fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.token_file else { return Ok(self.token.clone()) };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("the token file `{}`", file.display()))?;
        Ok(Some(text.trim().to_owned()))
    }
}

/// Reads the command line, the environment and the settings file; ends the process on wrong usage or `--help`.
///
/// # Errors
/// When the settings file cannot be read or has a key that no command knows.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Cli> {
    let mut command = Cli::command();
    if let Some(file) = settings_file() {
        command = with_defaults(command, &file)?;
    }
    let matches = command.get_matches_from(arguments);
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment, beside the flags' own `env`"
)]
fn settings_file() -> Option<PathBuf> {
    let named = std::env::var("DINH_CONFIG").ok().map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from("dinh.toml")).filter(|file| file.exists()))
}

/// The settings of a cloud store, from the variables that its own tools read, such as `AWS_REGION`.
#[must_use]
pub fn store_settings() -> BTreeMap<String, String> {
    std::env::vars()
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect()
}

/// Makes the file's values the defaults of the flags of the same names.
fn with_defaults(mut command: clap::Command, file: &Path) -> anyhow::Result<clap::Command> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the settings file `{}`", file.display()))?;
    let table: toml::Table =
        text.parse().with_context(|| format!("the settings file `{}`", file.display()))?;
    for (key, value) in table {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let id = key.replace('-', "_");
        let has = |command: &clap::Command| {
            command.get_arguments().any(|arg| arg.get_id() == id.as_str())
        };
        let serve = command.find_subcommand("serve").is_some_and(has);
        let set = |command: clap::Command| command.mut_arg(&id, |arg| arg.default_value(value));
        command = match (has(&command), serve) {
            (true, _) => set(command),
            (false, true) => command.mut_subcommand("serve", set),
            _ => {
                anyhow::bail!("the settings file `{}` has the unknown key `{key}`", file.display())
            }
        };
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_file_gives_defaults_and_flags_win() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dinh.toml");
        std::fs::write(&file, "lake = \"/srv/lake\"\nquery-seconds-max = 7\n").unwrap();
        let read = |arguments: &[&str]| {
            let command = with_defaults(Cli::command(), &file).unwrap();
            Cli::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
        };
        let cli = read(&["dinh", "serve"]);
        let Command::Serve(serve) = &cli.command else { panic!("{cli:?}") };
        assert_eq!((cli.global.lake.as_str(), serve.query_seconds_max), ("/srv/lake", 7));
        assert_eq!(read(&["dinh", "serve", "--lake", "x"]).global.lake, "x");
        std::fs::write(&file, "lakes = 1").unwrap();
        assert!(
            with_defaults(Cli::command(), &file)
                .unwrap_err()
                .to_string()
                .contains("unknown key `lakes`")
        );
    }
}
