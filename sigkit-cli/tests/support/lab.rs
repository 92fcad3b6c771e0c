//! A registry, keys and the program, side by side.

use sigkit_core::bundle::{SignedEntity, VerificationMaterial};
use sigkit_core::content::{Readers, UnsignedDocument};
use sigkit_core::key::{KeyPair, SigningKey as _, import};
use testkit::Registry;
use testkit::image::{self, Image};

use super::{Run, Sandbox};

pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub const PASSWORD: &str = "test-only";

/// Directory of the published test keys.
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../keys");

pub struct RegistryFixture {
    pub sandbox: Sandbox,
    pub registry: Registry,
}

impl RegistryFixture {
    pub fn new() -> Self {
        Self::with(Registry::start())
    }

    /// With `cosign.key` and `cosign.pub` (P-256), and the public key of a stranger in `other.pub`.
    pub fn with(registry: Registry) -> Self {
        let sandbox = Sandbox::new().with_test_key("ecdsa-p256", "cosign");
        sandbox.write("other.pub", public_key("ecdsa-p384"));
        Self { sandbox, registry }
    }

    /// An image `app:TAG` whose content is its tag.
    pub fn image(&self, tag: &str) -> Image {
        image::image(self.registry.content(), "app", tag, tag)
    }

    /// `HOST/app` and `rest`.
    pub fn name(&self, rest: &str) -> String {
        format!("{}/app{rest}", self.registry.host())
    }

    /// `HOST/app@DIGEST`
    pub fn digest(&self, image: &Image) -> String {
        self.name(&format!("@{}", image.digest))
    }

    /// `sign --key cosign.key` and more.
    pub fn sign(&self, arguments: &[&str]) -> Run {
        self.sandbox.signing(&[&["sign", "--key", "cosign.key"], arguments].concat())
    }

    /// `verify --key cosign.pub` and more.
    pub fn verify(&self, arguments: &[&str]) -> Run {
        self.sandbox.sigkit(&[&["verify", "--key", "cosign.pub"], arguments].concat())
    }

    /// Stores a bundle of `statement`, signed by the P-256 test key, as a referrer of `image`.
    pub fn attach_statement(&self, image: &Image, statement: &str) -> String {
        let bundle = bundle(&key_pair("ecdsa-p256"), statement);
        let manifest = image::referrer(self.registry.content(), "app", image, BUNDLE, &bundle);
        self.registry.content().put_manifest("app", None, image::OCI_MANIFEST, &manifest)
    }

    /// Signs `image` without the program, which is quicker: a bundle among the referrers.
    pub fn attach_signature(&self, image: &Image) -> String {
        self.attach_statement(image, &statement(&image.digest, "https://sigstore.dev/cosign/sign/v1", "{}"))
    }

    /// Signs `image` without the program in the legacy format, with these signed annotations as JSON.
    pub fn attach_legacy(&self, image: &Image, optional: &str) {
        let digest = &image.digest;
        let payload = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":{optional}}}"#,
            self.name("")
        );
        let signature = key_pair("ecdsa-p256").sign(payload.as_bytes()).unwrap().to_base64();
        let content = self.registry.content();
        let (config, layer) = (content.put_blob("app", b"{}"), content.put_blob("app", payload.as_bytes()));
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{0}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"{config}"}},"layers":[{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":{1},"digest":"{layer}","annotations":{{"dev.cosignproject.cosign/signature":"{signature}"}}}}]}}"#,
            image::OCI_MANIFEST,
            payload.len()
        );
        content.put_manifest("app", Some(&signature_tag(image)), image::OCI_MANIFEST, manifest.as_bytes());
    }
}

impl Sandbox {
    /// Copies a published test key to `NAME.key` and `NAME.pub`.
    pub fn with_test_key(self, algorithm: &str, name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let private = self.write(&format!("{name}.key"), published(algorithm, ".key"));
        std::fs::set_permissions(private, std::fs::Permissions::from_mode(0o600)).unwrap();
        self.write(&format!("{name}.pub"), public_key(algorithm));
        self
    }

    /// A run that knows the password of the test keys.
    pub fn signing(&self, arguments: &[&str]) -> Run {
        self.sigkit(arguments).env("COSIGN_PASSWORD", PASSWORD)
    }
}

pub fn private_key(algorithm: &str) -> Vec<u8> {
    published(algorithm, ".key")
}

pub fn public_key(algorithm: &str) -> Vec<u8> {
    published(algorithm, ".pub")
}

pub fn key_pair(algorithm: &str) -> KeyPair {
    import::from_pem(&published(algorithm, "-pkcs8.pem")).unwrap()
}

fn published(algorithm: &str, ending: &str) -> Vec<u8> {
    std::fs::read(format!("{KEYS}/TEST-ONLY-{algorithm}{ending}")).unwrap()
}

/// Tag of the legacy signatures of an image.
pub fn signature_tag(image: &Image) -> String {
    format!("{}.sig", fallback_tag(image))
}

/// Tag of the fallback index of an image.
pub fn fallback_tag(image: &Image) -> String {
    image.digest.replace(':', "-")
}

/// An in-toto statement about one digest.
pub fn statement(digest: &str, predicate_type: &str, predicate: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap();
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{hex}"}}}}],"predicateType":"{predicate_type}","predicate":{predicate}}}"#
    )
}

pub fn bundle(key: &KeyPair, statement: &str) -> Vec<u8> {
    let document =
        UnsignedDocument::Statement { payload: statement.as_bytes().to_vec().into(), readers: Readers::Bundles };
    let signature = key.sign(&document.bytes()).unwrap();
    let material = VerificationMaterial::KeyHint(key.public_key().fingerprint().hint());
    let entity = SignedEntity::new(document.sign(signature), material);
    entity.to_bundle().unwrap().unwrap()
}
