//! Documents that name identities: certificates, logs and authorities are those that the document asks for, or each is refused for its
//! own reason.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigkit_core::bundle::{EvidenceItem, Origin};
use sigkit_core::content::{PredicateType, Statement};
use sigkit_core::limits::Limits;
use sigkit_core::policy::document::DocumentResolver as _;
use sigkit_core::report::Verdict;
use sigkit_core::trust::{Trust, TrustedRoot};
use testkit::sigstore::{IDENTITY, ISSUER, Key, Kind, SIGNED_AT, San, Signing, Sigstore, names};

use super::lab::{Files, NOW, SIGN, judge, judge_in, legacy, read, signed};
use super::scans;
use crate::support::cases::{image, statement, subject_of};
use crate::support::keyless::{deployment, entity};

const NAME: &str = "registry.example/app";
const MALLORY: &str = "mallory@stack.test";

/// A signature of the image that is about to be made.
fn signing(stack: &Sigstore) -> Signing<'_> {
    stack.statement(statement(SIGN, &subject_of(&image().to_string())).as_bytes())
}

/// A statement about the image that is about to be signed.
fn attesting<'s>(stack: &'s Sigstore, kind: &PredicateType, predicate: &[u8]) -> Signing<'s> {
    stack.statement(&Statement::attest(&[("app", image())], kind, predicate.to_vec()).unwrap())
}

fn bundled(signing: &Signing<'_>) -> EvidenceItem {
    EvidenceItem { origin: Origin::File("bundle".to_owned()), entity: entity(&signing.seal().bundle()) }
}

