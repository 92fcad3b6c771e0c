use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::http::Secret;
use sigkit_core::oci::{Repository, TagOrDigest};
use sigkit_core::store::registry::{CredentialError, CredentialSource, Credentials, RegistryClient, StaticCredentials};
use sigkit_core::store::{BlobSource, Store as _, StoreError, StoreWrite as _};
use testkit::http::{Delivery, Response};
use testkit::{Action, Auth, Change, RecordingServer, Registry, Rule, TokenService, image};

use crate::support::{REPOSITORY, basic, open, quick, store, tag, with};

fn with_tokens() -> Registry {
    serve(Auth::Token(TokenService::new("u", "S3CRET")))
}

fn serve(auth: Auth) -> Registry {
    let registry = Registry::builder().auth(auth).start();
    image::image(registry.content(), REPOSITORY, "v1", "layer");
    registry
}

fn lines(registry: &Registry) -> Vec<String> {
    registry.requests().iter().map(|request| format!("{} {}", request.method, request.path())).collect()
}

#[tokio::test]
async fn a_password_is_sent_once_it_is_asked_for_and_from_then_on() {
    let registry = serve(Auth::basic("u", "S3CRET"));
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    for _ in 0..2 {
        assert!(store.manifest(&tag("v1")).await.is_ok());
    }
    let sent: Vec<bool> = registry.requests().iter().map(|request| request.header("authorization").is_some()).collect();
    assert_eq!(sent, [false, true, true]);
}

// threat: R29
#[tokio::test]
async fn unauthorized_without_challenge_sends_one_more_request() {
    let silent = || Action::Change(Change::NoHeader("WWW-Authenticate".to_owned()));
    for auth in [Auth::basic("u", "S3CRET"), Auth::Token(TokenService::new("u", "S3CRET"))] {
        let registry = serve(auth);
        registry.fault(Rule::new("*", "*/manifests/*"), silent());
        let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
        for _ in 0..2 {
            assert!(store.manifest(&tag("v1")).await.is_ok());
        }
        // What is known is enough when a token ends before its time.
        registry.revoke_tokens();
        assert!(store.manifest(&tag("v1")).await.is_ok());
        let asked = lines(&registry).iter().filter(|line| *line == "GET /v2/").count();
        assert_eq!(asked, 1, "{:?}", lines(&registry));
    }
    // One that never says it is asked once, and sees no password.
    let registry = serve(Auth::basic("u", "S3CRET"));
    registry.fault(Rule::new("*", "*"), silent());
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    for _ in 0..2 {
        let error = store.manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    }
    assert_eq!(registry.requests().len(), 3);
    assert!(registry.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn a_token_is_fetched_once_for_reads_and_once_for_writes() {
    let registry = with_tokens();
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    for _ in 0..3 {
        assert!(store.manifest(&tag("v1")).await.is_ok());
    }
    let (get, token) = ("GET /v2/my/app/manifests/v1", "GET /token");
    assert_eq!(lines(&registry), [get, token, get, get, get]);
    let asked = &registry.requests()[1];
    assert_eq!(asked.query("service").as_deref(), Some("testkit"));
    assert_eq!(asked.query("scope").as_deref(), Some("repository:my/app:pull"));
    registry.clear_log();
    store.push_blob(BlobSource::bytes(b"x".into(), &Digest::sha256(b"x"))).await.unwrap();
    assert!(store.manifest(&tag("v1")).await.is_ok());
    let tokens: Vec<String> = registry.requests().iter().filter_map(|request| request.query("scope")).collect();
    assert_eq!(tokens, ["repository:my/app:pull,push"]);
    assert_eq!(registry.requests().len(), 5, "{:?}", lines(&registry));
}

#[tokio::test]
async fn a_token_that_may_push_may_pull() {
    let registry = with_tokens();
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    store.push_blob(BlobSource::bytes(b"x".into(), &Digest::sha256(b"x"))).await.unwrap();
    assert!(store.manifest(&tag("v1")).await.is_ok());
    let scopes: Vec<String> = registry.requests().iter().filter_map(|request| request.query("scope")).collect();
    assert_eq!(scopes, ["repository:my/app:pull,push"]);
}

#[tokio::test]
async fn many_readers_share_one_token() {
    let registry = with_tokens();
    let client = RegistryClient::new(with(registry.host(), basic("u", "S3CRET"))).unwrap();
    let repository = Repository::new(registry.host(), REPOSITORY).unwrap();
    assert!(client.repository(&repository).manifest(&tag("v1")).await.is_ok());
    registry.revoke_tokens();
    registry.clear_log();
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let store = client.repository(&repository);
            tokio::spawn(async move { store.manifest(&tag("v1")).await.is_ok() })
        })
        .collect();
    for reader in readers {
        assert!(reader.await.unwrap());
    }
    assert_eq!(lines(&registry).iter().filter(|line| *line == "GET /token").count(), 1);
}

