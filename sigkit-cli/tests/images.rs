//! Signing and verifying images in registries: every format, every way to name an image, every flag.

mod support;

use serde_json::Value;
use support::lab::{RegistryFixture, fallback_tag, signature_tag};
use testkit::{Registry, Switch, image};

/// The array that `-o json` prints, which is on a line of its own after an empty one, as cosign prints it.
#[track_caller]
fn array(stdout: &str) -> Vec<Value> {
    assert!(stdout.starts_with("\n[") && stdout.ends_with("]\n"), "{stdout:?}");
    assert_eq!(stdout.matches('\n').count(), 2, "{stdout:?}");
    serde_json::from_str(stdout).unwrap()
}

#[test]
fn every_format_works_with_every_kind_of_registry() {
    let kinds = [
        Registry::builder(),
        Registry::builder().etags(Switch::On),
        Registry::builder().oci_subject_header(Switch::Off),
        Registry::builder().referrers(Switch::Off),
    ];
    for (kind, api) in kinds.into_iter().zip([true, true, true, false]) {
        let lab = RegistryFixture::with(kind.start());
        for (format, bundle, legacy) in [("bundle", 1, 0), ("legacy", 0, 1), ("both", 1, 1)] {
            let image = lab.image(format);
            let name = lab.digest(&image);
            let signed =
                lab.sign(&["--format", format, &lab.name(&format!(":{format}"))]).run().expect(0).stdout_is("");
            let line = format!("Signed {} ({name}); ", lab.name(&format!(":{format}")));
            assert_eq!(signed.stderr.matches(&line).count(), bundle + legacy, "{signed:#?}");
            let tags = lab.registry.content().tags("app").unwrap();
            assert_eq!(tags.contains(&fallback_tag(&image)), bundle == 1 && !api, "{tags:?}");
            assert_eq!(tags.contains(&signature_tag(&image)), legacy == 1, "{tags:?}");
            let verified = lab.verify(&[&lab.name(&format!(":{format}"))]).run().expect(0);
            assert_eq!(array(&verified.stdout).len(), bundle + legacy);
            lab.verify(&["--key", "other.pub", "--threshold", "2", &name]).run().expect(12).stdout_is("");
        }
    }
}

#[test]
fn the_words_on_success_say_what_was_checked() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_legacy(&image, r#"{"stage":"prod"}"#);
    let head = format!(
        "\nVerification for {} ({}) --\nThe following checks were performed on each of these signatures:\n",
        lab.name(":v1"),
        lab.digest(&image)
    );
    let claims = "  - The cosign claims were validated\n";
    let signatures = "  - The signatures were verified against the specified public key\n";
    let annotations = "  - The specified annotations were verified.\n";
    let reference = "  - The signed reference was compared with the repository\n";
    let waived = "  - The cosign claims were NOT compared with the image (disabled by flag)\n";
    for (flags, words) in [
        (&[][..], [claims, signatures].concat()),
        (&["-a", "stage=prod"], [annotations, claims, signatures].concat()),
        (&["--check-reference"], [reference, claims, signatures].concat()),
        (&["--check-claims=false"], [waived, signatures].concat()),
    ] {
        let verified = lab.verify(&[flags, &[&lab.name(":v1")]].concat()).run().expect(0);
        assert_eq!(verified.stderr, format!("{head}{words}"), "{flags:?}");
    }
}

