//! Signing and verifying files: every key, every form of signature, and everything that must not pass.

mod support;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;
use support::{Run, Sandbox};

const ALGORITHMS: [&str; 5] = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"];

/// `cosign.key`, `cosign.pub`, `other.pub`, `blob` and `harmed`.
fn sandbox(algorithm: &str) -> Sandbox {
    let sandbox = Sandbox::new().with_test_key(algorithm, "cosign");
    let other = if algorithm == "ecdsa-p256" { "ecdsa-p384" } else { "ecdsa-p256" };
    sandbox.write("other.pub", support::lab::public_key(other));
    sandbox.write("blob", "a blob\n");
    sandbox.write("harmed", "a Blob\n");
    sandbox
}

fn sign(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    sandbox.signing(&[&["sign-blob", "--key", "cosign.key"], arguments].concat())
}

fn verify(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    sandbox.sigkit(&[&["verify-blob", "--key", "cosign.pub"], arguments].concat())
}

/// Holds for the blob by file, standard input and digest; holds neither for another blob nor for another key.
#[track_caller]
fn stands(sandbox: &Sandbox, algorithm: &str, given: &[&str]) {
    let ran = verify(sandbox, &[given, &["blob"]].concat()).run().expect(0).stdout_is("");
    assert_eq!(ran.stderr, "Verified OK\n");
    verify(sandbox, &[given, &["-"]].concat()).stdin("a blob\n").run().expect(0);
    let digest = testkit::sha256(b"a blob\n");
    // A signature that is not over the digest needs the bytes themselves.
    let by_digest = if ["ecdsa-p256", "rsa-2048"].contains(&algorithm) { 0 } else { 12 };
    verify(sandbox, &[given, &[&digest]].concat()).run().expect(by_digest);
    for run in [
        verify(sandbox, &[given, &["harmed"]].concat()),
        verify(sandbox, &[given, &["-"]].concat()).stdin("another"),
        verify(sandbox, &[given, &[&testkit::sha256(b"another")]].concat()),
        sandbox.sigkit(&[&["verify-blob", "--key", "other.pub"], given, &["blob"]].concat()),
    ] {
        let ran = run
            .run()
            .expect(12)
            .stdout_is("")
            .stderr_contains("Error: ")
            .stderr_contains("(sigkit explain ")
            .stderr_contains("\nNext: ");
        assert!(!ran.stderr.contains("Verified OK") && ran.stderr.contains("REJECTED"), "{ran:#?}");
    }
}

