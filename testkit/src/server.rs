//! A listener, a thread per connection, and an end to all of them.

use std::collections::HashMap;
use std::io::{BufReader, BufWriter, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::Request;
use crate::http::Response;

/// What answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The answer to one request.
    fn handle(&self, request: &Request, stop: &Stop) -> Response;
}

/// Tells every thread of a server to end.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Blocks until the server ends.
    pub(crate) fn wait(&self) {
        let mut set = lock(&self.set);
        while !*set {
            set = self.changed.wait(set).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Blocks for `time` or until the server ends; whether it ends.
    pub(crate) fn wait_for(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut set = lock(&self.set);
        while !*set {
            let Some(rest) = end.checked_duration_since(Instant::now()) else { return false };
            set = self.changed.wait_timeout(set, rest).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        true
    }

    pub(crate) fn is_set(&self) -> bool {
        *lock(&self.set)
    }

    fn set(&self) {
        *lock(&self.set) = true;
        self.changed.notify_all();
    }
}

/// A running server; dropping it closes every connection and joins every thread.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Arc<Stop>,
    connections: Arc<Mutex<HashMap<u64, TcpStream>>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `listen` and answers with `handler`.
    ///
    /// # Panics
    /// When the address cannot be listened on.
    pub(crate) fn start(listen: SocketAddr, handler: Arc<dyn Handler>) -> Self {
        let listener = TcpListener::bind(listen).expect("the test server's address is free");
        Self::on(listener, handler)
    }

    /// Answers with `handler` on a listener that exists already.
    pub(crate) fn on(listener: TcpListener, handler: Arc<dyn Handler>) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        let stop = Arc::new(Stop::default());
        let connections = Arc::new(Mutex::new(HashMap::new()));
        let acceptor = {
            let (stop, connections) = (Arc::clone(&stop), Arc::clone(&connections));
            std::thread::spawn(move || accept(&listener, &handler, &stop, &connections))
        };
        Self { address, stop, connections, acceptor: Some(acceptor) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.set();
        // The acceptor sits in accept(2); a connection wakes it.
        drop(TcpStream::connect(self.address));
        for stream in lock(&self.connections).values() {
            drop(stream.shutdown(Shutdown::Both));
        }
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn accept(
    listener: &TcpListener,
    handler: &Arc<dyn Handler>,
    stop: &Arc<Stop>,
    connections: &Arc<Mutex<HashMap<u64, TcpStream>>>,
) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (id, stream) in (0_u64..).zip(listener.incoming()) {
        if stop.is_set() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else { continue };
        lock(connections).insert(id, copy);
        let (handler, stop, connections) = (Arc::clone(handler), Arc::clone(stop), Arc::clone(connections));
        threads.retain(|thread| !thread.is_finished());
        threads.push(std::thread::spawn(move || {
            converse(&stream, handler.as_ref(), &stop);
            drop(stream.shutdown(Shutdown::Both));
            lock(&connections).remove(&id);
        }));
    }
    // Connections accepted between the flag and the loop's end are closed here.
    for stream in lock(connections).values() {
        drop(stream.shutdown(Shutdown::Both));
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// Serves one connection until either side ends it; a broken connection is the client's affair.
fn converse(stream: &TcpStream, handler: &dyn Handler, stop: &Stop) {
    drop(stream.set_nodelay(true));
    let mut reader = BufReader::new(stream);
    let mut writer = BufWriter::new(stream);
    loop {
        let request = match Request::read(&mut reader) {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(_) => {
                // A TLS greeting, most likely; its sender falls back to plain HTTP when it sees an answer.
                drop(writer.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
                return;
            }
        };
        let response = handler.handle(&request, stop);
        let written = response.write(&request.method, &mut writer, stop);
        if writer.flush().is_err() || !matches!(written, Ok(crate::http::Connection::Open)) {
            return;
        }
    }
}

/// A test that panicked elsewhere must not hide its own message behind a poisoned lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
