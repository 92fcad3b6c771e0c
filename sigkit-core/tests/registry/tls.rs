//! TLS in front of the test registry, with certificates of an authority that only these tests know.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use sigkit_core::http::{Secret, TlsOptions};
use sigkit_core::store::registry::{RegistryClient, RegistryOptions};
use sigkit_core::store::{Store as _, StoreError};
use testkit::{Action, Auth, Registry, Rule, TokenService};

use crate::support::{LIMIT, basic, blob, open, quick, tag, with, with_image};

const CA: &[u8] = include_bytes!("tls_test_keys/test-ca.pem");
const CLIENT: &[u8] = include_bytes!("tls_test_keys/test-client.pem");
const CLIENT_KEY: &str = include_str!("tls_test_keys/INSECURE-TEST-client.key.pem");
const SERVER: Identity = Identity {
    chain: include_bytes!("tls_test_keys/test-server.pem"),
    key: include_bytes!("tls_test_keys/INSECURE-TEST-server.key.pem"),
};
/// Issued for `registry.test`.
const ELSEWHERE: Identity = Identity {
    chain: include_bytes!("tls_test_keys/test-elsewhere.pem"),
    key: include_bytes!("tls_test_keys/INSECURE-TEST-elsewhere.key.pem"),
};

#[derive(Clone, Copy)]
struct Identity {
    chain: &'static [u8],
    key: &'static [u8],
}

#[derive(Clone, Copy)]
enum Clients {
    Anyone,
    Asked,
    Certified,
}

/// Takes TLS connections and passes on what they carry, one at a time each.
struct Front {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    /// Whether each connection presented a certificate.
    certified: Arc<Mutex<Vec<bool>>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Front {
    fn of(registry: &Registry, identity: Identity, clients: Clients) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, certified): (Arc<AtomicBool>, Arc<Mutex<Vec<bool>>>) = Default::default();
        let config = server_config(identity, clients);
        let back = registry.address();
        let acceptor = {
            let (stop, certified) = (Arc::clone(&stop), Arc::clone(&certified));
            std::thread::spawn(move || {
                let mut connections = Vec::new();
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let (config, stop, certified) = (Arc::clone(&config), Arc::clone(&stop), Arc::clone(&certified));
                    connections.push(std::thread::spawn(move || {
                        // A client that breaks off is what several tests are about.
                        drop(carry(&stream?, &config, back, &stop, &certified));
                        std::io::Result::Ok(())
                    }));
                }
                for connection in connections {
                    drop(connection.join());
                }
            })
        };
        Self { address, stop, certified, acceptor: Some(acceptor) }
    }

    fn host(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn carry(
    client: &TcpStream,
    config: &Arc<ServerConfig>,
    back: SocketAddr,
    stop: &AtomicBool,
    certified: &Mutex<Vec<bool>>,
) -> std::io::Result<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?, client);
    while tls.conn.is_handshaking() {
        let mut socket = client;
        tls.conn.complete_io(&mut socket)?;
    }
    certified.lock().unwrap().push(tls.conn.peer_certificates().is_some());
    let mut back = TcpStream::connect(back)?;
    for socket in [client, &back] {
        socket.set_read_timeout(Some(Duration::from_millis(2)))?;
        socket.set_nodelay(true)?;
    }
    let mut buffer = [0; 1 << 14];
    let mut pass = |from: &mut dyn std::io::Read, to: &mut dyn std::io::Write| -> std::io::Result<()> {
        match from.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => to.write_all(&buffer[..length]).and_then(|()| to.flush()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Err(error) => Err(error),
        }
    };
    while !stop.load(Ordering::SeqCst) {
        pass(&mut tls, &mut back)?;
        pass(&mut back, &mut tls)?;
    }
    Ok(())
}

