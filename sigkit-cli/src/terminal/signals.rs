//! SIGINT, SIGTERM and SIGQUIT end the process with 128 + number, at a moment when nothing is half done.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals as Arrivals};

use crate::exit::ExitCode;

const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGQUIT];

/// What must be put right before a signal may end the process.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whether a signal ends the process at once.
    enabled: Arc<AtomicBool>,
    /// The last signal received; 0 means that there was none.
    pending: Arc<AtomicUsize>,
    /// Whether a thread ends the process on a signal, and not the handler.
    handed_over: AtomicBool,
    /// Held while signals are deferred.
    mask: Mutex<()>,
    /// A terminal that does not show what is typed, and how it was before.
    restore_terminal: Mutex<Option<(File, Termios)>>,
}

/// The signals of this process, once they are listened to.
static INSTALLED: OnceLock<Signals> = OnceLock::new();
/// What runs before a signal ends the process.
static BEFORE_END: OnceLock<fn()> = OnceLock::new();

/// From now on `before_end` runs before a signal ends the process. A handler may do no such thing, so that a thread takes over.
///
/// # Errors
/// The operating system's, when no thread can be started.
pub(crate) fn run_before_end(before_end: fn()) -> io::Result<()> {
    BEFORE_END.get_or_init(|| before_end);
    INSTALLED.get().map_or(Ok(()), Signals::hand_over)
}

/// Ends the process as `signal` asks.
fn end(signal: i32) -> ! {
    if let Some(before_end) = BEFORE_END.get() {
        before_end();
    }
    std::process::exit(exit_status(signal))
}

impl Default for Signals {
    fn default() -> Self {
        Self(Arc::new(Inner {
            enabled: Arc::new(AtomicBool::new(true)),
            pending: Arc::default(),
            handed_over: AtomicBool::default(),
            mask: Mutex::default(),
            restore_terminal: Mutex::default(),
        }))
    }
}

impl Signals {
    /// Starts to listen, in the signal handler alone: a thread would cost every command a good part of its start.
    ///
    /// # Errors
    /// The operating system's, when it grants no handler.
    pub(crate) fn install() -> io::Result<Self> {
        let signals = Self::default();
        for signal in SIGNALS {
            flag::register_usize(signal, signals.0.pending.clone(), usize::try_from(signal).unwrap_or_default())?;
            flag::register_conditional_shutdown(signal, exit_status(signal), signals.0.enabled.clone())?;
        }
        // A file that may not grow any further is an error of the write, after which nothing is left behind.
        flag::register(SIGXFSZ, Arc::default())?;
        INSTALLED.get_or_init(|| signals.clone());
        Ok(signals)
    }

    /// Lets a thread end the process on a signal, as soon as nothing is deferred, until the process ends.
    fn hand_over(&self) -> io::Result<()> {
        if self.0.handed_over.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let mut arrivals = Arrivals::new(SIGNALS)?;
        let signals = self.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(signal) = arrivals.forever().next() {
                let _mask = lock(&signals.0.mask);
                end(signal);
            }
        })?;
        self.0.enabled.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Holds signals back until the guard is dropped: for the moments in which files are written.
    pub(crate) fn defer(&self) -> Deferred<'_> {
        let mask = lock(&self.0.mask);
        self.0.enabled.store(false, Ordering::SeqCst);
        Deferred { signals: self, _mask: mask }
    }

    /// Turns the echo of `terminal` off until the guard is dropped or a signal ends the process.
    ///
    /// # Errors
    /// The operating system's, when `terminal` is not a terminal or no thread can be started.
    pub(crate) fn hide_echo(&self, terminal: &File) -> io::Result<HiddenEcho<'_>> {
        let before = termios::tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        let deferred = self.defer();
        // First the way back, then the change: a signal in between restores what is there already.
        *lock(&self.0.restore_terminal) = Some((terminal.try_clone()?, before));
        let guard = HiddenEcho { watch: self.watch()?, deferred };
        termios::tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(guard)
    }

    /// A thread that ends the process on a signal while another one waits for input, after putting the terminal right.
    fn watch(&self) -> io::Result<Handle> {
        let mut arrivals = Arrivals::new(SIGNALS)?;
        let handle = arrivals.handle();
        let signals = self.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(signal) = arrivals.forever().next() {
                let mut hidden = lock(&signals.0.restore_terminal);
                restore(&mut hidden);
                end(signal);
            }
        })?;
        Ok(handle)
    }
}

fn exit_status(signal: i32) -> i32 {
    match signal {
        SIGINT => ExitCode::Interrupted.code().into(),
        other => 128_i32.saturating_add(other),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn restore(hidden: &mut Option<(File, Termios)>) {
    if let Some((terminal, modes)) = hidden.take() {
        // A terminal that has gone away needs nothing.
        termios::tcsetattr(&terminal, OptionalActions::Now, &modes).unwrap_or_default();
    }
}

/// Signals wait while this lives.
#[derive(Debug)]
pub(crate) struct Deferred<'a> {
    signals: &'a Signals,
    _mask: MutexGuard<'a, ()>,
}

impl Drop for Deferred<'_> {
    fn drop(&mut self) {
        let Inner { enabled, pending, handed_over, .. } = &*self.signals.0;
        enabled.store(!handed_over.load(Ordering::SeqCst), Ordering::SeqCst);
        // One that comes from now on ends the process by itself.
        match i32::try_from(pending.load(Ordering::SeqCst)) {
            Ok(0) | Err(_) => {}
            Ok(signal) => end(signal),
        }
    }
}

/// The terminal shows nothing that is typed while this lives.
#[derive(Debug)]
pub(crate) struct HiddenEcho<'a> {
    watch: Handle,
    deferred: Deferred<'a>,
}

impl Drop for HiddenEcho<'_> {
    fn drop(&mut self) {
        restore(&mut lock(&self.deferred.signals.0.restore_terminal));
        self.watch.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Fails when a signal may end the process in the middle of a write, or never again after one.
    #[test]
    fn a_signal_waits_for_a_write_and_for_no_longer() {
        let signals = Signals::default();
        let is_free = || signals.0.enabled.load(Ordering::SeqCst);
        assert!(is_free());
        let deferred = signals.defer();
        assert!(!is_free());
        drop(deferred);
        assert!(is_free());
    }
}
