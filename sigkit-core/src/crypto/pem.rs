//! Textual encodings, RFC 7468, read without guessing.
//!
//! One pass, no recursion. Explanatory text may precede, separate and follow blocks (RFC 7468 §2, §5.2) and is ignored; a boundary has
//! a line to itself; inside a block is canonical base64 of the standard alphabet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::cause::{LikelyCause, TextFormat, likely_cause};

/// A key file is smaller than this many bytes; an RSA key of 8192 bits takes about 6 KiB.
pub(crate) const MAX_BYTES: usize = 64 << 10;

/// Why a text is not the PEM that it should be. Never carries any of the text's body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// Larger than any key.
    #[error("{found} bytes are too many for a key file; at most {limit} are read")]
    TooLarge {
        /// Length found, in bytes.
        found: usize,
        /// The bound, in bytes.
        limit: usize,
    },
    /// A byte order mark, a NUL or another byte that no text holds.
    #[error("not a PEM file: byte {offset} is {byte:#04x}, which is not text{}", because(.cause.as_ref()))]
    NotText {
        /// Position of the byte, counted from 0.
        offset: usize,
        /// The byte.
        byte: u8,
        /// What such a file usually is.
        cause: Option<LikelyCause>,
    },
    /// No block at all.
    #[error("no PEM block found; wanted {}{}", .wanted.join(" or "), because(.cause.as_ref()))]
    Missing {
        /// The types accepted there.
        wanted: &'static [&'static str],
        /// What probably happened to the text.
        cause: Option<LikelyCause>,
    },
    /// A `BEGIN` or `END` line which is not one.
    #[error("line {line} is not a well-formed PEM boundary{}", .hint)]
    Boundary {
        /// Line number, counted from 1.
        line: usize,
        /// What such a line usually is.
        hint: &'static str,
    },
    /// A block that never ends.
    #[error("the PEM block {label:?} has no END line")]
    Unterminated {
        /// The block's type.
        label: String,
    },
    /// A block which begins as one type and ends as another.
    #[error("the PEM block {begin:?} ends as {end:?}")]
    LabelMismatch {
        /// The type in the `BEGIN` line.
        begin: String,
        /// The type in the `END` line.
        end: String,
    },
    /// More than one block where exactly one must be.
    #[error("found {} PEM blocks ({}); exactly one {} must be given{}", .found.len(), .found.join(", "), .wanted.join(" or "), parameters(.found))]
    Several {
        /// The types found, in order, at most eight.
        found: Vec<String>,
        /// The types accepted there.
        wanted: &'static [&'static str],
    },
    /// One block, of another type.
    #[error("found a PEM block of type {found:?}; wanted {}", .wanted.join(" or "))]
    WrongType {
        /// The type found.
        found: String,
        /// The types accepted there.
        wanted: &'static [&'static str],
    },
    /// A block with RFC 1421 headers, as old encrypted keys have them.
    #[error(
        "the PEM block {label:?} has headers, as keys encrypted by old tools have; decrypt it first: `openssl pkey -in FILE -out PLAIN`"
    )]
    Headers {
        /// The block's type.
        label: String,
    },
    /// A body that is not canonical base64.
    #[error("the PEM block {label:?} is not canonical base64")]
    Base64 {
        /// The block's type.
        label: String,
    },
}

/// One block, still in base64.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl<'a> Block<'a> {
    /// The type, as in `BEGIN type`.
    #[cfg(any(feature = "keyless", feature = "sign"))]
    pub(crate) const fn label(&self) -> &'a str {
        self.label
    }

    /// The bytes; wiped when dropped, since they may be a private key.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        let text = Zeroizing::new(self.base64()?);
        self.decoded(&text).map(Zeroizing::new)
    }

    /// The bytes, where they are not secret.
    #[cfg(feature = "oci")]
    pub(crate) fn decode_public(&self) -> Result<Vec<u8>, PemError> {
        self.decoded(&self.base64()?)
    }

    fn decoded(&self, text: &[u8]) -> Result<Vec<u8>, PemError> {
        STANDARD.decode(text).map_err(|_| PemError::Base64 { label: self.label.to_owned() })
    }

    /// The body in one line.
    fn base64(&self) -> Result<Vec<u8>, PemError> {
        if self.body.contains(':') {
            return Err(PemError::Headers { label: self.label.to_owned() });
        }
        let mut text = Vec::with_capacity(self.body.len());
        self.body.split_ascii_whitespace().for_each(|line| text.extend_from_slice(line.as_bytes()));
        Ok(text)
    }
}

/// The one block of a file, which must have one of the wanted types.
pub(crate) fn single<'a>(bytes: &'a [u8], wanted: &'static [&'static str]) -> Result<Block<'a>, PemError> {
    let blocks = blocks(bytes)?;
    match blocks.as_slice() {
        [] => Err(missing(bytes, wanted)),
        [block] if wanted.contains(&block.label) => Ok(*block),
        [block] => Err(PemError::WrongType { found: block.label.to_owned(), wanted }),
        several => {
            Err(PemError::Several { found: several.iter().take(8).map(|b| b.label.to_owned()).collect(), wanted })
        }
    }
}

