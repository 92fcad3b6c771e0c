//! Every program does what its first lines say, against a registry in this process.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use testkit::image::{self, Image};
use testkit::{Action, Auth, Registry, Rule};

const PASSWORD: &str = "test-only";

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../keys").join(name)
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("COSIGN_PASSWORD", PASSWORD);
    command.env("REGISTRY_USERNAME", "signer").env("REGISTRY_PASSWORD", "s3cret");
    command.output().unwrap()
}

/// What the program printed, which must have ended with this exit code.
fn printed(output: &Output, code: i32) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn image(registry: &Registry, tag: &str) -> (Image, String) {
    let image = image::image(registry.content(), "app", tag, tag);
    (image, format!("{}/app:{tag}", registry.host()))
}

fn sign(image: &str) {
    let key = key("TEST-ONLY-ecdsa-p256.key");
    let sign = || run(env!("CARGO_BIN_EXE_sign_and_push"), &[key.to_str().unwrap(), image]);
    assert!(printed(&sign(), 0).starts_with("signed, see "));
    assert!(printed(&sign(), 0).starts_with("signed before, see "));
}

#[test]
fn a_signed_image_verifies_and_an_unsigned_one_does_not() {
    let registry = Registry::start();
    let (signed, signed_name) = image(&registry, "signed");
    let (_, unsigned) = image(&registry, "unsigned");
    sign(&signed_name);
    let key = key("TEST-ONLY-ecdsa-p256.pub");
    let key = key.to_str().unwrap();
    for program in [env!("CARGO_BIN_EXE_verify_image"), env!("CARGO_BIN_EXE_verify_image_blocking")] {
        let text = printed(&run(program, &[key, &signed_name]), 0);
        assert_eq!(text, format!("{}/app@{}\n", registry.host(), signed.digest));
        assert!(printed(&run(program, &[key, &unsigned]), 1).contains("rejected: no-signatures"));
        assert!(printed(&run(program, &[]), 1).contains("usage"));
    }
}

#[test]
fn signing_uses_the_account_given() {
    let registry = Registry::builder().auth(Auth::basic("signer", "s3cret")).start();
    let (_, name) = image(&registry, "v1");
    sign(&name);
    let key = key("TEST-ONLY-ecdsa-p256.key");
    let mut anonymous = Command::new(env!("CARGO_BIN_EXE_sign_and_push"));
    anonymous.arg(key).arg(&name).env_clear().env("COSIGN_PASSWORD", PASSWORD);
    assert!(printed(&anonymous.output().unwrap(), 1).contains("access denied"));
}

#[test]
fn private_registry_takes_the_credentials_of_docker_login() {
    let registry = Registry::builder().auth(Auth::basic("signer", "s3cret")).start();
    let (digest, name) = image(&registry, "v1");
    sign(&name);
    let docker = tempfile::tempdir().unwrap();
    let pulled = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_pull_private_image"));
        program.arg(key("TEST-ONLY-ecdsa-p256.pub")).arg(&name).env_clear().env("DOCKER_CONFIG", docker.path());
        program.output().unwrap()
    };
    assert!(printed(&pulled(), 1).contains("access denied"));
    let config = format!(r#"{{"auths":{{"{}":{{"username":"signer","password":"s3cret"}}}}}}"#, registry.host());
    std::fs::write(docker.path().join("config.json"), config).unwrap();
    assert_eq!(printed(&pulled(), 0), format!("{}/app@{}\n", registry.host(), digest.digest));
}

// threat: M6
#[test]
fn admission_tells_refusal_from_doubt() {
    let registry = Registry::start();
    let (signed, signed_name) = image(&registry, "signed");
    let (_, unsigned) = image(&registry, "unsigned");
    let (_, unreadable) = image(&registry, "unreadable");
    sign(&signed_name);
    registry.fault(Rule::new("GET", "/v2/app/manifests/unreadable"), Action::status(403));
    let missing = format!("{}/app:missing", registry.host());
    let key = key("TEST-ONLY-ecdsa-p256.pub");
    let admission = |images: &[&str], code| {
        let arguments: Vec<&str> = [key.to_str().unwrap()].iter().chain(images).copied().collect();
        printed(&run(env!("CARGO_BIN_EXE_admission"), &arguments), code)
    };

    let allowed = format!("allow {}/app@{}\n", registry.host(), signed.digest);
    assert_eq!(admission(&[&signed_name], 0), allowed);
    let doubt = format!("undecided {unreadable}: access-denied: ");
    let text = admission(&[&signed_name, &unreadable], 2);
    assert!(text.starts_with(&allowed) && text.contains(&doubt), "{text}");
    let text = admission(&[&signed_name, &unsigned, &missing, &unreadable, "UPPER"], 1);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    for (line, start) in [
        (0, allowed.trim_end()),
        (1, &*format!("refuse {unsigned}: no-signatures: ")),
        (2, &*format!("refuse {missing}: not-found: ")),
        (3, doubt.as_str()),
        (4, "refuse UPPER: "),
    ] {
        assert!(lines[line].starts_with(start), "{start}: {text}");
    }
}

