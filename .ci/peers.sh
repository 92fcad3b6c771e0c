#!/usr/bin/env bash
# Unpacks the real peers that the interop matrix and the benchmark talk to, without touching the system's packages:
#   cosign (3.x), crane, oras, docker-registry    from Debian's unstable suite
#   cosign2 (2.x)                                 from the stable suite that still ships it
# Usage: .ci/peers.sh [DIR]     default target/peers; the last line on stdout is the folder with the programs.
# Packages are kept in ${SIGKIT_PEERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sigkit-peers}, so that a second run needs no network.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:-$root/target/peers}"
dir=$(cd "${1:-$root/target/peers}" && pwd)
cache=${SIGKIT_PEERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sigkit-peers}
programs=(cosign cosign2 crane oras docker-registry)

complete() {
  local program
  for program in "${programs[@]}"; do [ -x "$dir/bin/$program" ] || return 1; done
}

# The Debian mirror that this machine is configured with, and the key that signs it: "URI KEYRING".
debian_source() {
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk '/^URIs:/ {uri = $2} /^Signed-By:/ {key = $2} /^Suites:/ {suites = $0} /^$/ {if (show()) exit; uri = key = suites = ""} END {show()}
      function show() { if (done || uri == "" || suites ~ /-security/ || key !~ /debian-archive-keyring/) return 0; done = 1; print uri, key; return 1 }' "$file"
  done | head -n 1
}

# unpack SUITE DEST PACKAGE...: download once into the cache with an apt state of its own, then extract into DEST.
unpack() {
  local suite=$1 dest=$2 debs=$cache/$1 deb; shift 2
  if [ ! -f "$debs/complete" ]; then
    local state source uri keyring
    source=$(debian_source)
    [ -n "$source" ] || { echo "peers: no Debian source with debian-archive-keyring in /etc/apt/sources.list.d; put $* on PATH by hand and set SIGKIT_PEERS" >&2; exit 1; }
    read -r uri keyring <<<"$source"
    mkdir -p "$cache"
    state=$(mktemp -d "$cache/apt.XXXXXX")
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts" "$state/debs"
    : >"$state/status"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$uri" "$suite" "$keyring" >"$state/parts/peers.sources"
    local apt=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$state/parts" -o "Dir::State=$state" -o "Dir::State::lists=$state/lists"
      -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" -o "APT::Sandbox::User=$(id -un)" -o Acquire::Retries=3 -o Acquire::Languages=none)
    echo "peers: downloading $* from $suite" >&2
    apt-get "${apt[@]}" update >&2
    (cd "$state/debs" && apt-get "${apt[@]}" download "$@" >&2)
    touch "$state/debs/complete"
    rm -rf "$debs"
    mv "$state/debs" "$debs"
    rm -rf "$state"
  fi
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$dest"; done
}

if ! complete; then
  work=$(mktemp -d "$dir/unpack.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  unpack sid "$work/sid" cosign crane oras docker-registry
  unpack trixie "$work/trixie" cosign
  mkdir -p "$dir/bin"
  for program in cosign crane oras docker-registry; do mv -f "$work/sid/usr/bin/$program" "$dir/bin/$program"; done
  mv -f "$work/trixie/usr/bin/cosign" "$dir/bin/cosign2"
  for deb in "$cache"/*/*.deb; do basename "$deb" .deb; done >"$dir/VERSIONS"
fi
echo "$dir/bin"
