//! TLS 1.2 and 1.3, configured by hand so that nothing is loaded before the first HTTPS request.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::options::{ExtraRoots, TlsOptions};
use super::sanitize::printable;

/// What a connection trusts and presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TlsProfile {
    /// For a server that the user named and that the options are about: it sees the client certificate, and is checked under the server
    /// name of the options.
    Configured,
    /// The same for one from which any certificate is accepted.
    Unverified,
    /// For any other server: the system's roots and those of the options.
    Default,
}

/// Checks the PEM texts, so that mistakes show before any request.
pub(super) fn check(options: &TlsOptions) -> Result<(), String> {
    extra_roots(options, &mut RootCertStore::empty())?;
    identity(options)?;
    server_name(options).map(|_| ())
}

/// A configuration that trusts no certificate, for connections without TLS.
pub(super) fn none() -> Result<ClientConfig, String> {
    Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// The configuration for `peer`.
pub(super) fn config(options: &TlsOptions, peer: TlsProfile) -> Result<ClientConfig, String> {
    let builder = builder()?;
    let provider = provider();
    let builder = match (peer, server_name(options)?) {
        (TlsProfile::Unverified, _) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
        }
        (TlsProfile::Configured, Some(name)) => {
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(options)?), provider)
                .build()
                .map_err(|error| error.to_string())?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(FixedName { inner, name }))
        }
        (TlsProfile::Configured | TlsProfile::Default, _) => builder.with_root_certificates(roots(options)?),
    };
    let mut config = match (peer, identity(options)?) {
        (TlsProfile::Configured | TlsProfile::Unverified, Some(Identity { chain, key })) => {
            builder.with_client_auth_cert(chain, key).map_err(|error| format!("the client certificate: {error}"))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())
}

fn provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    return Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(not(feature = "aws-lc-rs"))]
    return Arc::new(rustls::crypto::ring::default_provider());
}

fn roots(options: &TlsOptions) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    // A bundle with one odd certificate in it is the rule; the others still count.
    store.add_parsable_certificates(system.certs);
    let why: Vec<String> = system.errors.iter().map(ToString::to_string).collect();
    // A file that was named is trusted instead of the system's, and not in part.
    if let Some(chosen) = chosen_roots()
        && (store.is_empty() || !why.is_empty())
    {
        let why = if why.is_empty() { "found none".to_owned() } else { why.join("; ") };
        return Err(format!("{chosen}: expected root certificates in PEM, {why}: correct or unset it"));
    }
    extra_roots(options, &mut store)?;
    if store.is_empty() {
        return Err(format!(
            "no root certificates found on this system ({}); install them, set SSL_CERT_FILE, or give a root certificate",
            if why.is_empty() { "nothing there".to_owned() } else { why.join("; ") }
        ));
    }
    Ok(store)
}

/// The files that variables name instead of the system's, each with its variable.
#[allow(
    clippy::disallowed_methods,
    reason = "the loader of the system's roots reads these variables, and does not name them"
)]
fn chosen_roots() -> Option<String> {
    let chosen = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(|variable| {
        let path = std::env::var_os(variable).filter(|path| !path.is_empty())?;
        Some(format!("{variable}={}", printable(&path.to_string_lossy(), 200)))
    });
    let chosen = chosen.collect::<Vec<_>>().join(" and ");
    (!chosen.is_empty()).then_some(chosen)
}

/// Adds the certificates of the options, and names the one that cannot be read.
fn extra_roots(options: &TlsOptions, store: &mut RootCertStore) -> Result<(), String> {
    for ExtraRoots { name, pem } in &options.extra_roots {
        let refused =
            |found: &dyn std::fmt::Display| format!("{name}: expected root certificates in PEM, found {found}");
        let before = store.len();
        for root in CertificateDer::pem_slice_iter(pem) {
            let root = root.map_err(|error| refused(&format!("one that is damaged ({error})")))?;
            store.add(root).map_err(|error| refused(&format!("one that is damaged ({error})")))?;
        }
        if store.len() == before {
            return Err(refused(&"none"));
        }
    }
    Ok(())
}

/// A certificate chain, leaf first, and its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn identity(options: &TlsOptions) -> Result<Option<Identity>, String> {
    let Some(identity) = &options.identity else { return Ok(None) };
    let chain = CertificateDer::pem_slice_iter(&identity.chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the client certificate is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("expected a PEM client certificate, found none".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes())
        .map_err(|error| format!("the client certificate's key is not a PEM private key: {error}"))?;
    Ok(Some(Identity { chain, key }))
}

fn server_name(options: &TlsOptions) -> Result<Option<ServerName<'static>>, String> {
    let Some(name) = &options.server_name else { return Ok(None) };
    ServerName::try_from(name.clone()).map(Some).map_err(|error| format!("the server name {name:?}: {error}"))
}

/// Checks certificates as usual, but under a given name.
#[derive(Debug)]
struct FixedName {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for FixedName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Accepts any certificate whose key the server can use.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
