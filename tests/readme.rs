//! The README shows real output: every block that begins with `$ framescope` is what the program prints.
//!
//! `UPDATE_GOLDEN=1 cargo test --test readme` writes the blocks anew.

use std::path::Path;
use std::process::{Command, Stdio};

fn shown(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_framescope"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("COLUMNS", "120")
        .args(command.split(' '))
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_command_of_the_readme_prints_what_it_shows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let mut written = String::new();
    let mut commands = 0;
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        written.push_str(line);
        written.push('\n');
        // A pipeline needs programs that may not be there.
        let Some(command) = line.strip_prefix("$ framescope ").filter(|command| !command.contains('|')) else {
            continue;
        };
        commands += 1;
        written.push_str(shown(command).trim_end());
        written.push_str("\n```\n");
        let _ = lines.by_ref().find(|line| *line == "```");
    }
    assert!(commands >= 3, "the README shows {commands} commands");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).expect("the README can be written");
    } else {
        assert!(readme == written, "the README shows something else; UPDATE_GOLDEN=1 cargo test --test readme");
    }
}
