#!/usr/bin/env bash
# Makes a key, signs a tiny image in an OCI layout, verifies it, then breaks it and watches the verification refuse.
# Needs a Rust toolchain and a shell, nothing else: no registry, no container engine, no network once the crates are there.
# SIGKIT=path/to/sigkit uses a program that is built already.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
fail() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

if [ -z "${SIGKIT:-}" ]; then
  command -v cargo >/dev/null || fail 'cargo is missing: install Rust 1.88 or newer (https://rustup.rs), then run this again'
  SIGKIT=${CARGO_TARGET_DIR:-$root/target}/debug/sigkit
  [ -x "$SIGKIT" ] || printf 'Building sigkit, unoptimised: about two minutes on two cores, once.\n'
  (cd "$root" && cargo build --locked -p sigkit-cli)
fi
SIGKIT=$(cd "$(dirname "$SIGKIT")" && pwd)/$(basename "$SIGKIT")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export COSIGN_PASSWORD=quickstart   # a demonstration password for a key that lives as long as this script

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '  $ %s\n' "$*"; "$@"; }
sigkit() { "$SIGKIT" "$@"; }
# macOS has shasum instead of sha256sum.
if command -v sha256sum >/dev/null; then sha256() { sha256sum "$1"; }; else sha256() { shasum -a 256 "$1"; }; fi

# store TEXT: writes a blob into the layout and sets $digest and $size.
store() {
  printf %s "$1" >blob
  digest=sha256:$(sha256 blob | cut -d ' ' -f 1)
  size=$(wc -c <blob | tr -d ' ')
  mv blob "app/blobs/sha256/${digest#sha256:}"
}

# refused CODE WORD COMMAND...: the command must end with that exit code and name the reason.
refused() {
  local wanted=$1 word=$2 code=0; shift 2
  printf '  $ %s\n' "$*"
  "$@" >out 2>&1 || code=$?
  sed 's/^/    /' out
  [ "$code" -eq "$wanted" ] || fail "refused with exit code $code, not $wanted"
  grep -q -- "$word" out || fail "the refusal does not say $word"
  printf '  exit code %s, as expected\n' "$code"
}

say 'An image of one layer, written by hand as an OCI layout'
mkdir -p app/blobs/sha256
printf '{"imageLayoutVersion":"1.0.0"}' >app/oci-layout
store 'hello from a very small layer'
layer=$digest layer_size=$size
store "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"$layer\"]}}"
config=$digest config_size=$size
media=application/vnd.oci.image
store "{\"schemaVersion\":2,\"mediaType\":\"$media.manifest.v1+json\",\"config\":{\"mediaType\":\"$media.config.v1+json\",\"digest\":\"$config\",\"size\":$config_size},\"layers\":[{\"mediaType\":\"$media.layer.v1.tar\",\"digest\":\"$layer\",\"size\":$layer_size}]}"
image=$digest
printf '{"schemaVersion":2,"mediaType":"%s.index.v1+json","manifests":[{"mediaType":"%s.manifest.v1+json","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}' \
  "$media" "$media" "$image" "$size" >app/index.json
printf '  app:v1 is %s\n' "$image"

say 'A key pair: cosign.key is encrypted with the password, cosign.pub is public'
show sigkit generate-key-pair

say 'The image is not signed yet: exit code 10'
refused 10 no-signatures sigkit verify -key cosign.pub oci:app:v1

say 'Sign, verify'
show sigkit sign -key cosign.key oci:app:v1
show sigkit verify -key cosign.pub oci:app:v1

say 'Another key is not the one that signed'
show sigkit generate-key-pair --output-key-prefix other
refused 12 signature-invalid sigkit verify -key other.pub oci:app:v1

say 'One byte of the image changes on disk: the name is the same, the content is not'
file=app/blobs/sha256/${image#sha256:}
sed 's/"schemaVersion":2/"schemaVersion":3/' "$file" >changed
chmod u+w "$file"
cat changed >"$file"
refused 1 digest-mismatch sigkit verify -key cosign.pub oci:app:v1

say 'Everything worked as expected.'
printf 'The program: %s\n' "$SIGKIT"
printf 'Next: sign an image of yours with `sigkit sign --key cosign.key registry.example.com/app:v1`; `sigkit --help` lists all verbs, docs/quick-start.md goes on.\n'
printf 'Install an optimised program with `cargo install --locked --path sigkit-cli` (about five minutes).\n'