// threat: M5
#[test]
fn results_hold_signed_values_in_the_shape_of_cosign() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.sign(&["--format", "both", "-a", "stage=prod", "-a", "eq=a=b", &name]).run().expect(0);
    let digest = &image.digest;
    let elements = [
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"https://sigstore.dev/cosign/sign/v1"}},"optional":{{"eq":"a=b","stage":"prod"}}}}"#
        ),
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":{{"eq":"a=b","stage":"prod"}}}}"#,
            lab.name("")
        ),
    ];
    let json = format!("\n[{}]\n", elements.join(","));
    for flags in [&[][..], &["-o", "json"], &["--output=json"], &["-output", "json"]] {
        lab.verify(&[flags, &[&name]].concat()).run().expect(0).stdout_is(&json);
    }
    lab.verify(&["-o", "text", &name]).run().expect(0).stdout_is(&format!("{}\n", elements.join("\n")));
    let stdout = lab.verify(&["--output-file", "result", &name]).run().expect(0).stdout;
    assert_eq!((stdout.as_str(), lab.sandbox.read("result")), ("", json.into_bytes()));
    // Without annotations cosign writes null.
    let other = lab.image("v2");
    lab.attach_signature(&other);
    let verified = lab.verify(&[&lab.name(":v2")]).run().expect(0);
    assert_eq!(array(&verified.stdout)[0]["optional"], Value::Null);
}

#[test]
fn an_image_is_found_by_tag_digest_and_both() {
    let lab = RegistryFixture::new();
    let (one, two) = (lab.image("v1"), lab.image("v2"));
    let both = lab.name(&format!(":v2@{}", one.digest));
    lab.sign(&[&both]).run().expect(0).stderr_contains(&format!("Signed {both} ({}); ", lab.digest(&one)));
    for name in [lab.name(":v1"), both] {
        let ran = lab.verify(&[&name]).run().expect(0);
        ran.stderr_contains(&format!("Verification for {name} ({}) --", lab.digest(&one)));
    }
    lab.verify(&[&lab.digest(&one)])
        .run()
        .expect(0)
        .stderr_contains(&format!("Verification for {} --", lab.digest(&one)));
    // The digest decides, even where the tag names a signed image.
    for name in [lab.name(":v2"), lab.digest(&two), lab.name(&format!(":v1@{}", two.digest))] {
        lab.verify(&[&name])
            .run()
            .expect(10)
            .stdout_is("")
            .stderr_contains(&lab.digest(&two))
            .stderr_contains(": no-signatures: ");
    }
}

#[test]
fn a_tag_is_resolved_once() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    lab.sign(&[&lab.name(":v1")]).run().expect(0);
    lab.verify(&["-o", "report", &lab.name(":v1")]).run().expect(0);
    let asked: Vec<String> = lab.registry.request_lines();
    assert_eq!(asked.iter().filter(|line| line.ends_with("/manifests/v1")).count(), 2, "{asked:#?}");
}

#[test]
fn many_images_are_worked_on_in_order() {
    let lab = RegistryFixture::new();
    let images: Vec<_> = (0..12).map(|number| lab.image(&format!("v{number}"))).collect();
    let names: Vec<String> = (0..12).map(|number| lab.name(&format!(":v{number}"))).collect();
    lab.sandbox.write("list", format!("# all of them\n\n{}\r\n  {}  \n", names[2..11].join("\n"), names[11]));
    let list = lab.sandbox.read("list");
    let ordered = |stderr: &str, word: &str| {
        let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with(word)).collect();
        assert_eq!(lines.len(), 12, "{stderr}");
        for (line, image) in lines.iter().zip(&images) {
            assert!(line.contains(&image.digest), "{stderr}");
        }
    };
    let signed = lab.sign(&["--images-from", "list", &names[0], &names[1]]).run().expect(0);
    ordered(&signed.stderr, "Signed ");
    for jobs in ["1", "3", "100"] {
        let run = lab.verify(&["--jobs", jobs, "--images-from", "-", "-o", "report", &names[0], &names[1]]);
        let verified = run.stdin(&list).run().expect(0).stderr_contains("12 of 12 verified");
        ordered(&verified.stderr, "Verification for ");
        assert_eq!(verified.stdout.lines().count(), 12);
    }
    lab.verify(&["--jobs", "0", &names[0]]).run().expect(2);
    lab.sandbox.write("empty", "# nothing\n\n");
    lab.verify(&["--images-from", "empty"]).run().expect(2).stderr_contains("--images-from names no image");
    lab.sandbox.write("broken", format!("{}\nUPPER:::\n", names[0]));
    let ran = lab.verify(&["--images-from", "broken"]).run().expect(1).stdout_is("");
    ran.stderr_contains("--images-from: broken: expected a list of images, found this on line 2");
}

