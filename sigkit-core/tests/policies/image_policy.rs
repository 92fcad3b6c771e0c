//! Our own documents.

use serde_json::{Value, json};
use sigkit_core::content::PredicateType;
use sigkit_core::key::SigningKey as _;
use sigkit_core::limits::Limits;
use sigkit_core::policy::document::DocumentError;
use sigkit_core::policy::{ImageIdentity, PolicySet};
use sigkit_core::report::Verdict;
use sigkit_core::trust::Trust;

use super::lab::{Files, NOW, attested, image_policy, judge, judge_in, problem, read, signed};

const IMAGE: &str = "registry.example/app:v1";

fn files() -> Files {
    Files::keys(&["a", "b", "c"])
}

// threat: I07
// threat: I09
#[test]
fn thresholds_count_signers_and_groups_fold() {
    let two = "- signature: {by: [a, b, c], atLeast: 2}\n";
    let any = "- anyOf:\n  - signature: {by: [a], atLeast: 1}\n  - signature: {by: [b], atLeast: 1}\n- signature: {by: [c], atLeast: 1}\n";
    let all = "- allOf:\n  - signature: {by: [a], atLeast: 1}\n  - signature: {by: [b, c], atLeast: 1}\n";
    for (require, signers, verdict) in [
        (two, &["a", "b"][..], Verdict::Verified),
        (two, &["a", "a", "a"], Verdict::Rejected),
        (two, &["a", "stranger"], Verdict::Rejected),
        (two, &[], Verdict::Rejected),
        (any, &["a", "c"], Verdict::Verified),
        (any, &["b", "c"], Verdict::Verified),
        (any, &["a", "b"], Verdict::Rejected),
        (all, &["a", "b"], Verdict::Verified),
        (all, &["b", "c"], Verdict::Rejected),
    ] {
        let set = read(&image_policy(&["a", "b", "c"], require), &files()).unwrap();
        let items: Vec<_> = signers.iter().map(|name| signed(name)).collect();
        assert_eq!(judge(&set, IMAGE, &items, &[], NOW).verdict, verdict, "{require} {signers:?}");
        let unmatched = judge(&set, "other.example/app", &items, &[], NOW);
        assert_eq!((unmatched.verdict, unmatched.codes), (Verdict::Rejected, vec!["no-policy-matches"]));
    }
    let set = read(&image_policy(&["a", "b", "c"], two), &files()).unwrap();
    assert_eq!(judge(&set, IMAGE, &[signed("a")], &[problem()], NOW).verdict, Verdict::Undecided);
    // What is looked for at one place is looked for once.
    let set = read(&image_policy(&["a", "b", "c"], any), &files()).unwrap();
    assert_eq!(set.requirement_for(ImageIdentity::Registry(&IMAGE.parse().unwrap())).lookups().len(), 1);
}

#[test]
fn key_may_be_inline_in_the_document() {
    let key = super::lab::key("a");
    let document = json!({
        "apiVersion": "sigkit.dev/v1",
        "kind": "ImagePolicy",
        "name": "test",
        "images": ["registry.example/**"],
        "authorities": {"a": {"keyData": key.public_key().to_pem()}},
        "require": [{"signature": {"by": ["a"], "atLeast": 1}}],
    });
    let set = read(&document.to_string(), &Files::default()).unwrap();
    assert_eq!(judge(&set, IMAGE, &[signed("a")], &[], NOW).verdict, Verdict::Verified);
    assert_eq!(judge(&set, IMAGE, &[signed("b")], &[], NOW).verdict, Verdict::Rejected);
}

