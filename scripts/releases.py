#!/usr/bin/env python3
"""Prints each direct dependency: the version in use, the newest one, and when the newest one was released.

Cargo refreshes its copy of the registry's index; the dates are read from there. Needs Python 3.11 and nothing else.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

# A crate without a release for so long is marked.
QUIET = datetime.timedelta(days=2 * 365)
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], capture_output=True, text=True)


def fail(sentence, hint):
    print(f"FAILED: {sentence}\nhint: {hint}", file=sys.stderr)
    sys.exit(1)


def direct_dependencies():
    """The names of direct dependencies from the registry, each with the versions in use."""
    metadata = cargo("metadata", "--format-version", "1", "--locked")
    if metadata.returncode != 0:
        fail("the dependencies cannot be listed", metadata.stderr.strip().splitlines()[-1])
    metadata = json.loads(metadata.stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    members = set(metadata["workspace_members"])
    used = {}
    for node in metadata["resolve"]["nodes"]:
        if node["id"] in members:
            for dependency in node["deps"]:
                package = packages[dependency["pkg"]]
                if package["source"] == REGISTRY:
                    used.setdefault(package["name"], set()).add(package["version"])
    return used


def in_index(name):
    """Where the index keeps a crate: `hy/pe/hyper`, `3/l/log`."""
    low = name.lower()
    directory = {1: "1", 2: "2", 3: f"3/{low[0]}"}.get(len(low), f"{low[:2]}/{low[2:4]}")
    return f"{directory}/{low}"


def is_candidate(version):
    """Whether a version is a candidate: `1.0.0-rc.1` is, `1.0.0+spec-1.1` is not."""
    return "-" in version.split("+")[0]


def order(version):
    """A version as something to compare; a release is above its candidates."""
    core, _, candidate = version.split("+")[0].partition("-")
    return [int(number) for number in core.split(".")], candidate == "", candidate


def releases(name):
    """The versions of a crate that were not yanked, with the day each was released."""
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    found = {}
    for cache in home.glob(f"registry/index/*/.cache/{in_index(name)}"):
        for text in cache.read_bytes().split(b"\0"):
            if text.startswith(b"{"):
                entry = json.loads(text)
                if not entry["yanked"]:
                    found[entry["vers"]] = entry.get("pubtime", "")[:10]
    return found


def main():
    used = direct_dependencies()
    refreshed = cargo("update", "--dry-run")
    if refreshed.returncode != 0:
        fail(
            "the registry's index cannot be refreshed: no release was looked up",
            "run this where the network allows it",
        )
    today = datetime.date.today()
    print(f"{'crate':<28} {'used':<16} {'newest':<16} released")
    unknown = []
    for name in sorted(used):
        known = releases(name)
        stable = [version for version in known if not is_candidate(version)] or list(known)
        if not stable:
            unknown.append(name)
            continue
        newest = max(stable, key=order)
        day = known[newest]
        versions = ", ".join(sorted(used[name], key=order))
        marks = []
        if newest not in used[name]:
            marks.append("newer")
        if re.fullmatch(r"\d{4}-\d\d-\d\d", day) and today - datetime.date.fromisoformat(day) > QUIET:
            marks.append("quiet for over two years")
        note = f"  ({', '.join(marks)})" if marks else ""
        print(f"{name:<28} {versions:<16} {newest:<16} {day or 'unknown'}{note}")
    if unknown:
        fail(f"the index says nothing of {', '.join(unknown)}", "remove cargo's copy of the index and try again")


if __name__ == "__main__":
    main()
