//! `dinh`: reads the settings, starts logging, runs the command.

use std::process::ExitCode;

use dinh_hub::exit::Exit;
use dinh_hub::{commands, config, telemetry};

fn main() -> ExitCode {
    let cli = match config::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            eprintln!("dinh: {error:#}");
            return Exit::Usage.into();
        }
    };
    if let Err(error) =
        telemetry::start(&cli.global, matches!(cli.command, config::Command::Serve(_)))
    {
        eprintln!("dinh: {error:#}");
        return Exit::Usage.into();
    }
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(commands::run(cli)).into(),
        Err(error) => {
            eprintln!("dinh: the asynchronous runtime cannot start: {error}");
            Exit::Other.into()
        }
    }
}
