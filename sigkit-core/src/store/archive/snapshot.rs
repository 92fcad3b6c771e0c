//! One state of an archive: the file that had the name when it was opened, whatever gets the name later.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt as _};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use tar::{EntryType, Header};

use super::tar_index::{Extent, TarIndex};
use crate::digest::{Digest, DigestAlgorithm};
use crate::limits::Limits;
use crate::store::layout::atomic_file::{AtomicFile, Like, open_directory};
use crate::store::layout::files::{LayoutFile, LayoutFiles, Opened, io_error, protocol};
use crate::store::{StoreError, yield_now};

/// Bytes that are copied before other work has its turn.
const CHUNK_BYTES: u64 = 256 << 10;
/// Bytes that may wait for the disk: at the end nothing can be interrupted any more.
const SAVED_AT_ONCE: u64 = 32 << 20;

#[derive(Debug)]
pub(super) struct Snapshot {
    place: String,
    file: File,
    table: TarIndex,
    /// As it was before anything was read.
    state: State,
}

/// What changes with the content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    size: u64,
    written: (i64, i64),
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.size(), written: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

impl Snapshot {
    /// Opens what is at `path` now.
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        // A FIFO would make the open itself wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Err(StoreError::NotFound { place }),
            Err(error) => return Err(io_error(&place, &error.into())),
        };
        Self::of(place, file, limits)
    }

    /// Reads the table of an open archive.
    pub(super) fn of(place: String, file: File, limits: &Limits) -> Result<Self, StoreError> {
        let metadata = file.metadata().map_err(|error| io_error(&place, &error))?;
        if !metadata.is_file() {
            return Err(protocol(&place, "expected a tar file; a layout directory is named oci:DIR"));
        }
        let table = TarIndex::read(&place, &file, limits)?;
        Ok(Self { place, file, table, state: State::of(&metadata) })
    }

    pub(super) fn without_links(self) -> Result<Self, StoreError> {
        Ok(Self { table: self.table.without_links()?, ..self })
    }

    pub(super) fn has(&self, member: LayoutFile) -> bool {
        self.table.get(&member.to_string()).is_some()
    }

    /// Rewrites the archive at `path` with `files` added, or replacing those of the same name, in one step. All other
    /// bytes are copied as they are.
    ///
    /// Other work on the same thread has its turn between two pieces; when the future is dropped, the archive is as it was, and nothing
    /// is left beside it.
    pub(super) async fn rewrite(&self, path: &Path, files: &[(LayoutFile, &[u8])]) -> Result<(), StoreError> {
        let failed = |error: io::Error| io_error(&self.place, &error);
        let (folder, name) = split(path)?;
        let stage = open_directory(folder).map_err(failed)?;
        let mut scratch = AtomicFile::create(stage).map_err(failed)?;
        self.copy(files, scratch.file()).await.map_err(failed)?;
        let folder = open_directory(folder).map_err(failed)?;
        self.refuse_changed(path)?;
        scratch.commit(folder, name, Like::Replaced(&self.file)).map_err(failed)
    }

    /// Refuses to replace an archive that a program without the lock has written to, or replaced, since it was opened.
    fn refuse_changed(&self, path: &Path) -> Result<(), StoreError> {
        let failed = |error: io::Error| io_error(&self.place, &error);
        let (now, named) = (self.file.metadata().map_err(failed)?, std::fs::metadata(path).map_err(failed)?);
        let is_same = (now.dev(), now.ino()) == (named.dev(), named.ino());
        if is_same && State::of(&now) == self.state {
            return Ok(());
        }
        Err(StoreError::Conflict { place: self.place.clone() })
    }

    async fn copy(&self, files: &[(LayoutFile, &[u8])], to: &mut File) -> io::Result<()> {
        let mut replaced: Vec<Extent> =
            files.iter().filter_map(|(member, _)| self.table.get(&member.to_string())).collect();
        replaced.sort_by_key(|extent| extent.start);
        let (mut from, mut unsaved) = (0, 0_u64);
        for (start, end) in replaced.iter().map(|extent| (extent.start, extent.end)).chain([(self.table.end, 0)]) {
            let mut source = &self.file;
            source.seek(SeekFrom::Start(from))?;
            let mut left = start.saturating_sub(from);
            while left > 0 {
                let length = left.min(CHUNK_BYTES);
                if io::copy(&mut source.take(length), to)? != length {
                    return Err(io::Error::other("the archive became shorter while it was copied"));
                }
                left = left.saturating_sub(length);
                unsaved = unsaved.saturating_add(length);
                if unsaved >= SAVED_AT_ONCE {
                    to.sync_data()?;
                    forget(to);
                    unsaved = 0;
                }
                yield_now().await;
            }
            from = end;
        }
        append(files, to)
    }
}

