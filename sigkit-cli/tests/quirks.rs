//! Registries as they are: what they say instead of what the specification says, and what becomes of it.

mod support;

use support::lab::{RegistryFixture, fallback_tag, signature_tag};
use testkit::http::Response;
use testkit::{Action, Change, Registry, Rule, Switch, image};

/// Layers of the legacy manifest of an image.
fn layers(lab: &RegistryFixture, image: &image::Image) -> usize {
    let stored = lab.registry.content().manifest("app", &signature_tag(image)).map(|manifest| manifest.bytes);
    stored.map_or(0, |bytes| String::from_utf8(bytes).unwrap().matches("simplesigning").count())
}

fn artifactory() -> RegistryFixture {
    RegistryFixture::with(Registry::builder().missing_tags_denied(Switch::On).referrers(Switch::Off).start())
}

// threat: E14
// threat: H05
#[test]
fn a_missing_tag_that_is_refused_is_doubt_to_a_reader() {
    let lab = artifactory();
    lab.image("v1");
    let ran = lab.verify(&[&lab.name(":v1")]).run().expect(14).stdout_is("");
    ran.stderr_contains(": access-denied: ").stderr_contains("\nNext: ").stderr_contains("Artifactory");
}

// threat: M8
#[test]
fn denied_missing_tag_is_absent_for_writers_only() {
    for format in ["legacy", "bundle", "both"] {
        let lab = artifactory();
        let image = lab.image("v1");
        let name = lab.name(":v1");
        let signed = lab.sign(&["--format", format, &name]).run().expect(0);
        signed.stderr_contains("Signed ").stderr_contains("; the tag was treated as missing");
        let first = lab
            .registry
            .requests()
            .into_iter()
            .find(|request| request.method == "PUT" && request.path().contains("/manifests/sha256-"));
        assert_eq!(first.unwrap().header("if-none-match"), Some("*"), "{format}");
        // Once it is there it can be read, and is extended as anywhere else.
        let again = lab.sign(&["--format", format, "-a", "n=2", &name]).run().expect(0);
        assert!(!again.stderr.contains("taken for absent"), "{again:#?}");
        if format != "bundle" {
            assert_eq!(layers(&lab, &image), 2, "{format}");
        }
        // A reader still cannot tell whether the tag of the other format is missing, and says so beside what it could read.
        lab.verify(&[&name]).run().expect(0);
    }
}

