//! `framescope man`: the manual page, made from the command line's definition.

use super::Failure;

/// Prints it.
///
/// # Errors
///
/// When the standard output cannot be written.
pub fn run(command: &clap::Command) -> Result<(), Failure> {
    let mut page = Vec::new();
    let render = clap_mangen::Man::new(command.clone()).render(&mut page);
    render
        .and_then(|()| std::io::Write::write_all(&mut std::io::stdout(), &page))
        .map_err(|error| Failure::new(Failure::OUTPUT, format!("cannot print the manual page: {error}")))
}
