//! What a log entry is about. The body of an entry is read strictly, compared with the signature in hand member by member, and must be
//! the one canonical text of what it says: a body that says more was not written by the log's software.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::bundle::{EntryKind, protobuf_name};
use crate::content::{Content, Envelope, MessageSignature};
use crate::crypto::{KeyAlgorithm, PublicKey, Signature, pem};
use crate::digest::{Digest, DigestAlgorithm};
use crate::json::{self, JsonError};

/// Why an entry is not about a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// A type of entry that is not understood.
    #[error(
        "log entry: expected hashedrekord 0.0.1 or 0.0.2, dsse 0.0.1 or 0.0.2, or intoto 0.0.1 or 0.0.2, found {found}"
    )]
    Kind {
        /// The type.
        found: String,
    },
    /// Not strict JSON of the right shape.
    #[error("log entry: {0}")]
    Json(#[from] JsonError),
    /// Says the same as the canonical text, in other words.
    #[error("log entry: expected canonical JSON, found another text of the same meaning")]
    NotCanonical,
    /// About another signature, artifact or signer.
    #[error("log entry, {what}: expected {expected}, found {found}")]
    Mismatch {
        /// Which member.
        what: &'static str,
        /// What it is in the signature at hand.
        expected: String,
        /// What it is in the entry.
        found: String,
    },
    /// Nothing at hand can be compared with what the entry says.
    #[error("log entry, {what}: {found} cannot be compared: {detail}")]
    Incomparable {
        /// Which member.
        what: &'static str,
        /// What stands there.
        found: String,
        /// What would be needed.
        detail: &'static str,
    },
}

/// The signature that an entry must be about.
#[derive(Clone, Copy)]
pub(crate) struct Logged<'a> {
    /// What was signed, and the signature.
    pub(crate) content: &'a Content,
    /// The artifact's digest by an algorithm, where it is known; asked for signatures over the artifact itself.
    pub(crate) artifact: &'a dyn Fn(DigestAlgorithm) -> Option<Digest>,
    /// Who signed.
    pub(crate) signer: SignerKey<'a>,
}

/// The key that verified the signature, in the form in which the entry must name it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignerKey<'a> {
    /// By the certificate that carries it.
    Certificate {
        /// The certificate, DER.
        der: &'a [u8],
        /// Its key.
        key: &'a PublicKey,
    },
    /// By itself.
    Key(&'a PublicKey),
}

impl Logged<'_> {
    fn signature(&self) -> &Signature {
        match self.content {
            Content::Message(MessageSignature { signature, .. }) | Content::SimpleSigning { signature, .. } => {
                signature
            }
            Content::Envelope(envelope) => &envelope.signature,
        }
    }

    /// The digest of the bytes that are signed.
    fn signed_digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        match self.content {
            Content::Message(_) => (self.artifact)(algorithm),
            Content::SimpleSigning { payload, .. } => Some(Digest::of(algorithm, payload)),
            Content::Envelope(envelope) => Some(Digest::of(algorithm, &envelope.pae())),
        }
    }

    fn envelope(&self, kind: &EntryKind) -> Result<&Envelope, BodyError> {
        match self.content {
            Content::Envelope(envelope) => Ok(envelope),
            _ => Err(mismatch("kind", "hashedrekord, for a signature without envelope", kind)),
        }
    }
}

impl SignerKey<'_> {
    const fn key(&self) -> &PublicKey {
        match self {
            Self::Certificate { key, .. } | Self::Key(key) => key,
        }
    }
}

/// Whether entries of that kind are of Rekor v2.
pub(super) fn is_v2(kind: &EntryKind) -> bool {
    matches!((kind.kind.as_str(), kind.version.as_str()), ("hashedrekord" | "dsse", "0.0.2"))
}

