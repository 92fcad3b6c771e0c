//! Names to addresses, with a guard: a registry must not lead its clients to this machine's own services.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address;

/// Hosts that the user named, which may be anywhere.
#[derive(Debug, Default)]
pub(super) struct NamedHosts(Mutex<HashSet<String>>);

impl NamedHosts {
    pub(super) fn insert(&self, host: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned());
    }

    fn contains(&self, host: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(host)
    }
}

/// The system's resolver. Names that the user did not write must not resolve to internal addresses; `localhost` is never asked.
pub(super) struct GuardedResolver {
    pub(super) named: Arc<NamedHosts>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let named = self.named.contains(name.as_str());
        let host = name.as_str().to_owned();
        Box::pin(async move {
            if address::is_localhost(&host) {
                let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                return Ok(boxed(local.map(|address| SocketAddr::new(address, 0)).to_vec()));
            }
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            match addresses.iter().find(|address| address::is_internal(address.ip())) {
                Some(address) if !named => Err(format!(
                    "{host} was not named by you and resolves to {}, an address of this machine or its link",
                    address.ip()
                )
                .into()),
                _ => Ok(boxed(addresses)),
            }
        })
    }
}

fn boxed(addresses: Vec<SocketAddr>) -> Addrs {
    Box::new(addresses.into_iter())
}
