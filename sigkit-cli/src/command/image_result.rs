//! Writing beside images, and what to say of each.

use std::time::Duration;

use futures_util::future::join_all;
use sigkit_core::image::SignImageError;
use sigkit_core::store::FetchedManifest;

use super::images::Images;
use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::explain::Place;
use crate::outcome::Output;
use crate::outcome::unresolved::Unresolved;
use crate::outcome::verification::label;
use crate::render::{Summary, failure, failure_in};
use crate::settings::target::{OpenTarget, Target};
use crate::terminal::printer::Printer;

/// What a verb writes beside an image.
pub(super) trait WriteOperation {
    /// What it does, for people: `SignOptions`.
    const DOING: &'static str;
    /// What is done then: `signed`.
    const DONE: &'static str;

    /// Writes it, and says so. `given` is the name that the user gave, of this image or of one above it.
    async fn write(&self, given: &str, open: &OpenTarget, image: &FetchedManifest)
    -> Result<Vec<ImageResult>, Failure>;
}

/// What became of one image, and how it is named.
struct Written {
    name: String,
    lines: Vec<ImageResult>,
}

impl Written {
    fn exit(&self) -> ExitCode {
        self.lines.iter().fold(ExitCode::Done, |worst, line| worst.worst(line.exit))
    }

    fn why(&self) -> &'static str {
        self.lines.iter().find(|line| line.exit == self.exit()).map_or("", |line| line.code)
    }
}

impl Images<'_> {
    /// Writes beside every image and those below it when they are asked for.
    ///
    /// # Errors
    /// Those of printing; errors of an image are in its result line.
    pub(super) fn write<W: WriteOperation>(
        &self,
        verb: &W,
        global: &GlobalArgs,
        printer: &mut Printer<'_>,
    ) -> Result<Output, CliError> {
        let one = async |text: &str, target: &Target| {
            let turn = self.turn().await;
            let (open, images) = match self.resolve(target).await {
                Ok(resolved) => resolved,
                Err(error) => {
                    let lines = vec![Failure::from(error).line(target.place(), text)];
                    return vec![Written { name: text.to_owned(), lines }];
                }
            };
            drop(turn);
            let each = images.iter().map(async |image| {
                let _turn = self.turn().await;
                // One beside which nothing can be written keeps no other from it, nor hides that others are done.
                let lines = match Box::pin(verb.write(text, &open, image)).await {
                    Ok(written) => written,
                    Err(failure) => vec![failure.line(open.place(), &name(text, &open, image))],
                };
                let name = if self.recursive() { name(text, &open, image) } else { text.to_owned() };
                Written { name, lines }
            });
            join_all(each).await
        };
        let timed_out =
            |text: &str, limit| Written { name: text.to_owned(), lines: vec![ImageResult::timed_out(text, limit)] };
        let mut summary = Summary::new(W::DONE);
        let render = |number, images: Vec<Written>| {
            images.iter().for_each(|image| summary.count(number, image.exit(), &image.name, image.why()));
            ImageResult::output(images.into_iter().flat_map(|image| image.lines))
        };
        self.each(W::DOING, global, printer, one, timed_out, render)?;
        let mut output = Output::notes(Vec::new(), ExitCode::Done);
        output.report = summary.text(printer.columns());
        Ok(output)
    }
}

/// What to say of one image.
pub(super) struct ImageResult {
    text: String,
    exit: ExitCode,
    /// The reason code of a failure.
    code: &'static str,
    /// Results for machines, which are stored nowhere else.
    stdout: Vec<u8>,
}

impl ImageResult {
    /// It is done.
    pub(super) const fn done(text: String) -> Self {
        Self { text, exit: ExitCode::Done, code: "", stdout: Vec::new() }
    }

    /// The same, with results for machines.
    pub(super) fn with_stdout(self, stdout: Vec<u8>) -> Self {
        Self { stdout, ..self }
    }

    /// Time ran out.
    fn timed_out(text: &str, limit: Duration) -> Self {
        let message = format!("not confirmed within {limit:?}; sigkit verify shows what was written");
        let code = "timed-out";
        Self { exit: ExitCode::Undecided, code, ..Self::done(failure(text, code, &message)) }
    }

    /// All that is to be said, with the exit code of the whole.
    fn output(lines: impl IntoIterator<Item = Self>) -> Output {
        lines.into_iter().fold(Output::notes(Vec::new(), ExitCode::Done), |mut output, line| {
            output.notes.push(line.text);
            output.exit = output.exit.worst(line.exit);
            // The first is handed on as it is: it may be large.
            match output.stdout.is_empty() {
                true => output.stdout = line.stdout,
                false => output.stdout.extend(line.stdout),
            }
            output
        })
    }
}

/// Why nothing is written beside one image.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Resolve(Box<Unresolved>),
    #[error(transparent)]
    Sign(Box<SignImageError>),
    #[error(transparent)]
    Json(#[from] sigkit_core::JsonError),
    #[error(transparent)]
    File(#[from] crate::files::FileError),
}

impl From<Unresolved> for Failure {
    fn from(error: Unresolved) -> Self {
        Self::Resolve(Box::new(error))
    }
}

impl From<SignImageError> for Failure {
    fn from(error: SignImageError) -> Self {
        Self::Sign(Box::new(error))
    }
}

impl Failure {
    /// What to say of the image.
    fn line(&self, place: Place, text: &str) -> ImageResult {
        let (code, exit) = match self {
            Self::Resolve(unresolved) => (unresolved.error.code(), unresolved.exit()),
            Self::Sign(error) => {
                let code = match &**error {
                    SignImageError::Attach(error) => error.code(),
                    SignImageError::Rejected(_) => "signature-rejected",
                    SignImageError::Earlier(problem) => problem.code,
                    _ => "sign-failed",
                };
                (code, ExitCode::of_write(error))
            }
            Self::Json(_) => ("internal-error", ExitCode::Failed),
            Self::File(_) => ("file-error", ExitCode::Failed),
        };
        ImageResult { exit, code, ..ImageResult::done(failure_in(place, text, code, &self.to_string())) }
    }
}

/// How many manifests the list of a layout or archive has before something is written; the image must still be the one that was read.
///
/// # Errors
/// [`Failure`].
pub(super) async fn before_writing(open: &OpenTarget) -> Result<Option<usize>, Failure> {
    let failed = Unresolved::of(open.reference().map(|reference| reference.repository.registry()));
    open.refuse_changed().await.map_err(|error| failed(error.into()))?;
    Ok(open.listed())
}

/// What to say when other tools read the layout in another way now that it lists more than the image.
pub(super) fn after_writing(open: &OpenTarget, image: &FetchedManifest, before: Option<usize>) -> Option<ImageResult> {
    let after = open.listed()?;
    if before != Some(1) || after <= 1 {
        return None;
    }
    let (name, path) = (open.name(), open.path()?);
    Some(ImageResult::done(format!(
        "WARNING: {name} lists {after} manifests now; crane push and skopeo without a tag take layouts of one only. Name the tag to \
         skopeo, which does not copy signatures, or use oras cp -r --from-oci-layout {path}@{} REGISTRY/NAME:TAG, which copies bundles \
         too, and .sig and .att if their tags are named. From a layout of cosign save, cosign load also loads .sig and .att, \
         but not bundles",
        image.digest()
    )))
}

/// The name that was given, with `repository@digest` where that says more.
pub(super) fn name(given: &str, open: &OpenTarget, image: &FetchedManifest) -> String {
    label(given, &format!("{}@{}", open.name(), image.digest()))
}
