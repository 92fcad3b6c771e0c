//! Why a key cannot be read, written or used for signing.

use crate::crypto::{KeyError, PemError, SignatureScheme};
use crate::digest::Digest;

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The message could not be read.
    #[error("the message could not be read at byte {offset}: {detail}")]
    Read {
        /// How far reading came, in bytes.
        offset: u64,
        /// The error met.
        detail: String,
    },
    /// The message was read twice and was not the same.
    #[error("the message changed while it was read: first {first}, then {second}: sign a stable copy")]
    ChangedWhileReading {
        /// SHA-256 at the first reading.
        first: Box<Digest>,
        /// SHA-256 at the second reading.
        second: Box<Digest>,
    },
    /// The cryptographic backend failed.
    #[error("signing with {scheme} failed in the cryptographic backend")]
    Backend {
        /// The scheme of the key.
        scheme: SignatureScheme,
    },
    /// The key, or this build, cannot sign a message in this way.
    #[error("the message cannot be signed with {scheme} in this way: {needs}")]
    Unsupported {
        /// The scheme of the key.
        scheme: SignatureScheme,
        /// What would be needed.
        needs: &'static str,
    },
    /// The signature is over something else than the draft.
    #[error("the signer returned a signature over something else than what it was given")]
    OtherContent,
    /// What holds the key, or another service of the signer, failed.
    #[error("the signer failed: {detail}")]
    Remote {
        /// What it said.
        detail: String,
    },
}

/// Why an encrypted key file cannot be opened or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The text is not one PEM block of the wanted type.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The block does not hold the document of an encrypted key.
    #[error("the key file's document is malformed: {detail}")]
    Document {
        /// What the parser met.
        detail: String,
    },
    /// A field that is not canonical base64.
    #[error("the key file's {field} is not canonical base64")]
    Base64 {
        /// The field's name.
        field: &'static str,
    },
    /// A field of the wrong length.
    #[error("the key file's {field} must be {expected} bytes, found {found}")]
    Length {
        /// The field's name.
        field: &'static str,
        /// Length in bytes; of the ciphertext the smallest.
        expected: usize,
        /// Length found, in bytes.
        found: usize,
    },
    /// A key derivation other than scrypt.
    #[error("the key file's key derivation is {found:?}; only \"scrypt\" is read")]
    Kdf {
        /// The name, cut to 80 characters.
        found: String,
    },
    /// A cipher other than NaCl's secretbox.
    #[error("the key file's cipher is {found:?}; only \"nacl/secretbox\" is read")]
    Cipher {
        /// The name, cut to 80 characters.
        found: String,
    },
    /// A work factor that no tool writes: too small to protect, or so large that it stalls the reader.
    #[error("unsupported scrypt parameters N={n}, r={r}, p={p}; read are N=32768, 65536 or 131072 with r=8, p=1")]
    KdfParameters {
        /// N found.
        n: u64,
        /// r found.
        r: u64,
        /// p found.
        p: u64,
    },
    /// The box did not open. A wrong password and a changed byte look the same.
    #[error("wrong password or damaged key")]
    WrongPasswordOrDamaged,
    /// The box opened, but what it held is not a usable key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a foreign private key cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The text is not one PEM block of a type that can be imported.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// PKCS#8 under a password.
    #[error("the key is encrypted PKCS#8; decrypt it first: `openssl pkey -in FILE -out PLAIN`, and import PLAIN")]
    EncryptedPkcs8,
    /// OpenSSH's own format.
    #[error(
        "the key is in OpenSSH's format; convert a copy first: `ssh-keygen -p -N '' -m PKCS8 -f COPY`, and import COPY"
    )]
    OpenSsh,
    /// A key file already.
    #[error("the file is already an encrypted key file ({label}); use it as it is")]
    AlreadySealed {
        /// The type of its PEM block.
        label: String,
    },
    /// The key itself is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}
