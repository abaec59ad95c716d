#!/usr/bin/env python3
"""Faults of the Medplum server and of the way to it: afterwards the state equals
the server's within a sweep, and no answer was wrong meanwhile."""

import os
import random
import time
import unittest

from checker import Checker
from harness import PERMIT, EndToEndTest, wait_until

DENIED = "INTERACTION_NOT_GRANTED"
DENIALS = (DENIED, "SUBJECT_UNKNOWN", "SUBJECT_INACTIVE", "SUBJECT_INCOMPLETE")
SEED = int(os.environ.get("PDP_SEED", "1"))
CHAOS_SECONDS = float(os.environ.get("PDP_CHAOS_SECONDS", "8"))
FOREIGN = "http://127.0.0.1:9/fhir/R4/AccessPolicy"

FAULTS = {
    "401": {"kind": "status", "status": 401},
    "403": {"kind": "status", "status": 403},
    "429": {"kind": "status", "status": 429,
            "headers": {"Retry-After": "1"}},
    "429 for a year": {"kind": "status", "status": 429,
                       "headers": {"Retry-After": "31536000"}},
    "500": {"kind": "status", "status": 500},
    "502 with HTML": {"kind": "status", "status": 502, "body": "<html>"},
    "cut": {"kind": "cut"},
    "stall": {"kind": "stall", "seconds": 3.0},
    "slow": {"kind": "delay", "seconds": 3.0},
    "close": {"kind": "close"},
    "garbage": {"kind": "garbage"},
    "another Bundle": {"kind": "replace", "body":
                       '{"resourceType":"Bundle","type":"history"}'},
    "a Patient": {"kind": "replace", "body":
                  '{"resourceType":"Patient","id":"1"}'},
    "null": {"kind": "replace", "body": "null"},
    "empty": {"kind": "replace", "body": ""},
    "redirect": {"kind": "redirect", "location": FOREIGN},
}


