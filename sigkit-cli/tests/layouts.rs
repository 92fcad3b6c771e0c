//! Images in directories and archives, without any registry.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::{Ran, Run, Sandbox};
use testkit::image::{OCI_INDEX, OCI_MANIFEST};
use testkit::sha256;

struct Layout {
    sandbox: Sandbox,
    digests: Vec<String>,
}

impl Layout {
    /// `lay`, a layout of one image for each tag.
    fn new(tags: &[&str]) -> Self {
        let sandbox = Sandbox::new().with_test_key("ecdsa-p256", "cosign");
        sandbox.write("other.pub", support::lab::public_key("ecdsa-p384"));
        std::fs::create_dir_all(sandbox.path("lay/blobs/sha256")).unwrap();
        let blob = |bytes: &[u8]| {
            let digest = sha256(bytes);
            sandbox.write(&format!("lay/blobs/{}", digest.replace(':', "/")), bytes);
            format!(r#""digest":"{digest}","size":{}"#, bytes.len())
        };
        let (mut digests, mut entries) = (Vec::new(), Vec::new());
        for tag in tags {
            let (config, layer) = (blob(format!(r#"{{"tag":"{tag}"}}"#).as_bytes()), blob(tag.as_bytes()));
            let manifest = format!(
                r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar",{layer}}}]}}"#
            );
            digests.push(sha256(manifest.as_bytes()));
            entries.push(format!(
                r#"{{"mediaType":"{OCI_MANIFEST}",{},"annotations":{{"org.opencontainers.image.ref.name":"{tag}","io.containerd.image.name":"docker.io/library/app:{tag}"}}}}"#,
                blob(manifest.as_bytes())
            ));
        }
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{}]}}"#, entries.join(","));
        sandbox.write("lay/index.json", index);
        sandbox.write("lay/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        Self { sandbox, digests }
    }

    fn sign(&self, arguments: &[&str]) -> Run {
        self.sandbox.signing(&[&["sign", "--key", "cosign.key"], arguments].concat())
    }

    fn verify(&self, arguments: &[&str]) -> Run {
        self.sandbox.sigkit(&[&["verify", "--key", "cosign.pub"], arguments].concat())
    }

    fn pack(&self) {
        self.sandbox.shell("tar -cf lay.tar -C lay .").run().expect(0);
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.sandbox.path(format!("lay/blobs/{}", digest.replace(':', "/")))
    }
}

/// Every file below a directory, with its bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_directory_carries_its_signatures_into_archives() {
    for (format, elements) in [("bundle", 1), ("legacy", 1), ("both", 2)] {
        let layout = Layout::new(&["v1", "v2"]);
        let digest = &layout.digests[0];
        let by_digest = format!("oci:lay@{digest}");
        layout.verify(&["oci:lay:v1"]).run().expect(10);
        layout
            .sign(&["--format", format, "oci:lay:v1"])
            .run()
            .expect(0)
            .stderr_contains(&format!("Signed oci:lay:v1 (oci:lay@{digest}); "));
        layout.sign(&["--format", format, &by_digest]).run().expect(0).stderr_contains("nothing was written");
        layout.pack();
        for name in ["oci:lay:v1", &by_digest, "oci-archive:lay.tar:v1", "docker-archive:lay.tar:app:v1"] {
            let verified = layout.verify(&["-o", "text", name]).run().expect(0).stderr_contains(&format!("@{digest}"));
            assert_eq!(verified.stdout.lines().count(), elements, "{name}");
            layout.sandbox.sigkit(&["verify", "--key", "other.pub", name]).run().expect(12).stdout_is("");
        }
        for name in ["oci:lay:v2", "oci-archive:lay.tar:v2", "docker-archive:lay.tar:app:v2"] {
            layout.verify(&[name]).run().expect(10).stdout_is("");
        }
        let absolute = format!("oci:{}:v1", layout.sandbox.path("lay").display());
        layout.verify(&[&absolute, "oci:./lay:v1"]).run().expect(0).stderr_contains("2 of 2 verified");
    }
}

#[test]
fn an_archive_is_signed_in_place() {
    for prefix in ["oci-archive:lay.tar", "docker-archive:lay.tar"] {
        let layout = Layout::new(&["v1"]);
        layout.pack();
        layout.sign(&[prefix]).run().expect(0).stderr_contains(&layout.digests[0]);
        layout.verify(&[prefix]).run().expect(0).stderr_contains(&layout.digests[0]);
        layout.sandbox.shell("mkdir out; tar -xf lay.tar -C out").run().expect(0);
        layout.verify(&["oci:out:v1"]).run().expect(0);
        // The directory that it was made from is another thing.
        layout.verify(&["oci:lay:v1"]).run().expect(10);
    }
}

#[test]
fn without_a_tag_the_only_image_is_used() {
    let one = Layout::new(&["v1"]);
    one.sign(&["--format", "both", "oci:lay"]).run().expect(0);
    one.verify(&["oci:lay"]).run().expect(0);
    let two = Layout::new(&["v1", "v2"]);
    for run in [two.verify(&["oci:lay"]), two.sign(&["oci:lay"])] {
        run.run()
            .expect(1)
            .stdout_is("")
            .stderr_contains("v1")
            .stderr_contains("v2")
            .stderr_contains(": store-protocol: ");
    }
}

#[test]
fn a_local_image_is_verified_by_the_name_of_its_directory() {
    let layout = Layout::new(&["v1"]);
    layout.sign(&["oci:lay"]).run().expect(0);
    layout.verify(&["--local-image", "lay"]).run().expect(0).stderr_contains("oci:lay@sha256:");
    layout.verify(&["--local-image", "oci:lay:v1"]).run().expect(0);
    layout.verify(&["--local-image", "absent"]).run().expect(11);
    let attestation = ["verify-attestation", "--key", "cosign.pub", "--local-image", "lay"];
    layout.sandbox.sigkit(&attestation).run().expect(12).stderr_contains("oci:lay@sha256:");
    // Without the flag the name is one of a registry, and a variable does not say otherwise.
    let ran = layout.verify(&["-t", "2s", "127.0.0.1:1/lay"]).env("COSIGN_LOCAL_IMAGE", "true").run().expect(14);
    ran.stderr_contains("WARNING: COSIGN_LOCAL_IMAGE is ignored: --local-image is taken from the command line only");
}

#[test]
fn what_is_missing_is_named() {
    let layout = Layout::new(&["v1"]);
    layout.pack();
    std::fs::create_dir(layout.sandbox.path("void")).unwrap();
    layout.sandbox.write("text", "no archive");
    layout
        .sandbox
        .shell("mkdir old; echo '[]' >old/manifest.json; tar -cf old.tar -C old manifest.json")
        .run()
        .expect(0);
    let before = files(&layout.sandbox.path(""));
    for (name, exit, says) in [
        ("oci:missing", 11, "not-found: missing"),
        ("oci:missing/deeper:v1", 11, "not-found: missing/deeper"),
        ("oci:lay:v9", 11, "lay/index.json, tag v9"),
        ("oci-archive:missing.tar", 11, "not-found: missing.tar"),
        ("docker-archive:missing.tar", 11, "not-found: missing.tar"),
        ("oci-archive:lay.tar:v9", 11, "tag v9"),
        ("docker-archive:lay.tar:app:v9", 11, "names there: "),
        ("oci:void", 1, "oci-layout: expected a file of an OCI image layout, found none"),
        ("oci:text", 1, "expected a directory with an OCI image layout, found a file"),
        ("oci-archive:lay", 1, "lay"),
        ("oci-archive:text", 1, "text"),
        ("docker-archive:text", 1, "text"),
        ("docker-archive:old.tar", 1, "holds no OCI image layout"),
        ("oci:", 2, "expected a path"),
        ("docker-archive:", 2, "expected docker-archive:FILE"),
    ] {
        for run in [layout.verify(&[name]), layout.sign(&[name])] {
            let ran = run.run().expect(exit).stdout_is("").stderr_contains(says);
            assert!(ran.stderr.lines().any(|line| line.starts_with("Error: ") && line.contains(says)), "{ran:#?}");
            assert_eq!(ran.stderr.contains("(sigkit explain "), exit != 2, "{ran:#?}");
            assert!(!ran.stderr.contains("Signed") && !ran.stderr.contains("UNDECIDED"), "{ran:#?}");
        }
    }
    layout.verify(&["--check-reference", "oci:lay:v1"]).run().expect(2).stderr_contains("--check-reference");
    assert_eq!(files(&layout.sandbox.path("")), before);
}

// threat: M3
#[test]
fn a_manifest_that_was_replaced_is_refused() {
    let layout = Layout::new(&["v1", "v2"]);
    layout.sign(&["--format", "both", "oci:lay:v1"]).run().expect(0);
    let (one, two) = (layout.blob(&layout.digests[0]), layout.blob(&layout.digests[1]));
    let good = std::fs::read(&one).unwrap();
    let harmed: [(&str, Vec<u8>); 3] = [
        ("digest-mismatch", std::fs::read(&two).unwrap()),
        ("digest-mismatch", String::from_utf8(good.clone()).unwrap().replacen(":2", ":3", 1).into_bytes()),
        ("size-mismatch", [good.as_slice(), b"\n"].concat()),
    ];
    for (code, bytes) in harmed {
        std::fs::write(&one, bytes).unwrap();
        for name in ["oci:lay:v1".to_owned(), format!("oci:lay@{}", layout.digests[0])] {
            let ran: Ran = layout.verify(&[&name]).run().expect(1).stdout_is("");
            assert!(ran.stderr.contains(code) || ran.stderr.contains("digest-mismatch"), "{code}: {ran:#?}");
        }
        layout.sign(&["--force", "oci:lay:v1"]).run().expect(1).stdout_is("");
    }
    std::fs::remove_file(&one).unwrap();
    layout.verify(&["oci:lay:v1"]).run().expect(1).stdout_is("").stderr_contains("store-protocol");
    std::fs::write(&one, good).unwrap();
    layout.verify(&["oci:lay:v1"]).run().expect(0);
}

// threat: M3
// threat: X06
#[test]
fn a_layer_or_configuration_that_was_changed_is_refused() {
    let layout = Layout::new(&["v1"]);
    layout.sign(&["oci:lay:v1"]).run().expect(0);
    for part in [&b"v1"[..], &br#"{"tag":"v1"}"#[..]] {
        let blob = layout.blob(&sha256(part));
        let good = std::fs::read(&blob).unwrap();
        let mut flipped = good.clone();
        flipped[0] ^= 1;
        for (bytes, code) in [(flipped, "digest-mismatch"), ([&good[..], b"x"].concat(), "size-mismatch")] {
            std::fs::write(&blob, bytes).unwrap();
            layout.verify(&["oci:lay:v1"]).run().expect(1).stdout_is("").stderr_contains(code);
            layout.pack();
            layout.verify(&["oci-archive:lay.tar:v1"]).run().expect(1).stdout_is("").stderr_contains(code);
        }
        std::fs::remove_file(&blob).unwrap();
        layout.verify(&["oci:lay:v1"]).run().expect(1).stdout_is("").stderr_contains("named by the image, but missing");
        std::fs::write(&blob, good).unwrap();
        layout.verify(&["oci:lay:v1"]).run().expect(0);
    }
}

#[test]
fn a_read_only_layout_is_verified_and_not_signed() {
    let layout = Layout::new(&["v1"]);
    layout.sign(&["oci:lay:v1"]).run().expect(0);
    layout.sandbox.shell("chmod -R a-w lay").run().expect(0);
    let before = files(&layout.sandbox.path("lay"));
    layout.verify(&["oci:lay:v1"]).run().expect(0);
    if layout.sandbox.shell("id -u").run().stdout.trim() != "0" {
        layout.sign(&["-a", "x=y", "oci:lay:v1"]).run().expect(1).stdout_is("").stderr_contains("lay");
    }
    assert_eq!(files(&layout.sandbox.path("lay")), before);
    layout.sandbox.shell("chmod -R u+w lay").run().expect(0);
}

/// `lay`, an index of two platforms of which only the first is there, signed by `cosign.key`.
fn partial(layout: &Layout) -> [String; 3] {
    let [here, gone] = ["v1", "v2"].map(|tag| {
        let manifest = std::fs::read(layout.blob(&layout.digests[usize::from(tag == "v2")])).unwrap();
        (sha256(&manifest), manifest.len())
    });
    let child = |(digest, size): &(String, usize), architecture: &str| {
        format!(
            r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"{architecture}"}}}}"#
        )
    };
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{},{}]}}"#,
        child(&here, "amd64"),
        child(&gone, "arm64")
    );
    let digest = sha256(list.as_bytes());
    std::fs::write(layout.blob(&digest), &list).unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{OCI_INDEX}","digest":"{digest}","size":{},"annotations":{{"io.containerd.image.name":"docker.io/library/app:v1","org.opencontainers.image.ref.name":"v1"}}}}]}}"#,
        list.len()
    );
    layout.sandbox.write("lay/index.json", index);
    layout.sign(&["oci:lay:v1"]).run().expect(0);
    layout.sign(&["--platform", "linux/amd64", "oci:lay:v1"]).run().expect(0);
    std::fs::remove_file(layout.blob(&gone.0)).unwrap();
    [digest, here.0, gone.0]
}

