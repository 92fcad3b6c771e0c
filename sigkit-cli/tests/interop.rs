//! Says how much of the interop matrix a plain `cargo test` leaves out, or runs it when the real programs are there.
//!
//! The matrix itself is `.ci/interop`; `.ci/run` installs the programs and always runs it.

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cells = std::fs::read_to_string(root.join(".ci/interop/cells")).unwrap_or_default();
    let cells = cells.trim();
    assert!(cells.parse::<u32>().is_ok(), ".ci/interop/cells holds the number of cells, found {cells:?}");
    let Some(peers) = std::env::var_os("SIGKIT_PEERS") else {
        println!(
            "interop: {cells} tests skipped: they need the real cosign 2 and 3, crane, oras and docker-registry; .ci/run \
             installs them and skips nothing, or set SIGKIT_PEERS to a folder made by .ci/peers.sh"
        );
        return ExitCode::SUCCESS;
    };
    let status = Command::new("python3")
        .arg(root.join(".ci/interop"))
        .args(["--sigkit", env!("CARGO_BIN_EXE_sigkit"), "--peers"])
        .arg(peers)
        .status()
        .expect("python3 runs the matrix");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
