#!/usr/bin/env python3
"""A local block denies at once, whatever the Medplum server says or does."""

import time
import unittest

from harness import LONG, PERMIT, RARE_SWEEPS, EndToEndTest, decision_pb2
from medplum.pdp.v1 import admin_pb2


class BlocksTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(members=2)
        self.member, self.other = self.clinic_.members

    @staticmethod
    def block(pdp, target, seconds=3600.0):
        block = admin_pb2.Block(target=target, reason="lost device")
        block.until.FromMilliseconds(int((time.time() + seconds) * 1000))
        pdp.admin.Block(admin_pb2.BlockRequest(block=block), timeout=LONG)

    def test_a_block_denies_at_once_and_ends(self):
        pdp = self.pdp(self.clinic_)
        self.block(pdp, self.member)
        self.assertEqual("BLOCKED", pdp.ask(self.member))
        self.assertEqual(PERMIT, pdp.ask(self.other))
        self.assertEqual([self.member],
                         [block.target for block in pdp.status().blocks])
        pdp.admin.Unblock(admin_pb2.UnblockRequest(target=self.member),
                          timeout=LONG)
        self.assertEqual(PERMIT, pdp.ask(self.member))
        self.block(pdp, self.member, seconds=1.0)
        self.assertEqual("BLOCKED", pdp.ask(self.member))
        self.comes(PERMIT, pdp, self.member)

    def test_who_watches_is_told_of_the_end_too(self):
        pdp = self.pdp(self.clinic_, **RARE_SWEEPS)
        watch = pdp.stub.WatchRevisions(
            decision_pb2.WatchRevisionsRequest(memberships=[self.member]),
            timeout=LONG)
        next(watch)
        self.block(pdp, self.member, seconds=1.0)
        made = next(watch)
        self.assertEqual([self.member], list(made.changed))
        self.assertEqual("BLOCKED", pdp.ask(self.member))
        ended = next(watch)
        self.assertEqual([self.member], list(ended.changed))
        self.assertLess(made.revision, ended.revision)
        self.assertEqual(PERMIT, pdp.ask(self.member))
        watch.cancel()

    def test_a_block_denies_while_the_server_is_away(self):
        pdp = self.pdp(self.clinic_)
        self.fake.down()
        self.block(pdp, self.member)
        self.assertEqual("BLOCKED", pdp.ask(self.member))
        self.fake.up()

    def test_a_block_is_kept_over_restarts(self):
        pdp = self.pdp(self.clinic_)
        self.block(pdp, self.member)
        pdp.kill()
        pdp.start()
        self.assertEqual("BLOCKED", pdp.ask(self.member))
        self.assertEqual(0, pdp.stop())
        pdp.start()
        self.assertEqual("BLOCKED", pdp.ask(self.member))
        self.assertEqual(PERMIT, pdp.ask(self.other))

    def test_a_project_can_be_blocked(self):
        neighbor = self.clinic()
        pdp = self.pdp(self.clinic_, neighbor)
        self.block(pdp, f"Project/{self.clinic_.id}")
        for member in self.clinic_.members:
            self.assertEqual("BLOCKED", pdp.ask(member))
        self.assertEqual(PERMIT, pdp.ask(neighbor.member))

    def test_a_block_permits_nothing(self):
        pdp = self.pdp(self.clinic_)
        self.clinic_.grant(False)
        self.comes("INTERACTION_NOT_GRANTED", pdp, self.member)
        self.block(pdp, self.member)
        self.assertEqual("BLOCKED", pdp.ask(self.member))


if __name__ == "__main__":
    unittest.main()
