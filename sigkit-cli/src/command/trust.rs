//! The policy that flags say.

use sigkit_core::crypto::{Curve, KeyAlgorithm, PublicKey, SignatureScheme};
use sigkit_core::digest::DigestAlgorithm;
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};

use crate::args::{PublicKeyArgs, SignatureDigest};
use crate::context::Context;
use crate::error::CliError;

/// The policy of `--key`, `--threshold` and `--signature-digest-algorithm`.
///
/// # Errors
/// Keys that cannot be read, and a threshold that they cannot meet.
pub(crate) fn policy(
    purpose: Purpose,
    args: &PublicKeyArgs,
    digest: Option<SignatureDigest>,
    context: &Context,
) -> Result<Policy, CliError> {
    if args.key.is_empty() {
        return Err(CliError::Usage(
            "expected --key: nothing is verified without saying who must have signed".to_owned(),
        ));
    }
    let mut authorities = Vec::new();
    for source in &args.key {
        let key = context.public_key(source)?;
        let scheme = digest.map(|digest| scheme(&key, digest)).transpose()?;
        let authority = KeyAuthority::new(source.to_string(), key);
        authorities.push(scheme.into_iter().fold(authority, KeyAuthority::with_scheme));
    }
    let policy = Policy::keys(purpose, args.threshold, authorities);
    let policy = policy.map_err(|error| CliError::Usage(format!("--threshold: {error}")))?;
    Ok(policy.with_limits(context.limits()?))
}

/// The one scheme that `--signature-digest-algorithm` leaves.
fn scheme(key: &PublicKey, digest: SignatureDigest) -> Result<SignatureScheme, CliError> {
    let algorithm = match digest {
        SignatureDigest::Sha256 => DigestAlgorithm::Sha256,
        SignatureDigest::Sha384 => DigestAlgorithm::Sha384,
        SignatureDigest::Sha512 => DigestAlgorithm::Sha512,
    };
    let scheme = match key.algorithm() {
        KeyAlgorithm::EcdsaP256 => SignatureScheme::Ecdsa(Curve::P256, algorithm),
        KeyAlgorithm::EcdsaP384 => SignatureScheme::Ecdsa(Curve::P384, algorithm),
        KeyAlgorithm::EcdsaP521 => SignatureScheme::Ecdsa(Curve::P521, algorithm),
        KeyAlgorithm::Rsa { .. } => SignatureScheme::RsaPkcs1(algorithm),
        KeyAlgorithm::Ed25519 => SignatureScheme::Ed25519ph,
    };
    if key.accepted_schemes().contains(&scheme) {
        return Ok(scheme);
    }
    let usual = key.accepted_schemes().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let why = format!("--signature-digest-algorithm: {} keys sign as {usual}, not as {scheme}", key.algorithm());
    Err(CliError::Usage(why))
}
