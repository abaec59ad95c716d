#!/usr/bin/env python3
"""When a member's access ends, whichever way, it ends for every call, and for
streams that were open before."""

import json
import queue
import threading
import time
import unittest

import grpc
from audit_support import (AuditTest, LONG, MEMBER, PATIENT, check_request,
                           decision, types)
from medplum.pdp.v1 import admin_pb2, admin_pb2_grpc

BODY = json.dumps({"resourceType": "Patient", "id": PATIENT,
                   "meta": {"project": "p"}}).encode()
SUBJECT = types.Subject(reference=MEMBER)


class Stream:
    """A stream that stays open: one message, one answer."""

    def __init__(self, method, *first):
        self._messages = queue.Queue()
        for message in first:
            self._messages.put(message)
        self._answers = method(iter(self._messages.get, None), timeout=LONG)

    def send(self, message):
        self._messages.put(message)

    def next(self):
        return next(self._answers)

    def end(self):
        self._messages.put(None)
        return list(self._answers)


class EndedAccessTest(AuditTest):
    """Each test has a server, and streams of it that are open."""

    def setUp(self):
        super().setUp()
        self.write_clinic()
        self.server = self.start()
        self.addCleanup(self.server.end)
        self.stub = stub = self.server.stub
        self.checks = Stream(stub.CheckStream)
        self.released = Stream(
            stub.FilterResources, decision.FilterResourcesRequest(
                header=decision.FilterResourcesHeader(
                    subject=SUBJECT, interaction=types.INTERACTION_READ)))
        self.changed = set()
        watch = stub.WatchRevisions(
            decision.WatchRevisionsRequest(memberships=[MEMBER]))
        self.addCleanup(watch.cancel)
        next(watch)
        threading.Thread(target=self.keep_watching, args=(watch,),
                         daemon=True).start()

    def keep_watching(self, watch):
        try:
            for message in watch:
                self.changed.update(message.changed)
        except grpc.RpcError:  # Cancelled in the end.
            pass

    def check(self):
        return self.stub.Check(check_request(), timeout=LONG).decision.effect

    def permitted(self):
        """Whether each call permits."""
        item = decision.BatchCheckItem(
            interaction=types.INTERACTION_READ,
            resource=types.Resource(type="Patient", id=PATIENT))
        [batch] = self.stub.BatchCheck(decision.BatchCheckRequest(
            subject=SUBJECT, items=[item]), timeout=LONG).results
        self.checks.send(decision.CheckStreamRequest(check=check_request()))
        effects = {
            "Check": self.check(),
            "BatchCheck": batch.decision.effect,
            "CheckStream": self.checks.next().decision.effect,
            "Explain": self.stub.Explain(decision.ExplainRequest(
                check=check_request()), timeout=LONG).decision.effect}
        found = self.stub.Filter(decision.FilterRequest(
            subject=SUBJECT, resource_type="Patient"), timeout=LONG)
        described = self.stub.DescribeAccess(
            decision.DescribeAccessRequest(subject=SUBJECT), timeout=LONG)
        return {
            **{call: effect == types.EFFECT_PERMIT
               for call, effect in effects.items()},
            "Filter": found.kind != decision.FILTER_KIND_ALWAYS_DENIED,
            "DescribeAccess": "Patient" in {
                access.resource_type for access in described.types}}

    # --- The ways. ------------------------------------------------------------

    def path(self, type_):
        return self.directory / "source" / f"{type_}.json"

    def change(self, type_, **elements):
        resource = json.loads(self.path(type_).read_text())
        resource["meta"]["versionId"] = "2"
        self.path(type_).write_text(json.dumps({**resource, **elements}))

    def block(self, target):
        block = admin_pb2.Block(target=target, reason="left")
        block.until.FromSeconds(int(time.time()) + 600)
        admin_pb2_grpc.PdpAdminStub(self.server.channel).Block(
            admin_pb2.BlockRequest(block=block), timeout=LONG)

    def test_a_membership_that_is_deleted(self):
        self.check_end(lambda: self.path("ProjectMembership").unlink())

    def test_a_membership_that_is_made_inactive(self):
        self.check_end(lambda: self.change("ProjectMembership", active=False))

    def test_a_membership_that_has_another_policy(self):
        self.check_end(lambda: self.change("ProjectMembership", accessPolicy={
            "reference": "AccessPolicy/another"}))

    def test_a_policy_that_is_changed(self):
        self.check_end(lambda: self.change("AccessPolicy", resource=[
            {"resourceType": "Observation"}]))

    def test_a_policy_that_is_deleted(self):
        self.check_end(lambda: self.path("AccessPolicy").unlink())

    def test_a_project_that_is_deleted(self):
        self.check_end(lambda: self.path("Project").unlink())

    def test_a_block_of_the_member(self):
        self.check_end(lambda: self.block(MEMBER))

    def test_a_block_of_the_profile(self):
        self.check_end(lambda: self.block("Practitioner/x"))

    def test_a_block_of_the_project(self):
        self.check_end(lambda: self.block("Project/p"))

    def check_end(self, end_access):
        before = self.permitted()
        self.assertEqual({True}, set(before.values()), before)
        release = decision.FilterResourcesRequest(resource=BODY)
        self.released.send(release)
        self.assertEqual(BODY, self.released.next().resource.resource)
        end_access()
        deadline = time.monotonic() + LONG
        while self.check() != types.EFFECT_DENY:
            self.assertLess(time.monotonic(), deadline)
        after = self.permitted()
        self.assertEqual({False}, set(after.values()), after)
        self.released.send(release)
        [last] = self.released.end()
        self.assertEqual((2, 1, 1), (
            last.summary.received, last.summary.permitted,
            last.summary.denied))
        while MEMBER not in self.changed:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertEqual([], self.checks.end())


if __name__ == "__main__":
    unittest.main()
