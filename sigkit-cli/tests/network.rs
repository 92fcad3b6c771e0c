//! Whom the program connects to: proxies of the environment, registries that flags name, and no other host when offline.

mod support;

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use support::Sandbox;
use support::lab::RegistryFixture;
use testkit::{Auth, RecordingServer, Registry, image, refused_address};

const PUBLIC_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p256.pub");
const CA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sigkit-core/tests/registry/tls_test_keys/test-ca.pem");
/// The image could be read, and has no signatures.
const READ: i32 = 10;
/// The image could not be read.
const NOT_READ: i32 = 14;
const PASSWORD: &str = "c4n4ry-p455w0rd";
/// `Basic` of the account that the proxy is given.
const ACCOUNT: &str = "Proxy-Authorization: Basic dXNlcjpjNG40cnktcDQ1NXcwcmQ=";

/// Passes requests in plain HTTP on to one registry, whatever host they are for, and makes no tunnels.
struct Proxy {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    /// The heads of all requests.
    heads: Arc<Mutex<Vec<String>>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Proxy {
    fn to(registry: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, heads): (Arc<AtomicBool>, Arc<Mutex<Vec<String>>>) = Default::default();
        let acceptor = {
            let (stop, heads) = (Arc::clone(&stop), Arc::clone(&heads));
            std::thread::spawn(move || {
                for client in listener.incoming().take_while(|_| !stop.load(Ordering::SeqCst)) {
                    let heads = Arc::clone(&heads);
                    // A client that breaks off, or connects and says nothing, is not a fault of the proxy.
                    std::thread::spawn(move || drop(client.and_then(|client| pass(client, registry, &heads))));
                }
            })
        };
        Self { address, stop, heads, acceptor: Some(acceptor) }
    }

    /// With an account in it.
    fn url(&self) -> String {
        format!("http://user:{PASSWORD}@{}", self.address)
    }