#[tokio::test]
async fn anybody_may_pull_where_the_token_server_says_so() {
    let registry = serve(Auth::Token(TokenService::new("u", "S3CRET").with_anonymous_pull()));
    assert!(store(&registry).manifest(&tag("v1")).await.is_ok());
    assert!(registry.requests()[1].header("authorization").is_none());
    let error = store(&registry).push_blob(BlobSource::bytes(b"x".into(), &Digest::sha256(b"x"))).await.unwrap_err();
    let StoreError::Denied { detail, .. } = &error else { panic!("{error}") };
    assert!(detail.contains("anonymous access"), "{detail}");
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let registry = with_tokens();
    let identity = Credentials::Identity(Secret::new("identity-of-u"));
    let store = open(registry.host(), with(registry.host(), identity));
    assert!(store.manifest(&tag("v1")).await.is_ok());
    let asked = &registry.requests()[1];
    assert_eq!((asked.method.as_str(), asked.path()), ("POST", "/token"));
    assert_eq!(asked.form("grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(asked.form("scope").as_deref(), Some("repository:my/app:pull"));
}

#[tokio::test]
async fn a_registry_token_is_used_as_it_is() {
    let registry = with_tokens();
    let first = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    assert!(first.manifest(&tag("v1")).await.is_ok());
    registry.clear_log();
    let store = open(registry.host(), with(registry.host(), Credentials::Bearer(Secret::new("token-1"))));
    assert!(store.manifest(&tag("v1")).await.is_ok());
    let (get, sent) = ("GET /v2/my/app/manifests/v1", Some("Bearer token-1"));
    assert_eq!(lines(&registry), [get, get]);
    assert_eq!(registry.requests()[1].header("authorization"), sent);
}

#[tokio::test]
async fn a_token_that_died_is_renewed_once() {
    let registry = with_tokens();
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    assert!(store.manifest(&tag("v1")).await.is_ok());
    registry.revoke_tokens();
    assert!(store.manifest(&tag("v1")).await.is_ok());
    // A registry that refuses everything is asked a bounded number of times.
    registry.fault(Rule::new("GET", "/v2/*"), Action::Respond(challenge(&format!("{}/token", registry.url()))));
    registry.clear_log();
    let error = store.manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    assert_eq!(lines(&registry).len(), 3, "{:?}", lines(&registry));
}

fn challenge(realm: &str) -> Response {
    let value = format!(r#"Bearer realm="{realm}",service="s",scope="repository:my/app:pull""#);
    Response::new(401).with_header("WWW-Authenticate", value)
}

#[tokio::test]
async fn refusals_say_what_was_tried() {
    struct FromFile;
    impl CredentialSource for FromFile {
        fn credentials(&self, _: &Repository) -> Result<Option<Credentials>, CredentialError> {
            Ok(Some(Credentials::Basic { username: "alice".to_owned(), password: Secret::new("WR0NG") }))
        }
        fn origin(&self, _: &Repository) -> Option<String> {
            Some("/home/alice/config.json".to_owned())
        }
    }
    for auth in [Auth::basic("u", "S3CRET"), Auth::Token(TokenService::new("u", "S3CRET"))] {
        let registry = serve(auth);
        let store = open(registry.host(), quick().with_credentials(Arc::new(FromFile)));
        let text = store.manifest(&tag("v1")).await.unwrap_err().to_string();
        assert!(text.contains("user \"alice\" from /home/alice/config.json"), "{text}");
        assert!(text.contains("401") && text.contains("UNAUTHORIZED") && !text.contains("WR0NG"), "{text}");
        let text = open(registry.host(), quick()).manifest(&tag("v1")).await.unwrap_err().to_string();
        assert!(text.contains("anonymous access"), "{text}");
    }
}

// threat: G05
#[tokio::test]
async fn credentials_of_one_registry_are_not_tried_at_another() {
    let (mine, other) = (serve(Auth::basic("u", "S3CRET")), serve(Auth::basic("u", "S3CRET")));
    let client = RegistryClient::new(with(mine.host(), basic("u", "S3CRET"))).unwrap();
    let at = |registry: &Registry| client.repository(&Repository::new(registry.host(), REPOSITORY).unwrap());
    assert!(at(&mine).manifest(&tag("v1")).await.is_ok());
    assert!(matches!(at(&other).manifest(&tag("v1")).await, Err(StoreError::Denied { .. })));
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()));
}

// threat: G05
#[tokio::test]
async fn https_never_becomes_http() {
    // A name that is not loopback is contacted over HTTPS; the collector would answer plain HTTP.
    let collector = RecordingServer::start();
    let port = collector.host().rsplit_once(':').unwrap().1.to_owned();
    for host in ["0.0.0.0", "[::]"] {
        let registry = format!("{host}:{port}");
        let store = open(&registry, with(&registry, basic("u", "S3CRET")));
        let error = store.manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains("https://"), "{error}");
    }
    assert_eq!(collector.requests().len(), 0);
}

