#!/usr/bin/env bash
# The documents name files; this fails when one of these is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=0
for document in *.md; do
  while read -r path; do
    [ -e "$path" ] || { echo "$document names $path, which does not exist"; missing=1; }
  done < <({ grep -oE '`(\.ci|examples|sigkit-core|sigkit-cli|testkit|testdata|keys)/[A-Za-z0-9_./-]+`' "$document" | tr -d '`'
             grep -oE '\]\([A-Za-z0-9_./-]+\)' "$document" | sed 's/^](//; s/)$//'; } | sort -u || true)
done
exit "$missing"
