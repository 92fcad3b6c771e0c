//! The report as a tree for people. Whatever came from elsewhere is escaped.

use sigkit_core::report::{Label, Node, Outcome, Report, Rule, Verdict};

use super::failure;
use crate::context::Context;
use crate::escape;
use crate::exit::ExitCode;
use crate::outcome::verification::{Manifests, Refusal, Trouble, VerificationOutcome};
use crate::terminal::streams::IsTerminal;

/// Column of the marks, where the branches to their left leave room for it.
const MARKS: usize = 30;

/// The tree of one artifact.
pub(super) fn tree(judgement: &VerificationOutcome, paint: Paint) -> String {
    let verdict = judgement.verdict();
    let mut text =
        format!("{} {}  {}\n", paint.mark(verdict), escape::one_line(&judgement.subject.name), paint.verdict(verdict));
    if let Some(Node::Group { label, parts, .. }) = judgement.report().map(|report| &report.root) {
        text.push_str(&format!("  {}\n", words(label)));
        branches(parts, "  ", paint, &mut text);
    }
    text
}

/// The tree of a refusal, the one line that says why, and the one that says what to do.
pub(super) fn refusal(judgement: &VerificationOutcome, refusal: &Refusal, paint: Paint) -> String {
    let mut text = tree(judgement, paint);
    let Trouble { code, message, place } = refusal.trouble();
    if matches!(refusal, Refusal::Allowed(_)) {
        let (name, message) = (escape::one_line(&judgement.subject.name), escape::one_line(&message));
        return format!(
            "NOT VERIFIED: {name}: let in by the policy: {code}: {message} (sigkit explain {code})\n{text}"
        );
    }
    let message = place.into_iter().fold(message, |message, place| format!("{message}; in {place}"));
    text.push_str(&failure(&judgement.subject.name, code, &message));
    text.push('\n');
    if judgement.subject.shape == Manifests::Several && refusal.exit() == ExitCode::NoSignatures {
        text.push_str(
            "Note: this is an index, and its images may be signed each for itself: --platform OS/ARCH looks at one of them, --recursive \
             at the index and all of them\n",
        );
    }
    text
}

/// What of an index is not there, and was compared by nobody.
pub(super) fn absent(judgement: &VerificationOutcome) -> String {
    let name = escape::one_line(&judgement.subject.name);
    let line = |entry: &String| {
        format!("WARNING: {name}: {} is listed, but not here, so it was not looked at\n", escape::one_line(entry))
    };
    judgement.absent.iter().map(line).collect()
}

/// What could not be looked at although the rest was enough, once each.
pub(super) fn doubts(report: &Report) -> String {
    let mut lines = Vec::new();
    collect(&report.root, &mut lines);
    lines.concat()
}

fn collect(node: &Node, lines: &mut Vec<String>) {
    match node {
        Node::Leaf { outcome: Outcome::Unknown(problem), .. } => {
            let (code, message) = (problem.code, escape::one_line(&problem.to_string()));
            let line = format!("WARNING: not everything could be read: {code}: {message} (sigkit explain {code})\n");
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        Node::Leaf { .. } => {}
        Node::Group { label, rule: Rule::Advisory, .. } if node.verdict() != Verdict::Verified => {
            lines.push(format!("WARNING: {} is not met, and only warns\n", headline(label).0));
        }
        Node::Group { parts, .. } => parts.iter().for_each(|part| collect(part, lines)),
    }
}

fn branches(parts: &[Node], indent: &str, paint: Paint, text: &mut String) {
    for (position, part) in parts.iter().enumerate() {
        let last = position + 1 == parts.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        match part {
            Node::Leaf { check, outcome } => {
                let label = format!("{indent}{branch}{}", check.name());
                let detail = detail(outcome);
                text.push_str(&format!("{} {}  {detail}\n", pad(&label), paint.outcome(outcome)));
            }
            Node::Group { label, parts, .. } => {
                let mark = paint.mark(part.verdict());
                let (name, detail) = headline(label);
                let label = format!("{indent}{branch}{name}");
                text.push_str(&format!("{} {mark}  {detail}\n", pad(&label)));
                branches(parts, &format!("{indent}{below}"), paint, text);
            }
        }
    }
}

fn pad(label: &str) -> String {
    let width = label.chars().count();
    format!("{label}{}", " ".repeat(MARKS.saturating_sub(width)))
}

fn words(label: &Label) -> String {
    match label {
        Label::Policy { threshold, authorities: 1 } if threshold.get() == 1 => {
            "this signer must have signed".to_owned()
        }
        Label::Policy { threshold, authorities } => format!("{threshold} of {authorities} signers must have signed"),
        other => headline(other).0,
    }
}

fn headline(label: &Label) -> (String, String) {
    match label {
        Label::Identity { name } => ("identity".to_owned(), escape::one_line(name)),
        Label::Demands { name } => (escape::one_line(name), String::new()),
        Label::Policy { .. } => (words(label), String::new()),
        Label::Key { name, fingerprint } => (format!("key {}", escape::one_line(name)), fingerprint.to_string()),
        Label::Signature { number, origin } => (format!("signature {number}"), escape::one_line(&origin.to_string())),
        _ => ("checks".to_owned(), String::new()),
    }
}

fn detail(outcome: &Outcome) -> String {
    let message = escape::one_line(&outcome.to_string());
    match outcome {
        Outcome::Pass(_) | Outcome::Skip(_) => message,
        Outcome::Fail(_) | Outcome::Unknown(_) => format!("{}: {message}", outcome.code().unwrap_or_default()),
    }
}

/// Marks and colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    colour: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    On,
    Off,
}

impl Paint {
    /// Colours for a stream that a person watches, unless `NO_COLOR` says otherwise.
    pub(super) fn new(watched: IsTerminal, context: &Context) -> Self {
        let wanted = watched == IsTerminal::Yes && context.environment.non_empty("NO_COLOR").is_none();
        Self { colour: if wanted { Colour::On } else { Colour::Off } }
    }

    fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Pass(_) => self.paint("✓", "32"),
            Outcome::Fail(_) => self.paint("✗", "31"),
            Outcome::Skip(_) => self.paint("-", "2"),
            Outcome::Unknown(_) => self.paint("?", "33"),
        }
    }

    fn mark(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified => self.paint("✓", "32"),
            Verdict::Allowed => self.paint("!", "33"),
            Verdict::Rejected => self.paint("✗", "31"),
            Verdict::Undecided => self.paint("?", "33"),
        }
    }

    fn verdict(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified => self.paint("VERIFIED", "32;1"),
            Verdict::Allowed => self.paint("NOT VERIFIED, let in by the policy", "33;1"),
            Verdict::Rejected => self.paint("REFUSED", "31;1"),
            Verdict::Undecided => self.paint("UNDECIDED", "33;1"),
        }
    }

    fn paint(&self, text: &str, code: &str) -> String {
        match self.colour {
            Colour::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colour::Off => text.to_owned(),
        }
    }
}
