//! Two files that hold a key pair.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sigkit_core::key::{KeyPair, Password, SigningKey as _, file};

use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::files::{Access, ExistingFile, NewFile};
use crate::outcome::Output;
use crate::terminal::password::PasswordUse;
use crate::terminal::prompt::Answer;

const OPTION: &str = "--output-key-prefix";

/// Whether the owner of a file is asked before it is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overwrite {
    /// Asked.
    Ask,
    /// `--yes`.
    Agreed,
}

impl Overwrite {
    pub(super) const fn from_yes(yes: bool) -> Self {
        if yes { Self::Agreed } else { Self::Ask }
    }
}

/// The two places, free or given up by their owner.
#[derive(Debug)]
pub(super) struct KeyPairFiles {
    private: Place,
    public: Place,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    existing: ExistingFile,
}

impl KeyPairFiles {
    /// `PREFIX.key` and `PREFIX.pub`. Asked before anything costly is done, and before a password is typed in vain.
    ///
    /// # Errors
    /// [`CliError`], when the answer is not "y", or a file cannot be written.
    pub(super) fn reserve(prefix: &Path, overwrite: Overwrite, context: &Context) -> Result<Self, CliError> {
        if prefix.file_name().is_none() || prefix.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(CliError::usage(format!(
                "{OPTION}: expected the name of a file without its extension, found {prefix:?}"
            )));
        }
        let files = Self {
            private: Place::new(with_suffix(prefix, ".key"), context)?,
            public: Place::new(with_suffix(prefix, ".pub"), context)?,
        };
        let occupied: Vec<&Place> = [&files.private, &files.public]
            .into_iter()
            .filter(|place| place.existing == ExistingFile::Present)
            .collect();
        let Some(first) = occupied.first().filter(|_| overwrite == Overwrite::Ask) else { return Ok(files) };
        let names = occupied.iter().map(|place| place.path.display().to_string()).collect::<Vec<_>>().join(" and ");
        let question = format!("WARNING: already there: {names}\nAre you sure you would like to overwrite {names}?");
        match context.confirm(&question) {
            Ok(Answer::Yes) => Ok(files),
            Ok(Answer::No) => Err(CliError::failed(format!(
                "{} already exists and is not overwritten: answer y, give --yes, or choose another {OPTION}",
                first.path.display()
            ))),
            Err(error) => Err(CliError::system("ask before overwriting", error)),
        }
    }

    /// Encrypts `key` with a password and writes both files.
    ///
    /// # Errors
    /// [`CliError`]; nothing was written, or what was there before is still there.
    pub(super) fn write(
        &self,
        key: &KeyPair,
        password_file: Option<&Path>,
        context: &Context,
    ) -> Result<Output, CliError> {
        let mut password = context.password(password_file, PasswordUse::Create)?;
        let sealed = file::encrypt(key, &Password::new(std::mem::take(&mut *password)))
            .map_err(|error| CliError::failed(format!("the key was not written: {error}")))?;
        let public = key.public_key().to_pem();
        context.files.create(&[
            self.private.with(sealed.as_bytes(), Access::Owner),
            self.public.with(public.as_bytes(), Access::Umask),
        ])?;
        let written = |what, place: &Place| format!("{what} key written to {}", place.path.display());
        let (private, public) = (self.private.path.display(), self.public.path.display());
        let next = format!(
            "Next: keep {private} and its password secret, never commit them, and back them up; give {public} to everyone who verifies. \
             sigkit sign --help shows how to sign"
        );
        Ok(Output::notes(
            vec![written("Private", &self.private), written("Public", &self.public), next],
            ExitCode::Done,
        ))
    }
}

impl Place {
    fn new(path: PathBuf, context: &Context) -> Result<Self, CliError> {
        let existing = context.files.existing(OPTION, &path)?;
        Ok(Self { path, existing })
    }

    fn with<'a>(&'a self, bytes: &'a [u8], access: Access) -> NewFile<'a> {
        NewFile { option: OPTION, path: &self.path, bytes, access, existing: self.existing }
    }
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(prefix);
    path.push(suffix);
    path.into()
}
