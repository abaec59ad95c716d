"""Guards for the views of a Flask application.

    pdp = FlaskPdp(client, subject=who_is_logged_in,
                   roles={"dentist": "AccessPolicy/123"})

    @app.get("/organizations/<organization>/patients/<id>")
    @pdp.require_organization_access(from_url("organization"))
    @pdp.require_permission("read", "Patient/{id}")
    def patient(organization, id):
        ...

    pdp.init_app(app)

A view that has no guard, be it forgotten or put above `@app.get`, is answered
500 and not run; `pdp.public` says that a view needs none.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
from typing import (Any, Callable, Dict, FrozenSet, Iterable, List, Mapping,
                    Optional, Tuple, Union)

import flask

from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.client import PdpClient
from medplum_pdp.decision import Decision, Obligation, reason_name
from medplum_pdp.errors import NoDecision, PdpError
from medplum_pdp.filters import FilterResult
from medplum_pdp.options import CallOptions
from medplum_pdp.requests import (Json, check_request, filter_request,
                                  interaction, resource, subject)

__all__ = ["ConfigurationError", "FlaskPdp", "Tenant", "UnmappedRole",
           "bearer_token", "from_header", "from_url", "stored"]

_LOG = logging.getLogger("medplum_pdp")
_EXTENSION = "medplum_pdp"
_GUARD = "_medplum_pdp_guard"
_PUBLIC = "_medplum_pdp_public"

# Kept at the request: `flask.g` may live longer.
_DECISION = "_medplum_pdp_decision"
_TENANT = "_medplum_pdp_tenant"
_ASKING = "_medplum_pdp_asking"

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_POLICY = re.compile(r"AccessPolicy/[A-Za-z0-9\-.]{1,64}")
_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BEARER = re.compile(r"Bearer ([!-~]+)", re.IGNORECASE)

_WRITES = frozenset(interaction(name) for name in ("create", "update", "patch"))
_UNKNOWN_SUBJECT = frozenset({
    "SUBJECT_UNKNOWN", "SUBJECT_INACTIVE", "SESSION_EXPIRED", "ACCOUNT_LOCKED",
    "MFA_REQUIRED", "TOKEN_INVALID"})
_NOT_NOW = frozenset({"RESOURCE_UNAVAILABLE", "INTERNAL"})

View = Callable[..., Any]
Who = Union[str, types_pb2.Subject, None]
What = Union[str, types_pb2.Resource]


class ConfigurationError(Exception):
    """The guards of the application do not fit together."""


class UnmappedRole(ConfigurationError):
    """A role that names no AccessPolicy."""


@dataclasses.dataclass(frozen=True)
class Tenant:
    """Where a request says which tenant it is for; made by from_url,
    from_header and stored."""

    source: str
    name: str = ""
    resource_type: str = "Organization"

    def read(self, arguments: Mapping[str, Any]) -> Optional[str]:
        """`Organization/id`; None where it is not said, or malformed."""
        if self.source == "url":
            return _reference(self.resource_type,
                              _argument(self.name, arguments))
        found = flask.request.headers.getlist(self.name)
        if len(found) != 1:
            return None
        prefix = self.resource_type + "/"
        value = found[0]
        return _reference(self.resource_type, value[len(prefix):]
                          if value.startswith(prefix) else value)


def from_url(argument: str, resource_type: str = "Organization") -> Tenant:
    """An argument of the route: the tenant's id."""
    return Tenant("url", argument, resource_type)


def from_header(name: str, resource_type: str = "Organization") -> Tenant:
    """A header: the tenant's id, or its reference."""
    return Tenant("header", name, resource_type)


def stored() -> Tenant:
    """What the member's UserConfiguration has chosen, at the Medplum server."""
    return Tenant("stored")


def bearer_token() -> Optional[types_pb2.Subject]:
    """The subject is whose Medplum access token the request shows."""
    found = _BEARER.fullmatch(flask.request.headers.get("Authorization", ""))
    return types_pb2.Subject(access_token=found.group(1)) if found else None


@dataclasses.dataclass(frozen=True)
class _Permission:
    interactions: Mapping[str, int]
    what: Union[str, Callable[..., What]]
    proposed: Optional[Callable[[], Json]]
    honored: Tuple[Obligation, ...]

    def names(self) -> set[str]:
        return set(_PLACE.findall(self.what)) if isinstance(self.what, str) \
            else set()


@dataclasses.dataclass(frozen=True)
class _Organization:
    tenant: Tenant

    def names(self) -> set[str]:
        return {self.tenant.name} if self.tenant.source == "url" else set()


@dataclasses.dataclass(frozen=True)
class _Role:
    policy: str

    def names(self) -> set[str]:
        return set()


