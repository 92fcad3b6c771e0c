//! What a log entry is about. The body of an entry is read strictly, compared with the signature in hand member by member, and must be
//! the one canonical text of what it says: a body that says more was not written by the log's software.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::bundle::{EntryKind, protobuf_name};
use crate::content::{Content, Envelope};
use crate::crypto::{KeyAlgorithm, PublicKey, Signature, pem};
use crate::digest::{Digest, DigestAlgorithm};
use crate::json::{self, JsonError};

/// Why an entry is not about a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// A type of entry that is not understood.
    #[error("log entry: expected hashedrekord 0.0.1 or 0.0.2, dsse 0.0.1, or intoto 0.0.1 or 0.0.2, found {found}")]
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
        /// The value in the signature.
        expected: String,
        /// What it is in the entry.
        found: String,
    },
    /// The signature has nothing to compare with what the entry says.
    #[error("log entry, {what}: {found} cannot be compared: {detail}")]
    Incomparable {
        /// Which member.
        what: &'static str,
        /// The value found.
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
    /// The digest of the bytes that are signed by an algorithm, where it is known.
    pub(crate) digest: &'a dyn Fn(DigestAlgorithm) -> Option<Digest>,
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

/// Returns true if entries of this kind are of Rekor v2.
pub(super) fn is_v2(kind: &EntryKind) -> bool {
    matches!((kind.kind.as_str(), kind.version.as_str()), ("hashedrekord", "0.0.2"))
}

/// Checks that the body is of the kind that the entry claims, and about this signature.
pub(super) fn check(kind: &EntryKind, body: &[u8], logged: &Logged<'_>) -> Result<(), BodyError> {
    match (kind.kind.as_str(), kind.version.as_str()) {
        ("hashedrekord", "0.0.1") => read::<HashedRekord>(kind, body)?.check(logged),
        ("hashedrekord", "0.0.2") => read::<HashedRekordV002>(kind, body)?.hashed_rekord_v002.check(logged),
        ("dsse", "0.0.1") => read::<Dsse>(kind, body)?.check(logged, logged.envelope(kind)?),
        ("intoto", "0.0.1") => read::<InToto<Hashes>>(kind, body)?.check_v1(logged, logged.envelope(kind)?),
        ("intoto", "0.0.2") => read::<InTotoV002>(kind, body)?.content.check(logged, logged.envelope(kind)?),
        _ => Err(BodyError::Kind { found: clip(&kind.to_string()) }),
    }
}

/// The frame of every entry. The members of this type and of those below are in the order of RFC 8785.
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
        self.data.hash.check("data.hash", logged.digest)?;
        signature("signature.content", logged.content.signature(), &self.signature.content)?;
        pem_verifier("signature.publicKey", logged.signer, &self.signature.public_key.content)
    }
}

/// Rekor v1, `dsse` 0.0.1: an envelope. The hash of the envelope is over a text that is not kept; payload and signature say the same.
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
        signature("signatures.signature", logged.content.signature(), &only.signature)?;
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
        let found = Digest::from_hex(self.content.hash.algorithm()?, &self.content.hash.value).ok();
        if !envelope.go_digests().into_iter().any(|digest| found == Some(digest)) {
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
        if let Some(payload) = &self.envelope.payload
            && !envelope.is_encoded_twice(payload)
        {
            let expected = "the payload of the envelope, encoded twice";
            return Err(mismatch("content.envelope.payload", expected, clip(payload)));
        }
        let only = single("content.envelope.signatures", &self.envelope.signatures)?;
        let twice = STANDARD.encode(logged.content.signature().to_base64());
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
        self.data.check("data", logged.digest)?;
        self.signature.check("signature", logged)
    }
}

