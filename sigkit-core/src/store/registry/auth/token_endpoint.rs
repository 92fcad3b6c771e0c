//! Which token server may be asked, and which may be given the registry's credentials.

use std::net::IpAddr;

use reqwest::Url;

use crate::http::ssrf;

/// Token servers of registries with unrelated names, hard-coded.
const PAIRS: [(&str, &str); 1] = [("registry-1.docker.io", "auth.docker.io")];

/// Whether a token server may see credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenEndpointTrust {
    /// It belongs to the registry.
    Credentials,
    /// Nothing says so; it is asked anonymously. The reason is for the error message if that is not enough.
    AnonymousOnly(String),
}

/// Judges the `realm` that `registry` named. `trusted` are hosts that may see the credentials of any registry.
///
/// The rule: HTTPS, or plain HTTP for a registry that itself uses plain HTTP; no user name and no fragment. Credentials
/// go to the registry's own origin; over HTTPS also to the default port of its host, of a host above or below it that shares at
/// least two labels, and to the pairs hard-coded or configured.
pub(super) fn judge(realm: &str, registry: &Url, trusted: &[String]) -> Result<(Url, TokenEndpointTrust), String> {
    let url = Url::parse(realm).map_err(|error| format!("the realm is not a URL ({error})"))?;
    if url.fragment().is_some() {
        return Err("the realm has a fragment".to_owned());
    }
    ssrf::check_target(&url, registry)?;
    let trust = if url.origin() == registry.origin() || (url.scheme() == "https" && is_related(&url, registry, trusted))
    {
        TokenEndpointTrust::Credentials
    } else {
        TokenEndpointTrust::AnonymousOnly(format!(
            "no credentials were sent to the token server {}, which is not related to the registry: trust it explicitly if it should \
             have them",
            ssrf::authority(&url)
        ))
    };
    Ok((url, trust))
}

fn is_related(realm: &Url, registry: &Url, trusted: &[String]) -> bool {
    let (Some(host), Some(registry_host)) = (realm.host_str(), registry.host_str()) else { return false };
    if trusted.iter().any(|trusted| trusted.eq_ignore_ascii_case(&ssrf::authority(realm))) {
        return true;
    }
    if realm.port().is_some() || registry.scheme() != "https" {
        return false;
    }
    host == registry_host
        || PAIRS.contains(&(registry_host, host))
        || is_below(host, registry_host)
        || is_below(registry_host, host)
}

/// Returns true if `host` is a name below `parent`, which has at least two labels.
fn is_below(host: &str, parent: &str) -> bool {
    parent.contains('.')
        && !parent.ends_with('.')
        && parent.parse::<IpAddr>().is_err()
        && host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(realm: &str, registry: &str) -> Option<TokenEndpointTrust> {
        judge(realm, &Url::parse(registry).unwrap(), &["auth.trusted.example".to_owned()]).ok().map(|(_, trust)| trust)
    }

    // threat: G01
    #[test]
    fn relatives_get_credentials() {
        for (realm, registry) in [
            ("https://ghcr.io/token", "https://ghcr.io/"),
            ("https://ghcr.io:443/token", "https://ghcr.io/"),
            ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com/"),
            ("https://gitlab.example.com/jwt/auth", "https://gitlab.example.com:5050/"),
            ("https://auth.registry.example.com/t", "https://registry.example.com/"),
            ("https://auth.docker.io/token", "https://registry-1.docker.io/"),
            ("https://auth.trusted.example/token", "https://other.example/"),
            ("http://127.0.0.1:5000/token", "http://127.0.0.1:5000/"),
        ] {
            assert_eq!(judged(realm, registry), Some(TokenEndpointTrust::Credentials), "{realm} for {registry}");
        }
    }

    // threat: G01
    // threat: M11
    #[test]
    fn strangers_get_none() {
        for (realm, registry) in [
            ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000/"),
            ("https://127.0.0.1/token", "http://127.0.0.1:5000/"),
            ("https://ghcr.io:8443/token", "https://ghcr.io/"),
            ("https://evil.example/token", "https://ghcr.io/"),
            ("https://ghcr.io.evil.example/token", "https://ghcr.io/"),
            ("https://evilghcr.io/token", "https://ghcr.io/"),
            ("https://xn--ghr-jma.io/token", "https://ghcr.io/"),
            ("https://io/token", "https://ghcr.io/"),
            ("https://b.io/token", "https://a.io/"),
            ("https://auth.example.com/token", "https://registry.example.com/"),
            ("https://203.0.113.7/token", "https://ghcr.io/"),
            ("https://auth.docker.io/token", "https://ghcr.io/"),
            ("http://auth.trusted.example/token", "http://other.example/"),
            ("https://sub.registry.example/token", "http://registry.example/"),
        ] {
            assert!(
                matches!(judged(realm, registry), Some(TokenEndpointTrust::AnonymousOnly(_))),
                "{realm} for {registry}"
            );
        }
    }

    // threat: G01
    // threat: G04
    #[test]
    fn some_token_endpoints_are_never_called() {
        for (realm, registry) in [
            ("http://ghcr.io/token", "https://ghcr.io/"),
            ("file:///etc/passwd", "https://ghcr.io/"),
            ("ftp://ghcr.io/", "https://ghcr.io/"),
            ("https://user@ghcr.io/token", "https://ghcr.io/"),
            ("https://user:password@ghcr.io/token", "https://ghcr.io/"),
            ("https://ghcr.io/token#x", "https://ghcr.io/"),
            ("https://169.254.169.254/latest/meta-data", "https://ghcr.io/"),
            ("https://[::ffff:169.254.169.254]/latest", "https://ghcr.io/"),
            ("https://127.0.0.1/token", "https://ghcr.io/"),
            ("https://localhost/token", "https://ghcr.io/"),
            ("https://0.0.0.0/token", "https://ghcr.io/"),
            ("token", "https://ghcr.io/"),
            ("", "https://ghcr.io/"),
        ] {
            assert_eq!(judged(realm, registry), None, "{realm} for {registry}");
        }
    }
}
