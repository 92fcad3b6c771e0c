use crate::attach::discover;
use crate::digest::Digest;
use crate::oci::Repository;
use crate::policy::Demand;
use crate::store::Store;
use crate::verify::Findings;

/// Looks for all that a demand asks about an image: beside it, in `signatures`, and in the other repositories that the demand
/// names, which `elsewhere` opens.
pub async fn gather<S: Store>(
    signatures: &S,
    elsewhere: impl Fn(&Repository) -> S,
    image: &Digest,
    demand: &Demand,
) -> Findings {
    let mut findings = Findings::default();
    for (policy, source) in demand.lookups() {
        let evidence = match source {
            None => discover(signatures, image, policy).await,
            Some(source) => discover(&elsewhere(source), image, policy).await.within(&source.to_string()),
        };
        findings.add(policy.purpose().clone(), source.cloned(), evidence);
    }
    findings
}
