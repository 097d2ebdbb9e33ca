//! Parses the command line, runs the command, chooses the exit code.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use framescope::cli::{Cli, Command};
use framescope::command::{self, Failure};

fn main() -> ExitCode {
    match Cli::try_parse().map_or_else(|error| command::page::unparsed(&error, &Cli::command()), run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            if let Some(message) = message {
                eprintln!("framescope: {message}");
            }
            ExitCode::from(code)
        }
    }
}

fn run(Cli { command }: Cli) -> Result<(), Failure> {
    match command {
        Command::Decode(arguments) => command::decode::run(&arguments),
        Command::Demo(arguments) => command::demo::run(&arguments),
        Command::Relay(arguments) => command::relay::run(&arguments),
        Command::Serve(arguments) => command::serve::run(&arguments),
        Command::Call(arguments) => command::call::run(&arguments),
        Command::Completions { shell } => command::page::completions(shell, &mut Cli::command()),
        Command::Man { of } => command::page::manual(Cli::command(), of.as_deref()),
    }
}
