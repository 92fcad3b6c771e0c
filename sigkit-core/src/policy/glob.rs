use std::fmt;
use std::str::FromStr;

use super::names::{NameMatching, names, spellings};
use crate::digest::{Digest, DigestError};
use crate::oci::{ImageReference, ReferenceError, Repository, Tag, TagOrDigest};

/// Longest pattern, in bytes: a name, a tag and a digest.
const MAX_PATTERN: usize = 512;

/// Which images a rule is about: `registry.example/team/*`, `registry.example/**`, `registry.example/app:v1.*`, `**`.
///
/// `*` matches any text within one part of a path or tag, `**` for any text in the path, parts included. The host is
/// compared exactly, and short names mean what they mean in references: `app` is `index.docker.io/library/app`. Without
/// a tag or digest the pattern matches every tag and digest of the repository. `**` alone is every image.
///
/// Patterns of a `ClusterImagePolicy` are read by [`ImageGlob::of_policy_controller`] instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageGlob {
    text: String,
    images: Images,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Images {
    Every,
    Of {
        registry: String,
        path: Vec<Piece>,
        version: Version,
    },
    /// What fits a whole name, host, tag and digest included.
    Named(Vec<Piece>),
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

/// What of a name keeps a pattern from fitting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Near {
    /// The pattern is about tags, and the image is named by digest.
    NamesTags,
    /// The pattern is about a digest, and the image is named otherwise.
    NamesDigest,
}

/// Why a text is not a pattern of images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid pattern {found:?}: {why}")]
pub struct GlobError {
    /// The value found, cut to 200 characters.
    found: String,
    /// What is wrong with it.
    why: String,
}

impl GlobError {
    fn new(found: &str, why: impl ToString) -> Self {
        Self { found: found.chars().take(200).collect(), why: why.to_string() }
    }
}

