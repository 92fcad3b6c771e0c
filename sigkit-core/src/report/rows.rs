//! The tree as rows: labels, marks and details, with branches to their left.

use super::others::{Other, Others, contains};
use super::{Fact, Label, Node, Outcome, Rule, TextStyle, Verdict};
use crate::digest::Digest;
use crate::text::{escape, wrap};

/// Column of the marks, where labels are short.
const MARK_COLUMN: usize = 26;
/// The same where they are long.
const MAX_MARK_COLUMN: usize = 40;
/// Room that a detail needs beside its label.
const MIN_BESIDE: usize = 20;
/// Names of groups that say nothing where they have one part only.
const PASSAGES: [&str; 6] =
    ["all of the requirements", "all of", "any of", "any of the authorities", "one provenance", "attested"];
/// Signatures that do not hold and are shown one by one, of each signer; the rest is counted.
const MAX_SHOWN: usize = 5;

/// How a tree is shown.
#[derive(Clone, Copy)]
pub(super) struct Tree<'r> {
    pub(super) style: TextStyle,
    /// The outcome that the error line explains below.
    pub(super) headline: Option<&'r Outcome>,
    /// The digest of the artifact.
    pub(super) digest: Option<Digest>,
}

/// A branch as it is shown.
pub(super) struct Row<'a> {
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
    pub(super) fn show(&self, rows: Vec<Row<'_>>, text: &mut String) {
        let mut placed = Vec::new();
        self.place(rows, "  ", &mut placed);
        let columns = self.style.columns();
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
    pub(super) fn rows<'a>(&self, group: &'a Node) -> Vec<Row<'a>> {
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
            let mark = if others.lead { self.style.mark(Verdict::Rejected) } else { self.style.neutral() };
            let row = |(label, detail)| Row { label, mark: mark.clone(), detail, below: None };
            rows.extend(others.words().into_iter().map(row));
        }
        rows
    }

    pub(super) fn part<'a>(&self, part: &'a Node) -> Row<'a> {
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

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

fn pad(line: &str, column: usize) -> String {
    format!("{line}{}", " ".repeat(column.saturating_sub(width(line))))
}

/// Returns true if a group says nothing that its only part does not say.
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

pub(super) fn words(label: &Label) -> String {
    match label {
        Label::Policy { threshold, authorities: 1 } if threshold.get() == 1 => {
            "this signer must have signed".to_owned()
        }
        Label::Policy { threshold, authorities } => format!("{threshold} of {authorities} signers must have signed"),
        other => headline(other).0,
    }
}

pub(super) fn headline(label: &Label) -> (String, String) {
    match label {
        Label::Identity { name } => ("identity".to_owned(), escape::one_line(name)),
        Label::Requirements { name } => (escape::one_line(name), String::new()),
        Label::Policy { .. } => (words(label), String::new()),
        Label::Key { name, fingerprint } => (format!("key {}", escape::one_line(name)), fingerprint.to_string()),
        Label::Signature { number, origin } => (format!("signature {number}"), escape::one_line(&origin.to_string())),
    }
}
