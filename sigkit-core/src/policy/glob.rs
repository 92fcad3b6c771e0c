use std::fmt;
use std::str::FromStr;

use crate::digest::{Digest, DigestError};
use crate::oci::{ImageReference, ReferenceError, Repository, Tag, TagOrDigest};

/// Longest pattern, in bytes: a name, a tag and a digest.
const MAX_PATTERN: usize = 512;

/// Which images a rule is about: `registry.example/team/*`, `registry.example/**`, `registry.example/app:v1.*`, `**`.
///
/// `*` stands for any text within one part of a path or tag, `**` for any text in the path, parts included. The host is
/// compared as it stands, and short names mean what they mean in references: `app` is `index.docker.io/library/app`. Without
/// a tag or digest every tag and digest of the repository is meant. `**` alone is every image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageGlob {
    text: String,
    images: Images,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Images {
    Every,
    Of { registry: String, path: Vec<Piece>, version: Version },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Version {
    Any,
    Tag(Vec<Piece>),
    Digest(Digest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// Any bytes but `/`.
    WithinPart,
    /// Any bytes.
    AcrossParts,
}

/// Why a text is no pattern of images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no pattern: {why}")]
pub struct GlobError {
    /// What stands there, cut to 200 characters.
    found: String,
    /// What is wrong with it.
    why: String,
}

impl ImageGlob {
    /// Whether the image is one of those meant.
    pub fn matches(&self, image: &ImageReference) -> bool {
        let Images::Of { registry, path, version } = &self.images else { return true };
        if registry != image.repository.registry() || !matches(path, image.repository.path()) {
            return false;
        }
        match (version, image.target()) {
            (Version::Any, _) => true,
            // A digest decides which image it is, so a tag beside it says nothing.
            (Version::Tag(wanted), TagOrDigest::Tag(tag)) => matches(wanted, tag.as_str()),
            (Version::Digest(wanted), TagOrDigest::Digest(digest)) => *wanted == digest,
            (Version::Tag(_), TagOrDigest::Digest(_)) | (Version::Digest(_), TagOrDigest::Tag(_)) => false,
        }
    }

    /// Whether the pattern is about every image there is.
    pub const fn is_every_image(&self) -> bool {
        matches!(self.images, Images::Every)
    }
}

impl fmt::Display for ImageGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ImageGlob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        let refused = |why: String| GlobError { found: text.chars().take(200).collect(), why };
        let invalid = |error: ReferenceError| refused(error.to_string());
        if text.len() > MAX_PATTERN {
            return Err(refused(format!("longer than {MAX_PATTERN} bytes")));
        }
        if text == "**" {
            return Ok(Self { text: text.to_owned(), images: Images::Every });
        }
        let (name, version) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Version::Digest(digest.parse().map_err(|error: DigestError| refused(error.to_string()))?))
            }
            None => match text.rsplit_once(':') {
                Some((name, tag)) if !tag.contains('/') => {
                    plain(tag).parse::<Tag>().map_err(invalid)?;
                    (name, Version::Tag(pieces(tag)))
                }
                _ => (text, Version::Any),
            },
        };
        let (registry, path) = Repository::expand(name);
        if registry.contains('*') {
            return Err(refused("a host stands as it is, without `*`; `**` alone is every image".to_owned()));
        }
        // What no image can be called is a slip of the pen.
        Repository::new(registry, &plain(&path)).map_err(invalid)?;
        Ok(Self {
            text: text.to_owned(),
            images: Images::Of { registry: registry.to_owned(), path: pieces(&path), version },
        })
    }
}

/// A name of the same shape without wildcards.
fn plain(pattern: &str) -> String {
    pattern.replace("**", "x").replace('*', "x")
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut bytes = pattern.bytes().peekable();
    while let Some(byte) = bytes.next() {
        pieces.push(match byte {
            b'*' if bytes.next_if_eq(&b'*').is_some() => Piece::AcrossParts,
            b'*' => Piece::WithinPart,
            byte => Piece::Byte(byte),
        });
    }
    pieces
}

impl Piece {
    const fn is_wildcard(self) -> bool {
        matches!(self, Self::WithinPart | Self::AcrossParts)
    }

    const fn spans(self, byte: u8) -> bool {
        match self {
            Self::Byte(_) => false,
            Self::WithinPart => byte != b'/',
            Self::AcrossParts => true,
        }
    }
}

/// Whether the pattern fits the whole text. All ways to fit are followed at once, so that no text takes more steps than its
/// length times that of the pattern.
fn matches(pattern: &[Piece], text: &str) -> bool {
    // `live` holds, for each number of pieces, whether these can stand for the text so far.
    let mut live = vec![true];
    let mut reached = true;
    for piece in pattern {
        reached = reached && piece.is_wildcard();
        live.push(reached);
    }
    for byte in text.bytes() {
        let mut next = vec![false];
        let mut reached = false;
        for (piece, (before, with)) in pattern.iter().zip(live.iter().zip(live.iter().skip(1))) {
            reached = (*before && *piece == Piece::Byte(byte))
                || (*with && piece.spans(byte))
                || (reached && piece.is_wildcard());
            next.push(reached);
        }
        live = next;
    }
    live.last().copied().unwrap_or(false)
}

/// A text that must be this one, or fit it: `*` stands for any text without `/`, `**` for any text. There is no way to say what
/// must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextGlob {
    text: String,
    pieces: Vec<Piece>,
}

