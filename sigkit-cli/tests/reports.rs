//! What a verification says: exit codes in every mode, the report, the words on stderr, and nothing hostile among them.

mod support;

use std::collections::BTreeMap;

use serde::Deserialize;
use support::Ran;
use support::lab::{RegistryFixture, statement};
use support::terminal::{self, Streams};
use testkit::http::{Delivery, Response};
use testkit::image::{self, Image};
use testkit::{Action, Auth, Registry, Rule, refused_address};

const MODES: [&[&str]; 4] = [&[], &["-o", "json"], &["-o", "text"], &["-o", "report"]];

/// One line of `-o report`. An unknown or missing member is a change of the contract.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Report {
    schema: String,
    given: String,
    target: String,
    #[serde(deserialize_with = "present")]
    digest: Option<String>,
    verdict: Verdict,
    exit_code: i32,
    weakened_by: Vec<String>,
    from_environment: Vec<serde_json::Value>,
    absent: Vec<String>,
    #[serde(deserialize_with = "present")]
    code: Option<String>,
    #[serde(deserialize_with = "present")]
    message: Option<String>,
    #[serde(deserialize_with = "present")]
    time: Option<String>,
    signatures: Vec<Signature>,
    #[serde(deserialize_with = "present")]
    checks: Option<Node>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    Verified,
    Rejected,
    Undecided,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    origin: String,
    signer: Signer,
    scheme: String,
    #[serde(deserialize_with = "present")]
    reference: Option<String>,
    annotations: BTreeMap<String, serde_json::Value>,
    times: Vec<String>,
    log: Vec<LogRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the shape is what counts")]
struct LogRecord {
    id: String,
    index: u64,
    #[serde(deserialize_with = "present")]
    time: Option<String>,
    #[serde(rename = "shownBy")]
    shown_by: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the shape is what counts")]
struct Certificate {
    subject: String,
    kind: String,
    #[serde(deserialize_with = "present")]
    issuer: Option<String>,
    extensions: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    key: String,
    fingerprint: String,
    #[serde(deserialize_with = "present")]
    certificate: Option<Certificate>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Node {
    Check(Check),
    Group(Group),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    check: String,
    outcome: Outcome,
    #[serde(deserialize_with = "present")]
    code: Option<String>,
    message: String,
    #[serde(deserialize_with = "present")]
    expected: Option<String>,
    #[serde(deserialize_with = "present")]
    actual: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    Pass,
    Fail,
    Skip,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "group", rename_all = "camelCase", deny_unknown_fields)]
enum Group {
    Policy { threshold: usize, authorities: usize, verdict: Verdict, rule: Rules, parts: Vec<Node> },
    Key { name: String, fingerprint: String, verdict: Verdict, rule: Rules, parts: Vec<Node> },
    Signature { number: usize, origin: String, verdict: Verdict, rule: Rules, parts: Vec<Node> },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Rules {
    All,
    AtLeast(usize),
}

/// A member that may be null, but must be there.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(value)
}

impl Report {
    #[track_caller]
    fn only(ran: &Ran) -> Self {
        let [report] = Self::all(ran).try_into().unwrap();
        report
    }

    /// One document on each line.
    #[track_caller]
    fn all(ran: &Ran) -> Vec<Self> {
        assert!(ran.stdout.ends_with('\n'), "{ran:#?}");
        let reports: Vec<Self> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(reports.iter().all(|report| report.schema == "sigkit.report.v1"));
        reports
    }

