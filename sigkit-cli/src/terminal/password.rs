use std::path::Path;
use std::{fmt, io};

use zeroize::Zeroizing;

use crate::context::Context;
use crate::files::FileError;
use crate::terminal::streams::IsTerminal;

/// Longest password, in bytes.
pub(crate) const MAX_PASSWORD_BYTES: u64 = 64 * 1024;

const VARIABLES: [&str; 2] = ["SIGKIT_PASSWORD", "COSIGN_PASSWORD"];

/// What a password is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordUse {
    /// To open a key: asked once.
    Open,
    /// To protect a new key: asked twice, since a mistyped one would lose it.
    Create,
}

/// Where a password comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PasswordSource<'a> {
    /// `--password-file`
    File(&'a Path),
    /// An environment variable of this name.
    Variable(&'static str),
    /// It is typed.
    Terminal,
    /// Standard input, which is not a terminal.
    Stdin,
}

impl fmt::Display for PasswordSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) if *path == Path::new("-") => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Terminal => f.write_str("the terminal"),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The file of `--password-file`.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing on standard input.
    #[error("no password: standard input is empty and not a terminal; {WAYS}")]
    Empty,
    /// Standard input has given a key already.
    #[error("no password: standard input was read for the key and there is no terminal; {WAYS}")]
    StdinTaken,
    /// More than a password.
    #[error("the password on standard input is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// Standard input or the terminal failed.
    #[error("the password could not be read: {0}; {WAYS}")]
    Io(#[from] io::Error),
    /// The second was not the first.
    #[error("the two passwords differ: nothing was written")]
    Mismatch,
}

const WAYS: &str = "give one with --password-file FILE, SIGKIT_PASSWORD or COSIGN_PASSWORD (empty counts), on a terminal, \
                    or on standard input";

impl Context {
    /// The password for a private key: from `file`, the environment, the terminal, or standard input, in this order.
    ///
    /// From a file or standard input, one line ending at the end is not part of it.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub(crate) fn password(
        &self,
        file: Option<&Path>,
        purpose: PasswordUse,
    ) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        match self.password_source(file) {
            PasswordSource::File(path) => self.password_from_file(path),
            PasswordSource::Variable(name) => Ok(self.environment.secret(name).unwrap_or_default()),
            PasswordSource::Terminal if self.stdin.is_terminal() == IsTerminal::Yes => self.ask_password(purpose),
            PasswordSource::Terminal => match self.ask_password(purpose) {
                Err(PasswordError::Io(_)) => Err(PasswordError::StdinTaken),
                asked => asked,
            },
            PasswordSource::Stdin => self.password_from_stdin(),
        }
    }

    /// Where the password of a private key is taken from.
    pub(crate) fn password_source<'a>(&self, file: Option<&'a Path>) -> PasswordSource<'a> {
        match (file, VARIABLES.into_iter().find(|name| self.environment.secret(name).is_some())) {
            (Some(path), _) => PasswordSource::File(path),
            (None, Some(name)) => PasswordSource::Variable(name),
            (None, None) if self.stdin.is_terminal() == IsTerminal::Yes || self.stdin.is_taken() => {
                PasswordSource::Terminal
            }
            (None, None) => PasswordSource::Stdin,
        }
    }

    fn password_from_file(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        if path == Path::new("-") {
            return self.password_from_stdin();
        }
        let file = self.files.read("--password-file", path, "a file with a password", MAX_PASSWORD_BYTES)?;
        Ok(without_line_end(file.bytes))
    }

    fn password_from_stdin(&self) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        if self.stdin.is_taken() {
            return Err(PasswordError::StdinTaken);
        }
        let bytes = self.stdin.read_to_end(MAX_PASSWORD_BYTES)?.ok_or(PasswordError::TooLong)?;
        if bytes.is_empty() { Err(PasswordError::Empty) } else { Ok(without_line_end(bytes)) }
    }

    /// The password of something else than a key, alone on standard input.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub(crate) fn password_on_stdin(&self) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        let bytes = self.stdin.read_to_end(MAX_PASSWORD_BYTES)?.ok_or(PasswordError::TooLong)?;
        Ok(without_line_end(bytes))
    }

    fn ask_password(&self, purpose: PasswordUse) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        let password = self.ask_hidden("Enter password for private key: ")?;
        if purpose == PasswordUse::Create && self.ask_hidden("Enter password for private key again: ")? != password {
            return Err(PasswordError::Mismatch);
        }
        Ok(password)
    }
}

fn without_line_end(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: K02
    #[test]
    fn one_line_end_is_not_part_of_a_password() {
        for (given, password) in [
            ("pw", "pw"),
            ("pw\n", "pw"),
            ("pw\r\n", "pw"),
            ("pw\n\n", "pw\n"),
            ("pw\r", "pw\r"),
            ("\n", ""),
            ("p w\nsecond", "p w\nsecond"),
        ] {
            assert_eq!(without_line_end(Zeroizing::new(given.into())).as_slice(), password.as_bytes(), "{given:?}");
        }
    }
}
