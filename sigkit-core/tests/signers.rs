//! Signers of every kind on the one path: what comes back is verified before anything is stored, and no thread of an executor waits
//! for a key.
#![cfg(feature = "sign")]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod support;

use std::io::Cursor;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::content::{Content, PredicateType, UnsignedDocument};
use sigkit_core::crypto::{KeyAlgorithm, PublicKey, Signature, SignatureScheme};
use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::image::{
    Attached, AttestOptions, Format, SignImageError, SignOptions, attest_image, sign_image, verify_image,
};
use sigkit_core::key::{Blocking, KeyPair, SignError, SigningKey};
use sigkit_core::oci::{TagOrDigest, media_type};
use sigkit_core::policy::{Authority, KeyAuthority, Policy, Purpose};
use sigkit_core::sign::{Draft, KeySigner, Signer, SigningError, sign_blob};
use sigkit_core::store::{MemoryStore, StoreWrite};
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, Verifier};
use support::cases::IMAGE;
use support::keys::{other_key, signer, test_only};
use support::vector::NOW;

const REPOSITORY: &str = "registry.example/app";

fn v1() -> TagOrDigest {
    TagOrDigest::Tag("v1".parse().unwrap())
}

/// A repository with the image under the tag `v1`.
async fn repository() -> MemoryStore {
    let store = MemoryStore::new().with_name(REPOSITORY);
    store.push_manifest(&v1(), media_type::OCI_MANIFEST, IMAGE.as_bytes()).await.unwrap();
    store
}

fn wanting(purpose: Purpose, key: &PublicKey) -> Policy {
    Policy::key(purpose, KeyAuthority::new("a key", key.clone()))
}

/// A key elsewhere, which signs digests by its own scheme alone.
struct Elsewhere(KeyPair);

impl SigningKey for Elsewhere {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign_prehashed(&self, digest: &Digest) -> Result<Signature, SignError> {
        let own = self.scheme().digest_algorithm();
        assert_eq!(Some(digest.algorithm()), own, "a service takes no other hash");
        self.0.sign_prehashed(digest)
    }
}

#[tokio::test]
async fn a_key_that_signs_only_digests_signs_everything() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::EcdsaP521] {
        let key = test_only(algorithm, "elsewhere");
        let public = key.public_key().clone();
        let signer = KeySigner::new(Arc::new(Elsewhere(key)));
        let store = repository().await;
        for format in [Format::Bundle, Format::Legacy] {
            sign_image(&store, &v1(), &signer, &SignOptions::new(format, REPOSITORY), NOW).await.unwrap();
            let attesting = AttestOptions::new(PredicateType::Custom, format, REPOSITORY);
            attest_image(&store, &v1(), &signer, &attesting, b"{}".to_vec(), NOW).await.unwrap();
        }
        let verified =
            verify_image(&store, &v1(), &Trust::default(), &wanting(Purpose::Image, &public), NOW).await.unwrap();
        assert_eq!(verified.verified.signatures().len(), 2, "{algorithm}");
        let attested = wanting(Purpose::Attestation(PredicateType::Custom), &public);
        assert!(verify_image(&store, &v1(), &Trust::default(), &attested, NOW).await.is_ok(), "{algorithm}");

        let blob = vec![7; 200_000];
        let entity = sign_blob(&signer, &mut Cursor::new(&blob), NOW).await.unwrap();
        let evidence = Evidence::of(Origin::File("bundle".to_owned()), Ok(entity));
        let policy = wanting(Purpose::Blob, &public);
        assert!(
            Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(&blob), &evidence, NOW).is_ok(),
            "{algorithm}"
        );
        assert!(
            Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(b"x"), &evidence, NOW).is_err(),
            "{algorithm}"
        );
    }
}

