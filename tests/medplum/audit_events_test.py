#!/usr/bin/env python3
"""Decisions as AuditEvents at the Medplum server: what becomes an event, by whose
login, and nothing in it but references and codes."""

import json
import unittest

from audit_events import SECRET, AuditEventsCase, count, details, reads
from harness import LONG, Project, admin_pb2, decision_pb2, wait_until


class AuditEventsTest(AuditEventsCase):
    def test_denials_are_each_an_event_and_reads_are_folded(self):
        clinic = self.clinic(members=2)
        pdp = self.start(clinic)
        self.read(pdp, clinic.member)
        wait_until(lambda: self.events() or self.metric(
            pdp, "pdp_audit_events_open_folds", clinic.id) == 1, "a fold")
        pdp.stop()  # What is folded and not yet posted survives.
        pdp.start()
        denied = [self.deny(pdp, clinic.member) for _ in range(3)]
        for _ in range(20):
            self.read(pdp, clinic.member)
            self.read(pdp, clinic.members[1], id="2")
        events = self.arrive(denied, 41)
        folded = reads(events)
        self.assertLess(len(folded), 20)
        for event in folded:
            [patient] = [e["what"]["reference"] for e in event["entity"]
                         if e["type"]["code"] == "1"]
            self.assertEqual(
                {"Patient/1": clinic.member, "Patient/2": clinic.members[1]}
                [patient], event["agent"][0]["altId"])
            if count(event) > 1:
                self.assertLessEqual(event["period"]["start"],
                                     event["period"]["end"])
        denial = next(e for e in events if e["outcome"] == "8")
        self.assertEqual("INTERACTION_NOT_GRANTED", denial["outcomeDesc"])
        self.assertEqual("Observation/1",
                         denial["entity"][0]["what"]["reference"])
        self.assertEqual("Practitioner/p",
                         denial["agent"][0]["who"]["reference"])
        self.assertEqual("TREAT", denial["purposeOfEvent"][0]["coding"][0]
                         ["code"])
        wait_until(lambda: self.metric(pdp, "pdp_audit_events_lag_seconds",
                                       clinic.id) < 2, "no lag")
        self.assertEqual(len(events), self.metric(
            pdp, "pdp_audit_events_total", clinic.id, result="created"))

    def test_what_was_done_and_administrators_are_events(self):
        clinic = self.clinic()
        pdp = self.start(clinic, events={"reads": "none"})
        decision = self.read(pdp, clinic.member)
        pdp.stub.RecordAccess(decision_pb2.RecordAccessRequest(
            decision_id=decision, event="exported", success=True), timeout=LONG)
        block = admin_pb2.Block(target=clinic.member, reason=SECRET)
        block.until.FromSeconds(pdp.status().now.seconds + 600)
        pdp.admin.Block(admin_pb2.BlockRequest(block=block), timeout=LONG)
        wait_until(lambda: len(self.events()) == 2, "two events")
        events = {e["type"]["code"]: e for e in self.events()}
        export, admin = events["110106"], events["110113"]
        self.assertEqual("exported", export["subtype"][0]["code"])
        self.assertEqual({"Patient/1"}, {e["what"]["reference"]
                                         for e in export["entity"]})
        self.assertEqual(clinic.member, export["agent"][0]["altId"])
        self.assertEqual(decision, details(export)["decision"])
        self.assertEqual("Block", admin["subtype"][0]["code"])
        self.assertNotIn(SECRET, json.dumps(self.events()))

    def test_every_read_is_an_event_if_it_is_wanted(self):
        clinic = self.clinic()
        pdp = self.start(clinic, events={"reads": "every", "batch-size": 3})
        for _ in range(10):
            self.read(pdp, clinic.member)
        events = self.arrive([], 10)
        self.assertEqual(10, len(events))

    def test_what_is_of_another_project_goes_by_the_login_of_all(self):
        own, other = self.clinic(), Project(self.fake)
        home = self.fake.add_project(name="Super", superAdmin=True)
        pdp = self.start(own, super_login=self.fake.add_login(
            project=home, audit_events=True))
        denied = [self.deny(pdp, own.member), self.deny(pdp, other.member)]
        nobody = [self.check_nobody(pdp, own)]
        events = {details(e)["decision"]: e
                  for e in self.arrive(denied + nobody, 0)}
        self.assertEqual([own.id, other.id, home], [
            events[id]["meta"]["project"] for id in denied + nobody])
        for project, posted in ((own.id, 1), ("all", 2)):
            self.assertEqual(posted, self.metric(
                pdp, "pdp_audit_events_total", project, result="created"))

    def check_nobody(self, pdp, clinic):
        """A question about somebody whom nobody knows."""
        pdp.projects["ProjectMembership/nobody"] = clinic.id
        return self.deny(pdp, "ProjectMembership/nobody")

    def test_references_that_the_login_may_not_see_become_text(self):
        clinic = Project(self.fake, checkReferencesOnWrite=True,
                         login={"audit_events": True})
        pdp = self.start(clinic)
        [event] = self.arrive([self.deny(pdp, clinic.member)], 0)
        [who, *_] = [agent["who"] for agent in event["agent"]]
        self.assertEqual({"display": "Practitioner/p"}, who)
        self.assertEqual({"display": "Observation/1"},
                         event["entity"][0]["what"])
        # What the login may see stays a reference.
        policy = self.fake.read(reference=clinic.login["policy"])
        self.fake.change(reference=clinic.login["policy"], values={
            "resource": policy["resource"] + [
                {"resourceType": "Practitioner"},
                {"resourceType": "Observation"},
                {"resourceType": "AccessPolicy"}]})
        self.fake.put(project=clinic.id, resource={
            "resourceType": "Practitioner", "id": "p"})
        self.fake.put(project=clinic.id, resource={
            "resourceType": "Observation", "id": "1", "status": "final"})
        later = self.deny(pdp, clinic.member)
        wait_until(lambda: len(self.events()) == 2, "the second one")
        [event] = [e for e in self.events()
                   if details(e)["decision"] == later]
        self.assertEqual("Practitioner/p",
                         event["agent"][0]["who"]["reference"])
        self.assertEqual("Observation/1",
                         event["entity"][0]["what"]["reference"])


if __name__ == "__main__":
    unittest.main()
