//! Signatures by identities, each with one fault, minted in memory together with the trusted root that judges them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use sigkit_core::bundle::{BundleError, Evidence, Origin, SignedEntity};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, media_type};
use sigkit_core::policy::{
    Authority, Identity, KeyAuthority, KeylessAuthority, Pattern, Policy, Purpose, TransparencyRequirements,
};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::{Certificate, DetachedSct, FulcioExtension, RootName, SanType, Trust, TrustedRoot};
use sigkit_core::verify::{Artifact, NotVerified, Verified, Verifier};
use testkit::sigstore::{
    BASIC_CONSTRAINTS, BEGIN, CODE_SIGNING, END, EXTENDED_KEY_USAGE, Extension, IDENTITY, ISSUER, KEY_USAGE, Key, Kind,
    SAN, SIGNED_AT, San, Sct, Sealed, Sigstore, TIME_STAMPING, Template, der, fulcio, names, purposes,
};

use super::vector::seen;

pub(crate) const BLOB: &[u8] = b"a file\n";
/// A year after the signatures here were made.
pub(crate) const NOW: UnixTime = UnixTime(SIGNED_AT + 31_536_000);

/// A signature and the policy that judges it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) artifact: Vec<u8>,
    pub(crate) entity: Result<SignedEntity, BundleError>,
    pub(crate) policy: Policy,
    pub(crate) now: UnixTime,
    /// Every check that fails, with its code; none where it verifies.
    pub(crate) failures: Vec<(&'static str, &'static str)>,
    pub(crate) waivers: Vec<(&'static str, &'static str)>,
}

impl Case {
    pub(crate) fn judge(&self) -> Result<Verified, NotVerified> {
        let evidence = Evidence::of(Origin::File(self.name.to_owned()), self.entity.clone());
        Verifier::new(&deployment()).verify(&self.policy, &Artifact::Bytes(&self.artifact), &evidence, self.now)
    }

    /// What differs from what was expected; `None` when nothing does.
    pub(crate) fn trouble(&self) -> Option<String> {
        let result = self.judge();
        let found = seen(&result);
        let expected = (&self.failures, &self.waivers, self.failures.is_empty());
        if (&found.failures, &found.waivers, result.is_ok()) == expected && found.doubts.is_empty() {
            return None;
        }
        let first = result.err().map(|refusal| refusal.to_string()).unwrap_or_default();
        Some(format!("{}: expected {expected:?}, found {:?} {:?}: {first}", self.name, found.failures, found.waivers))
    }

    fn fails(mut self, check: &'static str, code: &'static str) -> Self {
        self.failures.push((check, code));
        self
    }

    fn waives(mut self, check: &'static str, code: &'static str) -> Self {
        self.waivers.push((check, code));
        self
    }

    fn now(mut self, now: i64) -> Self {
        self.now = UnixTime(now);
        self
    }
}

/// One deployment for all tests of this process.
static DEPLOYMENT: Mutex<Option<Trust>> = Mutex::new(None);
static ROOTS: AtomicUsize = AtomicUsize::new(0);

/// The deployment with every root that a test has given a name.
pub(crate) fn deployment() -> Trust {
    DEPLOYMENT.lock().unwrap().clone().unwrap_or_default()
}

/// Adds a trusted root to the deployment, and returns its name.
pub(crate) fn trust(root: &Value) -> RootName {
    named(TrustedRoot::from_json(root.to_string().as_bytes(), &Limits::DEFAULT).unwrap())
}

/// The same for a root that was read.
pub(crate) fn named(root: TrustedRoot) -> RootName {
    let name = RootName::new(format!("test root {}", ROOTS.fetch_add(1, Ordering::Relaxed)));
    let mut deployment = DEPLOYMENT.lock().unwrap();
    *deployment = Some(deployment.take().unwrap_or_default().with_root(name.clone(), root));
    name
}

pub(crate) fn exact(text: &str) -> Pattern {
    Pattern::exact(text).unwrap()
}

pub(crate) fn alice() -> Identity {
    Identity::new(exact(IDENTITY), exact(ISSUER))
}

pub(crate) fn entity(bundle: &Value) -> Result<SignedEntity, BundleError> {
    SignedEntity::from_any_bundle(bundle.to_string().as_bytes(), &Limits::DEFAULT)
}

pub(crate) fn authority(stack: &Sigstore) -> KeylessAuthority {
    KeylessAuthority::new(alice()).with_root(trust(&stack.trusted_root()))
}

/// A bundle judged by the usual policy for Alice.
pub(crate) fn case(name: &'static str, stack: &Sigstore, sealed: &Sealed) -> Case {
    by(name, authority(stack), &sealed.bundle())
}

/// A bundle judged by another one.
pub(crate) fn by(name: &'static str, authority: KeylessAuthority, bundle: &Value) -> Case {
    Case {
        name,
        artifact: BLOB.to_vec(),
        entity: entity(bundle),
        policy: Policy::keyless(Purpose::Blob, authority),
        now: NOW,
        failures: Vec::new(),
        waivers: Vec::new(),
    }
}

pub(crate) fn all() -> Vec<Case> {
    [good(), profiles(), paths(), scts(), times(), identities(), transparency(), entries(), stamps(), material()]
        .into_iter()
        .flatten()
        .collect()
}

/// A statement about [`BLOB`].
fn statement() -> Vec<u8> {
    let digest = sigkit_core::digest::Digest::sha256(BLOB).hex();
    serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "file", "digest": {"sha256": digest}}],
        "predicateType": "https://example.test/predicate",
        "predicate": {},
    })
    .to_string()
    .into_bytes()
}

