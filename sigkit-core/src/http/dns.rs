//! Names to addresses, with a guard: a server must not lead its clients to this machine's own services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address_policy::{AddressPolicy, HostOrigin};
use super::{proxy, ssrf};

/// The system's resolver. Names must not resolve to addresses that the policy refuses; `localhost` is never asked.
pub(super) struct GuardedResolver {
    pub(super) host: HostOrigin,
    pub(super) policy: AddressPolicy,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (origin, policy) = (self.host, self.policy);
        let host = name.as_str().to_owned();
        Box::pin(async move {
            if ssrf::is_localhost(&host) {
                let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                return Ok(boxed(local.map(|address| SocketAddr::new(address, 0)).to_vec()));
            }
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if !proxy::is_host_of_one(&host) {
                check_addresses(policy, origin, &host, &addresses)?;
            }
            Ok(boxed(addresses))
        })
    }
}

/// One address among several that is refused is enough: the connection could be made to any of them.
fn check_addresses(
    policy: AddressPolicy,
    origin: HostOrigin,
    host: &str,
    addresses: &[SocketAddr],
) -> Result<(), String> {
    let refused = |address: &SocketAddr| policy.refusal(origin, address.ip()).map(|what| (address.ip(), what));
    match (addresses.iter().find_map(refused), origin) {
        (Some((address, what)), HostOrigin::Remote) => {
            Err(format!("a server points to {host}, which resolves to {address}, {what}"))
        }
        (Some((address, what)), HostOrigin::Named) => {
            Err(format!("{host} resolves to {address}, {what}, which this client may not contact"))
        }
        (None, _) => Ok(()),
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
            check_addresses(AddressPolicy::AnyForNamed, HostOrigin::Remote, "storage.example", &addresses).is_err()
        };
        assert!(refused(&["169.254.169.254"]));
        assert!(refused(&["203.0.113.7", "127.0.0.1"]));
        assert!(refused(&["::ffff:127.0.0.1"]));
        assert!(!refused(&["203.0.113.7", "10.0.0.1", "2001:db8::1"]));
    }

    // threat: G05
    #[tokio::test]
    async fn localhost_is_this_machine_whatever_a_name_server_says() {
        let resolver = GuardedResolver { host: HostOrigin::Remote, policy: AddressPolicy::AnyForNamed };
        let found = resolver.resolve("registry.localhost".parse().unwrap()).await.unwrap();
        assert!(found.into_iter().all(|address| address.ip().is_loopback()));
    }
}
