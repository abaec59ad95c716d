#!/usr/bin/python3
"""The package is in step with the project, and its types hold."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import support  # noqa: F401
import medplum_pdp

PYTHON = pathlib.Path(__file__).resolve().parent.parent
ROOT = PYTHON.parent.parent


class PackageTest(unittest.TestCase):
    def test_has_the_version_of_the_project(self):
        found = re.search(r"VERSION (\d+\.\d+\.\d+)",
                          (ROOT / "CMakeLists.txt").read_text())
        self.assertEqual(medplum_pdp.__version__, found.group(1))

    def test_the_generated_code_is_what_the_protos_say(self):
        result = subprocess.run([sys.executable, "generate.py", "--check"],
                                cwd=PYTHON, capture_output=True, text=True,
                                timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_says_that_generated_code_is_not_what_the_protos_say(self):
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory, "clients/python")
            shutil.copytree(PYTHON, copy)
            shutil.copytree(ROOT / "proto", pathlib.Path(directory, "proto"))
            proto = pathlib.Path(directory,
                                 "proto/medplum/pdp/v1/decision.proto")
            proto.write_text(proto.read_text() + "message Other {}\n")

            def generate(*arguments):
                return subprocess.run(
                    [sys.executable, "generate.py", *arguments], cwd=copy,
                    capture_output=True, text=True, timeout=60)
            stale = generate("--check")
            self.assertEqual(stale.returncode, 1)
            self.assertIn("decision_pb2.py", stale.stderr)
            self.assertEqual(generate().returncode, 0)
            self.assertEqual(generate("--check").returncode, 0)

    def test_the_types_hold(self):
        if shutil.which("mypy", path="/usr/bin") is None:
            self.skipTest("NOT RUN, the types were not checked: "
                          "mypy is missing (apt-get install mypy)")
        with tempfile.TemporaryDirectory() as cache:
            result = subprocess.run(
                ["/usr/bin/mypy", "--strict", "--cache-dir", cache],
                cwd=PYTHON, capture_output=True, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    unittest.main()
