//! Package URLs, purl-spec: `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`.

/// A package URL, decoded. Type and names of qualifiers are in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Purl {
    pub(super) kind: String,
    /// Namespace and name.
    pub(super) path: String,
    pub(super) version: Option<String>,
    pub(super) qualifiers: Vec<(String, String)>,
}

impl Purl {
    /// Reads a package URL, with the slashes before the type that purl-spec tolerates. `None` if it is invalid.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = without_scheme(text)?.trim_start_matches('/');
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/')?;
        let is_kind = kind.starts_with(|c: char| c.is_ascii_alphabetic())
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        let (path, version) = match rest.rsplit_once('@') {
            // An `@` before a slash begins a namespace.
            Some((path, version)) if !version.contains('/') && !path.is_empty() => (path, Some(decoded(version)?)),
            _ => (rest, None),
        };
        let path = decoded(path.trim_matches('/'))?;
        let pairs = qualifiers.split('&').filter(|pair| !pair.is_empty());
        let qualifiers = pairs.map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_ascii_lowercase(), decoded(value)?))
        });
        let kind = is_kind.then(|| kind.to_ascii_lowercase())?;
        (!path.is_empty()).then_some(Self { kind, path, version, qualifiers: qualifiers.collect::<Option<_>>()? })
    }

    /// Returns true if it is of a type that names images.
    pub(super) fn is_image(&self) -> bool {
        matches!(self.kind.as_str(), "docker" | "oci")
    }

    /// The values of a qualifier, of which purl-spec allows one.
    pub(super) fn values<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.qualifiers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns true if both may mean one package: other case, other separators, another spelling of the version, or something left out.
    pub(super) fn resembles(&self, other: &Self) -> bool {
        let plain = |text: &str| text.to_lowercase().replace(['_', '.'], "-");
        let (one, two) = (plain(&self.path), plain(&other.path));
        let ends = |long: &str, short: &str| long.strip_suffix(short).is_some_and(|rest| rest.ends_with('/'));
        let version = |version: &str| {
            let version = version.trim_start_matches(['v', 'V']);
            let after = version.split_once(':').filter(|(epoch, _)| epoch.bytes().all(|byte| byte.is_ascii_digit()));
            after.map_or(version, |(_, rest)| rest).to_lowercase()
        };
        let versions = self.version.as_deref().zip(other.version.as_deref());
        self.kind == other.kind
            && (one == two || ends(&one, &two) || ends(&two, &one))
            && versions.is_none_or(|(one, two)| version(one) == version(two))
    }
}

/// The text after `pkg:` in any case.
pub(super) fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("pkg").then_some(rest)
}

/// Percent-decoding. `None` if an escape is invalid, or the result is not UTF-8.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_are_read_in_every_spelling() {
        let read = |text: &str| Purl::parse(text).map(|purl| (purl.kind, purl.path, purl.version, purl.qualifiers));
        let of = |kind: &str, path: &str, version: Option<&str>, qualifiers: &[(&str, &str)]| {
            let qualifiers = qualifiers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Some((kind.to_owned(), path.to_owned(), version.map(str::to_owned), qualifiers.collect::<Vec<_>>()))
        };
        for (text, expected) in [
            ("pkg:deb/debian/curl@7.50.3-1?arch=i386", of("deb", "debian/curl", Some("7.50.3-1"), &[("arch", "i386")])),
            ("PKG://Deb/debian/curl", of("deb", "debian/curl", None, &[])),
            ("pkg:npm/%40angular/animation@12.3.1", of("npm", "@angular/animation", Some("12.3.1"), &[])),
            ("pkg:npm/@angular/animation", of("npm", "@angular/animation", None, &[])),
            ("pkg:npm/@angular", of("npm", "@angular", None, &[])),
            ("pkg:npm/a@b/c", of("npm", "a@b/c", None, &[])),
            ("pkg:oci/a@sha256%3Aab?Tag=v1#x/y", of("oci", "a", Some("sha256:ab"), &[("tag", "v1")])),
            ("pkg:docker/a@1#?repository_url=b", of("docker", "a", Some("1"), &[])),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for text in [
            "",
            "pkg:",
            "pkg:deb",
            "pkg:deb/",
            "pkg:d%65b/x",
            "pkg:1/x",
            "pkg:a/%zz",
            "pkg:a/%ff",
            "pkg:a/b?c",
            " pkg:a/b",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    // threat: R07
    #[test]
    fn a_package_resembles_itself_in_other_words() {
        let resembles = |one: &str, two: &str| Purl::parse(one).unwrap().resembles(&Purl::parse(two).unwrap());
        for (one, two) in [
            ("pkg:deb/debian/openssl@3.0.1?arch=amd64", "pkg:deb/debian/openssl@3.0.1"),
            ("pkg:deb/debian/openssl@3.0.1", "pkg:DEB/Debian/OpenSSL"),
            ("pkg:deb/debian/openssl@1%3A3.0.1%2Bdeb", "pkg:deb/openssl@3.0.1+deb"),
            ("pkg:npm/%40a/b@1", "pkg:npm/@a/b@v1"),
            ("pkg:pypi/my_pkg@1", "pkg:pypi/My-Pkg@1"),
        ] {
            assert!(resembles(one, two) && resembles(two, one), "{one} {two}");
        }
        for (one, two) in [
            ("pkg:deb/debian/openssl@3.0.1", "pkg:deb/debian/openssl@3.0.2"),
            ("pkg:deb/debian/openssl@3.0.1", "pkg:deb/ubuntu/openssl@3.0.1"),
            ("pkg:deb/debian/openssl", "pkg:rpm/debian/openssl"),
            ("pkg:deb/debian/openssl", "pkg:deb/debian/libopenssl"),
        ] {
            assert!(!resembles(one, two), "{one} {two}");
        }
    }
}
