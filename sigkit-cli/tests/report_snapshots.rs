//! What a person sees of a verification, on a terminal: `tests/snapshots/reports.txt`, and the same where it is narrow.
//!
//! Keys, images and times are fixed, and signatures are by Ed25519, so that every run shows the same; only ports differ, and are put
//! right.

mod support;

use std::fmt::Write as _;

use serde_json::json;
use sigkit_core::content::PredicateType;
use sigkit_core::key::KeyPair;
use sigkit_core::limits::Limits;
use sigkit_core::time::UnixTime;
use support::Sandbox;
use support::lab::{self, BUNDLE, RegistryFixture, statement};
use support::snapshot::held;
use support::terminal::{self, Streams};
use testkit::http::Response;
use testkit::image::{self, Image};
use testkit::sigstore::{IDENTITY, ISSUER, SIGNED_AT, San, Sigstore, names};
use testkit::{Action, Rule, refused_address};

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const BLOB: &[u8] = b"a blob\n";
const WORKFLOW: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1";

/// A world of images, and what was shown of them.
struct Scenes {
    lab: RegistryFixture,
    key: KeyPair,
    columns: u16,
    text: String,
}

impl Scenes {
    fn new(columns: u16) -> Self {
        let lab = RegistryFixture::new();
        for (name, algorithm) in [("cosign", "ed25519"), ("other", "ecdsa-p256"), ("third", "ecdsa-p384")] {
            lab.sandbox.write(&format!("{name}.pub"), lab::public_key(algorithm));
        }
        let text = format!("What a terminal of {columns} columns shows. Written by tests/report_snapshots.rs.\n");
        Self { lab, key: lab::key_pair("ed25519"), columns, text }
    }

    fn sandbox(&self) -> &Sandbox {
        &self.lab.sandbox
    }

    fn name(&self, tag: &str) -> String {
        self.lab.name(&format!(":{tag}"))
    }

    /// An image, signed.
    fn signed(&self, tag: &str) -> Image {
        let image = self.lab.image(tag);
        self.state(&image, SIGN, "{}");
        image
    }

    /// States something about an image, by the key.
    fn state(&self, image: &Image, kind: &str, predicate: &str) {
        self.attach(image, &lab::bundle(&self.key, &statement(&image.digest, kind, predicate)));
    }

    fn attach(&self, image: &Image, bundle: &[u8]) {
        let content = self.lab.registry.content();
        let manifest = image::referrer(content, "app", image, BUNDLE, bundle);
        content.put_manifest("app", None, image::OCI_MANIFEST, &manifest);
    }

    /// Shows what a command line does.
    fn show(&mut self, title: &str, words: &[&str]) {
        let run = self.sandbox().sigkit(words).env("NO_COLOR", "1").env("COSIGN_PASSWORD", lab::PASSWORD);
        let run = run.env("SOURCE_DATE_EPOCH", "1735689600");
        let seen = terminal::run(run, Streams::Both, self.columns);
        let widest = seen.shown.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        write!(self.text, "\n## {title}\n$ sigkit {}\n{}exit code {}\n", line.join(" "), seen.shown, seen.code)
            .unwrap();
        assert!(widest <= usize::from(self.columns), "{title}: a line of {widest} columns\n{}", seen.shown);
    }

    /// The text, with the ports that were taken this time put right.
    fn text(self, other: &str) -> String {
        let put_right = |text: String, host: &str, port: &str| {
            let (name, _) = host.rsplit_once(':').unwrap();
            text.replace(host, &format!("{name}:{port}"))
        };
        put_right(put_right(self.text, self.lab.registry.host(), "50000"), other, "50001")
    }
}

fn quoted(word: &str) -> String {
    if word.contains(['\\', '*', '$', ' ']) { format!("'{word}'") } else { word.to_owned() }
}

fn scenes(columns: u16) -> String {
    let mut scenes = Scenes::new(columns);
    let refused = refused_address().to_string();
    by_key(&mut scenes);
    by_type(&mut scenes);
    by_identity(&mut scenes);
    of_blobs(&mut scenes);
    by_policy(&mut scenes);
    of_places(&mut scenes, &refused);
    of_many(&mut scenes);
    scenes.text(&refused)
}

