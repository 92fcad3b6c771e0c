//! Verifying by identity, through the program: a Sigstore in memory signs, the program judges.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::lab::RegistryFixture;
use support::{Ran, Run, Sandbox};
use testkit::RecordingServer;
use testkit::image::{self, Image};
use testkit::sigstore::{
    Hash, IDENTITY, ISSUER, Key, Kind, SIGNED_AT, San, Sct, Sealed, Signing, Sigstore, Stamp, Template, fulcio, names,
};

const BLOB: &[u8] = b"a blob\n";
const SIGNER: [&str; 4] = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER];
const TRUST: [&str; 2] = ["--trusted-root", "root.json"];

/// `blob`, `bundle`, and `root.json` of the stack.
fn sandbox(stack: &Sigstore, signed: &Sealed) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("blob", BLOB);
    sandbox.write("bundle", signed.bundle().to_string());
    sandbox.write("root.json", stack.trusted_root().to_string());
    sandbox
}

/// `verify-blob --bundle bundle blob`, and more.
fn verify(sandbox: &Sandbox, flags: &[&[&str]]) -> Run {
    sandbox.sigkit(&[&["verify-blob", "--bundle", "bundle"], flags.concat().as_slice(), &["blob"]].concat())
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
}

#[test]
fn a_blob_verifies_by_path_and_by_digest_in_every_format() {
    let stack = Sigstore::new();
    let signed = stack.blob(BLOB).seal();
    let sandbox = sandbox(&stack, &signed);
    let digest = testkit::sha256(BLOB);
    for bundle in [
        signed.bundle(),
        signed.older_bundle("0.1"),
        signed.older_bundle("0.2"),
        signed.blob_bundle(),
        stack.blob(BLOB).kind(Kind::HashedRekord2).stamped().seal().bundle(),
    ] {
        sandbox.write("bundle", bundle.to_string());
        let ran = verify(&sandbox, &[&TRUST, &SIGNER]).run().expect(0).stdout_is("").stderr_contains("Verified OK");
        ran.stderr_contains(&format!("Certificate subject: {IDENTITY}\nCertificate issuer URL: {ISSUER}\n"));
        let by_digest = [&["verify-blob", "--bundle", "bundle"], &TRUST[..], &SIGNER, &[&digest]].concat();
        sandbox.sigkit(&by_digest).run().expect(0);
        sandbox.write("blob", "another");
        verify(&sandbox, &[&TRUST, &SIGNER]).run().expect(12);
        sandbox.write("blob", BLOB);
    }
}

// threat: R31
#[test]
fn a_certificate_without_issuer_is_accepted_where_that_is_asked() {
    let stack = Sigstore::new();
    let bare = |leaf: Template| leaf.without("1.3.6.1.4.1.57264.1.1").without("1.3.6.1.4.1.57264.1.8");
    let sandbox = sandbox(&stack, &stack.blob(BLOB).leaf(bare).seal());
    let identity = ["--certificate-identity", IDENTITY];
    let absent = ["--certificate-oidc-issuer-absent"];
    verify(&sandbox, &[&TRUST, &identity, &absent]).run().expect(0);
    verify(&sandbox, &[&TRUST, &SIGNER]).run().expect(12).stderr_contains("issuer-mismatch");
    verify(&sandbox, &[&TRUST, &["--certificate-identity", "bob@stack.test"], &absent]).run().expect(12);
    verify(&sandbox, &[&TRUST, &SIGNER, &absent]).run().expect(2);
    verify(&sandbox, &[&TRUST, &absent]).run().expect(2).stderr_contains("--certificate-identity");
    sandbox.write("bundle", stack.blob(BLOB).seal().bundle().to_string());
    verify(&sandbox, &[&TRUST, &identity, &absent])
        .run()
        .expect(12)
        .stderr_contains("issuer-mismatch")
        .stderr_contains("no issuer");
    let ran = verify(&sandbox, &[&TRUST, &identity]);
    ran.env("SIGKIT_CERTIFICATE_OIDC_ISSUER_ABSENT", "true").run().expect(2);
}

// threat: R30
#[test]
fn unknown_trusted_root_entry_is_named_and_ignored() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).seal());
    let mut root = stack.trusted_root();
    let log = root["tlogs"].as_array().unwrap().iter().position(|log| log["baseUrl"].to_string().contains("rekor2"));
    root["tlogs"][log.unwrap_or(1)]["publicKey"]["keyDetails"] = "ML_DSA_65".into();
    sandbox.write("root.json", root.to_string());
    let ran = verify(&sandbox, &[&TRUST, &SIGNER]).run().expect(0);
    ran.stderr_contains("WARNING: --trusted-root: root.json: tlogs[").stderr_contains("ML_DSA_65");
    for log in 0..2 {
        root["tlogs"][log]["hashAlgorithm"] = "SHA3_256".into();
    }
    sandbox.write("root.json", root.to_string());
    verify(&sandbox, &[&TRUST, &SIGNER])
        .run()
        .expect(12)
        .stderr_contains("log-entry-missing")
        .stderr_contains("SHA3_256");
}

