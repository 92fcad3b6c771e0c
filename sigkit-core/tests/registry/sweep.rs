//! Every fault at every request of every operation: never wrong bytes, never a false "not there", never a hang.

use std::time::{Duration, Instant};

use sigkit_core::digest::Digest;
use sigkit_core::http::Timeouts;
use sigkit_core::store::registry::RegistryOptions;
use sigkit_core::store::{
    BlobSource, Precondition, Referrers, Store as _, StoreError, StoreWrite as _, TagWriter as _,
};
use testkit::image::{self, Image, OCI_MANIFEST};
use testkit::{Action, Extent, Registry, Rule, Switch, catalogue};

use crate::support::{LIMIT, REPOSITORY, blob, digest, name, open, quick, tag};

const PATIENCE: Timeouts = Timeouts {
    connect: Duration::from_millis(150),
    idle: Duration::from_millis(150),
    total: Duration::from_millis(1000),
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Manifest,
    Blob,
    Referrers,
    PushBlob,
    PushManifest,
}

impl Operation {
    const ALL: [Self; 5] = [Self::Manifest, Self::Blob, Self::Referrers, Self::PushBlob, Self::PushManifest];

    /// How many requests it makes when all is well.
    const fn requests(self) -> usize {
        match self {
            Self::Manifest | Self::Blob | Self::PushManifest => 1,
            Self::Referrers => 2,
            Self::PushBlob => 3,
        }
    }
}

struct Fixture {
    registry: Registry,
    image: Image,
    referrers: Vec<Digest>,
}

impl Fixture {
    fn new() -> Self {
        let registry = Registry::builder().referrers_page(1).etags(Switch::On).start();
        let image = image::image(registry.content(), REPOSITORY, "v1", "layer");
        let mut referrers = Vec::new();
        for payload in [b"one", b"two"] {
            let bytes = image::referrer(registry.content(), REPOSITORY, &image, "application/x", payload);
            referrers.push(digest(&registry.content().put_manifest(REPOSITORY, None, OCI_MANIFEST, &bytes)));
        }
        referrers.sort();
        Self { registry, image, referrers }
    }

    /// Does it and checks that what came out is true.
    async fn run(&self, operation: Operation, options: RegistryOptions) -> Result<(), StoreError> {
        let store = open(self.registry.host(), options);
        match operation {
            Operation::Manifest => {
                let found = store.manifest(&tag("v1")).await?;
                // What a tag means is the registry's word; the bytes must still be those of the name returned.
                assert_eq!(Digest::sha256(found.bytes()), found.digest());
                assert_eq!(found.bytes(), self.image.bytes);
            }
            Operation::Blob => {
                let descriptor = blob(&self.registry, b"hello");
                assert_eq!(store.blob(&descriptor, LIMIT).await?, b"hello");
            }
            Operation::Referrers => match store.referrers(&digest(&self.image.digest)).await? {
                Referrers::Listed(listed) => {
                    let mut found: Vec<Digest> = listed.iter().map(|descriptor| descriptor.digest).collect();
                    found.sort();
                    assert_eq!(found, self.referrers);
                }
                Referrers::Unsupported => return Err(StoreError::NotFound { place: "unsupported".to_owned() }),
            },
            Operation::PushBlob => {
                store.push_blob(BlobSource::bytes(b"new".into(), &Digest::sha256(b"new"))).await?;
                assert!(self.registry.content().blob(REPOSITORY, &testkit::sha256(b"new")).is_some());
            }
            Operation::PushManifest => {
                store.push_tag(&name("v2"), OCI_MANIFEST, &self.image.bytes, Precondition::Absent).await?;
                assert_eq!(self.registry.content().tag(REPOSITORY, "v2"), Some(self.image.digest.clone()));
            }
        }
        Ok(())
    }
}

async fn sweep(operation: Operation) {
    for (name, action) in catalogue(Extent::All) {
        for nth in 1..=operation.requests() {
            for every in [false, true] {
                let fixture = Fixture::new();
                let rule = Rule::new("*", "*");
                fixture.registry.fault(if every { rule.from(nth) } else { rule.nth(nth) }, action.clone());
                let began = Instant::now();
                let outcome = fixture.run(operation, quick().with_timeouts(PATIENCE)).await;
                let case = format!("{operation:?}, {name} at request {nth}, every: {every}: {outcome:?}");
                assert!(began.elapsed() < Duration::from_secs(10), "{:?} {case}", began.elapsed());
                if let Err(error) = outcome {
                    let text = error.to_string();
                    assert!(!text.is_empty() && text.chars().all(|c| !c.is_control()), "{case}");
                    let status = match &action {
                        // A document that says "denied" does not mean absent.
                        Action::Respond(response) if response.body.is_empty() => response.status,
                        _ => 0,
                    };
                    let unsupported = operation == Operation::Referrers && matches!(status, 400 | 405 | 406 | 501);
                    let first = nth == 1;
                    let may_be_absent = (status == 404 || unsupported)
                        && first
                        && !matches!(operation, Operation::PushBlob | Operation::PushManifest);
                    assert_eq!(error.is_absent(), may_be_absent, "{case}");
                }
            }
        }
    }
}

// threat: N05
#[tokio::test]
async fn manifest() {
    sweep(Operation::Manifest).await;
}

// threat: N05
#[tokio::test]
async fn blobs() {
    sweep(Operation::Blob).await;
}

// threat: N05
#[tokio::test]
async fn referrers() {
    sweep(Operation::Referrers).await;
}

// threat: N05
#[tokio::test]
async fn push_blob() {
    sweep(Operation::PushBlob).await;
}

// threat: N05
#[tokio::test]
async fn push_manifest() {
    sweep(Operation::PushManifest).await;
}

#[tokio::test]
async fn without_faults_all_is_well() {
    for operation in Operation::ALL {
        let fixture = Fixture::new();
        fixture.run(operation, quick()).await.unwrap();
        assert_eq!(fixture.registry.requests().len(), operation.requests(), "{operation:?}");
    }
}
