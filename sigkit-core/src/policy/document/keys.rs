//! Keys, identities and their trusted roots, as documents write them.

use std::sync::Arc;

use serde::Deserialize;

use super::{Reading, Shape};
use crate::crypto::{PublicKey, pem};
use crate::digest::DigestAlgorithm;
use crate::policy::{Identity, KeyAuthority, Pattern};
use crate::trust::{CertificateAuthority, RootError, RootReference, Validity};

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
    /// The trusted root of documents that name none.
    pub(super) fn root(&self) -> RootReference {
        self.resolver.default_root().into()
    }

    /// The reference, if the deployment has now what it refers to: a document that asks for something else is probably a mistake.
    pub(super) fn checked(&self, reference: RootReference) -> Result<RootReference, Shape> {
        let root = match reference.name() {
            Some(name) => self.resolver.trusted_root(name).map_err(|problem| Shape::at("", problem))?,
            None => Arc::default(),
        };
        match reference.select(&root) {
            Ok(_) => Ok(reference),
            Err(error @ (RootError::Log { .. } | RootError::Issuer { .. })) => Err(Shape::at("url", error)),
            Err(error) => Err(Shape::at("", error)),
        }
    }

    /// The certificate authority of these certificates in PEM.
    pub(super) fn issuer(&self, pem: &[u8]) -> Result<CertificateAuthority, Shape> {
        let wrong = |problem: String| Shape::at("", format!("expected certificates in PEM: {problem}"));
        let mut certificates = Vec::new();
        for block in pem::blocks(pem).map_err(|error| wrong(error.to_string()))? {
            if block.label() != "CERTIFICATE" {
                return Err(wrong(format!("found a block of type {}", block.label())));
            }
            certificates.push(block.decode_public().map_err(|error| wrong(error.to_string()))?);
        }
        let none: &[Vec<u8>] = &[];
        CertificateAuthority::from_pools("", none, &certificates, Validity::ALWAYS, self.limits)
            .map_err(|error| wrong(error.to_string()))
    }
}
