//! Registries that send too much: what it costs before it is refused.

mod support;

use std::time::{Duration, Instant};

use support::cost::{KEY_MEMORY, MAX_MEMORY_KIB, bounded, cost, refused, within};
use support::lab::{BUNDLE, RegistryFixture, bundle, fallback_tag, key_pair, signature_tag, statement};
use testkit::http::{Delivery, Response};
use testkit::{Action, Auth, Change, Registry, Rule, TokenService, image};

/// An image without signatures under `v1`, and its name.
fn lab() -> (RegistryFixture, image::Image, String) {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let name = lab.name(":v1");
    (lab, image, name)
}

// threat: F11 M14
#[test]
fn answers_without_end() {
    let endless = || Action::Respond(Response::new(200).with_delivery(Delivery::Endless));
    let (lab, image, name) = lab();
    for place in ["/v2/app/manifests/v1", "/v2/app/referrers/*", "/v2/app/manifests/sha256-*"] {
        lab.registry.clear_faults();
        lab.registry.fault(Rule::new("GET", place), endless());
        refused(lab.verify(&[&name]), 14, "too-large");
    }
    lab.registry.clear_faults();
    lab.registry.fault(Rule::new("GET", "*"), Action::Respond(Response::new(403).with_delivery(Delivery::Endless)));
    refused(lab.verify(&["--timeout", "10s", &name]), 14, "access-denied");
    lab.registry.clear_faults();
    lab.attach_signature(&image);
    lab.registry.fault(Rule::new("GET", "/v2/app/blobs/*"), endless());
    refused(lab.verify(&[&name]), 14, "size-mismatch");
}

// threat: F05
#[test]
fn compressed_answers_are_not_unpacked() {
    let (lab, image, name) = lab();
    lab.attach_signature(&image);
    // 10 KiB of deflated zeros are 10 MiB; the coding alone is refused.
    let bomb = Change::All(vec![
        Change::Body(vec![0; 10 << 10]),
        Change::Header("Content-Encoding".to_owned(), "gzip".to_owned()),
    ]);
    for place in ["/v2/app/manifests/v1", "/v2/app/blobs/*"] {
        lab.registry.clear_faults();
        lab.registry.fault(Rule::new("GET", place), Action::Change(bomb.clone()));
        refused(lab.verify(&[&name]), 14, "expected no content coding");
    }
}

/// An index of referrers with `count` entries, each with an annotation of `bytes` bytes.
fn referrers(count: usize, bytes: usize) -> String {
    let junk = "x".repeat(bytes);
    let entries: Vec<String> = (0..count)
        .map(|number| {
            let digest = testkit::sha256(number.to_string().as_bytes());
            format!(r#"{{"mediaType":"m","size":1,"digest":"{digest}","annotations":{{"a":"{junk}"}}}}"#)
        })
        .collect();
    let index = image::OCI_INDEX;
    format!(r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[{}]}}"#, entries.join(","))
}

