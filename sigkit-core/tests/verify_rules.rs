//! How single judgements fold into one verdict: thresholds, doubt, several signatures, and what never adds up.
#![cfg(feature = "sign")]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod support;

use std::num::NonZeroUsize;

use sigkit_core::bundle::{BundleError, Evidence, EvidenceItem, LookupError, Origin, SignedEntity};
use sigkit_core::crypto::{KeyAlgorithm, PublicKey};
use sigkit_core::digest::Digest;
use sigkit_core::key::{KeyPair, SigningKey as _};
use sigkit_core::limits::Limits;
use sigkit_core::oci::Repository;
use sigkit_core::policy::{KeyAuthority, Policy, PolicyError, Purpose};
use sigkit_core::report::{CheckId, Label, Node, Outcome, Verdict};
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, ArtifactHasher, NotVerified, Verified, Verifier};
use support::cases::{IMAGE, bundle, image, statement, subject_of};
use support::keys::{self, other_key, signer};
use support::vector::{NOW, Vector, load_one, report, seen};

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

fn key(name: &str) -> KeyPair {
    keys::test_only(KeyAlgorithm::EcdsaP256, name)
}

/// A signature of the image by that key, as evidence.
fn signed_by(key: &KeyPair) -> EvidenceItem {
    item(&bundle("", &statement(SIGN, &subject_of(&image().to_string())), key))
}

fn item(vector: &Vector) -> EvidenceItem {
    vector.evidence().items.remove(0)
}

fn evidence(items: Vec<EvidenceItem>) -> Evidence {
    Evidence { items, problems: Vec::new() }
}

fn problem() -> LookupError {
    LookupError { target: "referrers".to_owned(), code: "store-unavailable", detail: "status 500".to_owned() }
}

fn authority(key: &KeyPair) -> KeyAuthority {
    KeyAuthority::new("a key", key.public_key().clone())
}

fn one_key() -> Policy {
    Policy::key(Purpose::Image, authority(&signer()))
}

fn at_least(threshold: usize, keys: &[&KeyPair]) -> Result<Policy, PolicyError> {
    let threshold = NonZeroUsize::new(threshold).unwrap();
    Policy::keys(Purpose::Image, threshold, keys.iter().map(|key| authority(key)))
}

fn judge(policy: &Policy, evidence: &Evidence) -> Result<Verified, NotVerified> {
    let result = Verifier::new(&Trust::default()).verify(policy, &Artifact::Bytes(IMAGE.as_bytes()), evidence, NOW);
    assert_eq!(result.is_ok(), report(&result).verdict() == Verdict::Verified);
    assert_eq!(report(&result).time, NOW);
    result
}

fn verdict(policy: &Policy, evidence: &Evidence) -> Verdict {
    report(&judge(policy, evidence)).verdict()
}

// threat: A10
// Fails without the `parts.is_empty()` branch of `judge_authority`, which names the reason.
#[test]
fn nothing_found_is_a_refusal_with_a_reason() {
    let refusal = judge(&one_key(), &Evidence::default()).expect_err("nothing was signed");
    assert_eq!(refusal.found(), 0);
    assert!(refusal.to_string().starts_with("rejected: no-signatures: "), "{refusal}");
    let two = at_least(2, &[&signer(), &other_key()]).unwrap();
    assert_eq!(verdict(&two, &Evidence::default()), Verdict::Rejected);
    assert_eq!(seen(&judge(&two, &Evidence::default())).failures, [("evidence", "no-signatures"); 2]);
}

// threat: M6
// threat: I06
// threat: H05
// Fails when problems are not added to an authority's parts (the doubt becomes a refusal), and when a doubt is folded as a pass.
#[test]
fn lookup_errors_neither_hide_nor_replace_signatures() {
    let mut found = evidence(vec![signed_by(&signer())]);
    found.problems.push(problem());
    let verified = judge(&one_key(), &found).expect("a valid signature beside trouble");
    assert_eq!(verified.signatures().len(), 1);
    assert_eq!(seen(&Ok(verified)).doubts, [("evidence", "store-unavailable")]);

    let alone = Evidence { items: Vec::new(), problems: vec![problem()] };
    let doubt = judge(&one_key(), &alone).expect_err("nothing was seen");
    assert_eq!(doubt.report().verdict(), Verdict::Undecided);
    assert!(doubt.to_string().starts_with("undecided: store-unavailable: referrers: status 500"), "{doubt}");

    let mut wrong = evidence(vec![signed_by(&other_key())]);
    wrong.problems.push(problem());
    let doubt = judge(&one_key(), &wrong).expect_err("the right one may be where nobody could look");
    assert_eq!((doubt.report().verdict(), doubt.found()), (Verdict::Undecided, 1));
}