#[test]
fn partial_index_verifies_and_names_missing_platforms() {
    let layout = Layout::new(&["v1", "v2"]);
    let [digest, here, gone] = partial(&layout);
    layout.pack();
    for target in ["oci:lay:v1", "oci-archive:lay.tar", "oci-archive:lay.tar:v1", "docker-archive:lay.tar:app:v1"] {
        layout
            .verify(&[target])
            .run()
            .expect(0)
            .stderr_contains(&format!("linux/arm64 ({gone}) is listed, but not here"));
        let ran = layout.verify(&["-o", "report", target]).run();
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["absent"], serde_json::json!([format!("linux/arm64 ({gone})")]));
        let ran = layout.verify(&["--platform", "linux/amd64", target]).run().expect(0);
        assert!(!ran.stderr.contains("is listed"), "{}", ran.stderr);
        for arguments in [&["--platform", "linux/arm64"][..], &["--recursive"]] {
            layout
                .verify(&[arguments, &[target]].concat())
                .run()
                .expect(11)
                .stderr_contains(&gone)
                .stderr_contains(&digest);
        }
    }
    // Nothing to compare is not an image; and what is there is still compared.
    let manifest = std::fs::read(layout.blob(&here)).unwrap();
    std::fs::remove_file(layout.blob(&here)).unwrap();
    layout.verify(&["oci:lay:v1"]).run().expect(11);
    std::fs::write(layout.blob(&here), [manifest, b" ".to_vec()].concat()).unwrap();
    layout.verify(&["oci:lay:v1"]).run().expect(1);
}

