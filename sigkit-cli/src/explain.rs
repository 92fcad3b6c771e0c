//! Reason codes, explained.

/// What stands behind a code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// The code, in kebab case.
    pub(crate) code: &'static str,
    /// What it says.
    pub(crate) meaning: &'static str,
    /// What is mostly behind it.
    pub(crate) cause: &'static str,
    /// What to do.
    pub(crate) next: &'static str,
}

/// The page of a code.
pub(crate) fn page(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}

/// The code that was probably meant.
pub(crate) fn nearest(code: &str) -> Option<&'static str> {
    let closest = PAGES.iter().map(|page| (distance(page.code, code), page.code)).min()?;
    (closest.0 <= closest.1.len() / 3).then_some(closest.1)
}

const fn page_of(code: &'static str, meaning: &'static str, cause: &'static str, next: &'static str) -> Page {
    Page { code, meaning, cause, next }
}

/// All pages, by what they are about.
pub(crate) const PAGES: &[Page] = &[
    // What policies in files say.
    page_of(
        "no-policy-matches",
        "No rule of the policy is about this image, and what no rule is about is refused.",
        "The image's name fits none of the patterns: another host, another path, or an image in files, which has no name.",
        "Compare the name in the report with the patterns that sigkit policy check shows; add the image to a rule, or write a rule for **.",
    ),
    page_of(
        "refused-by-policy",
        "The policy refuses this image whatever it shows.",
        "A rule says reject, or fail, for images of this name.",
        "Ask whoever keeps the policy; sigkit policy check shows the rule.",
    ),
    page_of(
        "nothing-demanded",
        "The policy asks nothing of this image, and it is let in without proof.",
        "A rule says insecureAcceptAnything, or static pass; or a rule that only warns is not met.",
        "Say who must have signed it, or leave it if that is meant.",
    ),
    page_of(
        "finding-too-severe",
        "The scanner found something more severe than the policy allows. What nobody rated counts as critical.",
        "A package in the image is vulnerable.",
        "Update the package and scan again; else an exception with a last day, or a VEX statement by somebody whom the policy believes.",
    ),
    page_of(
        "exception-expired",
        "The finding was put up with until a day that has passed.",
        "Exceptions end so that they are looked at again.",
        "Fix the finding, or decide on it anew and change the day in the policy.",
    ),
    page_of(
        "vex-not-cleared",
        "Somebody whom the policy believes says something about the finding that does not clear it.",
        "The latest VEX statement about this vulnerability in this product says affected or under_investigation, gives no reason, or is dated in the future.",
        "Read the statement at the author that the report names; a later one that says not_affected with a justification, or fixed, clears it.",
    ),
    page_of(
        "scan-stale",
        "The latest scan is older than the policy allows.",
        "The image has not been scanned since; new vulnerabilities may be known.",
        "Scan again, and attest the report.",
    ),
    page_of(
        "scan-from-future",
        "The scan ended at a time that is yet to come.",
        "The clock of the scanning machine or of this one is wrong.",
        "Compare the time in the report with both clocks; scan again.",
    ),
    page_of(
        "scan-undated",
        "The scan does not say when it ended, so that neither its age nor which scan is the latest can be told.",
        "The scanner's report has no time, and none was added when it was attested.",
        "Attest with a predicate that has metadata.scanFinishedOn.",
    ),
    page_of(
        "scan-empty",
        "The scanner says that it looked at nothing, so that no findings mean nothing.",
        "The scanner did not know the image's packages, or was given an empty one.",
        "Run the scanner by hand and see what it lists.",
    ),
    page_of(
        "scanner-unnamed",
        "The scan does not say which scanner made it.",
        "The predicate was written by hand, or by a tool that leaves scanner.uri empty.",
        "Attest the scanner's own report; sigkit attest --type vuln names the scanner.",
    ),
    page_of(
        "provenance-mismatch",
        "No provenance says that the image was built as the policy asks. What it does not say is not so.",
        "The image was built by another builder, from another repository or reference, or the provenance leaves the field out.",
        "Compare expected and found in the report with the provenance itself: sigkit download attestation.",
    ),
    page_of(
        "base-image-not-allowed",
        "The provenance names a base image that the policy does not allow, or names none.",
        "The Dockerfile builds upon another image, or the builder records no materials.",
        "Build upon an allowed image, or add the pattern to baseImages.",
    ),
    page_of(
        "policy-denies",
        "A policy in Rego does not allow the statement: data.signature.allow is not true.",
        "The statement is not as the policy asks; undefined means that no rule of allow fits.",
        "Read what the policy asks beside the statement: sigkit download attestation prints it.",
    ),
    page_of(
        "policy-fails",
        "A policy in Rego could not be evaluated, which allows nothing.",
        "It calls a function that is not there, meets a value of another type, or takes longer than five seconds.",
        "Repair the policy at the place that the report names.",
    ),
    // Signatures that were read and judged.
    page_of(
        "signature-invalid",
        "The key did not make this signature over these bytes.",
        "The image was signed with another key, or the payload was changed after signing.",
        "Compare the fingerprint in the report with that of the signer's public key; sign again if the key has been replaced.",
    ),
    page_of(
        "subject-mismatch",
        "The signature is good, but it names another digest than that of the artifact.",
        "The signature of one image was copied beside another, or a tag has moved since it was signed.",
        "Verify the digest that was signed, or sign the digest that the tag names now.",
    ),
    page_of(
        "payload-malformed",
        "What was signed cannot be read as a signature payload.",
        "The signature was made by another tool over a document of its own, or the payload is damaged.",
        "Look at the payload at the place that the report names; sign the image again.",
    ),
    page_of(
        "payload-type-mismatch",
        "The envelope holds another type of payload than an in-toto statement.",
        "The envelope was made for another purpose than signing an artifact.",
        "Remove it from the image, or verify it with the tool that made it.",
    ),
    page_of(
        "claim-type-mismatch",
        "The payload does not call itself a signature of a container image.",
        "A payload of another kind was signed with the same key.",
        "Sign the image itself; a signature for one purpose is never taken for another.",
    ),
    page_of(
        "predicate-type-mismatch",
        "The statement is of another type than was asked for.",
        "The image carries an attestation, such as an SBOM or provenance, which is not a signature of the image.",
        "Sign the image, or verify the attestation as what it is.",
    ),
    page_of(
        "no-attestation-of-type",
        "Attestations were found, and none of them is of the type that was asked for.",
        "Another type was attested, or under another name: slsaprovenance means version 0.2, and URIs are compared to the letter.",
        "Compare --type with the types found; give the URI that the report names.",
    ),
    page_of(
        "annotation-mismatch",
        "The signature is good, but does not carry an annotation that was asked for with this value.",
        "The image was signed without -a, or for another stage or release.",
        "Compare the annotations in the report with those given by -a.",
    ),
    page_of(
        "material-mismatch",
        "The bundle says that a certificate verifies it, and a key was given.",
        "It was signed with an identity and not with a key, or the bundle is that of another signer.",
        "Ask the signer for a signature by the key, or for the way in which it was signed.",
    ),
    page_of(
        "message-needed",
        "The signature is over the message itself or over another digest of it, and only one digest was given.",
        "verify-blob was given sha256:HEX for an Ed25519 key, or for a signature with another hash.",
        "Give the file itself.",
    ),
    page_of(
        "reference-mismatch",
        "The signature is good, but was made for another name of the image.",
        "The image was copied to another repository after it was signed.",
        "Verify without --check-reference, or sign under the new name with --sign-container-identity.",
    ),
    page_of(
        "signature-count",
        "An envelope holds none or several signatures where exactly one is defined.",
        "The tool that wrote it does not follow the sigstore bundle specification.",
        "Sign again with a tool that writes one signature per bundle.",
    ),
    page_of(
        "algorithm-unsupported",
        "The signature needs an algorithm that is not accepted, or that is not in this build.",
        "A short RSA key, a curve other than P-256, P-384 and P-521, or a digest such as SHA-1.",
        "Sign with one of the algorithms of sigkit generate-key-pair --algorithm.",
    ),
    page_of(
        "content-mismatch",
        "What was signed is of another kind than this verb verifies.",
        "A signature over the file itself was given for an image, or the signature of an image for a file.",
        "Verify an image with verify and a file with verify-blob.",
    ),
    // Checks that were left out.
    page_of(
        "claims-not-checked",
        "The signed digest was not compared with that of the image.",
        "--check-claims=false was given.",
        "Leave that flag out: without the comparison, a signature of any other image passes.",
    ),
    page_of(
        "log-not-checked",
        "The signature carries entries of a transparency log which were not verified.",
        "Verifying with a key asks for no log entry, and the keys of the log are not at hand.",
        "Nothing, if the key alone is to decide; the report only says what was not looked at.",
    ),
    page_of(
        "timestamp-not-checked",
        "The signature carries signed timestamps which were not verified.",
        "Verifying with a key asks for no timestamp, and the certificate of the authority is not at hand.",
        "Nothing, if the key alone is to decide; the report only says what was not looked at.",
    ),
    // What was looked for.
    page_of(
        "no-signatures",
        "Every place was read, and none holds a signature of this artifact.",
        "The image was never signed, was rebuilt after signing, or was copied without its signatures.",
        "Compare the digest with the one that was signed; look at the places that the report names.",
    ),
    // Bundles and other signature documents.
    page_of(
        "bundle-malformed",
        "A bundle is not JSON as the sigstore bundle specification defines it.",
        "The file was cut short, edited, or is no bundle at all.",
        "Fetch it again; the report names the field and what was expected there.",
    ),
    page_of(
        "bundle-version-unsupported",
        "A bundle has a media type or version that is not known here.",
        "It was written by a newer tool, or is another kind of document.",
        "Use a version of sigkit that knows it, or write a bundle of version 0.3.",
    ),
    // Signing.
    page_of(
        "signature-rejected",
        "The new signature did not verify, so that it was not written.",
        "A payload given by --payload does not name the digest of the image.",
        "Compare the payload with the digest of the image, or leave --payload out.",
    ),
    page_of(
        "sign-failed",
        "No signature could be made.",
        "The message names what was missing.",
        "Change what the message names, and sign again.",
    ),
    page_of(
        "tag-occupied",
        "The tag under which signatures belong holds something else.",
        "A tag of that name was pushed by hand or by another tool.",
        "Remove or rename that tag; nothing was overwritten.",
    ),
    page_of(
        "not-confirmed",
        "The signature was written, but is not on the list of signatures when that is read again.",
        "Other signers kept overwriting the list, or the registry answers from a cache.",
        "Sign again. Until then the image counts as not signed by this key.",
    ),
    page_of(
        "entries-lost",
        "While writing, signatures of others vanished and could not be restored.",
        "Another signer replaced the list at the same time without regard for what it held.",
        "Ask the other signers to sign again, one at a time.",
    ),
    // Places that were asked.
    page_of(
        "platform-not-found",
        "The index has no image for the platform asked for.",
        "The image was not built for it, or the platform is written in another way.",
        "Choose one of the platforms that the message lists.",
    ),
    page_of(
        "not-an-index",
        "A platform was asked for, but this is a single image.",
        "The image was built for one platform only.",
        "Leave --platform out.",
    ),
    page_of(
        "timed-out",
        "The time given by --timeout ran out before anything was decided.",
        "A slow registry or network, or very many images.",
        "Give more time with --timeout.",
    ),
    page_of(
        "store-options",
        "The client for the registry cannot be set up as asked.",
        "A certificate, key or server name among the registry flags is wrong.",
        "The message names which.",
    ),
    page_of(
        "not-found",
        "The place itself says that it does not hold this.",
        "A misspelt name or tag, an image that was never pushed, or a registry that hides what needs credentials.",
        "Check the name; log in if the repository is private.",
    ),
    page_of(
        "access-denied",
        "The place asks for credentials, or refuses those that it got.",
        "No login for this registry, an expired token, or an account without the right to this repository.",
        "Log in to the registry, or give --registry-username and --registry-password; the message says which credentials were tried. \
         Some registries, Artifactory among them, say this of a tag that does not exist as well: who verifies cannot tell, who signs \
         tries to write.",
    ),
    page_of(
        "store-unavailable",
        "The place could not be reached, or could not answer. Nothing is known about what it holds.",
        "Network trouble, a proxy, a rate limit, or a fault of the registry.",
        "Try again; the message names the request and its status. This is never taken for \"no signatures\".",
    ),
    page_of(
        "store-protocol",
        "The place answered something that the protocol does not allow.",
        "A proxy or login page in between, or a registry that does not follow OCI distribution.",
        "Open the address that the message names, and look at what stands between here and the registry.",
    ),
    page_of(
        "too-large",
        "More bytes or entries than the limit allows.",
        "A damaged or hostile repository; seldom, an image with very many signatures.",
        "Look at what the message names; remove what does not belong there.",
    ),
    page_of(
        "digest-mismatch",
        "The bytes are not those that their digest names.",
        "A damaged file or transfer, or somebody who replaced the content.",
        "Fetch it again. If it stays so, the place is not to be trusted.",
    ),
    page_of(
        "size-mismatch",
        "The content is shorter or longer than its descriptor says.",
        "A transfer that was cut off, or content that was replaced.",
        "Fetch it again. If it stays so, the place is not to be trusted.",
    ),
    page_of(
        "manifest-ambiguous",
        "A manifest is not one, or could be read as two different things.",
        "A media type that contradicts the content, fields of both an image and an index, or a field given twice.",
        "Push the image again with a tool that follows the OCI image specification.",
    ),
    page_of(
        "store-conflict",
        "Somebody else wrote to the same name in between.",
        "Several signers at once.",
        "Sign again: nothing of theirs was overwritten.",
    ),
    page_of(
        "tag-immutable",
        "The place does not let this tag move.",
        "A repository with immutable tags (a setting of ECR, Harbor and others), in which a second signature would have to extend \
         the signature tag, or, where there is no referrers API, the list of referrers under the tag sha256-….",
        "Write bundles (--format bundle) to a registry with the referrers API, where no tag moves; else exempt tags that begin with \
         sha256- from the rule, or keep signatures in a repository without it (--signature-repo).",
    ),
    page_of(
        "store-refused",
        "The registry does not take what was to be written.",
        "An old registry that does not know OCI manifests, or manifests with a subject and an artifact type, as bundles have.",
        "Write the legacy format (--format legacy), or keep signatures in a repository of another registry (--signature-repo).",
    ),
    page_of(
        "store-read-only",
        "The place can be read but not written.",
        "A file that may not be written, a mirror, or what docker save wrote without a layout.",
        "Sign where the image can be written, and copy it with its signatures.",
    ),
    page_of(
        "file-error",
        "The file system refused.",
        "A missing file, missing permission, or a full disk.",
        "The message names the path and what the operating system said.",
    ),
    page_of(
        "internal-error",
        "A fault of this program.",
        "Something happened that was thought impossible.",
        "Please report it, with the message.",
    ),
    // Certificates, logs and timestamps.
    page_of(
        "certificate-malformed",
        "The signer's certificate cannot be read, or contradicts itself.",
        "The bundle is damaged, or a certificate was made by something else than a certificate authority's software.",
        "Look at it with `openssl x509 -text`; the report names the extension and what was expected there.",
    ),
    page_of(
        "certificate-missing",
        "An identity was asked for, but the signature comes without a certificate.",
        "The image was signed with a key.",
        "Verify with --key, or give the certificate with --certificate if you have it from elsewhere.",
    ),
    page_of(
        "certificate-unsuitable",
        "The certificate is not one with which artifacts are signed.",
        "It was issued for another use (TLS, mail, timestamps), or it is that of an authority.",
        "Sign again with a certificate for code signing that names one email address or URI.",
    ),
    page_of(
        "certificate-untrusted",
        "No certificate authority of the trusted root issued the certificate.",
        "The signature comes from another Sigstore instance, or the trusted root is old.",
        "Give the trusted root of the instance that was used with --trusted-root, or the authority with --ca-roots.",
    ),
    page_of(
        "certificate-not-valid",
        "The certificate, or the trust in its authority, does not cover the time at which the signature was made.",
        "It was signed after the certificate had run out, or the authority has since been replaced in the trusted root.",
        "Compare the window with the time in the report; sign again.",
    ),
    page_of(
        "sct-missing",
        "The certificate carries no promise of a certificate transparency log.",
        "A private certificate authority issued it, which has no such log.",
        "With an authority of your own, say so with --insecure-ignore-sct.",
    ),
    page_of(
        "sct-invalid",
        "No promise in the certificate is that of a certificate log of the trusted root, for this certificate.",
        "The trusted root is old, or it belongs to another instance.",
        "Give the trusted root of the instance that was used with --trusted-root.",
    ),
    page_of(
        "identity-mismatch",
        "The certificate names another subject than the one asked for.",
        "Somebody else signed, another workflow or branch built the image, or a pattern matches only a part of the name.",
        "Compare the two names in the report; a pattern must match the whole name.",
    ),
    page_of(
        "issuer-mismatch",
        "Another issuer than the one asked for vouched for the signer, or none did.",
        "The signer logged in elsewhere, or the certificate is not from Fulcio.",
        "Compare the two issuers in the report.",
    ),
    page_of(
        "extension-mismatch",
        "An extension of the certificate is not there, or has another value than the one asked for.",
        "Another workflow, trigger, repository or commit built the image.",
        "Compare the two values in the report.",
    ),
    page_of(
        "key-not-valid",
        "The key was used outside the window in which it is believed.",
        "It has been replaced, and the signature is newer than that.",
        "Sign again with the key that is believed now.",
    ),
    page_of(
        "log-entry-missing",
        "Fewer transparency logs hold an entry about the signature than asked for.",
        "It was signed without a log, or both entries are in one log.",
        "Sign with a log, or say that none is needed with --insecure-ignore-tlog.",
    ),
    page_of(
        "log-entry-malformed",
        "A transparency log entry cannot be read, or says more than such entries do.",
        "The bundle is damaged, or was put together by hand.",
        "Sign again; the report names the member and what was expected there.",
    ),
    page_of(
        "log-entry-mismatch",
        "A transparency log entry is about another signature, artifact or signer.",
        "The entry of one signature was put beside another.",
        "Do not trust the bundle; sign again.",
    ),
    page_of(
        "log-entry-unproved",
        "A transparency log entry comes with neither the log's promise nor a proof of inclusion.",
        "The bundle was put together by hand, or by a tool that leaves the proof out.",
        "Sign again with a tool that keeps the proof.",
    ),
    page_of(
        "log-key-not-valid",
        "The log's key is not believed at the time at which the signature was made.",
        "The log has been replaced, or the trusted root is old.",
        "Give the newest trusted root of the instance with --trusted-root.",
    ),
    page_of(
        "log-promise-invalid",
        "The log's promise about the entry is not by the log's key, or about something else.",
        "The entry was changed after it was logged.",
        "Do not trust the bundle; sign again.",
    ),
    page_of(
        "log-unknown",
        "The entry is in a log that the trusted root does not name.",
        "The signature comes from another Sigstore instance, or the trusted root is old.",
        "Give the trusted root of the instance that was used with --trusted-root.",
    ),
    page_of(
        "log-entry-ignored",
        "An entry in a log that the trusted root does not name was not looked at further, and counts for nothing.",
        "Nothing asked for it.",
        "Give the trusted root of the log's instance with --trusted-root to have it checked.",
    ),
    page_of(
        "log-waived",
        "Transparency log entries were not looked at, as asked.",
        "--insecure-ignore-tlog was given.",
        "Leave the flag out to have them checked.",
    ),
    page_of(
        "inclusion-proof-invalid",
        "The proof does not show that the log holds the entry.",
        "Entry or proof were changed after signing.",
        "Do not trust the bundle; sign again.",
    ),
    page_of(
        "checkpoint-malformed",
        "The log's checkpoint is not in the form that checkpoints have.",
        "The bundle is damaged, or was put together by hand.",
        "Sign again; the report names the line and what was expected there.",
    ),
    page_of(
        "checkpoint-invalid",
        "The log's checkpoint is not by the log's key, or about another tree.",
        "Entry or proof were changed after signing, or the trusted root belongs to another instance.",
        "Give the trusted root of the instance that was used with --trusted-root.",
    ),
    page_of(
        "sct-waived",
        "It was not looked at whether the certificate had been logged, as asked.",
        "--insecure-ignore-sct was given.",
        "Leave the flag out to have it checked.",
    ),
    page_of(
        "time-missing",
        "No log and no timestamp authority says when the signature was made, and a certificate cannot be judged without that.",
        "The log states no time that it signed, as Rekor v2, and no timestamp was asked for when signing.",
        "Sign with a timestamp authority.",
    ),
    page_of(
        "time-in-future",
        "A witness names a time that is still to come.",
        "The clock of this machine is behind, or that of the witness is ahead.",
        "Set the clock; five minutes are allowed for.",
    ),
    page_of(
        "time-not-witnessed",
        "Nothing tells when the signature was made; the certificate was judged as of now, as asked.",
        "--insecure-ignore-tlog was given, and no timestamp came along.",
        "Sign with a log or a timestamp authority.",
    ),
    page_of(
        "timestamp-missing",
        "Fewer timestamp authorities signed the time than asked for.",
        "It was signed without a timestamp, or both timestamps are by one authority.",
        "Sign with a timestamp authority.",
    ),
    page_of(
        "timestamp-malformed",
        "A signed timestamp cannot be read, or is not in the form that timestamps have.",
        "The bundle is damaged, or the authority refused to stamp.",
        "Sign again; the report names the part and what was expected there.",
    ),
    page_of(
        "timestamp-mismatch",
        "A signed timestamp was made for other bytes than this signature.",
        "The timestamp of one signature was put beside another.",
        "Do not trust the bundle; sign again.",
    ),
    page_of(
        "timestamp-signature-invalid",
        "The timestamp authority's signature does not hold.",
        "The timestamp was changed after it was made.",
        "Do not trust the bundle; sign again.",
    ),
    page_of(
        "timestamp-authority-untrusted",
        "No timestamp authority of the trusted root made the timestamp.",
        "Another authority was used, or the trusted root is old.",
        "Give a trusted root that names it with --trusted-root, or its chain with --timestamp-certificate-chain.",
    ),
    page_of(
        "timestamp-certificate-not-valid",
        "The timestamp authority's certificate does not cover the time stated, or is not one for timestamps.",
        "The authority has been replaced, or its clock is wrong.",
        "Give the newest trusted root of the instance with --trusted-root.",
    ),
    page_of(
        "timestamp-ignored",
        "A timestamp that does not hold counts for nothing, beside one that does or where none is needed.",
        "It is by an authority that the trusted root does not name, or damaged.",
        "Nothing, unless you wonder about it.",
    ),
];

