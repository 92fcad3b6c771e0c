//! Faults of a registry as the program reports them: exit codes, and what a killed run leaves behind. That every fault at every
//! request is met rightly is shown in the library's tests; here each fault meets some request of each verb.

mod support;

use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use support::lab::{RegistryFixture, fallback_tag, signature_tag};
use support::{Ran, Run};
use testkit::image::Image;
use testkit::{Action, Auth, Extent, Registry, Rule, Switch, catalogue};

/// The longest that a run may wait for a registry, and what it may take on a busy machine.
const TIMEOUT: (&str, Duration) = ("--timeout=4s", Duration::from_secs(30));
/// Runs at once; most of their time is waiting.
const WIDTH: usize = 8;

/// One run with one fault, in a registry of its own.
struct Case {
    lab: RegistryFixture,
    image: Image,
    action: Action,
    told: String,
}

impl Case {
    /// Whether "there is none" may be concluded: a registry that says so is trusted in this, also when it says that it has no list.
    fn may_deny(&self) -> bool {
        match &self.action {
            Action::Respond(response) => matches!(response.status, 400 | 404 | 405 | 406 | 501),
            Action::Change(_) => true,
            _ => false,
        }
    }

    fn run(&self, run: Run) -> Ran {
        let ran = run.run();
        assert!(ran.took < TIMEOUT.1, "{}: {ran:?}", self.told);
        assert!(!ran.stderr.contains("panicked"), "{}: {ran:?}", self.told);
        ran
    }
}

/// Injects each fault into one of the requests that `verb` makes, in turn: alone, or whenever that place is asked.
fn sweep(
    start: impl Fn() -> Registry + Sync,
    prepare: impl Fn(&RegistryFixture, &Image) + Sync,
    verb: impl Fn(&Case) + Sync,
) {
    let lab = || {
        let lab = RegistryFixture::with(start());
        let image = lab.image("v1");
        (lab, image)
    };
    let (template, image) = lab();
    prepare(&template, &image);
    template.registry.clear_log();
    let whole = Case { lab: template, image, action: Action::Delay(Duration::ZERO), told: "no fault".to_owned() };
    let content = Registry::start();
    content.content().copy(whole.lab.registry.content());
    verb(&whole);
    let requests = whole.lab.registry.requests();
    let faults = Mutex::new(catalogue(Extent::Kinds).into_iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..WIDTH {
            scope.spawn(|| {
                loop {
                    let Some((number, (name, action))) = faults.lock().unwrap().next() else { return };
                    let (nth, request) = (number % requests.len(), &requests[number % requests.len()]);
                    let (lab, image) = lab();
                    lab.registry.content().copy(content.content());
                    let rule = if number % 2 == 0 {
                        Rule::new("*", "*").nth(nth + 1)
                    } else {
                        Rule::new(&request.method, &request.target)
                    };
                    lab.registry.fault(rule, action.clone());
                    let told = format!("{name} at request {} ({} {})", nth + 1, request.method, request.target);
                    verb(&Case { lab, image, action, told });
                }
            });
        }
    });
}

// threat: N05 M6
#[test]
fn verify_is_undecided_unless_it_knows() {
    let prepare = |lab: &RegistryFixture, image: &Image| drop(lab.attach_signature(image));
    sweep(Registry::start, prepare, |case| {
        let ran = case.run(case.lab.verify(&[TIMEOUT.0, &case.lab.name(":v1")]));
        let codes: &[i32] = if case.may_deny() { &[0, 1, 10, 11, 12, 14] } else { &[0, 14] };
        assert!(codes.contains(&ran.code), "{}: {ran:?}", case.told);
        assert_eq!(ran.code == 0, ran.stdout.contains(&case.image.digest), "{}: {ran:?}", case.told);
        let other_key =
            case.run(case.lab.sandbox.sigkit(&["verify", "--key", "other.pub", TIMEOUT.0, &case.lab.name(":v1")]));
        assert!(
            [1, 10, 11, 12, 14].contains(&other_key.code) && other_key.stdout.is_empty(),
            "{}: {other_key:?}",
            case.told
        );
    });
}

