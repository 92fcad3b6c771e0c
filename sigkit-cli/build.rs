//! How the program is linked, and which commit it is built from.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for (variable, format) in [("SIGKIT_BUILD_COMMIT", "%H"), ("SIGKIT_BUILD_DATE", "%cI")] {
        println!("cargo:rerun-if-env-changed={variable}");
        // A release from an archive of the sources says it by the variable.
        let given = std::env::var(variable).ok().filter(|value| !value.is_empty());
        let found = given.or_else(|| git(&["log", "-1", &format!("--format={format}")]));
        println!("cargo:rustc-env={variable}={}", found.as_deref().unwrap_or("unknown"));
    }
    if let Some(head) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={head}");
    }
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        // The unwinder comes along instead of a shared library, which every start would have to load and set up.
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// What git answers about this directory, if it is a checkout of git.
fn git(arguments: &[&str]) -> Option<String> {
    let answer = Command::new("git").args(arguments).output().ok().filter(|answer| answer.status.success())?;
    Some(String::from_utf8(answer.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
