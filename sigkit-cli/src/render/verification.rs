//! The results of verifications, in the format that was asked for.

use sigkit_core::report::Verdict;

use super::summary::Tally;
use super::text::Paint;
use super::{cosign, report, text};
use crate::args::{FromVariable, ReportFormat};
use crate::context::Context;
use crate::escape;
use crate::outcome::Output;
use crate::outcome::verification::{Compared, VerificationOutcome};
use crate::terminal::streams::{IsTerminal, Stderr, Stdout};

/// The results of verifying images, rendered as they come; of those that are rendered only the number is kept.
#[derive(Debug)]
pub(crate) struct Results {
    format: Option<ReportFormat>,
    /// Whether a person reads the results, as a tree.
    tree: bool,
    /// What is printed of a signature where cosign's shape is asked for.
    shape: Shape,
    stdout: Paint,
    stderr: Paint,
    beliefs: Vec<FromVariable>,
    tally: Tally,
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
    pub(crate) fn new(format: Option<ReportFormat>, context: &Context) -> Self {
        Self {
            shape: Shape::Claims,
            format,
            tree: format.is_none() && Stdout::is_terminal() == IsTerminal::Yes,
            stdout: Paint::new(Stdout::is_terminal(), context),
            stderr: Paint::new(Stderr::is_terminal(), context),
            beliefs: context.beliefs(),
            tally: Tally::default(),
        }
    }

    /// None yet, of attestations.
    pub(crate) fn of_attestations(format: Option<ReportFormat>, context: &Context) -> Self {
        Self { shape: Shape::Envelopes, ..Self::new(format, context) }
    }

    /// The next ones.
    pub(crate) fn render(&mut self, judgements: &[VerificationOutcome]) -> Output {
        let mut output = Output::result(Vec::new());
        for judgement in judgements {
            match (self.format, &judgement.result) {
                (Some(ReportFormat::Report), _) => output.stdout.extend(report::line(judgement, &self.beliefs)),
                (_, Ok(_)) if self.tree => output.stdout.extend(text::tree(judgement, self.stdout).into_bytes()),
                (_, Ok(verified)) if self.shape == Shape::Envelopes => {
                    cosign::envelopes(verified, &mut output.stdout);
                }
                (Some(ReportFormat::Text), Ok(verified)) => output.stdout.extend(cosign::lines(verified)),
                (_, Ok(verified)) => output.stdout.extend(cosign::array(verified)),
                (_, Err(_)) => {}
            }
            match &judgement.result {
                Ok(verified) if !self.tree => {
                    output.report.push_str(&cosign::header(&judgement.subject.name, verified.report()));
                    output.report.push_str(&cosign::certificates(verified));
                    output.report.push_str(&text::doubts(verified.report()));
                }
                Ok(_) => {}
                Err(refusal) => output.report.push_str(&text::refusal(judgement, refusal, self.stderr)),
            }
            output.report.push_str(&text::absent(judgement));
            output.exit = output.exit.worst(judgement.exit());
            match judgement.verdict() {
                Verdict::Allowed => self.tally.let_in(),
                _ => self.tally.count(judgement.exit()),
            }
        }
        output
    }

    /// How many of many, when there were many.
    pub(crate) fn summary(&self) -> Output {
        let mut output = Output::result(Vec::new());
        if self.tally.total() > 1 {
            output.report = self.tally.to_string();
        }
        output
    }
}

/// The result of verifying a blob.
pub(crate) fn blob(judgement: &VerificationOutcome, format: Option<ReportFormat>, context: &Context) -> Output {
    let mut output = Output::result(Vec::new());
    match (format, &judgement.result) {
        (Some(ReportFormat::Report), _) => output.stdout = report::line(judgement, &context.beliefs()),
        (Some(ReportFormat::Json | ReportFormat::Text), Ok(verified)) => {
            cosign::envelopes(verified, &mut output.stdout);
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
        Err(refusal) => {
            let paint = Paint::new(Stderr::is_terminal(), context);
            output.report.push_str(&text::refusal(judgement, refusal, paint));
        }
    }
    output.exit = judgement.exit();
    output
}
