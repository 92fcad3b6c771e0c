//! A file of policies with files beside it, as one call.

use sigkit_core::image::{Format, PolicyFile, PolicyFileError, SignOptions, sign_image, verify_image_by_policies};
use sigkit_core::key::SigningKey as _;
use sigkit_core::limits::Limits;
use sigkit_core::oci::{ImageReference, Repository, TagOrDigest, media_type};
use sigkit_core::report::Verdict;
use sigkit_core::store::{MemoryStore, StoreWrite};
use sigkit_core::trust::{RootName, Trust};

use super::lab::{NOW, image_policy, key};
use crate::support::cases::IMAGE;

const NAME: &str = "registry.example/app:v1";

fn folder(policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    std::fs::write(folder.path().join("a.pub"), key("a").public_key().to_pem()).unwrap();
    folder
}

fn read(folder: &tempfile::TempDir, trust: Trust) -> Result<PolicyFile, PolicyFileError> {
    PolicyFile::read(&folder.path().join("policy.yaml"), trust)
}

async fn verdict(store: &MemoryStore, policies: &PolicyFile) -> Verdict {
    let image: ImageReference = NAME.parse().unwrap();
    let open = |_: &Repository| store.clone();
    let decided = verify_image_by_policies(open, &image, policies, NOW).await.unwrap();
    assert_eq!(decided.image.bytes(), IMAGE.as_bytes());
    assert_eq!(decided.decision.verdict(), decided.decision.report().verdict());
    decided.decision.verdict()
}

#[tokio::test]
async fn policy_file_decides_about_an_image_in_one_call() {
    let folder = folder(&image_policy(&["a"], "- signature: {by: [a], atLeast: 1}\n"));
    let policies = read(&folder, Trust::default()).unwrap();
    let store = MemoryStore::new().with_name("registry.example/app");
    let missing = verify_image_by_policies(|_| store.clone(), &NAME.parse().unwrap(), &policies, NOW).await;
    assert!(missing.unwrap_err().is_absent());
    let tag = TagOrDigest::Tag("v1".parse().unwrap());
    store.push_manifest(&tag, media_type::OCI_MANIFEST, IMAGE.as_bytes()).await.unwrap();
    assert_eq!(verdict(&store, &policies).await, Verdict::Rejected);
    let signing = SignOptions::new(Format::Bundle, "registry.example/app");
    sign_image(&store, &tag, &key("b"), &signing, NOW).await.unwrap();
    assert_eq!(verdict(&store, &policies).await, Verdict::Rejected);
    sign_image(&store, &tag, &key("a"), &signing, NOW).await.unwrap();
    assert_eq!(verdict(&store, &policies).await, Verdict::Verified);
    // The limits are those of the deployment that it is given, and no file is read again.
    std::fs::remove_file(folder.path().join("a.pub")).unwrap();
    let mut limits = Limits::DEFAULT;
    limits.statement_subjects = 0;
    let tight = policies.with_trust(Trust::default().with_limits(limits));
    assert_eq!(verdict(&store, &tight).await, Verdict::Rejected);
    assert_eq!(verdict(&store, &tight.with_trust(Trust::default())).await, Verdict::Verified);
}

#[test]
fn policy_file_that_cannot_be_used_names_the_path() {
    let by_key = image_policy(&["a"], "- signature: {by: [a], atLeast: 1}\n");
    let folder = folder(&by_key);
    let missing = PolicyFile::read(&folder.path().join("none.yaml"), Trust::default()).unwrap_err();
    assert!(matches!(&missing, PolicyFileError::File { .. }) && missing.to_string().contains("none.yaml"), "{missing}");
    let directory = PolicyFile::read(folder.path(), Trust::default()).unwrap_err();
    assert!(directory.to_string().ends_with("not a regular file"), "{directory}");
    let mut limits = Limits::DEFAULT;
    limits.policy_bytes = by_key.len();
    assert!(read(&folder, Trust::default().with_limits(limits.clone())).is_ok());
    limits.policy_bytes -= 1;
    let large = read(&folder, Trust::default().with_limits(limits)).unwrap_err();
    assert!(large.to_string().contains(&format!("more than {} bytes", by_key.len() - 1)), "{large}");
    std::fs::remove_file(folder.path().join("a.pub")).unwrap();
    let beside = read(&folder, Trust::default()).unwrap_err().to_string();
    assert!(beside.contains("authorities.a.key") && beside.contains("a.pub"), "{beside}");
    let identity = r#""identity":{"subject":"a@b.example","issuer":"https://b.example"}"#;
    let by_identity = by_key.replace(r#""key":"a.pub""#, identity);
    std::fs::write(folder.path().join("policy.yaml"), by_identity).unwrap();
    assert!(read(&folder, Trust::default()).is_ok());
    let bare = read(&folder, Trust::default().without_root(&RootName::PUBLIC_GOOD)).unwrap_err().to_string();
    assert!(bare.contains("authorities.a.identity: public-good: no trusted root of this name"), "{bare}");
}
