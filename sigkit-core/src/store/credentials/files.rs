use std::ffi::OsString;
use std::path::PathBuf;

/// The files in which docker and podman store credentials, whether they exist or not, and where their helper programs are.
#[derive(Clone, Debug, Default)]
pub struct CredentialFiles {
    pub(super) docker: Option<PathBuf>,
    pub(super) podman: Vec<PathBuf>,
    /// Directories as in `PATH`.
    pub(super) search_path: OsString,
}

impl CredentialFiles {
    /// Returns the files that the variables of this process name.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// Returns the files that variables name: docker's in the directory `DOCKER_CONFIG`, or else in `$HOME/.docker`; podman's by
    /// `REGISTRY_AUTH_FILE`, or else in `$XDG_RUNTIME_DIR/containers` and `$HOME/.config/containers`. Helpers are in the directories of
    /// `PATH`. An empty variable is as one that is not set.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let directory = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = directory("HOME");
        let docker = directory("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
        let podman = match directory("REGISTRY_AUTH_FILE") {
            Some(file) => vec![file],
            None => {
                let runtime = directory("XDG_RUNTIME_DIR").map(|runtime| runtime.join("containers/auth.json"));
                runtime.into_iter().chain(home.map(|home| home.join(".config/containers/auth.json"))).collect()
            }
        };
        let docker = docker.map(|directory| directory.join("config.json"));
        Self { docker, podman, search_path: variable("PATH").unwrap_or_default() }
    }

    /// All of them, in the order in which they are looked into.
    pub(super) fn all(self) -> Vec<PathBuf> {
        self.docker.into_iter().chain(self.podman).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The files that these variables name.
    pub(in super::super) fn files(variables: &[(&str, &str)]) -> CredentialFiles {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        CredentialFiles::from_variables(value)
    }

    #[test]
    fn places_are_those_of_docker_and_podman() {
        for (variables, expected) in [
            (&[][..], &[][..]),
            (&[("HOME", "/h")], &["/h/.docker/config.json", "/h/.config/containers/auth.json"]),
            (
                &[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/u")],
                &["/h/.docker/config.json", "/run/u/containers/auth.json", "/h/.config/containers/auth.json"],
            ),
            (
                &[("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("REGISTRY_AUTH_FILE", "/a.json")],
                &["/d/config.json", "/a.json"],
            ),
            (&[("HOME", ""), ("DOCKER_CONFIG", "")], &[]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(files(variables).all(), expected);
        }
    }
}
