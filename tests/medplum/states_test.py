#!/usr/bin/env python3
"""A project that cannot be kept in step is refused, each for its own reason;
the other projects are not."""

import os
import time
import unittest

from checker import Checker
from harness import PERMIT, EndToEndTest, wait_until
from medplum.pdp.v1 import types_pb2

DENIED = "INTERACTION_NOT_GRANTED"


class StatesTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic()
        self.neighbor = self.clinic()
        self.member = self.clinic_.member

    def follow(self, **options):
        return self.pdp(self.clinic_, self.neighbor, **options)

    def refused(self, pdp, reason):
        """The one project is refused for that reason, the other served all the
        while."""
        self.comes(reason, pdp, self.member)
        self.assertEqual(PERMIT, pdp.ask(self.neighbor.member))

    def test_refused_credentials(self):
        pdp = self.follow()
        client = f"ClientApplication/{self.clinic_.login['client']}"
        self.fake.change(reference=client, values={"secret": "another"})
        self.fake.revoke(client=self.clinic_.login["client"])
        self.refused(pdp, "CREDENTIALS_REFUSED")
        self.assertEqual("CREDENTIALS_REFUSED", pdp.state(self.clinic_.id))
        # The secret's file is read again when it changes.
        (pdp.directory / f"secret-{self.clinic_.id}").write_text("another")
        self.comes(PERMIT, pdp, self.member)

    def test_an_inactive_login(self):
        pdp = self.follow()
        self.fake.set_active(membership=self.clinic_.login["membership"],
                             active=False)
        self.refused(pdp, "CREDENTIALS_REFUSED")
        self.fake.set_active(membership=self.clinic_.login["membership"],
                             active=True)
        self.comes(PERMIT, pdp, self.member)

    def test_a_deleted_project(self):
        pdp = self.follow()
        self.fake.delete_project(project=self.clinic_.id)
        self.refused(pdp, "PROJECT_GONE")

    def test_a_project_of_which_nothing_is_left(self):
        # The client is gone too: no token tells why.
        acts = {
            "deleted, without tokens": lambda: (
                self.fake.set(tokens_for_gone_projects=False),
                self.fake.delete_project(project=self.clinic_.id)),
            "expunged": lambda: self.fake.expunge_project(
                project=self.clinic_.id),
        }
        for name, act in acts.items():
            with self.subTest(name):
                self.clinic_ = self.clinic()
                self.member = self.clinic_.member
                pdp = self.follow()
                act()
                wait_until(lambda p=pdp: p.ask(self.member) in
                           ("PROJECT_GONE", "CREDENTIALS_REFUSED"))
                self.assertEqual(PERMIT, pdp.ask(self.neighbor.member))

    def test_a_lost_grant(self):
        pdp = self.follow()
        policy = self.fake.read(reference=self.clinic_.login["policy"])
        without = [entry for entry in policy["resource"]
                   if entry["resourceType"] != "AccessPolicy"]
        self.fake.change(reference=self.clinic_.login["policy"],
                         values={"resource": without})
        self.refused(pdp, "ACCESS_MISSING")
        self.assertIn("AccessPolicy", pdp.feed(self.clinic_.id).message)
        self.fake.change(reference=self.clinic_.login["policy"],
                         values={"resource": policy["resource"]})
        self.comes(PERMIT, pdp, self.member)

    def test_a_login_that_is_no_admin(self):
        clinic = self.clinic(login={"admin": False})
        pdp = self.pdp(clinic, self.neighbor, wait=False)
        pdp.wait_ready()
        self.assertEqual("ACCESS_MISSING", pdp.ask(clinic.member))
        self.assertIn("admin", pdp.feed(clinic.id).message)
        self.assertEqual(PERMIT, pdp.ask(self.neighbor.member))

    def test_a_stale_project_says_so_and_is_then_refused(self):
        pdp = self.follow(medplum={"request-timeout": "3s"})
        self.fake.fault(kind="stall", seconds=60, times=0, path="/fhir/R4",
                        client=self.clinic_.login["client"])

        def is_noted():
            decision = pdp.check(self.member)
            return any(note.code == types_pb2.NOTE_CODE_STALE
                       for note in decision.notes)
        wait_until(is_noted)
        with Checker(pdp, [self.neighbor.member]) as checker:
            self.refused(pdp, "STALE")
            self.assertEqual(200, pdp.http("/readyz")[0])
            time.sleep(1)
        self.assertEqual({PERMIT}, set(checker.counts()))
        self.assertFalse(any(answer.stale for answer in checker.answers))
        # Nobody waited for the server's answers, which take longer than that.
        slowest = max(a.ended - a.begun for a in checker.answers)
        self.assertLess(slowest, 1e9)
        self.clinic_.grant(False)
        self.fake.clear_faults()
        self.comes(DENIED, pdp, self.member)

    def test_an_outage_is_counted_and_never_answered_wrongly(self):
        """Scaled down; with PDP_OUTAGE=600 ten minutes under the default
        bounds."""
        outage, bounds, options = 9, (2, 6), {}
        if "PDP_OUTAGE" in os.environ:
            outage, bounds = int(os.environ["PDP_OUTAGE"]), (30, 300)
            options = {"stale-after": "30s", "max-staleness": "5m",
                       "sweep": {"interval": "15s"}}
        pdp = self.follow(**options)
        with Checker(pdp, [self.member, self.neighbor.member]) as checker:
            self.fake.down()
            time.sleep(1)
            self.clinic_.grant(False)
            time.sleep(outage - 1)
            self.fake.up()
            self.comes(DENIED, pdp, self.member, limit=90)
        self.assertEqual([], checker.wrong(self.fake, *bounds))
        self.assertLessEqual(set(checker.counts()), {PERMIT, "DENY", "STALE"})
        refused = checker.counts()["STALE"]
        print(f"an outage of {outage} s: {len(checker.answers)} calls, "
              f"{refused} refused, none wrong")
        self.assertGreater(checker.counts()["STALE"], 0)

    def test_an_unknown_version_is_noted(self):
        for version, checked in (("5.1.29-abc", True), ("6.0.0", False)):
            with self.subTest(version):
                self.fake.set(version=version)
                pdp = self.follow()
                source = pdp.status().sources[0]
                self.assertEqual(version.split("-")[0],
                                 source.server_version.split("-")[0])
                self.assertEqual(checked, source.server_version_checked)
                codes = {note.code for note in pdp.check(self.member).notes}
                self.assertEqual(not checked,
                                 types_pb2.NOTE_CODE_SERVER_VERSION in codes)

    def test_the_state_of_every_feed_is_in_the_metrics(self):
        pdp = self.follow()
        self.fake.delete_project(project=self.clinic_.id)
        self.refused(pdp, "PROJECT_GONE")
        _, text = pdp.http("/metrics")
        self.assertIn(self.clinic_.id, text)
        self.assertIn(self.neighbor.id, text)
        self.assertIn("project_gone", text)
        status = pdp.pdpctl("status")
        self.assertIn("PROJECT_GONE", status.stdout.upper().replace(" ", "_"))


if __name__ == "__main__":
    unittest.main()
