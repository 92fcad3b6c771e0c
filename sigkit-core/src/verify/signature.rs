//! Step 3: the authority's key verifies the signature over the exact bytes signed.

use super::artifact::Artifact;
use crate::bundle::SignedEntity;
use crate::content::{Content, MessageSignature};
use crate::crypto::{PublicKey, Signature, SignatureError, SignatureScheme};
use crate::policy::KeyAuthority;
use crate::reason::Reason;
use crate::report::Fact;

/// Proof that the signature verifies under the authority's key.
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
    authority: &KeyAuthority,
    entity: &SignedEntity,
    artifact: &Artifact<'_>,
) -> Result<(Fact, SignatureValid), Reason> {
    let key = &authority.key;
    let scheme = match &entity.content {
        Content::SimpleSigning { payload, signature } => first_valid(authority, |s| key.verify_with(s, payload, signature)),
        Content::Envelope(envelope) => {
            let signed = envelope.pae();
            first_valid(authority, |s| key.verify_with(s, &signed, &envelope.signature))
        }
        Content::Message(message) => first_valid(authority, |s| verify_message(key, s, message, artifact)),
    }?;
    Ok((Fact::Signed { scheme, key: key.fingerprint() }, SignatureValid { scheme }))
}

/// The first scheme of the authority that holds. Schemes are domain-separated or differ in the hash alone, so trying the few that
/// the policy allows gives a forger nothing; the report names the one that held.
fn first_valid(
    authority: &KeyAuthority,
    verify: impl Fn(SignatureScheme) -> Result<(), SignatureError>,
) -> Result<SignatureScheme, SignatureError> {
    let mut first_error = None;
    for scheme in &authority.schemes {
        match verify(*scheme) {
            Ok(()) => return Ok(*scheme),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| SignatureError::no_scheme(&authority.key)))
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
