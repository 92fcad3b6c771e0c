use std::net::IpAddr;

use reqwest::Url;

use super::ssrf;

/// Where the name of a host is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum HostOrigin {
    /// The caller.
    Named,
    /// A server's answer: a redirect, a token server, an upload location.
    Remote,
}

/// Which addresses servers may have. A program that gets the names of images from others, such as a server in a cluster, must not be
/// led to services of its own machine or network by them.
///
/// Where the environment names a proxy, the proxy may have any address, and the names of servers are its to resolve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressPolicy {
    /// A host that the caller names may have any address. One that a server points to may have none of this machine or its link, where
    /// clouds keep credentials of machines.
    #[default]
    AnyForNamed,
    /// No host may have an address of this machine or its link.
    NoLocal,
    /// The same, and none of a private network (RFC 1918, RFC 6598, RFC 4193).
    PublicOnly,
}

impl AddressPolicy {
    /// Why a host may not have this address, if it may not.
    pub(super) fn refusal(self, host: HostOrigin, address: IpAddr) -> Option<&'static str> {
        let (local, private) = match (self, host) {
            (Self::AnyForNamed, HostOrigin::Named) => (false, false),
            (Self::AnyForNamed, HostOrigin::Remote) | (Self::NoLocal, _) => (true, false),
            (Self::PublicOnly, _) => (true, true),
        };
        if local && ssrf::is_internal(address) {
            return Some("an address of this machine or its link");
        }
        (private && ssrf::is_private(address)).then_some("an address of a private network")
    }

    /// Checks a URL whose host is an address or `localhost`; other names are checked when they are resolved.
    ///
    /// # Errors
    /// Why no request may be sent there. By default that depends on the server that pointed to it, and is checked there.
    pub(super) fn check(self, url: &Url) -> Result<(), String> {
        if self == Self::AnyForNamed {
            return Ok(());
        }
        let refusal = match ssrf::literal_address(url) {
            Some(address) => self.refusal(HostOrigin::Named, address),
            None => None,
        };
        match refusal {
            Some(what) => Err(format!("{} has {what}, which this client may not contact", ssrf::authority(url))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str) -> Url {
        Url::parse(&format!("https://{host}:5000/")).unwrap()
    }

    // threat: G04
    #[test]
    fn address_is_refused_by_policy_and_by_who_named_it() {
        use AddressPolicy::{AnyForNamed, NoLocal, PublicOnly};
        use HostOrigin::{Named, Remote};
        let (local, private, public) = ("169.254.169.254", "10.0.0.1", "203.0.113.7");
        for (policy, host, address, refused) in [
            (AnyForNamed, Named, local, false),
            (AnyForNamed, Remote, local, true),
            (AnyForNamed, Remote, private, false),
            (NoLocal, Named, local, true),
            (NoLocal, Named, "::ffff:127.0.0.1", true),
            (NoLocal, Remote, private, false),
            (PublicOnly, Named, local, true),
            (PublicOnly, Named, private, true),
            (PublicOnly, Remote, "100.64.0.1", true),
            (PublicOnly, Remote, "fd00::1", true),
            (PublicOnly, Remote, "64:ff9b::a00:1", true),
            (PublicOnly, Named, "::ffff:192.168.0.1", true),
            (PublicOnly, Remote, public, false),
            (PublicOnly, Named, "2001:db8::1", false),
        ] {
            let found = policy.refusal(host, address.parse().unwrap());
            assert_eq!(found.is_some(), refused, "{policy:?} {host:?} {address}: {found:?}");
        }
    }

    // threat: G04
    #[test]
    fn address_in_a_url_is_checked_without_a_resolver() {
        for host in ["127.0.0.1", "[::1]", "localhost", "r.localhost", "0x7f.1", "169.254.169.254"] {
            assert!(AddressPolicy::NoLocal.check(&url(host)).is_err(), "{host}");
            assert!(AddressPolicy::AnyForNamed.check(&url(host)).is_ok(), "{host}");
        }
        for host in ["10.0.0.1", "r.example"] {
            assert!(AddressPolicy::NoLocal.check(&url(host)).is_ok(), "{host}");
        }
        assert!(AddressPolicy::PublicOnly.check(&url("10.0.0.1")).is_err());
    }
}
