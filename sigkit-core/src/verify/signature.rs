//! Step 3: the signer's key verifies the signature over the exact bytes signed.

use super::artifact::Artifact;
use crate::bundle::SignedEntity;
use crate::content::{Content, MessageSignature};
use crate::crypto::{PublicKey, Signature, SignatureError, SignatureScheme};
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
    entity: &SignedEntity,
    artifact: &Artifact<'_>,
) -> Result<(Fact, SignatureValid), Reason> {
    let hold = |attempt: &dyn Fn(SignatureScheme) -> Result<(), SignatureError>| key.first_that_holds(schemes, attempt);
    let scheme = match &entity.content {
        Content::SimpleSigning { payload, signature } => hold(&|scheme| key.verify_with(scheme, payload, signature)),
        Content::Envelope(envelope) => {
            let prefix = envelope.pae_prefix();
            let signed = [prefix.as_bytes(), envelope.payload.as_slice()];
            hold(&|scheme| key.verify_pieces(scheme, &signed, &envelope.signature))
        }
        Content::Message(message) => hold(&|scheme| verify_message(key, scheme, message, artifact)),
    }?;
    Ok((Fact::Signed { scheme, key: key.fingerprint() }, SignatureValid { scheme }))
}

fn verify_message(
    key: &PublicKey,
    scheme: SignatureScheme,
    message: &MessageSignature,
    artifact: &Artifact<'_>,
) -> Result<(), SignatureError> {
    let signature: &Signature = &message.signature;
    match artifact {
        Artifact::Bytes(bytes) => key.verify_with(scheme, bytes, signature),
        Artifact::Digest(digest) => key.verify_digest(scheme, digest, signature),
        Artifact::Scan(scan) => scan.verify(key, scheme, signature),
    }
}
