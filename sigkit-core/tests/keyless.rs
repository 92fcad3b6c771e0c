//! Signatures by identities: every step of the recipe passes and fails, each for its own reason.
#![cfg(all(feature = "keyless", feature = "sign"))]
#![allow(clippy::disallowed_methods, reason = "the shared vectors are files")]

mod support;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::crypto::{PublicKey, Signature};
use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::policy::{
    Authority, Identity, KeyAuthority, KeylessAuthority, Pattern, PatternError, Policy, PolicyError, Purpose,
    TransparencyRequirements,
};
use sigkit_core::reason::Reason;
use sigkit_core::report::{Node, Outcome, Verdict};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::{
    AuthorityError, CertificateAuthority, FulcioExtension, RootName, TransparencyLog, Trust, TrustedRoot, Validity,
};
use sigkit_core::verify::{Artifact, ArtifactHasher, SignedBy, Verifier};
use support::keyless::{self, BLOB, NOW, alice, authority, deployment, entity, exact, named, trust};
use support::vector::seen;
use testkit::sigstore::{
    Extension, IDENTITY, ISSUER, KEY_USAGE, Key, Kind, SIGNED_AT, San, Sct, Sigstore, Stamp, Template, der, fulcio,
    names,
};

// threat: A10 A16 A18
// threat: B04 B06 B07 B12 B13 B14 B15 B17 B18 D17
// threat: I03 I04 I05
#[test]
fn every_case_passes_or_fails_for_its_own_reason() {
    let cases = keyless::all();
    assert!(cases.len() > 80, "only {} cases", cases.len());
    let troubles: Vec<String> = cases.iter().filter_map(keyless::Case::trouble).collect();
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

/// The policy of the tests here, on a bundle for [`BLOB`].
fn judge(authority: KeylessAuthority, bundle: &serde_json::Value) -> support::vector::Seen {
    let policy = Policy::keyless(Purpose::Blob, authority);
    let evidence = Evidence::of(Origin::File("bundle".to_owned()), entity(bundle));
    seen(&Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW))
}

// threat: M19 I01
#[test]
fn a_pattern_must_match_the_whole_name() {
    let main = "https://github.com/o/r/.github/workflows/ci.yml@refs/heads/main";
    for (pattern, name, matches) in [
        (r"ceo@example\.com", "ceo@example.com", true),
        (r"ceo@example\.com", "ceo@example.com.evil.org", false),
        (r"ceo@example\.com", "not-ceo@example.com", false),
        (r"ceo@example\.com", "ceo@example.com\n.evil.org", false),
        (r"ceo@example\.com", "x\nceo@example.com", false),
        (r"ceo@example\.com", "ceo@exampleXcom", false),
        (r"^ceo@example\.com$", "ceo@example.com", true),
        (r"^ceo@example\.com$", "ceo@example.com\n", false),
        (r"(?m)^ceo@example\.com$", "ceo@example.com\nevil", false),
        (r"ceo@example\.com|cto@example\.com", "cto@example.com", true),
        (r"ceo@example\.com|cto@example\.com", "cto@example.com.evil.org", false),
        (r"ceo@example\.com|cto@example\.com", "ceo@example.comcto@example.com", false),
        (r"a|ab", "ab", true),
        (r".*@example\.com", "anybody@example.com", true),
        (r".*@example\.com", "anybody@evil.org\n@example.com", false),
        (r"https://github\.com/o/r/\.github/workflows/ci\.yml@refs/heads/main", main, true),
        (
            r"https://github\.com/o/r/\.github/workflows/ci\.yml@refs/heads/main",
            "https://github.com/o/r/.github/workflows/ci.yml@refs/heads/main-evil",
            false,
        ),
        (r"https://github\.com/o/.*", "https://github.com/o-evil/r", false),
        (r"https://github\.com/o/.*", "https://evil.org/https://github.com/o/r", false),
        (r"https://github\.com/o/.*", "https://evil.org/@evil.yml@refs/heads/main", false),
        (r"\d+", "12", true),
        (r"\d+", "\u{661}\u{662}", false),
        (r"(?i)ceo", "CEO", true),
        (r"(?i)i", "\u{130}", false),
        (r"ceo", "", false),
    ] {
        assert_eq!(Pattern::regexp(pattern).unwrap().matches(name), matches, "{pattern} on {name:?}");
    }
    assert!(Pattern::dangerous_unanchored_regexp(r"ceo@example\.com").unwrap().matches("ceo@example.com.evil.org"));
}

