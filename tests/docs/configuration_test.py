#!/usr/bin/env python3
"""docs/configuration.md says what the server takes.

PDP_BIN has pdpd."""

import os
import pathlib
import re
import subprocess
import unittest

import configuration_page
from configuration import ROOT, Schema

BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
SCHEMA = Schema()
LARGEST = {"uint32": 2**32 - 1, "uint64": 2**64 - 1, "duration": "8760h"}

# Those without which the server has nothing to look at; the directory of the
# store cannot be made, so that it ends there.
LEAST = ["--data-dir", "/dev/null/data",
         "--callers", "name=a,from=loopback,permissions=all,subjects=any"]
DIRECTORY = ["--source", "directory:/dev/null"]
MEDPLUM = ["--source", "medplum", "--medplum.base-url", "https://localhost/",
           "--medplum.login", "project=a,client-id=b,"
           f"client-secret-file={pathlib.Path(__file__)}"]
# What a key needs beside it.
NEEDS = (
    ("gateway.", ["--gateway.ext-authz", "true"]),
    ("audit.archive-timeout", ["--audit.archive-directory", "/a"]),
    ("audit.retention-days", ["--audit.archive-directory", "/a"]),
    ("audit.local-retention-days", ["--audit.archive-directory", "/a"]),
    ("audit.max-volume-percent", ["--audit.archive-directory", "/a"]),
    ("session-rules[].lock", "failed-attempts=1"),
    ("stale-after", ["--max-staleness", "8760h"]),
    ("sweep.", ["--max-staleness", "8760h", "--stale-after", "8000h"]),
    ("sweep.full-interval", ["--sweep.interval", "15s"]),
)


def run(*arguments):
    """The exit code and what was said."""
    done = subprocess.run([str(BIN / "pdpd"), *arguments], timeout=60,
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def refused(key, value):
    """What the server has against that value, or None."""
    arguments = [*LEAST]
    medplum = key.path.startswith(("medplum.", "sweep.", "attributes."))
    arguments += MEDPLUM if medplum else DIRECTORY
    beside = [need for path, need in NEEDS if key.path.startswith(path)]
    section, item, name = key.path.partition("[].")
    if item:
        pairs = [*beside, f"{name}={value}"]
        arguments += [f"--{section}", ",".join(pairs)]
    else:
        arguments += [word for need in beside for word in need]
        arguments += [f"--{key.path}", str(value)]
    code, said = run(*arguments)
    assert code == 2, (key.path, value, code, said)
    if said.startswith("pdpd: data-dir: cannot make"):
        return None
    assert name in said or key.name in said, (key.path, value, said)
    return said


def beyond(key, text, sign):
    """The value next to the bound, outside; None where there is none."""
    if key.is_number:
        value = int(text) + sign
        return value if value >= 0 else None
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()
    seconds = int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
    micros = round(seconds * 1e6) + sign
    return f"{micros}us" if micros >= 0 else None


class ConfigurationTest(unittest.TestCase):
    def test_the_page_is_what_the_comments_say(self):
        self.assertEqual(
            configuration_page.page(), configuration_page.PAGE.read_text(),
            "run tests/docs/configuration_page.py --write")

    def test_each_key_says_what_it_means(self):
        for key in SCHEMA.keys.values():
            with self.subTest(key.path):
                self.assertTrue(configuration_page.meaning(key))
                self.assertEqual(key.is_file, "Reload" in key.facts)

    def test_the_flags_have_the_same_defaults(self):
        _, text = run("--help")
        text = text.split("Examples:")[0]
        flags = {}
        for part in re.findall(r"^  -(.*\n(?:    +.*\n)*)", text, re.M):
            flag = re.search(r"-([\w.-]+)", part).group(1)
            flags[flag] = " ".join(part.split())
        for path, key in SCHEMA.keys.items():
            if "[]" in path:
                continue
            with self.subTest(path):
                self.assertIn(path, flags)
                default = key.facts.get("Default", "")
                shown = re.search(r"\[([^\]]*)\]$", flags[path])
                if configuration_page.literal(key, default):
                    self.assertEqual(
                        default, shown and re.split("[:;] ", shown.group(1))[0])
                if flags[path].endswith("Required."):
                    self.assertTrue(key.required or "." in path)

    def test_the_ranges_are_those_that_the_server_takes(self):
        known = 0
        for path, key in SCHEMA.keys.items():
            if not (key.is_number or key.is_duration or key.range()):
                continue
            text = key.facts.get("Range", "")
            with self.subTest(path, range=text):
                least, most = key.range() or (None, None)
                for bound, sign in ((least, -1), (most, 1)):
                    if bound is None:
                        continue
                    known += 1
                    self.assertIsNone(refused(key, bound))
                    outside = None if key.name == "fsync" else \
                        beyond(key, bound, sign)
                    if outside is not None:
                        self.assertIsNotNone(refused(key, outside))
                if text.startswith("more than "):
                    self.assertIsNotNone(refused(key, text.split()[-1]))
                elif not text:  # Then there is none.
                    kind = "duration" if key.is_duration else \
                        "uint32" if key.field.type == key.field.TYPE_UINT32 \
                        else "uint64"
                    self.assertIsNone(refused(key, LARGEST[kind]))
                    self.assertIsNone(refused(
                        key, "0s" if key.is_duration else "0"))
        self.assertGreater(known, 60)


if __name__ == "__main__":
    unittest.main()
