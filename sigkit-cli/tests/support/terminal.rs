//! Runs the program on a terminal of its own.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::Run;

/// What a terminal shows, and the streams that are not terminals.
pub struct Seen {
    pub code: i32,
    pub shown: String,
    /// Standard error, where it is not on the terminal.
    pub stderr: String,
}

/// Which streams are on the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    Stdout,
    Stderr,
    Both,
}

/// Runs on a terminal of so many columns.
pub fn run(run: Run, streams: Streams, columns: u16) -> Seen {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    // It must not become the terminal of this process.
    let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap();
    let terminal =
        OpenOptions::new().write(true).custom_flags(noctty).open(std::ffi::OsStr::from_bytes(name.as_bytes())).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command = run.command;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if streams != Streams::Stderr {
        command.stdout(terminal.try_clone().unwrap());
    }
    if streams != Streams::Stdout {
        command.stderr(terminal.try_clone().unwrap());
    }
    let child = command.spawn().unwrap();
    // The terminal must not stay open here, or it never ends.
    drop((command, terminal));
    let mut shown = Vec::new();
    // Linux ends a terminal that no process holds open any more with an error.
    File::from(master).read_to_end(&mut shown).unwrap_or_default();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    Seen { code: output.status.code().unwrap(), shown: text(shown), stderr: text(output.stderr) }
}
