#!/usr/bin/env python3
"""The image, made in a plain root as helm/image/Containerfile says, and run.

The programs are those of this tree; with PDP_LONG=1 they are built in a plain
root, too.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import containerfile
import plain_root
from engine import Engine, commands
from plain_root import Container

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/medplum"))
from authority import Authority  # noqa: E402

BUILD = pathlib.Path(os.environ.get("PDP_BUILD", ROOT / "build"))
IMAGE = ROOT / "helm/image"
NOT_RUN = 77  # ctest then lists it among those that did not run.

PROGRAMS = ("/usr/bin/pdpd", "/usr/bin/pdpctl")
CLINIC = ROOT / "docs/security/access-policies"
PATIENT = "ProjectMembership/13000001-0000-4000-8000-000000000020"
OWN_RECORD = "Patient/20000001-0000-4000-8000-000000000001"
OTHER_RECORD = "Patient/20000001-0000-4000-8000-000000000002"
TOKEN = "0123456789abcdef" * 4

# What an operator writes, but for where the policies come from.
CONFIGURATION = """
source: directory:/etc/medplum-pdp/policies
data-dir: /var/lib/medplum-pdp/data
listen: ["0.0.0.0:8990", "unix:/run/medplum-pdp/pdp.sock"]
http-listen: 0.0.0.0:8991
tls:
  certificate-file: /etc/medplum-pdp/tls/tls.crt
  private-key-file: /etc/medplum-pdp/tls/tls.key
callers:
  - name: gateway
    token-file: /etc/medplum-pdp/secrets/gateway-token
    permissions: [check, admin]
    subjects: any
