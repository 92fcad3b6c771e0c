//! A registry with images and signatures in it, what is done to it, and what must be true of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sigkit_core::attach::discover;
use sigkit_core::bundle::Evidence;
use sigkit_core::http::{RetryPolicy, Secret, Timeouts};
use sigkit_core::image::{Format, ImageError, SignImageError, SignOptions, sign_image, verify_image};
use sigkit_core::key::{KeyPair, SigningKey as _};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Repository, TagOrDigest};
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};
use sigkit_core::report::Verdict;
use sigkit_core::store::StoreError;
use sigkit_core::store::registry::{Credentials, LoginOutcome, RegistryClient, RegistryOptions, StaticCredentials};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, Verifier};
use testkit::image::{self, Image};
use testkit::{Auth, Registry, Switch, TokenService};

use crate::keys::{other_key, signer};
use crate::store::{ExclusiveWriter, Shelf};

const REPOSITORY: &str = "my/app";
const NOW: UnixTime = UnixTime(1_750_000_000);
const ACCOUNT: (&str, &str) = ("user", "TEST-ONLY");
/// Images in the repository, by tag.
const TAGS: [&str; 3] = ["v0", "v1", "v2"];

/// How patient a client is that meets faults: enough for a busy machine, little enough to see silence end.
pub(crate) const SHORT_TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_millis(500),
    idle: Duration::from_millis(500),
    total: Duration::from_millis(2500),
};
/// How patient one is that meets none, on a busy machine.
pub(crate) const LONG_TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(20), idle: Duration::from_secs(20), total: Duration::from_secs(60) };

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    SignBundle,
    SignLegacy,
    SignBoth,
    /// All images over one client, at once.
    SignMany,
    Verify,
    /// With a key that signed nothing.
    VerifyUnsigned,
    /// All images over one client, at once; one of them is not signed.
    VerifyMany,
    LogIn,
    /// With a password that is not the right one.
    LogInWrongly,
}

/// Whether there is a referrers API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    On,
    Off,
}

/// Who gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Anybody,
    Password,
    Token,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) operation: Operation,
    pub(crate) api: Api,
    pub(crate) access: Access,
}

/// What came of one image.
#[derive(Debug)]
#[allow(dead_code, reason = "the words are shown when a case is told")]
pub(crate) enum Outcome {
    Done,
    /// Something is definitely missing or wrong.
    Refused(String),
    /// It could not be told, or not be written.
    Trouble(String),
}

pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    scenario: Scenario,
    images: Vec<Image>,
}

impl Scenario {
    fn signs(self) -> bool {
        matches!(
            self.operation,
            Operation::SignBundle | Operation::SignLegacy | Operation::SignBoth | Operation::SignMany
        )
    }

    /// The images it is about.
    fn images(self) -> &'static [&'static str] {
        match self.operation {
            Operation::SignMany | Operation::VerifyMany => &TAGS,
            _ => &TAGS[..1],
        }
    }

    fn format(self) -> Format {
        match self.operation {
            Operation::SignLegacy => Format::Legacy,
            Operation::SignBoth => Format::Both,
            _ => Format::Bundle,
        }
    }

    /// Whether success is the truth for that image.
    pub(crate) fn may_succeed(self, image: usize) -> bool {
        match self.operation {
            Operation::VerifyUnsigned | Operation::LogInWrongly => false,
            Operation::VerifyMany => image != 1,
            _ => true,
        }
    }
}

impl Fixture {
    /// Images, each with one signature of a stranger in every format; and of the signer, where it is to be verified.
    pub(crate) async fn new(scenario: Scenario) -> Self {
        let registry = start(scenario);
        let images = TAGS.map(|tag| image::image(registry.content(), REPOSITORY, tag, tag)).into();
        let fixture = Self { registry, scenario, images };
        for tag in TAGS {
            fixture.sign(&fixture.open(LONG_TIMEOUTS), tag, &other_key(), Format::Both).await.unwrap();
            let signed = match scenario.operation {
                Operation::Verify => true,
                Operation::VerifyMany => tag != TAGS[1],
                _ => false,
            };
            if signed {
                fixture.sign(&fixture.open(LONG_TIMEOUTS), tag, &signer(), Format::Both).await.unwrap();
            }
        }
        fixture.registry.clear_log();
        fixture
    }

    /// Another registry that holds the same.
    pub(crate) fn copy(&self) -> Self {
        let registry = start(self.scenario);
        registry.content().copy(self.registry.content());
        Self { registry, scenario: self.scenario, images: self.images.clone() }
    }

    /// A client of its own, as every run has one.
    fn client(&self, timeouts: Timeouts) -> RegistryClient {
        let options = RegistryOptions::default()
            .with_timeouts(timeouts)
            .with_retry_policy(RetryPolicy { max: 1, pause: Duration::from_millis(1) })
            .with_credentials(Arc::new(StaticCredentials::new(self.registry.host(), account(ACCOUNT.1))));
        RegistryClient::new(options).unwrap()
    }

    fn open(&self, timeouts: Timeouts) -> ExclusiveWriter {
        let repository = Repository::new(self.registry.host(), REPOSITORY).unwrap();
        ExclusiveWriter(self.client(timeouts).repository(&repository))
    }

