//! The commands of the command line, one file each, and the exit codes that scripts rely on.

pub mod ask;
pub mod bench;
pub mod care;
pub mod catalog;
pub mod demo;
pub mod push;
pub mod rank;
pub mod sql;
pub mod template;
pub mod token;
pub mod total;

use tonic::Status;

use self::push::delivery;
use crate::config::{Cli, Command, Global};
use crate::exit::Exit;
use crate::serve;

/// Runs a command to its end, and says on standard error what went wrong.
pub async fn run(cli: Cli) -> Exit {
    let global = &cli.global;
    let done = match cli.command {
        Command::Push(args) => {
            return push::run(global, args).await.unwrap_or_else(|error| fail(&error, global));
        }
        Command::Demo(args) => demo::run(global, args).await,
        Command::Serve(settings) => serve::run(&global.lake, &settings).await,
        Command::Template(args) => template::run(global, args).await,
        Command::Sql(args) => sql::run(global, args).await,
        Command::Rank(args) => rank::run(global, args).await,
        Command::Total(args) => total::run(global, args).await,
        Command::Catalog(action) => catalog::run(global, action).await,
        Command::Token(action) => token::run(global, action).await,
        Command::Maintain => care::maintain(global).await,
        Command::Check => care::check(global).await,
        Command::Bench(action) => bench::run(global, action).await,
    };
    done.map_or_else(|error| fail(&error, global), |()| Exit::Ok)
}

fn fail(error: &anyhow::Error, global: &Global) -> Exit {
    let closed = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    if error.chain().filter_map(|cause| cause.downcast_ref()).any(closed) {
        // Whoever read the output has seen enough, as `head` does.
        return Exit::Ok;
    }
    match error.downcast_ref::<Status>() {
        Some(status) => {
            eprintln!("dinh: {}", delivery::text(status, global.lang));
            delivery::exit(status)
        }
        None => {
            eprintln!("dinh: {}", told(error));
            let unreachable = error.chain().any(|cause| cause.is::<tonic::transport::Error>());
            if unreachable { Exit::Unavailable } else { Exit::Other }
        }
    }
}

/// An error with its causes; one that is told in the text of another is not told again.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        text if text.contains(&cause) => text.to_owned(),
        text => format!("{text}: {cause}"),
    })
}
