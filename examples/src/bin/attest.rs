//! Attests something about an image in a registry, and reads it back as a consumer would: `attest COSIGN.KEY TYPE DOCUMENT IMAGE`
//!
//! The type is a name such as `cyclonedx`, `spdxjson` or `vuln`, or a URI. The password of the key is `COSIGN_PASSWORD`. Prints the
//! predicate of the verified attestation.

use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;
use std::{env, fs};

use sigkit_core::content::PredicateType;
use sigkit_core::image::{AttestOptions, attest_image};
use sigkit_core::key::{self, Password, SigningKey as _};
use sigkit_core::{Format, ImageReference, KeyAuthority, Policy, Purpose, RegistryClient, Trust, verify_image};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match attest(&env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(predicate) => println!("{predicate}"),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn attest(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let [key, kind, document, image] = arguments else {
        return Err("usage: attest COSIGN.KEY TYPE DOCUMENT IMAGE".into());
    };
    let key = key::file::decrypt(&fs::read(key)?, &Password::new(env::var("COSIGN_PASSWORD")?))?;
    let (kind, document): (PredicateType, _) = (kind.parse()?, fs::read(document)?);
    let image: ImageReference = image.parse()?;
    let store = RegistryClient::default().repository(&image.repository);
    let options = AttestOptions::new(kind.clone(), Format::Bundle, image.repository.to_string());
    attest_image(&store, &image.target(), &key, &options, document, SystemTime::now().into()).await?;

    let policy = Policy::key(Purpose::Attestation(kind), KeyAuthority::new("key", key.public_key().clone()));
    let now = SystemTime::now().into();
    let verified = verify_image(&store, &image.target(), &Trust::default(), &policy, now).await?.verified;
    let predicate = verified.signatures().first().and_then(|signature| signature.predicate());
    Ok(String::from_utf8_lossy(predicate.unwrap_or_default()).into_owned())
}