// threat: G05
#[tokio::test]
async fn plain_http_is_used_if_allowed_and_without_tls() {
    let registry = serve(Auth::basic("u", "S3CRET"));
    let name = format!("0.0.0.0:{}", registry.address().port());
    let store = open(&name, with(&name, basic("u", "S3CRET")).with_plain_http(&name));
    for _ in 0..2 {
        assert!(store.manifest(&tag("v1")).await.is_ok());
    }
    assert_eq!(registry.requests().len(), 3, "{:?}", registry.request_lines());
}

// threat: G01
// threat: M11
#[tokio::test]
async fn a_token_server_elsewhere_gets_no_credentials() {
    let answers = || Response::new(200).with_body(r#"{"token":"anonymous"}"#);
    for credentials in [basic("u", "S3CRET"), Credentials::Identity(Secret::new("S3CRET"))] {
        let collector = RecordingServer::answering(answers());
        let service = TokenService::new("u", "S3CRET").with_realm(format!("{}/token", collector.url()));
        let registry = serve(Auth::Token(service));
        let store = open(registry.host(), with(registry.host(), credentials));
        let error = store.manifest(&tag("v1")).await.unwrap_err();
        let StoreError::Denied { detail, .. } = &error else { panic!("{error}") };
        assert!(detail.contains("no credentials were sent to the token server"), "{detail}");
        assert_eq!(collector.requests().len(), 1);
        assert_eq!(collector.secrets(), Vec::<String>::new());
    }
}

// threat: G01
#[tokio::test]
async fn some_token_servers_are_not_called() {
    let collector = RecordingServer::start();
    for realm in [
        "file:///etc/passwd".to_owned(),
        "gopher://x/".to_owned(),
        format!("http://user@{}/token", collector.host()),
        format!("{}/token#fragment", collector.url()),
        "token".to_owned(),
        String::new(),
    ] {
        let registry = serve(Auth::Token(TokenService::new("u", "S3CRET").with_realm(&realm)));
        let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
        let error = store.manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Protocol { .. }), "{realm}: {error}");
    }
    assert_eq!(collector.requests().len(), 0);
}