    fn lines(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

/// One request on one connection.
fn pass(mut client: TcpStream, registry: SocketAddr, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    let head = read_head(&mut BufReader::new(client.try_clone()?))?;
    heads.lock().unwrap().push(head.clone());
    let words: Vec<&str> = head.lines().next().unwrap_or_default().split(' ').collect();
    let [method, target, _] = words[..] else { return Ok(()) };
    let Some((_, path)) = target.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let own = |line: &&str| line.starts_with("proxy-") || line.starts_with("connection");
    let rest: Vec<&str> = head.lines().skip(1).filter(|line| !own(&line.to_ascii_lowercase().as_str())).collect();
    let mut registry = TcpStream::connect(registry)?;
    registry.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = format!("{method} /{path} HTTP/1.1\r\nConnection: close\r\n{}\r\n", rest.join("\r\n"));
    registry.write_all(request.as_bytes())?;
    let mut registry = BufReader::new(registry);
    let answer = read_head(&mut registry)?;
    let length =
        answer.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = Vec::new();
    registry.take(length.unwrap_or(0)).read_to_end(&mut body)?;
    client.write_all(answer.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    client.write_all(&body)
}

/// A head with the empty line that ends it.
fn read_head(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head)? > 0 {}
    Ok(head)
}

fn registry() -> Registry {
    let registry = Registry::builder().auth(Auth::basic("ann", "s3cr3t")).start();
    image::image(registry.content(), "app", "v1", "network");
    registry
}

fn verify(sandbox: &Sandbox, image: &str, flags: &[&str]) -> support::Run {
    let arguments: Vec<&str> = ["verify", "--key", PUBLIC_KEY, "--registry-username=ann", "--registry-password=s3cr3t"]
        .iter()
        .chain(flags)
        .copied()
        .chain([image])
        .collect();
    sandbox.sigkit(&arguments)
}

fn heard_of(text: &str) -> bool {
    text.contains(PASSWORD) || text.contains("dXNlcjpjNG40")
}

// threat: G07
// threat: K09
#[test]
fn proxy_from_environment_gets_its_password_alone() {
    let registry = registry();
    let proxy = Proxy::to(registry.address());
    let sandbox = Sandbox::new();
    for (variable, tls_variable) in
        [("HTTP_PROXY", "HTTPS_PROXY"), ("http_proxy", "https_proxy"), ("ALL_PROXY", "all_proxy")]
    {
        proxy.heads.lock().unwrap().clear();
        registry.clear_log();
        let run = verify(&sandbox, "registry.example:8080/app:v1", &["--allow-http-registry"]);
        let ran = run.env(variable, proxy.url()).env(tls_variable, proxy.url()).run().expect(READ);
        assert!(!heard_of(&ran.stderr), "{ran:#?}");
        // TLS is tried first, and where no tunnel comes about, plain HTTP as allowed.
        let lines = proxy.lines();
        assert_eq!(lines[0], "CONNECT registry.example:8080 HTTP/1.1");
        assert!(
            lines[1..].iter().all(|line| line.starts_with("GET http://registry.example:8080/v2/app/")),
            "{lines:?}"
        );
        let heads = proxy.heads.lock().unwrap().clone();
        assert!(
            heads.iter().all(|head| head.to_ascii_lowercase().contains(&ACCOUNT.to_ascii_lowercase())),
            "{heads:#?}"
        );
        // Before the tunnel is open, nothing is sent to the registry.
        assert!(!heads[0].to_ascii_lowercase().contains("\r\nauthorization"), "{heads:#?}");
        assert!(registry.requests().iter().all(|request| request.header("proxy-authorization").is_none()));
        assert!(!registry.requests().is_empty());
    }
}

// threat: G05
// threat: G07
// threat: K09
#[test]
fn proxy_without_tunnel_fails_without_plain_http_or_password() {
    let registry = registry();
    let proxy = Proxy::to(registry.address());
    let sandbox = Sandbox::new();
    let no_proxy_here = format!("http://user:{PASSWORD}@{}", refused_address());
    for url in [proxy.url(), no_proxy_here] {
        let run = verify(&sandbox, "registry.example/app:v1", &["-d"]);
        let ran = run.env("HTTPS_PROXY", &url).env("HTTP_PROXY", &url).run().expect(NOT_READ);
        assert!(!heard_of(&ran.stderr) && ran.stderr.contains(": store-unavailable: "), "{ran:#?}");
    }
    assert!(proxy.lines().iter().all(|line| line == "CONNECT registry.example:443 HTTP/1.1"), "{:?}", proxy.lines());
    assert_eq!(registry.requests().len(), 0);
}

#[test]
fn no_proxy_and_loopback_go_past_the_proxy() {
    let registry = registry();
    let proxy = Proxy::to(registry.address());
    let sandbox = Sandbox::new();
    let through = |run: support::Run| {
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].into_iter().fold(run, |run, name| run.env(name, proxy.url()))
    };
    // TLS options make HTTPS come first, on loopback as well.
    for flags in [&[][..], &["--registry-cacert", CA], &["--allow-insecure-registry"], &["--allow-http-registry"]] {
        for host in [registry.host(), &format!("localhost:{}", registry.address().port())] {
            through(verify(&sandbox, &format!("{host}/app:v1"), flags)).run().expect(READ);
        }
    }
    // An address for documentation, RFC 5737, which no host has.
    let unreachable = verify(&sandbox, "192.0.2.1:9/app:v1", &["--timeout=1s"]);
    through(unreachable).env("NO_PROXY", "192.0.2.0/24").run().expect(NOT_READ);
    assert_eq!(proxy.lines(), Vec::<String>::new());
}

// threat: G07
#[test]
fn weakening_flags_warn_and_name_their_registries() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let host = lab.registry.host();
    let elsewhere = format!("{host}/signatures");
    for (flag, what) in [
        ("--allow-insecure-registry", "any certificate is accepted from"),
        ("--allow-http-registry", "plain HTTP is allowed for"),
    ] {
        let ran = lab.verify(&[flag, "--signature-repo", &elsewhere, &lab.name(":v1"), &lab.name(":v1")]).run();
        assert_eq!(ran.stderr.matches(&format!("WARNING: {flag}: {what} {host}: anyone")).count(), 1, "{ran:#?}");
        let ran = lab.verify(&[&format!("{flag}=false"), &lab.name(":v1")]).run().expect(READ);
        assert!(!ran.stderr.contains("WARNING"), "{ran:#?}");
        // The environment cannot say it.
        let variable = format!("COSIGN_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
        let ran = lab.verify(&[&lab.name(":v1")]).env(&variable, "true").run().expect(READ);
        assert!(
            ran.stderr.contains(&format!("WARNING: {variable} is ignored")) && !ran.stderr.contains(what),
            "{ran:#?}"
        );
    }
}

// threat: G15
#[test]
fn offline_connects_to_the_named_registry_only() {
    let lab = RegistryFixture::new();
    lab.image("v1");
    let collector = RecordingServer::start();
    let sandbox = &lab.sandbox;
    let run = |arguments: &[&str]| {
        let run = sandbox.signing(arguments);
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].into_iter().fold(run, |run, name| run.env(name, collector.url()))
    };
    // As in cosign, the word is about logs: the image may be in a registry.
    run(&["sign", "--key", "cosign.key", "--yes", &lab.name(":v1")]).run().expect(0);
    let ran = run(&["verify", "--offline", "--key", "cosign.pub", &lab.name(":v1")]).run().expect(0);
    ran.stderr_contains("note: --offline has no effect: verifying contacts the registry of the image and nothing else");
    let log = ["verify", "--rekor-url", &collector.url(), "--key", "cosign.pub", &lab.name(":v1")];
    run(&log).run().expect(0).stderr_contains("note: --rekor-url has no effect: log entries come with the signature");
    // Blobs are verified as usual.
    sandbox.write("blob", "hello");
    run(&["sign-blob", "--key", "cosign.key", "--yes", "--bundle", "blob.bundle", "blob"]).run().expect(0);
    run(&["verify-blob", "--offline", "--key", "cosign.pub", "--bundle", "blob.bundle", "blob"]).run().expect(0);
    assert_eq!(collector.requests().len(), 0);
}
