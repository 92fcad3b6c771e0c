use std::future::Future;

use crate::attach::budget::Room;
use crate::attach::concurrent::{self, Lateness};
use crate::attach::discover_within;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::Repository;
use crate::policy::{Policy, Requirement};
use crate::store::Store;
use crate::verify::EvidenceSet;

/// Looks for all that a requirement asks about an image: beside it, in `signatures`, and in the other repositories that the requirement
/// names, which `elsewhere` opens.
pub async fn collect_evidence<S: Store>(
    signatures: &S,
    elsewhere: impl Fn(&Repository) -> S,
    image: &Digest,
    requirement: &Requirement,
    limits: &Limits,
) -> EvidenceSet {
    collect_evidence_until(signatures, elsewhere, image, requirement, limits, std::future::pending()).await
}

/// The same, until `until` is ready; see [`discover_until`](crate::attach::discover_until).
pub async fn collect_evidence_until<S: Store>(
    signatures: &S,
    elsewhere: impl Fn(&Repository) -> S,
    image: &Digest,
    requirement: &Requirement,
    limits: &Limits,
    until: impl Future<Output = ()> + Send,
) -> EvidenceSet {
    let lookups: Vec<(&Policy, Option<&Repository>, Option<S>)> =
        requirement.lookups().into_iter().map(|(policy, source)| (policy, source, source.map(&elsewhere))).collect();
    let lateness = Lateness::default();
    // What is kept for the image is bounded over all policies.
    let room = Room::new(limits);
    // Side by side: a place that stays silent takes no time from the others.
    let look = lookups
        .iter()
        .map(|(policy, _, store)| {
            let store = store.as_ref().unwrap_or(signatures);
            discover_within(store, image, policy, (limits, &room), lateness.wait())
        })
        .collect();
    let found = lateness.tell(until, concurrent::gather(look)).await;
    let mut collected = EvidenceSet::default();
    for ((policy, source, _), evidence) in lookups.iter().zip(found) {
        let evidence = match source {
            None => evidence,
            Some(source) => evidence.within(&source.to_string()),
        };
        collected.add(policy.purpose().clone(), source.cloned(), evidence);
    }
    collected
}
