use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use tempfile::NamedTempFile;

use super::FileError;
use super::error::kind;
use super::file_system::{Files, Reserved};
use crate::terminal::streams::Stdout;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The owner, 0600, whatever the umask.
    Owner,
    /// As the umask allows, 0644 at most.
    Umask,
}

/// What exists where a key is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExistingFile {
    /// Nothing; nothing may appear there until it is written.
    Absent,
    /// A file, which its owner has agreed to lose.
    Present,
}

/// A file to be written together with others, all or none.
#[derive(Debug)]
pub(crate) struct NewFile<'a> {
    /// The option that names it, with its dashes.
    pub(crate) option: &'static str,
    /// Where.
    pub(crate) path: &'a Path,
    /// What.
    pub(crate) bytes: &'a [u8],
    /// For whom.
    pub(crate) access: Access,
    /// What was there when the owner was asked.
    pub(crate) existing: ExistingFile,
}

/// An output of a command.
pub(crate) struct OutputFile<'a> {
    /// The option that names it, with its dashes.
    pub(crate) option: &'static str,
    /// Where.
    pub(crate) path: &'a Path,
    /// What.
    pub(crate) source: Box<dyn Read + 'a>,
    /// For whom.
    pub(crate) access: Access,
}

impl<'a> OutputFile<'a> {
    /// These bytes, for all whom the umask lets.
    pub(crate) fn new(option: &'static str, path: &'a Path, bytes: Vec<u8>) -> Self {
        Self { option, path, source: Box::new(io::Cursor::new(bytes)), access: Access::Umask }
    }
}

/// Where an output goes.
enum Target {
    Stdout,
    /// A device or a pipe, which is opened once only: its reader sees the end when it is closed.
    Stream,
    File {
        place: PathBuf,
        existing: Option<Metadata>,
    },
}

/// An output that is safe on disk, and not yet where it belongs.
struct Staged<'a> {
    option: &'static str,
    path: &'a Path,
    place: PathBuf,
    existing: Option<Metadata>,
    file: NamedTempFile,
}