impl SignatureV2 {
    fn check(&self, what: &'static str, logged: &Logged<'_>) -> Result<(), BodyError> {
        signature(what, logged.content.signature(), &self.content)?;
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

/// The names in sigstore's `PublicKeyDetails` under which a log takes signatures by such keys.
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
        _ => Err(mismatch(what, "1", found.len())),
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
    let theirs = block.decode_public().map_err(|error| wrong(error.to_string()))?;
    if block.label() == label && theirs == der { Ok(()) } else { Err(wrong(shown(block.label(), &theirs))) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::MessageSignature;

    macro_rules! key {
        ($name:literal) => {
            PublicKey::from_pem(include_bytes!(concat!("../../../../keys/TEST-ONLY-", $name, ".pub"))).unwrap()
        };
    }

    fn envelope() -> Content {
        Content::Envelope(Envelope {
            payload_type: "application/vnd.in-toto+json".to_owned(),
            payload: b"{}".to_vec().into(),
            signature: Signature::from_bytes(*b"signature"),
        })
    }

    fn kind(kind: &str, version: &str) -> EntryKind {
        EntryKind { kind: kind.to_owned(), version: version.to_owned() }
    }

    fn judge(kind: &EntryKind, body: &str, content: &Content, key: &PublicKey) -> Result<(), BodyError> {
        let artifact = |algorithm| Some(Digest::of(algorithm, b"artifact"));
        let digest = |algorithm| content.signed_digest(algorithm, artifact);
        check(kind, body.as_bytes(), &Logged { content, digest: &digest, signer: SignerKey::Key(key) })
    }

    /// The member that differs.
    fn differs(result: Result<(), BodyError>) -> &'static str {
        match result {
            Err(BodyError::Mismatch { what, .. } | BodyError::Incomparable { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    }

    fn hex_hash(text: &str) -> String {
        format!(r#"{{"algorithm":"sha256","value":"{}"}}"#, Digest::sha256(text.as_bytes()).hex())
    }

    fn pem(key: &PublicKey) -> String {
        STANDARD.encode(key.to_pem())
    }

    /// Rekor v2 entries, as the log builds them.
    fn v2(key: &PublicKey, details: &str, algorithm: DigestAlgorithm, content: &Content) -> (String, String) {
        let signature = content.signature().to_base64();
        let raw = STANDARD.encode(key.spki_der());
        let signature = format!(
            r#"{{"content":"{signature}","verifier":{{"keyDetails":"{details}","publicKey":{{"rawBytes":"{raw}"}}}}}}"#
        );
        let hash = |bytes: &[u8]| {
            let digest = STANDARD.encode(Digest::of(algorithm, bytes).as_bytes());
            format!(r#"{{"algorithm":"{}","digest":"{digest}"}}"#, protobuf_name(algorithm))
        };
        let signed = match content {
            Content::Envelope(envelope) => hash(&envelope.pae()),
            _ => hash(b"artifact"),
        };
        let frame = |kind: &str, spec: String| format!(r#"{{"apiVersion":"0.0.2","kind":"{kind}","spec":{{{spec}}}}}"#);
        (
            frame("hashedrekord", format!(r#""hashedRekordV002":{{"data":{signed},"signature":{signature}}}"#)),
            frame("dsse", format!(r#""dsseV002":{{"payloadHash":{},"signatures":[{signature}]}}"#, hash(b"{}"))),
        )
    }

    #[test]
    fn rekor_v2_takes_every_kind_of_key_under_its_own_name() {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        let message = Content::Message(MessageSignature { digest: None, signature: Signature::from_bytes(*b"s") });
        for (key, names) in [
            (key!("ecdsa-p256"), &[("PKIX_ECDSA_P256_SHA_256", Sha256)][..]),
            (key!("ecdsa-p384"), &[("PKIX_ECDSA_P384_SHA_384", Sha384), ("PKIX_ECDSA_P384_SHA_256", Sha256)]),
            (key!("ecdsa-p521"), &[("PKIX_ECDSA_P521_SHA_512", Sha512), ("PKIX_ECDSA_P521_SHA_256", Sha256)]),
            (key!("ed25519"), &[("PKIX_ED25519_PH", Sha512), ("PKIX_ED25519", Sha512)]),
            (key!("rsa-2048"), &[("PKIX_RSA_PKCS1V15_2048_SHA256", Sha256)]),
            (key!("rsa-3072"), &[("PKIX_RSA_PKCS1V15_3072_SHA256", Sha256)]),
        ] {
            for (name, algorithm) in names {
                let (hashed, _) = v2(&key, name, *algorithm, &message);
                judge(&kind("hashedrekord", "0.0.2"), &hashed, &message, &key).unwrap();
                let envelope = envelope();
                let (hashed, dsse) = v2(&key, name, *algorithm, &envelope);
                judge(&kind("hashedrekord", "0.0.2"), &hashed, &envelope, &key).unwrap();
                // Rekor v2 has retired it.
                let retired = judge(&kind("dsse", "0.0.2"), &dsse, &envelope, &key);
                assert!(matches!(retired, Err(BodyError::Kind { .. })), "{retired:?}");
                for other in
                    ["PKIX_RSA_PKCS1V15_4096_SHA256", "PKIX_RSA_PSS_2048_SHA256", "PUBLIC_KEY_DETAILS_UNSPECIFIED", ""]
                {
                    let body = hashed.replace(name, other);
                    assert_eq!(
                        differs(judge(&kind("hashedrekord", "0.0.2"), &body, &envelope, &key)),
                        "verifier.keyDetails"
                    );
                }
            }
        }
    }

    // threat: A01 A06
    #[test]
    fn every_member_of_a_rekor_v2_entry_is_compared() {
        let (key, other) = (key!("ecdsa-p256"), key!("ecdsa-p384"));
        let content = envelope();
        let (hashed, _) = v2(&key, "PKIX_ECDSA_P256_SHA_256", DigestAlgorithm::Sha256, &content);
        let (raw, their_raw) = (STANDARD.encode(key.spki_der()), STANDARD.encode(other.spki_der()));
        let digest = |text: &[u8]| STANDARD.encode(Digest::sha256(text).as_bytes());
        let Content::Envelope(envelope) = &content else { unreachable!() };
        {
            let (kind, body, hash) = (kind("hashedrekord", "0.0.2"), &hashed, digest(&envelope.pae()));
            let (of_hash, of_signature) = ("data", "signature");
            let with = |from: &str, to: &str| {
                let changed = body.replacen(from, to, 1);
                assert_ne!(&changed, body, "{from}");
                judge(&kind, &changed, &content, &key)
            };
            assert_eq!(differs(with(&hash, &digest(b"other"))), of_hash);
            assert_eq!(differs(with("SHA2_256\"", "SHA1\"")), "hash algorithm");
            assert_eq!(differs(with(&content.signature().to_base64(), "AA==")), of_signature);
            assert_eq!(differs(with(&raw, &their_raw)), "verifier.publicKey");
            // The key's bytes are not a key where a certificate is expected.
            assert_eq!(differs(with("publicKey", "x509Certificate")), "verifier.x509Certificate");
            assert!(matches!(with("\"publicKey\"", "\"publickey\""), Err(BodyError::Json(_))));
        }
    }

    /// The envelope as Go programs send it.
    const SENT: [&str; 2] = [
        r#"{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"c2lnbmF0dXJl"}]}"#,
        r#"{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"c2lnbmF0dXJl"}]}"#,
    ];

    // threat: A01 A02
    #[test]
    fn intoto_0_0_1_entry_is_bound_by_envelope_digest() {
        let key = key!("ecdsa-p256");
        let content = envelope();
        let Content::Envelope(envelope) = &content else { unreachable!() };
        let kind = kind("intoto", "0.0.1");
        let frame = |content: String, key: &str| {
            format!(
                r#"{{"apiVersion":"0.0.1","kind":"intoto","spec":{{"content":{{{content}}},"publicKey":"{key}"}}}}"#
            )
        };
        let payload = hex_hash("{}");
        for text in SENT {
            let hash = hex_hash(text);
            let whole = frame(format!(r#""hash":{hash},"payloadHash":{payload}"#), &pem(&key));
            judge(&kind, &whole, &content, &key).unwrap();
            judge(&kind, &frame(format!(r#""hash":{hash}"#), &pem(&key)), &content, &key).unwrap();
            let other = whole.replacen(&payload, &hex_hash("other"), 1);
            assert_eq!(differs(judge(&kind, &other, &content, &key)), "content.payloadHash");
            let other = whole.replacen(&hash, &hex_hash("other"), 1);
            assert_eq!(differs(judge(&kind, &other, &content, &key)), "content.hash");
            assert_eq!(differs(judge(&kind, &whole, &content, &key!("ecdsa-p384"))), "publicKey");
            let mut resigned = envelope.clone();
            resigned.signature = Signature::from_bytes(*b"other");
            assert_eq!(differs(judge(&kind, &whole, &Content::Envelope(resigned), &key)), "content.hash");
        }
    }

    #[test]
    fn an_envelope_is_sent_as_cosign_2_and_3_do() {
        let Content::Envelope(envelope) = envelope() else { unreachable!() };
        assert_eq!(envelope.go_digests(), SENT.map(|text| Digest::of(DigestAlgorithm::Sha256, text.as_bytes())));
    }

    // threat: A01 A12
    #[test]
    fn rekor_v1_names_the_signer_in_pem() {
        let key = key!("rsa-2048");
        let content = Content::SimpleSigning { payload: b"payload".to_vec(), signature: Signature::from_bytes(*b"s") };
        let kind = kind("hashedrekord", "0.0.1");
        let with = |signer: &str| {
            let hash = hex_hash("payload");
            format!(
                r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{hash}}},"signature":{{"content":"cw==","publicKey":{{"content":"{signer}"}}}}}}}}"#
            )
        };
        judge(&kind, &with(&pem(&key)), &content, &key).unwrap();
        let certificate = key.to_pem().replace("PUBLIC KEY", "CERTIFICATE");
        let private = key.to_pem().replace("PUBLIC KEY", "PRIVATE KEY");
        for other in
            [certificate, private, key.to_pem().repeat(2), "junk".to_owned(), String::new(), key!("rsa-3072").to_pem()]
        {
            let body = with(&STANDARD.encode(other));
            assert_eq!(differs(judge(&kind, &body, &content, &key)), "signature.publicKey");
        }
        assert_eq!(differs(judge(&kind, &with("!"), &content, &key)), "signature.publicKey");
        let body = with(&pem(&key)).replacen("sha256", "sha1", 1);
        assert_eq!(differs(judge(&kind, &body, &content, &key)), "hash algorithm");
        for length in 0..with(&pem(&key)).len() {
            assert!(judge(&kind, &with(&pem(&key))[..length], &content, &key).is_err(), "{length}");
        }
    }
}