// threat: F04
#[test]
fn pages_of_referrers_are_bounded_together() {
    let (lab, _, name) = lab();
    // Each page within its limit, with a link to another: three megabytes of annotations, thousands of short entries, or of short annotations.
    let remarks = many(|number| format!(r#""{number:x}":"""#), MANIFEST, VALUES);
    let remarks = format!(r#""manifests":[{}]"#, descriptor(1, &format!(r#","annotations":{{{remarks}}}"#)));
    for (page, why) in [
        (referrers(1, 3 << 20), "8388608 bytes for all pages of referrers"),
        (referrers(5_000, 0), "10000 referrers"),
        (String::from_utf8(index_of(&remarks).body).unwrap(), "40000 annotations of referrers"),
    ] {
        lab.registry.clear_faults();
        let page = Response::new(200).with_header("Content-Type", image::OCI_INDEX).with_body(page);
        for number in 0..20 {
            let link = format!("</v2/app/referrers/sha256:x?n={}>; rel=\"next\"", number + 1);
            let rule = Rule::new("GET", "/v2/app/referrers/*").nth(number + 1);
            lab.registry.fault(rule, Action::Respond(page.clone().with_header("Link", link)));
        }
        refused(lab.verify(&[&name]), 14, why);
    }
}

// threat: F12
#[test]
fn headers_without_number() {
    let (lab, _, name) = lab();
    lab.registry.fault(Rule::new("GET", "*"), Action::Change(Change::ManyHeaders(100_000)));
    refused(lab.verify(&[&name]), 14, "store-unavailable");
}

// threat: F01 F02 F03 M16
#[test]
fn a_hundred_thousand_signatures() {
    let (lab, image, name) = lab();
    let content = lab.registry.content();
    let payload = vec![b' '; 1 << 20];
    let (config, shared) = (content.put_blob("app", b"{}"), content.put_blob("app", &payload));
    let signatures = |size: u64, count: usize| {
        let layer = |number: usize| {
            format!(
                r#"{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":{size},"digest":"{shared}","annotations":{{"dev.cosignproject.cosign/signature":"{number:08}"}}}}"#
            )
        };
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"m","size":2,"digest":"{config}"}},"layers":[{}]}}"#,
            image::OCI_MANIFEST,
            (0..count).map(layer).collect::<Vec<_>>().join(",")
        );
        content.put_manifest("app", Some(&signature_tag(&image)), image::OCI_MANIFEST, manifest.as_bytes());
    };
    let size = payload.len() as u64;
    for (size, count) in [(size, 100_000), (size, 15_000), (size, 1001), (size, 13), (size + 1, 1), ((16 << 20) + 1, 1)]
    {
        signatures(size, count);
        lab.registry.clear_log();
        refused(lab.verify(&[&name]), 14, "too-large");
        let blobs = lab.registry.request_lines().iter().filter(|line| line.contains("/blobs/")).count();
        // What is within the limits is read all the same, here the one payload of all.
        let fits = usize::from((13..=1001).contains(&count));
        assert_eq!(blobs, fits, "{size} {count}: what is too much is not fetched");
    }
    // What is within the limits costs no more either.
    signatures(size, 11);
    refused(lab.verify(&[&name]), 12, "signature");
}

/// Bytes of the largest manifest.
const MANIFEST: usize = 4 << 20;
/// Values of the manifest with the most, and some room for what is around them.
const VALUES: usize = 40_000 - 200;

/// As many of what `one` makes as fit in so many bytes, or as are allowed, each told its number.
fn many(one: impl Fn(usize) -> String, bytes: usize, most: usize) -> String {
    let mut list = String::new();
    for number in 0..most {
        let next = one(number);
        if list.len() + next.len() + 1 > bytes {
            break;
        }
        if number > 0 {
            list.push(',');
        }
        list.push_str(&next);
    }
    list
}

