use std::io::{self, Write};
use std::time::Duration;

use crate::server::Stop;

/// One answer, and how it reaches the client.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers in the order sent. `Content-Length` is added unless one is here.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How it is sent.
    pub delivery: Delivery,
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// All of it, and the connection stays open.
    Whole,
    /// In chunks of at most 1000 bytes, without a `Content-Length`.
    Chunked,
    /// Headers and that many bytes of the body; then the connection closes.
    Cut(usize),
    /// One byte of the body each time this much time has passed.
    Drip(Duration),
    /// One byte of status line and headers each time this much time has passed.
    DripHead(Duration),
    /// The headers, then chunks of spaces without end.
    Endless,
    /// Nothing; the connection stays open and silent.
    Hang,
    /// Headers and that many bytes of the body; then silence.
    HangAfter(usize),
    /// Nothing; the connection closes.
    Disconnect,
    /// The body alone, as it is: no status line and no headers; then the connection closes.
    Raw,
}

/// Whether the connection serves another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    Open,
    Closed,
}

impl Response {
    /// An empty answer.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delivery: Delivery::Whole }
    }

    /// An answer of the distribution specification's error document with one `code` and `message`.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let message: String = message
            .chars()
            .map(|c| if c.is_control() || matches!(c, '"' | '\\') { format!("\\u{:04x}", c as u32) } else { c.into() })
            .collect();
        Self::new(status)
            .with_header("Content-Type", "application/json")
            .with_body(format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#))
    }

    /// With one more header.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With this header instead of any of its name.
    pub fn with_only_header(self, name: &str, value: impl Into<String>) -> Self {
        self.without_header(name).with_header(name, value)
    }

    /// Without any header of that name.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    /// With this body.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sent in this way.
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sends the answer to a request of `method`.
    pub(crate) fn write(&self, method: &str, stream: &mut impl Write, stop: &Stop) -> io::Result<Connection> {
        let body: &[u8] = if method == "HEAD" { &[] } else { &self.body };
        match self.delivery {
            Delivery::Hang => {
                stop.wait();
                return Ok(Connection::Closed);
            }
            Delivery::Disconnect => return Ok(Connection::Closed),
            Delivery::Raw => stream.write_all(&self.body)?,
            Delivery::DripHead(pause) => drip(stream, self.head().as_bytes(), pause, stop)?,
            _ => stream.write_all(self.head().as_bytes())?,
        }
        match self.delivery {
            Delivery::Whole | Delivery::DripHead(_) => stream.write_all(body)?,
            Delivery::Chunked if method == "HEAD" => {}
            Delivery::Chunked => {
                for chunk in body.chunks(1000) {
                    write_chunk(stream, chunk)?;
                }
                stream.write_all(b"0\r\n\r\n")?;
            }
            Delivery::Drip(pause) => drip(stream, body, pause, stop)?,
            Delivery::Cut(length) => {
                stream.write_all(&body[..length.min(body.len())])?;
                return Ok(Connection::Closed);
            }
            Delivery::HangAfter(length) => {
                stream.write_all(&body[..length.min(body.len())])?;
                stream.flush()?;
                stop.wait();
                return Ok(Connection::Closed);
            }
            Delivery::Endless => {
                while !stop.is_set() {
                    write_chunk(stream, &[b' '; 1 << 16])?;
                }
                return Ok(Connection::Closed);
            }
            Delivery::Raw | Delivery::Hang | Delivery::Disconnect => return Ok(Connection::Closed),
        }
        Ok(Connection::Open)
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} Test\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let stated = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        match self.delivery {
            Delivery::Chunked | Delivery::Endless => head.push_str("Transfer-Encoding: chunked\r\n"),
            _ if !stated && self.status != 204 => head.push_str(&format!("Content-Length: {}\r\n", self.body.len())),
            _ => {}
        }
        head.push_str("\r\n");
        head
    }
}

fn write_chunk(stream: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
    write!(stream, "{:x}\r\n", chunk.len())?;
    stream.write_all(chunk)?;
    stream.write_all(b"\r\n")
}

fn drip(stream: &mut impl Write, bytes: &[u8], pause: Duration, stop: &Stop) -> io::Result<()> {
    for byte in bytes {
        if stop.wait_for(pause) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        stream.write_all(&[*byte])?;
        stream.flush()?;
    }
    Ok(())
}
