//! Who a certificate must name.

use std::fmt;

use crate::reason::Reason;
use crate::text::quoted_pattern;
use crate::trust::{FulcioExtension, SanType, SignerIdentity};

/// The largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 1 << 20;
/// Levels of group within group in a pattern.
const PATTERN_DEPTH: u32 = 64;

/// A signer: subject and issuer together, for neither says much without the other.
#[derive(Clone, Debug)]
pub struct Identity {
    kind: Option<SanType>,
    subject: Pattern,
    /// None: the certificate must name no issuer.
    issuer: Option<Pattern>,
    extensions: Vec<(FulcioExtension, String)>,
}

/// What a text must be.
#[derive(Clone, Debug)]
pub struct Pattern(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Exact(String),
    Whole(regex::bytes::Regex, String),
    Within(regex::bytes::Regex, String),
}

/// Why a text cannot be a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It would match nothing, or everything.
    #[error("the identity must not be empty")]
    Empty,
    /// Not a regular expression, or too large a one.
    #[error("invalid pattern {pattern:?}: {detail}")]
    Syntax {
        /// The pattern, cut to 200 characters.
        pattern: String,
        /// Where and why.
        detail: String,
    },
}

impl Pattern {
    /// This text, byte for byte: no case folding, no normal forms.
    ///
    /// # Errors
    /// [`PatternError::Empty`].
    pub fn exact(text: impl Into<String>) -> Result<Self, PatternError> {
        let text = text.into();
        if text.is_empty() { Err(PatternError::Empty) } else { Ok(Self(Kind::Exact(text))) }
    }

    /// A regular expression that must match the whole text. Its classes are those of ASCII; `.` is any byte but a newline.
    ///
    /// ```
    /// use sigkit_core::Pattern;
    ///
    /// let pattern = Pattern::regexp(r"https://github\.com/example/[a-z]+/\.github/workflows/release\.yml@refs/tags/v.*")?;
    /// assert!(pattern.matches("https://github.com/example/app/.github/workflows/release.yml@refs/tags/v1"));
    /// assert!(!pattern.matches("https://github.com/example/app/.github/workflows/release.yml@refs/heads/main"));
    /// # Ok::<(), sigkit_core::policy::PatternError>(())
    /// ```
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn regexp(pattern: &str) -> Result<Self, PatternError> {
        // On its own first, so that `a)|(b` is an error and not a way around the anchors.
        compile(pattern, pattern)?;
        Ok(Self(Kind::Whole(compile(&format!(r"\A(?:{pattern})\z"), pattern)?, pattern.to_owned())))
    }

    /// A regular expression that may match any part of the text, as cosign matches: `example\.com` accepts `example.com.evil.org`.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn dangerous_unanchored_regexp(pattern: &str) -> Result<Self, PatternError> {
        Ok(Self(Kind::Within(compile(pattern, pattern)?, pattern.to_owned())))
    }

    /// Returns true if the text is one.
    pub fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Kind::Exact(exact) => exact == text,
            Kind::Whole(regexp, _) | Kind::Within(regexp, _) => regexp.is_match(text.as_bytes()),
        }
    }

    /// A pattern that matches all of `text`, for one that matches a part of it: what people mean who know tools by which a part is
    /// enough. The text before the match is compared as it is where it holds the scheme of a URI, so that no other host fits.
    pub(crate) fn anchored(&self, text: &str) -> Option<String> {
        let Kind::Whole(whole, source) = &self.0 else { return None };
        let found = compile(source, source).ok()?.find(text.as_bytes()).filter(|found| !found.is_empty())?;
        if whole.is_match(text.as_bytes()) {
            return None;
        }
        let (before, after) = (text.get(..found.start())?, text.get(found.end()..)?);
        let before = match before {
            "" => String::new(),
            uri if uri.contains("://") => regex::escape(uri),
            _ => ".*".to_owned(),
        };
        let after = match after.chars().next() {
            None => "",
            Some('/') => "/.*",
            Some('@') => "@.*",
            Some(_) => ".*",
        };
        let source = if source.contains('|') { format!("(?:{source})") } else { source.clone() };
        let anchored = format!("{before}{source}{after}");
        Self::regexp(&anchored).ok()?.matches(text).then_some(anchored)
    }

    /// Returns true if some text could match both. Of two regular expressions this is unknown, so it returns true.
    fn overlaps(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Exact(text), _) => other.matches(text),
            (_, Kind::Exact(text)) => self.matches(text),
            (Kind::Whole(..) | Kind::Within(..), Kind::Whole(..) | Kind::Within(..)) => true,
        }
    }

    fn source(&self) -> &str {
        match &self.0 {
            Kind::Exact(text) | Kind::Whole(_, text) | Kind::Within(_, text) => text,
        }
    }
}

fn compile(pattern: &str, given: &str) -> Result<regex::bytes::Regex, PatternError> {
    if given.is_empty() {
        return Err(PatternError::Empty);
    }
    regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(PATTERN_BYTES)
        .nest_limit(PATTERN_DEPTH)
        .build()
        .map_err(|error| PatternError::Syntax {
            pattern: given.chars().take(200).collect(),
            detail: error.to_string().lines().last().unwrap_or_default().to_owned(),
        })
}

