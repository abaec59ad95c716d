#!/usr/bin/env python3
"""Decisions as AuditEvents at the Medplum server: each once, whatever happens in
between, and nothing in them but references and codes."""

import collections
import json
import random
import unittest

from harness import (LONG, PERMIT, RARE_SWEEPS, EndToEndTest, Project,
                     admin_pb2, decision_pb2, types_pb2, wait_until)

SECRET = "Featherstonehaugh"  # The name of a patient.
EVENTS = {"fold-window": "1s", "interval": "100ms"}


def details(event):
    """What the event says of the decision, by type."""
    return {detail["type"]: detail["valueString"]
            for entity in event["entity"] for detail in entity.get("detail", ())}


def count(event):
    return int(details(event).get("count", 1))


def reads(events):
    return [e for e in events if details(e).get("effect") == "PERMIT" and any(
        coding["code"] in ("read", "search") for coding in e["subtype"])]


class AuditEventsTest(EndToEndTest):
    def start(self, *projects, events=None, **options):
        return self.pdp(*projects, medplum={"notifications": "none"}, audit={
            "medplum": {"enabled": "true", **EVENTS, **(events or {})}},
            **RARE_SWEEPS, **options)

    def clinic(self, **options):
        return super().clinic(login={"audit_events": True}, **options)

    def events(self):
        return self.fake.living(type_="AuditEvent")

    def read(self, pdp, member, id="1"):
        """Of a Patient that it may read."""
        return self.check(pdp, member, "Patient", id)

    def deny(self, pdp, member):
        return self.check(pdp, member, "Observation")

    def check(self, pdp, member, type_, id="1"):
        body = {"resourceType": type_, "id": id, "name": [{"family": SECRET}],
                "meta": {"project": pdp.project_of(member)}}
        request = decision_pb2.CheckRequest(
            subject=types_pb2.Subject(reference=member),
            interaction=types_pb2.INTERACTION_READ,
            resource=types_pb2.Resource(
                type=type_, id=id, body=json.dumps(body).encode(),
                project=pdp.project_of(member)))
        request.context.purpose_of_use = "TREAT"
        request.context.user_agent = SECRET
        request.context.request_id = f"of {SECRET}"
        answer = pdp.stub.Check(request, timeout=LONG).decision
        expected = types_pb2.EFFECT_PERMIT if type_ == "Patient" \
            else types_pb2.EFFECT_DENY
        self.assertEqual(expected, answer.effect)
        return answer.decision_id

    def arrive(self, denied, permitted):
        """Waits until all is there, and checks that nothing is twice."""
        def is_there():
            events = self.events()
            ids = {details(e).get("decision") for e in events}
            return set(denied) <= ids and \
                sum(count(e) for e in reads(events)) >= permitted
        wait_until(is_there, f"{len(denied)} denials, {permitted} reads",
                   pause=0.1)
        events = self.events()
        by_decision = collections.Counter(
            details(e)["decision"] for e in events if e["outcome"] == "8")
        self.assertEqual(collections.Counter(denied), by_decision)
        self.assertEqual(permitted, sum(count(e) for e in reads(events)))
        tags = [e["meta"]["tag"][0]["code"] for e in events]
        self.assertEqual(len(tags), len(set(tags)))
        self.assertNotIn(SECRET, json.dumps(events))
        return events

    def metric(self, pdp, name, project, **labels):
        """The value of a metric of a project's events."""
        want = {f'project="{project}"',
                *(f'{k}="{v}"' for k, v in labels.items())}
        for line in pdp.http("/metrics")[1].splitlines():
            name_, _, rest = line.partition("{")
            if name_ == name and want == set(
                    rest.partition("}")[0].split(",")):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no {name} of {want}")

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

    def test_nothing_is_lost_or_twice_while_medplum_is_away(self):
        clinic = self.clinic()
        pdp = self.start(clinic)
        denied = [self.deny(pdp, clinic.member)]
        wait_until(self.events, "the first one")
        # What arrives, but is not answered, is sent again.
        self.fake.fault(kind="close", method="POST", path="^/fhir/R4$",
                        times=2)
        self.fake.fault(kind="status", status=429, method="POST",
                        path="^/fhir/R4$", times=2,
                        headers={"Retry-After": "1"})
        denied += [self.deny(pdp, clinic.member) for _ in range(5)]
        self.arrive(denied, 0)
        self.fake.down()
        for _ in range(30):
            denied.append(self.deny(pdp, clinic.member))
            self.read(pdp, clinic.member)
        wait_until(lambda: self.metric(
            pdp, "pdp_audit_events_failures_total", clinic.id) > 0, "failures")
        self.assertLess(0, self.metric(
            pdp, "pdp_audit_events_waiting", clinic.id))
        self.fake.up()
        self.arrive(denied, 30)
        self.assertTrue(pdp.log_has("audit_events_not_posted"))

    def test_nothing_is_lost_or_twice_when_the_server_is_killed(self):
        clinic = self.clinic()
        pdp = self.start(clinic, events={"batch-size": 7})
        chance = random.Random(1)
        denied, permitted = [], 0
        for _ in range(6):
            for _ in range(chance.randint(10, 60)):
                denied.append(self.deny(pdp, clinic.member))
                self.read(pdp, clinic.member)
                permitted += 1
            before = len(self.events())
            wait_until(lambda b=before: len(self.events()) > b + 3 *
                       chance.random(), "some of them", pause=0.001)
            pdp.kill()
            pdp.start()
        self.arrive(denied, permitted)

    def test_a_login_that_is_refused_holds_up_no_other(self):
        good = self.clinic()
        bad = Project(self.fake)  # Without AuditEvent in its policy.
        pdp = self.start(good, bad)
        denied = [self.deny(pdp, good.member)]
        late = [self.deny(pdp, bad.member)]
        self.arrive(denied, 0)
        wait_until(lambda: self.metric(pdp, "pdp_audit_events_refused",
                                       bad.id) == 1, "refusal")
        self.assertEqual(0, self.metric(pdp, "pdp_audit_events_refused",
                                        good.id))
        self.assertTrue(pdp.log_has("create and search of AuditEvent"))
        policy = self.fake.read(reference=bad.login["policy"])
        self.fake.change(reference=bad.login["policy"], values={
            "resource": policy["resource"] + [{"resourceType": "AuditEvent"}]})
        events = self.arrive(denied + late, 0)
        self.assertEqual({good.id, bad.id},
                         {e["meta"]["project"] for e in events})

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
