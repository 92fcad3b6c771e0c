//! Signed certificate timestamps, RFC 6962: the promise of a certificate log, inside the certificate that it is about or apart from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Length};
use serde::Deserialize;

use super::authority::IssuerKey;
use super::{Certificate, LogId, TrustedRoot, Validity};
use crate::crypto::{Signature, SignatureError};
use crate::digest::Digest;
use crate::json;
use crate::time::UnixTime;

const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
/// How far in the future a log's clock may seem, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 5 * 60;
/// How long before the beginning of its certificate a promise may be made, in seconds: a day, the longest that logs take to keep one.
const MERGE_DELAY_SECONDS: i64 = 24 * 60 * 60;
/// Promises in one certificate, at most.
const MAX_SCTS: usize = 16;

/// A certificate log's promise that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedSct {
    pub(crate) log: LogId,
    pub(crate) time: UnixTime,
}

/// Why a certificate has no valid signed certificate timestamp.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SctError {
    /// The certificate carries none.
    #[error("the certificate carries no signed certificate timestamp")]
    Missing,
    /// The list does not parse.
    #[error("a signed certificate timestamp is malformed: expected {expected}, found {found}")]
    Malformed {
        /// The expected value.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// Made by a log that the trusted root does not name.
    #[error("certificate log {log} is not in the trusted root")]
    UnknownLog {
        /// The log named.
        log: LogId,
    },
    /// Made outside the log's window.
    #[error("certificate log {log} is trusted {window}, but its timestamp is of {time}")]
    OutsideWindow {
        /// The log.
        log: LogId,
        /// When it is trusted.
        window: Validity,
        /// The timestamp.
        time: UnixTime,
    },
    /// Made later than now. RFC 6962 §5.2.
    #[error("the timestamp of certificate log {log} is of {time}, in the future of {now}")]
    Future {
        /// The log.
        log: LogId,
        /// The timestamp.
        time: UnixTime,
        /// The latest time that is accepted.
        now: UnixTime,
    },
    /// Made long before the certificate: it promises to log another one.
    #[error(
        "the timestamp of certificate log {log} is of {time}, long before the certificate, which begins at {begin}"
    )]
    BeforeCertificate {
        /// The log.
        log: LogId,
        /// The timestamp.
        time: UnixTime,
        /// The beginning of the certificate.
        begin: UnixTime,
    },
    /// The log's signature does not verify for this certificate and issuer.
    #[error("the timestamp of certificate log {log} does not verify: {error}")]
    Signature {
        /// The log.
        log: LogId,
        /// Why.
        error: SignatureError,
    },
}

/// A detached SCT: what a log answers when a certificate is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachedSct {
    log: LogId,
    milliseconds: u64,
    extensions: Vec<u8>,
    signature: Vec<u8>,
}

impl DetachedSct {
    /// Reads the JSON of the answer, RFC 6962 §4.1.
    ///
    /// # Errors
    /// [`SctError::Malformed`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, SctError> {
        #[derive(Deserialize)]
        struct Wire {
            sct_version: u8,
            id: String,
            timestamp: u64,
            extensions: String,
            signature: String,
        }
        let wire: Wire = json::from_slice(bytes)
            .map_err(|error| malformed("the answer of a certificate log in JSON", error.to_string()))?;
        if wire.sct_version != 0 {
            return Err(malformed("version 1", format!("version code {}", wire.sct_version)));
        }
        let decoded = |text: &str| STANDARD.decode(text).map_err(|error| malformed("base64", error.to_string()));
        let id = decoded(&wire.id)?;
        let signed = decoded(&wire.signature)?;
        let mut signed = Tls(&signed);
        let signature = signed.digitally_signed()?.to_vec();
        signed.finish()?;
        Ok(Self {
            log: LogId::from_bytes(&id).ok_or_else(|| malformed("an id of 32 bytes", format!("{} bytes", id.len())))?,
            milliseconds: wire.timestamp,
            extensions: decoded(&wire.extensions)?,
            signature,
        })
    }

    fn sct(&self) -> Sct<'_> {
        let Self { log, milliseconds, extensions, signature } = self;
        Sct { log: *log, milliseconds: *milliseconds, extensions, signature }
    }
}

/// One SCT as in the list.
struct Sct<'a> {
    log: LogId,
    milliseconds: u64,
    extensions: &'a [u8],
    signature: &'a [u8],
}

