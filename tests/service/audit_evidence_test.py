#!/usr/bin/env python3
"""What the audit log of a pdpd shows by itself, and what it takes heads, a key
and an archive elsewhere to show."""

import json
import stat
import subprocess
import unittest

from audit_support import AuditTest, BIN, LONG, check_request

CALLER = ("--callers", "name=local,from=loopback,permissions=all,subjects=any,"
          "resources=inline")


class AuditEvidenceTest(AuditTest):
    def setUp(self):
        super().setUp()
        self.write_clinic()
        self.local = self.directory / "data/audit"

    def serve(self, *flags, checks=3):
        """Asks a server, ends it, and returns what it logged."""
        server = self.start(*CALLER, *flags)
        for _ in range(checks):
            server.stub.Check(check_request(), timeout=LONG)
        self.assertEqual(0, server.end())
        return "".join(server.log)

    def make_key(self, name):
        """The files of a private key and its public one."""
        private, public = (str(self.directory / f"{name}.{kind}")
                           for kind in ("pem", "pub"))
        for command in (["genpkey", "-algorithm", "ed25519", "-out", private],
                        ["pkey", "-in", private, "-pubout", "-out", public]):
            subprocess.run(["openssl", *command], check=True,
                           capture_output=True)
        return private, public

    def verify(self, *options, directories=None):
        """The exit code, and the kinds of what was found."""
        done = subprocess.run(
            [str(BIN / "pdpctl"), "audit", "verify",
             *map(str, directories or [self.local]), *options,
             "--output", "json"], capture_output=True, text=True,
            timeout=LONG, check=False)
        return done.returncode, {finding["kind"] for finding in
                                 json.loads(done.stdout)["findings"]}

    def test_files_are_for_the_user_of_the_server_alone(self):
        self.local.mkdir(parents=True, mode=0o755)
        self.local.chmod(0o755)
        self.assertIn("audit_directory_open_to_others", self.serve())
        self.local.chmod(0o700)
        self.assertNotIn("audit_directory_open_to_others", self.serve())
        for file in self.local.iterdir():
            self.assertEqual(0o600, stat.S_IMODE(file.stat().st_mode), file)

    def test_without_a_key_it_says_so_and_no_key_vouches_for_it(self):
        private, public = self.make_key("key")
        _, other = self.make_key("other")
        self.assertNotIn("audit_unsigned", self.serve(
            "--audit.signing-key-file", private))
        self.assertEqual((0, set()), self.verify("--public-key", public))
        self.assertEqual((3, {"untrusted"}),
                         self.verify("--public-key", other))
        self.assertIn("audit_unsigned", self.serve())
        self.assertEqual((0, set()), self.verify())
        self.assertEqual((3, {"untrusted"}),
                         self.verify("--public-key", public))

    def test_an_end_that_was_cut_off_is_found_by_the_heads_in_the_logs(self):
        log = self.directory / "log"
        log.write_text(self.serve())
        for heads in (self.local / "heads.jsonl", log):
            self.assertEqual((0, set()), self.verify("--heads", str(heads)))
        # Whoever cuts a segment can change what is beside it.
        (self.local / "heads.jsonl").unlink()
        longest = max(self.local.glob("2*.jsonl"),
                      key=lambda file: file.stat().st_size)
        lines = longest.read_bytes().splitlines(keepends=True)
        longest.write_bytes(b"".join(lines[:2]))
        self.assertEqual(0, self.verify()[0])
        code, kinds = self.verify("--heads", str(log))
        self.assertEqual(3, code)
        self.assertIn("missing", kinds)

    def test_an_archive_behind_commands_has_all_that_is_closed(self):
        archive = self.directory / "archive"
        archive.mkdir()
        put, digest = self.directory / "put", self.directory / "digest"
        put.write_text('#!/bin/sh\nexec cp "$2" "$1"\n')
        digest.write_text('#!/bin/sh\nexec sha256sum "$1/${2##*/}"\n')
        for program in (put, digest):
            program.chmod(0o700)
        self.serve(*(flag for name, program in (
            ("command", put), ("digest-command", digest))
            for word in (program, archive)
            for flag in (f"--audit.archive-{name}", str(word))))
        closed = {file.name for file in self.local.glob("2*.jsonl")}
        self.assertTrue(closed)
        self.assertEqual(closed, {file.name for file in archive.iterdir()})
        self.assertEqual(
            (0, set()), self.verify(directories=[self.local, archive]))
        self.assertEqual(0, self.verify(directories=[archive])[0])
        # A copy that was changed is a fault, whichever it is.
        copy = max(archive.iterdir(), key=lambda file: file.stat().st_size)
        copy.write_bytes(copy.read_bytes().replace(b"PERMIT", b"DENIED", 1))
        self.assertEqual(
            3, self.verify(directories=[self.local, archive])[0])


if __name__ == "__main__":
    unittest.main()
