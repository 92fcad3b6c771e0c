//! Verifies an image in an OCI layout, without any network: `verify_layout COSIGN.PUB DIRECTORY TAG`
//!
//! Prints the report: every check that ran, and what is wrong.

use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;
use std::{env, fs};

use sigkit_core::image::ImageError;
use sigkit_core::oci::{Tag, TagOrDigest};
use sigkit_core::store::LayoutStore;
use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose, Trust, blocking};

fn main() -> ExitCode {
    match verify(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok((report, code)) => {
            print!("{report}");
            code
        }
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn verify(arguments: &[String]) -> Result<(String, ExitCode), Box<dyn Error>> {
    let [key, directory, tag] = arguments else { return Err("usage: verify_layout COSIGN.PUB DIRECTORY TAG".into()) };
    let policy = Policy::key(Purpose::Image, KeyAuthority::new(key, PublicKey::from_pem(&fs::read(key)?)?));
    let layout = LayoutStore::open(directory)?;
    let target = TagOrDigest::Tag(tag.parse::<Tag>()?);
    match blocking::verify_image(&layout, &target, &Trust::default(), &policy, SystemTime::now().into()) {
        Ok(verified) => Ok((verified.verified.report().text().with_name(tag).to_string(), ExitCode::SUCCESS)),
        Err(ImageError::NotVerified { refusal, .. }) => {
            Ok((refusal.report().text().with_name(tag).to_string(), ExitCode::FAILURE))
        }
        Err(error) => Err(error.into()),
    }
}
