//! Step 3: the signer's key verifies the signature over the exact bytes signed.

use super::artifact::Artifact;
use super::digest_cache::DigestCache;
use crate::content::Content;
use crate::crypto::{PublicKey, SignatureError, SignatureScheme};
use crate::reason::Reason;
use crate::report::Fact;

/// Proof that the signature verifies under the signer's key.
#[derive(Clone, Debug)]
pub(crate) struct SignatureValid {
    scheme: SignatureScheme,
}

impl SignatureValid {
    /// The scheme under which it verifies.
    pub(crate) const fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

pub(super) fn check(
    key: &PublicKey,
    schemes: &[SignatureScheme],
    signed: &DigestCache<'_>,
) -> Result<(Fact, SignatureValid), Reason> {
    let scheme = key.first_valid_scheme(schemes, |scheme| {
        let algorithm = scheme.digest_algorithm().filter(|_| takes_digest(scheme));
        match algorithm.and_then(|algorithm| signed.digest(algorithm)) {
            Some(digest) => key.verify_digest(scheme, &digest, signed.content().signature()),
            None => over_bytes(key, scheme, signed),
        }
    })?;
    Ok((Fact::Signed { scheme, key: key.fingerprint() }, SignatureValid { scheme }))
}

/// Returns true if the backend verifies over a digest at no greater cost than over the message.
const fn takes_digest(scheme: SignatureScheme) -> bool {
    cfg!(feature = "aws-lc-rs") && matches!(scheme, SignatureScheme::Ecdsa(..) | SignatureScheme::RsaPkcs1(_))
}

fn over_bytes(key: &PublicKey, scheme: SignatureScheme, signed: &DigestCache<'_>) -> Result<(), SignatureError> {
    let signature = signed.content().signature();
    match (signed.content(), signed.artifact()) {
        (Content::SimpleSigning { payload, .. }, _) => key.verify_with(scheme, payload, signature),
        (Content::Envelope(envelope), _) => {
            let prefix = envelope.pae_prefix();
            key.verify_pieces(scheme, &[prefix.as_bytes(), envelope.payload.as_slice()], signature)
        }
        (Content::Message(_), Artifact::Bytes(bytes)) => key.verify_with(scheme, bytes, signature),
        (Content::Message(_), Artifact::Digest(digest)) => key.verify_digest(scheme, digest, signature),
        (Content::Message(_), Artifact::Streamed(scan)) => scan.verify(key, scheme, signature),
    }
}