fn good() -> Vec<Case> {
    let stack = Sigstore::new();
    let blob = || stack.blob(BLOB);
    let statement = statement();
    let stated = |kind| stack.statement(&statement).kind(kind);
    let mut cases = vec![
        case("rekor v1", &stack, &blob().seal()),
        case("rekor v2", &stack, &blob().kind(Kind::HashedRekord2).stamped().seal()),
        case("both logs", &stack, &blob().kinds(&[Kind::HashedRekord1, Kind::HashedRekord2]).stamped().seal()),
        case("dsse", &stack, &stated(Kind::Dsse1).seal()),
        case("intoto 0.0.1", &stack, &stated(Kind::Intoto1).seal()),
        case("intoto 0.0.2", &stack, &stated(Kind::Intoto2).seal()),
        case("envelope in rekor v2", &stack, &stated(Kind::HashedRekord2).stamped().seal()),
        case("a P-384 key", &stack, &blob().key(Key::p384("signer")).seal()),
        case(
            "a P-384 key in rekor v2",
            &stack,
            &blob().kind(Kind::HashedRekord2).stamped().key(Key::p384("signer")).seal(),
        ),
        by("bundle v0.1", authority(&stack), &blob().seal().older_bundle("0.1")),
        by("bundle v0.2", authority(&stack), &blob().seal().older_bundle("0.2")),
        by("legacy blob bundle", authority(&stack), &blob().seal().blob_bundle()),
        by("a promise alone", authority(&stack), &blob().seal().entry(|entry| entry.proof = None).older_bundle("0.1")),
    ];
    let image = super::cases::IMAGE;
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"r.example/app"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}}"#,
        super::cases::image()
    );
    let sealed = stack.blob(payload.as_bytes()).seal();
    let by_other = stack.blob(payload.as_bytes()).key(Key::p256("somebody else")).seal().annotations();
    let layer = |name, annotations: BTreeMap<String, String>| {
        let mut layer = Descriptor::of(media_type::SIMPLE_SIGNING, payload.as_bytes());
        layer.annotations = annotations;
        let entity = SignedEntity::from_layer(&layer, payload.clone().into_bytes(), &Limits::DEFAULT);
        let policy = Policy::keyless(Purpose::Image, authority(&stack));
        Case { artifact: image.as_bytes().to_vec(), entity, policy, ..case(name, &stack, &sealed) }
    };
    cases.push(layer("legacy layer", sealed.annotations()));
    for (name, annotation, failures) in [
        (
            "the certificate of another layer",
            media_type::ANNOTATION_CERTIFICATE,
            &[("signature", "signature-invalid"), ("log-entry", "log-entry-mismatch")][..],
        ),
        ("the log entry of another layer", media_type::ANNOTATION_BUNDLE, &[("log-entry", "log-entry-mismatch")]),
    ] {
        let mut annotations = sealed.annotations();
        annotations.insert(annotation.to_owned(), by_other[annotation].clone());
        let rest = [("log-entry", "log-entry-missing"), ("time", "time-missing"), ("certificate", "time-missing")];
        cases.push(layer(name, annotations).into_order(&[failures, &rest].concat()));
    }
    cases
}

/// What a leaf is made into.
type Change = fn(Template) -> Template;

