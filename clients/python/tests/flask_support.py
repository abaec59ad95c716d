"""A Flask application and the decision point that its guards ask."""

import flask

import support
from support import ClientTest, Status, checked, deny, permit
from medplum_pdp import CheckRequest, PdpClient
from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.flask import FlaskPdp

NORTH, SOUTH = "Organization/north", "Organization/south"
DENTIST, CLERK = "AccessPolicy/dentist", "AccessPolicy/clerk"


class World:
    """A decision point of one member: of NORTH as DENTIST, of SOUTH as CLERK,
    who may read the Patients 1 (of NORTH) and 2 (of SOUTH)."""

    PATIENTS = {"1": NORTH, "2": SOUTH}

    def __init__(self):
        self.checks = []
        self.describes = []
        self.recorded = []
        self.filters = []
        self.filter = decision_pb2.FilterResponse(
            kind=decision_pb2.FILTER_KIND_CONDITIONAL, queries=["Patient?"],
            reason=types_pb2.REASON_PERMITTED, enforcement_http_status=200)
        self.grants = [(DENTIST, NORTH), (CLERK, SOUTH)]
        self.tenants = [NORTH, SOUTH]
        self.stored = None
        self.answer = None  # To every Check, in place of the world's.
        self.reason = None  # Of every DescribeAccess.

    def __call__(self, method, data, context):
        return getattr(self, method)(data)

    def Check(self, data):
        request = CheckRequest.FromString(data)
        self.checks.append(request)
        if isinstance(self.answer, Status):
            raise self.answer
        if self.answer is not None:
            return checked(self.answer)
        active = self._active(request.context)
        if active is None:
            return checked(deny(reason=types_pb2.REASON_TENANT_NOT_ALLOWED))
        found = self.PATIENTS.get(request.resource.id) in active
        return checked(permit() if found else deny())

    def DescribeAccess(self, data):
        request = decision_pb2.DescribeAccessRequest.FromString(data)
        self.describes.append(request)
        active = self._active(request.context)
        reason = self.reason
        if reason is None:
            reason = types_pb2.REASON_PERMITTED if active is not None else \
                types_pb2.REASON_TENANT_NOT_ALLOWED
        return decision_pb2.DescribeAccessResponse(
            reason=reason,
            tenants=[decision_pb2.Tenant(reference=t) for t in self.tenants],
            roles=[decision_pb2.Role(policy=policy, tenant=tenant)
                   for policy, tenant in self.grants
                   if not tenant or tenant in (active or ())])

    def Filter(self, data):
        request = decision_pb2.FilterRequest.FromString(data)
        self.filters.append(request)
        if isinstance(self.filter, Status):
            raise self.filter
        return self.filter

    def RecordAccess(self, data):
        self.recorded.append(
            decision_pb2.RecordAccessRequest.FromString(data))
        return decision_pb2.RecordAccessResponse()

    def _active(self, context):
        """The tenants in force; None: one of them is not the member's."""
        chosen = list(context.active_tenants)
        if context.use_stored_tenant and self.stored:
            chosen = [self.stored]
        if not set(chosen) <= set(self.tenants):
            return None
        return chosen or self.tenants


class FlaskTest(ClientTest):
    def setUp(self):
        self.world = World()
        self.server = self.serve(self.world)
        self.client = PdpClient(self.server.target, plaintext=True,
                                timeout=support.LONG)
        self.addCleanup(self.client.close)
        self.who = support.MEMBER
        self.ran = []
        self.pdp = self.guards()
        self.app = flask.Flask(__name__)

    def guards(self, **options):
        return FlaskPdp(self.client, subject=lambda: self.who, roles={
            "dentist": DENTIST, "clerk": CLERK}, **options)

    def view(self, **arguments):
        """What is guarded: says that it ran."""
        self.ran.append(arguments)
        return "the view"

    def guarded(self, rule, *guards, methods=("GET",)):
        """A route whose view has the guards, the first outermost."""
        def view(**arguments):
            return self.view(**arguments)
        for guard in reversed(guards):
            view = guard(view)
        self.app.add_url_rule(rule, rule, view, methods=list(methods))

    def ask(self, path, method="GET", **options):
        """The status, having seen to it that the view ran only with 200."""
        if "medplum_pdp" not in self.app.extensions:
            self.pdp.init_app(self.app)
        self.ran.clear()
        answer = self.app.test_client().open(path, method=method, **options)
        self.body = answer.get_json(silent=True)
        self.answer = answer
        self.assertEqual(bool(self.ran), answer.status_code == 200)
        return answer.status_code
