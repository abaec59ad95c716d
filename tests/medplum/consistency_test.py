#!/usr/bin/env python3
"""How fresh an answer has to be is for the caller to say; and the new-enemy
fault, first reproduced, then gone."""

import threading
import unittest

from harness import LONG, PERMIT, RARE_SWEEPS, EndToEndTest, wait_until
from medplum.pdp.v1 import decision_pb2

DENIED = "INTERACTION_NOT_GRANTED"


class ConsistencyTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(members=2)
        self.member = self.clinic_.member
        self.editor = self.fake.api(self.fake.add_login(
            project=self.clinic_.id, policy=[], watched=False))

    def deaf(self):
        """A decision point that is told nothing and hardly ever looks."""
        pdp = self.connected(self.clinic_, **RARE_SWEEPS)
        self.fake.notification_fault(kind="lose")
        return pdp

    def edit(self, granted):
        """Edits the policy as a person would; returns the version that the
        server answered."""
        policy = self.fake.read(reference=self.clinic_.policy)
        policy["resource"] = [{"resourceType": "Patient" if granted
                               else "Device"}]
        status, made = self.editor.update(policy)
        self.assertEqual(200, status)
        return f"{self.clinic_.policy}/_history/{made['meta']['versionId']}"

    def test_the_new_enemy(self):
        pdp = self.deaf()
        for _ in range(20):
            version = self.edit(False)
            # The fault: the policy is edited, the answer is of before.
            self.assertEqual(PERMIT, pdp.ask(self.member))
            # The protection: never an answer from before that version.
            self.assertEqual(DENIED, pdp.ask(self.member,
                                             at_least_as_fresh=[version]))
            self.assertEqual(DENIED, pdp.ask(self.member))
            version = self.edit(True)
            self.assertEqual(PERMIT, pdp.ask(self.member,
                                             at_least_as_fresh=[version]))

    def test_a_membership_may_be_named(self):
        pdp = self.deaf()
        made = self.fake.set_active(membership=self.member, active=False)
        self.assertEqual(PERMIT, pdp.ask(self.member))
        self.assertEqual("SUBJECT_INACTIVE", pdp.ask(
            self.member, at_least_as_fresh=[made["versioned"]]))

    def test_a_new_member_is_known_by_the_version_of_the_invite(self):
        pdp = self.deaf()
        new = self.clinic_.add_member()
        version = self.fake.history(reference=new)[0]["version"]
        pdp.project_of(new)
        self.assertEqual("SUBJECT_UNKNOWN", pdp.ask(new))
        self.assertEqual(PERMIT, pdp.ask(
            new, at_least_as_fresh=[f"{new}/_history/{version}"]))

    def test_fully_fresh_asks_the_server_first(self):
        pdp = self.deaf()
        for granted in (False, True, False):
            self.edit(granted)
            self.assertEqual(PERMIT if granted else DENIED,
                             pdp.ask(self.member, fully_fresh=True))

    def test_fully_fresh_knows_of_every_type(self):
        pdp = self.deaf()
        self.fake.delete(reference=self.clinic_.members[1])
        self.assertNotEqual(PERMIT, pdp.ask(self.clinic_.members[1],
                                            fully_fresh=True))

    def test_what_cannot_be_met_is_not_answered(self):
        pdp = self.deaf()
        version = self.edit(False)
        self.fake.down()
        for name, ask in (("at_least_as_fresh",
                           {"at_least_as_fresh": [version]}),
                          ("fully_fresh", {"fully_fresh": True}),
                          ("max_staleness", {"max_staleness": 0.001})):
            with self.subTest(name):
                answer = pdp.ask(self.member, **ask)
                self.assertNotIn(answer, (PERMIT, DENIED))
        # Without a wish it is the state that is known.
        self.assertEqual(PERMIT, pdp.ask(self.member))
        self.fake.up()
        self.comes(DENIED, pdp, self.member, at_least_as_fresh=[version])

    def test_an_older_version_is_met_by_a_newer_one(self):
        pdp = self.deaf()
        first = self.edit(False)
        second = self.edit(True)
        for version in (first, second, first):
            self.assertEqual(PERMIT, pdp.ask(self.member,
                                             at_least_as_fresh=[version]))

    def test_max_staleness_of_a_request(self):
        pdp = self.deaf()
        self.edit(False)
        answer = pdp.ask(self.member, max_staleness=0.001)
        self.assertNotEqual(PERMIT, answer)

    def test_watchers_are_told_whose_answers_may_have_changed(self):
        pdp = self.connected(self.clinic_, **RARE_SWEEPS)
        watched = self.clinic_.members[1]
        stream = pdp.stub.WatchRevisions(decision_pb2.WatchRevisionsRequest(
            memberships=[watched]), timeout=LONG)
        self.addCleanup(stream.cancel)
        changed = []
        first = next(stream)
        self.assertEqual([], list(first.changed))

        def take():
            try:
                for message in stream:
                    changed.append(message)
            except Exception:  # It was canceled.
                pass
        threading.Thread(target=take, daemon=True).start()
        self.fake.set_active(membership=self.member, active=False)
        self.comes("SUBJECT_INACTIVE", pdp, self.member)
        self.assertEqual([], changed)
        self.clinic_.grant(False)
        wait_until(lambda: changed)
        self.assertTrue(changed[0].all_changed or
                        list(changed[0].changed) == [watched])
        self.assertGreater(changed[0].revision, first.revision)
        self.assertEqual(DENIED, pdp.ask(watched))


if __name__ == "__main__":
    unittest.main()
