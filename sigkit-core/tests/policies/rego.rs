//! Rego within documents and over single attestations.

use sigkit_core::content::PredicateType;
use sigkit_core::policy::{Authority, Gate, KeyAuthority, Policy, Purpose, Quantifier, RegoPolicy};
use sigkit_core::report::Verdict;

use super::lab::{Files, NOW, attested, image_policy, judge, judge_requirement, key, problem, read};

const POLICY: &str = "package signature\ndefault allow = false\nallow { input.predicateType == \"https://example.test/review\"\n input.predicate.approved == true\n input.subject[_].name == \"app\" }\n";

fn kind() -> PredicateType {
    "https://example.test/review".parse().unwrap()
}

fn verdict(among: Quantifier, predicates: &[&str], is_complete: bool) -> (Verdict, Vec<&'static str>) {
    use sigkit_core::key::SigningKey as _;
    let authority = Authority::Key(KeyAuthority::new("a", key("a").public_key().clone()));
    let policy = Policy::authority(Purpose::Attestation(kind()), authority)
        .with_gate(Gate::Rego(Box::new(RegoPolicy::new("review.rego", POLICY, among).unwrap())));
    let items: Vec<_> = predicates.iter().map(|predicate| attested(&kind(), predicate.as_bytes(), "a")).collect();
    let problems = if is_complete { vec![] } else { vec![problem()] };
    let outcomes = judge_requirement(&policy.into(), &items, &problems, NOW);
    (outcomes.verdict, outcomes.codes)
}

// threat: I06
// threat: I11
#[test]
fn the_whole_statement_is_judged_and_only_true_allows() {
    let (yes, no) = (r#"{"approved":true}"#, r#"{"approved":"true"}"#);
    assert_eq!(verdict(Quantifier::Every, &[yes], true), (Verdict::Verified, vec![]));
    assert_eq!(verdict(Quantifier::Every, &[no], true), (Verdict::Rejected, vec!["policy-denies"]));
    assert_eq!(verdict(Quantifier::Every, &[yes, no], true).0, Verdict::Rejected);
    assert_eq!(verdict(Quantifier::Any, &[yes, no], true).0, Verdict::Verified);
    assert_eq!(verdict(Quantifier::Any, &[no, no], true).0, Verdict::Rejected);
    assert_eq!(verdict(Quantifier::Every, &[], true), (Verdict::Rejected, vec!["no-signatures"]));
    // One that was not seen could be one that is not allowed.
    assert_eq!(verdict(Quantifier::Every, &[yes], false).0, Verdict::Undecided);
    assert_eq!(verdict(Quantifier::Any, &[yes], false).0, Verdict::Verified);
}

#[test]
fn a_document_names_a_file() {
    let files = Files::keys(&["a"]).with("review.rego", POLICY).with("bad.rego", "package x\n");
    let require = |file: &str| {
        format!("- attestation: {{type: 'https://example.test/review', by: [a], atLeast: 1, rego: {file}}}\n")
    };
    let set = read(&image_policy(&["a"], &require("review.rego")), &files).unwrap();
    let items = [attested(&kind(), br#"{"approved":true}"#, "a")];
    let found = judge(&set, "registry.example/app", &items, &[], NOW);
    assert_eq!(found.verdict, Verdict::Verified);
    assert!(found.facts.contains(&"review.rego allows it".to_owned()), "{:?}", found.facts);
    let error = read(&image_policy(&["a"], &require("bad.rego")), &files).unwrap_err();
    assert!(error.contains("require[0].attestation.rego: expected package signature"), "{error}");
}

// threat: F08
#[test]
fn a_set_says_whether_the_interpreter_will_run() {
    let files = Files::keys(&["a"]).with("review.rego", POLICY);
    let signature = image_policy(&["a"], "- signature: {by: [a], atLeast: 1}\n");
    let scan = image_policy(
        &["a"],
        "- attestation: {type: vuln, by: [a], atLeast: 1, scan: {maximumSeverity: low, maxAge: 1d}}\n",
    );
    let rego = image_policy(
        &["a"],
        "- attestation: {type: 'https://example.test/review', by: [a], atLeast: 1, rego: review.rego}\n",
    );
    for (documents, expected) in [
        (&[&signature, &scan][..], false),
        (&[&rego], true),
        (&[&rego, &signature], true),
        (&[&signature, &rego, &scan], true),
    ] {
        let text = documents.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("---\n");
        let set = read(&text, &files).unwrap();
        assert_eq!((set.evaluates_rego(), set.rules().len()), (expected, documents.len()));
    }
}

// threat: I11
#[test]
fn what_cannot_be_evaluated_refuses() {
    use sigkit_core::key::SigningKey as _;
    let authority = Authority::Key(KeyAuthority::new("a", key("a").public_key().clone()));
    let source = "package signature\nallow { to_number(input.predicate.text) > 1 }\n";
    let policy = Policy::authority(Purpose::Attestation(kind()), authority)
        .with_gate(Gate::Rego(Box::new(RegoPolicy::new("x.rego", source, Quantifier::Every).unwrap())));
    let items = [attested(&kind(), br#"{"text":"no number"}"#, "a")];
    let outcomes = judge_requirement(&policy.into(), &items, &[], NOW);
    assert_eq!((outcomes.verdict, outcomes.codes), (Verdict::Rejected, vec!["policy-fails"]));
}
