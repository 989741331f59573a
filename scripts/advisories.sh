#!/usr/bin/env bash
# Known vulnerabilities of the locked dependencies, and when each direct one was last released. Needs the network: where
# the database or the registry cannot be reached, it says so and fails, since nothing was checked.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0

if ! cargo deny --locked fetch db; then
  printf '\nFAILED: the database of advisories (https://github.com/RustSec/advisory-db) cannot be fetched: no dependency was checked\n' >&2
  printf 'hint: run this where the network allows it\n' >&2
  failed=1
elif ! cargo deny --locked check --disable-fetch advisories; then
  printf '\nFAILED: an advisory concerns a locked dependency\n' >&2
  printf 'hint: `cargo update -p <crate>`; where no release mends it, name the advisory and the reason in deny.toml\n' >&2
  failed=1
fi

printf '\n'
if ! python3 scripts/releases.py; then
  failed=1
fi
exit "$failed"
