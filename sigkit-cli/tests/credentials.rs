//! Credentials stored by docker and podman, with registries that demand them.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Ran, Run, Sandbox};
use testkit::{Auth, Registry, TokenService, image};

const PUBLIC_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p256.pub");
/// The image could be read, and has no signatures.
const READ: i32 = 10;
/// The image could not be read.
const NOT_READ: i32 = 14;
const PASSWORD: &str = "c4n4ry-p455w0rd";

/// A registry with one unsigned image.
fn registry(auth: Auth) -> Registry {
    let registry = Registry::builder().auth(auth).start();
    image::image(registry.content(), "app", "v1", "credentials");
    registry
}

fn with_password() -> Registry {
    registry(Auth::basic("user", PASSWORD))
}

fn with_token_server() -> Registry {
    registry(Auth::Token(TokenService::new("user", PASSWORD)))
}

fn verify(sandbox: &Sandbox, registry: &Registry, flags: &[&str]) -> Run {
    let image = format!("{}/app:v1", registry.host());
    let arguments: Vec<&str> =
        ["-d", "verify", "--key", PUBLIC_KEY].iter().chain(flags).copied().chain([&*image]).collect();
    sandbox.sigkit(&arguments)
}

/// A `docker-credential-NAME` that runs `script`, in a directory for PATH. Written by a process of its own: a descriptor open for
/// writing here might be inherited by a child of another test, and a program that is being written cannot be run.
fn helper(sandbox: &Sandbox, name: &str, script: &str) -> String {
    let directory = sandbox.path("bin");
    std::fs::create_dir_all(&directory).unwrap();
    let install = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
    let path = directory.join(format!("docker-credential-{name}"));
    assert!(Command::new("/bin/sh").arg("-c").arg(install).arg(path).arg(script).status().unwrap().success());
    format!("{}:/usr/bin:/bin", directory.display())
}

/// Writes `config.json` in a directory of its own, which is returned.
fn docker(sandbox: &Sandbox, json: &str) -> PathBuf {
    write(&sandbox.path("docker/config.json"), json);
    sandbox.path("docker")
}

fn write(path: &Path, json: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, json).unwrap();
}

