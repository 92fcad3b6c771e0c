use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::auth::{self, Auth, Tokens};
use crate::content::Content;
use crate::fault::{Action, Rule};
use crate::http::{Delivery, Request, Response};
use crate::route;
use crate::server::{Handler, Server, Stop, lock};

/// Whether an optional part is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// What a registry offers; see the methods for the defaults.
#[derive(Clone, Debug)]
pub struct RegistryBuilder {
    pub(crate) referrers: Switch,
    pub(crate) referrers_page: usize,
    pub(crate) subject_header: Switch,
    pub(crate) etags: Switch,
    pub(crate) auth: Auth,
    pub(crate) immutable_tags: Switch,
    pub(crate) missing_tags_denied: Switch,
    pub(crate) upload_location: Switch,
    latency: Duration,
    listen: SocketAddr,
}

impl Default for RegistryBuilder {
    fn default() -> Self {
        Self {
            referrers: Switch::On,
            referrers_page: usize::MAX,
            subject_header: Switch::On,
            etags: Switch::Off,
            auth: Auth::Anonymous,
            immutable_tags: Switch::Off,
            missing_tags_denied: Switch::Off,
            upload_location: Switch::On,
            latency: Duration::ZERO,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        }
    }
}

impl RegistryBuilder {
    /// Whether the referrers API is served; it is by default.
    pub fn referrers(self, referrers: Switch) -> Self {
        Self { referrers, ..self }
    }

    /// Descriptors in one page of the referrers API; all by default.
    pub fn referrers_page(self, referrers_page: usize) -> Self {
        Self { referrers_page, ..self }
    }

    /// Whether a push with a subject is answered with `OCI-Subject`; it is by default, as long as the referrers API is served.
    pub fn oci_subject_header(self, subject_header: Switch) -> Self {
        Self { subject_header, ..self }
    }

    /// Whether manifests carry `ETag`, and `If-Match` and `If-None-Match: *` are honoured on pushes; not by default.
    pub fn etags(self, etags: Switch) -> Self {
        Self { etags, ..self }
    }

    /// Who may do what; everybody everything by default.
    pub fn auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    /// Whether a tag stays where it is; not by default.
    pub fn immutable_tags(self, immutable_tags: Switch) -> Self {
        Self { immutable_tags, ..self }
    }

    /// Whether a tag that does not exist is answered with 403, as Artifactory does; not by default.
    pub fn missing_tags_denied(self, missing_tags_denied: Switch) -> Self {
        Self { missing_tags_denied, ..self }
    }

    /// Whether finished pushes carry `Location`; they do by default.
    pub fn push_location(self, upload_location: Switch) -> Self {
        Self { upload_location, ..self }
    }

    /// Time before every answer; none by default.
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Where to listen; on a free port of 127.0.0.1 by default.
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { listen, ..self }
    }

    /// Starts the registry.
    ///
    /// # Panics
    /// When the address cannot be listened on.
    pub fn start(self) -> Registry {
        let listener = TcpListener::bind(self.listen).expect("the registry's address is free");
        let host = listener.local_addr().expect("a bound listener has an address").to_string();
        let core = Arc::new(Core {
            options: self,
            host,
            content: Content::default(),
            tokens: Tokens::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
        });
        let handler: Arc<dyn Handler> = Arc::<Core>::clone(&core);
        Registry { server: Server::on(listener, handler), core }
    }
}

/// A running registry; it ends with this handle.
#[derive(Debug)]
pub struct Registry {
    server: Server,
    core: Arc<Core>,
}

/// What all connections of one registry share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) options: RegistryBuilder,
    pub(crate) host: String,
    pub(crate) content: Content,
    tokens: Tokens,
    faults: Mutex<Vec<Fault>>,
    log: Mutex<Vec<Request>>,
}

#[derive(Debug)]
struct Fault {
    rule: Rule,
    action: Action,
    seen: usize,
}

impl Registry {
    /// A registry with everything by default.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A registry to be configured.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `127.0.0.1:PORT`, the registry part of an image reference.
    pub fn host(&self) -> &str {
        &self.core.host
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.core.host)
    }

    /// What it holds.
    pub fn content(&self) -> &Content {
        &self.core.content
    }

    /// Applies `action` to the requests of `rule`. Of several rules the first that covers a request decides.
    pub fn fault(&self, rule: Rule, action: Action) {
        lock(&self.core.faults).push(Fault { rule, action, seen: 0 });
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        lock(&self.core.faults).clear();
    }

    /// All requests so far, in the order they arrived, those to the token server among them.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.core.log).clone()
    }

    /// `METHOD target` of all requests so far.
    pub fn request_lines(&self) -> Vec<String> {
        lock(&self.core.log).iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        lock(&self.core.log).clear();
    }

    /// Makes every token given out worthless.
    pub fn revoke_tokens(&self) {
        self.core.tokens.revoke();
    }
}

impl Core {
    fn fault_for(&self, request: &Request) -> Option<Action> {
        let mut found = None;
        for fault in lock(&self.faults).iter_mut().filter(|fault| fault.rule.matches(request)) {
            fault.seen += 1;
            if found.is_none() && fault.rule.covers(fault.seen) {
                found = Some(fault.action.clone());
            }
        }
        found
    }

    fn answer(&self, request: &Request) -> Response {
        if request.path() == "/token" {
            return match &self.options.auth {
                Auth::Token(service) => auth::token(service, &self.tokens, request),
                _ => Response::new(404),
            };
        }
        let repository = route::repository(request.path()).unwrap_or_default();
        if let Some(refusal) = auth::refuse(&self.options.auth, &self.tokens, request, repository, &self.host) {
            return refusal;
        }
        route::answer(self, request)
    }
}

impl Handler for Core {
    fn handle(&self, request: &Request, stop: &Stop) -> Response {
        lock(&self.log).push(request.clone());
        if !self.options.latency.is_zero() {
            stop.wait_for(self.options.latency);
        }
        match self.fault_for(request) {
            None => self.answer(request),
            Some(Action::Respond(response)) => response,
            Some(Action::Change(change)) => change.apply(self.answer(request)),
            Some(Action::Hang) => Response::new(0).with_delivery(Delivery::Hang),
            Some(Action::HangAfter) => self.answer(request).with_delivery(Delivery::Hang),
            Some(Action::Disconnect) => Response::new(0).with_delivery(Delivery::Disconnect),
            Some(Action::DisconnectAfter) => self.answer(request).with_delivery(Delivery::Disconnect),
            Some(Action::Delay(time)) => {
                stop.wait_for(time);
                self.answer(request)
            }
            Some(Action::Run(run)) => {
                run();
                self.answer(request)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Fails when the digest of a tag is read apart from the manifest, between two writes of others.
    #[test]
    fn a_tag_that_moves_is_answered_with_one_manifest() {
        let registry = Registry::start();
        let put = |nth: usize| {
            let document = format!("manifest {}", nth % 2);
            registry.content().put_manifest("app", Some("v1"), "m", document.as_bytes());
        };
        put(0);
        let target = "/v2/app/manifests/v1".to_owned();
        let get = Request { method: "GET".to_owned(), target, headers: Vec::new(), body: Vec::new() };
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..20_000).for_each(put));
            while !writer.is_finished() {
                let response = registry.core.answer(&get);
                let stated = response.headers.iter().find(|(name, _)| name == "Docker-Content-Digest");
                assert_eq!(stated.map(|(_, digest)| &**digest), Some(&*crate::sha256(&response.body)));
            }
        });
    }
}