/// What Fulcio never issues.
fn profiles() -> Vec<Case> {
    let stack = Sigstore::new();
    let leaf = |name, change: Change| case(name, &stack, &stack.blob(BLOB).leaf(change).seal());
    let unsuitable: [(&'static str, Change); 12] = [
        ("no extended key usage", |leaf| leaf.without(EXTENDED_KEY_USAGE)),
        ("for time stamping", |leaf| leaf.with(purposes(&[TIME_STAMPING]))),
        ("for any use", |leaf| leaf.with(purposes(&["2.5.29.37.0"]))),
        ("an authority", |leaf| leaf.and(Extension::critical(BASIC_CONSTRAINTS, der::sequence(&[der::yes()])))),
        ("not for signatures", |leaf| leaf.with(Extension::critical(KEY_USAGE, der::tlv(3, &[5, 0x20])))),
        ("no name", |leaf| leaf.without(SAN)),
        ("an empty list of names", |leaf| leaf.with(names(&[]))),
        ("two names", |leaf| leaf.with(names(&[San::Email(IDENTITY), San::Email("bob@stack.test")]))),
        ("a host name", |leaf| leaf.with(names(&[San::Dns(IDENTITY)]))),
        ("an empty name", |leaf| leaf.with(names(&[San::Email("")]))),
        ("a NUL in the name", |leaf| leaf.with(names(&[San::Email("alice@stack.test\0.evil.test")]))),
        ("a critical extension that nobody knows", |leaf| {
            leaf.and(Extension::critical("1.3.6.1.4.1.57264.99", vec![5, 0]))
        }),
    ];
    let malformed: [(&'static str, Change); 7] = [
        ("two extensions of one kind", |leaf| leaf.and(names(&[San::Email(IDENTITY)]))),
        ("two issuers", |leaf| leaf.with(fulcio(8, "https://other.test"))),
        ("DER in the place of the bare issuer", |leaf| {
            leaf.with(Extension::new("1.3.6.1.4.1.57264.1.1", der::utf8(ISSUER)))
        }),
        ("bare text in the place of the DER issuer", |leaf| {
            leaf.with(Extension::new("1.3.6.1.4.1.57264.1.8", ISSUER.as_bytes().to_vec()))
        }),
        ("an issuer that is not UTF-8", |leaf| {
            leaf.with(Extension::new("1.3.6.1.4.1.57264.1.1", vec![0xff])).without("1.3.6.1.4.1.57264.1.8")
        }),
        ("names that are no list", |leaf| leaf.with(Extension::critical(SAN, vec![4, 0]))),
        ("an email address beyond ASCII", |leaf| leaf.with(names(&[San::Email("al\u{456}ce@stack.test")]))),
    ];
    let mut cases: Vec<Case> =
        unsuitable.map(|(name, change)| leaf(name, change).fails("material", "certificate-unsuitable")).into();
    cases.extend(malformed.map(|(name, change)| leaf(name, change).fails("material", "certificate-malformed")));
    let mut garbage = stack.blob(BLOB).seal().bundle();
    garbage["verificationMaterial"]["certificate"]["rawBytes"] = "MAA=".into();
    cases.push(by("no certificate at all", authority(&stack), &garbage).fails("material", "certificate-malformed"));
    cases
}

fn paths() -> Vec<Case> {
    let stack = Sigstore::new();
    let other = Sigstore::named("other");
    let untrusted = |case: Case| case.fails("certificate", "certificate-untrusted");
    let mut forged = stack.intermediate.clone();
    forged.key = Key::p384("forger");
    let unsigned_chain = |sealed: &Sealed, others: &[&[u8]]| {
        use base64::Engine as _;
        let base64 = |der: &[u8]| base64::engine::general_purpose::STANDARD.encode(der);
        let mut bundle = sealed.older_bundle("0.1");
        let chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"].as_array_mut().unwrap();
        chain.extend(others.iter().map(|der| serde_json::json!({ "rawBytes": base64(der) })));
        bundle
    };
    let evil_root = Template::authority("stack root", Some(1)).self_signed(&Key::p384("evil"));
    let below_evil = Template::authority("stack intermediate", Some(0)).issue(&Key::p384("evil 2"), &evil_root);
    let by_evil = stack.blob(BLOB).issued_by(&below_evil).seal();
    let below_leaf = {
        let leaf = stack.leaf(SIGNED_AT).issue(&Key::p256("signer"), &stack.intermediate);
        stack.blob(BLOB).issued_by(&leaf).seal()
    };
    // Only the root is trusted; what lies between is included.
    let mut root_alone = stack.trusted_root();
    let root_der = root_alone["certificateAuthorities"][0]["certChain"]["certificates"][1].clone();
    root_alone["certificateAuthorities"][0]["certChain"]["certificates"] = serde_json::json!([root_der]);
    let alone = || KeylessAuthority::new(alice()).with_root(trust(&root_alone));
    let too_deep = Template::authority("deeper", Some(0)).issue(&Key::p384("deeper"), &stack.intermediate);
    let not_for_code = Template::authority("stack intermediate", Some(0))
        .with(purposes(&[TIME_STAMPING]))
        .issue(&Key::p384("t"), &stack.root);
    let no_signing = Template::authority("stack intermediate", Some(0))
        .with(Extension::critical(KEY_USAGE, der::tlv(3, &[7, 0x80])))
        .issue(&Key::p384("n"), &stack.root);
    let no_authority = Template::authority("stack intermediate", Some(0))
        .without(BASIC_CONSTRAINTS)
        .issue(&Key::p384("n"), &stack.root);
    // A trusted root that names an authority with this certificate below the root.
    let with_member = |member: &testkit::sigstore::Certificate| {
        let mut other = Sigstore::new();
        other.intermediate = member.clone();
        KeylessAuthority::new(alice()).with_root(trust(&other.trusted_root()))
    };
    let leaf = stack.leaf(SIGNED_AT).valid(SIGNED_AT - 300, END).issue(&Key::p256("signer"), &stack.root);
    let by_leaf = stack.blob(BLOB).issued_by(&leaf).seal();
    // A second intermediate of the same name, which did not issue the leaf, is first.
    let mut twins = stack.trusted_root();
    let twin = Template::authority("stack intermediate", Some(0))
        .with(purposes(&[CODE_SIGNING]))
        .issue(&Key::p384("twin"), &stack.root);
    let mut first = twins["certificateAuthorities"][0].clone();
    first["certChain"]["certificates"][0]["rawBytes"] = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&twin.der).into()
    };
    twins["certificateAuthorities"].as_array_mut().unwrap().insert(0, first);
    // Between an authority and the root is an expired one with the name of the root.
    let shortcut = |until| {
        let mut stack = Sigstore::new();
        stack.root = Template::authority("root", None).self_signed(&Key::p384("root"));
        let between = Template::authority("root", None).valid(BEGIN, until).issue(&Key::p384("between"), &stack.root);
        stack.intermediate = Template::authority("below", Some(0)).issue(&Key::p384("below"), &between);
        let mut root = stack.trusted_root();
        let raw = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(&between.der)
        };
        let chain = root["certificateAuthorities"][0]["certChain"]["certificates"].as_array_mut().unwrap();
        chain.insert(1, serde_json::json!({ "rawBytes": raw }));
        let sealed = stack.blob(BLOB).seal();
        by(
            "a certificate between that is called as the root",
            KeylessAuthority::new(alice()).with_root(trust(&root)),
            &sealed.bundle(),
        )
    };
    let good = stack.blob(BLOB).seal();
    // Name constraints are for webpki to apply, whichever authority has them; not one is ignored.
    let constrained = {
        let subtree = der::sequence(&[der::implicit(1, b"other.test")]);
        Extension::critical("2.5.29.30", der::sequence(&[der::explicit(0, &subtree)]))
    };
    let mut constrained_above = Sigstore::new();
    let root = Template::authority("constrained root", Some(1)).with(constrained.clone());
    constrained_above.root = root.self_signed(&Key::p384("constrained root"));
    constrained_above.intermediate =
        Template::authority("below", Some(0)).issue(&Key::p384("below"), &constrained_above.root);
    let mut constrained_itself = Sigstore::new();
    let issuer = Template::authority("constrained", Some(0)).with(constrained);
    constrained_itself.intermediate = issuer.issue(&Key::p384("constrained"), &constrained_itself.root);
    let in_vain = |name, stack: &Sigstore| untrusted(case(name, stack, &stack.blob(BLOB).seal()));
    vec![
        shortcut(END),
        shortcut(SIGNED_AT - 1).fails("certificate", "certificate-not-valid"),
        in_vain("a root for other names", &constrained_above),
        in_vain("an issuer for other names", &constrained_itself),
        by(
            "an authority of the same name beside",
            KeylessAuthority::new(alice()).with_root(trust(&twins)),
            &good.bundle(),
        ),
        untrusted(by("another instance", authority(&other), &good.bundle()).fails("log-entry", "log-unknown"))
            .into_order(&[
                ("log-entry", "log-unknown"),
                ("log-entry", "log-entry-missing"),
                ("time", "time-missing"),
                ("certificate", "time-missing"),
            ]),
        untrusted(case("another key under the issuer's name", &stack, &stack.blob(BLOB).issued_by(&forged).seal())),
        untrusted(by("an authority that came along", authority(&stack), &unsigned_chain(&by_evil, &[&below_evil.der]))),
        by("a root that came along", authority(&stack), &unsigned_chain(&by_evil, &[&below_evil.der, &evil_root.der]))
            .fails("material", "material-mismatch"),
        // threat: R31
        by("the right root, which came along", authority(&stack), &unsigned_chain(&good, &[&stack.root.der])),
        by(
            "the right root beside another one",
            authority(&stack),
            &unsigned_chain(&good, &[&stack.root.der, &evil_root.der]),
        )
        .fails("material", "material-mismatch"),
        untrusted(case("issued by a leaf", &stack, &below_leaf)),
        untrusted(by("issued by a leaf that the trusted root names", with_member(&leaf), &by_leaf.bundle())),
        untrusted(by(
            "below an authority of the trusted root for other uses",
            with_member(&not_for_code),
            &stack.blob(BLOB).issued_by(&not_for_code).seal().bundle(),
        )),
        untrusted(by(
            "below an authority that may not sign certificates",
            alone(),
            &unsigned_chain(&stack.blob(BLOB).issued_by(&no_signing).seal(), &[&no_signing.der]),
        )),
        untrusted(by(
            "below what may sign certificates and is no authority",
            alone(),
            &unsigned_chain(&stack.blob(BLOB).issued_by(&no_authority).seal(), &[&no_authority.der]),
        )),
        by("an intermediate that came along", alone(), &unsigned_chain(&good, &[&stack.intermediate.der])),
        untrusted(by("an intermediate missing", alone(), &unsigned_chain(&good, &[]))),
        untrusted(by(
            "deeper than the path length allows",
            authority(&stack),
            &unsigned_chain(&stack.blob(BLOB).issued_by(&too_deep).seal(), &[&too_deep.der]),
        )),
        untrusted(by(
            "below an authority for other uses",
            alone(),
            &unsigned_chain(&stack.blob(BLOB).issued_by(&not_for_code).seal(), &[&not_for_code.der]),
        )),
    ]
}