fn descriptor(number: usize, more: &str) -> String {
    format!(r#"{{"size":2,"digest":"sha256:{number:064x}"{more}}}"#)
}

/// What takes most in memory of what is short in writing, as members of an image or an index whose list is called `list`.
fn expanding(list: &str, bytes: usize, values: usize) -> Vec<String> {
    let padded = format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes / 4));
    let empty = format!(r#""{list}":[]"#);
    vec![
        format!(r#"{empty},"fsLayers":[{}]"#, many(|_| r#"{"":0}"#.to_owned(), bytes, values / 2)),
        format!(r#"{empty},"annotations":{{{}}}"#, many(|number| format!(r#""{number:x}":"y""#), bytes, values)),
        format!(r#""{list}":[{}]"#, many(|number| descriptor(number, ""), bytes, values / 3)),
        format!(r#""{list}":[{}]"#, many(|number| descriptor(number, r#","annotations":{"":""}"#), bytes, values / 5)),
        format!(
            r#""{list}":[{}],"annotations":{padded}"#,
            many(|number| descriptor(number, r#","annotations":{"":""}"#), bytes * 3 / 4, values / 5)
        ),
    ]
}

fn image_of(members: &str) -> Response {
    let kind = image::OCI_MANIFEST;
    let config = descriptor(0, "");
    let body = format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{config},{members}}}"#);
    assert!(body.len() <= MANIFEST, "{}", body.len());
    Response::new(200).with_header("Content-Type", kind).with_body(body)
}

fn index_of(members: &str) -> Response {
    let kind = image::OCI_INDEX;
    let body = format!(r#"{{"schemaVersion":2,"mediaType":"{kind}",{members}}}"#);
    assert!(body.len() <= MANIFEST, "{}", body.len());
    Response::new(200).with_header("Content-Type", kind).with_body(body)
}

/// Answers of every kind at once, each of which takes many times its bytes.
fn serve(lab: &RegistryFixture, image: &image::Image, images: &str, indexes: &str) {
    lab.registry.clear_faults();
    for (place, response) in [
        ("/v2/app/manifests/v1".to_owned(), image_of(images)),
        (format!("/v2/app/manifests/{}", signature_tag(image)), image_of(images)),
        (format!("/v2/app/manifests/{}.att", fallback_tag(image)), image_of(images)),
        (format!("/v2/app/manifests/{}", fallback_tag(image)), index_of(indexes)),
        ("/v2/app/referrers/*".to_owned(), index_of(indexes)),
    ] {
        let chunked = response.clone().with_delivery(Delivery::Chunked);
        lab.registry.fault(Rule::new("GET", &place).first(1), Action::Respond(chunked));
        lab.registry.fault(Rule::new("GET", &place), Action::Respond(response));
    }
}

// threat: F02 M14
#[test]
fn documents_that_grow_in_memory() {
    let (lab, image, name) = lab();
    let room = MANIFEST - 1000;
    for (number, (images, indexes)) in
        expanding("layers", room, usize::MAX).iter().zip(expanding("manifests", room, usize::MAX)).enumerate()
    {
        serve(&lab, &image, images, &indexes);
        refused(lab.verify(&[&name]), 14, "too-large");
        // The image itself is in order.
        serve(&lab, &image, images, &indexes);
        refused(lab.verify(&[&lab.digest(&image)]), 14, "too-large");
        let other = lab.sandbox.sigkit(&["verify-attestation", "--key", "cosign.pub", &lab.digest(&image)]);
        refused(other, 14, "too-large");
        refused(lab.sandbox.sigkit(&["download", "attestation", &lab.digest(&image)]), 14, "too-large");
        let sign = lab.sign(&["--format", ["legacy", "bundle"][number % 2], &lab.digest(&image)]);
        within(KEY_MEMORY, sign, 14, "too-large", Duration::from_secs(20));
    }
}

// threat: F02 M14
#[test]
fn documents_as_large_as_they_may_be() {
    let (lab, _, _) = lab();
    let room = MANIFEST - 1000;
    for (images, indexes) in expanding("layers", room, VALUES).iter().zip(expanding("manifests", room, VALUES)) {
        // An image by tag that weighs as much, and around its own digest all else.
        let body = image_of(images).body;
        let digest = lab.registry.content().put_manifest("app", Some("big"), image::OCI_MANIFEST, &body);
        let image = image::Image { digest, bytes: body, children: Vec::new() };
        serve(&lab, &image, images, &indexes);
        let cost = cost(lab.verify(&[&lab.name(":big")]));
        assert!([1, 10, 12, 14].contains(&cost.code), "{cost:#?}");
        println!("{} KiB, {:?}", cost.memory, cost.took);
        assert!(cost.memory <= MAX_MEMORY_KIB, "{} KiB", cost.memory);
    }
}

// threat: F02 H01
#[test]
fn signing_beside_as_much_as_there_may_be() {
    let (lab, image, _) = lab();
    let entry = |number| descriptor(number, r#","annotations":{"dev.cosignproject.cosign/signature":"x","":""}"#);
    let entries = many(entry, MANIFEST - 500_000, VALUES / 6 - 10);
    let content = lab.registry.content();
    for (tag, document) in [
        (signature_tag(&image), image_of(&format!(r#""layers":[{entries}]"#))),
        (fallback_tag(&image), index_of(&format!(r#""manifests":[{entries}]"#))),
    ] {
        let kind = document.headers[0].1.clone();
        content.put_manifest("app", Some(&tag), &kind, &document.body);
    }
    lab.registry.fault(Rule::new("GET", "/v2/app/referrers/*"), Action::status(404));
    for format in ["legacy", "bundle"] {
        let sign = lab.sign(&["--format", format, &lab.digest(&image)]);
        within(KEY_MEMORY, sign, 0, "Signed", Duration::from_secs(60));
    }
}

// threat: F01 F02
#[test]
fn referrers_with_large_manifests() {
    let (lab, image, name) = lab();
    let content = lab.registry.content();
    for number in 0..24 {
        let manifest = String::from_utf8(image::referrer(content, "app", &image, BUNDLE, b"{}")).unwrap();
        let padding = format!(r#"{{"annotations":{{"{number}":"{}"}},"#, "x".repeat(MANIFEST - 2000));
        let manifest = manifest.replacen('{', &padding, 1);
        content.put_manifest("app", None, image::OCI_MANIFEST, manifest.as_bytes());
    }
    // A registry's own list has their annotations; one that leaves them out, since it would be too long.
    let entries = content.manifests("app").into_iter().filter(|digest| *digest != image.digest);
    let entries: Vec<String> = entries.map(|digest| format!(r#"{{"size":2,"digest":"{digest}"}}"#)).collect();
    let list = index_of(&format!(r#""manifests":[{}]"#, entries.join(",")));
    lab.registry.fault(Rule::new("GET", "/v2/app/referrers/*"), Action::Respond(list));
    for delivery in [Delivery::Whole, Delivery::Chunked] {
        lab.registry.fault(Rule::new("GET", "/v2/app/manifests/sha256:*"), Action::delivery(delivery));
        bounded(lab.verify(&[&name]), 12, "bundle-malformed", Duration::from_secs(60));
    }
}

// threat: R32
#[test]
fn annotations_of_many_referrers_are_not_kept() {
    let (lab, image, name) = lab();
    let content = lab.registry.content();
    for number in 0..40 {
        let manifest = String::from_utf8(image::referrer(content, "app", &image, BUNDLE, b"{}")).unwrap();
        let remark = format!(r#""layers":[{{"annotations":{{"{number}":"{}"}},"#, "x".repeat(MANIFEST - 2000));
        let manifest = manifest.replacen(r#""layers":[{"#, &remark, 1);
        assert!(manifest.contains("xxx"));
        content.put_manifest("app", None, image::OCI_MANIFEST, manifest.as_bytes());
    }
    lab.attach_legacy(&image, "null");
    bounded(lab.verify(&["-o", "text", &name]), 0, "", Duration::from_secs(60));
    for verb in [
        &["verify-attestation", "--key", "cosign.pub", "--type", "custom"][..],
        &["download", "signature"],
        &["download", "attestation"],
    ] {
        let run = lab.sandbox.sigkit(&[verb, &[name.as_str()]].concat());
        let cost = cost(run);
        println!("{} KiB, {:?}: {verb:?}", cost.memory, cost.took);
        assert!([0, 10, 12].contains(&cost.code), "{cost:#?}");
        assert!(cost.memory <= MAX_MEMORY_KIB, "{} KiB", cost.memory);
    }
}

// threat: R33 R38
#[test]
fn silent_places_hide_nothing_and_the_timeout_holds() {
    let (lab, image, name) = lab();
    lab.attach_signature(&image);
    lab.attach_legacy(&image, "null");
    let referrer = lab.registry.content().manifests("app").into_iter().find(|digest| {
        let manifest = lab.registry.content().manifest("app", digest).unwrap();
        String::from_utf8_lossy(&manifest.bytes).contains("subject")
    });
    let tag = signature_tag(&image);
    for place in [
        "/v2/app/referrers/*".to_owned(),
        format!("/v2/app/manifests/{}", fallback_tag(&image)),
        format!("/v2/app/manifests/{tag}"),
        format!("/v2/app/manifests/{}", referrer.unwrap()),
    ] {
        lab.registry.clear_faults();
        lab.registry.fault(Rule::new("GET", &place), Action::Hang);
        let began = Instant::now();
        lab.verify(&["-t", "2s", "-o", "text", &name]).run().expect(0);
        assert!(began.elapsed() < Duration::from_secs(3), "{place}: {:?}", began.elapsed());
        lab.sandbox.write("none.pub", support::lab::public_key("ecdsa-p521"));
        let ran = lab.sandbox.sigkit(&["verify", "-t", "1s", "--key", "none.pub", &name]);
        ran.run().expect(14).stderr_contains("timed-out").stderr_contains("no answer within the timeout");
        let ran = lab
            .sandbox
            .sigkit(&["download", "signature", "-t", "1s", &name])
            .run()
            .expect(14)
            .stderr_contains("timed-out");
        assert!(!ran.stdout.is_empty());
    }
}

// threat: R19 R32 R38
#[test]
fn loose_layout_blobs_are_bounded_in_memory_and_time() {
    let sandbox = support::Sandbox::new().with_test_key("ecdsa-p256", "cosign");
    std::fs::create_dir_all(sandbox.path("lay/blobs/sha256")).unwrap();
    let blob = |bytes: &[u8]| {
        let digest = testkit::sha256(bytes);
        sandbox.write(&format!("lay/blobs/{}", digest.replace(':', "/")), bytes);
        format!(r#""digest":"{digest}","size":{}"#, bytes.len())
    };
    let config = blob(b"{}");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"m",{config}}},"layers":[]}}"#,
        image::OCI_MANIFEST
    );
    let entry = format!(r#"{{"mediaType":"{}",{}}}"#, image::OCI_MANIFEST, blob(manifest.as_bytes()));
    sandbox.write("lay/index.json", format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#));
    sandbox.write("lay/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    sandbox.signing(&["sign", "--key", "cosign.key", "oci:lay"]).run().expect(0);
    let values = many(|_| r#"{"":0}"#.to_owned(), MANIFEST - 100, usize::MAX);
    let subject = testkit::sha256(manifest.as_bytes());
    for number in 0..30 {
        // Some say that they are about the image, with more values or larger annotations than are allowed.
        let members = match number % 3 {
            0 => format!(r#""n":{number},"a":[{values}]"#),
            1 => format!(r#""subject":{{"digest":"{subject}"}},"n":{number},"a":[{}]"#, &values[..values.len() - 105]),
            _ => format!(
                r#""schemaVersion":2,"config":{{"mediaType":"m",{config}}},"layers":[],"subject":{{"mediaType":"m","size":1,"digest":"{subject}"}},"annotations":{{"{number}":"{}"}}"#,
                "x".repeat(MANIFEST - 1000)
            ),
        };
        blob(format!("{{{members}}}").as_bytes());
    }
    let verify =
        |timeout: &str| sandbox.sigkit(&["verify", "-t", timeout, "--key", "cosign.pub", "-o", "text", "oci:lay"]);
    bounded(verify("3m"), 0, "", Duration::from_secs(120));
    bounded(verify("1s"), 0, "", Duration::from_secs(3));
    sandbox.write("other.pub", support::lab::public_key("ecdsa-p384"));
    let other = sandbox.sigkit(&["verify", "--key", "other.pub", "oci:lay"]);
    bounded(other, 14, "too-large", Duration::from_secs(120));
}

/// Adds what refers to the image: a bundle, with this predicate type in the annotations if any.
fn refer(lab: &RegistryFixture, image: &image::Image, bundle: &[u8], named: Option<&str>) {
    let manifest = String::from_utf8(image::referrer(lab.registry.content(), "app", image, BUNDLE, bundle)).unwrap();
    let manifest = match named {
        Some(named) => {
            manifest.replacen('{', &format!(r#"{{"annotations":{{"dev.sigstore.bundle.predicateType":"{named}"}},"#), 1)
        }
        None => manifest,
    };
    lab.registry.content().put_manifest("app", None, image::OCI_MANIFEST, manifest.as_bytes());
}

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

// threat: F01 F03
#[test]
fn many_large_bundles_beside_a_signature() {
    let key = key_pair("ecdsa-p384");
    let padded = |image: &image::Image, kind: &str, number: usize| {
        // As base64 in a bundle this comes close to a mebibyte.
        let predicate = format!(r#"{{"{number}":"{}"}}"#, "x".repeat(780_000));
        bundle(&key, &statement(&image.digest, kind, &predicate))
    };
    for (kind, named) in [("urn:x", None), ("urn:x", Some("urn:x")), (SIGN, None), (SIGN, Some(SIGN))] {
        let (lab, image, name) = lab();
        for number in 0..40 {
            refer(&lab, &image, &padded(&image, kind, number), named);
        }
        // Far more than the limit for all signatures: what does not fit is undecided, unless one that fits decides.
        lab.attach_legacy(&image, "null");
        bounded(lab.verify(&["-o", "text", &name]), 0, "", Duration::from_secs(60));
        let by_another = lab.sandbox.sigkit(&["verify", "--key", "other.pub", &name]);
        bounded(by_another, if kind == SIGN { 0 } else { 12 }, "", Duration::from_secs(60));
    }
}

// threat: F03
#[test]
fn a_large_bundle_is_a_doubt_until_more_is_allowed() {
    let key = key_pair("ecdsa-p384");
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 20));
    let more = ("COSIGN_MAX_ATTACHMENT_SIZE", "4MiB");
    for (kind, code) in [("urn:x", 12), (SIGN, 0)] {
        let (lab, image, name) = lab();
        refer(&lab, &image, &bundle(&key, &statement(&image.digest, kind, &large)), None);
        let verify = || lab.sandbox.sigkit(&["verify", "--key", "other.pub", "-o", "text", &name]);
        verify()
            .run()
            .expect(14)
            .stderr_contains("too-large")
            .stderr_contains("1048576 bytes for one of the signatures, with ");
        verify().env(more.0, more.1).run().expect(code);
        // A doubt about one hides no other.
        let small = bundle(&key, &statement(&image.digest, SIGN, "{}"));
        refer(&lab, &image, &small, None);
        verify().run().expect(0);
    }
}

// threat: F02 D07
#[test]
fn bundles_and_payloads_that_grow_in_memory() {
    let room = 1 << 20;
    let member = r#"{"":0}"#;
    let list = many(|_| member.to_owned(), room - 20_000, usize::MAX);
    let head = format!(r#"{{"mediaType":"{BUNDLE}","#);
    let envelope = r#""dsseEnvelope":{"payload":"","payloadType":"x","signatures":[{"sig":"AA=="}]}"#;
    let hint = r#""publicKey":{"hint":""}"#;
    let subjects = |count: usize| {
        let subject = r#"{"digest":{"":""}}"#;
        let subjects = many(|_| subject.to_owned(), count, usize::MAX);
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{subjects}],"predicateType":"{SIGN}","predicate":{{}}}}"#
        )
    };
    let of_subjects = bundle(&key_pair("ecdsa-p256"), &subjects(700_000));
    for document in [
        format!(
            r#"{head}"verificationMaterial":{{{hint},"tlogEntries":[{}]}},{envelope}}}"#,
            list.replace(member, "{}")
        ),
        format!(
            r#"{head}"verificationMaterial":{{{hint},"timestampVerificationData":{{"rfc3161Timestamps":[{}]}}}},{envelope}}}"#,
            list.replace(member, "{}")
        ),
        format!(r#"{head}"verificationMaterial":{{{hint}}},{envelope},"x":[{list}]}}"#),
        String::from_utf8(of_subjects).unwrap(),
    ] {
        assert!(document.len() <= room, "{}", document.len());
        let (lab, image, name) = lab();
        for number in 0..12 {
            refer(&lab, &image, format!("{document}{}", " ".repeat(number)).as_bytes(), Some(SIGN));
        }
        bounded(lab.verify(&[&name]), 12, "malformed", Duration::from_secs(60));
    }
    let (lab, image, name) = lab();
    lab.attach_legacy(&image, &format!(r#"{{"x":[{list}]}}"#));
    refused(lab.verify(&[&name]), 12, "payload-malformed");
}

// threat: F11
#[test]
fn a_thousand_refusals_with_many_words() {
    let (lab, image, name) = lab();
    let entries = many(|number| descriptor(number, ""), MANIFEST - 1000, 1000);
    let list = index_of(&format!(r#""manifests":[{entries}]"#));
    lab.registry.fault(Rule::new("GET", "/v2/app/referrers/*"), Action::Respond(list));
    let words = Response::error(403, "DENIED", &"\u{1d4b3}".repeat(15_000));
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/sha256:*"), Action::Respond(words));
    bounded(lab.verify(&[&name]), 14, "access-denied", Duration::from_secs(60));
    bounded(lab.verify(&["-o", "json", &name]), 14, "", Duration::from_secs(60));
    lab.attach_legacy(&image, "null");
    bounded(lab.verify(&["-o", "text", &name]), 0, "", Duration::from_secs(60));
}

// threat: G13
#[test]
fn a_token_server_that_says_too_much() {
    let lab = RegistryFixture::with(Registry::builder().auth(Auth::Token(TokenService::new("user", "pw"))).start());
    lab.image("v1");
    let more = many(|_| r#"{"":0}"#.to_owned(), (1 << 20) - 1000, usize::MAX);
    for body in [
        format!(r#"{{"token":"x","expires_in":[{more}]}}"#),
        format!(r#"{{"token":"x","more":[{more}]}}"#),
        format!(r#"{{"token":"{}"}}"#, "x".repeat((1 << 20) - 1000)),
    ] {
        lab.registry.clear_faults();
        lab.registry.fault(Rule::new("*", "/token*"), Action::Respond(Response::new(200).with_body(body)));
        refused(lab.verify(&[&lab.name(":v1")]), 14, "store-protocol");
    }
}

// threat: E10
#[test]
fn an_index_with_large_images() {
    let (lab, _, _) = lab();
    let content = lab.registry.content();
    let children: Vec<String> = (0..120)
        .map(|number| {
            let layers = many(|layer| descriptor(layer + number, ""), 100_000, usize::MAX);
            let manifest = image_of(&format!(r#""layers":[{layers}]"#)).body;
            let digest = content.put_manifest("app", None, image::OCI_MANIFEST, &manifest);
            format!(r#"{{"mediaType":"{}","size":{},"digest":"{digest}"}}"#, image::OCI_MANIFEST, manifest.len())
        })
        .collect();
    let index = index_of(&format!(r#""manifests":[{}]"#, children.join(","))).body;
    content.put_manifest("app", Some("index"), image::OCI_INDEX, &index);
    refused(lab.verify(&["-r", &lab.name(":index")]), 14, "too-large");
}
