//! `policy.json` decides as containers-policy.json(5) says.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigkit_core::bundle::EvidenceItem;
use sigkit_core::key::SigningKey as _;
use sigkit_core::oci::media_type;
use sigkit_core::policy::{ImageIdentity, PolicySet};
use sigkit_core::report::Verdict;

use super::lab::{Files, NOW, judge, judge_requirement, key, legacy, read, signed};

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
        let requirement = set.requirement_for(ImageIdentity::Local { transport, given: "x" });
        assert_eq!(judge_requirement(&requirement, &[], &[], NOW).verdict, verdict, "{transport}");
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
    let local = set.requirement_for(ImageIdentity::Local { transport: "oci", given: "x" });
    assert_eq!(judge_requirement(&local, &[], &[], NOW).verdict, Verdict::Rejected);
    // Entries about transports that no image here can have are read all the same.
    let unknown = json!({"default": reject(), "transports": {"dir": {"/x": [{"type": "trustMe"}]}}});
    let error = read(&unknown.to_string(), &Files::default()).unwrap_err();
    assert!(error.contains("[0].type: expected sigstoreSigned") && error.contains("found trustMe"), "{error}");
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

// threat: R03
#[test]
fn signed_name_is_compared_as_configured() {
    let hex = "0".repeat(64);
    let digest = format!("mirror.example:5000/vendor/app@sha256:{hex}");
    let both = format!("mirror.example:5000/vendor/app:v1@sha256:{hex}");
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
        (kind("matchRepoDigestOrExact"), &digest, repository, false),
        (kind("matchRepoDigestOrExact"), &both, &both, true),
        (kind("matchRepoDigestOrExact"), &both, tag, false),
        (kind("matchExact"), &both, tag, false),
        (kind("matchRepository"), &both, repository, true),
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
        (remap.clone(), &digest, "vendor.example/app", false),
        (remap.clone(), &digest, "vendor.example/app:v7", true),
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
    let requirement = set.requirement_for(ImageIdentity::Local { transport: "oci", given: "oci:x" });
    assert_eq!(judge_requirement(&requirement, &[signed_for(repository, "a")], &[], NOW).codes, ["refused-by-policy"]);
    let exact = json!({"type": "exactRepository", "dockerRepository": "vendor.example/app"});
    let requirement = load(&json!({"default": [by("a", &exact)]}))
        .requirement_for(ImageIdentity::Local { transport: "oci", given: "oci:x" });
    assert_eq!(
        judge_requirement(&requirement, &[signed_for("vendor.example/app", "a")], &[], NOW).verdict,
        Verdict::Verified
    );
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
    let scopes = |scopes: &[&str]| {
        let scopes: BTreeMap<&str, Value> = scopes.iter().map(|scope| (*scope, reject())).collect();
        json!({"default": reject(), "transports": {"docker": scopes}})
    };
    let fulcio =
        |members: Value| with(json!({"type": "sigstoreSigned", "rekorPublicKeyData": data("b"), "fulcio": members}));
    for (document, place) in [
        (json!({"default": []}), "default: expected at least one"),
        (json!({"default": reject(), "extra": 1}), "extra: unknown field"),
        (json!({"default": [{}]}), "default[0].type: expected sigstoreSigned"),
        (with(json!({"type": "Reject"})), "default[0].type"),
        (with(json!({"type": "reject", "x": 1})), "default[0].x: unknown field"),
        (with(json!({"type": "signedBy", "keyPath": "x"})), "missing field `keyType`"),
        (with(json!({"type": "signedBy", "keyType": "gpgKeys", "keyPath": "x"})), "default[0].keyType"),
        (with(json!({"type": "signedBy", "keyType": "GPGKeys"})), "default[0]: expected exactly one of keyPath"),
        (
            with(json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "x", "signedIdentity": null})),
            "default[0].signedIdentity.type",
        ),
        (with(json!({"type": "signedBaseLayer"})), "missing field `baseLayerIdentity`"),
        (
            with(json!({"type": "sigstoreSigned", "keyPath": "a.pub", "signedIdentity": null})),
            "default[0].signedIdentity",
        ),
        (with(json!({"type": "sigstoreSigned", "keyPath": null})), "default[0].keyPath: invalid type: null"),
        (with(json!({"type": "sigstoreSigned", "keyPath": ""})), "default[0]: expected exactly one of keyPath"),
        (
            with(json!({"type": "sigstoreSigned", "keyPath": "a.pub", "rekorPublicKeyData": null})),
            "default[0].rekorPublicKeyData: invalid type: null",
        ),
        (json!({"default": reject(), "transports": null}), "transports: invalid type: null"),
        (with(json!({"type": "sigstoreSigned"})), "default[0]: expected exactly one of keyPath"),
        (
            with(json!({"type": "sigstoreSigned", "keyPath": "a.pub", "keyData": data("a")})),
            "default[0]: expected exactly one of keyPath",
        ),
        (with(json!({"type": "sigstoreSigned", "keyPaths": []})), "default[0].keyPaths: expected at least one"),
        (with(json!({"type": "sigstoreSigned", "keyData": "%"})), "default[0].keyData: expected base64"),
        (
            with(json!({"type": "sigstoreSigned", "keyData": data("a").replacen('S', " S", 1)})),
            "default[0].keyData: expected base64",
        ),
        (
            with(json!({"type": "sigstoreSigned", "keyPath": "a.pub", "pki": {}})),
            "default[0]: expected exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki",
        ),
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
            with(
                json!({"type": "sigstoreSigned", "fulcio": {"caData": "AAAA", "oidcIssuer": "https://x", "subjectEmail": "a@b.c"}}),
            ),
            "default[0].fulcio: expected the key of a log",
        ),
        (scopes(&["registry.example", "Registry.example"]), "match the same images"),
        (scopes(&["registry.example/app:v1", "registry.example:443/app:v1"]), "match the same images"),
        (scopes(&["Registry.example:05000", "registry.EXAMPLE:5000"]), "match the same images"),
        (scopes(&["*.example", "*.EXAMPLE"]), "match the same images"),
    ] {
        let error = read(&document.to_string(), &Files::keys(&["a"])).expect_err(&document.to_string());
        assert!(error.contains(place), "{document}\n{error}");
    }
    let twice = r#"{"default": [{"type": "reject"}], "default": [{"type": "insecureAcceptAnything"}]}"#;
    assert!(read(twice, &Files::default()).unwrap_err().contains("appears twice"));
}