#[test]
fn every_key_signs_in_every_form() {
    for algorithm in ALGORITHMS {
        let sandbox = sandbox(algorithm);
        sign(&sandbox, &["--bundle", "bundle", "--output-signature", "base64", "blob"]).run().expect(0).stdout_is("");
        stands(&sandbox, algorithm, &["--bundle", "bundle"]);
        stands(&sandbox, algorithm, &["--signature", "base64"]);
        let signature = String::from_utf8(sandbox.read("base64")).unwrap();
        verify(&sandbox, &["--signature", &signature, "blob"]).run().expect(0);
        let document: Value = serde_json::from_slice(&sandbox.read("bundle")).unwrap();
        assert_eq!(document["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
        assert_eq!(document["messageSignature"]["signature"], signature.as_str());
        // Raw, and from standard input, which cannot be read twice.
        let raw = ["--b64=false", "--new-bundle-format=false", "--bundle", "legacy", "--output-signature", "raw", "-"];
        sign(&sandbox, &raw).stdin("a blob\n").run().expect(0).stdout_is("");
        stands(&sandbox, algorithm, &["--signature", "raw"]);
        stands(&sandbox, algorithm, &["--bundle", "legacy"]);
        let legacy: Value = serde_json::from_slice(&sandbox.read("legacy")).unwrap();
        assert_eq!(legacy.as_object().unwrap().keys().collect::<Vec<_>>(), ["base64Signature"]);
        let mut files = sandbox.names();
        files.retain(|name| !name.starts_with("cosign"));
        assert_eq!(files, ["base64", "blob", "bundle", "harmed", "legacy", "other.pub", "raw"]);
    }
}

#[test]
fn without_a_file_the_signature_is_the_result() {
    let sandbox = sandbox("ed25519");
    let signature = sign(&sandbox, &["blob"]).run().expect(0).stdout;
    assert!(signature.ends_with("=\n") && signature.lines().count() == 1, "{signature}");
    verify(&sandbox, &["--signature", signature.trim_end(), "blob"]).run().expect(0);
    verify(&sandbox, &["--signature", "-", "blob"]).stdin(&signature).run().expect(0);
    verify(&sandbox, &["--signature", "-", "blob"]).stdin(signature.replace('\n', "\r\n")).run().expect(0);
    let two = sign(&sandbox, &["blob", "harmed"]).run().expect(0).stdout;
    assert_eq!((two.lines().next(), two.lines().count()), (signature.lines().next(), 2));
    sign(&sandbox, &["--bundle", "b", "blob", "harmed"]).run().expect(2).stderr_contains("hold one signature");
    sign(&sandbox, &["--output-file", "out", "blob"]).run().expect(0).stdout_is("");
    assert_eq!(sandbox.read("out"), signature.into_bytes());
}

#[test]
fn a_malformed_bundle_is_refused_with_its_place() {
    let sandbox = sandbox("ecdsa-p256");
    sign(&sandbox, &["--bundle", "good", "blob"]).run().expect(0);
    let good = String::from_utf8(sandbox.read("good")).unwrap();
    for (bytes, says) in [
        ("{}".to_owned(), "mediaType"),
        ("[]".to_owned(), "sigstore bundle: "),
        (good[..good.len() / 2].to_owned(), "EOF"),
        (format!("{good}{good}"), "trailing characters"),
        (good.replace("v0.3", "v9.9"), "v9.9"),
        (good.replace("\"messageSignature\":", "\"messageSignature\":null,\"messageSignature\":"), "appears twice"),
        (good.replace("\"signature\":\"", "\"signature\":\"!"), "base64"),
        (r#"{"base64Signature":"!"}"#.to_owned(), "base64"),
        (r#"{"base64Signature":""}"#.to_owned(), "signature"),
        (String::from_utf8(sandbox.read("cosign.pub")).unwrap(), "sigstore bundle: "),
    ] {
        sandbox.write("bad", &bytes);
        let ran = verify(&sandbox, &["--bundle", "bad", "blob"]).run().expect(12).stdout_is("").stderr_contains(says);
        assert!(ran.stderr.contains("; in bad (sigkit explain "), "{ran:#?}");
        assert!(!ran.stderr.contains("Verified") && !ran.stderr.contains("internal error"), "{ran:#?}");
    }
    sandbox.write("bad", "");
    verify(&sandbox, &["--bundle", "bad", "blob"])
        .run()
        .expect(1)
        .stdout_is("")
        .stderr_contains("expected a bundle, found an empty file");
    // A statement about a blob counts for the blob that it names, and for no other.
    let statement = support::lab::statement(&testkit::sha256(b"a blob\n"), "https://sigstore.dev/cosign/sign/v1", "{}");
    sandbox.write("bad", support::lab::bundle(&support::lab::key_pair("ecdsa-p256"), &statement));
    verify(&sandbox, &["--bundle", "bad", "blob"]).run().expect(0);
    verify(&sandbox, &["--bundle", "bad", "harmed"]).run().expect(12).stdout_is("").stderr_contains("subject-mismatch");
}

// threat: M2
#[test]
fn a_bundle_does_not_bring_its_own_key() {
    let sandbox = sandbox("ecdsa-p256").with_test_key("ecdsa-p384", "attacker");
    sandbox.signing(&["sign-blob", "--key", "attacker.key", "--output-signature", "s", "blob"]).run().expect(0);
    let signature = String::from_utf8(sandbox.read("s")).unwrap();
    let cert = sandbox.shell("base64 -w0 attacker.pub").run().expect(0).stdout;
    sandbox.write("evil", format!(r#"{{"base64Signature":"{signature}","cert":"{cert}"}}"#));
    let with_key = |key: &str, more: &[&str]| {
        sandbox.sigkit(&[&["verify-blob", "--key", key, "--bundle", "evil", "blob"], more].concat()).run()
    };
    for flags in [&[][..], &["--insecure-ignore-tlog"], &["-o", "report"]] {
        let ran = with_key("cosign.pub", flags)
            .expect(12)
            .stderr_contains("signature-invalid")
            .stderr_contains("; in evil (");
        assert!(!ran.stderr.contains("Verified"), "{ran:#?}");
    }
    // The bundle is as good as any other for those who trust that key.
    with_key("attacker.pub", &[]).expect(0);
    for cert in ["!".to_owned(), "AAAA".to_owned(), cert.replace("LS0t", "LS0u")] {
        sandbox.write("evil", format!(r#"{{"base64Signature":"{signature}","cert":"{cert}"}}"#));
        with_key("attacker.pub", &[])
            .expect(12)
            .stdout_is("")
            .stderr_contains("bundle-malformed")
            .stderr_contains("cert");
    }
}

#[test]
fn what_is_missing_or_wrong_leaves_nothing_behind() {
    let sandbox = sandbox("ecdsa-p256").with_test_key("ecdsa-p384", "attacker");
    sign(&sandbox, &["--bundle", "good", "blob"]).run().expect(0);
    let key = String::from_utf8(sandbox.read("cosign.key")).unwrap();
    sandbox.write("short.key", &key[..key.len() / 2]);
    let before = sandbox.names();
    let out = ["--bundle", "b", "--output-signature", "s", "blob"];
    let with_key = |key: &str| sandbox.signing(&[&["sign-blob", "--key", key], &out[..]].concat()).run();
    with_key("cosign.pub")
        .expect(1)
        .stderr_contains("--key: cosign.pub: expected an encrypted private key in PEM, found a public key");
    with_key("short.key")
        .expect(1)
        .stderr_contains("--key: short.key: expected an encrypted private key in PEM")
        .stderr_contains("END");
    with_key("blob").expect(1).stderr_contains("--key: blob: expected an encrypted private key in PEM");
    with_key("missing.key").expect(1).stderr_contains("--key: cannot read missing.key");
    let ran = sign(&sandbox, &out).env("COSIGN_PASSWORD", "wrong").run().expect(1).stdout_is("");
    ran.stderr_contains("--key: cosign.key: wrong password (from COSIGN_PASSWORD), or the file is damaged");
    sign(&sandbox, &["--bundle", "b", "missing"]).run().expect(1).stderr_contains("BLOB: cannot read missing");
    sign(&sandbox, &["--bundle", "b", "."]).run().expect(1).stderr_contains("found a directory");
    sign(&sandbox, &["--bundle", "missing/b", "blob"])
        .run()
        .expect(1)
        .stderr_contains("--bundle: cannot write missing/b");
    let verify_with = |key: &str| {
        sandbox.sigkit(&["verify-blob", "--key", key, "--bundle", "good", "blob"]).run().expect(1).stdout_is("")
    };
    verify_with("cosign.key").stderr_contains("--key: cosign.key: expected a public key in PEM, found a private key");
    verify_with("missing.pub").stderr_contains("--key: cannot read missing.pub");
    verify_with("good").stderr_contains("--key: good: expected a public key in PEM");
    verify(&sandbox, &["--bundle", "good", "missing"])
        .run()
        .expect(1)
        .stderr_contains("BLOB: cannot read missing")
        .stdout_is("");
    verify(&sandbox, &["--bundle", "missing", "blob"])
        .run()
        .expect(1)
        .stderr_contains("--bundle: cannot read missing")
        .stdout_is("");
    verify(&sandbox, &["--signature", "missing", "blob"])
        .run()
        .expect(1)
        .stderr_contains("--signature: cannot read missing");
    verify(&sandbox, &["blob"]).run().expect(2).stderr_contains("--bundle");
    verify(&sandbox, &["--bundle", "good", "--signature", "x", "blob"]).run().expect(2);
    for format in ["json", "text"] {
        verify(&sandbox, &["-o", format, "--bundle", "good", "blob"])
            .run()
            .expect(2)
            .stderr_contains("--output report");
    }
    verify(&sandbox, &["--max-workers=2", "--bundle", "good", "blob"])
        .run()
        .expect(0)
        .stderr_contains("note: --max-workers");
    assert_eq!(sandbox.names(), before);
}

#[test]
fn thresholds_count_keys() {
    let sandbox = sandbox("ecdsa-p256");
    sign(&sandbox, &["--bundle", "b", "blob"]).run().expect(0);
    let given = ["--bundle", "b", "blob", "--key", "other.pub"];
    verify(&sandbox, &given).run().expect(0);
    let ran = verify(&sandbox, &[&given[..], &["--threshold", "2"]].concat()).run().expect(12);
    ran.stderr_contains("; in b, by key other.pub (sigkit explain signature-invalid)");
    verify(&sandbox, &["--bundle", "b", "blob", "--key", "cosign.pub", "--threshold", "2"]).run().expect(2);
}

#[test]
fn the_digest_under_the_signature_can_be_named() {
    let sandbox = sandbox("ecdsa-p384");
    sign(&sandbox, &["--bundle", "b", "blob"]).run().expect(0);
    for (digest, code) in [("sha384", 0), ("sha256", 12), ("sha512", 12)] {
        verify(&sandbox, &["--signature-digest-algorithm", digest, "--bundle", "b", "blob"]).run().expect(code);
    }
}

/// Every hash requested by name is tried, and that one alone; without a name those usual for the key.
// threat: C13
#[test]
fn a_hash_asked_for_holds_for_every_kind_of_key() {
    let sandbox = Sandbox::new();
    sandbox.write("blob", "blob");
    let openssl = |arguments: &[&str]| {
        let ran = std::process::Command::new("openssl").args(arguments).current_dir(sandbox.path("")).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    for (kind, parameter, usual) in [
        ("RSA", "rsa_keygen_bits:2048", &["sha256"][..]),
        ("EC", "ec_paramgen_curve:P-256", &["sha256"]),
        ("EC", "ec_paramgen_curve:P-384", &["sha384", "sha256"]),
        ("EC", "ec_paramgen_curve:P-521", &["sha512", "sha256"]),
    ] {
        openssl(&["genpkey", "-algorithm", kind, "-pkeyopt", parameter, "-out", "k"]);
        openssl(&["pkey", "-in", "k", "-pubout", "-out", "k.pub"]);
        for signed in ["sha256", "sha384", "sha512"] {
            openssl(&["dgst", &format!("-{signed}"), "-sign", "k", "-out", "sig", "blob"]);
            let verify = |flags: &[&str]| {
                let fixed = ["verify-blob", "--key", "k.pub", "--signature", "sig", "blob"];
                sandbox.sigkit(&[&fixed, flags].concat()).run()
            };
            for asked in ["sha256", "sha384", "sha512"] {
                let code = if asked == signed { 0 } else { 12 };
                verify(&["--signature-digest-algorithm", asked]).expect(code);
            }
            let ran = verify(&[]).expect(if usual.contains(&signed) { 0 } else { 12 });
            if !usual.contains(&signed) && parameter != "ec_paramgen_curve:P-256" {
                ran.stderr_contains("--signature-digest-algorithm");
            }
        }
    }
    openssl(&["genpkey", "-algorithm", "ED25519", "-out", "k"]);
    openssl(&["pkey", "-in", "k", "-pubout", "-out", "k.pub"]);
    openssl(&["pkeyutl", "-sign", "-inkey", "k", "-rawin", "-in", "blob", "-out", "sig"]);
    for (asked, code) in [("sha256", 0), ("sha512", 0), ("sha384", 2)] {
        let flags =
            ["verify-blob", "--key", "k.pub", "--signature", "sig", "blob", "--signature-digest-algorithm", asked];
        sandbox.sigkit(&flags).run().expect(code);
    }
}

/// Feeds standard input with that many MiB of zeros; the most memory held until then, in KiB, and the exit code.
fn peak(run: Run, mebibytes: usize) -> (u64, i32) {
    let mut command = run.command;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    for _ in 0..mebibytes {
        pipe.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(pipe);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    (peak.trim().trim_end_matches(" kB").parse().unwrap(), child.wait().unwrap().code().unwrap())
}

#[test]
fn memory_does_not_grow_with_the_blob() {
    for algorithm in ["ecdsa-p256", "ecdsa-p521", "ed25519"] {
        let sandbox = sandbox(algorithm);
        // Opening the key takes 64 MiB once, which is what makes guessing its password dear.
        let (most, code) = peak(sign(&sandbox, &["--bundle", "bundle", "-"]), 64);
        assert_eq!(code, 0);
        assert!(most < 96 << 10, "{algorithm}: {most} KiB");
        let (most, code) = peak(verify(&sandbox, &["--bundle", "bundle", "-"]), 64);
        assert_eq!(code, 0);
        // Compared with a refusal of one megabyte, since the program itself takes most of it in a debug build.
        let (least, code) = peak(verify(&sandbox, &["--bundle", "bundle", "-"]), 1);
        assert_ne!(code, 0);
        assert!(most < least + (8 << 10), "{algorithm}: {most} KiB, with little to read {least} KiB");
    }
}

// threat: R35
#[test]
fn a_file_that_changes_while_it_is_signed_is_refused() {
    let sandbox = sandbox("ecdsa-p256");
    sandbox.write("large", vec![7_u8; 64 << 20]);
    let path = sandbox.path("large");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        while stopped.recv_timeout(std::time::Duration::from_millis(1)).is_err() {
            file.write_all(b"x").unwrap();
        }
    });
    let ran = sign(&sandbox, &["large"]).run();
    let attest = ["attest-blob", "--key", "cosign.key", "--predicate", "blob", "--type", "custom", "large"];
    let attested = sandbox.signing(&attest).run();
    stop.send(()).unwrap();
    writer.join().unwrap();
    ran.expect(1).stderr_contains("changed while it was read").stdout_is("");
    attested.expect(1).stderr_contains("changed while it was read").stdout_is("");
}

// threat: R21
#[test]
fn unread_blob_is_not_called_verified() {
    let sandbox = sandbox("ecdsa-p256");
    let digest = testkit::sha256(b"a blob\n");
    let statement = support::lab::statement(&digest, "https://example.com/t", "{}");
    sandbox.write("b", support::lab::bundle(&support::lab::key_pair("ecdsa-p256"), &statement));
    let base = ["verify-blob-attestation", "--key", "cosign.pub", "--bundle", "b", "--type", "https://example.com/t"];
    let judge = |more: &[&str]| sandbox.sigkit(&[&base, more].concat()).run().expect(0);
    assert!(judge(&["blob"]).stderr.contains("Verified OK"));
    for blob in ["harmed", "missing"] {
        let ran = judge(&["--check-claims=false", blob]);
        assert!(!ran.stderr.contains("Verified OK"), "{ran:#?}");
        assert!(ran.stderr.contains(&format!("NOT compared with {blob}")), "{ran:#?}");
        let ran = judge(&["--check-claims=false", "-o", "report", blob]);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["target"], "any artifact");
        assert_eq!(report["weakenedBy"], serde_json::json!(["--check-claims"]));
    }
}

#[test]
fn all_outputs_appear_or_none() {
    for outputs in [
        ["--bundle", "b", "--output-signature", "no/s"],
        ["--bundle", "no/b", "--output-signature", "s"],
        ["--bundle", "b", "--output-signature", "/proc/s"],
        ["--bundle", "same", "--output-signature", "same"],
        ["--bundle", "same", "--output-signature", "./same"],
        ["--bundle", "b", "--output-signature", "blob"],
        ["--bundle", "b", "--output-file", "./b"],
        ["--bundle", "b", "--output-file", "no/out"],
        ["--bundle", "b", "--output-signature", "/dev/full"],
    ] {
        let sandbox = sandbox("ecdsa-p256");
        let before = sandbox.names();
        sign(&sandbox, &[&outputs[..], &["blob"]].concat()).run().expect(1).stdout_is("");
        assert_eq!(sandbox.names(), before, "{outputs:?}");
        assert_eq!(sandbox.read("blob"), b"a blob\n", "{outputs:?}");
    }
}

#[test]
fn a_blob_that_changes_meanwhile_is_refused() {
    use std::io::{Seek as _, Write as _};
    for (algorithm, verb) in [("ecdsa-p256", "sign-blob"), ("ed25519", "sign-blob"), ("ecdsa-p256", "verify-blob")] {
        let sandbox = sandbox(algorithm);
        sign(&sandbox, &["--bundle", "b", "blob"]).run().expect(0);
        let large = sandbox.write("large", vec![0; 96 << 20]);
        let run = match verb {
            "sign-blob" => sign(&sandbox, &["--output-signature", "s", "large"]),
            _ => verify(&sandbox, &["--bundle", "b", "large"]),
        };
        let done = std::sync::atomic::AtomicBool::new(false);
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = std::fs::File::options().write(true).open(&large).unwrap();
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    file.rewind().and_then(|()| file.write_all(b"x")).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            });
            let ran = run.run();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            ran
        });
        let ran = ran.expect(1).stdout_is("").stderr_contains("changed while it was read");
        assert!(!sandbox.path("s").exists(), "{ran:#?}");
    }
}

#[test]
fn success_of_signing_says_what_was_written() {
    let sandbox = Sandbox::new().with_test_key("ecdsa-p256", "cosign");
    sandbox.write("blob", "x");
    sandbox.write("predicate", "{}");
    let sign = |flags: &[&str]| {
        sandbox.signing(&[&["sign-blob", "--key", "cosign.key"], flags, &["blob"]].concat()).run().expect(0)
    };
    let ran = sign(&["--bundle", "b.json", "--output-signature", "s"]).stdout_is("");
    assert_eq!(ran.stderr, "Signed blob; bundle written to b.json, signature written to s\n");
    // What is printed needs no words.
    assert_eq!(sign(&[]).stderr, "");
    let attest = ["attest-blob", "--key", "cosign.key", "--predicate", "predicate", "--type", "custom"];
    let files = ["--bundle", "a.json", "--output-attestation", "statement", "blob"];
    let ran = sandbox.signing(&[&attest[..], &files].concat()).run().expect(0).stdout_is("");
    assert_eq!(ran.stderr, "Attested blob; statement written to statement, bundle written to a.json\n");
}

#[test]
fn advice_about_a_file_is_about_the_file() {
    let sandbox = Sandbox::new().with_test_key("ecdsa-p256", "cosign");
    sandbox.write("blob", "x");
    let bundle = ["--bundle", "b.json", "blob"];
    sandbox.signing(&[&["sign-blob", "--key", "cosign.key"], &bundle[..]].concat()).run().expect(0);
    sandbox.write("blob", "changed");
    let verify = |key: &str| sandbox.sigkit(&[&["verify-blob", "--key", key], &bundle[..]].concat()).run().expect(12);
    let ran = verify("cosign.pub")
        .stderr_contains("Error: blob: subject-mismatch: ")
        .stderr_contains("Next: The file is not the one that was signed");
    assert!(!ran.stderr.contains("has been replaced"), "{ran:#?}");
    sandbox.write("blob", "x");
    sandbox.write("other.pub", support::lab::public_key("ecdsa-p384"));
    verify("other.pub")
        .stderr_contains("Error: blob: signature-invalid: ")
        .stderr_contains("Next: Compare the fingerprint");
}