impl Case {
    /// All failures, in the order of the report.
    fn into_order(mut self, failures: &[(&'static str, &'static str)]) -> Self {
        self.failures = failures.to_vec();
        self
    }
}

fn scts() -> Vec<Case> {
    let stack = Sigstore::new();
    let with = |name, scts: Vec<Sct>| case(name, &stack, &stack.blob(BLOB).leaf(|leaf| leaf.with_scts(scts)).seal());
    let good = || Sct::new(&stack.ct, SIGNED_AT - 300);
    let unknown = || Sct::new(&Key::p256("some log"), SIGNED_AT - 300);
    let forged = || Sct { log_id: good().log_id, ..unknown() };
    let of_another = {
        let other = stack.leaf(SIGNED_AT).issue(&Key::p256("somebody else"), &stack.intermediate);
        let list = Extension::new(testkit::sigstore::SCT_LIST, other.scts.unwrap());
        stack.blob(BLOB).leaf(|leaf| leaf.with_scts(Vec::new()).and(list)).seal()
    };
    let list = |value: Vec<u8>| {
        let list = Extension::new(testkit::sigstore::SCT_LIST, value);
        stack.blob(BLOB).leaf(|leaf| leaf.with_scts(Vec::new()).and(list)).seal()
    };
    let mut ended = stack.trusted_root();
    ended["ctlogs"][0]["publicKey"]["validFor"]["end"] = testkit::sigstore::rfc3339(SIGNED_AT - 301).into();
    let ended = KeylessAuthority::new(alice()).with_root(trust(&ended));
    let mut just = stack.trusted_root();
    just["ctlogs"][0]["publicKey"]["validFor"]["end"] = testkit::sigstore::rfc3339(SIGNED_AT - 300).into();
    let just = KeylessAuthority::new(alice()).with_root(trust(&just));
    let apart = |name, sealed: &Sealed, sct: &Sct, certificate: &[u8]| {
        let sct = DetachedSct::from_json(sct.detached(certificate).to_string().as_bytes()).unwrap();
        by(name, authority(&stack).with_detached_sct(sct), &sealed.bundle())
    };
    let bare = stack.blob(BLOB).leaf(|leaf| leaf.with_scts(Vec::new())).seal();
    let (full, strange) =
        (stack.blob(BLOB).seal(), stack.blob(BLOB).leaf(|leaf| leaf.with_scts(vec![unknown()])).seal());
    let der_of = |sealed: &Sealed| sealed.certificate.clone().unwrap().der;
    let extended = Sct { extensions: vec![1, 2, 3], ..good() };
    vec![
        apart("a promise apart", &bare, &good(), &der_of(&bare)),
        apart("extensions in a promise apart", &bare, &extended, &der_of(&bare)),
        apart("a promise apart and one inside", &full, &good(), &der_of(&full)),
        apart("a promise apart about another certificate", &bare, &good(), &der_of(&full)).fails("sct", "sct-invalid"),
        apart("a promise apart of a log that nobody knows", &bare, &unknown(), &der_of(&bare))
            .fails("sct", "sct-invalid"),
        apart("a forged promise apart beside a good one inside", &full, &forged(), &der_of(&full))
            .fails("sct", "sct-invalid"),
        apart("a good promise apart beside a strange one inside", &strange, &good(), &der_of(&strange))
            .fails("sct", "sct-invalid"),
        // threat: R25
        with("a promise a day before the certificate", vec![Sct::new(&stack.ct, SIGNED_AT - 300 - 86_400)]),
        with("a promise more than a day before the certificate", vec![Sct::new(&stack.ct, SIGNED_AT - 301 - 86_400)])
            .fails("sct", "sct-invalid"),
        with("a promise as late as clocks differ", vec![Sct::new(&stack.ct, NOW.0 + 300)]),
        with("a promise from the future", vec![Sct::new(&stack.ct, NOW.0 + 301)]).fails("sct", "sct-invalid"),
        with("a promise from the future beside a good one", vec![Sct::new(&stack.ct, NOW.0 + 301), good()]),
        apart("a promise apart from the future", &bare, &Sct::new(&stack.ct, NOW.0 + 301), &der_of(&bare))
            .fails("sct", "sct-invalid"),
        with("extensions in the promise", vec![Sct { extensions: vec![1, 2, 3], ..good() }]),
        with("a log that nobody knows beside", vec![unknown(), good()]),
        with("a promise that does not hold beside", vec![forged(), good()]),
        by("the last second of the certificate log", just, &stack.blob(BLOB).seal().bundle()),
        by("a certificate log that had ended", ended, &stack.blob(BLOB).seal().bundle()).fails("sct", "sct-invalid"),
        with("no promise", Vec::new()).fails("sct", "sct-missing"),
        with("a certificate log that nobody knows", vec![unknown()]).fails("sct", "sct-invalid"),
        with("another key under the certificate log's name", vec![forged()]).fails("sct", "sct-invalid"),
        case("the promise about another certificate", &stack, &of_another).fails("sct", "sct-invalid"),
        case("an empty list of promises", &stack, &list(der::octets(&[0, 0]))).fails("sct", "sct-missing"),
        case("a promise cut short", &stack, &list(der::octets(&[0, 4, 0, 2, 0, 0]))).fails("sct", "sct-invalid"),
        case("a list of promises that is none", &stack, &list(der::octets(&[9]))).fails("sct", "sct-invalid"),
        case("bytes behind the promises", &stack, &list(der::octets(&[0, 0, 9]))).fails("sct", "sct-invalid"),
        by(
            "no promise, as asked",
            authority(&stack).dangerous_without_sct(),
            &stack.blob(BLOB).leaf(|leaf| leaf.with_scts(Vec::new())).seal().bundle(),
        )
        .waives("sct", "sct-waived"),
    ]
}

