//! SIGINT, SIGTERM and SIGQUIT end the process with 128 + number, at a moment when nothing is half done.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::ExitCode;

/// What must be put right before a signal may end the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupts(Arc<Mutex<Unfinished>>);

#[derive(Debug, Default)]
struct Unfinished {
    terminal: Option<(File, Termios)>,
}

impl Interrupts {
    /// Starts to listen.
    ///
    /// # Errors
    /// The operating system's, when it grants no handler or no thread.
    pub(crate) fn install() -> io::Result<Self> {
        let interrupts = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT])?;
        let unfinished = interrupts.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                let mut unfinished = unfinished.lock();
                unfinished.restore_terminal();
                std::process::exit(match signal {
                    SIGINT => ExitCode::Interrupted.code().into(),
                    other => 128_i32.saturating_add(other),
                });
            }
        })?;
        Ok(interrupts)
    }

    /// Holds signals back until the guard is dropped: for the moments in which files are written.
    pub(crate) fn defer(&self) -> Deferred<'_> {
        Deferred { _guard: self.lock() }
    }

    /// Turns the echo of `terminal` off until the guard is dropped or a signal ends the process.
    ///
    /// # Errors
    /// The operating system's, when `terminal` is none.
    pub(crate) fn hide_echo(&self, terminal: &File) -> io::Result<HiddenEcho<'_>> {
        let before = termios::tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        // First the way back, then the change: a signal in between restores what is there already.
        self.lock().terminal = Some((terminal.try_clone()?, before));
        let guard = HiddenEcho(self);
        termios::tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(guard)
    }

    fn lock(&self) -> MutexGuard<'_, Unfinished> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unfinished {
    fn restore_terminal(&mut self) {
        if let Some((terminal, modes)) = self.terminal.take() {
            // A terminal that has gone away needs nothing.
            termios::tcsetattr(&terminal, OptionalActions::Now, &modes).unwrap_or_default();
        }
    }
}

/// Signals wait while this lives.
#[derive(Debug)]
pub(crate) struct Deferred<'a> {
    _guard: MutexGuard<'a, Unfinished>,
}

/// The terminal shows nothing that is typed while this lives.
#[derive(Debug)]
pub(crate) struct HiddenEcho<'a>(&'a Interrupts);

impl Drop for HiddenEcho<'_> {
    fn drop(&mut self) {
        self.0.lock().restore_terminal();
    }
}
