//! Verifies an image in a private registry, with the credentials that `docker login` or `podman login` has stored:
//! `pull_private_image COSIGN.PUB IMAGE`

use std::error::Error;
use std::sync::Arc;
use std::{env, fs, time::SystemTime};

use sigkit_core::store::{credentials::DockerCredentials, registry::RegistryOptions};
use sigkit_core::{ImageReference, KeyAuthority, Policy, PublicKey, Purpose, RegistryClient, Trust, blocking};

fn main() {
    if let Err(error) = verify(&env::args().skip(1).collect::<Vec<_>>()) {
        eprintln!("Error: {error}");
        std::process::exit(1);
    }
}

fn verify(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [key, image] = arguments else { return Err("usage: pull_private_image COSIGN.PUB IMAGE".into()) };
    let image: ImageReference = image.parse()?;
    let options = RegistryOptions::default().with_credentials(Arc::new(DockerCredentials::from_environment()));
    let store = RegistryClient::new(options)?.repository(&image.repository);
    let policy = Policy::key(Purpose::Image, KeyAuthority::new(key, PublicKey::from_pem(&fs::read(key)?)?));
    let verified =
        blocking::verify_image(&store, &image.target(), &Trust::default(), &policy, SystemTime::now().into())?;
    println!("{}@{}", image.repository, verified.image.descriptor().digest);
    Ok(())
}
