//! Attestations that are large, or look so: what they cost, and that every one of them is read.

mod support;

use std::time::Duration;

use support::cost::{cost, within};
use support::lab::{BUNDLE, RegistryFixture, bundle, key_pair, statement};
use testkit::image::{self, Image};

const TYPE: &str = "urn:large";
const VERIFY: [&str; 5] = ["verify-attestation", "--key", "cosign.pub", "--type", TYPE];
/// The attestations of an image in memory, in bytes.
const MAX_TOTAL_BYTES: usize = 48 << 20;

/// A bundle with a statement of about so many bytes.
fn large(image: &Image, number: usize, bytes: usize) -> Vec<u8> {
    let predicate = format!(r#"{{"{number}":"{}"}}"#, "x".repeat(bytes));
    bundle(&key_pair("ecdsa-p256"), &statement(&image.digest, TYPE, &predicate))
}

/// The most that a run may take, in KiB: what the program takes for itself, much of it where it is built for tests, the attestations, and a
/// little. Of a release that is below 64 MiB.
fn most(lab: &RegistryFixture) -> u64 {
    cost(lab.verify(&[&lab.name(":none")])).memory + (48 + 5) * 1024
}

/// What refers to the image, and says in its annotations what `named` is.
fn refer(lab: &RegistryFixture, image: &Image, bundle: &[u8], named: Option<&str>) {
    let manifest = String::from_utf8(image::referrer(lab.registry.content(), "app", image, BUNDLE, bundle)).unwrap();
    let manifest = match named {
        Some(named) => {
            manifest.replacen('{', &format!(r#"{{"annotations":{{"dev.sigstore.bundle.predicateType":"{named}"}},"#), 1)
        }
        None => manifest,
    };
    lab.registry.content().put_manifest("app", None, image::OCI_MANIFEST, manifest.as_bytes());
}

// threat: R32
#[test]
fn large_attestations_are_all_read_in_the_memory_of_one() {
    for named in [Some(TYPE), None] {
        let lab = RegistryFixture::new();
        let image = lab.image("v1");
        for number in 0..8 {
            refer(&lab, &image, &large(&image, number, 5_000_000), named);
        }
        let name = lab.name(":v1");
        let verify = lab.sandbox.sigkit(&[&VERIFY[..], &[&name]].concat());
        within(most(&lab), verify, 0, "Verification for", Duration::from_secs(60));
        let printed = lab.sandbox.sigkit(&[&VERIFY[..], &[&name]].concat()).run().expect(0).stdout;
        let downloaded = lab.sandbox.sigkit(&["download", "attestation", &name]).run().expect(0).stdout;
        assert_eq!((printed.lines().count(), downloaded.lines().count()), (8, 8));
        let mut payloads: Vec<&str> = printed.lines().filter_map(|line| line.split('"').nth(3)).collect();
        payloads.retain(|payload| downloaded.contains(payload));
        assert_eq!(payloads.len(), 8, "each is what was stored");
        let download = lab.sandbox.sigkit(&["download", "attestation", &name]);
        within(most(&lab), download, 0, "", Duration::from_secs(60));
    }
}

// threat: R32
#[test]
fn attestations_over_budget_are_undecided_and_hide_no_other() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    for number in 0..4 {
        refer(&lab, &image, &large(&image, number, 20_000_000), [Some(TYPE), None][number % 2]);
    }
    let name = lab.name(":v1");
    let words = format!("{MAX_TOTAL_BYTES} bytes for all attestations together");
    within(most(&lab), lab.sandbox.sigkit(&[&VERIFY[..], &[&name]].concat()), 0, &words, Duration::from_secs(60));
    let printed = lab.sandbox.sigkit(&[&VERIFY[..], &[&name]].concat()).run().expect(0).stdout;
    assert_eq!(printed.lines().count(), 2);
    // One by the other key may be among those not read.
    let other = lab.sandbox.sigkit(&["verify-attestation", "--key", "other.pub", "--type", TYPE, &name]);
    within(most(&lab), other, 14, &words, Duration::from_secs(60));
    // What is printed as it is stored need not be kept, however much it is.
    let download = lab.sandbox.sigkit(&["download", "attestation", &name]);
    within(most(&lab), download, 0, "", Duration::from_secs(60));
    assert_eq!(lab.sandbox.sigkit(&["download", "attestation", &name]).run().expect(0).stdout.lines().count(), 4);
    // One that is larger than all together may be is read all the same, in the memory that it takes; of two, one.
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let bytes = 51 << 20;
    refer(&lab, &image, &large(&image, 0, bytes), Some(TYPE));
    refer(&lab, &image, &large(&image, 1, 10), None);
    let name = lab.name(":v1");
    let verify = || lab.sandbox.sigkit(&[&VERIFY[..], &[&name]].concat());
    let alone = most(&lab) + u64::try_from(bytes / 3 * 4 - MAX_TOTAL_BYTES).unwrap() / 1024;
    within(alone, verify(), 0, "Verification for", Duration::from_secs(60));
    assert_eq!(verify().run().expect(0).stdout.lines().count(), 2);
    refer(&lab, &image, &large(&image, 2, bytes + 10), Some(TYPE));
    within(alone, verify(), 0, &words, Duration::from_secs(60));
    assert_eq!(verify().run().expect(0).stdout.lines().count(), 2);
    // More are read when more is allowed.
    let allowed = verify().env("SIGKIT_MAX_ATTACHMENT_SIZE", "160MiB").run().expect(0);
    assert_eq!(allowed.stdout.lines().count(), 3);
}

/// What makes a document for an image.
type Document<'a> = &'a dyn Fn(&Image) -> String;

// threat: R32
#[test]
fn documents_that_only_look_large_cost_no_copy() {
    let size = 40_000_000;
    let long = "A".repeat(size);
    let escaped = r"\u0041".repeat(size / 8);
    let around = |envelope: &str, more: &str| {
        format!(
            r#"{{"mediaType":"{BUNDLE}","verificationMaterial":{{"publicKey":{{"hint":""}}}},{more}"dsseEnvelope":{envelope}}}"#
        )
    };
    let envelope = |payload: &str, kind: &str, signature: &str| {
        format!(r#"{{"payload":"{payload}","payloadType":"{kind}","signatures":[{{"sig":"{signature}"}}]}}"#)
    };
    let names: String = (0..3_000_000).map(|number| format!(r#""{number:x}":0,"#)).collect();
    let key = key_pair("ecdsa-p256");
    let signed = |predicate: &str, image: &Image| {
        String::from_utf8(bundle(&key, &statement(&image.digest, TYPE, predicate))).unwrap()
    };
    let documents: [(&str, Document); 8] = [
        ("payload type", &|_| around(&envelope("", &long, "AA=="), "")),
        ("signature", &|_| around(&envelope("", "x", &long), "")),
        ("escaped payload", &|_| around(&envelope(&format!(r"\/{long}"), "x", "AA=="), "")),
        ("unknown text", &|_| around(&envelope("", "x", "AA=="), &format!(r#""x":"{escaped}","#))),
        ("values", &|_| around(&envelope("", "x", "AA=="), &format!(r#""x":[{}0],"#, "0,".repeat(size / 2)))),
        ("names", &|image| signed(&format!("{{{names}\"x\":0}}"), image)),
        ("predicate type", &|image| {
            String::from_utf8(bundle(&key, &statement(&image.digest, &long[..size * 3 / 4], "{}"))).unwrap()
        }),
        ("escaped name", &|image| signed(&format!(r#"{{"{escaped}":0}}"#), image)),
    ];
    for (what, document) in documents {
        let lab = RegistryFixture::new();
        let image = lab.image("v1");
        refer(&lab, &image, document(&image).as_bytes(), Some(TYPE));
        let cost = cost(lab.sandbox.sigkit(&[&VERIFY[..], &[&lab.name(":v1")]].concat()));
        println!("{} KiB, {:?}: {what}", cost.memory, cost.took);
        assert_eq!(cost.code, 12, "{what}: {cost:#?}");
        assert!(cost.memory > 0 && cost.memory <= most(&lab), "{what}: {} KiB", cost.memory);
    }
}
