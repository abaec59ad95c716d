#!/usr/bin/env python3
"""Fails when a file includes a file of a layer that its own may not know.

The table is the architecture: a module may include its own files and those of
the modules listed, nothing else.  Libraries that only some modules may know are
checked too.
"""

import pathlib
import re
import sys

MAY_KNOW = {
    "pdp/base": [],
    "pdp/fhir": ["pdp/base"],
    "pdp/fhir/fhirpath": ["pdp/base", "pdp/fhir"],
    "pdp/fhir/search": ["pdp/base", "pdp/fhir", "pdp/fhir/fhirpath"],
    "pdp/policy": [
        "pdp/base",
        "pdp/fhir",
        "pdp/fhir/fhirpath",
        "pdp/fhir/search",
    ],
    "store": ["pdp/base", "pdp/fhir"],
    "pdp/medplum": ["pdp/base", "pdp/fhir"],
    "pdp/sync": [
        "pdp/base",
        "pdp/fhir",
        "pdp/medplum",
        "pdp/policy",
        "store",
    ],
    "pdp/audit": ["pdp/base", "pdp/fhir", "pdp/medplum"],
    "pdp/audit_sink": ["pdp/base", "pdp/fhir", "pdp/medplum", "pdp/audit"],
    "pdp/recorded": ["pdp/base", "pdp/fhir", "pdp/audit", "proto"],
    "pdp/auth": ["pdp/base", "pdp/fhir", "pdp/medplum"],
    "pdp/gateway": ["pdp/base", "pdp/fhir", "pdp/fhir/search"],
    "pdp/service": [
        "pdp/base",
        "pdp/fhir",
        "pdp/policy",
        "pdp/audit",
        "pdp/audit_sink",
        "pdp/auth",
        "pdp/recorded",
        "pdp/gateway",
        "proto",
    ],
    # Of the others what needs abseil alone: it is installed without them.
    "clients/cpp": ["pdp/base", "pdp/fhir", "pdp/medplum", "proto"],
    "clients/pdpctl": [
        "clients/cpp",
        "clients/pdpctl/provision",  # In main.cc.
        "pdp/audit",
        "pdp/base",
        "pdp/fhir",
        "pdp/fhir/fhirpath",
        "pdp/fhir/search",
        "pdp/medplum",
        "pdp/policy",
        "pdp/recorded",
        "proto",
    ],
    "clients/pdpctl/provision": [
        "clients/pdpctl",
        "pdp/base",
        "pdp/fhir",
        "pdp/fhir/fhirpath",
        "pdp/fhir/search",
        "pdp/medplum",
        "pdp/policy",
        "proto",
    ],
    "tests": None,  # Tests may know everything.
    "pdp": None,  # main.cc wires everything.
}

# Headers of libraries, and the only modules that may include them.
LIBRARIES = {
    "rocksdb/": {"store"},
    "grpcpp/": {"pdp/service", "clients/cpp", "clients/pdpctl", "pdp"},
    "prometheus/": {"pdp/service"},
    "yaml-cpp/": {"pdp/service", "clients/pdpctl", "clients/pdpctl/provision"},
    "CLI/": {"pdp/service", "clients/pdpctl"},
    "curl/": {"pdp/medplum"},
    "boost/": {"pdp/medplum"},
}

# Words that have no place in our code, and why.
BANNED = {
    "std::atomic<std::shared_ptr": "use a Published value",
    "absl::Mutex ": "ThreadSanitizer cannot see it; use pdp::Mutex",
    "absl::MutexLock": "ThreadSanitizer cannot see it; use pdp::MutexLock",
}

INCLUDE = re.compile(r'^#include "((?:pdp|store|clients|medplum)/[^"]+)"', re.M)
LIBRARY = re.compile(r'^#include [<"]([^">]+)[">]', re.M)


def layer(path):
    if path.startswith("medplum/"):
        return "proto"
    candidates = [l for l in MAY_KNOW if path.startswith(l + "/")]
    return max(candidates, key=len, default=None)


def check(file, name):
    text = file.read_text(encoding="utf-8")
    here = layer(name)
    is_test = name.endswith("_test.cc")
    allowed = MAY_KNOW[here]
    for included in INCLUDE.findall(text):
        there = layer(included)
        if allowed is None or there == here or there in allowed:
            continue
        yield f"{name}: {here} may not include {included}"
    for included in LIBRARY.findall(text):
        for prefix, users in LIBRARIES.items():
            if included.startswith(prefix) and here not in users:
                if not is_test and here != "tests":
                    yield f"{name}: {here} may not include <{included}>"
    for word, advice in BANNED.items():
        if word in text and not name.endswith("mutex.h"):
            yield f"{name}: `{word.strip()}`: {advice}"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    errors = []
    files = 0
    for top in ("pdp", "store", "clients", "tests"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in {".h", ".cc"}:
                continue
            name = file.relative_to(root).as_posix()
            if layer(name) is None:
                continue
            files += 1
            errors += check(file, name)
    print("\n".join(errors) if errors else f"layers: {files} files")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
