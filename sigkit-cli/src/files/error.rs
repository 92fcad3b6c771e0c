use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use sigkit_core::cause::{TextFormat, likely_cause};

/// An error with a file that an option names.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The operating system refused.
    #[error("{option}: cannot {action} {}: {error}", path.display())]
    Io {
        /// With its dashes.
        option: &'static str,
        /// `read`, `write`, `create`
        action: &'static str,
        /// As given.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// Not the kind of file that was expected.
    #[error("{option}: {}: expected {expected}, found {found}", path.display())]
    Unexpected {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
        /// What the option is for.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A file, but not with the content that was expected.
    #[error("{option}: {}: expected {expected}, found {found}", path.display())]
    Content {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
        /// What the option is for.
        expected: &'static str,
        /// What is wrong with the content.
        found: String,
    },
    /// It was written to while it was read.
    #[error("{option}: {} changed while it was read: run the command again when no other process writes to it", path.display())]
    Changed {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
    },
    /// More bytes than such a file can have.
    #[error("{option}: {}: expected {expected} of at most {limit} bytes, found more", path.display())]
    TooLarge {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
        /// What the option is for.
        expected: &'static str,
        /// In bytes.
        limit: u64,
    },
    /// The output would replace what was read as input.
    #[error("{option}: {} is also an input of this command: choose another file to write to", path.display())]
    IsInput {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
    },
    /// Two outputs with one name.
    #[error("{option}: {} is written by another option of this command as well: choose another file", path.display())]
    WrittenTwice {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
    },
    /// A key would be written through a link.
    #[error(
        "{option}: {} is a symbolic link to {}, and keys are not written through links: remove the link or choose another name",
        path.display(),
        target.display()
    )]
    Link {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
        /// Where the link points.
        target: PathBuf,
    },
    /// Another process created the file in between.
    #[error("{option}: {} was just created by another process: not overwritten", path.display())]
    Appeared {
        /// With its dashes.
        option: &'static str,
        /// As given.
        path: PathBuf,
    },
}

impl FileError {
    /// Returns true if this file was to be read, and does not exist.
    pub(crate) fn is_missing(&self, name: &str) -> bool {
        matches!(self, Self::Io { path, error, .. } if path == Path::new(name) && error.kind() == io::ErrorKind::NotFound)
    }

    /// A file that is not JSON, or not the expected JSON.
    pub(crate) fn json(
        option: &'static str,
        path: &Path,
        expected: &'static str,
        error: &serde_json::Error,
        bytes: &[u8],
    ) -> Self {
        let cause = likely_cause(bytes, TextFormat::Json).map_or_else(String::new, |cause| format!(": {cause}"));
        Self::Content { option, path: path.to_owned(), expected, found: format!("no JSON: {error}{cause}") }
    }
}

/// What a file is, in words.
pub(crate) fn kind(file_type: FileType) -> &'static str {
    if file_type.is_file() {
        "a file"
    } else if file_type.is_dir() {
        "a directory"
    } else if file_type.is_fifo() {
        "a named pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else if file_type.is_char_device() || file_type.is_block_device() {
        "a device"
    } else {
        "something that is not a file"
    }
}