"""
TLS = ("--target", "localhost:8990", "--tls-ca", "/etc/medplum-pdp/tls/ca.pem",
       "--token-file", "/etc/medplum-pdp/secrets/gateway-token")


def install(stages, target):
    """What the stage `build` installs, of the programs that are built here."""
    build = stages[0]
    place = next(step.pairs()["DESTDIR"] for step in build.all("ENV"))
    for step in build.all("RUN"):
        if step.text.startswith("cmake --install build "):
            subprocess.run(
                step.text.replace(" build ", f" {BUILD} ", 1), shell=True,
                check=True, stdout=subprocess.DEVNULL, cwd=ROOT,
                env={**os.environ, "DESTDIR": f"{target}{place}"})


def directory_of_configuration(place):
    """What is mounted at /etc/medplum-pdp."""
    (place / "tls").mkdir(parents=True)
    (place / "secrets").mkdir()
    shutil.copytree(CLINIC, place / "policies")
    (place / "pdpd.yaml").write_text(CONFIGURATION)
    (place / "secrets/gateway-token").write_text(TOKEN + "\n")
    authority = Authority(place / "tls", "ca")
    certificate, key = authority.issue("tls", "DNS:localhost")
    pathlib.Path(certificate).rename(place / "tls/tls.crt")
    pathlib.Path(key).rename(place / "tls/tls.key")
    for path in (place / "tls/tls.key", place / "secrets/gateway-token"):
        os.chown(path, 65532, 65532)
        path.chmod(0o400)


def check(resource):
    return ("pdpctl", "check", *TLS, "--subject", PATIENT, "--interaction",
            "read", "--resource", resource)


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="pdp-image-")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        stages = containerfile.read(IMAGE / "Containerfile")
        cls.stage = stages[-1]
        cls.root = cls.directory / "root"
        built = cls.directory / "build"
        try:
            plain_root.look_at_machine()
            if os.environ.get("PDP_LONG"):
                plain_root.build(stages[0], built, context=ROOT)
            else:
                install(stages, built)
            plain_root.build(cls.stage, cls.root, copied={"build": built})
        except plain_root.CannotRun as reason:
            raise unittest.SkipTest(str(reason))
        cls.work = cls.directory / "work"
        directory_of_configuration(cls.work / "etc")
        (cls.work / "docs").symlink_to(ROOT / "docs")

    def container(self, **options):
        options.setdefault("volumes", [
            (self.work / "etc", "/etc/medplum-pdp", "ro")])
        return Container(self.root, self.stage, **options)

    def test_no_library_is_missing(self):
        for program in PROGRAMS:
            linked = plain_root.linked_libraries(self.root, program)
            self.assertIn("libc.so.6", linked)
            self.assertEqual([], [n for n, path in linked.items() if not path])

    def test_the_packages_are_those_that_are_needed(self):
        """Named is what has a library that a program names, unless the base has
        it, and what it is said of why."""
        install_step = next(step for step in self.stage.all("RUN")
                            if "apt-get install" in step.text)
        named = containerfile.packages(install_step)
        needed = {library for program in PROGRAMS
                  for library in plain_root.needed_libraries(self.root, program)}
        owners = {plain_root.owner(self.root, library) for library in needed
                  if not library.startswith("ld-linux")}
        of_the_base = plain_root.installed_packages(
            plain_root.base(self.stage.base))
        said = set(install_step.comments)
        self.assertEqual(sorted((owners - of_the_base) | said), named)
        self.assertEqual(set(), said & owners, "a reason that is none")

    def test_it_holds_no_more_than_it_needs_to_run(self):
        for program in PROGRAMS:
            sections = subprocess.run(
                ["readelf", "--section-headers", "--wide",
                 f"{self.root}{program}"], capture_output=True, text=True,
                check=True).stdout
            self.assertNotIn(".debug_info", sections)
        added = {path.relative_to(self.directory / "build/out").as_posix()
                 for path in (self.directory / "build/out").rglob("*")
                 if not path.is_dir()}
        self.assertEqual({"usr/bin/pdpd", "usr/bin/pdpctl",
                          "usr/share/doc/medplum-pdp/LICENSE"}, added)
        for place in ("var/lib/apt/lists", "var/log", "var/cache/apt"):
            path = self.root / place
            self.assertEqual([], list(path.iterdir()) if path.exists() else [])

    def test_it_has_the_programs_that_the_chart_starts(self):
        values = (ROOT / "helm/medplum-pdp/values.yaml").read_text()
        named = re.search(r"It has (.*) in its PATH", values).group(1)
        programs = re.findall(r"`(\w+)`", named)
        self.assertIn("pdpd", programs)
        for program in programs:
            plain_root.run_step(self.root, f"command -v {program}")

    def test_without_arguments_it_serves_by_its_configuration(self):
        with self.container() as pdpd:
            pdpd.wait_until_healthy()
            self.assertEqual("ready\n", pdpd.get("http://127.0.0.1:8991/readyz"))
            self.assertIn("\npdp_", pdpd.get("http://127.0.0.1:8991/metrics"))
            nobody_there = [*pdpd.health_command[:-1], "localhost:8992"]
            self.assertEqual(1, pdpd.run(*nobody_there).returncode)
            permitted = pdpd.run(*check(OWN_RECORD))
            self.assertEqual(0, permitted.returncode, permitted)
            self.assertIn("PERMIT", permitted.stdout)
            denied = pdpd.run(*check(OTHER_RECORD))
            self.assertEqual(3, denied.returncode, denied)
            self.assertIn("DENY", denied.stdout)
            self.assertEqual(0, pdpd.run("pdpctl", "status", *TLS).returncode)
            self.assertEqual(0, pdpd.stop(), pdpd.log.read_text())

    def test_it_has_no_privilege_and_writes_to_its_volumes_alone(self):
        with self.container() as pdpd:
            pdpd.wait_until_healthy()
            status = pathlib.Path(f"/proc/{pdpd.pid()}/status").read_text()
            fields = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.M))
            self.assertEqual("65532\t" * 3 + "65532", fields["Uid"])
            self.assertEqual("65532\t" * 3 + "65532", fields["Gid"])
            self.assertEqual("1", fields["NSpid"].split()[-1])
            for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
                self.assertEqual(0, int(fields[name], 16), name)
            for place, code in {"/": 1, "/tmp": 1, "/usr/bin": 1,
                                "/var/lib/medplum-pdp": 0,
                                "/run/medplum-pdp": 0}.items():
                done = pdpd.run("touch", f"{place}/written")
                self.assertEqual(code, done.returncode, done)

    def test_a_decision_is_in_the_audit_log_when_it_has_ended(self):
        with tempfile.TemporaryDirectory() as data:
            os.chown(data, 65532, 65532)
            volumes = [(self.work / "etc", "/etc/medplum-pdp", "ro"),
                       (data, "/var/lib/medplum-pdp", "rw")]
            with self.container(volumes=volumes) as pdpd:
                pdpd.wait_until_healthy()
                denied = pdpd.run(*check(OTHER_RECORD))
                self.assertEqual(3, denied.returncode, denied)
                self.assertEqual(0, pdpd.stop(), pdpd.log.read_text())
            with self.container(
                    volumes=volumes, entrypoint=["pdpctl"], arguments=[
                        "audit", "query", "--resource", OTHER_RECORD,
                        "/var/lib/medplum-pdp/data/audit"]) as query:
                self.assertEqual(0, query.process.wait(plain_root.LONG),
                                 query.log.read_text())
                self.assertIn("DENY", query.log.read_text())

    def test_a_wrong_configuration_ends_it(self):
        with self.container(volumes=[]) as pdpd:
            self.assertEqual(2, pdpd.process.wait(plain_root.LONG))
            self.assertIn("/etc/medplum-pdp/pdpd.yaml", pdpd.log.read_text())
        with self.container(arguments=["--version"]) as pdpd:
            self.assertEqual(0, pdpd.process.wait(plain_root.LONG))
            label = self.stage.one("LABEL").pairs()
            self.assertIn(label["org.opencontainers.image.version"],
                          pdpd.log.read_text())

    def test_the_commands_of_the_readme(self):
        engine = Engine(self.root, self.stage)
        self.addCleanup(engine.close)
        os.environ["PWD"] = str(self.work)
        done = []
        for line in commands(IMAGE / "README.md"):
            words = line.split()
            if words[1] == "build":
                self.assertEqual("helm/image/Containerfile",
                                 words[words.index("--file") + 1])
                continue
            output, code = engine.do(line)
            self.assertEqual(0, code, f"{line}\n{output}")
            done.append(words[1])
            if "check" in words:
                self.assertIn("PERMIT", output)
        self.assertEqual(["run", "exec", "exec", "stop", "rm", "run"], done)


if __name__ == "__main__":
    tried = unittest.main(exit=False).result
    for _, why in tried.skipped:
        print(f"{why}: NOTHING of the image was run", file=sys.stderr)
    sys.exit(NOT_RUN if tried.skipped else not tried.wasSuccessful())
