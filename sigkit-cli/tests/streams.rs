//! Streams that are full, closed or gone, signals, and surroundings that lack something.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use support::Sandbox;
use support::lab::RegistryFixture;

// threat: L04
// threat: M10
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let sandbox = Sandbox::new().with_keys();
    for verb in
        ["public-key --key cosign.pub", "version", "explain", "env", "completion bash", "--help", "explain not-found"]
    {
        sandbox
            .shell(&format!("$sigkit {verb} > /dev/full"))
            .run()
            .expect(1)
            .stderr_contains("Error: cannot write to standard output: No space left on device");
        sandbox.shell(&format!("$sigkit {verb} 2> /dev/null > /dev/full")).run().expect(1);
    }
    sandbox
        .shell("$sigkit --output-file /dev/full version")
        .run()
        .expect(1)
        .stderr_contains("--output-file: cannot write /dev/full");
    sandbox
        .shell("$sigkit public-key --key cosign.pub --outfile /dev/full")
        .run()
        .expect(1)
        .stderr_contains("--outfile: cannot write");
    sandbox.shell("$sigkit public-key --key cosign.pub --outfile x 2> /dev/full").run().expect(1);
}

// threat: L04
// threat: L05
#[test]
fn a_reader_that_has_gone_is_a_failure() {
    let sandbox = Sandbox::new();
    let run = |line: &str| {
        // A pipe whose reading end is closed before the program starts.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.sigkit(&words).command;
        let output = command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run("version").contains("Broken pipe"));
    // A person who pages through a text has seen enough.
    for line in ["completion bash", "man verify", "explain", "--help", "help sign", "sign --help"] {
        assert_eq!(run(line), "", "{line}");
    }
}

// threat: L05
// threat: N09
#[test]
fn closed_streams_do_not_crash() {
    let sandbox = Sandbox::new().with_keys();
    sandbox.shell("$sigkit public-key --key - <&-").run().expect(1).stderr_contains("on standard input, found nothing");
    sandbox
        .shell("$sigkit generate-key-pair -o n <&-")
        .run()
        .expect(1)
        .stderr_contains("standard input is empty and not a terminal");
    sandbox.shell("$sigkit no-such-verb 2>&-").run().expect(2);
    sandbox.shell("$sigkit version 2>&- <&-").run().expect(0);
}

// threat: L04
#[test]
fn an_interrupt_is_told_by_the_exit_code() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sandbox = Sandbox::new();
        // The program waits for its password on a pipe which stays open.
        let script = format!(
            "mkfifo p; $sigkit -d generate-key-pair < p & exec 3> p; \
             until grep -q '^SigCgt:.*[4-7c-f]...$' /proc/$!/status; do :; done; kill -{signal} $!; wait $!"
        );
        sandbox.shell(&script).run().expect(code);
        assert_eq!(sandbox.names(), ["p"]);
    }
}

// threat: N10
#[test]
fn no_home_no_locale_no_matter() {
    let sandbox = Sandbox::new();
    for (name, value) in
        [("HOME", "/nonexistent"), ("HOME", ""), ("HOME", "/tmp/ü b"), ("LC_ALL", "xx_XX"), ("TERM", "\x1b[2J")]
    {
        sandbox.sigkit(&["generate-key-pair", "-y"]).env("COSIGN_PASSWORD", "").env(name, value).run().expect(0);
    }
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_signature(&image);
    let directory = lab.sandbox.path("ü b");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o500)).unwrap();
    for home in ["/nonexistent", "", "relative", directory.to_str().unwrap()] {
        for locale in ["C", "xx_XX", "tr_TR.UTF-8"] {
            lab.verify(&[&lab.name(":v1")]).env("HOME", home).env("LC_ALL", locale).run().expect(0);
            lab.sign(&[&lab.name(":v1")]).env("HOME", home).env("LC_ALL", locale).run().expect(0);
        }
    }
    sandbox.shell("env -i $sigkit version").run().expect(0);
    sandbox.shell("cd / && $sigkit version").run().expect(0);
    sandbox.shell("mkdir gone; cd gone; rmdir ../gone; $sigkit version").run().expect(0);
    let ran = sandbox.shell("mkdir gone; cd gone; rmdir ../gone; COSIGN_PASSWORD= $sigkit generate-key-pair").run();
    ran.expect(1).stderr_contains("--output-key-prefix: cannot write cosign.key: No such file or directory");
}

// threat: N09
#[test]
fn a_shortage_is_a_clean_error() {
    let sandbox = Sandbox::new().with_keys();
    for descriptors in 4..20 {
        let ran = sandbox.shell(&format!("ulimit -n {descriptors}; $sigkit public-key --key cosign.pub")).run();
        // 127: the loader of shared libraries is the first to lack descriptors.
        assert!([0, 1, 127].contains(&ran.code), "{ran:#?}");
        assert!(!ran.stderr.contains("internal error"), "{ran:#?}");
    }
}

#[test]
fn starting_takes_little_time() {
    let sandbox = Sandbox::new();
    let quickest = (0..20).map(|_| sandbox.sigkit(&["version"]).run().expect(0).took).min().unwrap();
    // Five milliseconds in a release build; tests run unoptimised and beside each other.
    assert!(quickest.as_millis() < 50, "{quickest:?}");
}
