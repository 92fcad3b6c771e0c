//! HTTP clients, made when they are first needed: the system's roots are read at the first HTTPS request and not before.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use reqwest::header::HeaderValue;
use reqwest::{Client, Url};
use rustls::ClientConfig;

use super::address_policy::HostOrigin;
use super::dns::GuardedResolver;
use super::error::with_causes;
use super::options::{HttpOptions, USER_AGENT};
use super::request::Endpoint;
use super::tls::{self, TlsProfile};
use super::{proxy, ssrf};

/// Headers of one answer.
const MAX_HEADERS: usize = 100;
/// Bytes of the headers of one HTTP/2 answer.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// Servers to which one client keeps connections open. With more, another client takes its place, and the connections that are not in
/// use are closed.
const MAX_CLIENT_ORIGINS: usize = 128;

/// The clients in use: at most one for each [`ClientKey`].
pub(super) struct ClientPool {
    user_agent: HeaderValue,
    clients: Mutex<HashMap<ClientKey, PooledClient>>,
}

/// A client, and what it is made of.
struct PooledClient {
    client: Client,
    tls: ClientConfig,
    /// The servers that it was used for.
    origins: HashSet<String>,
}

/// What clients differ in. Connections are shared by requests with the same key only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ClientKey {
    /// None for plain HTTP.
    tls: Option<TlsProfile>,
    proxy: ProxyMode,
    host: HostOrigin,
}

/// Whether requests may use a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ProxyMode {
    /// No: the address is one of loopback. A proxy could not reach this machine, and must not see local traffic.
    Direct,
    /// The proxy that the environment names for the host, if it names one: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.
    ByEnvironment,
}

impl ClientKey {
    /// The key of a request to `url` on behalf of `endpoint`.
    fn new(endpoint: &Endpoint, url: &Url) -> Self {
        let is_endpoint = url.origin() == endpoint.base.origin();
        Self {
            tls: match url.scheme() {
                "http" => None,
                _ if is_endpoint => Some(endpoint.tls),
                _ => Some(TlsProfile::Default),
            },
            proxy: if ssrf::is_loopback(url) { ProxyMode::Direct } else { ProxyMode::ByEnvironment },
            host: if url.host_str() == endpoint.base.host_str() { HostOrigin::Named } else { HostOrigin::Remote },
        }
    }
}

impl Default for ClientPool {
    fn default() -> Self {
        Self { user_agent: HeaderValue::from_static(USER_AGENT), clients: Mutex::default() }
    }
}

impl ClientPool {
    /// Checks what the clients will need.
    pub(super) fn new(options: &HttpOptions) -> Result<Self, String> {
        let user_agent = HeaderValue::try_from(&options.user_agent)
            .map_err(|_| "expected a user agent of printable characters".to_owned())?;
        tls::check(&options.tls)?;
        Ok(Self { user_agent, clients: Mutex::default() })
    }

    /// The client for a request to `url` on behalf of `endpoint`.
    pub(super) fn get(&self, options: &HttpOptions, endpoint: &Endpoint, url: &Url) -> Result<Client, String> {
        let key = ClientKey::new(endpoint, url);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = url.origin().ascii_serialization();
        if let Some(pooled) = clients.get_mut(&key) {
            if pooled.origins.len() >= MAX_CLIENT_ORIGINS && !pooled.origins.contains(&origin) {
                pooled.client = self.build(options, key, pooled.tls.clone())?;
                pooled.origins.clear();
            }
            pooled.origins.insert(origin);
            return Ok(pooled.client.clone());
        }
        let tls = match key.tls {
            None => tls::none(),
            Some(profile) => tls::config(&options.tls, profile),
        }?;
        let client = self.build(options, key, tls.clone())?;
        clients.insert(key, PooledClient { client: client.clone(), tls, origins: HashSet::from([origin]) });
        Ok(client)
    }

    fn build(&self, options: &HttpOptions, key: ClientKey, tls: ClientConfig) -> Result<Client, String> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(GuardedResolver { host: key.host, policy: options.addresses })
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(self.user_agent.clone())
            .connect_timeout(options.timeouts.connect)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_BYTES);
        match key.proxy {
            ProxyMode::Direct => builder = builder.no_proxy(),
            ProxyMode::ByEnvironment => proxy::check()?,
        }
        builder.build().map_err(|error| with_causes(&error))
    }
}
