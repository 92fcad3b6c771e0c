//! The three standard streams, with no error swallowed.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use zeroize::Zeroizing;

use crate::error::CliError;
use sigkit_core::text::escape;

/// To the start of the line, and nothing on it; ECMA-48 EL.
const ERASE_LINE: &[u8] = b"\r\x1b[K";

/// Whether a person watches a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsTerminal {
    /// It is a terminal.
    Yes,
    /// It is a file, a pipe or a device.
    No,
}

impl IsTerminal {
    fn of(stream: impl AsFd) -> Self {
        if stream.as_fd().is_terminal() { Self::Yes } else { Self::No }
    }
}

/// The width of a terminal that does not say one.
const USUAL_COLUMNS: usize = 80;

/// The width of a terminal; `None` of anything else.
fn columns(stream: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0).or(Some(USUAL_COLUMNS))
}

/// Results, for machines. What was written counts only once [`Stdout::finish`] has returned.
#[derive(Debug)]
#[must_use = "what was written counts only once finish() has returned"]
pub(crate) struct Stdout(File);

impl Stdout {
    /// # Errors
    /// The operating system's, when the stream is closed.
    pub(crate) fn open() -> io::Result<Self> {
        // Not `io::stdout()`: it buffers, and takes a closed stream for an open one.
        Ok(Self(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
    }

    /// The width of the terminal, if it is one.
    pub(crate) fn columns() -> Option<usize> {
        columns(io::stdout())
    }

    /// Makes sure that what was written has arrived, as far as the operating system can tell.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()?;
        // A network file system reports a full disk only here; devices and pipes have nothing to synchronise.
        if self.0.metadata()?.is_file() { self.0.sync_data() } else { Ok(()) }
    }
}

impl io::Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all(&mut self.0, bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Everything for people. Text is escaped here, so that no caller can forget it. Clones are the same stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stderr(Arc<Shown>);

#[derive(Debug, Default)]
struct Shown {
    failed: AtomicBool,
    /// Whether the last line is one of progress, which whatever comes next takes away.
    progress: Mutex<bool>,
}

impl Stderr {
    /// Whether a person watches.
    pub(crate) fn is_terminal() -> IsTerminal {
        IsTerminal::of(io::stderr())
    }

    /// The width of the terminal, if it is one.
    pub(crate) fn columns() -> Option<usize> {
        columns(io::stderr())
    }

    /// Writes lines, escaped, with a line feed at the end.
    pub(crate) fn line(&self, text: &str) {
        let mut safe = escape::multi_line(text);
        safe.push('\n');
        self.raw(safe.as_bytes());
    }

    /// Writes bytes that are safe for a terminal already.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        self.replace(bytes, false);
    }

    /// Shows a line on a terminal until the next one, or until anything else is written.
    pub(crate) fn progress(&self, line: &str) {
        self.replace(escape::one_line(line).as_bytes(), true);
    }

    /// Takes the line of progress away.
    pub(crate) fn end_progress(&self) {
        self.replace(b"", false);
    }

    fn replace(&self, bytes: &[u8], progress: bool) {
        let mut passing = self.0.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *passing, progress) {
            self.write(ERASE_LINE);
        }
        self.write(bytes);
    }

    fn write(&self, bytes: &[u8]) {
        if !bytes.is_empty() && io::stderr().write_all(bytes).is_err() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
    }

    /// Returns true if anything written here was lost.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.failed.load(Ordering::Relaxed)
    }
}

/// Standard input, which one option only may read.
#[derive(Debug, Default)]
pub(crate) struct Stdin {
    taken: AtomicBool,
}

impl Stdin {
    /// Whether a person types.
    pub(crate) fn is_terminal(&self) -> IsTerminal {
        IsTerminal::of(io::stdin())
    }

    /// Returns true if some option has read it to its end.
    pub(crate) fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    /// Reads to the end; `None` when there is more than `limit` bytes.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn read_to_end(&self, limit: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.taken.store(true, Ordering::Relaxed);
        let stream = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        read_bounded(stream, limit)
    }

    /// The stream itself, for one who reads it to its end.
    ///
    /// # Errors
    /// [`CliError`] when another option has read it, or it is closed.
    pub(crate) fn take(&self) -> Result<File, CliError> {
        if self.taken.swap(true, Ordering::Relaxed) {
            return Err(CliError::usage("standard input can be read by one option only".to_owned()));
        }
        let stream = io::stdin().as_fd().try_clone_to_owned();
        stream.map(File::from).map_err(|error| CliError::system("read standard input", error))
    }

    /// Reads up to and without the next line feed, and not a byte further: what follows may be a password.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn read_answer(&self) -> io::Result<String> {
        const MAX_ANSWER_BYTES: usize = 64;
        let mut stream = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut answer = Vec::new();
        let mut byte = [0_u8; 1];
        while answer.len() < MAX_ANSWER_BYTES {
            match stream.read(&mut byte) {
                Ok(0) => break,
                Ok(_) if byte == *b"\n" => break,
                Ok(_) => answer.extend_from_slice(&byte),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// Reads to the end; `None` when there is more than `limit` bytes.
///
/// # Errors
/// The operating system's.
pub(crate) fn read_bounded(stream: File, limit: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // A vector that moves leaves its old bytes behind, and these may be a key; and all that it has room for is wiped in the end.
    let length =
        stream.metadata().ok().filter(|file| file.is_file() && file.len() > 0).map_or(u64::MAX, |file| file.len());
    let capacity = usize::try_from(length.min(limit).saturating_add(1)).unwrap_or(usize::MAX).min(128 * 1024);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    stream.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let within = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit);
    Ok(within.then_some(bytes))
}

fn write_all(stream: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A pipe that another process has made non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(stream, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
