#!/usr/bin/env python3
"""What `make install` puts where, and that it can be used as it is."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/medplum"))
from authority import Authority  # noqa: E402

BUILD = pathlib.Path(os.environ.get("PDP_BUILD", ROOT / "build"))
LONG = 60.0  # Seconds that are never reached unless something is wrong.

PREFIX = "/usr/local"
PAGE = ROOT / "helm/systemd/README.md"
UNIT = "lib/systemd/system/medplum-pdp.service"
USERS = "lib/sysusers.d/medplum-pdp.conf"
EXAMPLE = "share/doc/medplum-pdp/examples/pdpd.yaml"
LICENSE = "share/doc/medplum-pdp/LICENSE"
FILES = ["bin/pdpctl", "bin/pdpd", UNIT, USERS, LICENSE, EXAMPLE]
OF_THE_CLIENT = ("include/medplum", "lib/cmake/medplum_pdp/",
                 "lib/libmedplum_pdp_", "share/medplum_pdp/")


def run(*command, **options):
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False,
        timeout=LONG, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="pdp-install-")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        # What make would do, less the building, in the tree that is built.
        steps = run("make", "--no-print-directory", "--dry-run", "install",
                    cwd=ROOT).splitlines()
        run("sh", "-c", steps[-1].replace(" build ", f" {BUILD} ", 1),
            env={**os.environ, "DESTDIR": cls.directory / "root"})
        cls.prefix = cls.directory / f"root{PREFIX}"

    def test_every_file_is_where_it_is_looked_for(self):
        files = sorted(path.relative_to(self.prefix).as_posix()
                       for path in self.prefix.rglob("*") if path.is_file())
        for file in [f for f in files if f.startswith(OF_THE_CLIENT)]:
            files.remove(file)
        self.assertEqual(FILES, files)
        self.assertEqual([self.directory / "root/usr"],
                         list((self.directory / "root").iterdir()))

    def test_programs_run_and_are_stripped(self):
        for name in ("pdpd", "pdpctl"):
            program = self.prefix / "bin" / name
            self.assertRegex(run(program, "--version"), r"\d+\.\d+\.\d+")
            self.assertNotIn(".debug_info", run("readelf", "--wide",
                                                "--section-headers", program))

    @unittest.skipUnless(
        os.geteuid() == 0 and shutil.which("systemd-analyze")
        and shutil.which("systemd-sysusers"),
        "no root, or no systemd: the unit and its user were NOT tried")
    def test_the_page_makes_a_service_that_systemd_takes(self):
        """On this machine, whose /etc and /usr/local stay as they are."""
        commands = re.findall(r"(?m)^    (.*)$", PAGE.read_text())
        self.assertEqual("make install", commands.pop(0))
        commands = [c for c in commands if not c.startswith(
            ("systemctl ", "journalctl ", "pdpctl "))]
        unit = (self.prefix / UNIT).read_text()
        user = re.search(r"(?m)^User=(.*)$", unit).group(1)
        etc = self.directory / "etc.copy"
        run("cp", "--archive", "/etc", etc)
        as_user = (f"setpriv --reuid={user} --regid={user} --clear-groups "
                   "--no-new-privs")
        run("unshare", "--mount", "sh", "-exc", "\n".join([
            f"mount --bind {etc} /etc",
            f"mount --bind {self.prefix} {PREFIX}",
            *commands,
            "systemd-analyze verify medplum-pdp.service",
            "test -z \"$(systemd-analyze verify medplum-pdp.service 2>&1 | "
            "grep medplum)\"",
            "systemd-analyze security --offline=true --threshold=20 "
            f"{PREFIX}/{UNIT}",
            f"{as_user} cat /etc/medplum-pdp/pdpd.yaml",
            f"test -z \"$({as_user} touch /etc/medplum-pdp/pdpd.yaml && "
            "echo written)\"",
            f"getent passwd {user} | grep -q :/usr/sbin/nologin",
        ]))

    def test_the_unit_waits_for_the_drain(self):
        limit = re.search(r"^TimeoutStopSec=(\d+)$",
                          (self.prefix / UNIT).read_text(), re.M)
        drain = re.search(r"--drain-timeout.*?\[(\d+)s\]",
                          run(self.prefix / "bin/pdpd", "--help"), re.S)
        self.assertGreaterEqual(int(limit.group(1)), int(drain.group(1)) + 15)

    def test_the_server_takes_the_example(self):
        text = (self.prefix / EXAMPLE).read_text()
        unit = (self.prefix / UNIT).read_text()
        config = yaml.safe_load(text)
        for key, place in (("State", "/var/lib"), ("Runtime", "/run"),
                           ("Configuration", "/etc")):
            name = re.search(rf"^{key}Directory=(.*)$", unit, re.M).group(1)
            self.assertIn(f"{place}/{name}/", text)
            text = text.replace(f"{place}/{name}/", f"{self.directory}{place}/")
            (self.directory / place.strip("/")).mkdir(parents=True)
        for number in (8990, 8991):
            text = re.sub(rf"[\d.]+:{number}", "127.0.0.1:0", text)
        # Nobody answers there.
        text = text.replace(config["medplum"]["base-url"],
                            "https://127.0.0.1:1/")
        etc = self.directory / "etc"
        (etc / "secrets").mkdir()
        (etc / "tls").mkdir()
        for name in ("gateway-token", "operator-token", "medplum-client"):
            (etc / "secrets" / name).write_text(f"{name:0<64}\n")
        certificate = Authority(etc / "tls", "tls")
        pathlib.Path(certificate.certificate).rename(etc / "tls/tls.crt")
        (etc / "pdpd.yaml").write_text(text)
        log = self.directory / "log"
        with log.open("wb") as out:
            pdpd = subprocess.Popen(
                [self.prefix / "bin/pdpd", "--config", etc / "pdpd.yaml"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            end = time.monotonic() + LONG
            while ('"source_not_ready"' not in log.read_text()
                   and pdpd.poll() is None and time.monotonic() < end):
                time.sleep(0.05)
            self.assertIsNone(pdpd.poll(), log.read_text())
            pdpd.terminate()
            self.assertEqual(0, pdpd.wait(LONG), log.read_text())
        finally:
            pdpd.kill()
            pdpd.wait()


if __name__ == "__main__":
    unittest.main()
