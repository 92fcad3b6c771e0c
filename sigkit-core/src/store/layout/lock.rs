//! The lock under which files of a layout or an archive are replaced.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::files::{io_error, protocol};
use crate::store::StoreError;

/// Longest wait for another writer.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// First pause before looking whether it is done, short beside the time of any write to a disk; it doubles up to the longest.
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// Longest pause between two looks.
const LATER_LOOKS: Duration = Duration::from_millis(16);

/// The exclusive right to write; given back when dropped, and by the operating system when the process dies.
#[derive(Debug)]
pub(in crate::store) struct Lock {
    file: File,
}

impl Lock {
    /// Waits for the advisory lock of the file at `path`, which may be replaced meanwhile: what is locked is the file that has
    /// the name at the end.
    ///
    /// Holders only copy bytes, and a holder that dies lets go; one that holds on is given up after [`LOCK_WAIT`], or when the future is
    /// dropped. The thread on which it is polled is free meanwhile.
    pub(in crate::store) async fn acquire(path: &Path) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let failed = |error: io::Error| io_error(&place, &error);
        loop {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
            let file = File::from(file);
            let locked = file.metadata().map_err(failed)?;
            if !locked.is_file() {
                return Err(protocol(&place, "expected a regular file"));
            }
            lock(&file, &place).await?;
            let named = std::fs::metadata(path).map_err(failed)?;
            if (named.dev(), named.ino()) == (locked.dev(), locked.ino()) {
                return Ok(Self { file });
            }
        }
    }

    /// The locked file, open for reading.
    pub(in crate::store) fn file(&self) -> &File {
        &self.file
    }
}

/// Takes the lock as soon as it is free.
async fn lock(file: &File, place: &str) -> Result<(), StoreError> {
    let (mut waited, mut look) = (Duration::ZERO, FIRST_LOOK);
    loop {
        let error = match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let detail = match error {
            Errno::INTR => continue,
            Errno::WOULDBLOCK if waited < LOCK_WAIT => {
                pause(look).await;
                waited = waited.saturating_add(look);
                look = look.saturating_mul(2).min(LATER_LOOKS);
                continue;
            }
            Errno::WOULDBLOCK => format!("another process has held the lock for {} seconds", LOCK_WAIT.as_secs()),
            other => format!("cannot be locked against other writers: {}", io::Error::from(other)),
        };
        return Err(StoreError::Unavailable { place: place.to_owned(), detail });
    }
}

/// Stack of a thread that only sleeps, in bytes.
const SLEEPER_STACK: usize = 64 << 10;

/// Lets time pass for whatever runtime polls this; a thread of its own sleeps, since a layout needs no runtime and has no timer of one.
async fn pause(time: Duration) {
    #[derive(Default)]
    struct Alarm {
        rang: bool,
        waker: Option<Waker>,
    }
    let alarm: Arc<Mutex<Alarm>> = Arc::default();
    let theirs = Arc::clone(&alarm);
    let sleeper = move || {
        std::thread::sleep(time);
        let mut alarm = theirs.lock().unwrap_or_else(PoisonError::into_inner);
        alarm.rang = true;
        if let Some(waker) = alarm.waker.take() {
            waker.wake();
        }
    };
    if std::thread::Builder::new().stack_size(SLEEPER_STACK).spawn(sleeper).is_err() {
        // No thread is to be had: then this one waits.
        std::thread::sleep(time);
        return;
    }
    poll_fn(|context| {
        let mut alarm = alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.rang {
            return Poll::Ready(());
        }
        alarm.waker = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}