impl ImageGlob {
    /// Reads a pattern as sigstore's policy-controller does: it fits a whole name, `HOST/PATH:TAG` or `HOST/PATH@DIGEST`, or the name as
    /// people write it. `*` is any text without `/`, `**` any text; neither stops at `:`. `*` and `*/*` alone are about Docker Hub.
    ///
    /// # Errors
    /// [`GlobError`]: a character that policy-controller refuses, or a host that no image can have.
    pub fn of_policy_controller(text: &str) -> Result<Self, GlobError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:/*.".contains(&byte);
        if text.is_empty() || !text.bytes().all(allowed) {
            let why = "expected letters, digits, `-`, `_`, `:`, `/`, `.`, `*` and `**`, as policy-controller does";
            return Err(GlobError::new(text, why));
        }
        if text.len() > MAX_PATTERN {
            return Err(GlobError::new(text, format!("longer than {MAX_PATTERN} bytes")));
        }
        let name = match text {
            "**" => return Ok(Self { text: text.to_owned(), images: Images::Every }),
            "*" => "index.docker.io/library/*".to_owned(),
            "*/*" => "index.docker.io/*/*".to_owned(),
            text => canonical(text).map_err(|error| GlobError::new(text, error))?,
        };
        Ok(Self { text: text.to_owned(), images: Images::Named(pieces(&name)) })
    }

    /// Returns true if the image is one of those meant, by the whole of its name: a digest decides which image it is, so that a tag
    /// beside it says nothing.
    pub fn matches(&self, image: &ImageReference) -> bool {
        self.fits(image, NameMatching::Exact)
    }

    pub(super) fn fits(&self, image: &ImageReference, reach: NameMatching) -> bool {
        let (registry, path, version) = match &self.images {
            Images::Every => return true,
            Images::Named(pattern) => return names(image, reach).iter().any(|name| matches(pattern, name)),
            Images::Of { registry, path, version } => (registry, path, version),
        };
        if registry != image.repository.registry() || !matches(path, image.repository.path()) {
            return false;
        }
        match (version, image.target()) {
            (Version::Any, _) => true,
            (Version::Tag(wanted), TagOrDigest::Tag(tag)) => matches(wanted, tag.as_str()),
            (Version::Tag(wanted), TagOrDigest::Digest(_)) => {
                reach == NameMatching::Generous && image.tag.as_ref().is_some_and(|tag| matches(wanted, tag.as_str()))
            }
            (Version::Digest(wanted), TagOrDigest::Digest(digest)) => *wanted == digest,
            (Version::Digest(_), TagOrDigest::Tag(_)) => false,
        }
    }

    /// What keeps a pattern about this very repository from fitting.
    pub(super) fn near(&self, image: &ImageReference) -> Option<Near> {
        match &self.images {
            Images::Every => None,
            Images::Named(pattern) => {
                let tags = spellings(&image.repository).iter().any(|name| goes_on(pattern, &format!("{name}:")));
                (image.digest.is_some() && tags).then_some(Near::NamesTags)
            }
            Images::Of { registry, path, version } => {
                let same = registry == image.repository.registry() && matches(path, image.repository.path());
                match (version, image.digest) {
                    (Version::Tag(_), Some(_)) if same => Some(Near::NamesTags),
                    (Version::Digest(_), _) if same => Some(Near::NamesDigest),
                    _ => None,
                }
            }
        }
    }

    /// Whether it would fit, did `*` go across `/` as `**` does.
    pub(super) fn is_short_of(&self, image: &ImageReference) -> bool {
        let wide = self.text.replace("**", "*").replace('*', "**");
        let wide = match &self.images {
            Images::Named(_) => Self::of_policy_controller(&wide),
            Images::Every | Images::Of { .. } => wide.parse(),
        };
        wide != Ok(self.clone()) && wide.is_ok_and(|wide| wide.fits(image, NameMatching::Generous))
    }

    /// Whether the pattern is about every image there is.
    pub const fn is_every_image(&self) -> bool {
        matches!(self.images, Images::Every)
    }

    /// Returns true if no image that is named by digest alone fits.
    pub(super) fn names_tags_alone(&self) -> bool {
        match &self.images {
            Images::Every => false,
            Images::Of { version, .. } => matches!(version, Version::Tag(_)),
            Images::Named(pattern) => {
                // As the name of a repository it is about every version, wildcards before the last part included.
                let bare = !last_part(&self.text).contains([':', '*']);
                !bare && !(0..pattern.len()).any(|before| fits_digest(pattern, before))
            }
        }
    }

    /// How the pattern is read, in words.
    pub(super) fn reading(&self) -> String {
        let star = |within: &str, across: &str| {
            let across = across_words(&self.text, across);
            match (self.text.replace("**", "").contains('*'), across.is_empty()) {
                (true, false) => format!("; `*` is any text {within}, {across}"),
                (true, true) => format!("; `*` is any text {within}"),
                (false, false) => format!("; {across}"),
                (false, true) => String::new(),
            }
        };
        match &self.images {
            Images::Every => "every image, with any name".to_owned(),
            Images::Of { registry, path, version } => {
                let version = match version {
                    Version::Any => "every tag and digest".to_owned(),
                    Version::Tag(tag) => format!("tag {}", written(tag)),
                    Version::Digest(digest) => format!("digest {digest}"),
                };
                let stars = star("within a part", "any text of the path");
                format!("host {registry}, path {}, {version}{stars}", written(path))
            }
            Images::Named(pattern) => {
                let pattern = written(pattern);
                let stars = star("without `/`, `:` included", "any text");
                match last_part(&self.text).contains([':', '*']) {
                    true => format!(
                        "as policy-controller, names HOST/PATH:TAG or HOST/PATH@DIGEST that fit {pattern}{stars}"
                    ),
                    false => format!(
                        "{pattern} with every tag and digest where the rule requires or refuses, with tag latest where it allows without verification{stars}"
                    ),
                }
            }
        }
    }

    /// The stem of a pattern that ends in a wildcard right behind a word, and what to write instead, in the pattern's own grammar.
    pub(super) fn open_end(&self) -> Option<(String, Option<String>)> {
        let stem = self.text.trim_end_matches('*');
        if stem.len() == self.text.len() || !stem.ends_with(|last: char| last.is_ascii_alphanumeric()) {
            return None;
        }
        let names_tag = stem.contains('/') && last_part(stem).contains(':');
        let is_host = !stem.contains('*') && stem.contains('.');
        let instead = match &self.images {
            _ if names_tag => Some((".*", "its own versions")),
            Images::Named(_) if stem.contains('/') => Some((":*", "its tags")),
            Images::Named(_) => is_host.then_some(("/**", "that host")),
            _ => Some(("/*", "what lies below")),
        };
        let advice = instead.and_then(|(tail, meaning)| {
            let advice = format!("{stem}{tail}");
            let parsed = match &self.images {
                Images::Named(_) => Self::of_policy_controller(&advice),
                _ => advice.parse(),
            };
            parsed.is_ok().then(|| format!("write {advice} for {meaning}"))
        });
        Some((stem.to_owned(), advice))
    }
}

/// The pattern as images are named: hosts and paths are lower case, and a host that is written out has one spelling.
fn canonical(text: &str) -> Result<String, ReferenceError> {
    let Some((before, last)) = text.rsplit_once('/') else { return Ok(text.to_owned()) };
    let before = before.to_ascii_lowercase();
    let (host, path) = before.split_once('/').map_or((before.as_str(), None), |(host, path)| (host, Some(path)));
    let is_written_out = !host.contains('*') && host.contains(['.', ':']);
    let host = match is_written_out {
        true => Repository::new(host, "x")?.registry().to_owned(),
        false => host.to_owned(),
    };
    Ok(path.map_or_else(|| format!("{host}/{last}"), |path| format!("{host}/{path}/{last}")))
}

/// The part after the last `/`.
fn last_part(text: &str) -> &str {
    text.rsplit_once('/').map_or(text, |(_, last)| last)
}

fn across_words(text: &str, meaning: &str) -> String {
    if text.contains("**") { format!("`**` {meaning}") } else { String::new() }
}

/// The pattern's own text.
fn written(pattern: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pattern {
        match piece {
            Piece::Byte(byte) => text.push(char::from(*byte)),
            Piece::WithinPart => text.push('*'),
            Piece::AcrossParts => text.push_str("**"),
        }
    }
    text
}

/// Returns true if a name by digest fits whose digest begins in the wildcard behind so many pieces.
fn fits_digest(pattern: &[Piece], before: usize) -> bool {
    if !pattern.get(before).copied().is_some_and(Piece::is_wildcard) {
        return false;
    }
    let start = written(pattern.get(..before).unwrap_or_default());
    let name = format!("{}x", plain(&start));
    let digest = format!("{name}@sha256:{}", "0".repeat(64));
    !last_part(&name).contains(':') && matches(pattern, &digest)
}

impl fmt::Display for ImageGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ImageGlob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        let refused = |why: String| GlobError::new(text, why);
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
        let (first, _) = name.split_once('/').unwrap_or((name, ""));
        if first.contains('*') && !matches!(text, "*" | "*/*") {
            let why = format!(
                "wildcards are not allowed in the host: write HOST/**, or docker.io/{name} for Docker Hub; `**` alone is every image"
            );
            return Err(refused(why));
        }
        let (registry, path) = Repository::expand(name);
        // A name that no image can have is probably a mistake.
        let repository = Repository::new(&registry, &plain(&path)).map_err(invalid)?;
        Ok(Self {
            text: text.to_owned(),
            images: Images::Of { registry: repository.registry().to_owned(), path: pieces(&path), version },
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

/// Returns true if the pattern fits the whole text. All ways to fit are followed at once, so that no text takes more steps than its
/// length times that of the pattern.
fn matches(pattern: &[Piece], text: &str) -> bool {
    live(pattern, text).last().copied().unwrap_or(false)
}

/// Returns true if a tag could follow the text so that the pattern fits the whole.
fn goes_on(pattern: &[Piece], text: &str) -> bool {
    let completes = |rest: &[Piece]| !rest.iter().any(|piece| matches!(piece, Piece::Byte(b'/' | b':')));
    let reached = live(pattern, text).into_iter().enumerate().filter(|(_, reached)| *reached);
    reached.into_iter().any(|(pieces, _)| pattern.get(pieces..).is_some_and(completes))
}

/// For each number of pieces, whether these can match the whole text.
fn live(pattern: &[Piece], text: &str) -> Vec<bool> {
    // `live` holds, for each number of pieces, whether these can match the text so far.
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
    live
}

/// The host of an address, with what precedes and follows it.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(authority, _)| authority)
}

/// Returns true if the parts of an address or path are what they seem to be.
fn is_plain(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '%' | '\\'))
}