#[test]
fn bytes_verify_with_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let signature = folder.path().join("file.sig");
    let key =
        sigkit_core::key::file::decrypt(&std::fs::read(key("TEST-ONLY-ed25519.key")).unwrap(), &password()).unwrap();
    let public = folder.path().join("key.pub");
    {
        use sigkit_core::key::SigningKey as _;
        std::fs::write(&file, "bytes").unwrap();
        std::fs::write(&signature, key.sign(b"bytes").unwrap().to_base64()).unwrap();
        std::fs::write(&public, key.public_key().to_pem()).unwrap();
    }
    let verify = || {
        let arguments = [&public, &file, &signature].map(|path| path.to_str().unwrap());
        run(env!("CARGO_BIN_EXE_verify_with_key"), &arguments)
    };
    assert!(printed(&verify(), 0).starts_with("verified, signed with "));
    std::fs::write(&file, "other bytes").unwrap();
    assert!(printed(&verify(), 1).contains("Error: "));
}

fn password() -> sigkit_core::key::Password {
    sigkit_core::key::Password::new(PASSWORD)
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn file_verifies_by_identity_and_by_no_other() {
    let (stack, folder) = (testkit::sigstore::Sigstore::new(), tempfile::tempdir().unwrap());
    let root = write(folder.path(), "trusted_root.json", stack.trusted_root().to_string());
    let file = write(folder.path(), "file", "bytes");
    let bundle = write(folder.path(), "bundle.json", stack.blob(b"bytes").seal().bundle().to_string());
    let verify = |subject: &str| {
        let arguments = [&root, subject, testkit::sigstore::ISSUER, &file, &bundle];
        run(env!("CARGO_BIN_EXE_verify_file_by_identity"), &arguments)
    };
    let text = printed(&verify(testkit::sigstore::IDENTITY), 0);
    assert!(text.starts_with("signed by ") && text.contains(testkit::sigstore::IDENTITY), "{text}");
    assert!(printed(&verify("mallory@example.com"), 1).contains("Error: identity-mismatch: "));
}

#[test]
fn attestation_is_made_and_its_predicate_read() {
    let (registry, folder) = (Registry::start(), tempfile::tempdir().unwrap());
    let (_, name) = image(&registry, "v1");
    let document = write(folder.path(), "bom.json", r#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#);
    let key = key("TEST-ONLY-ecdsa-p256.key");
    let attest = |kind: &str| run(env!("CARGO_BIN_EXE_attest"), &[key.to_str().unwrap(), kind, &document, &name]);
    assert_eq!(printed(&attest("cyclonedx"), 0), "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\"}\n");
    assert!(printed(&attest("no-such-type"), 1).contains("Error: "));
}

#[test]
fn image_in_a_layout_verifies_once_it_is_signed() {
    use sigkit_core::oci::{Tag, TagOrDigest};
    let folder = tempfile::tempdir().unwrap();
    let digest = |bytes: &str| sigkit_core::digest::Digest::sha256(bytes.as_bytes()).hex();
    let blob = |bytes: &str| write(folder.path(), &format!("blobs/sha256/{}", digest(bytes)), bytes);
    let (config, layer) = ("{}", "layer");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{}","size":5}}]}}"#,
        digest(config),
        digest(layer),
    );
    for bytes in [config, layer, &manifest] {
        blob(bytes);
    }
    write(folder.path(), "oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}}"#,
        digest(&manifest),
        manifest.len(),
    );
    write(folder.path(), "index.json", index);
    let public = key("TEST-ONLY-ecdsa-p256.pub");
    let verify = || {
        let arguments = [public.to_str().unwrap(), folder.path().to_str().unwrap(), "v1"];
        run(env!("CARGO_BIN_EXE_verify_layout"), &arguments)
    };
    let text = printed(&verify(), 1);
    assert!(text.starts_with("✗ v1  REJECTED\n") && text.contains("Error: v1: no-signatures: "), "{text}");

    let key = std::fs::read(key("TEST-ONLY-ecdsa-p256.key")).unwrap();
    let key = sigkit_core::key::file::decrypt(&key, &password()).unwrap();
    let layout = sigkit_core::store::LayoutStore::open(folder.path()).unwrap();
    let options = sigkit_core::SignOptions::new(sigkit_core::Format::Bundle, "registry.example/app");
    let target = TagOrDigest::Tag("v1".parse::<Tag>().unwrap());
    let now = std::time::SystemTime::now().into();
    sigkit_core::blocking::sign_image(&layout, &target, &key, &options, now).unwrap();
    assert!(printed(&verify(), 0).starts_with("✓ v1  VERIFIED\n"));
}

/// The most memory that copying a blob may take, in KiB.
const MAX_PEAK_KIB: u64 = 32 << 10;

// Fails when a store holds a blob in memory that it only passes on. `SIGKIT_COPY_MIB` is the size of the blob.
#[test]
fn blob_is_copied_in_constant_memory_between_all_stores() {
    let mib: usize = std::env::var("SIGKIT_COPY_MIB").map_or(48, |mib| mib.parse().unwrap());
    let size = mib << 20;
    let digest = {
        let mut hasher = sigkit_core::digest::Hasher::new(sigkit_core::digest::DigestAlgorithm::Sha256);
        (0..mib).for_each(|_| hasher.update(&vec![7; 1 << 20]));
        hasher.finish().to_string()
    };
    let registry = Registry::start();
    registry.content().put_blob_as("from", &digest, &vec![7; size]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let copy = |from: &str, to: &str| {
        let text = printed(&run(env!("CARGO_BIN_EXE_copy_blob"), &[from, to, &digest, &size.to_string()]), 0);
        let peak = text.trim().trim_end_matches(" KiB").rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        eprintln!("{from} -> {to}: {text}");
        assert!(peak <= MAX_PEAK_KIB, "{from} to {to}: {text}");
        assert!(peak > 0 || cfg!(not(target_os = "linux")), "{text}");
    };
    let (registry_from, layout, archive) =
        (format!("{}/from", registry.host()), format!("oci:{}", path("a")), format!("oci-archive:{}", path("a.tar")));
    copy(&registry_from, &layout);
    copy(&layout, &archive);
    copy(&archive, &format!("{}/to", registry.host()));
    std::fs::remove_dir_all(path("a")).unwrap();
    copy(&archive, &layout);
    std::fs::remove_file(path("a.tar")).unwrap();
    copy(&layout, &format!("{}/other", registry.host()));
    copy(&registry_from, &archive);
}

#[test]
fn own_store_serves_an_image_and_cannot_serve_another() {
    let registry = Registry::start();
    let (signed, name) = image(&registry, "signed");
    let key_file = key("TEST-ONLY-ecdsa-p256.key");
    printed(&run(env!("CARGO_BIN_EXE_sign_and_push"), &[key_file.to_str().unwrap(), &name]), 0);
    // Everything that the registry holds of it, in a folder.
    let folder = tempfile::tempdir().unwrap();
    let content = registry.content();
    let hex = |digest: &str| folder.path().join(digest.strip_prefix("sha256:").unwrap());
    let mut manifests = vec![signed.digest.clone()];
    for entry in content.referrers("app", &signed.digest) {
        let at = entry.find("sha256:").unwrap();
        manifests.push(entry[at..at + 71].to_owned());
    }
    for digest in &manifests {
        let bytes = content.manifest("app", digest).unwrap().bytes;
        std::fs::write(hex(digest), &bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        for (at, _) in text.match_indices("sha256:") {
            if let Some(blob) = content.blob("app", &text[at..at + 71]) {
                std::fs::write(hex(&text[at..at + 71]), blob).unwrap();
            }
        }
    }
    let key = key("TEST-ONLY-ecdsa-p256.pub");
    let verify = || {
        let arguments = [key.to_str().unwrap(), folder.path().to_str().unwrap(), &signed.digest];
        run(env!("CARGO_BIN_EXE_custom_store"), &arguments)
    };
    assert_eq!(printed(&verify(), 0), format!("verified {}\n", signed.digest));
    // The store itself compares nothing, and is noticed all the same.
    let (other, _) = image(&registry, "other");
    std::fs::write(hex(&signed.digest), content.manifest("app", &other.digest).unwrap().bytes).unwrap();
    let text = printed(&verify(), 1);
    assert!(text.contains(&format!("expected {}, found {}", signed.digest, other.digest)), "{text}");
}
