#!/usr/bin/env bash
# Line coverage per crate, from every unit and integration test (documented examples are not counted).
# `make coverage` installs cargo-llvm-cov; this script finds the LLVM tools that match rustc.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! rustup component add llvm-tools >/dev/null 2>&1; then
  # Without rustup: a distribution's LLVM, of the version `rustc -vV` names or newer.
  version=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  command -v "llvm-cov-$version" >/dev/null || {
    echo "error: no LLVM tools for this rustc" >&2
    echo "hint: apt-get install llvm-$version" >&2
    exit 1
  }
  LLVM_COV=$(command -v "llvm-cov-$version")
  LLVM_PROFDATA=$(command -v "llvm-profdata-$version")
  export LLVM_COV LLVM_PROFDATA
fi

# A program that a signal kills writes no counters; every other one that the tests start does.
cargo llvm-cov --workspace --lib --bins --tests --locked --lcov --output-path lcov.info

# lcov: SF = file, LF = lines found, LH = lines hit.
awk -F: -v root="$PWD/" '
  /^SF:/ { crate = substr($2, length(root) + 1); sub(/\/src\/.*/, "", crate) }
  /^LF:/ { found[crate] += $2; all += $2 }
  /^LH:/ { hit[crate] += $2; all_hit += $2 }
  END {
    for (crate in found) printf "%s %d %d\n", crate, hit[crate], found[crate] | "sort"
    close("sort")
    printf "total %d %d\n", all_hit, all
  }' lcov.info |
  awk 'BEGIN { printf "%-24s %8s %8s %9s\n", "crate", "hit", "lines", "coverage" }
       { printf "%-24s %8d %8d %8.1f%%\n", $1, $2, $3, $3 ? 100 * $2 / $3 : 100 }'