// threat: E09
#[test]
fn an_index_and_its_images_are_different_things() {
    let lab = RegistryFixture::new();
    let name = lab.name(":multi");
    let index = image::index(lab.registry.content(), "app", "multi", "x");
    let (amd64, arm64) = (&index.children[0], &index.children[1]);
    lab.sign(&["--platform", "linux/amd64", &name])
        .run()
        .expect(0)
        .stderr_contains(&format!("Signed {name} ({})", lab.name(&format!("@{amd64}"))));
    lab.verify(&[&name]).run().expect(10).stderr_contains(&index.digest);
    lab.verify(&["--platform", "linux/amd64", &name]).run().expect(0).stderr_contains(amd64);
    lab.verify(&["--platform", "linux/arm64", &name]).run().expect(10).stderr_contains(arm64);
    let all = lab.verify(&["-r", &name]).run().expect(10).stderr_contains("1 of 3 verified, 2 without signatures");
    for digest in [&index.digest, arm64] {
        assert!(
            all.stderr.contains(&format!("Error: {name} ({}): no-signatures: ", lab.name(&format!("@{digest}")))),
            "{all:#?}"
        );
    }
    lab.verify(&["--platform", "linux/s390x", &name])
        .run()
        .expect(11)
        .stderr_contains("linux/amd64, linux/arm64")
        .stderr_contains("linux/s390x");
    let single = lab.image("single");
    lab.verify(&["--platform", "linux/amd64", &lab.digest(&single)]).run().expect(1).stderr_contains("not-an-index");
    // Signed one by one, each is signed once.
    let signed = lab.sign(&["--recursive", &name]).run().expect(0);
    assert_eq!(signed.stderr.matches("signature stored at").count(), 2, "{signed:#?}");
    assert_eq!(signed.stderr.matches("nothing was written").count(), 1, "{signed:#?}");
    let verified = lab.verify(&["-r", "-o", "text", &name]).run().expect(0).stderr_contains("3 of 3 verified");
    let digests: Vec<Value> = verified.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let digests: Vec<&str> = digests
        .iter()
        .map(|element| element["critical"]["image"]["docker-manifest-digest"].as_str().unwrap())
        .collect();
    assert_eq!(digests, [&index.digest, amd64, arm64]);
}

// threat: H08
// Fails when one verb or format looks beside the image in spite of the repository named, or when the flag and the variable differ.
#[test]
fn signature_repository_same_for_every_verb_and_format() {
    for format in ["bundle", "legacy"] {
        for referrers in [Switch::On, Switch::Off] {
            let lab = RegistryFixture::with(Registry::builder().referrers(referrers).start());
            lab.image("v1");
            let (image, elsewhere) = (lab.name(":v1"), format!("{}/signatures/of-app", lab.registry.host()));
            let before = lab.registry.content().manifests("app");
            let signed = lab.sign(&["--format", format, &image]).env("COSIGN_REPOSITORY", &elsewhere).run().expect(0);
            assert!(signed.stderr.contains(&elsewhere), "{signed:?}");
            assert_eq!(lab.registry.content().manifests("app"), before, "nothing beside the image");
            lab.verify(&[&image]).env("COSIGN_REPOSITORY", &elsewhere).run().expect(0);
            lab.verify(&["--signature-repo", &elsewhere, &image]).run().expect(0);
            lab.verify(&[&image]).run().expect(10);
            // The flag is the nearer word.
            let nowhere = format!("{}/nowhere", lab.registry.host());
            lab.verify(&["--signature-repo", &elsewhere, &image]).env("COSIGN_REPOSITORY", &nowhere).run().expect(0);
            lab.verify(&["--signature-repo", &nowhere, &image]).env("COSIGN_REPOSITORY", &elsewhere).run().expect(10);
            let again = lab.sign(&["--format", format, "--signature-repo", &elsewhere, &image]).run().expect(0);
            assert!(again.stderr.contains("Already signed"), "{again:?}");
        }
    }
}

