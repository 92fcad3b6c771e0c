//! The report as a tree for people. Whatever came from elsewhere is escaped.

use std::collections::BTreeSet;

use sigkit_core::bundle::{BundleError, Origin};
use sigkit_core::content::SIGN_PREDICATE;
use sigkit_core::digest::Digest;
use sigkit_core::reason::Reason;
use sigkit_core::report::{Fact, Label, Node, Outcome, Report, Rule, Verdict};

use super::advice;
use super::failure::without_code;
use crate::escape;
use crate::explain::Place;
use crate::outcome::verification::{Refusal, Trouble, VerificationOutcome, Wanted};
use crate::style::Style;
use crate::wrap::wrap;

/// Column of the marks, where labels are short.
const MARK_COLUMN: usize = 26;
/// The same where they are long.
const MAX_MARK_COLUMN: usize = 40;
/// Room that a detail needs beside its label.
const MIN_BESIDE: usize = 20;
/// Names of groups that say nothing where they have one part only.
const PASSAGES: [&str; 6] =
    ["all of the requirements", "all of", "any of", "any of the authorities", "one provenance", "attested"];
/// Characters of a digest that are enough for a person to tell it from others.
const SHORT_DIGEST: usize = "sha256:".len() + 12;
/// Signatures that do not hold and are shown one by one, of each signer; the rest is counted.
const MAX_SHOWN: usize = 5;

/// The tree of one artifact.
pub(super) fn tree(judgement: &VerificationOutcome, style: Style) -> String {
    let verdict = judgement.verdict();
    let mut text = heading(&style.mark(verdict), &judgement.subject.given, &style.verdict(verdict), verdict, style);
    text.push_str(&body(judgement, style));
    text
}

/// One line of one artifact: with what its name means, or as much of it as fits.
pub(super) fn line(judgement: &VerificationOutcome, style: Style) -> String {
    let verdict = judgement.verdict();
    let subject = &judgement.subject;
    let (given, name) = (escape::one_line(&subject.given), escape::one_line(&subject.name));
    let (mark, said) = (style.mark(verdict), style.verdict(verdict));
    if given == name {
        return format!("{mark} {given}  {said}\n");
    }
    let begins = width(&given).saturating_add(verdict_width(verdict)).saturating_add(6);
    let fits = |text: &str| style.columns.is_none_or(|columns| begins.saturating_add(width(text)) <= columns);
    let short = subject.digest.map(|digest| {
        let digest: String = digest.to_string().chars().take(SHORT_DIGEST).collect();
        format!("{digest}…")
    });
    let meant = [Some(name), short].into_iter().flatten().find(|meant| fits(meant));
    let meant = meant.map(|meant| format!("  {meant}")).unwrap_or_default();
    format!("{mark} {given}  {said}{meant}\n")
}

fn heading(mark: &str, given: &str, said: &str, verdict: Verdict, style: Style) -> String {
    // Colours take no room.
    let plain = verdict_width(verdict).saturating_add(4);
    let columns = style.columns.map(|columns| columns.saturating_sub(plain));
    let lines = wrap(&escape::one_line(given), 0, 0, columns);
    format!("{mark} {}  {said}\n", lines.join("\n    "))
}

fn verdict_width(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Verified | Verdict::Rejected => 8,
        Verdict::Undecided => 9,
        Verdict::Allowed => 28,
    }
}

/// What it is, and the checks.
fn body(judgement: &VerificationOutcome, style: Style) -> String {
    let subject = &judgement.subject;
    let mut text = String::new();
    if subject.name != subject.given {
        text.push_str(&indented(&escape::one_line(&subject.name), 2, style));
    }
    let Some(report) = judgement.report() else { return text };
    let headline = report.headline().map(|headline| headline.outcome);
    text.push_str(&checks(
        judgement,
        report,
        Tree { style, headline, digest: subject.digest.filter(|_| subject.place != Place::Blob) },
    ));
    text
}

fn checks(judgement: &VerificationOutcome, report: &Report, tree: Tree<'_>) -> String {
    let mut text = String::new();
    match &report.root {
        Node::Group { label, .. } => {
            let words = words(label);
            // The rules about an image have its name, which has been said.
            if words != escape::one_line(&judgement.subject.given) {
                text.push_str(&indented(&words, 2, tree.style));
            }
            tree.show(tree.rows(&report.root), &mut text);
        }
        leaf @ Node::Leaf { .. } => tree.show(vec![tree.part(leaf)], &mut text),
    }
    text
}