fn by_mallory(signing: Signing<'_>) -> Signing<'_> {
    signing.key(Key::p256("mallory")).leaf(|leaf| leaf.with(names(&[San::Email(MALLORY)])))
}

/// What else fails must not hide behind a missing log: a timestamp says when it was.
fn unlogged(signing: Signing<'_>) -> Signing<'_> {
    signing.unlogged().stamped()
}

/// Judges an image by a document and the files around it: with these codes, or verified when there are none.
#[track_caller]
fn expect(name: &str, document: &str, files: &Files, items: &[EvidenceItem], codes: &[&str]) {
    let set = read(document, files).unwrap_or_else(|error| panic!("{name}: {error}\n{document}"));
    let found = judge(&set, &format!("{NAME}:v1"), items, &[], NOW);
    match found.verdict {
        // What else lies beside the image does no harm.
        Verdict::Verified => assert_eq!(codes, &[] as &[&str], "{name}: {document}"),
        verdict => assert_eq!((verdict, found.codes.as_slice()), (Verdict::Rejected, codes), "{name}: {document}"),
    }
}

fn files(stack: &Sigstore) -> Files {
    Files::keys(&["a"]).with_root(&stack.trusted_root())
}

fn cluster_image_policy(authority: &Value) -> String {
    json!({
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": "by-identity"},
        "spec": {"images": [{"glob": "registry.example/**"}], "authorities": [authority]},
    })
    .to_string()
}

fn identity(subject: (&str, &str), issuer: (&str, &str)) -> Value {
    json!({subject.0: subject.1, issuer.0: issuer.1})
}

fn alice() -> Value {
    identity(("subject", IDENTITY), ("issuer", ISSUER))
}

// threat: I01 I02 I04
#[test]
fn a_cluster_image_policy_accepts_whom_it_names() {
    let stack = Sigstore::new();
    let items = [bundled(&signing(&stack)), legacy(NAME, |payload| stack.blob(payload).seal().annotations())];
    let subject = ("subject", IDENTITY);
    let issuer = ("issuer", ISSUER);
    let wrong_name: &[&str] = &["identity-mismatch"];
    let wrong_issuer: &[&str] = &["issuer-mismatch"];
    for (identities, codes) in [
        (vec![alice()], &[][..]),
        (vec![identity(("subjectRegExp", r"[a-z]+@stack\.test"), issuer)], &[]),
        (vec![identity(subject, ("issuerRegExp", r"https://oidc\..*"))], &[]),
        (vec![identity(("subjectRegExp", ".*"), ("issuerRegExp", ".*"))], &[]),
        (vec![identity(("subject", MALLORY), issuer), alice()], &[]),
        (vec![identity(("subject", MALLORY), issuer)], wrong_name),
        (vec![identity(("subject", "Alice@stack.test"), issuer)], wrong_name),
        (vec![identity(("subjectRegExp", "alice"), issuer)], wrong_name),
        (vec![identity(("subjectRegExp", r"lice@stack\.test"), issuer)], wrong_name),
        (vec![identity(subject, ("issuer", "https://oidc.stack.test/"))], wrong_issuer),
        (vec![identity(subject, ("issuerRegExp", "https://oidc"))], wrong_issuer),
        (
            vec![identity(subject, ("issuer", "https://other.test")), identity(("subject", MALLORY), issuer)],
            wrong_issuer,
        ),
        (
            vec![identity(("subject", MALLORY), issuer), identity(subject, ("issuer", "https://other.test"))],
            wrong_issuer,
        ),
    ] {
        let document = cluster_image_policy(&json!({"keyless": {"identities": identities}}));
        for item in &items {
            expect("identities", &document, &files(&stack), std::slice::from_ref(item), codes);
        }
    }
}

#[test]
fn of_several_identities_that_fit_alike_the_first_is_named() {
    let stack = Sigstore::new();
    let identities =
        ["first@stack.test", "second@stack.test"].map(|name| identity(("subject", name), ("issuer", ISSUER)));
    let document = cluster_image_policy(&json!({"keyless": {"identities": identities}}));
    let found = judge(&read(&document, &files(&stack)).unwrap(), NAME, &[bundled(&signing(&stack))], &[], NOW);
    assert_eq!(found.codes, ["identity-mismatch"]);
    assert!(found.troubles[0].contains("first@stack.test"), "{:?}", found.troubles);
}

// threat: B13 I02
#[test]
fn a_cluster_image_policy_says_which_authority_and_log_count() {
    let stack = Sigstore::new();
    let own = Sigstore::named("own");
    let url = |origin: &str| format!("https://{origin}");
    let keyless = |more: &Value| {
        let mut keyless = json!({"identities": [alice()]});
        keyless.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"keyless": keyless})
    };
    let logged = |url: &str| json!({"keyless": {"identities": [alice()]}, "ctlog": {"url": url}});
    let usual = keyless(&json!({}));
    let chain = own.intermediate.pem() + &own.root.pem();
    let own_authority = keyless(&json!({"ca-cert": {"data": chain}}));
    let first = logged(&url(&stack.rekor1.origin));
    let second = logged(&format!("{}/", url(&stack.rekor2.origin)));
    let good = || signing(&stack);
    let in_second = || signing(&stack).kind(Kind::HashedRekord2).stamped();
    let untrusted: &[&str] = &["certificate-untrusted"];
    let no_entry: &[&str] = &["log-entry-missing", "log-unknown"];
    for (name, authority, made, codes) in [
        ("usual", &usual, good(), &[][..]),
        ("authority by its address", &keyless(&json!({"url": "https://authority.stack.test/"})), good(), &[]),
        ("authority of one's own", &own_authority, good().issued_by(&own.intermediate), &[]),
        ("authority of one's own alone", &own_authority, good(), untrusted),
        ("another authority", &usual, good().issued_by(&own.intermediate), untrusted),
        ("log by its address", &first, good(), &[]),
        ("other log by its address", &second, in_second(), &[]),
        ("in the other log", &first, in_second(), no_entry),
        ("not in the other log", &second, good().stamped(), no_entry),
        ("a log of the root", &usual, in_second(), &[]),
        ("a stranger's log", &usual, good().log(&own.rekor1).stamped(), no_entry),
        ("no log", &usual, unlogged(good()), &["log-entry-missing"]),
        ("certificate that no log saw", &usual, good().leaf(|leaf| leaf.with_scts(Vec::new())), &["sct-missing"]),
        (
            "logged when the certificate was over",
            &usual,
            good().logged_at(SIGNED_AT + 3600),
            &["certificate-not-valid"],
        ),
    ] {
        expect(name, &cluster_image_policy(authority), &files(&stack), &[bundled(&made)], codes);
    }
    // Of several authorities in the root the one of that address alone.
    let mut of_two = stack.trusted_root();
    let mut second = own.trusted_root()["certificateAuthorities"][0].take();
    second["uri"] = "https://own.test".into();
    of_two["certificateAuthorities"].as_array_mut().unwrap().push(second);
    let of_two = Files::default().with_root(&of_two);
    let by_address = cluster_image_policy(&keyless(&json!({"url": "https://own.test"})));
    expect(
        "the authority of that address",
        &by_address,
        &of_two,
        &[bundled(&good().issued_by(&own.intermediate))],
        &[],
    );
    expect("an authority of another address", &by_address, &of_two, &[bundled(&good())], untrusted);
    let usual = cluster_image_policy(&usual);
    expect("a key", &usual, &files(&stack), &[signed("a")], &["certificate-missing"]);
    let of_another = stack.statement(statement(SIGN, &subject_of(&format!("sha256:{}", "0".repeat(64)))).as_bytes());
    expect("another image", &usual, &files(&stack), &[bundled(&of_another)], &["subject-mismatch"]);
    let elsewhere = signing(&own);
    let items = [bundled(&elsewhere)];
    expect("the own Sigstore", &usual, &files(&own), &items, &[]);
    expect("another Sigstore", &usual, &files(&stack), &items, &["log-entry-missing", "log-unknown", "time-missing"]);
}

