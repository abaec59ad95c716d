#!/usr/bin/env python3
"""What docs/runbook.md promises of stores that are put back, against a fake
Medplum server; the programs are found as in tests/medplum/harness.py."""

import pathlib
import shutil
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/medplum"))

from harness import PERMIT, RARE_SWEEPS, EndToEndTest  # noqa: E402


class RestoreTest(EndToEndTest):
    def checkpoint(self, pdp, name="nightly"):
        done = pdp.pdpctl("checkpoint", name)
        self.assertEqual(0, done.returncode, done.stderr)
        return pdp.directory / "data/checkpoints" / name

    def put_back(self, pdp, copy):
        """As the page says: the server has ended."""
        store = pdp.directory / "data/store"
        shutil.rmtree(store)
        shutil.copytree(copy, store)

    def revoked_after_a_checkpoint(self):
        clinic = self.clinic()
        pdp = self.connected(clinic)
        self.assertEqual(PERMIT, pdp.ask(clinic.member))
        copy = self.checkpoint(pdp)
        clinic.grant(False)
        self.comes("INTERACTION_NOT_GRANTED", pdp, clinic.member)
        self.assertEqual(0, pdp.stop())
        self.put_back(pdp, copy)
        return clinic, pdp

    def test_an_older_store_permits_nothing_that_was_revoked_since(self):
        clinic, pdp = self.revoked_after_a_checkpoint()
        pdp.start()
        self.stays("INTERACTION_NOT_GRANTED", pdp, clinic.member, 0.5)

    def test_an_older_store_decides_nothing_while_medplum_is_away(self):
        clinic, pdp = self.revoked_after_a_checkpoint()
        self.fake.down()
        pdp.start()
        self.stays("STALE", pdp, clinic.member, 0.5)
        # That it was loaded, not that it is fresh.
        self.assertEqual(200, pdp.http("/readyz")[0])
        self.fake.up()
        self.comes("INTERACTION_NOT_GRANTED", pdp, clinic.member)

    def test_an_older_store_forgets_what_was_expunged_since(self):
        clinic = self.clinic(members=2)
        pdp = self.connected(clinic, **RARE_SWEEPS)
        copy = self.checkpoint(pdp)
        self.assertEqual(0, pdp.stop())
        self.fake.expunge(reference=clinic.member)
        self.put_back(pdp, copy)
        self.fake.set_clock(offset=600)  # Longer than `full-interval`.
        pdp.start()
        self.assertEqual("SUBJECT_UNKNOWN", pdp.ask(clinic.member))
        self.assertEqual(PERMIT, pdp.ask(clinic.members[1]))

    def test_a_store_that_is_thrown_away_is_loaded_again(self):
        clinic = self.clinic()
        pdp = self.connected(clinic)
        pdp.stop()
        shutil.rmtree(pdp.directory / "data/store")
        pdp.start()
        self.assertEqual(PERMIT, pdp.ask(clinic.member))


if __name__ == "__main__":
    unittest.main()