// threat: R01
#[test]
fn archive_with_another_image_for_loaders_is_refused() {
    let layout = Layout::new(&["v1", "v2"]);
    layout.sign(&["oci:lay:v1"]).run().expect(0);
    let saved = |tag: &str, name: &str| {
        let manifest = std::fs::read(layout.blob(&layout.digests[usize::from(tag == "v2")])).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let path = |blob: &serde_json::Value| format!("blobs/{}", blob["digest"].as_str().unwrap().replace(':', "/"));
        serde_json::json!({"Config": path(&manifest["config"]), "RepoTags": [name], "Layers": [path(&manifest["layers"][0])]})
    };
    let digest = &layout.digests[0];
    let targets = [
        "oci:lay:v1".to_owned(),
        format!("oci:lay@{digest}"),
        "oci-archive:lay.tar:v1".to_owned(),
        format!("oci-archive:lay.tar@{digest}"),
        "docker-archive:lay.tar:app:v1".to_owned(),
        format!("docker-archive:lay.tar:app@{digest}"),
    ];
    for (list, exit) in [
        (vec![saved("v1", "app:v1"), saved("v2", "app:v2")], 0),
        (vec![saved("v2", "app:v1"), saved("v1", "app:v2")], 1),
        (vec![saved("v1", "app:v1"), saved("v2", "app:v1")], 1),
        (vec![saved("v2", "app:v1")], 1),
    ] {
        layout.sandbox.write("lay/manifest.json", serde_json::to_vec(&list).unwrap());
        layout.pack();
        for target in &targets {
            let ran = layout.verify(&[target]).run().expect(exit);
            assert_eq!(ran.stderr.contains(": store-protocol: "), exit == 1, "{target}: {}", ran.stderr);
            // What will be refused is not signed either.
            layout.sign(&[target]).run().expect(exit);
        }
    }
}

