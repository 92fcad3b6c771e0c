//! Verifying images, whatever it is that they are verified by.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream::FuturesOrdered;
use sigkit_core::attach::discover_until;
use sigkit_core::bundle::Evidence;
use sigkit_core::digest::Digest;
use sigkit_core::image::{Branch, Descent, TreeError};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Manifest, Repository};
use sigkit_core::policy::Policy;
use sigkit_core::store::FetchedManifest;
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, Verifier};

use super::images::{Images, Resolved};
use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::outcome::Output;
use crate::outcome::unresolved::Unresolved;
use crate::outcome::verification::{Subject, VerificationOutcome};
use crate::render::{Many, Results};
use crate::runtime::Deadline;
use crate::settings::policy::Criteria;
use crate::settings::target::{OpenTarget, Target};
use crate::terminal::printer::Printer;

/// Images of an index without signatures that are looked at, to say which of them are signed.
const MAX_PLATFORMS: usize = 8;

/// How a verb judges an image.
pub(super) trait ImageVerifier {
    /// What is found beside an image.
    type Found;

    /// Looks for it until the deadline, and returns what was found by then. `text` is the name that the user gave, of this image or
    /// of one above it.
    async fn collect(&self, text: &str, open: &OpenTarget, image: &Digest, deadline: Deadline) -> Self::Found;

    /// Judges the image by it, as far as `deadline` allows.
    fn verify(
        &self,
        text: &str,
        open: &OpenTarget,
        image: &FetchedManifest,
        found: Self::Found,
        deadline: Deadline,
    ) -> VerificationOutcome;
}

/// Looks for signatures or attestations beside an image until the deadline. They say where they were found if that is `elsewhere`, a
/// repository other than the image's.
pub(super) async fn evidence_beside(
    open: &OpenTarget,
    image: &Digest,
    criteria: &Criteria,
    elsewhere: Option<&Repository>,
    deadline: Deadline,
) -> Evidence {
    let found =
        Box::pin(discover_until(&open.signatures, image, &criteria.policy, criteria.trust.limits(), deadline.passed()))
            .await;
    match elsewhere {
        Some(repository) => found.within(&repository.to_string()),
        None => found,
    }
}

/// Verifies an image by what was found, as far as `deadline` allows.
pub(super) fn verified(
    subject: Subject,
    trust: &Trust,
    policy: &Policy,
    image: &FetchedManifest,
    found: &Evidence,
    now: UnixTime,
    deadline: Deadline,
) -> VerificationOutcome {
    let end = deadline.of_judging();
    let left = || end.left();
    let verifier = Verifier::new(trust).with_time_left(&left);
    VerificationOutcome::new(subject, verifier.verify(policy, &Artifact::Bytes(image.bytes()), found, now))
}

