//! Bundles, trusted roots and signing configurations as files: made, shown, and brought to the present version.

mod support;

use serde_json::{Value, json};
use support::{Ran, Sandbox};
use testkit::sigstore::{IDENTITY, ISSUER, Key, Sealed, Sigstore};

const BLOB: &[u8] = b"a blob\n";
const SIGNER: [&str; 4] = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER];

fn sandbox(stack: &Sigstore, signed: &Sealed) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("blob", BLOB);
    sandbox.write("root.json", stack.trusted_root().to_string());
    sandbox.write("old", signed.older_bundle("0.1").to_string());
    sandbox.write("legacy", signed.blob_bundle().to_string());
    sandbox.write("leaf.pem", signed.certificate.as_ref().unwrap().pem());
    if let Some(stamp) = signed.stamps.first() {
        sandbox.write("stamp", stamp);
    }
    sandbox
}

fn verify(sandbox: &Sandbox, bundle: &str, more: &[&str]) -> Ran {
    let fixed = ["verify-blob", "--trusted-root", "root.json", "--bundle", bundle];
    sandbox.sigkit(&[&fixed, &SIGNER[..], more, &["blob"]].concat()).run()
}

#[test]
fn an_old_bundle_becomes_one_of_the_present_version() {
    let stack = Sigstore::new();
    let signed = stack.blob(BLOB).stamped().seal();
    let sandbox = sandbox(&stack, &signed);
    for version in ["0.1", "0.2"] {
        sandbox.write("old", signed.older_bundle(version).to_string());
        sandbox.sigkit(&["bundle", "upgrade", "--out", "new", "old"]).run().expect(0).stdout_is("");
        verify(&sandbox, "new", &["--use-signed-timestamps"]).expect(0);
        let new: Value = serde_json::from_slice(&sandbox.read("new")).unwrap();
        assert_eq!(new, signed.bundle());
    }
    let printed = sandbox.sigkit(&["bundle", "upgrade", "-"]).stdin(sandbox.read("old")).run().expect(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), signed.bundle());
}

#[test]
fn an_entry_without_proof_is_never_quietly_dropped() {
    let stack = Sigstore::new();
    let signed = stack.blob(BLOB).stamped().seal();
    let sandbox = sandbox(&stack, &signed);
    sandbox
        .sigkit(&["bundle", "upgrade", "--out", "new", "legacy"])
        .run()
        .expect(2)
        .stderr_contains("without an inclusion proof");
    let create = [
        "bundle",
        "create",
        "--artifact",
        "blob",
        "--bundle",
        "legacy",
        "--rfc3161-timestamp",
        "stamp",
        "--out",
        "new",
    ];
    sandbox.sigkit(&create).run().expect(2).stderr_contains("without an inclusion proof");
    assert!(!sandbox.names().contains(&"new".to_owned()));
    sandbox.sigkit(&[&create[..], &["--ignore-tlog"]].concat()).run().expect(0);
    verify(&sandbox, "new", &[]).expect(12).stderr_contains("log-entry-missing");
    verify(&sandbox, "new", &["--insecure-ignore-tlog", "--use-signed-timestamps"]).expect(0);
}

#[test]
fn a_bundle_is_made_only_of_parts_that_belong_together() {
    let stack = Sigstore::new();
    let signed = stack.blob(BLOB).seal();
    let sandbox = sandbox(&stack, &signed).with_test_key("ecdsa-p256", "cosign");
    sandbox.write("other", "another\n");
    sandbox.write("signature", &signed.annotations()["dev.cosignproject.cosign/signature"]);
    let create = |more: &[&str]| sandbox.sigkit(&[&["bundle", "create", "--ignore-tlog"], more].concat()).run();
    let parts = ["--artifact", "blob", "--signature", "signature", "--certificate", "leaf.pem"];
    create(&parts).expect(0);
    for (more, says) in [
        (
            &["--artifact", "other", "--signature", "signature", "--certificate", "leaf.pem"][..],
            "does not verify with this certificate or key",
        ),
        (
            &["--artifact", "blob", "--signature", "signature", "--key", "cosign.pub"],
            "does not verify with this certificate or key",
        ),
        (&["--artifact", "blob", "--signature", "signature"], "missing the signer"),
        (&["--signature", "signature", "--certificate", "leaf.pem"], "--artifact"),
        (&["--artifact", "blob", "--certificate", "leaf.pem"], "missing what was signed"),
    ] {
        create(more).expect(2).stdout_is("").stderr_contains(says);
    }
    sandbox.sigkit(&[&["bundle", "create"], &parts[..]].concat()).run().expect(2).stderr_contains("--ignore-tlog");
}

