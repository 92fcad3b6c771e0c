//! Policies in files, through the program.

mod support;

use support::lab::Lab;

const REVIEW: &str = "https://example.com/review/v1";

fn image_policy(lab: &Lab, more: &str) {
    let host = lab.registry.host();
    let text = format!(
        "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: release\nimages: ['{host}/app']\n{more}authorities:\n  release: {{key: cosign.pub}}\nrequire:\n- signature: {{by: [release], atLeast: 1}}\n"
    );
    lab.sandbox.write("policy.yaml", text);
}

fn statement(digest: &str, approved: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v0.1","subject":[{{"name":"app","digest":{{"sha256":"{}"}}}}],"predicateType":"{REVIEW}","predicate":{{"approved":{approved}}}}}"#,
        digest.trim_start_matches("sha256:")
    )
}

// threat: I06
// threat: I07
// threat: I10
#[test]
fn images_are_verified_by_the_rules_about_them() {
    let lab = Lab::new();
    image_policy(&lab, "");
    let signed = lab.image("signed");
    lab.attach_signature(&signed);
    lab.image("unsigned");
    testkit::image::image(lab.registry.content(), "other", "v1", "v1");
    let verify = |names: &[&str]| lab.sandbox.sigkit(&[&["verify", "--policy", "policy.yaml"], names].concat());
    let good = lab.name(":signed");
    let ran = verify(&[&good]).run().expect(0);
    assert!(ran.stdout.contains(&signed.digest), "{ran:#?}");
    let ran = verify(&[&lab.name(":unsigned")]).env("SIGKIT_POLICY_MODE", "warn").run().expect(10);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("policy release"), "{ran:#?}");
    let other = format!("{}/other:v1", lab.registry.host());
    let ran = verify(&[&other]).run().expect(1);
    assert!(ran.stderr.contains("no-policy-matches: no rule of the policy is about"), "{ran:#?}");
    let ran = verify(&[&good, &other]).run().expect(1);
    assert!(ran.stderr.contains("1 of 2 verified"), "{ran:#?}");
    verify(&[&lab.name(":missing")]).run().expect(11);
    let ran = verify(&["--key", "cosign.pub", &good]).run().expect(2);
    assert!(ran.stderr.contains("cannot be used with"), "{ran:#?}");
    let ran = lab.sandbox.sigkit(&["verify", &good]).run().expect(2);
    assert!(ran.stderr.contains("--key"), "{ran:#?}");
}

