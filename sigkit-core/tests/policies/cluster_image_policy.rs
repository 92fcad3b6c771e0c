//! `ClusterImagePolicy` decides as the documentation of policy-controller says.

use sigkit_core::content::PredicateType;
use sigkit_core::key::SigningKey as _;
use sigkit_core::limits::Limits;
use sigkit_core::policy::{ImageIdentity, PolicySet};
use sigkit_core::report::Verdict;
use sigkit_core::trust::Trust;
use testkit::sigstore::Sigstore;

use super::lab::{Files, NOW, attested, judge, judge_in, key, read, signed};

/// One policy: the globs, and the list below `authorities:`.
fn policy(version: &str, name: &str, glob: &str, authorities: &str) -> String {
    format!(
        "apiVersion: policy.sigstore.dev/{version}\nkind: ClusterImagePolicy\nmetadata:\n  name: {name}\nspec:\n  images:\n  - glob: '{glob}'\n  authorities:\n{authorities}"
    )
}

fn pem(name: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    key(name).public_key().to_pem().lines().map(|line| format!("{indent}{line}\n")).collect()
}

fn by_key(name: &str) -> String {
    format!("  - name: {name}\n    key:\n      hashAlgorithm: sha256\n      data: |\n{}", pem(name, 8))
}

fn load(text: &str) -> PolicySet {
    read(text, &Files::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

// threat: I07
#[test]
fn matching_policies_must_all_hold_by_any_authority() {
    for version in ["v1alpha1", "v1beta1"] {
        let text = [
            policy(version, "everything", "registry.example/**", &[by_key("a"), by_key("b")].concat()),
            policy(version, "production", "registry.example/production/*", &by_key("c")),
        ]
        .join("---\n");
        let set = load(&text);
        for (image, signers, verdict) in [
            ("registry.example/test/app", &["a"][..], Verdict::Verified),
            ("registry.example/test/app", &["b"], Verdict::Verified),
            ("registry.example/test/app", &["c"], Verdict::Rejected),
            ("registry.example/production/app", &["a", "c"], Verdict::Verified),
            ("registry.example/production/app", &["a"], Verdict::Rejected),
            ("registry.example/production/app", &["c"], Verdict::Rejected),
            ("registry.example/production/app", &[], Verdict::Rejected),
            ("other.example/app", &["a", "b", "c"], Verdict::Rejected),
        ] {
            let items: Vec<_> = signers.iter().map(|name| signed(name)).collect();
            assert_eq!(judge(&set, image, &items, &[], NOW).verdict, verdict, "{version} {image} {signers:?}");
        }
    }
}

// threat: I06
#[test]
fn static_authorities_and_modes() {
    let fixed =
        |action: &str| policy("v1beta1", "p", "registry.example/**", &format!("  - static:\n      action: {action}\n"));
    let image = "registry.example/app";
    assert_eq!(judge(&load(&fixed("pass")), image, &[], &[], NOW).verdict, Verdict::Allowed);
    let refused = judge(&load(&fixed("fail\n      message: not here")), image, &[signed("a")], &[], NOW);
    assert_eq!((refused.verdict, refused.codes), (Verdict::Rejected, vec!["refused-by-policy"]));
    let warn = fixed("fail").replace("spec:", "spec:\n  mode: warn");
    assert_eq!(judge(&load(&warn), image, &[], &[], NOW).verdict, Verdict::Allowed);
    let both = [fixed("pass"), policy("v1beta1", "q", "registry.example/*", &by_key("a"))].join("---\n");
    assert_eq!(judge(&load(&both), image, &[], &[], NOW).verdict, Verdict::Rejected);
    assert_eq!(judge(&load(&both), image, &[signed("a")], &[], NOW).verdict, Verdict::Verified);
}

#[test]
fn authority_with_attestations_requires_each_and_no_signature() {
    let attestations = "    attestations:\n    - name: bill\n      predicateType: spdxjson\n    - name: scan\n      predicateType: vuln\n";
    let set = load(&policy("v1beta1", "p", "registry.example/**", &format!("{}{attestations}", by_key("a"))));
    let bill = || attested(&PredicateType::SpdxJson, b"{}", "a");
    let scan = || attested(&PredicateType::Vuln, b"{}", "a");
    let image = "registry.example/app";
    assert_eq!(judge(&set, image, &[bill(), scan()], &[], NOW).verdict, Verdict::Verified);
    assert_eq!(judge(&set, image, &[bill()], &[], NOW).verdict, Verdict::Rejected);
    assert_eq!(judge(&set, image, &[signed("a")], &[], NOW).verdict, Verdict::Rejected);
    assert_eq!(
        judge(&set, image, &[attested(&PredicateType::SpdxJson, b"{}", "b"), scan()], &[], NOW).verdict,
        Verdict::Rejected
    );
}

#[cfg(feature = "rego")]
#[test]
fn a_policy_in_rego_lets_one_attestation_suffice() {
    let rego = "    attestations:\n    - name: scan\n      predicateType: vuln\n      policy:\n        type: rego\n        data: |\n          package sigstore\n          isCompliant { input.predicate.clean == true }\n";
    let set = load(&policy("v1beta1", "p", "registry.example/**", &format!("{}{rego}", by_key("a"))));
    let scan = |predicate: &str| attested(&PredicateType::Vuln, predicate.as_bytes(), "a");
    let image = "registry.example/app";
    let (clean, dirty) = (r#"{"clean":true}"#, r#"{"clean":false}"#);
    assert_eq!(judge(&set, image, &[scan(clean)], &[], NOW).verdict, Verdict::Verified);
    assert_eq!(judge(&set, image, &[scan(dirty), scan(clean)], &[], NOW).verdict, Verdict::Verified);
    assert_eq!(judge(&set, image, &[scan(dirty)], &[], NOW).codes, ["policy-denies"]);
}

#[test]
fn signatures_are_looked_for_where_the_source_says() {
    let source = "    source:\n    - oci: mirror.example/signatures\n";
    let set = load(&policy("v1beta1", "p", "registry.example/**", &format!("{}{source}", by_key("a"))));
    let requirement = set.requirement_for(ImageIdentity::Registry(&"registry.example/app".parse().unwrap()));
    let lookups = requirement.lookups();
    let places: Vec<_> = lookups.iter().map(|(_, place)| place.map(ToString::to_string)).collect();
    assert_eq!(places, [Some("mirror.example/signatures".to_owned())]);
    assert_eq!(judge(&set, "registry.example/app", &[signed("a")], &[], NOW).verdict, Verdict::Verified);
    // That place was not searched: this is neither a refusal nor a proof.
    let findings = sigkit_core::verify::EvidenceSet::default();
    let image = sigkit_core::verify::Artifact::Bytes(crate::support::cases::IMAGE.as_bytes());
    assert_eq!(
        sigkit_core::Verifier::new(&Trust::default()).evaluate(&requirement, &image, &findings, NOW).verdict(),
        Verdict::Undecided
    );
}

#[test]
fn identities_are_read_and_ask_for_certificates() {
    let keyless = "  - keyless:\n      url: https://fulcio.sigstore.dev\n      identities:\n      - issuer: https://token.actions.githubusercontent.com\n        subject: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1\n      - issuerRegExp: https://accounts\\.example/.*\n        subjectRegExp: .*@acme\\.example\n    ctlog:\n      url: https://rekor.sigstore.dev\n";
    let set = load(&policy("v1beta1", "p", "**", keyless));
    let found = judge(&set, "registry.example/app", &[signed("a")], &[], NOW);
    assert_eq!((found.verdict, found.codes), (Verdict::Rejected, vec!["certificate-missing"]));
    let outline: Vec<String> = set.describe().into_iter().map(|line| line.text).collect();
    assert!(
        outline.iter().any(|line| line.contains("release.yml@refs/tags/v1") && line.contains("acme")),
        "{outline:?}"
    );
}

#[test]
fn weak_places_are_named() {
    let of = |authorities: &[&str]| {
        let set = load(&policy("v1beta1", "p", "**", &authorities.concat()));
        set.lints(NOW).into_iter().map(|weakness| weakness.text).collect::<Vec<_>>()
    };
    let pass = "  - static: {action: pass}\n";
    let fail = "  - static: {action: fail}\n";
    assert_eq!(of(&[&by_key("a"), fail]), [""; 0]);
    let alternative = "one of the alternatives has no requirements, so the others have no effect";
    assert_eq!(of(&[&by_key("a"), pass]), [alternative]);
    #[cfg(feature = "rego")]
    {
        let rego = "    attestations:\n    - name: x\n      predicateType: vuln\n      policy: {type: rego, data: \"package sigstore\\nisCompliant { true }\"}\n";
        let old = "x: an old statement that it allows outweighs a newer one that it does not";
        assert_eq!(of(&[&by_key("a"), rego]), [old]);
    }
}

#[test]
fn certificate_authorities_in_pem_are_certificates() {
    let with = |pem: &str| {
        let pem: String = pem.lines().map(|line| format!("          {line}\n")).collect();
        let identities = "      identities: [{issuer: 'https://x', subject: y}]\n";
        read(
            &policy("v1beta1", "p", "**", &format!("  - keyless:\n      ca-cert:\n        data: |\n{pem}{identities}")),
            &Files::default(),
        )
    };
    let stack = Sigstore::new();
    with(&stack.root.pem()).unwrap();
    let error = with(&[stack.root.pem(), stack.root.key.public_pem()].concat()).unwrap_err();
    assert!(
        error.contains("keyless.ca-cert.data: expected certificates in PEM: found a block of type PUBLIC KEY"),
        "{error}"
    );
}

#[test]
fn the_same_thing_in_two_places_is_looked_for_in_both() {
    let sources = "    source:\n    - oci: mirror.example/signatures\n    - oci: other.example/signatures\n";
    let set = load(&policy("v1beta1", "p", "registry.example/**", &[&by_key("a"), sources, &by_key("b")].concat()));
    let requirement = set.requirement_for(ImageIdentity::Registry(&"registry.example/app".parse().unwrap()));
    let lookups = requirement.lookups();
    let places: Vec<_> = lookups.iter().map(|(_, place)| place.map_or(String::new(), ToString::to_string)).collect();
    assert_eq!(places, ["mirror.example/signatures", "other.example/signatures", ""]);
}

// threat: I02
// threat: I03
const ED25519: &str = "        -----BEGIN PUBLIC KEY-----\n        MCowBQYDK2VwAyEAPn+AREHoBaZ7wgS1zBqpxmLSGnyhxXj4lFxSdWVB8o8=\n        -----END PUBLIC KEY-----\n";

#[test]
fn what_is_not_supported_is_refused_with_its_place_and_reason() {
    let key_of = |text: &str| format!("  - key:\n      {text}\n");
    let keyless = |text: &str| format!("  - keyless:\n      {text}\n");
    let identity = "identities: [{issuer: 'https://x', subject: y}]";
    let first = "spec.authorities[0]";
    for (authorities, place, problem) in [
        (key_of("data: nonsense"), "key.data", ""),
        (key_of("datum: x"), "key.datum", "unknown field"),
        (key_of("hashAlgorithm: md5"), "key.hashAlgorithm", "unknown variant"),
        (
            format!("  - key:\n      hashAlgorithm: sha384\n      data: |\n{ED25519}"),
            "key.hashAlgorithm",
            "ed25519 keys sign with Ed25519, Ed25519ph, not over the requested hash",
        ),
        (
            format!("{}      hashAlgorithm: sha256\n", key_of("{}").replace("{}\n", "\n")),
            "key",
            "expected a public key",
        ),
        (keyless("url: https://fulcio.sigstore.dev"), "keyless", "missing field `identities`"),
        (keyless("identities: []"), "keyless.identities", "expected at least one"),
        (
            keyless("identities: [{issuer: 'https://x'}]"),
            "keyless.identities[0].subject",
            "expected subject or subjectRegExp",
        ),
        (
            keyless("identities: [{issuer: 'https://x', subjectRegexp: y}]"),
            "keyless.identities[0].subjectRegexp",
            "unknown field",
        ),
        (
            keyless(&format!("url: https://fulcio.example\n      {identity}")),
            "keyless.url",
            "does not have certificate authority",
        ),
        (keyless(&format!("ca-cert: {{data: x}}\n      {identity}")), "keyless.ca-cert.data", "certificates in PEM"),
        (format!("{}    ctlog: {{}}\n", keyless(identity)), "ctlog", "an identity needs a log"),
        (format!("{}    ctlog: {{url: 'https://rekor.example'}}\n", by_key("a")), "ctlog.url", "does not have log"),
        (format!("{}    signatureFormat: other\n", by_key("a")), "signatureFormat", "unknown variant"),
        (format!("{}    static: {{action: pass}}\n", by_key("a")), "", "exactly one of key, keyless and static"),
        ("  - name: x\n".to_owned(), "", "exactly one of key, keyless and static"),
        ("  - static: {action: maybe}\n".to_owned(), "static.action", "unknown variant"),
        ("  - static: {action: pass}\n    ctlog: {}\n".to_owned(), "ctlog", "has no effect beside"),
        (
            format!(
                "{}    attestations: [{{name: x, predicateType: vuln, policy: {{type: rego, data: \"package signature\\nallow {{ true }}\"}}}}]\n",
                by_key("a")
            ),
            "attestations[0].policy.data",
            "expected package sigstore",
        ),
        (
            format!(
                "{}    attestations: [{{name: x, predicateType: vuln, policy: {{type: rego, fetchConfigFile: true, data: x}}}}]\n",
                by_key("a")
            ),
            "attestations[0].policy.fetchConfigFile",
            "sees the statement",
        ),
        (
            format!("{}    attestations: [{{name: x, predicateType: ''}}]\n", by_key("a")),
            "attestations[0].predicateType",
            "expected",
        ),
        (format!("{}    attestations: []\n", by_key("a")), "attestations", "expected at least one"),
    ] {
        let text = policy("v1beta1", "p", "**", &authorities);
        let error = read(&text, &Files::default()).expect_err(&text);
        let place = if place.is_empty() { format!("{first}:") } else { format!("{first}.{place}") };
        assert!(error.contains(&place) && error.contains(problem), "{text}\n{error}");
    }
    let good = policy("v1beta1", "p", "**", &by_key("a"));
    load(&good);
    for (text, place) in [
        (good.replace("spec:", "spec:\n  policy: {type: rego}"), "spec.policy.data: expected the policy"),
        (
            good.replace("spec:", "spec:\n  policy: {type: rego, data: 'package x'}"),
            "spec.policy.data: expected package sigstore",
        ),
        (good.replace("glob:", "regex:"), "spec.images[0].regex: unknown field"),
        (good.replace("spec:", "spec:\n  mode: audit"), "spec.mode: unknown variant"),
        (good.replace("spec:", "spec:\n  image: x"), "spec.image: unknown field"),
        (good.replace("  authorities:", "  authority:"), "spec.authority: unknown field"),
        (policy("v1beta1", "p", "[a-z]", &by_key("a")), "spec.images[0].glob"),
        (good.replace("v1beta1", "v1"), "expected kind ClusterImagePolicy"),
        (policy("v1beta1", "p", "**", "    []\n"), "spec.authorities: expected at least one"),
    ] {
        let error = read(&text, &Files::default()).expect_err(&text);
        assert!(error.contains(place), "{text}\n{error}");
    }
}

// threat: I06
#[test]
fn unsupported_authority_refuses_alone() {
    let identity = "identities: [{issuer: 'https://x', subject: y}]";
    let gate = |policy: &str| {
        format!(
            "{}    attestations: [{{name: x, predicateType: vuln, policy: {{{policy}}}}}]\n",
            by_key("b").replace("name: b", "name: it")
        )
    };
    let beside = |more: &str| format!("{}    {more}\n", by_key("b").replace("name: b", "name: it"));
    for (authority, place, why) in [
        ("  - name: it\n    key: {kms: 'awskms:///alias/x'}\n".to_owned(), "key.kms", "key management service"),
        ("  - name: it\n    key: {secretRef: {name: x}}\n".to_owned(), "key.secretRef", "secrets of a cluster"),
        (format!("  - name: it\n    keyless: {{trustRootRef: x, {identity}}}\n"), "keyless.trustRootRef", "TrustRoot"),
        (
            format!("  - name: it\n    keyless: {{insecureIgnoreSCT: true, {identity}}}\n"),
            "keyless.insecureIgnoreSCT",
            "not trusted",
        ),
        (
            format!("  - name: it\n    keyless: {{ca-cert: {{secretRef: {{name: x}}}}, {identity}}}\n"),
            "keyless.ca-cert.secretRef",
            "secrets of a cluster",
        ),
        (beside("ctlog: {trustRootRef: x}"), "ctlog.trustRootRef", "TrustRoot"),
        (beside("rfc3161timestamp: {trustRootRef: x}"), "rfc3161timestamp.trustRootRef", "TrustRoot"),
        (beside("source: [{oci: x.example/y, tagPrefix: z}]"), "source.tagPrefix", "own tags"),
        (gate("type: cue, data: x"), "attestations.policy.type", "CUE is not evaluated"),
        (gate("type: rego, remote: {url: 'https://x'}"), "attestations.policy", "not fetched"),
        (gate("type: rego, configMapRef: {name: x}"), "attestations.policy", "not fetched"),
    ] {
        let image = "registry.example/app";
        let alone = load(&policy("v1beta1", "p", "registry.example/**", &authority));
        let refused = judge(&alone, image, &[signed("b"), attested(&PredicateType::Vuln, b"{}", "b")], &[], NOW);
        assert_eq!((refused.verdict, refused.codes), (Verdict::Rejected, vec!["refused-by-policy"]), "{authority}");
        let place = format!("authority it, {place}: ");
        let outline: Vec<String> = alone.describe().into_iter().map(|line| line.text).collect();
        assert!(outline.iter().any(|line| line.contains(&place) && line.contains(why)), "{place}: {outline:?}");
        let both = load(&policy("v1beta1", "p", "registry.example/**", &[&authority, by_key("a").as_str()].concat()));
        assert_eq!(judge(&both, image, &[signed("a")], &[], NOW).verdict, Verdict::Verified, "{authority}");
    }
    let secrets = beside("source: [{oci: x.example/y, signaturePullSecrets: [{name: x}]}]");
    let set = load(&policy("v1beta1", "p", "registry.example/**", &secrets));
    assert_eq!(judge(&set, "registry.example/app", &[signed("b")], &[], NOW).verdict, Verdict::Verified);
}

#[test]
fn a_rule_that_cannot_be_judged_refuses_and_leaves_the_others() {
    let good = policy("v1beta1", "p", "registry.example/app", &by_key("a"));
    let other = policy("v1beta1", "q", "registry.example/other", &by_key("a"));
    for (member, place, why) in [
        ("match: [{resource: pods, group: '', version: v1}]", "spec.match", "selects resources of a cluster"),
        ("policy: {type: cue, data: x}", "spec.policy.type", "CUE is not evaluated"),
        ("policy: {type: rego, configMapRef: {name: x}}", "spec.policy", "not fetched"),
        ("policy: {type: rego, includeSpec: true, data: x}", "spec.policy", "no cluster"),
        ("policy: {type: rego, includeObjectMeta: true, data: x}", "spec.policy", "no cluster"),
        ("policy: {type: rego, includeTypeMeta: true, data: x}", "spec.policy", "no cluster"),
        ("policy: {type: rego, fetchConfigFile: true, data: x}", "spec.policy.fetchConfigFile", "configuration"),
    ] {
        let rule = good.replace("spec:", &format!("spec:\n  {member}"));
        let set = load(&[rule.as_str(), &other].join("---\n"));
        let refused = judge(&set, "registry.example/app", &[signed("a")], &[], NOW);
        assert_eq!((refused.verdict, refused.codes), (Verdict::Rejected, vec!["refused-by-policy"]), "{member}");
        assert!(refused.troubles[0].contains(place) && refused.troubles[0].contains(why), "{:?}", refused.troubles);
        assert_eq!(judge(&set, "registry.example/other", &[signed("a")], &[], NOW).verdict, Verdict::Verified);
        let warn = load(&rule.replace("spec:", "spec:\n  mode: warn"));
        assert_eq!(judge(&warn, "registry.example/app", &[], &[], NOW).verdict, Verdict::Allowed, "{member}");
    }
}

#[test]
fn a_document_that_selects_nothing_is_about_every_resource() {
    let rule = policy("v1beta1", "p", "registry.example/**", &by_key("a")).replace("spec:", "spec:\n  match: []");
    assert_eq!(judge(&load(&rule), "registry.example/app", &[signed("a")], &[], NOW).verdict, Verdict::Verified);
}

#[test]
fn documents_of_other_kinds_are_skipped_by_name() {
    let good = policy("v1beta1", "p", "registry.example/**", &by_key("a"));
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n";
    let root = "apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {name: x}\nspec: {}\n";
    let openshift = "apiVersion: config.openshift.io/v1\nkind: ClusterImagePolicy\nmetadata: {name: x}\nspec: {}\n";
    let set = load(&[namespace, &good, root, openshift].join("---\n"));
    assert_eq!(set.rules().len(), 1);
    assert_eq!(
        set.skipped_documents(),
        [
            "document 1, apiVersion v1, kind Namespace",
            "document 3, apiVersion policy.sigstore.dev/v1alpha1, kind TrustRoot",
            "document 4, apiVersion config.openshift.io/v1, kind ClusterImagePolicy",
        ]
    );
    let item: String =
        good.lines().enumerate().map(|(n, line)| format!("{}{line}\n", if n == 0 { "- " } else { "  " })).collect();
    let set = load(&format!("apiVersion: v1\nkind: List\nitems:\n{item}"));
    assert_eq!((set.rules().len(), set.skipped_documents().len()), (1, 0));
    // Only a list holds documents.
    let set = load(&format!("{good}---\napiVersion: example.test/v1\nkind: Inventory\nitems:\n{item}"));
    assert_eq!((set.rules().len(), set.skipped_documents().len()), (1, 1));
    for (text, problem) in [
        (namespace.to_owned(), "found only others: document 1, apiVersion v1, kind Namespace"),
        (format!("{good}---\n{}", good.replace("v1beta1", "v9")), "document 2: expected kind ClusterImagePolicy"),
        (format!("{good}---\nkind: Namespace\n"), "document 2: expected kind ClusterImagePolicy"),
        (
            format!("{good}---\n{}", good.replace("kind: ClusterImagePolicy", "kind: ClusterImagePolicies")),
            "document 2: expected",
        ),
    ] {
        let error = read(&text, &Files::default()).expect_err(&text);
        assert!(error.contains(problem), "{error}");
    }
}

#[cfg(feature = "rego")]
mod rego {
    use super::*;

    fn gated(rego: &str) -> PolicySet {
        let lines: String = rego.lines().map(|line| format!("          {line}\n")).collect();
        let gate = format!(
            "    attestations:\n    - name: scan\n      predicateType: vuln\n      policy:\n        type: rego\n        data: |\n          package sigstore\n{lines}"
        );
        load(&policy("v1beta1", "p", "registry.example/**", &[by_key("a"), gate].concat()))
    }

    // threat: I11
    #[test]
    fn is_compliant_is_true_or_a_set_of_answers_that_all_say_so() {
        let answer = |answer: &str| format!("isCompliant[answer] {{ answer := {answer} }}\n");
        let yes = answer(r#"{"result": input.predicate.clean, "error": "dirty", "warning": ""}"#);
        for (rego, expected) in [
            ("isCompliant { input.predicate.clean == true }".to_owned(), None),
            ("default isCompliant = false\nisCompliant { input.predicate.clean }".to_owned(), None),
            (yes.clone(), None),
            (answer(r#"{"result": true}"#), None),
            (r#"isCompliant = [{"result": true}]"#.to_owned(), None),
            ("isCompliant { input.predicate.clean == false }".to_owned(), Some("undefined")),
            ("default isCompliant = false".to_owned(), Some("false")),
            ("isCompliant = \"true\"".to_owned(), Some("\"true\"")),
            (r#"isCompliant = {"result": true}"#.to_owned(), Some("result")),
            ("isCompliant = []".to_owned(), Some("no answer")),
            ("isCompliant[answer] { input.nope; answer := {} }".to_owned(), Some("no answer")),
            (answer(r#"{"result": false, "error": "too old"}"#), Some("too old")),
            (answer(r#"{"result": false}"#), Some("false")),
            (answer(r#"{"error": "forgotten"}"#), Some("forgotten")),
            (answer(r#"{"result": "true"}"#), Some("result is \"true\"")),
            (answer(r#"{"result": true, "warning": "deprecated"}"#), Some("warning: deprecated")),
            (answer(r#"{"result": true, "warning": 1}"#), Some("warning is 1")),
            (answer(r#""hello""#), Some("hello")),
            ([yes, answer(r#"{"result": false, "error": "second"}"#)].concat(), Some("second")),
        ] {
            let scan = attested(&PredicateType::Vuln, br#"{"clean":true}"#, "a");
            let found = judge(&gated(&rego), "registry.example/app", &[scan], &[], NOW);
            match expected {
                None => assert_eq!((found.verdict, found.codes.len()), (Verdict::Verified, 0), "{rego}"),
                Some(words) => {
                    assert_eq!((found.verdict, found.codes), (Verdict::Rejected, vec!["policy-denies"]), "{rego}");
                    assert!(found.troubles.iter().any(|text| text.contains(words)), "{rego}: {:?}", found.troubles);
                }
            }
        }
    }

    /// Three authorities, of which any is enough, and a policy over those that are met.
    fn whole(rego: &str) -> PolicySet {
        let lines: String = rego.lines().map(|line| format!("      {line}\n")).collect();
        let authorities = [
            by_key("a").replace("name: a", "name: signer"),
            by_key("b").replace("name: b", "name: scanner"),
            "    attestations:\n    - {name: scan, predicateType: vuln}\n    - {name: bill, predicateType: spdxjson}\n"
                .to_owned(),
            "  policy:\n    type: rego\n    data: |\n      package sigstore\n".to_owned(),
            lines,
        ];
        load(&policy("v1beta1", "p", "registry.example/**", &authorities.concat()))
    }

    // threat: I11
    #[test]
    fn a_policy_over_the_whole_sees_the_authorities_that_are_met() {
        let bill = || attested(&PredicateType::SpdxJson, b"{}", "b");
        let scan = || attested(&PredicateType::Vuln, b"{}", "b");
        let image = "registry.example/app";
        let all = [signed("a"), bill(), scan()];
        for (rego, items, verdict) in [
            ("isCompliant { input.authorityMatches.signer }", &all[..], Verdict::Verified),
            ("isCompliant { count(input.authorityMatches.signer.signatures) == 1 }", &all, Verdict::Verified),
            ("isCompliant { count(input.authorityMatches.scanner.attestations.scan) == 1 }", &all, Verdict::Verified),
            (
                "isCompliant { input.authorityMatches.scanner.attestations.bill[_].predicateType == \"spdxjson\" }",
                &all,
                Verdict::Verified,
            ),
            ("isCompliant { count(input.authorityMatches.signer.signatures[0].id) == 64 }", &all, Verdict::Verified),
            ("isCompliant { count(input.authorityMatches) == 2; count(input) == 1 }", &all, Verdict::Verified),
            ("isCompliant { count(input.authorityMatches) == 2 }", &all[..1], Verdict::Rejected),
            ("isCompliant { count(input.authorityMatches) == 2 }", &all[1..], Verdict::Rejected),
            ("isCompliant { not input.authorityMatches.signer.attestations }", &all[..1], Verdict::Verified),
            ("isCompliant { not input.authorityMatches.signer.static }", &all[..1], Verdict::Verified),
            ("isCompliant { not input.authorityMatches.scanner }", &all[..2], Verdict::Verified),
            ("isCompliant { true }", &all[1..2], Verdict::Rejected),
            ("isCompliant { true }", &[], Verdict::Rejected),
            ("isCompliant { false }", &all, Verdict::Rejected),
        ] {
            assert_eq!(judge(&whole(rego), image, items, &[], NOW).verdict, verdict, "{rego} {}", items.len());
        }
        // An authority that could not be looked at may be what the policy asks for, or what it forbids.
        let set = whole("isCompliant { not input.authorityMatches.scanner }");
        let found = judge(&set, image, &[signed("a")], &[super::super::lab::problem()], NOW);
        assert_eq!(found.verdict, Verdict::Undecided);
    }

    #[test]
    fn a_signature_is_known_by_the_manifest_that_holds_it() {
        let manifest = sigkit_core::digest::Digest::sha256(b"manifest");
        let mut item = signed("a");
        item.origin = sigkit_core::bundle::Origin::Referrer { manifest, index: 0 };
        for (id, verdict) in [(manifest.hex(), Verdict::Verified), ("0".repeat(64), Verdict::Rejected)] {
            let set = whole(&format!("isCompliant {{ input.authorityMatches.signer.signatures[0].id == \"{id}\" }}"));
            assert_eq!(judge(&set, "registry.example/app", &[item.clone()], &[], NOW).verdict, verdict, "{id}");
        }
    }

    // threat: F08
    #[test]
    fn bounds_hold_for_every_authority_of_a_document() {
        let rego = "  policy: {type: rego, data: \"package sigstore\\nisCompliant { true }\"}\n";
        for rest in ["", rego] {
            let text = policy("v1beta1", "p", "**", &format!("{}{}{rest}", by_key("a"), by_key("b")));
            let mut limits = Limits::DEFAULT;
            let set = PolicySet::from_file(text.as_bytes(), &Files::keys(&["a", "b"]), &limits).unwrap();
            for (subjects, verdict) in [(1, Verdict::Verified), (0, Verdict::Rejected)] {
                limits.statement_subjects = subjects;
                let trust = Trust::default().with_limits(limits.clone());
                let judged = judge_in(&trust, &set, "registry.example/app", &[signed("b")], &[], NOW);
                assert_eq!(judged.verdict, verdict, "{rest}");
            }
        }
    }

    #[test]
    fn a_policy_over_what_proves_nothing_proves_nothing() {
        let of = |rego: &str| {
            let authorities = format!(
                "  - name: free\n    static: {{action: pass}}\n  policy: {{type: rego, data: \"package sigstore\\nisCompliant {{ {rego} }}\"}}\n"
            );
            judge(&load(&policy("v1beta1", "p", "**", &authorities)), "registry.example/app", &[], &[], NOW).verdict
        };
        assert_eq!(of("input.authorityMatches.free.static"), Verdict::Allowed);
        assert_eq!(of("input.authorityMatches.free.signatures"), Verdict::Rejected);
    }

    #[test]
    fn only_attestations_that_comply_are_seen_by_the_whole() {
        let authorities = [
            by_key("a").replace("name: a", "name: scanner"),
            "    attestations:\n    - name: scan\n      predicateType: vuln\n      policy: {type: rego, data: \"package sigstore\\nisCompliant { input.predicate.clean }\"}\n".to_owned(),
            "  policy: {type: rego, data: \"package sigstore\\nisCompliant { count(input.authorityMatches.scanner.attestations.scan) == 1 }\"}\n".to_owned(),
        ];
        let set = load(&policy("v1beta1", "p", "**", &authorities.concat()));
        let scan = |predicate: &str| attested(&PredicateType::Vuln, predicate.as_bytes(), "a");
        let image = "registry.example/app";
        let (clean, dirty) = (scan(r#"{"clean":true}"#), scan(r#"{"clean":false}"#));
        assert_eq!(judge(&set, image, &[dirty.clone(), clean.clone()], &[], NOW).verdict, Verdict::Verified);
        assert_eq!(judge(&set, image, &[clean.clone(), clean], &[], NOW).verdict, Verdict::Rejected);
        assert_eq!(judge(&set, image, &[dirty], &[], NOW).verdict, Verdict::Rejected);
    }
}