class FaultsTest(EndToEndTest):
    fake_settings = {"heartbeat_seconds": 0.5}

    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(members=3)

    def test_answers_that_go_wrong(self):
        # Each fault has its own project, so that all are tried at once.
        clinics = {name: self.clinic() for name in FAULTS}
        pdp = self.pdp(*clinics.values(),
                       medplum={"request-timeout": "1s"})
        members = [clinic.member for clinic in clinics.values()]
        with Checker(pdp, members) as checker:
            for name, fault in FAULTS.items():
                self.fake.fault(client=clinics[name].login["client"],
                                path="/fhir/R4", times=0, **fault)
            time.sleep(0.5)
            for clinic in clinics.values():
                clinic.grant(False)
            time.sleep(3)
            self.fake.clear_faults()
            for name, clinic in clinics.items():
                with self.subTest(name):
                    self.comes(DENIED, pdp, clinic.member, limit=60)
            self.fake.notification_fault(kind="lose")
            for name, clinic in clinics.items():
                clinic.grant(True)
            for name, clinic in clinics.items():
                with self.subTest(name):
                    self.comes(PERMIT, pdp, clinic.member, limit=60)
        self.assertEqual([], checker.wrong(self.fake, 2, 6))

    def test_one_answer_in_five_goes_wrong(self):
        pdp = self.pdp(self.clinic_, medplum={"request-timeout": "1s"})
        with Checker(pdp, self.clinic_.members) as checker:
            for i, fault in enumerate(FAULTS.values()):
                if fault.get("seconds") or "Retry-After" in \
                        fault.get("headers", {}):
                    continue
                self.fake.fault(path="/fhir/R4", times=2, skip=5 * i, **fault)
            for i in range(20):
                self.clinic_.grant(i % 2 == 0)
                time.sleep(0.1)
            self.comes(DENIED, pdp, self.clinic_.member)
        self.assertEqual([], checker.wrong(self.fake, 2, 6))

    def test_all_at_once(self):
        """Random changes, random faults of answers and of notifications, drops
        and restarts; then the state is the server's."""
        chance = random.Random(SEED)
        pdp = self.pdp(self.clinic_, medplum={"request-timeout": "1s"})
        quick = [fault for name, fault in FAULTS.items()
                 if "year" not in name and name != "slow"]
        with Checker(pdp, self.clinic_.members) as checker:
            end = time.monotonic() + CHAOS_SECONDS
            while time.monotonic() < end:
                self.something(chance, quick)
                time.sleep(chance.uniform(0.0, 0.1))
            self.fake.clear_faults()
            self.fake.mute(on=False)
            self.fake.set_clock(offset=0)
            for member in self.clinic_.members:
                membership = self.fake.read(reference=member)
                active = membership and membership.get("active") is not False
                policy = self.fake.read(reference=self.clinic_.policy)
                granted = policy["resource"] == [{"resourceType": "Patient"}]
                right = (PERMIT,) if active and granted else DENIALS
                wait_until(lambda m=member, r=right: pdp.ask(m) in r,
                           f"{member}: {right}")
        wrong = checker.wrong(self.fake, 2, 6)
        self.assertFalse(wrong, f"PDP_SEED={SEED}\n" + "\n".join(wrong[:2]))
        print(f"{len(checker.answers)} answers: {dict(checker.counts())}")

    def something(self, chance, faults):
        fake = self.fake
        member = chance.choice(self.clinic_.members)
        alive = fake.read(reference=member) is not None
        chance.choice((
            lambda: self.clinic_.grant(True),
            lambda: self.clinic_.grant(False),
            lambda: alive and fake.set_active(
                membership=member, active=chance.random() < 0.5),
            lambda: alive and fake.delete(reference=member),
            lambda: alive or fake.undelete(reference=member),
            lambda: fake.roll_back_delete(reference=self.clinic_.policy),
            lambda: fake.fault(path=chance.choice(
                ("/fhir/R4", "/oauth2", "/AccessPolicy", "/Subscription")),
                times=chance.randrange(1, 4), **chance.choice(faults)),
            lambda: fake.notification_fault(
                kind=chance.choice(("lose", "double", "delay")),
                seconds=chance.uniform(0.0, 1.0),
                times=chance.randrange(1, 10)),
            lambda: fake.drop_sockets(
                keep_subscriptions=chance.random() < 0.5),
            lambda: fake.revoke(client=self.clinic_.login["client"]),
            lambda: fake.mute(on=chance.random() < 0.3),
            # Within the overlap: what is further off is the full sweep's.
            lambda: fake.set_clock(offset=chance.choice((0, -12, 12))),
            lambda: chance.random() < 0.2 and fake.restart(
                graceful=chance.random() < 0.5,
                down_seconds=chance.uniform(0.0, 0.5)),
        ))()

    def test_a_break_at_any_step_of_the_start_is_got_over(self):
        steps = ["/oauth2/token", "/auth/me", "/healthcheck", "/Project[?/]",
                 "/ProjectMembership[?]", "/AccessPolicy[?]", "_deleted=true",
                 "/UserConfiguration", "/Bot", "/Subscription",
                 "binding-token", "/ws/"]
        clinics = {step: self.clinic() for step in steps}
        faults = {}
        for step, clinic in clinics.items():
            client = clinic.login["client"]
            if step in ("/oauth2/token", "/healthcheck", "/ws/"):
                client = None
            faults[step] = self.fake.fault(kind="close", path=step,
                                           client=client)
        pdp = self.pdp(*clinics.values())
        wait_until(lambda: self.all_bound(clinics.values()))
        for step, clinic in clinics.items():
            with self.subTest(step):
                self.assertEqual(1, self.fake.fault_hits(id=faults[step]))
                self.assertEqual(PERMIT, pdp.ask(clinic.member))

    def test_a_foreign_link_is_not_followed(self):
        clinic = self.clinic()
        for i in range(3):
            self.fake.put_many(project=clinic.id, resources=[
                {"resourceType": "Bot", "id": f"b{i}-{j}"}
                for j in range(500)])
        other = self.clinic()
        lured = self.fake.fault(
            kind="next", path="/Bot[?]", times=0,
            client=clinic.login["client"],
            location=self.fake.base_url.replace("127.0.0.1", "localhost") +
            "fhir/R4/Lure?_count=1000")
        pdp = self.pdp(clinic, other, wait=False)
        wait_until(lambda: self.fake.fault_hits(id=lured) > 1)
        self.assertFalse([r for r in self.fake.requests() if "Lure" in r[2]])
        self.fake.clear_faults()
        pdp.wait_ready()
        self.comes(PERMIT, pdp, clinic.member)

    def test_a_malformed_resource_holds_the_project_and_no_other(self):
        clinic = self.clinic()
        pdp = self.pdp(self.clinic_, clinic)
        body = ('{"resourceType":"Bundle","type":"searchset","entry":['
                '{"search":{"mode":"match"},"resource":'
                '{"resourceType":"AccessPolicy","id":"' +
                clinic.policy.split("/")[1] + '"}}]}')
        self.fake.fault(kind="replace", body=body, times=0,
                        path="/AccessPolicy[?]",
                        client=clinic.login["client"])
        self.comes("STALE", pdp, clinic.member)
        self.assertEqual(PERMIT, pdp.ask(self.clinic_.member))
        self.fake.clear_faults()
        self.comes(PERMIT, pdp, clinic.member)

    def test_a_server_that_hangs_holds_nothing_else_up(self):
        clinic = self.clinic()
        pdp = self.pdp(self.clinic_, clinic, medplum={"request-timeout": "2s"})
        self.fake.fault(kind="delay", seconds=30.0, times=0, path="/fhir/R4",
                        client=clinic.login["client"])
        time.sleep(1)
        for granted in (False, True):
            self.clinic_.grant(granted)
            self.comes(PERMIT if granted else DENIED, pdp,
                       self.clinic_.member)
        begun = time.monotonic()
        self.assertEqual(0, pdp.stop())
        self.assertLess(time.monotonic() - begun, 15)


if __name__ == "__main__":
    unittest.main()
