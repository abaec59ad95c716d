#!/usr/bin/env python3
"""Sweeps alone, without a notification: all that changes is found."""

import pathlib
import threading
import time
import unittest

from harness import PERMIT, EndToEndTest, wait_until

DENIED = "INTERACTION_NOT_GRANTED"
FAKETIME = next(pathlib.Path("/usr/lib").glob(
    "*/faketime/libfaketimeMT.so.1"), None)
SILENT = {"medplum": {"notifications": "none"}}


class SweepsTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(members=2)
        self.member = self.clinic_.member

    def follow(self, *projects, **options):
        return self.pdp(*(projects or [self.clinic_]), **SILENT, **options)

    def test_every_kind_of_change_is_found(self):
        pdp = self.follow()
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)
        self.clinic_.grant(True)
        self.comes(PERMIT, pdp, self.member)
        new = self.clinic_.add_member()
        self.comes(PERMIT, pdp, new)
        self.fake.delete(reference=new)
        wait_until(lambda: pdp.ask(new) != PERMIT)
        self.fake.undelete(reference=new)
        self.comes(PERMIT, pdp, new)
        self.fake.delete(reference=self.clinic_.policy)
        self.comes("POLICY_UNAVAILABLE", pdp, new)

    def test_what_was_expunged_is_found_by_the_full_sweep(self):
        pdp = self.follow()
        self.fake.expunge(reference=self.clinic_.members[1])
        self.comes("SUBJECT_UNKNOWN", pdp, self.clinic_.members[1])
        self.assertEqual(PERMIT, pdp.ask(self.member))
        self.fake.expunge(reference=self.clinic_.policy)
        self.comes("POLICY_UNAVAILABLE", pdp, self.member)

    def test_what_was_deleted_and_then_expunged_stays_away(self):
        pdp = self.follow()
        self.fake.delete(reference=self.clinic_.members[1])
        self.fake.expunge(reference=self.clinic_.members[1])
        wait_until(lambda: pdp.ask(self.clinic_.members[1]) != PERMIT)

    def test_a_clock_of_the_server_that_jumps_hides_nothing(self):
        pdp = self.follow()
        granted = True
        for offset in (-3600, 0, 3600, -86400, 0):
            with self.subTest(offset=offset):
                self.fake.set_clock(offset=offset)
                granted = not granted
                self.clinic_.grant(granted)
                self.comes(PERMIT if granted else DENIED, pdp, self.member)
                new = self.clinic_.add_member()
                self.comes(PERMIT if granted else DENIED, pdp, new)

    def test_a_clock_of_this_machine_that_jumps_makes_nothing_fresh_or_stale(
            self):
        self.assertIsNotNone(FAKETIME, "no libfaketime: run .ci/install")
        clock = pathlib.Path(self.directory) / "clock"
        clock.write_text("+0")
        pdp = self.follow(environment={
            "LD_PRELOAD": str(FAKETIME), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_TIMESTAMP_FILE": str(clock)})
        granted = True
        for offset in ("+1d", "-1d", "+0"):
            with self.subTest(offset):
                clock.write_text(offset)
                self.stays(PERMIT if granted else DENIED, pdp, self.member, 1)
                granted = not granted
                self.clinic_.grant(granted)
                self.comes(PERMIT if granted else DENIED, pdp, self.member)
        self.fake.down()
        clock.write_text("-1d")
        self.comes("STALE", pdp, self.member)
        # Waits with a deadline, as those of an orderly end, know two clocks
        # under libfaketime.
        pdp.kill()

    def test_a_back_dated_resource_is_found(self):
        pdp = self.follow()
        member = self.fake.put(
            project=self.clinic_.id, last_updated="2020-01-01T00:00:00.000Z",
            resource={
                "resourceType": "ProjectMembership",
                "project": {"reference": f"Project/{self.clinic_.id}"},
                "user": {"reference": "User/u"},
                "profile": {"reference": "Practitioner/p"},
                "accessPolicy": {"reference": self.clinic_.policy},
            })["reference"]
        self.comes(PERMIT, pdp, member)

    def test_a_long_transaction_is_found_by_the_overlap(self):
        pdp = self.follow(sweep={"interval": "300ms", "full-interval": "5m",
                                 "overlap": "30s",
                                 "max-searches-per-second": 500})
        policy = self.fake.read(reference=self.clinic_.policy)
        policy["resource"] = []
        # Stamped two seconds before it is seen; meanwhile others are.
        threading.Thread(target=self.fake.transaction, daemon=True, kwargs={
            "resources": [policy], "hold_seconds": 2.0}).start()
        time.sleep(0.2)
        other = self.clinic_.add_member()
        self.comes(PERMIT, pdp, other)
        self.comes(DENIED, pdp, self.member)

    def test_two_changes_of_one_stamp_are_both_found(self):
        pdp = self.follow()
        stamp = self.fake.now()["instant"]
        policy = self.fake.read(reference=self.clinic_.policy)
        for version, resource in (("1", [{"resourceType": "Patient"}]),
                                  ("2", [])):
            self.fake.put(resource={**policy, "resource": resource},
                          last_updated=stamp, version=version)
            time.sleep(0.7)
        self.comes(DENIED, pdp, self.member)

    def test_a_policy_edited_between_two_pages_is_taken_as_edited(self):
        self.fake.put_many(project=self.clinic_.id, resources=[
            {"resourceType": "AccessPolicy", "id": f"p{i}", "resource": []}
            for i in range(1500)])
        # The edit comes after the page that has the policy as it was.
        edit = self.fake.fault(
            kind="run", path="/AccessPolicy[?]", times=1, after=[
                ["change", {"reference": self.clinic_.policy,
                            "values": {"resource": []}}]])
        pdp = self.follow()
        self.assertEqual(1, self.fake.fault_hits(id=edit))
        self.assertEqual(DENIED, pdp.ask(self.member))

    def test_a_linked_project_is_followed(self):
        other = self.clinic()
        pdp = self.follow()
        member = self.clinic_.add_member(policy=other.policy)
        self.comes("POLICY_UNAVAILABLE", pdp, member)
        self.fake.change(
            reference=f"Project/{self.clinic_.id}", values={"link": [
                {"project": {"reference": f"Project/{other.id}"}}]})
        self.comes(PERMIT, pdp, member)
        other.grant(False)
        self.comes(DENIED, pdp, member)

    def test_no_more_searches_are_made_than_allowed(self):
        clinics = [self.clinic_] + [self.clinic() for _ in range(3)]
        allowed = 20
        pdp = self.follow(*clinics, sweep={
            "interval": "200ms", "full-interval": "1h", "overlap": "30s",
            "max-searches-per-second": allowed})
        begun = self.fake.now()["monotonic_ns"]
        time.sleep(4)
        searches = [r for r in self.fake.requests(since_ns=begun)
                    if "?" in r[2]]
        # A second's worth may have been saved up.
        self.assertLessEqual(len(searches), 5.5 * allowed)
        interval = pdp.feed(self.clinic_.id).sweep_interval.ToSeconds()
        self.assertGreaterEqual(interval, 1)
        clinics[3].grant(False)
        self.comes(DENIED, pdp, clinics[3].member)


if __name__ == "__main__":
    unittest.main()
