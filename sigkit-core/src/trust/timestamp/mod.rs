//! Signed timestamps: that an authority of the trusted root saw these bytes, and when. RFC 3161.

mod token;

use std::cell::OnceCell;
use std::iter;

use der::Decode;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use token::{Criticality, Response, SignerInfo, TST_INFO, Token, TstInfo};

use super::authority::Usage;
use super::certificate::EXTENDED_KEY_USAGE;
use super::{Certificate, CertificateAuthority, CertificateError, PathError, TrustedRoot};
use crate::backend;
use crate::bundle::SignedTimestamp;
use crate::crypto::{Curve, KeyAlgorithm, KeyFingerprint, Signature, SignatureError, SignatureScheme};
use crate::digest::{Digest, DigestAlgorithm};
use crate::limits::Limits;
use crate::time::UnixTime;

const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12"); // RFC 2634
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47"); // RFC 5035

/// Why a timestamp does not tell when something was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not the DER of a timestamp response.
    #[error("timestamp: {what}: {detail}")]
    Der {
        /// Which part.
        what: &'static str,
        /// What the decoder met, and at which byte.
        detail: String,
    },
    /// The authority refused to stamp.
    #[error("timestamp: expected status 0 (granted), found {found}")]
    NotGranted {
        /// The status.
        found: u8,
    },
    /// A part that such timestamps do not have, or that contradicts another.
    #[error("timestamp, {what}: expected {expected}, found {found}")]
    Form {
        /// Which part.
        what: &'static str,
        /// The expected value.
        expected: String,
        /// The value found.
        found: String,
    },
    /// Made for other bytes.
    #[error("timestamp: expected the imprint of this signature, {expected}, found {found}")]
    Imprint {
        /// The digest of the signature.
        expected: Digest,
        /// The digest stamped.
        found: String,
    },
    /// Not signed by an authority of the trusted root.
    #[error(
        "timestamp: expected a signer among the {known} timestamp authorities of the trusted root, found the certificate {found}"
    )]
    UnknownAuthority {
        /// The digest by which the timestamp names its signer's certificate.
        found: String,
        /// How many authorities the trusted root has.
        known: usize,
    },
    /// The authority's signature does not hold.
    #[error("timestamp: {0}")]
    Signature(SignatureError),
    /// The signer's certificate may not sign timestamps.
    #[error("timestamp: {0}")]
    Certificate(#[from] CertificateError),
    /// The signer was not trusted at the time that it states.
    #[error("timestamp: {0}")]
    Path(#[from] PathError),
}

impl TimestampError {
    /// Every code, sorted.
    pub const CODES: [&'static str; 5] = [
        "timestamp-authority-untrusted",
        "timestamp-certificate-not-valid",
        "timestamp-malformed",
        "timestamp-mismatch",
        "timestamp-signature-invalid",
    ];

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Der { .. } | Self::NotGranted { .. } | Self::Form { .. } => "timestamp-malformed",
            Self::Imprint { .. } => "timestamp-mismatch",
            Self::UnknownAuthority { .. } | Self::Path(PathError::NoPath { .. }) => "timestamp-authority-untrusted",
            Self::Signature(_) => "timestamp-signature-invalid",
            Self::Certificate(_) | Self::Path(_) => "timestamp-certificate-not-valid",
        }
    }
}

impl TimestampError {
    /// What was expected and what was found, for machines; `None` where the message says it all.
    pub(crate) fn evidence(&self) -> Option<(String, String)> {
        match self {
            Self::NotGranted { found } => Some(("0".to_owned(), found.to_string())),
            Self::Form { expected, found, .. } => Some((expected.clone(), found.clone())),
            Self::Imprint { expected, found } => Some((expected.hex(), found.clone())),
            Self::UnknownAuthority { found, .. } => {
                Some(("a timestamp authority of the trusted root".to_owned(), found.clone()))
            }
            Self::Path(PathError::NotValidAt { window, time, .. }) => Some((window.to_string(), time.to_string())),
            Self::Der { .. } | Self::Signature(_) | Self::Certificate(_) | Self::Path(_) => None,
        }
    }
}

/// A time that a trusted authority states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedTimestamp {
    /// The time.
    pub(crate) time: UnixTime,
    /// The key of the authority. Two timestamps by one key count once.
    pub(crate) authority: KeyFingerprint,
    /// The authority's address, or the subject of its certificate where it has none; for people.
    pub(crate) name: String,
}

