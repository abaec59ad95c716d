#!/usr/bin/env python3
"""Fails when a rule of docs/semantics.md names a test that does not exist.

A rule is a table row `| S-1.3 | text | tests |`.  A test is `Suite.Test`, or
`Suite.Test/Case` where the case is a quoted name in that test's body, or
`scenario:c0001`, a recorded case of tests/conformance.
"""

import json
import pathlib
import re
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULE = re.compile(r"^\| (S-(\d+)\.(\d+)) \| (.+) \| (.+) \|$", re.M)
TEST = re.compile(r"^TEST(?:_F)?\(\s*(\w+),\s*(\w+)\s*\)", re.M)


def unit_tests():
    """The body of every test by `Suite.Test`."""
    bodies = {}
    for file in ROOT.glob("**/*_test.cc"):
        if "build" in file.relative_to(ROOT).parts:
            continue
        text = file.read_text(encoding="utf-8")
        starts = list(TEST.finditer(text))
        for match, after in zip(starts, starts[1:] + [None]):
            end = after.start() if after else len(text)
            bodies[".".join(match.groups())] = text[match.end() : end]
    return bodies


class Recorded:
    """The recorded cases, read where one is asked for."""

    def __init__(self):
        self.archive = tarfile.open(ROOT / "tests/conformance/vectors.tar.xz")
        self.files = {
            pathlib.PurePath(member.name).stem: member
            for member in self.archive.getmembers()
            if member.name.endswith(".json")
        }
        self.ids = {}

    def has(self, scenario, case):
        if scenario not in self.files:
            return False
        if scenario not in self.ids:
            file = json.load(self.archive.extractfile(self.files[scenario]))
            self.ids[scenario] = {
                entry["id"]
                for kind in ("checks", "searches", "effective")
                for entry in file.get(kind, [])
            }
        return case in self.ids[scenario]


def exists(name, tests, recorded):
    if ":" in name:
        return recorded.has(*name.split(":", 1))
    test, _, case = name.partition("/")
    return test in tests and (not case or f'"{case}"' in tests[test])


def main():
    text = (ROOT / "docs/semantics.md").read_text(encoding="utf-8")
    tests, recorded = unit_tests(), Recorded()
    errors, before, count = [], (0, 0), 0
    for number, major, minor, _, shown in RULE.findall(text):
        count += 1
        here = (int(major), int(minor))
        if here not in {(before[0], before[1] + 1), (before[0] + 1, 1)}:
            errors.append(f"{number}: out of order")
        before = here
        names = re.findall(r"`([^`]+)`", shown)
        if not names:
            errors.append(f"{number}: names no test")
        errors += [
            f"{number}: there is no test {name}"
            for name in names
            if not exists(name, tests, recorded)
        ]
    rows = len(re.findall(r"^\| S-", text, re.M))
    if rows != count:
        errors.append(f"{rows - count} rows that are no rules")
    print("\n".join(errors) if errors else f"semantics: {count} rules")
    return 1 if errors or not count else 0


if __name__ == "__main__":
    sys.exit(main())
