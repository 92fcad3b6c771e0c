//! Questions on a terminal: a pseudo-terminal simulates one.

mod support;

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use support::Sandbox;

const PASSWORD: &str = "correct horse battery";

/// The program on a terminal of its own.
struct OnTerminal {
    child: Child,
    master: File,
    terminal: File,
    seen: String,
}

impl OnTerminal {
    /// `None` where the tool that gives a process its terminal is missing.
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Option<Self> {
        Self::start_program(sandbox, env!("CARGO_BIN_EXE_sigkit"), arguments)
    }

    fn start_program(sandbox: &Sandbox, program: &str, arguments: &[&str]) -> Option<Self> {
        const SETSID: &str = "/usr/bin/setsid";
        if !Path::new(SETSID).exists() {
            eprintln!("skipped: setsid is not installed");
            return None;
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || {
            let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap();
            let mut options = OpenOptions::new();
            std::os::unix::fs::OpenOptionsExt::custom_flags(options.read(true).write(true), noctty);
            options.open(OsStr::from_bytes(name.as_bytes())).unwrap()
        };
        let terminal = open();
        let arguments: Vec<&str> = ["--ctty", program].iter().chain(arguments).copied().collect();
        let mut command = sandbox.program(SETSID, &arguments).command;
        command.stdin(open()).stdout(Stdio::from(open())).stderr(Stdio::from(open()));
        Some(Self { child: command.spawn().unwrap(), master: master.into(), terminal, seen: String::new() })
    }

    /// Waits until the terminal shows `text` after what was awaited before.
    #[track_caller]
    fn awaits(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let patience = Timespec { tv_sec: 1, tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&patience)).unwrap();
            assert!(Instant::now() < deadline, "expected {text:?} in {:?}", self.seen);
            if ready > 0 {
                let mut buffer = [0; 1024];
                let read = self.master.read(&mut buffer).unwrap();
                self.seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        }
    }

    fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    fn echoes(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code, and all that was shown but not awaited.
    fn ends(mut self) -> (i32, String) {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.child.wait().unwrap();
        assert!(self.echoes(), "the terminal was left without echo");
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        while poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&none)).unwrap() > 0 {
            let mut buffer = [0; 1024];
            let read = self.master.read(&mut buffer).unwrap();
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        (status.code().unwrap_or_else(|| -status.signal().unwrap()), self.seen)
    }
}

const FIRST: &str = "Enter password for private key: ";
const AGAIN: &str = "Enter password for private key again: ";

// threat: K03
// threat: K09
#[test]
fn a_password_is_asked_twice_and_never_shown() {
    let sandbox = Sandbox::new();
    let Some(mut run) = OnTerminal::start(&sandbox, &["generate-key-pair", "--algorithm", "ed25519"]) else { return };
    run.awaits(FIRST);
    assert!(!run.echoes());
    run.types(&format!("{PASSWORD}\n"));
    run.awaits(AGAIN);
    assert!(!run.echoes());
    run.types(&format!("{PASSWORD}\n"));
    run.awaits("Public key written to cosign.pub");
    let (code, rest) = run.ends();
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains(PASSWORD), "{rest}");
    sandbox.sigkit(&["public-key", "--key", "cosign.key"]).env("COSIGN_PASSWORD", PASSWORD).run().expect(0);

    let Some(mut run) = OnTerminal::start(&sandbox, &["public-key", "--key", "cosign.key"]) else { return };
    run.awaits(FIRST);
    run.types(&format!("{PASSWORD}\n"));
    run.awaits("-----END PUBLIC KEY-----");
    let (code, rest) = run.ends();
    assert_eq!(code, 0, "{rest}");
}

// threat: K09
#[test]
fn login_prompts_for_name_and_hidden_password() {
    let registry = testkit::Registry::builder().auth(testkit::Auth::basic("user", PASSWORD)).start();
    let sandbox = Sandbox::new();
    let login = "export HOME=$PWD; \"$0\" login";
    let arguments = ["-c", &format!("{login} {}", registry.host()), env!("CARGO_BIN_EXE_sigkit")];
    let Some(mut run) = OnTerminal::start_program(&sandbox, "/bin/sh", &arguments) else { return };
    run.awaits("Username: ");
    assert!(run.echoes());
    run.types("user\n");
    run.awaits("Password: ");
    assert!(!run.echoes());
    run.types(&format!("{PASSWORD}\n"));
    run.awaits("Logged in to ");
    let (code, rest) = run.ends();
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains(PASSWORD), "{rest}");
    assert!(sandbox.path(".docker/config.json").exists());
}

// threat: K03
#[test]
fn two_passwords_that_differ_make_no_key() {
    let sandbox = Sandbox::new();
    let Some(mut run) = OnTerminal::start(&sandbox, &["generate-key-pair", "--algorithm", "ed25519"]) else { return };
    run.awaits(FIRST);
    run.types("one\n");
    run.awaits(AGAIN);
    run.types("other\n");
    run.awaits("the two passwords differ: nothing was written");
    assert_eq!(run.ends().0, 1);
    assert_eq!(sandbox.names(), Vec::<String>::new());
}

// threat: K03
// threat: L04
#[test]
fn an_interrupted_prompt_gives_the_echo_back() {
    for (signal, code) in [(Some(Signal::INT), 130), (Some(Signal::TERM), 143), (Some(Signal::QUIT), 131), (None, 130)]
    {
        let sandbox = Sandbox::new();
        let Some(mut run) = OnTerminal::start(&sandbox, &["generate-key-pair", "--algorithm", "ed25519"]) else {
            return;
        };
        run.awaits(FIRST);
        assert!(!run.echoes());
        match signal {
            Some(signal) => run.signal(signal),
            None => run.types("half a pass\x03"),
        }
        assert_eq!(run.ends().0, code, "{signal:?}");
        assert_eq!(sandbox.names(), Vec::<String>::new());
    }
}

// threat: K03
#[test]
fn end_of_input_is_not_a_password() {
    let sandbox = Sandbox::new();
    let Some(mut run) = OnTerminal::start(&sandbox, &["generate-key-pair", "--algorithm", "ed25519"]) else { return };
    run.awaits(FIRST);
    run.types("\x04");
    run.awaits("the password could not be read");
    assert_eq!(run.ends().0, 1);
}

// threat: K04
#[test]
fn overwriting_is_asked_on_the_terminal() {
    let sandbox = Sandbox::new();
    for (answer, code) in [("n\n", 1), ("\n", 1), ("y\n", 0)] {
        sandbox.write("cosign.key", "precious");
        let arguments = ["generate-key-pair", "--algorithm", "ed25519", "--password-file", "pw"];
        sandbox.write("pw", "pw");
        let Some(mut run) = OnTerminal::start(&sandbox, &arguments) else { return };
        run.awaits("Are you sure you would like to overwrite cosign.key? [y/N] ");
        assert!(run.echoes());
        run.types(answer);
        assert_eq!(run.ends().0, code, "{answer:?}");
        assert_eq!(sandbox.read("cosign.key") == b"precious", code != 0);
    }
}