/// Every block of a file, in order. What looks like a boundary anywhere else than alone on its line is refused, so that no two readers
/// find different blocks.
pub(crate) fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, PemError> {
    let text = text(bytes)?;
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let wrong = |at: &str, hint| PemError::Boundary { line: line_of(text, at), hint };
        let (outside, begun) = rest.split_once(BEGIN).map_or((rest, None), |(outside, begun)| (outside, Some(begun)));
        if let Some(end) = outside.find(END).and_then(|at| rest.get(at..)) {
            return Err(wrong(end, "; it ends a block that has not begun"));
        }
        let Some(begun) = begun else { return Ok(found) };
        let before = outside.rsplit_once('\n').map_or(outside, |(_, line)| line).trim_ascii();
        if !before.is_empty() {
            let quoted = before.ends_with(['"', '\'']);
            return Err(wrong(begun, if quoted { QUOTED } else { "; BEGIN and END have lines of their own" }));
        }
        let (label, inside) = boundary(begun).ok_or_else(|| wrong(begun, behind(begun)))?;
        let (body, end) = inside.split_once(END).ok_or_else(|| PemError::Unterminated { label: label.to_owned() })?;
        let (closed, after) = boundary(end).ok_or_else(|| wrong(end, behind(end)))?;
        if closed != label {
            return Err(PemError::LabelMismatch { begin: label.to_owned(), end: closed.to_owned() });
        }
        if !(body.is_empty() || body.ends_with('\n')) {
            let indented = body.ends_with([' ', '\t']);
            return Err(wrong(
                end,
                if indented { "; it is indented: remove the white space before it" } else { RUN_ON },
            ));
        }
        found.push(Block { label, body });
        rest = after;
    }
}

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";
const QUOTED: &str = "; there is a quotation mark before it: remove the quotes around the block";
const ESCAPED: &str = "; its line breaks are written as \\n: replace them by real line breaks";
const RUN_ON: &str = "; line breaks are missing: BEGIN and END have lines of their own; if it is from a variable, write \"$VARIABLE\" in quotation marks";

/// What is usually wrong with a boundary behind which the line does not end.
fn behind(boundary: &str) -> &'static str {
    match boundary.split_once("-----") {
        Some((_, rest)) if rest.starts_with(['"', '\'']) => QUOTED,
        Some((_, rest)) if rest.starts_with("\\n") || rest.starts_with("\\r") => ESCAPED,
        Some((label, rest)) if label.strip_prefix(' ').is_some_and(is_label) && !rest.is_empty() => RUN_ON,
        _ => "",
    }
}

/// A text without block.
fn missing(bytes: &[u8], wanted: &'static [&'static str]) -> PemError {
    PemError::Missing { wanted, cause: likely_cause(bytes, TextFormat::Pem) }
}

fn because(cause: Option<&LikelyCause>) -> String {
    cause.map_or_else(String::new, |cause| format!(": {cause}"))
}

/// What to do about the block that `openssl ecparam -genkey` writes before a key.
fn parameters(found: &[String]) -> &'static str {
    match found.first().is_some_and(|label| label == "EC PARAMETERS") {
        true => ": remove the block EC PARAMETERS, which says nothing that the key does not say",
        false => "",
    }
}

/// The certificates of a PEM text: DER, in order, at least one.
///
/// # Errors
/// [`PemError`], also for a block of another type among them.
#[cfg(feature = "oci")]
pub fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    const WANTED: &[&str] = &["CERTIFICATE"];
    let blocks = blocks(text)?;
    if blocks.is_empty() {
        return Err(missing(text, WANTED));
    }
    let der = |block: &Block<'_>| match block.label {
        "CERTIFICATE" => block.decode_public(),
        found => Err(PemError::WrongType { found: found.to_owned(), wanted: WANTED }),
    };
    blocks.iter().map(der).collect()
}

/// A certificate in PEM.
#[cfg(feature = "oci")]
pub(crate) fn from_certificate(der: &[u8]) -> String {
    encode("CERTIFICATE", der).as_str().to_owned()
}

/// Binary data as one PEM block with lines of 64 characters.
pub(crate) fn encode(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(bytes));
    // Sized at once, so that no half-written copy of a private key stays behind in freed memory.
    let lines = body.len().div_ceil(64);
    let size = body.len().saturating_add(lines).saturating_add(label.len().saturating_mul(2)).saturating_add(64);
    let mut text = Zeroizing::new(String::with_capacity(size));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index.is_multiple_of(64) {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

fn text(bytes: &[u8]) -> Result<&str, PemError> {
    if bytes.len() > MAX_BYTES {
        return Err(PemError::TooLarge { found: bytes.len(), limit: MAX_BYTES });
    }
    let cause = likely_cause(bytes, TextFormat::Pem);
    let is_odd = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0c | 0x0e..=0x1f | 0x7f);
    let control = bytes.iter().position(is_odd);
    let mark = bytes.starts_with(&[0xef, 0xbb, 0xbf]).then_some(0);
    let text = std::str::from_utf8(bytes);
    let broken = text.err().map(|error| error.valid_up_to());
    match [control, mark, broken].into_iter().flatten().min() {
        Some(offset) => Err(PemError::NotText { offset, byte: bytes.get(offset).copied().unwrap_or_default(), cause }),
        None => Ok(text.unwrap_or_default()),
    }
}

/// Splits ` LABEL-----` and the end of its line from what follows.
fn boundary(text: &str) -> Option<(&str, &str)> {
    let (label, rest) = text.strip_prefix(' ')?.split_once("-----")?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('\r').unwrap_or(rest);
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix('\n')? };
    is_label(label).then_some((label, rest))
}

fn is_label(label: &str) -> bool {
    let named = |byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'.' | b'-');
    !label.is_empty() && label.len() <= 64 && label.bytes().all(named)
}

/// The line on which the tail `rest` of `text` begins.
fn line_of(text: &str, rest: &str) -> usize {
    let before = text.len().saturating_sub(rest.len());
    text.bytes().take(before).filter(|byte| *byte == b'\n').count().saturating_add(1)
}
