//! HTTP clients, made when they are first needed: the system's roots are read at the first HTTPS request and not before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderValue;
use reqwest::{Client, Url};

use super::address;
use super::options::{RegistryOptions, USER_AGENT};
use super::proxy;
use super::resolve::{GuardedResolver, NamedHosts};
use super::tls::{self, Peer};
use super::transport::{Home, chain};

/// Headers of one answer.
const MAX_HEADERS: usize = 100;
/// Bytes of the headers of one HTTP/2 answer.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// The clients of one run.
pub(super) struct Clients {
    user_agent: HeaderValue,
    named: Arc<NamedHosts>,
    made: Mutex<HashMap<(Channel, Way), Client>>,
}

/// Clients differ in what they trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Channel {
    Plain,
    Registry,
    Unverified,
    Other,
}

/// Clients differ in whom they connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    /// A loopback address. A proxy could not reach this machine, and must not see local traffic.
    Direct,
    /// The proxy that the environment names for the host, if it names one: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.
    ByEnvironment,
}

impl Clients {
    /// Checks what the clients will need.
    pub(super) fn new(options: &RegistryOptions, named: Arc<NamedHosts>) -> Result<Self, String> {
        let user_agent = HeaderValue::try_from(&options.user_agent)
            .map_err(|_| "expected a user agent of printable characters".to_owned())?;
        tls::check(&options.tls)?;
        Ok(Self { user_agent, named, made: Mutex::default() })
    }

    /// Clients for the default options, in which nothing can be wrong.
    pub(super) fn usual(named: Arc<NamedHosts>) -> Self {
        Self { user_agent: HeaderValue::from_static(USER_AGENT), named, made: Mutex::default() }
    }

    /// The client for a request to `url` on behalf of `home`.
    pub(super) fn get(&self, options: &RegistryOptions, home: &Home, url: &Url) -> Result<Client, String> {
        let channel = match (url.scheme(), url.origin() == home.base.origin()) {
            ("http", _) => Channel::Plain,
            (_, true) if home.peer == Peer::Unverified => Channel::Unverified,
            (_, true) => Channel::Registry,
            (_, false) => Channel::Other,
        };
        let way = if address::is_loopback(url) { Way::Direct } else { Way::ByEnvironment };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&(channel, way)) {
            return Ok(client.clone());
        }
        let tls = match channel {
            Channel::Plain => tls::none(),
            Channel::Registry => tls::config(&options.tls, Peer::Registry),
            Channel::Unverified => tls::config(&options.tls, Peer::Unverified),
            Channel::Other => tls::config(&options.tls, Peer::Other),
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
            Way::Direct => builder = builder.no_proxy(),
            Way::ByEnvironment => proxy::check()?,
        }
        let client = builder.build().map_err(|error| chain(&error))?;
        made.insert((channel, way), client.clone());
        Ok(client)
    }
}
