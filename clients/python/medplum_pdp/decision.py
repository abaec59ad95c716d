"""What the decision point answered, as an enforcement point may use it."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from typing import Any, Mapping, Optional, Tuple

from medplum_pdp._v1 import types_pb2
from medplum_pdp.fields import strip_hidden_fields

_PERMITTED = types_pb2.REASON_PERMITTED
_DENIAL_STATUSES = (401, 403, 503)


class Effect(enum.Enum):
    """What was decided."""

    DENY = "DENY"
    PERMIT = "PERMIT"
    PERMIT_WITH_OBLIGATIONS = "PERMIT_WITH_OBLIGATIONS"
    NO_DECISION = "NO_DECISION"


class Obligation(enum.Enum):
    """What is left to do where the effect is PERMIT_WITH_OBLIGATIONS."""

    #: Remove `Decision.hidden_fields` before anything is shown.
    HIDDEN_FIELDS = "HIDDEN_FIELDS"
    #: Store the completed resource of the answer, not what was sent.
    READONLY_FIELDS = "READONLY_FIELDS"
    #: Remove from each version of a history what it hides.
    VERSION_FIELDS = "VERSION_FIELDS"


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why there is no answer: a gRPC status, by its name."""

    code: str
    message: str


@dataclasses.dataclass(frozen=True)
class Decision:
    """The answer to one question.  It is true where it is a plain permit."""

    effect: Effect
    #: The name of a Reason, such as `RESOURCE_NOT_GRANTED`; empty where there
    #: is no decision.
    reason: str = ""
    #: A sentence for people; not for the one who asked.
    message: str = ""
    decision_id: str = ""
    hidden_fields: Tuple[str, ...] = ()
    obligations: frozenset[Obligation] = frozenset()
    #: Until when the answer may be reused; None: not at all.
    valid_until: Optional[datetime.datetime] = None
    #: Where there is no decision: why.
    failure: Optional[Failure] = None
    #: The whole answer (medplum.pdp.v1.Decision); None where there is none.
    proto: Optional[types_pb2.Decision] = dataclasses.field(
        default=None, repr=False, compare=False)
    _denial_status: int = dataclasses.field(default=403, repr=False)

    @property
    def permitted(self) -> bool:
        """PERMIT: nothing is left to do."""
        return self.effect is Effect.PERMIT

    @property
    def permitted_with_obligations(self) -> bool:
        """PERMIT_WITH_OBLIGATIONS; then `permitted` is false."""
        return self.effect is Effect.PERMIT_WITH_OBLIGATIONS

    @property
    def denied(self) -> bool:
        return self.effect is Effect.DENY

    @property
    def no_decision(self) -> bool:
        return self.effect is Effect.NO_DECISION

    def permitted_if(self, *honored: Obligation) -> bool:
        """PERMIT, or all that it obliges to is among `honored`, which the
        caller then does."""
        if self.permitted_with_obligations:
            return bool(self.obligations) and self.obligations <= set(honored)
        return self.permitted

    def http_status_if(self, *honored: Obligation) -> int:
        """What to answer to the one who asked, by who honors `honored`."""
        if self.permitted_if(*honored):
            return 200
        if self.effect is Effect.NO_DECISION:
            return 503
        return self._denial_status if self.effect is Effect.DENY else 403

    @property
    def http_status(self) -> int:
        """What to answer to the one who asked, by who honors no obligation."""
        return self.http_status_if()

    def strip(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """`resource` without the hidden fields, to be shown.

        Raises ValueError where nothing may be shown: it is not permitted, or a
        field cannot be removed.
        """
        if not self.permitted_if(Obligation.HIDDEN_FIELDS,
                                 Obligation.READONLY_FIELDS):
            raise ValueError("not permitted: there is nothing to show")
        return strip_hidden_fields(resource, self.hidden_fields)

    def strip_version(self, version: Mapping[str, Any]) -> dict[str, Any]:
        """`version`, a resource of a history, without what is hidden in it.

        Raises ValueError as `strip` does.
        """
        if not self.permitted_if(Obligation.HIDDEN_FIELDS,
                                 Obligation.VERSION_FIELDS):
            raise ValueError("not permitted: there is nothing to show")
        meta = version.get("meta")
        version_id = meta.get("versionId") if isinstance(meta, dict) else None
        named = {v.version_id: tuple(v.hidden_fields) for v in
                 (self.proto.versions if self.proto is not None else ())}
        if named and not version_id:
            raise ValueError("it is not known which version this is")
        return strip_hidden_fields(
            version, named.get(version_id, self.hidden_fields))

    @property
    def completed_resource(self) -> Optional[dict[str, Any]]:
        """What to store where a write is permitted, readonly fields as they
        were; None unless the request had `return_completed_resource`."""
        if self.proto is None or not self.permitted_if(*Obligation) or \
                not self.proto.write.resource:
            return None
        found = json.loads(self.proto.write.resource)
        return found if isinstance(found, dict) else None

    def __bool__(self) -> bool:
        return self.permitted


def no_decision(code: str, message: str) -> Decision:
    return Decision(Effect.NO_DECISION, failure=Failure(code, message))


def decision_from(message: types_pb2.Decision) -> Decision:
    """What `message` says; NO_DECISION where it says nothing that is known."""
    malformed = no_decision("MALFORMED", "the answer is malformed")
    reason = reason_name(message.reason)
    if reason is None:
        return malformed
    values: dict[str, Any] = {
        "reason": reason,
        "message": message.message,
        "decision_id": message.decision_id,
        "hidden_fields": tuple(message.hidden_fields),
        "obligations": _obligations(message),
        "valid_until": moment(message, "valid_until"),
        "proto": message,
    }
    status = message.enforcement_http_status
    if message.effect == types_pb2.EFFECT_DENY:
        if message.reason == _PERMITTED or status not in _DENIAL_STATUSES:
            return malformed
        values["obligations"] = frozenset()
        return Decision(Effect.DENY, _denial_status=status, **values)
    if message.reason != _PERMITTED or status != 200:
        return malformed
    if message.effect == types_pb2.EFFECT_PERMIT:
        return malformed if values["obligations"] else \
            Decision(Effect.PERMIT, **values)
    if message.effect == types_pb2.EFFECT_PERMIT_WITH_OBLIGATIONS:
        return Decision(Effect.PERMIT_WITH_OBLIGATIONS, **values)
    return malformed


def _obligations(message: types_pb2.Decision) -> frozenset[Obligation]:
    found = set()
    if message.hidden_fields:
        found.add(Obligation.HIDDEN_FIELDS)
    if message.readonly_fields or message.write.restored_fields:
        found.add(Obligation.READONLY_FIELDS)
    if message.versions:
        found.add(Obligation.VERSION_FIELDS)
    return frozenset(found)


def reason_name(reason: int) -> Optional[str]:
    """`RESOURCE_NOT_GRANTED`; None where it is unspecified or not known."""
    if reason == types_pb2.REASON_UNSPECIFIED or \
            reason not in types_pb2.Reason.values():
        return None
    name: str = types_pb2.Reason.Name(reason)
    return name[len("REASON_"):]


def moment(message: Any, field: str) -> Optional[datetime.datetime]:
    if not message.HasField(field):
        return None
    found: datetime.datetime = getattr(message, field).ToDatetime(
        tzinfo=datetime.timezone.utc)
    return found