// threat: I02
#[test]
fn invalid_pattern_is_refused() {
    assert_eq!(Pattern::exact("").unwrap_err(), PatternError::Empty);
    assert_eq!(Pattern::regexp("").unwrap_err(), PatternError::Empty);
    let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
    for pattern in
        ["(", "a)|(b", "[", "a{1000}{1000}{1000}", "(?x)a # comment", "\\p{Cyrillic}", r"(?P<x>a)(?P<x>b)", &deep]
    {
        assert!(matches!(Pattern::regexp(pattern), Err(PatternError::Syntax { .. })), "{pattern:.40}");
    }
    assert!(alice().with_extension(FulcioExtension::GithubWorkflowSha, "").is_err());
}

// threat: I04
#[test]
fn names_are_compared_byte_for_byte_and_look_alikes_are_shown() {
    let stack = Sigstore::new();
    let root = trust(&stack.trusted_root());
    for (wanted, name, shown) in [
        ("admin!stack", "\u{430}dmin!stack", r"\u{430}dmin!stack"),
        ("admin!stack", "admin!stack\u{202e}", r"admin!stack\u{202e}"),
        ("admin!stack", "Admin!stack", "Admin!stack"),
        ("admin!stack", "admin!stack.", "admin!stack."),
        ("i!stack", "\u{130}!stack", r"\u{130}!stack"),
        ("\u{e9}!stack", "e\u{301}!stack", r"e\u{301}!stack"),
        ("b\u{fc}cher!stack", "xn--bcher-kva!stack", "xn--bcher-kva!stack"),
        ("admin!stack", "admin\" or \\!stack", r#"user name "admin\u{22} or \u{5c}!stack""#),
    ] {
        let sealed = stack.blob(BLOB).leaf(|leaf| leaf.with(names(&[San::Other(name)]))).seal();
        let authority =
            |text: &str| KeylessAuthority::new(Identity::new(exact(text), exact(ISSUER))).with_root(root.clone());
        let policy = Policy::keyless(Purpose::Blob, authority(wanted));
        let evidence = Evidence::of(Origin::File(String::new()), entity(&sealed.bundle()));
        let refusal = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW);
        let refusal = refusal.unwrap_err();
        assert_eq!((refusal.code(), refusal.verdict()), ("identity-mismatch", Verdict::Rejected));
        for text in [refusal.to_string(), refusal.report().to_string().replace(['✗', '✓', '├', '└', '─', '│'], "")]
        {
            assert!(text.contains("identity-mismatch") && text.contains(shown), "{text}");
            assert!(text.is_ascii(), "{text}");
        }
        // The value is what the certificate has, byte for byte, and JSON says the same.
        let headline = refusal.report().headline().unwrap();
        let Outcome::Fail(Reason::IdentityMismatch { found, .. }) = headline.outcome else { panic!("{headline:?}") };
        assert_eq!(found, name);
        let json = serde_json::to_value(&refusal).unwrap().to_string();
        assert!(json.contains(&serde_json::json!(format!("user name \"{name}\"")).to_string()), "{json}");
        assert_eq!(judge(authority(name), &sealed.bundle()).failures, [], "{name}");
        let policy = Policy::keyless(Purpose::Blob, authority(name));
        let verified = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW);
        let verified = verified.unwrap();
        let SignedBy::Identity(identity) = verified.signatures()[0].signer() else { panic!("not an identity") };
        assert_eq!((identity.subject.as_str(), identity.issuer.as_deref()), (name, Some(ISSUER)));
    }
}

// threat: B16
#[test]
fn many_certificates_that_sign_each_other_cost_little() {
    let stack = Sigstore::new();
    let mut bundle = stack.blob(BLOB).issued_by(&cross(0, &stack.intermediate)).seal().older_bundle("0.1");
    let chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"].as_array_mut().unwrap();
    // Of two names, each issued under the other: each may have issued half of them.
    let mut issuer = cross(0, &stack.intermediate);
    for number in 1..=15 {
        issuer = cross(number, &issuer);
        let raw = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &issuer.der);
        chain.push(serde_json::json!({ "rawBytes": raw }));
    }
    let evidence = Evidence::of(Origin::File(String::new()), entity(&bundle));
    let policy = Policy::keyless(Purpose::Blob, authority(&stack));
    let begin = Instant::now();
    let result = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW);
    let took = begin.elapsed();
    assert_eq!(seen(&result).failures, [("certificate", "certificate-untrusted")]);
    assert!(took < Duration::from_millis(500), "{took:?}, with machine and build allowed for");
    // Of one name and key: each did issue each.
    let of_one_key = |number: i64| {
        Template::authority("tangled", None).valid(number, SIGNED_AT).self_signed(&Key::p256("tangled")).der
    };
    let pool: Vec<Vec<u8>> = (1..=10).map(of_one_key).collect();
    let tangled = CertificateAuthority::from_pools("", &pool, &[of_one_key(0)], Validity::ALWAYS, &Limits::DEFAULT);
    assert!(matches!(tangled, Err(AuthorityError::TooManyPaths)), "{tangled:?}");
    let pool: Vec<Vec<u8>> = (1..=17).map(of_one_key).collect();
    let many = CertificateAuthority::from_pools("", &pool, &[of_one_key(0)], Validity::ALWAYS, &Limits::DEFAULT);
    assert!(matches!(many, Err(AuthorityError::TooMany { .. })), "{many:?}");
}