fn auths(registry: &str, entry: &str) -> String {
    format!(r#"{{"auths":{{"{registry}":{entry}}}}}"#)
}

/// `auth` of the account.
fn account() -> String {
    format!(r#"{{"auth":"{}"}}"#, "dXNlcjpjNG40cnktcDQ1NXcwcmQ=")
}

/// Whether anything but an anonymous request has arrived.
fn was_sent_credentials(registry: &Registry) -> bool {
    registry.requests().iter().any(|request| request.header("authorization").is_some())
}

fn without_trace(ran: Ran) -> Ran {
    assert!(!ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD), "{ran:#?}");
    assert!(!ran.stderr.contains("dXNlcjpj"), "{ran:#?}");
    ran
}

#[test]
fn an_image_is_signed_and_verified_with_the_account_of_docker() {
    let sandbox = Sandbox::new().with_keys();
    for registry in [with_password(), with_token_server()] {
        let image = format!("{}/app:v1", registry.host());
        let config = docker(&sandbox, &auths(registry.host(), &account()));
        let run = |arguments: &[&str]| {
            sandbox.sigkit(arguments).env("DOCKER_CONFIG", &config).env("COSIGN_PASSWORD", "pw").run()
        };
        without_trace(run(&["sign", "--key", "cosign.key", "--yes", &image]).expect(0));
        without_trace(run(&["verify", "--key", "cosign.pub", &image]).expect(0));
    }
}

// threat: G10
#[test]
fn every_place_is_looked_into() {
    let registry = with_password();
    let entry = auths(registry.host(), &account());
    for (variable, value, file) in [
        ("DOCKER_CONFIG", "d", "d/config.json"),
        ("HOME", "h", "h/.docker/config.json"),
        ("REGISTRY_AUTH_FILE", "p.json", "p.json"),
        ("XDG_RUNTIME_DIR", "x", "x/containers/auth.json"),
        ("HOME", "h", "h/.config/containers/auth.json"),
    ] {
        let sandbox = Sandbox::new();
        write(&sandbox.path(file), &entry);
        without_trace(verify(&sandbox, &registry, &[]).env(variable, sandbox.path(value)).run().expect(READ));
    }
    verify(&Sandbox::new(), &registry, &[]).run().expect(NOT_READ).stderr_contains("anonymous access");
}

#[test]
fn identity_and_registry_tokens_are_used() {
    let sandbox = Sandbox::new();
    let tokens = with_token_server();
    let entry = r#"{"auth":"PHRva2VuPjo=","identitytoken":"identity-of-user"}"#;
    let config = docker(&sandbox, &auths(tokens.host(), entry));
    verify(&sandbox, &tokens, &[]).env("DOCKER_CONFIG", &config).run().expect(READ);

    let asked = with_token_server();
    docker(&sandbox, &auths(asked.host(), r#"{"registrytoken":"mine"}"#));
    verify(&sandbox, &asked, &[]).env("DOCKER_CONFIG", &config).run().expect(NOT_READ);
    assert!(asked.requests().iter().any(|request| request.header("authorization") == Some("Bearer mine")));
}

// threat: G05
#[test]
fn the_account_of_one_registry_is_not_for_another() {
    let (asked, other) = (with_password(), with_password());
    let port = asked.address().port();
    let sandbox = Sandbox::new();
    let path = helper(&sandbox, "other", &format!("echo asked > asked; {}", answer()));
    for config in [
        auths(other.host(), &account()),
        auths("https://index.docker.io/v1/", &account()),
        auths("127.0.0.1", &account()),
        auths(&format!("localhost:{port}"), &account()),
        auths(&format!("{}/ap", asked.host()), &account()),
        auths(&format!("{}/app", other.host()), &account()),
        auths("*", &account()),
        auths("", &account()),
        format!(r#"{{"credHelpers":{{"{}":"other"}}}}"#, other.host()),
    ] {
        let config = docker(&sandbox, &config);
        let run = verify(&sandbox, &asked, &[]).env("DOCKER_CONFIG", config).env("PATH", &path);
        run.run().expect(NOT_READ).stderr_contains("anonymous access");
        assert!(!was_sent_credentials(&asked) && !was_sent_credentials(&other));
        assert!(!sandbox.path("asked").exists());
    }
}

// threat: G13
#[test]
fn most_specific_account_is_used_only_below_its_key() {
    let registry = with_password();
    image::image(registry.content(), "team/app", "v1", "other");
    let (host, good) = (registry.host(), account());
    let wrong = r#"{"auth":"dTpwYXNzd29yZC1vZi1hbm90aGVy"}"#;
    let sandbox = Sandbox::new();
    for (auths, app, team) in [
        (format!(r#""{host}":{wrong},"{host}/team":{good}"#), NOT_READ, READ),
        (format!(r#""{host}":{good},"{host}/team":{wrong}"#), READ, NOT_READ),
        (format!(r#""{host}/team":{wrong},"{host}/team/app":{good}"#), NOT_READ, READ),
        (format!(r#""{host}":{good},"{host}/team/ap":{wrong}"#), READ, READ),
        (format!(r#""{host}":{good},"{host}/team":{{}}"#), READ, READ),
        (format!(r#""{host}/v2/":{good},"other.example/team/app":{wrong}"#), READ, READ),
    ] {
        let file = sandbox.path("auth.json");
        write(&file, &format!(r#"{{"auths":{{{auths}}}}}"#));
        let named = |repository: &str| format!("{host}/{repository}:v1");
        let read = |images: &[&str]| {
            let arguments: Vec<&str> = ["verify", "--key", PUBLIC_KEY].iter().chain(images).copied().collect();
            without_trace(sandbox.sigkit(&arguments).env("REGISTRY_AUTH_FILE", &file).run())
        };
        read(&[&named("app")]).expect(app);
        read(&[&named("team/app")]).expect(team);
        // Side by side, in one run, neither is taken for the other.
        let both = read(&[&named("app"), &named("team/app")]);
        let failed = both.stderr.matches("access-denied: ").count();
        assert_eq!(failed, usize::from(app == NOT_READ) + usize::from(team == NOT_READ), "{both:#?}");
    }
}

// threat: G06
// threat: G09
#[test]
fn no_helper_is_asked_by_the_look_of_a_host() {
    let registry = with_password();
    let sandbox = Sandbox::new();
    let path = helper(&sandbox, "ecr-login", &format!("echo asked > asked; {}", answer()));
    let port = registry.address().port();
    let cloud = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let config = docker(
        &sandbox,
        &format!(r#"{{"credHelpers":{{"{cloud}":"ecr-login","{cloud}.localhost":"ecr-login","*":"ecr-login"}}}}"#),
    );
    let look_alike = format!("{cloud}.localhost:{port}/app:v1");
    let run = |image: &str| {
        let run = sandbox.sigkit(&["verify", "--key", PUBLIC_KEY, image]);
        run.env("DOCKER_CONFIG", &config).env("PATH", &path).run()
    };
    run(&look_alike).expect(NOT_READ).stderr_contains("access-denied").stderr_contains("anonymous access");
    assert!(!sandbox.path("asked").exists() && !was_sent_credentials(&registry));
    // Under its exact name the helper is asked.
    docker(&sandbox, &format!(r#"{{"credHelpers":{{"{cloud}.localhost:{port}":"ecr-login"}}}}"#));
    run(&look_alike).expect(READ);
    assert!(sandbox.path("asked").exists());
}

#[test]
fn a_helper_is_asked_once_for_all_repositories() {
    let registry = with_password();
    let sandbox = Sandbox::new();
    for name in ["b", "c", "d"] {
        image::image(registry.content(), name, "v1", name);
    }
    let path = helper(&sandbox, "fake", &format!("echo asked >> asked; {}", answer()));
    let config = docker(&sandbox, r#"{"credsStore":"fake"}"#);
    let images: Vec<String> =
        ["app", "b", "c", "d"].iter().map(|name| format!("{}/{name}:v1", registry.host())).collect();
    let arguments: Vec<&str> =
        ["verify", "--key", PUBLIC_KEY].into_iter().chain(images.iter().map(String::as_str)).collect();
    sandbox.sigkit(&arguments).env("DOCKER_CONFIG", config).env("PATH", path).run().expect(READ);
    assert_eq!(sandbox.read("asked"), b"asked\n");
}

// threat: G10
#[test]
fn configurations_are_read_or_refused_in_words() {
    let registry = with_password();
    let host = registry.host();
    let entry = |entry: &str| auths(host, entry);
    let large = format!("{}{}", auths(host, &account()), " ".repeat(1024 * 1024));
    let good = account();
    let cases: [(String, Result<(), &str>); 15] = [
        (entry(&good), Ok(())),
        (auths(&format!("https://{host}/v1/"), &good), Ok(())),
        (entry(&good.replace('=', "")), Ok(())),
        (entry(&format!(r#"{{"username":"user","password":"{PASSWORD}"}}"#)), Ok(())),
        (format!(r#"{{"auths":{{"b.example":{{"auth":7}},"c.example":[],"{host}":{good}}},"psFormat":1}}"#), Ok(())),
        (entry("{}"), Err("anonymous access")),
        (String::new(), Err("anonymous access")),
        (entry(r#"{"auth":"c4n4ry-p455w0rd"}"#), Err("auth is not base64")),
        (entry(r#"{"auth":"dXNlcg=="}"#), Err("there is no colon in it")),
        (entry(r#"{"auth":"/zr/"}"#), Err("it is not UTF-8")),
        (entry(r#"{"username":"user"}"#), Err("a username without a password")),
        (
            entry(r#""c4n4ry-p455w0rd""#),
            Err("does not have the format that docker and podman write, at line 1, column"),
        ),
        (
            r#"{"auths":["c4n4ry-p455w0rd"]}"#.to_owned(),
            Err("does not have the format that docker and podman write, at line 1, column"),
        ),
        ("c4n4ry-p455w0rd".to_owned(), Err("is not JSON, at line 1, column 1")),
        (large, Err("has more than 1048576 bytes")),
    ];
    let sandbox = Sandbox::new();
    for (config, expected) in cases {
        let directory = docker(&sandbox, &config);
        let ran = without_trace(verify(&sandbox, &registry, &[]).env("DOCKER_CONFIG", &directory).run());
        match expected {
            Ok(()) => drop(ran.expect(READ)),
            Err("anonymous access") => drop(ran.expect(NOT_READ).stderr_contains("anonymous access")),
            Err(why) => drop(ran.expect(NOT_READ).stderr_contains(why).stderr_contains("docker/config.json")),
        }
    }
}

#[test]
fn nothing_is_looked_up_unless_a_registry_asks() {
    let sandbox = Sandbox::new();
    let config = docker(&sandbox, "not JSON");
    let open = registry(Auth::Anonymous);
    verify(&sandbox, &open, &[]).env("DOCKER_CONFIG", &config).run().expect(READ);
    let closed = with_password();
    verify(&sandbox, &closed, &[]).env("DOCKER_CONFIG", &config).run().expect(NOT_READ).stderr_contains("is not JSON");
    // Flags go before all files.
    let flags = ["--registry-username=user", "--registry-password=c4n4ry-p455w0rd"];
    verify(&sandbox, &closed, &flags).env("DOCKER_CONFIG", &config).run().expect(READ);
    closed.clear_log();
    verify(&sandbox, &closed, &["--registry-token=mine"]).env("DOCKER_CONFIG", &config).run().expect(NOT_READ);
    assert!(closed.requests().iter().any(|request| request.header("authorization") == Some("Bearer mine")));
}

/// Prints the account as a helper does.
fn answer() -> String {
    format!(r#"read -r url; printf '{{"ServerURL":"%s","Username":"user","Secret":"{PASSWORD}"}}' "$url""#)
}

// threat: G08
#[test]
fn helpers_are_asked() {
    let sandbox = Sandbox::new();
    let path = helper(&sandbox, "fake", &answer());
    let registry = with_password();
    let config = [
        r#"{"credsStore":"fake"}"#.to_owned(),
        format!(r#"{{"credHelpers":{{"{}":"fake"}}}}"#, registry.host()),
        format!(r#"{{"credHelpers":{{"{}":"fake"}},"credsStore":"missing"}}"#, registry.host()),
        format!(r#"{{"auths":{{"{}":{{}}}},"credsStore":"fake"}}"#, registry.host()),
    ];
    for config in config {
        let config = docker(&sandbox, &config);
        without_trace(
            verify(&sandbox, &registry, &[]).env("DOCKER_CONFIG", config).env("PATH", &path).run().expect(READ),
        );
    }
    let tokens = with_token_server();
    let config = docker(&sandbox, r#"{"credsStore":"token"}"#);
    let path = helper(&sandbox, "token", r#"echo '{"Username":"<token>","Secret":"identity-of-user"}'"#);
    verify(&sandbox, &tokens, &[]).env("DOCKER_CONFIG", config).env("PATH", path).run().expect(READ);
}

// threat: G08
#[test]
fn helpers_that_fail_are_named() {
    let registry = with_password();
    let sandbox = Sandbox::new();
    let secret = answer();
    let leak = format!("{secret}; exit 1");
    let noisy = format!("{secret}; echo done");
    for (name, script, says) in [
        ("fake", "echo credentials not found in native keychain; exit 1", "anonymous access"),
        ("fake", "echo the keychain is locked; exit 1", "the keychain is locked"),
        ("fake", "exit 7", "docker-credential-fake failed (exit status: 7)"),
        ("fake", &leak, "docker-credential-fake failed (exit status: 1)"),
        ("fake", "echo junk", "that is not one JSON document"),
        ("fake", &noisy, "that is not one JSON document"),
        ("fake", "true", "docker-credential-fake did not print"),
        ("fake", "echo '{\"Username\":\"user\"}'", "a member is missing"),
        ("fake", "exec yes", "printed more than 65536 bytes"),
        ("../fake", &secret, "credential helper \"../fake\""),
        ("fa\\nke", &secret, "the name may have letters"),
        ("other", &secret, "docker-credential-other: no such program"),
    ] {
        let config = docker(&sandbox, &format!(r#"{{"credsStore":"{name}"}}"#));
        let path = helper(&sandbox, "fake", script);
        let run = verify(&sandbox, &registry, &[]).env("DOCKER_CONFIG", config).env("PATH", path);
        without_trace(run.run().expect(NOT_READ).stderr_contains(says));
        assert!(!was_sent_credentials(&registry), "{script}");
    }
}

// threat: G08
#[test]
fn a_helper_does_not_outlive_the_program() {
    for ending in [None, Some("TERM"), Some("INT"), Some("QUIT")] {
        let registry = with_password();
        let sandbox = Sandbox::new();
        let config = docker(&sandbox, r#"{"credsStore":"fake"}"#);
        let path = helper(&sandbox, "fake", &format!("echo $$ > {}; exec sleep 600", sandbox.path("pid").display()));
        let timeout = if ending.is_some() { "60s" } else { "2s" };
        let run = verify(&sandbox, &registry, &["--timeout", timeout]).env("DOCKER_CONFIG", config).env("PATH", path);
        let pid = match ending {
            None => {
                run.run().expect(NOT_READ).stderr_contains("timed-out");
                std::fs::read_to_string(sandbox.path("pid")).unwrap()
            }
            Some(signal) => {
                let mut command = run.command;
                let mut program = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                let pid =
                    eventually(|| std::fs::read_to_string(sandbox.path("pid")).ok().filter(|pid| pid.ends_with('\n')));
                Command::new("kill").args(["-s", signal, &program.id().to_string()]).status().unwrap();
                assert!(!program.wait().unwrap().success());
                pid
            }
        };
        let status = format!("/proc/{}/status", pid.trim());
        // Its parent has ended; until another process collects it, it is a zombie.
        let runs = || std::fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ"));
        eventually(|| (!runs()).then_some(()));
    }
}

/// What `found` finds within some seconds.
#[track_caller]
fn eventually<T>(found: impl Fn() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("it never came");
}

// threat: G08
#[test]
fn helper_in_the_current_directory_is_ignored() {
    let registry = with_password();
    let sandbox = Sandbox::new();
    let config = docker(&sandbox, r#"{"credsStore":"fake"}"#);
    helper(&sandbox, "fake", &format!("echo asked > asked; {}", answer()));
    std::fs::rename(sandbox.path("bin/docker-credential-fake"), sandbox.path("docker-credential-fake")).unwrap();
    for path in ["", ".", ":", ":/usr/bin", "bin/..", "/usr/bin::/bin"] {
        let run = verify(&sandbox, &registry, &[]).env("DOCKER_CONFIG", &config).env("PATH", path);
        run.run().expect(NOT_READ).stderr_contains("docker-credential-fake: no such program");
    }
    assert!(!sandbox.path("asked").exists());
}

// threat: K10
#[test]
fn helpers_do_not_get_our_secrets() {
    let sandbox = Sandbox::new();
    let registry = with_password();
    let config = docker(&sandbox, r#"{"credsStore":"fake"}"#);
    let path = helper(&sandbox, "fake", &format!("env > dump; echo $* >> dump; {}", answer()));
    let mut run =
        verify(&sandbox, &registry, &[]).env("DOCKER_CONFIG", config).env("PATH", path).env("OF_THE_HELPER", "kept");
    for name in ["SIGKIT_PASSWORD", "COSIGN_PASSWORD", "SIGKIT_CANARY_TOKEN", "COSIGN_CANARY_PASSWORD"] {
        run = run.env(name, "s3cr3t-c4n4ry");
    }
    run.run().expect(READ);
    let dump = String::from_utf8(sandbox.read("dump")).unwrap();
    assert!(dump.contains("OF_THE_HELPER=kept") && dump.ends_with("get\n"), "{dump}");
    assert!(!dump.contains("s3cr3t-c4n4ry") && !dump.contains("SIGKIT_") && !dump.contains("COSIGN_"), "{dump}");
}

#[test]
fn a_refusal_names_where_the_account_came_from() {
    let sandbox = Sandbox::new();
    let registry = registry(Auth::basic("user", "another"));
    let config = docker(&sandbox, &auths(registry.host(), &account()));
    let ran = verify(&sandbox, &registry, &[]).env("DOCKER_CONFIG", &config).run().expect(NOT_READ);
    without_trace(ran.stderr_contains("docker/config.json"));
    docker(&sandbox, r#"{"credsStore":"fake"}"#);
    let path = helper(&sandbox, "fake", &answer());
    let ran = verify(&sandbox, &registry, &[]).env("DOCKER_CONFIG", &config).env("PATH", path).run().expect(NOT_READ);
    without_trace(ran.stderr_contains("docker-credential-fake, named in "));
}
