use std::io::{self, BufRead, Read};

/// One request as it was received.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`
    pub method: String,
    /// Path and query as sent: `/v2/app/blobs/uploads/?mount=…`.
    pub target: String,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body, without its transfer coding.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads the next request; `None` at the end of the connection.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(target), Some("HTTP/1.1")) = (words.next(), words.next(), words.next()) else {
            return Err(invalid(&line));
        };
        let (method, target) = (method.to_owned(), target.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid(line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self { method, target, headers, body: Vec::new() };
        request.body = request.read_body(reader)?;
        Ok(Some(request))
    }

    fn read_body(&self, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                let size = line.trim().split(';').next().and_then(|hex| u64::from_str_radix(hex, 16).ok());
                let size = size.ok_or_else(|| invalid(&line))?;
                reader.take(size).read_to_end(&mut body)?;
                let mut end = String::new();
                reader.read_line(&mut end)?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        if let Some(length) = self.header("content-length") {
            let length = length.parse::<u64>().map_err(|_| invalid(length))?;
            if reader.take(length).read_to_end(&mut body)? as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(body)
    }

    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The decoded value of the first query parameter of that name.
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries(name).into_iter().next()
    }

    /// The decoded values of all query parameters of that name.
    pub fn queries(&self, name: &str) -> Vec<String> {
        parameters(self.target.split_once('?').map_or("", |(_, query)| query), name)
    }

    /// The decoded value of the first parameter of that name in a form body.
    pub fn form(&self, name: &str) -> Option<String> {
        parameters(std::str::from_utf8(&self.body).unwrap_or_default(), name).into_iter().next()
    }
}

fn parameters(text: &str, name: &str) -> Vec<String> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| decode(key) == name)
        .map(|(_, value)| decode(value))
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn invalid(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, found.to_owned())
}
