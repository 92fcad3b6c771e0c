//! Attesting and verifying attestations through the program: images and files, every format, every type, and what must not pass.

mod support;

use serde_json::Value;
use support::lab::{RegistryFixture, fallback_tag};
use support::{Ran, Run, Sandbox};
use testkit::image;

const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";
const TRIVY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/scan/trivy.json");

fn attest(lab: &RegistryFixture, arguments: &[&str]) -> Run {
    lab.sandbox.signing(&[&["attest", "--key", "cosign.key"], arguments].concat())
}

fn verify(lab: &RegistryFixture, arguments: &[&str]) -> Run {
    lab.sandbox.sigkit(&[&["verify-attestation", "--key", "cosign.pub"], arguments].concat())
}

/// The statements in the printed envelopes: one JSON document on each line, and nothing else.
#[track_caller]
fn statements(ran: &Ran) -> Vec<String> {
    let decoded = ran.stdout.lines().map(|line| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
        assert_eq!(envelope.as_object().unwrap().len(), 3, "{line}");
        base64(envelope["payload"].as_str().unwrap())
    });
    decoded.collect()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

// threat: D01
#[test]
fn every_format_and_every_type_is_attested_and_verified() {
    let lab = RegistryFixture::new();
    lab.sandbox.write("text", "any \"text\"\n");
    lab.sandbox.write("bom", r#"{ "bomFormat":"CycloneDX", "specVersion":"1.6", "n": 12345678901234567890 }"#);
    for (format, count) in [("bundle", 1), ("legacy", 1), ("both", 2)] {
        lab.image(format);
        let name = lab.name(&format!(":{format}"));
        verify(&lab, &[&name]).run().expect(10).stdout_is("").stderr_contains("no-signatures");
        let attested = attest(&lab, &["--format", format, "--predicate", "text", &name]).run().expect(0).stdout_is("");
        assert_eq!(attested.stderr.matches("attestation stored at ").count(), count);
        attest(&lab, &["--format", format, "--predicate", "bom", "--type", "cyclonedx", &name]).run().expect(0);
        attest(&lab, &["--format", format, "--predicate", TRIVY, "--type", "vuln", &name]).run().expect(0);
        let custom = verify(&lab, &[&name]).run().expect(0);
        assert_eq!(statements(&custom).len(), count);
        assert!(statements(&custom)[0].contains(r#""predicate":{"Data":"any \"text\"\n","Timestamp":""#));
        let bom = verify(&lab, &["--type", "cyclonedx", "-o", "json", &name]).run().expect(0);
        let document = r#""predicate":{ "bomFormat":"CycloneDX", "specVersion":"1.6", "n": 12345678901234567890 }}"#;
        assert!(statements(&bom)[0].ends_with(document), "{bom:#?}");
        let scan = verify(&lab, &["--type", "https://cosign.sigstore.dev/attestation/vuln/v1", &name]).run().expect(0);
        assert!(statements(&scan)[0].contains(r#""uri":"pkg:github/aquasecurity/trivy@0.68.1""#));
        verify(&lab, &["--type", "openvex", &name]).run().expect(12).stdout_is("").stderr_contains(&format!(
            "no-attestation-of-type: none of the attestations matched the predicate type: https://openvex.dev/ns, found: {CUSTOM},"
        ));
        lab.sandbox.sigkit(&["verify-attestation", "--key", "other.pub", &name]).run().expect(12).stdout_is("");
        // An attestation is not a signature.
        lab.verify(&[&name]).run().expect(if format == "legacy" { 10 } else { 12 }).stdout_is("");
    }
    verify(&lab, &[&lab.name(":none")]).run().expect(11);
}

#[test]
fn the_report_and_the_words_say_what_was_checked() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.sandbox.write("text", "x");
    attest(&lab, &["--predicate", "text", &lab.name(":v1")]).run().expect(0);
    let ran = verify(&lab, &[&lab.name(":v1")]).run().expect(0);
    assert!(ran.stderr.contains("  - The signatures were verified against the specified public key\n"), "{ran:#?}");
    assert!(!ran.stderr.contains("transparency log"), "{ran:#?}");
    let report = verify(&lab, &["-o", "report", "--type", "vuln", &lab.name(":v1")]).run().expect(12);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(report["digest"], image.digest.as_str());
    assert!(report.to_string().contains("no-attestation-of-type"), "{report}");
}

// threat: D06
#[test]
fn claims_are_compared_unless_waived() {
    let lab = RegistryFixture::new();
    lab.sandbox.write("text", "x");
    lab.image("v1");
    lab.image("v2");
    attest(&lab, &["--predicate", "text", "--bundle", "b.json", &lab.name(":v1")]).run().expect(0);
    verify(&lab, &["--bundle", "b.json", &lab.name(":v1")]).run().expect(0);
    verify(&lab, &["--bundle", "b.json", &lab.name(":v2")]).run().expect(12).stderr_contains("subject-mismatch");
    verify(&lab, &["--bundle", "b.json", "--check-claims=false", &lab.name(":v2")]).run().expect(0);
    verify(&lab, &["--bundle", "b.json", &lab.name(":v2")]).env("COSIGN_CHECK_CLAIMS", "false").run().expect(12);
}

#[test]
fn what_is_not_stored_is_printed_or_written() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.sandbox.write("text", "x");
    for flags in [&["--no-upload"][..], &["--upload=false"]] {
        let ran =
            attest(&lab, &[flags, &["--predicate", "-", &lab.name(":v1")]].concat()).stdin("piped").run().expect(0);
        assert!(statements(&ran)[0].contains(r#""Data":"piped""#));
        lab.sandbox.write("envelope.json", &ran.stdout);
        verify(&lab, &["--bundle", "envelope.json", &lab.name(":v1")]).run().expect(0);
    }
    attest(&lab, &["--no-upload", "--bundle", "b.json", "--predicate", "text", &lab.name(":v1")])
        .run()
        .expect(0)
        .stdout_is("");
    verify(&lab, &["--bundle", "b.json", &lab.name(":v1")]).run().expect(0);
    verify(&lab, &[&lab.name(":v1")]).run().expect(10);
    assert_eq!(lab.registry.content().tags("app").unwrap(), ["v1"], "{}", fallback_tag(&image));
}

#[test]
fn an_index_is_attested_with_all_below_it() {
    let lab = RegistryFixture::new();
    let index = image::index(lab.registry.content(), "app", "v1", "index");
    let digests = &index.children;
    assert_eq!(digests.len(), 2);
    lab.sandbox.write("text", "x");
    let name = lab.name(":v1");
    attest(&lab, &["-r", "--bundle", "b", "--predicate", "text", &name])
        .run()
        .expect(2)
        .stderr_contains("one image at a time");
    attest(&lab, &["-r", "--predicate", "text", &name]).run().expect(0);
    let verified = verify(&lab, &["-r", &name]).run().expect(0);
    assert_eq!(statements(&verified).len(), 3);
    for digest in digests {
        verify(&lab, &[&lab.name(&format!("@{digest}"))]).run().expect(0);
    }
}

// threat: H06
#[test]
fn replacing_is_for_the_legacy_format() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let name = lab.name(":v1");
    for text in ["one", "two"] {
        attest(&lab, &["--format", "legacy", "--predicate", "-", &name]).stdin(text).run().expect(0);
    }
    assert_eq!(statements(&verify(&lab, &[&name]).run().expect(0)).len(), 2);
    attest(&lab, &["--format", "legacy", "--replace", "--predicate", "-", &name]).stdin("three").run().expect(0);
    let left = statements(&verify(&lab, &[&name]).run().expect(0));
    assert!(left.len() == 1 && left[0].contains("three"), "{left:?}");
    attest(&lab, &["--replace", "--predicate", "-", &name])
        .stdin("four")
        .run()
        .expect(0)
        .stderr_contains("note: --replace has no effect in the bundle format");
    assert_eq!(statements(&verify(&lab, &[&name]).run().expect(0)).len(), 2);
}

#[test]
fn downloads_are_what_is_stored() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let name = lab.name(":v1");
    let download = |more: &[&str]| lab.sandbox.sigkit(&[&["download", "attestation"], more, &[name.as_str()]].concat());
    download(&[]).run().expect(10).stderr_contains("no-signatures");
    lab.sign(&[&name]).run().expect(0);
    download(&[]).run().expect(10);
    attest(&lab, &["--format", "legacy", "--predicate", "-", &name]).stdin("x").run().expect(0);
    attest(&lab, &["--type", "urn:x", "--predicate", "-", "--bundle", "b.json", &name]).stdin("{}").run().expect(0);
    let all = download(&[]).run().expect(0);
    assert_eq!(all.stdout.lines().count(), 2, "{all:#?}");
    let bundle = String::from_utf8(lab.sandbox.read("b.json")).unwrap();
    download(&["--predicate-type", "urn:x"]).run().expect(0).stdout_is(&format!("{bundle}\n"));
    let custom = download(&["--predicate-type", "custom"]).run().expect(0);
    assert!(statements(&custom)[0].contains(CUSTOM));
    download(&["--predicate-type", "vuln"]).run().expect(12).stdout_is("").stderr_contains(
        "none of the attestations matched the predicate type: https://cosign.sigstore.dev/attestation/vuln/v1, found: ",
    );
    lab.sandbox.sigkit(&["download", "attestation", &lab.name(":none")]).run().expect(11);
}

// threat: R41
#[test]
fn downloads_hold_nothing_that_a_terminal_obeys() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    let content = lab.registry.content();
    let put = |bytes: &[u8]| {
        let manifest = testkit::image::referrer(content, "app", &image, support::lab::BUNDLE, bytes);
        content.put_manifest("app", None, testkit::image::OCI_MANIFEST, &manifest);
    };
    let raw = "\u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}\rVerified OK";
    put(raw.as_bytes());
    let download = |more: &[&str]| lab.sandbox.sigkit(&[&["download", "signature", &name], more].concat());
    let ran = download(&[]).run().expect(1).stdout_is("");
    assert!(ran.stderr.contains("which are not printed: give --output-file FILE"), "{ran:#?}");
    // JSON is printed as the same JSON.
    put("{\"x\": \"\u{9b}31m\u{7f}\u{202e}\u{200b}\"}".as_bytes());
    let ran = download(&[]).run().expect(0);
    assert_eq!(ran.stdout, "{\"x\": \"\\u009b31m\\u007f\\u202e\\u200b\"}\n");
    // A file gets what is stored.
    download(&["--output-file", "all"]).run().expect(0).stdout_is("");
    let all = String::from_utf8(lab.sandbox.read("all")).unwrap();
    assert!(all.contains("\u{9b}31m\u{202e}") && all.contains("{\"x\": \"\u{9b}31m"), "{all:?}");
}

// threat: D11
// threat: D22
#[test]
fn malformed_document_is_refused_and_names_the_member() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let name = lab.name(":v1");
    for (kind, document, words) in [
        ("cyclonedx", r#"{"bomFormat":"SPDX"}"#, "`bomFormat`: expected CycloneDX, found "),
        ("slsaprovenance1", r#"{"buildDefinition":{}}"#, "`buildDefinition.buildType`: expected "),
        ("vuln", r#"{"SchemaVersion":3}"#, "`SchemaVersion`: expected 2, found "),
        ("urn:x", "[]", "`$`: expected an object, found "),
        ("urn:x", r#"{"a":1,"a":2}"#, "appears twice"),
        ("custom", "", "standard input"),
    ] {
        let run = attest(&lab, &["--type", kind, "--predicate", "-", &name]).stdin(document).run();
        if kind != "custom" {
            assert!(run.code == 1 && run.stderr.contains(words), "{kind}: {run:#?}");
        }
    }
    attest(&lab, &["--type", "sbom", "--predicate", "-", &name]).run().expect(2).stderr_contains("or a URI");
    attest(&lab, &["--type", "https://sigstore.dev/cosign/sign/v1", "--predicate", "-", &name])
        .run()
        .expect(2)
        .stderr_contains("use sign and verify");
    attest(&lab, &["--predicate", "missing", &name])
        .run()
        .expect(1)
        .stderr_contains("--predicate: cannot read missing: ");
}

#[test]
fn any_text_is_compared_when_reading() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let name = lab.name(":v1");
    attest(&lab, &["--type", "urn:x", "--predicate", "-", &name]).stdin("{}").run().expect(0);
    let verify =
        |kind: &str| lab.sandbox.sigkit(&["verify-attestation", "--key", "cosign.pub", "--type", kind, &name]).run();
    verify("urn:x").expect(0);
    verify("cyclondx").expect(12).stderr_contains(
        "note: --type cyclondx is not a known name, so it is compared as it is; did you mean cyclonedx?",
    );
    for kind in ["sbom", "cosign.sigstore.dev/attestation/v1", "URN:x"] {
        verify(kind).expect(12).stderr_contains("urn:x");
        let download = ["download", "attestation", "--predicate-type", kind, &name];
        assert_ne!(lab.sandbox.sigkit(&download).run().code, 2, "{kind}");
    }
    for kind in ["", "https://sigstore.dev/cosign/sign/v1"] {
        verify(kind).expect(2);
    }
}

#[test]
fn the_largest_attachment_is_what_the_environment_says() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let name = lab.name(":v1");
    for format in ["bundle", "legacy"] {
        attest(&lab, &["--format", format, "--predicate", "-", &name]).stdin("x".repeat(20_000)).run().expect(0);
    }
    verify(&lab, &[&name]).env("COSIGN_MAX_ATTACHMENT_SIZE", "100KB").run().expect(0);
    verify(&lab, &[&name])
        .env("COSIGN_MAX_ATTACHMENT_SIZE", "10KB")
        .run()
        .expect(14)
        .stdout_is("")
        .stderr_contains("too-large");
    verify(&lab, &[&name]).env("COSIGN_MAX_ATTACHMENT_SIZE", "much").run().expect(2).stderr_contains("128MiB");
    attest(&lab, &["--predicate", "-", &name])
        .stdin("x".repeat(20_000))
        .env("COSIGN_MAX_ATTACHMENT_SIZE", "10KB")
        .run()
        .expect(2);
}

/// `cosign.key`, `cosign.pub`, `other.pub`, `blob` and a predicate.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().with_test_key("ecdsa-p256", "cosign");
    sandbox.write("other.pub", support::lab::public_key("ecdsa-p384"));
    sandbox.write("blob", "a blob\n");
    sandbox.write("p.json", "{\"a\": 1}");
    sandbox
}

const ATTEST_BLOB: [&str; 7] = ["attest-blob", "--key", "cosign.key", "--type", "urn:x", "--predicate", "p.json"];
const VERIFY_BLOB: [&str; 5] = ["verify-blob-attestation", "--key", "cosign.pub", "--type", "urn:x"];

#[test]
fn files_are_attested_in_every_form() {
    let sandbox = sandbox();
    let digest = testkit::sha256(b"a blob\n");
    let hex = digest.strip_prefix("sha256:").unwrap();
    let printed = sandbox.signing(&[&ATTEST_BLOB[..], &["blob"]].concat()).run().expect(0);
    assert_eq!(
        statements(&printed),
        [format!(
            r#"{{"_type":"https://in-toto.io/Statement/v0.1","subject":[{{"name":"blob","digest":{{"sha256":"{hex}"}}}}],"predicateType":"urn:x","predicate":{{"a": 1}}}}"#
        )]
    );
    let more = ["--output-signature", "env.json", "--output-attestation", "statement.json", "--bundle"];
    sandbox.signing(&[&ATTEST_BLOB[..], &more, &["b.json", "blob"]].concat()).run().expect(0).stdout_is("");
    sandbox
        .signing(
            &[&ATTEST_BLOB[..], &["--new-bundle-format=false", "--bundle", "old.json", "--hash", hex, "blob"]].concat(),
        )
        .run()
        .expect(0);
    assert_eq!(String::from_utf8(sandbox.read("statement.json")).unwrap(), statements(&printed)[0]);
    for given in [["--bundle", "b.json"], ["--bundle", "old.json"], ["--signature", "env.json"]] {
        let verify = |more: &[&str]| sandbox.sigkit(&[&VERIFY_BLOB[..], &given, more].concat());
        let ran = verify(&["blob"]).run().expect(0).stdout_is("");
        assert_eq!(ran.stderr, "Verified OK\n");
        verify(&["-"]).stdin("a blob\n").run().expect(0);
        verify(&["--digest", hex]).run().expect(0);
        let sha512 = testkit::sha256(b"x").replace("sha256:", "").repeat(2);
        verify(&["--digest", &sha512, "--digestAlg", "sha512"]).run().expect(12);
        verify(&["--digest", &sha512]).run().expect(2).stderr_contains("--digest: ");
        verify(&[]).run().expect(2).stderr_contains("--check-claims=false");
        verify(&["--check-claims=false"]).run().expect(0);
        assert_eq!(statements(&verify(&["-o", "json", "blob"]).run().expect(0)), statements(&printed));
        verify(&["-"]).stdin("another").run().expect(12).stderr_contains("subject-mismatch");
        verify(&["--type", "custom", "blob"]).run().expect(12).stderr_contains("no-attestation-of-type");
        sandbox
            .sigkit(&[&["verify-blob-attestation", "--key", "other.pub"], &given[..], &["blob"]].concat())
            .run()
            .expect(12);
    }
}

#[test]
fn a_ready_statement_is_signed_as_it_is() {
    let sandbox = sandbox();
    let hex = testkit::sha256(b"a blob\n").replace("sha256:", "");
    let statement = format!(
        "{{ \"_type\":\"https://in-toto.io/Statement/v1\", \"subject\":[{{\"name\":\"x\",\"digest\":{{\"sha256\":\"{}\"}}}},{{\"digest\":{{\"sha256\":\"{hex}\"}}}}],\n \"predicateType\":\"urn:x\",\"predicate\":null}}\n",
        "0".repeat(64)
    );
    sandbox.write("s.json", &statement);
    let sign = |more: &[&str]| {
        sandbox.signing(&[&["attest-blob", "--key", "cosign.key", "--statement", "s.json"], more].concat())
    };
    assert_eq!(statements(&sign(&["blob"]).run().expect(0)), [statement.as_str()]);
    assert_eq!(statements(&sign(&[]).run().expect(0)), [statement.as_str()]);
    sandbox.write("other", "other");
    sign(&["other"]).run().expect(1).stderr_contains("subject-mismatch");
    sign(&["--predicate", "p.json", "blob"]).run().expect(2);
    sandbox.write("s.json", statement.replace("Statement/v1", "Statement/v9"));
    sign(&["blob"]).run().expect(1).stderr_contains("`_type`: expected ");
}
