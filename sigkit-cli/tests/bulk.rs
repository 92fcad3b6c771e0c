//! Many images in one run: results as they come, nothing asked for twice, and what people see meanwhile.

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use support::Run;
use support::lab::{RegistryFixture, signature_tag};
use support::terminal::{self, Streams};
use testkit::image::Image;
use testkit::{Action, Auth, Registry, Rule, TokenService, image};

/// `count` signed images, by name.
fn signed(lab: &RegistryFixture, count: usize) -> Vec<String> {
    let names = (0..count).map(|number| {
        let tag = format!("v{number}");
        lab.attach_signature(&lab.image(&tag));
        lab.name(&format!(":{tag}"))
    });
    names.collect()
}

#[test]
fn a_result_is_printed_before_the_next_image_is_done() {
    let lab = RegistryFixture::new();
    let names = signed(&lab, 3);
    let (printed, waits) = mpsc::channel::<()>();
    let waits = std::sync::Mutex::new(waits);
    let gate = move || {
        // Ends with an error, and the image with its signature, if the first results never come.
        waits.lock().unwrap().recv_timeout(std::time::Duration::from_secs(60)).unwrap_or_default();
    };
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/v2"), Action::Run(Arc::new(gate)));
    let mut command = lab.verify(&[&["-o", "report"], &as_text(&names)[..]].concat()).command;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in &names[..2] {
        assert!(lines.next().unwrap().unwrap().contains(&format!(r#""given":"{name}""#)));
    }
    assert!(child.try_wait().unwrap().is_none(), "the last image is still being read");
    printed.send(()).unwrap();
    assert!(lines.next().unwrap().unwrap().contains(&names[2]));
    assert!(child.wait().unwrap().success());
}

fn as_text(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[test]
fn results_file_is_complete_and_exit_code_is_the_worst() {
    let lab = RegistryFixture::new();
    let names = signed(&lab, 2);
    lab.image("unsigned");
    let unsigned = lab.name(":unsigned");
    let missing = lab.name(":missing");
    let images = [names[0].as_str(), &unsigned, &missing, &names[1]];
    let ran = lab.verify(&[&["-o", "report", "--output-file", "results"], &images[..]].concat()).run().expect(10);
    ran.stdout_is("").stderr_contains("2 of 4 verified, 1 without signatures, 1 not found\n");
    let results = String::from_utf8(lab.sandbox.read("results")).unwrap();
    let codes: Vec<&str> = ["\"exitCode\":0", "\"exitCode\":10", "\"exitCode\":11", "\"exitCode\":0"].to_vec();
    assert_eq!(results.lines().count(), codes.len());
    for (line, code) in results.lines().zip(codes) {
        assert!(line.contains(code), "{code}: {line}");
    }
}

// threat: L04
#[test]
fn nothing_is_begun_for_results_that_cannot_be_written() {
    let lab = RegistryFixture::new();
    let names = signed(&lab, 30);
    let script = format!("$sigkit verify --key cosign.pub --jobs 1 {} > /dev/full", names.join(" "));
    let ran = lab.sandbox.shell(&script).run().expect(1);
    ran.stderr_contains("Error: cannot write to standard output: No space left on device");
    let reached = |name: &str| lab.registry.request_lines().contains(&format!("GET /v2/app/manifests/{name}"));
    assert!(reached("v0") && !reached("v29"));
}

// threat: M16
#[test]
fn nothing_is_fetched_twice_and_one_token_serves_all() {
    let service = TokenService::new("user", "password");
    let lab = RegistryFixture::with(Registry::builder().auth(Auth::Token(service)).start());
    let image = lab.image("v1");
    lab.attach_signature(&image);
    lab.attach_legacy(&image, "{}");
    image::image(lab.registry.content(), "app", "v2", "v1");
    let names = [lab.name(":v1"), lab.name(":v2"), lab.digest(&image), lab.name(":v1")];
    let account = ["--registry-username", "user", "--registry-password", "password"];
    for jobs in ["1", "8"] {
        lab.registry.clear_log();
        let arguments = [&account[..], &["--jobs", jobs], &as_text(&names)[..]].concat();
        lab.verify(&arguments).run().expect(0).stderr_contains("4 of 4 verified");
        let lines = lab.registry.request_lines();
        assert_eq!(lines.iter().filter(|line| line.starts_with("GET /token")).count(), 1, "{lines:#?}");
        let authorized =
            lab.registry.requests().into_iter().filter(|request| request.header("authorization").is_some());
        let content = authorized
            .map(|request| request.target)
            .filter(|target| target.contains("/blobs/sha256:") || target.contains("/manifests/sha256:"));
        let (all, distinct) = content.fold((0, BTreeSet::new()), |(all, mut distinct), target| {
            distinct.insert(target);
            (all + 1, distinct)
        });
        assert_eq!(all, distinct.len(), "{lines:#?}");
    }
}

// threat: K09
#[test]
fn every_request_can_be_seen_and_no_secret_with_it() {
    const CANARY: &str = "c4n4ry";
    let storage = Registry::start();
    let lab = RegistryFixture::with(Registry::builder().auth(Auth::Token(TokenService::new("user", CANARY))).start());
    let image = lab.image("v1");
    lab.attach_signature(&image);
    let payload = b"stored elsewhere";
    storage.content().put_blob("app", payload);
    let elsewhere = format!("{}/v2/app/blobs/x?X-Amz-Signature={CANARY}", storage.url());
    lab.registry.fault(Rule::new("GET", "/v2/app/blobs/*"), Action::redirect(&elsewhere));
    let name = lab.name(":v1");
    let docker = lab.sandbox.path("docker");
    std::fs::create_dir_all(&docker).unwrap();
    let auth = "dXNlcjpjNG40cnk=";
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, lab.registry.host());
    std::fs::write(docker.join("config.json"), config).unwrap();
    let runs: [Run; 5] = [
        lab.verify(&["-d", &name]).env("DOCKER_CONFIG", &docker),
        lab.verify(&["--verbose", "--registry-username", "user", "--registry-password", CANARY, &name]),
        lab.verify(&["--verbose", "--registry-username", CANARY, "--registry-password", "wrong", &name]),
        lab.verify(&["--verbose", "--registry-token", CANARY, &name]),
        lab.sign(&["-d", &name]).env("SIGKIT_REGISTRY_USERNAME", "user").env("SIGKIT_REGISTRY_PASSWORD", CANARY),
    ];
    for (number, run) in runs.into_iter().enumerate() {
        let ran = run.env("RUST_BACKTRACE", "1").run();
        let url = lab.registry.url();
        assert!(
            ran.stderr.contains(&format!("\nGET {url}/v2/app/manifests/v1: 401 (")) || ran.stderr.starts_with("GET "),
            "{ran:#?}"
        );
        // A user name is not a secret, and an error says which was tried.
        let shown = ran.stderr.replace(&format!("user {CANARY:?}"), "").replace(&format!("user \"{CANARY}\""), "");
        assert!(!shown.contains(CANARY) && !ran.stdout.contains(CANARY), "{number}: {ran:#?}");
        assert!(!ran.stderr.contains(auth) && !ran.stderr.contains("eyJ"), "{number}: {ran:#?}");
        for line in ran.stderr.lines().filter(|line| line.starts_with("GET ")) {
            assert!(!line.contains('?'), "{line}");
        }
    }
    // The token server and the redirect are requests like others; without the flag, no request is shown.
    let ran = lab.verify(&["-d", &name]).env("DOCKER_CONFIG", &docker).run();
    for place in [format!("GET {}/token: 200 (", lab.registry.url()), format!("GET {}/v2/app/blobs/x: ", storage.url())]
    {
        assert!(ran.stderr.contains(&place), "{place}: {ran:#?}");
    }
    let quiet = lab.verify(&[&name]).env("DOCKER_CONFIG", &docker).run();
    assert!(!quiet.stderr.lines().any(|line| line.starts_with("GET ")), "{quiet:#?}");
}

/// Runs with stderr on a terminal; what it showed.
fn shown(run: Run) -> String {
    let seen = terminal::run(run, Streams::Stderr, 100);
    assert_eq!(seen.code, 0, "{}", seen.shown);
    seen.shown
}

#[test]
fn progress_is_for_terminals_and_leaves_nothing_behind() {
    let lab = RegistryFixture::new();
    let names = signed(&lab, 3);
    let on_terminal = |flags: &[&str]| lab.verify(&[flags, &as_text(&names)].concat()).env("TERM", "xterm");
    let seen = shown(on_terminal(&[]));
    // From the first moment on, with verb, bar and the first that is not done.
    assert!(seen.starts_with(&format!("Verifying ░░░░░░░░░░░░░░░░░░░░ 0 of 3  {}\r\u{1b}[K", names[0])), "{seen:?}");
    for line in
        ["██████░░░░░░░░░░░░░░ 1 of 3  ", "█████████████░░░░░░░ 2 of 3  ", "████████████████████ 3 of 3\r\u{1b}[K"]
    {
        assert!(seen.contains(line), "{line}: {seen:?}");
    }
    assert!(seen.ends_with("3 of 3\r\u{1b}[K3 of 3 verified\n"), "{seen:?}");
    for run in [
        on_terminal(&["--no-progress"]),
        on_terminal(&[]).env("NO_COLOR", "1"),
        on_terminal(&[]).env("TERM", "dumb"),
        lab.verify(&[&names[0]]).env("TERM", "xterm"),
    ] {
        let seen = shown(run);
        assert!(!seen.contains('\u{1b}') && !seen.contains(" of 3\r\u{1b}"), "{seen:?}");
    }
    let ran = on_terminal(&[]).run().expect(0);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\r'), "{ran:#?}");
}

#[test]
fn log_is_told_after_five_seconds_that_work_goes_on() {
    let lab = RegistryFixture::new();
    let names = signed(&lab, 2);
    let slow = || std::thread::sleep(std::time::Duration::from_secs(6));
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/v1"), Action::Run(Arc::new(slow)));
    let note = format!("Verifying 2 images: 1 done after 5 s, going on with {}\n", names[1]);
    let ran = lab.verify(&as_text(&names)).run().expect(0);
    assert_eq!(ran.stderr.matches(&note).count(), 1, "{ran:#?}");
    let ran = lab.verify(&[&["--no-progress"], &as_text(&names)[..]].concat()).run().expect(0);
    assert!(!ran.stderr.contains("going on"), "{ran:#?}");
    let ran = lab.sign(&[&names[1]]).run().expect(0);
    ran.stderr_contains(&format!("Signing {}: not done after 5 s, going on\n", names[1]));
}

// The name that was given stays in every line, and failures are repeated at the end.
#[test]
fn many_images_print_a_line_each_and_failures_last() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_signature(&image);
    lab.image("unsigned");
    let (good, bare, missing) = (lab.name(":v1"), lab.name(":unsigned"), lab.name(":missing"));
    let run = lab.verify(&[&good, &bare, &missing, &good]).env("NO_COLOR", "1");
    let seen = terminal::run(run, Streams::Both, 200);
    let line = format!("✓ {good}  VERIFIED  {}\n", lab.digest(&image));
    assert_eq!((seen.code, seen.shown.matches(&line).count()), (10, 2), "{}", seen.shown);
    assert_eq!(seen.shown.matches("material").count(), 0, "{}", seen.shown);
    assert!(seen.shown.contains(&format!("Error: {bare}: no-signatures: ")), "{}", seen.shown);
    let end = format!(
        "2 of 4 verified, 1 without signatures, 1 not found\nNot verified:\n  {bare}: no-signatures\n  {missing}: not-found\n"
    );
    assert!(seen.shown.ends_with(&end), "{}", seen.shown);
    // Where it is narrow, the digest is cut and not the name.
    let seen = terminal::run(lab.verify(&[&good, &good]).env("NO_COLOR", "1"), Streams::Both, 60);
    assert_eq!(seen.shown.matches(&format!("✓ {good}  VERIFIED  {}…\n", &image.digest[..19])).count(), 2);
    // Asked for, there are trees.
    let run = lab.verify(&["-o", "text", &good, &good]).env("NO_COLOR", "1");
    assert_eq!(terminal::run(run, Streams::Both, 200).shown.matches("material").count(), 2);
    // Logs have both names in the line of an error.
    let ran = lab.verify(&[&good, &bare]).run().expect(10);
    ran.stderr_contains(&format!("Error: {bare} ({}@sha256:", lab.name("")));
    // Signing and attesting have a summary as well.
    let ran = lab.sign(&[&good, &missing, &bare]).run().expect(11);
    ran.stderr_contains(&format!("2 of 3 signed, 1 not found\nNot signed:\n  {missing}: not-found\n"));
    lab.sandbox.write("predicate", "{}");
    let attest = ["attest", "--key", "cosign.key", "--type", "custom", "--predicate", "predicate"];
    let ran = lab.sandbox.signing(&[&attest[..], &[&good, &bare]].concat()).run().expect(0);
    ran.stderr_contains("2 of 2 attested\n");
}

#[test]
fn signatures_of_a_digest_do_not_wait_for_the_image() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_signature(&image);
    let asked = Arc::new(AtomicBool::new(false));
    let (seen, waits) = (Arc::clone(&asked), Arc::clone(&asked));
    lab.registry.fault(
        Rule::new("GET", "/v2/app/referrers/*"),
        Action::Run(Arc::new(move || seen.store(true, Ordering::SeqCst))),
    );
    let wait = move || {
        for _ in 0..3000 {
            if waits.load(Ordering::SeqCst) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the image was waited for");
    };
    let manifest = format!("/v2/app/manifests/{}", image.digest);
    lab.registry.fault(Rule::new("GET", &manifest), Action::Run(Arc::new(wait)));
    lab.verify(&[&lab.digest(&image)]).run().expect(0);
    // The image itself still decides: what is not there is not verified by its signatures.
    lab.registry.clear_faults();
    lab.registry.fault(Rule::new("GET", &manifest), Action::status(404));
    lab.verify(&[&lab.digest(&image)]).run().expect(11);
    lab.registry.clear_faults();
    lab.registry.fault(Rule::new("GET", &manifest), Action::Change(testkit::Change::FlipByte(20)));
    lab.verify(&[&lab.digest(&image)]).run().expect(1).stderr_contains("digest-mismatch");
}

// threat: R37
#[test]
fn slow_image_delays_no_other_and_its_result_comes_first() {
    let lab = RegistryFixture::new();
    let names = signed(&lab, 6);
    let last = Arc::new(AtomicBool::new(false));
    let (seen, waits) = (Arc::clone(&last), Arc::clone(&last));
    lab.registry.fault(
        Rule::new("GET", "/v2/app/manifests/v5"),
        Action::Run(Arc::new(move || seen.store(true, Ordering::SeqCst))),
    );
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/v0"), Action::Run(Arc::new(until(waits))));
    let ran = lab.verify(&[&["--jobs", "2", "-o", "report"], &as_text(&names)[..]].concat()).run().expect(0);
    assert!(last.load(Ordering::SeqCst));
    let given: Vec<bool> = ran.stdout.lines().zip(&names).map(|(line, name)| line.contains(&**name)).collect();
    assert_eq!(given, [true; 6], "{}", ran.stdout);
}

/// Waits until it is so; ends with an error, and what waits for it, when that never comes.
fn until(so: Arc<AtomicBool>) -> impl Fn() {
    move || {
        for _ in 0..3000 {
            if so.load(Ordering::SeqCst) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("it was waited for in vain");
    }
}

// threat: R37
#[test]
fn images_below_an_index_are_worked_on_side_by_side() {
    for verb in ["verify", "sign"] {
        let lab = RegistryFixture::new();
        let index = image::index(lab.registry.content(), "app", "index", "seed");
        let child = |digest: &String| Image {
            digest: digest.clone(),
            bytes: lab.registry.content().manifest("app", digest).unwrap().bytes,
            children: Vec::new(),
        };
        let images: Vec<Image> = index.children.iter().map(child).collect();
        for image in images.iter().chain([&index]) {
            lab.attach_signature(image);
        }
        // The first waits for something about the second, which only others can ask for.
        let next = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&next);
        lab.registry.fault(
            Rule::new("GET", &format!("/v2/app/referrers/{}", images[1].digest)),
            Action::Run(Arc::new(move || seen.store(true, Ordering::SeqCst))),
        );
        let place = format!("/v2/app/manifests/{}", signature_tag(&images[0]));
        lab.registry.fault(Rule::new("GET", &place), Action::Run(Arc::new(until(next))));
        let flags = ["-r", "--jobs", "4", &lab.name(":index")];
        let run = if verb == "verify" { lab.verify(&flags) } else { lab.sign(&flags) };
        let ran = run.run().expect(0);
        // In the order of the index, whichever was done first.
        let places: Vec<_> = images.iter().map(|image| ran.stderr.find(&*image.digest).unwrap()).collect();
        assert!(places.is_sorted(), "{}", ran.stderr);
    }
}

#[test]
fn no_more_images_are_under_way_than_jobs() {
    let lab = RegistryFixture::new();
    let names = signed(&lab, 6);
    let early = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&early);
    // With one job, the second image is not requested while the first is held up.
    let (begun, waits) = (AtomicBool::new(false), Arc::clone(&early));
    lab.registry.fault(
        Rule::new("GET", "/v2/app/manifests/v1"),
        Action::Run(Arc::new(move || seen.store(true, Ordering::SeqCst))),
    );
    let check = move || {
        if !begun.swap(true, Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(200));
            assert!(!waits.load(Ordering::SeqCst), "the second image was begun before the first was done");
        }
    };
    lab.registry.fault(Rule::new("GET", "/v2/app/manifests/v0"), Action::Run(Arc::new(check)));
    lab.verify(&[&["--jobs", "1"], &as_text(&names)[..]].concat()).run().expect(0).stderr_contains("6 of 6 verified");
    assert!(early.load(Ordering::SeqCst));
}