fn times() -> Vec<Case> {
    let stack = Sigstore::new();
    let valid =
        |name, from: i64, to: i64| case(name, &stack, &stack.blob(BLOB).leaf(|leaf| leaf.valid(from, to)).seal());
    let expired = |case: Case| case.fails("certificate", "certificate-not-valid");
    // The authority of the threat table: root, intermediate and leaf with windows of their own, and a stamp.
    let windows = |name, stamp: i64| {
        let hour = 3600;
        let begin = SIGNED_AT;
        let mut stack = Sigstore::new();
        stack.root = Template::authority("r", Some(1)).valid(begin, begin + 2 * hour).self_signed(&Key::p384("r"));
        stack.intermediate = Template::authority("i", Some(0))
            .valid(begin + hour / 2, begin + 3 * hour / 2)
            .issue(&Key::p384("i"), &stack.root);
        let sealed =
            stack.blob(BLOB).leaf(|leaf| leaf.valid(begin + hour, begin + 3 * hour)).logged_at(begin + stamp).seal();
        by(name, authority(&stack), &sealed.bundle())
    };
    let mut authority_ended = stack.trusted_root();
    authority_ended["certificateAuthorities"][0]["validFor"]["end"] = testkit::sigstore::rfc3339(SIGNED_AT - 1).into();
    let authority_ended = KeylessAuthority::new(alice()).with_root(trust(&authority_ended));
    let mut authority_ends = stack.trusted_root();
    authority_ends["certificateAuthorities"][0]["validFor"]["end"] = testkit::sigstore::rfc3339(SIGNED_AT).into();
    let authority_ends = KeylessAuthority::new(alice()).with_root(trust(&authority_ends));
    vec![
        valid("logged in the first second", SIGNED_AT, SIGNED_AT + 600),
        valid("logged in the last second", SIGNED_AT - 600, SIGNED_AT),
        expired(valid("logged a second too early", SIGNED_AT + 1, SIGNED_AT + 600)),
        expired(valid("logged a second too late", SIGNED_AT - 600, SIGNED_AT - 1)),
        windows("all three certificates valid", 75 * 60),
        expired(windows("the intermediate alone had run out", 105 * 60)),
        expired(windows("the intermediate and the root had run out", 150 * 60)),
        by("the last second of the authority", authority_ends, &stack.blob(BLOB).seal().bundle()),
        expired(by("an authority no longer believed", authority_ended, &stack.blob(BLOB).seal().bundle())),
        case("five minutes ahead", &stack, &stack.blob(BLOB).seal()).now(SIGNED_AT - 300),
        case("more than five minutes ahead", &stack, &stack.blob(BLOB).seal())
            .now(SIGNED_AT - 301)
            .fails("time", "time-in-future"),
        case("a stamp beside the log, both in time", &stack, &stack.blob(BLOB).stamped().seal()),
        expired(case(
            "a stamp beside the log, and too late",
            &stack,
            &stack.blob(BLOB).stamp(|stamp| testkit::sigstore::Stamp { time: SIGNED_AT + 301, ..stamp }).seal(),
        )),
        case("a time that nobody signed", &stack, &stack.blob(BLOB).seal().entry(|entry| entry.promise = None))
            .fails("time", "time-missing")
            .fails("certificate", "time-missing"),
        case("rekor v2 without a stamp", &stack, &stack.blob(BLOB).kind(Kind::HashedRekord2).seal())
            .fails("time", "time-missing")
            .fails("certificate", "time-missing"),
    ]
}

