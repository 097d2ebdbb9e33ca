//! The README shows real output: every block that begins with `$ framescope` is what the program prints.
//!
//! `call` and `relay` are given a server of their own. What `relay` and `demo` print has times and ports in it: its lines are compared
//! without numbers and order. `UPDATE_GOLDEN=1 cargo test --test readme` writes the blocks anew.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Words of a command line, in which text between single quotes is one.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for char in command.chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(char),
        }
    }
    words
}

fn framescope(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("COLUMNS", "120").args(arguments).stdin(Stdio::null());
    command
}

/// A program that runs until it is killed, and the address that it says it listens on.
struct Running(Child, String, String);

impl Running {
    fn start(arguments: &[String]) -> Self {
        let mut command = framescope(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let mut line = String::new();
        // A server says it on the standard output, a relay, which has a trace there, on the standard error.
        if arguments.first().is_some_and(|name| name == "serve") {
            BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        } else {
            let errors = child.stderr.as_mut().expect("a pipe");
            while !line.ends_with('\n') {
                let mut octet = [0];
                errors.read_exact(&mut octet).expect("a line");
                line.push(octet[0].into());
            }
        }
        let (_, rest) = line.split_once("listening on ").expect("an address");
        let address = rest.split([',', '\n']).next().unwrap_or_default().to_owned();
        Self(child, address, line)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SERVER: &str = "127.0.0.1:50051";
const RELAY: &str = "127.0.0.1:9000";

fn shown(command: &str) -> String {
    let arguments = words(command);
    if !matches!(arguments.first().map(String::as_str), Some("call" | "relay")) {
        let output = framescope(&arguments).output().expect("the program runs");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        return String::from_utf8(output.stdout).expect("UTF-8");
    }
    let server = Running::start(&words("serve --listen 127.0.0.1:0"));
    let place = |text: &String| text.replace(RELAY, "127.0.0.1:0").replace(SERVER, &server.1);
    let arguments: Vec<String> = arguments.iter().map(place).collect();
    if arguments.first().is_some_and(|name| name == "call") {
        let output = framescope(&arguments).output().expect("the program runs");
        return String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    }
    let mut relay = Running::start(&arguments);
    let call =
        [&words("call ADDRESS SearchService/Search --proto proto -d")[..], &["{\"request\":\"gRPC\"}".to_owned()]];
    let call: Vec<String> = call.concat().iter().map(|word| word.replace("ADDRESS", &relay.1)).collect();
    assert!(framescope(&call).output().expect("the program runs").status.success());
    let id = relay.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill is there").success());
    let mut text = relay.2.clone();
    relay.0.stdout.take().expect("a pipe").read_to_string(&mut text).expect("UTF-8");
    relay.0.stderr.take().expect("a pipe").read_to_string(&mut text).expect("UTF-8");
    text.replace(&relay.1, RELAY).replace(&server.1, SERVER)
}

/// The lines without numbers, spaces and order.
fn gist(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().map(|word| word.replace(|char: char| char.is_ascii_digit(), "")).collect())
        .collect();
    lines.sort();
    lines
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
        let before: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let before = before.join("\n");
        let now = shown(command);
        let is_timed = command == "demo" || command.starts_with("relay ");
        let is_alike = is_timed && gist(&before) == gist(&now);
        written.push_str(if is_alike { &before } else { now.trim_end() });
        written.push_str("\n```\n");
    }
    assert!(commands >= 3, "the README shows {commands} commands");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).expect("the README can be written");
    } else {
        for (shows, prints) in readme.lines().zip(written.lines()) {
            assert_eq!(shows, prints, "UPDATE_GOLDEN=1 cargo test --test readme");
        }
        assert_eq!(readme.len(), written.len(), "UPDATE_GOLDEN=1 cargo test --test readme");
    }
}
