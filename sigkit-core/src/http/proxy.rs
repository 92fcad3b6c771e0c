//! Proxies that the environment names: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, and the same in lower case.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The variables that name proxies. Of each pair the first that is set counts.
const VARIABLES: [[&str; 2]; 3] =
    [["HTTPS_PROXY", "https_proxy"], ["HTTP_PROXY", "http_proxy"], ["ALL_PROXY", "all_proxy"]];

/// Refuses a variable that is not a proxy address: ignoring it would send requests past the proxy.
pub(super) fn check() -> Result<(), String> {
    set().try_for_each(|(variable, value)| match value.as_deref().map(read) {
        Some(Some(_)) => Ok(()),
        // The value is not shown: it may hold a password.
        Some(None) | None => Err(format!(
            "{variable}: expected the address of a proxy such as http://proxy.example:3128, found something else: correct or unset it"
        )),
    })
}

/// User names and passwords in the addresses of proxies.
pub(super) fn credentials() -> impl Iterator<Item = (String, String)> {
    set().filter_map(|(_, value)| {
        let url = read(&value?)?;
        Some((url.username().to_owned(), url.password()?.to_owned()))
    })
}

/// Returns true if the host is the one of a proxy, which the user chose.
pub(super) fn is_host_of_one(host: &str) -> bool {
    set().filter_map(|(_, value)| read(&value?)).any(|url| url.host_str() == Some(host))
}

/// The proxy by which requests to `url` go, without its credentials.
pub(super) fn of(url: &Url) -> Option<String> {
    let intercepted = Matcher::from_env().intercept(&url.as_str().parse().ok()?)?;
    Some(intercepted.uri().to_string().trim_end_matches('/').to_owned())
}

/// The variables that are set, and their values where these are text.
#[allow(
    clippy::disallowed_methods,
    reason = "the HTTP client reads these variables, and ignores those that it cannot read"
)]
fn set() -> impl Iterator<Item = (&'static str, Option<String>)> {
    VARIABLES.into_iter().filter_map(|names| {
        let (name, value) = names.into_iter().find_map(|name| Some((name, std::env::var_os(name)?)))?;
        (!value.is_empty()).then(|| (name, value.into_string().ok()))
    })
}

/// The address of a proxy over HTTP or HTTPS; without a scheme it is one over HTTP.
fn read(value: &str) -> Option<Url> {
    let url = if value.contains("://") { Url::parse(value) } else { Url::parse(&format!("http://{value}")) };
    let url = url.ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The HTTP client silently ignores what it cannot read.
    let target = "http://a.example/".parse().ok()?;
    url.filter(|_| Matcher::builder().all(value.to_owned()).build().intercept(&target).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_or_refused() {
        for value in ["http://p:3128", "https://u:pw@p.example", "p:3128", "p", "10.0.0.1:80", "http://[::1]:3128/"] {
            assert!(read(value).is_some(), "{value}");
        }
        for value in
            ["", "://", "http://", "socks5://p:1080", "ftp://p", "http://p:99999", "a b", "http://p\u{7f}/", ":80"]
        {
            assert!(read(value).is_none(), "{value}");
        }
    }
}