// Fails when an unreadable item ends the search, or when its failure is not recorded.
#[test]
fn what_cannot_be_read_neither_hides_a_signature_nor_counts() {
    let junk = || item(&load_one("bundle-empty"));
    for items in [vec![junk(), signed_by(&signer())], vec![signed_by(&signer()), junk()]] {
        let verified = judge(&one_key(), &evidence(items)).unwrap();
        assert_eq!(verified.signatures().len(), 1);
        assert_eq!(seen(&Ok(verified)).failures, [("content", "bundle-malformed")]);
    }
    let refusal = judge(&one_key(), &evidence(vec![junk(), junk()])).expect_err("no signature");
    assert_eq!((refusal.found(), refusal.report().verdict()), (2, Verdict::Rejected));
    assert_eq!(seen(&Err(refusal)).failures, [("content", "bundle-malformed"); 2]);
}

// threat: A12
// threat: I09
// Fails when signatures are counted instead of authorities (`AtLeast(MIN)` of an authority's own group), or when the policy
// keeps a key twice.
#[test]
fn a_threshold_counts_distinct_keys() {
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let two_of_three = at_least(2, &[&a, &b, &c]).unwrap();
    for (signers, wanted) in [
        (vec![&a, &b], Verdict::Verified),
        (vec![&c, &a], Verdict::Verified),
        (vec![&a, &b, &c], Verdict::Verified),
        (vec![&a], Verdict::Rejected),
        (vec![&a, &a, &a], Verdict::Rejected),
        (vec![&a, &other_key()], Verdict::Rejected),
        (vec![], Verdict::Rejected),
    ] {
        let items: Vec<_> = signers.iter().map(|key| signed_by(key)).collect();
        assert_eq!(verdict(&two_of_three, &evidence(items)), wanted);
    }
    let verified = judge(&two_of_three, &evidence(vec![signed_by(&c), signed_by(&a)])).unwrap();
    let signers: Vec<_> = verified.signatures().iter().map(|signature| *signature.key()).collect();
    assert_eq!(signers, [a.public_key().fingerprint(), c.public_key().fingerprint()], "by authority");
}

// threat: A12
#[test]
fn one_key_given_twice_is_one_key() {
    let (a, b) = (key("a"), key("b"));
    let copy = PublicKey::from_pem(a.public_key().to_pem().as_bytes()).unwrap();
    let twice = [KeyAuthority::new("first", a.public_key().clone()), KeyAuthority::new("second", copy)];
    let two = NonZeroUsize::new(2).unwrap();
    assert_eq!(
        Policy::keys(Purpose::Image, two, twice.clone()).expect_err("one distinct key"),
        PolicyError::ThresholdUnreachable { threshold: two, authorities: 1 }
    );
    let with_another = Policy::keys(Purpose::Image, two, twice.into_iter().chain([authority(&b)])).unwrap();
    assert_eq!(verdict(&with_another, &evidence(vec![signed_by(&a)])), Verdict::Rejected);
    assert_eq!(verdict(&with_another, &evidence(vec![signed_by(&a), signed_by(&b)])), Verdict::Verified);
}

// threat: A10
// threat: A11
#[test]
fn policy_met_by_no_or_any_signer_does_not_exist() {
    let (a, b) = (key("a"), key("b"));
    let one = NonZeroUsize::MIN;
    assert_eq!(at_least(1, &[]).expect_err("nobody"), PolicyError::NoAuthority);
    assert_eq!(at_least(3, &[]).expect_err("nobody"), PolicyError::NoAuthority);
    let unreachable = at_least(3, &[&a, &b]).expect_err("two keys");
    assert!(matches!(unreachable, PolicyError::ThresholdUnreachable { authorities: 2, .. }), "{unreachable}");
    assert!(at_least(2, &[&a, &b]).is_ok());
    assert!(Policy::keys(Purpose::Image, one, [authority(&a)]).is_ok());
}

