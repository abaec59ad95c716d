#!/usr/bin/env python3
"""Fails when the server, the clients and the API are not of one version."""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Where the version is written, and how.
VERSIONS = {
    "CMakeLists.txt": r"^project\(medplum_pdp VERSION ([\d.]+)",
    "pdp/service/version.h": r'kVersion\[\] = "([^"]+)"',
    "clients/cpp/CMakeLists.txt": r"project\(medplum_pdp VERSION ([\d.]+)",
    "clients/python/medplum_pdp/_version.py": r'__version__ = "([^"]+)"',
    "clients/typescript/package.json": None,  # JSON.
    "clients/typescript/package-lock.json": None,
    "helm/medplum-pdp/Chart.yaml": r'^version: ([\d.]+)\nappVersion: "\1"$',
    "helm/image/Containerfile": r'image\.version="([\d.]+)"',
    "helm/image/README.md": r"--tag medplum-pdp:([\d.]+)",
    "docs/CHANGELOG.md": r"^## ([\d.]+)",  # The newest first.
}

PACKAGE = "medplum.pdp.v1"
API = ROOT / "proto/medplum/pdp/v1"


def version_in(name, text, pattern):
    if pattern is None:
        return json.loads(text)["version"]
    found = re.search(pattern, text, re.M)
    return found.group(1) if found else None


def faults(read):
    """What is out of step; `read` gives the text of a file by its name."""
    versions = {
        name: version_in(name, read(name), pattern)
        for name, pattern in VERSIONS.items()
    }
    wanted = versions["CMakeLists.txt"]
    for name, version in versions.items():
        if version != wanted:
            yield f"{name}: {version}, and CMakeLists.txt has {wanted}"
    for path in sorted(API.glob("*.proto")):
        name = path.relative_to(ROOT).as_posix()
        if f"\npackage {PACKAGE};" not in read(name):
            yield f"{name}: its package is not {PACKAGE}"


def self_test(read):
    """Every place is looked at: another version there, or none, is a fault."""
    for name in VERSIONS:
        version = version_in(name, read(name), VERSIONS[name])
        changed = read(name).replace(version, "99.1.0", 1)
        found = list(faults(lambda n: changed if n == name else read(n)))
        if not found:
            yield f"the check does not see the version in {name}"


def main():
    def read(name):
        return (ROOT / name).read_text(encoding="utf-8")

    found = [*faults(read), *self_test(read)]
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"versions: {len(VERSIONS)} places have the same")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
