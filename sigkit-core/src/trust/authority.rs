//! Authorities that issue certificates: their own certificates, checked once, and the path from a leaf to them.

use std::collections::HashSet;
use std::time::Duration;

use der::asn1::ObjectIdentifier;
use pki_types::{CertificateDer, SignatureVerificationAlgorithm};

use super::certificate::{NAME_CONSTRAINTS, Parts};
use super::{Certificate, CertificateError, Validity};
use crate::backend::certificates as algorithms;
use crate::limits::Limits;
use crate::time::UnixTime;

/// Signatures on certificates that are checked to set up one authority, at most; webpki's bound on one path.
const MAX_SIGNATURES: usize = 100;
/// Certificates on one path, at most.
const MAX_DEPTH: usize = 6;

/// A trusted authority: a root, the certificates below it, and the period of trust.
#[derive(Clone, Debug)]
pub struct CertificateAuthority {
    uri: String,
    certificates: Vec<Certificate>,
    paths: Vec<Path>,
    validity: Validity,
}

/// A way from one of the authority's certificates up to a root, whose signatures hold.
#[derive(Clone, Debug)]
struct Path {
    /// Positions in `certificates`, the root last.
    members: Vec<usize>,
    /// How many more certificates of authorities may be below the first; `None` means no bound, and has no meaning for one that is
    /// itself no authority.
    depth_left: Option<u8>,
    /// Whether the first is an authority itself.
    issues: bool,
}

/// What a certificate must be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Signing artifacts.
    CodeSigning,
    /// Signing RFC 3161 timestamps.
    TimeStamping,
}

impl Usage {
    pub(crate) const fn id(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"),
            Self::TimeStamping => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
        }
    }

    const fn key_usage(self) -> webpki::KeyUsage {
        // An authority without the extension is good for any use; the leaf's own is judged by its profile.
        webpki::KeyUsage::required_if_present(match self {
            Self::CodeSigning => &[0x2b, 6, 1, 5, 5, 7, 3, 3],
            Self::TimeStamping => &[0x2b, 6, 1, 5, 5, 7, 3, 8],
        })
    }
}

/// Why certificates do not make an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// None at all.
    #[error("an authority needs at least one certificate")]
    Empty,
    /// More than allowed.
    #[error("{found} certificates; at most {limit} are read")]
    TooMany {
        /// How many there are.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// One of them is not a certificate.
    #[error("certificate {number}: {error}")]
    Certificate {
        /// Counted from 1, as given.
        number: usize,
        /// Why.
        error: CertificateError,
    },
    /// One was not issued by the next.
    #[error("certificate {number} ({subject}) is not issued by the next one ({issuer}): {detail}")]
    Broken {
        /// Counted from 1, as given.
        number: usize,
        /// Its subject.
        subject: String,
        /// The subject of the next one.
        issuer: String,
        /// What does not fit.
        detail: &'static str,
    },
    /// More ways through the certificates than are worth trying.
    #[error(
        "the certificates sign each other in too many ways: more than {MAX_SIGNATURES} signatures would have to be checked"
    )]
    TooManyPaths,
}

/// Why no path leads from a certificate to an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A certificate, or the trust in its authority, does not cover a time at which the signature was made.
    #[error("{what} is valid {window}, but was used at {time}")]
    NotValidAt {
        /// Whose window.
        what: String,
        /// The window.
        window: Validity,
        /// The time.
        time: UnixTime,
    },
    /// No authority of the trusted root issued it.
    #[error("no certificate authority of the trusted root issued the certificate of {issuer}: {detail}")]
    NoPath {
        /// The issuer it names.
        issuer: String,
        /// What was found on the path.
        detail: String,
    },
}

/// The key by which a leaf was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerKey {
    /// The DER of its SubjectPublicKeyInfo.
    pub(crate) spki: Vec<u8>,
}

