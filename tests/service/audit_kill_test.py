#!/usr/bin/env python3
"""kill -9 under load: every decision that a client was told is in the audit
log.

PDP_KILLS: how often the server is killed; 20.  PDP_SEED: of what is random."""

import os
import random
import re
import signal
import threading
import time
import unittest

import grpc
from audit_support import (AuditTest, LONG, MEMBER, PATIENT, check_request,
                           decision, types)

KILLS = int(os.environ.get("PDP_KILLS", "20"))
SEED = int(os.environ.get("PDP_SEED", "1"))


class Client(threading.Thread):
    """Asks without a pause until the server is gone."""

    def __init__(self, server, kind):
        super().__init__(daemon=True)
        self.stub = server.stub
        self.ask = getattr(self, kind)
        self.ids = []
        self.start()

    def run(self):
        try:
            while True:
                self.ask()
        except (grpc.RpcError, ValueError):  # Gone, or its channel closed.
            pass

    def check(self):
        answer = self.stub.Check(check_request(), timeout=LONG)
        self.ids.append(answer.decision.decision_id)

    def batch(self):
        item = decision.BatchCheckItem(
            interaction=types.INTERACTION_READ,
            resource=types.Resource(type="Patient", id=PATIENT))
        answer = self.stub.BatchCheck(decision.BatchCheckRequest(
            subject=types.Subject(reference=MEMBER), items=[item] * 20),
            timeout=LONG)
        self.ids += [r.decision.decision_id for r in answer.results]

    def stream(self):
        requests = (decision.CheckStreamRequest(id=i, check=check_request())
                    for i in range(200))
        for answer in self.stub.CheckStream(requests, timeout=LONG):
            self.ids.append(answer.decision.decision_id)

    def filter(self):
        answer = self.stub.Filter(decision.FilterRequest(
            subject=types.Subject(reference=MEMBER), resource_type="Patient"),
            timeout=LONG)
        self.ids.append(answer.decision_id)


class AuditKillTest(AuditTest):
    def test_every_answered_decision_is_in_the_log(self):
        self.write_clinic()
        chance = random.Random(SEED)
        answered = []
        for _ in range(KILLS):
            server = self.start()
            clients = [Client(server, kind)
                       for kind in ("check", "check", "batch", "stream",
                                    "filter")]
            while not all(client.ids for client in clients):
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.2))
            server.process.kill()
            for client in clients:
                client.join(LONG)
                self.assertFalse(client.is_alive())
                answered += client.ids
            server.end(signal.SIGKILL)
        recorded = set(re.findall(r'"decision_id":"([0-9a-f-]{36})"',
                                  self.audit_text()))
        lost = [i for i in answered if i not in recorded]
        self.assertEqual([], lost[:5], f"{len(lost)} of {len(answered)}")
        self.assertNotIn("", answered)
        print(f"{KILLS} kills, {len(answered)} decisions, none lost")


if __name__ == "__main__":
    unittest.main()
