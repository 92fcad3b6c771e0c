//! `policy.json` decides as containers-policy.json(5) says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigkit_core::bundle::EvidenceItem;
use sigkit_core::key::Signer as _;
use sigkit_core::oci::media_type;
use sigkit_core::policy::{ImageName, PolicySet};
use sigkit_core::report::Verdict;

use super::lab::{Files, NOW, judge, judge_demand, key, legacy, read, signed};

/// A signature in cosign's older format, made for this name.
fn signed_for(name: &str, by: &str) -> EvidenceItem {
    let signature = |payload: &[u8]| key(by).sign(payload).unwrap().to_base64();
    legacy(name, |payload| [(media_type::ANNOTATION_SIGNATURE.to_owned(), signature(payload))].into())
}

fn load(document: &Value) -> PolicySet {
    read(&document.to_string(), &Files::keys(&["a", "b"])).unwrap_or_else(|error| panic!("{error}\n{document}"))
}

fn data(name: &str) -> String {
    STANDARD.encode(key(name).public_key().to_pem())
}

fn reject() -> Value {
    json!([{"type": "reject"}])
}

fn anything() -> Value {
    json!([{"type": "insecureAcceptAnything"}])
}

fn by(name: &str, identity: &Value) -> Value {
    let mut requirement = json!({"type": "sigstoreSigned", "keyPath": format!("{name}.pub")});
    if !identity.is_null() {
        requirement["signedIdentity"] = identity.clone();
    }
    requirement
}

