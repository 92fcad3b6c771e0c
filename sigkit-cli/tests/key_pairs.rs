//! Making, importing and showing keys.

mod support;

use std::os::unix::fs::PermissionsExt as _;

use support::Sandbox;

const ALGORITHMS: [&str; 5] = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"];

fn mode(sandbox: &Sandbox, name: &str) -> u32 {
    sandbox.path(name).metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_pair_is_made_in_every_algorithm_and_opens_again() {
    for algorithm in ALGORITHMS {
        let sandbox = Sandbox::new();
        sandbox
            .sigkit(&["generate-key-pair", "--algorithm", algorithm])
            .env("COSIGN_PASSWORD", "pw")
            .run()
            .expect(0)
            .stdout_is("")
            .stderr_contains("Private key written to cosign.key\nPublic key written to cosign.pub\n");
        assert_eq!(sandbox.names(), ["cosign.key", "cosign.pub"]);
        assert_eq!((mode(&sandbox, "cosign.key"), mode(&sandbox, "cosign.pub")), (0o600, 0o644));
        let public = String::from_utf8(sandbox.read("cosign.pub")).unwrap();
        for arguments in [["public-key", "-key", "cosign.key"], ["public-key", "--key", "cosign.pub"]] {
            sandbox.sigkit(&arguments).env("COSIGN_PASSWORD", "pw").run().expect(0).stdout_is(&public);
        }
        sandbox
            .sigkit(&["public-key", "--key", "cosign.key"])
            .env("COSIGN_PASSWORD", "wrong")
            .run()
            .expect(1)
            .stdout_is("")
            .stderr_contains("--key: cosign.key: wrong password (from COSIGN_PASSWORD)");
    }
}

#[test]
fn keys_from_openssl_are_imported() {
    for (name, command) in [
        ("sec1", "openssl ecparam -genkey -name prime256v1 -noout -out k"),
        ("sec1 with parameters", "openssl ecparam -genkey -name secp384r1 -out k"),
        ("pkcs8", "openssl genpkey -algorithm ed25519 -out k"),
        ("pkcs8 ec", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out k"),
        ("pkcs1", "openssl genrsa -traditional -out k 2048"),
        ("pkcs8 rsa", "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out k"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.shell(command).run().expect(0);
        let public = sandbox.shell("openssl pkey -in k -pubout").run().expect(0).stdout;
        sandbox
            .sigkit(&["import-key-pair", "-k", "k"])
            .env("SIGKIT_PASSWORD", "pw")
            .run()
            .expect(0)
            .stderr_contains("Private key written to import-cosign.key\nPublic key written to import-cosign.pub\n");
        assert_eq!(String::from_utf8(sandbox.read("import-cosign.pub")).unwrap(), public, "{name}");
        assert_eq!(mode(&sandbox, "import-cosign.key"), 0o600);
        sandbox
            .sigkit(&["public-key", "--key", "import-cosign.key"])
            .env("SIGKIT_PASSWORD", "pw")
            .run()
            .expect(0)
            .stdout_is(&public);
    }
}

#[test]
fn a_key_comes_from_a_variable_or_standard_input() {
    let sandbox = Sandbox::new().with_keys();
    let (private, public) = (sandbox.read("cosign.key"), String::from_utf8(sandbox.read("cosign.pub")).unwrap());
    let show = |key: &str| sandbox.sigkit(&["public-key", "--key", key]).env("COSIGN_PASSWORD", "pw");
    show("-").stdin(&private).run().expect(0).stdout_is(&public);
    show("env://MY_KEY").env("MY_KEY", &public).run().expect(0).stdout_is(&public);
    show("env://MY_KEY").run().expect(1).stderr_contains("in the environment variable MY_KEY, found none");
    show("-").run().expect(1).stderr_contains("on standard input, found nothing");
    sandbox.sigkit(&["public-key"]).env("COSIGN_KEY", "cosign.pub").run().expect(0).stdout_is(&public);
    sandbox.shell("cat cosign.pub | $sigkit public-key --key /dev/stdin").run().expect(0).stdout_is(&public);
    sandbox
        .program("bash", &["-c", "\"$0\" public-key --key <(cat cosign.pub)", env!("CARGO_BIN_EXE_sigkit")])
        .run()
        .expect(0)
        .stdout_is(&public);
}

#[test]
fn what_a_key_cannot_be_is_said_before_a_password_is_asked() {
    let sandbox = Sandbox::new().with_keys();
    sandbox.shell("openssl ecparam -genkey -name prime256v1 -noout -out plain.key").run().expect(0);
    for (arguments, code, says) in [
        (&["public-key", "--key", "plain.key"][..], 1, "a private key without encryption; sigkit import-key-pair"),
        (
            &["public-key", "--key", "k8s://ns/secret"],
            2,
            "k8s keys are not supported; expected a file, env://VARIABLE, or -",
        ),
        (&["public-key", "--key", "awskms:///alias/x"], 2, "awskms keys are not supported"),
        (&["public-key", "--key", "pkcs11:token=x"], 2, "pkcs11 keys are not supported"),
        (&["public-key", "--key", "https://example.com/k.pub"], 2, "https keys are not supported"),
        (&["public-key", "--key", "env://"], 2, "expected env://VARIABLE"),
        (&["public-key", "--key", ""], 2, "found nothing"),
        (&["public-key"], 2, "--key <KEY>"),
        (
            &["generate-key-pair", "k8s://ns/name"],
            2,
            "cannot make a key pair in k8s://ns/name: only files are supported",
        ),
        (&["generate-key-pair", "--kms", "awskms:///x"], 2, "cannot make a key pair in awskms:///x"),
        (&["generate-key-pair", "--algorithm", "dsa"], 2, "dsa"),
        (&["generate-key-pair", "--output-key-prefix", "./"], 2, "expected the name of a file"),
        (&["import-key-pair", "--key", "cosign.key"], 1, "already"),
        (&["import-key-pair", "--key", "cosign.pub"], 1, "--key: cosign.pub: expected a private key in PEM: "),
        (&["explain", "no-such-code"], 1, "there is no reason code"),
        (&["completion", "csh"], 2, "csh"),
        (&["piv-tool"], 2, "piv-tool: this verb of cosign is not in this version"),
        (&[], 2, "Usage: sigkit"),
    ] {
        sandbox.sigkit(arguments).run().expect(code).stderr_contains(says).stdout_is("");
    }
}

#[test]
fn results_go_where_they_are_sent() {
    let sandbox = Sandbox::new().with_keys();
    let public = sandbox.read("cosign.pub");
    sandbox.sigkit(&["public-key", "--key", "cosign.pub", "--outfile", "a"]).run().expect(0).stdout_is("");
    sandbox.sigkit(&["--output-file", "b", "public-key", "--key", "cosign.pub"]).run().expect(0).stdout_is("");
    sandbox.sigkit(&["public-key", "--key", "cosign.pub", "--output-file=c"]).run().expect(0).stdout_is("");
    sandbox.shell("$sigkit public-key --key cosign.pub --outfile /dev/stdout >> d").run().expect(0);
    for name in ["a", "b", "c", "d"] {
        assert_eq!(sandbox.read(name), public, "{name}");
    }
}

#[test]
fn information_is_printed() {
    let sandbox = Sandbox::new();
    let version: serde_json::Value =
        serde_json::from_str(&sandbox.sigkit(&["version", "--json"]).run().expect(0).stdout).unwrap();
    assert_eq!(version["gitVersion"], format!("v{}", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(sandbox.sigkit(&["completion", shell]).run().expect(0).stdout.contains("generate-key-pair"), "{shell}");
    }
    let listed = sandbox.sigkit(&["explain"]).run().expect(0).stdout;
    for line in listed.lines() {
        let code = line.split_whitespace().next().unwrap();
        let page = sandbox.sigkit(&["explain", code]).run().expect(0).stdout;
        assert!(page.starts_with(&format!("{code}\n")) && page.contains("Next step:"), "{page}");
    }
}
