#!/usr/bin/env python3
"""Access tokens as subjects: whose they are, how long, and what is told of
them."""

import json
import unittest
import uuid

import grpc

from harness import LONG, PERMIT, EndToEndTest, decision_pb2, first_word
from harness import types_pb2, wait_until

QUICK = {"access-tokens": {"cache": "1s", "key-refetch-interval": "1s"}}


class TokensTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.tokens = []

    def token(self, membership, **options):
        issued = self.fake.add_token(membership=membership, **options)
        self.tokens.append(issued["token"])
        return issued

    def ask(self, pdp, token, project=None, interaction="READ", context=None,
            resource_project="", id_="1", **consistency):
        """PERMIT, the reason of a denial, or the code of the error."""
        request = decision_pb2.CheckRequest(
            subject=types_pb2.Subject(access_token=token,
                                      project=project or ""),
            interaction=getattr(types_pb2, f"INTERACTION_{interaction}"),
            resource=types_pb2.Resource(type="Patient", id=id_,
                                        project=resource_project),
            context=context,
            consistency=types_pb2.Consistency(**consistency))
        request.resource.body = json.dumps({
            "resourceType": "Patient", "id": id_,
            "meta": {"project": self.project}}).encode()
        try:
            decision = pdp.stub.Check(request, timeout=LONG).decision
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                return first_word(error.details())
            return error.code().name
        if decision.effect == types_pb2.EFFECT_PERMIT:
            return PERMIT
        return types_pb2.Reason.Name(decision.reason).removeprefix("REASON_")

    def started(self, super_admin=False, **options):
        clinic = self.clinic()
        self.project = clinic.id
        if super_admin:
            home = self.fake.add_project(name="Super", superAdmin=True)
            options["super_login"] = self.fake.add_login(project=home,
                                                         policy=[])
            options["medplum"] = {"notifications": "none",
                                  **options.get("medplum", {})}
        return clinic, self.pdp(clinic, **options)

    def lookups(self):
        return len([r for r in self.fake.requests()
                    if r[2] == "/auth/me" and r[3] == "an-app"])

    def key_fetches(self):
        return len([r for r in self.fake.requests()
                    if r[2] == "/.well-known/jwks.json"])

    def test_a_token_is_its_member_and_is_looked_up_once(self):
        clinic, pdp = self.started()
        nobody = clinic.add_member(policy=clinic.fake.put(
            project=clinic.id, resource={
                "resourceType": "AccessPolicy",
                "resource": [{"resourceType": "Device"}]})["reference"])
        good = self.token(clinic.member)["token"]
        other = self.token(nobody)["token"]
        for _ in range(5):
            self.assertEqual(PERMIT, self.ask(pdp, good))
        self.assertEqual("INTERACTION_NOT_GRANTED", self.ask(pdp, other))
        self.assertEqual(2, self.lookups())
        self.assertEqual(1, self.key_fetches())

    def test_what_the_server_did_not_sign_is_refused_and_not_shown_to_it(self):
        clinic, pdp = self.started()
        good = self.token(clinic.member)["token"]
        head, claims, _ = good.split(".")
        _, _, signature = self.token(clinic.member)["token"].split(".")
        for bad in ("nonsense", f"{head}.{claims}.{signature}",
                    f"{head}.{claims}.", good + "="):
            with self.subTest(bad[:12]):
                self.assertEqual("TOKEN_INVALID", self.ask(pdp, bad))
        for claims in ({"subscription_id": "s"}, {"refresh_secret": "s"},
                       {"aud": "an-app"}, {"iss": "https://b.example/"},
                       {"exp": 1}):
            with self.subTest(claims):
                bad = self.token(clinic.member, claims=claims)["token"]
                self.assertEqual("TOKEN_INVALID", self.ask(pdp, bad))
        self.assertEqual(0, self.lookups())

    def test_a_revoked_login_ends_with_what_is_known_of_it(self):
        clinic, pdp = self.started(medplum=QUICK)
        issued = self.token(clinic.member)
        self.assertEqual(PERMIT, self.ask(pdp, issued["token"]))
        self.fake.revoke_login(login=issued["login"])
        wait_until(lambda: self.ask(pdp, issued["token"]) == "TOKEN_INVALID")

    def test_fully_fresh_sees_a_revocation_at_once(self):
        clinic, pdp = self.started()
        issued = self.token(clinic.member)
        self.assertEqual(PERMIT, self.ask(pdp, issued["token"]))
        self.fake.revoke_login(login=issued["login"])
        self.assertEqual("TOKEN_INVALID",
                         self.ask(pdp, issued["token"], fully_fresh=True))

    def test_new_keys_are_fetched_at_a_limited_rate(self):
        clinic, pdp = self.started(medplum=QUICK)
        self.assertEqual(PERMIT,
                         self.ask(pdp, self.token(clinic.member)["token"]))
        self.fake.rotate_keys()
        new = self.token(clinic.member)["token"]
        wait_until(lambda: self.ask(pdp, new) == PERMIT)
        # Names of keys that nobody has.
        self.fake.rotate_keys()
        strangers = [self.token(clinic.member)["token"] for _ in range(3)]
        self.fake.rotate_keys(keep=False)
        before = self.key_fetches()
        for stranger in strangers:
            self.assertEqual("TOKEN_INVALID", self.ask(pdp, stranger))
        self.assertLessEqual(self.key_fetches() - before, 2)

    def test_a_server_that_is_away_is_no_decision(self):
        clinic, pdp = self.started(medplum=QUICK)
        issued = self.token(clinic.member)["token"]
        fault = self.fake.fault(kind="status", status=503, times=0,
                                path="/auth/me")
        self.assertEqual("TOKEN_UNCHECKED", self.ask(pdp, issued))
        self.assertGreater(self.fake.fault_hits(id=fault), 0)
        self.fake.clear_faults()
        wait_until(lambda: self.ask(pdp, issued) == PERMIT)

    def test_a_token_is_of_its_project_alone(self):
        clinic, pdp = self.started()
        token = self.token(clinic.member)["token"]
        self.assertEqual(PERMIT, self.ask(pdp, token, project=clinic.id))
        self.assertEqual("INVALID_ARGUMENT",
                         self.ask(pdp, token, project="another"))
        self.assertEqual("INVALID_ARGUMENT",
                         self.ask(pdp, token, resource_project="another"))
        self.assertEqual("INVALID_ARGUMENT", self.ask(
            pdp, token, context=types_pb2.Context(smart_scope="user/*.*")))

    def test_a_scope_that_cannot_be_known_decides_nothing(self):
        clinic, pdp = self.started()
        token = self.token(clinic.member, scope="openid user/Patient.rs")
        self.assertEqual("NOT_SUPPORTED", self.ask(pdp, token["token"]))

    def test_the_scope_is_the_logins_and_not_the_tokens(self):
        clinic, pdp = self.started(super_admin=True)
        patient, other = str(uuid.uuid4()), str(uuid.uuid4())
        for scope, launch, expected in (
                ("openid", None, PERMIT),
                ("user/Patient.rs", None, PERMIT),
                ("patient/Patient.rs", f"Patient/{patient}", PERMIT),
                ("patient/Patient.rs", f"Patient/{other}",
                 "RESOURCE_NOT_GRANTED"),
                ("user/Observation.rs", None, "INTERACTION_NOT_GRANTED")):
            with self.subTest(scope=scope, launch=launch):
                token = self.token(clinic.member, scope=scope,
                                   launch_patient=launch,
                                   claims={"scope": "user/*.*"})["token"]
                self.assertEqual(expected,
                                 self.ask(pdp, token, id_=patient))

    def test_an_inactive_member_has_no_token(self):
        clinic, pdp = self.started()
        token = self.token(clinic.member)["token"]
        self.assertEqual(PERMIT, self.ask(pdp, token))
        self.fake.set_active(membership=clinic.member, active=False)
        wait_until(lambda: self.ask(pdp, token) == "SUBJECT_INACTIVE")
        self.assertEqual("TOKEN_INVALID",
                         self.ask(pdp, self.token(clinic.member)["token"]))

    def test_no_token_is_ever_logged_or_kept(self):
        clinic, pdp = self.started(medplum=QUICK)
        self.ask(pdp, self.token(clinic.member)["token"])
        self.ask(pdp, self.token(clinic.member, claims={"exp": 1})["token"])
        self.ask(pdp, self.token(clinic.member, scope="user/*.*")["token"])
        self.fake.fault(kind="status", status=503, times=0, path="/auth/me")
        self.ask(pdp, self.token(clinic.member)["token"])
        self.fake.clear_faults()
        metrics = pdp.http("/metrics")[1]
        pdp.stop()
        files = [p for p in pdp.directory.rglob("*") if p.is_file()]
        self.assertIn(pdp.log, files)
        for token in self.tokens:
            for part in token.split(".")[1:]:
                self.assertNotIn(part, metrics)
                for path in files:
                    self.assertNotIn(part.encode(), path.read_bytes(), path)


if __name__ == "__main__":
    unittest.main()