// threat: I01 I04 M19
#[test]
fn only_the_identity_asked_for_is_accepted() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).seal());
    let judge = |identity: [&str; 2], issuer: [&str; 2]| verify(&sandbox, &[&TRUST, &identity, &issuer]).run();
    let issuer = ["--certificate-oidc-issuer", ISSUER];
    for (identity, issuer) in [
        (["--certificate-identity-regexp", r"[a-z]+@stack\.test"], issuer),
        (["--cert-identity", IDENTITY], ["--cert-oidc-issuer-regexp", r"https://oidc\..*"]),
    ] {
        judge(identity, issuer).expect(0);
    }
    for (identity, issuer, code) in [
        (["--certificate-identity", "mallory@stack.test"], issuer, "identity-mismatch"),
        (["--certificate-identity", "ALICE@stack.test"], issuer, "identity-mismatch"),
        (["--certificate-identity-regexp", "alice"], issuer, "identity-mismatch"),
        (["--certificate-identity-regexp", r"lice@stack\.test"], issuer, "identity-mismatch"),
        (
            ["--certificate-identity", IDENTITY],
            ["--certificate-oidc-issuer", "https://oidc.stack.test/"],
            "issuer-mismatch",
        ),
        (["--certificate-identity", IDENTITY], ["--certificate-oidc-issuer-regexp", "https://oidc"], "issuer-mismatch"),
    ] {
        judge(identity, issuer).expect(12).stderr_contains(code);
    }
}

// Four of ten public command lines with a pattern match a part only: the answer names the pattern and the flag to use.
#[test]
fn partial_pattern_match_suggests_a_whole_match() {
    let stack = Sigstore::new();
    let uri = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
    let sandbox = sandbox(&stack, &stack.blob(BLOB).leaf(|leaf| leaf.with(names(&[San::Uri(uri)]))).seal());
    let issuer = ["--certificate-oidc-issuer", ISSUER];
    for (pattern, offered) in [
        (r"https://github\.com/acme/", r"'https://github\.com/acme/.*'"),
        (r"^https://github\.com/acme/app", r"'^https://github\.com/acme/app/.*'"),
        ("acme/app/", r"'https://github\.com/acme/app/.*'"),
        (r"refs/heads/main$", r"'https://github\.com/acme/app/\.github/workflows/release\.yml@refs/heads/main$'"),
    ] {
        let ran = verify(&sandbox, &[&TRUST, &["--certificate-identity-regexp", pattern], &issuer]).run().expect(12);
        // Backslashes as they were written.
        assert!(ran.stderr.contains(&format!("pattern \"{pattern}\"")), "{ran:#?}");
        let next =
            format!("Next: --certificate-identity-regexp {offered} matches all of it; --compat-unanchored-regexp");
        let ran = ran.stderr_contains("identity-mismatch").stderr_contains(&next);
        assert_eq!(ran.stderr.matches("must match all of it").count(), 1, "{ran:#?}");
        let offered = offered.trim_matches('\'');
        verify(&sandbox, &[&TRUST, &["--certificate-identity-regexp", offered], &issuer]).run().expect(0);
    }
    let subject = ["--certificate-identity", uri];
    let part = ["--certificate-oidc-issuer-regexp", r"oidc\.stack"];
    let ran = verify(&sandbox, &[&TRUST, &subject, &part]).run().expect(12).stderr_contains("issuer-mismatch");
    ran.stderr_contains(r"Next: --certificate-oidc-issuer-regexp 'https://oidc\.stack.*' matches all of it");
    // One that matches no part is not answered so.
    let none = ["--certificate-identity-regexp", "bob"];
    let ran = verify(&sandbox, &[&TRUST, &none, &issuer]).run().expect(12);
    assert!(!ran.stderr.contains("matches all of it"), "{ran:#?}");
}

// threat: M19 L03
#[test]
fn what_weakens_a_check_is_repeated_in_the_result() {
    let stack = Sigstore::new();
    let unlogged = stack.blob(BLOB).unlogged().stamped().leaf(|leaf| leaf.with_scts(Vec::new())).seal();
    let sandbox = sandbox(&stack, &unlogged);
    let part = ["--certificate-identity-regexp", "lice@stack", "--certificate-oidc-issuer", ISSUER];
    let flags = ["--insecure-ignore-tlog", "--insecure-ignore-sct", "--compat-unanchored-regexp"];
    for left_out in flags {
        let others: Vec<&str> = flags.into_iter().filter(|flag| *flag != left_out).collect();
        verify(&sandbox, &[&TRUST, &part, &others]).run().expect(12);
    }
    let ran = verify(&sandbox, &[&TRUST, &part, &flags, &["-o", "report"]]).run().expect(0);
    assert_eq!(report(&ran)["weakenedBy"], serde_json::json!(flags));
    for flag in flags {
        assert_eq!(ran.stderr.matches(&format!("WARNING: {flag}: ")).count(), 1, "{ran:#?}");
    }
    let environment = ["COSIGN_INSECURE_IGNORE_TLOG", "COSIGN_INSECURE_IGNORE_SCT", "SIGKIT_COMPAT_UNANCHORED_REGEXP"];
    let run = environment.into_iter().fold(verify(&sandbox, &[&TRUST, &part]), |run, name| run.env(name, "true"));
    run.run().expect(12).stderr_contains("is ignored: verification can be weakened on the command line only");
}

