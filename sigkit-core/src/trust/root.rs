//! Trusted roots: which logs and authorities are trusted, and when.
//!
//! The protobuf JSON of sigstore's `TrustedRoot`. It is read strictly: a member that is not understood might narrow the trust, so that an
//! entry that has one, or a kind of key or hash from the future, is set aside as a whole. It is then missing where it is needed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::authority::{UNKNOWN_ALGORITHM, issued};
use super::{AuthorityError, Certificate, CertificateAuthority, CertificateError, LogId, TransparencyLog, Validity};
use crate::crypto::{KeyError, PublicKey};
use crate::json::{self, JsonError};
use crate::limits::Limits;
use crate::time::UnixTime;

/// The trusted root of the public Sigstore instance; see the README next to it for its origin.
const PUBLIC_GOOD: &[u8] = include_bytes!("../../data/public-good-trusted-root.json");

const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// What verification trusts. All of it comes from one source that the user chose, and nothing from what is being verified.
#[derive(Clone, Debug, Default)]
pub struct TrustedRoot {
    logs: Vec<TransparencyLog>,
    certificate_logs: Vec<TransparencyLog>,
    certificate_authorities: Vec<CertificateAuthority>,
    timestamp_authorities: Vec<CertificateAuthority>,
    set_aside: Vec<SetAside>,
}

/// An entry of a trusted root with something unknown, so that it is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// The entry's path: `tlogs[1]`.
    pub entry: String,
    /// What in it is unknown.
    pub unknown: String,
}

impl std::fmt::Display for SetAside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: not trusted, since this version does not know its {}", self.entry, self.unknown)
    }
}