#[test]
fn a_bundle_is_made_for_a_key_and_for_an_envelope() {
    let stack = Sigstore::new();
    let key = Key::p256("signer");
    let signed = stack.blob(BLOB).key(key.clone()).without_certificate().unlogged().seal();
    let sandbox = Sandbox::new();
    sandbox.write("blob", BLOB);
    sandbox.write("key.pub", key.public_pem());
    sandbox.write("signature", &signed.annotations()["dev.cosignproject.cosign/signature"]);
    let parts = ["--artifact", "blob", "--signature", "signature", "--key", "key.pub"];
    sandbox.sigkit(&[&["bundle", "create", "--ignore-tlog", "--out", "new"], &parts[..]].concat()).run().expect(0);
    sandbox.sigkit(&["verify-blob", "--key", "key.pub", "--bundle", "new", "blob"]).run().expect(0);
    let signed = stack.statement(br#"{"_type":"https://in-toto.io/Statement/v1"}"#).seal();
    sandbox.write("envelope", signed.envelope().to_string());
    sandbox.write("leaf.pem", signed.certificate.as_ref().unwrap().pem());
    let parts = ["--attestation", "envelope", "--certificate", "leaf.pem", "--ignore-tlog"];
    let made = sandbox.sigkit(&[&["bundle", "create"], &parts[..]].concat()).run().expect(0);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(made["dsseEnvelope"], signed.envelope());
}

// threat: L01
#[test]
fn bundle_is_shown_with_missing_parts_and_escaped() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).stamped().seal());
    let shown = sandbox.sigkit(&["bundle", "inspect", "old"]).run().expect(0).stdout;
    for words in
        [IDENTITY, ISSUER, "hashedrekord 0.0.1, index 1005", "leaf 5 of 10", "2023-11-14T22:13:20Z", "RFC 3161, "]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(shown.ends_with("note: nothing here has been verified\n"), "{shown}");
    let shown = sandbox.sigkit(&["bundle", "inspect", "legacy"]).run().expect(0).stdout;
    assert!(shown.contains("note: log entry 1 has no inclusion proof"), "{shown}");
    let hostile = r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"a\u001b[2J","predicate":{},"subject":[{"name":"\u202e","digest":{"sha256":"00"}}]}"#;
    let bare = stack.statement(hostile.as_bytes()).unlogged().seal();
    sandbox.write("bare", bare.bundle().to_string());
    let shown = sandbox.sigkit(&["bundle", "inspect", "bare"]).run().expect(0).stdout;
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
    assert!(shown.contains("note: no log entry") && shown.contains("note: no signing time"), "{shown}");
    sandbox.sigkit(&["bundle", "inspect", "blob"]).run().expect(1).stderr_contains("BUNDLE: blob: expected a bundle");
}

#[test]
fn broken_bundle_is_shown_in_part_and_not_upgraded() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).stamped().seal());
    let mut bundle: serde_json::Value = serde_json::from_slice(&sandbox.read("old")).unwrap();
    bundle["messageSignature"]["signature"] = "@\u{1b}".into();
    sandbox.write("broken", bundle.to_string());
    let ran = sandbox
        .sigkit(&["bundle", "inspect", "broken"])
        .run()
        .expect(1)
        .stderr_contains("BUNDLE: broken: expected a bundle");
    for words in
        [IDENTITY, ISSUER, "hashedrekord, index 1005", "/messageSignature/signature is not base64", "is broken"]
    {
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
    }
    let before = sandbox.names();
    for broken in ["broken", "blob"] {
        sandbox.sigkit(&["bundle", "upgrade", broken, "--out", "new"]).run().expect(1).stdout_is("");
    }
    assert_eq!(sandbox.names(), before);
    // Nothing can be read of what is not JSON.
    sandbox.write("text", "text");
    sandbox.sigkit(&["bundle", "inspect", "text"]).run().expect(1).stdout_is("");
}

#[test]
fn trusted_root_from_keys_and_certificates_is_used() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).stamped().seal());
    sandbox.write("ca.pem", stack.intermediate.pem() + &stack.root.pem());
    sandbox.write("tsa.pem", stack.tsa.leaf.pem() + &stack.tsa.root.pem());
    sandbox.write("rekor.pub", stack.rekor1.key.public_pem());
    sandbox.write("rekor2.pub", stack.rekor2.key.public_pem());
    sandbox.write("ct.pub", stack.ct.public_pem());
    let start = "start-time=2020-09-13T12:26:40Z";
    let log = |url: &str, key: &str| format!("url={url},public-key={key},{start}");
    let authority = |chain: &str| format!("url=https://authority.stack.test,certificate-chain={chain}");
    let rekor2 = log(&format!("https://{}", stack.rekor2.origin), "rekor2.pub");
    let services = [
        "--fulcio",
        &authority("ca.pem"),
        "--rekor",
        &log("https://stack-rekor1.stack.test", "rekor.pub"),
        "--rekor",
        &rekor2,
        "--ctfe",
        &log("https://ct.stack.test", "ct.pub"),
        "--tsa",
        &authority("tsa.pem"),
    ];
    let create = |more: &[&str]| sandbox.sigkit(&[&["trusted-root", "create"], more].concat()).run();
    let made: Value = serde_json::from_str(&create(&services).expect(0).stdout).unwrap();
    let mut expected = stack.trusted_root();
    for member in ["certificateAuthorities", "timestampAuthorities"] {
        expected[member][0].as_object_mut().unwrap().remove("subject");
    }
    assert_eq!(made, expected);
    create(&[&services[..], &["--out", "root.json"]].concat()).expect(0).stdout_is("");
    verify(&sandbox, "old", &["--use-signed-timestamps"]).expect(0);

    let public: Value = serde_json::from_str(&create(&["--with-default-services"]).expect(0).stdout).unwrap();
    assert_eq!(public["tlogs"][0]["baseUrl"], "https://rekor.sigstore.dev");
    let replaced = ["--with-default-services", "--no-default-tsa", "--rekor", &rekor2];
    let replaced: Value = serde_json::from_str(&create(&replaced).expect(0).stdout).unwrap();
    assert_eq!(replaced["tlogs"], json!([expected["tlogs"][1]]));
    assert_eq!(replaced["ctlogs"], public["ctlogs"]);
    assert_eq!(replaced.get("timestampAuthorities"), None);
    for spec in [
        "url=a",
        "url=a,public-key=rekor.pub",
        "public-key=rekor.pub,start-time=x,url=a",
        "url=a,public-key=ca.pem,start-time=2020-01-01T00:00:00Z",
    ] {
        assert!([1, 2].contains(&create(&["--rekor", spec]).code), "{spec}");
    }
    create(&["--rekor", &rekor2, "--rekor", &rekor2]).expect(2).stderr_contains("two logs");
}