// threat: A03
#[test]
fn a_key_of_a_cluster_image_policy_may_ask_for_a_log() {
    let stack = Sigstore::new();
    let key = Key::p256("signer");
    let authority = |log: &str| json!({"key": {"data": key.public_pem()}, "ctlog": {"url": format!("https://{log}")}});
    let document = cluster_image_policy(&authority(&stack.rekor1.origin));
    let by_key = || signing(&stack).key(key.clone()).without_certificate();
    expect("logged", &document, &files(&stack), &[bundled(&by_key())], &[]);
    expect("not logged", &document, &files(&stack), &[bundled(&by_key().unlogged())], &["log-entry-missing"]);
    let other = Sigstore::named("other");
    expect(
        "elsewhere",
        &document,
        &files(&stack),
        &[bundled(&by_key().log(&other.rekor1))],
        &["log-entry-missing", "log-unknown"],
    );
    let other_key = signing(&stack).key(Key::p256("stranger")).without_certificate();
    let codes = ["log-entry-mismatch", "log-entry-missing", "signature-invalid"];
    expect("stranger", &document, &files(&stack), &[bundled(&other_key)], &codes);
}

// threat: I02
#[test]
fn attestations_by_identities_are_asked_for_one_by_one() {
    let stack = Sigstore::new();
    let attestation = |name: &str| json!({"name": name, "predicateType": name});
    let document = cluster_image_policy(&json!({
        "keyless": {"identities": [alice()]},
        "attestations": [attestation("spdxjson"), attestation("vuln")],
    }));
    let bill = || attesting(&stack, &PredicateType::SpdxJson, b"{}");
    let scan = || attesting(&stack, &PredicateType::Vuln, b"{}");
    expect("both", &document, &files(&stack), &[bundled(&bill()), bundled(&scan())], &[]);
    expect("one", &document, &files(&stack), &[bundled(&bill())], &["no-signatures"]);
    let items = [bundled(&by_mallory(bill())), bundled(&scan())];
    expect("one by another", &document, &files(&stack), &items, &["identity-mismatch"]);
    let items = [bundled(&bill()), bundled(&unlogged(scan()))];
    expect("one not logged", &document, &files(&stack), &items, &["log-entry-missing"]);
    expect("a signature", &document, &files(&stack), &[bundled(&signing(&stack))], &["no-signatures"]);
}

