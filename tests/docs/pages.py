"""The pages of the docs."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"\s*(```|~~~)(\S*)")


def name(page):
    return str(page.relative_to(ROOT))