fn by_key(scenes: &mut Scenes) {
    let key = ["verify", "--key", "cosign.pub"];
    scenes.signed("v1");
    let v1 = scenes.name("v1");
    scenes.show("Signed by the key", &[&key[..], &[&v1]].concat());

    scenes.lab.image("unsigned");
    let unsigned = scenes.name("unsigned");
    scenes.show("Not signed", &[&key[..], &[&unsigned]].concat());

    let image = scenes.signed("attested");
    for kind in ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document", "https://cyclonedx.org/bom"] {
        scenes.state(&image, kind, "{}");
    }
    let attested = scenes.name("attested");
    scenes.show("Signed by another key, with attestations beside", &["verify", "--key", "other.pub", &attested]);

    let image = scenes.lab.image("sbom-only");
    scenes.state(&image, "https://spdx.dev/Document", "{}");
    let name = scenes.name("sbom-only");
    scenes.show("An attestation and no signature", &[&key[..], &[&name]].concat());

    scenes.show("Signed without the annotation", &[&key[..], &["-a", "stage=prod", &v1]].concat());

    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"app"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}}"#,
        scenes.lab.image("v1").digest
    );
    use sigkit_core::key::SigningKey as _;
    let signature = scenes.key.sign(payload.as_bytes()).unwrap().to_base64();
    scenes.sandbox().write("signature", signature);
    scenes.sandbox().write("payload.json", payload.replace("null", r#"{"stage":"prod"}"#));
    let given = ["--signature", "signature", "--payload", "payload.json", &v1];
    scenes.show("The payload was changed after signing", &[&key[..], &given].concat());

    let image = scenes.lab.image("copied");
    let other = scenes.lab.image("v1");
    scenes.attach(&image, &lab::bundle(&scenes.key, &statement(&other.digest, SIGN, "{}")));
    let name = scenes.name("copied");
    scenes.show("The signature of another image", &[&key[..], &[&name]].concat());

    let image = scenes.lab.image("broken");
    scenes.attach(&image, br#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#);
    let name = scenes.name("broken");
    scenes.show("A bundle that is cut off", &[&key[..], &[&name]].concat());

    let image = scenes.lab.image("occupied");
    image::image(scenes.lab.registry.content(), "app", &lab::signature_tag(&image), "x");
    let name = scenes.name("occupied");
    scenes.show("An image under the tag of signatures", &[&key[..], &[&name]].concat());

    let both = ["--key", "other.pub", "--key", "third.pub", "--threshold", "2"];
    scenes.show("Two of three must have signed, one has", &[&key[..], &both, &[&v1]].concat());
    scenes.show(
        "Signed by the key, and no certificate where an identity is asked for",
        &["verify", "--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER, &v1],
    );
}

fn by_type(scenes: &mut Scenes) {
    let attested = scenes.name("attested");
    let verify = ["verify-attestation", "--key", "cosign.pub", "--type"];
    scenes.show("Attested by the key", &[&verify[..], &["slsaprovenance1", &attested]].concat());
    scenes.show("Attestations of other types", &[&verify[..], &["vuln", &attested]].concat());
    let v1 = scenes.name("unsigned");
    scenes.show("Nothing is attested", &[&verify[..], &["vuln", &v1]].concat());
}

fn by_identity(scenes: &mut Scenes) {
    let stack = Sigstore::new();
    scenes.sandbox().write("root.json", stack.trusted_root().to_string());
    let image = scenes.lab.image("v1");
    let statement = statement(&image.digest, SIGN, "{}");
    let workflow = |leaf: testkit::sigstore::Template| leaf.with(names(&[San::Uri(WORKFLOW)]));
    let signing = || stack.statement(statement.as_bytes()).leaf(workflow);
    for (name, sealed) in [
        ("signed", signing().seal()),
        ("unlogged", signing().unlogged().stamped().seal()),
        ("expired", signing().leaf(|leaf| leaf.valid(SIGNED_AT - 900, SIGNED_AT - 300)).seal()),
    ] {
        scenes.sandbox().write(&format!("{name}.json"), sealed.bundle().to_string());
    }
    let v1 = scenes.name("v1");
    let trust = ["--trusted-root", "root.json", "--certificate-oidc-issuer", ISSUER];
    let mut show = |title: &str, bundle: &str, identity: [&str; 2]| {
        let words = [&["verify", "--bundle", bundle], &trust[..], &identity, &[&v1]].concat();
        scenes.show(title, &words);
    };
    show("Signed by the identity", "signed.json", ["--certificate-identity", WORKFLOW]);
    let another = "https://github.com/acme/app/.github/workflows/test.yml@refs/heads/main";
    show("Signed by another identity", "signed.json", ["--certificate-identity", another]);
    show(
        "A pattern that matches a part only",
        "signed.json",
        ["--certificate-identity-regexp", r"^https://github\.com/acme/app/"],
    );
    show("The certificate had run out", "expired.json", ["--certificate-identity", WORKFLOW]);
    show("No entry in a log", "unlogged.json", ["--certificate-identity", WORKFLOW]);
    let other = Sigstore::named("other");
    scenes.sandbox().write("root.json", other.trusted_root().to_string());
    let words =
        [&["verify", "--bundle", "signed.json"], &trust[..], &["--certificate-identity", WORKFLOW, &v1]].concat();
    scenes.show("Signed by way of another Sigstore instance", &words);
}

fn of_blobs(scenes: &mut Scenes) {
    use std::os::unix::fs::PermissionsExt as _;
    let private = scenes.sandbox().write("cosign.key", lab::private_key("ed25519"));
    std::fs::set_permissions(private, std::fs::Permissions::from_mode(0o600)).unwrap();
    scenes.sandbox().write("blob", BLOB);
    let sign = ["sign-blob", "--key", "cosign.key", "--bundle", "blob.sigstore.json", "blob"];
    scenes.show("Signing a file", &sign);
    let verify = ["verify-blob", "--bundle", "blob.sigstore.json", "--key"];
    scenes.show("A file, signed by the key", &[&verify[..], &["cosign.pub", "blob"]].concat());
    scenes.show("A file, signed by another key", &[&verify[..], &["other.pub", "blob"]].concat());
    scenes.sandbox().write("blob", b"changed\n");
    scenes.show("A file that was changed", &[&verify[..], &["cosign.pub", "blob"]].concat());
}

fn by_policy(scenes: &mut Scenes) {
    let host = scenes.lab.registry.host().to_owned();
    let policy = |mode: &str, require: &str| {
        format!(
            "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: production\nimages: ['{host}/app']\n{mode}authorities:\n  release: {{key: cosign.pub}}\nrequire:\n- {require}\n"
        )
    };
    let signed = "signature: {by: [release], atLeast: 1}";
    let (v1, unsigned) = (scenes.name("v1"), scenes.name("unsigned"));
    let verify = ["verify", "--policy", "policy.yaml"];
    scenes.sandbox().write("policy.yaml", policy("", signed));
    scenes.show("A policy that is met", &[&verify[..], &[&v1]].concat());
    scenes.show("A policy that is not met", &[&verify[..], &[&unsigned]].concat());
    let other = format!("{host}/other:v1");
    image::image(scenes.lab.registry.content(), "other", "v1", "v1");
    scenes.show("No rule is about the image", &[&verify[..], &[&other]].concat());
    scenes.sandbox().write("policy.yaml", policy("mode: warn\n", signed));
    scenes.show("A policy that only warns", &[&verify[..], &[&unsigned]].concat());
    scenes.sandbox().write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    scenes.show("A policy that accepts anything", &["verify", "--policy", "policy.json", &unsigned]);
    scenes.sandbox().write("policy.json", r#"{"default":[{"type":"reject"}]}"#);
    scenes.show("A policy that rejects by name", &["verify", "--policy", "policy.json", &v1]);

    let image = scenes.signed("scanned");
    let report = include_str!("../../testdata/scan/trivy.json");
    let scanned = "sha256:451eee8bedcb2f029756dc3e9d73bab0e7943c1ac55cff3a4861c52a0fdd3e98";
    let report = report.replace(scanned, &image.digest).into_bytes();
    let scan = PredicateType::Vuln.predicate(report, UnixTime(1_790_000_000), &Limits::DEFAULT).unwrap();
    scenes.state(&image, PredicateType::Vuln.uri(), &String::from_utf8(scan).unwrap());
    let vex = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://acme.test/vex/1", "author": "Acme", "version": 1,
        "timestamp": "2026-11-01T00:00:00Z",
        "statements": [{
            "vulnerability": {"name": "CVE-2021-36159"}, "status": "under_investigation",
            "products": [{"@id": format!("pkg:oci/app@{}", image.digest.replace(':', "%3A"))}],
        }],
    });
    scenes.state(&image, PredicateType::OpenVex.uri(), &vex.to_string());
    let provenance = json!({
        "buildDefinition": {
            "buildType": "https://acme.test/build/v1", "externalParameters": {},
            "resolvedDependencies": [{"uri": "pkg:docker/registry.example/base/alpine@3.20"}],
        },
        "runDetails": {"builder": {"id": "https://github.com/acme/build"}},
    });
    scenes.state(&image, "https://slsa.dev/provenance/v1", &provenance.to_string());
    let name = scenes.name("scanned");
    for (title, require) in [
        (
            "The scanner found something severe",
            "attestation: {type: vuln, by: [release], atLeast: 1, scan: {maximumSeverity: high, maxAge: 36500d}}",
        ),
        (
            "A VEX statement does not clear it",
            "attestation: {type: vuln, by: [release], atLeast: 1, scan: {maximumSeverity: high, maxAge: 36500d, vex: {by: [release]}}}",
        ),
        (
            "Built upon another base image",
            "attestation: {type: slsaprovenance1, by: [release], atLeast: 1, provenance: {baseImages: ['registry.example/hardened/*']}}",
        ),
    ] {
        scenes.sandbox().write("policy.yaml", policy("", require));
        scenes.show(title, &[&verify[..], &[&name]].concat());
    }
}

fn of_places(scenes: &mut Scenes, refused: &str) {
    let key = ["verify", "--key", "cosign.pub"];
    let missing = scenes.name("missing");
    scenes.show("There is no such image", &[&key[..], &[&missing]].concat());
    std::fs::create_dir_all(scenes.sandbox().path("layout")).unwrap();
    scenes.sandbox().write("layout/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    scenes.sandbox().write("layout/index.json", r#"{"schemaVersion":2,"manifests":[]}"#);
    scenes.show("There is no such image in a directory", &[&key[..], &["oci:layout:v1"]].concat());
    let nowhere = format!("{refused}/app:v1");
    scenes.show("No registry answers", &[&key[..], &[&nowhere]].concat());
    scenes.lab.registry.fault(
        Rule::new("GET", "/v2/app/referrers/*"),
        Action::Respond(Response::new(503).with_header("Retry-After", "0")),
    );
    let unsigned = scenes.name("unsigned");
    scenes.show("The registry does not say which signatures there are", &[&key[..], &[&unsigned]].concat());
    scenes.lab.registry.clear_faults();
    scenes.lab.registry.fault(Rule::new("GET", "/v2/app/manifests/private"), Action::status(401));
    let private = scenes.name("private");
    scenes.show("The registry wants credentials", &[&key[..], &[&private]].concat());
    scenes.lab.registry.clear_faults();
}

fn of_many(scenes: &mut Scenes) {
    let key = ["verify", "--key", "cosign.pub"];
    let index = image::index(scenes.lab.registry.content(), "app", "multi", "x");
    for digest in &index.children {
        let bytes = scenes.lab.registry.content().manifest("app", digest).unwrap().bytes;
        scenes.state(&Image { digest: digest.clone(), bytes, children: Vec::new() }, SIGN, "{}");
    }
    let multi = scenes.name("multi");
    scenes.show("An index that is not signed, while its images are", &[&key[..], &[&multi]].concat());
    scenes.show("The same, with all below it", &[&key[..], &["-r", &multi]].concat());
    let image = scenes.lab.image("crowded");
    for number in 0..14 {
        scenes.state(&image, SIGN, &format!(r#"{{"number":{number}}}"#));
    }
    let crowded = scenes.name("crowded");
    scenes.show("Many signatures, all by another key", &["verify", "--key", "other.pub", &crowded]);
    let all: Vec<String> = ["v1", "attested", "unsigned", "missing", "scanned"].map(|tag| scenes.name(tag)).to_vec();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    scenes.show("Many images", &[&key[..], &all].concat());
    scenes.show("Many images, trees asked for", &[&key[..], &["-o", "text"], &all[..2]].concat());
    let sign = ["sign", "--key", "cosign.key", "--format", "legacy"];
    scenes.show("Signing many", &[&sign[..], &all[2..4]].concat());
}

#[test]
fn reports_in_a_terminal_of_100_columns() {
    held("reports.txt", &scenes(100));
}

#[test]
fn reports_in_a_terminal_of_60_columns() {
    held("reports-60-columns.txt", &scenes(60));
}