#[test]
fn signing_twice_is_signing_once_unless_forced() {
    for format in ["bundle", "legacy"] {
        let lab = RegistryFixture::new();
        lab.image("v1");
        let name = lab.name(":v1");
        let count = || array(&lab.verify(&[&name]).run().expect(0).stdout).len();
        let sign = |more: &[&str]| lab.sign(&[&["--format", format, &name], more].concat()).run().expect(0);
        sign(&[]).stderr_contains("signature stored at");
        let manifests = lab.registry.content().manifests("app");
        sign(&[]).stderr_contains("nothing was written");
        assert_eq!(lab.registry.content().manifests("app"), manifests);
        assert_eq!(count(), 1);
        sign(&["--force"]).stderr_contains("signature stored at");
        // Signatures are deterministic, so that a forced one is stored apart only where the time of writing is part of it.
        while format == "bundle" && lab.registry.content().manifests("app") == manifests {
            sign(&["--force"]).stderr_contains("signature stored at");
        }
        // Equal ones are one signature in several places.
        assert_eq!(count(), 1);
        // Other annotations are another document.
        sign(&["-a", "stage=prod"]).stderr_contains("signature stored at");
        assert_eq!(count(), 2);
    }
}

// threat: D15
#[test]
fn the_attached_documents_name_what_was_asked() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    let identities = "reg.example/a,reg.example/b:v3";
    let sign =
        ["--format", "legacy", "--sign-container-identity", identities, "--sign-container-identity", "c.example/c"];
    lab.sign(&[&sign[..], &["--record-creation-timestamp", &name]].concat()).run().expect(0);
    let verified = array(&lab.verify(&[&name]).run().expect(0).stdout);
    let references: Vec<&str> =
        verified.iter().map(|element| element["critical"]["identity"]["docker-reference"].as_str().unwrap()).collect();
    assert_eq!(references, ["reg.example/a", "reg.example/b:v3", "c.example/c"]);
    let refused = lab.verify(&["--check-reference", &name]).run().expect(12).stdout_is("");
    refused.stderr_contains(&format!(
        "reference-mismatch: docker-reference: expected {:?}, found \"reg.example/a\"",
        lab.name("")
    ));
    let content = lab.registry.content();
    let config = |tag: &str| {
        let manifest: Value = serde_json::from_slice(&content.manifest("app", tag).unwrap().bytes).unwrap();
        let config = content.blob("app", manifest["config"]["digest"].as_str().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&config).unwrap()["created"].as_str().unwrap().to_owned()
    };
    assert!(config(&signature_tag(&image)).starts_with("20"));
    let plain = lab.image("v2");
    lab.sign(&["--format", "legacy", &lab.name(":v2")]).run().expect(0);
    assert_eq!(config(&signature_tag(&plain)), "0001-01-01T00:00:00Z");
    let dated = lab.image("v3");
    let sign = |epoch: &str| {
        let sign = lab.sign(&["--format", "legacy", "--record-creation-timestamp", &lab.name(":v3")]);
        sign.env("SOURCE_DATE_EPOCH", epoch).run()
    };
    sign("yesterday").expect(2).stderr_contains("SOURCE_DATE_EPOCH: expected the seconds since 1970");
    sign("1000000000").expect(0);
    assert_eq!(config(&signature_tag(&dated)), "2001-09-09T01:46:40Z");
}