// threat: N05 H01
#[test]
fn sign_is_done_only_when_it_is() {
    let start = || Registry::builder().referrers(Switch::Off).start();
    let prepare = |lab: &RegistryFixture, image: &Image| {
        let sandbox = support::Sandbox::new().with_test_key("ecdsa-p384", "other");
        let name = lab.digest(image);
        sandbox.signing(&["sign", "--key", "other.key", "--format", "both", &name]).run().expect(0);
    };
    sweep(start, prepare, |case| {
        let Case { lab, image, told, .. } = case;
        let ran = case.run(lab.sign(&["--format", "both", TIMEOUT.0, &lab.name(":v1")]));
        assert!([0, 1, 11, 14].contains(&ran.code), "{told}: {ran:?}");
        assert_eq!(ran.code == 0, ran.stderr.matches("Signed ").count() == 2, "{told}: {ran:?}");
        lab.registry.clear_faults();
        let read_by = |key: &str| lab.sandbox.sigkit(&["verify", "--key", key, &lab.digest(image)]).run();
        let others = read_by("other.pub");
        assert!(others.code == 0 && others.stdout.matches("\"critical\"").count() == 2, "{told}: {others:?}");
        if ran.code == 0 {
            let own = read_by("cosign.pub");
            assert!(own.code == 0 && own.stdout.matches("\"critical\"").count() == 2, "{told}: {own:?}");
        }
    });
}

// threat: N05
#[test]
fn login_keeps_what_was_taken() {
    let start = || Registry::builder().auth(Auth::basic("user", support::lab::PASSWORD)).start();
    sweep(
        start,
        |_, _| {},
        |case| {
            for (password, right) in [(support::lab::PASSWORD, true), ("another", false)] {
                let sandbox = support::Sandbox::new();
                let arguments = ["login", "-u", "user", "--password-stdin", TIMEOUT.0, case.lab.registry.host()];
                let run = sandbox.sigkit(&arguments).env("DOCKER_CONFIG", sandbox.path("docker"));
                let ran = case.run(run.stdin(password));
                assert!([0, 1, 14].contains(&ran.code), "{}: {ran:?}", case.told);
                // Without a prompt there is a warning.
                let taken = ran.code == 0 && !ran.stderr.contains("WARNING");
                assert!(right || !taken, "{}: {ran:?}", case.told);
                assert_eq!(sandbox.path("docker/config.json").exists(), ran.code == 0, "{}: {ran:?}", case.told);
            }
        },
    );
}

// threat: H07 N07
#[test]
fn a_run_killed_at_any_request_is_finished_by_the_next() {
    let start = || Registry::builder().referrers(Switch::Off).start();
    let lab = RegistryFixture::with(start());
    let image = lab.image("v1");
    let signing = |lab: &RegistryFixture| lab.sign(&["--format", "both", &lab.name(":v1")]);
    signing(&lab).run().expect(0);
    let requests = lab.registry.requests().len();
    assert!(requests >= 15, "{requests}");
    for nth in 1..=requests {
        let lab = RegistryFixture::with(start());
        lab.image("v1");
        // The request is done or not done, and no answer tells.
        lab.registry.fault(Rule::new("*", "*").nth(nth), if nth % 2 == 0 { Action::Hang } else { Action::HangAfter });
        let mut command = signing(&lab).command;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while lab.registry.requests().len() < nth {
            assert!(began.elapsed() < TIMEOUT.1, "request {nth} never came");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(5));
        child.kill().unwrap();
        child.wait().unwrap();
        lab.registry.clear_faults();
        signing(&lab).run().expect(0);
        let verified = lab.verify(&[&lab.digest(&image)]).run().expect(0);
        assert_eq!(verified.stdout.matches("\"critical\"").count(), 2, "killed at request {nth}: {verified:?}");
        for tag in [fallback_tag(&image), signature_tag(&image)] {
            let manifest = lab.registry.content().manifest("app", &tag).unwrap();
            let document: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
            let list = document.get("manifests").or(document.get("layers")).unwrap();
            assert_eq!(list.as_array().unwrap().len(), 1, "killed at request {nth}: {document}");
        }
    }
}
