use std::collections::BTreeMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::{Request, Response};
use crate::registry::Switch;
use crate::server::lock;

/// Who may do what.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Everybody may do everything.
    Anonymous,
    /// `Basic` with one account.
    Basic {
        /// The account's name.
        user: String,
        /// Its password.
        password: String,
    },
    /// `Bearer` tokens from a token server at `/token` of the same address.
    Token(TokenService),
}

impl Auth {
    /// `Basic` with one account.
    pub fn basic(user: &str, password: &str) -> Self {
        Self::Basic { user: user.to_owned(), password: password.to_owned() }
    }
}

/// A token server and its one account.
#[derive(Clone, Debug)]
pub struct TokenService {
    /// The account's name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The refresh token of the account in `POST /token`.
    pub identity_token: String,
    /// Whether a token for `pull` is given to anybody.
    pub anonymous_pull: Switch,
    /// `expires_in` of the tokens in seconds; `None` leaves it out.
    pub expires_in: Option<u64>,
    /// `realm` of the challenge, when it is not this server's `/token`.
    pub realm: Option<String>,
}

impl TokenService {
    /// A token server with one account, without anonymous access.
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
            identity_token: format!("identity-of-{user}"),
            anonymous_pull: Switch::Off,
            expires_in: Some(300),
            realm: None,
        }
    }

    /// With `pull` for everybody.
    pub fn with_anonymous_pull(self) -> Self {
        Self { anonymous_pull: Switch::On, ..self }
    }

    /// With another realm in the challenge.
    pub fn with_realm(self, realm: impl Into<String>) -> Self {
        Self { realm: Some(realm.into()), ..self }
    }
}

/// Tokens given out, with the scopes each one opens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    state: Mutex<(u64, BTreeMap<String, Vec<String>>)>,
}

impl Tokens {
    pub(crate) fn revoke(&self) {
        lock(&self.state).1.clear();
    }

    fn issue(&self, scopes: Vec<String>) -> String {
        let mut state = lock(&self.state);
        state.0 += 1;
        let token = format!("token-{}", state.0);
        state.1.insert(token.clone(), scopes);
        token
    }

    /// Returns true if `token` opens `action` on `repository`.
    fn opens(&self, token: &str, repository: &str, action: &str) -> bool {
        let state = lock(&self.state);
        let Some(scopes) = state.1.get(token) else { return false };
        // The base of the registry's API, `/v2/`, is not a repository.
        if repository.is_empty() {
            return true;
        }
        scopes.iter().any(|scope| {
            let Some(rest) = scope.strip_prefix("repository:") else { return false };
            rest.rsplit_once(':')
                .is_some_and(|(name, actions)| name == repository && actions.split(',').any(|a| a == action))
        })
    }
}

/// The challenge to a request that may not pass; `None` lets it pass.
pub(crate) fn refuse(
    auth: &Auth,
    tokens: &Tokens,
    request: &Request,
    repository: &str,
    host: &str,
) -> Option<Response> {
    let given = request.header("authorization").unwrap_or_default();
    let refusal = Response::error(401, "UNAUTHORIZED", "authentication required");
    match auth {
        Auth::Anonymous => None,
        Auth::Basic { user, password } => (given != basic(user, password))
            .then(|| refusal.with_header("WWW-Authenticate", r#"Basic realm="testkit, \"quoted\"""#)),
        Auth::Token(service) => {
            let action = match request.method.as_str() {
                "GET" | "HEAD" => "pull",
                "DELETE" => "delete",
                _ => "push",
            };
            if given.strip_prefix("Bearer ").is_some_and(|token| tokens.opens(token, repository, action)) {
                return None;
            }
            let realm = service.realm.clone().unwrap_or_else(|| format!("http://{host}/token"));
            let actions = if action == "push" { "pull,push" } else { action };
            Some(refusal.with_header(
                "WWW-Authenticate",
                format!(r#"Bearer realm="{realm}",service="testkit",scope="repository:{repository}:{actions}""#),
            ))
        }
    }
}

/// The token server's answer.
pub(crate) fn token(service: &TokenService, tokens: &Tokens, request: &Request) -> Response {
    let known = match request.method.as_str() {
        "GET" => request.header("authorization").map(|given| given == basic(&service.user, &service.password)),
        "POST" => match request.form("grant_type").as_deref() {
            Some("refresh_token") => Some(request.form("refresh_token").as_deref() == Some(&service.identity_token)),
            _ => Some(false),
        },
        _ => return Response::new(405),
    };
    if known == Some(false) {
        return Response::error(401, "UNAUTHORIZED", "incorrect username or password");
    }
    let asked: Vec<String> = match request.method.as_str() {
        "GET" => request.queries("scope"),
        _ => request.form("scope").unwrap_or_default().split(' ').map(str::to_owned).collect(),
    };
    let granted: Vec<String> = asked
        .into_iter()
        .filter_map(|scope| match known {
            Some(_) => Some(scope),
            None if service.anonymous_pull == Switch::On => {
                scope.rsplit_once(':').map(|(name, _)| format!("{name}:pull"))
            }
            None => None,
        })
        .collect();
    let token = tokens.issue(granted);
    let expires = service.expires_in.map(|seconds| format!(r#","expires_in":{seconds}"#)).unwrap_or_default();
    Response::new(200)
        .with_header("Content-Type", "application/json")
        .with_body(format!(r#"{{"token":"{token}"{expires}}}"#))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
