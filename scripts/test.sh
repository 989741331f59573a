#!/usr/bin/env bash
# Everything that must hold before a change lands, one question per step. Stops at the first "no" and names it.
set -euo pipefail
cd "$(dirname "$0")/.."

export INSTA_UPDATE=no          # a snapshot that differs is a failure, never a new file
INSTA_SNAPSHOT_REFERENCES_FILE=$(mktemp)
export INSTA_SNAPSHOT_REFERENCES_FILE
trap 'rm -f "$INSTA_SNAPSHOT_REFERENCES_FILE"' EXIT
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
if [ -n "${CI:-}" ]; then
  export CARGO_INCREMENTAL=0    # nothing is rebuilt there, so the cache would only cost disk
fi

step() {
  local title=$1 began=$SECONDS
  shift
  printf '\n==> %s\n' "$title"
  if ! "$@"; then
    printf '\nFAILED: %s (after %ds)\n' "$title" "$((SECONDS - began))" >&2
    printf 'hint: repeat only this step with: %s\n' "$*" >&2
    exit 1
  fi
  printf '    ok, %ds\n' "$((SECONDS - began))"
}

components() {
  cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
  cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
}

# Installed here rather than by the test that needs them, so that a network that is not there is named as such.
python_clients() { bash scripts/python-clients.sh; }

tests() {
  : >"$INSTA_SNAPSHOT_REFERENCES_FILE"
  cargo test --workspace --lib --bins --tests --examples --locked
}

# Every snapshot file must have been read by a test, and none may wait for review.
snapshots() {
  local found stale
  found=$(find . -path ./target -prune -o \( -name '*.snap.new' -o -name '*.pending-snap' \) -print)
  [ -z "$found" ] || { printf 'waiting for review:\n%s\n' "$found"; return 1; }
  stale=$(comm -23 <(find . -path ./target -prune -o -name '*.snap' -exec realpath {} + | sort -u) \
    <(xargs -r realpath <"$INSTA_SNAPSHOT_REFERENCES_FILE" | sort -u))
  [ -z "$stale" ] || { printf 'no test reads these any more:\n%s\n' "$stale"; return 1; }
}

examples() {
  local source
  for source in examples/*.rs; do
    [ -e "$source" ] || continue
    cargo run --quiet --locked -p nexus-examples --example "$(basename "$source" .rs)" || return 1
  done
}

docs() { RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked --quiet; }

step "are the tools here?" components
step "are the dependencies the locked ones?" cargo fetch --locked
step "is it formatted?" cargo fmt --all --check
step "is clippy content?" cargo clippy --workspace --all-targets --locked -- -D warnings
# The test kit turns on a feature of core in the whole workspace: a way around a decision must not compile without it.
step "do the programs build without the test kit?" cargo check --locked --quiet -p nexus-cli -p nexus-server
step "are the vendors' own clients here, for the scripted provider?" python_clients
step "do the unit, integration and conformance tests pass?" tests
step "do the documented examples compile and run?" cargo test --workspace --doc --locked
step "is every snapshot reviewed and in use?" snapshots
step "do the example programs run?" examples
step "are licences, sources and doors of the dependencies in order?" make --no-print-directory deny
step "do the docs build without a warning?" docs
printf '\nall good, %ds\n' "$SECONDS"
