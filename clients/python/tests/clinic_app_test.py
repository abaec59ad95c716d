#!/usr/bin/python3
"""The sample application, with a real decision point."""

import datetime
import pathlib
import signal
import sys
import unittest

import support
import databases
from pdpd import Pdpd
from medplum_pdp import PdpClient

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples/clinic_app"
sys.path.insert(0, str(EXAMPLE))

import app as clinic  # noqa: E402

from sqlalchemy import orm  # noqa: E402

NORTH = "40000000-0000-4000-8000-0000000000f1"
SOUTH = "40000000-0000-4000-8000-0000000000f2"
ANN, BOB, EVE = (f"ProjectMembership/13000000-0000-4000-8000-0000000000f{i}"
                 for i in (1, 2, 3))
CAROL, DAVE, FAY = (f"20000000-0000-4000-8000-0000000000f{i}"
                    for i in (1, 2, 3))


class ClinicTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pdpd = Pdpd("--config", str(EXAMPLE / "pdpd.yaml"))
        cls.addClassCleanup(cls.pdpd.remove)
        cls.addClassCleanup(cls.pdpd.stop)

    def setUp(self):
        self.reports = []
        client = PdpClient(self.pdpd.target, plaintext=True,
                           timeout=support.LONG, hook=self.reports.append)
        self.addCleanup(client.close)
        self.engine = databases.sqlite()
        clinic.Base.metadata.create_all(self.engine)
        with orm.Session(self.engine) as session:
            birth = datetime.date(2000, 1, 1)
            session.add_all([
                clinic.Patient(id=CAROL, organization_id=NORTH, name="Carol",
                               birth_date=birth),
                clinic.Patient(id=DAVE, organization_id=SOUTH, name="Dave",
                               gender="male", birth_date=birth),
                clinic.Patient(id=FAY, organization_id=NORTH, name="Fay"),
                clinic.Share(patient_id=FAY, organization_id=SOUTH)])
            session.commit()
        self.app = clinic.create_app(self.engine, client, "test")

    def login(self, member, **facts):
        browser = self.app.test_client()
        self.assertEqual(204, browser.post(
            "/login", json={"membership": member, "mfa": True,
                            **facts}).status_code)
        return browser

    @staticmethod
    def names(browser, organization):
        answer = browser.get(f"/organizations/{organization}/patients")
        if answer.status_code != 200:
            return answer.status_code
        return [patient["name"][0]["text"] for patient in answer.json]

    @staticmethod
    def path(organization, patient, more=""):
        return f"/organizations/{organization}/patients/{patient}{more}"

    def test_lists_own_and_shared_patients_of_the_organization(self):
        ann, bob = self.login(ANN), self.login(BOB)
        self.assertEqual(self.names(ann, NORTH), ["Carol", "Fay"])
        self.assertEqual(self.names(ann, SOUTH), ["Dave", "Fay"])
        self.assertEqual(self.names(bob, SOUTH), ["Dave", "Fay"])
        self.assertEqual(self.names(bob, NORTH), 403)
        self.assertEqual(self.names(ann, "x"), 403)
        self.assertEqual(self.names(self.login(EVE), NORTH), 401)
        self.assertEqual(self.names(self.app.test_client(), NORTH), 401)

    def test_shows_a_patient_without_what_is_hidden(self):
        ann = self.login(ANN)
        self.assertEqual(ann.get(self.path(NORTH, CAROL)).json["birthDate"],
                         "2000-01-01")
        shown = ann.get(self.path(SOUTH, DAVE))
        self.assertEqual(shown.status_code, 200)
        self.assertNotIn("birthDate", shown.json)
        for organization, is_shown in ((NORTH, True), (SOUTH, False)):
            listed = ann.get(f"/organizations/{organization}/patients").json
            self.assertEqual(any("birthDate" in p for p in listed), is_shown)
        self.assertEqual(shown.json["name"], [{"text": "Dave"}])

    def test_not_permitted_and_not_there_are_answered_alike(self):
        bob = self.login(BOB)
        answers = [bob.get(self.path(SOUTH, CAROL)),
                   bob.get(self.path(SOUTH, CAROL[:-1] + "9")),
                   bob.get(self.path(NORTH, CAROL))]
        for answer in answers:
            self.assertEqual(answer.status_code, 403)
            self.assertEqual(list(answer.json), ["decisionId"])
            self.assertTrue(answer.json["decisionId"])

    def test_a_patient_is_of_the_organization_of_the_url_alone(self):
        ann = self.login(ANN)
        self.assertEqual(ann.get(self.path(NORTH, CAROL)).status_code, 200)
        self.assertEqual(ann.get(self.path(SOUTH, CAROL)).status_code, 403)

    def test_only_who_may_update_updates(self):
        ann, bob = self.login(ANN), self.login(BOB)

        def rename(browser, organization, patient):
            return browser.put(self.path(organization, patient, "/name"),
                               json={"name": "New"}).status_code
        self.assertEqual(rename(ann, NORTH, CAROL), 204)
        self.assertEqual(rename(ann, SOUTH, DAVE), 403)
        self.assertEqual(rename(bob, SOUTH, DAVE), 403)
        self.assertEqual(self.names(ann, NORTH), ["Fay", "New"])
        self.assertEqual(self.names(bob, SOUTH), ["Dave", "Fay"])

    def test_a_manager_shares_and_then_the_other_clinic_sees(self):
        ann, bob = self.login(ANN), self.login(BOB)

        def share(browser, organization, patient):
            return browser.post(self.path(organization, patient, "/shares"),
                                json={"organization": SOUTH}).status_code
        self.assertEqual(bob.get(self.path(SOUTH, CAROL)).status_code, 403)
        self.assertEqual(share(bob, SOUTH, DAVE), 403)
        self.assertEqual(share(ann, SOUTH, DAVE), 403)
        self.assertEqual(share(ann, NORTH, CAROL), 204)
        self.assertEqual(self.names(bob, SOUTH), ["Carol", "Dave", "Fay"])
        self.assertEqual(bob.get(self.path(SOUTH, CAROL)).status_code, 200)

    def test_the_session_rules_hold(self):
        self.assertEqual(self.names(self.login(ANN, mfa=False), NORTH), 401)
        for fact, age in (("last_activity_at", 31), ("authenticated_at", 721)):
            ann = self.login(ANN)
            self.assertNotEqual(self.names(ann, NORTH), 401)
            with ann.session_transaction() as session:
                session[fact] = (clinic.now() - datetime.timedelta(
                    minutes=age)).isoformat()
            self.assertEqual(self.names(ann, NORTH), 401)
            # To be refused is no activity.
            self.assertEqual(self.names(ann, NORTH), 401)
        ann = self.login(ANN)
        with ann.session_transaction() as session:
            del session["authenticated_at"]
        self.assertEqual(self.names(ann, NORTH), 403)

    def test_what_was_done_is_in_the_audit_log(self):
        ann = self.login(ANN)
        ann.get(self.path(NORTH, CAROL))
        text = self.pdpd.audit()
        self.assertIn('"kind":"access"', text)
        self.assertIn('"viewed"', text)
        self.assertNotIn("Carol", text)

    def test_without_the_decision_point_nothing_is_shown(self):
        pdpd = Pdpd("--config", str(EXAMPLE / "pdpd.yaml"))
        self.addCleanup(pdpd.remove)
        client = PdpClient(pdpd.target, plaintext=True, timeout=5.0)
        self.addCleanup(client.close)
        self.app = clinic.create_app(self.engine, client, "test")
        ann = self.login(ANN)
        pdpd.stop(signal.SIGKILL)
        self.assertEqual(self.names(ann, NORTH), 503)
        self.assertEqual(ann.get(self.path(NORTH, CAROL)).status_code, 503)


if __name__ == "__main__":
    unittest.main()
