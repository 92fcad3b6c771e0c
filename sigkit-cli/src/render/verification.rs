//! The results of verifications, in the format that was asked for.

use sigkit_core::report::{TextStyle, Verdict};

use super::summary::Summary;
use super::{cosign, report, text};
use crate::args::{FromVariable, ReportFormat};
use crate::outcome::Output;
use crate::outcome::verification::{Compared, VerificationOutcome};
use crate::style::Styles;
use sigkit_core::text::escape;

/// How many images a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Many {
    /// One, which is shown in full.
    One,
    /// Several, each under its name.
    Named,
    /// Also those below the ones named.
    Below,
}

/// The results of verifying images, rendered as they come; of those that are rendered the number is kept, and the names of failures.
#[derive(Debug)]
pub(crate) struct Results {
    format: Option<ReportFormat>,
    view: View,
    /// What is printed of a signature where cosign's shape is asked for.
    shape: Shape,
    many: Many,
    stdout: TextStyle,
    stderr: TextStyle,
    beliefs: Vec<FromVariable>,
    summary: Summary,
}

/// What standard output shows of an image that is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// What machines read.
    Machine,
    /// The tree.
    Tree,
    /// A line, where there are many.
    Line,
}

/// What cosign prints of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// What it claims, in an array or one on a line.
    Claims,
    /// Its envelope on a line, whatever is asked for.
    Envelopes,
}

impl Results {
    /// None yet.
    pub(crate) fn new(format: Option<ReportFormat>, styles: Styles, beliefs: Vec<FromVariable>) -> Self {
        Self {
            shape: Shape::Claims,
            format,
            view: match format {
                None | Some(ReportFormat::Text) if styles.stdout.columns().is_some() => View::Tree,
                _ => View::Machine,
            },
            many: Many::One,
            stdout: styles.stdout,
            stderr: styles.stderr,
            beliefs,
            summary: Summary::new("verified"),
        }
    }

    /// None yet, of attestations.
    pub(crate) fn of_attestations(format: Option<ReportFormat>, styles: Styles, beliefs: Vec<FromVariable>) -> Self {
        Self { shape: Shape::Envelopes, ..Self::new(format, styles, beliefs) }
    }

    /// Of so many images: a verified one takes a line, unless `-o text` asks for trees.
    pub(crate) fn of(self, many: Many) -> Self {
        let view = match (self.view, self.format, many) {
            (View::Tree, None, Many::Named | Many::Below) => View::Line,
            (view, ..) => view,
        };
        Self { many, view, ..self }
    }

    /// Those of the image of this number, and of all below it.
    pub(crate) fn render(&mut self, number: usize, judgements: &[VerificationOutcome]) -> Output {
        let mut output = Output::result(Vec::new());
        for judgement in judgements {
            match (self.format, &judgement.result, self.view) {
                (Some(ReportFormat::Report), ..) => output.stdout.extend(report::line(judgement, &self.beliefs)),
                (_, Ok(_), View::Tree) => output.stdout.extend(text::tree(judgement, self.stdout).into_bytes()),
                (_, Ok(_), View::Line) => output.stdout.extend(text::line(judgement, self.stdout).into_bytes()),
                (_, Ok(verified), View::Machine) if self.shape == Shape::Envelopes => {
                    output.documents.extend(cosign::envelopes(verified));
                }
                (Some(ReportFormat::Text), Ok(verified), View::Machine) => {
                    output.stdout.extend(cosign::lines(verified));
                }
                (_, Ok(verified), View::Machine) => output.stdout.extend(cosign::array(verified)),
                (_, Err(_), _) => {}
            }
            match (&judgement.result, self.view) {
                (Ok(verified), View::Machine) => {
                    output.report.push_str(&cosign::header(&judgement.subject.label(), verified.report()));
                    output.report.push_str(&cosign::certificates(verified));
                    output.report.push_str(&verified.report().text().warnings());
                }
                (Ok(verified), View::Line) => output.report.push_str(&verified.report().text().warnings()),
                (Ok(_), View::Tree) => {}
                (Err(rejected), _) => output.report.push_str(&text::rejected(judgement, rejected, self.stderr)),
            }
            output.report.push_str(&text::absent(judgement));
            output.exit = output.exit.worst(judgement.exit());
            self.count(number, judgement);
        }
        output
    }

    fn count(&mut self, number: usize, judgement: &VerificationOutcome) {
        let name = match self.many {
            Many::Below => judgement.subject.label(),
            Many::One | Many::Named => judgement.subject.given.clone(),
        };
        match (&judgement.result, judgement.verdict()) {
            (_, Verdict::Allowed) => self.summary.allowed(number, &name),
            (Ok(_), _) => self.summary.count(number, judgement.exit(), &name, ""),
            (Err(rejected), _) => self.summary.count(number, judgement.exit(), &name, rejected.code()),
        }
    }

    /// How many of many, when there were many, and which of them not.
    pub(crate) fn summary(&self) -> Output {
        let mut output = Output::result(Vec::new());
        output.report = self.summary.text(self.stderr.columns());
        output
    }
}

/// The result of verifying a blob.
pub(crate) fn blob(
    judgement: &VerificationOutcome,
    format: Option<ReportFormat>,
    style: TextStyle,
    beliefs: &[FromVariable],
) -> Output {
    let mut output = Output::result(Vec::new());
    match (format, &judgement.result) {
        (Some(ReportFormat::Report), _) => output.stdout = report::line(judgement, beliefs),
        (Some(ReportFormat::Json | ReportFormat::Text), Ok(verified)) => {
            output.documents.extend(cosign::envelopes(verified));
        }
        _ => {}
    }
    match &judgement.result {
        Ok(verified) => {
            output.report.push_str(&cosign::certificates(verified));
            output.report.push_str(&match judgement.subject.compared {
                Compared::WithArtifact => "Verified OK\n".to_owned(),
                Compared::WithNothing => format!(
                    "The attestation is verified; it was NOT compared with {} (disabled by flag)\n",
                    escape::one_line(&judgement.subject.given)
                ),
            });
        }
        Err(rejected) => output.report.push_str(&text::rejected(judgement, rejected, style)),
    }
    output.exit = judgement.exit();
    output
}
