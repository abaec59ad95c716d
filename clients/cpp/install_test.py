#!/usr/bin/env python3
"""Installs the client, and builds and runs what its README and example say.

usage: install_test.py BUILD_DIR
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()

sys.path.insert(0, str(HERE))
from sample_clinic import SampleClinic  # noqa: E402

MSO = "ProjectMembership/13000000-0000-4000-8000-000000000001"
RISK_SCORE = "ProjectMembership/13000001-0000-4000-8000-000000000030"


def run(*command):
    """What the command prints; raises, with all of it, where it fails."""
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=500
    )
    if result.returncode != 0:
        raise AssertionError(f"{command}:\n{result.stdout}{result.stderr}")
    return result.stdout


def readme_block(language):
    """The first block of the README in that language."""
    text = (HERE / "README.md").read_text()
    return re.search(rf"```{language}\n(.*?)```", text, re.S).group(1)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="pdp-install-")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        cls.prefix = cls.directory / "prefix"
        run("cmake", "--install", BUILD, "--component", "client",
            "--prefix", cls.prefix)
        cls.clinic = SampleClinic(BUILD / "bin" / "pdpd", cls.directory / "data")
        cls.addClassCleanup(cls.clinic.stop)

    def build(self, source, *options):
        """The directory with what was built."""
        out = source / "build"
        run("cmake", "-S", source, "-B", out, "-G", "Ninja",
            "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_PREFIX_PATH={self.prefix}",
            *options)
        run("cmake", "--build", out, "-j", 2)
        return out

    def test_a_first_call_is_as_the_readme_says(self):
        source = self.directory / "first"
        source.mkdir()
        (source / "first.cc").write_text(readme_block("cpp"))
        (source / "options.cc").write_text(
            '#include "medplum_pdp/client.h"\nvoid Options() {\n'
            + readme_block(r"c\+\+") + "}\n"
        )
        (source / "CMakeLists.txt").write_text(
            readme_block("cmake") + "target_sources(first PRIVATE options.cc)\n"
        )
        out = self.build(source)
        self.assertEqual(run(out / "first", self.clinic.target), "PERMIT\n")

    def test_the_example_shows_what_a_member_may_see(self):
        source = self.directory / "example"
        source.mkdir()
        for name in ("scheduler.cc", "CMakeLists.txt"):
            (source / name).write_text((HERE / "example" / name).read_text())
        scheduler = self.build(source) / "scheduler"
        lines = run(scheduler, self.clinic.target, MSO).splitlines()
        self.assertTrue(lines[0].startswith("may run Appointment?"), lines)
        self.assertIn("status=booked", lines[0])
        lines = run(scheduler, self.clinic.target, RISK_SCORE).splitlines()
        self.assertEqual(lines[0], "may find no appointments")
        self.assertTrue(lines[1].startswith("200 {"), lines)
        self.assertIn("birthDate", lines[1])
        self.assertNotIn("Fenwick", lines[1])
        self.assertRegex(lines[2], r'^403 \{"decisionId":"[^"]+"\}$')

    def test_the_tree_can_be_a_part_of_another_project(self):
        run("cmake", "-S", HERE / "example", "-B", self.directory / "part",
            "-G", "Ninja", f"-DMEDPLUM_PDP_TREE={ROOT}")

    def test_the_protos_are_installed_as_they_are(self):
        installed = self.prefix / "share/medplum_pdp/proto/medplum/pdp/v1"
        names = sorted(path.name for path in installed.iterdir())
        self.assertEqual(names, ["admin.proto", "decision.proto", "types.proto"])
        for name in names:
            self.assertEqual(
                (installed / name).read_bytes(),
                (ROOT / "proto/medplum/pdp/v1" / name).read_bytes(),
            )

    def test_nothing_of_the_tree_is_in_the_package(self):
        for path in (self.prefix / "lib/cmake/medplum_pdp").iterdir():
            self.assertNotIn(str(ROOT), path.read_text(), path)


if __name__ == "__main__":
    unittest.main()