#[test]
fn unwritable_outputs_are_refused_before_signing() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.sandbox.write("predicate", "{}");
    let before = lab.sandbox.names();
    let attest = ["attest", "--key", "cosign.key", "--predicate", "predicate"];
    for (verb, outputs, says) in [
        (
            &["sign", "--key", "cosign.key"][..],
            &["--output-signature", "no/s"][..],
            "--output-signature: cannot write no/s",
        ),
        (
            &["sign", "--key", "cosign.key"],
            &["--bundle", "same", "--output-payload", "./same"],
            "--output-payload: ./same is written by another",
        ),
        (
            &["sign", "--key", "cosign.key"],
            &["--output-payload", "cosign.key"],
            "--output-payload: cosign.key is also an input",
        ),
        (&["sign", "--key", "cosign.key"], &["--bundle", "/proc/b"], "--bundle: cannot write /proc/b"),
        (&attest, &["--bundle", "no/b"], "--bundle: cannot write no/b"),
        (&attest, &["--bundle", "predicate"], "--bundle: predicate is also an input"),
    ] {
        lab.sandbox
            .signing(&[verb, outputs, &[name.as_str()]].concat())
            .run()
            .expect(1)
            .stderr_contains(says)
            .stdout_is("");
        assert_eq!(lab.sandbox.names(), before, "{says}");
        assert_eq!(lab.registry.content().manifests("app").len(), 1, "{says}");
    }
    lab.verify(&[&lab.digest(&image)]).run().expect(10);
}