// Fails when the bound on a file is another, or when the evidence for some kind of document is judged by the usual bounds.
#[test]
fn caller_limits_apply_to_the_file_and_its_evidence() {
    let pem = super::lab::key("a").public_key().to_pem();
    // A bundle signs no name, which a policy.json asks for.
    for (text, usual) in [
        (image_policy(&["a"], "- signature: {by: [a], atLeast: 1}\n"), Verdict::Verified),
        (json!({
            "apiVersion": "policy.sigstore.dev/v1beta1",
            "kind": "ClusterImagePolicy",
            "metadata": {"name": "p"},
            "spec": {"images": [{"glob": "**"}], "authorities": [{"key": {"data": pem, "hashAlgorithm": "sha256"}}]},
        })
        .to_string(), Verdict::Verified),
        (r#"{"default": [{"type": "sigstoreSigned", "keyPath": "a.pub"}]}"#.to_owned(), Verdict::Rejected),
    ] {
        let mut limits = Limits::DEFAULT;
        limits.policy_bytes = text.len();
        let set = PolicySet::from_file(text.as_bytes(), &files(), &limits).unwrap();
        for (subjects, verdict) in [(1, usual), (0, Verdict::Rejected)] {
            limits.statement_subjects = subjects;
            let trust = Trust::default().with_limits(limits.clone());
            let judged = judge_in(&trust, &set, IMAGE, &[signed("a")], &[], NOW);
            assert_eq!(judged.verdict, verdict, "{text}");
        }
        limits.policy_bytes -= 1;
        let error = PolicySet::from_file(text.as_bytes(), &files(), &limits).unwrap_err();
        assert!(matches!(error, DocumentError::TooMany { what: "bytes", .. }), "{error}");
    }
}

// threat: I06
#[test]
fn warning_allows_and_does_not_prove() {
    let warn =
        image_policy(&["a"], "- signature: {by: [a], atLeast: 1}\n").replace("name: test", "name: test\nmode: warn");
    let set = read(&warn, &files()).unwrap();
    assert_eq!(judge(&set, IMAGE, &[signed("a")], &[], NOW).verdict, Verdict::Verified);
    for (items, problems) in [(vec![], vec![]), (vec![signed("b")], vec![]), (vec![], vec![problem()])] {
        assert_eq!(judge(&set, IMAGE, &items, &problems, NOW).verdict, Verdict::Allowed);
    }
    let both = format!("{warn}---\n{}", image_policy(&["b"], "- signature: {by: [b], atLeast: 1}\n"));
    let set = read(&both, &files()).unwrap();
    assert_eq!(judge(&set, IMAGE, &[signed("b")], &[], NOW).verdict, Verdict::Verified);
    assert_eq!(judge(&set, IMAGE, &[signed("a")], &[], NOW).verdict, Verdict::Rejected);
}

fn provenance_1(builder: &str, repository: &str, reference: &str, materials: &[&str]) -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {"repository": repository, "ref": reference, "path": ".github/workflows/release.yml"}},
            "resolvedDependencies": materials.iter().map(|uri| json!({"uri": uri})).collect::<Vec<_>>(),
        },
        "runDetails": {"builder": {"id": builder}},
    })
}

fn provenance_02(builder: &str, uri: &str, materials: &[&str]) -> Value {
    json!({
        "builder": {"id": builder},
        "buildType": "https://example.test/build",
        "invocation": {"configSource": {"uri": uri}},
        "materials": materials.iter().map(|uri| json!({"uri": uri})).collect::<Vec<_>>(),
    })
}

const BUILDER: &str = "https://github.com/acme/build/.github/workflows/release.yml@refs/tags/v1";
const SOURCE: &str = "https://github.com/acme/app";
const BASE: &str = "pkg:docker/registry.example/base/alpine@3.20?platform=linux%2Famd64";

