//! Registries that send too much: what it costs before it is refused.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use support::Run;
use support::lab::{Lab, signature_tag};
use testkit::http::{Delivery, Response};
use testkit::{Action, Change, Rule, image};

/// Most resident memory for any answer of a registry, in KiB.
const MOST_MEMORY: u64 = 64 * 1024;

/// What a run cost.
#[derive(Debug)]
struct Cost {
    code: i32,
    stderr: String,
    /// Largest resident set seen, in KiB.
    memory: u64,
    took: Duration,
}

/// Runs and watches; the high-water mark is the kernel's, so that a look after the peak is enough.
fn cost(run: Run) -> Cost {
    let mut command = run.command;
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or_default());
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = began.elapsed();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Cost { code: output.status.code().unwrap(), stderr, memory, took }
}

#[track_caller]
fn refused(run: Run, code: i32, why: &str) {
    let cost = cost(run);
    assert_eq!(cost.code, code, "{cost:#?}");
    assert!(cost.stderr.contains(why), "expected {why:?} in {cost:#?}");
    assert!(cost.memory > 0 && cost.memory <= MOST_MEMORY, "{} KiB", cost.memory);
    assert!(cost.took < Duration::from_secs(20), "{:?}", cost.took);
}

/// An image without signatures under `v1`, and its name.
fn lab() -> (Lab, image::Image, String) {
    let lab = Lab::new();
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
    // 10 KiB of deflated zeros stand for 10 MiB; the coding alone is refused.
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
    // Each page within its limit, with a link to another: three megabytes of remarks, or thousands of short entries.
    for (count, bytes) in [(1, 3 << 20), (12_000, 0)] {
        lab.registry.clear_faults();
        let page = Response::new(200).with_header("Content-Type", image::OCI_INDEX).with_body(referrers(count, bytes));
        for number in 0..20 {
            let link = format!("</v2/app/referrers/sha256:x?n={}>; rel=\"next\"", number + 1);
            let rule = Rule::new("GET", "/v2/app/referrers/*").nth(number + 1);
            lab.registry.fault(rule, Action::Respond(page.clone().with_header("Link", link)));
        }
        refused(lab.verify(&[&name]), 14, "too-large");
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
        let layer = format!(
            r#"{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":{size},"digest":"{shared}","annotations":{{"dev.cosignproject.cosign/signature":"AA=="}}}}"#
        );
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"m","size":2,"digest":"{config}"}},"layers":[{}]}}"#,
            image::OCI_MANIFEST,
            vec![layer; count].join(",")
        );
        content.put_manifest("app", Some(&signature_tag(&image)), image::OCI_MANIFEST, manifest.as_bytes());
    };
    let size = payload.len() as u64;
    for (size, count) in
        [(size, 100_000), (size, 15_000), (size, 1001), (size, 17), ((8 << 20) + 1, 2), ((16 << 20) + 1, 1)]
    {
        signatures(size, count);
        lab.registry.clear_log();
        refused(lab.verify(&[&name]), 14, "too-large");
        let blobs = lab.registry.request_lines().iter().filter(|line| line.contains("/blobs/")).count();
        assert_eq!(blobs, 0, "{size} {count}: what is too much is not fetched");
    }
    // What is within the limits costs no more either.
    signatures(size, 16);
    refused(lab.verify(&[&name]), 12, "signature");
}
