"""The pages of the docs."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"\s*(```|~~~)(\S*)")


def name(page):
    return str(page.relative_to(ROOT))


def anchors(text):
    """What GitHub makes of the headings."""
    found, fenced = set(), False
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        if fenced or not line.startswith("#"):
            continue
        heading = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", line.lstrip("#").strip())
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = sum(a == anchor or re.fullmatch(rf"{anchor}-\d+", a) is not None
                    for a in found)
        found.add(f"{anchor}-{count}" if count else anchor)
    return found