impl Images<'_> {
    /// Judges every image and those below it when they are asked for.
    ///
    /// # Errors
    /// Those of printing; errors of an image are in its outcome.
    pub(super) fn verify(
        &self,
        verifier: &impl ImageVerifier,
        results: Results,
        global: &GlobalArgs,
        printer: &mut Printer<'_>,
    ) -> Result<Output, CliError> {
        let limit = global.timeout;
        let deadline = Deadline::after(limit);
        let mut results = results.of(match (self.recursive(), self.named.len()) {
            (true, _) => Many::Below,
            (false, 0 | 1) => Many::One,
            (false, _) => Many::Named,
        });
        let one = async |text: &str, target: &Target| self.verify_one(verifier, text, target, deadline, limit).await;
        self.each_by_itself("Verifying", printer, one, |number, judgements| results.render(number, &judgements))?;
        Ok(results.summary())
    }

    /// What was found by the deadline is judged; an image that itself was not read by then is not.
    async fn verify_one<V: ImageVerifier>(
        &self,
        verifier: &V,
        text: &str,
        target: &Target,
        deadline: Deadline,
        limit: Duration,
    ) -> Vec<VerificationOutcome> {
        let turn = self.turn().await;
        // What lies beside an image that is named by its digest need not wait until the image has been read.
        let early = async {
            let digest = self.named_digest(target)?;
            let open = self.open(target).ok()?;
            Some(verifier.collect(text, &open, &digest, deadline).await)
        };
        let (resolved, early) = join(deadline.bound(self.resolve_one(target)), early).await;
        let Resolved { open, image, absent } = match resolved {
            Some(Ok(resolved)) => resolved,
            Some(Err(error)) => return vec![VerificationOutcome::unresolved(text, error)],
            None => return vec![VerificationOutcome::timed_out(text, limit)],
        };
        let found = match early {
            Some(found) => found,
            None => verifier.collect(text, &open, &image.digest(), deadline).await,
        };
        // What is missing is missing of the first: the others are below it.
        let first = verifier.verify(text, &open, &image, found, deadline).without(absent);
        let first = match (self.recursive(), first.is_unsigned_index()) {
            (true, _) => first.with_all_below(),
            (false, true) => {
                first.with_platforms(self.verified_platforms(verifier, text, &open, &image, deadline).await)
            }
            (false, false) => first,
        };
        drop(turn);
        let below = match self.recursive() {
            true => self.verify_below(verifier, text, &open, &image, (deadline, limit)).await,
            false => Ok(Vec::new()),
        };
        match below {
            Ok(below) => std::iter::once(first).chain(below).collect(),
            Err(error) => vec![VerificationOutcome::unresolved(text, Unresolved::of(target.registry())(error))],
        }
    }

    /// The platforms of an index whose images are verified, among the first; those that cannot be read in time are left out.
    async fn verified_platforms<V: ImageVerifier>(
        &self,
        verifier: &V,
        text: &str,
        open: &OpenTarget,
        index: &FetchedManifest,
        deadline: Deadline,
    ) -> Vec<String> {
        let Manifest::Index(entries) = index.manifest() else { return Vec::new() };
        let descent = Descent::new(index, &Limits::DEFAULT);
        let mut platforms = Vec::new();
        // An entry without a platform is not an image: BuildKit lists its attestations so.
        let entries = entries.manifests.iter().filter_map(|entry| Some((entry, entry.platform.as_ref()?)));
        for (entry, platform) in entries.filter(|(_, platform)| platform.os != "unknown").take(MAX_PLATFORMS) {
            let look = Box::pin(verifier.collect(text, open, &entry.digest, deadline));
            let (image, found) = join(deadline.bound(Box::pin(descent.read(&open.store, entry))), look).await;
            let Some(Ok(image)) = image else { break };
            if verifier.verify(text, open, &image, found, deadline).is_verified() {
                platforms.push(platform.to_string());
            }
        }
        platforms
    }

    /// Judges the images below one, level by level, each as soon as there is a turn for it.
    async fn verify_below<V: ImageVerifier>(
        &self,
        verifier: &V,
        text: &str,
        open: &OpenTarget,
        image: &FetchedManifest,
        (deadline, limit): (Deadline, Duration),
    ) -> Result<Vec<VerificationOutcome>, TreeError> {
        let mut descent = Descent::new(image, &Limits::DEFAULT);
        let mut judgements = Vec::new();
        loop {
            let level = descent.level()?;
            if level.is_empty() {
                return Ok(judgements);
            }
            let reader = descent.clone();
            let mut each: FuturesOrdered<_> = level
                .iter()
                .map(async |entry| {
                    let _turn = self.turn().await;
                    let look = Box::pin(verifier.collect(text, open, &entry.digest, deadline));
                    let (image, found) = join(deadline.bound(Box::pin(reader.read(&open.store, entry))), look).await;
                    let Some(image) = image else { return Ok((VerificationOutcome::timed_out(text, limit), None)) };
                    let image = image?;
                    Ok::<_, TreeError>((verifier.verify(text, open, &image, found, deadline), Some(Branch::of(&image))))
                })
                .collect();
            // Counted as they come, so that what is too much is noticed before all of it is here.
            while let Some(judged) = each.next().await {
                let (judgement, below) = judged?;
                below.map_or(Ok(()), |below| descent.add(below))?;
                judgements.push(judgement);
            }
        }
    }
}
