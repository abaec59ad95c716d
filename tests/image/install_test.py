#!/usr/bin/env python3
"""What `make install` puts where, and that it can be used as it is."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PDP_BUILD", ROOT / "build"))
LONG = 60.0  # Seconds that are never reached unless something is wrong.

PREFIX = "/opt/pdp"
UNIT = "lib/systemd/system/medplum-pdp.service"
USERS = "lib/sysusers.d/medplum-pdp.conf"
EXAMPLE = "share/doc/medplum-pdp/examples/pdpd.yaml"
FILES = ["bin/pdpctl", "bin/pdpd", UNIT, USERS, EXAMPLE]
OF_THE_CLIENT = ("include/medplum", "lib/cmake/medplum_pdp/",
                 "lib/libmedplum_pdp_", "share/medplum_pdp/")


def run(*command, **options):
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True,
        timeout=LONG, **options).stdout


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="pdp-install-")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        # What make would do, less the building, in the tree that is built.
        steps = run("make", "--no-print-directory", "--dry-run", "install",
                    f"PREFIX={PREFIX}", cwd=ROOT).splitlines()
        cls.command = steps[-1]
        run("sh", "-c", cls.command.replace(" build ", f" {BUILD} ", 1),
            env={**os.environ, "DESTDIR": cls.directory / "root"})
        cls.prefix = cls.directory / f"root{PREFIX}"

    def test_every_file_is_where_it_is_looked_for(self):
        files = sorted(path.relative_to(self.prefix).as_posix()
                       for path in self.prefix.rglob("*") if path.is_file())
        for file in [f for f in files if f.startswith(OF_THE_CLIENT)]:
            files.remove(file)
        self.assertEqual(FILES, files)
        self.assertEqual([self.directory / "root/opt"],
                         list((self.directory / "root").iterdir()))

    def test_programs_run_and_are_stripped(self):
        for name in ("pdpd", "pdpctl"):
            program = self.prefix / "bin" / name
            self.assertRegex(run(program, "--version"), r"\d+\.\d+\.\d+")
            self.assertNotIn(".debug_info", run("readelf", "--wide",
                                                "--section-headers", program))

    @unittest.skipUnless(shutil.which("systemd-analyze"),
                         "no systemd-analyze: the unit was NOT checked")
    def test_systemd_takes_the_unit_and_finds_little_exposed(self):
        unit = self.directory / "medplum-pdp.service"
        text = (self.prefix / UNIT).read_text()
        # systemd itself looks in /usr/local/bin, /usr/bin and the like.
        self.assertIn("\nExecStart=pdpd ", text)
        unit.write_text(text.replace("=pdpd ", f"={self.prefix}/bin/pdpd "))
        done = subprocess.run(["systemd-analyze", "verify", unit],
                              capture_output=True, text=True, timeout=LONG,
                              check=False)
        self.assertEqual((0, "", ""),
                         (done.returncode, done.stdout, done.stderr))
        run("systemd-analyze", "security", "--offline=true", "--threshold=20",
            unit)

    @unittest.skipUnless(shutil.which("systemd-sysusers"),
                         "no systemd-sysusers: the user was NOT made")
    def test_the_user_of_the_unit_is_made(self):
        user = re.search(r"^User=(.*)$", (self.prefix / UNIT).read_text(), re.M)
        root = self.directory / "users"
        (root / "etc").mkdir(parents=True)
        run("systemd-sysusers", f"--root={root}", self.prefix / USERS)
        passwd = (root / "etc/passwd").read_text()
        self.assertRegex(passwd, rf"(?m)^{user.group(1)}:.*:/usr/sbin/nologin$")

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
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=pdp", "-keyout", etc / "tls/tls.key", "-out",
            etc / "tls/tls.crt")
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