// threat: B12
#[test]
fn the_promise_of_a_certificate_log_may_come_apart() {
    let stack = Sigstore::new();
    let signed = stack.blob(BLOB).leaf(|leaf| leaf.with_scts(Vec::new())).seal();
    let sandbox = sandbox(&stack, &signed);
    let sct = Sct::new(&stack.ct, SIGNED_AT - 300);
    let good = sct.detached(&signed.certificate.as_ref().unwrap().der).to_string();
    sandbox.write("broken.json", good.replace("sct_version", "version"));
    sandbox.write("good.json", good);
    sandbox.write("other.json", sct.detached(b"another certificate").to_string());
    let judge = |more: &[&str]| verify(&sandbox, &[&TRUST, &SIGNER, more]).run();
    judge(&[]).expect(12).stderr_contains("sct-missing");
    judge(&["--sct", "good.json"]).expect(0);
    judge(&["--sct", "other.json"]).expect(12).stderr_contains("sct-invalid");
    judge(&["--sct", "broken.json"]).expect(1).stderr_contains("the answer of a certificate log");
    judge(&["--sct", "good.json", "--insecure-ignore-sct"]).expect(2);
}

// threat: I03
#[test]
fn identity_without_issuer_or_with_key_is_a_usage_error() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).seal()).with_test_key("ecdsa-p256", "cosign");
    for flags in [
        &[][..],
        &SIGNER[..2],
        &SIGNER[2..],
        &["--certificate-github-workflow-ref", "refs/heads/main"],
        &["--insecure-ignore-sct"],
        &[&SIGNER[..], &["--key", "cosign.pub"]].concat(),
        &["--key", "cosign.pub", "--ca-roots", "root.json"],
        &[&SIGNER[..], &["--certificate-identity-regexp", ".*"]].concat(),
        &[&SIGNER[..], &["--threshold", "2"]].concat(),
        &[&SIGNER[..], &["--require-log", "--insecure-ignore-tlog"]].concat(),
        &["--certificate-identity-regexp", "(", "--certificate-oidc-issuer", ISSUER],
    ] {
        let ran = verify(&sandbox, &[&TRUST, flags]).run();
        assert_eq!(ran.code, 2, "{flags:?}: {ran:#?}");
    }
}

#[test]
fn a_threshold_counts_distinct_identities() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).seal());
    let two = ["--certificate-identity", "bob@stack.test"];
    verify(&sandbox, &[&TRUST, &SIGNER, &two]).run().expect(0);
    verify(&sandbox, &[&TRUST, &SIGNER, &two, &["--threshold", "2"]])
        .run()
        .expect(12)
        .stderr_contains("2 of 2 signers");
    let patterns = ["--certificate-identity-regexp", ".*", "--certificate-identity-regexp", ".+"];
    verify(&sandbox, &[&TRUST, &patterns, &SIGNER[2..], &["--threshold", "2"]])
        .run()
        .expect(2)
        .stderr_contains("distinct");
}

#[test]
fn the_report_names_signer_times_and_log() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).stamped().seal());
    let report = report(&verify(&sandbox, &[&TRUST, &SIGNER, &["-o", "report"]]).run().expect(0));
    let signature = &report["signatures"][0];
    assert_eq!(signature["signer"]["certificate"]["subject"], IDENTITY);
    assert_eq!(signature["signer"]["certificate"]["kind"], "email");
    assert_eq!(signature["signer"]["certificate"]["issuer"], ISSUER);
    assert_eq!(signature["log"][0]["index"], 1005);
    assert_eq!(signature["log"][0]["time"], "2023-11-14T22:13:20Z");
    assert!(signature["times"].as_array().unwrap().iter().all(|time| time == "2023-11-14T22:13:20Z"), "{signature}");
    assert_eq!(report["weakenedBy"], serde_json::json!([]));
    assert_eq!(report["checks"]["parts"][0]["group"], "identity");
}

