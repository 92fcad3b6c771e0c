//! Every option that names a file, given everything that is not what it wants.

mod support;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::Sandbox;

/// Option, and the command line around it; `{}` is the file. Nothing listens on port 1.
const OPTIONS: &[(&str, &[&str])] = &[
    ("--key", &["public-key", "--key", "{}"]),
    ("--key", &["import-key-pair", "-y", "-o", "out", "--key", "{}"]),
    ("--key", &["sign", "--key", "{}", "localhost:1/a"]),
    ("--key", &["verify", "--key", "{}", "localhost:1/a"]),
    ("--key", &["sign-blob", "--bundle", "out", "--key", "{}", "blob"]),
    ("--key", &["verify-blob", "--bundle", "blob", "--key", "{}", "blob"]),
    ("--password-file", &["generate-key-pair", "--algorithm=ed25519", "-o", "out", "--password-file", "{}"]),
    ("--password-file", &["public-key", "--key", "cosign.key", "--password-file", "{}"]),
    ("--bundle", &["verify", "--key", "cosign.pub", "--bundle", "{}", "localhost:1/a"]),
    ("--bundle", &["verify-blob", "--key", "cosign.pub", "--bundle", "{}", "blob"]),
    ("--payload", &["sign", "--key", "cosign.key", "--payload", "{}", "localhost:1/a"]),
    ("--payload", &["verify", "--key", "cosign.pub", "--signature", "blob", "--payload", "{}", "localhost:1/a"]),
    ("--images-from", &["sign", "--key", "cosign.key", "--images-from", "{}"]),
    ("--images-from", &["verify", "--key", "cosign.pub", "--images-from", "{}"]),
    ("--signing-config", &["sign", "--key", "cosign.key", "--signing-config", "{}", "localhost:1/a"]),
    ("--signing-config", &["sign-blob", "--key", "cosign.key", "--bundle", "out", "--signing-config", "{}", "blob"]),
    ("--trusted-root", &["sign", "--key", "cosign.key", "--trusted-root", "{}", "localhost:1/a"]),
    ("--trusted-root", &["verify", "--key", "cosign.pub", "--trusted-root", "{}", "localhost:1/a"]),
    ("--trusted-root", &["verify-blob", "--key", "cosign.pub", "--bundle", "blob", "--trusted-root", "{}", "blob"]),
    ("--registry-cacert", &["verify", "--key", "cosign.pub", "--registry-cacert", "{}", "localhost:1/a"]),
    (
        "--registry-client-cert",
        &[
            "verify",
            "--key",
            "cosign.pub",
            "--registry-client-cert",
            "{}",
            "--registry-client-key",
            "blob",
            "localhost:1/a",
        ],
    ),
];

/// Those whose content is judged before anything else is done.
const READ_AT_ONCE: [&str; 6] =
    ["--key", "--images-from", "--signing-config", "--trusted-root", "--registry-cacert", "--registry-client-cert"];

fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----\n";
    let utf16: Vec<u8> = pem.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("empty", vec![]),
        ("one byte", vec![b'=']),
        ("all zero", vec![0; 1 << 20]),
        ("random", (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
        ("bom", [b"\xef\xbb\xbf", pem.as_bytes()].concat()),
        ("utf16", utf16),
        ("crlf", pem.replace('\n', "\r\n").into_bytes()),
        ("truncated", pem.as_bytes()[..40].to_vec()),
        ("only dashes", b"-----BEGIN ".to_vec()),
        ("private, truncated", b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n".to_vec()),
        ("escape", b"-----BEGIN \x1b[2J-----\nAA==\n-----END \x1b[2J-----\n".to_vec()),
    ]
}

// threat: N01
#[test]
fn missing_file_is_named_at_once() {
    for (option, arguments) in OPTIONS {
        let sandbox = Sandbox::new().with_keys();
        sandbox.write("blob", "a blob");
        std::fs::create_dir(sandbox.path("dir")).unwrap();
        sandbox.shell("mkfifo fifo; ln -s loop loop").run().expect(0);
        sandbox.write("forbidden", "x");
        std::fs::set_permissions(sandbox.path("forbidden"), std::fs::Permissions::from_mode(0o000)).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(sandbox.path("socket")).unwrap();
        let before = sandbox.names();
        for (file, says) in [
            ("dir", "found a directory"),
            ("missing", "No such file or directory"),
            ("cosign.pub/x", "Not a directory"),
            ("fifo", "found a named pipe"),
            ("socket", "found a socket"),
            ("/dev/zero", "found a device"),
            ("/dev/null", "found a device"),
            ("loop", "symbolic links"),
            ("forbidden", "Permission denied"),
            (&"x".repeat(5000), "File name too long"),
        ] {
            if file == "forbidden" && is_root(&sandbox) {
                // Nothing is forbidden to root.
                continue;
            }
            let arguments: Vec<&str> = arguments.iter().map(|word| if *word == "{}" { file } else { word }).collect();
            let ran = sandbox
                .sigkit(&arguments)
                .run()
                .expect(1)
                .stderr_contains(&format!("Error: {option}: "))
                .stderr_contains(file)
                .stderr_contains(says);
            assert!(ran.took.as_secs_f64() < 1.0, "{ran:#?}");
            assert_eq!(ran.stdout, "");
        }
        assert_eq!(sandbox.names(), before);
    }
}

// threat: N01
#[test]
fn what_has_the_wrong_content_is_named_at_once() {
    for (option, arguments) in OPTIONS.iter().filter(|(option, _)| READ_AT_ONCE.contains(option)) {
        let sandbox = Sandbox::new().with_keys();
        sandbox.write("blob", "a blob");
        for (name, bytes) in contents() {
            sandbox.write("input", bytes);
            let before = sandbox.names();
            let arguments: Vec<&str> =
                arguments.iter().map(|word| if *word == "{}" { "input" } else { word }).collect();
            let ran = sandbox.sigkit(&arguments).env("COSIGN_PASSWORD", "pw").run();
            let ran = ran.expect(1).stderr_contains(&format!("Error: {option}: input: expected ")).stdout_is("");
            assert!(ran.took.as_secs_f64() < 1.0, "{name}: {ran:#?}");
            assert!(!ran.stderr.contains('\x1b') && !ran.stderr.contains("internal error"), "{name}: {ran:#?}");
            assert_eq!(sandbox.names(), before, "{name}");
        }
    }
}

#[test]
fn what_happened_to_a_file_is_told_by_every_reader() {
    let sandbox = Sandbox::new().with_keys();
    let base64 = |text: &str| STANDARD.encode(text);
    sandbox.write("blob", "a blob");
    let sign = ["sign-blob", "--key", "cosign.key", "--bundle", "bundle", "--output-signature", "signature", "blob"];
    sandbox.sigkit(&sign).env("COSIGN_PASSWORD", "pw").run().expect(0);
    let text = |name: &str| String::from_utf8(sandbox.read(name)).unwrap();
    let (bundle, signature, key) = (text("bundle"), text("signature"), text("cosign.pub"));
    let bundles: &[&str] = &["verify-blob", "--key", "cosign.pub", "--bundle", "{}", "blob"];
    let signatures: &[&str] = &["verify-blob", "--key", "cosign.pub", "--signature", "{}", "blob"];
    let roots: &[&str] = &[
        "verify-blob",
        "--trusted-root",
        "{}",
        "--certificate-identity",
        "a",
        "--certificate-oidc-issuer",
        "b",
        "--bundle",
        "bundle",
        "blob",
    ];
    let inspect: &[&str] = &["bundle", "inspect", "{}"];
    let policies: &[&str] = &["policy", "check", "{}"];
    let predicates: &[&str] =
        &["attest-blob", "--key", "cosign.key", "--type", "spdxjson", "--predicate", "{}", "blob"];
    let configs: &[&str] = &["sign-blob", "--key", "cosign.key", "--signing-config", "{}", "blob"];
    let keys: &[&str] = &["verify-blob", "--key", "{}", "--bundle", "bundle", "blob"];
    let authorities: &[&str] = &["verify", "--key", "cosign.pub", "--registry-cacert", "{}", "127.0.0.1:1/app"];
    let json = r#"{"mediaType": "application/vnd.example+json"}"#;
    let marked = |text: &str| format!("\u{feff}{text}");
    for (readers, written, says) in [
        (&[bundles, inspect, roots, predicates, configs][..], base64(json), "it is base64 of JSON: decode it first"),
        (
            &[bundles, inspect, roots, predicates, configs],
            base64(&base64(json)),
            "it is base64 of base64: it was encoded twice",
        ),
        (
            &[bundles, inspect, roots, policies, predicates, configs, keys],
            marked(json),
            "it begins with a byte order mark",
        ),
        (
            &[bundles, inspect, roots, policies, predicates, configs, keys, signatures],
            "<html>".repeat(9),
            "it is an HTML or XML page",
        ),
        (&[bundles, inspect, roots, predicates, configs, signatures], key.clone(), "it is PEM"),
        (&[bundles, inspect, roots, policies, keys], serde_json::to_string(json).unwrap(), "quotation marks"),
        (
            &[bundles, inspect, roots, predicates],
            format!("{bundle}{bundle}"),
            "several documents follow each other: give one",
        ),
        (&[bundles, inspect, roots, predicates], bundle[..100].to_owned(), "its end is missing"),
        (&[keys, authorities], base64(&key), "it is base64 of PEM: decode it first"),
        (&[keys, authorities], json.to_owned(), "it is JSON"),
        (&[signatures], base64(&signature), "it was encoded twice"),
        (&[signatures], format!("  {signature}"), "white space"),
        (&[signatures], format!("{signature}\\n"), "its line breaks are written as \\n"),
        (&[signatures], format!("\"{signature}\""), "quotation marks around it"),
    ] {
        sandbox.write("input", written);
        for arguments in readers {
            let arguments: Vec<&str> =
                arguments.iter().map(|word| if *word == "{}" { "input" } else { word }).collect();
            let ran = sandbox.sigkit(&arguments).env("COSIGN_PASSWORD", "pw").run().stderr_contains(says);
            assert!(ran.code != 0 && ran.stdout.is_empty(), "{ran:#?}");
        }
    }
}

// threat: N01
// threat: K02
#[test]
fn invalid_password_is_named() {
    let sandbox = Sandbox::new().with_keys();
    let show = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["public-key", "--key", "cosign.key"].iter().chain(arguments).copied().collect();
        sandbox.sigkit(&arguments)
    };
    for (content, code) in
        [("pw", 0), ("pw\n", 0), ("pw\r\n", 0), ("pw\n\n", 1), ("", 1), (" pw", 1), ("PW", 1), ("\n", 1)]
    {
        sandbox.write("password", content);
        show(&["--password-file", "password"]).run().expect(code);
        show(&[]).stdin(content).run().expect(code);
        show(&["--password-file", "-"]).stdin(content).run().expect(code);
    }
    let long = "x".repeat(70_000);
    sandbox.write("password", &long);
    show(&["--password-file", "password"]).run().expect(1).stderr_contains("of at most 65536 bytes, found more");
    show(&[]).stdin(&long).run().expect(1).stderr_contains("longer than 65536 bytes");
    show(&[]).run().expect(1).stderr_contains("--password-file FILE, SIGKIT_PASSWORD or COSIGN_PASSWORD");
    show(&[]).env("COSIGN_PASSWORD", "").run().expect(1).stderr_contains("password");
    show(&[])
        .env("COSIGN_PASSWORD", OsString::from_vec(b"\xff\xfe".to_vec()))
        .run()
        .expect(1)
        .stderr_contains("password");
    // Ours comes first, even when it is empty.
    show(&[]).env("SIGKIT_PASSWORD", "").env("COSIGN_PASSWORD", "pw").run().expect(1);
    show(&[]).env("SIGKIT_PASSWORD", "pw").env("COSIGN_PASSWORD", "wrong").run().expect(0);
    // A file named on the command line comes before both.
    sandbox.write("password", "pw");
    show(&["--password-file", "password"]).env("SIGKIT_PASSWORD", "wrong").run().expect(0);
}

