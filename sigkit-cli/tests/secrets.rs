//! A canary for every secret, and nowhere a trace of it.

mod support;

use support::{Ran, Sandbox};

const CANARY: &str = "c4n4ry-p455w0rd";

fn no_trace(sandbox: &Sandbox, ran: &Ran, except: &[&str]) {
    assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY), "{ran:#?}");
    for name in sandbox.names().iter().filter(|name| !except.contains(&name.as_str())) {
        let bytes = sandbox.read(name);
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{name}");
    }
}

// threat: K09
#[test]
fn a_password_leaves_no_trace() {
    let sandbox = Sandbox::new();
    sandbox.write("password", CANARY);
    let commands: [&[&str]; 8] = [
        &["-d", "generate-key-pair", "-y", "--algorithm=ed25519"],
        &["-d", "public-key", "--key", "cosign.key"],
        &["-d", "public-key", "--key", "cosign.pub"],
        &["-d", "public-key", "--key", "missing"],
        &["-d", "import-key-pair", "-k", "cosign.key"],
        &["-d", "env"],
        &["-d", "explain", "nonsense"],
        &["-d", "--no-such-flag"],
    ];
    for arguments in commands {
        let with_file: Vec<&str> = arguments.iter().copied().chain(["--password-file", "password"]).collect();
        for run in [
            sandbox.sigkit(arguments).env("COSIGN_PASSWORD", CANARY),
            sandbox.sigkit(arguments).env("SIGKIT_PASSWORD", CANARY),
            sandbox.sigkit(arguments).stdin(CANARY),
            sandbox.sigkit(&with_file),
        ] {
            no_trace(&sandbox, &run.env("RUST_BACKTRACE", "1").run(), &["password"]);
        }
    }
    // Only who asks for it sees it.
    let shown = sandbox.sigkit(&["env", "--show-sensitive-values"]).env("COSIGN_PASSWORD", CANARY).run().expect(0);
    assert!(shown.stdout.contains(&format!("COSIGN_PASSWORD=\"{CANARY}\"")));
}

// threat: K09
#[test]
fn a_wrong_password_leaves_no_trace_and_changes_nothing() {
    let sandbox = Sandbox::new().with_keys();
    let before = sandbox.read("cosign.key");
    let ran = sandbox.sigkit(&["public-key", "--key", "cosign.key"]).env("COSIGN_PASSWORD", CANARY).run().expect(1);
    no_trace(&sandbox, &ran, &[]);
    assert_eq!(sandbox.read("cosign.key"), before);
}