// threat: I07
#[test]
fn the_closest_scope_decides_and_the_rest_is_refused() {
    let set = load(&json!({
        "default": reject(),
        "transports": {
            "docker": {
                "docker.io/openshift": anything(),
                "docker.io/library/busybox": anything(),
                "*.temporary.example": anything(),
                "host.example:5000/team": [by("a", &json!({"type": "matchRepository"}))],
                "host.example:5000/team/open": anything(),
                "host.example:5000/team/open/closed:v1": reject(),
            },
            "oci": {"": anything()},
            "docker-daemon": {"": anything()},
            "dir": {"/var/images": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/x"}]},
        },
    }));
    for (image, verdict) in [
        ("openshift/origin", Verdict::Allowed),
        ("busybox", Verdict::Allowed),
        ("alpine", Verdict::Rejected),
        ("a.temporary.example/app", Verdict::Allowed),
        ("temporary.example/app", Verdict::Rejected),
        ("host.example:5000/team/app", Verdict::Verified),
        ("host.example:5000/team-evil/app", Verdict::Rejected),
        ("host.example/team/app", Verdict::Rejected),
        ("host.example:5000/team/open/app", Verdict::Allowed),
        ("host.example:5000/team/open/closed:v1", Verdict::Rejected),
        ("host.example:5000/team/open/closed:v2", Verdict::Allowed),
    ] {
        let items = [signed_for("host.example:5000/team/app", "a")];
        assert_eq!(judge(&set, image, &items, &[], NOW).verdict, verdict, "{image}");
    }
    for (transport, verdict) in [("oci", Verdict::Allowed), ("oci-archive", Verdict::Rejected)] {
        let demand = set.demand_for(ImageName::Local { transport, given: "x" });
        assert_eq!(judge_demand(&demand, &[], &[], NOW).verdict, verdict, "{transport}");
    }
}

#[test]
fn a_transport_has_a_default_of_its_own() {
    let set = load(&json!({
        "default": reject(),
        "transports": {"docker": {"": anything(), "closed.example": reject()}},
    }));
    for (image, verdict) in [("registry.example/app", Verdict::Allowed), ("closed.example/app", Verdict::Rejected)] {
        assert_eq!(judge(&set, image, &[], &[], NOW).verdict, verdict, "{image}");
    }
    let local = set.demand_for(ImageName::Local { transport: "oci", given: "x" });
    assert_eq!(judge_demand(&local, &[], &[], NOW).verdict, Verdict::Rejected);
    // What is said of transports that nothing here can name is read all the same.
    let unknown = json!({"default": reject(), "transports": {"dir": {"/x": [{"type": "trustMe"}]}}});
    let error = read(&unknown.to_string(), &Files::default()).unwrap_err();
    assert!(error.contains("no such requirement: trustMe"), "{error}");
}

#[test]
fn all_requirements_must_hold() {
    let any = json!({"type": "matchRepository"});
    let scope = |requirements: Value| {
        load(&json!({"default": reject(), "transports": {"docker": {"registry.example": requirements}}}))
    };
    let (name, image) = ("registry.example/app", "registry.example/app:v1");
    let both = scope(json!([by("a", &any), by("b", &any)]));
    for (signers, verdict) in [
        (&["a", "b"][..], Verdict::Verified),
        (&["a"], Verdict::Rejected),
        (&["b"], Verdict::Rejected),
        (&[], Verdict::Rejected),
    ] {
        let items: Vec<_> = signers.iter().map(|signer| signed_for(name, signer)).collect();
        assert_eq!(judge(&both, image, &items, &[], NOW).verdict, verdict, "{signers:?}");
    }
    let with_anything = scope(json!([{"type": "insecureAcceptAnything"}, by("a", &any)]));
    assert_eq!(judge(&with_anything, image, &[], &[], NOW).verdict, Verdict::Rejected);
    assert_eq!(judge(&with_anything, image, &[signed_for(name, "a")], &[], NOW).verdict, Verdict::Verified);
    let with_reject = scope(json!([{"type": "reject"}, by("a", &any)]));
    assert_eq!(judge(&with_reject, image, &[signed_for(name, "a")], &[], NOW).verdict, Verdict::Rejected);
    for keys in [
        json!({"keyPaths": ["a.pub", "b.pub"]}),
        json!({"keyDatas": [data("a"), data("b")]}),
        json!({"keyData": data("b")}),
        json!({"keyData": format!("{}\r\n{}\n", &data("b")[..76], &data("b")[76..])}),
    ] {
        let mut requirement = json!({"type": "sigstoreSigned", "signedIdentity": any});
        requirement.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        let set = scope(json!([requirement]));
        assert_eq!(judge(&set, image, &[signed_for(name, "b")], &[], NOW).verdict, Verdict::Verified, "{keys}");
        assert_eq!(judge(&set, image, &[signed_for(name, "c")], &[], NOW).verdict, Verdict::Rejected, "{keys}");
    }
}

#[test]
fn the_signed_name_is_compared_as_asked() {
    let hex = "0".repeat(64);
    let digest = format!("mirror.example:5000/vendor/app@sha256:{hex}");
    let tag = "mirror.example:5000/vendor/app:v1";
    let repository = "mirror.example:5000/vendor/app";
    let kind = |name: &str| json!({"type": name});
    let remap =
        json!({"type": "remapIdentity", "prefix": "mirror.example:5000/vendor", "signedPrefix": "vendor.example"});
    for (identity, image, signed_name, holds) in [
        (kind("matchExact"), tag, tag, true),
        (kind("matchExact"), tag, repository, false),
        (kind("matchExact"), &digest, tag, false),
        (kind("matchRepoDigestOrExact"), tag, tag, true),
        (kind("matchRepoDigestOrExact"), tag, "mirror.example:5000/vendor/app:v2", false),
        (kind("matchRepoDigestOrExact"), tag, repository, false),
        (kind("matchRepoDigestOrExact"), &digest, tag, true),
        (kind("matchRepoDigestOrExact"), &digest, repository, true),
        (kind("matchRepoDigestOrExact"), &digest, "mirror.example:5000/vendor/other", false),
        (Value::Null, tag, tag, true),
        (Value::Null, tag, repository, false),
        (kind("matchRepository"), tag, "mirror.example:5000/vendor/app:v2", true),
        (kind("matchRepository"), tag, repository, true),
        (kind("matchRepository"), tag, "mirror.example:5000/vendor/app2", false),
        (
            json!({"type": "exactReference", "dockerReference": "vendor.example/app:v1"}),
            tag,
            "vendor.example/app:v1",
            true,
        ),
        (
            json!({"type": "exactReference", "dockerReference": "vendor.example/app:v1"}),
            tag,
            "vendor.example/app",
            false,
        ),
        (
            json!({"type": "exactRepository", "dockerRepository": "vendor.example/app"}),
            tag,
            "vendor.example/app:v7",
            true,
        ),
        (json!({"type": "exactRepository", "dockerRepository": "vendor.example/app"}), tag, repository, false),
        (remap.clone(), tag, "vendor.example/app:v1", true),
        (remap.clone(), tag, tag, false),
        (remap.clone(), &digest, "vendor.example/app", true),
        (remap, "mirror.example:5000/other/app:v1", "mirror.example:5000/other/app:v1", true),
    ] {
        let set = load(&json!({"default": [by("a", &identity)]}));
        let found = judge(&set, image, &[signed_for(signed_name, "a")], &[], NOW);
        let (verdict, codes) =
            if holds { (Verdict::Verified, vec![]) } else { (Verdict::Rejected, vec!["reference-mismatch"]) };
        assert_eq!((found.verdict, found.codes), (verdict, codes), "{identity} {image} {signed_name}");
    }
    // A bundle signs no name, so that there is none to compare.
    let set = load(&json!({"default": [by("a", &kind("matchRepository"))]}));
    assert_eq!(judge(&set, tag, &[signed("a")], &[], NOW).codes, ["reference-mismatch"]);
    // An image in files has no name either.
    let demand = set.demand_for(ImageName::Local { transport: "oci", given: "oci:x" });
    assert_eq!(judge_demand(&demand, &[signed_for(repository, "a")], &[], NOW).codes, ["refused-by-policy"]);
    let exact = json!({"type": "exactRepository", "dockerRepository": "vendor.example/app"});
    let demand =
        load(&json!({"default": [by("a", &exact)]})).demand_for(ImageName::Local { transport: "oci", given: "oci:x" });
    assert_eq!(judge_demand(&demand, &[signed_for("vendor.example/app", "a")], &[], NOW).verdict, Verdict::Verified);
}

#[test]
fn a_log_that_is_named_must_have_seen_the_signature() {
    let mut requirement = by("a", &json!({"type": "matchRepository"}));
    requirement["rekorPublicKeyData"] = data("b").into();
    let set = load(&json!({"default": [requirement]}));
    let found = judge(&set, "registry.example/app", &[signed_for("registry.example/app", "a")], &[], NOW);
    assert_eq!((found.verdict, found.codes), (Verdict::Rejected, vec!["log-entry-missing"]));
}

// threat: I02
#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    let with = |requirement: Value| json!({"default": [requirement]});
    let scoped =
        |transport: &str, scope: &str| json!({"default": reject(), "transports": {transport: {scope: reject()}}});
    let fulcio =
        |members: Value| with(json!({"type": "sigstoreSigned", "rekorPublicKeyData": data("b"), "fulcio": members}));
    for (document, place) in [
        (json!({"default": []}), "default: expected at least one"),
        (json!({"default": reject(), "extra": 1}), "extra: unknown field"),
        (json!({"default": [{}]}), "default[0].type: expected sigstoreSigned"),
        (with(json!({"type": "Reject"})), "default[0].type"),
        (with(json!({"type": "reject", "x": 1})), "default[0].x: unknown field"),
        (
            with(json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "x"})),
            "default[0].type: refused: signatures by OpenPGP",
        ),
        (with(json!({"type": "sigstoreSigned"})), "default[0]: expected exactly one of keyPath"),
        (
            with(json!({"type": "sigstoreSigned", "keyPath": "a.pub", "keyData": data("a")})),
            "default[0]: expected exactly one of keyPath",
        ),
        (with(json!({"type": "sigstoreSigned", "keyPath": "z.pub"})), "default[0].keyPath: no file z.pub"),
        (with(json!({"type": "sigstoreSigned", "keyPaths": []})), "default[0].keyPaths: expected at least one"),
        (with(json!({"type": "sigstoreSigned", "keyData": "%"})), "default[0].keyData: expected base64"),
        (
            with(json!({"type": "sigstoreSigned", "keyData": data("a").replacen('S', " S", 1)})),
            "default[0].keyData: expected base64",
        ),
        (with(json!({"type": "sigstoreSigned", "keyData": "AAAA"})), "default[0].keyData"),
        (with(json!({"type": "sigstoreSigned", "keyPath": "a.pub", "pki": {}})), "default[0].pki: refused"),
        (
            with(json!({"type": "sigstoreSigned", "keyPath": "a.pub", "signedIdentity": {"type": "match"}})),
            "default[0].signedIdentity.type",
        ),
        (
            with(
                json!({"type": "sigstoreSigned", "keyPath": "a.pub", "signedIdentity": {"type": "exactReference", "dockerReference": "a/b"}}),
            ),
            "default[0].signedIdentity.dockerReference",
        ),
        (
            with(
                json!({"type": "sigstoreSigned", "keyPath": "a.pub", "signedIdentity": {"type": "remapIdentity", "prefix": "a"}}),
            ),
            "default[0].signedIdentity",
        ),
        (fulcio(json!({"caData": "AAAA", "oidcIssuer": "https://x"})), "missing field `subjectEmail`"),
        (
            fulcio(json!({"oidcIssuer": "https://x", "subjectEmail": "a@b.c"})),
            "default[0].fulcio: expected exactly one of caPath",
        ),
        (
            fulcio(json!({"caData": "AAAA", "oidcIssuer": "https://x", "subjectEmail": "a@b.c"})),
            "default[0].fulcio.caData",
        ),
        (
            with(
                json!({"type": "sigstoreSigned", "fulcio": {"caData": "AAAA", "oidcIssuer": "https://x", "subjectEmail": "a@b.c"}}),
            ),
            "default[0].fulcio: expected the key of a log",
        ),
        (scoped("docker", "busybox"), "transports.docker"),
        (scoped("docker", "*.*.example"), "transports.docker"),
        (scoped("oci", "/var/images"), "scopes of paths are not supported"),
        (scoped("dockers", ""), "no such transport"),
    ] {
        let error = read(&document.to_string(), &Files::keys(&["a"])).expect_err(&document.to_string());
        assert!(error.contains(place), "{document}\n{error}");
    }
    let twice = r#"{"default": [{"type": "reject"}], "default": [{"type": "insecureAcceptAnything"}]}"#;
    assert!(read(twice, &Files::default()).unwrap_err().contains("appears twice"));
}