// threat: A12
#[test]
fn one_identity_given_twice_is_one_signer() {
    let stack = Sigstore::new();
    let root = trust(&stack.trusted_root());
    let identity = |subject: &str| {
        Authority::Keyless(KeylessAuthority::new(Identity::new(exact(subject), exact(ISSUER))).with_root(root.clone()))
    };
    let key = || {
        let key = PublicKey::from_spki_der(&Key::p256("signer").spki()).unwrap();
        Authority::Key(KeyAuthority::new(IDENTITY, key))
    };
    let two = NonZeroUsize::new(2).unwrap();
    for (authorities, distinct) in [
        (vec![identity(IDENTITY), identity(IDENTITY)], 1),
        (vec![key(), key()], 1),
        (vec![identity(IDENTITY), identity("bob@stack.test")], 2),
        (vec![identity(IDENTITY), key(), identity(IDENTITY)], 2),
    ] {
        match Policy::at_least(Purpose::Blob, two, authorities) {
            Ok(_) => assert_eq!(distinct, 2),
            Err(error) => {
                assert_eq!(error, PolicyError::ThresholdUnreachable { threshold: two, authorities: distinct })
            }
        }
    }
}

// threat: B13
#[test]
fn certificates_out_of_chain_are_not_an_authority() {
    let stack = Sigstore::new();
    let (root, intermediate) = (&stack.root, &stack.intermediate);
    let leaf = stack.leaf(SIGNED_AT).issue(&Key::p256("leaf"), intermediate);
    let below_leaf = stack.leaf(SIGNED_AT).issue(&Key::p256("below"), &leaf);
    let usage = Extension::critical(KEY_USAGE, der::tlv(3, &[7, 0x80]));
    let no_signing = Template::authority("no signing", None).with(usage).self_signed(&Key::p256("no signing"));
    let below_that = stack.leaf(SIGNED_AT).issue(&Key::p256("below"), &no_signing);
    let forged = Template::authority("stack root", None).self_signed(&Key::p384("forger"));
    let chain = |members: &[&testkit::sigstore::Certificate]| {
        let members: Vec<&[u8]> = members.iter().map(|member| member.der.as_slice()).collect();
        CertificateAuthority::from_chain("", &members, Validity::ALWAYS, &Limits::DEFAULT).map(|_| ())
    };
    assert_eq!(chain(&[&leaf, intermediate, root]), Ok(()));
    let no_authority = "that is not the certificate of an authority";
    for (members, broken, reason) in [
        (&[&below_leaf, &leaf, intermediate, root][..], 1, no_authority),
        (&[&below_that, &no_signing], 1, no_authority),
        (&[&leaf, root], 1, "it names another issuer"),
        (&[&leaf, intermediate, &forged], 2, "the signature does not verify"),
    ] {
        match chain(members) {
            Err(AuthorityError::Broken { number, detail, .. }) => assert_eq!((number, detail), (broken, reason)),
            other => panic!("{reason}: {other:?}"),
        }
    }
}

