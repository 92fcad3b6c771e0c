use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::http::{Delivery, Request, Response};

/// The requests that an [`Action`] is applied to.
#[derive(Clone, Debug)]
pub struct Rule {
    method: String,
    pattern: String,
    from: usize,
    times: usize,
}

impl Rule {
    /// Every request of `method` (`*` for any) whose path and query match `pattern`, in which `*` matches any text.
    pub fn new(method: &str, pattern: &str) -> Self {
        Self { method: method.to_owned(), pattern: pattern.to_owned(), from: 1, times: usize::MAX }
    }

    /// Only the `nth` such request, counted from 1.
    pub fn nth(self, nth: usize) -> Self {
        Self { from: nth, times: 1, ..self }
    }

    /// Such requests from the `nth` on, counted from 1.
    pub fn from(self, nth: usize) -> Self {
        Self { from: nth, times: usize::MAX, ..self }
    }

    /// Only the first `times` such requests.
    pub fn first(self, times: usize) -> Self {
        Self { from: 1, times, ..self }
    }

    pub(crate) fn matches(&self, request: &Request) -> bool {
        (self.method == "*" || self.method == request.method) && glob(&self.pattern, &request.target)
    }

    /// Returns true if the rule covers the `nth` matching request, counted from 1.
    pub(crate) fn covers(&self, nth: usize) -> bool {
        nth >= self.from && nth - self.from < self.times
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => {
            let Some(tail) = text.strip_prefix(start) else { return false };
            tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| glob(rest, &tail[at..]))
        }
    }
}

/// What happens to a request.
#[derive(Clone)]
#[non_exhaustive]
pub enum Action {
    /// This answer instead of the true one, which never happens.
    Respond(Response),
    /// The true answer, changed.
    Change(Change),
    /// Nothing is answered and the connection stays open.
    Hang,
    /// The request takes effect, and then nothing is answered and the connection stays open.
    HangAfter,
    /// The connection closes before a byte of an answer; the request has no effect.
    Disconnect,
    /// The request takes effect, and then the connection closes before a byte of an answer.
    DisconnectAfter,
    /// The true answer, after this much time.
    Delay(Duration),
    /// The true answer, after this ran: another client's write in between, for example.
    Run(Arc<dyn Fn() + Send + Sync>),
}

/// A change of a true answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// Another delivery.
    Delivery(Delivery),
    /// Another status.
    Status(u16),
    /// One bit of the body's byte at this offset is flipped.
    FlipByte(usize),
    /// The body ends after that many bytes, and the length says so.
    Truncate(usize),
    /// Another body, and its length.
    Body(Vec<u8>),
    /// More bytes after the body.
    Append(Vec<u8>),
    /// A header instead of any of its name.
    Header(String, String),
    /// No header of that name.
    NoHeader(String),
    /// That many further headers.
    ManyHeaders(usize),
    /// Several changes, one after the other.
    All(Vec<Change>),
}

impl Action {
    /// A status with an empty body.
    pub fn status(status: u16) -> Self {
        Self::Respond(Response::new(status))
    }

    /// `302` to `url`.
    pub fn redirect(url: impl Into<String>) -> Self {
        Self::Respond(Response::new(302).with_header("Location", url))
    }

    /// `200` and a page of HTML, as a portal or a misconfigured proxy sends it.
    pub fn html() -> Self {
        let page = "<!DOCTYPE html><html><body>Sign in</body></html>";
        Self::Respond(Response::new(200).with_header("Content-Type", "text/html; charset=utf-8").with_body(page))
    }

    /// Another length than the true one.
    pub fn content_length(length: u64) -> Self {
        Self::header("Content-Length", length.to_string())
    }

    /// Another value of a header.
    pub fn header(name: &str, value: impl Into<String>) -> Self {
        Self::Change(Change::Header(name.to_owned(), value.into()))
    }

    /// Another delivery of the true answer.
    pub fn delivery(delivery: Delivery) -> Self {
        Self::Change(Change::Delivery(delivery))
    }

    /// Other bytes under the true answer's headers.
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::Change(Change::Body(body.into()))
    }
}

impl Change {
    pub(crate) fn apply(&self, mut response: Response) -> Response {
        match self {
            Self::Delivery(delivery) => response.with_delivery(*delivery),
            Self::Status(status) => {
                response.status = *status;
                response
            }
            Self::FlipByte(at) => {
                if let Some(byte) = response.body.get_mut(*at) {
                    *byte ^= 1;
                }
                response
            }
            Self::Truncate(length) => {
                response.body.truncate(*length);
                response.without_header("Content-Length")
            }
            Self::Body(body) => response.with_body(body.clone()).without_header("Content-Length"),
            Self::Append(more) => {
                response.body.extend_from_slice(more);
                response.without_header("Content-Length")
            }
            Self::Header(name, value) => response.with_only_header(name, value.clone()),
            Self::NoHeader(name) => response.without_header(name),
            Self::All(changes) => changes.iter().fold(response, |response, change| change.apply(response)),
            Self::ManyHeaders(count) => {
                (0..*count).fold(response, |response, nth| response.with_header(&format!("X-Junk-{nth}"), "x"))
            }
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Respond(response) => write!(f, "Respond({} {:?})", response.status, response.delivery),
            Self::Change(change) => change.fmt(f),
            Self::Hang => f.write_str("Hang"),
            Self::HangAfter => f.write_str("HangAfter"),
            Self::Disconnect => f.write_str("Disconnect"),
            Self::DisconnectAfter => f.write_str("DisconnectAfter"),
            Self::Delay(time) => write!(f, "Delay({time:?})"),
            Self::Run(_) => f.write_str("Run"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_matches_any_text() {
        for (pattern, text, expected) in [
            ("/v2/*/manifests/*", "/v2/a/b/manifests/v1", true),
            ("/v2/*/manifests/*", "/v2/a/blobs/v1", false),
            ("*", "", true),
            ("/a", "/ab", false),
            ("*b", "/ab", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn counts_from_one() {
        assert_eq!([1, 2, 3].map(|nth| Rule::new("*", "*").nth(2).covers(nth)), [false, true, false]);
        assert_eq!([1, 2, 3].map(|nth| Rule::new("*", "*").first(2).covers(nth)), [true, true, false]);
        assert!(Rule::new("*", "*").covers(1_000));
    }
}