/// Verifies that an authority of the trusted root stamped `stamped`, the bytes of a signature.
///
/// The signer is the certificate that the signed attributes name by its digest, and it must lie in the trusted root or hang below it;
/// certificates in the token are used only to find that one, and never trusted for being there. The nonce answers a request
/// that is not kept, so it is not checked.
///
/// # Errors
/// [`TimestampError`].
pub(crate) fn verify(
    timestamp: &SignedTimestamp,
    root: &TrustedRoot,
    stamped: &[u8],
    limits: &Limits,
) -> Result<VerifiedTimestamp, TimestampError> {
    let response = Response::read(&timestamp.0).map_err(der("the response"))?;
    let token = match response.token {
        Some(token) if response.status <= 1 => token,
        _ if response.status > 1 => return Err(TimestampError::NotGranted { found: response.status }),
        _ => return Err(form("token", "one", "none")),
    };
    let info = token_info(&token)?;
    check_imprint(&info, stamped)?;
    let [signer] = token.signers.as_slice() else {
        return Err(form("signers", "1", token.signers.len()));
    };
    check_attributes(signer, token.content)?;
    let names = Names::read(signer)?;

    let mut refusal =
        TimestampError::UnknownAuthority { found: names.shown(), known: root.timestamp_authorities().len() };
    let embedded = OnceCell::new();
    let embedded = || embedded.get_or_init(|| names.embedded(&token, limits)).as_ref();
    for authority in root.timestamp_authorities() {
        let own = authority.certificates().iter().filter(|certificate| names.mean(certificate));
        // A certificate from the timestamp is of an unknown authority unless a path leads from it to this one.
        let concerned = |certificate: &&Certificate| {
            let path = authority.path(certificate, &[], Usage::TimeStamping, &[info.time]);
            !matches!(path, Err(PathError::NoPath { .. }))
        };
        for certificate in own.chain(iter::once_with(embedded).flatten().filter(concerned)) {
            if !signer.name.means(certificate) {
                refusal = form("signer", certificate.subject(), "the name of another certificate");
                continue;
            }
            match check_signer(certificate, authority, signer, info.time) {
                Ok(authority) => {
                    return Ok(VerifiedTimestamp { time: info.time, authority, name: certificate.subject() });
                }
                Err(error) => refusal = error,
            }
        }
    }
    Err(refusal)
}

fn token_info<'a>(token: &Token<'a>) -> Result<TstInfo<'a>, TimestampError> {
    if token.content_type != TST_INFO {
        return Err(form("content type", TST_INFO, token.content_type));
    }
    let info = TstInfo::read(token.content).map_err(der("TSTInfo"))?;
    if info.version != 1 {
        return Err(form("TSTInfo version", "1", info.version));
    }
    if info.has_critical_extension == Criticality::Critical {
        return Err(form("TSTInfo extensions", "none that is critical", "one"));
    }
    Ok(info)
}

fn check_imprint(info: &TstInfo<'_>, stamped: &[u8]) -> Result<(), TimestampError> {
    let expected = Digest::of(digest_algorithm("imprint", info.hash)?, stamped);
    if expected.as_bytes() == info.imprint {
        return Ok(());
    }
    Err(TimestampError::Imprint { expected, found: hex(info.imprint) })
}

/// RFC 5652 §5.4: the signed attributes say what was signed, and by which digest.
fn check_attributes(signer: &SignerInfo<'_>, content: &[u8]) -> Result<(), TimestampError> {
    let content_type = ObjectIdentifier::from_der(required(signer, "content type", CONTENT_TYPE)?);
    let content_type = content_type.map_err(der("content type"))?;
    if content_type != TST_INFO {
        return Err(form("signed content type", TST_INFO, content_type));
    }
    let expected = Digest::of(digest_algorithm("message digest", signer.digest)?, content);
    let found = required(signer, "message digest", MESSAGE_DIGEST)?;
    let found = <&OctetStringRef>::from_der(found).map_err(der("message digest"))?.as_bytes();
    if expected.as_bytes() == found { Ok(()) } else { Err(form("message digest", expected.hex(), hex(found))) }
}

/// The digests by which the signed attributes name the signer's certificate; one at least.
struct Names<'a> {
    /// RFC 2634: SHA-1, which tells certificates of a trusted root apart well enough.
    v1: Option<&'a [u8]>,
    /// RFC 5035: by an algorithm of the signer's choice.
    v2: Option<(DigestAlgorithm, &'a [u8])>,
}

