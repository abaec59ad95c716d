#!/usr/bin/env python3
"""A replica that begins with the checkpoint of another: it knows what changed
since before it answers, and is nobody but itself."""

import json
import pathlib
import shutil
import subprocess
import time
import unittest

from replicas import ReplicasTest
from harness import BIN, PERMIT, wait_until
from medplum.pdp.v1 import admin_pb2

FULL_INTERVAL = 2.0  # Of the harness's durations.


def searches(fake, type_="ProjectMembership"):
    return [path for _, _, path, _, _ in fake.requests()
            if path.startswith(f"/fhir/R4/{type_}?")]


class CheckpointTest(ReplicasTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(members=4)
        self.first = self.pdp(self.clinic_)
        self.seed = f"{self.directory}/seed"

    def checkpoint(self):
        """As an operator makes it, and takes it to another machine."""
        made = self.first.pdpctl("checkpoint", "seed")
        self.assertEqual(0, made.returncode, made.stderr)
        shutil.copytree(self.first.directory / "data/checkpoints/seed",
                        self.seed)

    def second(self, **options):
        return self.pdp(self.clinic_, **{"bootstrap-from": self.seed,
                                         **options})

    def test_what_has_changed_since_is_known_before_the_first_answer(self):
        inactive, deleted, expunged, stays = self.clinic_.members
        self.checkpoint()
        # No trace is left of one that is expunged: it takes a full sweep.
        time.sleep(1.5 * FULL_INTERVAL)
        self.fake.set_active(membership=inactive, active=False)
        self.fake.delete(reference=deleted)
        self.fake.expunge(reference=expunged)
        new = self.clinic_.add_member()
        second = self.second()
        self.assertTrue(second.log_has('"checkpoint_used"'))
        self.assertEqual("SUBJECT_INACTIVE", second.ask(inactive))
        for gone in (deleted, expunged):
            self.assertNotEqual(PERMIT, second.ask(gone))
        for member in (stays, new):
            self.assertEqual(PERMIT, second.ask(member))
        self.clinic_.grant(False)
        for pdp in (self.first, second):
            self.comes("INTERACTION_NOT_GRANTED", pdp, stays)

    def test_while_medplum_is_away_nothing_is_answered_from_it(self):
        self.checkpoint()
        self.clinic_.grant(False)
        self.fake.down()
        second = self.second(wait=False)
        wait_until(lambda: second.log_has('"checkpoint_used"'))
        if second._ready_line.wait(2):  # It may serve, to say so.
            second.wait_ready()
            self.assertEqual("STALE", second.ask(self.clinic_.member))
        self.fake.up()
        second.wait_ready()
        self.comes("INTERACTION_NOT_GRANTED", second, self.clinic_.member)

    def test_little_is_asked_of_medplum(self):
        self.fake.generate(project=self.clinic_.id, memberships=5000,
                           policies=50)
        wait_until(lambda: self.first.status().store.memberships > 5000)
        self.checkpoint()
        self.assertEqual(0, self.first.stop())
        whole, part = (self.asked_by(lambda o=options: self.pdp(
            self.clinic_, **{"sweep": {"full-interval": "5m"}}, **o))
            for options in ({}, {"bootstrap-from": self.seed}))
        self.assertLess(part, whole / 2)

    def asked_by(self, start):
        """How many pages of memberships it takes."""
        before = len(searches(self.fake))
        pdp = start()
        pages = searches(self.fake)[before:]
        self.assertEqual(5005, pdp.status().store.memberships)
        self.assertEqual(0, pdp.stop())
        return len(pages)

    def test_it_is_nobody_but_itself(self):
        self.block(self.clinic_.members[1])
        self.assertEqual(PERMIT, self.first.ask(self.clinic_.member))
        self.checkpoint()
        second = self.second()
        # Blocks only ever deny, so they come along.
        self.assertEqual("BLOCKED", second.ask(self.clinic_.members[1]))
        self.assertEqual(PERMIT, second.ask(self.clinic_.member))
        # Of blocks that are made from now on neither knows the other's.
        self.block(self.clinic_.members[2])
        self.assertEqual("BLOCKED", self.first.ask(self.clinic_.members[2]))
        self.assertEqual(PERMIT, second.ask(self.clinic_.members[2]))
        for pdp in (self.first, second):
            self.assertEqual(0, pdp.stop())
        chains = [self.chains(pdp) for pdp in (self.first, second)]
        self.assertTrue(chains[0] and chains[1])
        self.assertFalse(chains[0] & chains[1])
        events = [record["event"] for record in self.records(second)
                  if record.get("kind") == "change"]
        self.assertEqual(["loaded"], events[:1], events)

    def block(self, member):
        block = admin_pb2.Block(target=member, reason="lost device")
        block.until.FromSeconds(int(time.time()) + 3600)
        self.first.admin.Block(admin_pb2.BlockRequest(block=block))

    def records(self, pdp):
        for path in (pdp.directory / "data/audit").glob("*.jsonl"):
            for line in path.read_text().splitlines():
                yield json.loads(line)

    def chains(self, pdp):
        audit = pdp.directory / "data/audit"
        verified = subprocess.run([BIN / "pdpctl", "audit", "verify", audit],
                                  capture_output=True, text=True, check=False)
        self.assertEqual(0, verified.returncode, verified.stdout)
        return {record["chain"] for record in self.records(pdp)
                if "chain" in record}

    def test_what_cannot_be_used_is_left_and_all_is_loaded(self):
        self.checkpoint()
        shutil.rmtree(f"{self.seed}/db")
        pathlib.Path(self.seed, "db").mkdir()
        second = self.second()
        self.assertTrue(second.log_has('"checkpoint_not_used"'))
        self.assertEqual(PERMIT, second.ask(self.clinic_.member))

    def test_it_counts_at_the_first_start_alone(self):
        self.checkpoint()
        second = self.second()
        self.clinic_.grant(False)
        self.comes("INTERACTION_NOT_GRANTED", second, self.clinic_.member)
        self.assertEqual(0, second.stop())
        shutil.rmtree(self.seed)
        second.start()
        self.assertEqual("INTERACTION_NOT_GRANTED",
                         second.ask(self.clinic_.member))
        self.assertFalse(second.log_has('"checkpoint_not_used"'))


if __name__ == "__main__":
    unittest.main()