fn identities() -> Vec<Case> {
    let stack = Sigstore::new();
    let workflow = "https://github.com/o/r/.github/workflows/ci.yml@refs/heads/main";
    let sealed = stack.blob(BLOB).seal();
    let built = stack
        .blob(BLOB)
        .leaf(|leaf| {
            leaf.with(names(&[San::Uri(workflow)]))
                .and(fulcio(2, "push"))
                .and(fulcio(5, "o/r"))
                .and(fulcio(12, "https://github.com/o/r"))
        })
        .seal();
    let root = trust(&stack.trusted_root());
    let who = |name, subject: Pattern, issuer: Pattern| {
        by(name, KeylessAuthority::new(Identity::new(subject, issuer)).with_root(root.clone()), &sealed.bundle())
    };
    let build = |name, change: fn(Identity) -> Identity| {
        by(
            name,
            KeylessAuthority::new(change(Identity::new(exact(workflow), exact(ISSUER)))).with_root(root.clone()),
            &built.bundle(),
        )
    };
    let regexp = |pattern: &str| Pattern::regexp(pattern).unwrap();
    let no_issuer =
        stack.blob(BLOB).leaf(|leaf| leaf.without("1.3.6.1.4.1.57264.1.1").without("1.3.6.1.4.1.57264.1.8")).seal();
    let email_as_uri = stack.blob(BLOB).leaf(|leaf| leaf.with(names(&[San::Uri(IDENTITY)]))).seal();
    let uri_as_email = stack.blob(BLOB).leaf(|leaf| leaf.with(names(&[San::Email("https://stack.test/a")]))).seal();
    let mismatch = |case: Case| case.fails("identity", "identity-mismatch");
    vec![
        who("by pattern", regexp(r"(alice|bob)@stack\.test"), regexp("https://oidc[.].*")),
        mismatch(who("somebody else", exact("bob@stack.test"), exact(ISSUER))),
        mismatch(who("another case", exact("Alice@stack.test"), exact(ISSUER))),
        mismatch(who("a part of the name", regexp("alice@stack"), exact(ISSUER))),
        who(
            "a part of the name, as cosign has it",
            Pattern::dangerous_unanchored_regexp("alice@stack").unwrap(),
            exact(ISSUER),
        ),
        who("another issuer", exact(IDENTITY), exact("https://other.test")).fails("identity", "issuer-mismatch"),
        by("no issuer", authority(&stack), &no_issuer.bundle()).fails("identity", "issuer-mismatch"),
        // threat: R31
        by(
            "no issuer, as asked",
            KeylessAuthority::new(Identity::without_issuer(exact(IDENTITY))).with_root(root.clone()),
            &no_issuer.bundle(),
        ),
        by(
            "an issuer where none is asked for",
            KeylessAuthority::new(Identity::without_issuer(exact(IDENTITY))).with_root(root.clone()),
            &sealed.bundle(),
        )
        .fails("identity", "issuer-mismatch"),
        mismatch(by(
            "no issuer, as asked, and somebody else",
            KeylessAuthority::new(Identity::without_issuer(exact("bob@stack.test"))).with_root(root.clone()),
            &no_issuer.bundle(),
        )),
        mismatch(by(
            "a URI that is said to be an address",
            KeylessAuthority::new(Identity::new(exact("https://stack.test/a"), exact(ISSUER))).with_root(root.clone()),
            &uri_as_email.bundle(),
        )),
        mismatch(by(
            "a pattern of URIs, and an address",
            KeylessAuthority::new(Identity::new(regexp(r"https:\/\/stack\.test\/.*"), exact(ISSUER)))
                .with_root(root.clone()),
            &uri_as_email.bundle(),
        )),
        mismatch(by("an address that is said to be a URI", authority(&stack), &email_as_uri.bundle())),
        mismatch(by(
            "a pattern of addresses, and a URI",
            KeylessAuthority::new(Identity::new(regexp(".*@stack[.]test"), exact(ISSUER))).with_root(root.clone()),
            &email_as_uri.bundle(),
        )),
        by(
            "either of two",
            KeylessAuthority::new(Identity::new(exact("bob@stack.test"), exact(ISSUER)))
                .with_root(root.clone())
                .with_identity(alice()),
            &sealed.bundle(),
        ),
        build("a workflow", |identity| identity),
        build("a workflow and its extensions", |identity| {
            let trigger = identity.with_extension(FulcioExtension::GithubWorkflowTrigger, "push").unwrap();
            trigger.with_extension(FulcioExtension::SourceRepositoryUri, "https://github.com/o/r").unwrap()
        }),
        build("another trigger", |identity| {
            identity.with_extension(FulcioExtension::GithubWorkflowTrigger, "pull_request").unwrap()
        })
        .fails("identity", "extension-mismatch"),
        build("an extension that is not there", |identity| {
            identity.with_extension(FulcioExtension::GithubWorkflowRef, "refs/heads/main").unwrap()
        })
        .fails("identity", "extension-mismatch"),
        mismatch(build("a workflow as an address", |identity| identity.with_kind(SanType::Email))),
    ]
}

fn transparency() -> Vec<Case> {
    let stack = Sigstore::new();
    let two = NonZeroUsize::new(2).unwrap();
    let one = NonZeroUsize::MIN;
    let asked = |transparency| authority(&stack).with_transparency(transparency);
    let lived = |leaf: Template| leaf.valid(SIGNED_AT - 300, END);
    let twice = {
        let mut sealed = stack.blob(BLOB).seal();
        sealed.entries.push(sealed.entries[0].clone());
        sealed
    };
    let again = {
        let mut later = Sigstore::new();
        later.rekor1.before += 5;
        let mut sealed = stack.blob(BLOB).seal();
        sealed.entries.extend(later.blob(BLOB).seal().entries);
        sealed
    };
    let stamped_twice = stack.blob(BLOB).stamped().stamped().seal();
    vec![
        case("no log entry", &stack, &stack.blob(BLOB).unlogged().stamped().seal())
            .fails("log-entry", "log-entry-missing"),
        by(
            "two logs asked for",
            asked(TransparencyRequirements::LOGGED.with_logs(two)),
            &stack.blob(BLOB).kinds(&[Kind::HashedRekord1, Kind::HashedRekord2]).seal().bundle(),
        ),
        by("one log asked twice", asked(TransparencyRequirements::LOGGED.with_logs(two)), &again.bundle())
            .fails("log-entry", "log-entry-missing"),
        by("two entries of one log", asked(TransparencyRequirements::LOGGED), &again.bundle()),
        by("the same entry twice", asked(TransparencyRequirements::LOGGED), &twice.bundle())
            .fails("content", "bundle-malformed"),
        by(
            "no log entry, as asked",
            asked(TransparencyRequirements::LOGGED.dangerous_without_log()),
            &stack.blob(BLOB).unlogged().stamped().seal().bundle(),
        )
        .waives("log-entry", "log-waived"),
        by(
            "nothing tells the time, as asked",
            asked(TransparencyRequirements::LOGGED.dangerous_without_log()),
            &stack.blob(BLOB).unlogged().leaf(lived).seal().bundle(),
        )
        .waives("log-entry", "log-waived")
        .waives("time", "time-not-witnessed"),
        by(
            "nothing tells the time, and the certificate has run out",
            asked(TransparencyRequirements::LOGGED.dangerous_without_log()),
            &stack.blob(BLOB).unlogged().seal().bundle(),
        )
        .waives("log-entry", "log-waived")
        .waives("time", "time-not-witnessed")
        .fails("certificate", "certificate-not-valid"),
        by(
            "a stamp, as asked for",
            asked(TransparencyRequirements::LOGGED.with_timestamps(one)),
            &stack.blob(BLOB).stamped().seal().bundle(),
        ),
        by(
            "a stamp asked for",
            asked(TransparencyRequirements::LOGGED.with_timestamps(one)),
            &stack.blob(BLOB).seal().bundle(),
        )
        .fails("timestamp", "timestamp-missing"),
        by(
            "one authority asked twice",
            asked(TransparencyRequirements::LOGGED.with_timestamps(two)),
            &stamped_twice.bundle(),
        )
        .fails("timestamp", "timestamp-missing"),
    ]
}

