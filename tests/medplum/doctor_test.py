#!/usr/bin/env python3
"""`pdpctl doctor`, of a server that is well and of servers that are not."""

import json
import unittest

from authority import Authority
from fake_client import FakeMedplum
from harness import RARE_SWEEPS, EndToEndTest, wait_until


class DoctorTest(EndToEndTest):
    def setUp(self):
        self.addCleanup(lambda: self.fake.close())  # Whichever is the last.
        super().setUp()

    def doctor(self, pdp, *arguments):
        """The exit code, and the findings by their level."""
        run = pdp.pdpctl("doctor", "--output", "json", *arguments)
        found = {"ok": [], "warning": [], "problem": []}
        for line in run.stdout.splitlines():
            finding = json.loads(line)
            found[finding["level"]].append(finding["text"])
        self.assertEqual("", run.stderr)
        return run.returncode, found

    def login(self, pdp, clinic):
        return ("--base-url", self.fake.base_url,
                "--medplum-project", clinic.id,
                "--client-id", clinic.login["client"], "--client-secret-file",
                str(pdp.directory / f"secret-{clinic.id}"))

    def test_a_server_that_is_well(self):
        authority = Authority(self.directory, "authority")
        self.fake.close()
        self.fake = FakeMedplum(*authority.issue("server", "IP:127.0.0.1", 30))
        clinic = self.clinic()
        pdp = self.connected(clinic, **RARE_SWEEPS,
                             medplum={"ca-file": authority.certificate})
        code, found = self.doctor(pdp, *self.login(pdp, clinic),
                                  "--ca-file", authority.certificate)
        self.assertEqual([], found["problem"])
        self.assertEqual(0, code)
        ok = "\n".join(found["ok"])
        for said in (f"Project/{clinic.id} is notified of changes",
                     "certificate is trusted, until",
                     "Medplum's clock agrees with the server's",
                     "the server's clock agrees with this machine's",
                     "AccessPolicy can be searched"):
            self.assertIn(said, ok)
        # Nobody vouches for the server.
        code, found = self.doctor(pdp, *self.login(pdp, clinic))
        self.assertEqual(1, code)
        self.assertIn("certificate", found["problem"][-1])

    def test_what_is_not_well_is_said(self):
        clinic = self.clinic()
        pdp = self.connected(clinic)
        login = clinic.login
        self.fake.delete(reference=f"ClientApplication/{login['client']}")
        wait_until(lambda: pdp.state(clinic.id) != "CURRENT")
        code, found = self.doctor(pdp, *self.login(pdp, clinic))
        self.assertEqual(1, code)
        problems = "\n".join(found["problem"])
        self.assertIn(f"Project/{clinic.id}: Medplum refuses the credentials",
                      problems)
        self.assertIn("the login is refused", problems)

    def test_a_server_that_does_not_answer(self):
        pdp = self.connected(self.clinic())
        pdp.stop()
        code, found = self.doctor(pdp)
        self.assertEqual(1, code)
        self.assertEqual([], found["ok"])
        self.assertIn(pdp.target, found["problem"][0])


if __name__ == "__main__":
    unittest.main()
