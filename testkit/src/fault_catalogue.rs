//! The faults that can be injected into a request, each once and by name: for tests that try every fault at every request.

use std::time::Duration;

use crate::fault::{Action, Change};
use crate::http::{Delivery, Response};

/// Time between two bytes of an answer that drips.
const DRIP: Duration = Duration::from_millis(60);

/// How much of the catalogue is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One of each kind.
    Kinds,
    /// All.
    All,
}

/// Faults by name. What goes on, goes on for as long as the client waits, so that it should not wait for long.
pub fn catalogue(extent: Extent) -> Vec<(String, Action)> {
    let mut faults = kinds();
    if extent == Extent::All {
        faults.extend(variants());
    }
    faults
}

/// The faults that every request meets sooner or later in front of real registries.
fn kinds() -> Vec<(String, Action)> {
    let statuses = [204, 206, 400, 401, 403, 404, 405, 406, 409, 412, 413, 416, 429, 500, 501, 502, 503, 504];
    let mut faults: Vec<(String, Action)> =
        statuses.map(|status| (format!("status {status}"), Action::status(status))).into();
    faults.extend(
        [
            ("redirect to itself", Action::Respond(Response::new(301).with_header("Location", ""))),
            ("200 with a page of HTML", Action::html()),
            ("401 twice", challenge("Bearer realm=\"http://127.0.0.1:1/token\"")),
            ("429, Retry-After: 0", after("0")),
            ("429, Retry-After: 5", after("5")),
            ("429, Retry-After: 1000000000", after("1000000000")),
            ("429, Retry-After: a date", dated("Sun, 06 Nov 1994 08:49:42 GMT")),
            ("silence", Action::Hang),
            ("closed before the answer", Action::Disconnect),
            ("done, and closed before the answer", Action::DisconnectAfter),
            ("closed within the headers", raw(b"HTTP/1.1 200 OK\r\nContent-Le")),
            ("closed after the headers", Action::delivery(Delivery::Cut(0))),
            ("closed within the body", Action::delivery(Delivery::Cut(20))),
            ("silence within the body", Action::delivery(Delivery::HangAfter(2))),
            ("a body byte by byte", Action::delivery(Delivery::Drip(DRIP))),
            ("headers byte by byte", Action::delivery(Delivery::DripHead(DRIP))),
            ("a body without end", Action::delivery(Delivery::Endless)),
            ("a TLS alert", raw(b"\x15\x03\x01\x00\x02\x02\x28")),
            ("another Content-Type", Action::header("Content-Type", "text/html")),
            ("gzip", Action::header("Content-Encoding", "gzip")),
            ("a shorter document", Action::Change(Change::Truncate(20))),
            ("a longer document", Action::Change(Change::Append(b"x".to_vec()))),
            ("a flipped bit", Action::Change(Change::FlipByte(3))),
            ("a length too small", Action::content_length(1)),
            ("a length too large", Action::content_length(1 << 40)),
            ("an empty document", Action::body("{}")),
        ]
        .map(|(name, action)| (name.to_owned(), action)),
    );
    faults
}

/// More of the same kinds.
fn variants() -> Vec<(String, Action)> {
    let statuses = [301, 304, 402, 408, 410, 418, 451, 507, 599];
    let mut faults: Vec<(String, Action)> =
        statuses.map(|status| (format!("status {status}"), Action::status(status))).into();
    faults.extend(
        [
            ("401, Basic", challenge("Basic")),
            ("401, Bearer without realm", challenge("Bearer")),
            ("401, Bearer with half a realm", challenge("Bearer realm=\"")),
            ("404 with a document that says denied", denied(404)),
            ("400 with a document that says denied", denied(400)),
            ("redirect to a path", Action::redirect("/v2/my/app/loop")),
            ("redirect to a closed port", Action::redirect("http://127.0.0.1:1/")),
            ("a length below zero", Action::header("Content-Length", "-1")),
            ("two lengths", Action::header("Content-Length", "1, 2")),
            ("the digest of something else", Action::header("Docker-Content-Digest", crate::sha256(b"other"))),
            ("an invalid header", Action::header("Bad Header", "x")),
            ("1000 more headers", Action::Change(Change::ManyHeaders(1000))),
            ("no body", Action::body("")),
            ("a body that is not JSON", Action::body("hello")),
            ("null", Action::body("null")),
            ("a bit flipped further on", Action::Change(Change::FlipByte(150))),
            ("nothing at all", raw(b"")),
            ("half a status line", raw(b"HTTP/1.1 200")),
            ("a status out of range", raw(b"HTTP/1.1 999999 OK\r\n\r\n")),
            ("another version of HTTP", raw(b"HTTP/9.9 200 OK\r\n\r\n")),
            ("a chunk of no length", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")),
            (
                "a chunk of any length",
                raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            ),
            ("zeros", raw(b"\0\0\0\0")),
        ]
        .map(|(name, action)| (name.to_owned(), action)),
    );
    for length in [1, 4, 100, 300] {
        faults.push((format!("closed after {length} bytes"), Action::delivery(Delivery::Cut(length))));
        faults.push((format!("a document of {length} bytes"), Action::Change(Change::Truncate(length))));
    }
    // In chunks of 1000 bytes, cut at each boundary and amid the framing.
    for length in [0, 1, 5, 7] {
        let body = &b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"[..];
        faults.push((format!("chunks cut {length} bytes before the end"), raw(&body[..body.len() - length - 1])));
    }
    faults
}

fn after(value: &str) -> Action {
    Action::Respond(Response::new(429).with_header("Retry-After", value))
}

fn dated(value: &str) -> Action {
    let date = Response::new(429).with_header("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    Action::Respond(date.with_header("Retry-After", value))
}

fn challenge(value: &str) -> Action {
    Action::Respond(Response::new(401).with_header("WWW-Authenticate", value))
}

fn denied(status: u16) -> Action {
    Action::Respond(Response::error(status, "DENIED", "requested access to the resource is denied"))
}

fn raw(bytes: &[u8]) -> Action {
    Action::Respond(Response::new(0).with_body(bytes).with_delivery(Delivery::Raw))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_tell_faults_apart() {
        let all = catalogue(Extent::All);
        let names: BTreeSet<&String> = all.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), all.len());
        assert!(catalogue(Extent::Kinds).len() >= 30);
    }
}