    fn checks(&self) -> Vec<&Check> {
        self.checks.iter().flat_map(Node::checks).collect()
    }
}

impl Node {
    fn checks(&self) -> Vec<&Check> {
        match self {
            Self::Check(check) => vec![check],
            Self::Group(Group::Policy { parts, .. } | Group::Key { parts, .. } | Group::Signature { parts, .. }) => {
                parts.iter().flat_map(Self::checks).collect()
            }
        }
    }
}

/// Verifies `names` in every mode and holds each to the contract: the exit code, results on stdout and nothing else there, and on
/// failure what went wrong and what to do about it.
#[track_caller]
fn in_every_mode(lab: &RegistryFixture, names: &[&str], exit: i32, code: &str) -> Vec<Ran> {
    // Side by side, because a client that asks again waits in between.
    let all = std::thread::scope(|scope| {
        MODES.map(|mode| scope.spawn(move || lab.verify(&[mode, names].concat()).run())).map(|run| run.join().unwrap())
    });
    let check = |(mode, ran): (&[&str], Ran)| {
        let ran = ran.expect(exit);
        if mode == ["-o", "report"] {
            for report in Report::all(&ran) {
                assert_eq!((report.exit_code == 0), (report.verdict == Verdict::Verified), "{report:#?}");
                assert_eq!((report.exit_code == 14), (report.verdict == Verdict::Undecided), "{report:#?}");
            }
        } else if exit != 0 && names.len() == 1 {
            assert_eq!(ran.stdout, "", "{mode:?}");
        }
        if exit != 0 {
            assert!(ran.stderr.contains(&format!(": {code}: ")), "{code}: {ran:#?}");
            assert!(ran.stderr.contains(&format!("(sigkit explain {code})\nNext: ")), "{code}: {ran:#?}");
            assert!(ran.stderr.lines().any(|line| line.starts_with("Error: ")), "{ran:#?}");
            lab.sandbox.sigkit(&["explain", code]).run().expect(0);
        }
        if exit != 0 && names.len() == 1 {
            let words = ran.stderr.to_lowercase();
            for success in ["verification for", "verified ok", "were verified", "were validated", " verified\n"] {
                assert!(!words.contains(success), "{success}: {ran:#?}");
            }
        }
        ran
    };
    MODES.into_iter().zip(all).map(check).collect()
}

// threat: L04
#[test]
fn exit_codes_are_the_same_in_every_mode() {
    let lab = RegistryFixture::new();
    let (signed, _) = (lab.image("signed"), lab.image("bare"));
    lab.attach_signature(&signed);
    let foreign = lab.image("foreign");
    let key = support::lab::key_pair("ecdsa-p384");
    let statement = statement(&foreign.digest, "https://sigstore.dev/cosign/sign/v1", "{}");
    attach(&lab, &foreign, support::lab::BUNDLE, &support::lab::bundle(&key, &statement));
    let name = |tag: &str| lab.name(&format!(":{tag}"));
    let (good, bare, wrong, missing) = (name("signed"), name("bare"), name("foreign"), name("missing"));
    let nowhere = format!("{}/app:v1", refused_address());
    in_every_mode(&lab, &[&good], 0, "");
    in_every_mode(&lab, &[&bare], 10, "no-signatures");
    in_every_mode(&lab, &[&missing], 11, "not-found");
    in_every_mode(&lab, &[&wrong], 12, "signature-invalid");
    in_every_mode(&lab, &[&nowhere], 14, "store-unavailable");
    for mode in MODES {
        lab.verify(&[mode, &["UPPER:::"]].concat()).run().expect(2).stdout_is("");
        lab.verify(&[mode, &["--key", "missing.pub", &good]].concat()).run().expect(1).stdout_is("");
    }
    // Of many the one that matters most: 12 > 10 > 11 > 14 > 0.
    let ladder = [(&wrong, 12), (&bare, 10), (&missing, 11), (&nowhere, 14), (&good, 0)];
    for (strongest, (_, exit)) in ladder.iter().enumerate().take(4) {
        let names: Vec<&str> = ladder[strongest..].iter().rev().map(|(name, _)| name.as_str()).collect();
        let ran = lab.verify(&[&["-o", "report"], &names[..]].concat()).run().expect(*exit);
        let reports = Report::all(&ran);
        assert_eq!(reports.iter().map(|report| report.given.as_str()).collect::<Vec<_>>(), names);
        assert_eq!(reports[0].verdict, Verdict::Verified);
        ran.stderr_contains(&format!("1 of {} verified", names.len()));
    }
}

#[test]
fn what_the_registry_cannot_say_is_undecided() {
    for (action, code) in [
        (Action::Respond(Response::new(503).with_header("Retry-After", "0")), "store-unavailable"),
        (Action::status(401), "access-denied"),
        (Action::Respond(Response::error(403, "DENIED", "not for you")), "access-denied"),
        (Action::Respond(Response::new(429).with_header("Retry-After", "0")), "store-unavailable"),
        (Action::delivery(Delivery::Cut(10)), "store-unavailable"),
        (Action::Disconnect, "store-unavailable"),
    ] {
        // Errors of the image itself, and errors of its signatures.
        for pattern in ["/v2/app/manifests/v1", "/v2/app/referrers/*"] {
            let lab = RegistryFixture::new();
            lab.image("v1");
            lab.registry.fault(Rule::new("GET", pattern), action.clone());
            for ran in in_every_mode(&lab, &[&lab.name(":v1")], 14, code) {
                assert!(ran.stderr.contains("GET http://") && ran.stderr.contains(lab.registry.host()), "{ran:#?}");
                assert!(ran.stderr.contains("UNDECIDED"), "{ran:#?}");
            }
        }
    }
    // A page for people instead of an answer.
    let lab = RegistryFixture::new();
    lab.image("v1");
    lab.registry.fault(Rule::new("GET", "/v2/app/referrers/*"), Action::html());
    in_every_mode(&lab, &[&lab.name(":v1")], 14, "store-protocol");
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/v1"), Action::html());
    in_every_mode(&lab, &[&lab.name(":v1")], 14, "store-protocol");
}

#[test]
fn credentials_open_the_registry() {
    let lab = RegistryFixture::with(Registry::builder().auth(Auth::basic("ann", "s3cret")).start());
    let image = lab.image("v1");
    lab.attach_signature(&image);
    let name = lab.name(":v1");
    let user = ["--registry-username", "ann", "--registry-password"];
    lab.verify(&[&user[..], &["s3cret", &name]].concat()).run().expect(0);
    let refused =
        lab.verify(&[&user[..], &["wr0ng", &name]].concat()).run().expect(14).stderr_contains("access-denied");
    assert!(!refused.stderr.contains("wr0ng"), "{refused:#?}");
    lab.verify(&["--registry-username", "ann", &name]).run().expect(2);
    in_every_mode(&lab, &[&name], 14, "access-denied");
}

// threat: M1
#[test]
fn attestation_is_not_a_signature() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    for predicate in ["https://cosign.sigstore.dev/attestation/v1", "https://slsa.dev/provenance/v1"] {
        lab.attach_statement(&image, &statement(&image.digest, predicate, r#"{"data":"x"}"#));
    }
    for ran in in_every_mode(&lab, &[&lab.name(":v1")], 12, "predicate-type-mismatch") {
        assert!(ran.stderr.contains(r#"expected "https://sigstore.dev/cosign/sign/v1", found "https://"#), "{ran:#?}");
    }
    // Nor does waiving the claims make it one.
    lab.verify(&["--check-claims=false", &lab.name(":v1")]).run().expect(12).stdout_is("");
    lab.attach_signature(&image);
    in_every_mode(&lab, &[&lab.name(":v1")], 0, "");
}

// The one that came furthest leads, however many attestations lie beside it and in whatever order they are listed.
#[test]
fn headline_is_of_the_signature_beside_attestations() {
    for first in [true, false] {
        let lab = RegistryFixture::new();
        let image = lab.image("v1");
        let attest = || {
            for predicate in
                ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document", "https://cyclonedx.org/bom"]
            {
                lab.attach_statement(&image, &statement(&image.digest, predicate, "{}"));
            }
        };
        if first {
            attest();
        }
        lab.attach_legacy(&image, r#"{"stage":"test"}"#);
        let key = support::lab::key_pair("ecdsa-p384");
        let signed = statement(&image.digest, "https://sigstore.dev/cosign/sign/v1", "{}");
        attach(&lab, &image, support::lab::BUNDLE, &support::lab::bundle(&key, &signed));
        attest();
        let name = lab.name(":v1");
        in_every_mode(&lab, &[&name], 0, "");
        for (flags, code) in [(&["-a", "stage=prod"][..], "annotation-mismatch"), (&[], "signature-invalid")] {
            lab.sandbox.write("third.pub", support::lab::public_key("ecdsa-p521"));
            let key = if flags.is_empty() { "third.pub" } else { "cosign.pub" };
            let words = [&["verify", "--key", key, "-o", "report"], flags, &[&name]].concat();
            let report = Report::only(&lab.sandbox.sigkit(&words).run().expect(12));
            assert_eq!(report.code.as_deref(), Some(code), "{report:#?}");
        }
    }
}

// threat: M6
// threat: H05
#[test]
fn error_in_one_place_hides_nothing_and_is_reported() {
    for (status, code) in [(500, "store-unavailable"), (403, "access-denied"), (429, "store-unavailable")] {
        let lab = RegistryFixture::new();
        let image = lab.image("v1");
        let name = lab.name(":v1");
        let rule = || Rule::new("GET", "/v2/app/referrers/*");
        let trouble = Response::new(status).with_header("Retry-After", "0");
        lab.registry.fault(rule(), Action::Respond(trouble.clone()));
        in_every_mode(&lab, &[&name], 14, code);
        lab.attach_legacy(&image, "{}");
        for ran in in_every_mode(&lab, &[&name], 0, "") {
            let warning = format!("WARNING: not everything could be read: {code}: referrers: GET http://");
            assert_eq!(ran.stderr.matches(&warning).count(), 1, "{ran:#?}");
        }
        let report = Report::only(&lab.verify(&["-o", "report", &name]).run().expect(0));
        let unknown: Vec<_> = report.checks().into_iter().filter(|check| check.outcome == Outcome::Unknown).collect();
        assert_eq!(unknown.len(), 1, "{report:#?}");
        assert_eq!(unknown[0].code.as_deref(), Some(code));
        // A signature that does not match does not decide while another may be in a place that could not be read.
        lab.sandbox.sigkit(&["verify", "--key", "other.pub", &name]).run().expect(14).stdout_is("");
        // The other way round: the tag cannot be read, the referrers can.
        lab.registry.clear_faults();
        lab.attach_signature(&image);
        lab.registry.fault(Rule::new("GET", "/v2/app/manifests/*.sig"), Action::Respond(trouble));
        lab.verify(&[&name]).run().expect(0).stderr_contains("WARNING: not everything could be read: ");
    }
}

// threat: M17
// threat: E05
// threat: E06
// threat: E07
// threat: E08
#[test]
fn ambiguous_manifests_are_neither_signed_nor_verified() {
    let lab = RegistryFixture::new();
    let plain = lab.image("plain");
    let text = String::from_utf8(plain.bytes).unwrap();
    let both = text.replacen('{', r#"{"manifests":[],"#, 1);
    let twice = text.replacen('{', r#"{"layers":[],"#, 1);
    let layers = text.replacen('{', r#"{"fsLayers":[],"#, 1);
    let schema1 = r#"{"schemaVersion":1,"name":"app","tag":"v1","fsLayers":[],"history":[],"signatures":[]}"#;
    let cases = [
        ("both", image::OCI_MANIFEST, both.as_str()),
        ("twice", image::OCI_MANIFEST, &twice),
        ("fslayers", image::OCI_MANIFEST, &layers),
        ("typed", image::OCI_INDEX, &text),
        ("schema1", "application/vnd.docker.distribution.manifest.v1+prettyjws", schema1),
        ("hello", image::OCI_MANIFEST, "hello"),
        ("empty", image::OCI_MANIFEST, "{}"),
    ];
    for (tag, media_type, bytes) in cases {
        let content = lab.registry.content();
        content.put_manifest("app", Some(tag), media_type, bytes.as_bytes());
        let before = content.manifests("app");
        let name = lab.name(&format!(":{tag}"));
        let refused = lab.sign(&[&name]).run().expect(1).stdout_is("");
        assert!(
            refused.stderr.contains(": manifest-ambiguous: ") && !refused.stderr.contains("Signed"),
            "{refused:#?}"
        );
        assert_eq!(content.manifests("app"), before, "{tag}");
        in_every_mode(&lab, &[&name], 1, "manifest-ambiguous");
    }
}

// threat: L02
#[test]
fn the_report_has_one_shape_for_success_and_failure() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    let other = lab.image("v2");
    let resolved = lab.digest(&image);
    lab.attach_legacy(&image, r#"{"stage":"prod","count":3}"#);
    lab.attach_signature(&image);
    let ran = lab.verify(&["--key", "other.pub", "-o", "report", &name]).run().expect(0);
    let report = Report::only(&ran);
    assert_eq!((report.given.as_str(), report.target.as_str()), (name.as_str(), resolved.as_str()));
    assert_eq!(report.digest, Some(image.digest.clone()));
    assert_eq!((report.verdict, report.exit_code, report.code, report.message), (Verdict::Verified, 0, None, None));
    assert!(report.time.unwrap().ends_with('Z'));
    assert!(report.weakened_by.is_empty());
    let [bundle, legacy] = report.signatures.try_into().unwrap();
    assert!(bundle.origin.starts_with("referrer sha256:") && legacy.origin.starts_with("tag sha256-"));
    assert_eq!((bundle.signer.key.as_str(), bundle.scheme.as_str()), ("cosign.pub", "ECDSA P-256 SHA-256"));
    assert!(bundle.signer.fingerprint.starts_with("SHA256:"));
    // A key says neither whose it is nor when it signed.
    assert!(bundle.signer.certificate.is_none() && bundle.times.is_empty() && bundle.log.is_empty());
    assert_eq!((bundle.reference, legacy.reference), (None, Some(lab.name(""))));
    assert_eq!(legacy.annotations["stage"], "prod");
    assert!(bundle.annotations.is_empty());
    let Some(Node::Group(Group::Policy { threshold: 1, authorities: 2, verdict, rule, parts })) = report.checks else {
        panic!("{ran:#?}")
    };
    assert_eq!((verdict, rule), (Verdict::Verified, Rules::AtLeast(1)));
    let [
        Node::Group(Group::Key { name: first, fingerprint, verdict, rule, parts }),
        Node::Group(Group::Key { verdict: second, .. }),
    ] = &parts[..]
    else {
        panic!("{parts:#?}")
    };
    assert_eq!((first.as_str(), fingerprint), ("cosign.pub", &bundle.signer.fingerprint));
    assert_eq!((*verdict, *second, *rule), (Verdict::Verified, Verdict::Rejected, Rules::AtLeast(1)));
    let Node::Group(Group::Signature { number: 1, origin, verdict: Verdict::Verified, rule: Rules::All, parts }) =
        &parts[0]
    else {
        panic!("{parts:#?}")
    };
    assert_eq!(origin, &bundle.origin);
    let checks: Vec<(&str, Outcome)> =
        parts.iter().flat_map(Node::checks).map(|check| (check.check.as_str(), check.outcome)).collect();
    let expected = ["material", "content", "signature", "subject"].map(|check| (check, Outcome::Pass));
    assert_eq!(checks, expected);

    let ran = lab.verify(&["-a", "stage=test", "-o", "report", &name]).run().expect(12);
    let report = Report::only(&ran);
    assert_eq!((report.verdict, report.exit_code), (Verdict::Rejected, 12));
    assert_eq!(report.code.as_deref(), Some("annotation-mismatch"));
    assert!(report.message.as_ref().is_some_and(|message| !message.is_empty()) && report.signatures.is_empty());
    let failed: Vec<_> = report.checks().into_iter().filter(|check| check.outcome == Outcome::Fail).collect();
    assert_eq!(failed.len(), 2, "{report:#?}");
    assert!(failed.iter().all(|check| check.check == "annotations" && !check.message.is_empty()));
    assert!(failed.iter().all(|check| check.expected.as_deref() == Some("test")));
    assert!(failed.iter().any(|check| check.actual.as_deref() == Some("prod")));

    let ran = lab.verify(&["--check-claims=false", "-o", "report", &name]).run().expect(0);
    let report = Report::only(&ran);
    let waived: Vec<_> = report.checks().into_iter().filter(|check| check.outcome == Outcome::Skip).collect();
    assert!(waived.iter().all(|check| check.check == "subject" && check.code.as_deref() == Some("claims-not-checked")));
    assert_eq!(waived.len(), 2);

    // What was never resolved has neither digest nor checks.
    let report = Report::only(&lab.verify(&["-o", "report", &lab.name(":missing")]).run().expect(11));
    assert!(report.digest.is_none() && report.checks.is_none() && report.time.is_none(), "{report:#?}");
    assert_eq!(report.code.as_deref(), Some("not-found"));
    let report = Report::only(&lab.verify(&["-o", "report", &lab.digest(&other)]).run().expect(10));
    assert_eq!(report.code.as_deref(), Some("no-signatures"));
    lab.sandbox.write("blob", "x");
    lab.sandbox.write("bundle", "{}");
    let arguments = ["verify-blob", "--key", "cosign.pub", "--bundle", "bundle", "-o", "report", "blob"];
    let report = Report::only(&lab.sandbox.sigkit(&arguments).run().expect(12));
    assert_eq!((report.target.as_str(), report.code.as_deref()), ("blob", Some("bundle-malformed")));
}

/// Everything that a terminal might obey or a reader not see, with words that must not appear on a line of their own.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;t\u{7}\u{1b}]52;c;aGk=\u{7}\u{1b}]8;;http://x\u{1b}\\\r\nVerified OK\n\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\u{7f}";

#[track_caller]
fn harmless(ran: &Ran) {
    for c in ran.stderr.chars().chain(ran.stdout.chars()) {
        let code = u32::from(c);
        assert!(code >= 0x20 || c == '\n', "U+{code:04X} in {ran:#?}");
    }
    // JSON escapes the C0 controls itself; what a person reads must be free of the rest as well.
    for c in ran.stderr.chars() {
        let code = u32::from(c);
        assert!(!(0x7f..=0x9f).contains(&code), "U+{code:04X} in {ran:#?}");
        assert!(
            !matches!(code, 0x200b..=0x200f | 0x202a..=0x202e | 0x2066..=0x2069 | 0xfeff),
            "U+{code:04X} in {ran:#?}"
        );
    }
    assert!(!ran.stderr.lines().any(|line| line.starts_with("Verified OK")), "{ran:#?}");
}

// threat: L01
// threat: M9
#[test]
fn nothing_from_a_registry_reaches_a_terminal_as_it_is() {
    let json = serde_json::to_string(HOSTILE).unwrap();
    // The registry's words.
    for (status, exit) in [(403, 14), (401, 14), (404, 11), (500, 14), (400, 14)] {
        let lab = RegistryFixture::new();
        lab.image("v1");
        let name = lab.name(":v1");
        let error = Response::new(status)
            .with_header("Content-Type", "application/json")
            .with_body(format!(r#"{{"errors":[{{"code":{json},"message":{json},"detail":{json}}}]}}"#));
        lab.registry.fault(Rule::new("*", "*"), Action::Respond(error));
        for ran in MODES.map(|mode| lab.verify(&[mode, &[&name]].concat()).run().expect(exit)) {
            harmless(&ran);
        }
        harmless(&lab.sign(&[&name]).run().expect(exit));
    }
    for body in [HOSTILE.as_bytes().to_vec(), [b"{\"errors\":".as_slice(), HOSTILE.as_bytes(), b"\xff\x9b"].concat()] {
        let lab = RegistryFixture::new();
        lab.registry.fault(Rule::new("*", "*"), Action::Respond(Response::new(200).with_body(body)));
        harmless(&lab.verify(&[&lab.name(":v1")]).run());
        harmless(&lab.sign(&[&lab.name(":v1")]).run());
    }
    // Signed words: annotations, predicate types, references.
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.attach_legacy(&image, &format!(r#"{{{json}:{json},"stage":{json}}}"#));
    let odd = statement(&image.digest, "PREDICATE", "{}").replace("\"PREDICATE\"", &json);
    lab.attach_statement(&image, &odd);
    for ran in MODES.map(|mode| lab.verify(&[mode, &[&name]].concat()).run().expect(0)) {
        harmless(&ran);
    }
    for flags in [["-a", "stage=prod"], ["-a", "x=y"]] {
        for ran in MODES.map(|mode| lab.verify(&[mode, &flags, &[&name]].concat()).run().expect(12)) {
            harmless(&ran);
        }
    }
    harmless(&lab.sandbox.sigkit(&["verify", "--key", "other.pub", &name]).run().expect(12));
    // Words of the caller, which a script may have from elsewhere.
    for words in [format!("x/{HOSTILE}"), format!("oci:{HOSTILE}"), format!("oci-archive:{HOSTILE}")] {
        harmless(&lab.verify(&[&words]).run());
        harmless(&lab.sign(&[&words]).run());
    }
    let file = &HOSTILE.replace('/', "_");
    lab.sandbox.write(file, "x");
    harmless(&lab.verify(&["--bundle", file, &name]).run().expect(12));
    harmless(&lab.sandbox.sigkit(&["verify-blob", "--key", "cosign.pub", "--bundle", file, file]).run().expect(12));
    lab.sandbox.write("list", HOSTILE);
    harmless(&lab.verify(&["--images-from", "list"]).run().expect(1));
}

#[test]
fn a_hanging_registry_is_given_up_in_time() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    lab.registry.fault(Rule::new("GET", "/v2/*"), Action::Hang);
    let name = lab.name(":v1");
    let names = [name.as_str(); 5];
    // The time is that of the whole command, also for images that wait for their turn.
    let ran = lab.verify(&[&["--timeout", "1s", "--jobs", "1", "-o", "report"], &names[..]].concat()).run().expect(14);
    assert!((0.9..2.5).contains(&ran.took.as_secs_f64()), "{ran:#?}");
    let reports = Report::all(&ran);
    assert_eq!(reports.len(), 5);
    assert!(reports.iter().all(|report| report.code.as_deref() == Some("timed-out")), "{ran:#?}");
    ran.stderr_contains("within 1s").stderr_contains("--timeout").stderr_contains("0 of 5 verified, 5 undecided");
    let ran = lab
        .sign(&["--timeout", "1s", &name])
        .run()
        .expect(14)
        .stdout_is("")
        .stderr_contains("timed-out")
        .stderr_contains("--timeout");
    assert!(ran.took.as_secs_f64() < 4.0, "{ran:#?}");
    // Time runs out after the image was read: still one code.
    lab.registry.clear_faults();
    lab.registry.fault(Rule::new("GET", "/v2/app/referrers/*"), Action::Hang);
    lab.verify(&["-t", "500ms", &name]).run().expect(14).stderr_contains("timed-out");
    lab.verify(&["--timeout", "0s", &name]).run().expect(2);
}

#[test]
fn unsignable_image_of_an_index_does_not_hide_others() {
    let lab = RegistryFixture::new();
    let index = image::index(lab.registry.content(), "app", "multi", "x");
    let broken = &index.children[0];
    let rule = Rule::new("PUT", &format!("/v2/app/manifests/{}*", broken.replace(':', "-")));
    lab.registry.fault(rule, Action::Respond(Response::error(403, "DENIED", "no")));
    let ran = lab.sign(&["-r", "--format", "legacy", &lab.name(":multi")]).run().expect(14).stdout_is("");
    assert_eq!(ran.stderr.matches("signature stored at").count(), 2, "{ran:#?}");
    let names = (lab.name(":multi"), lab.name(&format!("@{broken}")));
    ran.stderr_contains(&format!("Error: {} ({}): access-denied: ", names.0, names.1));
}

fn attach(lab: &RegistryFixture, image: &Image, artifact_type: &str, payload: &[u8]) {
    let manifest = image::referrer(lab.registry.content(), "app", image, artifact_type, payload);
    lab.registry.content().put_manifest("app", None, image::OCI_MANIFEST, &manifest);
}

/// Runs with stdout on a terminal: the exit code, what the terminal shows, and stderr.
fn on_a_terminal(run: support::Run) -> (i32, String, String) {
    let seen = terminal::run(run, Streams::Stdout, 200);
    (seen.code, seen.shown, seen.stderr)
}

// threat: L03
#[test]
fn on_a_terminal_the_result_is_a_tree() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.attach_legacy(&image, "{}");
    let (code, shown, stderr) = on_a_terminal(lab.verify(&[&name]).env("NO_COLOR", "1"));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let resolved = lab.digest(&image);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], format!("✓ {name}  VERIFIED"), "{shown}");
    assert_eq!(lines[1..3], [format!("  {resolved}"), "  this signer must have signed".to_owned()]);
    for (line, start) in lines[3..].iter().zip([
        "  └─ key cosign.pub           ✓  SHA256:",
        "     └─ signature 1           ✓  tag sha256-",
        "        ├─ material           ✓  ",
        "        ├─ content            ✓  simple signing",
        "        ├─ signature          ✓  ECDSA P-256 SHA-256, key SHA256:",
        "        └─ subject            ✓  names this digest",
    ]) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(line).starts_with(&words(start)), "{line:?} in {shown}");
    }
    let (_, coloured, _) = on_a_terminal(lab.verify(&[&name]));
    assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m"), "{coloured}");
    // Named by its digest, there is nothing more to say; -o text is the tree as well.
    let (_, shown, _) = on_a_terminal(lab.verify(&["-o", "text", &resolved]).env("NO_COLOR", "1"));
    assert!(shown.starts_with(&format!("✓ {resolved}  VERIFIED\n  this signer must have signed\n")), "{shown}");
    // A shape asked for is printed on a terminal too, and a refusal is not a result.
    let (code, shown, _) = on_a_terminal(lab.verify(&["-o", "json", &name]));
    assert!(code == 0 && shown.starts_with("\n[{"), "{shown}");
    let (code, shown, stderr) = on_a_terminal(lab.verify(&["-a", "x=y", &name]));
    assert_eq!((code, shown.as_str()), (12, ""));
    assert!(stderr.contains("REJECTED") && !stderr.contains('\u{1b}'), "{stderr}");
    // What could not be read is in the tree.
    lab.registry.fault(Rule::new("GET", "/v2/app/referrers/*"), Action::Respond(Response::new(403)));
    let (code, shown, _) = on_a_terminal(lab.verify(&[&name]).env("NO_COLOR", "1"));
    assert!(code == 0 && shown.contains("?  access-denied: referrers: GET http://"), "{shown}");
}

// threat: R21
#[test]
fn annotations_never_replace_what_a_certificate_says() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let name = lab.name(":v1");
    let lies = ["Subject=ceo@example.com", "Issuer=https://issuer", "subject=x", "githubWorkflowRef=main", "Bundle=b"];
    for format in ["legacy", "bundle"] {
        let flags: Vec<&str> = lies.iter().chain(&["env=prod"]).flat_map(|lie| ["-a", lie]).collect();
        lab.sign(&[&["--format", format, &name], &flags[..]].concat()).run().expect(0);
        let ran = lab.verify(&["-o", "json", "-a", "env=prod", "-a", lies[0], &name]).run().expect(0);
        let printed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(printed[0]["optional"], serde_json::json!({"env": "prod"}), "{format}");
        // The report keeps annotations apart, and so all of them.
        let line: Report = serde_json::from_str(&lab.verify(&["-o", "report", &name]).run().expect(0).stdout).unwrap();
        assert_eq!(line.signatures[0].annotations["Subject"], "ceo@example.com");
        assert!(line.from_environment.is_empty() && line.absent.is_empty());
    }
}

// threat: R41
#[test]
fn json_holds_nothing_that_a_terminal_obeys() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let name = lab.name(":v1");
    let hostile = "k=\u{9b}31m\u{7f}\u{202e}\u{200b}\u{2066}";
    lab.sign(&["--format", "legacy", "-a", hostile, &name]).run().expect(0);
    for mode in MODES {
        let ran = lab.verify(&[mode, &[&name]].concat()).run().expect(0);
        let acts =
            |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{2069}');
        assert_eq!(ran.stdout.chars().find(acts), None, "{mode:?}");
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let optional = value.pointer("/0/optional/k").or(value.pointer("/optional/k"));
        let found = optional.or(value.pointer("/signatures/0/annotations/k")).unwrap();
        assert_eq!(found, &hostile[2..], "{mode:?}");
    }
}