#[test]
fn a_digest_by_another_hash_or_for_ed25519_is_refused() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519] {
        let key = test_only(algorithm, "digests");
        for hash in DigestAlgorithm::ALL {
            let schemes = [key.scheme(), key.legacy_scheme()].map(SignatureScheme::digest_algorithm);
            let signed = key.sign_prehashed(&Digest::of(hash, b"m"));
            match schemes.contains(&Some(hash)) {
                true => assert!(signed.is_ok(), "{algorithm} {hash:?}"),
                false => assert!(matches!(signed, Err(SignError::Unsupported { .. })), "{algorithm} {hash:?}"),
            }
        }
    }
}

/// Ed25519 has no digest: the blob is read by the key, and once more to verify what it made.
#[tokio::test]
async fn a_blob_is_signed_by_a_key_without_a_digest() {
    let key = test_only(KeyAlgorithm::Ed25519, "blobs");
    let blob = vec![3; 200_000];
    let entity = sign_blob(&key, &mut Cursor::new(&blob), NOW).await.unwrap();
    let evidence = Evidence::of(Origin::File("bundle".to_owned()), Ok(entity));
    let policy = wanting(Purpose::Blob, key.public_key());
    assert!(Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(&blob), &evidence, NOW).is_ok());

    struct Waiting(KeyPair);
    impl SigningKey for Waiting {
        fn public_key(&self) -> &PublicKey {
            self.0.public_key()
        }
        fn sign_prehashed(&self, digest: &Digest) -> Result<Signature, SignError> {
            self.0.sign_prehashed(digest)
        }
        fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
            self.0.sign(message)
        }
    }
    // One that may block would hold the thread for as long as it reads. Documents it signs.
    let waiting = KeySigner::new(Arc::new(Waiting(key)));
    let refused = sign_blob(&waiting, &mut Cursor::new(&blob), NOW).await;
    assert!(matches!(refused, Err(SigningError::Sign(SignError::Unsupported { .. }))), "{refused:?}");
    let options = SignOptions::new(Format::Both, REPOSITORY);
    assert_eq!(sign_image(&repository().await, &v1(), &waiting, &options, NOW).await.unwrap().attached.len(), 2);
}

/// A key whose signatures are ready only once as many have been asked for as are expected.
struct Together {
    key: KeyPair,
    asked: Mutex<usize>,
    more: Condvar,
}

const EXPECTED: usize = 16;

impl SigningKey for Together {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign_prehashed(&self, digest: &Digest) -> Result<Signature, SignError> {
        let mut asked = self.asked.lock().unwrap();
        *asked += 1;
        self.more.notify_all();
        let (asked, waited) =
            self.more.wait_timeout_while(asked, Duration::from_secs(20), |asked| *asked < EXPECTED).unwrap();
        drop(asked);
        match waited.timed_out() {
            true => Err(SignError::Remote { detail: "the others did not come".to_owned() }),
            false => self.key.sign_prehashed(digest),
        }
    }
}

// Fails when a key that blocks holds the thread of the executor: then only one signature is asked for at a time.
#[tokio::test(flavor = "current_thread")]
async fn a_blocking_key_holds_no_executor_thread() {
    let key = Together { key: signer(), asked: Mutex::new(0), more: Condvar::new() };
    assert_eq!(key.blocking(), Blocking::Possible, "unless a key says otherwise");
    let signer = KeySigner::new(Arc::new(key));
    let stores = join_all((0..EXPECTED).map(|_| repository())).await;
    let options = SignOptions::new(Format::Bundle, REPOSITORY);
    let target = v1();
    let signed = join_all(stores.iter().map(|store| sign_image(store, &target, &signer, &options, NOW))).await;
    for signed in signed {
        assert!(matches!(&signed.unwrap().attached[..], [Attached::Written(_)]));
    }
}

/// A key that panics, or whose service fails.
struct Failing(fn() -> SignError, KeyPair);

impl SigningKey for Failing {
    fn public_key(&self) -> &PublicKey {
        self.1.public_key()
    }

    fn sign_prehashed(&self, _: &Digest) -> Result<Signature, SignError> {
        Err((self.0)())
    }
}

