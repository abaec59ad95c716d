#!/usr/bin/env python3
"""The configurations that the pages show are taken by the server.

PDP_BIN has pdpd."""

import itertools
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

from commands import blocks
from configuration import ROOT, Schema
from pages import PAGES

BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
SECTIONS = {key.path.split(".")[0].split("[")[0]
            for key in Schema().keys.values()}

# What a part of a configuration is put into.
CALLERS = [{"name": "test", "from": "loopback", "subjects": "any",
            "permissions": ["all"]}]
MEDPLUM = {"base-url": "https://api.example.com/", "login": [
    {"project": "p", "client-id": "c", "client-secret-file": "/run/secret"}]}


def alternatives(block):
    """The text up to a line that ends with `# ...; or`, and without it.  Flags
    that follow are left out."""
    lines = list(itertools.takewhile(lambda line: not line.startswith("--"),
                                     block.lines))
    for number, line in enumerate(lines):
        if re.search(r"# .*\bor$", line):
            return ["\n".join(lines[:number + 1]),
                    "\n".join(lines[:number] + lines[number + 1:])]
    return ["\n".join(lines)]


def configuration(block, text):
    """What a text of the block configures; None where it is another thing."""
    if block.language not in ("", "yaml"):
        return None
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    is_one = isinstance(value, dict) and value and set(value) <= SECTIONS
    return value if is_one else None


def whole(value):
    """With what the server needs beside it."""
    medplum = {"medplum", "sweep", "attributes"} & set(value) or \
        "medplum" in value.get("audit", {})
    if medplum:
        value = {"source": "medplum", **value,
                 "medplum": {**MEDPLUM, **value.get("medplum", {})}}
    else:
        value = {"source": "directory:/dev/null", **value}
    return {"callers": CALLERS, **value, "data-dir": "/dev/null/data"}


class ConfigurationsTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.place = pathlib.Path(self.directory.name)
        (self.place / "secret").write_text("0" * 64 + "\n")
        for command in (
                "req -x509 -newkey ed25519 -nodes -keyout key -out certificate "
                "-days 2 -subj /CN=test -addext subjectAltName=DNS:localhost",
                "genpkey -algorithm ed25519 -out signing"):
            subprocess.run(["openssl", *command.split()], cwd=self.place,
                           check=True, capture_output=True)

    def file_for(self, key):
        return str(self.place / {
            "certificate-file": "certificate", "client-ca-file": "certificate",
            "ca-file": "certificate", "signing-key-file": "signing",
            "private-key-file": "key"}.get(key, "secret"))

    def with_files(self, value):
        """Every `...-file` is one that is here."""
        if isinstance(value, dict):
            return {k: self.file_for(k) if k.endswith("-file")
                    else self.with_files(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.with_files(v) for v in value]
        return value

    def test_the_server_takes_them(self):
        found = 0
        for page in PAGES:
            for block in blocks(page):
                for text in alternatives(block):
                    value = configuration(block, text)
                    if value is not None:
                        found += 1
                        with self.subTest(block.place):
                            self.is_taken(whole(value))
        self.assertGreater(found, 11)

    def is_taken(self, value):
        file = self.place / "pdpd.yaml"
        file.write_text(yaml.safe_dump(self.with_files(value)))
        done = subprocess.run(
            [str(BIN / "pdpd"), "--config", str(file)],
            capture_output=True, text=True, timeout=60, check=False)
        # So far it gets where all that is configured is well.
        self.assertRegex(done.stderr, r"data-dir: cannot make")


if __name__ == "__main__":
    unittest.main()
