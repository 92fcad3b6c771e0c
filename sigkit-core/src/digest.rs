//! Digests: the only way to name bytes.
//!
//! Text form and grammar: OCI image specification, descriptor, "Digests" (`algorithm ":" lowercase hex`).

use std::fmt;
use std::str::FromStr;

use crate::backend;

/// A hash function that may name bytes. Nothing weaker than SHA-256 can be expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256, FIPS 180-4.
    Sha256,
    /// SHA-384, FIPS 180-4. Used for signatures; it never names an OCI object.
    Sha384,
    /// SHA-512, FIPS 180-4.
    Sha512,
}

impl DigestAlgorithm {
    /// Every algorithm, weakest first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Length of a digest in bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Number of hex digits of a digest.
    pub const fn hex_len(self) -> usize {
        self.digest_len().saturating_mul(2)
    }

    /// The name used in OCI digests and in-toto digest sets: `sha256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of that name, if it is one of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) fn backend(self) -> &'static backend::digest::Algorithm {
        match self {
            Self::Sha256 => &backend::digest::SHA256,
            Self::Sha384 => &backend::digest::SHA384,
            Self::Sha512 => &backend::digest::SHA512,
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// No `:` between algorithm and hex.
    #[error("expected `algorithm:hex`, found {found:?}")]
    NoAlgorithm {
        /// The text, cut to 80 characters.
        found: String,
    },
    /// An algorithm that may not name bytes.
    #[error("expected one of sha256, sha384, sha512, found {found:?}")]
    UnknownAlgorithm {
        /// The algorithm's name as found, cut to 80 characters.
        found: String,
    },
    /// The hex part has the wrong length.
    #[error("{algorithm} needs {} lowercase hex digits, found {found} characters{}", .algorithm.hex_len(), of_another(*.found))]
    Length {
        /// The algorithm named.
        algorithm: DigestAlgorithm,
        /// Number of bytes after the colon.
        found: usize,
    },
    /// The hex part holds something else than `0-9a-f`.
    #[error("expected lowercase hex digits, found {found:?}")]
    NotHex {
        /// The first offending character.
        found: char,
    },
}

/// The algorithm whose digests are that long, in words.
fn of_another(found: usize) -> String {
    let all = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    let other = all.into_iter().find(|algorithm| algorithm.hex_len() == found);
    other.map_or_else(String::new, |algorithm| format!(", as many as {algorithm} has"))
}

/// The digest of some bytes, with the algorithm that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    /// Unused tail bytes are zero, so that derived equality is exact.
    bytes: [u8; 64],
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(algorithm: DigestAlgorithm, bytes: &[u8]) -> Self {
        Self::from_backend(algorithm, backend::digest::digest(algorithm.backend(), bytes).as_ref())
    }

    /// The SHA-256 digest of `bytes`, the default name of OCI objects.
    ///
    /// ```
    /// use sigkit_core::digest::Digest;
    ///
    /// let digest = Digest::sha256(b"");
    /// assert_eq!(digest.to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /// assert_eq!(digest.to_string().parse(), Ok(digest));
    /// ```
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(DigestAlgorithm::Sha256, bytes)
    }

    /// A digest from its raw bytes; `None` when the length does not fit the algorithm.
    pub fn from_bytes(algorithm: DigestAlgorithm, raw: &[u8]) -> Option<Self> {
        (raw.len() == algorithm.digest_len()).then(|| Self::from_backend(algorithm, raw))
    }

    /// A digest from lowercase hex without an algorithm prefix.
    ///
    /// # Errors
    /// [`DigestError::Length`], [`DigestError::NotHex`].
    pub fn from_hex(algorithm: DigestAlgorithm, hex: &str) -> Result<Self, DigestError> {
        if let Some(found) = hex.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
            return Err(DigestError::NotHex { found });
        }
        let mut bytes = [0_u8; 64];
        let pairs = hex.as_bytes().chunks_exact(2);
        if hex.len() != algorithm.hex_len() {
            return Err(DigestError::Length { algorithm, found: hex.len() });
        }
        for (slot, pair) in bytes.iter_mut().zip(pairs) {
            let [high, low] = pair else { continue };
            *slot = (nibble(*high) << 4) | nibble(*low);
        }
        Ok(Self { algorithm, bytes })
    }

    fn from_backend(algorithm: DigestAlgorithm, raw: &[u8]) -> Self {
        let mut bytes = [0_u8; 64];
        for (slot, byte) in bytes.iter_mut().zip(raw) {
            *slot = *byte;
        }
        Self { algorithm, bytes }
    }

    /// The algorithm that made it.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The raw digest, as many bytes as the algorithm gives.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.digest_len()).unwrap_or(&[])
    }

    /// Lowercase hex without the algorithm.
    pub fn hex(&self) -> String {
        hex(self.as_bytes())
    }
}