// threat: I06
// Fails when doubt counts towards a threshold, or when it is forgotten.
#[test]
fn a_threshold_in_doubt_is_undecided() {
    let (a, b) = (key("a"), key("b"));
    let both = at_least(2, &[&a, &b]).unwrap();
    let mut half = evidence(vec![signed_by(&a)]);
    assert_eq!(verdict(&both, &half), Verdict::Rejected);
    half.problems.push(problem());
    assert_eq!(verdict(&both, &half), Verdict::Undecided);
    let mut whole = evidence(vec![signed_by(&a), signed_by(&b)]);
    whole.problems.push(problem());
    assert_eq!(verdict(&both, &whole), Verdict::Verified);
}

// threat: D16
// Fails when annotations are looked for over all signatures instead of each one.
#[test]
fn annotations_split_over_two_signatures_do_not_count() {
    let with = |annotations: &str| {
        let subject = format!(r#"{{"digest":{{"sha256":"{}"}},"annotations":{annotations}}}"#, image().hex());
        item(&bundle("", &statement(SIGN, &subject), &signer()))
    };
    let policy = one_key().with_annotation("env", "prod").with_annotation("team", "a=b");
    let halves = || vec![with(r#"{"env":"prod"}"#), with(r#"{"team":"a=b"}"#)];
    let refusal = judge(&policy, &evidence(halves())).expect_err("neither has both");
    assert_eq!(seen(&Err(refusal)).failures, [("annotations", "annotation-mismatch"); 2]);
    let mut items = halves();
    items.push(with(r#"{"env":"prod","team":"a=b"}"#));
    assert_eq!(judge(&policy, &evidence(items)).unwrap().signatures().len(), 1);
}

// Fails when a valid signature over another image and an invalid one over this image complete each other.
#[test]
fn checks_of_two_signatures_never_combine() {
    let elsewhere = Digest::sha256(b"another image").to_string();
    let other_image = item(&bundle("", &statement(SIGN, &subject_of(&elsewhere)), &signer()));
    let refusal = judge(&one_key(), &evidence(vec![other_image, signed_by(&other_key())])).expect_err("neither holds");
    let seen = seen(&Err(refusal));
    assert_eq!(seen.failures, [("subject", "subject-mismatch"), ("signature", "signature-invalid")]);
    assert_eq!(seen.passes, ["material", "content", "signature", "material", "content", "subject"]);
}

// threat: M20
// threat: D15
#[test]
fn signature_of_other_repository_counts_without_check_reference() {
    let legacy = load_one("legacy");
    let policy = |repository: &str| one_key().with_reference(repository.parse::<Repository>().unwrap());
    assert_eq!(verdict(&one_key(), &legacy.evidence()), Verdict::Verified);
    assert_eq!(verdict(&policy("registry.example/app"), &legacy.evidence()), Verdict::Verified);
    let refusal = judge(&policy("registry.example/copy"), &legacy.evidence()).expect_err("made for app");
    assert_eq!(seen(&Err(refusal)).failures, [("reference", "reference-mismatch")]);
}

// threat: M5
#[test]
fn a_proof_says_what_was_signed_by_whom_and_where() {
    let legacy = load_one("legacy");
    let verified = judge(&one_key(), &legacy.evidence()).unwrap();
    let [signature] = verified.signatures() else { panic!("one signature") };
    assert_eq!(signature.payload(), Some(legacy.file("payload.json")));
    assert_eq!(signature.simple_signing().unwrap().reference, "registry.example/app");
    assert!(signature.statement().is_none());
    assert_eq!((signature.authority(), signature.key()), ("a key", &signer().public_key().fingerprint()));
    assert_eq!(signature.scheme().to_string(), "ECDSA P-256 SHA-256");
    assert_eq!(signature.origin(), &Origin::File("payload.json".to_owned()));

    let verified = load_one("bundle").judge().unwrap();
    let [signature] = verified.signatures() else { panic!("one signature") };
    assert_eq!(signature.statement().unwrap().predicate_type, SIGN);
    assert!(signature.simple_signing().is_none());
    assert_eq!(signature.payload().unwrap(), statement(SIGN, &subject_of(&image().to_string())).as_bytes());

    let verified = load_one("blob-detached").judge().unwrap();
    let [signature] = verified.signatures() else { panic!("one signature") };
    assert!(signature.payload().is_none() && signature.statement().is_none() && signature.simple_signing().is_none());
    assert_eq!(signature.digest(), Some(Digest::sha256(load_one("blob-detached").file("artifact"))));
    assert!(signature.subject().is_none());
}

// Fails when what belongs to another subject is reported as the artifact's.
#[test]
fn a_proof_shows_the_subject_that_is_the_artifact() {
    let verified = load_one("annotations-beside-other-subject").judge().unwrap();
    let [signature] = verified.signatures() else { panic!("one signature") };
    assert_eq!(signature.digest(), Some(image()));
    assert_eq!(signature.subject().unwrap().annotations["env"], "prod");
    assert_eq!(signature.statement().unwrap().subjects[0].annotations["env"], "dev");

    let verified = load_one("claims-waived-bundle").judge().unwrap();
    assert_eq!(verified.signatures()[0].digest(), None, "nobody compared it");
    let verified = load_one("legacy-names-sha512").judge().unwrap();
    let sha512 = Digest::of(sigkit_core::digest::DigestAlgorithm::Sha512, IMAGE.as_bytes());
    assert_eq!(verified.signatures()[0].digest(), Some(sha512));
}

// threat: C13
// Fails when the schemes of the authority are ignored.
#[test]
fn a_scheme_asked_for_is_the_only_one_accepted() {
    let vector = load_one("golden-cosign2-image-legacy-p384");
    let schemes = vector.key().accepted_schemes();
    let accepted: Vec<bool> = schemes
        .iter()
        .map(|scheme| {
            let authority = KeyAuthority::new("p384", vector.key()).with_scheme(*scheme);
            let policy = Policy::key(Purpose::Image, authority);
            let result = Verifier::new(&Trust::default()).verify(
                &policy,
                &Artifact::Bytes(vector.file("artifact")),
                &vector.evidence(),
                NOW,
            );
            if let Ok(verified) = &result {
                assert_eq!(verified.signatures()[0].scheme(), *scheme);
            }
            result.is_ok()
        })
        .collect();
    // cosign 2 signs with SHA-256 whatever the curve.
    assert_eq!(accepted, [false, true]);
}

// Fails when the bytes of an artifact are confused with what is known of it.
#[test]
fn image_may_have_digest_only_and_blob_is_read_once() {
    let policy = one_key();
    let by_digest = |digest: Digest| {
        Verifier::new(&Trust::default()).verify(
            &policy,
            &Artifact::Digest(digest),
            &evidence(vec![signed_by(&signer())]),
            NOW,
        )
    };
    assert!(by_digest(image()).is_ok());
    let refusal = by_digest(Digest::sha256(b"x")).expect_err("another image");
    assert_eq!(seen(&Err(refusal)).failures, [("subject", "subject-mismatch")]);

    for name in ["golden-cosign2-blob-legacy-ed25519", "golden-cosign3-blob-bundle-p521", "blob-bundle-sha512-noted"] {
        let vector = load_one(name);
        let (policy, evidence) = (vector.policy(), vector.evidence());
        let mut changed = vector.file("artifact").to_vec();
        changed[0] ^= 1;
        for (bytes, wanted) in [(vector.file("artifact"), Verdict::Verified), (&changed, Verdict::Rejected)] {
            let mut scanner = ArtifactHasher::new(&Trust::default(), &policy, &evidence);
            bytes.chunks(3).for_each(|chunk| scanner.update(chunk));
            let scan = scanner.finish();
            let result = Verifier::new(&Trust::default()).verify(&policy, &Artifact::Streamed(&scan), &evidence, NOW);
            assert_eq!(report(&result).verdict(), wanted, "{name}: {:?}", seen(&result));
        }
    }
}

// threat: A12
// Fails when what was followed for one key or signature answers for another.
#[test]
fn a_blob_read_once_keeps_keys_and_signatures_apart() {
    let blob = b"a file read once";
    let keys = ["a", "b"].map(|name| keys::test_only(KeyAlgorithm::Ed25519, name));
    let detached = |key: &KeyPair, message: &[u8]| EvidenceItem {
        origin: Origin::File(String::new()),
        entity: SignedEntity::from_detached(key.sign(message).unwrap().to_base64().as_bytes()),
    };
    let [a, b] = &keys;
    for (items, threshold, wanted) in [
        (vec![detached(a, blob)], 1, Verdict::Verified),
        (vec![detached(a, blob)], 2, Verdict::Rejected),
        (vec![detached(a, blob), detached(b, b"another file")], 2, Verdict::Rejected),
        (vec![detached(b, b"another file"), detached(b, blob), detached(a, blob)], 2, Verdict::Verified),
    ] {
        let threshold = NonZeroUsize::new(threshold).unwrap();
        let policy = Policy::keys(Purpose::Blob, threshold, keys.iter().map(authority)).unwrap();
        let evidence = evidence(items);
        let mut scanner = ArtifactHasher::new(&Trust::default(), &policy, &evidence);
        scanner.update(blob);
        let scan = scanner.finish();
        let result = Verifier::new(&Trust::default()).verify(&policy, &Artifact::Streamed(&scan), &evidence, NOW);
        assert_eq!(report(&result).verdict(), wanted, "{:?}", seen(&result));
    }
}

// threat: D07
// threat: M16
// Fails when the artifact is hashed for each subject of each statement, signed or not: that would be 6 GB here.
#[test]
fn many_subjects_and_a_large_artifact_cost_little() {
    let large = vec![b'x'; 2 << 20];
    let subject = format!(r#"{{"digest":{{"sha256":"{0}","sha384":"{0}","sha512":"{0}"}}}}"#, "0".repeat(64));
    let subjects = vec![subject; 1024].join(",");
    let junk = item(&bundle("", &statement(SIGN, &subjects), &other_key()));
    let policy = one_key().with_annotation("env", "prod");
    let started = std::time::Instant::now();
    let result = Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(&large), &evidence(vec![junk]), NOW);
    assert!(result.is_err());
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
}

// Fails when the limits of the deployment are not those that documents are read by.
#[test]
fn verifier_limits_of_trust_are_used() {
    let subject = subject_of(&image().to_string());
    let two = item(&bundle("", &statement(SIGN, &format!("{subject},{subject}")), &signer()));
    let mut limits = Limits::DEFAULT;
    limits.statement_subjects = 2;
    let judge = |limits: &Limits| {
        let trust = Trust::default().with_limits(limits.clone());
        Verifier::new(&trust).verify(&one_key(), &Artifact::Bytes(IMAGE.as_bytes()), &evidence(vec![two.clone()]), NOW)
    };
    assert!(judge(&limits).is_ok());
    limits.statement_subjects = 1;
    assert_eq!(seen(&judge(&limits)).failures, [("content", "payload-malformed")]);
}

/// The words of every leaf of a report, as `check: words`.
fn words(node: &Node) -> Vec<String> {
    match node {
        Node::Leaf { check, outcome } => vec![format!("{}: {outcome}", check.name())],
        Node::Group { parts, .. } => parts.iter().flat_map(words).collect(),
    }
}

// threat: L03
// threat: M4
// Fails when a leaf says something else than what was checked.
#[test]
fn a_report_says_what_was_checked() {
    let key = signer().public_key().fingerprint();
    let digest = image();
    let signed = format!("signature: ECDSA P-256 SHA-256, key {key}");
    let trusted = "material: to be verified with the key of the policy";
    for (vector, expected) in [
        (
            "legacy",
            vec![trusted.into(), "content: simple signing".into(), signed.clone(), format!("subject: names {digest}")],
        ),
        (
            "annotations-bundle",
            vec![
                trusted.to_owned(),
                format!("content: statement {SIGN}"),
                signed.clone(),
                format!("subject: names {digest}"),
                "annotations: 2 annotations signed as required".to_owned(),
            ],
        ),
        (
            "reference-same-with-tag",
            vec![
                trusted.to_owned(),
                "content: simple signing".to_owned(),
                signed.clone(),
                format!("subject: names {digest}"),
                "reference: made for registry.example/app:v1".to_owned(),
            ],
        ),
        (
            "blob-legacy-log-entry-beside",
            vec![
                trusted.to_owned(),
                "content: signature over the artifact itself".to_owned(),
                signed.clone(),
                format!("subject: names {}", Digest::sha256(load_one("blob-legacy-log-entry-beside").file("artifact"))),
                "log-entry: 1 present, not checked: no trusted root was given".to_owned(),
            ],
        ),
        (
            "bundle-timestamp-beside",
            vec![
                trusted.to_owned(),
                format!("content: statement {SIGN}"),
                signed.clone(),
                format!("subject: names {digest}"),
                "timestamp: 1 present, not checked: no trusted root was given".to_owned(),
            ],
        ),
        (
            "claims-waived-legacy",
            vec![
                trusted.to_owned(),
                "content: simple signing".to_owned(),
                signed,
                "subject: NOT compared with the artifact (disabled by flag)".to_owned(),
            ],
        ),
        (
            "statement-attestation",
            vec![
                trusted.to_owned(),
                format!(
                    "content: predicate type: expected {SIGN:?}, found \"https://cosign.sigstore.dev/attestation/v1\""
                ),
                format!("signature: ECDSA P-256 SHA-256, key {key}"),
            ],
        ),
    ] {
        assert_eq!(words(&report(&load_one(vector).judge()).root), expected, "{vector}");
    }
    let one = load_one("annotations-bundle").evidence();
    let verified = judge(&one_key().with_annotation("n", "1"), &one).unwrap();
    assert_eq!(words(&verified.report().root).pop().unwrap(), "annotations: 1 annotation signed as required");
}

// Fails when a refusal names an error that did not decide.
#[test]
fn headline_is_the_failure_that_decided() {
    let mut found = evidence(vec![signed_by(&other_key())]);
    found.problems.push(problem());
    let doubt = judge(&one_key(), &found).expect_err("nobody knows");
    let trouble = doubt.report().headline().unwrap().outcome;
    assert_eq!(trouble.code(), Some("store-unavailable"));
    let mut found = evidence(vec![signed_by(&other_key())]);
    let refused = judge(&one_key(), &found).expect_err("of another key");
    assert_eq!(refused.report().headline().unwrap().outcome.code(), Some("signature-invalid"));
    found.problems.push(problem());
    assert_eq!(seen(&Err(doubt)).doubts, [("evidence", "store-unavailable")]);
    assert!(judge(&one_key(), &evidence(vec![signed_by(&signer())])).unwrap().report().headline().is_none());
}

/// Candidates from the least to the one that comes furthest, with the code of each alone.
fn candidates() -> Vec<(EvidenceItem, &'static str)> {
    let not_one = BundleError::NotASignature { found: "an image".to_owned() };
    let origin = || Origin::File("x".to_owned());
    let bundle_of = |kind, subject: &str, key| item(&bundle("", &statement(kind, &subject_of(subject)), key));
    let image = image().to_string();
    let other = format!("sha256:{}", "0".repeat(64));
    vec![
        (EvidenceItem { origin: origin(), entity: Err(not_one) }, "no-signatures"),
        (bundle_of("https://slsa.dev/provenance/v1", &image, &signer()), "predicate-type-mismatch"),
        (item(&load_one("bundle-empty")), "bundle-malformed"),
        (item(&load_one("bundle-certificate")), "material-mismatch"),
        (signed_by(&other_key()), "signature-invalid"),
        (bundle_of(SIGN, &other, &signer()), "subject-mismatch"),
        (item(&load_one("annotations-legacy-other-value")), "annotation-mismatch"),
    ]
}

fn headline(policy: &Policy, items: Vec<EvidenceItem>) -> (String, String) {
    let refused = judge(policy, &evidence(items)).expect_err("no candidate holds");
    let headline = refused.report().headline().unwrap();
    (headline.outcome.code().unwrap().to_owned(), headline.outcome.to_string())
}

/// Every order of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let places = |order: Vec<usize>| {
        (0..count).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, last);
            longer
        })
    };
    orders(last).into_iter().flat_map(places).collect()
}

