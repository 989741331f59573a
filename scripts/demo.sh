#!/usr/bin/env bash
# The first ten minutes: build, ingest, ask three questions, verify the record. Needs a Rust toolchain and a C compiler,
# and the network only to fetch crates the first time.
set -euo pipefail
cd "$(dirname "$0")/.."

data=./demo-data
# Only what an earlier demo left is removed.
if [ -e "$data" ] && [ ! -e "$data/store/nexus.db" ] && [ ! -e "$data/store/nexus-store.json" ]; then
  echo "error: $data is there already, and no earlier demo left it; move it away" >&2
  exit 1
fi
rm -rf "$data/store" "$data/config"
export NEXUS_CONFIG_DIR="$data/config"    # the demo's audit key goes here; yours is not touched
export LLM_PROVIDER=extractive            # overrides your environment: nothing leaves the machine
binary="${CARGO_TARGET_DIR:-target}/demo/nexus"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
nexus() { "$binary" --data "$data/store" "$@"; }

# Prints the command and runs it; any exit code but the expected one ends the demo.
show() {
  local expected=$1 code=0 word
  shift
  printf '$ nexus'
  for word in "$@"; do
    [[ $word == *[[:space:]]* ]] && word="\"$word\""
    printf ' %s' "$word"
  done
  printf '\n'
  nexus "$@" || code=$?
  [ "$code" = "$expected" ] || { echo "error: \`nexus $1\` ended with exit code $code" >&2; exit 1; }
}

say "1. Build (the first build takes some minutes; later ones take seconds)"
cargo build --profile demo --locked -p nexus-cli
mkdir -p "$data"

say "2. Ingest: a company handbook in Markdown, HTML, PDF, DOCX and CSV"
show 0 ingest examples/handbook --corpus handbook

say "3. Ask: each answer quotes its sources word for word"
show 0 ask --corpus handbook "How many unused days of annual leave carry over to the next year?"
echo
show 0 ask --corpus handbook "How soon must a lost or stolen laptop be reported?"

say "4. Ask what the documents do not say: Nexus abstains (exit code 3) rather than invents"
show 3 ask --corpus handbook "Does the company pay for a gym membership?"

say "5. Verify: every question left a signed record"
show 0 runs verify --all

say "What to type next"
cat <<NEXT
  export NEXUS_DATA=$data/store NEXUS_CONFIG_DIR=$data/config PATH="$(dirname "$binary"):\$PATH"
  nexus ask --corpus handbook "May I work from another country?"      # --json for programs
  nexus search --corpus handbook "retention of invoices" --explain    # why a passage ranks where it does
  nexus chat --corpus handbook                                        # a conversation
  nexus ingest ~/Documents --corpus mine                              # your own files; then: nexus --help
NEXT
