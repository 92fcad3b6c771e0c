use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;

use zeroize::Zeroizing;

/// Environment variables.
pub(crate) enum Environment {
    /// Those of this process.
    Process,
    /// Variables made up for a test.
    #[cfg(test)]
    Made(std::collections::BTreeMap<String, OsString>),
}

impl Environment {
    /// The value of a variable that is set, be it empty.
    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        match self {
            Self::Process => std::env::var_os(name),
            #[cfg(test)]
            Self::Made(variables) => variables.get(name).cloned(),
        }
    }

    /// The value of a variable that is set and not empty.
    pub(crate) fn non_empty(&self, name: &str) -> Option<OsString> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The names of all variables that are set.
    pub(crate) fn names(&self) -> Vec<OsString> {
        match self {
            Self::Process => std::env::vars_os().map(|(name, _)| name).collect(),
            #[cfg(test)]
            Self::Made(variables) => variables.keys().map(OsString::from).collect(),
        }
    }

    /// The value of a secret; the copy is wiped when dropped.
    pub(crate) fn secret(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.get(name).map(|value| Zeroizing::new(value.into_vec()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be passwords.
        f.write_str("Environment(..)")
    }
}

#[cfg(test)]
impl Environment {
    /// Variables made up for a test.
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self::Made(variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect())
    }
}
