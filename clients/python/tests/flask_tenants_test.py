#!/usr/bin/python3
"""What the guards of a Flask application make of tenants and roles."""

import functools
import unittest

import grpc

import support
from flask_support import CLERK, DENTIST, NORTH, SOUTH, FlaskTest
from support import Status
from medplum_pdp import Context
from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.flask import (ConfigurationError, FlaskPdp, UnmappedRole,
                               from_header, from_url, stored)


class TenantTest(FlaskTest):
    def test_the_tenant_is_one_of_the_subjects(self):
        self.guarded("/o/<org>", self.pdp.require_organization_access(
            from_url("org")))
        self.guarded("/h", self.pdp.require_organization_access(
            from_header("X-Organization")))
        for id, status in (("north", 200), ("south", 200), ("east", 403),
                           ("north%2F..", 404), ("NORTH", 403)):
            self.assertEqual(self.ask("/o/" + id), status, id)
        for value, status in (
                ("north", 200), (NORTH, 200), ("east", 403), ("", 403),
                ("Patient/north", 403), ("north,south", 403), ("*", 403)):
            self.assertEqual(self.ask(
                "/h", headers={"X-Organization": value}), status, value)
        self.assertEqual(self.ask("/h"), 403)
        self.assertEqual(self.ask("/h", headers=[
            ("X-Organization", "east"), ("X-Organization", "north")]), 403)

    def test_a_resource_of_another_tenant_is_not_permitted(self):
        organization = self.pdp.require_organization_access(from_url("org"))
        permission = self.pdp.require_permission("read", "Patient/{id}")
        self.guarded("/True/<org>/<id>", organization, permission)
        self.guarded("/False/<org>/<id>", permission, organization)
        for first in (True, False):
            self.assertEqual(self.ask(f"/{first}/north/1"), 200)
            self.assertEqual(self.ask(f"/{first}/north/2"), 403)
            self.assertEqual(self.ask(f"/{first}/south/2"), 200)
            self.assertEqual(self.ask(f"/{first}/east/1"), 403)
        # The Check has the tenant, and judges it.
        self.assertEqual(self.world.describes, [])

    def test_other_decorators_in_between_change_nothing_of_that(self):
        def other(view):
            @functools.wraps(view)
            def wrapped(**arguments):
                return view(**arguments)
            return wrapped
        organization = self.pdp.require_organization_access(from_url("org"))
        permission = self.pdp.require_permission("read", "Patient/{id}")
        role = self.pdp.require_role("dentist")
        self.guarded("/a/<org>/<id>", organization, other, permission)
        self.guarded("/b/<org>/<id>", permission, other, organization)
        self.guarded("/c/<org>/<id>", role, other, organization)
        self.guarded("/d/<org>/<id>", organization, other, role)
        for rule in "ab":
            self.assertEqual(self.ask(f"/{rule}/north/1"), 200)
            self.assertEqual(self.ask(f"/{rule}/north/2"), 403)
            self.assertEqual(self.ask(f"/{rule}/east/1"), 403)
        for rule in "cd":
            self.assertEqual(self.ask(f"/{rule}/north/1"), 200)
            self.assertEqual(self.ask(f"/{rule}/south/1"), 403)

    def test_the_stored_tenant(self):
        self.guarded("/o", self.pdp.require_organization_access(stored()))
        self.guarded("/p/<id>", self.pdp.require_organization_access(stored()),
                     self.pdp.require_permission("read", "Patient/{id}"))
        self.assertEqual(self.ask("/o"), 200)
        self.world.stored = NORTH
        self.assertEqual(self.ask("/o"), 200)
        self.assertEqual(self.ask("/p/1"), 200)
        self.assertTrue(self.world.checks[-1].context.use_stored_tenant)
        self.assertEqual(self.ask("/p/2"), 403)
        self.world.stored = "Organization/east"
        self.assertEqual(self.ask("/o"), 403)
        self.assertEqual(self.ask("/p/1"), 403)

    def test_a_filter_is_of_the_tenant_of_the_view(self):
        def view(org):
            result = self.pdp.filter("Patient", "gender=female")
            self.view()
            return {"queries": result.queries}
        guard = self.pdp.require_organization_access(from_url("org"))
        self.app.add_url_rule("/o/<org>", "o", guard(view))
        self.app.add_url_rule("/open", "open", self.pdp.public(
            lambda: view(org=None)))
        self.assertEqual(self.ask("/o/north"), 200)
        self.assertEqual(self.body, {"queries": ["Patient?"]})
        [request] = self.world.filters
        self.assertEqual(request.subject.reference, support.MEMBER)
        self.assertEqual(list(request.context.active_tenants), [NORTH])
        self.assertEqual((request.resource_type, request.query),
                         ("Patient", "gender=female"))
        self.world.filter = decision_pb2.FilterResponse(
            kind=decision_pb2.FILTER_KIND_ALWAYS_DENIED, decision_id="f-1",
            reason=types_pb2.REASON_INTERACTION_NOT_GRANTED,
            enforcement_http_status=403)
        self.assertEqual(self.ask("/o/north"), 403)
        self.assertEqual(self.body, {"decisionId": "f-1"})
        self.world.filter = Status(grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(self.ask("/o/north"), 503)
        self.assertEqual(self.body, {"decisionId": None})
        self.assertEqual(self.ask("/open"), 500)

    def test_who_has_no_tenant_has_no_access_to_an_organization(self):
        self.world.tenants = []
        self.guarded("/o", self.pdp.require_organization_access(stored()))
        self.guarded("/u/<org>", self.pdp.require_organization_access(
            from_url("org")))
        self.assertEqual(self.ask("/o"), 403)
        self.assertEqual(self.ask("/u/north"), 403)

    def test_a_tenant_that_is_said_twice_is_a_fault(self):
        with self.assertRaises(ConfigurationError):
            self.guarded("/p/<org>",
                         self.pdp.require_organization_access(from_url("org")),
                         self.pdp.require_organization_access(stored()))
        with self.assertRaises(ConfigurationError):
            self.pdp.require_organization_access("org")
        self.pdp = self.guards(context=lambda: Context(
            active_tenants=[NORTH]))
        self.guarded("/q/<org>", self.pdp.require_organization_access(
            from_url("org")))
        self.assertEqual(self.ask("/q/south"), 500)

    def test_what_describe_access_says(self):
        self.guarded("/o/<org>", self.pdp.require_organization_access(
            from_url("org")))
        for reason, status in (
                (types_pb2.REASON_SUBJECT_UNKNOWN, 401),
                (types_pb2.REASON_SESSION_EXPIRED, 401),
                (types_pb2.REASON_BLOCKED, 403),
                (types_pb2.REASON_INTERNAL, 503), (0, 503), (999, 503)):
            # The answer lists tenants all the same.
            self.world.reason = reason
            self.assertEqual(self.ask("/o/north"), status)
            self.assertEqual(self.body, {"decisionId": None})
        self.server.stop()
        self.assertEqual(self.ask("/o/north"), 503)


class RoleTest(FlaskTest):
    def test_a_role_is_a_policy_bound_to_the_tenant(self):
        organization = self.pdp.require_organization_access(from_url("org"))
        for role in ("dentist", "clerk"):
            self.guarded(f"/0/{role}/<org>", organization,
                         self.pdp.require_role(role))
            self.guarded(f"/1/{role}/<org>", self.pdp.require_role(role),
                         organization)
        for i in range(2):
            for path, status in (("dentist/north", 200), ("dentist/south", 403),
                                 ("clerk/south", 200), ("clerk/north", 403),
                                 ("clerk/east", 403)):
                self.assertEqual(self.ask(f"/{i}/{path}"), status, path)

    def test_without_a_tenant_only_a_role_bound_to_none_counts(self):
        self.guarded("/dentist", self.pdp.require_role("dentist"))
        self.assertEqual(self.ask("/dentist"), 403)
        self.world.grants.append((DENTIST, ""))
        self.assertEqual(self.ask("/dentist"), 200)

    def test_a_role_bound_to_no_tenant_is_not_one_of_the_tenants(self):
        self.world.grants = [(CLERK, "")]
        self.guarded("/clerk/<org>",
                     self.pdp.require_organization_access(from_url("org")),
                     self.pdp.require_role("clerk"))
        self.assertEqual(self.ask("/clerk/north"), 403)

    def test_the_role_in_the_stored_tenant(self):
        self.guarded("/dentist",
                     self.pdp.require_organization_access(stored()),
                     self.pdp.require_role("dentist"))
        # Nothing is chosen: it is not known in which tenant.
        self.assertEqual(self.ask("/dentist"), 403)
        for choice, status in ((NORTH, 200), (SOUTH, 403)):
            self.world.stored = choice
            self.assertEqual(self.ask("/dentist"), status)

    def test_several_roles_are_all_required(self):
        self.guarded("/both/<org>",
                     self.pdp.require_organization_access(from_url("org")),
                     self.pdp.require_role("dentist"),
                     self.pdp.require_role("clerk"))
        self.assertEqual(self.ask("/both/north"), 403)
        self.world.grants.append((CLERK, NORTH))
        self.assertEqual(self.ask("/both/north"), 200)

    def test_an_unmapped_role_raises_at_start_up(self):
        for name in ("nurse", "", "Dentist", None):
            with self.assertRaises(UnmappedRole):
                self.pdp.require_role(name)
        for policy in ("", None, "123", "AccessPolicy/", "Patient/1",
                       "AccessPolicy/1/_history/2"):
            with self.assertRaises(UnmappedRole):
                FlaskPdp(self.client, subject=lambda: None,
                         roles={"nurse": policy})


if __name__ == "__main__":
    unittest.main()
