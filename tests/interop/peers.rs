//! The peers: where their programs are, and what is special about each.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::Running;
use super::say;

/// Another implementation of gRPC.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// The program, or why it is not there.
    program: Result<Program, String>,
    /// What its server cannot do.
    pub(crate) deviations: Deviations,
}

/// What a server cannot do, as far as that concerns the cases.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deviations {
    /// No trailing metadata after OK.
    pub(crate) no_trailers: bool,
    /// It never packs answers.
    pub(crate) no_gzip: bool,
    /// It has no server reflection here.
    pub(crate) no_reflection: bool,
}

#[derive(Clone, Debug)]
enum Program {
    /// An interpreter, the folder and the ending of its scripts, and a variable for its libraries.
    Scripts {
        interpreter: OsString,
        folder: &'static str,
        ending: &'static str,
        libraries: Option<(&'static str, PathBuf)>,
    },
    /// A program that is both.
    Binary(OsString),
    Framescope,
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) address: String,
}

impl Server {
    fn start(name: &str, command: &mut Command) -> Self {
        let running = Running::start(command);
        let line = running.line().unwrap_or_else(|why| panic!("{name}'s server does not start: {why}"));
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{name}'s server: {line}"));
        Self { address: address.to_owned(), running }
    }
}

/// `framescope serve` as the cases need it.
pub(crate) fn serve(arguments: &[&str]) -> Server {
    let answer = format!("proto.SearchService/Search=@{}", root("tests/interop/search.json").display());
    let mut command = framescope();
    Server::start("framescope", command.args(["serve", "--listen", "127.0.0.1:0", "--answer", &answer]).args(arguments))
}

pub(crate) fn framescope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framescope"));
    command.env_remove("COLUMNS");
    command
}

/// A path of this repository.
pub(crate) fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Peer {
    pub(crate) fn grpcio() -> Self {
        let interpreter = place("INTEROP_PYTHON", "target/interop/venv/bin/python");
        let imports = "import grpc, grpc_health, grpc_reflection, grpc_status; print(grpc.__version__)";
        Self::asked("grpcio", Command::new(&interpreter).args(["-c", imports]), Deviations::default(), || {
            Program::Scripts { interpreter: interpreter.clone(), folder: "python", ending: "py", libraries: None }
        })
    }

    pub(crate) fn grpc_js() -> Self {
        let libraries = place("INTEROP_NODE_MODULES", "target/interop/node/node_modules");
        let mut version = Command::new("node");
        version.env("NODE_PATH", &libraries).args(["-p", "require('@grpc/grpc-js/package.json').version"]);
        let deviations = Deviations { no_gzip: true, no_reflection: true, ..Deviations::default() };
        Self::asked("grpc-js", &mut version, deviations, || Program::Scripts {
            interpreter: "node".into(),
            folder: "node",
            ending: "js",
            libraries: Some(("NODE_PATH", libraries.clone().into())),
        })
    }

    pub(crate) fn grpc_go() -> Self {
        let program = place("INTEROP_GO", "target/interop/grpc-go");
        let deviations = Deviations { no_reflection: true, ..Deviations::default() };
        let made = || Program::Binary(program.clone());
        Self::asked("grpc-go", Command::new(&program).arg("version"), deviations, made)
    }

    pub(crate) fn tonic() -> Self {
        let program = place("INTEROP_TONIC", "target/interop/tonic/release/interop-tonic");
        let deviations = Deviations { no_trailers: true, no_reflection: true, ..Deviations::default() };
        let made = || Program::Binary(program.clone());
        Self::asked("tonic", Command::new(&program).arg("version"), deviations, made)
    }

    pub(crate) fn framescope() -> Self {
        let deviations = Deviations::default();
        Self { name: "framescope".into(), program: Ok(Program::Framescope), deviations }
    }

    /// The peer, if it can tell its version.
    fn asked(name: &str, version: &mut Command, deviations: Deviations, program: impl Fn() -> Program) -> Self {
        let is_there = version.get_program() == "node" || Path::new(version.get_program()).exists();
        let said = if is_there { version.output().map_err(|error| error.to_string()) } else { Err("not made".into()) };
        let version = said.and_then(|said| match said.status.success() {
            true => Ok(String::from_utf8_lossy(&said.stdout).trim_end().to_owned()),
            false => Err("its libraries are missing".to_owned()),
        });
        let full = version.as_ref().map_or_else(|_| name.to_owned(), |version| format!("{name} {version}"));
        Self { name: full, program: version.map(|_| program()), deviations }
    }

    /// The program, unless it is absent, which is said.
    fn program(&self) -> Option<&Program> {
        self.program
            .as_ref()
            .inspect_err(|why| say(&format!("skipped: {}: {why}; tests/interop/setup.sh makes it", self.name)))
            .ok()
    }

    /// A script of this peer, if it is there.
    pub(crate) fn script(&self, name: &str) -> Option<Command> {
        let Program::Scripts { interpreter, folder, libraries, .. } = self.program()? else { return None };
        let mut command = Command::new(interpreter);
        if let Some((variable, path)) = libraries {
            command.env(variable, path);
        }
        // Nothing is written beside the sources.
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root("tests/interop").join(folder).join(name));
        Some(command)
    }

    fn command(&self, role: &str) -> Option<Command> {
        match self.program()? {
            Program::Scripts { ending, .. } => self.script(&format!("{role}.{ending}")),
            Program::Binary(program) => {
                let mut command = Command::new(program);
                command.arg(role);
                Some(command)
            }
            Program::Framescope => None,
        }
    }

    /// Its server, if it is there.
    pub(crate) fn server(&self) -> Option<Server> {
        if matches!(self.program, Ok(Program::Framescope)) {
            return Some(serve(&["--gzip"]));
        }
        Some(Server::start(&self.name, &mut self.command("server")?))
    }

    /// Its client plays its cases against `framescope serve`, which packs its answers or does not.
    pub(crate) fn calls_serve(&self) {
        for arguments in [&[][..], &["--gzip"]] {
            let Some(mut client) = self.command("client") else { return };
            let serve = serve(arguments);
            let said = Running::start(client.arg(&serve.address)).finish();
            let title = format!("{} calls serve {}", self.name, arguments.join(" "));
            let title = title.trim_end();
            for case in said.out.lines() {
                say(&format!("{title}: {case}: ok"));
            }
            let last = said.out.lines().last().unwrap_or("the beginning");
            assert!(said.is_good(), "{title}: the case after `{last}` fails: {}", said.err);
            // The client ran to its end.
            assert_eq!(last, "100 at once", "{title}");
        }
    }
}

/// Where something is: as a variable of the environment says, or where `setup.sh` puts it.
fn place(variable: &str, made: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| root(made).into_os_string())
}
