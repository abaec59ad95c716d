#!/usr/bin/env python3
"""The audit log of a pdpd: what happens when it is full, and what is never in
it, nor in logs, metrics and errors."""

import json
import resource
import time
import unittest

import grpc
from audit_support import (AuditTest, LONG, MEMBER, PATIENT, check_request,
                           decision, types)

# Each stands for what must not be found outside of where it was put.
PLANTED = {
    "stored resource": "Zzplantedstored",
    "body": "Zzplantedbody",
    "proposed": "Zzplantedproposed",
    "access token": "eyJ6enBsYW50ZWR0b2tlbg.eyJ6enBsYW50ZWR0b2tlbg.zz",
    "search value": "Zzplantedsearch",
    "stream": "Zzplantedstream",
    "event": "Zzplantedevent",
    "subject": "Zzplantedsubject",
}


class FullTest(AuditTest):
    def test_what_cannot_be_recorded_is_not_answered(self):
        self.write_clinic()
        server = self.start()
        server.stub.Check(check_request(), timeout=LONG)
        process = server.process.pid
        before = resource.prlimit(process, resource.RLIMIT_FSIZE)
        largest = max(p.stat().st_size
                      for p in (self.directory / "data/audit").rglob("*")
                      if p.is_file())
        resource.prlimit(process, resource.RLIMIT_FSIZE,
                         (largest + 20_000, before[1]))
        refused = None
        for _ in range(1_000):
            try:
                answer = server.stub.Check(check_request(), timeout=LONG)
                last = answer.decision.decision_id
            except grpc.RpcError as error:
                refused = error
                break
        self.assertIsNotNone(refused)
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, refused.code())
        self.assertTrue(refused.details().startswith("AUDIT_FULL"))
        with self.assertRaises(grpc.RpcError):
            server.stub.Check(check_request(), timeout=LONG)
        self.assertIn(last, self.audit_text())
        self.assertIn('pdp_audit_write_errors_total{reason="no_room"} 2',
                      server.metrics())
        # There is room again.
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)
        answer = server.stub.Check(check_request(), timeout=LONG)
        self.assertIn(answer.decision.decision_id, self.audit_text())
        self.assertEqual(0, server.end())
        # Its log is not damaged.
        server = self.start()
        server.stub.Check(check_request(), timeout=LONG)
        self.assertEqual(0, server.end())


class SecretsTest(AuditTest):
    def everything(self, stub):
        """The messages of all answers and errors to calls with what is
        planted."""
        subject = types.Subject(reference=MEMBER)
        body = json.dumps({"resourceType": "Patient", "id": PATIENT,
                           "meta": {"project": "p"},
                           "name": [{"family": PLANTED["body"]}]}).encode()
        proposed = json.dumps({
            "resourceType": "Patient",
            "name": [{"family": PLANTED["proposed"]}]}).encode()
        broken = b'{"resourceType":"Patient","name":"' + (
            PLANTED["body"].encode() + b'"')
        read, create = types.INTERACTION_READ, types.INTERACTION_CREATE
        token = types.Subject(access_token=PLANTED["access token"])
        checks = [
            decision.CheckRequest(subject=s, interaction=i, resource=r)
            for s, i, r in (
                (subject, read, types.Resource(body=body)),
                (subject, read, types.Resource(body=broken)),
                (subject, create, types.Resource(type="Patient",
                                                 proposed=proposed)),
                (subject, read, types.Resource(type="Patient", id=PATIENT)),
                (token, read, types.Resource(type="Patient", id=PATIENT)),
            )]
        calls = [lambda c=c: stub.Check(c, timeout=LONG) for c in checks]
        calls += [lambda c=c: stub.Explain(
            decision.ExplainRequest(check=c), timeout=LONG) for c in checks]
        calls += [
            lambda: stub.Simulate(decision.SimulateRequest(checks=checks),
                                  timeout=LONG),
            lambda: stub.BatchCheck(decision.BatchCheckRequest(
                subject=subject, items=[decision.BatchCheckItem(
                    subject=c.subject, interaction=c.interaction,
                    resource=c.resource) for c in checks]), timeout=LONG),
            lambda: list(stub.CheckStream(
                iter([decision.CheckStreamRequest(check=c) for c in checks]),
                timeout=LONG)),
            lambda: list(stub.FilterResources(iter([
                decision.FilterResourcesRequest(
                    header=decision.FilterResourcesHeader(
                        subject=subject, interaction=read)),
                decision.FilterResourcesRequest(resource=json.dumps({
                    "resourceType": "Observation", "id": PATIENT,
                    "meta": {"project": "p"},
                    "valueString": PLANTED["stream"]}).encode())]),
                timeout=LONG)),
            lambda: stub.RecordAccess(decision.RecordAccessRequest(
                decision_id=PATIENT, event=PLANTED["event"]), timeout=LONG),
        ]
        messages = []
        for call in calls:
            try:
                messages.append(str(call()))
            except grpc.RpcError as error:
                messages.append(error.details())
        # Answers that show the caller its own text.
        for call in (
            lambda: stub.Filter(decision.FilterRequest(
                subject=subject, resource_type="Patient",
                query="name=" + PLANTED["search value"]), timeout=LONG),
            lambda: stub.Check(check_request(PLANTED["subject"]),
                               timeout=LONG),
        ):
            try:
                call()
            except grpc.RpcError:
                pass
        return messages

    def test_what_is_planted_is_nowhere(self):
        self.write_clinic(PLANTED["stored resource"])
        secret = self.directory / "caller-token"
        secret.write_text("Zzplantedcallersecret0123456789abcdef0123456789\n")
        secret.chmod(0o600)
        server = self.start(
            "--callers", "name=local,from=loopback,permissions=all,"
            "subjects=any,resources=inline",
            "--callers", f"name=other,token-file={secret},permissions=check,"
            "subjects=any")
        messages = self.everything(server.stub)
        time.sleep(0.1)
        metrics = server.metrics()
        self.assertEqual(0, server.end())
        found = {
            "messages": "\n".join(messages),
            "metrics": metrics,
            "logs": "".join(server.log),
            "audit log": self.audit_text(),
        }
        self.assertIn(MEMBER, found["audit log"])
        self.assertIn('"subject":"token"', found["audit log"])
        for where, text in found.items():
            self.assertTrue(text, where)
            self.assertNotIn("Zzplantedcallersecret", text, where)
            for what, planted in PLANTED.items():
                self.assertNotIn(planted, text, f"{what} in {where}")


if __name__ == "__main__":
    unittest.main()