/// The text or the pattern, quoted; unprintable characters and look-alikes escaped.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(text) => f.write_str(&quoted_pattern(text)),
            Kind::Whole(_, pattern) => write!(f, "pattern {}", quoted_pattern(pattern)),
            Kind::Within(_, pattern) => write!(f, "anything with a match of pattern {}", quoted_pattern(pattern)),
        }
    }
}

impl Identity {
    /// A subject as confirmed by an issuer. The kind of name follows from the subject where it can: text with `://` is a URI, text
    /// with `@` and neither `/` nor `:` an email address.
    pub fn new(subject: Pattern, issuer: Pattern) -> Self {
        Self { kind: kind_of(subject.source()), subject, issuer: Some(issuer), extensions: Vec::new() }
    }

    /// A subject in a certificate that names no issuer, as authorities without OIDC issue them: then the certificate authority alone
    /// confirms it. A certificate that does name an issuer is refused.
    pub fn without_issuer(subject: Pattern) -> Self {
        Self { kind: kind_of(subject.source()), subject, issuer: None, extensions: Vec::new() }
    }

    /// The subject must be a name of this kind, whatever its text looks like.
    #[must_use]
    pub fn with_kind(mut self, kind: SanType) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The certificate must also carry this extension with this value.
    ///
    /// # Errors
    /// [`PatternError::Empty`]: no certificate carries an empty value.
    pub fn with_extension(mut self, name: FulcioExtension, value: impl Into<String>) -> Result<Self, PatternError> {
        let value = value.into();
        if value.is_empty() {
            return Err(PatternError::Empty);
        }
        self.extensions.push((name, value));
        Ok(self)
    }

    /// Returns true if one subject could match both, with any issuer.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.subject.overlaps(&other.subject)
    }

    /// Whether the certificate names this signer.
    pub(crate) fn check(&self, found: &SignerIdentity) -> Result<(), Reason> {
        let kind = self.kind.is_none_or(|kind| kind == found.kind);
        if !kind || !self.subject.matches(&found.subject) {
            let wanted = self.kind.map_or_else(String::new, |kind| format!("{kind} "));
            return Err(Reason::IdentityMismatch {
                expected: format!("{wanted}{}", self.subject),
                kind: found.kind,
                found: found.subject.clone(),
                anchored: self.subject.anchored(&found.subject).filter(|_| kind),
            });
        }
        match (&self.issuer, &found.issuer) {
            (None, None) => {}
            (Some(wanted), Some(issuer)) if wanted.matches(issuer) => {}
            (wanted, found) => {
                let expected = wanted.as_ref().map_or_else(|| NO_ISSUER.to_owned(), ToString::to_string);
                let anchored = wanted.as_ref().zip(found.as_ref()).and_then(|(wanted, found)| wanted.anchored(found));
                return Err(Reason::IssuerMismatch { expected, found: found.clone(), anchored });
            }
        }
        for (extension, expected) in &self.extensions {
            let value = found.extensions.get(extension);
            if value != Some(expected) {
                return Err(Reason::ExtensionMismatch {
                    name: extension.name(),
                    expected: expected.clone(),
                    found: value.cloned(),
                });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.issuer {
            Some(issuer) => write!(f, "{} by {issuer}", self.subject),
            None => write!(f, "{} by {NO_ISSUER}", self.subject),
        }
    }
}

const NO_ISSUER: &str = "no issuer";

fn kind_of(text: &str) -> Option<SanType> {
    if text.contains("://") || text.contains(r":\/\/") {
        Some(SanType::Uri)
    } else if text.contains('@') && !text.contains(['/', ':']) {
        Some(SanType::Email)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Fails when what is offered does not match, or matches what the part would not have.
    #[test]
    fn pattern_that_matches_a_part_offers_one_for_the_whole() {
        const WORKFLOW: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1";
        for (pattern, text, offered) in [
            ("https://github.com/acme/app", WORKFLOW, Some("https://github.com/acme/app/.*")),
            ("^https://github.com/acme/", WORKFLOW, Some("^https://github.com/acme/.*")),
            (r"github\.com/acme/", WORKFLOW, Some(r"https://github\.com/acme/.*")),
            ("acme/app", WORKFLOW, Some(r"https://github\.com/acme/app/.*")),
            ("release.yml", WORKFLOW, Some(r"https://github\.com/acme/app/\.github/workflows/release.yml@.*")),
            (
                "refs/(heads|tags)/v1",
                WORKFLOW,
                Some(r"https://github\.com/acme/app/\.github/workflows/release\.yml@(?:refs/(heads|tags)/v1)"),
            ),
            (r"@acme\.test$", "ann@acme.test", Some(r".*@acme\.test$")),
            ("ann|bob", "ann@acme.test", Some("(?:ann|bob)@.*")),
            ("a.c", "a.c", None),
            ("bob", "ann@acme.test", None),
            ("x*", "ann@acme.test", None),
        ] {
            let pattern = Pattern::regexp(pattern).unwrap();
            assert_eq!(pattern.anchored(text).as_deref(), offered, "{pattern}");
            assert!(offered.is_none_or(|offered| Pattern::regexp(offered).unwrap().matches(text)), "{pattern}");
        }
        assert_eq!(Pattern::exact("acme").unwrap().anchored(WORKFLOW), None);
        assert_eq!(Pattern::regexp(r"a\.b").unwrap().to_string(), r#"pattern "a\.b""#);
    }
}
