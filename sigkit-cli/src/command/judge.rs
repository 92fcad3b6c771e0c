//! Verifying images, whatever it is that they are verified by.

use futures_util::future::join;
use sigkit_core::digest::Digest;
use sigkit_core::store::FetchedManifest;

use super::images::{Images, Resolved};
use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::output::{Output, Printer};
use crate::render::{Judgement, Results};
use crate::target::{OpenTarget, Target};

/// How a verb judges an image.
pub(super) trait Judge {
    /// What is found beside an image.
    type Found;

    /// Looks for it. `text` is the name that the user gave, of this image or of one above it.
    async fn look(&self, text: &str, open: &OpenTarget, image: &Digest) -> Self::Found;

    /// Judges the image by it.
    fn judge(&self, text: &str, open: &OpenTarget, image: &FetchedManifest, found: Self::Found) -> Judgement;
}

impl Images<'_> {
    /// Judges every image and those below it when they are asked for.
    ///
    /// # Errors
    /// Those of printing; what befalls an image is in its judgement.
    pub(super) fn judge(
        &self,
        judge: &impl Judge,
        mut results: Results,
        global: &GlobalArgs,
        printer: &mut Printer<'_>,
    ) -> Result<Output, CliError> {
        let one = async |text: &str, target: &Target| self.judge_one(judge, text, target).await;
        self.each(global, printer, one, Judgement::timed_out, |judgements| results.render(&judgements))?;
        Ok(results.summary())
    }

    async fn judge_one<J: Judge>(&self, judge: &J, text: &str, target: &Target) -> Vec<Judgement> {
        // What lies beside an image that is named by its digest need not wait until the image has been read.
        let early = async {
            let digest = self.named_digest(target)?;
            let open = self.open(target).ok()?;
            Some(judge.look(text, &open, &digest).await)
        };
        let (resolved, mut early) = join(self.resolve(target), early).await;
        let Resolved { open, images, mut absent } = match resolved {
            Ok(resolved) => resolved,
            Err(error) => return vec![Judgement::unresolved(text, error)],
        };
        let mut judgements = Vec::new();
        for image in images {
            let found = match early.take() {
                Some(found) => found,
                None => judge.look(text, &open, &image.descriptor.digest).await,
            };
            // What is missing is missing of the first: the others are below it.
            judgements.push(judge.judge(text, &open, &image, found).without(std::mem::take(&mut absent)));
        }
        judgements
    }
}
