#!/usr/bin/env python3
"""Resources that are named by reference: read from the server when they are
asked about, kept in part, and as fresh as policies are."""

import json
import threading
import time
import unittest
import uuid

import grpc

from harness import (LONG, PERMIT, RARE_SWEEPS, EndToEndTest, first_word,
                     wait_until)
from medplum.pdp.v1 import decision_pb2, types_pb2

DENIED = "RESOURCE_NOT_GRANTED"
READABLE = ("Patient", "Observation", "Organization", "Binary", "Practitioner")
LOGIN = {"policy": [
    *({"resourceType": type_, "readonly": True} for type_ in (
        "Project", "ProjectMembership", "AccessPolicy", "UserConfiguration",
        "ClientApplication", "Bot", "RelatedPerson", *READABLE)),
    {"resourceType": "Subscription"}]}
SILENT = {"medplum": {"notifications": "none"}}
FEMALE = [{"resourceType": "Patient", "criteria": "Patient?gender=female"}]


class AttributesTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(login=LOGIN)
        self.member = self.clinic_.member
        self.allow(FEMALE)

    # --- What is there. -------------------------------------------------------

    def allow(self, entries, clinic=None):
        self.fake.change(reference=(clinic or self.clinic_).policy,
                         values={"resource": entries})

    def patient(self, clinic=None, **elements):
        return self.fake.put(project=(clinic or self.clinic_).id, resource={
            "resourceType": "Patient", "id": str(uuid.uuid4()),
            "gender": "female", "birthDate": "1980-01-01",
            "name": [{"family": "Secret"}], **elements})["reference"]

    def follow(self, *projects, **options):
        return self.pdp(*(projects or [self.clinic_]), **{**SILENT, **options})

    # --- What is asked. -------------------------------------------------------

    def check(self, pdp, reference, member=None, interaction="READ",
              body=None, proposed=None, **context):
        type_, id_ = reference.split("/")
        resource = types_pb2.Resource(type=type_, id=id_)
        if body is not None:
            resource = types_pb2.Resource(body=body)
        if proposed is not None:
            resource.proposed = proposed
        return pdp.stub.Check(decision_pb2.CheckRequest(
            subject=types_pb2.Subject(reference=member or self.member),
            interaction=getattr(types_pb2, f"INTERACTION_{interaction}"),
            context=types_pb2.Context(**context),
            resource=resource), timeout=LONG).decision

    def word(self, pdp, reference, **options):
        try:
            decision = self.check(pdp, reference, **options)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            return first_word(error.details())
        if decision.effect == types_pb2.EFFECT_PERMIT:
            return PERMIT
        return types_pb2.Reason.Name(decision.reason).removeprefix("REASON_")

    def becomes(self, word, pdp, reference, limit=LONG, **options):
        return wait_until(
            lambda: self.word(pdp, reference, **options) == word, word, limit,
            pause=0.03)

    def reads(self, reference):
        return sum(request[2].endswith(reference)
                   for request in self.fake.requests())

    def metric(self, pdp, name):
        for line in pdp.http("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    # --- Claims. --------------------------------------------------------------

    def test_a_resource_is_read_once_and_judged_by_its_elements(self):
        female, male = self.patient(), self.patient(gender="male")
        pdp = self.follow()
        for _ in range(20):
            self.assertEqual(PERMIT, self.word(pdp, female))
            self.assertEqual(DENIED, self.word(pdp, male))
            self.assertEqual("RESOURCE_NOT_FOUND",
                             self.word(pdp, f"Patient/{uuid.uuid4()}"))
        self.assertLess(self.reads(female), 3)
        self.assertGreaterEqual(self.metric(pdp, "pdp_attribute_entries"), 2)
        self.assertGreaterEqual(self.metric(pdp, "pdp_attribute_hits_total"),
                                30)

    def test_calls_for_one_resource_share_a_read(self):
        patient = self.patient()
        pdp = self.follow()
        self.fake.fault(path=f"/fhir/R4/{patient}", kind="delay", seconds=0.5,
                        times=0)
        words = []
        threads = [threading.Thread(
            target=lambda: words.append(self.word(pdp, patient)))
            for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([PERMIT] * 20, words)
        self.assertEqual(1, self.reads(patient))

    def test_sweeps_alone_find_what_changes(self):
        patient = self.patient()
        pdp = self.follow(sweep={"interval": "500ms", "full-interval": "5m",
                                 "overlap": "30s",
                                 "max-searches-per-second": 500})
        self.assertEqual(PERMIT, self.word(pdp, patient))
        for _ in range(3):
            self.fake.change(reference=patient, values={"gender": "male"})
            self.becomes(DENIED, pdp, patient, limit=10)
            self.fake.change(reference=patient, values={"gender": "female"})
            self.becomes(PERMIT, pdp, patient, limit=10)
        self.fake.delete(reference=patient)
        self.becomes(DENIED, pdp, patient, limit=10)
        self.fake.undelete(reference=patient)
        self.becomes(PERMIT, pdp, patient, limit=10)

    def test_what_was_expunged_ends_with_the_full_interval(self):
        patient = self.patient()
        pdp = self.follow()
        self.assertEqual(PERMIT, self.word(pdp, patient))
        self.fake.expunge(reference=patient)
        self.becomes("RESOURCE_NOT_FOUND", pdp, patient, limit=15)

    def test_a_clock_of_the_server_that_jumps_hides_nothing(self):
        patient = self.patient()
        pdp = self.follow()
        gender = "female"
        for offset in (-3600, 0, 3600, -86400, 0):
            self.assertEqual(PERMIT if gender == "female" else DENIED,
                             self.word(pdp, patient))
            self.fake.set_clock(offset=offset)
            gender = "male" if gender == "female" else "female"
            self.fake.change(reference=patient, values={"gender": gender})
            self.becomes(PERMIT if gender == "female" else DENIED, pdp, patient)

    def test_a_policy_that_reads_another_element_is_never_decided_without_it(
            self):
        patient = self.patient()
        pdp = self.follow()
        self.assertEqual(PERMIT, self.word(pdp, patient))
        for criteria, word in (("birthdate=1980-01-01", PERMIT),
                               ("birthdate=gt1990-01-01", DENIED),
                               ("gender:not=female", DENIED),
                               ("name:missing=true", DENIED),
                               ("active:missing=true", PERMIT)):
            with self.subTest(criteria):
                self.allow([{"resourceType": "Patient",
                             "criteria": f"Patient?{criteria}"}])
                self.becomes(word, pdp, patient)

    def test_a_server_that_is_away_means_no_decision(self):
        known, unknown = self.patient(), self.patient()
        pdp = self.follow(medplum={"notifications": "none",
                                   "request-timeout": "300ms"})
        self.assertEqual(PERMIT, self.word(pdp, known))
        self.fake.down()
        self.assertEqual("STALE", self.word(pdp, unknown))
        self.becomes("STALE", pdp, known, limit=15)
        self.fake.up()
        self.becomes(PERMIT, pdp, known)
        self.becomes(PERMIT, pdp, unknown)

    def test_answers_that_go_wrong_are_no_answers(self):
        pdp = self.follow(medplum={"notifications": "none",
                                   "request-timeout": "1s"})
        for fault in ({"kind": "status", "status": 500},
                      {"kind": "garbage"}, {"kind": "cut"},
                      {"kind": "replace", "body":
                       '{"resourceType":"Patient","id":"1"}'},
                      {"kind": "replace", "body": "null"}):
            with self.subTest(fault):
                patient = self.patient(gender="male")
                id_ = self.fake.fault(path=f"/fhir/R4/{patient}", times=0,
                                      **fault)
                self.assertIn(self.word(pdp, patient),
                              ("STALE", "RESOURCE_UNAVAILABLE"))
                self.fake.end_fault(id=id_)
                self.becomes(DENIED, pdp, patient, limit=15)

    def test_hidden_fields_of_the_login_are_not_taken_for_absent(self):
        clinic = self.clinic(login={"policy": [
            *LOGIN["policy"],
            {"resourceType": "Organization", "readonly": True,
             "hiddenFields": ["active"]}]})
        self.allow([{"resourceType": "Organization",
                     "criteria": "Organization?active:missing=true"}], clinic)
        organization = self.fake.put(project=clinic.id, resource={
            "resourceType": "Organization", "id": str(uuid.uuid4()),
            "active": True})["reference"]
        pdp = self.follow(clinic)
        decision = self.check(pdp, organization, member=clinic.member)
        self.assertEqual(types_pb2.REASON_RESOURCE_UNAVAILABLE, decision.reason)
        self.assertIn("login", decision.message)
        self.assertTrue(pdp.log_has("attributes_not_readable"))

    def test_a_neighbor_is_not_served_from_another_login(self):
        other = self.clinic(login=LOGIN)
        self.allow([{"resourceType": "Patient"}], other)
        patient = self.patient()
        pdp = self.follow(self.clinic_, other)
        for _ in range(3):
            self.assertEqual(PERMIT, self.word(pdp, patient))
            self.assertIn(self.word(pdp, patient, member=other.member),
                          ("RESOURCE_NOT_FOUND", "RESOURCE_UNAVAILABLE"))

    def test_a_neighbor_that_stalls_makes_nobody_wait(self):
        other = self.clinic(login=LOGIN)
        patient, slow = self.patient(), self.patient(clinic=other)
        pdp = self.follow(self.clinic_, other)
        self.fake.fault(client=other.login["client"], kind="stall",
                        path=f"/fhir/R4/{slow}", seconds=5.0, times=0)
        thread = threading.Thread(target=self.word, args=(pdp, slow),
                                  kwargs={"member": other.member})
        thread.start()
        self.assertEqual(PERMIT, self.word(pdp, patient))
        self.assertTrue(thread.is_alive())
        thread.join()

    def test_a_change_is_told_where_its_type_is_subscribed_to(self):
        self.allow([*FEMALE, {"resourceType": "Observation",
                              "criteria": "Observation?status=final"}])
        observation = self.fake.put(project=self.clinic_.id, resource={
            "resourceType": "Observation", "id": str(uuid.uuid4()),
            "status": "final", "code": {"text": "x"}})["reference"]
        patient, deleted = self.patient(), self.patient()
        pdp = self.pdp(self.clinic_, **RARE_SWEEPS, attributes={
            "subscribed-types": ["Patient", "Observation"]})
        for reference in (patient, deleted, observation):
            self.becomes(PERMIT, pdp, reference)
        self.fake.change(reference=patient, values={"gender": "male"})
        self.fake.change(reference=observation, values={"status": "draft"})
        self.fake.delete(reference=deleted)
        self.becomes(DENIED, pdp, patient)
        self.becomes(DENIED, pdp, observation)
        self.becomes(DENIED, pdp, deleted)

    def test_what_is_kept_is_bounded(self):
        big = [{"url": "https://example.com/x", "valueString": "x" * 500}]
        self.allow([{"resourceType": "Patient",
                     "criteria": "Patient?gender=female&identifier:missing=false"}])
        patients = [self.patient(identifier=[{"value": "y" * 1000,
                                              "extension": big}])
                    for _ in range(40)]
        pdp = self.follow(attributes={"max-bytes": 1 << 20,
                                      "max-reads-per-second": 1000})
        for _ in range(2):
            for patient in patients:
                self.assertEqual(PERMIT, self.word(pdp, patient))
        self.assertLessEqual(self.metric(pdp, "pdp_attribute_bytes"), 1 << 20)
        self.assertGreater(
            self.metric(pdp, "pdp_attribute_evictions_total"), 0)

    def test_an_update_by_reference_is_judged_on_the_whole(self):
        self.allow([{"resourceType": "Patient",
                     "criteria": "Patient?gender=female",
                     "readonlyFields": ["birthDate"],
                     "writeConstraint": [{
                         "language": "text/fhirpath",
                         "expression": "%before.name.family = "
                                       "%after.name.family"}]}])
        patient = self.patient()
        pdp = self.follow()
        stored = self.fake.read(reference=patient)
        self.assertEqual(PERMIT, self.word(pdp, patient))

        def update(**elements):
            proposed = {**stored, **elements}
            return self.check(pdp, patient, interaction="UPDATE",
                              proposed=json.dumps(proposed).encode())
        self.assertEqual("REASON_PERMITTED", types_pb2.Reason.Name(
            update(active=True).reason))
        self.assertEqual("REASON_WRITE_CONSTRAINT", types_pb2.Reason.Name(
            update(name=[{"family": "Other"}]).reason))
        self.assertEqual("REASON_RESULT_NOT_GRANTED", types_pb2.Reason.Name(
            update(gender="male").reason))

    def test_a_newer_version_than_the_one_sent_is_judged(self):
        patient = self.patient()
        pdp = self.follow()
        old = json.dumps(self.fake.read(reference=patient)).encode()
        self.assertEqual(PERMIT, self.word(pdp, patient, body=old))
        self.fake.change(reference=patient, values={"gender": "male"})
        self.becomes(DENIED, pdp, patient)
        decision = self.check(pdp, patient, body=old)
        self.assertEqual(types_pb2.EFFECT_DENY, decision.effect)
        self.assertIn(types_pb2.NOTE_CODE_STALE_RESOURCE,
                      [note.code for note in decision.notes])
        new = json.dumps({**self.fake.read(reference=patient),
                          "gender": "female"}).encode()
        self.assertEqual(PERMIT, self.word(pdp, patient, body=new))

    def test_a_binary_is_judged_by_its_security_context(self):
        self.allow([{"resourceType": "Binary"}, *FEMALE])
        pdp = self.follow()
        for gender, word in (("female", PERMIT), ("male", "SECURITY_CONTEXT")):
            with self.subTest(gender):
                binary = self.fake.put(project=self.clinic_.id, resource={
                    "resourceType": "Binary", "id": str(uuid.uuid4()),
                    "contentType": "text/plain", "securityContext": {
                        "reference": self.patient(gender=gender)},
                })["reference"]
                self.assertEqual(word, self.word(pdp, binary))

    def test_on_behalf_of_a_profile_and_a_create_that_names_a_patient(self):
        self.allow([{"resourceType": "Practitioner"},
                    {"resourceType": "Observation"}, *FEMALE])
        practitioner = self.fake.put(project=self.clinic_.id, resource={
            "resourceType": "Practitioner", "id": str(uuid.uuid4()),
        })["reference"]
        target = self.clinic_.add_member(profile={"reference": practitioner})
        admin = self.clinic_.add_member(admin=True)
        pdp = self.follow()
        wait_until(lambda: self.word(pdp, self.patient(), member=target)
                   == PERMIT)
        self.assertEqual(PERMIT, self.word(pdp, self.patient(), member=admin,
                                           on_behalf_of=practitioner))
        created = json.dumps({
            "resourceType": "Observation", "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": self.patient()}}).encode()
        self.assertEqual(PERMIT, self.word(
            pdp, "Observation/", interaction="CREATE", proposed=created))

    def test_answers_are_within_the_bound_while_everything_changes(self):
        patients = [self.patient() for _ in range(4)]
        pdp = self.follow(medplum={"notifications": "none",
                                   "request-timeout": "1s"})
        answers, ended = [], threading.Event()

        def ask():
            while not ended.is_set():
                for patient in patients:
                    begun = time.monotonic_ns()
                    try:
                        decision = self.check(pdp, patient)
                    except grpc.RpcError:
                        continue
                    stale = any(n.code == types_pb2.NOTE_CODE_STALE
                                for n in decision.notes)
                    answers.append((patient, begun, time.monotonic_ns(),
                                    decision.effect, stale))
        thread = threading.Thread(target=ask)
        thread.start()
        for i in range(40):
            patient = patients[i % len(patients)]
            self.fake.change(reference=patient, values={
                "gender": "male" if (i // 4) % 2 == 0 else "female"})
            if i % 10 == 0:
                self.fake.fault(path="/fhir/R4/Patient", kind="status",
                                status=500, times=3)
            time.sleep(0.15)
        ended.set()
        thread.join()
        self.assertGreater(len(answers), 100)
        wrong = []
        for patient, begun, end, effect, stale in answers:
            first = begun - int((6 if stale else 2) * 1e9) - 20_000_000
            history = self.fake.history(reference=patient) \
                if patient not in self.histories else self.histories[patient]
            self.histories[patient] = history
            possible = set()
            for i, version in enumerate(history):
                until = history[i + 1]["committed_ns"] \
                    if i + 1 < len(history) else float("inf")
                if version["committed_ns"] <= end + 20_000_000 and \
                        until >= first:
                    possible.add(
                        types_pb2.EFFECT_PERMIT
                        if version["resource"]["gender"] == "female"
                        else types_pb2.EFFECT_DENY)
            if effect not in possible:
                wrong.append((patient, begun, effect))
        self.assertEqual([], wrong)

    histories = {}


if __name__ == "__main__":
    unittest.main()
