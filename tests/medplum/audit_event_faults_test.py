#!/usr/bin/env python3
"""Decisions as AuditEvents at the Medplum server: each once, whatever happens in
between."""

import random
import unittest

from audit_events import AuditEventsCase
from harness import Project, wait_until


class AuditEventFaultsTest(AuditEventsCase):
    def test_nothing_is_lost_or_twice_while_medplum_is_away(self):
        clinic = self.clinic()
        pdp = self.start(clinic)
        denied = [self.deny(pdp, clinic.member)]
        wait_until(self.events, "the first one")
        # What arrives, but is not answered, is sent again.
        self.fake.fault(kind="close", method="POST", path="^/fhir/R4$",
                        times=2)
        self.fake.fault(kind="status", status=429, method="POST",
                        path="^/fhir/R4$", times=2,
                        headers={"Retry-After": "1"})
        denied += [self.deny(pdp, clinic.member) for _ in range(5)]
        self.arrive(denied, 0)
        self.fake.down()
        for _ in range(30):
            denied.append(self.deny(pdp, clinic.member))
            self.read(pdp, clinic.member)
        wait_until(lambda: self.metric(
            pdp, "pdp_audit_events_failures_total", clinic.id) > 0, "failures")
        self.assertLess(0, self.metric(
            pdp, "pdp_audit_events_waiting", clinic.id))
        self.fake.up()
        self.arrive(denied, 30)
        self.assertTrue(pdp.log_has("audit_events_not_posted"))

    def test_nothing_is_lost_or_twice_when_the_server_is_killed(self):
        clinic = self.clinic()
        pdp = self.start(clinic, events={"batch-size": 7})
        chance = random.Random(1)
        denied, permitted = [], 0
        for _ in range(6):
            for _ in range(chance.randint(10, 60)):
                denied.append(self.deny(pdp, clinic.member))
                self.read(pdp, clinic.member)
                permitted += 1
            before = len(self.events())
            wait_until(lambda b=before: len(self.events()) > b + 3 *
                       chance.random(), "some of them", pause=0.001)
            pdp.kill()
            pdp.start()
        self.arrive(denied, permitted)

    def test_a_login_that_is_refused_holds_up_no_other(self):
        good = self.clinic()
        bad = Project(self.fake)  # Without AuditEvent in its policy.
        pdp = self.start(good, bad)
        denied = [self.deny(pdp, good.member)]
        late = [self.deny(pdp, bad.member)]
        self.arrive(denied, 0)
        wait_until(lambda: self.metric(pdp, "pdp_audit_events_refused",
                                       bad.id) == 1, "refusal")
        self.assertEqual(0, self.metric(pdp, "pdp_audit_events_refused",
                                        good.id))
        self.assertTrue(pdp.log_has("create and search of AuditEvent"))
        policy = self.fake.read(reference=bad.login["policy"])
        self.fake.change(reference=bad.login["policy"], values={
            "resource": policy["resource"] + [{"resourceType": "AuditEvent"}]})
        events = self.arrive(denied + late, 0)
        self.assertEqual({good.id, bad.id},
                         {e["meta"]["project"] for e in events})


if __name__ == "__main__":
    unittest.main()
