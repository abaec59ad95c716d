#!/usr/bin/env python3
"""The active tenant of a member's UserConfiguration, and a change of it."""

import json
import time
import unittest

from audit_support import AuditTest, LONG, MEMBER, decision, types

NORTH = "Organization/40000000-0000-4000-8000-00000000000a"
SOUTH = "Organization/40000000-0000-4000-8000-00000000000b"
PATIENTS = {NORTH: "40000000-0000-4000-8000-000000000001",
            SOUTH: "40000000-0000-4000-8000-000000000002"}


class StoredTenantTest(AuditTest):
    def write(self, resource):
        path = self.directory / "source" / (
            f"{resource['resourceType']}-{resource['id']}.json")
        path.write_text(json.dumps(resource))

    def write_choice(self, version, *options):
        self.write({"resourceType": "UserConfiguration", "id": "c",
                    "meta": {"project": "p", "versionId": str(version)},
                    "option": [{"id": "activeTenant", "valueString": option}
                               for option in options]})

    def setUp(self):
        super().setUp()
        meta = {"project": "p", "versionId": "1"}
        self.write({"resourceType": "Project", "id": "p", "meta": meta})
        for organization in (NORTH, SOUTH):
            self.write({"resourceType": "Organization", "meta": meta,
                        "id": organization.split("/")[1]})
            self.write({"resourceType": "Patient",
                        "id": PATIENTS[organization],
                        "meta": {**meta,
                                 "accounts": [{"reference": organization}]}})
        self.write({"resourceType": "AccessPolicy", "id": "a", "meta": meta,
                    "resource": [{
                        "resourceType": "Patient",
                        "criteria": "Patient?_compartment=%organization"}]})
        self.write({"resourceType": "ProjectMembership", "id": "m",
                    "meta": meta, "project": {"reference": "Project/p"},
                    "user": {"reference": "User/u"},
                    "profile": {"reference": "Practitioner/x"},
                    "userConfiguration": {
                        "reference": "UserConfiguration/c"},
                    "access": [{
                        "policy": {"reference": "AccessPolicy/a"},
                        "parameter": [{
                            "name": "organization",
                            "valueReference": {"reference": organization}}]}
                        for organization in (NORTH, SOUTH)]})
        self.write_choice(1, NORTH)
        self.server = self.start()

    def reasons(self):
        """Of a read of each tenant's patient."""
        return {
            organization: types.Reason.Name(self.server.stub.Check(
                decision.CheckRequest(
                    subject=types.Subject(reference=MEMBER),
                    context=types.Context(use_stored_tenant=True),
                    interaction=types.INTERACTION_READ,
                    resource=types.Resource(type="Patient", id=patient)),
                timeout=LONG).decision.reason)[len("REASON_"):]
            for organization, patient in PATIENTS.items()}

    def assert_becomes(self, north, south):
        expected = {NORTH: north, SOUTH: south}
        deadline = time.monotonic() + LONG
        while (seen := self.reasons()) != expected:
            self.assertLess(time.monotonic(), deadline, seen)
            time.sleep(0.05)

    def test_a_change_of_the_choice_is_followed(self):
        denied = "RESOURCE_NOT_GRANTED"
        self.assertEqual({NORTH: "PERMITTED", SOUTH: denied}, self.reasons())
        self.write_choice(2, SOUTH)
        self.assert_becomes(denied, "PERMITTED")
        self.write_choice(3, "Organization/gone")
        self.assert_becomes("TENANT_NOT_ALLOWED", "TENANT_NOT_ALLOWED")
        self.write_choice(4)
        self.assert_becomes("PERMITTED", "PERMITTED")
        (self.directory / "source/UserConfiguration-c.json").unlink()
        self.assert_becomes("SUBJECT_INCOMPLETE", "SUBJECT_INCOMPLETE")


if __name__ == "__main__":
    unittest.main()