/// Lines that begin at a column.
fn indented(text: &str, column: usize, style: Style) -> String {
    let indent = " ".repeat(column);
    wrap(text, column, column, style.columns).into_iter().map(|line| format!("{indent}{line}\n")).collect()
}

/// A line of its own, of which further ones are indented.
fn paragraph(text: &str, style: Style) -> String {
    let mut lines = wrap(text, 0, 2, style.columns).join("\n  ");
    lines.push('\n');
    lines
}

/// The tree of a refusal, the one line that says why, and the one that says what to do.
pub(super) fn refusal(judgement: &VerificationOutcome, refusal: &Refusal, style: Style) -> String {
    let Trouble { code, message, place } = refusal.trouble();
    // A line of a log is read alone; on a terminal, the lines above say what the name means.
    let name = match style.columns {
        Some(_) => escape::one_line(&judgement.subject.given),
        None => judgement.subject.label(),
    };
    let message = match (code, judgement.subject.wanted) {
        ("predicate-type-mismatch", Wanted::Signature) => format!("an attestation is not a signature: {message}"),
        ("no-signatures", Wanted::Attestation) => message.replacen("no signature", "no attestation", 1),
        _ => without_code(code, &message).to_owned(),
    };
    if matches!(refusal, Refusal::Allowed(_)) {
        let message = escape::one_line(&message);
        let line = format!("ALLOWED WITHOUT VERIFICATION by policy: {name}: {code}: {message} (sigkit explain {code})");
        let tree = Tree { style, headline: None, digest: judgement.subject.digest };
        let checks = judgement.report().map(|report| checks(judgement, report, tree)).unwrap_or_default();
        return paragraph(&line, style) + &checks;
    }
    let mut text = tree(judgement, style);
    let message = place.into_iter().fold(message, |message, place| format!("{message}; in {place}"));
    let message = escape::one_line(&message);
    text.push_str(&paragraph(&format!("Error: {name}: {code}: {message} (sigkit explain {code})"), style));
    text.push_str(&paragraph(&format!("Next: {}", advice::next(judgement, refusal, code)), style));
    text
}

/// What an index lists and its store does not have.
pub(super) fn absent(judgement: &VerificationOutcome) -> String {
    let name = judgement.subject.label();
    let line = |entry: &String| {
        format!("WARNING: {name}: {} is listed, but not here, so it was not checked\n", escape::one_line(entry))
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

/// How a tree is shown.
#[derive(Clone, Copy)]
struct Tree<'r> {
    style: Style,
    /// The outcome that the error line explains below.
    headline: Option<&'r Outcome>,
    /// The digest of the artifact.
    digest: Option<Digest>,
}

/// A branch as it is shown.
struct Row<'a> {
    label: String,
    mark: String,
    detail: String,
    below: Option<&'a Node>,
}

/// The same with the branches to its left.
struct Placed {
    /// To the left of its first line.
    first: String,
    /// To the left of its further lines, as far as the label goes.
    next: String,
    /// The branch to what is below it, if there is anything.
    branch: &'static str,
    label: String,
    mark: String,
    detail: String,
}