// Whether the log promised or proved is told apart, in words and for machines.
#[test]
fn report_tells_the_promise_of_a_log_from_its_proof() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).seal());
    let mut promised = stack.blob(BLOB).seal().bundle();
    promised["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionProof");
    promised["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    let proved = stack.blob(BLOB).kind(Kind::HashedRekord2).stamped().seal().bundle();
    for (bundle, names, words) in [
        (stack.blob(BLOB).seal().bundle(), &["promise", "inclusion"][..], "signed promise, and by an inclusion proof"),
        (promised, &["promise"], "shown by the log's signed promise to include it (not by an inclusion proof)"),
        (proved, &["inclusion"], "shown by an inclusion proof and the log's signed checkpoint"),
    ] {
        sandbox.write("bundle", bundle.to_string());
        let ran = verify(&sandbox, &[&TRUST, &SIGNER, &["-o", "report"]]).run().expect(0);
        assert_eq!(report(&ran)["signatures"][0]["log"][0]["shownBy"], serde_json::json!(names));
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
}

// Of several signers, the one whose certificate and name fit leads; one without a trusted certificate never leads.
#[test]
fn headline_of_identities_is_of_the_signer_asked_for() {
    let stack = Sigstore::new();
    let unlogged = stack.blob(BLOB).unlogged().stamped().seal();
    let sandbox = sandbox(&stack, &unlogged);
    let ran = verify(&sandbox, &[&TRUST, &SIGNER, &["-o", "report"]]).run().expect(12);
    assert_eq!(report(&ran)["code"], "log-entry-missing");
    // Without a timestamp the certificate cannot be judged, and what is missing is the log entry.
    sandbox.write("bundle", stack.blob(BLOB).unlogged().seal().bundle().to_string());
    let ran = verify(&sandbox, &[&TRUST, &SIGNER, &["-o", "report"]]).run().expect(12);
    assert_eq!(report(&ran)["code"], "log-entry-missing");
    sandbox.write("bundle", stack.blob(BLOB).seal().bundle().to_string());
    sandbox.write("blob", "changed");
    let ran = verify(&sandbox, &[&TRUST, &SIGNER, &["-o", "report"]]).run().expect(12);
    assert_eq!(report(&ran)["code"], "subject-mismatch");
}

#[test]
fn github_workflows_are_matched_and_shown() {
    let stack = Sigstore::new();
    let uri = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
    let leaf = |leaf: Template| {
        let leaf = leaf.with(names(&[San::Uri(uri)]));
        let texts = [(2, "push"), (3, "0123"), (4, "release"), (5, "acme/app"), (6, "refs/heads/main")];
        texts.into_iter().fold(leaf, |leaf, (number, text)| leaf.with(fulcio(number, text)))
    };
    let sandbox = sandbox(&stack, &stack.blob(BLOB).leaf(leaf).seal());
    let signer = ["--certificate-identity", uri, "--certificate-oidc-issuer", ISSUER];
    let names = ["trigger", "sha", "name", "repository", "ref"];
    let values = ["push", "0123", "release", "acme/app", "refs/heads/main"];
    let flags: Vec<String> = names.iter().map(|name| format!("--certificate-github-workflow-{name}")).collect();
    let all: Vec<&str> = flags.iter().zip(values).flat_map(|(flag, value)| [flag.as_str(), value]).collect();
    verify(&sandbox, &[&TRUST, &signer, &all])
        .run()
        .expect(0)
        .stderr_contains("GitHub Workflow Repository: acme/app\n");
    for flag in &flags {
        verify(&sandbox, &[&TRUST, &signer, &[flag, "other"]]).run().expect(12).stderr_contains("extension-mismatch");
    }
}

#[test]
fn trusted_root_default_is_public_and_variables_replace_parts() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).stamped().seal());
    verify(&sandbox, &[&SIGNER]).run().expect(12);
    sandbox.write("ca.pem", stack.intermediate.pem() + &stack.root.pem());
    sandbox.write("tsa.pem", stack.tsa.leaf.pem() + &stack.tsa.root.pem());
    sandbox.write("rekor.pub", stack.rekor1.key.public_pem());
    sandbox.write("ct.pub", stack.ct.public_pem());
    let environment = [
        ("SIGSTORE_ROOT_FILE", "ca.pem"),
        ("SIGSTORE_REKOR_PUBLIC_KEY", "rekor.pub"),
        ("SIGSTORE_CT_LOG_PUBLIC_KEY_FILE", "ct.pub"),
        ("SIGSTORE_TSA_CERTIFICATE_FILE", "tsa.pem"),
    ];
    let with = |run: Run| environment.into_iter().fold(run, |run, (name, file)| run.env(name, file));
    let all = with(verify(&sandbox, &[&SIGNER, &["--use-signed-timestamps"]])).run().expect(0);
    for (name, _) in environment {
        assert_eq!(all.stderr.matches(&format!("note: {name} replaces ")).count(), 1, "{all:#?}");
    }
    for (left_out, _) in &environment[..3] {
        let others = environment.into_iter().filter(|(name, _)| name != left_out);
        others.fold(verify(&sandbox, &[&SIGNER]), |run, (name, file)| run.env(name, file)).run().expect(12);
    }
    // A root that is named is taken as it is.
    let other = Sigstore::named("other");
    sandbox.write("root.json", other.trusted_root().to_string());
    let ran = with(verify(&sandbox, &[&TRUST, &SIGNER])).run().expect(12);
    assert!(!ran.stderr.contains("replaces"), "{ran:#?}");
}

// threat: B13
#[test]
fn authorities_of_ones_own_replace_those_of_the_root() {
    let stack = Sigstore::new();
    let own = Sigstore::named("own");
    let signed = stack.blob(BLOB).issued_by(&own.intermediate).seal();
    let sandbox = sandbox(&stack, &signed);
    sandbox.write("chain.pem", own.intermediate.pem() + &own.root.pem());
    sandbox.write("roots.pem", own.root.pem());
    sandbox.write("below.pem", own.intermediate.pem());
    verify(&sandbox, &[&TRUST, &SIGNER]).run().expect(12).stderr_contains("certificate-untrusted");
    verify(&sandbox, &[&TRUST, &SIGNER, &["--certificate-chain", "chain.pem"]]).run().expect(0);
    verify(&sandbox, &[&TRUST, &SIGNER, &["--ca-roots", "roots.pem", "--ca-intermediates", "below.pem"]])
        .run()
        .expect(0);
    verify(&sandbox, &[&TRUST, &SIGNER, &["--ca-roots", "roots.pem"]])
        .run()
        .expect(12)
        .stderr_contains("certificate-untrusted");
    verify(&sandbox, &[&TRUST, &SIGNER, &["--ca-intermediates", "below.pem"]]).run().expect(2);
    sandbox.write("chain.pem", "no certificate");
    verify(&sandbox, &[&TRUST, &SIGNER, &["--certificate-chain", "chain.pem"]])
        .run()
        .expect(1)
        .stderr_contains("--certificate-chain");
}