    async fn sign(
        &self,
        store: &ExclusiveWriter,
        tag: &str,
        key: &KeyPair,
        format: Format,
    ) -> Result<(), SignImageError> {
        let signing = SignOptions::new(format, format!("{}/{REPOSITORY}", self.registry.host()));
        sign_image(store, &TagOrDigest::Tag(tag.parse().unwrap()), key, &signing, NOW).await.map(drop)
    }

    /// Does what the scenario is about, and says for each image what came of it.
    pub(crate) async fn run(&self, timeouts: Timeouts) -> Vec<Outcome> {
        let password = match self.scenario.operation {
            Operation::LogIn => Some(ACCOUNT.1),
            Operation::LogInWrongly => Some("another"),
            _ => None,
        };
        if let Some(password) = password {
            return vec![Outcome::of_log_in(
                self.client(timeouts).log_in(self.registry.host(), account(password)).await,
            )];
        }
        let store = &self.open(timeouts);
        let images = self.scenario.images().iter().copied();
        if self.scenario.signs() {
            let key = signer();
            let format = self.scenario.format();
            let signed = join_all(images.map(|tag| self.sign(store, tag, &key, format))).await;
            return signed.into_iter().map(Outcome::of_signing).collect();
        }
        let policy = policy(&signer());
        let verified = join_all(images.map(|tag| async {
            let target = TagOrDigest::Tag(tag.parse().unwrap());
            verify_image(store, &target, &Trust::default(), &policy, NOW).await.map(|verified| {
                let digest = verified.image.digest().to_string();
                assert!(self.images.iter().any(|image| image.digest == digest), "another image was verified");
            })
        }));
        verified.await.into_iter().map(Outcome::of_verifying).collect()
    }

    /// What is there, image by image.
    pub(crate) async fn census(&self) -> Census {
        // A list that the registry does not serve is of no use.
        let shelf = Shelf { content: self.registry.content(), repository: REPOSITORY, api: self.scenario.api };
        let mut census = Census { own: Vec::new(), lost: 0 };
        for image in self.images.iter().take(self.scenario.images().len()) {
            let evidence = discover(&shelf, &image.digest.parse().unwrap(), &policy(&signer()), &Limits::DEFAULT).await;
            assert!(evidence.problems.is_empty(), "{:?}", evidence.problems);
            let (bundles, layers) = count(&evidence, image, &other_key());
            census.lost += usize::from(bundles == 0) + usize::from(layers == 0);
            census.own.push(count(&evidence, image, &signer()));
        }
        census
    }

    /// How many bundles and layers of the signer a signed image has.
    pub(crate) fn whole(&self) -> (usize, usize) {
        match self.scenario.format() {
            Format::Bundle => (1, 0),
            Format::Legacy => (0, 1),
            Format::Both => (1, 1),
        }
    }

    pub(crate) fn signs(&self) -> bool {
        self.scenario.signs()
    }
}

/// What is in the registry in the end.
#[derive(Debug)]
pub(crate) struct Census {
    /// Valid bundles and layers of the signer, image by image.
    pub(crate) own: Vec<(usize, usize)>,
    /// Signatures of the stranger that are gone.
    pub(crate) lost: usize,
}

impl Outcome {
    fn of_signing(result: Result<(), SignImageError>) -> Self {
        result.map_or_else(|error| Self::Trouble(error.to_string()), |()| Self::Done)
    }

    /// A login without a challenge is not a success: the program warns that it saw none.
    fn of_log_in(result: Result<LoginOutcome, StoreError>) -> Self {
        match result {
            Ok(LoginOutcome::Accepted) => Self::Done,
            Ok(LoginOutcome::NotRequired) => Self::Trouble("not asked".to_owned()),
            Err(error) => Self::Trouble(error.to_string()),
        }
    }

    fn of_verifying(result: Result<(), ImageError>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(error) if error.verdict() == Verdict::Rejected => Self::Refused(error.to_string()),
            Err(error) => Self::Trouble(error.to_string()),
        }
    }
}

fn start(scenario: Scenario) -> Registry {
    let referrers = match scenario.api {
        Api::On => Switch::On,
        Api::Off => Switch::Off,
    };
    let auth = match scenario.access {
        Access::Anybody => Auth::Anonymous,
        Access::Password => Auth::basic(ACCOUNT.0, ACCOUNT.1),
        Access::Token => Auth::Token(TokenService::new(ACCOUNT.0, ACCOUNT.1)),
    };
    Registry::builder().referrers(referrers).auth(auth).start()
}

fn account(password: &str) -> Credentials {
    Credentials::Basic { username: ACCOUNT.0.to_owned(), password: Secret::new(password) }
}

fn policy(key: &KeyPair) -> Policy {
    Policy::key(Purpose::Image, KeyAuthority::new("the key", key.public_key().clone()))
}

/// Distinct valid bundles and layers of that key.
fn count(evidence: &Evidence, image: &Image, key: &KeyPair) -> (usize, usize) {
    match Verifier::new(&Trust::default()).verify(&policy(key), &Artifact::Bytes(&image.bytes), evidence, NOW) {
        Ok(verified) => {
            let layers = verified.signatures().iter().filter(|found| found.simple_signing().is_some()).count();
            (verified.signatures().len() - layers, layers)
        }
        Err(_) => (0, 0),
    }
}
