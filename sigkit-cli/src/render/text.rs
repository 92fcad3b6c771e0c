//! What became of one artifact, as text: its report, what to do next, and what only the program knows. All of it is escaped.

use sigkit_core::report::{Report, ReportText, TextStyle, error_line, heading};
use sigkit_core::text::{escape, wrap};

use super::advice;
use crate::explain::Place;
use crate::outcome::verification::{Rejected, VerificationOutcome, Wanted};

/// Characters of a digest that are enough for a person to tell it from others.
const SHORT_DIGEST: usize = "sha256:".len() + 12;

/// The report of one artifact.
pub(super) fn tree(judgement: &VerificationOutcome, style: TextStyle) -> String {
    let subject = &judgement.subject;
    match judgement.report() {
        Some(report) => text(judgement, report, style).to_string(),
        None => heading(judgement.verdict(), Some(&subject.given), Some(&subject.name), style),
    }
}

fn text<'r>(judgement: &'r VerificationOutcome, report: &'r Report, style: TextStyle) -> ReportText<'r> {
    let subject = &judgement.subject;
    let text = report.text().with_style(style).with_name(&subject.given).with_resolved_name(&subject.name);
    let text = text.with_digest(subject.digest.filter(|_| subject.place != Place::Blob));
    match subject.wanted {
        Wanted::Signature => text,
        Wanted::Attestation => text.of_attestations(),
    }
}

/// One line of one artifact: with what its name means, or as much of it as fits.
pub(super) fn line(judgement: &VerificationOutcome, style: TextStyle) -> String {
    let verdict = judgement.verdict();
    let subject = &judgement.subject;
    let (given, name) = (escape::one_line(&subject.given), escape::one_line(&subject.name));
    let (mark, said) = (style.mark(verdict), style.verdict(verdict));
    if given == name {
        return format!("{mark} {given}  {said}\n");
    }
    // Colors take no room.
    let begins = width(&given).saturating_add(width(&TextStyle::PLAIN.verdict(verdict))).saturating_add(6);
    let fits = |text: &str| style.columns().is_none_or(|columns| begins.saturating_add(width(text)) <= columns);
    let short = subject.digest.map(|digest| {
        let digest: String = digest.to_string().chars().take(SHORT_DIGEST).collect();
        format!("{digest}…")
    });
    let resolved = [Some(name), short].into_iter().flatten().find(|resolved| fits(resolved));
    let resolved = resolved.map(|resolved| format!("  {resolved}")).unwrap_or_default();
    format!("{mark} {given}  {said}{resolved}\n")
}

/// The report of what is not verified, with the line that says why, and the one that says what to do.
pub(super) fn rejected(judgement: &VerificationOutcome, rejected: &Rejected, style: TextStyle) -> String {
    let mut text = tree(judgement, style);
    if matches!(rejected, Rejected::Allowed(_)) {
        return text;
    }
    let code = rejected.code();
    if judgement.report().is_none() {
        let name = match style.columns() {
            Some(_) => judgement.subject.given.clone(),
            None => judgement.subject.label(),
        };
        text.push_str(&error_line(Some(&name), code, &rejected.message(), style));
    }
    let next = format!("Next: {}", advice::next(judgement, rejected, code));
    text.push_str(&wrap(&next, 0, 2, style.columns()).join("\n  "));
    text.push('\n');
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

fn width(text: &str) -> usize {
    text.chars().count()
}
