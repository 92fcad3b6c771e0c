//! Runs the built program in a directory of its own, with nothing of the caller's environment.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod cost;
pub mod lab;
pub mod snapshot;
pub mod terminal;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub struct Sandbox {
    directory: tempfile::TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

pub struct Run {
    pub command: Command,
    stdin: Vec<u8>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.directory.path().join(Path::new(name.as_ref()))
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names in the directory, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn sigkit<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Run {
        self.program(env!("CARGO_BIN_EXE_sigkit"), arguments)
    }

    /// A shell script in which `sigkit` is the program under test.
    pub fn shell(&self, script: &str) -> Run {
        let mut run = self.program("/bin/sh", &["-c", script]);
        run.command.env("sigkit", env!("CARGO_BIN_EXE_sigkit"));
        run
    }

    pub fn program<S: AsRef<OsStr>>(&self, program: &str, arguments: &[S]) -> Run {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).env_clear().env("PATH", "/usr/bin:/bin");
        Run { command, stdin: Vec::new() }
    }

    /// `cosign.key` and `cosign.pub` under the password `pw`.
    pub fn with_keys(self) -> Self {
        self.sigkit(&["generate-key-pair"]).env("COSIGN_PASSWORD", "pw").run().expect(0);
        self
    }
}

impl Run {
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    pub fn run(mut self) -> Ran {
        let started = Instant::now();
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = self.stdin;
        // A program that does not read all of its input is not a fault of the test.
        let writer = std::thread::spawn(move || pipe.write_all(&bytes).is_ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran::of(output, started.elapsed())
    }
}

impl Ran {
    fn of(output: Output, took: Duration) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap());
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr), took }
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn stderr_contains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "expected {text:?} in {self:#?}");
        self
    }

    #[track_caller]
    pub fn stdout_is(self, text: &str) -> Self {
        assert_eq!(self.stdout, text, "{self:#?}");
        self
    }
}
