//! `dinh`: reads the settings, starts logging, runs the command.

use std::process::ExitCode;

use dinh_hub::exit::Exit;
use dinh_hub::{commands, config, telemetry};

/// Encoding and judging make and drop many small arrays, which this one does about twice as fast as the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    // One more than there are processors: the committer waits for the disk on the thread that it is on.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime.block_on(commands::run(cli)).into(),
        Err(error) => {
            eprintln!("dinh: the asynchronous runtime cannot start: {error}");
            Exit::Other.into()
        }
    }
}