#[test]
fn detached_signature_takes_certificate_and_timestamp_flags() {
    let stack = Sigstore::new();
    let signed = stack.blob(BLOB).unlogged().stamped().seal();
    let sandbox = sandbox(&stack, &signed);
    sandbox.write("signature", &signed.annotations()["dev.cosignproject.cosign/signature"]);
    sandbox.write("leaf.pem", signed.certificate.as_ref().unwrap().pem());
    let der = &signed.certificate.as_ref().unwrap().der;
    sandbox.write("leaf.der", der);
    let base64 = STANDARD.encode(der);
    sandbox.write("leaf.der.b64", format!("{}\n{}\n", &base64[..76], &base64[76..]));
    let pem = signed.certificate.as_ref().unwrap().pem();
    sandbox.write("leaf.pem.b64", STANDARD.encode(&pem) + "\r\n");
    sandbox.write("leaf.txt", format!("subject=x\n{pem}"));
    sandbox.write("stamp.der", &signed.stamps[0]);
    sandbox.write("stamp.json", &signed.annotations()["dev.sigstore.cosign/rfc3161timestamp"]);
    let detached = |flags: &[&[&str]]| {
        let fixed = ["verify-blob", "--signature", "signature", "--insecure-ignore-tlog", "blob"];
        sandbox.sigkit(&[&fixed, &TRUST[..], &SIGNER, &flags.concat()].concat()).run()
    };
    for (leaf, stamp) in [
        ("leaf.pem", "stamp.der"),
        ("leaf.der", "stamp.json"),
        ("leaf.der.b64", "stamp.der"),
        ("leaf.pem.b64", "stamp.der"),
        ("leaf.txt", "stamp.der"),
    ] {
        detached(&[&["--certificate", leaf, "--rfc3161-timestamp", stamp, "--use-signed-timestamps"]]).expect(0);
    }
    for (text, said) in [
        (format!("\"{pem}\""), "quotation mark"),
        (pem.replace("CERTIFICATE", "PUBLIC KEY"), "PUBLIC KEY"),
        (" \n".to_owned(), "no PEM block"),
        (format!("{pem}{pem}"), "2 certificates"),
    ] {
        sandbox.write("odd", text);
        detached(&[&["--certificate", "odd", "--rfc3161-timestamp", "stamp.der"]]).expect(1).stderr_contains(said);
    }
    detached(&[&["--rfc3161-timestamp", "stamp.der"]]).expect(13).stderr_contains("certificate-missing");
    detached(&[&["--certificate", "leaf.pem"]]).expect(12);
    let other = stack.blob(b"another").unlogged().stamped().seal();
    sandbox.write("stamp.der", &other.stamps[0]);
    detached(&[&["--certificate", "leaf.pem", "--rfc3161-timestamp", "stamp.der"]]).expect(12);
}

// threat: B08
#[test]
fn unsigned_timestamp_fields_must_match_signed_ones() {
    let stack = Sigstore::new();
    let judge = |change: fn(Stamp) -> Stamp| {
        let sandbox = sandbox(&stack, &stack.blob(BLOB).stamp(change).seal());
        verify(&sandbox, &[&TRUST, &SIGNER, &["--use-signed-timestamps"]]).run()
    };
    judge(|stamp| stamp).expect(0);
    judge(|stamp| Stamp { bag: Vec::new(), ..stamp }).expect(0);
    let called = |stamp| Stamp { called: Sigstore::named("other").tsa.leaf.issuer_and_serial(), ..stamp };
    judge(called).expect(12).stderr_contains("the name of another certificate");
    judge(|stamp| Stamp { digests: vec![Hash::Sha512], ..stamp }).expect(12).stderr_contains("timestamp-");
    judge(|stamp| Stamp { digests: Vec::new(), ..stamp }).expect(12).stderr_contains("timestamp-");
}

/// Stores a bundle of a signature over `image` as its referrer.
fn attach(lab: &RegistryFixture, stack: &Sigstore, image: &Image) {
    let statement = support::lab::statement(&image.digest, "https://sigstore.dev/cosign/sign/v1", "{}");
    let bundle = stack.statement(statement.as_bytes()).seal().bundle().to_string();
    let manifest = image::referrer(lab.registry.content(), "app", image, support::lab::BUNDLE, bundle.as_bytes());
    lab.registry.content().put_manifest("app", None, image::OCI_MANIFEST, &manifest);
}

/// Stores a signature over `image` under its legacy tag.
fn attach_legacy(lab: &RegistryFixture, stack: &Sigstore, image: &Image) {
    attach_changed(lab, stack, image, |signing| signing);
}

/// The same, with something wrong about it.
fn attach_changed(lab: &RegistryFixture, stack: &Sigstore, image: &Image, change: impl Fn(Signing<'_>) -> Signing<'_>) {
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":{{"Subject":"ceo@stack.test","stage":"prod"}}}}"#,
        lab.name(""),
        image.digest
    );
    let annotations = serde_json::json!(change(stack.blob(payload.as_bytes()).stamped()).seal().annotations());
    let content = lab.registry.content();
    let (config, layer) = (content.put_blob("app", b"{}"), content.put_blob("app", payload.as_bytes()));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{0}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"{config}"}},"layers":[{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":{1},"digest":"{layer}","annotations":{annotations}}}]}}"#,
        image::OCI_MANIFEST,
        payload.len()
    );
    content.put_manifest("app", Some(&support::lab::signature_tag(image)), image::OCI_MANIFEST, manifest.as_bytes());
}

