"""What FilterResources lets through."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, Iterator, List, Optional

from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.decision import Failure
from medplum_pdp.errors import NoDecision
from medplum_pdp.requests import interaction, subject


@dataclasses.dataclass(frozen=True)
class FilteredResource:
    """A resource that may be shown, without its hidden fields."""

    #: The position among all that were sent, from 0.
    index: int
    resource: Dict[str, Any] = dataclasses.field(repr=False)
    removed_fields: int = 0


@dataclasses.dataclass(frozen=True)
class FilteredResources:
    """All that may be shown."""

    resources: List[FilteredResource]
    summary: decision_pb2.FilterResourcesSummary

    def __iter__(self) -> Iterator[FilteredResource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)


def filter_header(who: Any, interaction_name: str = "read", *,
                  context: Optional[types_pb2.Context] = None,
                  project: str = "",
                  ) -> decision_pb2.FilterResourcesHeader:
    """For whom resources are filtered, and what for: `read` or `search`.
    `project`: of resources without `meta.project`."""
    number = interaction(interaction_name)
    if number not in (types_pb2.INTERACTION_READ,
                      types_pb2.INTERACTION_SEARCH):
        raise ValueError("resources are filtered for read or for search")
    found: Any = number
    return decision_pb2.FilterResourcesHeader(
        subject=subject(who), context=context, interaction=found,
        project=project)


class ReleaseReader:
    """Reads the answers of a stream of FilterResources, and believes none that
    does not fit what was sent."""

    def __init__(self) -> None:
        self._sent = 0
        self._permitted = 0
        self._last = -1
        self._summary: Optional[decision_pb2.FilterResourcesSummary] = None

    @property
    def summary(self) -> decision_pb2.FilterResourcesSummary:
        if self._summary is None:
            raise _malformed("the stream ended without its summary")
        return self._summary

    def sent(self) -> None:
        self._sent += 1

    def take(self, message: decision_pb2.FilterResourcesResponse,
             ) -> Iterator[FilteredResource]:
        """At most one resource.  Raises NoDecision."""
        part = message.WhichOneof("part")
        if part is None or self._summary is not None:
            raise _malformed("an answer that is none")
        if part == "summary":
            self._summary = message.summary
            return
        found = message.resource
        if found.index <= self._last or found.index >= self._sent:
            raise _malformed("an index twice or out of order")
        self._last = found.index
        self._permitted += 1
        try:
            resource = json.loads(found.resource)
        except ValueError:
            resource = None
        if not isinstance(resource, dict):
            raise _malformed("a resource that is no JSON")
        yield FilteredResource(found.index, resource, found.removed_fields)

    def end(self, failure: Optional[Failure]) -> None:
        """Raises NoDecision unless the stream ended as it should."""
        if failure is not None:
            raise NoDecision(failure)
        if (self.summary.received, self.summary.permitted) != \
                (self._sent, self._permitted):
            raise _malformed("the summary tells of other resources")


def _malformed(message: str) -> NoDecision:
    return NoDecision(Failure("MALFORMED", message))