/// A text that must be this one, or fit it: `*` matches any text without `/`, `**` any text. There is no way to say what
/// must not be. What a wildcard matches is compared as it is written, so that a text with parts such as `..`, with an empty part, or
/// with characters that other readers of addresses would decode, fits none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextGlob {
    text: String,
    pieces: Vec<Piece>,
}

impl TextGlob {
    /// Returns true if the whole text fits.
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.pieces, text) && (!self.has_wildcards() || (is_plain(text) && self.fits_user(text)))
    }

    fn has_wildcards(&self) -> bool {
        self.pieces.iter().any(|piece| piece.is_wildcard())
    }

    /// A wildcard does not match a user before a host: `https://github.com@host.example/`.
    fn fits_user(&self, text: &str) -> bool {
        !authority(text).contains('@') || authority(&self.text).contains('@')
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
        let refused = |why: String| GlobError::new(text, why);
        if text.bytes().all(|byte| byte == b'*') {
            return Err(refused("that would be any text".to_owned()));
        }
        if text.len() > MAX_PATTERN {
            return Err(refused(format!("longer than {MAX_PATTERN} bytes")));
        }
        let glob = Self { text: text.to_owned(), pieces: pieces(text) };
        if glob.has_wildcards() && !is_plain(text) {
            return Err(refused(
                "with wildcards, a part `.` or `..`, an empty part, or one of ? # % \\ matches nothing".to_owned(),
            ));
        }
        Ok(glob)
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
    fn globs_match_their_images() {
        let hex = "0".repeat(64);
        let by_digest = format!("registry.example/team/app@sha256:{hex}");
        let tagged_digest = format!("registry.example/team/app:v1@sha256:{hex}");
        for (glob, image, meant) in [
            // The host is literal.
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

    /// The pattern by the letter: all ways to fit, tried one after the other.
    fn by_the_letter(pattern: &str, text: &str) -> bool {
        let Some(first) = pattern.chars().next() else { return text.is_empty() };
        if let Some(rest) = pattern.strip_prefix("**") {
            return (0..=text.len()).any(|taken| by_the_letter(rest, &text[taken..]));
        }
        if first == '*' {
            let part = text.find('/').unwrap_or(text.len());
            return (0..=part).any(|taken| by_the_letter(&pattern[1..], &text[taken..]));
        }
        text.starts_with(first) && by_the_letter(&pattern[1..], &text[1..])
    }

    // threat: R02
    #[test]
    fn controller_glob_fits_the_full_name_and_the_written_one() {
        let fits = |glob: &str, image: &str| {
            ImageGlob::of_policy_controller(glob).unwrap().fits(&image.parse().unwrap(), NameMatching::Exact)
        };
        for (image, globs) in [
            (
                "foo",
                "index.docker.io/library/foo:latest index.docker.io/library/foo:* index.docker.io/library/* index.docker.io/library/*:latest index.docker.io/*/* index.docker.io/** index.docker.** inde** ** foo foo* foo** *",
            ),
            (
                "myuser/myapp",
                "index.docker.io/myuser/myapp:latest index.docker.io/myuser/myapp:* index.docker.io/myuser/* index.docker.io/myuser/*:latest index.docker.io/*/* index.docker.io/** index.docker.** inde** ** myuser/myapp myuser/myapp* myuser/myapp** */*",
            ),
            ("ghcr.io/foo/bar", "ghcr.io/*/* ghcr.io/**"),
            ("ghcr.io/foo", "ghcr.io/** ghc** ** */** ghcr.io/foo* ghcr.io/foo**"),
        ] {
            for glob in globs.split(' ') {
                assert!(fits(glob, image), "{glob} {image}");
            }
        }
        for (image, glob) in [
            ("ghcr.io/foo", "ghcr.io/*/*"),
            ("prefix-ghcr.io/foo", "ghcr.io/foo"),
            ("ghcr.io/foo-suffix", "ghcr.io/foo"),
            ("ghcrxio/foo", "ghcr.io/**"),
            ("ghcr.io/foo:v1", "ghcr.io/foo"),
        ] {
            assert!(!fits(glob, image), "{glob} {image}");
        }
        // A first part that is not a host is a user on Docker Hub.
        assert!(fits("my_team/app", "my_team/app") && fits("localhost/app", "localhost/app"));
        for glob in [".+", "[a-z]*", "", "ghcr.io/foo@*", "ghcr.io/foo?", "ghcr.io/foo bar", "my_registry.example/**"] {
            assert!(ImageGlob::of_policy_controller(glob).is_err(), "{glob}");
        }
    }

    // threat: R02
    // threat: R03
    #[test]
    fn controller_glob_is_never_narrower_than_by_the_letter() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        let images = [
            "foo",
            "foo:v1",
            "foo:latest",
            "team/foo",
            "team/demo-app:v1",
            "docker.io/library/foo",
            "ghcr.io/foo",
            "ghcr.io/foo:v1",
            "ghcr.io/team/foo:v1.2",
            "registry.example:5000/team/demo:v1",
            "eu.gcr.io/p/foo:V1",
            "1.dkr.ecr.us-east-1.amazonaws.com/t/foo:v1",
        ];
        let globs = [
            "*",
            "**",
            "*/*",
            "*/**",
            "**/**",
            "*/*/*",
            "foo",
            "foo*",
            "foo**",
            "foo:v1",
            "foo:*",
            "f*o",
            "**demo**",
            "**foo",
            "**:v1",
            "**:*",
            "**/foo:v1",
            "**/team/**",
            "g**",
            "ghc**",
            "inde**",
            "index.docker.**",
            "ghcr.*/foo*",
            "ghcr.io/**",
            "ghcr.io**",
            "ghcr.io/foo",
            "ghcr.io/foo:v1",
            "ghcr.io/foo:*",
            "ghcr.io/foo*v1",
            "ghcr.io/**v1*",
            "ghcr**foo:v1",
            "*.gcr.io/**",
            "*.io/**",
            "*.dkr.ecr.*.amazonaws.com/**",
            "registry.example:5000/**",
            "registry.example:*/**",
            "r**/demo*",
            "docker.io/**",
            "docker.io/foo",
            "index.docker.io/library/foo",
            "***",
            "ghcr.io/team/f**:v1*",
        ];
        let mut asked = 0;
        for (glob, image) in globs.iter().flat_map(|glob| images.iter().map(move |image| (*glob, *image))) {
            for image in [image.to_owned(), format!("{image}{digest}")] {
                let pattern = ImageGlob::of_policy_controller(glob).unwrap();
                let reference: ImageReference = image.parse().unwrap();
                let full = match (&reference.digest, &reference.tag) {
                    (Some(digest), _) => format!("{}@{digest}", reference.repository),
                    (None, Some(tag)) => format!("{}:{tag}", reference.repository),
                    (None, None) => format!("{}:latest", reference.repository),
                };
                let upgraded = match glob {
                    "*" => "index.docker.io/library/*",
                    "*/*" => "index.docker.io/*/*",
                    glob => glob,
                };
                let wanted = by_the_letter(upgraded, &full) || by_the_letter(upgraded, &image);
                if wanted {
                    assert!(
                        pattern.matches(&reference) && pattern.fits(&reference, NameMatching::Generous),
                        "{glob} {image}"
                    );
                } else if reference.repository.registry() != "index.docker.io" {
                    let bare = glob == reference.repository.to_string() && full.ends_with(":latest");
                    assert_eq!(pattern.matches(&reference), bare, "{glob} {image}");
                }
                asked += 1;
            }
        }
        assert_eq!(asked, 42 * 12 * 2);
    }

    // threat: R03
    #[test]
    fn a_tag_beside_a_digest_counts_where_reach_is_generous() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        let (both, by_digest) = (format!("registry.example/app:v1{digest}"), format!("registry.example/app{digest}"));
        let controller = |glob: &str| ImageGlob::of_policy_controller(glob).unwrap();
        let own = |glob: &str| glob.parse::<ImageGlob>().unwrap();
        for (glob, image, exact, generous) in [
            (controller("registry.example/app:v1"), &both, false, true),
            (controller("registry.example/app:v1*"), &both, true, true),
            (controller("registry.example/app:v2"), &both, false, false),
            (controller("registry.example/app:v1"), &by_digest, false, false),
            (controller("registry.example/app"), &by_digest, false, true),
            (own("registry.example/app:v1"), &both, false, true),
            (own("registry.example/app:v1*"), &both, false, true),
            (own("registry.example/app:v2"), &both, false, false),
            (own("registry.example/app:v1"), &by_digest, false, false),
            (own("registry.example/app"), &by_digest, true, true),
            (own(&by_digest), &both, true, true),
        ] {
            let image = image.parse().unwrap();
            let found = (glob.fits(&image, NameMatching::Exact), glob.fits(&image, NameMatching::Generous));
            assert_eq!(found, (exact, generous), "{glob} {image}");
        }
        let near = |glob: ImageGlob, image: &str| glob.near(&image.parse().unwrap());
        assert_eq!(near(controller("registry.example/app:v1*"), &by_digest), Some(Near::NamesTags));
        assert_eq!(near(controller("**/app:v1*"), &by_digest), Some(Near::NamesTags));
        assert_eq!(near(controller("**/other:v1"), &by_digest), None);
        assert_eq!(near(controller("registry.example/app:v1*"), "registry.example/app:v2"), None);
        assert_eq!(near(own("registry.example/app:v1*"), &by_digest), Some(Near::NamesTags));
        assert_eq!(near(own("registry.example/*"), "other.example/app"), None);
        assert_eq!(near(own(&by_digest), "registry.example/app:v1"), Some(Near::NamesDigest));
        // What is about another repository is not near.
        for glob in ["registry.example/other:v1", "other.example/app:v1"] {
            assert_eq!(near(own(glob), &by_digest), None, "{glob}");
        }
        for image in ["registry.example/other:v1", "other.example/app:v1"] {
            assert_eq!(near(own(&by_digest), image), None, "{image}");
        }
    }

    // threat: R02
    #[test]
    fn advice_about_a_pattern_parses_in_its_grammar() {
        let own = |glob: &str| glob.parse::<ImageGlob>().unwrap();
        let controller = |glob: &str| ImageGlob::of_policy_controller(glob).unwrap();
        for (glob, expected) in [
            (own("registry.example/team*"), Some("write registry.example/team/* for what lies below")),
            (own("registry.example/app:v1*"), Some("write registry.example/app:v1.* for its own versions")),
            (controller("registry.example/app*"), Some("write registry.example/app:* for its tags")),
            (controller("registry.example/app:v1**"), Some("write registry.example/app:v1.* for its own versions")),
            (controller("ghcr.io**"), Some("write ghcr.io/** for that host")),
            (controller("*.example/app*"), Some("write *.example/app:* for its tags")),
            (controller("ghc**"), None),
            (controller("**demo**"), None),
        ] {
            let (_, advice) = glob.open_end().unwrap();
            assert_eq!(advice.as_deref(), expected, "{glob}");
        }
        for glob in ["registry.example/team/*", "registry.example/app:*", "**", "registry.example/app"] {
            assert!(controller(glob).open_end().is_none(), "{glob}");
        }
        for (glob, tags) in [
            ("registry.example/app:v1*", true),
            ("registry.example/app:v1", true),
            ("**:v1", true),
            ("registry.example/app:*", true),
            ("registry.example:5000/**", false),
            ("registry.example/app", false),
            ("registry.example/*/app", false),
            ("registry.example/app*", false),
            ("**:*", false),
            ("**", false),
        ] {
            assert_eq!(controller(glob).names_tags_alone(), tags, "{glob}");
        }
        assert!(own("registry.example/app:v1").names_tags_alone() && !own("registry.example/app").names_tags_alone());
    }

    // threat: R02
    #[test]
    fn reading_of_a_pattern_says_what_each_wildcard_is() {
        let own = |glob: &str| glob.parse::<ImageGlob>().unwrap().reading();
        let controller = |glob: &str| ImageGlob::of_policy_controller(glob).unwrap().reading();
        let (part, path) = ("`*` is any text within a part", "`**` any text of the path");
        let (name, all) = ("`*` is any text without `/`, `:` included", "`**` any text");
        for (reading, begins, ends) in [
            (own("**"), "every image", ""),
            (own("r.example/app"), "host r.example, path app, every tag and digest", "every tag and digest"),
            (own("r.example/t/*:v1.*"), "host r.example, path t/*, tag v1.*", &format!("; {part}")),
            (own("r.example/t*/**"), "host r.example, path t*/**, every tag", &format!("; {part}, {path}")),
            (controller("r.example/**"), "as policy-controller", &format!(" fit r.example/**; {all}")),
            (controller("r.example/*"), "as policy-controller", &format!(" fit r.example/*; {name}")),
            (controller("r.example/app"), "r.example/app with every tag and digest where the rule", ""),
        ] {
            assert!(reading.starts_with(begins) && reading.ends_with(ends), "{reading}");
        }
    }

    // threat: R02
    #[test]
    fn own_pattern_with_a_wildcard_for_the_host_is_refused() {
        for glob in ["**demo**", "*/**", "ghc**", "inde**", "app*", "app*v1", "**/app", "*.example/app", "*:v1"] {
            let error = glob.parse::<ImageGlob>().unwrap_err().to_string();
            assert!(error.contains(glob) && error.contains("not allowed in the host"), "{glob}: {error}");
        }
        for glob in ["*", "*/*", "docker.io/**demo**", "team/*"] {
            assert!(glob.parse::<ImageGlob>().is_ok(), "{glob}");
        }
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
        assert!(ImageGlob::of_policy_controller(&longest).is_ok());
        let error = ImageGlob::of_policy_controller(&format!("{longest}**")).unwrap_err().to_string();
        assert!(error.contains("longer than 512 bytes"), "{error}");
        for anything in ["", "*", "**", "***"] {
            assert!(anything.parse::<TextGlob>().is_err(), "{anything}");
        }
    }

    // threat: R14
    #[test]
    fn wildcard_does_not_match_a_path_elsewhere() {
        let fits = |glob: &str, text: &str| glob.parse::<TextGlob>().unwrap().matches(text);
        for (glob, text) in [
            ("https://github.com/acme/**", "https://github.com/acme/app"),
            ("https://github.com/acme/**", "https://github.com/acme/a/.github/workflows/x.yml@refs/tags/v1..2"),
            ("https://github.com/acme/*", "https://github.com/acme/..."),
            ("refs/tags/**", "refs/tags/"),
            ("ssh://git@host.test/acme/**", "ssh://git@host.test/acme/app"),
            ("https://github.com/acme/../app", "https://github.com/acme/../app"),
        ] {
            assert!(fits(glob, text), "{glob} {text}");
        }
        for text in [
            "https://github.com/acme/../evil/app",
            "https://github.com/acme/..",
            "https://github.com/acme/./app",
            "https://github.com/acme//app",
            "https://github.com/acme/%2e%2e/evil/app",
            "https://github.com/acme/%2E./evil/app",
            "https://github.com/acme/..%2fevil/app",
            "https://github.com/acme/..\\evil/app",
            "https://github.com/acme/app?/../../evil",
            "https://github.com/acme/app#x",
            "https://github.com/acme/ app",
            "https://github.com/acme/app\n",
        ] {
            assert!(!fits("https://github.com/acme/**", text), "{text:?}");
        }
        for text in
            ["https://evil.test#.acme.test/app", "https://evil.test\\.acme.test/app", "https://x@evil.acme.test/app"]
        {
            assert!(!fits("https://*.acme.test/app", text), "{text}");
        }
        for glob in ["https://github.com/acme/../**", "https://github.com//**", "refs/./**", "https://host.test/%2e/*"]
        {
            assert!(glob.parse::<TextGlob>().is_err(), "{glob}");
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
