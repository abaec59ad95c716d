"""Writing a question in one line."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping, Optional, Union

from medplum_pdp._v1 import decision_pb2, types_pb2

#: A resource: a mapping, or its JSON.
Json = Union[Mapping[str, Any], str, bytes]

_REFERENCE = re.compile(r"([A-Z][A-Za-z]{0,63})(?:/([A-Za-z0-9\-.]{1,64}))?")


def subject(who: Union[str, types_pb2.Subject],
            project: str = "") -> types_pb2.Subject:
    """Who asks: `ProjectMembership/id`, a profile, a client, a bot or a
    Subject.  Raises ValueError where it names nobody."""
    if isinstance(who, types_pb2.Subject):
        if who.WhichOneof("identity") is None:
            raise ValueError("the subject names nobody")
        return who
    if not isinstance(who, str):
        raise TypeError("a subject is a reference or a Subject")
    if not who:
        raise ValueError("the subject names nobody")
    return types_pb2.Subject(reference=who, project=project)


def interaction(name: Union[str, int]) -> int:
    """`read`, `vread`, `update`, `delete`, `history`, `create`, `search` or
    `patch` as a number.  Raises ValueError for any other."""
    if isinstance(name, str):
        full = "INTERACTION_" + name.upper()
        if full not in types_pb2.Interaction.keys():
            raise ValueError(f"there is no interaction {name!r}")
        name = int(types_pb2.Interaction.Value(full))
    if name == types_pb2.INTERACTION_UNSPECIFIED or \
            name not in types_pb2.Interaction.values():
        raise ValueError(f"there is no interaction {name!r}")
    return name


def resource(reference: str, *, body: Optional[Json] = None,
             proposed: Optional[Json] = None, version_id: str = "",
             project: str = "") -> types_pb2.Resource:
    """What it is about: `Patient/id`, or `Patient` alone for CREATE and SEARCH.

    `body` is the resource as it is stored now, `proposed` what a client wants
    to be stored.  Raises ValueError where `reference` is no reference.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError("not a reference `Type/id` or a type")
    return types_pb2.Resource(
        type=found.group(1), id=found.group(2) or "", version_id=version_id,
        project=project, body=to_json(body), proposed=to_json(proposed))


def check_request(who: Union[str, types_pb2.Subject],
                  interaction_name: Union[str, int],
                  what: Union[str, types_pb2.Resource], *,
                  context: Optional[types_pb2.Context] = None,
                  consistency: Optional[types_pb2.Consistency] = None,
                  body: Optional[Json] = None,
                  proposed: Optional[Json] = None,
                  version_id: str = "",
                  return_completed_resource: bool = False,
                  ) -> decision_pb2.CheckRequest:
    """May `who` do this to that?

        check_request("ProjectMembership/1", "read", "Patient/2")
    """
    if not isinstance(what, types_pb2.Resource):
        what = resource(what, body=body, proposed=proposed,
                        version_id=version_id)
    elif body is not None or proposed is not None or version_id:
        raise ValueError("say body, proposed and version_id in the Resource")
    return decision_pb2.CheckRequest(
        subject=subject(who), context=context,
        interaction=_number(interaction(interaction_name)), resource=what,
        consistency=consistency,
        return_completed_resource=return_completed_resource)


def batch_request(who: Union[str, types_pb2.Subject],
                  interaction_name: Union[str, int],
                  references: list[str], *,
                  context: Optional[types_pb2.Context] = None,
                  ) -> decision_pb2.BatchCheckRequest:
    """The same question about many resources."""
    number = _number(interaction(interaction_name))
    return decision_pb2.BatchCheckRequest(
        subject=subject(who), context=context,
        items=[decision_pb2.BatchCheckItem(interaction=number,
                                           resource=resource(reference))
               for reference in references])


def filter_request(who: Union[str, types_pb2.Subject], resource_type: str,
                   query: str = "", *,
                   context: Optional[types_pb2.Context] = None,
                   same_project: bool = False,
                   ) -> decision_pb2.FilterRequest:
    """Which searches for `resource_type` may `who` run?  `query` is its own
    search, `status=active`."""
    runner = decision_pb2.QUERY_RUNNER_SAME_PROJECT if same_project \
        else decision_pb2.QUERY_RUNNER_PRIVILEGED
    return decision_pb2.FilterRequest(
        subject=subject(who), context=context, resource_type=resource_type,
        query=query, runner=runner)


def to_json(value: Optional[Json]) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(value, allow_nan=False).encode()


def _number(value: int) -> Any:
    # The generated types take numbers, and their stubs only the enum.
    return value