/// Checks that the body is of the kind that it is said to be, and about this signature.
pub(super) fn check(kind: &EntryKind, body: &[u8], logged: &Logged<'_>) -> Result<(), BodyError> {
    match (kind.kind.as_str(), kind.version.as_str()) {
        ("hashedrekord", "0.0.1") => read::<HashedRekord>(kind, body)?.check(logged),
        ("hashedrekord", "0.0.2") => read::<HashedRekordV002>(kind, body)?.hashed_rekord_v002.check(logged),
        ("dsse", "0.0.1") => read::<Dsse>(kind, body)?.check(logged, logged.envelope(kind)?),
        ("dsse", "0.0.2") => read::<DsseV002>(kind, body)?.dsse_v002.check(logged, logged.envelope(kind)?),
        ("intoto", "0.0.1") => read::<InToto<Hashes>>(kind, body)?.check_v1(logged, logged.envelope(kind)?),
        ("intoto", "0.0.2") => read::<InTotoV002>(kind, body)?.content.check(logged, logged.envelope(kind)?),
        _ => Err(BodyError::Kind { found: clip(&kind.to_string()) }),
    }
}

/// The frame of every entry. The members of this type and of those below stand in the order of RFC 8785.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body<T> {
    api_version: String,
    kind: String,
    spec: T,
}

/// Rekor v1, `hashedrekord` 0.0.1: a signature over bytes of which the log knows the digest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedRekord {
    data: HashedData,
    signature: RekordSignature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedData {
    hash: HexHash,
}

