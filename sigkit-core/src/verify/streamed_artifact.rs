use crate::bundle::Evidence;
use crate::content::Content;
use crate::crypto::{PublicKey, Signature, SignatureError, SignatureScheme, StreamVerifier};
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::policy::{Authority, Policy};
use crate::trust::Trust;

/// Reads an artifact once, in constant memory, and keeps what judging it needs.
///
/// Most schemes need only a digest of the bytes. Pure Ed25519 hashes key and signature together with them, so each candidate
/// signature of the evidence is followed along.
#[derive(Debug)]
pub struct ArtifactHasher {
    hashers: Vec<Hasher>,
    followed: Vec<(PublicKey, Signature, Result<StreamVerifier, SignatureError>)>,
}

impl ArtifactHasher {
    /// A hasher for what a verifier of that deployment will need, with `policy` and `evidence`.
    ///
    /// ```
    /// # const MESSAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/message.txt"));
    /// # const SIGNATURE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.sig"));
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.pub"));
    /// use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
    /// use sigkit_core::time::UnixTime;
    /// use sigkit_core::verify::Artifact;
    /// use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose, Trust, Verifier};
    /// use sigkit_core::verify::ArtifactHasher;
    ///
    /// let policy = Policy::key(Purpose::Blob, KeyAuthority::new("cosign.pub", PublicKey::from_pem(KEY)?));
    /// let evidence = Evidence::of(Origin::File("file.sig".to_owned()), SignedEntity::from_detached(SIGNATURE));
    /// let trust = Trust::default();
    /// let mut hasher = ArtifactHasher::new(&trust, &policy, &evidence);
    /// MESSAGE.chunks(4).for_each(|piece| hasher.update(piece));
    /// let artifact = hasher.finish();
    /// Verifier::new(&trust).verify(&policy, &Artifact::Streamed(&artifact), &evidence, UnixTime(0))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(trust: &Trust, policy: &Policy, evidence: &Evidence) -> Self {
        let mut algorithms = vec![DigestAlgorithm::Sha256];
        let contents = evidence.items.iter().filter_map(|item| Some(&item.entity.as_ref().ok()?.content));
        if contents.clone().any(|content| !matches!(content, Content::Message(_))) {
            // A signed document may name the artifact by any of them, and all that it names must agree.
            algorithms.extend(DigestAlgorithm::ALL);
        }
        let mut followed = Vec::new();
        let messages: Vec<_> = contents
            .filter_map(|content| match content {
                Content::Message(message) => Some(message),
                _ => None,
            })
            .collect();
        algorithms.extend(messages.iter().filter_map(|message| message.digest).map(|digest| digest.algorithm()));
        for (key, schemes) in signers(trust, policy, evidence) {
            for scheme in &schemes {
                match scheme.digest_algorithm() {
                    Some(algorithm) => algorithms.push(algorithm),
                    None => followed.extend(messages.iter().map(|message| {
                        let verifier = StreamVerifier::new(&key, *scheme, &message.signature);
                        (key.clone(), message.signature.clone(), verifier)
                    })),
                }
            }
        }
        algorithms.sort_unstable();
        algorithms.dedup();
        Self { hashers: algorithms.into_iter().map(Hasher::new).collect(), followed }
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for hasher in &mut self.hashers {
            hasher.update(bytes);
        }
        for (_, _, verifier) in &mut self.followed {
            if let Ok(verifier) = verifier {
                verifier.update(bytes);
            }
        }
    }

    /// All bytes were seen.
    pub fn finish(self) -> StreamedArtifact {
        StreamedArtifact {
            digests: self.hashers.into_iter().map(Hasher::finish).collect(),
            followed: self
                .followed
                .into_iter()
                .map(|(key, signature, verifier)| (key, signature, verifier.and_then(StreamVerifier::finish)))
                .collect(),
        }
    }
}

/// The keys that may have signed, and how: those of the policy, and those of the certificates in the signatures.
fn signers(trust: &Trust, policy: &Policy, evidence: &Evidence) -> Vec<(PublicKey, Vec<SignatureScheme>)> {
    let mut found = Vec::new();
    for authority in &policy.authorities {
        match authority {
            Authority::Key(authority) => found.push((authority.key.clone(), authority.schemes.clone())),
            #[cfg(feature = "keyless")]
            Authority::Keyless(authority) => {
                // Where the root is missing, nothing by this authority verifies.
                let Ok(root) = trust.resolve(&authority.root) else { continue };
                let entities = evidence.items.iter().filter_map(|item| item.entity.as_ref().ok());
                let presented = entities.filter_map(|entity| {
                    super::certificate::present(authority, &root, entity, trust.limits())
                        .ok()
                        .map(|(_, presented)| presented.key)
                });
                found.extend(presented.map(|key| {
                    let schemes = authority.schemes(&key);
                    (key, schemes)
                }));
            }
        }
    }
    #[cfg(not(feature = "keyless"))]
    let _ = (trust, evidence);
    found
}

/// What a [`ArtifactHasher`] kept.
#[derive(Clone, Debug)]
pub struct StreamedArtifact {
    digests: Vec<Digest>,
    followed: Vec<(PublicKey, Signature, Result<(), SignatureError>)>,
}

impl StreamedArtifact {
    /// The artifact's digest by that algorithm, if it was computed.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        self.digests.iter().copied().find(|digest| digest.algorithm() == algorithm)
    }

    pub(super) fn verify(
        &self,
        key: &PublicKey,
        scheme: SignatureScheme,
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        if let Some(digest) = scheme.digest_algorithm().and_then(|algorithm| self.digest(algorithm)) {
            return key.verify_digest(scheme, &digest, signature);
        }
        self.followed
            .iter()
            .find(|(followed_key, followed, _)| followed_key == key && followed == signature)
            .map_or_else(|| Err(SignatureError::NeedsMessage { scheme }), |(_, _, result)| result.clone())
    }
}
