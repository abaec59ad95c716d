#!/usr/bin/env python3
"""Fails when docs/security/lessons.md names a test that does not exist."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/security/lessons.md"
TEST = re.compile(r"^TEST(?:_F)?\(\s*(\w+),\s*(\w+)\s*\)", re.M)


def main():
    units = {
        ".".join(names)
        for top in ("pdp", "store", "clients", "tests")
        for file in (ROOT / top).rglob("*_test.cc")
        for names in TEST.findall(file.read_text(encoding="utf-8"))
    }
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+(?:Test|Concurrency)\.\w+)`", text))
    missing = sorted(named - units)
    for file, test in re.findall(r"`(\w+\.py): (test_\w+)`", text):
        source = (ROOT / "tests/medplum" / file).read_text(encoding="utf-8")
        if f"def {test}(" not in source:
            missing.append(f"{file}: {test}")
    for name in missing:
        print(f"docs/security/lessons.md: there is no test {name}")
    if not missing:
        print(f"lessons: {len(named)} unit tests")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
