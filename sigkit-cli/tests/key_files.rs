//! What happens to files that are there already, and to those that cannot be written.

mod support;

use std::os::unix::fs::{PermissionsExt as _, symlink};

use support::{Ran, Sandbox};

fn generate(sandbox: &Sandbox, arguments: &[&str], answer: &str) -> Ran {
    let arguments: Vec<&str> = ["generate-key-pair"].iter().chain(arguments).copied().collect();
    sandbox.sigkit(&arguments).env("COSIGN_PASSWORD", "pw").stdin(answer).run()
}

// threat: K04
#[test]
fn an_existing_key_is_lost_only_with_consent() {
    for (present, question) in [
        (&["cosign.key"][..], "overwrite cosign.key? [y/N] "),
        (&["cosign.pub"], "overwrite cosign.pub? [y/N] "),
        (&["cosign.key", "cosign.pub"], "overwrite cosign.key and cosign.pub? [y/N] "),
    ] {
        let sandbox = Sandbox::new();
        present.iter().for_each(|name| drop(sandbox.write(name, "precious")));
        for answer in ["", "n\n", "\n", "no\n", "yellow\n", "yy\n"] {
            generate(&sandbox, &[], answer)
                .expect(1)
                .stderr_contains(question)
                .stderr_contains("already exists and is not overwritten");
            assert_eq!(sandbox.names(), present);
            present.iter().for_each(|name| assert_eq!(sandbox.read(name), b"precious"));
        }
        generate(&sandbox, &[], "y\n").expect(0).stderr_contains(question);
        assert_eq!(sandbox.names(), ["cosign.key", "cosign.pub"]);
        assert!(sandbox.read("cosign.key").starts_with(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        let first = sandbox.read("cosign.key");
        generate(&sandbox, &["-y"], "").expect(0);
        assert_ne!(sandbox.read("cosign.key"), first);
        assert_eq!(sandbox.path("cosign.key").metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    }
}

// threat: K04
// threat: M21
#[test]
fn keys_are_not_written_through_links() {
    let sandbox = Sandbox::new();
    sandbox.write("target", "precious");
    symlink("target", sandbox.path("cosign.key")).unwrap();
    symlink("nowhere", sandbox.path("other.pub")).unwrap();
    generate(&sandbox, &["-y"], "").expect(1).stderr_contains("cosign.key is a symbolic link to target");
    generate(&sandbox, &["-y", "--output-key-prefix=other"], "")
        .expect(1)
        .stderr_contains("other.pub is a symbolic link to nowhere");
    assert_eq!(sandbox.names(), ["cosign.key", "other.pub", "target"]);
    assert_eq!(sandbox.read("target"), b"precious");
}

// threat: K04
#[test]
fn the_mode_of_a_key_does_not_depend_on_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let sandbox = Sandbox::new();
        sandbox.shell(&format!("umask {umask}; COSIGN_PASSWORD= $sigkit generate-key-pair")).run().expect(0);
        let mode = |name| sandbox.path(name).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("cosign.key"), 0o600, "umask {umask}");
        assert_eq!(mode("cosign.pub"), 0o644 & !u32::from_str_radix(umask, 8).unwrap(), "umask {umask}");
    }
}

// threat: K04
// threat: N01
#[test]
fn places_that_cannot_hold_a_key_are_named() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("dir.key")).unwrap();
    sandbox.write("file", "");
    sandbox.shell("mkfifo pipe.key").run().expect(0);
    let before = sandbox.names();
    for (prefix, says) in [
        ("dir", "--output-key-prefix: dir.key: expected a file to write to, found a directory"),
        ("pipe", "--output-key-prefix: pipe.key: expected a file to write to, found a named pipe"),
        ("missing/key", "--output-key-prefix: cannot write missing/key.key: No such file or directory"),
        ("file/key", "--output-key-prefix: cannot write file/key.key: Not a directory"),
        ("/proc/key", "--output-key-prefix: cannot write /proc/key.key: "),
    ] {
        let ran = generate(&sandbox, &["-y", "--output-key-prefix", prefix], "")
            .expect(1)
            .stderr_contains(says)
            .stdout_is("");
        assert!(ran.stderr.lines().count() == 1, "{ran:#?}");
    }
    assert_eq!(sandbox.names(), before);
}

// threat: K04
// threat: N06
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    // A limit of zero blocks on the size of files simulates a full disk.
    let run = "trap '' XFSZ; ulimit -f 0; COSIGN_PASSWORD= $sigkit generate-key-pair";
    sandbox.shell(run).run().expect(1).stderr_contains("--output-key-prefix: cannot write cosign.key: File too large");
    assert_eq!(sandbox.names(), Vec::<String>::new());
}

