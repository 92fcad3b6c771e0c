//! Verifies a file by the identity that signed it, offline: `verify_file_by_identity TRUSTED_ROOT SUBJECT ISSUER FILE BUNDLE`
//!
//! The bundle is what `cosign sign-blob --bundle` writes. Prints who signed, or the report of what is wrong.

use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;
use std::{env, fs};

use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
use sigkit_core::limits::Limits;
use sigkit_core::trust::RootName;
use sigkit_core::verify::{Artifact, SignedBy};
use sigkit_core::{
    Identity, KeylessAuthority, NotVerified, Pattern, Policy, Purpose, Trust, TrustedRoot, Verified, Verifier,
};

fn main() -> ExitCode {
    match verify(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(Ok(verified)) => {
            for signature in verified.signatures() {
                if let SignedBy::Identity(signer) = signature.signer() {
                    println!("signed by {} {:?}", signer.kind, signer.subject);
                }
            }
            return ExitCode::SUCCESS;
        }
        Ok(Err(not_verified)) => eprint!("{}", not_verified.report()),
        Err(error) => eprintln!("Error: {error}"),
    }
    ExitCode::FAILURE
}

fn verify(arguments: &[String]) -> Result<Result<Verified, NotVerified>, Box<dyn Error>> {
    let [root, subject, issuer, file, bundle] = arguments else {
        return Err("usage: verify_file_by_identity TRUSTED_ROOT SUBJECT ISSUER FILE BUNDLE".into());
    };
    let root = TrustedRoot::from_json(&fs::read(root)?, &Limits::DEFAULT)?;
    let trust = Trust::default().with_root(RootName::PUBLIC_GOOD, root);
    let signer = Identity::new(Pattern::exact(subject)?, Pattern::exact(issuer)?);
    let policy = Policy::keyless(Purpose::Blob, KeylessAuthority::new(signer));
    let signed = SignedEntity::from_bundle(&fs::read(bundle)?, trust.limits());
    let evidence = Evidence::of(Origin::File(bundle.clone()), signed);
    let file = fs::read(file)?;
    Ok(Verifier::new(&trust).verify(&policy, &Artifact::Bytes(&file), &evidence, SystemTime::now().into()))
}
