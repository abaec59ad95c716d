#!/usr/bin/env python3
"""kill -9 at random moments while the server changes: after each restart the
state equals the server's within one sweep, and no revocation is un-applied.

PDP_KILLS: how often it is killed; 20.  PDP_SEED: of what is random."""

import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from checker import Checker
from harness import PERMIT, EndToEndTest, wait_until

KILLS = int(os.environ.get("PDP_KILLS", "20"))
SEED = int(os.environ.get("PDP_SEED", "1"))


class Changes(threading.Thread):
    """Edits, deletes and brings back policies and memberships."""

    def __init__(self, fake, clinic, policies):
        super().__init__(daemon=True)
        self.fake = fake
        self.clinic = clinic
        self.policies = policies
        self.random = random.Random(SEED)
        self.made = 0
        self._ended = threading.Event()

    def run(self):
        while not self._ended.is_set():
            self._change()
            self.made += 1
            time.sleep(self.random.uniform(0.001, 0.02))

    def _change(self):
        kind = self.random.choice(("grant", "grant", "revoke", "revoke",
                                   "active", "delete", "undelete"))
        if kind in ("grant", "revoke"):
            self.clinic.grant(kind == "grant",
                              policy=self.random.choice(self.policies))
            return
        member = self.random.choice(self.clinic.members)
        alive = self.fake.read(reference=member) is not None
        if kind == "active" and alive:
            self.fake.set_active(membership=member,
                                 active=self.random.random() < 0.6)
        elif kind == "delete" and alive:
            self.fake.delete(reference=member)
        elif kind == "undelete" and not alive:
            self.fake.undelete(reference=member)

    def end(self):
        self._ended.set()
        self.join()


class KillTest(EndToEndTest):
    def expected(self, member):
        membership = self.fake.read(reference=member)
        if membership is None or membership.get("active") is False:
            return "DENY"
        policy = self.fake.read(
            reference=membership["accessPolicy"]["reference"])
        granted = any(e["resourceType"] == "Patient"
                      for e in policy["resource"])
        return PERMIT if granted else "DENY"

    def assert_equal_to_the_server(self, pdp, members):
        for member in members:
            expected = self.expected(member)

            def agrees(m=member, e=expected):
                return (pdp.ask(m) == PERMIT) == (e == PERMIT)
            wait_until(agrees, f"{member} {expected}")

    def test_killed_under_load(self):
        clinic = self.clinic(members=0)
        policies = [self.fake.put(project=clinic.id, resource={
            "resourceType": "AccessPolicy", "name": f"p{i}",
            "resource": [{"resourceType": "Patient"}]})["reference"]
            for i in range(5)]
        clinic.members = [clinic.add_member(policy=policies[i % 5])
                          for i in range(20)]
        pdp = self.pdp(clinic)
        chance = random.Random(SEED)
        changes = Changes(self.fake, clinic, policies)
        changes.start()
        self.addCleanup(changes.end)
        answers = 0
        for kill in range(KILLS):
            checker = Checker(pdp, clinic.members, pause=0.0005)
            checker.start()
            time.sleep(chance.uniform(0.0, 0.6))
            pdp.kill()
            checker.end()
            answers += len(checker.answers)
            wrong = checker.wrong(self.fake, 2, 6)
            self.assertFalse(wrong, f"kill {kill}\n" + "\n".join(wrong[:2]))
            # Sometimes it is killed again while it starts.
            while chance.random() < 0.3:
                pdp.start(wait=False)
                time.sleep(chance.uniform(0.0, 0.3))
                pdp.kill()
            pdp.start()
        changes.end()
        self.assert_equal_to_the_server(pdp, clinic.members)
        self.assertGreater(answers, KILLS)
        print(f"{KILLS} kills, {changes.made} changes, {answers} answers, none "
              "wrong")

    def test_a_revocation_that_was_answered_is_never_undone(self):
        clinic = self.clinic(members=1)
        pdp = self.pdp(clinic)
        for _ in range(3):
            clinic.grant(False)
            self.comes("INTERACTION_NOT_GRANTED", pdp, clinic.member)
            pdp.kill()
            # All that it could learn anew is out of reach.
            self.fake.down()
            pdp.start(wait=False)
            time.sleep(0.5)
            if pdp._ready_line.is_set():
                pdp.wait_ready()
                self.assertNotEqual(PERMIT, pdp.ask(clinic.member))
            pdp.process.kill()
            pdp.process.wait()
            self.fake.up()
            pdp.start()
            self.assertEqual("INTERACTION_NOT_GRANTED",
                             pdp.ask(clinic.member))
            clinic.grant(True)
            self.comes(PERMIT, pdp, clinic.member)


class DiskTest(EndToEndTest):
    def test_a_full_disk_refuses_and_recovers(self):
        disk = tempfile.mkdtemp(dir=self.directory)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk],
            capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("A DISK OF ITS OWN CANNOT BE MOUNTED HERE: "
                          + mounted.stderr.strip())
        try:
            self.fill_and_free(disk)
        finally:
            for pdp in self.pdps:
                pdp.stop()
            subprocess.run(["umount", "-l", disk], check=True)

    def fill_and_free(self, disk):
        clinic = self.clinic()
        # The audit log, without which nothing is permitted, has room.
        pdp = self.pdp(clinic, **{
            "data-dir": f"{disk}/data",
            "audit": {"directory": f"{self.directory}/audit"}})
        ballast = f"{disk}/ballast"
        with open(ballast, "wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        with Checker(pdp, [clinic.member]) as checker:
            for _ in range(30):
                clinic.grant(True)
                clinic.grant(False)
                time.sleep(0.1)
            wait_until(lambda: pdp.ask(clinic.member) != PERMIT)
            os.unlink(ballast)
            clinic.grant(True)
            self.comes(PERMIT, pdp, clinic.member)
        self.assertEqual([], checker.wrong(self.fake, 2, 6))

    def test_a_store_that_was_damaged_is_not_served(self):
        clinic = self.clinic(members=5)
        pdp = self.pdp(clinic)
        self.assertEqual(0, pdp.stop())
        whole = f"{self.directory}/whole"
        data = pdp.directory / "data"
        shutil.copytree(data, whole)
        chance = random.Random(SEED)
        clinic.grant(False)
        files = sorted(p.relative_to(whole) for p in
                       pathlib.Path(whole).rglob("*")
                       if p.is_file() and p.stat().st_size > 0
                       and p.suffix in (".sst", ".log", "")
                       and "LOCK" not in p.name and "LOG" not in p.name)
        self.assertTrue(files)
        for name in files:
            with self.subTest(str(name)):
                shutil.rmtree(data)
                shutil.copytree(whole, data)
                content = bytearray((data / name).read_bytes())
                for _ in range(8):
                    content[chance.randrange(len(content))] ^= 0xff
                (data / name).write_bytes(content)
                pdp.start(wait=False)
                wait_until(lambda: pdp._ready_line.is_set(), limit=20)
                if pdp.ready:  # It found nothing wrong, or loaded it anew.
                    pdp.wait_ready()
                    self.comes("INTERACTION_NOT_GRANTED", pdp, clinic.member)
                    pdp.stop()
                else:
                    self.assertEqual(1, pdp.process.wait(20))


if __name__ == "__main__":
    unittest.main()