/// The first of the certificate's timestamps that holds. `issuer` is the key that issued the certificate. A detached one must hold, and
/// will do where the certificate carries none.
pub(crate) fn verify(
    root: &TrustedRoot,
    certificate: &Certificate,
    issuer: &IssuerKey,
    detached: Option<&DetachedSct>,
    now: UnixTime,
) -> Result<VerifiedSct, SctError> {
    let check = |sct: &Sct<'_>, entry: &[u8]| {
        let verified = check(root, sct, entry)?;
        let (log, time) = (verified.log, verified.time);
        let begin = certificate.validity().start();
        if time > now.plus(CLOCK_SKEW_SECONDS) {
            return Err(SctError::Future { log, time, now: now.plus(CLOCK_SKEW_SECONDS) });
        }
        if let Some(begin) = begin.filter(|begin| time.plus(MERGE_DELAY_SECONDS) < *begin) {
            return Err(SctError::BeforeCertificate { log, time, begin });
        }
        Ok(verified)
    };
    if let Some(detached) = detached {
        let verified = check(&detached.sct(), &entry(CERTIFICATE, &[], certificate.der())?)?;
        if certificate.extension(SCT_LIST).is_none() {
            return Ok(verified);
        }
    }
    let extension = certificate.extension(SCT_LIST).ok_or(SctError::Missing)?;
    let list = <&OctetStringRef>::from_der(extension.value)
        .map_err(|error| malformed("an OCTET STRING", error.to_string()))?;
    let scts = parse(list.as_bytes())?;
    let issuer_key_hash = Digest::sha256(&issuer.spki);
    let entry = entry(PRECERTIFICATE, issuer_key_hash.as_bytes(), &without_scts(certificate)?)?;
    let mut trouble = SctError::Missing;
    for sct in scts {
        match check(&sct, &entry) {
            Ok(verified) => return Ok(verified),
            // An unknown log says less than one whose promise is broken.
            Err(error) if matches!(trouble, SctError::Missing | SctError::UnknownLog { .. }) => trouble = error,
            Err(_) => {}
        }
    }
    Err(trouble)
}

fn check(root: &TrustedRoot, sct: &Sct<'_>, entry: &[u8]) -> Result<VerifiedSct, SctError> {
    let log = sct.log;
    let known = root.certificate_log(&log).ok_or(SctError::UnknownLog { log })?;
    let time = UnixTime(i64::try_from(sct.milliseconds.div_euclid(1000)).unwrap_or(i64::MAX));
    let window = known.validity();
    if !window.contains(time) {
        return Err(SctError::OutsideWindow { log, window, time });
    }
    let extensions = u16::try_from(sct.extensions.len());
    let extensions = extensions.map_err(|_| malformed("extensions below 64 KiB", sct.extensions.len().to_string()))?;
    // RFC 6962 §3.2: version 1, certificate_timestamp, the time, the entry, extensions.
    let signed =
        [&[0, 0], &sct.milliseconds.to_be_bytes()[..], entry, &extensions.to_be_bytes(), sct.extensions].concat();
    let signature = Signature::from_bytes(sct.signature);
    known.key().verify(&signed, &signature).map_err(|error| SctError::Signature { log, error })?;
    Ok(VerifiedSct { log, time })
}

/// RFC 6962 §3.2: the two types of entries.
const CERTIFICATE: [u8; 2] = [0, 0];
const PRECERTIFICATE: [u8; 2] = [0, 1];

/// What is signed of a certificate: all of it, or what it was before the promise was put in, behind the digest of its issuer's key.
fn entry(kind: [u8; 2], issuer_key_hash: &[u8], certificate: &[u8]) -> Result<Vec<u8>, SctError> {
    let too_long = || malformed("a certificate below 16 MiB", format!("{} bytes", certificate.len()));
    let [0, length @ ..] = u32::try_from(certificate.len()).map_err(|_| too_long())?.to_be_bytes() else {
        return Err(too_long());
    };
    Ok([&kind, issuer_key_hash, &length, certificate].concat())
}

