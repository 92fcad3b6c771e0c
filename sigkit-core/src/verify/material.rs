//! Step 1, for a key: the verification material leaves the judgement to it.
//!
//! A bundle says whether a key or a certificate verifies it, and that must fit the authority. The certificate beside a layer of
//! cosign's legacy format is an unsigned annotation that cosign also attaches to signatures of plain keys, so it says nothing.

use crate::bundle::{SignedEntity, VerificationMaterial};
use crate::content::Content;
use crate::reason::Reason;
use crate::report::Fact;

/// Proof that the authority's own key, and no key from the evidence, judges the signature.
#[derive(Clone, Debug)]
pub(crate) struct KeyTrusted(());

pub(super) fn check(entity: &SignedEntity) -> Result<(Fact, KeyTrusted), Reason> {
    match (&entity.material, &entity.content) {
        (VerificationMaterial::Unspecified | VerificationMaterial::KeyHint(_), _)
        | (VerificationMaterial::Certificate(_), Content::SimpleSigning { .. }) => {
            Ok((Fact::KeyFromPolicy, KeyTrusted(())))
        }
        (VerificationMaterial::Certificate(_), _) => Err(Reason::MaterialMismatch {
            expected: "a signature made with a key",
            found: "a signature made with a certificate",
        }),
    }
}