// threat: X08
// threat: N07
#[test]
fn a_kill_at_any_system_call_leaves_a_whole_file_or_none() {
    if !std::path::Path::new("/usr/bin/strace").exists() {
        eprintln!("skipped: strace is not installed");
        return;
    }
    for call in ["openat", "write", "fsync", "renameat2", "fchmod", "close"] {
        let mut killed = 0;
        // The last calls are those that matter; the first load libraries.
        let total = count(call);
        for occurrence in total.saturating_sub(7).max(1)..=total {
            let sandbox = Sandbox::new();
            let inject = format!("inject={call}:signal=KILL:when={occurrence}");
            let ran = strace(&sandbox, &inject, "/dev/null");
            killed += u32::from(ran.code == -9);
            for name in sandbox.names().iter().filter(|name| !name.starts_with('.')) {
                let text = String::from_utf8(sandbox.read(name)).unwrap();
                assert!(text.starts_with("-----BEGIN ") && text.ends_with("KEY-----\n"), "{inject}: {name}: {ran:?}");
            }
        }
        assert!(killed > 0, "{call} {total}");
    }
}

fn count(call: &str) -> usize {
    let sandbox = Sandbox::new();
    strace(&sandbox, &format!("trace={call}"), "log").expect(0);
    String::from_utf8_lossy(&sandbox.read("log")).lines().filter(|line| line.contains(&format!(" {call}("))).count()
}

fn strace(sandbox: &Sandbox, expression: &str, log: &str) -> Ran {
    let arguments = [
        "-f",
        "-qq",
        "-o",
        log,
        "-e",
        expression,
        env!("CARGO_BIN_EXE_sigkit"),
        "generate-key-pair",
        "--algorithm=ed25519",
    ];
    sandbox.program("strace", &arguments).env("COSIGN_PASSWORD", "pw").run()
}

// threat: X09
#[test]
fn an_input_is_never_overwritten() {
    let sandbox = Sandbox::new().with_keys();
    sandbox
        .shell("openssl ecparam -genkey -name prime256v1 -noout -out my.key; ln cosign.pub hard; ln -s cosign.pub soft")
        .run()
        .expect(0);
    let before: Vec<Vec<u8>> = ["my.key", "cosign.pub"].map(|name| sandbox.read(name)).into();
    for (arguments, option) in [
        (&["import-key-pair", "-k", "my.key", "-o", "my", "-y"][..], "--output-key-prefix: my.key"),
        (&["public-key", "--key", "cosign.pub", "--outfile", "cosign.pub"], "--outfile: cosign.pub"),
        (&["public-key", "--key", "cosign.pub", "--outfile", "./hard"], "--outfile: ./hard"),
        (&["public-key", "--key", "cosign.pub", "--outfile", "soft"], "--outfile: soft"),
        (&["public-key", "--key", "soft", "--output-file", "cosign.pub"], "--output-file: cosign.pub"),
    ] {
        let says = format!("{option} is also an input of this command");
        sandbox.sigkit(arguments).env("COSIGN_PASSWORD", "pw").run().expect(1).stderr_contains(&says);
        let now: Vec<Vec<u8>> = ["my.key", "cosign.pub"].map(|name| sandbox.read(name)).into();
        assert_eq!(now, before, "{arguments:?}");
    }
}

// threat: X09
#[test]
fn two_outputs_are_two_files() {
    let sandbox = Sandbox::new().with_keys();
    sandbox
        .sigkit(&["public-key", "--key", "cosign.pub", "--outfile", "a", "--output-file", "./a"])
        .run()
        .expect(1)
        .stderr_contains("--output-file: ./a is written by another option of this command as well");
    assert!(!sandbox.path("a").exists());
}

#[test]
fn an_output_keeps_the_mode_of_the_file_it_replaces() {
    let sandbox = Sandbox::new().with_keys();
    sandbox.shell("touch out; chmod 640 out; ln -s out link").run().expect(0);
    sandbox.sigkit(&["public-key", "--key", "cosign.pub", "--outfile", "link"]).run().expect(0);
    assert_eq!(sandbox.path("out").metadata().unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(sandbox.read("out"), sandbox.read("cosign.pub"));
    assert!(sandbox.path("link").is_symlink());
}

// threat: M21
#[test]
fn a_private_key_that_others_can_read_is_warned_of() {
    let sandbox = Sandbox::new().with_keys();
    let show = || sandbox.sigkit(&["public-key", "--key", "cosign.key"]).env("COSIGN_PASSWORD", "pw").run().expect(0);
    assert_eq!(show().stderr, "");
    for mode in [0o640, 0o604, 0o666, 0o620] {
        std::fs::set_permissions(sandbox.path("cosign.key"), std::fs::Permissions::from_mode(mode)).unwrap();
        show().stderr_contains(&format!(
            "WARNING: the private key cosign.key is readable by other users (mode {mode:04o})"
        ));
    }
}