_Requirement = Union[_Permission, _Organization, _Role]


@dataclasses.dataclass(frozen=True)
class _Guard:
    """What a wrapped view carries; decorators over it copy it on."""

    pdp: FlaskPdp
    view: View
    requirements: Tuple[_Requirement, ...]
    # Those of guards further in, under other decorators.
    inner: Tuple[_Requirement, ...]
    wrapper: List[View] = dataclasses.field(default_factory=list)

    def tenant(self) -> Optional[Tenant]:
        for requirement in self.requirements + self.inner:
            if isinstance(requirement, _Organization):
                return requirement.tenant
        return None


class _Refused(Exception):
    def __init__(self, status: int, decision_id: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.decision_id = decision_id


class FlaskPdp:
    """The guards of one application.

    `subject` tells who asks: a reference, a Subject, or None for nobody (401).
    `context` tells the circumstances, such as the facts of the session.
    `roles` maps a role's name to the AccessPolicy that it is.  Both callables
    run within the request.  `public_endpoints` need no guard.
    """

    def __init__(self, client: PdpClient, *, subject: Callable[[], Who],
                 context: Optional[Callable[[], types_pb2.Context]] = None,
                 roles: Optional[Mapping[str, str]] = None,
                 public_endpoints: Iterable[str] = ("static",)) -> None:
        self.client = client
        self._subject = subject
        self._context = context
        self._roles = dict(roles or {})
        self._public: FrozenSet[str] = frozenset(public_endpoints)
        for name, policy in self._roles.items():
            if not isinstance(policy, str) or not _POLICY.fullmatch(policy):
                raise UnmappedRole(
                    f"the role {name!r} is mapped to no AccessPolicy/id")

    def init_app(self, app: flask.Flask) -> None:
        """Lets no view of `app` run without a guard, and answers a PdpError
        that a view raises.  Raises ConfigurationError for views that are there
        already and have none."""
        app.extensions[_EXTENSION] = self
        app.before_request(self._refuse_unguarded)
        app.register_error_handler(PdpError, self._answer_error)
        self.verify(app)

    def verify(self, app: flask.Flask) -> None:
        """Raises ConfigurationError where a view has no guard, or a guard wants
        an argument that its route does not have."""
        for rule in app.url_map.iter_rules():
            view = app.view_functions.get(rule.endpoint)
            if view is None or self._is_public(rule.endpoint, view):
                continue
            guard = getattr(view, _GUARD, None)
            if guard is None or guard.pdp is not self:
                raise ConfigurationError(
                    f"the view {rule.endpoint!r} has no guard: put it under "
                    "@app.route, or say @pdp.public")
            known = set(rule.arguments) | set(rule.defaults or ())
            for requirement in guard.requirements + guard.inner:
                missing = requirement.names() - known
                if missing:
                    raise ConfigurationError(
                        f"the route {rule.rule!r} has no argument "
                        f"{sorted(missing)[0]!r}, which its guard needs")

    def public(self, view: View) -> View:
        """Says that a view needs no guard."""
        if getattr(view, _GUARD, None) is not None:
            raise ConfigurationError("the view is guarded, and so not public")
        setattr(view, _PUBLIC, self)
        return view

    def require_permission(self, interactions: Union[str, Mapping[str, str]],
                           what: Union[str, Callable[..., What]], *,
                           proposed: Optional[Callable[[], Json]] = None,
                           honored: Iterable[Obligation] = (),
                           ) -> Callable[[View], View]:
        """The subject may do this to that.

        `interactions`: `read`, or by HTTP method, `{"GET": "read"}` (HEAD is
        GET); a method that is not named is not permitted.  `what`:
        `Patient/{id}` with arguments of the route, or a function of these that
        returns a reference or a Resource.  `proposed`: what a create, update or
        patch wants to store.  `honored`: obligations that the view fulfills by
        `current_decision`; any other is not permitted.
        """
        by_method = {"*": interactions} if isinstance(interactions, str) \
            else interactions
        try:
            numbers = {method.upper(): interaction(name)
                       for method, name in by_method.items()}
            if isinstance(what, str):
                resource(_PLACE.sub("x", what))
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        if isinstance(what, str) and proposed is None and \
                _WRITES & set(numbers.values()):
            raise ConfigurationError("say what is proposed to be stored")
        return self._decorator(_Permission(numbers, what, proposed,
                                           tuple(honored)))

    def require_organization_access(self, tenant: Tenant,
                                    ) -> Callable[[View], View]:
        """The tenant of the request is one of the subject's; require_permission
        and require_role of the same view are then of this tenant alone,
        whatever their order."""
        if not isinstance(tenant, Tenant):
            raise ConfigurationError(
                "say where the tenant is: from_url, from_header or stored")
        return self._decorator(_Organization(tenant))

    def require_role(self, name: str) -> Callable[[View], View]:
        """The subject has the AccessPolicy of this role, bound to the tenant of
        the view (require_organization_access); without one, bound to none.
        Raises UnmappedRole for a role that `roles` does not have."""
        if name not in self._roles:
            raise UnmappedRole(f"the role {name!r} is not mapped")
        return self._decorator(_Role(self._roles[name]))

    def current_decision(self) -> Decision:
        """Of the view that runs: its permit.  Raises ConfigurationError where
        it has no require_permission."""
        found = getattr(flask.request, _DECISION, None)
        if not isinstance(found, Decision):
            raise ConfigurationError("the view has no require_permission")
        return found

    def filter(self, resource_type: str, query: str = "") -> FilterResult:
        """What the subject of the request may find, in the tenant of the view
        alone.  Raises PermissionDenied where that is nothing, NoDecision where
        it is not known; left uncaught, these are the answer."""
        found = getattr(flask.request, _ASKING, None)
        if found is None:
            raise ConfigurationError("the view has no guard")
        who, context = found
        return self.client.require_filter(
            filter_request(who, resource_type, query, context=context),
            self._options())

    def record_access(self, event: str, success: bool = True) -> None:
        """Puts into the audit log what the view did with its permit.  Raises
        NoDecision where it may not have been recorded."""
        self.client.record_access(self.current_decision().decision_id, event,
                                  success, self._options())

    def _decorator(self, requirement: _Requirement) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            if getattr(view, _PUBLIC, None) is not None:
                raise ConfigurationError("the view is public")
            return self._wrap(view, requirement)
        return decorate

    def _wrap(self, view: View, requirement: _Requirement) -> View:
        found = getattr(view, _GUARD, None)
        inner = found if isinstance(found, _Guard) else None
        if inner is not None and inner.wrapper[0] is view and \
                inner.pdp is self:
            # Guards upon guards are one, so that their order does not matter.
            guard = _Guard(self, inner.view,
                           (requirement,) + inner.requirements, inner.inner)
        else:
            below = inner.requirements + inner.inner if inner else ()
            guard = _Guard(self, view, (requirement,), below)
        tenants = {r.tenant for r in guard.requirements + guard.inner
                   if isinstance(r, _Organization)}
        if len(tenants) > 1:
            raise ConfigurationError("a view is of one tenant")

        @functools.wraps(guard.view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                self._enforce(guard, kwargs)
            except _Refused as refused:
                return self._answer(refused.status, refused.decision_id)
            return flask.current_app.ensure_sync(guard.view)(*args, **kwargs)

        guard.wrapper.append(guarded)
        setattr(guarded, _GUARD, guard)
        return guarded

    def _is_public(self, endpoint: str, view: View) -> bool:
        return endpoint in self._public or \
            getattr(view, _PUBLIC, None) is self

    def _refuse_unguarded(self) -> Optional[flask.Response]:
        request = flask.request
        if request.endpoint is None or request.url_rule is None:
            return None  # There is no such route.
        view = flask.current_app.view_functions.get(request.endpoint)
        if view is None or self._is_public(request.endpoint, view):
            return None
        guard = getattr(view, _GUARD, None)
        if isinstance(guard, _Guard) and guard.pdp is self:
            return None
        _LOG.error("the view %r has no guard and was not run",
                   request.endpoint)
        return self._answer(500, "")

    def _answer_error(self, error: PdpError) -> flask.Response:
        decision = getattr(error, "decision", None)
        return self._answer(error.http_status,
                            getattr(decision, "decision_id", ""))

    def _answer(self, status: int, decision_id: str) -> flask.Response:
        response = flask.jsonify({"decisionId": decision_id or None})
        response.status_code = status
        response.headers["Cache-Control"] = "no-store"
        return response

    def _enforce(self, guard: _Guard, arguments: Mapping[str, Any]) -> None:
        """Raises _Refused unless all is permitted."""
        if flask.current_app.extensions.get(_EXTENSION) is not self:
            raise ConfigurationError("init_app was not called")
        who = self._subject()
        if who is None or who == "":
            raise _Refused(401)
        who = subject(who)
        tenant = guard.tenant()
        if tenant is None:
            tenant, reference = getattr(flask.request, _TENANT, (None, None))
        else:
            reference = self._tenant_reference(tenant, arguments)
            setattr(flask.request, _TENANT, (tenant, reference))
        context = self._context_of(tenant, reference)
        setattr(flask.request, _ASKING, (who, context))
        permissions = [r for r in guard.requirements
                       if isinstance(r, _Permission)]
        roles = [r for r in guard.requirements if isinstance(r, _Role)]
        asks_tenant = any(isinstance(r, _Organization)
                          for r in guard.requirements)
        # A Check judges the tenants that it is sent.
        is_judged = permissions and reference is not None
        if roles or (asks_tenant and not is_judged):
            self._enforce_access(who, context, reference, roles,
                                 tenant is not None)
        for permission in permissions:
            self._enforce_permission(who, context, permission, arguments)

    @staticmethod
    def _tenant_reference(tenant: Tenant,
                          arguments: Mapping[str, Any]) -> Optional[str]:
        if tenant.source == "stored":
            return None
        reference = tenant.read(arguments)
        if reference is None:
            raise _Refused(403)
        return reference

    def _context_of(self, tenant: Optional[Tenant],
                    reference: Optional[str]) -> types_pb2.Context:
        context = types_pb2.Context()
        if self._context is not None:
            context.CopyFrom(self._context())
        if tenant is None:
            return context
        if context.active_tenants or context.use_stored_tenant:
            raise ConfigurationError("the tenant is said twice")
        if reference is None:
            context.use_stored_tenant = True
        else:
            context.active_tenants.append(reference)
        return context

    def _enforce_access(self, who: types_pb2.Subject,
                        context: types_pb2.Context, reference: Optional[str],
                        roles: List[_Role], has_tenant: bool) -> None:
        try:
            access = self.client.describe(who, context=context,
                                          options=self._options())
        except NoDecision:
            raise _Refused(503) from None
        reason = reason_name(access.reason)
        if reason != "PERMITTED":
            raise _Refused(503 if reason is None or reason in _NOT_NOW else
                           401 if reason in _UNKNOWN_SUBJECT else 403)
        bound = _bound_tenant(access, reference, has_tenant)
        for role in roles:
            if not any(granted.policy == role.policy and
                       granted.tenant == bound for granted in access.roles):
                raise _Refused(403)

    def _enforce_permission(self, who: types_pb2.Subject,
                            context: types_pb2.Context,
                            permission: _Permission,
                            arguments: Mapping[str, Any]) -> None:
        method = flask.request.method
        by_method = permission.interactions
        number = by_method.get("*") or by_method.get(method) or \
            (by_method.get("GET") if method == "HEAD" else None)
        if number is None:
            raise _Refused(403)
        proposed = permission.proposed() \
            if permission.proposed is not None and number in _WRITES else None
        what = _resource_of(permission, arguments)
        try:
            request = check_request(who, number, what, context=context,
                                    proposed=proposed)
        except ValueError:
            if isinstance(what, str):
                raise _Refused(403) from None
            raise
        decision = self.client.check(request, self._options())
        if not decision.permitted_if(*permission.honored):
            raise _Refused(decision.http_status, decision.decision_id)
        setattr(flask.request, _DECISION, decision)

    @staticmethod
    def _options() -> CallOptions:
        headers = flask.request.headers
        return CallOptions(traceparent=headers.get("traceparent"),
                           request_id=headers.get("X-Request-ID"))


def _bound_tenant(access: decision_pb2.DescribeAccessResponse,
                  reference: Optional[str],
                  has_tenant: bool) -> Optional[str]:
    """The tenant that roles have to be bound to, empty for roles that are
    bound to none; None: no role counts.  Raises _Refused where the subject does
    not have the tenant."""
    tenants = {tenant.reference for tenant in access.tenants}
    if reference is not None:
        if reference not in tenants:
            raise _Refused(403)
        return reference
    if not has_tenant:
        return ""
    # The stored choice: the answer has the roles of the chosen tenant, or of
    # all where none was chosen.
    if not tenants:
        raise _Refused(403)
    bound = {str(role.tenant) for role in access.roles if role.tenant}
    return bound.pop() if len(bound) == 1 else None


def _argument(name: str, arguments: Mapping[str, Any]) -> str:
    value = arguments.get(name)
    if value is None:
        raise ConfigurationError(f"the route has no argument {name!r}")
    return str(value)


def _reference(resource_type: str, id: str) -> Optional[str]:
    return f"{resource_type}/{id}" if _ID.fullmatch(id) else None


def _resource_of(permission: _Permission,
                 arguments: Mapping[str, Any]) -> What:
    if not isinstance(permission.what, str):
        return permission.what(**arguments)
    values: Dict[str, str] = {}
    for name in permission.names():
        values[name] = _argument(name, arguments)
        if not _ID.fullmatch(values[name]):
            raise _Refused(403)
    return _PLACE.sub(lambda place: values[place.group(1)], permission.what)