impl CertificateAuthority {
    /// An authority from a chain in DER: each certificate issued by the next, the last one the root. What is not an authority's own
    /// certificate may come first, as that of a timestamp authority does.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn from_chain(
        uri: impl Into<String>,
        chain: &[impl AsRef<[u8]>],
        validity: Validity,
        limits: &Limits,
    ) -> Result<Self, AuthorityError> {
        Self::of_chain(uri, chain, validity, limits, issued)
    }

    /// The same, by another check of child and parent, which says what does not fit.
    pub(super) fn of_chain(
        uri: impl Into<String>,
        chain: &[impl AsRef<[u8]>],
        validity: Validity,
        limits: &Limits,
        issued: fn(&Certificate, &Certificate) -> Result<(), &'static str>,
    ) -> Result<Self, AuthorityError> {
        let certificates = read(chain, limits)?;
        for (number, pair) in (1..).zip(certificates.windows(2)) {
            let [child, parent] = pair else { continue };
            issued(child, parent).map_err(|detail| AuthorityError::Broken {
                number,
                subject: child.subject(),
                issuer: parent.subject(),
                detail,
            })?;
        }
        let roots = certificates.len().saturating_sub(1);
        Self::new(uri.into(), certificates, roots, validity, |child, parent| parent.checked_sub(1) == Some(child))
    }

    /// An authority from two heaps in DER: certificates below the roots, in any order, and roots.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn from_pools(
        uri: impl Into<String>,
        intermediates: &[impl AsRef<[u8]>],
        roots: &[impl AsRef<[u8]>],
        validity: Validity,
        limits: &Limits,
    ) -> Result<Self, AuthorityError> {
        let mut certificates = read(intermediates, limits)?;
        let first_root = certificates.len();
        certificates.extend(read(roots, limits)?);
        if certificates.len() == first_root {
            return Err(AuthorityError::Empty);
        }
        Self::new(uri.into(), certificates, first_root, validity, |_, _| false)
    }

    /// The address as the trusted root has it; may be empty.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Its certificates, as given.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// When its certificates are trusted.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// Finds every way up to a root once, so that no signature within the authority is checked when a leaf is. `checked` knows by their
    /// positions the pairs of child and parent that were checked before.
    fn new(
        uri: String,
        certificates: Vec<Certificate>,
        first_root: usize,
        validity: Validity,
        checked: impl Fn(usize, usize) -> bool,
    ) -> Result<Self, AuthorityError> {
        if certificates.is_empty() {
            return Err(AuthorityError::Empty);
        }
        let mut paths: Vec<Path> = Vec::new();
        for (position, root) in certificates.iter().enumerate().skip(first_root) {
            paths.push(Path { members: vec![position], depth_left: depth(root), issues: true });
        }
        let mut signatures = 0_usize;
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            next = next.saturating_add(1);
            let Some((above, parent)) =
                path.members.first().and_then(|position| Some((*position, certificates.get(*position)?)))
            else {
                continue;
            };
            let constrained = path.members.iter().filter_map(|position| certificates.get(*position));
            // A certificate below a name constraint is left to webpki, which knows how to apply it.
            if !path.issues
                || path.members.len() >= MAX_DEPTH
                || constrained.clone().any(|member| member.extension(NAME_CONSTRAINTS).is_some())
            {
                continue;
            }
            for (position, child) in certificates.iter().enumerate().take(first_root) {
                if path.members.contains(&position) || child.issuer_der() != parent.subject_der() {
                    continue;
                }
                let issues = is_authority(child);
                if issues && path.depth_left == Some(0) {
                    continue;
                }
                signatures = signatures.saturating_add(1);
                if signatures > MAX_SIGNATURES {
                    return Err(AuthorityError::TooManyPaths);
                }
                if !checked(position, above) && issued(child, parent).is_err() {
                    continue;
                }
                let inherited = path.depth_left.map(|left| left.saturating_sub(1));
                let depth_left = [inherited, depth(child)].into_iter().flatten().min();
                let members = [&[position], path.members.as_slice()].concat();
                paths.push(Path { members, depth_left, issues });
            }
        }
        Ok(Self { uri, certificates, paths, validity })
    }

    /// A path from `leaf` to this authority that is valid at every one of `times`, of which there must be one at least. `others` are
    /// untrusted certificates from the signature; they may be on the path and are never its end.
    ///
    /// # Errors
    /// [`PathError`].
    pub(crate) fn path(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        usage: Usage,
        times: &[UnixTime],
    ) -> Result<IssuerKey, PathError> {
        let no_path = |detail: String| PathError::NoPath { issuer: leaf.issuer(), detail };
        let concerned = |name: &[u8]| self.certificates.iter().any(|certificate| certificate.subject_der() == name);
        let own = self.certificates.iter().any(|certificate| certificate.der() == leaf.der());
        if !own && !concerned(leaf.issuer_der()) && !others.iter().any(|other| concerned(other.issuer_der())) {
            return Err(no_path("no certificate of that name".to_owned()));
        }
        covers(&|| "the certificate".to_owned(), leaf.validity(), times)?;
        covers(&|| "the trust in the authority".to_owned(), self.validity, times)?;
        let mut out_of_window = None;
        let mut anchors = Vec::new();
        for path in &self.paths {
            let members: Vec<&Certificate> =
                path.members.iter().filter_map(|position| self.certificates.get(*position)).collect();
            let Some(first) = members.first() else { continue };
            let is_leaf = first.der() == leaf.der();
            if !is_leaf && (!path.issues || !members.iter().all(|member| good_for(member, usage))) {
                continue;
            }
            let covered = members.iter().try_for_each(|member| {
                covers(&|| format!("the authority {}", member.subject()), member.validity(), times)
            });
            match covered {
                Err(error) if is_leaf || first.subject_der() == leaf.issuer_der() => out_of_window = Some(error),
                Err(_) => {}
                Ok(()) if is_leaf => {
                    let issuer = members.get(1).unwrap_or(first);
                    return Ok(IssuerKey { spki: issuer.spki_der().to_vec() });
                }
                Ok(()) => anchors.push((path, CertificateDer::from(first.der()))),
            }
        }
        self.search(leaf, others, usage, times, &anchors).map_err(|error| match (error, out_of_window) {
            (webpki::Error::UnknownIssuer, Some(out_of_window)) => out_of_window,
            (error, _) => no_path(crate::cause::in_words(&error)),
        })
    }

    fn search(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        usage: Usage,
        times: &[UnixTime],
        ends: &[(&Path, CertificateDer<'_>)],
    ) -> Result<IssuerKey, webpki::Error> {
        let anchors =
            ends.iter().map(|(_, der)| webpki::anchor_from_trusted_cert(der)).collect::<Result<Vec<_>, _>>()?;
        let reached: HashSet<usize> = self.paths.iter().filter_map(|path| path.members.first().copied()).collect();
        let unreached = self.certificates.iter().enumerate().filter(|(position, _)| !reached.contains(position));
        let between: Vec<CertificateDer<'_>> = unreached
            .map(|(_, certificate)| certificate)
            .chain(others)
            .map(|certificate| CertificateDer::from(certificate.der()))
            .collect();
        let der = CertificateDer::from(leaf.der());
        let leaf = webpki::EndEntityCert::try_from(&der)?;
        let first = times.first().and_then(|time| u64::try_from(time.0).ok()).ok_or(webpki::Error::BadDerTime)?;
        let time = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(first));
        let acceptable = |candidate: &webpki::VerifiedPath<'_>| {
            let end = anchors.iter().position(|anchor| std::ptr::eq(anchor, candidate.anchor()));
            let Some((path, _)) = end.and_then(|position| ends.get(position)) else {
                return Err(webpki::Error::UnknownIssuer);
            };
            let below = candidate.intermediate_certificates().count();
            if path.depth_left.is_some_and(|left| usize::from(left) < below) {
                return Err(webpki::Error::PathLenConstraintViolated);
            }
            if path.members.len().saturating_add(below) >= MAX_DEPTH {
                return Err(webpki::Error::MaximumPathDepthExceeded);
            }
            candidate.intermediate_certificates().try_for_each(|member| {
                let member = Certificate::from_der(&member.der()).map_err(|_| webpki::Error::BadDer)?;
                if !may_issue(&member) {
                    return Err(webpki::Error::EndEntityUsedAsCa);
                }
                let outside = times.iter().any(|time| !member.validity().contains(*time));
                if outside { Err(webpki::Error::InvalidCertValidity) } else { Ok(()) }
            })
        };
        let path =
            leaf.verify_for_usage(ALGORITHMS, &anchors, &between, time, usage.key_usage(), None, Some(&acceptable))?;
        Ok(IssuerKey { spki: path.issuer_spki().to_vec() })
    }
}