#[test]
fn the_empty_password_protects_a_key_too() {
    let sandbox = Sandbox::new();
    sandbox.sigkit(&["generate-key-pair"]).env("COSIGN_PASSWORD", "").run().expect(0);
    sandbox.sigkit(&["public-key", "--key", "cosign.key"]).env("COSIGN_PASSWORD", "").run().expect(0);
    sandbox.sigkit(&["public-key", "--key", "cosign.key"]).stdin("\n").run().expect(0);
}

#[test]
fn standard_input_is_read_once() {
    let sandbox = Sandbox::new().with_keys();
    let key = sandbox.read("cosign.key");
    let run = sandbox.sigkit(&["public-key", "--key", "-", "--password-file", "-"]).stdin(&key).run();
    run.expect(1).stderr_contains("standard input was read for the key");
    let run =
        sandbox.program("setsid", &["-w", env!("CARGO_BIN_EXE_sigkit"), "public-key", "--key", "-"]).stdin(&key).run();
    run.expect(1).stderr_contains("standard input was read for the key and there is no terminal");
}

// threat: L06
#[test]
fn strange_names_are_only_names() {
    let sandbox = Sandbox::new().with_keys();
    let public = sandbox.read("cosign.pub");
    for name in
        [&b"caf\xe9.pub"[..], b"-dash.pub", b"a b\tc.pub", b"--key", "grün.pub".as_bytes(), b"new\nline", b"a=b"]
    {
        let name = OsString::from_vec(name.to_vec());
        std::fs::write(sandbox.path(&name), &public).unwrap();
        for arguments in [
            vec!["public-key".into(), "--key".into(), name.clone()],
            vec!["public-key".into(), "-key".into(), name.clone()],
            vec!["public-key".into(), join("--key=", &name)],
        ] {
            sandbox.sigkit(&arguments).run().expect(0);
        }
        sandbox.sigkit(&["public-key"]).env("COSIGN_KEY", &name).run().expect(0);
        let arguments = ["generate-key-pair".into(), "-y".into(), "-o".into(), name.clone()];
        sandbox.sigkit(&arguments).env("COSIGN_PASSWORD", "").run().expect(0);
        let mut written = name;
        written.push(".key");
        assert!(sandbox.path(&written).is_file(), "{written:?}");
    }
    // What cannot be text is refused where text is wanted.
    let arguments = ["explain".into(), OsString::from_vec(b"\xff\x1b[2J".to_vec())];
    let ran = sandbox.sigkit(&arguments).run().expect(2);
    assert!(!ran.stderr.contains('\x1b'), "{ran:?}");
    sandbox.sigkit(&["explain", &"x".repeat(100_000)]).run().expect(1);
}

// threat: L01
#[test]
fn a_hostile_file_name_is_shown_harmless() {
    let sandbox = Sandbox::new();
    for name in ["\x1b[2J", "\u{202e}gpj.key", "a\rb", "\u{9b}31m"] {
        let ran = sandbox.sigkit(&["public-key", "--key", name]).run().expect(1);
        assert!(ran.stderr.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{ran:?}");
    }
}

fn join(front: &str, back: &OsString) -> OsString {
    let mut joined = OsString::from(front);
    joined.push(back);
    joined
}

fn is_root(sandbox: &Sandbox) -> bool {
    sandbox.shell("id -u").run().stdout.trim() == "0"
}