impl TextGlob {
    /// Whether the whole text fits.
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.pieces, text)
    }
}

impl fmt::Display for TextGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TextGlob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        let refused = |why: String| GlobError { found: text.chars().take(200).collect(), why };
        if text.bytes().all(|byte| byte == b'*') {
            return Err(refused("that would be any text".to_owned()));
        }
        if text.len() > MAX_PATTERN {
            return Err(refused(format!("longer than {MAX_PATTERN} bytes")));
        }
        Ok(Self { text: text.to_owned(), pieces: pieces(text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(glob: &str, image: &str) -> bool {
        glob.parse::<ImageGlob>().unwrap().matches(&image.parse().unwrap())
    }

    // threat: I08
    #[test]
    fn which_images_are_meant() {
        let hex = "0".repeat(64);
        let by_digest = format!("registry.example/team/app@sha256:{hex}");
        let tagged_digest = format!("registry.example/team/app:v1@sha256:{hex}");
        for (glob, image, meant) in [
            // The host stands as it is.
            ("registry.example/**", "registry.example/team/app", true),
            ("registry.example/**", "registry.example.evil/team/app", false),
            ("registry.example/**", "evil-registry.example/team/app", false),
            ("registry.example/**", "registry-example/team/app", false),
            ("registry.example/**", "registry.example:5000/team/app", false),
            ("registry.example:5000/**", "registry.example:5000/app", true),
            ("registry.example/**", "localhost/registry.example/app", false),
            ("localhost/**", "localhost/app", true),
            // One part, or any number of them.
            ("registry.example/team/*", "registry.example/team/app", true),
            ("registry.example/team/*", "registry.example/team/app/deep", false),
            ("registry.example/team/*", "registry.example/team-evil/app", false),
            ("registry.example/team/*", "registry.example/team", false),
            ("registry.example/team*", "registry.example/team-two", true),
            ("registry.example/team*", "registry.example/team/app", false),
            ("registry.example/team/**", "registry.example/team/app/deep", true),
            ("registry.example/team/**", "registry.example/team-evil/app", false),
            ("registry.example/*/app", "registry.example/team/app", true),
            ("registry.example/*/app", "registry.example/a/b/app", false),
            ("registry.example/**/app", "registry.example/a/b/app", true),
            ("registry.example/team/app", "registry.example/team/app-evil", false),
            ("registry.example/team/app", "registry.example/evil/team/app", false),
            // Tags and digests.
            ("registry.example/team/app", "registry.example/team/app:v1", true),
            ("registry.example/team/app", by_digest.as_str(), true),
            ("registry.example/team/app:v1.*", "registry.example/team/app:v1.2", true),
            ("registry.example/team/app:v1.*", "registry.example/team/app:v10", false),
            ("registry.example/team/app:latest", "registry.example/team/app", true),
            ("registry.example/team/app:v1", tagged_digest.as_str(), false),
            // Short names are those of Docker Hub, however it is spelled.
            ("app", "docker.io/library/app", true),
            ("*", "app", true),
            ("*", "team/app", false),
            ("*/*", "registry.example/app", false),
            ("docker.io/team/*", "team/app", true),
            ("index.docker.io/**", "app", true),
            ("docker.io/*", "registry.example/library/app", false),
            ("**", "registry.example/a/b/c:v1", true),
        ] {
            assert_eq!(hit(glob, image), meant, "{glob} {image}");
        }
        assert!(hit(&by_digest, &by_digest) && hit(&by_digest, &tagged_digest));
        assert!(!hit(&by_digest, &by_digest.replace("00@", "01@").replace(":00", ":10")));
    }

    // threat: I08
    #[test]
    fn what_names_no_image_is_refused() {
        let long = format!("registry.example/{}", "a".repeat(600));
        for glob in [
            "",
            "*.example/app",
            "registry.*/app",
            "*/**/x.y:/",
            "registry.example/",
            "registry.example//app",
            "registry.example/App",
            "registry.example/[a-z]",
            "registry.example/app?",
            "!registry.example/app",
            "registry.example/app:",
            "reg .io/x",
            "registry.example/app@sha256:12",
            "registry.example:*/app",
            &long,
        ] {
            assert!(glob.parse::<ImageGlob>().is_err(), "{glob:?}");
        }
    }

    #[test]
    fn a_pattern_is_bounded() {
        let longest = format!("registry.example/{}", "*".repeat(MAX_PATTERN - 17));
        assert!(longest.parse::<ImageGlob>().is_ok() && longest.parse::<TextGlob>().is_ok());
        let error = format!("{longest}*").parse::<ImageGlob>().unwrap_err().to_string();
        assert!(error.contains("longer than 512 bytes"), "{error}");
        let error = format!("{longest}*").parse::<TextGlob>().unwrap_err().to_string();
        assert!(error.contains("longer than 512 bytes"), "{error}");
        for anything in ["", "*", "**", "***"] {
            assert!(anything.parse::<TextGlob>().is_err(), "{anything}");
        }
    }

    // threat: F07
    #[test]
    fn many_wildcards_take_no_longer_than_their_number() {
        let glob = format!("registry.example/{}b", "*a".repeat(100));
        let image = format!("registry.example/{}", "a".repeat(200));
        assert!(!hit(&glob, &image));
    }
}
