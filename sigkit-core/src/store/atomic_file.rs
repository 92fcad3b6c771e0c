//! Files that appear whole or not at all.

#![allow(clippy::disallowed_methods, reason = "a file is opened below a directory that is open")]

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FlockOperation, Gid, Mode, OFlags, Uid, XattrFlags};
use rustix::io::Errno;
use rustix::path::Arg;

/// A directory for [`rustix::fs::openat`]; every component of `path` may be a link, since the user wrote it.
pub(in crate::store) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// A file that is invisible until [`AtomicFile::commit`] gives it a name.
///
/// Where the file system can, it has no name until then, so that nothing is left of it however the process ends. Elsewhere it is
/// named `.sigkit-*.tmp` and locked; one without a lock was left behind, and the next writer removes it.
#[derive(Debug)]
pub(in crate::store) struct AtomicFile {
    folder: OwnedFd,
    /// The passing name, once there is one.
    name: Option<String>,
    file: File,
    /// Bytes that wait for the disk.
    unsaved: usize,
}

/// Bytes that may wait for the disk: at the end nothing can be interrupted any more.
const SAVED_AT_ONCE: usize = 32 << 20;

/// Whose file a new one is like.
#[derive(Clone, Copy)]
pub(in crate::store) enum Like<'a> {
    /// It takes the place of this one: owner, permissions and extended attributes stay.
    Replaced(&'a File),
    /// It is next to this one, with the same permissions.
    Beside(&'a File),
    /// None: it has the permissions with which it was created.
    Own,
}

impl AtomicFile {
    /// A new empty file in `folder`, with the permissions that the umask allows.
    pub(in crate::store) fn create(folder: OwnedFd) -> io::Result<Self> {
        Self::with_mode(folder, Mode::from_raw_mode(0o666))
    }

    /// A new empty file in `folder`, for the user of this process alone.
    #[cfg(feature = "registry")]
    pub(in crate::store) fn create_private(folder: OwnedFd) -> io::Result<Self> {
        Self::with_mode(folder, Mode::from_raw_mode(0o600))
    }

    fn with_mode(folder: OwnedFd, mode: Mode) -> io::Result<Self> {
        sweep(&folder);
        match unnamed(&folder, mode) {
            Some(file) => Ok(Self { folder, name: None, file, unsaved: 0 }),
            None => {
                let (name, file) = named(&folder, mode)?;
                Ok(Self { folder, name: Some(name), file, unsaved: 0 })
            }
        }
    }

    /// What has been written, for reading.
    pub(in crate::store) const fn file(&self) -> &File {
        &self.file
    }

    /// Adds bytes at the end.
    pub(in crate::store) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.unsaved = self.unsaved.saturating_add(bytes.len());
        if self.unsaved >= SAVED_AT_ONCE {
            self.file.sync_data()?;
            forget(&self.file);
            self.unsaved = 0;
        }
        Ok(())
    }

    /// Makes the file durable, then gives it its name in `folder` in one step, replacing what had that name.
    pub(in crate::store) fn commit(mut self, folder: impl AsFd, name: impl Arg, like: Like<'_>) -> io::Result<()> {
        resemble(&self.file, like)?;
        self.file.sync_all()?;
        // A name can be replaced only by another name, so that one without a name needs one in passing.
        let passing = match self.name.take() {
            Some(passing) => passing,
            None => {
                let passing = passing_name();
                hold(&self.file)?;
                link(&self.file, &self.folder, &passing)?;
                passing
            }
        };
        self.name = Some(passing.clone());
        rustix::fs::renameat(&self.folder, &passing, &folder, name)?;
        self.name = None;
        Ok(rustix::fs::fsync(&folder)?)
    }

    /// Makes the file durable, then gives it a name in `folder` that nothing has.
    pub(in crate::store) fn commit_new(self, folder: impl AsFd, name: impl Arg) -> io::Result<()> {
        self.file.sync_all()?;
        match &self.name {
            Some(passing) => rustix::fs::linkat(&self.folder, passing, &folder, name, AtFlags::empty())?,
            None => link(&self.file, &folder, name)?,
        }
        Ok(rustix::fs::fsync(&folder)?)
    }

    /// Writes `bytes` and commits them.
    pub(in crate::store) fn write(
        mut self,
        folder: impl AsFd,
        name: impl Arg,
        bytes: &[u8],
        like: Like<'_>,
    ) -> io::Result<()> {
        self.append(bytes)?;
        self.commit(folder, name, like)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Another failure cannot be reported from here.
            rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()).unwrap_or(());
        }
    }
}

