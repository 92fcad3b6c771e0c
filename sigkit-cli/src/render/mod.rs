//! What people and machines read of a verification: the only writers of results.

mod bundle;
mod cosign;
mod cosign_bundle;
mod report;
mod summary;
mod text;

use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::oci::Manifest;
use sigkit_core::reason::Reason;
use sigkit_core::report::{Label, Node, Outcome, Report, Verdict, Waiver};
use sigkit_core::store::{FetchedManifest, StoreError};
use sigkit_core::verify::{Admission, Allowed, NotVerified, Verified};

pub(crate) use self::bundle::bundle;
use self::summary::Tally;
use self::text::Paint;
use crate::args::{FromVariable, ReportFormat};
use crate::context::Context;
use crate::escape;
use crate::exit::ExitCode;
use crate::explain;
use crate::outcome::Output;
use crate::settings::target::{OpenTarget, Unresolved};
use crate::terminal::streams::{IsTerminal, Stderr, Stdout};

/// What was judged, and how it went.
#[derive(Debug)]
pub(crate) struct VerificationOutcome {
    subject: Subject,
    result: Result<Verified, Refusal>,
    /// What an index lists and its place does not hold, so that nobody has compared it.
    absent: Vec<String>,
}

/// What was judged.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// As the user named it.
    given: String,
    /// The flags by which less was asked for than usual.
    weakened: Vec<&'static str>,
    /// Whether what was signed was compared with the artifact.
    compared: Compared,
    /// `repository@digest`, once that is known.
    name: String,
    /// The digest, once it is known.
    digest: Option<Digest>,
    shape: Manifests,
}

/// Of how many manifests an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manifests {
    /// One at most.
    One,
    /// An index lists those of several images.
    Several,
}

/// Whether what was signed was compared with the artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// It was.
    WithArtifact,
    /// Nobody looked at the artifact, as asked.
    WithNothing,
}

impl Subject {
    /// An image that was resolved.
    pub(crate) fn image(given: &str, open: &OpenTarget, image: &FetchedManifest) -> Self {
        use sigkit_core::store::Store as _;
        let digest = image.descriptor.digest;
        Self {
            name: format!("{}@{digest}", open.store.name()),
            digest: Some(digest),
            shape: match image.manifest {
                Manifest::Index(_) => Manifests::Several,
                Manifest::Image(_) => Manifests::One,
            },
            ..Self::named(given.to_owned(), None)
        }
    }

    /// Something that has no other name than the user's.
    pub(crate) fn named(given: String, digest: Option<Digest>) -> Self {
        let compared = Compared::WithArtifact;
        Self { name: given.clone(), given, weakened: Vec::new(), compared, digest, shape: Manifests::One }
    }

    /// The same, where nobody looked at the artifact unless `compared` says so: it is then not what was verified.
    pub(crate) fn compared(self, compared: Compared) -> Self {
        match compared {
            Compared::WithArtifact => self,
            Compared::WithNothing => Self { compared, name: "any artifact".to_owned(), digest: None, ..self },
        }
    }

    /// The same, judged with these flags by which less is asked for than usual.
    pub(crate) fn weakened(self, flags: Vec<&'static str>) -> Self {
        Self { weakened: flags, ..self }
    }
}

/// Why there is no proof.
#[derive(Debug)]
enum Refusal {
    /// The evidence does not meet the policy, or cannot be read.
    NotVerified(NotVerified),
    /// The image itself could not be read.
    Unresolved(Unresolved),
    /// Time ran out.
    TimedOut(Duration),
    /// The policy asks for none.
    Allowed(Allowed),
}

impl Refusal {
    fn report(&self) -> Option<&Report> {
        match self {
            Self::NotVerified(refusal) => Some(refusal.report()),
            Self::Allowed(allowed) => Some(allowed.report()),
            Self::Unresolved(_) | Self::TimedOut(_) => None,
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::NotVerified(refusal) => refusal.report().verdict(),
            Self::Allowed(allowed) => allowed.report().verdict(),
            Self::Unresolved(_) | Self::TimedOut(_) if self.exit() == ExitCode::Undecided => Verdict::Undecided,
            Self::Unresolved(_) | Self::TimedOut(_) => Verdict::Rejected,
        }
    }

    fn exit(&self) -> ExitCode {
        match self {
            Self::NotVerified(refusal) => match (refusal.report().verdict(), refusal.found()) {
                (Verdict::Undecided, _) => ExitCode::Undecided,
                _ if self.is_by_name() => ExitCode::Failed,
                (_, 0) => ExitCode::NoSignatures,
                _ if lack_certificates(&refusal.report().root) => ExitCode::NoCertificate,
                _ => ExitCode::NoMatch,
            },
            Self::Allowed(_) => ExitCode::Done,
            Self::Unresolved(unresolved) => unresolved.exit(),
            Self::TimedOut(_) => ExitCode::Undecided,
        }
    }