// threat: M8
// threat: H01
#[test]
fn a_refusal_that_means_something_else_is_never_written_over() {
    let denied = || Action::Respond(Response::error(403, "DENIED", "forbidden"));
    // Elsewhere a missing tag is answered with 404: this one is there, and not shown.
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_legacy(&image, "{}");
    lab.registry.fault(Rule::new("GET", &format!("/v2/app/manifests/{}", signature_tag(&image))), denied());
    let before = lab.registry.content().manifests("app");
    let name = lab.name(":v1");
    lab.sign(&["--format", "legacy", "-a", "n=2", &name]).run().expect(14).stderr_contains(": access-denied: ");
    // All signature tags are refused, and the list of tags has this one.
    lab.registry.clear_faults();
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/*.sig"), denied());
    lab.sign(&["--format", "legacy", "-a", "n=2", &name]).run().expect(14).stderr_contains(": access-denied: ");
    // Reading as such is refused, once the image itself has been resolved.
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/sha256:*"), denied());
    lab.registry.fault(Rule::new("GET", "/v2/app/tags/*"), Action::status(404));
    lab.sign(&["--format", "legacy", "-a", "n=2", &name]).run().expect(14).stderr_contains(": access-denied: ");
    assert_eq!(lab.registry.content().manifests("app"), before);
    assert_eq!(layers(&lab, &image), 1);
}

// threat: H01
#[test]
fn what_cannot_be_read_back_is_not_confirmed() {
    let lab = artifactory();
    let image = lab.image("v1");
    let denied = Action::Respond(Response::error(403, "DENIED", "forbidden"));
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/*.sig"), denied);
    let ran = lab.sign(&["--format", "legacy", &lab.name(":v1")]).run().expect(14);
    assert!(!ran.stderr.contains("Signed "), "{ran:#?}");
    ran.stderr_contains(": access-denied: ");
    // It was written once, and not again and again.
    assert_eq!(
        lab.registry
            .requests()
            .iter()
            .filter(|request| request.method == "PUT" && request.path().ends_with(".sig"))
            .count(),
        1
    );
    assert_eq!(layers(&lab, &image), 1);
}

#[test]
fn the_right_to_overwrite_is_asked_for_by_its_name() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.sign(&["--format", "legacy", &name]).run().expect(0);
    let denied = Action::Respond(Response::error(403, "DENIED", "not enough permissions to delete/overwrite artifact"));
    lab.registry.fault(Rule::new("PUT", "/v2/app/manifests/*.sig"), denied);
    let ran = lab.sign(&["--format", "legacy", "-a", "n=2", &name]).run().expect(14);
    ran.stderr_contains(": access-denied: ").stderr_contains("the account needs permission to overwrite");
    assert_eq!(layers(&lab, &image), 1);
}

#[test]
fn a_tag_that_may_not_move_is_named_with_the_way_out() {
    let ecr = "The image tag already exists in the repository and cannot be overwritten";
    let harbor = "Failed to process request due to 'app:tag' configured as immutable.";
    let answers = [
        None,
        Some(Response::error(400, "TAG_INVALID", ecr)),
        Some(Response::error(400, "TAG_INVALID", "")),
        Some(Response::error(400, "ImageTagAlreadyExistsException", ecr)),
        Some(Response::error(412, "PRECONDITION", harbor)),
        Some(Response::error(409, "DENIED", "manifest tag is immutable")),
        // Without a message; another write gives the note again.
        Some(Response::new(412)),
        Some(Response::new(409)),
    ];
    for answer in answers {
        let immutable = if answer.is_none() { Switch::On } else { Switch::Off };
        let lab = RegistryFixture::with(Registry::builder().immutable_tags(immutable).start());
        let image = lab.image("v1");
        let name = lab.name(":v1");
        lab.sign(&["--format", "legacy", &name]).run().expect(0);
        if let Some(answer) = &answer {
            lab.registry.fault(Rule::new("PUT", "/v2/app/manifests/*.sig"), Action::Respond(answer.clone()));
        }
        let ran = lab.sign(&["--format", "legacy", "-a", "n=2", &name]).run().expect(1).stdout_is("");
        ran.stderr_contains(": tag-immutable: ")
            .stderr_contains("the tag is immutable")
            .stderr_contains("\nNext: Write bundles (--format bundle)");
        assert_eq!(layers(&lab, &image), 1, "{answer:?}");
        // The way out.
        lab.sign(&["--format", "bundle", "-a", "n=2", &name]).run().expect(0);
        lab.verify(&["-a", "n=2", &name]).run().expect(0);
    }
    // Where there is no referrers API, the list of referrers is a tag as well.
    let lab = RegistryFixture::with(Registry::builder().immutable_tags(Switch::On).referrers(Switch::Off).start());
    let image = lab.image("v1");
    let name = lab.name(":v1");
    lab.sign(&[&name]).run().expect(0);
    let ran = lab.sign(&["-a", "n=2", &name]).run().expect(1);
    ran.stderr_contains(": tag-immutable: ").stderr_contains(&fallback_tag(&image)).stderr_contains("--signature-repo");
    lab.verify(&[&name]).run().expect(0);
}

#[test]
fn a_manifest_that_is_not_accepted_is_refused_with_the_way_out() {
    for (status, code) in [(400, "MANIFEST_INVALID"), (415, "UNSUPPORTED"), (404, "MANIFEST_INVALID"), (415, "")] {
        let lab = RegistryFixture::new();
        lab.image("v1");
        let answer =
            if code.is_empty() { Response::new(status) } else { Response::error(status, code, "manifest invalid") };
        lab.registry.fault(Rule::new("PUT", "/v2/app/manifests/sha256:*"), Action::Respond(answer));
        let ran = lab.sign(&[&lab.name(":v1")]).run().expect(1).stdout_is("");
        ran.stderr_contains(": store-refused: ")
            .stderr_contains("not accepted")
            .stderr_contains("\nNext: Write the legacy format (--format legacy)");
        lab.sign(&["--format", "legacy", &lab.name(":v1")]).run().expect(0);
    }
}

// threat: M6
// threat: E08
#[test]
fn html_page_is_undecided_for_every_request() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    for (place, name) in [
        ("/v2/app/manifests/v1", lab.name(":v1")),
        ("/v2/app/manifests/sha256:*", lab.digest(&image)),
        ("/v2/app/manifests/sha256-*", lab.name(":v1")),
        ("/v2/app/manifests/*.sig", lab.name(":v1")),
        ("/v2/app/referrers/*", lab.name(":v1")),
    ] {
        lab.registry.clear_faults();
        lab.registry.fault(Rule::new("GET", place), Action::html());
        let ran = lab.verify(&[&name]).run().expect(14).stdout_is("").stderr_contains(": store-protocol: ");
        assert!(ran.stderr.to_lowercase().contains("html"), "{place}");
        let before = lab.registry.content().manifests("app");
        if place.ends_with("v1") || place.ends_with("sha256:*") {
            lab.sign(&[&name]).run().expect(14).stderr_contains(": store-protocol: ");
            assert_eq!(lab.registry.content().manifests("app"), before);
        }
        // The same bytes, called a manifest: that is what the registry holds, and it is refused for good.
        if place.ends_with("v1") {
            lab.registry.clear_faults();
            let typed = Change::Header("Content-Type".to_owned(), image::OCI_MANIFEST.to_owned());
            let page = Change::All(vec![
                Change::Body(b"<!DOCTYPE html>".to_vec()),
                typed,
                Change::NoHeader("Docker-Content-Digest".to_owned()),
            ]);
            lab.registry.fault(Rule::new("GET", place), Action::Change(page));
            lab.verify(&[&name]).run().expect(1).stderr_contains(": manifest-ambiguous: ");
        }
    }
}

// threat: H08
#[test]
fn signature_repo_same_for_every_verb_flag_and_variable() {
    for (format, api) in [("bundle", Switch::On), ("bundle", Switch::Off), ("legacy", Switch::On)] {
        let lab = RegistryFixture::with(Registry::builder().referrers(api).start());
        lab.image("v1");
        let (name, elsewhere) = (lab.name(":v1"), format!("{}/signatures/of-app", lab.registry.host()));
        let before = lab.registry.content().manifests("app");
        let signed = lab.sign(&["--format", format, &name]).env("COSIGN_REPOSITORY", &elsewhere).run().expect(0);
        signed.stderr_contains(&format!("signature stored at {elsewhere}"));
        assert_eq!(lab.registry.content().manifests("app"), before);
        lab.verify(&[&name]).run().expect(10);
        lab.verify(&[&name]).env("COSIGN_REPOSITORY", &elsewhere).run().expect(0);
        lab.verify(&["--signature-repo", &elsewhere, &name]).run().expect(0);
        lab.verify(&["--signature-repo", &elsewhere, &name])
            .env("COSIGN_REPOSITORY", "other.example/x")
            .run()
            .expect(0);
        lab.verify(&[&name])
            .env("COSIGN_REPOSITORY", "UPPER CASE")
            .run()
            .expect(2)
            .stderr_contains("COSIGN_REPOSITORY");
    }
}
