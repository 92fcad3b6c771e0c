//! Keys that options name.

use std::path::Path;

use sigkit_core::crypto::{KeyError, PublicKey};
use sigkit_core::key::{ImportError, KeyFileError, KeyPair, Password, file, import};
use sigkit_core::limits::Limits;
use zeroize::Zeroizing;

use crate::args::KeySource;
use crate::context::Context;
use crate::files::FileError;
use crate::terminal::password::{PasswordError, PasswordUse};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyLoadError {
    /// Its file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The variable is not set, or empty.
    #[error("--key: expected {expected} in the environment variable {name}, found none")]
    NoVariable {
        /// What was wanted.
        expected: &'static str,
        /// Name of the variable.
        name: String,
    },
    /// Standard input failed.
    #[error("--key: cannot read standard input: {0}")]
    Stdin(#[source] std::io::Error),
    /// Standard input does not hold a key.
    #[error("--key: expected {expected} on standard input, found {found}")]
    StdinContent {
        /// What was wanted.
        expected: &'static str,
        /// What was there.
        found: &'static str,
    },
    /// A key, or something like one, of another kind.
    #[error("--key: {source_name}: expected {expected}, found {found}")]
    Kind {
        /// Where the key is.
        source_name: String,
        /// What was wanted.
        expected: &'static str,
        /// What is there, and what to do about it.
        found: &'static str,
    },
    /// Not a public key.
    #[error("--key: {source_name}: expected {PUBLIC}: {error}")]
    Public {
        /// Where the key is.
        source_name: String,
        /// What is wrong with it.
        error: KeyError,
    },
    /// Not a private key, or not with this password.
    #[error("--key: {source_name}: expected {PRIVATE}: {error}")]
    Private {
        /// Where the key is.
        source_name: String,
        /// What is wrong with it.
        error: KeyFileError,
    },
    /// The file of the key pair that `generate-key-pair` writes is not there.
    #[error("{0}; sigkit generate-key-pair creates it, and cosign.pub for those who verify")]
    NoKeyPair(#[source] FileError),
    /// The password does not open the key.
    #[error("--key: {source_name}: wrong password (from {password}), or the file is damaged")]
    WrongPassword {
        /// Where the key is.
        source_name: String,
        /// Where the password is from.
        password: String,
    },
    /// Not a private key that can be imported.
    #[error("--key: {source_name}: expected {FOREIGN}: {error}")]
    Foreign {
        /// Where the key is.
        source_name: String,
        /// What is wrong with it.
        error: ImportError,
    },
}

const PUBLIC: &str = "a public key in PEM";
const PRIVATE: &str = "an encrypted private key in PEM";
/// What `generate-key-pair` writes if it is not told a name.
const DEFAULT_KEY: &str = "cosign.key";
const FOREIGN: &str = "a private key in PEM";
const EITHER: &str = "a public key or an encrypted private key in PEM";

impl Context {
    /// A public key.
    ///
    /// # Errors
    /// [`KeyLoadError`].
    pub(crate) fn public_key(&self, source: &KeySource) -> Result<PublicKey, KeyLoadError> {
        let bytes = self.key_bytes(source, PUBLIC)?;
        match Label::of(&bytes) {
            Label::EncryptedPrivate | Label::Private => Err(KeyLoadError::Kind {
                source_name: source.to_string(),
                expected: PUBLIC,
                found: "a private key; sigkit public-key --key FILE prints its public key",
            }),
            Label::Certificate => Err(KeyLoadError::Kind {
                source_name: source.to_string(),
                expected: PUBLIC,
                found: "a certificate; openssl x509 -pubkey -noout prints its public key",
            }),
            Label::Public | Label::Other => parse_public(source, &bytes),
        }
    }

    /// A private key that signs. Its password is asked for only once the file is known to be one.
    ///
    /// # Errors
    /// [`KeyLoadError`].
    pub(crate) fn signing_key(
        &self,
        source: &KeySource,
        password_file: Option<&Path>,
    ) -> Result<KeyPair, KeyLoadError> {
        let bytes = self.key_bytes(source, PRIVATE).map_err(|error| match error {
            KeyLoadError::File(file @ FileError::Io { .. }) if file.is_missing(DEFAULT_KEY) => {
                KeyLoadError::NoKeyPair(file)
            }
            error => error,
        })?;
        let kind = |found| KeyLoadError::Kind { source_name: source.to_string(), expected: PRIVATE, found };
        match Label::of(&bytes) {
            Label::Public => Err(kind("a public key, which cannot sign")),
            Label::Private => {
                Err(kind("a private key without encryption; sigkit import-key-pair --key FILE encrypts it"))
            }
            Label::Certificate => Err(kind("a certificate, which cannot sign")),
            Label::EncryptedPrivate | Label::Other => self.open_private(source, &bytes, password_file),
        }
    }

    /// The public key of a public or private key.
    ///
    /// # Errors
    /// [`KeyLoadError`].
    pub(crate) fn public_key_of(
        &self,
        source: &KeySource,
        password_file: Option<&Path>,
    ) -> Result<PublicKey, KeyLoadError> {
        use sigkit_core::key::SigningKey as _;
        let bytes = self.key_bytes(source, EITHER)?;
        match Label::of(&bytes) {
            Label::EncryptedPrivate => Ok(self.open_private(source, &bytes, password_file)?.public_key().clone()),
            Label::Private => Err(KeyLoadError::Kind {
                source_name: source.to_string(),
                expected: EITHER,
                found: "a private key without encryption; sigkit import-key-pair --key FILE encrypts it",
            }),
            Label::Public | Label::Certificate | Label::Other => parse_public(source, &bytes),
        }
    }

    /// A private key from elsewhere, without encryption.
    ///
    /// # Errors
    /// [`KeyLoadError`].
    pub(crate) fn foreign_key(&self, source: &KeySource) -> Result<KeyPair, KeyLoadError> {
        let bytes = self.key_bytes(source, FOREIGN)?;
        import::from_pem(&bytes).map_err(|error| KeyLoadError::Foreign { source_name: source.to_string(), error })
    }

    fn open_private(
        &self,
        source: &KeySource,
        bytes: &[u8],
        password_file: Option<&Path>,
    ) -> Result<KeyPair, KeyLoadError> {
        let refused = |error| KeyLoadError::Private { source_name: source.to_string(), error };
        if Label::of(bytes) == Label::Other {
            // Not a key file whatever the password: no prompt for one.
            return file::decrypt(bytes, &Password::new("")).map_err(refused);
        }
        // As long as nothing of standard input has been read.
        let from = self.password_source(password_file);
        let mut password = self.password(password_file, PasswordUse::Open)?;
        file::decrypt(bytes, &Password::new(std::mem::take(&mut *password))).map_err(|error| match error {
            KeyFileError::WrongPasswordOrDamaged => {
                KeyLoadError::WrongPassword { source_name: source.to_string(), password: from.to_string() }
            }
            error => refused(error),
        })
    }

    fn key_bytes(&self, source: &KeySource, expected: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyLoadError> {
        let limit = Limits::DEFAULT.key_file_bytes;
        match source {
            KeySource::File(path) => {
                let file = self.files.read("--key", path, expected, limit)?;
                if file.mode & 0o077 != 0 && matches!(Label::of(&file.bytes), Label::EncryptedPrivate | Label::Private)
                {
                    self.note(&format!(
                        "WARNING: the private key {} is readable by other users (mode {:04o}): run chmod 600 on it",
                        path.display(),
                        file.mode
                    ));
                }
                Ok(file.bytes)
            }
            KeySource::Variable(name) => match self.environment.secret(name).filter(|value| !value.is_empty()) {
                Some(bytes) => Ok(bytes),
                None => Err(KeyLoadError::NoVariable { expected, name: name.clone() }),
            },
            KeySource::Stdin => {
                let content = |found| KeyLoadError::StdinContent { expected, found };
                if self.stdin.is_taken() {
                    return Err(content("nothing: another option has read it"));
                }
                let bytes = self.stdin.read_to_end(limit).map_err(KeyLoadError::Stdin)?;
                let bytes = bytes.ok_or_else(|| content("more than 64 KiB"))?;
                if bytes.is_empty() { Err(content("nothing")) } else { Ok(bytes) }
            }
        }
    }
}

fn parse_public(source: &KeySource, bytes: &[u8]) -> Result<PublicKey, KeyLoadError> {
    PublicKey::from_pem(bytes).map_err(|error| KeyLoadError::Public { source_name: source.to_string(), error })
}

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// What the first PEM block claims to be. Used to choose words and to know whether a password is needed, never to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Public,
    EncryptedPrivate,
    Private,
    Certificate,
    Other,
}

impl Label {
    fn of(bytes: &[u8]) -> Self {
        // Nothing is copied: the bytes may be a private key.
        let begin =
            bytes.windows(BEGIN.len()).position(|window| window == BEGIN).map_or(bytes.len(), |at| at + BEGIN.len());
        let rest = bytes.get(begin..).unwrap_or_default();
        let end = rest.windows(DASHES.len()).position(|window| window == DASHES).unwrap_or(0);
        match rest.get(..end).and_then(|label| std::str::from_utf8(label).ok()) {
            Some("PUBLIC KEY") => Self::Public,
            Some("ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY") => Self::EncryptedPrivate,
            Some(label) if label.ends_with("PRIVATE KEY") => Self::Private,
            Some("CERTIFICATE") => Self::Certificate,
            _ => Self::Other,
        }
    }
}
