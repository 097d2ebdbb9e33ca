//! Other programs: what they print, how they end, and that none is waited for without end or outlives its test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

/// What a program has said.
#[derive(Debug)]
pub(crate) struct Said {
    /// `None` if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn is_good(&self) -> bool {
        self.code == Some(0)
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (to_lines, lines) = channel();
        let (to_errors, errors) = channel();
        let (out, mut err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // Who does not listen any more has ended the program.
                let _ = to_lines.send(line);
            }
        });
        thread::spawn(move || {
            let mut octets = Vec::new();
            let _ = err.read_to_end(&mut octets);
            let _ = to_errors.send(String::from_utf8_lossy(&octets).into_owned());
        });
        Self { child, lines, errors }
    }

    /// The next line of its standard output, or why there is none.
    pub(crate) fn line(&self) -> Result<String, String> {
        self.lines.recv_timeout(LIMIT).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("nothing for {} s", LIMIT.as_secs()),
            RecvTimeoutError::Disconnected => {
                format!("it ended: {}", self.errors.recv_timeout(LIMIT).unwrap_or_default())
            }
        })
    }

    /// A line to its standard input.
    pub(crate) fn type_in(&mut self, line: &str) -> Result<(), String> {
        let input = self.child.stdin.as_mut().ok_or("it has no standard input")?;
        writeln!(input, "{line}").and_then(|()| input.flush()).map_err(|error| error.to_string())
    }

    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &process]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name} {process}");
    }

    /// Ends its input and waits for its end, but not for ever: then it is killed.
    pub(crate) fn finish(mut self) -> Said {
        drop(self.child.stdin.take());
        let mut out = String::new();
        let ended = loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => out.extend([line.as_str(), "\n"]),
                Err(error) => break error == RecvTimeoutError::Disconnected,
            }
        };
        let err = self.errors.recv_timeout(if ended { LIMIT } else { Duration::ZERO });
        if err.is_err() {
            let _ = self.child.kill();
        }
        let code = self.child.wait().expect("it was started").code();
        Said { code, out, err: err.unwrap_or_else(|_| format!("killed after {} s", LIMIT.as_secs())) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a program may say nothing. Machines that test are busy.
const LIMIT: Duration = Duration::from_secs(180);