// threat: D20
// threat: D21
#[test]
fn provenance_is_compared_field_by_field() {
    let require = |kind: &str| {
        format!(
            "- attestation:\n    type: {kind}\n    by: [a]\n    atLeast: 1\n    provenance:\n      builder: 'https://github.com/acme/build/.github/workflows/release.yml@refs/tags/v*'\n      source: {SOURCE}\n      ref: 'refs/tags/**'\n      baseImages: ['registry.example/base/*']\n"
        )
    };
    let one = read(&image_policy(&["a"], &require("slsaprovenance1")), &files()).unwrap();
    let two = read(&image_policy(&["a"], &require("slsaprovenance02")), &files()).unwrap();
    let tag = "refs/tags/v1";
    let at = format!("git+{SOURCE}@{tag}");
    let mismatch: &[&str] = &["provenance-mismatch"];
    let base: &[&str] = &["base-image-not-allowed"];
    for (name, kind, predicate, codes) in [
        ("as asked", 1, provenance_1(BUILDER, SOURCE, tag, &[BASE, &at]), &[][..]),
        ("as asked, 0.2", 0, provenance_02(BUILDER, &at, &[BASE]), &[]),
        (
            "other builder",
            1,
            provenance_1(
                "https://github.com/evil/build/.github/workflows/release.yml@refs/tags/v1",
                SOURCE,
                tag,
                &[BASE],
            ),
            mismatch,
        ),
        ("builder that begins alike", 1, provenance_1(&format!("{BUILDER}/evil"), SOURCE, tag, &[BASE]), mismatch),
        (
            "source that begins alike",
            1,
            provenance_1(BUILDER, "https://github.com/acme/app.evil", tag, &[BASE]),
            mismatch,
        ),
        (
            "source that ends alike",
            1,
            provenance_1(BUILDER, "https://evil.test/https://github.com/acme/app", tag, &[BASE]),
            mismatch,
        ),
        ("branch", 1, provenance_1(BUILDER, SOURCE, "refs/heads/main", &[BASE]), mismatch),
        ("branch, 0.2", 0, provenance_02(BUILDER, &format!("git+{SOURCE}@refs/heads/main"), &[BASE]), mismatch),
        ("no reference, 0.2", 0, provenance_02(BUILDER, &format!("git+{SOURCE}"), &[BASE]), mismatch),
        ("nothing said", 1, json!({}), &["base-image-not-allowed", "provenance-mismatch"]),
        (
            "members of another type",
            1,
            json!({"runDetails": 7, "buildDefinition": []}),
            &["base-image-not-allowed", "provenance-mismatch"],
        ),
        ("no base", 1, provenance_1(BUILDER, SOURCE, tag, &[&at]), base),
        ("another base", 1, provenance_1(BUILDER, SOURCE, tag, &["pkg:docker/alpine@3.20"]), base),
        ("a second base", 1, provenance_1(BUILDER, SOURCE, tag, &[BASE, "pkg:docker/evil@1"]), base),
        (
            "a base that begins alike",
            1,
            provenance_1(BUILDER, SOURCE, tag, &["pkg:docker/registry.example/base-evil/alpine@3.20"]),
            base,
        ),
        ("not a provenance", 1, json!([]), &["payload-malformed"]),
    ] {
        let (set, kind) =
            if kind == 1 { (&one, PredicateType::SlsaProvenance1) } else { (&two, PredicateType::SlsaProvenance02) };
        let items = [attested(&kind, &serde_json::to_vec(&predicate).unwrap(), "a")];
        let found = judge(set, IMAGE, &items, &[], NOW);
        let verdict = if codes.is_empty() { Verdict::Verified } else { Verdict::Rejected };
        assert_eq!((found.verdict, found.codes.as_slice()), (verdict, codes), "{name}");
    }
    // One that says all of it is enough; two that say half each are not.
    let good = attested(
        &PredicateType::SlsaProvenance1,
        &serde_json::to_vec(&provenance_1(BUILDER, SOURCE, tag, &[BASE])).unwrap(),
        "a",
    );
    let half = |builder, source| {
        attested(
            &PredicateType::SlsaProvenance1,
            &serde_json::to_vec(&provenance_1(builder, source, tag, &[BASE])).unwrap(),
            "a",
        )
    };
    assert_eq!(judge(&one, IMAGE, &[half("x", SOURCE), good], &[problem()], NOW).verdict, Verdict::Verified);
    assert_eq!(judge(&one, IMAGE, &[half("x", SOURCE), half(BUILDER, "x")], &[], NOW).verdict, Verdict::Rejected);
}