/// Why a document is not a trusted root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedRootError {
    /// Too large.
    #[error("trusted root: {found} bytes; at most {limit} are read")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// Not strict JSON of the right shape.
    #[error("trusted root: {0}")]
    Json(#[from] JsonError),
    /// A media type that names no known version.
    #[error("trusted root: expected media type {}, found {found:?}", MEDIA_TYPES[0])]
    Version {
        /// The media type, cut to 200 characters.
        found: String,
    },
    /// A member that is missing or cannot be meant.
    #[error("trusted root: {at}: expected {expected}, found {found}")]
    Member {
        /// The member's path.
        at: String,
        /// The expected value.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// A key that may not be used.
    #[error("trusted root: {at}: {error}")]
    Key {
        /// The member's path.
        at: String,
        /// Why.
        error: KeyError,
    },
    /// Certificates that make no authority.
    #[error("trusted root: {at}: {error}")]
    Authority {
        /// The member's path.
        at: String,
        /// Why.
        error: AuthorityError,
    },
    /// Two logs of one name, which is ambiguous.
    #[error("trusted root: two logs have the id {id}")]
    DuplicateLog {
        /// The id.
        id: LogId,
    },
}

impl TrustedRoot {
    /// Reads `trusted_root.json`. One without any entry is read as well: people sign with a key and such a root, and nothing that
    /// needs a log or timestamp will verify with it.
    ///
    /// # Errors
    /// [`TrustedRootError`].
    pub fn from_json(bytes: &[u8], limits: &Limits) -> Result<Self, TrustedRootError> {
        if bytes.len() > limits.trusted_root_bytes {
            return Err(TrustedRootError::TooLarge { found: bytes.len(), limit: limits.trusted_root_bytes });
        }
        let wire: Wire = json::from_slice(bytes)?;
        if !MEDIA_TYPES.contains(&wire.media_type.as_str()) {
            return Err(TrustedRootError::Version { found: wire.media_type.chars().take(200).collect() });
        }
        // What is compiled in was checked when this was built.
        let issued = if bytes == PUBLIC_GOOD { |_: &Certificate, _: &Certificate| Ok(()) } else { issued };
        let mut root = Self::default();
        root.set_aside.extend(wire.rest.keys().map(|name| SetAside { entry: clip(name), unknown: "name".to_owned() }));
        for (at, log) in numbered("tlogs", wire.tlogs, limits)? {
            if let Some(log) = root.known(&at, log.read(&at))? {
                root.add_log(log)?;
            }
        }
        for (at, log) in numbered("ctlogs", wire.ctlogs, limits)? {
            if let Some(log) = root.known(&at, log.read(&at))? {
                root.add_certificate_log(log)?;
            }
        }
        for (at, authority) in numbered("certificateAuthorities", wire.certificate_authorities, limits)? {
            if let Some(authority) = root.known(&at, authority.read(&at, limits, issued))? {
                root.add_certificate_authority(authority);
            }
        }
        for (at, authority) in numbered("timestampAuthorities", wire.timestamp_authorities, limits)? {
            if let Some(authority) = root.known(&at, authority.read(&at, limits, issued))? {
                root.add_timestamp_authority(authority);
            }
        }
        Ok(root)
    }

    /// The public Sigstore instance, as it was when this was built.
    ///
    /// ```
    /// use sigkit_core::TrustedRoot;
    ///
    /// let root = TrustedRoot::public_good()?;
    /// assert!(!root.certificate_authorities().is_empty() && !root.logs().is_empty());
    /// # Ok::<(), sigkit_core::trust::TrustedRootError>(())
    /// ```
    ///
    /// # Errors
    /// None that a test does not exclude: the document is compiled in.
    pub fn public_good() -> Result<Self, TrustedRootError> {
        Self::from_json(PUBLIC_GOOD, &Limits::DEFAULT)
    }

    /// The same, read when it is first needed, and once.
    pub(super) fn built_in() -> Option<&'static Self> {
        static BUILT_IN: OnceLock<Option<TrustedRoot>> = OnceLock::new();
        BUILT_IN.get_or_init(|| Self::public_good().ok()).as_ref()
    }

    /// The document that [`TrustedRoot::public_good`] reads.
    pub const fn public_good_json() -> &'static [u8] {
        PUBLIC_GOOD
    }

    /// Trusts one more log of signatures.
    ///
    /// # Errors
    /// [`TrustedRootError::DuplicateLog`].
    pub fn add_log(&mut self, log: TransparencyLog) -> Result<(), TrustedRootError> {
        add(&mut self.logs, log).map_err(|id| TrustedRootError::DuplicateLog { id })
    }

    /// Trusts one more log of certificates.
    ///
    /// # Errors
    /// [`TrustedRootError::DuplicateLog`].
    pub fn add_certificate_log(&mut self, log: TransparencyLog) -> Result<(), TrustedRootError> {
        add(&mut self.certificate_logs, log).map_err(|id| TrustedRootError::DuplicateLog { id })
    }

    /// Trusts one more issuer of signers' certificates.
    pub fn add_certificate_authority(&mut self, authority: CertificateAuthority) {
        self.certificate_authorities.push(authority);
    }

    /// Trusts one more timestamp authority.
    pub fn add_timestamp_authority(&mut self, authority: CertificateAuthority) {
        self.timestamp_authorities.push(authority);
    }

    /// Entries with something unknown, which are not trusted.
    pub fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// What was read, unless it is from the future: that is noted, and does not stop the others.
    fn known<T>(&mut self, at: &str, read: Result<T, EntryError>) -> Result<Option<T>, TrustedRootError> {
        match read {
            Ok(entry) => Ok(Some(entry)),
            Err(EntryError::Unknown(unknown)) => {
                self.set_aside.push(SetAside { entry: at.to_owned(), unknown });
                Ok(None)
            }
            Err(EntryError::Wrong(error)) => Err(error),
        }
    }

    /// Logs of signatures.
    pub fn logs(&self) -> &[TransparencyLog] {
        &self.logs
    }

    /// Logs of certificates.
    pub fn certificate_logs(&self) -> &[TransparencyLog] {
        &self.certificate_logs
    }

    /// Issuers of signers' certificates.
    pub fn certificate_authorities(&self) -> &[CertificateAuthority] {
        &self.certificate_authorities
    }

    /// Timestamp authorities.
    pub fn timestamp_authorities(&self) -> &[CertificateAuthority] {
        &self.timestamp_authorities
    }

    /// Trusts these logs of signatures and no others.
    ///
    /// # Errors
    /// The id that two of them have.
    pub(super) fn replace_logs(&mut self, logs: Vec<TransparencyLog>) -> Result<(), LogId> {
        self.logs.clear();
        logs.into_iter().try_for_each(|log| add(&mut self.logs, log))
    }

    /// Trusts these issuers of signers' certificates and no others.
    pub(super) fn replace_certificate_authorities(&mut self, authorities: Vec<CertificateAuthority>) {
        self.certificate_authorities = authorities;
    }

    /// Returns true if that very certificate is one of an issuer of signers' certificates.
    pub(crate) fn names(&self, certificate: &Certificate) -> bool {
        let mut known = self.certificate_authorities.iter().flat_map(CertificateAuthority::certificates);
        known.any(|known| known.der() == certificate.der())
    }

    /// The log of signatures of that name.
    pub fn log(&self, id: &LogId) -> Option<&TransparencyLog> {
        self.logs.iter().find(|log| log.id() == id)
    }

    /// The log of certificates of that name.
    pub fn certificate_log(&self, id: &LogId) -> Option<&TransparencyLog> {
        self.certificate_logs.iter().find(|log| log.id() == id)
    }
}

