//! Accounts of registries: taken by the registry first, kept where docker keeps them, and forgotten.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use support::{Ran, Run, Sandbox};
use testkit::http::Response;
use testkit::{Action, Auth, RecordingServer, Registry, Rule, TokenService, image, refused_address};

const PUBLIC_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p256.pub");
/// The image could be read, and has no signatures.
const READ: i32 = 10;
const PASSWORD: &str = "c4n4ry-p455w0rd";
const ACCOUNT: &str = "dXNlcjpjNG40cnktcDQ1NXcwcmQ=";

fn registry(auth: Auth) -> Registry {
    let registry = Registry::builder().auth(auth).start();
    image::image(registry.content(), "app", "v1", "login");
    registry
}

fn with_password() -> Registry {
    registry(Auth::basic("user", PASSWORD))
}

fn with_token_server() -> Registry {
    registry(Auth::Token(TokenService::new("user", PASSWORD)))
}

/// `login`, with the password on standard input.
fn login(sandbox: &Sandbox, host: &str, flags: &[&str]) -> Run {
    let arguments: Vec<&str> =
        ["-d", "login", "-u", "user", "--password-stdin", host].iter().chain(flags).copied().collect();
    sandbox.sigkit(&arguments).env("DOCKER_CONFIG", sandbox.path("docker")).stdin(format!("{PASSWORD}\n"))
}

fn logout(sandbox: &Sandbox, host: &str) -> Run {
    sandbox.sigkit(&["logout", host]).env("DOCKER_CONFIG", sandbox.path("docker"))
}

fn verify(sandbox: &Sandbox, registry: &Registry) -> Run {
    let image = format!("{}/app:v1", registry.host());
    sandbox.sigkit(&["verify", "--key", PUBLIC_KEY, &image]).env("DOCKER_CONFIG", sandbox.path("docker"))
}

fn config(sandbox: &Sandbox) -> Option<String> {
    std::fs::read_to_string(sandbox.path("docker/config.json")).ok()
}

fn configure(sandbox: &Sandbox, json: &str) {
    std::fs::create_dir_all(sandbox.path("docker")).unwrap();
    std::fs::write(sandbox.path("docker/config.json"), json).unwrap();
}

/// A `docker-credential-NAME`, in a directory for PATH; written by a process of its own, as in the tests of credentials.
fn helper(sandbox: &Sandbox, name: &str, script: &str) -> String {
    let directory = sandbox.path("bin");
    std::fs::create_dir_all(&directory).unwrap();
    let install = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
    let path = directory.join(format!("docker-credential-{name}"));
    assert!(Command::new("/bin/sh").arg("-c").arg(install).arg(path).arg(script).status().unwrap().success());
    format!("{}:/usr/bin:/bin", directory.display())
}

fn without_trace(ran: Ran) -> Ran {
    assert!(!ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD), "{ran:#?}");
    assert!(!ran.stderr.contains("dXNlcjpj"), "{ran:#?}");
    ran
}

// threat: K09
#[test]
fn an_account_is_checked_kept_used_and_forgotten() {
    for registry in [with_password(), with_token_server()] {
        let sandbox = Sandbox::new();
        let host = registry.host();
        let ran = without_trace(login(&sandbox, host, &[]).run().expect(0).stdout_is(""));
        let place = sandbox.path("docker/config.json").display().to_string();
        ran.stderr_contains(&format!("Logged in to {host} as user")).stderr_contains(&place);
        assert!(registry.requests().iter().all(|request| matches!(request.path(), "/v2/" | "/token")));
        let expected =
            format!("{{\n\t\"auths\": {{\n\t\t\"{host}\": {{\n\t\t\t\"auth\": \"{ACCOUNT}\"\n\t\t}}\n\t}}\n}}\n");
        assert_eq!(config(&sandbox), Some(expected));
        let mode = |path: &str| sandbox.path(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("docker"), mode("docker/config.json")), (0o700, 0o600));
        verify(&sandbox, &registry).run().expect(READ);
        logout(&sandbox, host)
            .run()
            .expect(0)
            .stderr_contains(&format!("Logged out of {host}"))
            .stderr_contains(&place);
        verify(&sandbox, &registry).run().expect(14).stderr_contains("anonymous access");
        logout(&sandbox, host).run().expect(0).stderr_contains("Not logged in to");
        // The password on the command line works as well, and is warned of.
        let arguments = ["login", host, "-u", "user", "-p", PASSWORD];
        let ran = sandbox.sigkit(&arguments).env("DOCKER_CONFIG", sandbox.path("docker")).run().expect(0);
        without_trace(ran.stderr_contains("WARNING: other users of this machine can read"));
        verify(&sandbox, &registry).run().expect(READ);
    }
}

