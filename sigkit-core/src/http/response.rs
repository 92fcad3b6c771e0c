use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{StatusCode, Url};

use super::sanitize::printable;
use super::ssrf;
use super::stream::BodyStream;

/// One answer, body included.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Where it came from in the end.
    pub(crate) url: Url,
    /// Whether that is the object asked for, or something else that a redirect led to.
    pub(crate) source: Source,
    pub(crate) body: Body,
    /// `METHOD URL` as sent, for error messages.
    pub(crate) place: String,
    /// How many attempts were made.
    pub(crate) attempts: u32,
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The object asked for, perhaps at another server.
    Object,
    /// Whatever lies at the end of a redirect: a storage service, a sign-in page.
    Elsewhere,
}

impl Source {
    /// Compares the last two parts of the paths, such as `manifests/latest`: a server that moved keeps them.
    pub(super) fn of(asked: &Url, answered: &Url) -> Self {
        let tail =
            |url: &'_ Url| url.path_segments().map(|parts| parts.rev().take(2).map(str::to_owned).collect::<Vec<_>>());
        if tail(asked) == tail(answered) { Self::Object } else { Self::Elsewhere }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it, or of an error's body as much as is kept.
    Whole(Vec<u8>),
    /// What arrives, of at most the limit where the server says how much.
    Stream(BodyStream),
    /// More than the limit; nothing is kept.
    Excess,
}

impl Response {
    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The media type of the body, in lower case and without parameters (RFC 9110 §8.3.1).
    pub(crate) fn content_type(&self) -> Option<String> {
        let kind = self.header(CONTENT_TYPE)?.split(';').next().unwrap_or_default().trim();
        Some(kind.to_ascii_lowercase())
    }

    /// Returns true if this is a page for people: of a portal or a proxy, where a service was asked.
    pub(crate) fn is_html(&self) -> bool {
        self.content_type().is_some_and(|kind| kind == "text/html" || kind == "application/xhtml+xml")
    }

    /// The whole body; nothing when it was too large.
    pub(crate) fn body(&self) -> &[u8] {
        match &self.body {
            Body::Whole(bytes) => bytes,
            Body::Stream(_) | Body::Excess => &[],
        }
    }

    /// Status, and the server that sent it if that is not the one that was asked: `404 Not Found from storage.example`.
    pub(crate) fn status_text(&self) -> String {
        let status = match self.status.canonical_reason() {
            Some(reason) => format!("{} {reason}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        };
        match self.source {
            Source::Object => status,
            Source::Elsewhere => format!("{status} from {}", printable(&ssrf::authority(&self.url), 200)),
        }
    }
}

impl AsMut<Self> for Response {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}
