#!/usr/bin/env bash
# Measures sigkit against the real cosign and openssl on this machine, in one run, and prints the ratios with their targets.
#   examples/bench/run.sh              everything, about four minutes on two idle cores
#   BENCH_MIB=256 examples/bench/run.sh       a smaller blob; BENCH_RUNS=31 more runs of each command
# SIGKIT and SIGKIT_PEERS name a program that is built and a folder with cosign and crane; else they are built and unpacked.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
if [ -z "${SIGKIT:-}" ]; then
  (cd "$root" && cargo build --release --locked -p sigkit-cli)
  SIGKIT=$target/release/sigkit
fi
(cd "$root" && cargo build --release --locked -p testkit --bin testkit-registry)
peers=${SIGKIT_PEERS:-$("$root/.ci/peers.sh" "$target/peers" | tail -n 1)}
exec python3 "$root/examples/bench/bench.py" --sigkit "$SIGKIT" --peers "$peers" --testkit "$target/release/testkit-registry" --runs "${BENCH_RUNS:-15}" --mib "${BENCH_MIB:-1024}"
