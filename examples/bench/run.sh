#!/usr/bin/env bash
# Measures sigkit against the real cosign and openssl on this machine, and in process against sigstore-verify and the bare cryptography,
# each in one run, and prints the ratios with their targets.
#   examples/bench/run.sh              everything, about four minutes on two idle cores
#   examples/bench/run.sh identities   only signatures by an identity, half a minute
#   BENCH_MIB=256 examples/bench/run.sh       a smaller blob; BENCH_RUNS=31 more runs of each command
# SIGKIT and SIGKIT_PEERS name a program that is built and a folder with cosign and crane; else they are built and unpacked.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case ${1:-everything} in everything | identities) what=${1:-everything} ;; *) echo "usage: $0 [identities]" >&2; exit 2 ;; esac
if [ -z "${SIGKIT:-}" ]; then
  (cd "$root" && cargo build --release --locked -p sigkit-cli)
  SIGKIT=$target/release/sigkit
fi
testkit=()
if [ "$what" = everything ]; then
  (cd "$root" && cargo build --release --locked -p testkit --bin testkit-registry)
  testkit=(--testkit "$target/release/testkit-registry")
fi
# Not --locked: its lock file follows the dependencies of sigkit-core.
in_process=(--release --manifest-path "$root/examples/bench/keyless/Cargo.toml" --target-dir "$target/bench-keyless")
cargo build "${in_process[@]}"
peers=${SIGKIT_PEERS:-$("$root/.ci/peers.sh" "$target/peers" | tail -n 1)}
status=0
python3 "$root/examples/bench/bench.py" --sigkit "$SIGKIT" --peers "$peers" "${testkit[@]}" --runs "${BENCH_RUNS:-15}" --mib "${BENCH_MIB:-1024}" || status=1
cargo run --quiet "${in_process[@]}" || status=1
exit "$status"
