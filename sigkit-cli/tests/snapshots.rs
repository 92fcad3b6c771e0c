//! What a person sees, as text files that a reviewer reads in one sitting: `tests/snapshots`.
//!
//! `SIGKIT_SNAPSHOTS=write cargo test -p sigkit-cli --test snapshots` rewrites them; the difference is then reviewed like code.

mod support;

use std::fmt::Write as _;

use support::Sandbox;
use support::snapshot::held;

/// The verbs, with all their words, as the overview lists them.
fn verbs(sandbox: &Sandbox) -> Vec<String> {
    let overview = sandbox.sigkit(&["--help"]).run().expect(0).stdout;
    let lines = overview.lines().take_while(|line| !line.starts_with("Flags of every verb"));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split("  ").next());
    names.map(str::to_owned).collect()
}

fn help(flag: &str, columns: &str) -> String {
    let sandbox = Sandbox::new();
    let mut text = String::new();
    let mut lines: Vec<Vec<String>> = vec![vec![flag.to_owned()]];
    for verb in verbs(&sandbox) {
        lines.push(verb.split(' ').map(str::to_owned).chain([flag.to_owned()]).collect());
    }
    for words in lines {
        let ran = sandbox.sigkit(&words).env("COLUMNS", columns).run().expect(0);
        assert_eq!(ran.stderr, "");
        let widest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        assert!(widest <= 100, "{words:?}: a line of {widest} columns");
        let shown: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
        writeln!(text, "$ sigkit {}\n{}\n", words.join(" "), shown.join("\n").trim_end()).unwrap();
    }
    text
}

#[test]
fn short_help_of_every_verb() {
    held("help-short.txt", &help("-h", "100"));
}

#[test]
fn long_help_of_every_verb() {
    held("help-long.txt", &help("--help", "100"));
}

#[test]
fn short_help_in_a_narrow_terminal() {
    held("help-60-columns.txt", &help("-h", "60"));
}

#[test]
fn mistyped_command_lines() {
    let sandbox = Sandbox::new();
    let mut text = String::new();
    for line in include_str!("snapshots/mistyped-lines").lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ran = sandbox.sigkit(&words).env("COLUMNS", "100").run();
        writeln!(text, "$ sigkit {line}\n{}{}exit code {}\n", ran.stdout, ran.stderr, ran.code).unwrap();
    }
    held("mistyped-lines.txt", &text);
}

/// Reason codes and exit codes: a contract, which changes on purpose only.
#[test]
fn codes() {
    let sandbox = Sandbox::new();
    let listed = sandbox.sigkit(&["explain"]).run().expect(0).stdout;
    let mut codes: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    codes.sort_unstable();
    let help = sandbox.sigkit(&["--help"]).env("COLUMNS", "100").run().expect(0).stdout;
    let exits: Vec<&str> =
        help.lines().skip_while(|line| !line.starts_with("Exit codes:")).take_while(|line| !line.is_empty()).collect();
    held("codes.txt", &format!("{}\n\n{}\n", codes.join("\n"), exits.join("\n")));
}