// Fails when the order in which candidates were found decides, or a lesser one.
#[test]
fn headline_is_of_the_furthest_candidate_in_every_order() {
    let policy = one_key().with_annotation("n", "1");
    let candidates = candidates();
    for (candidate, code) in &candidates {
        assert_eq!(headline(&policy, vec![candidate.clone()]).0, *code);
    }
    for count in 1..=candidates.len() {
        let furthest = candidates[count - 1].1;
        let mut said = Vec::new();
        for order in orders(count) {
            let items = order.iter().map(|number| candidates[*number].0.clone()).collect();
            said.push(headline(&policy, items));
        }
        said.dedup();
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].0, furthest);
    }
    // Of equals, the words decide: two of one kind, one of each of two keys.
    let equals = [signed_by(&other_key()), signed_by(&key("third")), item(&load_one("bundle-other-key"))];
    let all: Vec<_> =
        orders(3).iter().map(|order| headline(&policy, order.iter().map(|n| equals[*n].clone()).collect())).collect();
    assert!(all.iter().all(|said| *said == all[0]), "{all:?}");
}

// Fails when bytes that have changed are taken for those of another signer.
#[test]
fn headline_of_a_changed_blob_is_that_it_changed() {
    let vector = load_one("blob-bundle");
    let policy = Policy::key(Purpose::Blob, authority(&signer()));
    let result =
        Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(b"changed"), &vector.evidence(), NOW);
    assert_eq!(seen(&result).failures, [("signature", "signature-invalid"), ("subject", "subject-mismatch")]);
    assert_eq!(report(&result).headline().and_then(|headline| headline.outcome.code()), Some("subject-mismatch"));
}