impl Files {
    /// What exists at `path`, where a key is to be written.
    ///
    /// # Errors
    /// [`FileError`] when it is neither nothing nor a file that could be replaced.
    pub(crate) fn existing(&self, option: &'static str, path: &Path) -> Result<ExistingFile, FileError> {
        let refused = |error| FileError::Io { option, action: "write", path: path.to_owned(), error };
        let metadata = match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return directory(path).metadata().map(|_| ExistingFile::Absent).map_err(refused);
            }
            found => found.map_err(refused)?,
        };
        if metadata.is_symlink() {
            let target = path.read_link().map_err(refused)?;
            return Err(FileError::Link { option, path: path.to_owned(), target });
        }
        self.may_replace(option, path, &metadata)?;
        Ok(ExistingFile::Present)
    }

    /// Writes all files, each of them whole; a file that could not be written takes those new beside it away again.
    ///
    /// # Errors
    /// [`FileError`]; what was there before is still there.
    pub(crate) fn create(&self, files: &[NewFile<'_>]) -> Result<(), FileError> {
        let _no_signal = self.signals.defer();
        let staged = files
            .iter()
            .map(|file| Ok((file, stage(file.option, file.path, file.bytes, file.access)?)))
            .collect::<Result<Vec<_>, FileError>>()?;
        let mut created: Vec<&Path> = Vec::new();
        for (file, staged) in staged {
            if let Err(error) = commit(file, staged) {
                for path in created {
                    // The error that is returned matters more than what is left behind.
                    std::fs::remove_file(path).unwrap_or_default();
                }
                return Err(error);
            }
            if file.existing == ExistingFile::Absent {
                created.push(file.path);
            }
        }
        files.iter().try_for_each(|file| sync_directory(file.option, file.path))
    }

    /// Writes an output of a command: replaces a file in one step, keeping its permissions; writes into a device or pipe.
    ///
    /// # Errors
    /// [`FileError`]; a file that was there before is still there.
    pub(crate) fn write(
        &self,
        option: &'static str,
        path: &Path,
        bytes: &[u8],
        access: Access,
    ) -> Result<(), FileError> {
        self.write_all(vec![OutputFile { option, path, source: Box::new(bytes), access }])
    }

    /// The same for what `source` yields, of any length.
    ///
    /// # Errors
    /// As [`Files::write`].
    pub(crate) fn write_from<'a>(
        &self,
        option: &'static str,
        path: &'a Path,
        source: impl Read + 'a,
        access: Access,
    ) -> Result<(), FileError> {
        self.write_all(vec![OutputFile { option, path, source: Box::new(source), access }])
    }

    /// Writes all outputs of a command, or none: every file is safe on disk under a passing name before the first appears.
    ///
    /// # Errors
    /// As [`Files::write`]. What a device or pipe has taken stays taken.
    pub(crate) fn write_all(&self, outputs: Vec<OutputFile<'_>>) -> Result<(), FileError> {
        let _no_signal = self.signals.defer();
        let mut staged: Vec<Staged<'_>> = Vec::new();
        let mut streams = Vec::new();
        for output in outputs {
            let (option, path) = (output.option, output.path);
            let target = self.target(option, path)?;
            match target {
                Target::Stdout | Target::Stream => streams.push((output, target)),
                Target::File { place, existing } => {
                    if staged.iter().any(|other| other.place == place) {
                        return Err(FileError::WrittenTwice { option, path: path.to_owned() });
                    }
                    if let Some(later) = self.reserved_by_another(option, &place) {
                        return Err(later);
                    }
                    let file = stage(option, &place, output.source, output.access)?;
                    if let (Some(metadata), Access::Umask) = (&existing, output.access) {
                        let permissions = Permissions::from_mode(metadata.mode() & 0o777);
                        file.as_file().set_permissions(permissions).map_err(|error| io_error(option, path, error))?;
                    }
                    staged.push(Staged { option, path, place, existing, file });
                }
            }
        }
        for (mut output, target) in streams {
            let written = match target {
                Target::Stdout => Stdout::open()
                    .and_then(|mut stdout| io::copy(&mut output.source, &mut stdout).and_then(|_| stdout.finish())),
                Target::Stream => OpenOptions::new()
                    .write(true)
                    .open(output.path)
                    .and_then(|mut stream| io::copy(&mut output.source, &mut stream).and_then(|_| stream.flush())),
                Target::File { .. } => Ok(()),
            };
            written.map_err(|error| io_error(output.option, output.path, error))?;
        }
        let mut created: Vec<PathBuf> = Vec::new();
        for Staged { option, path, place, existing, file } in staged {
            let persisted = file.persist(&place).map_err(|failed| failed.error);
            let recorded = persisted.and_then(|written| {
                self.written.add(&written.metadata()?);
                Ok(())
            });
            if let Err(error) = recorded {
                // The error that is returned matters more than what is left behind.
                created.iter().for_each(|path| std::fs::remove_file(path).unwrap_or_default());
                return Err(io_error(option, path, error));
            }
            if existing.is_none() {
                created.push(place.clone());
            }
            sync_directory(option, &place)?;
        }
        Ok(())
    }

    /// Checks before the work that its outputs can be written: each has a place of its own, in a directory that takes files. Called when
    /// all inputs are read, since no output may be one of them.
    ///
    /// # Errors
    /// [`FileError`], as [`Files::write_all`] would return it.
    pub(crate) fn check(&self, outputs: &[(&'static str, Option<&Path>)]) -> Result<(), FileError> {
        let mut places: Vec<PathBuf> = Vec::new();
        for (option, path) in outputs.iter().filter_map(|(option, path)| Some((*option, (*path)?))) {
            let Target::File { place, .. } = self.target(option, path)? else { continue };
            if places.contains(&place) {
                return Err(FileError::WrittenTwice { option, path: path.to_owned() });
            }
            if let Some(later) = self.reserved_by_another(option, &place) {
                return Err(later);
            }
            takes_files(option, &place)?;
            places.push(place);
        }
        Ok(())
    }

    /// Keeps `path` for the output `option`, which is written last of all; what could not be written there is refused now.
    ///
    /// # Errors
    /// [`FileError`].
    pub(crate) fn reserve(&self, option: &'static str, path: &Path) -> Result<(), FileError> {
        if let Target::File { place, .. } = self.target(option, path)? {
            takes_files(option, &place)?;
            let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
            *reserved = Some(Reserved { option, path: path.to_owned(), place });
        }
        Ok(())
    }

    fn reserved_by_another(&self, option: &str, place: &Path) -> Option<FileError> {
        let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = reserved.as_ref().filter(|reserved| reserved.option != option && reserved.place == place)?;
        Some(FileError::WrittenTwice { option: reserved.option, path: reserved.path.clone() })
    }

    /// What an output goes to.
    fn target(&self, option: &'static str, path: &Path) -> Result<Target, FileError> {
        let refused = |error| io_error(option, path, error);
        if path == Path::new("/dev/stdout") || path == Path::new("-") {
            return Ok(Target::Stdout);
        }
        let existing = match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found.map_err(refused)?),
        };
        let Some(metadata) = existing else {
            // The directory in one spelling, so that two names of one file are seen to be that.
            let parent = directory(path).canonicalize().map_err(refused)?;
            let place = path.file_name().map(|name| parent.join(name)).unwrap_or_else(|| path.to_owned());
            return Ok(Target::File { place, existing: None });
        };
        if !metadata.is_file() && !metadata.is_dir() {
            return Ok(Target::Stream);
        }
        self.may_replace(option, path, &metadata)?;
        // A link stays a link: what it points to is replaced.
        let place = path.canonicalize().map_err(refused)?;
        Ok(Target::File { place, existing: Some(metadata) })
    }

    fn may_replace(&self, option: &'static str, path: &Path, metadata: &Metadata) -> Result<(), FileError> {
        if !metadata.is_file() {
            let found = kind(metadata.file_type());
            return Err(FileError::Unexpected { option, path: path.to_owned(), expected: "a file to write to", found });
        }
        if self.read.contains(metadata) {
            return Err(FileError::IsInput { option, path: path.to_owned() });
        }
        if self.written.contains(metadata) {
            return Err(FileError::WrittenTwice { option, path: path.to_owned() });
        }
        Ok(())
    }
}

