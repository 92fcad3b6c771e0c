#!/usr/bin/env bash
# Makes the golden vectors again with real tools: signatures of images and files by cosign 2 and 3, one throw-away key each.
# Usage: COSIGN2=… COSIGN3=… CRANE=… testdata/make-golden.sh
# The keys are forgotten; signatures differ from run to run, so run this only to add a tool version or a kind of signature.
set -euo pipefail

out=$(cd "$(dirname "$0")" && pwd)/vectors/verify
work=$(mktemp -d)
export COSIGN_PASSWORD=pw
trap 'kill "$registry" 2>/dev/null; rm -rf "$work"' EXIT

"$CRANE" registry serve --address 127.0.0.1:0 2>"$work/registry.log" & registry=$!
until port=$(grep -o 'port [0-9]*' "$work/registry.log" | head -1 | cut -d' ' -f2) && [ -n "$port" ]; do
    kill -0 "$registry"
done
repository=127.0.0.1:$port/golden/app

cd "$work"
printf '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}' >signing.json
printf '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}' >root.json
printf 'the golden blob\n' >blob
offline2=(--tlog-upload=false --yes)
offline3=(--signing-config signing.json --trusted-root root.json --yes)
unchecked3=(--use-signing-config=false --tlog-upload=false --yes)
legacy3=(--new-bundle-format=false --use-signing-config=false --tlog-upload=false --yes)

private_key() {
    case $1 in
    p256) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
    p384) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 ;;
    p521) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 ;;
    ed25519) openssl genpkey -algorithm ED25519 ;;
    rsa2048) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
    esac 2>/dev/null
}

# An image of its own, without other signatures.
image() {
    printf '%s' "$1" >layer
    tar cf layer.tar --mtime=@0 --owner=0 --group=0 layer
    "$CRANE" append --oci-empty-base -f layer.tar -t "$repository:$1" >/dev/null 2>&1
    "$CRANE" digest "$repository:$1"
}

vector() { # name purpose
    dir=$out/golden-$1
    rm -rf "$dir" && mkdir -p "$dir"
    cp signer.pub "$dir/key.pub"
    printf '{"purpose":"%s"%s}\n' "$2" "${3:-}" >"$dir/policy.json"
    printf '{"verdict":"verified"}\n' >"$dir/expected.json"
}

legacy_image() { # name digest
    vector "$1" image ',"annotations":{"build":"42"},"reference":"'"$repository"'"'
    "$CRANE" manifest "$repository@$2" >"$dir/artifact"
    "$CRANE" manifest "$repository:${2/:/-}.sig" >sig.json
    python3 - "$dir" <<'PY'
import json, sys
layer = json.load(open("sig.json"))["layers"][0]
open(sys.argv[1] + "/signature.b64", "w").write(layer["annotations"]["dev.cosignproject.cosign/signature"])
open("payload.digest", "w").write(layer["digest"])
PY
    "$CRANE" blob "$repository@$(cat payload.digest)" >"$dir/payload.json"
}

for algorithm in p256 p384 p521 ed25519 rsa2048; do
    private_key $algorithm >pkcs8.pem
    rm -f signer.key signer.pub
    "$COSIGN3" import-key-pair --key pkcs8.pem --output-key-prefix signer >/dev/null 2>&1
    openssl pkey -in pkcs8.pem -pubout -out signer.pub

    # cosign 3 checks what it signed when it has a trusted root, and then refuses its own Ed25519ph.
    bundle3=("${offline3[@]}")
    [ $algorithm != ed25519 ] || bundle3=("${unchecked3[@]}")

    digest=$(image two-legacy-$algorithm)
    "$COSIGN2" sign --key signer.key -a build=42 "${offline2[@]}" "$repository@$digest" 2>/dev/null
    legacy_image cosign2-image-legacy-$algorithm "$digest"

    digest=$(image three-bundle-$algorithm)
    "$COSIGN3" sign --key signer.key -a build=42 "${bundle3[@]}" "$repository@$digest" 2>/dev/null
    vector cosign3-image-bundle-$algorithm image ',"annotations":{"build":"42"}'
    "$CRANE" manifest "$repository@$digest" >"$dir/artifact"
    referrer=$("$CRANE" manifest "$repository:${digest/:/-}" |
        python3 -c 'import json,sys; print(json.load(sys.stdin)["manifests"][0]["digest"])')
    bundle=$("$CRANE" manifest "$repository@$referrer" |
        python3 -c 'import json,sys; print(json.load(sys.stdin)["layers"][0]["digest"])')
    "$CRANE" blob "$repository@$bundle" >"$dir/bundle.json"

    vector cosign3-blob-bundle-$algorithm blob
    cp blob "$dir/artifact"
    "$COSIGN3" sign-blob --key signer.key --bundle "$dir/bundle.json" "${bundle3[@]}" blob >/dev/null 2>&1
    # cosign 3 writes an empty `messageDigest` beside Ed25519ph, which its own verifier refuses as well.
    [ $algorithm != ed25519 ] ||
        printf '{"verdict":"rejected","check":"content","code":"bundle-malformed"}\n' >"$dir/expected.json"

    vector cosign2-blob-legacy-$algorithm blob
    cp blob "$dir/artifact"
    "$COSIGN2" sign-blob --key signer.key --bundle "$dir/blob-bundle.json" "${offline2[@]}" blob >/dev/null 2>&1
done

digest=$(image three-legacy)
"$COSIGN3" sign --key signer.key -a build=42 "${legacy3[@]}" "$repository@$digest" 2>/dev/null
legacy_image cosign3-image-legacy-rsa2048 "$digest"

vector cosign3-blob-detached-rsa2048 blob
cp blob "$dir/artifact"
"$COSIGN3" sign-blob --key signer.key "${legacy3[@]}" blob >"$dir/signature.b64" 2>/dev/null
