//! Policies in files, through the program.

mod support;

use std::time::SystemTime;

use sigkit_core::time::UnixTime;
use support::Sandbox;
use support::lab::{PASSWORD, RegistryFixture};
use testkit::image;

const REVIEW: &str = "https://example.com/review/v1";

fn image_policy(lab: &RegistryFixture, more: &str) {
    let host = lab.registry.host();
    let text = format!(
        "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: release\nimages: ['{host}/app']\n{more}authorities:\n  release: {{key: cosign.pub}}\nrequire:\n- signature: {{by: [release], atLeast: 1}}\n"
    );
    lab.sandbox.write("policy.yaml", text);
}

fn statement(digest: &str, approved: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v0.1","subject":[{{"name":"app","digest":{{"sha256":"{}"}}}}],"predicateType":"{REVIEW}","predicate":{{"approved":{approved}}}}}"#,
        digest.trim_start_matches("sha256:")
    )
}

// threat: I06
// threat: I07
// threat: I10
#[test]
fn images_are_verified_by_the_rules_about_them() {
    let lab = RegistryFixture::new();
    image_policy(&lab, "");
    let signed = lab.image("signed");
    lab.attach_signature(&signed);
    lab.image("unsigned");
    testkit::image::image(lab.registry.content(), "other", "v1", "v1");
    let verify = |names: &[&str]| lab.sandbox.sigkit(&[&["verify", "--policy", "policy.yaml"], names].concat());
    let good = lab.name(":signed");
    let ran = verify(&[&good]).run().expect(0);
    assert!(ran.stdout.contains(&signed.digest), "{ran:#?}");
    let ran = verify(&[&lab.name(":unsigned")]).env("SIGKIT_POLICY_MODE", "warn").run().expect(10);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("policy release"), "{ran:#?}");
    let other = format!("{}/other:v1", lab.registry.host());
    let ran = verify(&[&other]).run().expect(1);
    assert!(ran.stderr.contains("no-policy-matches: no rule of the policy applies to"), "{ran:#?}");
    let ran = verify(&[&good, &other]).run().expect(1);
    assert!(ran.stderr.contains("1 of 2 verified"), "{ran:#?}");
    verify(&[&lab.name(":missing")]).run().expect(11);
    let ran = verify(&["--key", "cosign.pub", &good]).run().expect(2);
    assert!(ran.stderr.contains("cannot be used with"), "{ran:#?}");
    let ran = lab.sandbox.sigkit(&["verify", &good]).run().expect(2);
    assert!(ran.stderr.contains("--key"), "{ran:#?}");
}