/// Removes a file from the page cache, as far as it has been written: without this, deleting an unfinished large copy takes seconds.
fn forget(file: &File) {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).unwrap_or(());
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// A file without a name, where the file system has such and there is a way to name it later.
#[cfg(target_os = "linux")]
fn unnamed(folder: &OwnedFd, mode: Mode) -> Option<File> {
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, ".", flags, mode).ok()?);
    let by_proc = rustix::fs::statat(CWD, in_proc(&file), AtFlags::empty()).ok()?;
    let itself = file.metadata().ok()?;
    ((by_proc.st_dev, by_proc.st_ino) == (itself.dev(), itself.ino())).then_some(file)
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &OwnedFd, _: Mode) -> Option<File> {
    None
}

fn in_proc(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Gives a file without a name one that nothing has.
fn link(file: &File, folder: impl AsFd, name: impl Arg) -> io::Result<()> {
    Ok(rustix::fs::linkat(CWD, in_proc(file), folder, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// `.sigkit-<16 hex digits>.tmp`
fn passing_name() -> String {
    // The state is seeded by the operating system; a name that is taken nevertheless is an error, not an overwrite.
    format!("{PREFIX}{:016x}{SUFFIX}", RandomState::new().build_hasher().finish())
}

const PREFIX: &str = ".sigkit-";
const SUFFIX: &str = ".tmp";

fn is_passing(name: &str) -> bool {
    let hex = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
    hex.is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A new file under a passing name, held by this process.
fn named(folder: &OwnedFd, mode: Mode) -> io::Result<(String, File)> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = passing_name();
        let file = File::from(rustix::fs::openat(folder, &name, flags, mode)?);
        hold(&file)?;
        // Between the two steps another writer may have taken it for one that was left behind.
        if file.metadata()?.nlink() > 0 {
            return Ok((name, file));
        }
    }
}

/// Marks a file as one that a living process writes.
fn hold(file: &File) -> io::Result<()> {
    match rustix::fs::flock(file, FlockOperation::LockExclusive) {
        // Without locks, no process takes the file for left behind either.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes temporary files that interrupted writers have left in `folder`. Files that cannot be removed are ignored.
fn sweep(folder: &OwnedFd) {
    let Ok(entries) = Dir::read_from(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().to_str() else { continue };
        if !is_passing(name) {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(folder, name, flags, Mode::empty()) else { continue };
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            rustix::fs::unlinkat(folder, name, AtFlags::empty()).unwrap_or(());
        }
    }
}

/// Gives a new file the owner, permissions and extended attributes of another, as far as the process may.
fn resemble(file: &File, like: Like<'_>) -> io::Result<()> {
    let (Like::Replaced(model) | Like::Beside(model)) = like else { return Ok(()) };
    let (wanted, own) = (model.metadata()?, file.metadata()?);
    if (wanted.uid(), wanted.gid()) != (own.uid(), own.gid()) {
        let (owner, group) = (Uid::from_raw(wanted.uid()), Gid::from_raw(wanted.gid()));
        // Only root gives files away; others keep the group, if they are in it.
        if rustix::fs::fchown(file, Some(owner), Some(group)).is_err() {
            rustix::fs::fchown(file, None, Some(group)).unwrap_or(());
        }
    }
    if let Like::Replaced(model) = like {
        copy_attributes(model, file);
    }
    // Last, since a change of the owner takes permissions away.
    file.set_permissions(wanted.permissions())
}

/// Longest list of names, and longest value, that Linux has.
const ATTRIBUTE_BYTES: usize = 64 * 1024;

/// What a file system has not, or does not grant, is left out.
fn copy_attributes(from: &File, to: &File) {
    let mut names = vec![0_u8; ATTRIBUTE_BYTES];
    let Ok(length) = rustix::fs::flistxattr(from, names.as_mut_slice()) else { return };
    let names = names.get(..length).unwrap_or_default();
    let mut value = vec![0_u8; if names.is_empty() { 0 } else { ATTRIBUTE_BYTES }];
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if let Ok(length) = rustix::fs::fgetxattr(from, name, value.as_mut_slice()) {
            let value = value.get(..length).unwrap_or_default();
            rustix::fs::fsetxattr(to, name, value, XattrFlags::empty()).unwrap_or(());
        }
    }
}

/// Gives a folder made in another the owner of that one, as far as the process may.
pub(in crate::store) fn give_folder(folder: &OwnedFd, above: &OwnedFd) -> io::Result<()> {
    let (wanted, own) = (rustix::fs::fstat(above)?, rustix::fs::fstat(folder)?);
    if (wanted.st_uid, wanted.st_gid) != (own.st_uid, own.st_gid) {
        let (owner, group) = (Uid::from_raw(wanted.st_uid), Gid::from_raw(wanted.st_gid));
        rustix::fs::fchown(folder, Some(owner), Some(group)).unwrap_or(());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R42
    #[test]
    fn files_without_lock_are_removed_and_locked_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (left, other) = (dir.path().join(".sigkit-00000000000000aa.tmp"), dir.path().join(".sigkit-x.tmp"));
        std::fs::write(&left, "left behind").unwrap();
        std::fs::write(&other, "of someone else").unwrap();
        let (held, file) = named(&open_directory(dir.path()).unwrap(), Mode::from_raw_mode(0o666)).unwrap();
        AtomicFile::create(open_directory(dir.path()).unwrap()).unwrap();
        assert!(!left.exists() && other.exists() && dir.path().join(&held).exists());
        drop(file);
        AtomicFile::create(open_directory(dir.path()).unwrap()).unwrap();
        assert!(!dir.path().join(&held).exists());
    }

    // threat: R42
    #[test]
    fn file_write_is_atomic_with_and_without_temporary_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = || open_directory(dir.path()).unwrap();
        let count = || std::fs::read_dir(dir.path()).unwrap().count();
        let by_name = || {
            named(&folder(), Mode::from_raw_mode(0o666))
                .map(|(name, file)| AtomicFile { folder: folder(), name: Some(name), file, unsaved: 0 })
                .unwrap()
        };
        for make in [&(|| AtomicFile::create(folder()).unwrap()) as &dyn Fn() -> AtomicFile, &by_name] {
            make().write(folder(), "a", b"first", Like::Own).unwrap();
            make().write(folder(), "a", b"second", Like::Own).unwrap();
            assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"second");
            let unfinished = make();
            unfinished.file().write_all(b"x").unwrap();
            drop(unfinished);
            make().commit_new(folder(), "a").expect_err("taken");
            assert_eq!(count(), 1);
            make().commit_new(folder(), "b").unwrap();
            assert_eq!(count(), 2);
            std::fs::remove_file(dir.path().join("b")).unwrap();
        }
    }

    // Fails when a replaced file loses its permissions or attributes. File systems without attributes have none to lose.
    // threat: R42
    #[test]
    fn a_replaced_file_keeps_permissions_and_attributes() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "first").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let before = File::open(&path).unwrap();
        let has = rustix::fs::fsetxattr(&before, "user.note", b"kept", XattrFlags::empty()).is_ok();
        let folder = || open_directory(dir.path()).unwrap();
        AtomicFile::create(folder()).unwrap().write(folder(), "a", b"second", Like::Replaced(&before)).unwrap();
        let after = File::open(&path).unwrap();
        assert_eq!(after.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        let mut value = [0_u8; 8];
        let length = rustix::fs::fgetxattr(&after, "user.note", value.as_mut_slice());
        assert_eq!(length.ok().map(|length| value[..length].to_vec()), has.then(|| b"kept".to_vec()));
        AtomicFile::create(folder()).unwrap().write(folder(), "b", b"new", Like::Beside(&after)).unwrap();
        let beside = File::open(dir.path().join("b")).unwrap();
        assert_eq!(beside.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert!(rustix::fs::fgetxattr(&beside, "user.note", value.as_mut_slice()).is_err());
    }
}
