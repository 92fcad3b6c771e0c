//! One state of an archive: the file that had the name when it was opened, whatever gets the name later.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Deref;
use std::os::unix::fs::{FileExt, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags};
use tar::{EntryType, Header};

use super::tar_index::{Extent, TarIndex};
use crate::digest::{Digest, DigestAlgorithm};
use crate::limits::Limits;
use crate::store::StoreError;
use crate::store::atomic_file::{AtomicFile, Like, open_directory};
use crate::store::layout::files::{LayoutFile, LayoutFiles, Opened, io_error, protocol, yield_now};

/// Bytes that are copied before other work has its turn.
const CHUNK_BYTES: usize = 256 << 10;

/// What becomes of one entry of an archive.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// These are its bytes.
    Bytes(&'a [u8]),
    /// This file holds its bytes, so many.
    File(&'a File, u64),
    /// It goes.
    Removed,
}

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

    /// Whether the entry is already what a change would make of it.
    pub(super) fn is_done(&self, member: LayoutFile, change: Change<'_>) -> Result<bool, StoreError> {
        match change {
            Change::Bytes(bytes) => self.holds(member, bytes),
            Change::File(..) => Ok(false),
            Change::Removed => Ok(!self.has(member)),
        }
    }

    pub(super) fn has(&self, member: LayoutFile) -> bool {
        self.table.get(&member.to_string()).is_some()
    }

    /// Opens an entry for longer than the snapshot lives.
    pub(super) fn into_opened(self, member: LayoutFile) -> Option<Opened<'static>> {
        let Extent { data, size, .. } = self.table.get(&member.to_string())?;
        let section = Section { file: Box::new(self.file), position: data, left: size };
        Some(Opened { size, reader: Box::new(section) })
    }

    /// Rewrites the archive at `path` with `changes` made to the entries of those names, in one step. All other bytes are copied as
    /// they are.
    ///
    /// Other work on the same thread has its turn between two pieces; when the future is dropped, the archive is as it was, and nothing
    /// is left beside it.
    pub(super) async fn rewrite(&self, path: &Path, changes: &[(LayoutFile, Change<'_>)]) -> Result<(), StoreError> {
        let failed = |error: io::Error| io_error(&self.place, &error);
        let (folder, name) = split(path)?;
        let stage = open_directory(folder).map_err(failed)?;
        let mut scratch = AtomicFile::create(stage).map_err(failed)?;
        self.copy(changes, &mut scratch).await.map_err(failed)?;
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

    async fn copy(&self, changes: &[(LayoutFile, Change<'_>)], to: &mut AtomicFile) -> io::Result<()> {
        let mut replaced: Vec<Extent> =
            changes.iter().filter_map(|(member, _)| self.table.get(&member.to_string())).collect();
        replaced.sort_by_key(|extent| extent.start);
        let mut from = 0;
        for (start, end) in replaced.iter().map(|extent| (extent.start, extent.end)).chain([(self.table.end, 0)]) {
            copy_range(&self.file, from, start.saturating_sub(from), to).await?;
            from = end;
        }
        append(changes, to).await
    }
}

/// Copies so many bytes of a file. Other work on the same thread has its turn between two chunks.
async fn copy_range(file: &File, from: u64, length: u64, to: &mut AtomicFile) -> io::Result<()> {
    let mut section = Section { file, position: from, left: length };
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    while section.left > 0 {
        let read = section.read(&mut chunk)?;
        if read == 0 {
            return Err(io::Error::other("the archive became shorter while it was copied"));
        }
        to.append(chunk.get(..read).unwrap_or_default())?;
        yield_now().await;
    }
    Ok(())
}

/// Makes an archive at `path`, which must be free.
pub(super) fn create(path: &Path, files: &[(LayoutFile, &[u8])]) -> Result<(), StoreError> {
    let place = path.display().to_string();
    let (folder, name) = split(path)?;
    let written = || {
        let mut scratch = AtomicFile::create(open_directory(folder)?)?;
        for (member, bytes) in files {
            append_header(*member, bytes_in(bytes), &mut scratch)?;
            scratch.append(bytes)?;
            append_padding(bytes_in(bytes), &mut scratch)?;
        }
        scratch.append(&END)?;
        scratch.commit_new(open_directory(folder)?, name)
    };
    written().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => protocol(&place, "expected a name that is free, found a file"),
        _ => io_error(&place, &error),
    })
}

/// A file without a name beside the archive at `path`, for what does not fit into memory.
pub(super) fn spool(path: &Path) -> Result<AtomicFile, StoreError> {
    let (folder, _) = split(path)?;
    let made = open_directory(folder).and_then(AtomicFile::create);
    made.map_err(|error| io_error(&path.display().to_string(), &error))
}

/// Opens what has been spooled.
pub(super) fn opened_spool(spool: Arc<AtomicFile>, size: u64) -> Opened<'static> {
    Opened { size, reader: Box::new(Section { file: Spool(spool), position: 0, left: size }) }
}

struct Spool(Arc<AtomicFile>);

impl Deref for Spool {
    type Target = File;

    fn deref(&self) -> &File {
        self.0.file()
    }
}

fn split(path: &Path) -> Result<(&Path, &std::ffi::OsStr), StoreError> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        _ => Err(protocol(&path.display().to_string(), "expected the name of a file")),
    }
}

/// The end of an archive.
const END: [u8; 1024] = [0; 1024];

/// The entries that are written, and the archive's end.
async fn append(changes: &[(LayoutFile, Change<'_>)], to: &mut AtomicFile) -> io::Result<()> {
    for (member, change) in changes {
        let size = match change {
            Change::Bytes(bytes) => bytes_in(bytes),
            Change::File(_, size) => *size,
            Change::Removed => continue,
        };
        append_header(*member, size, to)?;
        match change {
            Change::Bytes(bytes) => to.append(bytes)?,
            Change::File(file, size) => copy_range(file, 0, *size, to).await?,
            Change::Removed => {}
        }
        append_padding(size, to)?;
    }
    to.append(&END)
}

fn bytes_in(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
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

/// The header of an entry, after one with its name where that is long.
fn append_header(member: LayoutFile, size: u64, to: &mut AtomicFile) -> io::Result<()> {
    let name = member.to_string();
    if name.len() > NAME_BYTES {
        let long = pax_path(&name);
        to.append(header(EntryType::XHeader, "pax", bytes_in(&long)).as_bytes())?;
        to.append(&long)?;
        append_padding(bytes_in(&long), to)?;
    }
    to.append(header(EntryType::Regular, name.get(..NAME_BYTES).unwrap_or(&name), size).as_bytes())
}

fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    if let Some(field) = header.as_old_mut().name.get_mut(..name.len()) {
        field.copy_from_slice(name.as_bytes());
    }
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Zeros up to the next block of 512 bytes.
fn append_padding(size: u64, to: &mut AtomicFile) -> io::Result<()> {
    let padding = size.checked_next_multiple_of(512).unwrap_or(size).saturating_sub(size);
    to.append([0_u8; 512].get(..usize::try_from(padding).unwrap_or(0)).unwrap_or(&[]))
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

/// A part of a file.
struct Section<F> {
    file: F,
    position: u64,
    left: u64,
}

impl<F: Deref<Target = File>> Read for Section<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.position)?;
        let step = u64::try_from(read).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(step);
        self.left = self.left.saturating_sub(step);
        Ok(read)
    }
}
