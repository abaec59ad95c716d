"""What the `require_*` methods raise."""

from __future__ import annotations

from typing import Union

from medplum_pdp.decision import Decision, Failure
from medplum_pdp.filters import FilterResult


class PdpError(Exception):
    """There is no permission."""

    #: What to answer to the one who asked.
    http_status = 503


class PermissionDenied(PdpError):
    """It was decided that this is not permitted: HTTP 403, or 401 where it is
    not known who asks."""

    def __init__(self, decision: Union[Decision, FilterResult]) -> None:
        super().__init__(_what(decision))
        self.decision = decision
        self.http_status = decision.http_status


class NoDecision(PdpError):
    """There is no decision, and so no permission: HTTP 503."""

    def __init__(self,
                 decision: Union[Decision, FilterResult, Failure]) -> None:
        if isinstance(decision, Failure):
            super().__init__(f"{decision.code}: {decision.message}")
            self.decision = None
            self.failure = decision
        else:
            super().__init__(_what(decision))
            self.decision = decision
            self.failure = decision.failure or Failure("DENY", decision.reason)


def _what(decision: Union[Decision, FilterResult]) -> str:
    if decision.failure is not None:
        return f"{decision.failure.code}: {decision.failure.message}"
    if decision.http_status == 200:
        return f"permitted (decision {decision.decision_id})"
    # The message of a refused query names the parameter.
    text = decision.reason or "not permitted"
    if decision.reason == "QUERY_NOT_SAFE":
        text += f": {decision.message}"
    return f"{text} (decision {decision.decision_id})"


def raise_unless(permitted: bool, decision: Decision) -> Decision:
    """`decision` where it is permitted."""
    if permitted:
        return decision
    if decision.http_status == 503:
        raise NoDecision(decision)
    raise PermissionDenied(decision)