impl<'a> Names<'a> {
    fn read(signer: &SignerInfo<'a>) -> Result<Self, TimestampError> {
        let v1 = match attribute(signer, "signing certificate", SIGNING_CERTIFICATE)? {
            Some(value) => Some(first_identifier(value).and_then(name_v1).map_err(der("signing certificate"))?),
            None => None,
        };
        let v2 = match attribute(signer, "signing certificate v2", SIGNING_CERTIFICATE_V2)? {
            Some(value) => {
                let (algorithm, digest) =
                    first_identifier(value).and_then(name_v2).map_err(der("signing certificate v2"))?;
                let algorithm = algorithm
                    .map_or(Ok(DigestAlgorithm::Sha256), |id| digest_algorithm("signing certificate v2", id))?;
                Some((algorithm, digest))
            }
            None => None,
        };
        match (v1, v2) {
            (None, None) => Err(form("signing certificate", "its digest among the signed attributes", "none")),
            (v1, v2) => Ok(Self { v1, v2 }),
        }
    }

    fn mean(&self, certificate: &Certificate) -> bool {
        let sha1 = |der| backend::digest::digest(&backend::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
        self.v1.is_none_or(|digest| sha1(certificate.der()).as_ref() == digest)
            && self.v2.is_none_or(|(algorithm, digest)| Digest::of(algorithm, certificate.der()).as_bytes() == digest)
    }

    /// The certificate of that name among those in the token.
    fn embedded(&self, token: &Token<'_>, limits: &Limits) -> Option<Certificate> {
        let certificates = token.certificates.iter().take(limits.chain_certificates);
        certificates.filter_map(|der| Certificate::from_der(der).ok()).find(|certificate| self.mean(certificate))
    }

    fn shown(&self) -> String {
        self.v2.map_or_else(
            || self.v1.map(|digest| format!("sha1:{}", hex(digest))).unwrap_or_default(),
            |(algorithm, digest)| format!("{algorithm}:{}", hex(digest)),
        )
    }
}

/// `SigningCertificate` and its successor begin with a list of identifiers, the signer's first; the contents of that.
fn first_identifier(value: &[u8]) -> der::Result<&[u8]> {
    let attribute = token::elements(der::asn1::AnyRef::from_der(value)?.value())?;
    let list = attribute.first().ok_or_else(|| der::Tag::Sequence.value_error())?;
    let identifiers = token::elements(der::asn1::AnyRef::from_der(list)?.value())?;
    let first = identifiers.first().ok_or_else(|| der::Tag::Sequence.value_error())?;
    Ok(der::asn1::AnyRef::from_der(first)?.value())
}

/// `ESSCertID`: a digest, and unsigned hints behind it.
fn name_v1(identifier: &[u8]) -> der::Result<&[u8]> {
    Ok(<&OctetStringRef>::decode(&mut der::SliceReader::new(identifier)?)?.as_bytes())
}

/// `ESSCertIDv2`: an algorithm unless it is SHA-256, a digest, and hints behind it.
fn name_v2(identifier: &[u8]) -> der::Result<(Option<ObjectIdentifier>, &[u8])> {
    let mut reader = der::SliceReader::new(identifier)?;
    let algorithm =
        if der::Tag::peek(&reader)? == der::Tag::Sequence { Some(token::algorithm(&mut reader)?) } else { None };
    Ok((algorithm, <&OctetStringRef>::decode(&mut reader)?.as_bytes()))
}

/// The certificate that verifies the signature is the one that is judged: its use, and its path to the authority at that time.
fn check_signer(
    certificate: &Certificate,
    authority: &CertificateAuthority,
    signer: &SignerInfo<'_>,
    time: UnixTime,
) -> Result<KeyFingerprint, TimestampError> {
    let key = certificate.public_key()?;
    let scheme = scheme(key.algorithm(), signer)?;
    key.verify_as(scheme, &signer.signed, &Signature::from_bytes(signer.signature))
        .map_err(TimestampError::Signature)?;
    check_profile(certificate)?;
    authority.path(certificate, &[], Usage::TimeStamping, &[time])?;
    Ok(key.fingerprint())
}

/// RFC 3161 §2.3: the extended key usage is timestamping, nothing else, and critical.
fn check_profile(certificate: &Certificate) -> Result<(), TimestampError> {
    let usages = certificate.extended_key_usage()?.unwrap_or_default();
    let critical = certificate.extension(EXTENDED_KEY_USAGE).is_some_and(|extension| extension.critical);
    let profile = |what, expected, found: String| CertificateError::Profile { what, expected, found };
    if usages != [Usage::TimeStamping.id()] {
        let found = usages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let found = if found.is_empty() { "none".to_owned() } else { found };
        return Err(profile("extended key usage", "timestamping alone (1.3.6.1.5.5.7.3.8)", found).into());
    }
    if !critical {
        return Err(profile("extended key usage", "a critical extension", "one that is not".to_owned()).into());
    }
    if certificate.key_usage()?.is_some_and(|usage| !usage.digital_signature()) {
        return Err(profile("key usage", "digital signatures", "other uses".to_owned()).into());
    }
    if certificate.basic_constraints()?.is_some_and(|constraints| constraints.ca) {
        return Err(profile("basic constraints", "no certificate authority", "one".to_owned()).into());
    }
    Ok(())
}

/// How the signature was made: its algorithm names the hash, the key the rest.
fn scheme(key: KeyAlgorithm, signer: &SignerInfo<'_>) -> Result<SignatureScheme, TimestampError> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    let id = signer.algorithm.to_string();
    let ecdsa = |hash| key.curve().map(|curve: Curve| SignatureScheme::Ecdsa(curve, hash));
    let rsa = |hash| matches!(key, KeyAlgorithm::Rsa { .. }).then_some(SignatureScheme::RsaPkcs1(hash));
    let scheme = match id.as_str() {
        "1.2.840.10045.4.3.2" => ecdsa(Sha256), // RFC 5758
        "1.2.840.10045.4.3.3" => ecdsa(Sha384),
        "1.2.840.10045.4.3.4" => ecdsa(Sha512),
        "1.2.840.113549.1.1.1" => rsa(digest_algorithm("message digest", signer.digest)?), // RFC 3370 §3.2
        "1.2.840.113549.1.1.11" => rsa(Sha256),                                            // RFC 5754
        "1.2.840.113549.1.1.12" => rsa(Sha384),
        "1.2.840.113549.1.1.13" => rsa(Sha512),
        "1.3.101.112" => (key == KeyAlgorithm::Ed25519).then_some(SignatureScheme::Ed25519), // RFC 8419
        _ => None,
    };
    scheme.ok_or_else(|| form("signature algorithm", format!("one of {key} keys"), id))
}

fn digest_algorithm(what: &'static str, id: ObjectIdentifier) -> Result<DigestAlgorithm, TimestampError> {
    match id.to_string().as_str() {
        "2.16.840.1.101.3.4.2.1" => Ok(DigestAlgorithm::Sha256), // RFC 5754
        "2.16.840.1.101.3.4.2.2" => Ok(DigestAlgorithm::Sha384),
        "2.16.840.1.101.3.4.2.3" => Ok(DigestAlgorithm::Sha512),
        other => Err(form(what, "SHA-256, SHA-384 or SHA-512", other)),
    }
}

fn required<'a>(signer: &SignerInfo<'a>, what: &'static str, id: ObjectIdentifier) -> Result<&'a [u8], TimestampError> {
    attribute(signer, what, id)?.ok_or_else(|| form(what, "a signed attribute", "none"))
}

/// The one value of a signed attribute; `None` without such an attribute.
fn attribute<'a>(
    signer: &SignerInfo<'a>,
    what: &'static str,
    id: ObjectIdentifier,
) -> Result<Option<&'a [u8]>, TimestampError> {
    let mut found = signer.attributes.iter().filter(|attribute| attribute.id == id);
    let Some(first) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(form(what, "one such attribute", "several"));
    }
    match token::elements(first.values).map_err(der(what))?.as_slice() {
        [value] => Ok(Some(value)),
        values => Err(form(what, "one value", values.len())),
    }
}