// threat: G01
#[tokio::test]
async fn redirects_of_token_requests_are_not_followed() {
    let collector = RecordingServer::answering(Response::new(200).with_body(r#"{"token":"t"}"#));
    let registry = with_tokens();
    for status in [301, 302, 307, 308] {
        registry.clear_faults();
        let redirect = Response::new(status).with_header("Location", format!("{}/token", collector.url()));
        registry.fault(Rule::new("*", "/token*"), Action::Respond(redirect));
        for credentials in [basic("u", "S3CRET"), Credentials::Identity(Secret::new("identity-of-u"))] {
            let error =
                open(registry.host(), with(registry.host(), credentials)).manifest(&tag("v1")).await.unwrap_err();
            assert!(matches!(error, StoreError::Protocol { .. }), "{status}: {error}");
        }
    }
    assert_eq!(collector.requests().len(), 0);
}

// threat: G02
// threat: M12
#[tokio::test]
async fn an_upload_elsewhere_gets_no_credentials() {
    let collector = RecordingServer::answering(Response::new(201));
    for auth in [Auth::basic("u", "S3CRET"), Auth::Token(TokenService::new("u", "S3CRET"))] {
        let registry = serve(auth);
        for location in
            [format!("{}/upload?state=1", collector.url()), format!("//{}/upload?state=1", collector.host())]
        {
            registry.clear_faults();
            registry.fault(Rule::new("POST", "*"), Action::header("Location", location));
            let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
            store.push_blob(BlobSource::bytes(b"x".into(), &Digest::sha256(b"x"))).await.unwrap();
        }
    }
    let uploads = collector.requests();
    assert_eq!(uploads.len(), 4);
    assert!(uploads.iter().all(|upload| upload.query("state").is_some() && upload.query("digest").is_some()));
    assert_eq!(collector.secrets(), Vec::<String>::new());
}

// threat: G13
// threat: M13
#[tokio::test]
async fn token_answers_are_judged() {
    let long = format!(r#"{{"token":"{}"}}"#, "a".repeat(10 << 20));
    for (body, usable) in [
        (r#"{"token":"a\nX-Evil: 1"}"#, false),
        (r#"{"token":"a\r\n\r\nGET / HTTP/1.1"}"#, false),
        (r#"{"token":"a\u0000"}"#, false),
        (r#"{"token":"é"}"#, false),
        (r#"{"token":"a b"}"#, false),
        (r#"{"token":""}"#, false),
        (r#"{"token":7}"#, false),
        (r#"{"token":null}"#, false),
        (r#"{"token":"a","token":"b"}"#, false),
        ("{}", false),
        ("[]", false),
        ("", false),
        ("<html>", false),
        (long.as_str(), false),
        (r#"{"token":"a"}"#, true),
        (r#"{"access_token":"a"}"#, true),
        (r#"{"token":"","access_token":"a"}"#, true),
        (r#"{"token":"a","expires_in":-1}"#, true),
        (r#"{"token":"a","expires_in":0}"#, true),
        (r#"{"token":"a","expires_in":9223372036854775808}"#, true),
        (r#"{"token":"a","expires_in":1e400}"#, false),
        (r#"{"token":"a","expires_in":"soon"}"#, true),
    ] {
        let registry = with_tokens();
        registry.fault(Rule::new("GET", "/token*"), Action::Respond(Response::new(200).with_body(body)));
        let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
        let shown = &body[..body.len().min(60)];
        match error {
            // The token does not open this registry, but it was sent.
            StoreError::Denied { .. } => {
                assert!(usable, "{shown}");
                let sent = registry.requests();
                assert_eq!(sent[2].header("authorization"), Some("Bearer a"), "{shown}");
                assert!(sent.iter().all(|request| request.header("x-evil").is_none()));
            }
            StoreError::Protocol { .. } | StoreError::TooLarge { .. } => assert!(!usable, "{shown}"),
            error => panic!("{shown}: {error}"),
        }
    }
}

// threat: G13
#[tokio::test]
async fn an_expired_token_is_not_sent_again() {
    for (expires_in, fetched) in [(Some(0), 3), (Some(300), 1), (None, 1)] {
        let registry = serve(Auth::Token(TokenService { expires_in, ..TokenService::new("u", "S3CRET") }));
        let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
        for _ in 0..3 {
            assert!(store.manifest(&tag("v1")).await.is_ok());
        }
        let tokens = lines(&registry).iter().filter(|line| *line == "GET /token").count();
        assert_eq!(tokens, fetched, "{expires_in:?}");
    }
}

// threat: G13
#[tokio::test]
async fn a_token_for_one_repository_is_not_used_for_another() {
    let registry = with_tokens();
    image::image(registry.content(), "other/app", "v1", "layer");
    let client = RegistryClient::new(with(registry.host(), basic("u", "S3CRET"))).unwrap();
    for path in [REPOSITORY, "other/app"] {
        let store = client.repository(&Repository::new(registry.host(), path).unwrap());
        assert!(store.manifest(&tag("v1")).await.is_ok());
    }
    let requests = registry.requests();
    let asked: Vec<String> = requests.iter().filter_map(|request| request.query("scope")).collect();
    assert_eq!(asked, ["repository:my/app:pull", "repository:other/app:pull"]);
    for request in &requests {
        if let Some(sent) = request.header("authorization").filter(|sent| sent.starts_with("Bearer")) {
            assert_eq!(request.path().contains("other"), sent == "Bearer token-2");
        }
    }
}

// threat: G13
#[tokio::test]
async fn a_registry_cannot_ask_for_a_token_for_another_repository() {
    let registry = with_tokens();
    let greedy = format!(
        r#"Bearer realm="{}/token",service="s",scope="repository:secret/app:pull,push,delete aws repository:my/app:*""#,
        registry.url()
    );
    registry.fault(
        Rule::new("GET", "/v2/*").first(1),
        Action::Respond(Response::new(401).with_header("WWW-Authenticate", greedy)),
    );
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    assert!(store.manifest(&tag("v1")).await.is_ok());
    assert_eq!(registry.requests()[1].queries("scope"), ["repository:my/app:pull", "aws"]);
}

// threat: G16
#[tokio::test]
async fn no_header_can_be_smuggled_in() {
    assert!(matches!(RegistryClient::new(quick().with_user_agent("a\r\nX: y")), Err(StoreError::Options { .. })));
    assert!(Repository::new("127.0.0.1:5000", "a\r\nX: y").is_err());
    let registry = serve(Auth::basic("u", "S3CRET"));
    let smuggling = Credentials::Bearer(Secret::new("a\r\nX-Evil: 1"));
    let error = open(registry.host(), with(registry.host(), smuggling)).manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    let odd = basic("u\r\nX-Evil: 1", "p\n");
    let error = open(registry.host(), with(registry.host(), odd)).manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }) && !error.to_string().contains('\n'), "{error}");
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    let digest = TagOrDigest::Digest(Digest::sha256(b"{}"));
    let error = store.push_manifest(&digest, "a\r\nX-Evil: 1", b"{}").await.unwrap_err();
    assert!(matches!(error, StoreError::Protocol { .. }), "{error}");
    let tag = "a\r\nX-Evil: 1".parse::<sigkit_core::oci::Tag>();
    assert!(tag.is_err());
    assert!(registry.requests().iter().all(|request| request.header("x-evil").is_none()));
}

/// Credentials that are given one after another, and how often that was.
struct Given {
    asked: AtomicUsize,
    answers: Vec<Result<Credentials, &'static str>>,
}

impl Given {
    fn new(answers: Vec<Result<Credentials, &'static str>>) -> Arc<Self> {
        Arc::new(Self { asked: AtomicUsize::new(0), answers })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl CredentialSource for Given {
    fn credentials(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError> {
        assert!(repository.to_string().ends_with(REPOSITORY));
        let answer = self.answers[self.asked.fetch_add(1, Ordering::SeqCst)].clone();
        let registry = repository.registry().to_owned();
        answer.map(Some).map_err(|detail| CredentialError { registry, detail: detail.to_owned() })
    }
}

#[tokio::test]
async fn credentials_are_looked_up_late_and_a_failure_is_not_remembered() {
    let right = || Ok(basic("u", "S3CRET"));
    let source = Given::new(vec![Err("the helper said no"), right()]);
    let options = || quick().with_credentials(Arc::<Given>::clone(&source));
    let open_to_all = serve(Auth::Anonymous);
    assert!(open(open_to_all.host(), options()).manifest(&tag("v1")).await.is_ok());
    assert_eq!(source.asked(), 0);
    let closed = serve(Auth::basic("u", "S3CRET"));
    let store = open(closed.host(), options());
    // Requests of the same moment share the look-up and its failure.
    let one = tag("v1");
    let both = tokio::join!(store.manifest(&one), store.manifest(&one));
    for error in [both.0.unwrap_err(), both.1.unwrap_err()] {
        let StoreError::Denied { detail, .. } = &error else { panic!("{error}") };
        assert!(detail.contains("the helper said no"), "{detail}");
    }
    assert_eq!(source.asked(), 1);
    for _ in 0..3 {
        assert!(store.manifest(&one).await.is_ok());
    }
    assert_eq!(source.asked(), 2);
}

// threat: R29
#[tokio::test]
async fn refused_credentials_are_looked_up_again_by_the_next_request() {
    for auth in [Auth::basic("u", "S3CRET"), Auth::Token(TokenService::new("u", "S3CRET"))] {
        let registry = serve(auth);
        let source = Given::new(vec![Ok(basic("u", "0LD")), Ok(basic("u", "S3CRET"))]);
        let store = open(registry.host(), quick().with_credentials(Arc::<Given>::clone(&source)));
        let error = store.manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error}");
        assert!(store.manifest(&tag("v1")).await.is_ok());
        assert!(store.manifest(&tag("v1")).await.is_ok());
        assert_eq!(source.asked(), 2);
    }
}

#[tokio::test]
async fn request_that_is_dropped_leaves_its_lock_and_its_token_to_the_next() {
    let registry = with_tokens();
    let options = with(registry.host(), basic("u", "S3CRET"));
    let store = open(registry.host(), options);
    registry.fault(Rule::new("GET", "/token*"), Action::delivery(Delivery::Hang));
    let dropped = tokio::time::timeout(Duration::from_millis(100), store.manifest(&tag("v1"))).await;
    assert!(dropped.is_err());
    registry.clear_faults();
    assert!(store.manifest(&tag("v1")).await.is_ok());
}

#[tokio::test]
async fn failing_token_server_is_a_failure() {
    let registry = with_tokens();
    for (action, denied) in [
        (Action::status(500), false),
        (Action::status(503), false),
        (Action::status(429), false),
        (Action::Disconnect, false),
        (Action::status(401), true),
        (Action::status(403), true),
        (Action::html(), false),
    ] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "/token*"), action.clone());
        let store = open(
            registry.host(),
            quick().with_credentials(Arc::new(StaticCredentials::new(registry.host(), basic("u", "S3CRET")))),
        );
        let error = store.manifest(&tag("v1")).await.unwrap_err();
        assert_eq!(matches!(error, StoreError::Denied { .. }), denied, "{action:?}: {error}");
        assert!(!error.is_absent() && error.to_string().contains("/token"), "{action:?}: {error}");
    }
}

// threat: R40
#[tokio::test]
async fn secrets_that_servers_repeat_are_not_shown() {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode("u:S3CRET-p4ss/word");
    let answers = |words: &str| {
        let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{words}"}}]}}"#);
        [
            Response::new(403).with_body(body),
            Response::new(500).with_body(words),
            Response::new(404).with_body(words),
            Response::new(200)
                .with_header("Content-Type", image::OCI_MANIFEST)
                .with_body(format!(r#"{{"schemaVersion":2,"mediaType":"{words}","config":{{}},"layers":[]}}"#)),
            Response::new(200).with_header("Content-Type", words).with_body("{}"),
            Response::new(302).with_header("Location", format!("http://203.0.113.1/{words}")),
            Response::new(202).with_body(words),
        ]
    };
    for (number, secret) in
        ["S3CRET-p4ss/word", &base64, &base64[..12], "S3CRET-p4ss%2Fword", "4ss/word"].into_iter().enumerate()
    {
        for response in answers(&format!("said {secret} end")) {
            let registry = serve(Auth::basic("u", "S3CRET-p4ss/word"));
            let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET-p4ss/word")));
            store.manifest(&tag("v1")).await.unwrap();
            registry.fault(Rule::new("GET", "*/manifests/v2"), Action::Respond(response));
            let error = store.manifest(&tag("v2")).await.unwrap_err().to_string();
            assert!(!error.contains(secret), "{number}: {error}");
        }
    }
}

// threat: R40
#[tokio::test]
async fn a_token_server_is_quoted_for_its_errors_only() {
    let ask = async |answer: Response| {
        let registry = with_tokens();
        registry.fault(Rule::new("GET", "/token*"), Action::Respond(answer));
        let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
        store.manifest(&tag("v1")).await.unwrap_err().to_string()
    };
    for status in [201, 202, 203, 206, 400, 404, 500] {
        let error = ask(Response::new(status).with_body(r#"{"token":"LIVE-TOKEN"}"#)).await;
        assert!(!error.contains("LIVE"), "{status}: {error}");
    }
    for body in
        [r#""LIVE-TOKEN""#, r#"{"token":["LIVE-TOKEN"]}"#, "LIVE-TOKEN", r#"{"token":"x","token":"LIVE-TOKEN"}"#]
    {
        let error = ask(Response::new(200).with_body(body)).await;
        assert!(!error.contains("LIVE") && error.contains("expected a token document"), "{body}: {error}");
    }
    let error = ask(Response::new(400).with_body(r#"{"error":"invalid_grant","error_description":"expired"}"#)).await;
    assert!(error.contains("invalid_grant: expired"), "{error}");
}

#[tokio::test]
async fn content_types_are_compared_without_case() {
    let registry = Registry::start();
    image::image(registry.content(), REPOSITORY, "v1", "layer");
    let store = store(&registry);
    let manifest = store.manifest(&tag("v1")).await.unwrap();
    let spelled = "Application/VND.OCI.Image.Manifest.V1+JSON; charset=UTF-8";
    let answer = Response::new(200).with_header("Content-Type", spelled).with_body(manifest.bytes());
    registry.fault(Rule::new("GET", "*/manifests/v1"), Action::Respond(answer));
    assert_eq!(store.manifest(&tag("v1")).await.unwrap().descriptor(), manifest.descriptor());
    let page = Response::new(200).with_header("Content-Type", "TEXT/HTML").with_body("<html>");
    registry.fault(Rule::new("GET", "*/manifests/v3"), Action::Respond(page));
    let error = store.manifest(&tag("v3")).await.unwrap_err().to_string();
    assert!(error.contains("found a page of HTML"), "{error}");
}