/// Edit distance: insertions, deletions and replacements.
fn distance(one: &str, other: &str) -> usize {
    // Nobody means a code with a text this long.
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in other.iter().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(a != *b));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sigkit_core::attach::AttachError;
    use sigkit_core::reason::Reason;
    use sigkit_core::report::Waiver;

    use super::*;

    #[test]
    fn every_code_has_one_page_with_something_on_it() {
        let mut codes: Vec<&str> = PAGES.iter().map(|page| page.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), PAGES.len());
        for page in PAGES {
            assert!(page.code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", page.code);
            for text in [page.meaning, page.cause, page.next] {
                assert!(text.ends_with('.') || text.ends_with('"'), "{}: {text}", page.code);
            }
        }
    }

    #[test]
    fn every_code_is_explained() {
        let rest = [
            "access-denied",
            "digest-mismatch",
            "file-error",
            "manifest-ambiguous",
            "not-an-index",
            "not-found",
            "platform-not-found",
            "sign-failed",
            "signature-rejected",
            "size-mismatch",
            "store-conflict",
            "store-options",
            "store-protocol",
            "store-read-only",
            "store-refused",
            "store-unavailable",
            "tag-immutable",
            "timed-out",
            "too-large",
        ];
        let all = [&Reason::CODES[..], &Waiver::CODES, &AttachError::CODES, &rest].concat();
        for code in &all {
            assert!(page(code).is_some(), "{code} has no page");
        }
        for page in PAGES {
            assert!(all.contains(&page.code), "nothing says {}", page.code);
        }
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_code() {
        assert_eq!(nearest("signature-invald"), Some("signature-invalid"));
        assert_eq!(nearest("subject-missmatch"), Some("subject-mismatch"));
        assert_eq!(nearest("x"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