fn form(what: &'static str, expected: impl ToString, found: impl ToString) -> TimestampError {
    TimestampError::Form { what, expected: expected.to_string(), found: found.to_string() }
}

fn der(what: &'static str) -> impl Fn(der::Error) -> TimestampError {
    move |error| TimestampError::Der { what, detail: error.to_string() }
}

fn hex(bytes: &[u8]) -> String {
    crate::digest::hex(bytes.get(..64).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::SignedEntity;
    use crate::trust::Validity;

    macro_rules! vector {
        ($name:literal, $file:literal) => {
            include_str!(concat!("../../../../testdata/vectors/sigstore/", $name, "/", $file))
        };
        ($name:literal) => {
            Case::new(vector!($name, "bundle.json"), vector!($name, "trusted_root.json").as_bytes())
        };
        (public $name:literal) => {
            Case::new(vector!($name, "bundle.json"), TrustedRoot::public_good_json())
        };
    }

    struct Case {
        entity: SignedEntity,
        root: TrustedRoot,
    }

    impl Case {
        fn new(bundle: &str, root: &[u8]) -> Self {
            let entity = SignedEntity::from_bundle(bundle.as_bytes(), &Limits::DEFAULT).unwrap();
            Self { entity, root: TrustedRoot::from_json(root, &Limits::DEFAULT).unwrap() }
        }

        fn stamp(&mut self) -> &mut Vec<u8> {
            &mut self.entity.timestamps[0].0
        }

        fn verify(&self) -> Result<VerifiedTimestamp, TimestampError> {
            let stamped = self.entity.content.signature().as_bytes();
            verify(&self.entity.timestamps[0], &self.root, stamped, &Limits::DEFAULT)
        }

        fn code(&self) -> &'static str {
            self.verify().expect_err("must be refused").code()
        }
    }

    fn all() -> [(&'static str, Case, i64); 5] {
        [
            ("with certificate", vector!("rekor2-timestamp-with-embedded-cert"), 1_754_506_296),
            ("staging", vector!("rekor2-happy-path"), 1_749_729_740),
            ("without certificate", vector!("rekor2-dsse-happy-path"), 1_778_700_213),
            ("private", vector!("intoto-with-custom-trust-root"), 1_675_209_600),
            ("public", vector!(public "managed-key-happy-path"), 1_766_077_479),
        ]
    }

    #[test]
    fn timestamps_of_real_authorities_tell_their_time() {
        for (name, case, time) in all() {
            let verified = case.verify().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(verified.time, UnixTime(time), "{name}");
            assert!(!verified.name.is_empty());
        }
    }

    // threat: B09
    #[test]
    fn a_timestamp_of_other_bytes_is_refused() {
        for (name, mut case, _) in all() {
            case.entity.content = crate::content::Content::Message(crate::content::MessageSignature {
                digest: None,
                signature: Signature::from_bytes(*b"other"),
            });
            assert_eq!(case.code(), "timestamp-mismatch", "{name}");
            let (expected, found) = case.verify().unwrap_err().evidence().unwrap();
            assert_eq!((expected, found.len()), (Digest::sha256(b"other").hex(), 64), "{name}");
        }
    }

    /// The same root, with other windows of trust in its timestamp authorities.
    fn with_window(case: &Case, window: Validity) -> TrustedRoot {
        let mut root = TrustedRoot::default();
        for authority in case.root.timestamp_authorities() {
            let chain: Vec<_> = authority.certificates().iter().map(Certificate::der).collect();
            let limits = &Limits::DEFAULT;
            root.add_timestamp_authority(CertificateAuthority::from_chain("", &chain, window, limits).unwrap());
        }
        root
    }

    // threat: B05 B09 B10
    #[test]
    fn the_authority_was_trusted_at_that_time() {
        for (name, mut case, time) in all() {
            for (window, code) in [
                (Validity::new(UnixTime(0), Some(UnixTime(time))), None),
                (Validity::new(UnixTime(time), None), None),
                (Validity::new(UnixTime(0), Some(UnixTime(time - 1))), Some("timestamp-certificate-not-valid")),
                (Validity::new(UnixTime(time + 1), None), Some("timestamp-certificate-not-valid")),
            ] {
                case.root = with_window(&case, window);
                assert_eq!(case.verify().map_err(|error| error.code()).err(), code, "{name} {window}");
                // Without an address the authority goes by its subject.
                assert!(
                    case.verify().is_ok_and(|verified| verified.name.contains("tsa") || !verified.name.is_empty())
                        || code.is_some()
                );
            }
        }
    }

    // threat: B08 B13
    #[test]
    fn certificate_from_the_timestamp_is_not_trusted() {
        let mut case = vector!("rekor2-timestamp-with-embedded-cert");
        let other = vector!(public "managed-key-happy-path");
        case.root = other.root.clone();
        assert_eq!(case.code(), "timestamp-authority-untrusted");
        assert!(case.verify().unwrap_err().evidence().is_none_or(|(expected, _)| expected.contains("trusted root")));
        case.root = TrustedRoot::default();
        assert_eq!(case.code(), "timestamp-authority-untrusted");
        // Of an authority that is not named by its own certificate, the one in the timestamp is judged by its path.
        let mut case = vector!("rekor2-timestamp-with-embedded-cert");
        let chain: Vec<_> =
            case.root.timestamp_authorities()[0].certificates()[1..].iter().map(|c| c.der().to_vec()).collect();
        let mut root = TrustedRoot::default();
        root.add_timestamp_authority(
            CertificateAuthority::from_chain("", &chain, Validity::ALWAYS, &Limits::DEFAULT).unwrap(),
        );
        case.root = root;
        case.verify().unwrap();
        let mut without = vector!("rekor2-dsse-happy-path");
        let chain: Vec<_> =
            without.root.timestamp_authorities()[0].certificates()[1..].iter().map(|c| c.der().to_vec()).collect();
        let mut root = TrustedRoot::default();
        root.add_timestamp_authority(
            CertificateAuthority::from_chain("", &chain, Validity::ALWAYS, &Limits::DEFAULT).unwrap(),
        );
        without.root = root;
        assert_eq!(without.code(), "timestamp-authority-untrusted");
    }

    // threat: B08 N04
    #[test]
    fn no_bit_of_what_is_signed_may_differ() {
        for (name, mut case, time) in all() {
            let good = case.stamp().clone();
            let mut accepted = Vec::new();
            for (at, byte) in good.iter().enumerate() {
                case.stamp()[at] ^= 1;
                if let Ok(verified) = case.verify() {
                    assert_eq!(verified.time, UnixTime(time), "{name}, byte {at}");
                    accepted.push(at);
                }
                case.stamp()[at] = *byte;
            }
            // What is not signed: the status text, versions, the signer's name by issuer and number, and the certificates inside.
            let tail = good.len() - 260;
            assert!(accepted.iter().all(|at| *at < tail), "{name}: {accepted:?}");
            assert!(
                accepted.len() * 2 < good.len() || name == "with certificate" || name == "staging",
                "{name}: {}",
                accepted.len()
            );
        }
    }

    // threat: A08 N03
    #[test]
    fn a_timestamp_cut_short_or_with_bytes_behind_it_is_malformed() {
        let mut case = vector!("intoto-with-custom-trust-root");
        let good = case.stamp().clone();
        for end in 0..good.len() {
            *case.stamp() = good[..end].to_vec();
            assert_eq!(case.code(), "timestamp-malformed", "{end}");
        }
        *case.stamp() = [&good[..], &[0]].concat();
        assert_eq!(case.code(), "timestamp-malformed");
    }

    /// DER with these contents.
    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = contents.len();
        let header = match length {
            0..=127 => vec![tag, u8::try_from(length).unwrap()],
            _ => vec![tag, 0x82, u8::try_from(length / 256).unwrap(), u8::try_from(length % 256).unwrap()],
        };
        [&header[..], contents].concat()
    }

    #[test]
    fn refusal_is_not_a_timestamp() {
        let mut case = vector!("rekor2-happy-path");
        let status = |n: u8| tlv(0x30, &[2, 1, n]);
        for (n, expected) in
            [(2, "expected status 0 (granted), found 2"), (0, "token: expected"), (1, "token: expected")]
        {
            *case.stamp() = tlv(0x30, &status(n));
            assert_eq!(case.code(), "timestamp-malformed");
            assert!(case.verify().unwrap_err().to_string().contains(expected), "{n}: {}", case.verify().unwrap_err());
        }
        // The status is not signed; a refusal is accepted as one all the same.
        let mut case = vector!("rekor2-happy-path");
        case.stamp()[8] = 3;
        assert_eq!(case.verify(), Err(TimestampError::NotGranted { found: 3 }));
        case.stamp()[8] = 1;
        case.verify().unwrap();
    }

    /// What becomes of a stamp over some bytes by an authority of the trusted root.
    fn judge(change: impl FnOnce(&mut testkit::sigstore::Stamp)) -> Result<VerifiedTimestamp, TimestampError> {
        let tsa = testkit::sigstore::Tsa::new("tsa");
        let mut stamp = tsa.stamp(b"signature", 1_700_000_000);
        change(&mut stamp);
        let chain = [&tsa.leaf.der, &tsa.root.der];
        let authority = CertificateAuthority::from_chain("", &chain, Validity::ALWAYS, &Limits::DEFAULT).unwrap();
        let mut root = TrustedRoot::default();
        root.add_timestamp_authority(authority);
        verify(&SignedTimestamp(stamp.response()), &root, b"signature", &Limits::DEFAULT)
    }

    // threat: B08
    #[test]
    fn a_timestamp_names_its_signer_by_either_digest() {
        let sha1 = |der: &[u8]| {
            Some(backend::digest::digest(&backend::digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec())
        };
        let verified = judge(|stamp| {
            stamp.named_of_old = sha1(&stamp.signer.der);
            stamp.named = None;
        });
        assert_eq!(verified.map(|verified| verified.time), Ok(UnixTime(1_700_000_000)));
        judge(|stamp| stamp.named_of_old = sha1(&stamp.signer.der)).unwrap();
        let unknown = |found: String| Err(TimestampError::UnknownAuthority { found, known: 1 });
        let zeros = "0".repeat(40);
        assert_eq!(
            judge(|stamp| {
                stamp.named_of_old = Some(vec![0; 20]);
                stamp.named = None;
            }),
            unknown(format!("sha1:{zeros}"))
        );
        // Of two digests both must fit.
        assert!(matches!(
            judge(|stamp| stamp.named_of_old = Some(vec![0; 20])),
            Err(TimestampError::UnknownAuthority { .. })
        ));
        assert_eq!(
            judge(|stamp| {
                stamp.named_of_old = sha1(&stamp.signer.der);
                stamp.named = Some(vec![0; 32]);
            }),
            unknown(format!("sha256:{}", "0".repeat(64)))
        );
        assert_eq!(judge(|stamp| stamp.named = None).unwrap_err().code(), "timestamp-malformed");
    }

    // threat: B08
    #[test]
    fn the_signer_may_be_called_by_its_key_identifier() {
        let other = testkit::sigstore::Tsa::new("other").leaf;
        judge(|stamp| stamp.called = stamp.signer.key_identifier()).unwrap();
        let refusal = judge(|stamp| stamp.called = other.key_identifier()).unwrap_err();
        assert!(refusal.to_string().ends_with("found the name of another certificate"), "{refusal}");
    }

    #[test]
    fn the_algorithm_of_a_signature_must_be_one_of_its_key() {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        let rsa = KeyAlgorithm::Rsa { bits: 2048 };
        let ecdsa = |hash| Some(SignatureScheme::Ecdsa(Curve::P256, hash));
        let pkcs1 = |hash| Some(SignatureScheme::RsaPkcs1(hash));
        for (key, id, expected) in [
            (KeyAlgorithm::EcdsaP256, "1.2.840.10045.4.3.2", ecdsa(Sha256)),
            (KeyAlgorithm::EcdsaP256, "1.2.840.10045.4.3.3", ecdsa(Sha384)),
            (KeyAlgorithm::EcdsaP256, "1.2.840.10045.4.3.4", ecdsa(Sha512)),
            (KeyAlgorithm::EcdsaP256, "1.2.840.10045.4.3.1", None),
            (KeyAlgorithm::EcdsaP256, "1.2.840.113549.1.1.11", None),
            (rsa, "1.2.840.113549.1.1.1", pkcs1(Sha384)),
            (rsa, "1.2.840.113549.1.1.11", pkcs1(Sha256)),
            (rsa, "1.2.840.113549.1.1.12", pkcs1(Sha384)),
            (rsa, "1.2.840.113549.1.1.13", pkcs1(Sha512)),
            (rsa, "1.2.840.113549.1.1.5", None),
            (rsa, "1.3.101.112", None),
            (KeyAlgorithm::Ed25519, "1.3.101.112", Some(SignatureScheme::Ed25519)),
            (KeyAlgorithm::Ed25519, "1.2.840.10045.4.3.2", None),
        ] {
            let signer = SignerInfo {
                name: token::SignerName::KeyIdentifier(&[]),
                digest: ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
                signed: Vec::new(),
                attributes: Vec::new(),
                algorithm: ObjectIdentifier::new_unwrap(id),
                signature: &[],
            };
            assert_eq!(scheme(key, &signer).ok(), expected, "{key} {id}");
        }
    }
}