    /// Whether no signature could have changed it: the policy refuses the image by its name.
    fn is_by_name(&self) -> bool {
        matches!(self.trouble().code, "no-policy-matches" | "refused-by-policy")
    }

    /// The most useful reason.
    fn trouble(&self) -> Trouble {
        match self {
            Self::NotVerified(refusal) => Trouble::of(refusal.report(), "no-signatures"),
            Self::Allowed(allowed) => Trouble::of(allowed.report(), Waiver::NothingDemanded.code()),
            Self::Unresolved(unresolved) => Trouble::new(unresolved.error.code(), unresolved.to_string()),
            Self::TimedOut(limit) => Trouble::new("timed-out", format!("nothing was decided within {limit:?}")),
        }
    }
}

/// Whether signatures were found, an identity was asked for, and none of them came with a certificate.
fn lack_certificates(node: &Node) -> bool {
    let missing =
        |part: &Node| matches!(part, Node::Leaf { outcome: Outcome::Fail(Reason::CertificateMissing { .. }), .. });
    match node {
        Node::Group { label: Label::Signature { .. }, parts, .. } => parts.iter().any(missing),
        Node::Group { parts, .. } => !parts.is_empty() && parts.iter().all(lack_certificates),
        Node::Leaf { .. } => false,
    }
}

/// Why there is no proof, in short.
#[derive(Debug)]
struct Trouble {
    /// The reason code.
    code: &'static str,
    /// What was expected and found.
    message: String,
    /// Which signature it is about, if it is about one.
    place: Option<String>,
}

impl Trouble {
    /// What the report says first; `otherwise` when it has no complaint.
    fn of(report: &Report, otherwise: &'static str) -> Self {
        match report.first_trouble() {
            Some(trouble) => Self {
                code: trouble.code().unwrap_or_default(),
                message: trouble.to_string(),
                place: text::place(&report.root, trouble),
            },
            None => Self::new(otherwise, "nothing was verified".to_owned()),
        }
    }

    const fn new(code: &'static str, message: String) -> Self {
        Self { code, message, place: None }
    }
}

/// The line of a failure, and one that says what to do next; both escaped.
pub(crate) fn failure(name: &str, code: &str, message: &str) -> String {
    let (name, message) = (escape::one_line(name), escape::one_line(message));
    let next = explain::page(code).map(|page| format!("\nNext: {}", page.next)).unwrap_or_default();
    format!("Error: {name}: {code}: {message} (sigkit explain {code}){next}")
}

/// The exit code for trouble with an image itself.
pub(crate) const fn store_exit(error: &StoreError) -> ExitCode {
    match error {
        StoreError::NotFound { .. } => ExitCode::NoSuchImage,
        StoreError::Denied { .. }
        | StoreError::Unavailable { .. }
        | StoreError::TimedOut { .. }
        | StoreError::Protocol { .. }
        | StoreError::Lacks { .. }
        | StoreError::TooLarge { .. } => ExitCode::Undecided,
        _ => ExitCode::Failed,
    }
}

impl VerificationOutcome {
    /// The verifier's answer.
    pub(crate) fn new(subject: Subject, result: Result<Verified, NotVerified>) -> Self {
        Self { subject, result: result.map_err(Refusal::NotVerified), absent: Vec::new() }
    }

    /// What a set of policies makes of it.
    pub(crate) fn admitted(subject: Subject, admission: Admission) -> Self {
        let result = match admission {
            Admission::Verified(verified) => Ok(verified),
            Admission::Allowed(allowed) => Err(Refusal::Allowed(allowed)),
            Admission::Refused(refusal) => Err(Refusal::NotVerified(refusal)),
        };
        Self { subject, result, absent: Vec::new() }
    }

    /// The same of an index of which this is not there.
    pub(crate) fn without(self, absent: Vec<String>) -> Self {
        Self { absent, ..self }
    }

    /// The image itself could not be read.
    pub(crate) fn unresolved(given: &str, error: Unresolved) -> Self {
        Self::refused(given, Refusal::Unresolved(error))
    }

    /// Time ran out.
    pub(crate) fn timed_out(given: &str, limit: Duration) -> Self {
        Self::refused(given, Refusal::TimedOut(limit))
    }

    fn refused(given: &str, refusal: Refusal) -> Self {
        let subject = Subject::named(given.to_owned(), None);
        Self { subject, result: Err(refusal), absent: Vec::new() }
    }

    fn exit(&self) -> ExitCode {
        self.result.as_ref().map_or_else(Refusal::exit, |_| ExitCode::Done)
    }

    fn report(&self) -> Option<&Report> {
        self.result.as_ref().map_or_else(Refusal::report, |verified| Some(verified.report()))
    }

    fn verdict(&self) -> Verdict {
        self.result.as_ref().map_or_else(Refusal::verdict, |_| Verdict::Verified)
    }
}

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
                    "The attestation is verified; it was NOT compared with {}, as asked\n",
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
