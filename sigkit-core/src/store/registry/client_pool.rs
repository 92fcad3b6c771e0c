//! HTTP clients, made when they are first needed: the system's roots are read at the first HTTPS request and not before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderValue;
use reqwest::{Client, Url};

use super::dns::{AllowedHosts, GuardedResolver};
use super::options::{RegistryOptions, USER_AGENT};
use super::proxy;
use super::ssrf;
use super::tls::{self, TlsProfile};
use super::transport::{Endpoint, chain};

/// Headers of one answer.
const MAX_HEADERS: usize = 100;
/// Bytes of the headers of one HTTP/2 answer.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// The clients of one run.
pub(super) struct ClientPool {
    user_agent: HeaderValue,
    named: Arc<AllowedHosts>,
    made: Mutex<HashMap<(TransportKind, ProxyMode), Client>>,
}

/// Clients differ in what they trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum TransportKind {
    Plain,
    Registry,
    Unverified,
    Other,
}

/// Clients differ in whom they connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ProxyMode {
    /// A loopback address. A proxy could not reach this machine, and must not see local traffic.
    Direct,
    /// The proxy that the environment names for the host, if it names one: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.
    ByEnvironment,
}

impl ClientPool {
    /// Checks what the clients will need.
    pub(super) fn new(options: &RegistryOptions, named: Arc<AllowedHosts>) -> Result<Self, String> {
        let user_agent = HeaderValue::try_from(&options.user_agent)
            .map_err(|_| "expected a user agent of printable characters".to_owned())?;
        tls::check(&options.tls)?;
        Ok(Self { user_agent, named, made: Mutex::default() })
    }

    /// Clients for the default options, in which nothing can be wrong.
    pub(super) fn default_client(named: Arc<AllowedHosts>) -> Self {
        Self { user_agent: HeaderValue::from_static(USER_AGENT), named, made: Mutex::default() }
    }

    /// The client for a request to `url` on behalf of `home`.
    pub(super) fn get(&self, options: &RegistryOptions, home: &Endpoint, url: &Url) -> Result<Client, String> {
        let channel = match (url.scheme(), url.origin() == home.base.origin()) {
            ("http", _) => TransportKind::Plain,
            (_, true) if home.peer == TlsProfile::Unverified => TransportKind::Unverified,
            (_, true) => TransportKind::Registry,
            (_, false) => TransportKind::Other,
        };
        let way = if ssrf::is_loopback(url) { ProxyMode::Direct } else { ProxyMode::ByEnvironment };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&(channel, way)) {
            return Ok(client.clone());
        }
        let tls = match channel {
            TransportKind::Plain => tls::none(),
            TransportKind::Registry => tls::config(&options.tls, TlsProfile::Registry),
            TransportKind::Unverified => tls::config(&options.tls, TlsProfile::Unverified),
            TransportKind::Other => tls::config(&options.tls, TlsProfile::Other),
        }?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(GuardedResolver { named: Arc::clone(&self.named) })
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(self.user_agent.clone())
            .connect_timeout(options.timeouts.connect)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_BYTES);
        match way {
            ProxyMode::Direct => builder = builder.no_proxy(),
            ProxyMode::ByEnvironment => proxy::check()?,
        }
        let client = builder.build().map_err(|error| chain(&error))?;
        made.insert((channel, way), client.clone());
        Ok(client)
    }
}