/// Lowercase hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        text.push(char::from(digit(byte >> 4)));
        text.push(char::from(digit(byte & 15)));
    }
    text
}

/// The lowercase hex digit of a value below 16.
const fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0'.wrapping_add(value),
        _ => b'a'.wrapping_sub(10).wrapping_add(value),
    }
}

/// The value of one lowercase hex digit; the caller has checked the alphabet.
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit.wrapping_sub(b'0'),
        _ => digit.wrapping_sub(b'a').wrapping_add(10),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text.split_once(':').ok_or_else(|| DigestError::NoAlgorithm { found: clip(text) })?;
        let algorithm =
            DigestAlgorithm::from_name(name).ok_or_else(|| DigestError::UnknownAlgorithm { found: clip(name) })?;
        Self::from_hex(algorithm, hex)
    }
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Hashes a stream.
///
/// ```
/// use sigkit_core::digest::{Digest, DigestAlgorithm, Hasher};
///
/// let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
/// hasher.update(b"in ");
/// hasher.update(b"pieces");
/// assert_eq!(hasher.finish(), Digest::sha256(b"in pieces"));
/// ```
pub struct Hasher {
    algorithm: DigestAlgorithm,
    context: backend::digest::Context,
}

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self { algorithm, context: backend::digest::Context::new(algorithm.backend()) }
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// The digest of all bytes seen.
    pub fn finish(self) -> Digest {
        Digest::from_backend(self.algorithm, self.context.finish().as_ref())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn names_the_empty_string() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>(), Ok(Digest::sha256(b"")));
    }

    #[test]
    fn a_stream_and_its_bytes_have_one_digest() {
        for algorithm in DigestAlgorithm::ALL {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"ab");
            hasher.update(b"c");
            assert_eq!(hasher.finish(), Digest::of(algorithm, b"abc"));
        }
    }

    // threat: E03
    #[test]
    fn only_the_exact_grammar_is_a_digest() {
        let long = format!("sha256:{}", "a".repeat(1 << 20));
        #[allow(clippy::type_complexity, reason = "a table")]
        let cases: [(&str, fn(&DigestError) -> bool); 9] = [
            ("sha256:../..", |e| matches!(e, DigestError::NotHex { found: '.' })),
            ("sha256:ABC", |e| matches!(e, DigestError::NotHex { found: 'A' })),
            ("sha256:abc", |e| matches!(e, DigestError::Length { found: 3, .. })),
            ("sha-256:00", |e| matches!(e, DigestError::UnknownAlgorithm { .. })),
            ("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", |e| matches!(e, DigestError::UnknownAlgorithm { .. })),
            (":", |e| matches!(e, DigestError::UnknownAlgorithm { .. })),
            ("", |e| matches!(e, DigestError::NoAlgorithm { .. })),
            ("sha256:é", |e| matches!(e, DigestError::NotHex { found: 'é' })),
            (&long, |e| matches!(e, DigestError::Length { .. })),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Digest>().expect_err("must be refused");
            assert!(expected(&error), "{}: {error}", &text[..text.len().min(40)]);
        }
        let one_short = &EMPTY[..EMPTY.len() - 1];
        assert!(matches!(one_short.parse::<Digest>(), Err(DigestError::Length { found: 63, .. })));
    }
}