/// A digest in hex, its algorithm by its usual name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HexHash {
    algorithm: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RekordSignature {
    content: String,
    public_key: RekordKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RekordKey {
    content: String,
}

impl HashedRekord {
    fn check(&self, logged: &Logged<'_>) -> Result<(), BodyError> {
        self.data.hash.check("data.hash", &|algorithm| logged.signed_digest(algorithm))?;
        signature("signature.content", logged.signature(), &self.signature.content)?;
        pem_verifier("signature.publicKey", logged.signer, &self.signature.public_key.content)
    }
}

/// Rekor v1, `dsse` 0.0.1: an envelope. The hash of the envelope is over a text that nobody keeps; payload and signature say the same.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Dsse {
    envelope_hash: HexHash,
    payload_hash: HexHash,
    signatures: Vec<DsseSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DsseSignature {
    signature: String,
    verifier: String,
}

impl Dsse {
    fn check(&self, logged: &Logged<'_>, envelope: &Envelope) -> Result<(), BodyError> {
        self.payload_hash.check("payloadHash", &|algorithm| Some(Digest::of(algorithm, &envelope.payload)))?;
        let only = single("signatures", &self.signatures)?;
        signature("signatures.signature", logged.signature(), &only.signature)?;
        pem_verifier("signatures.verifier", logged.signer, &only.verifier)
    }
}

/// Rekor v1, `intoto` 0.0.1: the digests of an envelope and its payload, and the signer; the signature is in the envelope's digest.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InToto<T> {
    content: T,
    public_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hashes {
    hash: HexHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hash: Option<HexHash>,
}

impl InToto<Hashes> {
    fn check_v1(&self, logged: &Logged<'_>, envelope: &Envelope) -> Result<(), BodyError> {
        if let Some(hash) = &self.content.payload_hash {
            hash.check("content.payloadHash", &|algorithm| Some(Digest::of(algorithm, &envelope.payload)))?;
        }
        // The digest is over the envelope as it was sent; these are the texts that cosign 2 and 3 and others send.
        let texts = envelope.go_texts();
        let found = Digest::from_hex(self.content.hash.algorithm()?, &self.content.hash.value).ok();
        if !texts.iter().any(|text| found == Some(Digest::of(DigestAlgorithm::Sha256, text.as_bytes()))) {
            return Err(BodyError::Incomparable {
                what: "content.hash",
                found: clip(&self.content.hash.value),
                detail: "it is not the digest of the envelope in any form in which it may have been sent to the log",
            });
        }
        pem_verifier("publicKey", logged.signer, &self.public_key)
    }
}

/// Rekor v1, `intoto` 0.0.2: the envelope itself, its texts encoded once more.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InTotoV002 {
    content: InTotoContent,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InTotoContent {
    envelope: InTotoEnvelope,
    hash: HexHash,
    payload_hash: HexHash,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InTotoEnvelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    payload_type: String,
    signatures: Vec<InTotoSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InTotoSignature {
    #[serde(skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    public_key: String,
    sig: String,
}

impl InTotoContent {
    fn check(&self, logged: &Logged<'_>, envelope: &Envelope) -> Result<(), BodyError> {
        self.payload_hash.check("content.payloadHash", &|algorithm| Some(Digest::of(algorithm, &envelope.payload)))?;
        equal("content.envelope.payloadType", &envelope.payload_type, &self.envelope.payload_type)?;
        if let Some(payload) = &self.envelope.payload {
            let twice = STANDARD.encode(STANDARD.encode(envelope.payload.as_slice()));
            equal("content.envelope.payload", &twice, payload)?;
        }
        let only = single("content.envelope.signatures", &self.envelope.signatures)?;
        let twice = STANDARD.encode(logged.signature().to_base64());
        equal("content.envelope.signatures.sig", &twice, &only.sig)?;
        pem_verifier("content.envelope.signatures.publicKey", logged.signer, &only.public_key)
    }
}

/// Rekor v2, `hashedrekord` 0.0.2.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedRekordV002 {
    #[serde(rename = "hashedRekordV002")]
    hashed_rekord_v002: HashedV2,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedV2 {
    data: ProtobufHash,
    signature: SignatureV2,
}

/// A digest in base64, its algorithm by protobuf's name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProtobufHash {
    algorithm: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureV2 {
    content: String,
    verifier: VerifierV2,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerifierV2 {
    key_details: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<RawBytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x509_certificate: Option<RawBytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawBytes {
    raw_bytes: String,
}

impl HashedV2 {
    fn check(&self, logged: &Logged<'_>) -> Result<(), BodyError> {
        self.data.check("data", &|algorithm| logged.signed_digest(algorithm))?;
        self.signature.check("signature", logged)
    }
}

/// Rekor v2, `dsse` 0.0.2.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DsseV002 {
    #[serde(rename = "dsseV002")]
    dsse_v002: DsseV2,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DsseV2 {
    payload_hash: ProtobufHash,
    signatures: Vec<SignatureV2>,
}

impl DsseV2 {
    fn check(&self, logged: &Logged<'_>, envelope: &Envelope) -> Result<(), BodyError> {
        self.payload_hash.check("payloadHash", &|algorithm| Some(Digest::of(algorithm, &envelope.payload)))?;
        single("signatures", &self.signatures)?.check("signatures", logged)
    }
}

impl SignatureV2 {
    fn check(&self, what: &'static str, logged: &Logged<'_>) -> Result<(), BodyError> {
        signature(what, logged.signature(), &self.content)?;
        self.verifier.check(logged.signer)
    }
}

impl VerifierV2 {
    fn check(&self, signer: SignerKey<'_>) -> Result<(), BodyError> {
        let (certificate, key) = match signer {
            SignerKey::Certificate { der, .. } => (Some(STANDARD.encode(der)), None),
            SignerKey::Key(key) => (None, Some(STANDARD.encode(key.spki_der()))),
        };
        for (what, expected, found) in [
            ("verifier.x509Certificate", certificate, &self.x509_certificate),
            ("verifier.publicKey", key, &self.public_key),
        ] {
            let found = found.as_ref().map(|found| found.raw_bytes.as_str());
            if expected.as_deref() != found {
                let or_none = |text: Option<&str>| clip(text.unwrap_or("none"));
                return Err(BodyError::Mismatch {
                    what,
                    expected: or_none(expected.as_deref()),
                    found: or_none(found),
                });
            }
        }
        let details = key_details(signer.key().algorithm());
        if details.contains(&self.key_details.as_str()) {
            return Ok(());
        }
        Err(mismatch("verifier.keyDetails", &details.join(" or "), &self.key_details))
    }
}

/// The names in sigstore's `PublicKeyDetails` under which a log takes signatures by keys of that kind.
const fn key_details(algorithm: KeyAlgorithm) -> &'static [&'static str] {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => &["PKIX_ECDSA_P256_SHA_256"],
        KeyAlgorithm::EcdsaP384 => &["PKIX_ECDSA_P384_SHA_384", "PKIX_ECDSA_P384_SHA_256"],
        KeyAlgorithm::EcdsaP521 => &["PKIX_ECDSA_P521_SHA_512", "PKIX_ECDSA_P521_SHA_256"],
        KeyAlgorithm::Ed25519 => &["PKIX_ED25519_PH", "PKIX_ED25519"],
        KeyAlgorithm::Rsa { bits: 2048 } => &["PKIX_RSA_PKCS1V15_2048_SHA256"],
        KeyAlgorithm::Rsa { bits: 3072 } => &["PKIX_RSA_PKCS1V15_3072_SHA256"],
        KeyAlgorithm::Rsa { bits: 4096 } => &["PKIX_RSA_PKCS1V15_4096_SHA256"],
        KeyAlgorithm::Rsa { .. } => &[],
    }
}

impl HexHash {
    fn algorithm(&self) -> Result<DigestAlgorithm, BodyError> {
        DigestAlgorithm::from_name(&self.algorithm)
            .ok_or_else(|| mismatch("hash algorithm", "sha256, sha384 or sha512", &self.algorithm))
    }

    fn check(&self, what: &'static str, digest: &dyn Fn(DigestAlgorithm) -> Option<Digest>) -> Result<(), BodyError> {
        let algorithm = self.algorithm()?;
        let expected = digest(algorithm).ok_or_else(|| unknown(what, &self.algorithm))?;
        equal(what, &expected.hex(), &self.value)
    }
}

impl ProtobufHash {
    fn check(&self, what: &'static str, digest: &dyn Fn(DigestAlgorithm) -> Option<Digest>) -> Result<(), BodyError> {
        let named = |algorithm: &DigestAlgorithm| protobuf_name(*algorithm) == self.algorithm;
        let algorithm = DigestAlgorithm::ALL.into_iter().find(named);
        let algorithm =
            algorithm.ok_or_else(|| mismatch("hash algorithm", "SHA2_256, SHA2_384 or SHA2_512", &self.algorithm))?;
        let expected = digest(algorithm).ok_or_else(|| unknown(what, &self.algorithm))?;
        equal(what, &STANDARD.encode(expected.as_bytes()), &self.digest)
    }
}

fn read<T: Serialize + for<'de> Deserialize<'de>>(kind: &EntryKind, bytes: &[u8]) -> Result<T, BodyError> {
    let body: Body<T> = json::from_slice(bytes)?;
    equal("kind", &kind.kind, &body.kind)?;
    equal("apiVersion", &kind.version, &body.api_version)?;
    if serde_json::to_vec(&body).map_err(JsonError::from)? != bytes {
        return Err(BodyError::NotCanonical);
    }
    Ok(body.spec)
}

/// A log entry for one signature names one; who else signed would have to be compared with nothing.
fn single<'a, T>(what: &'static str, found: &'a [T]) -> Result<&'a T, BodyError> {
    match found {
        [only] => Ok(only),
        _ => Err(mismatch(what, "1", &found.len().to_string())),
    }
}

fn signature(what: &'static str, expected: &Signature, found: &str) -> Result<(), BodyError> {
    equal(what, &expected.to_base64(), found)
}

/// Rekor v1 names the signer in base64 of PEM.
fn pem_verifier(what: &'static str, signer: SignerKey<'_>, found: &str) -> Result<(), BodyError> {
    const LABELS: [&str; 2] = ["CERTIFICATE", "PUBLIC KEY"];
    let (label, der) = match signer {
        SignerKey::Certificate { der, .. } => (LABELS[0], der),
        SignerKey::Key(key) => (LABELS[1], key.spki_der()),
    };
    let shown = |label: &str, der: &[u8]| format!("a {label} with SHA-256 {}", Digest::sha256(der).hex());
    let wrong = |found: String| BodyError::Mismatch { what, expected: shown(label, der), found };
    let text = STANDARD.decode(found).map_err(|_| wrong(clip(found)))?;
    let block = pem::single(&text, &LABELS).map_err(|error| wrong(error.to_string()))?;
    let theirs = block.decode().map_err(|error| wrong(error.to_string()))?;
    if block.label() == label && theirs.as_slice() == der { Ok(()) } else { Err(wrong(shown(block.label(), &theirs))) }
}

fn equal(what: &'static str, expected: &str, found: &str) -> Result<(), BodyError> {
    if expected == found { Ok(()) } else { Err(mismatch(what, expected, found)) }
}

fn mismatch(what: &'static str, expected: &str, found: impl ToString) -> BodyError {
    BodyError::Mismatch { what, expected: clip(expected), found: clip(&found.to_string()) }
}

fn unknown(what: &'static str, algorithm: &str) -> BodyError {
    let detail = "the artifact's digest by that algorithm is not known; give the artifact itself";
    BodyError::Incomparable { what, found: clip(algorithm), detail }
}

fn clip(text: &str) -> String {
    text.chars().take(200).collect()
}
