#!/usr/bin/env python3
"""What `pdpctl audit report` says of what a pdpd was asked."""

import json
import subprocess
import threading
import time
import unittest

import grpc
from audit_support import (AuditTest, BIN, LONG, MEMBER, PATIENT,
                           check_request, decision, decision_pb2_grpc, types)

OTHERS_TOKEN = "others-others-others-others-others-1"
ADMINS_TOKEN = "admins-admins-admins-admins-admins-1"


class AuditReportsTest(AuditTest):
    def setUp(self):
        super().setUp()
        self.write_clinic()
        token, self.admins_token = (self.directory / name
                                    for name in ("token", "admins-token"))
        token.write_text(OTHERS_TOKEN)
        self.admins_token.write_text(ADMINS_TOKEN)
        self.server = self.start(
            "--callers", "name=local,from=loopback,permissions=all,"
            "subjects=any,resources=inline",
            "--callers", f"name=stranger,token-file={token},"
            "permissions=check,own=ProjectMembership/nobody",
            "--callers", f"name=admin,token-file={self.admins_token},"
            "permissions=admin,subjects=any")

    def check(self, **metadata):
        return self.server.stub.Check(
            check_request(), timeout=LONG,
            metadata=list(metadata.items())).decision

    def check_as_stranger(self):
        """A question that is recorded, and not answered."""
        with self.assertRaises(grpc.RpcError) as raised:
            self.check(authorization=f"Bearer {OTHERS_TOKEN}")
        self.assertEqual(grpc.StatusCode.PERMISSION_DENIED,
                         raised.exception.code())

    def record_access(self, decision_id, event):
        self.server.stub.RecordAccess(decision.RecordAccessRequest(
            decision_id=decision_id, event=event, success=True), timeout=LONG)

    def wait_until(self, member, effect):
        """Until that is the answer about the member."""
        request = check_request(f"ProjectMembership/{member}")
        end = time.monotonic() + LONG
        while self.server.stub.Check(
                request, timeout=LONG).decision.effect != effect:
            self.assertLess(time.monotonic(), end)

    def run_report(self, name, *options):
        where = str(self.directory / "data/audit") if name != "access" else \
            f"--target={self.server.address}"
        return subprocess.run(
            [str(BIN / "pdpctl"), "audit", "report", name, where, *options,
             "--output", "json"], capture_output=True, text=True,
            timeout=LONG, check=False)

    def report(self, name, *options):
        done = self.run_report(name, *options)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_reports_say_what_was_done_with_a_decision(self):
        read = self.check().decision_id
        self.record_access(read, "viewed")
        self.record_access(read, "printed")
        other = self.server.stub.Check(decision.CheckRequest(
            subject=types.Subject(reference=MEMBER),
            interaction=types.INTERACTION_READ, resource=types.Resource(
                type="Patient", id="another")), timeout=LONG).decision
        self.record_access(other.decision_id, "exported")
        for name, *filters in (
                ("patient", "--patient", f"Patient/{PATIENT}"),
                ("member", "--subject", MEMBER,
                 "--patient", f"Patient/{PATIENT}")):
            with self.subTest(name):
                [row] = self.report(name, *filters)
                self.assertEqual(
                    ("printed read viewed", "1", "0"),
                    (row["what"], row["permitted"], row["denied"]))

    def test_what_was_not_answered_was_neither_permitted_nor_denied(self):
        self.check()
        self.check_as_stranger()
        rows = self.report("patient", "--patient", f"Patient/{PATIENT}")
        self.assertEqual([("local", "1", "0")], [
            (row["caller"], row["permitted"], row["denied"]) for row in rows])
        (self.directory / "source/ProjectMembership.json").unlink()
        self.wait_until("m", types.EFFECT_DENY)
        self.check_as_stranger()
        [ended] = self.report("terminations")
        self.assertEqual((MEMBER, "deleted", "0"), (
            ended["membership"], ended["event"], ended["permitted_after"]))

    def test_what_was_asked_before_an_end_was_not_permitted_after_it(self):
        names = [f"m{i}" for i in range(8)]
        source = self.directory / "source"
        member = json.loads((source / "ProjectMembership.json").read_text())
        for name in names:
            (source / f"{name}.json").write_text(
                json.dumps({**member, "id": name}))
        for name in names:
            self.wait_until(name, types.EFFECT_PERMIT)
        is_over = threading.Event()

        def keep_asking():
            """About each, a thousand at a time: one is always under way."""
            item = decision.BatchCheckItem(
                interaction=types.INTERACTION_READ,
                resource=types.Resource(type="Patient", id=PATIENT))
            with grpc.insecure_channel(self.server.address) as channel:
                stub = decision_pb2_grpc.PolicyDecisionPointStub(channel)
                while not is_over.is_set():
                    for name in names:
                        stub.BatchCheck(decision.BatchCheckRequest(
                            subject=types.Subject(
                                reference=f"ProjectMembership/{name}"),
                            items=[item] * 1000), timeout=LONG)
        threads = [threading.Thread(target=keep_asking) for _ in range(2)]
        for thread in threads:
            thread.start()
        for name in names:
            (source / f"{name}.json").unlink()
            self.wait_until(name, types.EFFECT_DENY)
        is_over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(
            {(f"ProjectMembership/{name}", "0", "") for name in names},
            {(row["membership"], row["permitted_after"],
              row["last_permitted"]) for row in self.report("terminations")})

    def test_a_stream_is_told_of_by_its_resources(self):
        def messages():
            yield decision.FilterResourcesRequest(
                header=decision.FilterResourcesHeader(
                    subject=types.Subject(reference=MEMBER),
                    interaction=types.INTERACTION_READ))
            yield decision.FilterResourcesRequest(resource=json.dumps({
                "resourceType": "Patient", "id": PATIENT,
                "meta": {"project": "p"}}).encode())
        list(self.server.stub.FilterResources(messages(), timeout=LONG))
        self.assertEqual([(f"Patient/{PATIENT}", "1")], [
            (row["about"], row["permitted"]) for row in
            self.report("member", "--subject", MEMBER)])

    def test_the_access_review_has_each_member_and_type(self):
        [row] = [row for row in self.report("access", "--project", "p")
                 if row["type"] == "Patient"]  # And what every member may read.
        self.assertEqual(
            (MEMBER, "Practitioner/x", "User/u", "yes", "no", "PERMITTED",
             "AccessPolicy/a", "Patient", "read search", "read search"),
            tuple(row[name] for name in (
                "membership", "profile", "user", "active", "admin", "state",
                "policies", "type", "interactions", "unrestricted")))
        self.assertEqual([], self.report("access", "--project", "another"))

    def test_the_access_review_is_whole_or_fails(self):
        # May list the members, and not describe them.
        done = self.run_report("access", "--token-file",
                               str(self.admins_token))
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn(MEMBER, done.stderr)


if __name__ == "__main__":
    unittest.main()