// Fails when the window of a certificate that has no part in it is given out for the reason.
#[test]
fn expired_certificate_is_named_only_if_on_the_path() {
    let stack = Sigstore::new();
    let limits = &Limits::DEFAULT;
    let old = Template::authority("old", Some(0)).valid(0, SIGNED_AT - 1).issue(&Key::p384("old"), &stack.root);
    let mut forged = stack.intermediate.clone();
    forged.key = Key::p384("forger");
    let by_forger = stack.blob(BLOB).issued_by(&forged).seal().bundle();
    // By an authority that the root does not know, with one beside it that it knows.
    let nowhere = Template::authority("nowhere", Some(0)).self_signed(&Key::p384("nowhere"));
    let mut by_unknown_issuer = stack.blob(BLOB).issued_by(&nowhere).seal().older_bundle("0.1");
    let raw = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &stack.intermediate.der);
    let chain =
        by_unknown_issuer["verificationMaterial"]["x509CertificateChain"]["certificates"].as_array_mut().unwrap();
    chain.push(serde_json::json!({ "rawBytes": raw }));
    let key = |key: &Key| PublicKey::from_spki_der(&key.spki()).unwrap();
    let log =
        |key: PublicKey| TransparencyLog::new("", sigkit_core::bundle::LogId::of_key(&key), key, Validity::ALWAYS);
    let pool = |validity| {
        let (intermediates, roots) = ([&stack.intermediate.der, &old.der], [&stack.root.der]);
        CertificateAuthority::from_pools("", &intermediates, &roots, validity, limits).unwrap()
    };
    let ended = || pool(Validity::new(UnixTime(0), Some(UnixTime(SIGNED_AT - 1))));
    let current = || pool(Validity::ALWAYS);
    let other_key = || {
        let other = Sigstore::named("other");
        CertificateAuthority::from_chain("", &[&other.root.der], Validity::ALWAYS, limits).unwrap()
    };
    for (bundle, authorities, code, words) in [
        (&by_unknown_issuer, vec![current()], "certificate-untrusted", "unknown issuer"),
        (&by_forger, vec![current()], "certificate-untrusted", "invalid signature for public key"),
        (&by_forger, vec![current(), other_key()], "certificate-untrusted", "no certificate of that name"),
        (&by_forger, vec![ended(), other_key()], "certificate-not-valid", "the trust in the authority"),
        (&by_forger, vec![other_key(), ended()], "certificate-not-valid", "the trust in the authority"),
        (&by_forger, vec![], "certificate-untrusted", "none has a certificate of that name"),
    ] {
        let mut root = TrustedRoot::default();
        root.add_log(log(key(&stack.rekor1.key))).unwrap();
        root.add_certificate_log(log(key(&stack.ct))).unwrap();
        authorities.into_iter().for_each(|authority| root.add_certificate_authority(authority));
        let policy = Policy::keyless(Purpose::Blob, KeylessAuthority::new(alice()).with_root(named(root)));
        let evidence = Evidence::of(Origin::File(String::new()), entity(bundle));
        let result = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW);
        assert_eq!(seen(&result).failures, [("certificate", code)], "{words}");
        let refusal = result.unwrap_err().to_string();
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
}

// Fails when an unknown log hides that the promise of a known one is broken.
#[test]
fn of_two_promises_the_broken_one_is_named() {
    let stack = Sigstore::new();
    let unknown = || Sct::new(&Key::p256("some log"), SIGNED_AT - 300);
    let forged = || Sct { log_id: Sct::new(&stack.ct, SIGNED_AT - 300).log_id, ..unknown() };
    for scts in [vec![forged(), unknown()], vec![unknown(), forged()]] {
        let bundle = stack.blob(BLOB).leaf(|leaf| leaf.with_scts(scts)).seal().bundle();
        let policy = Policy::keyless(Purpose::Blob, authority(&stack));
        let evidence = Evidence::of(Origin::File(String::new()), entity(&bundle));
        let refusal = Verifier::new(&deployment())
            .verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW)
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("does not verify"), "{refusal}");
    }
}

/// An authority of one of two names.
fn cross(number: i32, issuer: &testkit::sigstore::Certificate) -> testkit::sigstore::Certificate {
    Template::authority(&format!("cross {}", number % 2), None).issue(&Key::p256(&format!("cross {number}")), issuer)
}

