#!/usr/bin/env python3
"""The fake Medplum server reads, searches and refuses as the real one does, and
fails in the ways that it is told to."""

import base64
import http.client
import json
import time
import unittest

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from fake_client import FakeMedplum

PAGE = "_sort=_lastUpdated&_count="


class ApiTest(unittest.TestCase):
    def setUp(self):
        self.fake = FakeMedplum(answer_seconds=0)
        self.addCleanup(self.fake.close)
        self.project = self.fake.add_project(id="project-1", secret=[{}],
                                             systemSecret=[{}])
        self.login = self.fake.add_login(project=self.project)
        self.api = self.fake.api(self.login)

    def put(self, type_, id_, project="project-1", **elements):
        return self.fake.put(resource={"resourceType": type_, "id": id_,
                                       **elements}, project=project)

    def pages(self, query, api=None):
        """The ids on each page."""
        path, result = query, []
        while path:
            status, bundle = (api or self.api).get(path)
            self.assertEqual(200, status, bundle)
            result.append([e["resource"]["id"] for e in bundle["entry"]])
            following = [link["url"] for link in bundle["link"]
                         if link["relation"] == "next"]
            path = following[0].split("fhir/R4/")[1] if following else None
        return result

    def found(self, query, api=None):
        return [id_ for page in self.pages(query, api) for id_ in page]