#[tokio::test]
async fn a_key_that_fails_fails_the_signer() {
    let store = repository().await;
    let options = SignOptions::new(Format::Both, REPOSITORY);
    let failing =
        KeySigner::new(Arc::new(Failing(|| SignError::Remote { detail: "no such slot".to_owned() }, signer())));
    let error = sign_image(&store, &v1(), &failing, &options, NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "the signer failed: no such slot");
    assert_eq!(store.tagged().len(), 1, "nothing was written");

    let panics = KeySigner::new(Arc::new(Failing(|| panic!("on purpose"), signer())));
    let panicked = tokio::spawn(async move {
        sign_image(&repository().await, &v1(), &panics, &SignOptions::new(Format::Both, REPOSITORY), NOW)
            .await
            .map(drop)
    });
    assert!(panicked.await.unwrap_err().is_panic());
}

/// A signer that returns something else than it should.
struct Lying {
    key: KeyPair,
    lie: fn(&KeyPair, Draft<'_>) -> Content,
}

impl Signer for Lying {
    fn sign_draft<'a>(
        &'a self,
        draft: Draft<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<SignedEntity, SignError>> + Send + 'a>> {
        let hint = self.key.public_key().fingerprint().hint();
        let content = (self.lie)(&self.key, draft);
        Box::pin(async { Ok(SignedEntity::new(content, sigkit_core::bundle::VerificationMaterial::KeyHint(hint))) })
    }

    fn authority(&self) -> Authority {
        self.key.authority()
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        self.key.digest_algorithm()
    }
}

fn document(draft: Draft<'_>) -> UnsignedDocument {
    match draft {
        Draft::Document(document) => document,
        other => panic!("{other:?}"),
    }
}

// Fails when what a signer returns is stored before it is verified, or without a look at what it is over.
#[tokio::test]
async fn what_a_signer_returns_is_verified_before_it_is_stored() {
    type Lie = fn(&KeyPair, Draft<'_>) -> Content;
    let lies: [(&str, Lie); 3] = [
        ("another key's signature", |_, draft| {
            let document = document(draft);
            let signature = other_key().sign(&document.bytes()).unwrap();
            document.sign(signature)
        }),
        ("a signature over nothing", |key, draft| document(draft).sign(key.sign(b"").unwrap())),
        ("another document about the image", |key, _| {
            let annotations = [("by".to_owned(), "the signer".to_owned())].into();
            let other = UnsignedDocument::statement(&Digest::sha256(IMAGE.as_bytes()), &annotations).unwrap();
            let signature = key.sign(&other.bytes()).unwrap();
            other.sign(signature)
        }),
    ];
    for (name, lie) in lies {
        let store = repository().await;
        let signer = Lying { key: signer(), lie };
        let options = SignOptions::new(Format::Bundle, REPOSITORY);
        let error = sign_image(&store, &v1(), &signer, &options, NOW).await.unwrap_err();
        match (name, &error) {
            ("another document about the image", SignImageError::Sign(SignError::OtherContent)) => {}
            (_, SignImageError::Rejected(rejected)) => {
                assert!(rejected.to_string().contains("signature-invalid"), "{name}: {error}");
            }
            _ => panic!("{name}: {error}"),
        }
        assert_eq!(store.tagged().len(), 1, "{name}: nothing was written");
    }
}

#[tokio::test]
async fn what_a_signer_makes_of_a_blob_is_verified() {
    let lies: [fn(&KeyPair, Draft<'_>) -> Content; 2] = [
        |key, _| {
            let digest = Some(Digest::sha256(b"another blob"));
            let signature = key.sign(b"another blob").unwrap();
            Content::Message(sigkit_core::content::MessageSignature { digest, signature })
        },
        |key, _| {
            let statement = UnsignedDocument::statement(&Digest::sha256(b"the blob"), &Default::default()).unwrap();
            let signature = key.sign(&statement.bytes()).unwrap();
            statement.sign(signature)
        },
    ];
    for lie in lies {
        let error = sign_blob(&Lying { key: signer(), lie }, &mut Cursor::new(b"the blob"), NOW).await.unwrap_err();
        assert!(matches!(error, SigningError::Rejected(_) | SigningError::Sign(SignError::OtherContent)), "{error}");
    }
}
