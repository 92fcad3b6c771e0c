//! Why a text that a person gave probably cannot be read: what happened to it on its way, told from its bytes alone.
//!
//! The readers of JSON, PEM and base64 ask here once they have refused a text; nothing is accepted for what is found here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What a reader wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextFormat {
    /// RFC 8259.
    Json,
    /// YAML 1.2, of which JSON is a part.
    Yaml,
    /// RFC 7468.
    Pem,
    /// RFC 4648 §4, in lines.
    Base64,
}

/// What probably happened to a text. Never carries any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LikelyCause {
    /// Nothing was written.
    Empty,
    /// UTF-8 with a mark in front, as editors of Windows write it.
    ByteOrderMark,
    /// UTF-16, as PowerShell writes it.
    Utf16,
    /// A compressed file.
    Compressed(&'static str),
    /// An HTML page instead of a file.
    Html,
    /// A pointer of git LFS instead of a large file.
    LfsPointer,
    /// Line breaks became the two characters `\n`.
    EscapedLineBreaks,
    /// Quotation marks became the two characters `\"`.
    EscapedQuotes,
    /// White space before or between the letters of base64.
    WhiteSpace,
    /// The whole is in quotation marks.
    Quoted,
    /// Quotation marks of another kind than JSON has.
    SingleQuotes,
    /// Another format.
    Is(Recognised),
    /// Base64 of the format, or of another.
    Base64Of(Recognised),
    /// Several documents one after another.
    Several,
    /// The end is missing.
    CutOff,
}

/// A format that is known by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recognised {
    /// An object or a list.
    Json,
    /// A block of some type.
    Pem,
    /// A sequence.
    Der,
    /// Letters that are base64.
    Base64,
}

impl fmt::Display for LikelyCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::ByteOrderMark => f.write_str("it begins with a byte order mark: save it as UTF-8 without one"),
            Self::Utf16 => f.write_str("it is UTF-16: save it as UTF-8"),
            Self::Compressed(how) => write!(f, "it is compressed with {how}: decompress it first"),
            Self::Html => {
                f.write_str("it is an HTML or XML page, as servers send instead of a file: fetch the file again")
            }
            Self::LfsPointer => f.write_str("it is a pointer of git LFS instead of the file: run `git lfs pull`"),
            Self::EscapedLineBreaks => {
                f.write_str("its line breaks are written as \\n: replace them by real line breaks")
            }
            Self::EscapedQuotes => {
                f.write_str("its quotation marks are written as \\\": it is a JSON string; decode it with `jq -r .`")
            }
            Self::WhiteSpace => f.write_str("there is white space in it: remove it, at the beginning of lines too"),
            Self::Quoted => f.write_str("there are quotation marks around it: remove them"),
            Self::SingleQuotes => f.write_str("it is written with single quotation marks: JSON has double ones"),
            Self::Is(Recognised::Der) => {
                f.write_str("it is DER: `openssl x509 -inform DER` or `openssl pkey -inform DER` converts it to PEM")
            }
            Self::Is(format) => write!(f, "it is {format}"),
            Self::Base64Of(Recognised::Base64) => {
                f.write_str("it is base64 of base64: it was encoded twice; decode it once: `base64 -d FILE`")
            }
            Self::Base64Of(format) => write!(f, "it is base64 of {format}: decode it first: `base64 -d FILE`"),
            Self::Several => f.write_str("several documents follow each other: give one, each in a file of its own"),
            Self::CutOff => f.write_str("its end is missing: it was probably cut off"),
        }
    }
}

impl fmt::Display for Recognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Pem => "PEM",
            Self::Der => "DER",
            Self::Base64 => "base64",
        })
    }
}

/// Bytes looked at to see what base64 encodes; a multiple of four.
const SAMPLE_BYTES: usize = 4096;
/// Shortest text that is taken for base64 and not for a word.
const SHORTEST_BASE64: usize = 32;
const BEGIN: &[u8] = b"-----BEGIN ";

/// What probably happened to `bytes`, which are not `wanted`.
///
/// ```
/// use sigkit_core::cause::{LikelyCause, TextFormat, likely_cause};
///
/// let cause = likely_cause(b"\xef\xbb\xbf{}", TextFormat::Json).unwrap();
/// assert_eq!(cause, LikelyCause::ByteOrderMark);
/// assert!(cause.to_string().contains("save it as UTF-8 without one"));
/// ```
pub fn likely_cause(bytes: &[u8], wanted: TextFormat) -> Option<LikelyCause> {
    if let Some(cause) = from_beginning(bytes) {
        return Some(cause);
    }
    let text = bytes.trim_ascii();
    let (first, last) = (text.first().copied()?, text.last().copied()?);
    let quoted = first == last && matches!(first, b'"' | b'\'') && text.len() > 1;
    if text.starts_with(b"{\\\"") || text.starts_with(b"\"{\\\"") {
        return Some(LikelyCause::EscapedQuotes);
    }
    if text.starts_with(b"{\\n") || (quoted || text.starts_with(BEGIN)) && contains(text, b"-----\\n") {
        return Some(LikelyCause::EscapedLineBreaks);
    }
    if wanted == TextFormat::Base64 && contains(text, b"\\n") {
        return Some(LikelyCause::EscapedLineBreaks);
    }
    if quoted {
        return Some(LikelyCause::Quoted);
    }
    if wanted == TextFormat::Json && text.starts_with(b"{'") {
        return Some(LikelyCause::SingleQuotes);
    }
    match recognised(text)? {
        Recognised::Base64 => of_base64(bytes, wanted),
        // Invalid JSON and invalid PEM have their own words for what is wrong.
        Recognised::Json if matches!(wanted, TextFormat::Json | TextFormat::Yaml) => None,
        Recognised::Pem if wanted == TextFormat::Pem => None,
        other => Some(LikelyCause::Is(other)),
    }
}

