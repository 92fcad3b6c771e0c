//! Decides which images may run: `admission COSIGN.PUB IMAGE...`
//!
//! One line per image: `allow` with the name to run it by, `refuse` or `undecided` with a reason code and the reason. The exit
//! code is 0 if all may run, 1 if one is refused, and 2 if one could not be decided and the others may run. What is undecided
//! must not run either; asking again later may help, which it never does for a refusal.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;
use std::{env, fs};

use sigkit_core::report::Verdict;
use sigkit_core::{ImageReference, KeyAuthority, Policy, PublicKey, Purpose, RegistryClient, Trust, verify_image};

const USAGE: &str = "usage: admission COSIGN.PUB IMAGE...";

struct Decision {
    verdict: Verdict,
    line: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let decisions = match decide_all(&env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(decisions) => decisions,
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    };
    for decision in &decisions {
        println!("{}", decision.line);
    }
    let any = |verdict| decisions.iter().any(|decision| decision.verdict == verdict);
    match (any(Verdict::Rejected), any(Verdict::Undecided)) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    }
}

/// All images at once, over one client: it shares connections and tokens among them.
async fn decide_all(arguments: &[String]) -> Result<Vec<Decision>, Box<dyn Error>> {
    let [key, images @ ..] = arguments else { return Err(USAGE.into()) };
    if images.is_empty() {
        return Err(USAGE.into());
    }
    let authority = KeyAuthority::new(key, PublicKey::from_pem(&fs::read(key)?)?);
    let policy = Arc::new(Policy::key(Purpose::Image, authority));
    let client = RegistryClient::default();
    let decide = |image: &String| tokio::spawn(decide(client.clone(), Arc::clone(&policy), image.clone()));
    let mut decisions = Vec::new();
    for task in images.iter().map(decide).collect::<Vec<_>>() {
        decisions.push(task.await?);
    }
    Ok(decisions)
}

async fn decide(client: RegistryClient, policy: Arc<Policy>, name: String) -> Decision {
    let image: ImageReference = match name.parse() {
        Ok(image) => image,
        Err(error) => return Decision { verdict: Verdict::Rejected, line: format!("refuse {name}: {error}") },
    };
    let store = client.repository(&image.repository);
    match verify_image(&store, &image.target(), &Trust::default(), &policy, SystemTime::now().into()).await {
        Ok(verified) => {
            let line = format!("allow {}@{}", image.repository, verified.image.digest());
            Decision { verdict: Verdict::Verified, line }
        }
        Err(error) => {
            let word = if error.verdict() == Verdict::Undecided { "undecided" } else { "refuse" };
            Decision { verdict: error.verdict(), line: format!("{word} {name}: {}: {error}", error.code()) }
        }
    }
}