/// Log entries that attest nothing.
fn entries() -> Vec<Case> {
    let stack = Sigstore::new();
    let good = || stack.blob(BLOB).stamped();
    let broken = |name, code, change: &dyn Fn(&mut testkit::sigstore::Entry)| {
        let case = case(name, &stack, &good().seal().entry(change));
        case.fails("log-entry", code).fails("log-entry", "log-entry-missing")
    };
    let forger = testkit::sigstore::Log { key: Key::p256("forger"), ..stack.rekor1.clone() };
    let of_other = stack.blob(b"another file").seal().entries;
    let by_other = stack.blob(BLOB).key(Key::p256("somebody else")).seal().entries;
    let mut beside = good().seal();
    beside.entries.extend(Sigstore::named("other").blob(BLOB).seal().entries);
    let mut ended = stack.trusted_root();
    ended["tlogs"][0]["publicKey"]["validFor"]["end"] = testkit::sigstore::rfc3339(SIGNED_AT - 1).into();
    let ended = KeylessAuthority::new(alice()).with_root(trust(&ended));
    // No format lets such an entry pass; an embedder who makes one is refused all the same.
    let mut unproved = entity(&good().seal().bundle()).unwrap();
    (unproved.log_entries[0].inclusion_promise, unproved.log_entries[0].inclusion_proof) = (None, None);
    let key = sigkit_core::crypto::PublicKey::from_spki_der(&Key::p256("signer").spki()).unwrap();
    let window = sigkit_core::trust::Validity::new(UnixTime(0), Some(UnixTime(SIGNED_AT - 1)));
    let key = sigkit_core::policy::KeyAuthority::new("key", key).with_validity(window);
    let key = key.with_transparency(trust(&stack.trusted_root()), TransparencyRequirements::IF_PRESENT);
    let by_key = case("a key no longer believed", &stack, &stack.blob(BLOB).without_certificate().seal());
    vec![
        Case { entity: Ok(unproved), ..case("neither promise nor proof", &stack, &good().seal()) }
            .fails("log-entry", "log-entry-unproved")
            .fails("log-entry", "log-entry-missing"),
        broken("the entry of another file", "log-entry-mismatch", &|entry| *entry = of_other[0].clone()),
        broken("the entry of another signer", "log-entry-mismatch", &|entry| *entry = by_other[0].clone()),
        case(
            "an entry that says more",
            &stack,
            &good()
                .body(|mut body| {
                    body["spec"]["more"] = 1.into();
                    body
                })
                .seal(),
        )
        .fails("log-entry", "log-entry-malformed")
        .fails("log-entry", "log-entry-missing"),
        broken("a promise by another key", "log-promise-invalid", &|entry| entry.promise = Some(forger.promise(entry))),
        broken("a promise about another time", "log-promise-invalid", &|entry| entry.time = Some(SIGNED_AT + 1)),
        broken("a proof that leads elsewhere", "inclusion-proof-invalid", &proved(|proof| proof.hashes[0][0] ^= 1)),
        broken("a proof for a neighbour", "inclusion-proof-invalid", &proved(|proof| proof.index -= 1)),
        broken(
            "a checkpoint without its signature",
            "checkpoint-malformed",
            &proved(|proof| {
                proof.checkpoint = proof.checkpoint.split("\n\n").next().unwrap().to_owned();
            }),
        ),
        broken(
            "a checkpoint by another key",
            "checkpoint-invalid",
            &proved(|proof| {
                proof.checkpoint = forger.checkpoint(proof.size, &proof.root);
            }),
        ),
        by("a log no longer believed", ended, &stack.blob(BLOB).seal().bundle())
            .fails("log-entry", "log-key-not-valid")
            .fails("log-entry", "log-entry-missing")
            .fails("time", "time-missing")
            .fails("certificate", "time-missing"),
        case("a log that nobody knows beside", &stack, &beside).waives("log-entry", "log-entry-ignored"),
        Case { policy: Policy::key(Purpose::Blob, key), ..by_key }.fails("time", "key-not-valid"),
    ]
}

fn proved(change: impl Fn(&mut testkit::sigstore::Proof)) -> impl Fn(&mut testkit::sigstore::Entry) {
    move |entry| change(entry.proof.as_mut().unwrap())
}

