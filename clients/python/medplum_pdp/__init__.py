"""Asks the medplum-pdp policy decision point, and enforces its answers.

    from medplum_pdp import PdpClient, check_request

    with PdpClient("127.0.0.1:8990", plaintext=True) as pdp:
        decision = pdp.check(
            check_request("ProjectMembership/1", "read", "Patient/2"))
        if decision.permitted:
            ...

`medplum_pdp.flask` has decorators for Flask, `medplum_pdp.sqlalchemy` makes a
where-clause of a Filter's answer.
"""

from medplum_pdp._v1.decision_pb2 import (BatchCheckItem, BatchCheckRequest,
                                          CheckRequest, ExplainRequest,
                                          FilterRequest)
from medplum_pdp._v1.types_pb2 import (Consistency, Context, Resource, Session,
                                       Subject)
from medplum_pdp._version import __version__
from medplum_pdp.aio import AsyncPdpClient
from medplum_pdp.client import PdpClient, RevisionWatch
from medplum_pdp.decision import Decision, Effect, Failure, Obligation
from medplum_pdp.errors import NoDecision, PdpError, PermissionDenied
from medplum_pdp.fields import strip_hidden_fields
from medplum_pdp.filters import FilterKind, FilterResult
from medplum_pdp.options import CallOptions, CallReport, RetryBudget, Tls
from medplum_pdp.requests import (batch_request, check_request, filter_request,
                                  resource, subject)
from medplum_pdp.resources import (FilteredResource, FilteredResources,
                                   filter_header)
from medplum_pdp.revisions import RevisionChange

__all__ = [
    "AsyncPdpClient", "BatchCheckItem", "BatchCheckRequest", "CallOptions",
    "CallReport", "CheckRequest", "Consistency", "Context", "Decision",
    "Effect", "ExplainRequest", "Failure", "FilterKind", "FilterRequest",
    "FilterResult", "FilteredResource", "FilteredResources", "NoDecision",
    "Obligation", "PdpClient", "PdpError", "PermissionDenied", "Resource",
    "RetryBudget", "RevisionChange", "RevisionWatch", "Session", "Subject",
    "Tls", "__version__", "batch_request", "check_request", "filter_header",
    "filter_request", "resource", "strip_hidden_fields", "subject",
]