#[test]
fn what_verified_tells_who_when_and_where() {
    let stack = Sigstore::new();
    let later = |stamp| Stamp { time: SIGNED_AT + 60, ..stamp };
    let sealed = stack.blob(BLOB).leaf(|leaf| leaf.and(fulcio(20, "push"))).stamp(later).seal();
    let policy = Policy::keyless(Purpose::Blob, authority(&stack));
    let evidence = Evidence::of(Origin::File("bundle".to_owned()), entity(&sealed.bundle()));
    let verified = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW).unwrap();
    let [signature] = verified.signatures() else { panic!() };
    let certificate = signature.certificate().unwrap();
    assert_eq!(certificate.certificate().der(), sealed.certificate.as_ref().unwrap().der);
    assert_eq!(certificate.identity().subject, IDENTITY);
    assert_eq!(certificate.identity().issuer.as_deref(), Some(ISSUER));
    assert_eq!(certificate.identity().extensions[&FulcioExtension::BuildTrigger], "push");
    assert_eq!(signature.times(), [UnixTime(SIGNED_AT), UnixTime(SIGNED_AT + 60)]);
    assert_eq!(signature.timestamps(), [0]);
    assert_eq!((signature.signed_timestamps().len(), signature.log_entries().len()), (1, 1));
    assert_eq!(signature.log_entries()[0].log_index, 1005);
    let [record] = signature.log_records() else { panic!() };
    assert_eq!((record.index, record.time), (1005, Some(UnixTime(SIGNED_AT))));
    assert_eq!(record.log.as_bytes()[..], stack.rekor1.id());
    assert!(signature.authority().contains(IDENTITY));
    let mut facts = Vec::new();
    collect(&verified.report().root, &mut facts);
    assert!(facts.contains(&format!(
        "entry 1005 of https://{}, added at {}, shown by the log's signed promise, and by an inclusion proof and a signed checkpoint",
        stack.rekor1.origin,
        UnixTime(SIGNED_AT)
    )));
    let between = format!("made between {} and {}", UnixTime(SIGNED_AT), UnixTime(SIGNED_AT + 60));
    assert!(facts.contains(&between), "{facts:?}");
    // A timestamp that holds is found behind one that does not.
    let mut sealed = sealed;
    sealed.stamps.insert(0, stack.tsa.stamp(b"other", SIGNED_AT).response());
    let evidence = Evidence::of(Origin::File("bundle".to_owned()), entity(&sealed.bundle()));
    let verified = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW).unwrap();
    assert_eq!(verified.signatures()[0].timestamps(), [1]);
    assert!(facts.contains(&"issued by CN=stack intermediate, which the trusted root names".to_owned()), "{facts:?}");
}

fn collect(node: &Node, facts: &mut Vec<String>) {
    match node {
        Node::Leaf { outcome, .. } => facts.push(outcome.to_string()),
        Node::Group { parts, .. } => parts.iter().for_each(|part| collect(part, facts)),
    }
}

#[test]
fn a_certificate_shows_its_names() {
    let stack = Sigstore::new();
    let certificate = sigkit_core::trust::Certificate::from_der(&stack.intermediate.der).unwrap();
    assert_eq!((certificate.subject(), certificate.issuer()), ("CN=stack intermediate".into(), "CN=stack root".into()));
    assert!(format!("{certificate:?}").starts_with("Certificate(CN=stack intermediate by CN=stack root, 20"));
    assert!(!certificate.is_self_issued());
    assert!(sigkit_core::trust::Certificate::from_der(&stack.root.der).unwrap().is_self_issued());
}

#[test]
fn the_extensions_of_fulcio_have_the_names_of_sigstore() {
    for (extension, name) in [
        (FulcioExtension::GithubWorkflowRef, "githubWorkflowRef"),
        (FulcioExtension::SourceRepositoryUri, "sourceRepositoryURI"),
        (FulcioExtension::SourceRepositoryVisibilityAtSigning, "sourceRepositoryVisibilityAtSigning"),
    ] {
        assert_eq!((extension.name(), FulcioExtension::from_name(name)), (name, Some(extension)));
    }
    assert_eq!(FulcioExtension::from_name("githubworkflowref"), None);
}