class ReadTest(ApiTest):
    def test_statuses(self):
        self.put("AccessPolicy", "there")
        self.put("AccessPolicy", "deleted")
        self.put("AccessPolicy", "expunged")
        self.put("AccessPolicy", "elsewhere", project="project-2")
        self.fake.delete(reference="AccessPolicy/deleted")
        self.fake.expunge(reference="AccessPolicy/expunged")
        for path, status in (("AccessPolicy/there", 200),
                             ("AccessPolicy/deleted", 410),
                             ("AccessPolicy/expunged", 404),
                             ("AccessPolicy/elsewhere", 404),
                             ("AccessPolicy/never", 404),
                             ("Observation/1", 403),
                             ("Observation?_count=20", 403),
                             ("Login?_count=20", 403)):
            with self.subTest(path):
                self.assertEqual(status, self.api.get(path)[0])

    def test_who_is_refused(self):
        self.assertEqual(401, self.fake.api().get("AccessPolicy")[0])

        def refused(act):
            login = self.fake.add_login(project=self.project)
            api = self.fake.api(login)
            self.assertEqual(200, api.get("AccessPolicy")[0])
            act(login)
            return api.get("AccessPolicy")[0]
        fake = self.fake
        cases = {
            "revoked": (401, lambda l: fake.revoke(client=l["client"])),
            "inactive": (401, lambda l: fake.set_active(
                membership=l["membership"], active=False)),
            "no membership": (400, lambda l: fake.delete(
                reference=l["membership"])),
            "no policy any more": (400, lambda l: fake.delete(
                reference=l["policy"])),
            "project deleted": (400, lambda l: fake.delete_project(
                project=l["project"])),
        }
        for name, (status, act) in cases.items():
            with self.subTest(name):
                self.assertEqual(status, refused(act))

    def test_a_wrong_secret_has_no_token(self):
        status, answer = self.api.token_request(
            client_id=self.login["client"], client_secret="x")
        self.assertEqual((400, "invalid_request"), (status, answer["error"]))

    def test_a_client_proves_itself_by_its_key(self):
        key = ec.generate_private_key(ec.SECP384R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        login = self.fake.add_login(project=self.project, public_key=public,
                                    key_id="k1")

        def ask(**changes):
            claims = {"iss": login["client"], "sub": login["client"],
                      "aud": self.fake.base_url + "oauth2/token",
                      "jti": "1", "exp": time.time() + 60, **changes}
            text = ".".join(
                base64.urlsafe_b64encode(json.dumps(part).encode())
                .rstrip(b"=").decode()
                for part in ({"alg": "ES384", "kid": "k1"}, claims))
            r, s = utils.decode_dss_signature(
                key.sign(text.encode(), ec.ECDSA(hashes.SHA384())))
            signature = base64.urlsafe_b64encode(
                r.to_bytes(48, "big") + s.to_bytes(48, "big")).decode()
            return self.api.token_request(
                client_assertion_type="urn:ietf:params:oauth:"
                "client-assertion-type:jwt-bearer",
                client_assertion=f"{text}.{signature}")[0]
        self.assertEqual(200, ask())
        self.assertEqual(400, ask(aud="https://elsewhere/oauth2/token"))
        self.assertEqual(400, ask(exp=time.time() - 60))

    def test_meta_is_whole_only_when_asked_for(self):
        self.put("AccessPolicy", "p")
        meta = self.api.get("AccessPolicy/p")[1]["meta"]
        self.assertEqual(self.project, meta["project"])
        meta = self.api.get("AccessPolicy/p", X_Medplum="no")[1]["meta"]
        self.assertEqual({"versionId", "lastUpdated"}, set(meta))

    def test_a_project_admin_does_not_see_all_of_a_project(self):
        linked = self.fake.add_project(secret=[{}], setting=[{}])
        self.fake.change(
            reference=f"Project/{self.project}",
            values={"link": [{"project": {"reference": f"Project/{linked}"}}]})
        own = self.api.get(f"Project/{self.project}")[1]
        self.assertIn("secret", own)
        self.assertNotIn("systemSecret", own)
        other = self.api.get(f"Project/{linked}")[1]
        self.assertNotIn("secret", other)
        self.assertNotIn("setting", other)

    def test_a_project_admin_cannot_give_features(self):
        admin = self.fake.api(self.fake.add_login(
            project=self.project, policy=[], watched=False))
        project = admin.get(f"Project/{self.project}")[1]
        status, _ = admin.update({**project, "features": ["bots"],
                                  "description": "x"})
        self.assertEqual(200, status)
        project = self.fake.read(reference=f"Project/{self.project}")
        self.assertEqual("x", project["description"])
        self.assertEqual(["websocket-subscriptions"], project["features"])

    def test_linked_projects_can_be_read_as_far_as_they_export(self):
        linked = self.fake.add_project(exportedResourceType=["Bot"])
        self.fake.change(
            reference=f"Project/{self.project}",
            values={"link": [{"project": {"reference": f"Project/{linked}"}}]})
        for type_, status in (("Bot", 200), ("AccessPolicy", 404),
                              ("ProjectMembership", 404)):
            self.put(type_, "x", project=linked)
            self.assertEqual(status, self.api.get(f"{type_}/x")[0])

    def test_a_member_who_is_no_admin_reads_no_membership(self):
        api = self.fake.api(self.fake.add_login(project=self.project,
                                                admin=False))
        self.assertEqual(403, api.get("ProjectMembership")[0])
        self.assertEqual(200, api.get("AccessPolicy")[0])

    def test_a_super_admin_reads_every_project(self):
        main = self.fake.add_project(superAdmin=True)
        root = self.fake.api(self.fake.add_login(project=main))
        self.put("ProjectMembership", "m")
        self.assertEqual(200, root.get("ProjectMembership/m")[0])
        found = self.found(f"ProjectMembership?_project={self.project}&"
                           f"{PAGE}20", root)
        self.assertIn("m", found)

    def test_writes_of_the_login_are_violations(self):
        self.assertEqual([], self.fake.violations())
        self.api.create({"resourceType": "AccessPolicy", "name": "x"})
        self.assertEqual(["wrote: POST /fhir/R4/AccessPolicy"],
                         self.fake.violations())


class AdminApiTest(ApiTest):
    """Invitations, updates and accounts (semantics S-16, S-17)."""

    def setUp(self):
        super().setUp()
        self.admin = self.fake.api(self.fake.add_login(
            project=self.project, policy=[{"resourceType": "*"}],
            watched=False))
        self.policy = {"reference": self.fake.put(
            project=self.project, resource={"resourceType": "AccessPolicy",
                                            "name": "p"})["reference"]}

    def invite(self, **body):
        return self.admin.request(
            "POST", f"admin/projects/{self.project}/invite",
            {"resourceType": "Practitioner", "firstName": "A",
             "lastName": "B", "email": "a@example.com",
             "access": [{"policy": self.policy}], **body})

    def test_an_invited_user_is_a_member_once(self):
        status, first = self.invite(membership={"identifier": [
            {"system": "s", "value": "v"}]})
        self.assertEqual(200, status)
        _, found = self.admin.get("ProjectMembership?identifier=s%7Cv")
        self.assertEqual([first["id"]],
                         [e["resource"]["id"] for e in found["entry"]])
        self.assertEqual(409, self.invite()[0])
        self.assertEqual(first["id"], self.invite(upsert=True)[1]["id"])
        status, second = self.invite(forceNewMembership=True)
        self.assertEqual(200, status)
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual(first["user"], second["user"])
        self.assertEqual(first["profile"], second["profile"])

    def test_invites_name_policies_of_the_project(self):
        other = self.fake.put(project=self.fake.add_project(), resource={
            "resourceType": "AccessPolicy", "name": "p"})["reference"]
        for reference in (other, "AccessPolicy/never"):
            self.assertEqual(400, self.invite(
                access=[{"policy": {"reference": reference}}])[0])

    def test_a_project_without_defaults_gives_a_member_no_policy(self):
        _, member = self.invite(access=None)
        self.assertNotIn("accessPolicy", member)
        self.fake.change(reference=f"Project/{self.project}", values={
            "defaultAccessPolicies": [{"profileType": "Practitioner",
                                       "accessPolicy": self.policy}]})
        _, member = self.invite(access=None, email="b@example.com")
        self.assertEqual(self.policy, member["accessPolicy"])

    def test_an_update_of_another_version_is_refused(self):
        _, made = self.admin.create({"resourceType": "Organization",
                                     "name": "a"})
        path = f"fhir/R4/Organization/{made['id']}"
        made["name"] = "b"
        self.assertEqual(412, self.admin.request("PUT", path, made,
                                                 If_Match='W/"other"')[0])
        version = made["meta"]["versionId"]
        self.assertEqual(200, self.admin.request(
            "PUT", path, made, If_Match=f'W/"{version}"')[0])

    def test_accounts_are_set_for_a_patient_and_its_compartment(self):
        _, patient = self.admin.create({"resourceType": "Patient"})
        _, one = self.admin.create({
            "resourceType": "Observation",
            "subject": {"reference": f"Patient/{patient['id']}"}})
        body = {"resourceType": "Parameters", "parameter": [
            {"name": "accounts",
             "valueReference": {"reference": "Organization/1"}},
            {"name": "propagate", "valueBoolean": True}]}
        path = f"fhir/R4/Patient/{patient['id']}/$set-accounts"
        self.assertEqual(403, self.fake.api(self.fake.add_login(
            project=self.project, admin=False,
            policy=[{"resourceType": "*"}])).request("POST", path, body)[0])
        self.assertEqual(200, self.admin.request("POST", path, body)[0])
        for name in (f"Patient/{patient['id']}", f"Observation/{one['id']}"):
            meta = self.fake.read(reference=name)["meta"]
            self.assertEqual([{"reference": "Organization/1"}],
                             meta["accounts"])
            self.assertIn({"reference": "Organization/1"},
                          meta["compartment"])
        self.assertNotEqual(one["meta"]["versionId"],
                            self.fake.read(reference=f"Observation/{one['id']}")
                            ["meta"]["versionId"])


class SearchTest(ApiTest):
    def setUp(self):
        super().setUp()
        self.fake.put_many(project=self.project, resources=[
            {"resourceType": "Bot", "id": f"b{i}"} for i in range(45)])
        self.all = {f"b{i}" for i in range(45)}

    def test_pages(self):
        for query, sizes in (("Bot", [20, 20, 5]),
                             ("Bot?_count=5", [5] * 9),
                             ("Bot?_count=1000", [45]),
                             (f"Bot?{PAGE}20", [20, 20, 5]),
                             (f"Bot?{PAGE}45", [45])):
            with self.subTest(query):
                pages = self.pages(query)
                self.assertEqual(sizes, [len(page) for page in pages])
                self.assertEqual(self.all, set(sum(pages, [])))
        self.assertEqual(400, self.api.get("Bot?_count=1001")[0])

    def test_links_have_a_cursor_for_ascending_lastupdated_alone(self):
        for query, name in ((f"Bot?{PAGE}20", "_cursor"),
                            (f"Bot?{PAGE}19", "_offset"),
                            ("Bot?_sort=-_lastUpdated&_count=20", "_offset"),
                            ("Bot?_count=20", "_offset")):
            links = self.api.get(query)[1]["link"]
            self.assertIn(name + "=", links[-1]["url"], query)

    def test_a_cursor_passes_resources_of_one_stamp(self):
        for i in range(70):
            self.fake.put(
                resource={"resourceType": "UserConfiguration", "id": f"u{i}"},
                project=self.project, last_updated="2026-01-01T00:00:00Z")
        found = self.found(f"UserConfiguration?{PAGE}20")
        self.assertEqual(70, len(found))
        self.assertEqual(70, len(set(found)))

    def test_last_updated_bounds_what_is_found(self):
        self.fake.put(resource={"resourceType": "Bot", "id": "old"},
                      project=self.project,
                      last_updated="2020-01-01T00:00:00.500Z")
        for bound, finds in (("ge2020-01-01T00:00:00.500Z", True),
                             ("gt2020-01-01T00:00:00.500Z", False),
                             ("ge2020-01-01T00:00:00.501Z", False)):
            query = f"Bot?_lastUpdated={bound}&{PAGE}1000"
            self.assertEqual(finds, "old" in self.found(query), bound)

    def test_what_was_deleted_is_found_by_deleted_alone(self):
        self.fake.delete(reference="Bot/b7")
        self.assertNotIn("b7", self.found(f"Bot?{PAGE}1000"))
        _, bundle = self.api.get(f"Bot?_deleted=true&{PAGE}1000")
        resource = bundle["entry"][0]["resource"]
        self.assertEqual("b7", resource["id"])
        self.assertEqual({"resourceType", "id", "meta"}, set(resource))

    def test_ids_and_elements(self):
        self.assertEqual({"b1", "b2"},
                         set(self.found("Bot?_id=b1,b2,never")))
        self.put("Bot", "named", name="x")
        resource = self.api.get("Bot?_id=named&_elements=id")[1]
        resource = resource["entry"][0]["resource"]
        self.assertNotIn("name", resource)
        self.assertEqual("SUBSETTED", resource["meta"]["tag"][0]["code"])

    def test_what_changes_between_two_pages_is_on_a_later_one(self):
        self.fake.fault(kind="run", path="Bot", after=[
            ["change", {"reference": "Bot/b0", "values": {"name": "new"}}]])
        pages = self.pages(f"Bot?{PAGE}20")
        self.assertEqual(46, sum(len(page) for page in pages))
        self.assertIn("b0", pages[-1])

    def test_generated_resources_are_found_replaced_and_deleted(self):
        self.fake.generate(project=self.project, memberships=50, policies=5)
        members = self.found(f"ProjectMembership?{PAGE}20")
        self.assertEqual(51, len(set(members)))
        reference = f"ProjectMembership/{members[0]}"
        self.assertEqual(200, self.api.get(reference)[0])
        self.fake.change(reference=reference, values={"active": False})
        self.assertIs(False, self.api.get(reference)[1]["active"])
        self.assertEqual(51, len(self.found(f"ProjectMembership?{PAGE}20")))
        self.fake.delete(reference=reference)
        self.assertEqual(410, self.api.get(reference)[0])
        self.assertEqual(50, len(self.found(f"ProjectMembership?{PAGE}20")))
        self.fake.expunge(reference=f"ProjectMembership/{members[1]}")
        self.assertEqual(49, len(self.found(f"ProjectMembership?{PAGE}20")))


class FaultTest(ApiTest):
    def test_answers_can_be_replaced(self):
        for fault, expected in (
                ({"status": 401}, 401), ({"status": 502}, 502),
                ({"status": 429, "headers": {"Retry-After": "1"}}, 429),
                ({"kind": "redirect", "location": "http://x/"}, 302)):
            with self.subTest(fault):
                self.fake.fault(path="/AccessPolicy", **fault)
                self.assertEqual(
                    expected, self.api.get("AccessPolicy?_count=20")[0])
                self.assertEqual(200, self.api.get("AccessPolicy")[0])

    def test_answers_can_be_cut(self):
        for fault in ({"kind": "cut"}, {"kind": "stall", "seconds": 0.1}):
            with self.subTest(fault):
                self.fake.fault(path="/AccessPolicy", **fault)
                api = self.fake.api(self.login)
                with self.assertRaises((http.client.IncompleteRead, OSError)):
                    api.get("AccessPolicy", again=False)

    def test_answers_can_be_foreign(self):
        self.fake.fault(kind="garbage", path="/AccessPolicy")
        with self.assertRaises(ValueError):
            self.api.get("AccessPolicy")
        self.fake.put_many(project=self.project, resources=[
            {"resourceType": "Bot", "id": f"b{i}"} for i in range(30)])
        self.fake.fault(kind="next", path="/Bot", location="http://evil/")
        _, bundle = self.api.get(f"Bot?{PAGE}20")
        self.assertEqual("http://evil/", bundle["link"][-1]["url"])

    def test_the_clock_can_jump(self):
        before = self.put("Bot", "a")["last_updated"]
        self.fake.set_clock(offset=-3600)
        self.assertLess(self.put("Bot", "b")["last_updated"], before)

    def test_it_can_be_away(self):
        self.fake.down()
        with self.assertRaises(OSError):
            self.fake.api().get("AccessPolicy")
        self.fake.up()
        self.assertEqual(200, self.api.get("AccessPolicy")[0])


if __name__ == "__main__":
    unittest.main()
