//! A layout's members in a directory.
//!
//! Every step below the directory is opened relative to the step before and without following links, so that neither a planted
//! link nor one swapped in meanwhile leads elsewhere.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::files::{LayoutFile, LayoutFiles, Opened, io_error, protocol};
use crate::digest::{Digest, DigestAlgorithm};
use crate::store::atomic_file::{AtomicFile, Like, give_folder, open_directory};
use crate::store::{BlobStream, StoreError};

const BLOBS: &str = "blobs";

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(super) fn path_of(&self, member: LayoutFile) -> PathBuf {
        self.path.join(member.to_string())
    }

    fn root(&self) -> Result<OwnedFd, StoreError> {
        open_directory(&self.path).map_err(|error| io_error(&self.path.display().to_string(), &error))
    }

    /// The folder with the blobs of one algorithm, if there is one.
    fn folder(&self, algorithm: DigestAlgorithm) -> Result<Option<OwnedFd>, StoreError> {
        let Some(blobs) = self.below(&self.root()?, BLOBS)? else { return Ok(None) };
        self.below(&blobs, algorithm.name())
    }

    fn below(&self, folder: &OwnedFd, name: &str) -> Result<Option<OwnedFd>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(folder, name, flags, Mode::empty()) {
            Ok(below) => Ok(Some(below)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.refused(&self.path.join(BLOBS).display().to_string(), "a directory", error)),
        }
    }

    fn refused(&self, place: &str, expected: &str, error: Errno) -> StoreError {
        match error {
            Errno::LOOP | Errno::NOTDIR | Errno::MLINK => protocol(
                place,
                format!("expected {expected} in the layout itself, found a symbolic link or another file"),
            ),
            _ => io_error(place, &error.into()),
        }
    }

    /// Stores a blob whose bytes have been compared with `digest`.
    pub(super) fn write_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        if self.holds(LayoutFile::Blob(*digest), bytes)? {
            return Ok(());
        }
        let mut scratch = self.stage(digest)?;
        scratch.append(bytes).map_err(|error| self.failed(digest, &error))?;
        self.commit_blob(scratch, digest)
    }

    /// Stores a blob that is compared with its digest as it comes.
    pub(super) async fn write_stream(&self, mut stream: BlobStream<'_>) -> Result<(), StoreError> {
        let digest = stream.digest();
        let mut scratch = self.stage(&digest)?;
        while let Some(chunk) = stream.chunk().await? {
            scratch.append(&chunk).map_err(|error| self.failed(&digest, &error))?;
        }
        self.commit_blob(scratch, &digest)
    }

    /// Removes a blob; one that is not there is removed.
    pub(super) fn remove_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        let Some(folder) = self.folder(digest.algorithm())? else { return Ok(()) };
        match rustix::fs::unlinkat(&folder, digest.hex(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed(digest, &error.into())),
        }
    }

    /// A new file in the root: readers of other tools take every file below `blobs` for a blob.
    fn stage(&self, digest: &Digest) -> Result<AtomicFile, StoreError> {
        AtomicFile::create(self.root()?).map_err(|error| self.failed(digest, &error))
    }

    fn commit_blob(&self, scratch: AtomicFile, digest: &Digest) -> Result<(), StoreError> {
        let blobs = self.made(&self.root()?, BLOBS)?;
        let folder = self.made(&blobs, digest.algorithm().name())?;
        let index = self.file(LayoutFile::Index)?;
        let like = index.as_ref().map_or(Like::Own, Like::Beside);
        scratch.commit(folder, digest.hex(), like).map_err(|error| self.failed(digest, &error))
    }

    fn failed(&self, digest: &Digest, error: &io::Error) -> StoreError {
        io_error(&self.place(LayoutFile::Blob(*digest)), error)
    }

    /// The folder of that name, made when it is not there.
    fn made(&self, above: &OwnedFd, name: &str) -> Result<OwnedFd, StoreError> {
        let place = self.path.join(BLOBS).display().to_string();
        let is_new = match rustix::fs::mkdirat(above, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(io_error(&place, &error.into())),
        };
        let folder = self.below(above, name)?;
        let folder = folder.ok_or_else(|| protocol(&place, "was removed while a blob was written"))?;
        if is_new {
            give_folder(&folder, above).map_err(|error| io_error(&place, &error))?;
        }
        Ok(folder)
    }

    /// Replaces a file in the layout's root.
    pub(super) fn write_root(&self, member: LayoutFile, bytes: &[u8]) -> Result<(), StoreError> {
        let place = self.place(member);
        let like = self.file(member)?;
        let failed = |error: io::Error| io_error(&place, &error);
        let (stage, root) = (self.root()?, self.root()?);
        let scratch = AtomicFile::create(stage).map_err(failed)?;
        let like = like.as_ref().map_or(Like::Own, Like::Replaced);
        scratch.write(root, member.to_string(), bytes, like).map_err(failed)
    }

    fn file(&self, member: LayoutFile) -> Result<Option<File>, StoreError> {
        let (folder, name) = match member {
            LayoutFile::Blob(digest) => (self.folder(digest.algorithm())?, digest.hex()),
            LayoutFile::Marker | LayoutFile::Index | LayoutFile::DockerManifest => {
                (Some(self.root()?), member.to_string())
            }
        };
        let Some(folder) = folder else { return Ok(None) };
        // A FIFO would make the open itself wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let place = self.place(member);
        let file = match rustix::fs::openat(&folder, &name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.refused(&place, "a regular file", error)),
        };
        let metadata = file.metadata().map_err(|error| io_error(&place, &error))?;
        if !metadata.is_file() {
            return Err(protocol(&place, "expected a regular file, found a directory or a special file"));
        }
        Ok(Some(file))
    }
}

impl LayoutFiles for Directory {
    fn place(&self, member: LayoutFile) -> String {
        self.path_of(member).display().to_string()
    }

    fn open(&self, member: LayoutFile) -> Result<Option<Opened<'_>>, StoreError> {
        let Some(file) = self.file(member)? else { return Ok(None) };
        let size = file.metadata().map_err(|error| io_error(&self.place(member), &error))?.len();
        Ok(Some(Opened { size, reader: Box::new(file) }))
    }

    fn blobs(&self, limit: usize) -> Result<Vec<(Digest, u64)>, StoreError> {
        let place = self.path.join(BLOBS).display().to_string();
        let failed = |error: Errno| io_error(&place, &error.into());
        let mut found = Vec::new();
        for algorithm in DigestAlgorithm::ALL {
            let Some(folder) = self.folder(algorithm)? else { continue };
            for entry in Dir::read_from(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name();
                let Ok(Ok(digest)) = name.to_str().map(|hex| Digest::from_hex(algorithm, hex)) else { continue };
                let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
                if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                    let place = self.place(LayoutFile::Blob(digest));
                    return Err(protocol(&place, "expected a regular file, found a symbolic link or another file"));
                }
                if found.len() >= limit {
                    return Err(StoreError::TooLarge { place, limit: format!("{limit} blobs in one layout") });
                }
                found.push((digest, u64::try_from(stat.st_size).unwrap_or(u64::MAX)));
            }
        }
        found.sort();
        Ok(found)
    }
}
