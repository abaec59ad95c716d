#!/usr/bin/env python3
"""check_names.py sees what is wrong with a page, and nothing else."""

import pathlib
import tempfile
import unittest

import check_names
import named_tests

TESTS = named_tests.NamedTests()

GOOD = """\
# One heading

`KeysTest.IdsStandInTheOrderOfTheirBytes`, `binary:c0001`, `pdp/policy/bind`,
`policy/bind`, `harness.py: not a test`, [here](#one-heading),
[there](../design.md#life-of-a-change), `auth/me`, `docs/TOPIC.md`.

| what | tests |
|---|---|
| the roles | `roles.yaml: No role reaches into the other clinic` |

```
`NoTest.InCode`, [nowhere](nowhere.md)
```
"""


class CheckNamesTest(unittest.TestCase):
    def faults(self, text):
        with tempfile.TemporaryDirectory(dir=check_names.ROOT / "docs") as place:
            page = pathlib.Path(place) / "page.md"
            page.write_text(text, encoding="utf-8")
            return list(check_names.faults(page, TESTS))

    def test_what_is_there_is_no_fault(self):
        self.assertEqual(self.faults(GOOD), [])

    def test_what_is_not_there_is_one(self):
        for good, bad in (
            ("IdsStandInTheOrderOfTheirBytes", "NoSuchTest"),
            ("binary:c0001", "binary:c9999"),
            ("`pdp/policy/bind`", "`pdp/policy/binder`"),
            ("`policy/bind`", "`policy/binder`"),
            ("`harness.py: not a test`", "`harness.py: test_nothing`"),
            ("#one-heading", "#another-heading"),
            ("design.md#life", "design.md#death"),
            ("../design.md", "../designs.md"),
            ("No role reaches", "Each role reaches"),
            ("`roles.yaml: No role reaches into the other clinic`", "later"),
        ):
            with self.subTest(bad):
                self.assertIn(good, GOOD)
                self.assertEqual(len(self.faults(GOOD.replace(good, bad))), 1)


if __name__ == "__main__":
    unittest.main()
