#!/usr/bin/env bash
# The official Python clients of OpenAI and Anthropic, in target/tools/python-clients, for the test that has them speak with
# the scripted provider. Does nothing when they are there; needs Python 3.11 or newer, and the network the first time.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=tests/fake-provider/python/requirements.txt
place=target/tools/python-clients
[ -x "$place/bin/python" ] && cmp -s "$wanted" "$place/installed" && exit 0

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

has_venv() { command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null; }

if ! has_venv; then
  # Debian and its kin keep the module apart.
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -qq -y --no-install-recommends python3 python3-venv >/dev/null || true
  fi
  has_venv || fail "python3 with the module venv is needed" "apt-get install python3 python3-venv, or brew install python"
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$(python3 --version) is too old for the vendors' clients" "install Python 3.11 or newer as python3"

mkdir -p "$place"
exec 9>"$place.lock"            # tests may ask for it at once
if command -v flock >/dev/null; then flock 9; fi
cmp -s "$wanted" "$place/installed" && exit 0

rm -rf "$place"
python3 -m venv "$place"
"$place/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted" ||
  fail "the vendors' clients could not be installed" "check the network and pip's index: pip config list"
cp "$wanted" "$place/installed"