impl Tree<'_> {
    /// Writes rows and all that is below them, marks in one column.
    fn show(&self, rows: Vec<Row<'_>>, text: &mut String) {
        let mut placed = Vec::new();
        self.place(rows, "  ", &mut placed);
        let columns = self.style.columns;
        let most = columns.map_or(MAX_MARK_COLUMN, |columns| columns.saturating_mul(2) / 5).min(MAX_MARK_COLUMN);
        let labels = placed.iter().filter(|row| !row.detail.is_empty());
        let widest = labels.map(|row| width(&row.first).saturating_add(width(&row.label))).max().unwrap_or_default();
        let mark_column = widest.saturating_add(1).clamp(MARK_COLUMN.min(most), most);
        placed.iter().for_each(|row| row.write(mark_column, columns, text));
    }

    fn place(&self, rows: Vec<Row<'_>>, indent: &str, placed: &mut Vec<Placed>) {
        let count = rows.len();
        for (row, number) in rows.into_iter().zip(1_usize..) {
            let (branch, below) = if number == count { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let rows = row.below.map(|node| self.rows(node)).unwrap_or_default();
            let next = format!("{indent}{below}");
            placed.push(Placed {
                first: format!("{indent}{branch}"),
                next: next.clone(),
                branch: if rows.is_empty() { "" } else { "│" },
                label: row.label,
                mark: row.mark,
                detail: row.detail,
            });
            self.place(rows, &next, placed);
        }
    }

    /// The rows below a group: what is not a signature is summed up in one, and so are signatures beyond a number.
    fn rows<'a>(&self, group: &'a Node) -> Vec<Row<'a>> {
        let Node::Group { label, parts, .. } = group else { return Vec::new() };
        let leads = |part: &Node| self.headline.is_some_and(|headline| contains(part, headline));
        let mut rows = Vec::new();
        let (mut shown, mut hidden) = (0_usize, 0_usize);
        for part in parts.iter().filter(|part| Other::of(part).is_none()) {
            if is_signature(part) && part.verdict() == Verdict::Rejected && !leads(part) {
                if shown >= MAX_SHOWN {
                    hidden = hidden.saturating_add(1);
                    continue;
                }
                shown = shown.saturating_add(1);
            }
            if is_passage(part) {
                rows.extend(self.rows(part));
            } else {
                rows.push(self.part(part));
            }
        }
        if hidden > 0 {
            let label = format!("{hidden} more {}", if hidden == 1 { "signature" } else { "signatures" });
            let detail = "not valid either (-o report shows all)".to_owned();
            rows.push(Row { label, mark: self.style.mark(Verdict::Rejected), detail, below: None });
        }
        // All signers of a policy are looked for among the same.
        if let (Label::Policy { .. }, Some(first)) = (label, parts.first()) {
            let mut others = Others::default();
            others.collect(first, self.headline);
            let mark = if others.lead { self.style.mark(Verdict::Rejected) } else { self.style.remark() };
            let row = |(label, detail)| Row { label, mark: mark.clone(), detail, below: None };
            rows.extend(others.words().into_iter().map(row));
        }
        rows
    }

    fn part<'a>(&self, part: &'a Node) -> Row<'a> {
        match part {
            Node::Leaf { check, outcome } => Row {
                label: check.name().to_owned(),
                mark: self.style.outcome(outcome),
                detail: self.detail(outcome),
                below: None,
            },
            Node::Group { label, rule, .. } => {
                let (name, detail) = headline(label);
                let detail = if *rule == Rule::Advisory { "only warns".to_owned() } else { detail };
                Row { label: name, mark: self.style.mark(part.verdict()), detail, below: Some(part) }
            }
        }
    }

    fn detail(&self, outcome: &Outcome) -> String {
        let message = escape::one_line(&outcome.to_string());
        let code = outcome.code().unwrap_or_default();
        match outcome {
            Outcome::Pass(Fact::Subject { digest }) if self.digest == Some(*digest) => "names this digest".to_owned(),
            Outcome::Pass(_) | Outcome::Skip(_) => message,
            Outcome::Fail(_) | Outcome::Unknown(_) if self.headline.is_some_and(|told| std::ptr::eq(told, outcome)) => {
                format!("{code}, see below")
            }
            Outcome::Fail(_) | Outcome::Unknown(_) => format!("{code}: {message}"),
        }
    }
}

