#!/usr/bin/env python3
"""What the pages link to is there."""

import re
import unittest

from pages import PAGES, ROOT, anchors, name

# Those of the parts, beside the docs.
OTHERS = [*ROOT.glob("helm/*/README.md"), *ROOT.glob("clients/*/README.md"),
          ROOT / "clients/README.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.M | re.S)


class LinksTest(unittest.TestCase):
    def test_pages_and_headings_are_there(self):
        looked = 0
        for page in [*PAGES, *OTHERS]:
            # A link's text may be code.
            text = CODE.sub("code", page.read_text())
            for link in LINK.findall(text):
                if re.match(r"[a-z]+:", link):
                    continue
                looked += 1
                path, _, anchor = link.partition("#")
                with self.subTest(f"{name(page)}: {link}"):
                    target = (page.parent / path).resolve() if path else page
                    self.assertTrue(target.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(target.read_text()))
        self.assertGreater(looked, 80)


if __name__ == "__main__":
    unittest.main()
