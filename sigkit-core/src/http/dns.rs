//! Names to addresses, with a guard: a server must not lead its clients to this machine's own services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::ssrf;

/// Where the name of a host is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum HostOrigin {
    /// The user, who may mean any address.
    Named,
    /// A server's answer: a redirect, a token server, an upload location.
    Remote,
}

/// The system's resolver. Names that the user did not write must not resolve to internal addresses; `localhost` is never asked.
pub(super) struct GuardedResolver {
    pub(super) host: HostOrigin,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let origin = self.host;
        let host = name.as_str().to_owned();
        Box::pin(async move {
            if ssrf::is_localhost(&host) {
                let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                return Ok(boxed(local.map(|address| SocketAddr::new(address, 0)).to_vec()));
            }
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            match origin {
                HostOrigin::Named => {}
                HostOrigin::Remote => refuse_internal(&host, &addresses)?,
            }
            Ok(boxed(addresses))
        })
    }
}

/// One internal address among several is enough: the connection could be made to any of them.
fn refuse_internal(host: &str, addresses: &[SocketAddr]) -> Result<(), String> {
    match addresses.iter().find(|address| ssrf::is_internal(address.ip())) {
        Some(address) => Err(format!(
            "a server points to {host}, which resolves to {}, an address of this machine or its link",
            address.ip()
        )),
        None => Ok(()),
    }
}

fn boxed(addresses: Vec<SocketAddr>) -> Addrs {
    Box::new(addresses.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: G04
    #[test]
    fn names_may_not_hide_internal_addresses() {
        let refused = |addresses: &[&str]| {
            let addresses: Vec<SocketAddr> =
                addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
            refuse_internal("storage.example", &addresses).is_err()
        };
        assert!(refused(&["169.254.169.254"]));
        assert!(refused(&["203.0.113.7", "127.0.0.1"]));
        assert!(refused(&["::ffff:127.0.0.1"]));
        assert!(!refused(&["203.0.113.7", "10.0.0.1", "2001:db8::1"]));
    }

    // threat: G05
    #[tokio::test]
    async fn localhost_is_this_machine_whatever_a_name_server_says() {
        let resolver = GuardedResolver { host: HostOrigin::Remote };
        let found = resolver.resolve("registry.localhost".parse().unwrap()).await.unwrap();
        assert!(found.into_iter().all(|address| address.ip().is_loopback()));
    }
}