// threat: I06
#[test]
fn what_is_let_in_without_proof_is_called_not_verified() {
    let lab = Lab::new();
    image_policy(&lab, "mode: warn\n");
    lab.image("unsigned");
    let name = lab.name(":unsigned");
    let ran = lab.sandbox.sigkit(&["verify", "--policy", "policy.yaml", &name]).run().expect(0);
    assert!(ran.stdout.is_empty() && ran.stderr.starts_with("NOT VERIFIED: "), "{ran:#?}");
    assert!(ran.stderr.contains("no-signatures"), "{ran:#?}");
    let ran = lab.sandbox.sigkit(&["verify", "--policy", "policy.yaml", "-o", "report", &name]).run().expect(0);
    assert!(ran.stdout.contains(r#""verdict":"allowed""#) && ran.stdout.contains(r#""signatures":[]"#), "{ran:#?}");
}

#[test]
fn a_containers_policy_decides_by_scope() {
    let lab = Lab::new();
    let image = lab.image("v1");
    lab.attach_legacy(&image, "null");
    let host = lab.registry.host();
    let policy = |requirement: &str| {
        let text = format!(
            r#"{{"default":[{{"type":"reject"}}],"transports":{{"docker":{{"{host}/app":[{requirement}]}}}}}}"#
        );
        lab.sandbox.write("policy.json", text);
        lab.sandbox.sigkit(&["verify", "--policy", "policy.json", &lab.name(":v1")]).run()
    };
    policy(r#"{"type":"sigstoreSigned","keyPath":"cosign.pub","signedIdentity":{"type":"matchRepository"}}"#).expect(0);
    policy(r#"{"type":"sigstoreSigned","keyPath":"other.pub","signedIdentity":{"type":"matchRepository"}}"#).expect(12);
    let ran = policy(r#"{"type":"sigstoreSigned","keyPath":"cosign.pub"}"#).expect(12);
    assert!(ran.stderr.contains("reference-mismatch"), "{ran:#?}");
    let ran = policy(r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"cosign.pub"}"#).expect(2);
    assert!(ran.stderr.contains("OpenPGP signatures") || ran.stderr.contains("OpenPGP keys"), "{ran:#?}");
    policy(r#"{"type":"reject"}"#).expect(1);
}

#[test]
fn check_says_what_is_demanded_and_what_is_weak() {
    let lab = Lab::new();
    image_policy(&lab, "mode: warn\n");
    let ran = lab.sandbox.sigkit(&["policy", "check", "policy.yaml"]).run().expect(0);
    assert!(
        ran.stdout.contains("policy release, warning only\n") && ran.stdout.contains("signed by key release"),
        "{ran:#?}"
    );
    assert!(ran.stdout.contains("\nWeak:\n  policy release: it only warns"), "{ran:#?}");
    lab.sandbox.write("wrong.yaml", "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: x\nimage: y\n");
    let ran = lab.sandbox.sigkit(&["policy", "check", "wrong.yaml"]).run().expect(2);
    assert!(ran.stderr.contains("document 1, image: unknown field"), "{ran:#?}");
    lab.sandbox.write("x.rego", "package signature\n");
    let ran = lab.sandbox.sigkit(&["verify", "--policy", "x.rego", &lab.name(":v1")]).run().expect(2);
    assert!(ran.stderr.contains("verify-attestation --policy"), "{ran:#?}");
}

// threat: I11
#[test]
fn rego_judges_every_attestation_and_cue_is_refused() {
    let lab = Lab::new();
    let image = lab.image("v1");
    let verify = |policy: &str| {
        let name = lab.name(":v1");
        let words = ["verify-attestation", "--key", "cosign.pub", "--type", REVIEW, "--policy", policy, &name];
        lab.sandbox.sigkit(&words).run()
    };
    lab.sandbox.write("review.rego", "package signature\nallow { input.predicate.approved == true }\n");
    lab.attach_statement(&image, &statement(&image.digest, "true"));
    let ran = verify("review.rego").expect(0);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:#?}");
    lab.attach_statement(&image, &statement(&image.digest, "false"));
    let ran = verify("review.rego").expect(12);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("policy-denies"), "{ran:#?}");
    lab.sandbox.write("review.cue", "predicate: approved: true\n");
    let ran = verify("review.cue").expect(2);
    assert!(ran.stderr.contains("CUE is not evaluated") && ran.stderr.contains("Rego"), "{ran:#?}");
    lab.sandbox.write(
        "send.rego",
        "package signature\nallow { http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1:1\"}) }\n",
    );
    assert_ne!(verify("send.rego").code, 0);
}

// threat: I11
#[cfg(target_os = "linux")]
#[test]
fn a_policy_that_takes_all_memory_ends_without_a_yes() {
    let lab = Lab::new();
    let image = lab.image("v1");
    lab.attach_statement(&image, &statement(&image.digest, "true"));
    let mut policy = "package signature\nx0 := \"0123456789abcdef\"\n".to_owned();
    for n in 1..=32 {
        policy.push_str(&format!("x{n} := concat(\"\", [x{0}, x{0}])\n", n - 1));
    }
    policy.push_str("allow { count(x32) > 0 }\n");
    lab.sandbox.write("amplify.rego", policy);
    let name = lab.name(":v1");
    let words = ["verify-attestation", "--key", "cosign.pub", "--type", REVIEW, "--policy", "amplify.rego", &name];
    let ran = lab.sandbox.sigkit(&words).run();
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.is_empty(), "{ran:#?}");
}