// threat: R35
#[test]
fn unlisted_signature_is_listed_by_the_next_run() {
    for archive in [false, true] {
        let layout = Layout::new(&["v1"]);
        let before = std::fs::read(layout.sandbox.path("lay/index.json")).unwrap();
        layout
            .sign(&["oci:lay:v1"])
            .run()
            .expect(0)
            .stderr_contains("lists 2 manifests now")
            .stderr_contains("oras cp -r --from-oci-layout lay@sha256:");
        let after = std::fs::read(layout.sandbox.path("lay/index.json")).unwrap();
        // As a run leaves it that is killed between the two.
        std::fs::write(layout.sandbox.path("lay/index.json"), before).unwrap();
        layout.pack();
        let target = if archive { "oci-archive:lay.tar:v1" } else { "oci:lay:v1" };
        layout.sign(&[target]).run().expect(0).stderr_contains("is now listed in the layout");
        if archive {
            layout.sandbox.shell("tar -xf lay.tar -C lay").run().expect(0);
        }
        let entries = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["manifests"].clone();
        assert_eq!(entries(&std::fs::read(layout.sandbox.path("lay/index.json")).unwrap()), entries(&after));
        layout.sign(&[target]).run().expect(0).stderr_contains("nothing was written");
        layout.verify(&[target]).run().expect(0);
    }
}

// threat: R42
#[test]
fn a_write_that_may_not_grow_fails_and_leaves_no_copy() {
    let layout = Layout::new(&["v1"]);
    layout.sandbox.write("lay/blobs/sha256/pad", vec![7_u8; 200_000]);
    layout.pack();
    let before = std::fs::read(layout.sandbox.path("lay.tar")).unwrap();
    layout.sandbox.write(".sigkit-00000000000000aa.tmp", "left behind");
    let limited = "ulimit -f 100; COSIGN_PASSWORD=test-only exec \"$0\" sign --key cosign.key oci-archive:lay.tar:v1";
    let ran = std::process::Command::new("bash")
        .args(["-c", limited, env!("CARGO_BIN_EXE_sigkit")])
        .current_dir(layout.sandbox.path("."))
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("file-error"), "{ran:?}");
    assert_eq!(std::fs::read(layout.sandbox.path("lay.tar")).unwrap(), before);
    let hidden = std::fs::read_dir(layout.sandbox.path(".")).unwrap();
    let hidden: Vec<_> = hidden.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!hidden.iter().any(|name| name.to_string_lossy().starts_with(".sigkit")), "{hidden:?}");
}