/// The bytes, safe on disk under a passing name beside `path`.
fn stage(option: &'static str, path: &Path, mut source: impl Read, access: Access) -> Result<NamedTempFile, FileError> {
    let refused = |error| FileError::Io { option, action: "write", path: path.to_owned(), error };
    let mode = match access {
        Access::Owner => 0o600,
        Access::Umask => 0o644,
    };
    let staged = tempfile::Builder::new()
        .prefix(".sigkit-")
        .make_in(directory(path), |passing| OpenOptions::new().write(true).create_new(true).mode(mode).open(passing))
        .map_err(refused)?;
    if access == Access::Owner {
        staged.as_file().set_permissions(Permissions::from_mode(mode)).map_err(refused)?;
    }
    io::copy(&mut source, &mut staged.as_file()).and_then(|_| staged.as_file().sync_all()).map_err(refused)?;
    Ok(staged)
}

fn commit(file: &NewFile<'_>, staged: NamedTempFile) -> Result<(), FileError> {
    let (option, path) = (file.option, file.path.to_owned());
    let persisted = match file.existing {
        ExistingFile::Present => staged.persist(file.path),
        ExistingFile::Absent => staged.persist_noclobber(file.path),
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Err(FileError::Appeared { option, path }),
        Err(failed) => Err(FileError::Io { option, action: "write", path, error: failed.error }),
    }
}

/// Without this, a crash of the machine may lose the name of a file that was reported as written.
fn sync_directory(option: &'static str, path: &Path) -> Result<(), FileError> {
    let directory = directory(path);
    match File::open(&directory).and_then(|opened| opened.sync_all()) {
        // A directory that may be written but not read, or a file system that cannot: the file itself is on disk.
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput) => Ok(()),
        synced => synced.map_err(|error| FileError::Io { option, action: "write", path: directory, error }),
    }
}

/// A file appears under a passing name beside its place: the directory must let it.
fn takes_files(option: &'static str, place: &Path) -> Result<(), FileError> {
    use rustix::fs::{Access as Right, access};
    access(directory(place), Right::WRITE_OK | Right::EXEC_OK).map_err(|error| io_error(option, place, error.into()))
}

fn io_error(option: &'static str, path: &Path, error: io::Error) -> FileError {
    FileError::Io { option, action: "write", path: path.to_owned(), error }
}

fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