/// Timestamps that attest nothing, beside an entry of Rekor v2, which has no time.
fn stamps() -> Vec<Case> {
    use testkit::sigstore::{Stamp, Tsa};
    let stack = Sigstore::new();
    let sealed =
        |change: &'static dyn Fn(Stamp) -> Stamp| stack.blob(BLOB).kind(Kind::HashedRekord2).stamp(change).seal();
    let broken = |name, code, sealed: &Sealed| {
        let case = case(name, &stack, sealed).fails("timestamp", code);
        case.fails("time", "time-missing").fails("certificate", "time-missing")
    };
    let mut garbage = sealed(&|stamp| stamp);
    garbage.stamps = vec![vec![0x30, 0]];
    let other = Tsa::new("another");
    let other_key = {
        let mut sealed = sealed(&|stamp| stamp);
        sealed.stamps = vec![other.stamp(&sealed.signature, SIGNED_AT).response()];
        sealed
    };
    let asked =
        authority(&stack).with_transparency(TransparencyRequirements::LOGGED.with_timestamps(NonZeroUsize::MIN));
    // threat: R31
    let beside_good_entry = {
        let mut sealed = stack.blob(BLOB).seal();
        let mut stamp = other.stamp(&sealed.signature, SIGNED_AT);
        stamp.bag = vec![other.leaf.der.clone(), other.root.der.clone()];
        sealed.stamps = vec![stamp.response()];
        sealed
    };
    let mut both = sealed(&|stamp| stamp);
    both.stamps.extend(sealed(&|stamp| Stamp { imprint: vec![0; 32], ..stamp }).stamps);
    let mut pinned = stack.trusted_root();
    let chain = pinned["timestampAuthorities"][0]["certChain"]["certificates"].as_array_mut().unwrap();
    chain.truncate(1);
    let pinned = KeylessAuthority::new(alice()).with_root(trust(&pinned));
    let mut purpose = Sigstore::new();
    purpose.tsa = Tsa::with_leaf("stack tsa", &Template::timestamper("leaf").with(purposes(&[CODE_SIGNING])));
    let of_other_use = purpose.blob(BLOB).kind(Kind::HashedRekord2).stamped().seal();
    vec![
        by("an authority whose leaf alone is named", pinned, &sealed(&|stamp| stamp).bundle()),
        case("a stranger's stamp with its certificates beside a good entry", &stack, &beside_good_entry)
            .waives("timestamp", "timestamp-ignored"),
        broken("a stamp that is none", "timestamp-malformed", &garbage),
        broken("a stamp that was refused", "timestamp-malformed", &sealed(&|stamp| Stamp { status: 2, ..stamp })),
        broken(
            "the stamp of other bytes",
            "timestamp-mismatch",
            &sealed(&|stamp| Stamp { imprint: vec![0; 32], ..stamp }),
        ),
        broken(
            "another key under the authority's name",
            "timestamp-signature-invalid",
            &sealed(&|mut stamp| {
                stamp.signer.key = Key::p384("forger");
                stamp
            }),
        ),
        by("an authority for other uses", authority(&purpose), &of_other_use.bundle())
            .fails("timestamp", "timestamp-certificate-not-valid")
            .fails("time", "time-missing")
            .fails("certificate", "time-missing"),
        by("a stamp by a stranger", asked, &other_key.bundle())
            .fails("timestamp", "timestamp-authority-untrusted")
            .fails("timestamp", "timestamp-missing")
            .fails("time", "time-missing")
            .fails("certificate", "time-missing"),
        case("a broken stamp beside a good one", &stack, &both).waives("timestamp", "timestamp-ignored"),
    ]
}

/// Who holds a key where a certificate is asked for, and the reverse.
// threat: R26
fn material() -> Vec<Case> {
    let stack = Sigstore::new();
    let byo = |sealed: &Sealed, certificate: &testkit::sigstore::Certificate| {
        let leaf = Certificate::from_der(&certificate.der).unwrap();
        by("", authority(&stack).with_certificates(leaf, []), &sealed.bundle())
    };
    let sealed = stack.blob(BLOB).seal();
    let leaf = sealed.certificate.clone().unwrap();
    let other = stack.leaf(SIGNED_AT).issue(&Key::p256("somebody else"), &stack.intermediate);
    // A detached signature with the certificate beside it, as flags give it; no log and no timestamp, by flag.
    let lived = stack.blob(BLOB).unlogged().leaf(|leaf| leaf.valid(SIGNED_AT - 300, END)).seal();
    let detached = {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&lived.signature);
        let given = Certificate::from_der(&lived.certificate.as_ref().unwrap().der).unwrap();
        let authority = authority(&stack)
            .with_transparency(TransparencyRequirements::LOGGED.dangerous_without_log())
            .with_certificates(given, []);
        Case {
            entity: SignedEntity::from_detached(text.as_bytes()),
            ..by("a detached signature", authority, &lived.bundle())
        }
    };
    let two = NonZeroUsize::MIN.saturating_add(1);
    let of_key = |key: &Key| {
        let key = sigkit_core::crypto::PublicKey::from_spki_der(&key.spki()).unwrap();
        Authority::Key(KeyAuthority::new("the key", key))
    };
    let image = super::cases::image();
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"r.example/app"}},"image":{{"docker-manifest-digest":"{image}"}},"type":"cosign container image signature"}},"optional":null}}"#,
    );
    let layered = stack.blob(payload.as_bytes()).key(Key::p256("of both")).seal();
    let both_ways = |name, authorities: Vec<Authority>, threshold| {
        let mut layer = Descriptor::of(media_type::SIMPLE_SIGNING, payload.as_bytes());
        layer.annotations = layered.annotations();
        Case {
            artifact: super::cases::IMAGE.as_bytes().to_vec(),
            entity: SignedEntity::from_layer(&layer, payload.clone().into_bytes(), &Limits::DEFAULT),
            policy: Policy::at_least(Purpose::Image, threshold, authorities).unwrap(),
            ..case(name, &stack, &layered)
        }
        .waives("log-entry", "log-not-checked")
    };
    let by_both = || vec![of_key(&Key::p256("of both")), Authority::Keyless(authority(&stack))];
    let bare = Case { entity: detached.entity.clone(), ..case("a detached signature alone", &stack, &sealed) };
    vec![
        case("by a key", &stack, &stack.blob(BLOB).without_certificate().seal())
            .fails("material", "certificate-missing"),
        bare.fails("material", "certificate-missing"),
        both_ways("one signer by key and by certificate", by_both(), NonZeroUsize::MIN),
        both_ways("one signer who is to be two", by_both(), two).fails("policy", "signers-not-distinct"),
        Case { name: "the certificate given is the one that came", ..byo(&sealed, &leaf) },
        Case { name: "the certificate given is another", ..byo(&sealed, &other) }
            .fails("material", "material-mismatch"),
        detached.waives("log-entry", "log-waived").waives("time", "time-not-witnessed"),
    ]
}