// threat: R13
// threat: R14
#[test]
fn provenance_as_builders_write_it_is_read() {
    let hex = "ab".repeat(32);
    let set = |kind: &str, fields: &str| {
        let require = format!("- attestation: {{type: {kind}, by: [a], atLeast: 1, provenance: {{{fields}}}}}\n");
        read(&image_policy(&["a"], &require), &files()).unwrap()
    };
    let found = |kind: &str, fields: &str, predicate: &Value| {
        let items = [attested(&kind.parse().unwrap(), &serde_json::to_vec(predicate).unwrap(), "a")];
        judge(&set(kind, fields), IMAGE, &items, &[], NOW).codes
    };
    let base = json!({
        "uri": "pkg:docker/registry.example/base/alpine@3.20?platform=linux%2Famd64",
        "digest": {"sha256": hex},
    });
    let frontend = json!({
        "uri": format!("pkg:docker/docker/dockerfile@1?digest=sha256:{hex}&platform=linux%2Famd64"),
        "digest": {"sha256": hex},
    });
    let context = json!({"uri": "https://github.com/acme/app.git#refs/tags/v1:src", "digest": {"sha1": "00"}});
    let download = json!({"uri": "https://host.test/file.tar.gz", "digest": {"sha256": hex}});
    let materials = json!([base, frontend, context, download]);
    let buildkit_02 = json!({
        "builder": {"id": "https://github.com/acme/app/actions/runs/1"},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "materials": materials,
        "invocation": {"configSource": {"uri": context["uri"], "digest": context["digest"], "entryPoint": "Dockerfile"}},
    });
    let buildkit_1 = json!({
        "buildDefinition": {
            "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
            "externalParameters": {"configSource": {"uri": context["uri"], "path": "Dockerfile"}, "request": {"frontend": "dockerfile.v0"}},
            "resolvedDependencies": materials,
        },
        "runDetails": {"builder": {"id": "https://github.com/acme/app/actions/runs/1"}},
    });
    let source = "builder: 'https://github.com/acme/app/actions/runs/*', source: 'https://github.com/acme/app.git', ref: 'refs/tags/**'";
    let pinned = format!("baseImages: ['registry.example/base/alpine@sha256:{hex}', 'docker/dockerfile']");
    for (kind, predicate) in [("slsaprovenance02", &buildkit_02), ("slsaprovenance1", &buildkit_1)] {
        for bases in [&pinned, "baseImages: ['registry.example/base/*:3.*', 'docker.io/docker/dockerfile:1']"] {
            assert_eq!(found(kind, &format!("{source}, {bases}"), predicate), [""; 0], "{kind} {bases}");
        }
        for bases in
            ["baseImages: ['registry.example/base/*']", "baseImages: ['registry.example/base/*:4', 'docker/*']"]
        {
            assert_eq!(found(kind, bases, predicate), ["base-image-not-allowed"], "{kind} {bases}");
        }
    }
    let generator = json!({
        "builder": {"id": "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v2.1.0"},
        "buildType": "https://github.com/slsa-framework/slsa-github-generator/container@v1",
        "invocation": {"configSource": {"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"sha1": "00"}}},
        "materials": [{"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"sha1": "00"}}],
    });
    let asked = "builder: 'https://github.com/slsa-framework/**/generator_container_slsa3.yml@refs/tags/v*', source: 'https://github.com/acme/*', ref: refs/heads/main";
    assert_eq!(found("slsaprovenance02", asked, &generator), [""; 0]);
    let github = json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {"ref": "refs/heads/main", "repository": "https://github.com/acme/app", "path": ".github/workflows/build.yml"}},
            "resolvedDependencies": [{"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"gitCommit": "00"}}],
        },
        "runDetails": {"builder": {"id": "https://github.com/acme/app/.github/workflows/build.yml@refs/heads/main"}},
    });
    let asked = "builder: 'https://github.com/acme/**', source: 'https://github.com/acme/*', ref: 'refs/heads/*'";
    assert_eq!(found("slsaprovenance1", asked, &github), [""; 0]);
    for (at, value) in [
        ("/runDetails/builder/id", "https://github.com/acme/../evil/.github/workflows/build.yml@refs/heads/main"),
        ("/buildDefinition/externalParameters/workflow/repository", "https://github.com/acme/%2e%2e"),
        ("/buildDefinition/externalParameters/workflow/repository", "https://github.com/acme/.."),
        ("/buildDefinition/externalParameters/workflow/ref", "refs/heads/.."),
    ] {
        let mut github = github.clone();
        *github.pointer_mut(at).unwrap() = value.into();
        assert_eq!(found("slsaprovenance1", asked, &github), ["provenance-mismatch"], "{value}");
    }
}

// threat: D20
#[test]
fn one_field_of_the_provenance_may_be_asked_for_alone() {
    let tag = "refs/tags/v1";
    let predicate = serde_json::to_vec(&provenance_1(BUILDER, SOURCE, tag, &[BASE])).unwrap();
    for (field, verdict) in [
        (format!("builder: '{BUILDER}'"), Verdict::Verified),
        ("baseImages: ['registry.example/base/*']".to_owned(), Verdict::Verified),
        ("builder: other".to_owned(), Verdict::Rejected),
        ("baseImages: ['registry.example/other/*']".to_owned(), Verdict::Rejected),
    ] {
        let require = format!(
            "- attestation:\n    type: slsaprovenance1\n    by: [a]\n    atLeast: 1\n    provenance:\n      {field}\n"
        );
        let set = read(&image_policy(&["a"], &require), &files()).unwrap();
        let items = [attested(&PredicateType::SlsaProvenance1, &predicate, "a")];
        assert_eq!(judge(&set, IMAGE, &items, &[], NOW).verdict, verdict, "{field}");
    }
}

#[test]
fn any_text_may_be_the_type_that_is_asked_for() {
    for (wanted, kind, verdict) in [
        ("sbom", "sbom", Verdict::Verified),
        ("cosign.sigstore.dev/attestation/v1", "cosign.sigstore.dev/attestation/v1", Verdict::Verified),
        ("custom", "https://cosign.sigstore.dev/attestation/v1", Verdict::Verified),
        ("sbom", "SBOM", Verdict::Rejected),
        ("cosign.sigstore.dev/attestation/v1", "https://cosign.sigstore.dev/attestation/v1", Verdict::Rejected),
    ] {
        let require = format!("- attestation: {{type: {wanted}, by: [a], atLeast: 1}}\n");
        let set = read(&image_policy(&["a"], &require), &files()).unwrap();
        let items = [attested(&PredicateType::Uri(kind.to_owned()), b"{}", "a")];
        assert_eq!(judge(&set, IMAGE, &items, &[], NOW).verdict, verdict, "{wanted} {kind}");
    }
}

// threat: I02
// threat: I03
#[test]
fn what_is_not_understood_is_an_error_that_names_it() {
    let good = image_policy(&["a"], "- signature: {by: [a], atLeast: 1}\n");
    assert!(read(&good, &files()).is_ok());
    let attestation =
        |text: &str| image_policy(&["a"], &format!("- attestation: {{type: vuln, by: [a], atLeast: 1{text}}}\n"));
    for (text, place) in [
        (good.replace("atLeast", "atleast"), "require[0].signature.atleast: unknown field"),
        (good.replace("name: test", "name: test\nextra: 1"), "extra: unknown field"),
        (good.replace("name: test\n", ""), "missing field `name`"),
        (good.replace("atLeast: 1", "atLeast: 0"), "require[0].signature.atLeast"),
        (good.replace("atLeast: 1", "atLeast: 2"), "require[0].signature.atLeast"),
        (good.replace(", atLeast: 1", ""), "missing field `atLeast`"),
        (good.replace("by: [a]", "by: []"), "require[0].signature.by: expected at least one"),
        (good.replace("by: [a]", "by: [z]"), "require[0].signature.by[0]: there is no authority \"z\""),
        (good.replace("by: [a]", "by: a"), "require[0].signature.by"),
        (good.replace("- signature: {by: [a], atLeast: 1}", "- [[a], 1]"), "require[0]"),
        (good.replace("{by: [a], atLeast: 1}", "[[a], 1, null]"), "require[0].signature"),
        (good.replace("['registry.example/**']", "['*.example/**']"), "images[0]"),
        (good.replace("['registry.example/**']", "[]"), "images: expected at least one"),
        (good.replace("a.pub", "missing.pub"), "authorities.a.key: no file missing.pub"),
        (good.replace(r#"{"key":"a.pub"}"#, "{}"), "authorities.a: expected exactly one of"),
        (
            good.replace(r#"{"key":"a.pub"}"#, "{identity: {subject: x@y.z}}"),
            "authorities.a.identity.issuer: expected issuer or issuerRegExp, found neither",
        ),
        (good.replace(r#"{"key":"a.pub"}"#, "{identity: {issuer: 'https://x'}}"), "authorities.a.identity.subject"),
        (
            good.replace(r#"{"key":"a.pub"}"#, "{identity: {issuer: 'https://x', subject: ''}}"),
            "authorities.a.identity.subject",
        ),
        (
            good.replace(r#"{"key":"a.pub"}"#, "{identity: {issuer: 'https://x', subjectRegExp: 'a{9999}{9999}'}}"),
            "authorities.a.identity.subjectRegExp",
        ),
        (
            good.replace(r#"{"key":"a.pub"}"#, "{identity: {issuer: 'https://x', subject: a, subjectRegExp: a}}"),
            "authorities.a.identity.subject",
        ),
        (image_policy(&["a", "b"], "- signature: {by: [a], atLeast: 1}\n"), "authorities.b: no requirement names"),
        (good.replace("- signature: {by: [a], atLeast: 1}\n", ""), "require"),
        (good.replace("- signature", "- signatures"), "require[0]"),
        (attestation(", scan: {}"), "require[0].attestation.scan: missing field"),
        (attestation(", scan: {maximumSeverity: critical, maxAge: 7d}"), "require[0].attestation.scan.maximumSeverity"),
        (attestation(", scan: {maximumSeverity: high, maxAge: 7}"), "require[0].attestation.scan.maxAge"),
        (attestation(", scan: {maximumSeverity: high}"), "require[0].attestation.scan: missing field `maxAge`"),
        (
            attestation(", scan: {maximumSeverity: high, maxAge: 7d, exceptions: [{id: CVE-1, reason: x}]}"),
            "missing field `until`",
        ),
        (
            attestation(
                ", scan: {maximumSeverity: high, maxAge: 7d, exceptions: [{id: CVE-1, reason: x, until: never}]}",
            ),
            "exceptions[0].until: expected a day",
        ),
        (
            attestation(
                ", scan: {maximumSeverity: high, maxAge: 7d, exceptions: [{id: CVE-1, reason: x, until: 2026-02-30}]}",
            ),
            "exceptions[0].until: expected a day",
        ),
        (attestation(", provenance: {builder: x}"), "require[0].attestation.provenance: says something about"),
        (attestation(", rego: missing.rego"), "require[0].attestation.rego: no file missing.rego"),
        (attestation(", scan:"), "require[0].attestation.scan: expected a value, found nothing"),
        (attestation(", provenance: null"), "require[0].attestation.provenance: expected a value, found nothing"),
        (attestation(", rego: ~"), "require[0].attestation.rego: expected a value, found nothing"),
        (attestation(", rego: ''"), "require[0].attestation.rego: no file"),
        (attestation(", scans: {maximumSeverity: low, maxAge: 7d}"), "require[0].attestation.scans: unknown field"),
        (attestation(", scan: {maximumSeverity: low, maxAge: 7d, vex: null}"), "scan.vex: expected a value"),
        (
            attestation(", scan: {maximumSeverity: low, maxAge: 7d, vex: {by: []}}"),
            "scan.vex.by: expected at least one",
        ),
        (
            attestation(", scan: {maximumSeverity: low, maxAge: 7d, exceptions: null}"),
            "scan.exceptions: expected a value",
        ),
        (attestation(", scan: {maximumSeverity: Low, maxAge: 7d}"), "scan.maximumSeverity"),
        (attestation(", scan: {maximumSeverity: low, maxAge: 7d, onlyFixable: yes}"), "scan.onlyFixable"),
        (
            attestation(
                ", scan: {maximumSeverity: low, maxAge: 7d, exceptions: [{id: '', reason: x, until: 2026-12-31}]}",
            ),
            "scan.exceptions: expected the identifier of a finding",
        ),
        (
            attestation(", provenance: {baseImages: []}").replace("vuln", "slsaprovenance1"),
            "provenance.baseImages: expected at least one",
        ),
        (
            attestation(", provenance: {}").replace("vuln", "slsaprovenance1"),
            "provenance: expected builder, source, ref",
        ),
        (
            attestation(", provenance: {sources: x}").replace("vuln", "slsaprovenance1"),
            "provenance.sources: unknown field",
        ),
        (
            attestation(", provenance: {source: 'https://host.test/../**'}").replace("vuln", "slsaprovenance1"),
            "provenance.source: ",
        ),
        (attestation("").replace("vuln", "''"), "require[0].attestation.type: "),
        (attestation("").replace("vuln", "https://sigstore.dev/cosign/sign/v1"), "require[0].attestation.type: "),
        (good.replace("name: test", "name: test\nmode:"), "mode: expected a value, found nothing"),
        (good.replace("sigkit.dev/v1", "sigkit.dev/v2"), "expected kind ClusterImagePolicy"),
        (good.replace("ImagePolicy", "imagepolicy"), "expected kind ClusterImagePolicy"),
        (String::new(), "found no document"),
        ("---\n---\n".to_owned(), "found no document"),
        ("[]".to_owned(), "document 1: expected kind"),
    ] {
        let error = read(&text, &files()).expect_err(&text);
        assert!(error.contains(place), "{text}\n{error}");
    }
}

#[test]
fn the_examples_are_read_and_say_what_they_demand() {
    let directory = format!("{}/../examples/policies", env!("CARGO_MANIFEST_DIR"));
    let files = Files::keys(&["release", "review", "scanner", "security"]);
    for (name, lines) in [
        (
            "production.yaml",
            &[
                "policy production",
                "signed by 2 of: key release",
                "latest scan: no fixable findings above severity medium, at most 7d old, except CVE-2021-36159 until 2027-04-01T00:00:00Z, with VEX by key security",
            ][..],
        ),
        ("cluster-image-policy.yaml", &["policy built-by-our-workflow", "refused: images of the sandbox stay there"]),
        (
            "policy.json",
            &[
                "all of registry.example.com/team",
                "for the repository of the image",
                "with vendor.example.com instead of mirror.example.com:5000/vendor",
            ],
        ),
    ] {
        let text = std::fs::read_to_string(format!("{directory}/{name}")).unwrap();
        let set = read(&text, &files).unwrap_or_else(|error| panic!("{name}: {error}"));
        let outline: Vec<String> = set.describe().into_iter().map(|line| line.text).collect();
        for line in lines {
            assert!(outline.iter().any(|found| found.contains(line)), "{name}: {line} in {outline:#?}");
        }
    }
}

#[test]
fn what_is_asked_of_a_provenance_is_told() {
    let require = "- attestation:\n    type: slsaprovenance1\n    by: [a]\n    atLeast: 1\n    provenance: {builder: 'https://build.example/*', ref: 'refs/tags/**', baseImages: ['registry.example/base/*']}\n";
    let set = read(&image_policy(&["a"], require), &files()).unwrap();
    let last = set.describe().pop().unwrap();
    let words =
        "one provenance says: builder https://build.example/* ref refs/tags/** base image registry.example/base/*";
    assert_eq!((last.depth, last.text.as_str()), (3, words));
}

#[test]
fn weak_places_are_named() {
    let files = files().with("x.rego", "package signature\nallow { true }\n");
    let of = |require: &str| {
        let set = read(&image_policy(&["a"], require), &files).unwrap_or_else(|error| panic!("{require}: {error}"));
        set.lints(NOW).into_iter().map(|weakness| weakness.text).collect::<Vec<_>>()
    };
    let attestation =
        |kind: &str, more: &str| format!("- attestation: {{type: {kind}, by: [a], atLeast: 1, {more}}}\n");
    let scan = |until: &str| {
        let exception = format!("exceptions: [{{id: CVE-1, reason: x, until: {until}}}]");
        attestation("vuln", &format!("scan: {{maximumSeverity: high, maxAge: 7d, {exception}}}"))
    };
    let ended = "the exception for CVE-1 has expired";
    let any_builder = "the provenance may come from any builder";
    for (require, expected) in [
        ("- signature: {by: [a], atLeast: 1}\n", &[][..]),
        (
            &attestation("vuln", ""),
            &["the content of attestations of type https://cosign.sigstore.dev/attestation/vuln/v1 is not checked"],
        ),
        (&scan("2026-11-23"), &[]),
        (&scan("2026-11-22"), &[ended]),
        (&attestation("slsaprovenance1", "provenance: {builder: x}"), &[]),
        (&attestation("slsaprovenance1", "provenance: {source: x}"), &[any_builder]),
        (&attestation("vuln", "rego: x.rego"), &[]),
        (&format!("- anyOf:\n  - signature: {{by: [a], atLeast: 1}}\n  {}", scan("2026-11-22")), &[ended]),
    ] {
        assert_eq!(of(require), expected, "{require}");
    }
    let images = |pattern: &str| {
        let text = image_policy(&["a", "b"], "- signature: {by: [a, b], atLeast: 1}\n");
        let text = text.replace("registry.example/**", pattern).replace("name: test", "name: test\nmode: warn");
        let set = read(&text, &files).unwrap();
        set.lints(NOW).into_iter().map(|weakness| weakness.text).collect::<Vec<_>>()
    };
    let warns = "it only warns: images that do not meet it are allowed";
    let suffice = "1 of 2 signers suffice: the policy is as strong as the weakest of them";
    let stem = "registry.example/team* also matches registry.example/team-something-else; write registry.example/team/* for what lies below";
    assert_eq!(images("registry.example/team*"), [warns, stem, suffice]);
    for pattern in ["registry.example/team/*", "registry.example/team", "**"] {
        assert_eq!(images(pattern), [warns, suffice], "{pattern}");
    }
    let anything = read(r#"{"default": [{"type": "insecureAcceptAnything"}]}"#, &files).unwrap();
    assert_eq!(anything.lints(NOW)[0].text, "it allows images without verification");
}