/// The TBSCertificate as it was before the SCT was added: all else stays as received, except the lengths around it.
fn without_scts(certificate: &Certificate) -> Result<Vec<u8>, SctError> {
    let failed = |error: der::Error| malformed("a DER certificate", error.to_string());
    let kept = certificate.extensions().filter(|extension| extension.id != SCT_LIST).map(|extension| extension.der);
    let kept: Vec<&[u8]> = kept.collect();
    let extensions = wrap(0x30, &kept).and_then(|sequence| wrap(0xa3, &[&sequence])).map_err(failed)?;
    let extensions = if kept.is_empty() { &[][..] } else { &extensions };
    wrap(0x30, &[certificate.before_extensions(), extensions]).map_err(failed)
}

/// A DER header and contents.
fn wrap(tag: u8, contents: &[&[u8]]) -> der::Result<Vec<u8>> {
    let contents = contents.concat();
    let mut out = vec![tag];
    Length::try_from(contents.len())?.encode_to_vec(&mut out)?;
    out.extend(contents);
    Ok(out)
}

/// The TLS encoding of a list of timestamps, RFC 6962 §3.3.
fn parse(list: &[u8]) -> Result<Vec<Sct<'_>>, SctError> {
    let mut outer = Tls(list);
    let mut inner = Tls(outer.vector()?);
    outer.finish()?;
    let mut found = Vec::new();
    while !inner.0.is_empty() {
        if found.len() == MAX_SCTS {
            return Err(malformed("at most 16 timestamps", "more".to_owned()));
        }
        let mut sct = Tls(inner.vector()?);
        let [version] = sct.array()?;
        if version != 0 {
            return Err(malformed("version 1", format!("version code {version}")));
        }
        let log = LogId::from_bytes(&sct.array::<32>()?).ok_or(SctError::Missing)?;
        let milliseconds = u64::from_be_bytes(sct.array()?);
        let extensions = sct.vector()?;
        let signature = sct.digitally_signed()?;
        sct.finish()?;
        found.push(Sct { log, milliseconds, extensions, signature });
    }
    if found.is_empty() { Err(SctError::Missing) } else { Ok(found) }
}

fn malformed(expected: &'static str, found: String) -> SctError {
    SctError::Malformed { expected, found }
}

/// What is left of a TLS structure.
struct Tls<'a>(&'a [u8]);

impl<'a> Tls<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], SctError> {
        let left = self.0.len();
        let short = || malformed("more bytes", format!("{left} where {length} were announced"));
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SctError> {
        self.take(N)?.try_into().map_err(|_| malformed("more bytes", String::new()))
    }

    /// A vector with a length of two bytes.
    fn vector(&mut self) -> Result<&'a [u8], SctError> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(usize::from(length))
    }

    /// A signature behind its algorithms: the key of the log decides, and these must not contradict it.
    fn digitally_signed(&mut self) -> Result<&'a [u8], SctError> {
        let [hash, algorithm] = self.array()?;
        if !matches!((hash, algorithm), (4, 1 | 3) | (8, 7)) {
            let found = format!("hash {hash}, signature {algorithm}");
            return Err(malformed("SHA-256 with ECDSA or RSA, or Ed25519", found));
        }
        self.vector()
    }

    fn finish(&self) -> Result<(), SctError> {
        if self.0.is_empty() { Ok(()) } else { Err(malformed("the end", format!("{} bytes more", self.0.len()))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: B12
    #[test]
    fn a_detached_promise_is_read_strictly() {
        let good = r#"{"sct_version":0,"id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","timestamp":7,"extensions":"AQ==","signature":"BAMAAQk="}"#;
        let read = |text: &str| DetachedSct::from_json(text.as_bytes());
        let sct = read(good).unwrap();
        assert_eq!((sct.milliseconds, sct.extensions.as_slice(), sct.signature.as_slice()), (7, &[1][..], &[9][..]));
        for (from, to) in [
            ("\"sct_version\":0", "\"sct_version\":1"),
            ("\"sct_version\":0,", ""),
            ("AAAA=", "AAAAAAAA="),
            ("AAAA=", "AAAA"),
            ("timestamp\":7", "timestamp\":-7"),
            ("timestamp\":7", "timestamp\":7,\"timestamp\":7"),
            ("AQ==", "AQ"),
            ("BAMAAQk=", "BAMAAgk="),
            ("BAMAAQk=", "BAMAAQkA"),
            ("BAMAAQk=", "AgMAAQk="),
            ("BAMAAQk=", "BAM="),
            ("}", "}}"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            assert!(matches!(read(&text), Err(SctError::Malformed { .. })), "{text}");
        }
    }
}
