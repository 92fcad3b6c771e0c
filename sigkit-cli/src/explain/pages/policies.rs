//! Policies in files.

use crate::explain::page::{Page, page_of};

pub(super) const PAGES: &[Page] = &[
    page_of(
        "trusted-root-missing",
        "The policy names a trusted root, or a log or certificate authority of it, that the deployment does not have. By it nothing was verified.",
        "The name is misspelled, or the trusted root was exchanged for one without that entry.",
        "Give the deployment a trusted root of that name that has what the policy names.",
    ),
    page_of(
        "no-policy-matches",
        "No rule of the policy applies to this image. An image without a rule is refused.",
        "The image's name matches none of the patterns: another host, another path, or an image in a layout or archive, which has no name.",
        "Compare the name in the report with the patterns that sigkit policy check shows; add the image to the rule that is for it.",
    ),
    page_of(
        "refused-by-policy",
        "The policy refuses this image, no matter who signed it.",
        "A rule says reject, or fail, for images of this name.",
        "Ask the policy owner; sigkit policy check shows the rule.",
    ),
    page_of(
        "nothing-demanded",
        "The policy does not require verification of this image, so it is allowed without being verified.",
        "A rule says insecureAcceptAnything or static pass; or a rule with mode: warn failed.",
        "Name the required signer in the policy, or keep the rule if this is intended.",
    ),
    page_of(
        "finding-too-severe",
        "The scanner found a vulnerability more severe than the policy allows. A finding without a rating counts as critical.",
        "A package in the image is vulnerable.",
        "Update the package and scan again; or add an exception with an end date, or a VEX statement by a signer that the policy trusts.",
    ),
    page_of(
        "exception-expired",
        "The exception for this finding has expired.",
        "Exceptions have an end date so that they are reviewed.",
        "Fix the finding, or review it and change the end date in the policy.",
    ),
    page_of(
        "vex-not-cleared",
        "A VEX statement by a trusted signer does not clear this finding.",
        "The latest VEX statement about this vulnerability in this product says affected or under_investigation, gives no reason, or is dated in the future.",
        "Read the statement of the author that the report names; a later one that says not_affected with a justification, or fixed, clears it.",
    ),
    page_of(
        "scan-stale",
        "The latest scan is older than the policy allows.",
        "The image has not been scanned since; new vulnerabilities may be known.",
        "Scan again, and attest the report.",
    ),
    page_of(
        "scan-from-future",
        "The scan ended at a time in the future.",
        "The clock of the scanning machine or of this one is wrong.",
        "Compare the time in the report with both clocks; scan again.",
    ),
    page_of(
        "scan-undated",
        "The scan does not say when it ended, so neither its age nor which scan is the latest can be told.",
        "The scanner's report has no time, and none was added when it was attested.",
        "Attest with a predicate that has metadata.scanFinishedOn.",
    ),
    page_of(
        "scan-of-another",
        "The scanner's report is about another image, or about something other than an image.",
        "The report was attested to the wrong image; a directory, repository or SBOM was scanned; or one platform of a multi-platform image was scanned.",
        "Scan the image by the digest that is verified, and attest that report.",
    ),
    page_of(
        "scan-empty",
        "The scanner reports that it examined nothing, so an empty list of findings is not a pass.",
        "The scanner did not recognize the image's packages or was given an empty image; or SARIF without results comes from a tool that is not known to scan images.",
        "Run the scanner by hand and check what it lists; attest the scanner's own JSON instead of SARIF.",
    ),
    page_of(
        "scanner-unnamed",
        "The scan does not say which scanner made it.",
        "The predicate was written by hand, or by a tool that leaves scanner.uri empty.",
        "Attest the scanner's own report; sigkit attest --type vuln names the scanner.",
    ),
    page_of(
        "provenance-mismatch",
        "No provenance shows that the image was built as the policy requires. A field that is missing does not match.",
        "The image was built by another builder, from another repository or reference, or the provenance omits the field.",
        "Compare expected and found in the report with the provenance itself: sigkit download attestation.",
    ),
    page_of(
        "base-image-not-allowed",
        "The provenance names a base image that the policy does not allow, or names no base image.",
        "The Dockerfile builds on another image, or the builder records no materials.",
        "Build on an allowed image, or add the pattern to baseImages.",
    ),
    page_of(
        "policy-denies",
        "A policy in Rego does not allow the statement: data.signature.allow is not true.",
        "The statement does not meet the policy; undefined means that no rule named allow applies.",
        "Compare the policy with the statement, which sigkit download attestation prints.",
    ),
    page_of(
        "policy-fails",
        "A policy in Rego could not be evaluated, so it allows nothing.",
        "It calls a function that does not exist, applies one to a value of another type, or takes longer than five seconds.",
        "Fix the policy at the line that the report names.",
    ),
];