// threat: B05 A02 A03
#[test]
fn key_with_a_trusted_root_has_its_material_checked() {
    let stack = Sigstore::new();
    let signer = Key::p256("signer");
    let key = PublicKey::from_spki_der(&signer.spki()).unwrap();
    let root = trust(&stack.trusted_root());
    let good = stack.blob(BLOB).without_certificate();
    let sealed = good.seal();
    let judge = |authority: KeyAuthority, bundle: &serde_json::Value| {
        let policy = Policy::key(Purpose::Blob, authority);
        let evidence = Evidence::of(Origin::File("bundle".to_owned()), entity(bundle));
        seen(&Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW))
    };
    let authority = |transparency| KeyAuthority::new("key", key.clone()).with_transparency(root.clone(), transparency);
    let unlogged = stack.blob(BLOB).without_certificate().unlogged().seal().bundle();
    let other = Sigstore::named("other").blob(BLOB).without_certificate().seal();
    let of_other = {
        let mut mixed = sealed.clone();
        mixed.entries = stack.blob(b"other").without_certificate().seal().entries;
        mixed.bundle()
    };

    assert_eq!(judge(authority(TransparencyRequirements::IF_PRESENT), &sealed.bundle()).waivers, []);
    assert_eq!(judge(authority(TransparencyRequirements::IF_PRESENT), &sealed.bundle()).failures, []);
    assert_eq!(judge(authority(TransparencyRequirements::IF_PRESENT), &unlogged).failures, []);
    assert_eq!(judge(authority(TransparencyRequirements::LOGGED), &sealed.bundle()).failures, []);
    assert_eq!(
        judge(authority(TransparencyRequirements::LOGGED), &unlogged).failures,
        [("log-entry", "log-entry-missing")]
    );
    assert_eq!(
        judge(authority(TransparencyRequirements::IF_PRESENT), &of_other).failures,
        [("log-entry", "log-entry-mismatch")]
    );
    let unknown = judge(authority(TransparencyRequirements::IF_PRESENT), &other.bundle());
    assert_eq!((unknown.failures, unknown.waivers), (vec![], vec![("log-entry", "log-entry-ignored")]));
    let alone = judge(KeyAuthority::new("key", key.clone()), &sealed.bundle());
    assert_eq!((alone.failures, alone.waivers), (vec![], vec![("log-entry", "log-not-checked")]));

    let until = |end: i64| {
        authority(TransparencyRequirements::IF_PRESENT).with_validity(Validity::new(UnixTime(0), Some(UnixTime(end))))
    };
    assert_eq!(judge(until(SIGNED_AT), &sealed.bundle()).failures, []);
    assert_eq!(judge(until(SIGNED_AT - 1), &sealed.bundle()).failures, [("time", "key-not-valid")]);
    assert_eq!(judge(until(SIGNED_AT), &unlogged).failures, [("time", "time-missing")]);
    let bare = KeyAuthority::new("key", key).with_validity(Validity::new(UnixTime(0), None));
    assert_eq!(judge(bare, &unlogged).failures, [("time", "time-missing")]);
}

#[test]
fn a_root_of_parts_judges_as_the_document_does() {
    let stack = Sigstore::new();
    let limits = &Limits::DEFAULT;
    let key = |key: &Key| PublicKey::from_spki_der(&key.spki()).unwrap();
    let log =
        |key: PublicKey| TransparencyLog::new("", sigkit_core::bundle::LogId::of_key(&key), key, Validity::ALWAYS);
    let mut root = TrustedRoot::default();
    root.add_log(log(key(&stack.rekor1.key))).unwrap();
    root.add_certificate_log(log(key(&stack.ct))).unwrap();
    assert!(root.add_log(log(key(&stack.rekor1.key))).is_err());
    let (intermediates, roots) = ([&stack.intermediate.der], [&stack.root.der]);
    root.add_certificate_authority(
        CertificateAuthority::from_pools("", &intermediates, &roots, Validity::ALWAYS, limits).unwrap(),
    );
    let by_parts = KeylessAuthority::new(alice()).with_root(named(root));
    let policy = Policy::keyless(Purpose::Blob, by_parts);
    let evidence = Evidence::of(Origin::File(String::new()), entity(&stack.blob(BLOB).seal().bundle()));
    let verified = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW).unwrap();
    // A log without an address goes by its name.
    let mut facts = Vec::new();
    collect(&verified.report().root, &mut facts);
    let name = verified.signatures()[0].log_records()[0].log.to_string();
    assert!(facts.iter().any(|fact| fact.starts_with(&format!("entry 1005 of {name}, "))), "{facts:?}");
    assert!(facts.contains(&format!("made at {}", UnixTime(SIGNED_AT))), "{facts:?}");
}

// threat: A09
#[test]
fn an_artifact_in_one_pass_or_by_its_digest_verifies_as_well() {
    let stack = Sigstore::new();
    for key in [Key::p256("signer"), Key::p384("signer")] {
        let policy = Policy::keyless(Purpose::Blob, authority(&stack));
        let evidence =
            Evidence::of(Origin::File(String::new()), entity(&stack.blob(BLOB).key(key.clone()).seal().bundle()));
        let mut scanner = ArtifactHasher::new(&deployment(), &policy, &evidence);
        BLOB.iter().for_each(|byte| scanner.update(&[*byte]));
        let result =
            Verifier::new(&deployment()).verify(&policy, &Artifact::Streamed(&scanner.finish()), &evidence, NOW);
        assert_eq!(seen(&result).failures, []);
    }
    let policy = Policy::keyless(Purpose::Blob, authority(&stack));
    let evidence = Evidence::of(Origin::File(String::new()), entity(&stack.blob(BLOB).seal().bundle()));
    let digest = Artifact::Digest(Digest::sha256(BLOB));
    assert_eq!(seen(&Verifier::new(&deployment()).verify(&policy, &digest, &evidence, NOW)).failures, []);
}