// threat: D16
#[test]
fn annotations_must_be_signed_together_in_one_signature() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.attach_legacy(&image, r#"{"stage":"prod","team":"a=b"}"#);
    for wanted in ["stage=prod", "team=a=b", "stage=prod,team=a=b"] {
        lab.verify(&["-a", wanted, &name]).run().expect(0);
    }
    for (wanted, says) in [
        ("stage=test", r#"annotation-mismatch: annotation "stage": expected "test", found "prod""#),
        ("owner=me", r#"annotation-mismatch: annotation "owner": expected "me", found none"#),
    ] {
        lab.verify(&["-a", "stage=prod", "-a", wanted, &name]).run().expect(12).stdout_is("").stderr_contains(says);
    }
    // What another signature says does not help this one.
    let statement = support::lab::statement(&image.digest, "https://sigstore.dev/cosign/sign/v1", "{}");
    let statement = statement.replace("}}]", r#"},"annotations":{"owner":"me"}}]"#);
    lab.attach_statement(&image, &statement);
    lab.verify(&["-a", "owner=me", &name]).run().expect(0);
    lab.verify(&["-a", "owner=me", "-a", "stage=prod", &name]).run().expect(12).stdout_is("");
}

#[test]
fn thresholds_count_keys_and_not_signatures() {
    let lab = RegistryFixture::new();
    let sandbox = &lab.sandbox;
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.attach_signature(&image);
    lab.attach_legacy(&image, "{}");
    sandbox.write("same.pub", sandbox.read("cosign.pub"));
    let says = "2 distinct signers must sign, but only 1";
    for same in ["cosign.pub", "same.pub", "./cosign.pub"] {
        lab.verify(&["--key", same, "--threshold", "2", &name])
            .run()
            .expect(2)
            .stdout_is("")
            .stderr_contains(says)
            .stderr_contains("--threshold");
    }
    let both = ["--key", "other.pub", "--threshold", "2", &name];
    lab.verify(&both).run().expect(12).stdout_is("").stderr_contains("2 of 2 signers must have signed");
    lab.verify(&["--key", "other.pub", &name]).run().expect(0);
    lab.verify(&["--key", "other.pub", "--threshold", "3", &name])
        .run()
        .expect(2)
        .stderr_contains("only 2 distinct ones are given");
    lab.verify(&["--threshold", "0", &name]).run().expect(2);
    let key = support::lab::key_pair("ecdsa-p384");
    let statement = support::lab::statement(&image.digest, "https://sigstore.dev/cosign/sign/v1", "{}");
    let bundle = support::lab::bundle(&key, &statement);
    let manifest = image::referrer(lab.registry.content(), "app", &image, support::lab::BUNDLE, &bundle);
    lab.registry.content().put_manifest("app", None, image::OCI_MANIFEST, &manifest);
    let verified = lab.verify(&both).run().expect(0);
    assert_eq!(array(&verified.stdout).len(), 3);
}

#[test]
fn files_hold_a_signature_without_a_registry() {
    let lab = RegistryFixture::new();
    let (image, _) = (lab.image("v1"), lab.image("v2"));
    let (name, other) = (lab.name(":v1"), lab.name(":v2"));
    let before = lab.registry.content().manifests("app");
    lab.sign(&["--upload=false", "--bundle", "b.json", &name])
        .run()
        .expect(0)
        .stderr_contains("not stored beside the image");
    let legacy = ["--upload=false", "--format", "legacy", "--output-signature", "s", "--output-payload", "p", &name];
    lab.sign(&legacy).run().expect(0);
    assert_eq!(lab.registry.content().manifests("app"), before);
    let signature = String::from_utf8(lab.sandbox.read("s")).unwrap();
    let payload = String::from_utf8(lab.sandbox.read("p")).unwrap();
    assert!(payload.contains(&image.digest) && !payload.ends_with('\n'), "{payload}");
    lab.verify(&[&name]).run().expect(10);
    for given in [
        &["--bundle", "b.json"][..],
        &["--signature", "s", "--payload", "p"],
        &["--signature", "s"],
        &["--signature", &signature, "--payload", "p"],
    ] {
        lab.verify(&[given, &[&name]].concat()).run().expect(0);
        lab.verify(&[given, &[&other]].concat()).run().expect(12).stdout_is("");
        let key = ["verify", "--key", "other.pub"];
        lab.sandbox
            .sigkit(&[&key, given, &[&name]].concat())
            .run()
            .expect(12)
            .stdout_is("")
            .stderr_contains("signature-invalid");
    }
    lab.verify(&["--signature", "-", "--payload", "p", &name]).stdin(&signature).run().expect(0);
    lab.verify(&["--bundle", "b.json", "--signature", "s", &name]).run().expect(2);
    lab.verify(&["--payload", "p", &name]).run().expect(2);
    // A payload given is signed as it is, once it names the image.
    let given = ["--payload", "p", "--upload=false", "--output-signature"];
    lab.sign(&[&given[..], &["again", &name]].concat()).run().expect(0);
    let ran = lab.sign(&[&given[..], &["wrong", &other]].concat()).run().expect(1);
    ran.stderr_contains("signature-rejected").stderr_contains(&format!("found {}", image.digest));
    assert!(!lab.sandbox.names().contains(&"wrong".to_owned()));
    lab.verify(&["--signature", "again", "--payload", "p", &name]).run().expect(0);
    // What would be lost, and what would overwrite itself.
    lab.sign(&["--upload=false", &name]).run().expect(2).stderr_contains("would lose the signature");
    lab.sign(&["--bundle", "two", &name, &other]).run().expect(2).stderr_contains("hold one signature");
    lab.sign(&["--bundle", "two", "--format", "legacy", &name]).run().expect(2).stderr_contains("--output-signature");
    assert!(!lab.sandbox.names().contains(&"two".to_owned()));
}

#[test]
fn the_digest_under_the_signature_can_be_named() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_signature(&image);
    let name = lab.name(":v1");
    lab.verify(&["--signature-digest-algorithm", "sha256", &name]).run().expect(0);
    let refused = lab.verify(&["--signature-digest-algorithm", "sha384", &name]).run().expect(12).stdout_is("");
    refused.stderr_contains("signature-invalid").stderr_contains("tried ECDSA P-256 SHA-384");
    lab.verify(&["--signature-digest-algorithm", "sha224", &name]).run().expect(2);
}

#[test]
fn a_flag_without_effect_says_so_once() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_signature(&image);
    let name = lab.name(":v1");
    for flag in [
        "--registry-referrers-mode=legacy",
        "--registry-referrers-mode=oci-1-1",
        "--new-bundle-format=false",
        "--experimental-oci11",
        "--insecure-ignore-tlog",
    ] {
        let ran = lab.verify(&[flag, &name, &name]).run().expect(0);
        let note = format!("note: {} has no effect", flag.split('=').next().unwrap());
        assert_eq!(ran.stderr.matches(&note).count(), 1, "{flag}: {ran:#?}");
    }
    let sign = |flags: &[&str]| lab.sign(&[flags, &[&name]].concat()).run();
    sign(&["--registry-referrers-mode=legacy"])
        .expect(0)
        .stderr_contains("note: --registry-referrers-mode has no effect");
    sign(&["--sign-container-identity", "x.example/y"])
        .expect(0)
        .stderr_contains("note: --sign-container-identity has no effect");
    sign(&["--record-creation-timestamp"]).expect(0).stderr_contains("note: --record-creation-timestamp has no effect");
    let ran = sign(&["--format", "legacy", "--sign-container-identity", "x.example/y", "--record-creation-timestamp"]);
    assert!(!ran.expect(0).stderr.contains("no effect"));
    lab.sandbox.write("p", "{}");
    sign(&["--format", "bundle", "--payload", "p"]).expect(2).stderr_contains("--payload");
}

#[test]
fn signatures_are_downloaded_as_they_are_stored() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    let download = || lab.sandbox.sigkit(&["download", "signature", &name]).run();
    download().expect(10).stderr_contains("no signature was found");
    let review = support::lab::statement(&image.digest, "https://example.com/review/v1", "{}");
    lab.attach_statement(&image, &review);
    download().expect(10).stdout_is("");
    lab.sign(&["--bundle", "b.json", &name]).run().expect(0);
    let bundle = String::from_utf8(lab.sandbox.read("b.json")).unwrap();
    download().expect(0).stdout_is(&format!("{bundle}\n"));
    lab.sign(&["--format", "legacy", "--output-signature", "s", "--output-payload", "p", &name]).run().expect(0);
    let both = download().expect(0).stdout;
    let (first, second) = both.trim_end().split_once('\n').unwrap();
    assert_eq!(first, bundle);
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::STANDARD.encode(lab.sandbox.read("p"));
    let signature = String::from_utf8(lab.sandbox.read("s")).unwrap();
    assert_eq!(
        second,
        format!(
            r#"{{"Base64Signature":"{signature}","Payload":"{payload}","Cert":null,"Chain":null,"Bundle":null,"RFC3161Timestamp":null}}"#
        )
    );
    // A signature is not an attestation.
    let attestations = lab.sandbox.sigkit(&["download", "attestation", &name]).run().expect(0).stdout;
    assert_eq!(attestations.lines().count(), 1, "{attestations}");
    lab.sandbox.sigkit(&["download", "signature", &lab.name(":none")]).run().expect(11);
}

// An index whose images are signed, and it is not: what to do is said, and what is on no platform is not offered.
#[test]
fn index_without_signatures_says_which_of_its_images_are_signed() {
    let lab = RegistryFixture::new();
    let name = lab.name(":multi");
    let index = image::index(lab.registry.content(), "app", "multi", "x");
    lab.verify(&[&name]).run().expect(10).stderr_contains("--platform OS/ARCH").stderr_contains("-r");
    lab.sign(&[&lab.name(&format!("@{}", index.children[1]))]).run().expect(0);
    let ran = lab.verify(&[&name]).run().expect(10).stderr_contains("no-signatures");
    let ran = ran
        .stderr_contains("while its images are: linux/arm64. Verify one with --platform linux/arm64")
        .stderr_contains("sigkit sign -r");
    assert!(!ran.stderr.contains("amd64"), "{ran:#?}");
    lab.verify(&["--platform", "linux/arm64", &name]).run().expect(0);
    // By another key none of them is.
    let ran = lab.sandbox.sigkit(&["verify", "--key", "other.pub", &name]).run().expect(10);
    assert!(!ran.stderr.contains("while its images are"), "{ran:#?}");
}