// threat: M4 M5
#[test]
fn images_verify_in_both_formats_and_name_the_signer() {
    let stack = Sigstore::new();
    let lab = RegistryFixture::new();
    lab.sandbox.write("root.json", stack.trusted_root().to_string());
    let mut root = stack.trusted_root();
    root["timestampAuthorities"] = serde_json::json!([]);
    lab.sandbox.write("no-authority.json", root.to_string());
    let (bundled, legacy) = (lab.image("bundled"), lab.image("legacy"));
    attach(&lab, &stack, &bundled);
    attach_legacy(&lab, &stack, &legacy);
    for image in [&bundled, &legacy] {
        let name = lab.digest(image);
        let verify = |more: &[&str]| lab.sandbox.sigkit(&[&["verify"], &TRUST[..], more, &[&name]].concat()).run();
        let ran = verify(&SIGNER).expect(0);
        ran.stderr_contains("  - Existence of the claims in the transparency log was verified offline\n")
            .stderr_contains(
                "  - The code-signing certificate was verified using trusted certificate authority certificates\n",
            )
            .prints_optional(&[("Subject", IDENTITY), ("Issuer", ISSUER), ("1.3.6.1.4.1.57264.1.1", ISSUER)]);
        let printed: Value = serde_json::from_str(&verify(&SIGNER).stdout).unwrap();
        let optional = &printed[0]["optional"];
        assert_eq!(optional["Bundle"]["Payload"]["integratedTime"], SIGNED_AT);
        // As cosign prints it, and only what was there and is valid.
        let stamp = optional["RFC3161Timestamp"]["SignedRFC3161Timestamp"].as_str();
        assert_eq!(stamp.is_some(), image.digest == legacy.digest, "{optional}");
        let no_authority = ["--trusted-root", "no-authority.json"];
        let words = [&["verify"], &no_authority[..], &SIGNER, &[&name]].concat();
        let ran = lab.sandbox.sigkit(&words).run().expect(0);
        let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(printed[0]["optional"]["Bundle"].is_object() && printed[0]["optional"]["RFC3161Timestamp"].is_null());
        let other = ["--certificate-identity", "ceo@stack.test", "--certificate-oidc-issuer", ISSUER];
        verify(&other).expect(12).stderr_contains("identity-mismatch");
        let without = [&SIGNER[..], &["--insecure-ignore-tlog"]].concat();
        let ran = verify(&without);
        assert!(!ran.stderr.contains("Existence of the claims"), "{ran:#?}");
    }
}

// threat: B13 I01 I02
#[test]
fn policies_in_files_accept_the_identity_that_they_name() {
    let stack = Sigstore::new();
    let lab = RegistryFixture::new();
    lab.sandbox.write("root.json", stack.trusted_root().to_string());
    let (mut root, other) = (stack.trusted_root(), Sigstore::named("other").trusted_root());
    for member in ["certificateAuthorities", "ctlogs"] {
        root[member] = other[member].clone();
    }
    lab.sandbox.write("other.json", root.to_string());
    lab.sandbox.write("ca.pem", stack.intermediate.pem() + &stack.root.pem());
    lab.sandbox.write("rekor.pub", stack.rekor1.key.public_pem());
    let (signed, unlogged, keyed) = (lab.image("signed"), lab.image("unlogged"), lab.image("keyed"));
    attach_legacy(&lab, &stack, &signed);
    attach_changed(&lab, &stack, &unlogged, |signing| signing.unlogged());
    lab.attach_legacy(&keyed, "null");
    lab.image("unsigned");
    let host = lab.registry.host();
    let cluster = format!(
        "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: test}}\nspec:\n  images: [{{glob: '{host}/**'}}]\n  authorities:\n  - keyless:\n      identities: [{{subject: SUBJECT, issuer: ISSUER}}]\n"
    );
    let containers = r#"{"default":[{"type":"sigstoreSigned","fulcio":{"caPath":"ca.pem","oidcIssuer":"ISSUER","subjectEmail":"SUBJECT"},"rekorPublicKeyPath":"rekor.pub","signedIdentity":{"type":"matchRepository"}}]}"#;
    let ours = format!(
        "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: test\nimages: ['{host}/**']\nauthorities:\n  alice: {{identity: {{subject: SUBJECT, issuer: ISSUER}}}}\nrequire:\n- signature: {{by: [alice], atLeast: 1}}\n"
    );
    for (document, untrusted) in
        [(cluster.as_str(), "certificate-untrusted"), (containers, "sct-invalid"), (&ours, "certificate-untrusted")]
    {
        let verify = |subject: &str, issuer: &str, root: &str, tag: &str| {
            lab.sandbox.write("policy", document.replace("SUBJECT", subject).replace("ISSUER", issuer));
            let flags = ["verify", "--policy", "policy", "--trusted-root", root, "-o", "report"];
            lab.sandbox.sigkit(&[&flags[..], &[&lab.name(tag)]].concat()).run()
        };
        let found = report(&verify(IDENTITY, ISSUER, "root.json", ":signed").expect(0));
        assert_eq!(found["digest"], signed.digest.as_str());
        assert_eq!(found["signatures"][0]["signer"]["certificate"]["subject"], IDENTITY);
        for (subject, issuer, root, tag, exit, code) in [
            ("mallory@stack.test", ISSUER, "root.json", ":signed", 12, "identity-mismatch"),
            (IDENTITY, "https://other.test", "root.json", ":signed", 12, "issuer-mismatch"),
            (IDENTITY, ISSUER, "other.json", ":signed", 12, untrusted),
            (IDENTITY, ISSUER, "root.json", ":unlogged", 12, "log-entry-missing"),
            (IDENTITY, ISSUER, "root.json", ":keyed", 13, "certificate-missing"),
            (IDENTITY, ISSUER, "root.json", ":unsigned", 10, "no-signatures"),
        ] {
            verify(subject, issuer, root, tag).expect(exit).stderr_contains(code);
        }
    }
}

