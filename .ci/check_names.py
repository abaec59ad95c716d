#!/usr/bin/env python3
"""Fails when a page names a test, a file or a place of a page that is not there.

In every page: each test in backticks (named_tests.py has the forms), each path
in backticks that begins with a directory of this tree or with a module of pdp/,
each link to a file or to a heading.  In a table whose last column is `tests`,
each row names one.
"""

import pathlib
import re
import sys

import named_tests

ROOT = named_tests.ROOT
TOPS = ("pdp", "store", "proto", "clients", "tests", "helm", "docs", ".ci")
# But `auth/me`, which is Medplum's.
MODULES = {path.name for path in (ROOT / "pdp").iterdir()} - {"auth"}
QUOTED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```.*?^\1```", re.M | re.S)
PATH = re.compile(
    r"(?:%s)/[\w./-]*[\w/]" % "|".join(map(re.escape, [*TOPS, *MODULES]))
)


def pages():
    yield ROOT / "README.md"
    for top in TOPS:
        for page in (ROOT / top).rglob("*.md"):
            if "node_modules" not in page.parts:
                yield page


def anchors(page):
    """What links to headings of `page` end with, as GitHub makes it."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.M):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        while slug in found:
            slug += "-1"
        found.add(slug)
    return found


def path_exists(page, name):
    """A file, a directory, or the name that a header and its source share,
    from beside the page, from a directory that it is in, or from pdp/."""
    if any(part.isupper() for part in re.split(r"[/.]", name)):
        return True  # A placeholder.
    return any(
        path.exists() or any(path.parent.glob(path.name + ".*"))
        for path in (parent / name for parent in (*page.parents, ROOT / "pdp"))
        if path.is_relative_to(ROOT)
    )


def faults(page, tests):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for name in QUOTED.findall(text):
        if named_tests.SHAPE.fullmatch(name):
            if not tests.has(name):
                yield f"there is no test {name}"
        elif PATH.fullmatch(name) and not path_exists(page, name):
            yield f"there is no {name}"
    for link in LINK.findall(text):
        if ":" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists():
            yield f"a link to {file}, which is not there"
        elif anchor and anchor not in anchors(target):
            yield f"a link to {link}: there is no such heading"
    in_table = False
    for line in text.splitlines():
        if not line.startswith("|"):
            in_table = False
        elif line.rstrip("| ").endswith("| tests"):
            in_table = True
        elif in_table and not line.startswith("|---"):
            last = line.rstrip("| ").rsplit(" | ", 1)[-1]
            named = filter(named_tests.SHAPE.fullmatch, QUOTED.findall(last))
            if not any(named):
                yield f"a row that names no test: {line[:60]}"


def main():
    tests = named_tests.NamedTests()
    count = 0
    errors = []
    for page in pages():
        count += 1
        errors += [
            f"{page.relative_to(ROOT)}: {fault}"
            for fault in faults(page, tests)
        ]
    print("\n".join(errors) if errors else f"names: {count} pages")
    return 1 if errors or not count else 0


if __name__ == "__main__":
    sys.exit(main())
