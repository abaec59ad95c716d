"""What a Filter answered."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Optional, Tuple

from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.decision import Failure, moment, reason_name


class FilterKind(enum.Enum):
    """What may be found."""

    ALWAYS_DENIED = "ALWAYS_DENIED"
    ALWAYS_PERMITTED = "ALWAYS_PERMITTED"
    CONDITIONAL = "CONDITIONAL"
    NO_DECISION = "NO_DECISION"


@dataclasses.dataclass(frozen=True)
class FilterResult:
    """Which searches return what the subject may find; docs/filter.md says how
    to use it.  It is true where something may be found."""

    kind: FilterKind
    #: The type that was asked about.
    resource_type: str = ""
    reason: str = ""
    message: str = dataclasses.field(default="", repr=False)
    decision_id: str = ""
    queries: Tuple[str, ...] = dataclasses.field(default=(), repr=False)
    single_query: str = dataclasses.field(default="", repr=False)
    #: The same as a tree for other data stores
    #: (`medplum_pdp.sqlalchemy.filter_to_sqlalchemy`); None where it cannot be
    #: said exactly.
    condition: Optional[decision_pb2.Condition] = dataclasses.field(
        default=None, repr=False, compare=False)
    hidden_fields: Tuple[str, ...] = ()
    #: Nothing may be shown before `hidden_fields` are removed.
    strip_fields_required: bool = False
    inexact: Tuple[str, ...] = dataclasses.field(default=(), repr=False)
    valid_until: Optional[datetime.datetime] = None
    failure: Optional[Failure] = None
    _denial_status: int = dataclasses.field(default=503, repr=False)

    @property
    def permitted(self) -> bool:
        """There is something that may be found."""
        return self.kind in (FilterKind.ALWAYS_PERMITTED,
                             FilterKind.CONDITIONAL)

    @property
    def http_status(self) -> int:
        """What to answer to the one who asked."""
        return 200 if self.permitted else self._denial_status

    def __bool__(self) -> bool:
        return self.permitted


def no_filter(code: str, message: str) -> FilterResult:
    return FilterResult(FilterKind.NO_DECISION, failure=Failure(code, message))


def filter_from(message: decision_pb2.FilterResponse,
                resource_type: str) -> FilterResult:
    """What `message` says; NO_DECISION where it says nothing that is known."""
    malformed = no_filter("MALFORMED", "the answer is malformed")
    reason = reason_name(message.reason)
    status = message.enforcement_http_status
    if reason is None:
        return malformed
    if message.kind == decision_pb2.FILTER_KIND_ALWAYS_DENIED:
        if status not in (401, 403, 503):
            return malformed
        return FilterResult(FilterKind.ALWAYS_DENIED, resource_type, reason,
                            message.message, message.decision_id,
                            _denial_status=status)
    kinds = {
        decision_pb2.FILTER_KIND_ALWAYS_PERMITTED: FilterKind.ALWAYS_PERMITTED,
        decision_pb2.FILTER_KIND_CONDITIONAL: FilterKind.CONDITIONAL,
    }
    if message.kind not in kinds or status != 200 or \
            message.reason != types_pb2.REASON_PERMITTED or \
            not message.queries:
        return malformed
    return FilterResult(
        kinds[message.kind], resource_type, reason, message.message,
        message.decision_id, tuple(message.queries), message.single_query,
        message.condition if message.HasField("condition") else None,
        tuple(message.hidden_fields), message.strip_fields_required,
        tuple(message.inexact), moment(message, "valid_until"))