/// How signatures on certificates may be made.
static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    #[cfg(feature = "aws-lc-rs")]
    algorithms::ECDSA_P521_SHA512,
    algorithms::ED25519,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
];

fn read(chain: &[impl AsRef<[u8]>], limits: &Limits) -> Result<Vec<Certificate>, AuthorityError> {
    let (found, limit) = (chain.len(), limits.chain_certificates);
    if found > limit {
        return Err(AuthorityError::TooMany { found, limit });
    }
    let numbered = (1..).zip(chain);
    numbered
        .map(|(number, der)| {
            Certificate::from_der(der.as_ref()).map_err(|error| AuthorityError::Certificate { number, error })
        })
        .collect()
}

fn covers(what: &dyn Fn() -> String, window: Validity, times: &[UnixTime]) -> Result<(), PathError> {
    match times.iter().find(|time| !window.contains(**time)) {
        None => Ok(()),
        Some(time) => Err(PathError::NotValidAt { what: what(), window, time: *time }),
    }
}

/// The message for a certificate that is signed by an algorithm outside [`ALGORITHMS`].
pub(super) const UNKNOWN_ALGORITHM: &str = "its signature algorithm is not accepted";

/// Whether `parent` may issue certificates and did issue `child`; else what does not fit.
pub(super) fn issued(child: &Certificate, parent: &Certificate) -> Result<(), &'static str> {
    if child.issuer_der() != parent.subject_der() {
        return Err("it names another issuer");
    }
    if !may_issue(parent) {
        return Err("that is not the certificate of an authority");
    }
    let parts = Parts::read(child.der()).map_err(|_| "it is not DER")?;
    if parts.algorithm != parts.inner_algorithm {
        return Err("it names two signature algorithms");
    }
    let spki = spki::SubjectPublicKeyInfoRef::try_from(parent.spki_der()).map_err(|_| "the issuer's key is not DER")?;
    let key = spki.subject_public_key.as_bytes().ok_or("the issuer's key is not made of whole bytes")?;
    let of_key = algorithm_of_key(parent.spki_der()).map_err(|_| "the issuer's key is not DER")?;
    let algorithm = ALGORITHMS.iter().find(|algorithm| {
        algorithm.signature_alg_id().as_ref() == parts.algorithm && algorithm.public_key_alg_id().as_ref() == of_key
    });
    let algorithm = algorithm.ok_or(UNKNOWN_ALGORITHM)?;
    algorithm.verify_signature(key, parts.tbs, parts.signature).map_err(|_| "the signature does not verify")
}

/// The contents of the AlgorithmIdentifier of a SubjectPublicKeyInfo.
fn algorithm_of_key(spki: &[u8]) -> der::Result<&[u8]> {
    use der::{Decode, Reader};
    let mut reader = der::SliceReader::new(spki)?;
    reader.sequence(|body| {
        let algorithm = der::asn1::AnyRef::decode(body)?;
        body.tlv_bytes()?;
        Ok(algorithm.value())
    })
}

/// Returns true if basic constraints say that it is an authority.
fn is_authority(certificate: &Certificate) -> bool {
    matches!(certificate.basic_constraints(), Ok(Some(constraints)) if constraints.ca)
}

/// An authority whose key may sign certificates.
fn may_issue(certificate: &Certificate) -> bool {
    let signs = certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.key_cert_sign()));
    is_authority(certificate) && signs
}

fn depth(certificate: &Certificate) -> Option<u8> {
    certificate.basic_constraints().ok().flatten()?.path_len_constraint
}

/// Returns true if extended key usages, where there are any, allow it.
fn good_for(certificate: &Certificate, usage: Usage) -> bool {
    certificate.extended_key_usage().is_ok_and(|usages| usages.is_none_or(|usages| usages.contains(&usage.id())))
}
