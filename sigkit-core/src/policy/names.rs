//! The names by which patterns know an image.

use crate::oci::{ImageReference, Repository, Tag};

/// Docker Hub in references, and how else people write it.
const DOCKER_HUB: [&str; 4] = ["index.docker.io", "docker.io", "registry-1.docker.io", "registry.hub.docker.com"];
/// The owner of Docker Hub's official images, which is usually omitted.
const OFFICIAL: &str = "library/";

/// Which names of an image a rule is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameMatching {
    /// The image as it is named: rules that allow images without verification match these only.
    Exact,
    /// Also the name without its digest, and the repository without tag and digest: what requires or refuses is not escaped by
    /// adding to the name.
    Generous,
}

/// Every name of the image, in every spelling of its repository: the spelling never chooses the rule.
pub(super) fn names(image: &ImageReference, reach: NameMatching) -> Vec<String> {
    let mut names = Vec::new();
    for repository in spellings(&image.repository) {
        match (&image.tag, &image.digest) {
            (Some(tag), Some(digest)) => {
                names.push(format!("{repository}@{digest}"));
                names.push(format!("{repository}:{tag}@{digest}"));
                if reach == NameMatching::Generous {
                    names.push(format!("{repository}:{tag}"));
                }
            }
            (None, Some(digest)) => names.push(format!("{repository}@{digest}")),
            (tag, None) => {
                let latest = Tag::latest();
                let tag = tag.as_ref().unwrap_or(&latest);
                names.push(format!("{repository}:{tag}"));
                if *tag == latest && reach == NameMatching::Exact {
                    names.push(repository.clone());
                }
            }
        }
        if reach == NameMatching::Generous {
            names.push(repository);
        }
    }
    names
}

/// The repository as it is, and for Docker Hub as it may be written.
pub(super) fn spellings(repository: &Repository) -> Vec<String> {
    let mut spellings = vec![repository.to_string()];
    if !DOCKER_HUB.contains(&repository.registry()) {
        return spellings;
    }
    let paths = std::iter::once(repository.path()).chain(repository.path().strip_prefix(OFFICIAL));
    for path in paths {
        spellings.extend(DOCKER_HUB.iter().map(|host| format!("{host}/{path}")));
        spellings.push(path.to_owned());
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    // threat: R03
    #[test]
    fn names_of_an_image_are_exact_or_generous() {
        let digest = format!("@sha256:{HEX}");
        let (by_digest, by_both) = (format!("r.example/a{digest}"), format!("r.example/a:v1{digest}"));
        for (image, exact, generous) in [
            ("r.example/a", &["r.example/a:latest", "r.example/a"][..], &["r.example/a:latest", "r.example/a"][..]),
            ("r.example/a:v1", &["r.example/a:v1"], &["r.example/a:v1", "r.example/a"]),
            (&by_digest, &[&by_digest], &[&by_digest, "r.example/a"]),
            (&by_both, &[&by_digest, &by_both], &[&by_digest, &by_both, "r.example/a:v1", "r.example/a"]),
        ] {
            let image = image.parse().unwrap();
            assert_eq!(names(&image, NameMatching::Exact), exact);
            assert_eq!(names(&image, NameMatching::Generous), generous);
        }
        let official = names(&"busybox".parse().unwrap(), NameMatching::Exact);
        for name in ["index.docker.io/library/busybox:latest", "docker.io/busybox", "busybox", "library/busybox:latest"]
        {
            assert!(official.iter().any(|known| known == name), "{name}: {official:?}");
        }
        let owned = names(&"docker.io/team/app:v1".parse().unwrap(), NameMatching::Exact);
        assert!(owned.contains(&"team/app:v1".to_owned()) && !owned.contains(&"app:v1".to_owned()), "{owned:?}");
    }
}