/// Removes a file from the page cache, as far as it has been written: without this, deleting an unfinished large copy takes seconds.
fn forget(file: &File) {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).unwrap_or(());
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Makes an archive at `path`, which must be free.
pub(super) fn create(path: &Path, files: &[(LayoutFile, &[u8])]) -> Result<(), StoreError> {
    let place = path.display().to_string();
    let (folder, name) = split(path)?;
    let written = || {
        let mut scratch = AtomicFile::create(open_directory(folder)?)?;
        append(files, scratch.file())?;
        scratch.commit_new(open_directory(folder)?, name)
    };
    written().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => protocol(&place, "expected a name that is free, found a file"),
        _ => io_error(&place, &error),
    })
}

fn split(path: &Path) -> Result<(&Path, &std::ffi::OsStr), StoreError> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(protocol(&path.display().to_string(), "expected the name of a file")),
    }
}

/// Entries for `files`, and the archive's end.
fn append(files: &[(LayoutFile, &[u8])], to: &mut File) -> io::Result<()> {
    for (member, bytes) in files {
        let name = member.to_string();
        if name.len() > NAME_BYTES {
            entry(EntryType::XHeader, "pax", &pax_path(&name), to)?;
        }
        entry(EntryType::Regular, name.get(..NAME_BYTES).unwrap_or(&name), bytes, to)?;
    }
    to.write_all(&[0_u8; 1024])
}

/// Bytes of a name that a header holds.
const NAME_BYTES: usize = 100;

/// The pax record of a long name: `length SP path=name LF`, where the length counts itself.
fn pax_path(name: &str) -> Vec<u8> {
    let rest = format!(" path={name}\n");
    let mut length = rest.len();
    while length != rest.len().saturating_add(length.to_string().len()) {
        length = rest.len().saturating_add(length.to_string().len());
    }
    format!("{length}{rest}").into_bytes()
}

fn entry(kind: EntryType, name: &str, bytes: &[u8], to: &mut File) -> io::Result<()> {
    let mut header = Header::new_ustar();
    if let Some(field) = header.as_old_mut().name.get_mut(..name.len()) {
        field.copy_from_slice(name.as_bytes());
    }
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    header.set_cksum();
    to.write_all(header.as_bytes())?;
    to.write_all(bytes)?;
    let padding = bytes.len().checked_next_multiple_of(512).unwrap_or(bytes.len()).saturating_sub(bytes.len());
    to.write_all([0_u8; 512].get(..padding).unwrap_or(&[]))
}

impl LayoutFiles for Snapshot {
    fn place(&self, member: LayoutFile) -> String {
        format!("{}, entry {member}", self.place)
    }

    fn open(&self, member: LayoutFile) -> Result<Option<Opened<'_>>, StoreError> {
        self.other(&member.to_string())
    }

    fn other(&self, name: &str) -> Result<Option<Opened<'_>>, StoreError> {
        Ok(self.table.get(name).map(|extent| {
            let section = Section { file: &self.file, position: extent.data, left: extent.size };
            Opened { size: extent.size, reader: Box::new(section) }
        }))
    }

    fn blobs(&self, limit: usize) -> Result<Vec<(Digest, u64)>, StoreError> {
        let blob = |name: &str| {
            let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
            Digest::from_hex(DigestAlgorithm::from_name(algorithm)?, hex).ok()
        };
        let mut found: Vec<(Digest, u64)> =
            self.table.files().filter_map(|(name, extent)| Some((blob(name)?, extent.size))).collect();
        if found.len() > limit {
            let limit = format!("{limit} blobs in one layout");
            return Err(StoreError::TooLarge { place: self.place.clone(), limit });
        }
        found.sort();
        Ok(found)
    }
}

/// The bytes of one entry.
struct Section<'a> {
    file: &'a File,
    position: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.position)?;
        let step = u64::try_from(read).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(step);
        self.left = self.left.saturating_sub(step);
        Ok(read)
    }
}
