#!/usr/bin/env bash
# The documents name files; this fails when one of these is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=0
for document in *.md docs/*.md; do
  while read -r path; do
    # Links are relative to the document, names in backticks to the project.
    [ -e "$path" ] || [ -e "$(dirname "$document")/$path" ] || { echo "$document names $path, which does not exist"; missing=1; }
  done < <({ grep -oE '`(\.ci|examples|sigkit-core|sigkit-cli|testkit|testdata|keys)/[A-Za-z0-9_./-]+`' "$document" | tr -d '`'
             grep -oE '\]\([A-Za-z0-9_./-]+(#[a-z0-9-]+)?\)' "$document" | sed 's/^](//; s/)$//; s/#.*//'; } | sort -u || true)
done
exit "$missing"
