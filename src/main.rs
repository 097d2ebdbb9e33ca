//! Parses the command line, runs the command, chooses the exit code.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use framescope::cli::{Cli, Command};
use framescope::command::{self, Failure};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Decode(arguments) => command::decode::run(&arguments),
        Command::Demo(arguments) => command::demo::run(&arguments),
        Command::Relay(arguments) => command::relay::run(&arguments),
        Command::Serve(arguments) => command::serve::run(&arguments),
        Command::Call(arguments) => command::call::run(&arguments),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "framescope", &mut std::io::stdout());
            Ok(())
        }
        Command::Man => command::man::run(&Cli::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            if let Some(message) = message {
                eprintln!("framescope: {message}");
            }
            ExitCode::from(code)
        }
    }
}
