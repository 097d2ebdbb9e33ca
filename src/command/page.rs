//! What the program says of itself: help, completions, the manual page, and which word of a command line it does not understand.

use std::io::{ErrorKind, Write as _};

use clap::error::ErrorKind as Wrong;

use super::drive::words;
use super::{Failure, shown};

/// Prints the manual page of one command, or of all, made from the command line's definition.
///
/// # Errors
///
/// A command that does not exist; when the standard output cannot be written.
pub fn manual(mut command: clap::Command, of: Option<&str>) -> Result<(), Failure> {
    command.build();
    if let Some(name) = of {
        let Some(found) = command.find_subcommand(name) else {
            let why = format!("there is no command `{}`; `framescope --help` names them", shown(name));
            return Err(Failure::new(Failure::USAGE, why));
        };
        command = found.clone();
    }
    let notes = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    let has_commands = command.has_subcommands();
    let page_of = clap_mangen::Man::new(command).source(concat!("framescope ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    sections(&page_of, has_commands, &mut page).map_err(|error| unprinted(&error))?;
    page.extend_from_slice(noted(&notes.unwrap_or_default()).as_bytes());
    print(&page)
}

fn sections(page: &clap_mangen::Man, has_commands: bool, out: &mut Vec<u8>) -> std::io::Result<()> {
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    if has_commands { page.render_subcommands_section(out) } else { Ok(()) }
}

/// What stands behind the options as roff: lines that are indented stay as they are, others are filled.
fn noted(text: &str) -> String {
    let mut out = String::from(".SH NOTES\n");
    let mut as_it_is = false;
    for line in text.lines() {
        let indented = line.starts_with("  ");
        if indented != as_it_is {
            out.push_str(if indented { ".nf\n" } else { ".fi\n" });
            as_it_is = indented;
        }
        if line.is_empty() {
            out.push_str(".PP\n");
            continue;
        }
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        out.push_str(&line.replace('\\', "\\e").replace('-', "\\-"));
        out.push('\n');
    }
    out
}

/// Prints completions for a shell.
///
/// # Errors
///
/// When the standard output cannot be written.
pub fn completions(shell: clap_complete::Shell, command: &mut clap::Command) -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_complete::generate(shell, command, "framescope", &mut page);
    print(&page)
}

/// Prints the help or the version, if that was asked for; anything else is a command line that cannot be understood, told in one line.
///
/// # Errors
///
/// What is wrong with the command line, or when the standard output cannot be written. Without any words the whole help is the answer, on
/// the standard error.
pub fn unparsed(error: &clap::Error, command: &clap::Command) -> Result<(), Failure> {
    match error.kind() {
        Wrong::DisplayHelp | Wrong::DisplayVersion => error.print().map_or_else(
            |error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(unprinted(&error)) },
            Ok,
        ),
        Wrong::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Err(Failure { code: Failure::USAGE, message: None })
        }
        _ => {
            let subcommand = std::env::args_os().nth(1);
            let subcommand = subcommand.as_deref().and_then(|word| word.to_str());
            Err(Failure::new(Failure::USAGE, in_one_line(&error.to_string(), subcommand, command)))
        }
    }
}

/// Clap's paragraphs as one line: the first is what is wrong, further ones advise; where there is more comes last.
fn in_one_line(text: &str, subcommand: Option<&str>, command: &clap::Command) -> String {
    let advice = text.split("\nUsage: ").next().unwrap_or(text);
    let paragraphs = advice.split("\n\n").filter(|paragraph| !paragraph.starts_with("For more information"));
    let told: Vec<String> = paragraphs
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| paragraph.trim_start_matches("error: ").trim_start_matches("tip: ").to_owned())
        .collect();
    let named = subcommand.filter(|name| command.find_subcommand(name).is_some());
    let help = named.map_or_else(|| "framescope --help".to_owned(), |name| format!("framescope {name} --help"));
    shown(&format!("{}; `{help}` tells more", told.join("; ")))
}

/// Prints a page on the standard output; a reader that goes away ends it quietly.
fn print(page: &[u8]) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    match output.write_all(page).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unprinted(&error)),
        _ => Ok(()),
    }
}

fn unprinted(error: &std::io::Error) -> Failure {
    Failure::new(Failure::OUTPUT, format!("cannot write the output: {}; make room or send it elsewhere", words(error)))
}