// Fails when an alternative that nothing can meet hides how far another came, or a demand that is met leads.
#[test]
fn headline_leaves_out_what_did_not_decide() {
    let (a, b) = (key("a"), key("b"));
    let both = at_least(2, &[&a, &b]).unwrap();
    let refused = judge(&both, &evidence(vec![signed_by(&a)])).expect_err("one signer");
    let headline = refused.report().headline().unwrap();
    let blamed = headline.path.iter().find_map(|label| match label {
        Label::Key { fingerprint, .. } => Some(*fingerprint),
        _ => None,
    });
    assert_eq!((headline.check, blamed), (CheckId::Signature, Some(b.public_key().fingerprint())));
    assert!(matches!(headline.path.first(), Some(Label::Policy { .. })), "outermost first");
}

// Fails when expected and actual are exchanged, or left to the message alone.
#[test]
fn reasons_carry_what_was_expected_and_what_was_found() {
    for (vector, expected, actual) in [
        (
            "legacy-other-image",
            Some(image().to_string()),
            Some("sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        ),
        ("annotations-legacy-other-value", Some("1".to_owned()), Some("10")),
        ("annotations-legacy-none", Some("prod".to_owned()), None),
        ("reference-other-repository", Some("registry.example/app".to_owned()), Some("registry.example/app-evil")),
        ("reference-not-signed-in-bundle", Some("registry.example/app".to_owned()), None),
        ("statement-provenance", Some(SIGN.to_owned()), Some("https://slsa.dev/provenance/v1")),
        ("envelope-type-json", Some("application/vnd.in-toto+json".to_owned()), Some("application/json")),
        ("legacy-atomic-type", Some("cosign container image signature".to_owned()), Some("atomic container signature")),
        (
            "bundle-certificate",
            Some("a signature made with a key".to_owned()),
            Some("a signature made with a certificate"),
        ),
        (
            "purpose-image-signature-for-blob",
            Some("a signature over plain bytes".to_owned()),
            Some("an image signature"),
        ),
        ("bundle-empty", None, None),
        ("bundle-other-key", None, None),
        ("statement-empty", None, None),
        ("no-evidence", None, None),
    ] {
        let vector = load_one(vector);
        let result = vector.judge();
        let Some(Outcome::Fail(reason)) = report(&result).headline().map(|headline| headline.outcome) else {
            panic!("{}", vector.name)
        };
        assert_eq!((reason.expected(), reason.actual().as_deref()), (expected, actual), "{}", vector.name);
    }
}

// threat: R38
// Fails when judging goes on without end, or when what was judged is lost.
#[test]
fn verifier_out_of_time_keeps_what_it_judged() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (key, policy) = (signer(), one_key());
    for (steps, items, good) in [(0, 3, false), (1, 3, true), (2, 3, true), (9, 3, true)] {
        let all = evidence((0..items).map(|_| signed_by(&key)).collect());
        let left = AtomicUsize::new(steps);
        let goes_on = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let artifact = Artifact::Bytes(IMAGE.as_bytes());
        match Verifier::new(&Trust::default()).with_cancellation(&goes_on).verify(&policy, &artifact, &all, NOW) {
            Ok(verified) => assert!(good && verified.signatures().len() == steps.min(items), "{steps}"),
            Err(refused) => {
                assert!(!good, "{steps}");
                assert_eq!(refused.report().verdict(), Verdict::Undecided);
                assert_eq!(refused.report().headline().and_then(|headline| headline.outcome.code()), Some("timed-out"));
            }
        }
    }
}
