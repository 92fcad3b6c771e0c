#!/usr/bin/env bash
# Small trees stay small: the crates that sigkit-core links, per feature and backend, against the budget of the feature.
# Prints a table; exits 1 when a budget is broken. Procedural macros are left out, since nothing of them is linked.
set -euo pipefail
cd "$(dirname "$0")/.."

# feature  budget  (- means no limit: the network store brings an HTTP and a TLS stack)
budgets='none 15
oci 30
keyless 60
policy-files 60
rego -
layout -
sign 60
registry -'

# linked FEATURES: the number of distinct crates, sigkit-core itself not counted.
linked() {
  cargo tree --locked -p sigkit-core --no-default-features --features "$1" -e normal,no-proc-macro --prefix none |
    awk '$1 != "sigkit-core" && NF {print $1, $2}' | sort -u | wc -l
}

over=0
printf '%-10s %-12s %8s %8s\n' feature backend crates budget
while read -r feature budget; do
  for backend in ring aws-lc-rs; do
    features=$backend
    [ "$feature" = none ] || features=$backend,$feature
    crates=$(linked "$features")
    verdict=
    if [ "$budget" != - ] && [ "$crates" -gt "$budget" ]; then verdict='  over budget'; over=1; fi
    printf '%-10s %-12s %8s %8s%s\n' "$feature" "$backend" "$crates" "$budget" "$verdict"
  done
done <<<"$budgets"
exit "$over"
