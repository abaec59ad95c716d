#!/usr/bin/python3
"""What the guards of a Flask application let through."""

import functools
import unittest

import flask
import flask.views
import grpc

import support
from flask_support import FlaskTest
from support import Status, deny, permit
from medplum_pdp import Context, Obligation, Session, Subject
from medplum_pdp._v1 import types_pb2
from medplum_pdp.flask import ConfigurationError, FlaskPdp, bearer_token

try:
    import asgiref  # noqa: F401
    HAS_ASYNC = True
except ImportError:
    HAS_ASYNC = False


class PermissionTest(FlaskTest):
    def test_the_view_runs_where_it_is_permitted(self):
        self.guarded("/p/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        self.assertEqual(self.ask("/p/1"), 200)
        self.assertEqual(self.ran, [{"id": "1"}])
        [request] = self.world.checks
        self.assertEqual(request.subject.reference, support.MEMBER)
        self.assertEqual(request.interaction, types_pb2.INTERACTION_READ)
        self.assertEqual(request.resource.type + "/" + request.resource.id,
                         "Patient/1")

    def test_all_that_is_not_permitted_has_one_body(self):
        self.guarded("/p/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        self.assertEqual(self.ask("/p/3"), 403)
        self.assertEqual(self.body, {"decisionId": "d-2"})
        headers = dict(self.answer.headers)
        for answer, status in (
                (deny(reason=types_pb2.REASON_RESOURCE_NOT_FOUND), 403),
                (deny(reason=types_pb2.REASON_SUBJECT_INACTIVE,
                      enforcement_http_status=401), 401),
                (deny(reason=types_pb2.REASON_INTERNAL,
                      enforcement_http_status=503), 503)):
            self.world.answer = answer
            self.assertEqual(self.ask("/p/1"), status)
            self.assertEqual(self.body, {"decisionId": "d-2"})
            self.assertEqual(dict(self.answer.headers), headers)
        for answer in (Status(grpc.StatusCode.RESOURCE_EXHAUSTED),
                       Status(grpc.StatusCode.INVALID_ARGUMENT),
                       permit(effect=0), permit(effect=9)):
            self.world.answer = answer
            self.assertEqual(self.ask("/p/1"), 503)
            self.assertEqual(self.body, {"decisionId": None})

    def test_obligations_have_to_be_honored(self):
        self.world.answer = permit(
            effect=types_pb2.EFFECT_PERMIT_WITH_OBLIGATIONS,
            hidden_fields=["name"])
        self.guarded("/a/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        self.guarded("/b/<id>", self.pdp.require_permission(
            "read", "Patient/{id}", honored=[Obligation.HIDDEN_FIELDS]))
        self.assertEqual(self.ask("/a/1"), 403)
        self.assertEqual(self.ask("/b/1"), 200)

    def test_nobody_is_not_asked_about(self):
        self.guarded("/p/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        for who in (None, ""):
            self.who = who
            self.assertEqual(self.ask("/p/1"), 401)
        for who in (7, b"x", Subject(), ["ProjectMembership/1"]):
            self.who = who
            self.assertEqual(self.ask("/p/1"), 500)
        self.assertEqual(self.world.checks, [])

    def test_ids_that_are_none_are_not_permitted(self):
        self.guarded("/p/<path:id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        for id in ("1/_history/2", "1%2F..", "%00", "a b", "x" * 65,
                   "../Patient/1", "\u00e9"):
            self.assertEqual(self.ask("/p/" + id), 403, id)
        self.assertEqual(self.world.checks, [])

    def test_head_is_get_and_a_method_without_interaction_is_refused(self):
        self.guarded("/p/<id>", self.pdp.require_permission(
            {"GET": "read", "DELETE": "delete"}, "Patient/{id}"),
            methods=["GET", "DELETE", "POST"])
        self.guarded("/options/<id>", self.pdp.require_permission(
            {"GET": "read"}, "Patient/{id}"), methods=["GET", "OPTIONS"])
        for method, status, number in (
                ("GET", 200, types_pb2.INTERACTION_READ),
                ("HEAD", 200, types_pb2.INTERACTION_READ),
                ("DELETE", 200, types_pb2.INTERACTION_DELETE)):
            self.assertEqual(self.ask("/p/1", method), status)
            self.assertEqual(self.world.checks[-1].interaction, number)
        self.assertEqual(self.ask("/p/3", "HEAD"), 403)
        count = len(self.world.checks)
        self.assertEqual(self.ask("/p/1", "POST"), 403)
        self.assertEqual(self.ask("/options/1", "OPTIONS"), 403)
        self.assertEqual(self.ask("/p/1", "PUT"), 405)
        answer = self.app.test_client().options("/p/1")
        self.assertEqual((answer.status_code, answer.data), (200, b""))
        self.assertEqual(self.ran, [])
        self.assertEqual(len(self.world.checks), count)

    def test_a_write_says_what_it_proposes(self):
        self.guarded("/p/<id>", self.pdp.require_permission(
            "update", "Patient/{id}",
            proposed=lambda: flask.request.get_json()), methods=["PUT"])
        self.ask("/p/1", "PUT", json={"resourceType": "Patient"})
        self.assertIn(b"Patient", self.world.checks[-1].resource.proposed)
        for name in ("create", "update", "patch"):
            with self.assertRaises(ConfigurationError):
                self.pdp.require_permission(name, "Patient")

    def test_the_resource_may_be_found_by_a_function(self):
        self.guarded("/p/<number>", self.pdp.require_permission(
            "read", lambda number: "Patient/" + number))
        self.assertEqual(self.ask("/p/1"), 200)
        self.assertEqual(self.ask("/p/2"), 200)
        self.assertEqual(self.ask("/p/3"), 403)
        self.assertEqual(self.ask("/p/x y"), 403)

    def test_what_the_guards_say_wrong_is_told_at_start_up(self):
        for arguments in (("peek", "Patient/{id}"), ("read", "patient/{id}"),
                          ("read", "Patient/{id}/x"), ({"GET": ""}, "Patient"),
                          ("read", "")):
            with self.assertRaises(ConfigurationError):
                self.pdp.require_permission(*arguments)
        self.guarded("/p/<other>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        with self.assertRaisesRegex(ConfigurationError, "'id'"):
            self.pdp.init_app(self.app)

    def test_an_argument_that_is_absent_is_never_permitted(self):
        self.guarded("/p", self.pdp.require_permission("read", "Patient/{id}"))
        view = self.pdp.require_permission("read", "Patient/{id}")(
            lambda id: self.view())
        self.app.add_url_rule("/q", "q", view, defaults={"id": None})
        self.app.extensions["medplum_pdp"] = self.pdp
        self.assertEqual(self.ask("/p"), 500)
        self.assertEqual(self.ask("/q"), 500)
        self.assertEqual(self.world.checks, [])

    def test_trace_and_request_are_carried_on(self):
        self.guarded("/p/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.ask("/p/1", headers={"traceparent": trace, "X-Request-ID": "r"})
        self.assertEqual(self.server.metadata[-1]["traceparent"], trace)
        self.assertEqual(self.server.metadata[-1]["x-request-id"], "r")

    def test_the_context_is_sent(self):
        self.pdp = self.guards(context=lambda: Context(
            session=Session(mfa_satisfied=True), purpose_of_use="TREAT"))
        self.guarded("/p/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        self.ask("/p/1")
        self.assertTrue(self.world.checks[-1].context.session.mfa_satisfied)

    def test_what_was_done_is_recorded(self):
        def view(id):
            self.view()
            self.pdp.record_access("viewed")
            return self.pdp.current_decision().decision_id
        self.app.add_url_rule("/p/<id>", "p", self.pdp.require_permission(
            "read", "Patient/{id}")(view))
        self.assertEqual(self.ask("/p/1"), 200)
        self.assertEqual(self.answer.data, b"d-1")
        self.assertEqual([(r.decision_id, r.event, r.success)
                          for r in self.world.recorded],
                         [("d-1", "viewed", True)])

    def test_a_decision_does_not_outlive_its_request(self):
        def view():
            self.view()
            return self.pdp.current_decision().decision_id
        self.guarded("/p/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        self.app.add_url_rule("/q", "q", self.pdp.public(view))
        with self.app.app_context():  # flask.g is that of both requests.
            self.assertEqual(self.ask("/p/1"), 200)
            self.ran.clear()
            self.assertEqual(self.app.test_client().get("/q").status_code, 500)

    def test_the_bearer_token_is_the_subject(self):
        self.pdp = FlaskPdp(self.client, subject=bearer_token)
        self.guarded("/p/<id>", self.pdp.require_permission(
            "read", "Patient/{id}"))
        for header in (None, "", "Bearer", "Bearer ", "Basic abc", "Bearer a b",
                       "Bearer a, Bearer b", "xBearer a"):
            headers = {"Authorization": header} if header is not None else {}
            self.assertEqual(self.ask("/p/1", headers=headers), 401, header)
        self.assertEqual(self.ask(
            "/p/1", headers={"Authorization": "bearer a.b.c"}), 200)
        self.assertEqual(self.world.checks[-1].subject.access_token, "a.b.c")


class UnguardedTest(FlaskTest):
    def test_a_view_without_a_guard_does_not_run(self):
        self.app.add_url_rule("/p", "p", self.view)
        with self.assertRaisesRegex(ConfigurationError, "'p' has no guard"):
            self.pdp.init_app(self.app)
        self.assertEqual(self.ask("/p"), 500)

    def test_a_guard_above_the_route_is_no_guard(self):
        self.pdp.init_app(self.app)

        @self.pdp.require_permission("read", "Patient/1")
        @self.app.get("/p")
        def view():
            return self.view()
        self.world.answer = permit()
        with self.assertLogs("medplum_pdp", "ERROR"):
            self.assertEqual(self.ask("/p"), 500)
        with self.assertRaises(ConfigurationError):
            self.pdp.verify(self.app)

    def test_a_blueprint_is_guarded_too(self):
        blueprint = flask.Blueprint("b", __name__)

        @self.pdp.require_permission("read", "Patient/1")
        @blueprint.get("/wrong")
        def wrong():
            return self.view()

        @blueprint.get("/right")
        @self.pdp.require_permission("read", "Patient/1")
        def right():
            return self.view()
        self.pdp.init_app(self.app)
        self.app.register_blueprint(blueprint)
        self.assertEqual(self.ask("/wrong"), 500)
        self.assertEqual(self.ask("/right"), 200)

    def test_what_is_public_needs_no_guard(self):
        self.app.add_url_rule("/p", "p", self.pdp.public(self.named()))
        self.assertEqual(self.ask("/p"), 200)
        self.assertEqual(self.ask("/nowhere"), 404)
        self.assertEqual(self.world.checks, [])

    def named(self):
        def view():
            return self.view()
        return view

    def test_what_is_public_is_not_guarded(self):
        guard = self.pdp.require_permission("read", "Patient/1")
        with self.assertRaises(ConfigurationError):
            self.pdp.public(guard(self.named()))
        with self.assertRaises(ConfigurationError):
            guard(self.pdp.public(self.named()))

    def test_a_guard_of_another_application_is_none(self):
        other = self.guards()
        self.guarded("/p", other.require_permission("read", "Patient/1"))
        with self.assertRaises(ConfigurationError):
            self.pdp.init_app(self.app)
        self.assertEqual(self.ask("/p"), 500)

    def test_an_application_without_init_app_permits_nothing(self):
        self.guarded("/p", self.pdp.require_permission("read", "Patient/1"))
        answer = self.app.test_client().get("/p")
        self.assertEqual(answer.status_code, 500)
        self.assertEqual(self.ran, [])

    def test_views_that_are_classes(self):
        case = self

        class Guarded(flask.views.MethodView):
            decorators = [self.pdp.require_permission(
                {"GET": "read"}, "Patient/{id}")]

            def get(self, id):
                return case.view()

            def post(self, id):
                return case.view()

        class Unguarded(flask.views.MethodView):
            @case.pdp.require_permission("read", "Patient/1")
            def get(self):
                return case.view()
        self.pdp.init_app(self.app)
        self.app.add_url_rule("/g/<id>", view_func=Guarded.as_view("g"))
        self.app.add_url_rule("/u", view_func=Unguarded.as_view("u"))
        self.assertEqual(self.ask("/g/1"), 200)
        self.assertEqual(self.ask("/g/3"), 403)
        self.assertEqual(self.ask("/g/1", "POST"), 403)
        self.assertEqual(self.ask("/u"), 500)

    def test_views_that_are_asynchronous(self):
        @self.app.get("/p/<id>")
        @self.pdp.require_permission("read", "Patient/{id}")
        async def view(id):
            return self.view()
        # Without asgiref Flask has no asynchronous views: 500.
        if HAS_ASYNC:
            self.assertEqual(self.ask("/p/1"), 200)
        self.assertEqual(self.ask("/p/3"), 403)

    def test_decorators_in_between(self):
        def other(view):
            @functools.wraps(view)
            def wrapped(**arguments):
                return view(**arguments)
            return wrapped

        def careless(view):
            return lambda **arguments: view(**arguments)
        guard = self.pdp.require_permission("read", "Patient/{id}")
        self.pdp.init_app(self.app)
        self.guarded("/a/<id>", other, guard)
        self.guarded("/b/<id>", guard, other)
        self.guarded("/c/<id>", guard, careless)
        self.guarded("/d/<id>", careless, guard)
        for rule, statuses in (("a", (200, 403)), ("b", (200, 403)),
                               ("c", (200, 403)), ("d", (500, 500))):
            self.assertEqual((self.ask(f"/{rule}/1"), self.ask(f"/{rule}/3")),
                             statuses, rule)


if __name__ == "__main__":
    unittest.main()
