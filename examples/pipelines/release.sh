#!/usr/bin/env bash
# The same release step for any pipeline that has a shell: sign an image and the files that go with it, then verify all of it with the
# public key, as the ones who deploy it will.
#
#   RELEASE_KEY=cosign.key RELEASE_PUBLIC_KEY=cosign.pub COSIGN_PASSWORD=… release.sh registry.example.com/app@sha256:… [FILE...]
#
# For every FILE a FILE.sigstore.json is left beside it. Exit codes are those of sigkit: 12 refused, 14 could not be decided, …
set -euo pipefail

: "${RELEASE_KEY:?path of the private key}" "${RELEASE_PUBLIC_KEY:?path of the public key}" "${COSIGN_PASSWORD?password of the private key}"
sigkit=${SIGKIT:-sigkit}
image=${1:?usage: release.sh IMAGE [FILE...]}
shift

"$sigkit" sign --yes --key "$RELEASE_KEY" "$image"
for file in "$@"; do
  "$sigkit" sign-blob --yes --key "$RELEASE_KEY" --bundle "$file.sigstore.json" "$file"
done

# A registry that is down for a moment gives no result: retry a few times. Every other answer is final.
for attempt in 1 2 3; do
  code=0
  "$sigkit" verify --key "$RELEASE_PUBLIC_KEY" "$image" >/dev/null || code=$?
  [ "$code" -eq 14 ] || break
  echo "release: undecided, attempt $attempt of 3" >&2
  sleep $((attempt * attempt))
done
[ "$code" -eq 0 ] || exit "$code"
for file in "$@"; do
  "$sigkit" verify-blob --key "$RELEASE_PUBLIC_KEY" --bundle "$file.sigstore.json" "$file"
done
echo "release: $image and $# file(s) are signed and verified" >&2
