//! The policy that flags say, and what they trust.

use std::num::NonZeroUsize;

use sigkit_core::policy::{
    Authority, Identity, KeyAuthority, KeylessAuthority, Pattern, PatternError, Policy, Purpose,
    TransparencyRequirements,
};
use sigkit_core::trust::Trust;

use crate::args::{LogRequirement, PublicKeyArgs, SignatureDigest, SignersBy, TrustArgs, Wanted, WantedIdentity};
use crate::context::Context;
use crate::error::CliError;
use crate::settings::trusted_root::{FLAGS_ROOT, certificate as certificate_file, detached_sct, trusted_root};

/// What evidence is judged by.
#[derive(Debug)]
pub(crate) struct Criteria {
    /// Who must have signed, and what else must hold.
    pub(crate) policy: Policy,
    /// The limits, and the trusted root of the flags.
    pub(crate) trust: Trust,
}

/// The criteria of the flags that say whom to trust, and of `--signature-digest-algorithm`.
///
/// # Errors
/// Keys, certificates and roots that cannot be read, conflicting flags, and a threshold that cannot be met.
pub(crate) fn criteria(
    purpose: Purpose,
    args: &TrustArgs,
    digest: Option<SignatureDigest>,
    context: &Context,
) -> Result<Criteria, CliError> {
    let trust = Trust::default().with_limits(context.limits()?);
    match args.by()? {
        SignersBy::Key => of_keys(purpose, args, digest, trust, context),
        SignersBy::Identity => of_identities(purpose, args, digest, trust, context),
    }
}

/// Flags of `--key`, `--threshold` and `--signature-digest-algorithm`. Logs and timestamps are looked at when a trusted root is
/// named or something is asked of them.
fn of_keys(
    purpose: Purpose,
    args: &TrustArgs,
    digest: Option<SignatureDigest>,
    mut trust: Trust,
    context: &Context,
) -> Result<Criteria, CliError> {
    let log = &args.log;
    let wanted = log.trusted_root.is_some()
        || log.timestamp_certificate_chain.is_some()
        || log.use_signed_timestamps
        || log.requirement()? == LogRequirement::Required;
    if wanted {
        trust = trust.with_root(FLAGS_ROOT, trusted_root(args, context)?);
    }
    let transparency = transparency(args, TransparencyRequirements::IF_PRESENT)?;
    let PublicKeyArgs { key: sources, threshold } = &args.keys;
    let mut authorities = Vec::new();
    for source in sources {
        let key = context.public_key(source)?;
        let authority = KeyAuthority::new(source.to_string(), key);
        let authority = if wanted { authority.with_transparency(FLAGS_ROOT, transparency) } else { authority };
        let refused = |error| CliError::usage(format!("--signature-digest-algorithm: {source}: {error}"));
        authorities.push(match digest {
            Some(digest) => authority.with_hash(digest.into()).map_err(refused)?,
            None => authority,
        });
    }
    let policy = Policy::keys(purpose, *threshold, authorities);
    Ok(Criteria { policy: policy.map_err(|error| CliError::usage(format!("--threshold: {error}")))?, trust })
}

/// Flags of certificates and their identities.
fn of_identities(
    purpose: Purpose,
    args: &TrustArgs,
    digest: Option<SignatureDigest>,
    mut trust: Trust,
    context: &Context,
) -> Result<Criteria, CliError> {
    let pairs = args.identities.pairs()?;
    trust = trust.with_root(FLAGS_ROOT, trusted_root(args, context)?);
    let transparency = transparency(args, TransparencyRequirements::LOGGED)?;
    let certificate = args.certificates.certificate.as_deref();
    let certificate = certificate.map(|path| certificate_file("--certificate", path, context)).transpose()?;
    let sct = args.certificates.sct.as_deref().map(|path| detached_sct("--sct", path, context)).transpose()?;
    let mut authorities = Vec::new();
    for pair in pairs {
        let identity = identity(args, &pair).map_err(|error| CliError::usage(error.to_string()))?;
        let mut authority = KeylessAuthority::new(identity).with_root(FLAGS_ROOT).with_transparency(transparency);
        if let Some(leaf) = &certificate {
            authority = authority.with_certificates(leaf.clone(), []);
        }
        if let Some(sct) = &sct {
            authority = authority.with_detached_sct(sct.clone());
        }
        if let Some(digest) = digest {
            authority = authority.with_hash(digest.into());
        }
        if args.certificates.insecure_ignore_sct {
            authority = authority.dangerous_without_sct();
        }
        authorities.push(Authority::Keyless(authority));
    }
    let policy = Policy::at_least(purpose, args.keys.threshold, authorities);
    Ok(Criteria { policy: policy.map_err(|error| CliError::usage(format!("--threshold: {error}")))?, trust })
}

fn identity(args: &TrustArgs, pair: &WantedIdentity<'_>) -> Result<Identity, PatternError> {
    let pattern = |wanted: Wanted<'_>| match wanted {
        Wanted::Exact(text) => Pattern::exact(text),
        Wanted::Regexp(text) if args.identities.compat_unanchored_regexp => Pattern::dangerous_unanchored_regexp(text),
        Wanted::Regexp(text) => Pattern::regexp(text),
    };
    let identity = match pair.issuer {
        Some(issuer) => Identity::new(pattern(pair.identity)?, pattern(issuer)?),
        None => Identity::without_issuer(pattern(pair.identity)?),
    };
    args.identities.workflow().try_fold(identity, |identity, (name, value)| identity.with_extension(name, value))
}

fn transparency(args: &TrustArgs, usual: TransparencyRequirements) -> Result<TransparencyRequirements, CliError> {
    let transparency = match args.log.requirement()? {
        LogRequirement::Usual => usual,
        LogRequirement::Required => usual.with_logs(NonZeroUsize::MIN),
        // A key requires none anyhow, and what the signature has must hold all the same.
        LogRequirement::Waived if usual == TransparencyRequirements::IF_PRESENT => usual,
        LogRequirement::Waived => usual.dangerous_without_log(),
    };
    Ok(if args.log.use_signed_timestamps { transparency.with_timestamps(NonZeroUsize::MIN) } else { transparency })
}