/// Every bit of a signature's certificate that an issuer signed, and of the issuer's signature, counts.
// threat: A01 B18
#[test]
fn no_flipped_bit_of_a_certificate_verifies() {
    let stack = Sigstore::new();
    let sealed = stack.blob(BLOB).seal();
    let authority = authority(&stack);
    let policy = Policy::keyless(Purpose::Blob, authority);
    let mut accepted = Vec::new();
    let der = sealed.certificate.clone().unwrap().der;
    for position in 0..der.len() {
        let mut mutant = sealed.clone();
        if let Some(certificate) = &mut mutant.certificate {
            certificate.der[position] ^= 1 << (position % 8);
        }
        let evidence = Evidence::of(Origin::File(String::new()), entity(&mutant.bundle()));
        if Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW).is_ok() {
            accepted.push(position);
        }
    }
    assert!(accepted.is_empty(), "{accepted:?}");
}

// threat: A18 B05
#[test]
fn log_must_be_valid_at_the_time_of_signing() {
    let stack = Sigstore::new();
    let ending = |position: usize, end: i64| {
        let mut root = stack.trusted_root();
        root["tlogs"][position]["publicKey"]["validFor"]["end"] = testkit::sigstore::rfc3339(end).into();
        KeylessAuthority::new(alice()).with_root(trust(&root))
    };
    let first = stack.blob(BLOB).seal().bundle();
    let second = stack.blob(BLOB).kind(Kind::HashedRekord2).stamped().seal().bundle();
    for (position, bundle) in [(0, &first), (1, &second)] {
        assert_eq!(judge(ending(position, SIGNED_AT), bundle).failures, []);
        let failures = judge(ending(position, SIGNED_AT - 1), bundle).failures;
        assert_eq!(failures[0], ("log-entry", "log-key-not-valid"), "{failures:?}");
    }
}

#[test]
fn detached_signature_by_identity_needs_its_certificate() {
    let signature = Signature::from_bytes(vec![0x30, 6, 2, 1, 1, 2, 1, 1]).to_base64();
    let stack = Sigstore::new();
    let policy = Policy::keyless(Purpose::Blob, authority(&stack));
    let evidence = Evidence::of(Origin::File(String::new()), SignedEntity::from_detached(signature.as_bytes()));
    let result = Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW);
    assert_eq!(seen(&result).failures, [("material", "certificate-missing")]);
}

