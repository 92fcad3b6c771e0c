//! Hosts of registries, each in one spelling: what reaches the same place must not be called by names that a policy tells apart.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::reference_error::{MAX_NAME, ReferenceError, clip};

/// Docker Hub's canonical name in references.
pub(super) const DOCKER_HUB: &str = "index.docker.io";
/// What else it is called.
const ALIASES: [&str; 3] = ["docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/// The host with its port, in its one normalized spelling; Docker Hub has one name.
pub(super) fn canonical(text: &str) -> Result<String, ReferenceError> {
    let host = spelled(text)?;
    Ok(if ALIASES.contains(&host.as_str()) { DOCKER_HUB.to_owned() } else { host })
}

/// The same without other names for the same host: lower case, addresses in their usual form, no default port, no zeros before
/// a port.
pub(crate) fn spelled(text: &str) -> Result<String, ReferenceError> {
    let wrong = || ReferenceError::Registry { found: clip(text) };
    if text.len() > MAX_NAME {
        return Err(wrong());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
            let address: Ipv6Addr = address.parse().map_err(|_| wrong())?;
            if address.to_ipv4_mapped().is_some() {
                return Err(ReferenceError::Address { found: clip(text) });
            }
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(wrong)?) };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            let host = host.to_ascii_lowercase();
            if !host.split('.').all(is_label) {
                return Err(wrong());
            }
            if ends_in_number(&host) && host.parse::<Ipv4Addr>().is_err() {
                return Err(ReferenceError::Address { found: clip(text) });
            }
            (host, port)
        }
    };
    let Some(port) = port else { return Ok(host) };
    let number = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse::<u16>().ok()).flatten();
    match number.filter(|number| *number != 0).ok_or_else(wrong)? {
        443 => Ok(host),
        // Plain HTTP is used with this machine without a flag.
        80 if is_loopback(&host) => Ok(host),
        port => Ok(format!("{host}:{port}")),
    }
}

/// Returns true if the name is one that always means this machine (RFC 6761 §6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn is_loopback(host: &str) -> bool {
    is_localhost(host) || host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// What URLs take for an IPv4 address, however it is written.
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
    last.bytes().all(|b| b.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R04
    #[test]
    fn one_host_has_one_spelling() {
        for (text, expected) in [
            ("Registry.Example", "registry.example"),
            ("registry.example:443", "registry.example"),
            ("registry.example:0443", "registry.example"),
            ("REGISTRY.example:05000", "registry.example:5000"),
            ("registry.example:80", "registry.example:80"),
            ("LOCALHOST:05000", "localhost:5000"),
            ("localhost:443", "localhost"),
            ("localhost:80", "localhost"),
            ("a.Localhost:80", "a.localhost"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("127.0.0.1:00005000", "127.0.0.1:5000"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[0:0::0:1]:5000", "[::1]:5000"),
            ("[::1]:443", "[::1]"),
            ("[2001:DB8::A]", "[2001:db8::a]"),
            ("Docker.io", "index.docker.io"),
            ("docker.io:443", "index.docker.io"),
            ("INDEX.docker.io:0443", "index.docker.io"),
            ("REGISTRY-1.docker.io:443", "index.docker.io"),
            ("registry.hub.docker.com", "index.docker.io"),
            ("docker.io:5000", "docker.io:5000"),
            ("1password.example", "1password.example"),
            ("0xcafe.example", "0xcafe.example"),
            ("127.0.0.1.example", "127.0.0.1.example"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
            assert_eq!(canonical(expected).as_deref(), Ok(expected), "{expected}");
        }
    }

    // threat: R04
    #[test]
    fn an_address_in_another_form_is_refused() {
        for text in [
            "127.1",
            "127.1:5000",
            "0x7f.1:5000",
            "0x7f000001",
            "0X7F.0.0.0x1",
            "2130706433:5000",
            "127.0.0.001",
            "127.0.0.01:5000",
            "0177.0.0.1",
            "127.0.0.256",
            "1.2.3.4.5",
            "registry.123",
            "registry.0x",
            "[::ffff:127.0.0.1]:5000",
            "[::FFFF:7f00:1]",
        ] {
            assert!(matches!(canonical(text), Err(ReferenceError::Address { .. })), "{text}: {:?}", canonical(text));
        }
        for text in
            ["", ":5000", "a:", "a:0", "a:00", "a:65536", "a:+5", "a.", "a..b", "[::1", "[::1]5", "[::1%1]", "é"]
        {
            assert!(matches!(canonical(text), Err(ReferenceError::Registry { .. })), "{text}: {:?}", canonical(text));
        }
    }
}
