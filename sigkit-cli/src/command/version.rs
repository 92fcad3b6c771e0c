use crate::args::VersionArgs;
use crate::output::Output;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The names are those that scripts look for in other signing tools.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    name: &'static str,
    git_version: String,
    platform: String,
}

pub(super) fn run(args: &VersionArgs) -> Output {
    let version = Version { name: "sigkit", git_version: format!("v{VERSION}"), platform: platform() };
    let text = if args.json {
        // A struct of three strings always serialises.
        serde_json::to_string_pretty(&version).unwrap_or_default()
    } else {
        format!("sigkit {VERSION}\nGitVersion:    {}\nPlatform:      {}", version.git_version, version.platform)
    };
    Output::result(text + "\n")
}

/// Operating system and processor, as container platforms name them.
fn platform() -> String {
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}/{processor}", std::env::consts::OS)
}
