//! Hosts and addresses: what is loopback, and where a server may send its clients.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::Url;

pub(super) use crate::oci::host::is_localhost;

/// `host`, or `host:port` when the port is not the scheme's own.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// `METHOD URL` for people: without query, which may hold signatures of storage services.
pub(super) fn place(method: &reqwest::Method, url: &Url) -> String {
    format!("{method} {}://{}{}", url.scheme(), authority(url), url.path())
}

/// Returns true if the host is this machine: 127.0.0.0/8, `::1`, `localhost` and names below it (RFC 6761 §6.3).
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    is_localhost(host) || literal(host).is_some_and(|address| address.is_loopback())
}

/// Returns true if a server elsewhere must not redirect to this address: this machine, its link (where cloud metadata lives), nothing.
pub(super) fn is_internal(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified() || is_link_local(address)
}

/// Returns true if the address is one of this machine's link, to which even a server on this machine must not redirect.
fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// Returns true if the address is one of a private network: RFC 1918, RFC 6598, RFC 4193, or one that a gateway translates (RFC 6052).
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local() || matches!(v6.segments(), [0x64, 0xff9b, ..]),
    }
}

/// The address of a URL whose host is one, or `localhost`.
pub(super) fn literal_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str().unwrap_or_default();
    if is_localhost(host) { Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) } else { literal(host) }
}

/// Checks a URL that `endpoint` sent us to: a redirect, a token server, an upload. Says why it is not gone to.
pub(crate) fn check_target(target: &Url, endpoint: &Url) -> Result<(), String> {
    let shown = || super::sanitize::printable(target.as_str().split('?').next().unwrap_or_default(), 200);
    if !matches!(target.scheme(), "http" | "https") || target.host_str().is_none() {
        return Err(format!("expected an http or https URL, found {}", shown()));
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(format!("expected a URL without a user name, found one for {}", authority(target)));
    }
    let home = is_loopback(endpoint);
    if target.scheme() == "http" && endpoint.scheme() == "https" && !(home && is_loopback(target)) {
        return Err(format!("a server used over HTTPS redirects to plain HTTP: {}", shown()));
    }
    let host = target.host_str().unwrap_or_default();
    let internal = is_localhost(host) || literal(host).is_some_and(is_internal);
    let itself = endpoint.host_str() == Some(host);
    if internal && !home && !itself {
        return Err(format!("a remote server redirects to a local or link-local address: {}", shown()));
    }
    if literal(host).is_some_and(is_link_local) && !itself {
        return Err(format!("a server on this machine redirects to a link-local address: {}", shown()));
    }
    Ok(())
}

/// The address that a host of a URL spells out.
fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    // threat: G05
    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "a.localhost", "LOCALHOST"] {
            assert!(is_loopback(&url(&format!("http://{host}:5000/"))), "{host}");
        }
        for host in
            ["127.0.0.1.example.com", "localhost.example.com", "notlocalhost", "10.0.0.1", "192.168.1.1", "[::2]"]
        {
            assert!(!is_loopback(&url(&format!("http://{host}:5000/"))), "{host}");
        }
    }

    // threat: G04
    #[test]
    fn addresses_behind_every_spelling_are_seen() {
        for address in [
            "127.0.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.1.1",
        ] {
            assert!(is_internal(address.parse().unwrap()), "{address}");
        }
        for address in ["10.0.0.1", "203.0.113.7", "2001:db8::1", "192.168.0.1"] {
            assert!(!is_internal(address.parse().unwrap()), "{address}");
        }
    }

    // threat: F10
    // threat: G02
    // threat: G04
    #[test]
    fn where_a_registry_may_send_its_clients() {
        for (target, registry) in [
            ("https://storage.example/x", "https://r.example/"),
            ("https://10.0.0.1/x", "https://r.example/"),
            ("http://storage.example/x", "http://r.example/"),
            ("https://storage.example/x", "http://r.example/"),
            ("http://127.0.0.1:2/x", "http://127.0.0.1:1/"),
            ("http://127.0.0.1:2/x", "https://localhost:1/"),
            ("https://169.254.1.1/x", "https://169.254.1.1/"),
            ("http://[::1]:2/x", "http://127.0.0.1:1/"),
            ("http://0.0.0.0:2/x", "http://127.0.0.1:1/"),
        ] {
            assert_eq!(check_target(&url(target), &url(registry)), Ok(()), "{target} from {registry}");
        }
        for (target, registry) in [
            ("http://storage.example/x", "https://r.example/"),
            ("http://r.example/x", "https://r.example/"),
            ("http://storage.example/x", "https://127.0.0.1/"),
            ("https://127.0.0.1/x", "https://r.example/"),
            ("https://localhost/x", "http://r.example/"),
            ("https://[::1]/x", "https://r.example/"),
            ("https://0x7f.1/x", "https://r.example/"),
            ("http://169.254.169.254/latest", "http://r.example/"),
            ("http://169.254.169.254/latest", "http://127.0.0.1:5000/"),
            ("http://[fe80::1]/x", "http://localhost:5000/"),
            ("http://[::ffff:169.254.1.1]/x", "http://[::1]:5000/"),
            ("https://user@r.example/x", "https://r.example/"),
            ("https://:password@r.example/x", "https://r.example/"),
            ("file:///x", "https://r.example/"),
            ("data:,x", "https://r.example/"),
        ] {
            assert!(check_target(&url(target), &url(registry)).is_err(), "{target} from {registry}");
        }
    }

    #[test]
    fn a_place_shows_no_query() {
        assert_eq!(
            place(&reqwest::Method::GET, &url("https://s.example:8/a/b?sig=S3CRET")),
            "GET https://s.example:8/a/b"
        );
    }
}