impl Placed {
    /// Label, mark, detail. What does not fit goes on in further lines, with the branches to their left.
    fn write(&self, mark_column: usize, columns: Option<usize>, text: &mut String) {
        let detail_column = mark_column.saturating_add(4);
        let rest = format!("{}{}", self.next, self.branch);
        let room = columns.map(|columns| columns.saturating_sub(2));
        let mut labels = wrap(&self.label, width(&self.first), width(&self.next), room).into_iter().peekable();
        let mut line = format!("{}{}", self.first, labels.next().unwrap_or_default());
        for label in labels {
            text.push_str(&format!("{line}\n"));
            line = format!("{}{label}", self.next);
        }
        let first = format!("{} {}", pad(&line, mark_column), self.mark);
        if self.detail.is_empty() {
            text.push_str(&format!("{first}\n"));
            return;
        }
        let begins = width(&pad(&line, mark_column)).saturating_add(4);
        // A long label may leave too little room for it.
        let beside = columns.is_none_or(|columns| begins.saturating_add(MIN_BESIDE) <= columns);
        let begins = if beside { begins } else { detail_column };
        let mut lines = wrap(&self.detail, begins, detail_column, columns).into_iter();
        let detail = if beside { format!("  {}", lines.next().unwrap_or_default()) } else { String::new() };
        text.push_str(&format!("{first}{detail}\n"));
        for line in lines {
            text.push_str(&format!("{}{line}\n", pad(&rest, detail_column)));
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn pad(line: &str, column: usize) -> String {
    format!("{line}{}", " ".repeat(column.saturating_sub(width(line))))
}

/// Whether a group says nothing that its only part does not say.
fn is_passage(part: &Node) -> bool {
    match part {
        Node::Group { label: Label::Policy { threshold, authorities: 1 }, .. } => threshold.get() == 1,
        Node::Group { label: Label::Requirements { name }, parts, .. } => {
            parts.len() == 1 && PASSAGES.contains(&name.as_str())
        }
        _ => false,
    }
}

fn is_signature(part: &Node) -> bool {
    matches!(part, Node::Group { label: Label::Signature { .. }, .. })
}

fn contains(part: &Node, wanted: &Outcome) -> bool {
    match part {
        Node::Leaf { outcome, .. } => std::ptr::eq(outcome, wanted),
        Node::Group { parts, .. } => parts.iter().any(|part| contains(part, wanted)),
    }
}

/// What lies here as well, and is not of the kind that was looked for.
#[derive(Default)]
struct Others {
    attestations: (usize, BTreeSet<String>),
    /// Where attestations of a type are looked for, those of another type.
    of_other_types: (usize, BTreeSet<String>),
    /// The same, signatures.
    signatures: (usize, BTreeSet<String>),
    things: (usize, BTreeSet<String>),
    /// Whether one of them is why the artifact is rejected.
    lead: bool,
}

/// Why something is not of the kind that was looked for.
enum Other<'r> {
    Attestation(&'r str),
    OfOtherType(&'r str),
    /// In this place.
    Thing(&'r Origin, &'r str),
}

impl<'r> Other<'r> {
    /// `None` for a candidate.
    fn of(part: &'r Node) -> Option<Self> {
        let Node::Group { label: Label::Signature { origin, .. }, parts, .. } = part else { return None };
        parts.iter().find_map(|part| match part {
            Node::Leaf {
                outcome:
                    Outcome::Fail(
                        Reason::PredicateTypeMismatch { expected, found }
                        | Reason::Unreadable(BundleError::PassedOver { expected, found }),
                    ),
                ..
            } => Some(if expected == SIGN_PREDICATE { Self::Attestation(found) } else { Self::OfOtherType(found) }),
            Node::Leaf { outcome: Outcome::Fail(Reason::Unreadable(BundleError::NotASignature { found })), .. } => {
                Some(Self::Thing(origin, found))
            }
            _ => None,
        })
    }
}

impl Others {
    /// Adds those below a node.
    fn collect(&mut self, node: &Node, headline: Option<&Outcome>) {
        let (kind, found) = match (Other::of(node), node) {
            (Some(Other::Attestation(found)), _) => (&mut self.attestations, found.to_owned()),
            (Some(Other::OfOtherType(SIGN_PREDICATE)), _) => (&mut self.signatures, SIGN_PREDICATE.to_owned()),
            (Some(Other::OfOtherType(found)), _) => (&mut self.of_other_types, found.to_owned()),
            (Some(Other::Thing(origin, found)), _) => (&mut self.things, format!("{origin}: {found}")),
            // A policy within has its own.
            (None, Node::Group { label: Label::Policy { .. }, .. } | Node::Leaf { .. }) => return,
            (None, Node::Group { parts, .. }) => {
                return parts.iter().for_each(|part| self.collect(part, headline));
            }
        };
        kind.0 = kind.0.saturating_add(1);
        kind.1.insert(found);
        self.lead = self.lead || headline.is_some_and(|headline| contains(node, headline));
    }

    /// Label and detail of each kind of which there are any.
    fn words(&self) -> Vec<(String, String)> {
        [
            (
                &self.attestations,
                "attestation",
                "here as well, not a signature of the image",
                "here as well, not signatures of the image",
            ),
            (&self.of_other_types, "attestation", "here as well, of another type", "here as well, of other types"),
            (&self.signatures, "signature", "here as well, not an attestation", "here as well, not attestations"),
            (&self.things, "other thing", "here as well, not a signature", "here as well, not signatures"),
        ]
        .into_iter()
        .filter(|((count, _), ..)| *count > 0)
        .map(|((count, found), noun, one, several)| {
            let (noun, words) = match count {
                1 => (format!("1 {noun}"), one),
                _ => (format!("{count} {noun}s"), several),
            };
            let found: Vec<_> = found.iter().take(5).map(|found| escape::one_line(found)).collect();
            let types = if noun.contains("signature") { String::new() } else { format!(": {}", found.join(", ")) };
            (noun, format!("{words}{types}"))
        })
        .collect()
    }
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
        Label::Requirements { name } => (escape::one_line(name), String::new()),
        Label::Policy { .. } => (words(label), String::new()),
        Label::Key { name, fingerprint } => (format!("key {}", escape::one_line(name)), fingerprint.to_string()),
        Label::Signature { number, origin } => (format!("signature {number}"), escape::one_line(&origin.to_string())),
        _ => ("checks".to_owned(), String::new()),
    }
}
