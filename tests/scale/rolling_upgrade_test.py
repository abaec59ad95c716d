#!/usr/bin/env python3
"""Three replicas are replaced, one after the other, under load and while the
server changes: no answer is wrong, and no call is refused.

PDP_UPGRADES: how often all three are; 1.  With more, also what takes minutes is
tested.  PDP_SEED: of what is random."""

import os
import random
import sys
import threading
import unittest

from replicas import ReplicasTest
from harness import LONG, wait_until

UPGRADES = int(os.environ.get("PDP_UPGRADES", "1"))
SEED = int(os.environ.get("PDP_SEED", "1"))
STEP = 200  # Answers of each client between two replacements, at least.


class Changes(threading.Thread):
    """Grants and revokes: by policy, and by membership."""

    def __init__(self, fake, clinic, policies, members):
        super().__init__(daemon=True)
        self.fake = fake
        self.clinic = clinic
        self.policies = policies
        self.members = members
        self.made = 0
        self._random = random.Random(SEED)
        self._ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()

    def run(self):
        while not self._ended.wait(self._random.uniform(0.02, 0.1)):
            granted = self._random.random() < 0.5
            if self._random.random() < 0.5:
                self.clinic.grant(granted, self._random.choice(self.policies))
            else:
                self.fake.set_active(
                    membership=self._random.choice(self.members),
                    active=granted)
            self.made += 1


class RollingUpgradeTest(ReplicasTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = clinic = self.clinic(members=2)
        self.granted = clinic.members
        self.denied = clinic.add_member(active=False)
        policies = [self.fake.put(project=clinic.id, resource={
            "resourceType": "AccessPolicy", "name": f"p{i}",
            "resource": [{"resourceType": "Patient"}]})["reference"]
            for i in range(2)]
        changing = [clinic.add_member(policy=policies[i % 2])
                    for i in range(6)]
        self.members = [*self.granted, self.denied, *changing]
        self.replicas_ = self.replicas(
            clinic, limits={"connection-age": "1m"})
        self.changes = Changes(self.fake, clinic, policies, changing)

    def under_load(self, target, replace, then=lambda: None):
        """Calls `replace` with each replica."""
        loads = [self.replicas_.load(target, self.members) for _ in range(2)]
        for load in loads:
            self.addCleanup(load.end)
        with self.changes:
            self.go_on(loads)
            for _ in range(UPGRADES):
                for pdp in self.replicas_.pdps:
                    replace(pdp)
                    self.go_on(loads)
            then()
        for load in loads:
            load.end()
            self.assertEqual([], load.refused())
            self.assertEqual([], load.wrong(self.fake, 2, 6))
            for member, right in [(self.denied, {"DENY"}),
                                  *((m, {"PERMIT"}) for m in self.granted)]:
                self.assertEqual(right, {answer[3] for answer in load.answers
                                         if answer[0] == member})
        answers = sum(len(load.answers) for load in loads)
        print(f"{answers} answers, {sum(load.retried() for load in loads)} "
              f"at the second try, {self.changes.made} changes, none wrong, "
              "none refused", file=sys.stderr)

    def go_on(self, loads):
        for load in loads:
            enough = load.so_far() + STEP
            wait_until(lambda: load.so_far() >= enough, "answers", pause=0.1)

    def decided(self, pdp):
        return sum(float(line.rpartition(" ")[2])
                   for line in pdp.http("/metrics")[1].splitlines()
                   if line.startswith("pdp_decision_total"))

    def get_their_share(self, pdps, limit=LONG):
        for pdp in pdps:
            wait_until(lambda p=pdp: self.decided(p) > 0, "its share", limit)

    def test_nobody_notices_an_upgrade_in_place(self):
        def upgrade(pdp):
            self.assertEqual(0, pdp.stop())
            pdp.start()
        self.under_load(self.replicas_.addresses, upgrade,
                        lambda: self.get_their_share(self.replicas_.pdps))

    def test_nobody_notices_an_upgrade_to_other_addresses(self):
        def upgrade(pdp):
            self.assertEqual(0, self.replicas_.move(pdp))

        def share():
            *others, last = self.replicas_.pdps
            self.get_their_share(others)
            if UPGRADES > 1:  # It is found when connections come of age.
                self.get_their_share([last], limit=150)
        self.under_load(self.replicas_.name, upgrade, share)

    def test_nobody_notices_one_that_is_killed(self):
        def kill(pdp):
            pdp.kill()
            pdp.start()
        self.under_load(self.replicas_.name, kill,
                        lambda: self.get_their_share(self.replicas_.pdps))


if __name__ == "__main__":
    unittest.main()
