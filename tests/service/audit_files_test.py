#!/usr/bin/env python3
"""The files of the audit log of a pdpd: signed, archived, verified, found."""

import base64
import json
import subprocess
import unittest

from audit_support import AuditTest, BIN, LONG, MEMBER, check_request
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

CALLER = ("--callers", "name=local,from=loopback,permissions=all,subjects=any,"
          "resources=inline")


class AuditFilesTest(AuditTest):
    def setUp(self):
        super().setUp()
        self.write_clinic()
        self.archive = self.directory / "archive"
        self.local = self.directory / "data/audit"
        self.key = ed25519.Ed25519PrivateKey.generate()
        private = self.directory / "key.pem"
        private.write_bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        self.public = self.directory / "key.pub"
        self.public.write_bytes(self.key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo))
        self.flags = (*CALLER, "--audit.signing-key-file", str(private),
                      "--audit.archive-directory", str(self.archive),
                      # However full the machine is that this runs on.
                      "--audit.max-volume-percent", "100")

    def audit(self, *arguments):
        return subprocess.run(
            [str(BIN / "pdpctl"), "audit", *map(str, arguments)],
            capture_output=True, text=True, timeout=LONG)

    def segments(self, directory):
        return sorted(directory.glob("*.jsonl")) if directory.exists() else []

    def archived(self):
        names = {path.name for path in self.segments(self.archive)}
        return {name for name in names if name.startswith("2")}

    def test_the_log_is_whole_until_it_is_touched(self):
        server = self.start(*self.flags)
        ids = [server.stub.Check(check_request(), timeout=LONG)
               .decision.decision_id for _ in range(5)]
        self.assertEqual(0, server.end())
        closed = {p.name for p in self.segments(self.local)
                  if p.name.startswith("2")}
        self.assertTrue(closed)
        # There may be no next start that would archive it.
        self.assertEqual(closed, self.archived())

        server = self.start(*self.flags)
        self.assertIn("pdp_audit_until_full_seconds", server.metrics())
        self.assertIn("pdp_audit_archived_total", server.metrics())
        ids.append(server.stub.Check(check_request(), timeout=LONG)
                   .decision.decision_id)
        running = self.audit("verify", self.local, self.archive)
        self.assertEqual(0, running.returncode, running.stdout)
        self.assertEqual(0, server.end())

        heads = self.directory / "log"
        heads.write_text("".join(server.log))
        whole = self.audit("verify", self.local, self.archive, "--public-key",
                           self.public, "--heads", heads, "--output", "json")
        self.assertEqual(0, whole.returncode, whole.stdout + whole.stderr)
        report = json.loads(whole.stdout)
        self.assertEqual(report["checkpoints"], report["signatures"])
        self.assertGreater(report["heads"], 0)

        for decision_id in ids:
            found = self.audit("query", self.local, "--decision", decision_id,
                               "--output", "json")
            self.assertEqual(0, found.returncode, found.stderr)
            record = json.loads(found.stdout)
            self.assertEqual(MEMBER, record["membership"])
            self.assertEqual("PERMIT", record["effect"])
        patient = self.audit("report", "patient", self.local, "--patient",
                             "Patient/" + check_request().resource.id)
        self.assertIn(MEMBER, patient.stdout)

        # As docs/audit.md says that it is checked by hand.
        last = json.loads(self.segments(self.local)[0].read_text()
                          .splitlines()[-1])
        self.key.public_key().verify(
            base64.b64decode(last["signature"]),
            "medplum-pdp audit\n{chain}\n{seq}\n{head}\n{time}\n{kind}\n"
            .format(**last).encode())

        with_id = next(path for path in self.segments(self.local)
                       if ids[0] in path.read_text())
        with_id.write_text(with_id.read_text().replace(
            '"PERMIT"', '"DENIED"', 1))
        touched = self.audit("verify", self.local)
        self.assertEqual(3, touched.returncode)
        self.assertIn(str(with_id), touched.stdout)
        self.assertIn("changed", touched.stdout)


if __name__ == "__main__":
    unittest.main()
