//! All settings, on one page: flag, then `DINH_…` variable, then the default.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

/// Settings of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The gRPC door of a hub to go through, such as http://127.0.0.1:7051.
    #[arg(long, env = "DINH_TO", global = true)]
    pub to: Option<String>,
    /// The token to go with; better given as DINH_TOKEN or in a file.
    #[arg(long, env = "DINH_TOKEN", hide_env_values = true, global = true)]
    pub token: Option<String>,
    /// A file that holds the token.
    #[arg(long, env = "DINH_TOKEN_FILE", global = true, conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// How results are written to standard output.
    #[arg(long, env = "DINH_OUTPUT", value_enum, default_value_t = Output::Table, global = true)]
    pub output: Output,
    /// The language of names and messages.
    #[arg(long, env = "DINH_LANG", value_enum, default_value_t = Lang::Vi, global = true)]
    pub lang: Lang,
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
