use crate::oci::Repository;
use crate::store::StoreError;

/// Which registries may be named.
#[derive(Clone, Debug, Default)]
pub(super) enum AllowedRegistries {
    #[default]
    All,
    Only(Vec<Pattern>),
}

/// One registry, or those below a domain.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// As in references, normalized.
    Registry(String),
    /// `.domain`
    Below(String),
}

impl AllowedRegistries {
    /// Reads the patterns `host`, `host:port` and `*.domain`.
    ///
    /// # Errors
    /// [`StoreError::Options`] of any other text.
    pub(super) fn only(patterns: &[String]) -> Result<Self, StoreError> {
        patterns.iter().map(|pattern| Pattern::parse(pattern)).collect::<Result<_, _>>().map(Self::Only)
    }

    /// # Errors
    /// [`StoreError::Options`] of a registry that may not be named.
    pub(super) fn check(&self, registry: &str) -> Result<(), StoreError> {
        match self {
            Self::All => Ok(()),
            Self::Only(patterns) if patterns.iter().any(|pattern| pattern.matches(registry)) => Ok(()),
            Self::Only(_) => Err(StoreError::Options {
                detail: format!("{registry} is not one of the registries that this client may contact"),
            }),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, StoreError> {
        let (host, below) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        match Repository::new(host, "any") {
            Ok(named) if below => Ok(Self::Below(format!(".{}", named.registry()))),
            Ok(named) => Ok(Self::Registry(named.registry().to_owned())),
            Err(error) => Err(StoreError::Options {
                detail: format!("the allowed registry {text:?}: expected host, host:port or *.domain ({error})"),
            }),
        }
    }

    fn matches(&self, registry: &str) -> bool {
        match self {
            Self::Registry(allowed) => registry == allowed,
            Self::Below(domain) => registry.ends_with(domain.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: G04
    #[test]
    fn registry_is_allowed_by_name_or_by_domain() {
        let patterns = ["docker.io", "Registry.example:443", "*.corp.example", "*.dev.example:5000"].map(str::to_owned);
        let allowed = AllowedRegistries::only(&patterns).unwrap();
        for (image, expected) in [
            ("app", true),
            ("registry.example/app", true),
            ("registry.example:5000/app", false),
            ("a.b.corp.example/app", true),
            ("corp.example/app", false),
            ("evilcorp.example/app", false),
            ("corp.example.evil.test/app", false),
            ("r.dev.example:5000/app", true),
            ("r.dev.example/app", false),
            ("169.254.169.254/app", false),
        ] {
            let registry = image.parse::<Repository>().unwrap().registry().to_owned();
            let found = allowed.check(&registry);
            assert_eq!(found.is_ok(), expected, "{image}: {found:?}");
            assert!(found.is_ok() || found.unwrap_err().code() == "store-options");
            assert!(AllowedRegistries::All.check(&registry).is_ok());
        }
        assert!(AllowedRegistries::only(&[]).unwrap().check("registry.example").is_err());
        for wrong in ["", "*.", "a/b", "https://r.example"] {
            assert!(AllowedRegistries::only(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }
}