/// What cannot be judged, and a word of why.
fn not_judged() -> Vec<(Value, &'static str)> {
    let fulcio =
        json!({"caData": STANDARD.encode("no certificate"), "oidcIssuer": "https://x", "subjectEmail": "a@b.c"});
    vec![
        (json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/pki/rpm-gpg/key"}), "OpenPGP"),
        (json!({"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/a", "/b"]}), "OpenPGP"),
        (
            json!({"type": "signedBy", "keyType": "GPGKeys", "keyData": "AAAA", "signedIdentity": {"type": "matchExact"}}),
            "OpenPGP",
        ),
        (json!({"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}}), "signedBaseLayer"),
        (
            json!({"type": "sigstoreSigned", "pki": {"caRootsData": "AAAA", "subjectEmail": "a@b.c"}}),
            "private authority without a log",
        ),
        (json!({"type": "sigstoreSigned", "keyPath": "/etc/gone.pub"}), "no file /etc/gone.pub"),
        (
            json!({"type": "sigstoreSigned", "keyPaths": ["a.pub", "/etc/gone.pub"]}),
            "keyPaths[1]: no file /etc/gone.pub",
        ),
        (json!({"type": "sigstoreSigned", "keyData": "AAAA"}), "keyData"),
        (json!({"type": "sigstoreSigned", "keyData": ""}), "keyData"),
        (json!({"type": "sigstoreSigned", "keyPath": "a.pub", "rekorPublicKeyPath": "/etc/gone"}), "no file /etc/gone"),
        (json!({"type": "sigstoreSigned", "keyPath": "a.pub", "rekorPublicKeyData": "AAAA"}), "rekorPublicKeyData"),
        (json!({"type": "sigstoreSigned", "rekorPublicKeyData": data("b"), "fulcio": fulcio}), "fulcio.caData"),
    ]
}

// threat: R31
#[test]
fn unsupported_scope_refuses_its_images_alone() {
    let own = by("a", &json!({"type": "matchRepository"}));
    for (requirement, why) in not_judged() {
        let set = load(&json!({
            "default": anything(),
            "transports": {
                "docker": {
                    "vendor.example": [requirement],
                    "both.example": [requirement, own],
                    "own.example": [own],
                },
                "docker-daemon": {"": anything()},
            },
        }));
        for (image, verdict) in [
            ("vendor.example/app", Verdict::Rejected),
            ("both.example/app", Verdict::Rejected),
            ("own.example/app", Verdict::Verified),
            ("other.example/app", Verdict::Allowed),
        ] {
            let name = image.split(':').next().unwrap();
            let found = judge(&set, image, &[signed_for(name, "a")], &[], NOW);
            assert_eq!(found.verdict, verdict, "{requirement} {image}");
            if verdict == Verdict::Rejected {
                assert_eq!(found.codes, ["refused-by-policy"], "{requirement} {image}");
            }
        }
        let outline: Vec<String> = set.describe().into_iter().map(|line| line.text).collect();
        assert!(outline.iter().any(|line| line.contains(why)), "{why}: {outline:?}");
        let weak = set.lints(NOW);
        let said = weak.iter().any(|weak| weak.rule.contains("vendor.example") && weak.text.contains(why));
        assert!(said, "{why}: {weak:?}");
    }
    // The file as a whole may be such, too.
    let set = load(&json!({"default": [{"type": "sigstoreSigned", "keyPath": "z.pub"}]}));
    assert_eq!(
        judge(&set, "r.example/app", &[signed_for("r.example/app", "a")], &[], NOW).codes,
        ["refused-by-policy"]
    );
}

// threat: R05
#[test]
fn a_scope_that_no_image_is_called_applies_to_none_and_is_named() {
    for (scope, instead) in [
        ("busybox", "docker.io/library/busybox"),
        ("index.docker.io", "docker.io"),
        ("index.docker.io/library", "docker.io/library"),
        ("docker.io/busybox:v1", "docker.io/library/busybox:v1"),
        ("Registry.example", "registry.example"),
        ("registry.example:443", "registry.example"),
        ("*.*.example", "HOST"),
    ] {
        let set = load(&json!({"default": reject(), "transports": {"docker": {scope: anything()}}}));
        for image in ["busybox:v1", "registry.example/app", "a.b.example/app"] {
            assert_eq!(judge(&set, image, &[], &[], NOW).verdict, Verdict::Rejected, "{scope} {image}");
        }
        let weak = set.lints(NOW);
        let said = weak.iter().any(|weak| weak.text.contains("matches no image") && weak.text.contains(instead));
        assert!(said, "{scope}: {weak:?}");
    }
    // Docker Hub is docker.io, and no host below it.
    let hub = |scopes: Value| load(&json!({"default": reject(), "transports": {"docker": scopes}}));
    for (scopes, verdict) in [
        (json!({"*.docker.io": anything()}), Verdict::Rejected),
        (json!({"docker.io/library": reject(), "index.docker.io/library": anything()}), Verdict::Rejected),
        (json!({"docker.io": reject(), "index.docker.io": anything()}), Verdict::Rejected),
        (json!({"docker.io/library/busybox:v1": anything(), "docker.io/busybox:v1": reject()}), Verdict::Allowed),
        (json!({"docker.io/library/busybox:v1": reject(), "docker.io/busybox:v1": anything()}), Verdict::Rejected),
    ] {
        assert_eq!(judge(&hub(scopes.clone()), "busybox:v1", &[], &[], NOW).verdict, verdict, "{scopes}");
    }
}

// threat: R31
#[test]
fn local_paths_and_unknown_transports_affect_no_other_images() {
    let set = load(&json!({
        "default": anything(),
        "transports": {
            "oci": {"/var/images": anything(), "": anything()},
            "dockers": {"": anything(), "x": reject()},
            "rkt": {"": anything()},
            "docker": {"closed.example": reject()},
        },
    }));
    let local = |transport| set.requirement_for(ImageIdentity::Local { transport, given: "x" });
    assert_eq!(judge_requirement(&local("oci"), &[], &[], NOW).codes, ["refused-by-policy"]);
    assert_eq!(judge_requirement(&local("oci-archive"), &[], &[], NOW).verdict, Verdict::Allowed);
    assert_eq!(judge(&set, "closed.example/app", &[], &[], NOW).verdict, Verdict::Rejected);
    let weak = set.lints(NOW);
    for transport in ["dockers", "rkt"] {
        let why = format!("no images are read by transport {transport}");
        assert!(weak.iter().any(|weak| weak.text.contains(&why)), "{weak:?}");
    }
    assert!(weak.iter().any(|weak| weak.text.contains("paths are not distinguished")), "{weak:?}");
}
