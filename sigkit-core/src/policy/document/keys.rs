//! Keys, identities and their trusted roots, as documents write them.

use std::sync::Arc;

use serde::Deserialize;

use super::{Reading, Shape};
use crate::crypto::{PublicKey, pem};
use crate::digest::DigestAlgorithm;
use crate::policy::{Identity, KeyAuthority, Pattern};
use crate::trust::{CertificateAuthority, TransparencyLog, TrustedRoot, Validity};

/// A public key in PEM.
#[derive(Clone, Debug)]
pub(super) struct PemKey(pub(super) PublicKey);

impl<'de> Deserialize<'de> for PemKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        PublicKey::from_pem(text.trim().as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The digest that a signature is over, where the key alone does not tell.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl HashAlgorithm {
    /// The key, with the schemes that are left for it.
    pub(super) fn narrow(self, authority: KeyAuthority) -> Result<KeyAuthority, Shape> {
        let algorithm = match self {
            Self::Sha256 => DigestAlgorithm::Sha256,
            Self::Sha384 => DigestAlgorithm::Sha384,
            Self::Sha512 => DigestAlgorithm::Sha512,
        };
        authority.with_hash(algorithm).map_err(|error| Shape::at("hashAlgorithm", error))
    }
}

/// Subject and issuer of a certificate, each exactly or by a regular expression that fits all of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct WireIdentity {
    subject: Option<String>,
    subject_reg_exp: Option<String>,
    issuer: Option<String>,
    issuer_reg_exp: Option<String>,
    /// That the certificate names no issuer; a word of our own documents.
    issuer_absent: Option<bool>,
}

impl WireIdentity {
    /// The identity of a ClusterImagePolicy, which has no certificates without issuer.
    pub(super) fn identity(&self) -> Result<Identity, Shape> {
        match self.issuer_absent {
            None => self.own_identity(),
            Some(_) => Err(Shape::at("issuerAbsent", "unknown field: only an ImagePolicy has it")),
        }
    }

    /// The identity; both halves must be there, for neither says much without the other.
    pub(super) fn own_identity(&self) -> Result<Identity, Shape> {
        let subject = pattern("subject", self.subject.as_deref(), self.subject_reg_exp.as_deref())?;
        match (self.issuer_absent, self.issuer.is_some() || self.issuer_reg_exp.is_some()) {
            (None, _) => {}
            (Some(true), false) => return Ok(Identity::without_issuer(subject)),
            (Some(true), true) => {
                return Err(Shape::at("issuerAbsent", "cannot be used with an issuer: give one of the two"));
            }
            (Some(false), _) => return Err(Shape::at("issuerAbsent", "expected true, or no such member")),
        }
        let issuer = pattern("issuer", self.issuer.as_deref(), self.issuer_reg_exp.as_deref())?;
        Ok(Identity::new(subject, issuer))
    }
}

fn pattern(name: &str, exact: Option<&str>, regexp: Option<&str>) -> Result<Pattern, Shape> {
    let wrong = |problem: String| Shape::at(name, problem);
    match (exact, regexp) {
        (Some(text), None) => Pattern::exact(text).map_err(|error| wrong(error.to_string())),
        (None, Some(text)) => Pattern::regexp(text).map_err(|error| Shape::at(format!("{name}RegExp"), error)),
        (None, None) => Err(wrong(format!("expected {name} or {name}RegExp, found neither"))),
        (Some(_), Some(_)) => Err(wrong(format!("expected {name} or {name}RegExp, found both"))),
    }
}

impl Reading<'_> {
    /// The trusted root, for members that need one.
    pub(super) fn trusted_root(&self) -> Result<Arc<TrustedRoot>, Shape> {
        self.resolver.trusted_root().map_err(|problem| Shape::at("", problem))
    }

    /// The trusted root with the logs of this address alone.
    pub(super) fn root_with_log(&self, url: &str) -> Result<Arc<TrustedRoot>, Shape> {
        let root = self.trusted_root()?;
        let is_meant = |log: &&TransparencyLog| is_address(log.base_url(), url);
        let logs: Vec<_> = root.logs().iter().filter(is_meant).cloned().collect();
        if logs.is_empty() {
            let known = root.logs().iter().map(TransparencyLog::base_url).collect::<Vec<_>>().join(", ");
            return Err(Shape::at("url", format!("the trusted root does not have log {url:?}: it has {known}")));
        }
        assemble(logs, root.certificate_authorities(), &root)
    }

    /// The trusted root with the certificate authorities of this address alone.
    pub(super) fn root_with_authority(&self, url: &str, base: &TrustedRoot) -> Result<Arc<TrustedRoot>, Shape> {
        let is_meant = |authority: &&CertificateAuthority| is_address(authority.uri(), url);
        let authorities: Vec<_> = base.certificate_authorities().iter().filter(is_meant).cloned().collect();
        if authorities.is_empty() {
            return Err(Shape::at("url", format!("the trusted root does not have certificate authority {url:?}")));
        }
        assemble(base.logs().to_vec(), &authorities, base)
    }

    /// A trusted root of these certificate authorities, in PEM, and of these logs; the rest is as in `base`.
    pub(super) fn root_with_authorities(
        &self,
        pem: &[u8],
        logs: Vec<TransparencyLog>,
        base: &TrustedRoot,
    ) -> Result<Arc<TrustedRoot>, Shape> {
        let wrong = |problem: String| Shape::at("", format!("expected certificates in PEM: {problem}"));
        let mut certificates = Vec::new();
        for block in pem::blocks(pem).map_err(|error| wrong(error.to_string()))? {
            if block.label() != "CERTIFICATE" {
                return Err(wrong(format!("found a block of type {}", block.label())));
            }
            certificates.push(block.decode_public().map_err(|error| wrong(error.to_string()))?);
        }
        let none: &[Vec<u8>] = &[];
        let authority = CertificateAuthority::from_pools("", none, &certificates, Validity::ALWAYS, self.limits)
            .map_err(|error| wrong(error.to_string()))?;
        assemble(logs, &[authority], base)
    }
}

fn is_address(known: &str, url: &str) -> bool {
    known.trim_end_matches('/') == url.trim_end_matches('/')
}

fn assemble(
    logs: Vec<TransparencyLog>,
    authorities: &[CertificateAuthority],
    base: &TrustedRoot,
) -> Result<Arc<TrustedRoot>, Shape> {
    let mut root = TrustedRoot::default();
    let doubled = |error| Shape::at("", error);
    logs.into_iter().try_for_each(|log| root.add_log(log)).map_err(doubled)?;
    base.certificate_logs().iter().try_for_each(|log| root.add_certificate_log(log.clone())).map_err(doubled)?;
    authorities.iter().for_each(|authority| root.add_certificate_authority(authority.clone()));
    base.timestamp_authorities().iter().for_each(|authority| root.add_timestamp_authority(authority.clone()));
    Ok(Arc::new(root))
}
