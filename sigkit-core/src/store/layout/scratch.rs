//! Files that appear whole or not at all, and the lock under which they are replaced.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use super::members::{io_error, protocol};
use crate::store::StoreError;

/// A directory for [`rustix::fs::openat`]; every component of `path` may be a link, since the user wrote it.
pub(in crate::store) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// A file under a name of its own until [`Scratch::commit`]; removed when that does not come.
///
/// A process that is killed leaves the file behind, named `.sigkit-*.tmp`; nothing reads it.
pub(in crate::store) struct Scratch {
    folder: OwnedFd,
    name: String,
    file: File,
}

impl Scratch {
    /// A new empty file in `folder`.
    pub(in crate::store) fn create(folder: OwnedFd) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // The state is seeded by the operating system; a name that is taken nevertheless is an error, not an overwrite.
        let name = format!(".sigkit-{:016x}.tmp", RandomState::new().build_hasher().finish());
        let file = File::from(rustix::fs::openat(&folder, &name, flags, Mode::from_raw_mode(0o666))?);
        Ok(Self { folder, name, file })
    }

    /// The file, for writing.
    pub(in crate::store) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes the file durable, then gives it its name in `folder` in one step, in place of what had that name; `like` lends its
    /// permissions.
    pub(in crate::store) fn commit(self, folder: impl AsFd, name: impl Arg, like: Option<&File>) -> io::Result<()> {
        if let Some(like) = like {
            self.file.set_permissions(like.metadata()?.permissions())?;
        }
        self.file.sync_all()?;
        rustix::fs::renameat(&self.folder, &self.name, &folder, name)?;
        Ok(rustix::fs::fsync(&folder)?)
    }

    /// Makes the file durable, then gives it a name in `folder` that nothing has.
    pub(in crate::store) fn commit_new(self, folder: impl AsFd, name: impl Arg) -> io::Result<()> {
        self.file.sync_all()?;
        rustix::fs::linkat(&self.folder, &self.name, &folder, name, AtFlags::empty())?;
        Ok(rustix::fs::fsync(&folder)?)
    }

    /// Writes `bytes` and commits them.
    pub(in crate::store) fn write(
        mut self,
        folder: impl AsFd,
        name: impl Arg,
        bytes: &[u8],
        like: Option<&File>,
    ) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.commit(folder, name, like)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // After a commit the name is gone; there is nobody to tell of another failure.
        rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty()).unwrap_or(());
    }
}

/// Longest wait for another writer.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// Pause between two looks whether it is done; short beside the time of any write to a disk.
const LOCK_LOOK: Duration = Duration::from_millis(2);

/// The exclusive right to write; given back when dropped, and by the operating system when the process dies.
#[derive(Debug)]
pub(in crate::store) struct Lock {
    file: File,
}

impl Lock {
    /// Waits for the advisory lock of the file at `path`, which may be replaced meanwhile: what is locked is the file that has
    /// the name at the end.
    ///
    /// Holders only copy bytes, and a holder that dies lets go; one that holds on is given up after [`LOCK_WAIT`].
    pub(in crate::store) fn acquire(path: &Path) -> Result<Self, StoreError> {
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
            lock(&file, &place)?;
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
fn lock(file: &File, place: &str) -> Result<(), StoreError> {
    let mut waited = Duration::ZERO;
    loop {
        let error = match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let detail = match error {
            Errno::INTR => continue,
            Errno::WOULDBLOCK if waited < LOCK_WAIT => {
                std::thread::sleep(LOCK_LOOK);
                waited = waited.saturating_add(LOCK_LOOK);
                continue;
            }
            Errno::WOULDBLOCK => format!("another process has held the lock for {} seconds", LOCK_WAIT.as_secs()),
            other => format!("cannot be locked against other writers: {}", io::Error::from(other)),
        };
        return Err(StoreError::Unavailable { place: place.to_owned(), detail });
    }
}
