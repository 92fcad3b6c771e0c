use crate::args::VersionArgs;
use crate::outcome::Output;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The names are those that scripts look for in other signing tools.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    name: &'static str,
    git_version: String,
    /// The commit that the program was built from, in hex, or `unknown`.
    git_commit: &'static str,
    /// When that commit was made, RFC 3339, or `unknown`: the same for each build of it.
    build_date: &'static str,
    platform: String,
}

pub(super) fn run(args: &VersionArgs) -> Output {
    let version = Version {
        name: "sigkit",
        git_version: format!("v{VERSION}"),
        git_commit: env!("SIGKIT_BUILD_COMMIT"),
        build_date: env!("SIGKIT_BUILD_DATE"),
        platform: platform(),
    };
    let text = if args.json {
        // A struct of three strings always serialises.
        serde_json::to_string_pretty(&version).unwrap_or_default()
    } else {
        format!(
            "sigkit {VERSION}\nGitVersion:    {}\nGitCommit:     {}\nBuildDate:     {}\nPlatform:      {}",
            version.git_version, version.git_commit, version.build_date, version.platform
        )
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