/// Every member of a bundle, changed in every way that keeps the document JSON.
fn mutants(document: &serde_json::Value) -> Vec<(String, serde_json::Value)> {
    fn paths(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
        let below: Vec<(String, &serde_json::Value)> = match value {
            serde_json::Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
            serde_json::Value::Array(items) => {
                items.iter().enumerate().map(|(position, value)| (position.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        for (name, value) in below {
            let path = format!("{at}/{}", name.replace('/', "~1"));
            found.push(path.clone());
            paths(value, &path, found);
        }
    }
    let mut found = Vec::new();
    paths(document, "", &mut found);
    let mut mutants = Vec::new();
    for path in found {
        let value = document.pointer(&path).unwrap();
        let mut others = vec![
            serde_json::Value::Null,
            true.into(),
            0.into(),
            (-1).into(),
            "".into(),
            "0".into(),
            "AAAA".into(),
            serde_json::json!([]),
            serde_json::json!({}),
            serde_json::json!([value]),
        ];
        // A stamp names its signer once more without signing that, and brings certificates that decide nothing; its bytes are for the
        // tests of timestamps.
        if let Some(text) = value.as_str().filter(|_| !path.ends_with("signedTimestamp")) {
            for position in (0..text.len()).step_by(13) {
                let mut bytes = text.as_bytes().to_vec();
                bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
                others.push(String::from_utf8_lossy(&bytes).into_owned().into());
            }
        }
        for other in others.into_iter().filter(|other| other != value) {
            let mut mutant = document.clone();
            let shown = other.to_string().chars().take(40).collect::<String>();
            *mutant.pointer_mut(&path).unwrap() = other;
            mutants.push((format!("{path} = {shown}"), mutant));
        }
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut mutant = document.clone();
        match mutant.pointer_mut(parent).unwrap() {
            serde_json::Value::Object(members) => drop(members.remove(&name.replace("~1", "/"))),
            serde_json::Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => unreachable!(),
        }
        mutants.push((format!("{path} removed"), mutant));
    }
    mutants
}

// threat: A01 A02 A03 A05 A06 A18 B03 N04
#[test]
fn no_member_of_a_bundle_can_be_changed() {
    let stack = Sigstore::new();
    let mut count = 0;
    let mut accepted = Vec::new();
    for bundle in [
        stack.blob(BLOB).seal().bundle(),
        stack.blob(BLOB).kind(Kind::HashedRekord2).stamped().seal().bundle(),
        stack.blob(BLOB).seal().older_bundle("0.2"),
        stack.blob(BLOB).seal().blob_bundle(),
    ] {
        let policy = Policy::keyless(Purpose::Blob, authority(&stack));
        for (what, mutant) in mutants(&bundle) {
            count += 1;
            let evidence = Evidence::of(Origin::File(String::new()), entity(&mutant));
            if Verifier::new(&deployment()).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW).is_ok() {
                accepted.push(what);
            }
        }
    }
    assert!(accepted.is_empty(), "{} of {count}: {accepted:#?}", accepted.len());
    assert!(count > 2000, "only {count} mutants");
}

// threat: D11 D12 N03
#[test]
fn documents_cut_short_are_errors_and_never_panics() {
    let stack = Sigstore::new();
    let sealed = stack.blob(BLOB).seal();
    let leaf = sealed.certificate.as_ref().unwrap();
    for length in 0..leaf.der.len() {
        assert!(sigkit_core::trust::Certificate::from_der(&leaf.der[..length]).is_err(), "{length}");
    }
    let root = stack.trusted_root().to_string();
    for length in 0..root.len() {
        assert!(TrustedRoot::from_json(&root.as_bytes()[..length], &Limits::DEFAULT).is_err(), "{length}");
    }
    for length in 0..leaf.scts.as_ref().unwrap().len() {
        let list = leaf.scts.as_ref().unwrap()[..length].to_vec();
        let list = testkit::sigstore::Extension::new(testkit::sigstore::SCT_LIST, list);
        let cut = stack.blob(BLOB).leaf(|leaf| leaf.with_scts(Vec::new()).and(list)).seal();
        assert!(!judge(authority(&stack), &cut.bundle()).failures.is_empty(), "{length}");
    }
}

// Fails when a policy keeps the root that it was first judged by.
#[test]
fn policy_follows_a_root_swapped_under_it() {
    let (stack, other) = (Sigstore::new(), Sigstore::named("other"));
    let root = |stack: &Sigstore| {
        TrustedRoot::from_json(stack.trusted_root().to_string().as_bytes(), &Limits::DEFAULT).unwrap()
    };
    let name = RootName::new("ours");
    let policy = Policy::keyless(Purpose::Blob, KeylessAuthority::new(alice()).with_root(name.clone()));
    let evidence = Evidence::of(Origin::File(String::new()), entity(&stack.blob(BLOB).seal().bundle()));
    let judge = |trust: &Trust| seen(&Verifier::new(trust).verify(&policy, &Artifact::Bytes(BLOB), &evidence, NOW));
    let trust = Trust::default().with_root(name.clone(), root(&stack));
    assert_eq!(judge(&trust).failures, []);
    let rotated = trust.clone().with_root(name.clone(), root(&other));
    assert!(judge(&rotated).failures.contains(&("log-entry", "log-unknown")));
    assert_eq!(judge(&rotated.with_root(name.clone(), root(&stack))).failures, []);
    let without = judge(&trust.without_root(&name));
    assert_eq!((without.failures, without.doubts), (vec![], vec![("policy", "trusted-root-missing")]));
    // The root of the public instance is there without being asked for, and may be taken away.
    let usual = Policy::keyless(Purpose::Blob, KeylessAuthority::new(alice()));
    let judge = |trust: &Trust| seen(&Verifier::new(trust).verify(&usual, &Artifact::Bytes(BLOB), &evidence, NOW));
    assert!(judge(&Trust::default()).failures.contains(&("log-entry", "log-unknown")));
    let bare = Trust::default().without_root(&RootName::PUBLIC_GOOD);
    assert_eq!(judge(&bare).doubts, [("policy", "trusted-root-missing")]);
}
