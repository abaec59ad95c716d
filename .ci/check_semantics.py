#!/usr/bin/env python3
"""Fails when a rule of docs/semantics.md names a test that does not exist, or
the code a rule or a section that does not.

A rule is a table row `| S-1.3 | text | tests |`; each names tests, in the forms
of named_tests.py, and the rules are numbered without gaps.  Comments of the
code name sections (S-1) and rules (S-1.3).
"""

import re
import sys

import named_tests

NAMED = re.compile(r"\bS-\d+(?:\.\d+)?\b")
RULE = re.compile(r"^\| (S-(\d+)\.(\d+)) \| (.+) \| (.+) \|$", re.M)


def main():
    text = (named_tests.ROOT / "docs/semantics.md").read_text(encoding="utf-8")
    tests = named_tests.NamedTests()
    errors, before, count, known = [], (0, 0), 0, set()
    for number, major, minor, _, shown in RULE.findall(text):
        count += 1
        known |= {number, f"S-{major}"}
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
            if not tests.has(name)
        ]
    errors += [
        f"{file.relative_to(named_tests.ROOT)}: there is no {name}"
        for pattern in ("*.cc", "*.h", "*.proto", "*.py")
        for file in named_tests.files(pattern)
        for name in NAMED.findall(file.read_text(encoding="utf-8"))
        if name not in known
    ]
    rows = len(re.findall(r"^\| S-", text, re.M))
    if rows != count:
        errors.append(f"{rows - count} rows that are no rules")
    print("\n".join(errors) if errors else f"semantics: {count} rules")
    return 1 if errors or not count else 0


if __name__ == "__main__":
    sys.exit(main())
