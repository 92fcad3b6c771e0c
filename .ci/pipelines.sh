#!/usr/bin/env bash
# Runs the pipelines of examples/pipelines unchanged, against a registry on a free port of this machine.
# SIGKIT is the program under test.
set -euo pipefail
cd "$(dirname "$0")/.."
export SIGKIT=${SIGKIT:?path of the sigkit program}
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --locked -q -p testkit --bin testkit-registry

work=$(mktemp -d)
registry=
trap '[ -z "$registry" ] || kill "$registry" 2>/dev/null || true; rm -rf "$work"' EXIT
mkfifo "$work/address"
"$target/debug/testkit-registry" --listen 127.0.0.1:0 >"$work/address" 2>"$work/registry.log" &
registry=$!
exec 3<"$work/address"
read -r -t 20 address <&3 || { echo "pipelines: the registry printed no address"; cat "$work/registry.log"; exit 1; }
address=${address##* }
address=${address#http://}

export COSIGN_PASSWORD=pipelines DOCKER_CONFIG=$work
unset PRIVATE_KEY PUBLIC_KEY
"$SIGKIT" generate-key-pair --output-key-prefix "$work/release"
"$SIGKIT" generate-key-pair --output-key-prefix "$work/stranger"
push() { python3 .ci/interop/push.py "$address" "$1" "$2"; }
expect() {
  local wanted=$1 what=$2 code=0; shift 2
  echo "--- $what"
  "$@" || code=$?
  [ "$code" -eq "$wanted" ] || { echo "pipelines: $what: wanted exit code $wanted, got $code"; exit 1; }
}

action() {
  python3 .ci/composite.py examples/pipelines/action.yml "program=$SIGKIT" "password=$COSIGN_PASSWORD" "images=$1" \
    "private-key=$(cat "$work/$2.key")" "public-key=$(cat "$work/release.pub")" "${@:3}"
}
one=$(push acme/app one) two=$(push acme/app two) three=$(push acme/app three)
expect 0 'action.yml: two images, annotations' action "$one"$'\n\n'"$two"$'\n' release $'annotations=stage=release\ncommit=0a1b2c'
expect 0 'the annotations are signed' "$SIGKIT" verify --key "$work/release.pub" -a stage=release -a commit=0a1b2c "$one"
expect 0 'action.yml: both formats' action "$three" release format=both
expect 12 'action.yml: signed with another key' action "$(push acme/app four)" stranger
expect 11 'action.yml: an image that is not there' action "$address/acme/app:never" release

echo 'release notes' >"$work/notes.txt"
release() { RELEASE_KEY=$work/$1.key RELEASE_PUBLIC_KEY=$work/release.pub examples/pipelines/release.sh "${@:2}"; }
expect 0 'release.sh: an image and a file' release release "$(push acme/tool v1)" "$work/notes.txt"
expect 12 'release.sh: signed with another key' release stranger "$(push acme/tool v2)"
echo 'pipelines: all as expected'