// threat: I01 I05
#[test]
fn a_containers_policy_accepts_whom_it_names() {
    let stack = Sigstore::new();
    let own = Sigstore::named("own");
    let chain = |stack: &Sigstore| stack.intermediate.pem() + &stack.root.pem();
    let log = |stack: &Sigstore| stack.rekor1.key.public_pem();
    let base64 = |text: String| STANDARD.encode(text);
    let document = |change: &dyn Fn(&mut Value)| {
        let mut requirement = json!({
            "type": "sigstoreSigned",
            "fulcio": {"caData": base64(chain(&stack)), "oidcIssuer": ISSUER, "subjectEmail": IDENTITY},
            "rekorPublicKeyData": base64(log(&stack)),
            "signedIdentity": {"type": "matchRepository"},
        });
        change(&mut requirement);
        json!({"default": [requirement]}).to_string()
    };
    let drop = |requirement: &mut Value, member: &str| requirement.as_object_mut().unwrap().remove(member).unwrap();
    let usual = document(&|_| {});
    let made = |change: fn(Signing<'_>) -> Signing<'_>| {
        legacy(NAME, |payload| change(stack.blob(payload)).seal().annotations())
    };
    let good = || made(|signing| signing);
    let files = || files(&stack).with("ca.pem", chain(&stack)).with("rekor.pub", log(&stack));
    for (name, document, codes) in [
        ("usual", usual.clone(), &[][..]),
        (
            "by paths",
            document(&|requirement| {
                drop(&mut requirement["fulcio"], "caData");
                drop(requirement, "rekorPublicKeyData");
                requirement["fulcio"]["caPath"] = "ca.pem".into();
                requirement["rekorPublicKeyPath"] = "rekor.pub".into();
            }),
            &[],
        ),
        (
            "by one of several logs",
            document(&|requirement| {
                drop(requirement, "rekorPublicKeyData");
                requirement["rekorPublicKeyDatas"] = json!([base64(log(&own)), base64(log(&stack))]);
            }),
            &[],
        ),
        (
            "by one of several logs, by path",
            document(&|requirement| {
                drop(requirement, "rekorPublicKeyData");
                requirement["rekorPublicKeyPaths"] = json!(["rekor.pub"]);
            }),
            &[],
        ),
        (
            "another name",
            document(&|requirement| requirement["fulcio"]["subjectEmail"] = MALLORY.into()),
            &["identity-mismatch"],
        ),
        (
            "a pattern is none",
            document(&|requirement| requirement["fulcio"]["subjectEmail"] = ".*".into()),
            &["identity-mismatch"],
        ),
        (
            "another issuer",
            document(&|requirement| requirement["fulcio"]["oidcIssuer"] = "https://other.test".into()),
            &["issuer-mismatch"],
        ),
        (
            "another authority",
            document(&|requirement| requirement["fulcio"]["caData"] = base64(chain(&own)).into()),
            &["certificate-untrusted"],
        ),
        (
            "another log",
            document(&|requirement| requirement["rekorPublicKeyData"] = base64(log(&own)).into()),
            &["log-entry-missing", "log-unknown", "time-missing"],
        ),
        (
            "another name of the image",
            document(&|requirement| requirement["signedIdentity"] = json!({"type": "matchExact"})),
            &["reference-mismatch"],
        ),
    ] {
        expect(name, &document, &files(), &[good()], codes);
    }
    for (name, item, codes) in [
        ("somebody else", made(by_mallory), &["identity-mismatch"][..]),
        (
            "the name as an address",
            made(|signing| signing.leaf(|leaf| leaf.with(names(&[San::Uri(IDENTITY)])))),
            &["identity-mismatch"],
        ),
        ("no log", made(unlogged), &["log-entry-missing"]),
        (
            "certificate that no log saw",
            made(|signing| signing.leaf(|leaf| leaf.with_scts(Vec::new()))),
            &["sct-missing"],
        ),
        ("a key", signed("a"), &["certificate-missing", "reference-mismatch"]),
        ("a bundle, which names no image", bundled(&signing(&stack)), &["reference-mismatch"]),
    ] {
        expect(name, &usual, &files(), &[item], codes);
    }
    // Who logged the certificate is for the trusted root to know, whatever authority the document names.
    expect("another root", &usual, &Files::keys(&[]).with_root(&own.trusted_root()), &[good()], &["sct-invalid"]);
}

fn image_policy(authorities: &Value, require: &Value) -> String {
    json!({
        "apiVersion": "sigkit.dev/v1",
        "kind": "ImagePolicy",
        "name": "by-identity",
        "images": ["registry.example/**"],
        "authorities": authorities,
        "require": require,
    })
    .to_string()
}

// threat: A12 I01 I09
#[test]
fn an_image_policy_counts_distinct_signers() {
    let stack = Sigstore::new();
    let key = json!({"key": "a.pub"});
    let named = |subject: &str| json!({"identity": identity(("subject", subject), ("issuer", ISSUER))});
    let like = |subject: &str| json!({"identity": identity(("subjectRegExp", subject), ("issuer", ISSUER))});
    let document = |authorities: &Value, at_least: usize| {
        let by: Vec<&String> = authorities.as_object().unwrap().keys().collect();
        image_policy(authorities, &json!([{"signature": {"by": by, "atLeast": at_least}}]))
    };
    let alone = document(&json!({"alice": named(IDENTITY)}), 1);
    let alice = || bundled(&signing(&stack));
    let mallory = || bundled(&by_mallory(signing(&stack)));
    expect("alone", &alone, &files(&stack), &[alice()], &[]);
    expect("by pattern", &document(&json!({"team": like(r".*@stack\.test")}), 1), &files(&stack), &[alice()], &[]);
    expect(
        "part of a pattern",
        &document(&json!({"team": like("alice")}), 1),
        &files(&stack),
        &[alice()],
        &["identity-mismatch"],
    );
    expect("another", &alone, &files(&stack), &[mallory()], &["identity-mismatch"]);
    let absent = document(&json!({"alice": {"identity": {"subject": IDENTITY, "issuerAbsent": true}}}), 1);
    let bare = signing(&stack).leaf(|leaf| leaf.without("1.3.6.1.4.1.57264.1.1").without("1.3.6.1.4.1.57264.1.8"));
    expect("no issuer, as asked", &absent, &files(&stack), &[bundled(&bare)], &[]);
    expect("no issuer", &alone, &files(&stack), &[bundled(&bare)], &["issuer-mismatch"]);
    expect("an issuer where none is asked for", &absent, &files(&stack), &[alice()], &["issuer-mismatch"]);
    for issuer in ["issuer", "issuerRegExp"] {
        let both = json!({"alice": {"identity": {"subject": IDENTITY, "issuerAbsent": true, issuer: ".*"}}});
        let error = read(&document(&both, 1), &files(&stack)).unwrap_err();
        assert!(error.contains("issuerAbsent: cannot be used with an issuer"), "{error}");
    }
    expect("no log", &alone, &files(&stack), &[bundled(&unlogged(signing(&stack)))], &["log-entry-missing"]);
    let other_issuer =
        json!({"alice": {"identity": identity(("subject", IDENTITY), ("issuer", "https://other.test"))}});
    expect("another issuer", &document(&other_issuer, 1), &files(&stack), &[alice()], &["issuer-mismatch"]);
    let own = Sigstore::named("own");
    let items = [bundled(&signing(&stack).issued_by(&own.intermediate))];
    expect("another authority", &alone, &files(&stack), &items, &["certificate-untrusted"]);

    let two = document(&json!({"alice": named(IDENTITY), "key": key}), 2);
    expect("key and identity", &two, &files(&stack), &[alice(), signed("a")], &[]);
    expect("identity twice", &two, &files(&stack), &[alice(), alice()], &["material-mismatch", "signature-invalid"]);
    let two = document(&json!({"alice": named(IDENTITY), "mallory": named(MALLORY)}), 2);
    expect("two identities", &two, &files(&stack), &[alice(), mallory()], &[]);
    expect("one of two", &two, &files(&stack), &[alice(), alice()], &["identity-mismatch"]);
    // Both identities by one key: its holder is one signer.
    let by_key_of_alice = bundled(&signing(&stack).leaf(|leaf| leaf.with(names(&[San::Email(MALLORY)]))));
    expect(
        "two names of one key",
        &two,
        &files(&stack),
        &[alice(), by_key_of_alice],
        &["identity-mismatch", "signers-not-distinct"],
    );
    expect(
        "apart",
        &document(&json!({"a": named(IDENTITY), "m": like("m.*")}), 2),
        &files(&stack),
        &[alice(), mallory()],
        &[],
    );

    // One signer is one, however many authorities the document has for it.
    for authorities in [
        json!({"alice": named(IDENTITY), "team": like(".*")}),
        json!({"one": like(".*"), "team": like(".+"), "key": key}),
        json!({"alice": named(IDENTITY), "again": {"identity": identity(("subject", IDENTITY), ("issuerRegExp", ".*"))}}),
    ] {
        let error = read(&document(&authorities, 2), &files(&stack)).unwrap_err();
        assert!(error.contains("require[0].signature.atLeast: 2 distinct signers must sign, but one"), "{error}");
        assert!(read(&document(&authorities, 1), &files(&stack)).is_ok());
    }
    let error = read(&document(&json!({"one": key, "two": key}), 2), &files(&stack)).unwrap_err();
    assert!(error.contains("require[0].signature.atLeast: 2 distinct signers must sign, but only 1"), "{error}");
}

// threat: D18 D19
#[test]
fn scans_and_vex_count_by_identity() {
    let stack = Sigstore::new();
    let authorities = json!({
        "scanner": {"identity": alice()},
        "security": {"identity": identity(("subject", MALLORY), ("issuer", ISSUER))},
    });
    let document = image_policy(
        &authorities,
        &json!([{"attestation": {
            "type": "vuln", "by": ["scanner"], "atLeast": 1,
            "scan": {"maximumSeverity": "high", "maxAge": "7d", "vex": {"by": ["security"]}},
        }}]),
    );
    let scan = || attesting(&stack, &PredicateType::Vuln, &scans::predicate("trivy"));
    let vex = || attesting(&stack, &PredicateType::OpenVex, &super::vex::not_affected());
    let expect = |name, items: &[EvidenceItem], codes| expect(name, &document, &files(&stack), items, codes);
    expect("cleared", &[bundled(&scan()), bundled(&by_mallory(vex()))], &[]);
    expect("not cleared", &[bundled(&scan())], &["finding-too-severe"]);
    expect("cleared by the scanner itself", &[bundled(&scan()), bundled(&vex())], &["finding-too-severe"]);
    let items = [bundled(&scan()), bundled(&unlogged(by_mallory(vex())))];
    expect("cleared in no log", &items, &["finding-too-severe"]);
    expect("scan by another", &[bundled(&by_mallory(scan()))], &["identity-mismatch"]);
}

// Fails when a document keeps anything of the root that it was read with.
#[test]
fn documents_follow_a_root_swapped_under_them() {
    let (stack, other) = (Sigstore::new(), Sigstore::named("other"));
    let item = bundled(&signing(&stack));
    let own = json!({"data": stack.intermediate.pem() + &stack.root.pem()});
    for authority in [
        json!({"keyless": {"identities": [alice()]}}),
        json!({"keyless": {"identities": [alice()]}, "ctlog": {"url": format!("https://{}", stack.rekor1.origin)}}),
        json!({"keyless": {"identities": [alice()], "ca-cert": own}}),
    ] {
        let files = files(&stack);
        let name = files.default_root();
        let set = read(&cluster_image_policy(&authority), &files).unwrap();
        let judge = |trust: &Trust| judge_in(trust, &set, NAME, std::slice::from_ref(&item), &[], NOW);
        let root = TrustedRoot::from_json(other.trusted_root().to_string().as_bytes(), &Limits::DEFAULT).unwrap();
        assert_eq!(judge(&deployment()).verdict, Verdict::Verified, "{authority}");
        assert_ne!(judge(&deployment().with_root(name.clone(), root)).verdict, Verdict::Verified, "{authority}");
        assert_eq!(judge(&deployment().without_root(&name)).codes, ["trusted-root-missing"], "{authority}");
    }
}