/// The bytes of a signature that are text again: base64 of base64, or of something other than a signature. A signature may begin as
/// JSON does; that all of its bytes are ASCII happens to one in 2^64.
pub(crate) fn encoded_again(bytes: &[u8]) -> Option<LikelyCause> {
    let text = bytes.trim_ascii();
    if !text.is_ascii() {
        return None;
    }
    match recognised(text)? {
        // The byte after its length is not text, as in a DER signature.
        Recognised::Der => None,
        Recognised::Base64 if text.len() < SHORTEST_BASE64 => None,
        other => Some(LikelyCause::Base64Of(other)),
    }
}

fn from_beginning(bytes: &[u8]) -> Option<LikelyCause> {
    Some(match bytes {
        _ if bytes.iter().all(u8::is_ascii_whitespace) => LikelyCause::Empty,
        [0xef, 0xbb, 0xbf, ..] => LikelyCause::ByteOrderMark,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => LikelyCause::Utf16,
        [0x1f, 0x8b, ..] => LikelyCause::Compressed("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => LikelyCause::Compressed("zstd"),
        [b'P', b'K', 3, 4, ..] => LikelyCause::Compressed("zip"),
        _ if bytes.starts_with(b"version https://git-lfs") => LikelyCause::LfsPointer,
        _ if bytes.trim_ascii_start().first() == Some(&b'<') => LikelyCause::Html,
        _ => return None,
    })
}

/// What a text seems to be.
fn recognised(text: &[u8]) -> Option<Recognised> {
    Some(match text {
        [b'{' | b'[', ..] => Recognised::Json,
        // A sequence; a length that is a letter, too, must be the right one.
        [0x30, 0x80..=0x84, ..] => Recognised::Der,
        [0x30, length, rest @ ..] if usize::from(*length) == rest.len() && !rest.is_ascii() => Recognised::Der,
        _ if contains(text.get(..SAMPLE_BYTES).unwrap_or(text), BEGIN) => Recognised::Pem,
        _ if text.len() >= SHORTEST_BASE64 && sample(text).is_some() => Recognised::Base64,
        _ => return None,
    })
}

/// What base64 encodes, as far as that is known.
fn of_base64(text: &[u8], wanted: TextFormat) -> Option<LikelyCause> {
    let decoded = sample(text)?;
    let inner = recognised(decoded.trim_ascii());
    match (inner, wanted) {
        // Base64 that was wanted and refused has its own words for what is wrong. What it encodes is a signature, which may be DER.
        (None | Some(Recognised::Der), TextFormat::Base64) => {
            text.iter().any(|byte| matches!(byte, b' ' | b'\t')).then_some(LikelyCause::WhiteSpace)
        }
        (Some(inner), _) => Some(LikelyCause::Base64Of(inner)),
        (None, _) => Some(LikelyCause::Is(Recognised::Base64)),
    }
}

/// The first bytes that a text encodes, if it is base64.
fn sample(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let letters = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(SAMPLE_BYTES);
    let letters = Zeroizing::new(letters.collect::<Vec<u8>>());
    STANDARD.decode(&*letters).ok().map(Zeroizing::new)
}

/// The words of an error whose library shows the name of a variant: `CertExpired { .. }` is "cert expired". Sentences stay as they are.
#[cfg(any(feature = "keyless", feature = "registry"))]
pub(crate) fn in_words(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let name = text.split([' ', '(', '{']).next().unwrap_or_default();
    let is_name =
        name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().skip(1).any(|c| c.is_ascii_uppercase());
    if !is_name || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return text;
    }
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::LikelyCause::*;
    use super::TextFormat::{Base64, Json, Pem, Yaml};
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";

    #[test]
    fn what_happened_to_a_text_is_told() {
        let json = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#;
        let once = STANDARD.encode(json);
        let twice = STANDARD.encode(&once);
        let marked = format!("\u{feff}{json}");
        let indented_signature = format!("  {}", STANDARD.encode([&[0x30, 0x44], &[0x82; 0x44][..]].concat()));
        let cases: &[(&[u8], TextFormat, Option<LikelyCause>)] = &[
            (b"", Json, Some(Empty)),
            (b" \n", Pem, Some(Empty)),
            (marked.as_bytes(), Json, Some(ByteOrderMark)),
            (b"\xff\xfe{\0", Json, Some(Utf16)),
            (b"\x1f\x8b\x08\0", Json, Some(Compressed("gzip"))),
            (b"<!DOCTYPE html><html>", Json, Some(Html)),
            (b"version https://git-lfs.github.com/spec/v1\noid", Pem, Some(LfsPointer)),
            (br#""{\"mediaType\":1}""#, Json, Some(EscapedQuotes)),
            (br#"{\"mediaType\":1}"#, Json, Some(EscapedQuotes)),
            (br#"{\n  "mediaType": 1\n}"#, Json, Some(EscapedLineBreaks)),
            (br#""-----BEGIN PUBLIC KEY-----\nMFk=\n-----END PUBLIC KEY-----\n""#, Json, Some(EscapedLineBreaks)),
            (b"'{}'", Json, Some(Quoted)),
            (b"{'a': 1}", Json, Some(SingleQuotes)),
            (PEM.as_bytes(), Json, Some(Is(Recognised::Pem))),
            (PEM.as_bytes(), Base64, Some(Is(Recognised::Pem))),
            (json.as_bytes(), Pem, Some(Is(Recognised::Json))),
            (b"\x30\x82\x01\x02", Json, Some(Is(Recognised::Der))),
            (once.as_bytes(), Json, Some(Base64Of(Recognised::Json))),
            (once.as_bytes(), Base64, Some(Base64Of(Recognised::Json))),
            (twice.as_bytes(), Json, Some(Base64Of(Recognised::Base64))),
            (b"  MEUCIQDaHEYh3Bp50OGPwWl2mCk7+34vcC3a\n  DDcE6k6dV8YXBQ==", Base64, Some(WhiteSpace)),
            (b"  MEUCIQDaHEYh3Bp50OGPwWl2mCk7+34vcC3aDDcE6k6dV8YXBQ==", Base64, Some(WhiteSpace)),
            (b"MEUCIQDaHEYh3Bp50OGPwWl2mCk7+34vcC3aDDcE6k6dV8YXBQ==\\n", Base64, Some(EscapedLineBreaks)),
            (indented_signature.as_bytes(), Base64, Some(WhiteSpace)),
            (json.as_bytes(), Json, None),
            (b"release notes", Json, None),
            (b"apiVersion: sigkit.dev/v1\nkind: ImagePolicy\n", Yaml, None),
            (b"{'default': []}", Yaml, None),
            (once.as_bytes(), Yaml, Some(Base64Of(Recognised::Json))),
        ];
        for (bytes, wanted, expected) in cases {
            assert_eq!(likely_cause(bytes, *wanted), *expected, "{}", String::from_utf8_lossy(bytes));
        }
        let pem = STANDARD.encode(PEM);
        assert_eq!(likely_cause(pem.as_bytes(), Pem), Some(Base64Of(Recognised::Pem)));
        // Indented, and in lines, as a secret in YAML has it.
        let lines: Vec<String> =
            once.as_bytes().chunks(20).map(|line| format!("  {}\n", String::from_utf8_lossy(line))).collect();
        assert_eq!(likely_cause(lines.concat().as_bytes(), Json), Some(Base64Of(Recognised::Json)));
    }

    #[cfg(any(feature = "keyless", feature = "registry"))]
    #[test]
    fn the_name_of_a_variant_is_spelled_out() {
        for (shown, words) in [
            ("UnknownIssuer", "unknown issuer"),
            ("CertExpired { time: UnixTime(1), not_after: UnixTime(0) }", "cert expired"),
            (
                "RequiredEkuNotFoundContext(RequiredEkuNotFoundContext { required: [] })",
                "required eku not found context",
            ),
            ("certificate not valid for name \"a\"", "certificate not valid for name \"a\""),
            ("Expired", "Expired"),
        ] {
            assert_eq!(in_words(&shown), words);
        }
    }

    #[test]
    fn signature_and_text_are_told_apart() {
        assert_eq!(encoded_again(&[0x30, 0x44, 0x02, 0x20, 0x01]), None);
        assert_eq!(encoded_again(&[7; 64]), None);
        for first in 0..=u8::MAX {
            let mut signature = [0x99; 256];
            signature[0] = first;
            assert_eq!(encoded_again(&signature), None, "{first}");
            signature[..PEM.len().min(200)].copy_from_slice(&PEM.as_bytes()[..PEM.len().min(200)]);
            assert_eq!(encoded_again(&signature), None);
        }
        assert_eq!(encoded_again(STANDARD.encode([7; 64]).as_bytes()), Some(Base64Of(Recognised::Base64)));
        assert_eq!(encoded_again(PEM.as_bytes()), Some(Base64Of(Recognised::Pem)));
    }
}