#[test]
fn what_the_registry_does_not_take_is_not_kept() {
    for auth in [Auth::basic("user", "another"), Auth::Token(TokenService::new("user", "another"))] {
        let registry = registry(auth);
        let sandbox = Sandbox::new();
        let before = format!(r#"{{"auths":{{"{}":{{"auth":"b2xkOm9sZA=="}}}}}}"#, registry.host());
        for before in [None, Some(before)] {
            if let Some(before) = &before {
                configure(&sandbox, before);
            }
            let ran = login(&sandbox, registry.host(), &[]).run().expect(1).stdout_is("");
            without_trace(
                ran.stderr_contains(": access-denied: ").stderr_contains("401").stderr_contains("user \"user\""),
            );
            assert_eq!(config(&sandbox), before);
        }
    }
}

// threat: M6
#[test]
fn a_registry_that_cannot_be_asked_leaves_it_undecided() {
    let sandbox = Sandbox::new();
    for (action, code) in [
        (Action::status(500), "store-unavailable"),
        (Action::status(429), "store-unavailable"),
        (Action::Disconnect, "store-unavailable"),
        (Action::html(), "store-protocol"),
        (Action::status(404), "store-protocol"),
        (Action::status(204), "store-protocol"),
    ] {
        let registry = with_password();
        registry.fault(Rule::new("*", "*"), action.clone());
        let ran = login(&sandbox, registry.host(), &[]).run().expect(14);
        without_trace(ran.stderr_contains(&format!(": {code}: ")));
        assert_eq!(config(&sandbox), None, "{action:?}");
    }
    let closed = refused_address().to_string();
    login(&sandbox, &closed, &[]).run().expect(14).stderr_contains(": store-unavailable: ");
    let silent = with_password();
    silent.fault(Rule::new("*", "*"), Action::Hang);
    login(&sandbox, silent.host(), &["--timeout=300ms"]).run().expect(14).stderr_contains(": timed-out: ");
    assert_eq!(config(&sandbox), None);
}

// threat: G01
// threat: G03
// threat: M11
#[test]
fn only_the_registry_sees_and_confirms_the_password() {
    let collector = RecordingServer::answering(Response::new(200).with_body(r#"{"token":"t"}"#));
    let sandbox = Sandbox::new();
    // A token server elsewhere: even if the registry takes the token, it has not seen the account.
    let elsewhere = TokenService::new("user", PASSWORD).with_realm(format!("{}/token", collector.url()));
    let registry = registry(Auth::Token(elsewhere));
    for accepts in [false, true] {
        if accepts {
            registry.fault(Rule::new("GET", "/v2/").from(2), Action::status(200));
        }
        let ran = without_trace(login(&sandbox, registry.host(), &[]).run().expect(1));
        ran.stderr_contains(": access-denied: ").stderr_contains("no credentials were sent to the token server");
        registry.clear_faults();
    }
    // A redirect, before and after the registry has asked.
    for nth in [1, 2] {
        let registry = with_password();
        registry.fault(Rule::new("GET", "/v2/").from(nth), Action::redirect(format!("{}/v2/", collector.url())));
        without_trace(login(&sandbox, registry.host(), &[]).run().expect(14).stderr_contains(": store-protocol: "));
    }
    assert_eq!(collector.secrets(), Vec::<String>::new());
    assert_eq!(config(&sandbox), None);
}

#[test]
fn registry_without_challenge_cannot_confirm_an_account() {
    let sandbox = Sandbox::new();
    let open = registry(Auth::Anonymous);
    login(&sandbox, open.host(), &[])
        .run()
        .expect(0)
        .stderr_contains("WARNING: ")
        .stderr_contains("did not request authentication");
    assert!(config(&sandbox).unwrap().contains(ACCOUNT));
    // One that allows anonymous access, but refuses a wrong password.
    let refusing = registry(Auth::Anonymous);
    refusing.fault(Rule::new("GET", "/v2/").from(2), Action::status(401));
    login(&sandbox, refusing.host(), &[]).run().expect(1).stderr_contains(": access-denied: ");
    assert!(!config(&sandbox).unwrap().contains(refusing.host()));
}

// threat: G10
#[test]
fn the_rest_of_the_file_stays_as_it_is() {
    let registry = with_password();
    let host = registry.host();
    let sandbox = Sandbox::new();
    let rest = "\"HttpHeaders\": {\"X\":[1.50, \"\\u00e9\"]},\n\t\"credHelpers\": {\"b.example\":\"other\"}";
    let other = "\"b.example\": {\"auth\":\"Yjpi\" , \"email\":\"x\"}";
    let before = format!(
        "{{\n\t{rest},\n\t\"auths\": {{\n\t\t{other},\n\t\t\"https://{host}/v1/\": {{\"auth\":\"b2xkOm9sZA==\"}},\n\t\t\"{host}/team\": {{}}\n\t}},\n\t\"zzz\": null\n}}\n"
    );
    configure(&sandbox, &before);
    std::fs::rename(sandbox.path("docker/config.json"), sandbox.path("real.json")).unwrap();
    std::os::unix::fs::symlink("../real.json", sandbox.path("docker/config.json")).unwrap();
    login(&sandbox, host, &[]).run().expect(0);
    let entry = format!("\"{host}\": {{\n\t\t\t\"auth\": \"{ACCOUNT}\"\n\t\t}}");
    let expected = format!(
        "{{\n\t{rest},\n\t\"auths\": {{\n\t\t{other},\n\t\t\"{host}/team\": {{}},\n\t\t{entry}\n\t}},\n\t\"zzz\": null\n}}\n"
    );
    assert_eq!(config(&sandbox).unwrap(), expected);
    assert!(sandbox.path("docker/config.json").is_symlink());
    verify(&sandbox, &registry).run().expect(READ);
    logout(&sandbox, host).run().expect(0);
    assert_eq!(config(&sandbox).unwrap(), expected.replace(&format!(",\n\t\t{entry}"), ""));
    // A file that cannot be understood is not written over.
    for broken in ["{", "[]", r#"{"auths":[]}"#, r#"{"auths":{"b.example":{}},"auths":{}}"#] {
        configure(&sandbox, broken);
        login(&sandbox, host, &[])
            .run()
            .expect(1)
            .stderr_contains("docker/config.json: ")
            .stderr_contains("nothing was changed");
        logout(&sandbox, host).run().expect(1).stderr_contains("docker/config.json: ");
        assert_eq!(config(&sandbox).unwrap(), broken);
    }
}

#[test]
fn log_ins_side_by_side_lose_none() {
    let sandbox = Sandbox::new();
    let registries: Vec<Registry> = (0..8).map(|_| with_password()).collect();
    std::thread::scope(|scope| {
        for registry in &registries {
            let sandbox = &sandbox;
            scope.spawn(move || login(sandbox, registry.host(), &[]).run().expect(0));
        }
    });
    for registry in &registries {
        verify(&sandbox, registry).run().expect(READ);
    }
}

/// Keeps what it is given in a file, and remembers how it was called.
const KEEPING: &str = r#"echo "$*" >> calls; env >> environment; case "$1" in
store) cat > kept;; erase) rm -f kept;;
get) [ -f kept ] && cat kept || { echo credentials not found in native keychain; exit 1; };; esac"#;