#[test]
fn a_signing_configuration_names_services() {
    let sandbox = Sandbox::new();
    let create = |more: &[&str]| sandbox.sigkit(&[&["signing-config", "create"], more].concat()).run();
    let service =
        "url=https://s,api-version=2,start-time=2024-01-01T02:00:00+02:00,end-time=2031-01-01T00:00:00Z,operator=o";
    let expected = json!({
        "url": "https://s", "majorApiVersion": 2, "operator": "o",
        "validFor": {"start": "2024-01-01T00:00:00Z", "end": "2031-01-01T00:00:00Z"},
    });
    let flags = ["--fulcio", service, "--rekor", service, "--rekor-config", "EXACT:2", "--out", "config"];
    create(&flags).expect(0).stdout_is("");
    let made: Value = serde_json::from_slice(&sandbox.read("config")).unwrap();
    assert_eq!(
        made,
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [expected], "rekorTlogUrls": [expected],
            "rekorTlogConfig": {"selector": "EXACT", "count": 2}, "tsaConfig": {},
        })
    );
    let more = create(&["--base-config", "config", "--tsa", service, "--tsa-config", "ANY"]).expect(0).stdout;
    let more: Value = serde_json::from_str(&more).unwrap();
    assert_eq!((&more["caUrls"], &more["tsaUrls"]), (&made["caUrls"], &json!([expected])));
    assert_eq!(more["rekorTlogConfig"], made["rekorTlogConfig"]);
    let config = |more: &[&str]| {
        let ran = create(&[&["--with-default-services"], more].concat()).expect(0);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()
    };
    let public = config(&[]);
    for kind in ["caUrls", "oidcUrls", "rekorTlogUrls", "tsaUrls"] {
        assert!(public[kind][0]["url"].as_str().unwrap().contains("sigstore.dev"), "{kind}: {public}");
    }
    assert_eq!(
        (&public["rekorTlogConfig"], &public["tsaConfig"]),
        (&json!({"selector": "ANY"}), &json!({"selector": "ANY"}))
    );
    for (flag, kind) in [("fulcio", "caUrls"), ("oidc", "oidcUrls"), ("rekor", "rekorTlogUrls"), ("tsa", "tsaUrls")] {
        let mut expected = public.clone();
        expected.as_object_mut().unwrap().remove(kind);
        match flag {
            "rekor" => expected["rekorTlogConfig"] = json!({}),
            "tsa" => expected["tsaConfig"] = json!({}),
            _ => {}
        }
        assert_eq!(config(&[&format!("--no-default-{flag}")]), expected, "{flag}");
    }
    let replaced = config(&["--tsa", service, "--tsa-config", "ALL"]);
    assert_eq!((&replaced["tsaUrls"], &replaced["tsaConfig"]), (&json!([expected]), &json!({"selector": "ALL"})));
    assert_eq!(replaced["caUrls"], public["caUrls"]);
    for flags in [
        &["--rekor", service][..],
        &["--with-default-services", "--base-config", "config"],
        &["--with-default-rekor-v2"],
        &["--fulcio", "url=https://s,api-version=x,start-time=2024-01-01T00:00:00Z,operator=o"],
        &["--fulcio", "url=https://s,api-version=1,start-time=2024-01-01,operator=o"],
        &[
            "--fulcio",
            "url=https://s,api-version=1,start-time=2024-01-02T00:00:00Z,end-time=2024-01-01T00:00:00Z,operator=o",
        ],
        &["--fulcio", "url=https://s,api-version=1,start-time=2024-01-01T00:00:00Z"],
        &["--tsa", service, "--tsa-config", "EXACT:0"],
    ] {
        assert_eq!(create(flags).code, 2, "{flags:?}");
    }
}