// threat: I06
#[test]
fn what_is_allowed_without_verification_is_called_so() {
    let lab = RegistryFixture::new();
    image_policy(&lab, "mode: warn\n");
    lab.image("unsigned");
    let name = lab.name(":unsigned");
    let ran = lab.sandbox.sigkit(&["verify", "--policy", "policy.yaml", &name]).run().expect(0);
    assert!(ran.stdout.is_empty() && ran.stderr.starts_with("ALLOWED WITHOUT VERIFICATION by policy: "), "{ran:#?}");
    assert!(ran.stderr.contains("no-signatures"), "{ran:#?}");
    let ran = lab.sandbox.sigkit(&["verify", "--policy", "policy.yaml", "-o", "report", &name]).run().expect(0);
    assert!(ran.stdout.contains(r#""verdict":"allowed""#) && ran.stdout.contains(r#""signatures":[]"#), "{ran:#?}");
}

#[test]
fn a_containers_policy_decides_by_scope() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_legacy(&image, "null");
    let host = lab.registry.host();
    let policy = |requirement: &str| {
        let text = format!(
            r#"{{"default":[{{"type":"reject"}}],"transports":{{"docker":{{"{host}/app":[{requirement}]}}}}}}"#
        );
        lab.sandbox.write("policy.json", text);
        lab.sandbox.sigkit(&["verify", "--policy", "policy.json", &lab.name(":v1")]).run()
    };
    policy(r#"{"type":"sigstoreSigned","keyPath":"cosign.pub","signedIdentity":{"type":"matchRepository"}}"#).expect(0);
    policy(r#"{"type":"sigstoreSigned","keyPath":"other.pub","signedIdentity":{"type":"matchRepository"}}"#).expect(12);
    let ran = policy(r#"{"type":"sigstoreSigned","keyPath":"cosign.pub"}"#).expect(12);
    assert!(ran.stderr.contains("reference-mismatch") && ran.stderr.contains("matchRepository"), "{ran:#?}");
    let ran = policy(r#"{"type":"sigstoreSigned","keyPath":"gone.pub"}"#).expect(1);
    assert!(ran.stderr.contains("gone.pub") && ran.stderr.contains(&format!("{host}/app")), "{ran:#?}");
    let ran = lab.sandbox.sigkit(&["policy", "check", "policy.json"]).run().expect(0);
    assert!(ran.stdout.contains("no image can pass: ") && ran.stdout.contains("gone.pub"), "{ran:#?}");
    let ran = policy(r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"cosign.pub"}"#).expect(1);
    assert!(ran.stderr.contains("OpenPGP signatures") || ran.stderr.contains("OpenPGP keys"), "{ran:#?}");
    policy(r#"{"type":"reject"}"#).expect(1);
}

#[test]
fn check_says_what_is_demanded_and_what_is_weak() {
    let lab = RegistryFixture::new();
    image_policy(&lab, "mode: warn\n");
    let ran = lab.sandbox.sigkit(&["policy", "check", "policy.yaml"]).run().expect(0);
    assert!(
        ran.stdout.contains("policy release, warning only\n") && ran.stdout.contains("signed by key release"),
        "{ran:#?}"
    );
    assert!(ran.stdout.contains("\nWeak points:\n  policy release: it only warns"), "{ran:#?}");
    lab.sandbox.write("wrong.yaml", "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: x\nimage: y\n");
    let ran = lab.sandbox.sigkit(&["policy", "check", "wrong.yaml"]).run().expect(2);
    assert!(ran.stderr.contains("document 1, image: unknown field"), "{ran:#?}");
    lab.sandbox.write("x.rego", "package signature\n");
    let ran = lab.sandbox.sigkit(&["verify", "--policy", "x.rego", &lab.name(":v1")]).run().expect(2);
    assert!(ran.stderr.contains("verify-attestation --policy"), "{ran:#?}");
}

// threat: I11
#[test]
fn rego_judges_every_attestation_and_cue_is_refused() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    let verify = |policy: &str| {
        let name = lab.name(":v1");
        let words = ["verify-attestation", "--key", "cosign.pub", "--type", REVIEW, "--policy", policy, &name];
        lab.sandbox.sigkit(&words).run()
    };
    lab.sandbox.write("review.rego", "package signature\nallow { input.predicate.approved == true }\n");
    lab.attach_statement(&image, &statement(&image.digest, "true"));
    let ran = verify("review.rego").expect(0);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:#?}");
    lab.attach_statement(&image, &statement(&image.digest, "false"));
    let ran = verify("review.rego").expect(12);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("policy-denies"), "{ran:#?}");
    lab.sandbox.write("review.cue", "predicate: approved: true\n");
    let ran = verify("review.cue").expect(2);
    assert!(ran.stderr.contains("CUE is not evaluated") && ran.stderr.contains("Rego"), "{ran:#?}");
    lab.sandbox.write(
        "send.rego",
        "package signature\nallow { http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1:1\"}) }\n",
    );
    assert_ne!(verify("send.rego").code, 0);
}

// threat: R38
#[test]
fn policy_in_rego_ends_with_the_time_given_and_decides_nothing() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_statement(&image, &statement(&image.digest, "true"));
    lab.sandbox.write(
        "endless.rego",
        "package signature\nn := numbers.range(1, 2000)\nallow { count([1 | n[_] = a; n[_] = b; n[_] = c; a + b + c == -1]) > 0 }\n",
    );
    let name = lab.name(":v1");
    let words = ["verify-attestation", "-t", "1s", "--key", "cosign.pub", "--type", REVIEW, "--policy", "endless.rego"];
    let ran = lab.sandbox.sigkit(&[&words[..], &[&name]].concat()).run().expect(14).stderr_contains("timed-out");
    assert!(ran.took < std::time::Duration::from_millis(2500), "{ran:#?}");
}

// threat: I11
#[cfg(target_os = "linux")]
#[test]
fn a_policy_that_takes_all_memory_ends_without_a_yes() {
    let lab = RegistryFixture::new();
    let image = lab.image("v1");
    lab.attach_statement(&image, &statement(&image.digest, "true"));
    let mut policy = "package signature\nx0 := \"0123456789abcdef\"\n".to_owned();
    for n in 1..=32 {
        policy.push_str(&format!("x{n} := concat(\"\", [x{0}, x{0}])\n", n - 1));
    }
    policy.push_str("allow { count(x32) > 0 }\n");
    lab.sandbox.write("amplify.rego", policy);
    let name = lab.name(":v1");
    let words = ["verify-attestation", "--key", "cosign.pub", "--type", REVIEW, "--policy", "amplify.rego", &name];
    let ran = lab.sandbox.sigkit(&words).run();
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.is_empty(), "{ran:#?}");
}

/// A fenced block of the walk in `examples/policies/README.md`.
enum Block {
    /// A file, whose name is in its first line.
    File { name: String, text: String },
    /// Commands, each with its exit code and a word of its answer.
    Commands(Vec<(String, i32, String)>),
}

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/policies");

/// The blocks of the walk below each heading, in order.
fn walk() -> Vec<(String, Vec<Block>)> {
    let text = std::fs::read_to_string(format!("{POLICIES}/README.md")).unwrap();
    let (_, text) = text.split_once("\n## A walkthrough\n").unwrap();
    let mut sections = vec![(String::new(), Vec::new())];
    for (number, part) in text.split("\n```").enumerate() {
        let blocks = &mut sections.last_mut().unwrap().1;
        match (number % 2, part.split_once('\n')) {
            (0, _) => {
                sections.extend(part.lines().filter_map(|line| Some((line.strip_prefix("### ")?.to_owned(), vec![]))))
            }
            (_, Some(("yaml", text))) => {
                let name = text.lines().next().unwrap().trim_start_matches("# ").to_owned();
                blocks.push(Block::File { name, text: format!("{text}\n") });
            }
            (_, Some(("sh", text))) => blocks.push(Block::Commands(commands(text))),
            (_, other) => panic!("{other:?}"),
        }
    }
    sections
}

/// The first policy that people see is one, in the quick start as in the help.
#[test]
fn the_policy_of_the_quick_start_is_accepted() {
    let guide = std::fs::read_to_string(format!("{POLICIES}/../../docs/quick-start.md")).unwrap();
    let (_, policy) = guide.split_once("```yaml\n").unwrap();
    let (policy, _) = policy.split_once("```").unwrap();
    let sandbox = Sandbox::new().with_keys();
    let help = sandbox.sigkit(&["policy", "check", "--help"]).run().expect(0).stdout;
    for line in policy.lines().filter(|line| !line.starts_with('#')) {
        assert!(help.contains(&format!("\n  {line}\n")), "{line}: {help}");
    }
    sandbox.write("policy.yaml", policy);
    let checked = sandbox.sigkit(&["policy", "check", "policy.yaml"]).run().expect(0).stdout;
    assert!(checked.contains("signed by key release") && !checked.contains("Weak points"), "{checked}");
}

fn commands(text: &str) -> Vec<(String, i32, String)> {
    let mut commands = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (command, answer) = line.rsplit_once(" # ").unwrap_or((line, "0 "));
        let (code, word) = answer.split_once(' ').unwrap();
        let mut command = command.to_owned();
        if command.contains("<<") {
            for line in lines.by_ref() {
                command.push_str(&format!("\n{line}"));
                if line == "END" {
                    break;
                }
            }
        }
        commands.push((command, code.parse().unwrap(), word.to_owned()));
    }
    commands
}

/// Does what the blocks say, with `to` for each `from`.
fn take(lab: &RegistryFixture, blocks: &[Block], from: &str, to: &str) {
    let host = lab.registry.host().to_string();
    let here = |text: &str| text.replace(from, to).replace("localhost:5000", &host);
    for block in blocks {
        match block {
            Block::File { name, text } => drop(lab.sandbox.write(name, here(text))),
            Block::Commands(commands) => {
                let mut script = "sigkit() { \"$sigkit\" \"$@\"; }\n".to_owned();
                for (number, (command, ..)) in commands.iter().enumerate() {
                    script.push_str(&format!("{{ {}\n}} >out.{number} 2>&1\necho $? >code.{number}\n", here(command)));
                }
                lab.sandbox.shell(&script).env("COSIGN_PASSWORD", PASSWORD).run().expect(0);
                for (number, (command, code, word)) in commands.iter().enumerate() {
                    let read = |what: &str| String::from_utf8(lab.sandbox.read(&format!("{what}.{number}"))).unwrap();
                    let (ended, said) = (read("code"), read("out"));
                    assert!(ended.trim() == code.to_string() && said.contains(word), "{to}: {command}: {ended}{said}");
                }
            }
        }
    }
}

/// The image that the reports of `testdata/scan` are about.
const SCANNED: &str = "sha256:451eee8bedcb2f029756dc3e9d73bab0e7943c1ac55cff3a4861c52a0fdd3e98";

/// A report of `testdata/scan` as if it were made so many days ago, about this image.
fn report(name: &str, days: i64, image: &str) -> String {
    let text = std::fs::read_to_string(format!("{POLICIES}/../../testdata/scan/{name}.json")).unwrap();
    let text = text.replace(SCANNED, image);
    let time = UnixTime(UnixTime::from(SystemTime::now()).0 - days * 86_400 - 60).to_string();
    ["2026-11-23T05:03:30.483512Z", "2026-11-23T05:03:30Z"].iter().fold(text, |text, made| text.replace(made, &time))
}

// threat: D18 D19 D20 I02 I06 I07 I09
#[test]
fn the_walk_through_policies_goes_as_it_says() {
    let lab = RegistryFixture::new();
    for name in ["production.yaml", "cluster-image-policy.yaml", "policy.json", "review.rego"] {
        lab.sandbox.write(name, std::fs::read(format!("{POLICIES}/{name}")).unwrap());
    }
    let image = |name: &str| image::image(lab.registry.content(), name, "v1", name).digest.to_string();
    for name in ["app", "other", "unsigned", "undated"] {
        image(name);
    }
    let sections = walk();
    let (dated, undated) = (["trivy", "grype", "grype-v6", "sarif-grype"], ["clair", "sarif-trivy"]);
    for (heading, blocks) in &sections {
        match heading.as_str() {
            "Scans" => {
                for name in dated {
                    let (new, old) = (image(name), image(&format!("{name}-old")));
                    lab.sandbox.write(&format!("{name}.json"), report(name, 0, &new));
                    lab.sandbox.write(&format!("{name}-old.json"), report(name, 30, &old));
                    take(&lab, blocks, "trivy", name);
                }
            }
            "Scans without a time" => {
                for name in undated {
                    let (new, old) = (image(name), image(&format!("{name}-old")));
                    lab.sandbox.write(&format!("{name}-report.json"), report(name, 0, &new));
                    take(&lab, blocks, "clair", name);
                    // Dated like this, it goes the way of the others.
                    let (_, scans) = sections.iter().find(|(heading, _)| heading == "Scans").unwrap();
                    let text =
                        String::from_utf8(lab.sandbox.read(&format!("{name}.json"))).unwrap().replace(&new, &old);
                    let (old, _) = text.rsplit_once("\"scanFinishedOn\"").unwrap();
                    let old = format!("{old}\"scanFinishedOn\":\"2024-01-01T00:00:00Z\"}}}}");
                    lab.sandbox.write(&format!("{name}-old.json"), old);
                    take(&lab, scans, "trivy", name);
                }
            }
            _ => take(&lab, blocks, "localhost", "localhost"),
        }
    }
    assert_eq!(sections.iter().filter(|(_, blocks)| !blocks.is_empty()).count(), 7);
}

// threat: R15
#[test]
fn two_places_of_one_name_stay_two() {
    let lab = RegistryFixture::new();
    lab.sandbox.write("second.pub", support::lab::public_key("ecdsa-p384"));
    let lab = RegistryFixture { sandbox: lab.sandbox.with_test_key("ecdsa-p384", "second"), ..lab };
    lab.image("v1");
    let (name, host) = (lab.name(":v1"), lab.registry.host().to_owned());
    let mut documents = String::new();
    for (key, repository) in [("cosign", "one"), ("second", "two")] {
        let elsewhere = format!("{host}/{repository}");
        let sign =
            ["sign", "--format", "legacy", "--key", &format!("{key}.key"), "--signature-repo", &elsewhere, &name];
        lab.sandbox.signing(&sign).run().expect(0);
        let public = String::from_utf8(lab.sandbox.read(&format!("{key}.pub"))).unwrap().replace('\n', "\\n");
        documents += &format!(
            "---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {repository}}}\nspec:\n  images: [{{glob: '{host}/**'}}]\n  authorities: [{{key: {{data: \"{public}\"}}, source: [{{oci: '{elsewhere}'}}]}}]\n"
        );
    }
    lab.sandbox.write("two.yaml", documents);
    let verify =
        |shape: &str| lab.sandbox.sigkit(&["verify", "--policy", "two.yaml", "-o", shape, &name]).run().expect(0);
    assert_eq!(verify("text").stdout.lines().count(), 2);
    let report: serde_json::Value = serde_json::from_str(&verify("report").stdout).unwrap();
    let origins: Vec<&str> =
        report["signatures"].as_array().unwrap().iter().map(|found| found["origin"].as_str().unwrap()).collect();
    assert!(origins[0].starts_with(&format!("{host}/one: tag sha256-")), "{origins:?}");
    assert!(origins[1].starts_with(&format!("{host}/two: tag sha256-")), "{origins:?}");
}
