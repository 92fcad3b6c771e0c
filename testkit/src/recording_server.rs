use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use crate::http::{Request, Response};
use crate::server::{Handler, Server, Stop, lock};

/// A server that answers every request alike and remembers it.
#[derive(Debug)]
pub struct RecordingServer {
    server: Server,
    core: Arc<Core>,
}

#[derive(Debug)]
struct Core {
    answer: Response,
    received: Mutex<Vec<Request>>,
}

impl RecordingServer {
    /// Answers everything with `404`.
    pub fn start() -> Self {
        Self::answering(Response::new(404))
    }

    /// Answers everything with `answer`.
    pub fn answering(answer: Response) -> Self {
        let core = Arc::new(Core { answer, received: Mutex::default() });
        let handler: Arc<dyn Handler> = Arc::<Core>::clone(&core);
        Self { server: Server::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), handler), core }
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.core.received).clone()
    }

    /// Every credential received: `Authorization` headers and bodies that hold a token or a password.
    pub fn secrets(&self) -> Vec<String> {
        let requests = lock(&self.core.received);
        let headers = requests.iter().filter_map(|request| request.header("authorization").map(str::to_owned));
        let forms = requests.iter().filter_map(|request| {
            request.form("refresh_token").or_else(|| request.form("password")).or_else(|| request.form("access_token"))
        });
        headers.chain(forms).collect()
    }
}

impl Handler for Core {
    fn handle(&self, request: &Request, _: &Stop) -> Response {
        lock(&self.received).push(request.clone());
        self.answer.clone()
    }
}

/// An address of this machine on which nothing listens, so that connections are refused.
///
/// # Panics
/// When no port is free.
pub fn refused_address() -> SocketAddr {
    // Servers of tests listen at 127.0.0.1, so that none can take this port in the meantime.
    let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 66), 0)).expect("a port is free");
    listener.local_addr().expect("a bound listener has an address")
}