#[test]
fn downloaded_signature_has_certificates_and_log_entry() {
    let stack = Sigstore::new();
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    attach_changed(&lab, &stack, &image, |signing| signing.stamped());
    let printed = lab.sandbox.sigkit(&["download", "signature", &lab.digest(&image)]).run().expect(0);
    let printed: Value = serde_json::from_str(&printed.stdout).unwrap();
    let raw = |der: &[u8]| {
        use base64::Engine as _;
        serde_json::json!({"Raw": base64::engine::general_purpose::STANDARD.encode(der)})
    };
    assert_eq!(printed["Chain"], serde_json::json!([raw(&stack.intermediate.der), raw(&stack.root.der)]));
    assert!(printed["Cert"]["Raw"].is_string(), "{printed}");
    assert_eq!(printed["Bundle"]["Payload"]["integratedTime"], SIGNED_AT);
    assert!(printed["RFC3161Timestamp"]["SignedRFC3161Timestamp"].is_string(), "{printed}");
}

// threat: A16
#[test]
fn a_signature_by_a_key_has_no_certificate() {
    let stack = Sigstore::new();
    let lab = RegistryFixture::new();
    lab.sandbox.write("root.json", stack.trusted_root().to_string());
    let image = lab.image("keyed");
    lab.attach_signature(&image);
    let name = lab.digest(&image);
    let verify = || lab.sandbox.sigkit(&[&["verify"], &TRUST[..], &SIGNER, &[&name]].concat()).run();
    verify().expect(13).stderr_contains("certificate-missing");
    // A certificate of someone else beside it is a signature that does not match.
    let mallory = |leaf: Template| leaf.with(names(&[San::Email("mallory@stack.test")]));
    let statement = support::lab::statement(&image.digest, "https://sigstore.dev/cosign/sign/v1", "{}");
    let bundle = stack.statement(statement.as_bytes()).leaf(mallory).seal().bundle().to_string();
    let manifest = image::referrer(lab.registry.content(), "app", &image, support::lab::BUNDLE, bundle.as_bytes());
    lab.registry.content().put_manifest("app", None, image::OCI_MANIFEST, &manifest);
    verify().expect(12);
}

// threat: A03 A04
#[test]
fn a_key_beside_a_trusted_root_has_its_log_entries_verified() {
    let stack = Sigstore::new();
    let signed = stack.blob(BLOB).key(Key::p256("signer")).without_certificate().seal();
    let sandbox = sandbox(&stack, &signed);
    sandbox.write("key.pub", Key::p256("signer").public_pem());
    let key = ["--key", "key.pub"];
    verify(&sandbox, &[&key]).run().expect(0);
    verify(&sandbox, &[&key, &TRUST]).run().expect(0);
    verify(&sandbox, &[&key, &TRUST, &["--require-log"]]).run().expect(0);
    verify(&sandbox, &[&key, &TRUST, &["--insecure-ignore-tlog=false"]]).run().expect(0);
    verify(&sandbox, &[&key, &TRUST, &["--use-signed-timestamps"]])
        .run()
        .expect(12)
        .stderr_contains("timestamp-missing");
    verify(&sandbox, &[&key, &["--require-log"]]).run().expect(12).stderr_contains("log-entry-missing");
    // The entry of another signature by the same key.
    let mut swapped = signed;
    swapped.entries = stack.blob(b"another").key(Key::p256("signer")).without_certificate().seal().entries;
    sandbox.write("bundle", swapped.bundle().to_string());
    verify(&sandbox, &[&key, &TRUST]).run().expect(12);
}

impl Ran {
    /// The first element on stdout has these members in `optional`.
    #[track_caller]
    fn prints_optional(&self, members: &[(&str, &str)]) {
        let printed: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        for (name, value) in members {
            assert_eq!(printed[0]["optional"][name], *value, "{self:#?}");
        }
    }
}