fn server_config(identity: Identity, clients: Clients) -> Arc<ServerConfig> {
    let provider = Arc::new(provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = match clients {
        Clients::Anyone => WebPkiClientVerifier::no_client_auth(),
        Clients::Asked => verifier.allow_unauthenticated().build().unwrap(),
        Clients::Certified => verifier.build().unwrap(),
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            CertificateDer::pem_slice_iter(identity.chain).map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_slice(identity.key).unwrap(),
        )
        .unwrap();
    Arc::new(config)
}

#[cfg(feature = "aws-lc-rs")]
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(not(feature = "aws-lc-rs"))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

fn trusting(tls: TlsOptions) -> RegistryOptions {
    quick().with_tls(tls.with_root(CA))
}

#[tokio::test]
async fn a_certificate_of_a_given_root_is_trusted() {
    let (registry, image) = with_image();
    let front = Front::of(&registry, SERVER, Clients::Anyone);
    for host in [front.host(), format!("localhost:{}", front.address.port())] {
        let found = open(&host, trusting(TlsOptions::default())).manifest(&tag("v1")).await.unwrap();
        assert_eq!(found.digest().to_string(), image.digest);
    }
}

// threat: G07
#[tokio::test]
async fn untrusted_certificate_is_refused_without_retry() {
    let (registry, _) = with_image();
    let front = Front::of(&registry, ELSEWHERE, Clients::Anyone);
    // Loopback is contacted over HTTPS only with TLS options, so there are some, which do not help.
    let error = open(&front.host(), trusting(TlsOptions::default())).manifest(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("certificate is not trusted"), "{error}");
    let other_root = include_bytes!("tls_test_keys/test-client.pem");
    let options = quick().with_tls(TlsOptions::default().with_root(other_root));
    let error = open(&front.host(), options).manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(!error.to_string().contains("tries"), "{error}");
    assert_eq!(registry.requests().len(), 0);
}

// threat: G07
#[tokio::test]
async fn a_server_name_is_expected_instead_of_the_host() {
    let (registry, _) = with_image();
    let front = Front::of(&registry, ELSEWHERE, Clients::Anyone);
    for (name, trusted) in [("registry.test", true), ("other.test", false)] {
        let options = trusting(TlsOptions::default().with_server_name(name));
        let found = open(&front.host(), options).manifest(&tag("v1")).await;
        assert_eq!(found.is_ok(), trusted, "{name}");
    }
}

// threat: G07
#[tokio::test]
async fn accepting_any_certificate_is_for_one_registry() {
    let (registry, _) = with_image();
    let lax = Front::of(&registry, ELSEWHERE, Clients::Anyone);
    let strict = Front::of(&registry, ELSEWHERE, Clients::Anyone);
    let tls = TlsOptions::default().dangerous_accept_any_certificate(lax.host());
    let client = RegistryClient::new(trusting(tls)).unwrap();
    let at = |front: &Front| client.repository(&format!("{}/my/app", front.host()).parse().unwrap());
    assert!(at(&lax).manifest(&tag("v1")).await.is_ok());
    let error = at(&strict).manifest(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("certificate is not trusted"), "{error}");
    // Nor does it for the host that the lax one points to.
    registry.fault(Rule::new("GET", "*"), Action::redirect(format!("https://{}/v2/x", strict.host())));
    let error = at(&lax).manifest(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("certificate is not trusted"), "{error}");
}

// threat: G07
#[tokio::test]
async fn insecure_registry_flag_excludes_other_token_servers() {
    let tokens = Front::of(&Registry::start(), ELSEWHERE, Clients::Anyone);
    let service = TokenService::new("u", "S3CRET").with_realm(format!("https://{}/token", tokens.host()));
    let registry = Registry::builder().auth(Auth::Token(service)).start();
    let lax = Front::of(&registry, ELSEWHERE, Clients::Anyone);
    let tls = TlsOptions::default().dangerous_accept_any_certificate(lax.host());
    let error = open(&lax.host(), trusting(tls)).manifest(&tag("v1")).await.unwrap_err();
    assert!(
        error.to_string().contains("/token") && error.to_string().contains("certificate is not trusted"),
        "{error}"
    );
    assert!(registry.requests().iter().all(|request| request.header("authorization").is_none()));
}

// threat: G05
// threat: G07
#[tokio::test]
async fn a_refused_certificate_does_not_lead_to_plain_http() {
    let (registry, _) = with_image();
    let front = Front::of(&registry, ELSEWHERE, Clients::Anyone);
    let name = format!("0.0.0.0:{}", front.address.port());
    let store = open(&name, trusting(TlsOptions::default()).with_plain_http(&name));
    let error = store.manifest(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("https://") && error.to_string().contains("not trusted"), "{error}");
}

#[tokio::test]
async fn the_client_certificate_is_shown_to_the_registry_alone() {
    let registry = Registry::start();
    let descriptor = blob(&registry, b"hello");
    let front = Front::of(&registry, SERVER, Clients::Certified);
    let storage = Front::of(&registry, SERVER, Clients::Asked);
    let path = format!("/v2/my/app/blobs/{}", descriptor.digest);
    registry.fault(Rule::new("GET", &path).first(1), Action::redirect(format!("https://{}{path}", storage.host())));
    let tls = TlsOptions::default().with_identity(CLIENT, Secret::new(CLIENT_KEY));
    let store = open(&front.host(), trusting(tls));
    assert_eq!(store.blob(&descriptor, LIMIT).await.unwrap(), b"hello");
    assert!(front.certified.lock().unwrap().iter().all(|certified| *certified));
    assert_eq!(*storage.certified.lock().unwrap(), [false]);
    let without = open(&front.host(), trusting(TlsOptions::default()));
    assert!(matches!(without.blob(&descriptor, LIMIT).await, Err(StoreError::Unavailable { .. })));
}

#[tokio::test]
async fn with_tls_options_loopback_may_still_be_plain() {
    let registry = Registry::builder().auth(Auth::basic("u", "S3CRET")).start();
    testkit::image::image(registry.content(), "my/app", "v1", "layer");
    let options = with(registry.host(), basic("u", "S3CRET")).with_tls(TlsOptions::default().with_root(CA));
    let store = open(registry.host(), options);
    assert!(store.manifest(&tag("v1")).await.is_ok());
    assert!(store.manifest(&tag("v1")).await.is_ok());
    assert_eq!(registry.requests().len(), 3, "{:?}", registry.request_lines());
}

#[tokio::test]
async fn unusable_options_show_before_any_request() {
    let identity = |chain: &[u8], key: &str| TlsOptions::default().with_identity(chain, Secret::new(key));
    for tls in [
        TlsOptions::default().with_root("hello"),
        TlsOptions::default().with_root("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
        TlsOptions::default().with_server_name("not a name"),
        identity(b"hello", CLIENT_KEY),
        identity(CLIENT, "hello"),
    ] {
        let error = RegistryClient::new(quick().with_tls(tls)).unwrap_err();
        assert!(matches!(error, StoreError::Options { .. }), "{error}");
        assert!(!error.to_string().contains("PRIVATE"), "{error}");
    }
}