// threat: G08
// threat: K09
// threat: K10
#[test]
fn a_helper_keeps_the_account_where_one_is_configured() {
    let registry = with_password();
    let host = registry.host();
    for how in
        [r#""credsStore":"fake""#.to_owned(), format!(r#""credHelpers":{{"{host}":"fake"}},"credsStore":"none""#)]
    {
        let sandbox = Sandbox::new();
        let path = helper(&sandbox, "fake", KEEPING);
        configure(&sandbox, &format!(r#"{{{how},"auths":{{"{host}":{{"auth":"b2xkOm9sZA=="}}}}}}"#));
        let run = login(&sandbox, host, &[]).env("PATH", &path).env("COSIGN_PASSWORD", "s3cr3t-c4n4ry");
        without_trace(run.run().expect(0).stderr_contains("docker-credential-fake, named in "));
        let kept = String::from_utf8(sandbox.read("kept")).unwrap();
        assert_eq!(kept, format!(r#"{{"ServerURL":"{host}","Username":"user","Secret":"{PASSWORD}"}}"#));
        assert_eq!(sandbox.read("calls"), b"store\n");
        let environment = String::from_utf8(sandbox.read("environment")).unwrap();
        assert!(!environment.contains(PASSWORD) && !environment.contains("s3cr3t"), "{environment}");
        let config_now = config(&sandbox).unwrap();
        assert!(!config_now.contains("\"auth\"") && config_now.contains(&format!("\"{host}\": {{}}")), "{config_now}");
        verify(&sandbox, &registry).env("PATH", &path).run().expect(READ);
        logout(&sandbox, host).env("PATH", &path).run().expect(0).stderr_contains("docker-credential-fake");
        assert!(!sandbox.path("kept").exists());
        verify(&sandbox, &registry).env("PATH", &path).run().expect(14);
    }
}

// threat: G08
#[test]
fn failing_store_helper_is_named_and_nothing_else_changes() {
    let registry = with_password();
    let sandbox = Sandbox::new();
    for (name, script, says) in [
        ("fake", "cat > dump; cat dump >&2; exit 1", "docker-credential-fake failed (exit status: 1)"),
        ("fake", "cat; exit 1", "docker-credential-fake failed (exit status: 1)"),
        ("fake", "sed 's/.*Secret..../it was /'; exit 1", "docker-credential-fake failed (exit status: 1)"),
        ("fake", "echo the keychain is locked; exit 3", "the keychain is locked"),
        ("../fake", "true", "credential helper \"../fake\""),
        ("missing", "true", "docker-credential-missing: no such program"),
    ] {
        let before = format!(r#"{{"credsStore":"{name}"}}"#);
        configure(&sandbox, &before);
        let path = helper(&sandbox, "fake", script);
        let ran = without_trace(login(&sandbox, registry.host(), &[]).env("PATH", &path).run().expect(1));
        ran.stderr_contains(says).stderr_contains("docker/config.json");
        assert_eq!(config(&sandbox).unwrap(), before);
    }
}

#[test]
fn conflicting_flags_are_refused_before_any_request() {
    let registry = with_password();
    let host = registry.host();
    let sandbox = Sandbox::new();
    let long = "x".repeat(32 * 1024 + 1);
    for (arguments, stdin, says) in [
        (vec!["login"], "", "REGISTRY"),
        (vec!["login", host], "", "--username"),
        (vec!["login", host, "-u", "user"], "pw", "--password-stdin"),
        (vec!["login", host, "--password-stdin"], "pw", "--username"),
        (vec!["login", host, "-u", "us:er", "--password-stdin"], "pw", "without colons"),
        (vec!["login", host, "-u", "", "--password-stdin"], "pw", "user name"),
        (vec!["login", host, "-u", "user", "--password-stdin"], "", "1 to 32768 bytes"),
        (vec!["login", host, "-u", "user", "--password-stdin"], "a\nb\n", "control characters"),
        (vec!["login", host, "-u", "user", "--password-stdin"], &long, "1 to 32768 bytes"),
        (vec!["login", host, "-u", "user", "-p", "x", "--password-stdin"], "pw", "cannot be used with"),
        (vec!["login", "host/team", "-u", "user", "--password-stdin"], "pw", "is not a registry"),
        (vec!["login", "a b", "-u", "user", "--password-stdin"], "pw", "is not a registry"),
        (vec!["login", "a\r\nX-Evil: 1", "-u", "user", "--password-stdin"], "pw", "is not a registry"),
        (vec!["logout", "https://host/team"], "", "is not a registry"),
    ] {
        let run = sandbox.sigkit(&arguments).env("HOME", sandbox.path("home")).stdin(stdin);
        run.run().expect(2).stdout_is("").stderr_contains(says);
    }
    let ran = sandbox.sigkit(&["login", host, "-u", "user", "--password-stdin"]).stdin("pw").run().expect(1);
    ran.stderr_contains("set DOCKER_CONFIG or HOME");
    // The password of a key is never that of a registry, whatever variable holds it.
    let run = sandbox.sigkit(&["login", host, "-u", "user"]).env("HOME", sandbox.path("home"));
    run.env("COSIGN_PASSWORD", PASSWORD)
        .env("SIGKIT_PASSWORD", PASSWORD)
        .run()
        .expect(2)
        .stderr_contains("--password-stdin");
    assert_eq!(registry.requests().len(), 0);
    assert_eq!(sandbox.names(), Vec::<String>::new());
}

#[test]
fn files_of_podman_are_left_to_podman() {
    let registry = with_password();
    let sandbox = Sandbox::new();
    let file: PathBuf = sandbox.path("auth.json");
    std::fs::write(&file, format!(r#"{{"auths":{{"{}":{{"auth":"{ACCOUNT}"}}}}}}"#, registry.host())).unwrap();
    let ran = logout(&sandbox, registry.host()).env("REGISTRY_AUTH_FILE", &file).run().expect(0);
    ran.stderr_contains("Not logged in to")
        .stderr_contains("auth.json has credentials of")
        .stderr_contains("podman logout");
}