// threat: G12
#[test]
fn addresses_in_signed_content_are_not_contacted() {
    let (stack, elsewhere, lab) = (Sigstore::new(), RecordingServer::start(), RegistryFixture::new());
    let url = elsewhere.url();
    let mut root = stack.trusted_root();
    for (list, address) in [("certificateAuthorities", "uri"), ("timestampAuthorities", "uri"), ("ctlogs", "baseUrl")] {
        root[list][0][address] = url.as_str().into();
    }
    lab.sandbox.write("root.json", root.to_string());
    let image = lab.image("v1");
    let statement = support::lab::statement(
        &image.digest,
        "https://sigstore.dev/cosign/sign/v1",
        &format!(r#"{{"url":"{url}","uri":"{url}","downloadLocation":"{url}"}}"#),
    );
    let leaf = |leaf: Template| {
        (1..=22).fold(leaf.with(names(&[San::Uri(&url)])), |leaf, number| leaf.with(fulcio(number, &url)))
    };
    let bundle = stack.statement(statement.as_bytes()).leaf(leaf).stamped().seal().bundle().to_string();
    let content = lab.registry.content();
    let manifest = image::referrer(content, "app", &image, support::lab::BUNDLE, bundle.as_bytes());
    let urls = format!(r#""urls":["{url}"],"annotations":{{"org.opencontainers.image.url":"{url}"}},"digest""#);
    let manifest = String::from_utf8(manifest).unwrap().replace(r#""digest""#, &urls);
    content.put_manifest("app", None, image::OCI_MANIFEST, manifest.as_bytes());
    let signer = ["--certificate-identity", &url, "--certificate-oidc-issuer", &url];
    let name = lab.digest(&image);
    for (signer, code) in [(signer, 0), (SIGNER, 12)] {
        let words = [&["verify", "-o", "report"], &TRUST[..], &signer, &[&name]].concat();
        lab.sandbox.sigkit(&words).run().expect(code);
    }
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
}

// threat: R16
#[test]
fn variables_speak_only_where_the_command_line_is_silent() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).stamped().seal());
    let other = Sigstore::named("other");
    sandbox.write("other.json", other.trusted_root().to_string());
    sandbox.write("other.pem", other.intermediate.pem() + &other.root.pem());
    sandbox.write("other.pub", other.rekor1.key.public_pem());
    // There is no such note: the variable is used, and is named.
    let ran = verify(&sandbox, &[&SIGNER, &["-o", "report"]]).env("SIGKIT_TRUSTED_ROOT", "root.json").run().expect(0);
    let named = serde_json::json!([{"variable": "SIGKIT_TRUSTED_ROOT", "sets": "--trusted-root"}]);
    assert_eq!(report(&ran)["fromEnvironment"], named);
    assert!(ran.stderr.contains("note: --trusted-root is set by the environment variable SIGKIT_TRUSTED_ROOT"));
    // Something is: nothing of the environment is mixed with it.
    for (variable, value) in [
        ("SIGKIT_TRUSTED_ROOT", "other.json"),
        ("COSIGN_CERTIFICATE_CHAIN", "other.pem"),
        ("SIGKIT_CA_ROOTS", "other.pem"),
        ("SIGKIT_TIMESTAMP_CERTIFICATE_CHAIN", "other.pem"),
        ("SIGSTORE_ROOT_FILE", "other.pem"),
        ("SIGSTORE_REKOR_PUBLIC_KEY", "other.pub"),
        ("COSIGN_KEY", "other.pub"),
        ("SIGKIT_CERTIFICATE_IDENTITY_REGEXP", ".*"),
        ("SIGKIT_CERTIFICATE_GITHUB_WORKFLOW_REF", "other"),
        ("SIGKIT_CERTIFICATE", "other.pem"),
    ] {
        let ran = verify(&sandbox, &[&TRUST, &SIGNER, &["-o", "report"]]).env(variable, value).run().expect(0);
        assert!(ran.stderr.contains(&format!("WARNING: {variable} is ignored: ")), "{variable}: {ran:#?}");
        assert_eq!(report(&ran)["fromEnvironment"], serde_json::json!([]), "{variable}");
    }
    // Private authorities are not completed by the environment either.
    sandbox.write("own.pem", stack.intermediate.pem() + &stack.root.pem());
    verify(&sandbox, &[&SIGNER, &["--certificate-chain", "own.pem"]])
        .env("SIGKIT_TRUSTED_ROOT", "root.json")
        .run()
        .expect(12)
        .stderr_contains("WARNING: SIGKIT_TRUSTED_ROOT is ignored");
}

// threat: R17
#[test]
fn an_empty_value_never_drops_a_demand() {
    let stack = Sigstore::new();
    let sandbox = sandbox(&stack, &stack.blob(BLOB).stamped().seal());
    for flag in [
        "--certificate-github-workflow-trigger",
        "--certificate-github-workflow-sha",
        "--certificate-github-workflow-name",
        "--certificate-github-workflow-repository",
        "--certificate-github-workflow-ref",
        "--certificate-chain",
        "--ca-roots",
        "--certificate",
        "--sct",
        "--timestamp-certificate-chain",
        "--rfc3161-timestamp",
        "--signature",
        "--threshold",
        "--key",
    ] {
        for spelled in [&[flag, ""][..], &[&format!("{flag}=")], &[&format!("{}=", &flag[1..])]] {
            verify(&sandbox, &[&TRUST, &SIGNER, spelled]).run().expect(2).stderr_contains(flag);
        }
        let variable = format!("SIGKIT_{}", flag[2..].replace('-', "_").to_uppercase());
        // The bundle of the command line leaves nothing to say of other evidence.
        if !matches!(flag, "--signature" | "--sct" | "--rfc3161-timestamp") {
            let ran = verify(&sandbox, &[]).env(&variable, "").run().expect(2);
            assert!(ran.stderr.contains(&format!("the environment variable {variable} is empty")), "{ran:#?}");
        }
    }
    verify(&sandbox, &[&SIGNER])
        .env("SIGSTORE_ROOT_FILE", "")
        .run()
        .expect(2)
        .stderr_contains("SIGSTORE_ROOT_FILE is empty");
    verify(&sandbox, &[&TRUST, &SIGNER, &["--output-file="]]).env("SIGKIT_TIMEOUT", "").run().expect(0);
}
