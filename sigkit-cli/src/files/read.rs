use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use zeroize::Zeroizing;

use super::FileError;
use super::error::kind;
use super::file_system::Files;
use crate::terminal::streams::read_bounded;

/// A file as it was read.
#[derive(Debug)]
pub(crate) struct FileBytes {
    /// Its bytes, never empty.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Its permission bits.
    pub(crate) mode: u32,
}

impl Files {
    /// Reads the file that `option` names: at most `limit` bytes, at least one. `expected` says in words what it should be.
    ///
    /// # Errors
    /// [`FileError`], at once: a named pipe or a device is never waited for.
    pub(crate) fn read(
        &self,
        option: &'static str,
        path: &Path,
        expected: &'static str,
        limit: u64,
    ) -> Result<FileBytes, FileError> {
        let (file, mode) = self.open(option, path, expected)?;
        let bytes = read_bounded(file, limit)
            .map_err(|error| FileError::Io { option, action: "read", path: path.to_owned(), error })?
            .ok_or_else(|| FileError::TooLarge { option, path: path.to_owned(), expected, limit })?;
        if bytes.is_empty() {
            return Err(FileError::Unexpected { option, path: path.to_owned(), expected, found: "an empty file" });
        }
        Ok(FileBytes { bytes, mode })
    }

    /// Lets `work` read a file, and refuses one that is another when it is done: written to meanwhile, or replaced.
    ///
    /// # Errors
    /// [`FileError`]; what `work` returns is thrown away then.
    pub(crate) fn unchanged<T>(
        &self,
        option: &'static str,
        path: &Path,
        expected: &'static str,
        work: impl FnOnce(&mut File) -> T,
    ) -> Result<T, FileError> {
        let refused = |error| FileError::Io { option, action: "read", path: path.to_owned(), error };
        let (mut file, _) = self.open(option, path, expected)?;
        let state = |metadata: &Metadata| {
            (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
        };
        let before = file.metadata().map_err(refused)?;
        let done = work(&mut file);
        let after = file.metadata().map_err(refused)?;
        let named = path.metadata().map_err(refused)?;
        // A pipe has no state to compare.
        if before.is_file() && (state(&before) != state(&after) || state(&before) != state(&named)) {
            return Err(FileError::Changed { option, path: path.to_owned() });
        }
        Ok(done)
    }

    /// Opens the regular file, or the pipe of a process substitution, that `option` names; with its permission bits.
    ///
    /// # Errors
    /// [`FileError`], at once.
    pub(crate) fn open(
        &self,
        option: &'static str,
        path: &Path,
        expected: &'static str,
    ) -> Result<(File, u32), FileError> {
        let refused = |error| FileError::Io { option, action: "read", path: path.to_owned(), error };
        // Without O_NONBLOCK, opening a named pipe waits for a writer.
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = match OpenOptions::new().read(true).custom_flags(nonblocking).open(path) {
            // A socket cannot be opened at all; say so rather than "no such device".
            Err(_) if path.metadata().is_ok_and(|metadata| metadata.file_type().is_socket()) => {
                return Err(FileError::Unexpected { option, path: path.to_owned(), expected, found: "a socket" });
            }
            opened => opened.map_err(refused)?,
        };
        let metadata = file.metadata().map_err(refused)?;
        let file_type = metadata.file_type();
        if file_type.is_fifo() && is_inherited(path) {
            blocking(&file).map_err(refused)?;
        } else if file_type.is_file() {
            self.read.add(&metadata);
        } else {
            return Err(FileError::Unexpected { option, path: path.to_owned(), expected, found: kind(file_type) });
        }
        Ok((file, metadata.mode() & 0o7777))
    }
}

/// Returns true if `path` names a descriptor that the caller has opened, as the shell does for `<(command)`.
fn is_inherited(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd") || path == Path::new("/dev/stdin")
}

fn blocking(file: &File) -> io::Result<()> {
    let flags = fcntl_getfl(file)?;
    Ok(fcntl_setfl(file, flags - OFlags::NONBLOCK)?)
}
