use std::pin::Pin;
use std::sync::Arc;

use super::off_thread::off_thread;
use super::{Draft, Signer};
use crate::bundle::{SignedEntity, VerificationMaterial};
use crate::content::{Content, MessageSignature, Readers, UnsignedDocument};
use crate::crypto::Signature;
use crate::digest::DigestAlgorithm;
use crate::key::{Blocking, KeyPair, SignError, SigningKey, WHOLE_MESSAGE};
use crate::policy::{Authority, KeyAuthority};

/// A signer that is a key, wherever the key is. Its signatures verify under the public key.
#[derive(Clone)]
pub struct KeySigner {
    key: Arc<dyn SigningKey>,
}

impl KeySigner {
    /// A signer by that key. A [`KeyPair`] is a signer without this.
    #[must_use]
    pub fn new(key: Arc<dyn SigningKey>) -> Self {
        Self { key }
    }
}

impl Signer for KeySigner {
    fn sign_draft<'a>(
        &'a self,
        draft: Draft<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<SignedEntity, SignError>> + Send + 'a>> {
        Box::pin(async move { Ok(with_hint(&*self.key, sign_by(&self.key, draft).await?)) })
    }

    fn authority(&self) -> Authority {
        authority(&*self.key)
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        self.key.scheme().digest_algorithm()
    }
}

/// A key in memory, which never blocks.
impl Signer for KeyPair {
    fn sign_draft<'a>(
        &'a self,
        draft: Draft<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<SignedEntity, SignError>> + Send + 'a>> {
        Box::pin(async move { Ok(with_hint(self, sign_here(self, draft)?)) })
    }

    fn authority(&self) -> Authority {
        authority(self)
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        self.scheme().digest_algorithm()
    }
}

fn authority(key: &dyn SigningKey) -> Authority {
    Authority::Key(KeyAuthority::new("the signing key", key.public_key().clone()))
}

/// A layer of the legacy format has no place for a hint.
fn with_hint(key: &dyn SigningKey, content: Content) -> SignedEntity {
    let material = match content {
        Content::SimpleSigning { .. } => VerificationMaterial::Unspecified,
        Content::Envelope(_) | Content::Message(_) => {
            VerificationMaterial::KeyHint(key.public_key().fingerprint().hint())
        }
    };
    SignedEntity::new(content, material)
}

/// Signs a draft; on a thread of its own if the key may block.
pub(super) async fn sign_by(key: &Arc<dyn SigningKey>, draft: Draft<'_>) -> Result<Content, SignError> {
    if key.blocking() == Blocking::Never {
        return sign_here(&**key, draft);
    }
    let key = Arc::clone(key);
    let work = match draft {
        Draft::Document(document) => off_thread(move || sign_here(&*key, Draft::Document(document))),
        Draft::Digest(digest) => off_thread(move || sign_here(&*key, Draft::Digest(digest))),
        Draft::Message(_) => {
            return Err(SignError::Unsupported { scheme: key.scheme(), needs: WHOLE_MESSAGE });
        }
    };
    work.map_err(|error| SignError::Remote { detail: format!("no thread could be started: {error}") })?.await
}

fn sign_here(key: &dyn SigningKey, draft: Draft<'_>) -> Result<Content, SignError> {
    let message = |digest, signature| Content::Message(MessageSignature { digest: Some(digest), signature });
    match draft {
        Draft::Document(document) => {
            let signature = sign_document(key, &document)?;
            Ok(document.sign(signature))
        }
        Draft::Digest(digest) => Ok(message(digest, key.sign_prehashed(&digest)?)),
        Draft::Message(stream) => {
            let signed = key.sign_stream(stream)?;
            Ok(message(signed.digest, signed.signature))
        }
    }
}

/// Signs the digest of a document, which is not copied for it, if the key signs digests; else the document.
fn sign_document(key: &dyn SigningKey, document: &UnsignedDocument) -> Result<Signature, SignError> {
    let scheme = match document.readers() {
        Readers::Bundles => key.scheme(),
        Readers::Legacy => key.legacy_scheme(),
    };
    let by_digest = scheme.digest_algorithm().map(|algorithm| key.sign_prehashed(&document.digest(algorithm)));
    match by_digest {
        Some(Err(SignError::Unsupported { .. })) | None if scheme == key.scheme() => key.sign(&document.bytes()),
        Some(signed) => signed,
        None => Err(SignError::Unsupported { scheme, needs: WHOLE_MESSAGE }),
    }
}