/// Adds a log, or returns its id if another one has it.
fn add(logs: &mut Vec<TransparencyLog>, log: TransparencyLog) -> Result<(), LogId> {
    if logs.iter().any(|known| known.id() == log.id()) {
        return Err(*log.id());
    }
    logs.push(log);
    Ok(())
}

/// Why an entry is not trusted.
enum EntryError {
    /// It says something that is not known here: what.
    Unknown(String),
    /// It is wrong, and so is the document.
    Wrong(TrustedRootError),
}

impl From<TrustedRootError> for EntryError {
    fn from(error: TrustedRootError) -> Self {
        match error {
            TrustedRootError::Key {
                at,
                error: error @ (KeyError::UnsupportedAlgorithm { .. } | KeyError::UnsupportedCurve { .. }),
            } => Self::Unknown(format!("key in {at}: {error}")),
            error => Self::Wrong(error),
        }
    }
}

/// Members that are not known here, by their names.
type Rest = BTreeMap<String, IgnoredAny>;

fn no_rest(at: &str, rest: &Rest) -> Result<(), EntryError> {
    match rest.keys().next() {
        None => Ok(()),
        Some(name) => Err(EntryError::Unknown(format!("member {at}.{}", clip(name)))),
    }
}

/// A name of a protobuf enum, or the number of one that the writer did not know.
#[derive(Deserialize)]
#[serde(untagged)]
enum EnumName {
    Name(String),
    Number(i64),
}

impl EnumName {
    fn shown(&self) -> String {
        match self {
            Self::Name(name) => clip(name),
            Self::Number(number) => number.to_string(),
        }
    }

    fn is(&self, known: impl FnOnce(&str) -> bool) -> bool {
        matches!(self, Self::Name(name) if known(name))
    }
}

/// Returns true if keys of that name in sigstore's `PublicKeyDetails` are among those that are known here; which one it is, the key says.
fn is_known_key(details: &str) -> bool {
    let known = ["PKIX_ECDSA_P256_", "PKIX_ECDSA_P384_", "PKIX_ECDSA_P521_", "PKIX_RSA_PKCS1V", "PKCS1_RSA_PKCS1V"];
    known.iter().any(|start| details.starts_with(start))
        || matches!(details, "PKIX_ED25519" | "PKIX_ED25519_PH" | "PUBLIC_KEY_DETAILS_UNSPECIFIED")
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: String,
    tlogs: Option<Vec<WireLog>>,
    ctlogs: Option<Vec<WireLog>>,
    certificate_authorities: Option<Vec<WireAuthority>>,
    timestamp_authorities: Option<Vec<WireAuthority>>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    base_url: Option<String>,
    hash_algorithm: Option<EnumName>,
    public_key: Option<WireKey>,
    log_id: Option<WireLogId>,
    /// The key's name in checkpoints; the log's own name where it is absent.
    checkpoint_key_id: Option<WireLogId>,
    #[serde(rename = "operator")]
    _operator: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    raw_bytes: Option<String>,
    key_details: Option<EnumName>,
    valid_for: Option<WireWindow>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLogId {
    key_id: Option<String>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
struct WireWindow {
    start: Option<String>,
    end: Option<String>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAuthority {
    uri: Option<String>,
    cert_chain: Option<WireChain>,
    valid_for: Option<WireWindow>,
    #[serde(rename = "subject")]
    _subject: Option<IgnoredAny>,
    #[serde(rename = "operator")]
    _operator: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
struct WireChain {
    #[serde(default)]
    certificates: Vec<WireCertificate>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCertificate {
    raw_bytes: String,
    #[serde(flatten)]
    rest: Rest,
}

/// The entries of a list with their paths; an absent list is an empty one.
fn numbered<T>(name: &str, list: Option<Vec<T>>, limits: &Limits) -> Result<Vec<(String, T)>, TrustedRootError> {
    let list = list.unwrap_or_default();
    if list.len() > limits.trusted_root_entries {
        return Err(member(name.to_owned(), "at most 64 entries", list.len().to_string()));
    }
    Ok(list.into_iter().enumerate().map(|(position, entry)| (format!("{name}[{position}]"), entry)).collect())
}

fn member(at: String, expected: &'static str, found: impl Into<String>) -> TrustedRootError {
    TrustedRootError::Member { at, expected, found: found.into() }
}

fn base64(at: String, text: Option<&str>) -> Result<Vec<u8>, TrustedRootError> {
    let bytes = text.and_then(|text| STANDARD.decode(text).ok()).filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| member(at, "padded standard base64", text.map_or("nothing", |_| "something else")))
}

impl WireLog {
    fn read(&self, at: &str) -> Result<TransparencyLog, EntryError> {
        no_rest(at, &self.rest)?;
        if let Some(found) = self.hash_algorithm.as_ref().filter(|name| !name.is(|name| name == "SHA2_256")) {
            return Err(EntryError::Unknown(format!("hashAlgorithm {}; SHA2_256 is known", found.shown())));
        }
        let key = self.public_key.as_ref();
        let key = key.ok_or_else(|| member(format!("{at}.publicKey"), "a public key", "nothing"))?;
        no_rest(&format!("{at}.publicKey"), &key.rest)?;
        if let Some(found) = key.key_details.as_ref().filter(|name| !name.is(is_known_key)) {
            return Err(EntryError::Unknown(format!("kind of key, keyDetails {}", found.shown())));
        }
        let validity = window(&format!("{at}.publicKey.validFor"), key.valid_for.as_ref())?;
        let place = format!("{at}.publicKey.rawBytes");
        let bytes = base64(place.clone(), key.raw_bytes.as_deref())?;
        let bare_rsa = key.key_details.as_ref().is_some_and(|name| name.is(|name| name.starts_with("PKCS1_RSA")));
        let read = if bare_rsa { PublicKey::from_rsa_der(&bytes) } else { PublicKey::from_spki_der(&bytes) };
        let key = read.map_err(|error| TrustedRootError::Key { at: place, error })?;
        let name = |place: String, id: Option<&WireLogId>| -> Result<(String, Vec<u8>), EntryError> {
            id.map_or(Ok(()), |id| no_rest(&place, &id.rest))?;
            let place = format!("{place}.keyId");
            Ok((place.clone(), base64(place, id.and_then(|id| id.key_id.as_deref()))?))
        };
        let (place, id) = name(format!("{at}.logId"), self.log_id.as_ref())?;
        let id = LogId::from_bytes(&id).ok_or_else(|| member(place, "32 bytes", format!("{} bytes", id.len())))?;
        let log = TransparencyLog::new(self.base_url.as_deref().unwrap_or_default(), id, key, validity);
        let Some(checkpoint) = &self.checkpoint_key_id else { return Ok(log) };
        let (place, id) = name(format!("{at}.checkpointKeyId"), Some(checkpoint))?;
        let start = id.first_chunk().copied();
        let start = start.ok_or_else(|| member(place, "4 bytes or more", format!("{} bytes", id.len())))?;
        Ok(log.with_checkpoint_key(start))
    }
}

impl WireAuthority {
    fn read(
        &self,
        at: &str,
        limits: &Limits,
        issued: fn(&Certificate, &Certificate) -> Result<(), &'static str>,
    ) -> Result<CertificateAuthority, EntryError> {
        no_rest(at, &self.rest)?;
        let validity = window(&format!("{at}.validFor"), self.valid_for.as_ref())?;
        let at = format!("{at}.certChain");
        let chain = self.cert_chain.as_ref().map_or(&[][..], |chain| &chain.certificates);
        self.cert_chain.as_ref().map_or(Ok(()), |chain| no_rest(&at, &chain.rest))?;
        chain.iter().try_for_each(|certificate| no_rest(&format!("{at}.certificates"), &certificate.rest))?;
        let chain = chain.iter().map(|certificate| base64(at.clone(), Some(&certificate.raw_bytes)));
        let chain = chain.collect::<Result<Vec<_>, _>>()?;
        let authority =
            CertificateAuthority::of_chain(self.uri.as_deref().unwrap_or_default(), &chain, validity, limits, issued);
        authority
            .map_err(|error| match unknown_key(&chain, limits) {
                Some(unknown) => EntryError::Unknown(unknown),
                None if matches!(&error, AuthorityError::Broken { detail, .. } if *detail == UNKNOWN_ALGORITHM) => {
                    EntryError::Unknown(error.to_string())
                }
                None => EntryError::Wrong(TrustedRootError::Authority { at, error }),
            })
            .and_then(|authority| match unknown_key(&chain, limits) {
                Some(unknown) => Err(EntryError::Unknown(unknown)),
                None => Ok(authority),
            })
    }
}

/// The first certificate with a kind of key that is not known here.
fn unknown_key(chain: &[Vec<u8>], limits: &Limits) -> Option<String> {
    let certificates = chain.iter().take(limits.chain_certificates).filter_map(|der| Certificate::from_der(der).ok());
    certificates.into_iter().find_map(|certificate| match certificate.public_key() {
        Err(CertificateError::Key(
            error @ (KeyError::UnsupportedAlgorithm { .. } | KeyError::UnsupportedCurve { .. }),
        )) => Some(format!("key of {}: {error}", certificate.subject())),
        _ => None,
    })
}

/// A window in whole seconds: it begins with the first one that lies inside, and the last one belongs to it.
fn window(at: &str, wire: Option<&WireWindow>) -> Result<Validity, EntryError> {
    wire.map_or(Ok(()), |wire| no_rest(at, &wire.rest))?;
    let time = |name: &str, text: &str| {
        let expected = "an RFC 3339 time";
        UnixTime::parse(text)
            .ok_or_else(|| member(format!("{at}.{name}"), expected, text.chars().take(40).collect::<String>()))
    };
    let start = wire.and_then(|wire| wire.start.as_deref());
    let (start, rest) =
        time("start", start.ok_or_else(|| member(format!("{at}.start"), "an RFC 3339 time", "nothing"))?)?;
    let start = if rest == 0 { start } else { start.plus(1) };
    let end = wire.and_then(|wire| wire.end.as_deref()).map(|text| time("end", text)).transpose()?;
    let end = end.map(|(end, _)| end);
    if end.is_some_and(|end| end < start) {
        let found = end.unwrap_or(start).to_string();
        return Err(member(format!("{at}.end"), "a time after the start", found).into());
    }
    Ok(Validity::new(start, end))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        serde_json::from_slice(PUBLIC_GOOD).unwrap()
    }

    fn read(document: &Value) -> Result<TrustedRoot, TrustedRootError> {
        TrustedRoot::from_json(&serde_json::to_vec(document).unwrap(), &Limits::DEFAULT)
    }

    #[test]
    fn the_public_root_is_read_whole() {
        let root = TrustedRoot::public_good().unwrap();
        assert_eq!((root.logs().len(), root.certificate_logs().len()), (2, 2));
        assert_eq!((root.certificate_authorities().len(), root.timestamp_authorities().len()), (2, 1));
        let [first, second] = root.logs() else { panic!() };
        assert_eq!(*first.id(), LogId::of_key(first.key()));
        assert_eq!(*second.id(), LogId::of_note_key(second.origin(), second.key()));
        assert_eq!(second.origin(), "log2025-1.rekor.sigstore.dev");
        for log in root.certificate_logs() {
            assert_eq!(*log.id(), LogId::of_key(log.key()));
        }
        let window = root.certificate_authorities()[0].validity();
        assert_eq!(window.to_string(), "2021-03-07T03:20:29Z to 2022-12-31T23:59:59Z");
    }

    /// Its own text is read without that.
    #[test]
    fn the_chains_of_the_public_root_hold() {
        let text = serde_json::to_vec(&document()).unwrap();
        assert_ne!(text, PUBLIC_GOOD);
        let (checked, known) = (read(&document()).unwrap(), TrustedRoot::public_good().unwrap());
        assert_eq!(format!("{checked:?}"), format!("{known:?}"));
        let mut forged = document();
        let certificates = forged.pointer_mut("/certificateAuthorities/1/certChain/certificates/0/rawBytes").unwrap();
        let mut der = STANDARD.decode(certificates.as_str().unwrap()).unwrap();
        *der.last_mut().unwrap() ^= 1;
        *certificates = STANDARD.encode(der).into();
        assert!(matches!(read(&forged), Err(TrustedRootError::Authority { .. })));
    }

    // threat: J08
    #[test]
    fn what_is_missing_doubled_or_not_understood_is_refused() {
        fn at<'a>(document: &'a mut Value, path: &str) -> &'a mut Value {
            document.pointer_mut(path).unwrap()
        }
        type Change = fn(&mut Value);
        let mutants: [(&str, Change); 13] = [
            ("tlogs[0].publicKey.validFor.start", |d| *at(d, "/tlogs/0/publicKey/validFor") = json!({})),
            ("ctlogs[1].publicKey.validFor.start", |d| *at(d, "/ctlogs/1/publicKey/validFor") = Value::Null),
            ("certificateAuthorities[0].validFor.start", |d| {
                at(d, "/certificateAuthorities/0/validFor").as_object_mut().unwrap().remove("start");
            }),
            ("timestampAuthorities[0].validFor.start", |d| {
                *at(d, "/timestampAuthorities/0/validFor/start") = json!("yesterday");
            }),
            ("certificateAuthorities[0].validFor.end", |d| {
                *at(d, "/certificateAuthorities/0/validFor/end") = json!("2000-01-01T00:00:00Z");
            }),
            ("timestampAuthorities[0].certChain: an authority needs", |d| {
                *at(d, "/timestampAuthorities/0/certChain/certificates") = json!([]);
            }),
            ("two logs have the id", |d| {
                let log = at(d, "/tlogs/0").clone();
                at(d, "/tlogs").as_array_mut().unwrap().push(log);
            }),
            ("two logs have the id", |d| *at(d, "/ctlogs/1/logId") = at(d, "/ctlogs/0/logId").clone()),
            ("tlogs[1].checkpointKeyId.keyId: expected 4 bytes", |d| {
                at(d, "/tlogs/1")["checkpointKeyId"] = json!({"keyId": "AAAA"});
            }),
            ("tlogs[0].logId.keyId: expected 32 bytes", |d| *at(d, "/tlogs/0/logId/keyId") = json!("AAAA")),
            ("tlogs[0].publicKey.rawBytes", |d| *at(d, "/tlogs/0/publicKey/rawBytes") = json!("AAAA")),
            ("expected media type", |d| *at(d, "/mediaType") = json!("application/json")),
            ("is not issued by the next one", |d| {
                at(d, "/certificateAuthorities/1/certChain/certificates").as_array_mut().unwrap().reverse();
            }),
        ];
        for (expected, mutate) in mutants {
            let mut document = document();
            mutate(&mut document);
            let error = read(&document).expect_err(expected).to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        let doubled = String::from_utf8(PUBLIC_GOOD.to_vec()).unwrap().replacen("{", r#"{"tlogs": [],"#, 1);
        let error = TrustedRoot::from_json(doubled.as_bytes(), &Limits::DEFAULT).unwrap_err();
        assert!(error.to_string().contains("appears twice"), "{error}");
    }

    /// One entry of a newer format never stops the others, and is not trusted.
    // threat: R30
    #[test]
    fn an_entry_that_says_something_unknown_is_set_aside_by_name() {
        fn at<'d>(document: &'d mut Value, path: &str) -> &'d mut Value {
            document.pointer_mut(path).unwrap()
        }
        /// The certificate with some bytes replaced, wherever they are.
        fn patched(document: &mut Value, path: &str, from: &[u8], to: &[u8]) {
            let text = at(document, path);
            let mut der = STANDARD.decode(text.as_str().unwrap()).unwrap();
            let places: Vec<usize> = (0..der.len()).filter(|start| der[*start..].starts_with(from)).collect();
            assert!(!places.is_empty());
            places.into_iter().for_each(|start| der[start..start + to.len()].copy_from_slice(to));
            *text = STANDARD.encode(der).into();
        }
        const FIRST: &str = "/certificateAuthorities/0/certChain/certificates/0/rawBytes";
        const SECOND: &str = "/certificateAuthorities/1/certChain/certificates/0/rawBytes";
        type Change = fn(&mut Value);
        let forms: [(&str, &str, Change); 17] = [
            // RFC 5480: the kind of key, its curve, and how the certificate is signed.
            ("certificateAuthorities[0]", "key of ", |d| {
                patched(d, FIRST, b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x02\x7f");
            }),
            ("certificateAuthorities[0]", "key of ", |d| {
                patched(d, FIRST, b"\x2b\x81\x04\x00\x22", b"\x2b\x81\x04\x00\x0a");
            }),
            ("certificateAuthorities[1]", "its signature algorithm is not accepted", |d| {
                patched(d, SECOND, b"\x2a\x86\x48\xce\x3d\x04\x03\x03", b"\x2a\x86\x48\xce\x3d\x04\x03\x7f");
            }),
            ("tlogs[0]", "hashAlgorithm SHA2_512", |d| *at(d, "/tlogs/0/hashAlgorithm") = json!("SHA2_512")),
            ("tlogs[0]", "hashAlgorithm 9", |d| *at(d, "/tlogs/0/hashAlgorithm") = json!(9)),
            ("tlogs[1]", "keyDetails ML_DSA_65", |d| {
                *at(d, "/tlogs/1/publicKey/keyDetails") = json!("ML_DSA_65");
                *at(d, "/tlogs/1/publicKey/rawBytes") = json!("AAAA");
            }),
            ("ctlogs[0]", "keyDetails 24", |d| *at(d, "/ctlogs/0/publicKey/keyDetails") = json!(24)),
            ("ctlogs[0]", "keyDetails PKIX_RSA_PSS_2048_SHA256", |d| {
                *at(d, "/ctlogs/0/publicKey/keyDetails") = json!("PKIX_RSA_PSS_2048_SHA256");
            }),
            ("ctlogs[1]", "Ed448", |d| *at(d, "/ctlogs/1/publicKey/rawBytes") = json!("MAowBQYDK2VxAwEA")),
            ("tlogs[0]", "member tlogs[0].minimumVersion", |d| at(d, "/tlogs/0")["minimumVersion"] = json!(3)),
            ("tlogs[0]", "member tlogs[0].publicKey.uses", |d| at(d, "/tlogs/0/publicKey")["uses"] = json!([])),
            ("tlogs[1]", "member tlogs[1].logId.kind", |d| at(d, "/tlogs/1/logId")["kind"] = json!("x")),
            ("tlogs[1]", "member tlogs[1].publicKey.validFor.zone", |d| {
                at(d, "/tlogs/1/publicKey/validFor")["zone"] = json!("x");
            }),
            ("certificateAuthorities[1]", "validFor.begin", |d| {
                *at(d, "/certificateAuthorities/1/validFor") = json!({"begin": "2022-04-13T20:06:15Z"});
            }),
            ("certificateAuthorities[0]", "certChain.rule", |d| {
                at(d, "/certificateAuthorities/0/certChain")["rule"] = json!(1);
            }),
            ("timestampAuthorities[0]", "timestampAuthorities[0].only", |d| {
                at(d, "/timestampAuthorities/0")["only"] = json!("x");
            }),
            ("witnesses", "name", |d| at(d, "")["witnesses"] = json!([{}])),
        ];
        let count = |root: &TrustedRoot| {
            root.logs().len()
                + root.certificate_logs().len()
                + root.certificate_authorities().len()
                + root.timestamp_authorities().len()
        };
        let whole = count(&TrustedRoot::public_good().unwrap());
        for (entry, unknown, change) in forms {
            let mut document = document();
            change(&mut document);
            let root = read(&document).unwrap_or_else(|error| panic!("{unknown}: {error}"));
            let [aside] = root.set_aside() else { panic!("{unknown}: {:?}", root.set_aside()) };
            assert_eq!(aside.entry, entry);
            assert!(aside.to_string().contains(unknown), "{aside}");
            assert_eq!(count(&root), if entry == "witnesses" { whole } else { whole - 1 }, "{unknown}");
        }
        assert!(TrustedRoot::public_good().unwrap().set_aside().is_empty());
    }

    #[test]
    fn root_without_authorities_trusts_no_signer() {
        for empty in [
            json!({"mediaType": MEDIA_TYPES[0]}),
            json!({"mediaType": MEDIA_TYPES[0], "tlogs": [], "ctlogs": [], "certificateAuthorities": null}),
        ] {
            let root = read(&empty).unwrap();
            assert!(root.logs().is_empty() && root.certificate_logs().is_empty());
            assert!(root.certificate_authorities().is_empty() && root.timestamp_authorities().is_empty());
        }
    }

    // threat: J08
    #[test]
    fn size_and_number_are_bounded() {
        let tight = Limits { trusted_root_bytes: PUBLIC_GOOD.len() - 1, ..Limits::DEFAULT };
        assert!(matches!(TrustedRoot::from_json(PUBLIC_GOOD, &tight), Err(TrustedRootError::TooLarge { .. })));
        for (limits, fits) in [
            (Limits { trusted_root_bytes: PUBLIC_GOOD.len(), ..Limits::DEFAULT }, true),
            (Limits { trusted_root_entries: 2, ..Limits::DEFAULT }, true),
            (Limits { trusted_root_entries: 1, ..Limits::DEFAULT }, false),
            (Limits { chain_certificates: 2, ..Limits::DEFAULT }, true),
            (Limits { chain_certificates: 1, ..Limits::DEFAULT }, false),
        ] {
            assert_eq!(TrustedRoot::from_json(PUBLIC_GOOD, &limits).is_ok(), fits);
        }
    }

    #[test]
    fn a_window_is_counted_in_whole_seconds_inside_it() {
        let wire = WireWindow {
            start: Some("1970-01-01T00:00:00.5Z".into()),
            end: Some("1970-01-01T00:00:09.5Z".into()),
            rest: Rest::new(),
        };
        let window = |wire: &WireWindow| window("x", Some(wire)).ok().unwrap();
        let first = window(&wire);
        assert_eq!(first, Validity::new(UnixTime(1), Some(UnixTime(9))));
        let second = WireWindow { end: Some("1970-01-01T00:00:01Z".into()), ..wire };
        assert_eq!(window(&second), Validity::new(UnixTime(1), Some(UnixTime(1))));
    }
}
