"""Row filters from policy: the answer of a Filter as a where-clause.

    mapping = ResourceMapping(
        Patient, "Patient", project=PROJECT,
        tenant=any_of(
            reference_id(Patient.organization_id, "Organization"),
            related(Share.patient_id, Patient.id,
                    reference_id(Share.organization_id, "Organization"))),
        elements={"Patient.gender": text(Patient.gender)})
    result = pdp.filter(filter_request(member, "Patient"))
    rows = session.scalars(where_permitted(select(Patient), result, mapping))

SQLAlchemy 1.4 and 2, on PostgreSQL and SQLite.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Union

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause, Join

from medplum_pdp._sql import Clause
from medplum_pdp._v1 import decision_pb2
from medplum_pdp.decision import Obligation
from medplum_pdp.elements import (Element, MappingError, UnknownCondition,
                                  absent, any_of, boolean, coding, constant,
                                  contact_point, day, instant, number,
                                  reference, reference_id, related, text)
from medplum_pdp.errors import PdpError
from medplum_pdp.filters import FilterResult

__all__ = [
    "Element", "HiddenFieldsNotHonored", "MappingError", "NotExpressible",
    "ResourceMapping", "absent", "any_of", "boolean", "coding", "constant",
    "contact_point", "day", "filter_to_sqlalchemy", "instant", "number",
    "reference", "reference_id", "related", "text", "where_permitted",
]

_ORDERS = {
    decision_pb2.COMPARISON_OPERATOR_EQUALS: "=",
    decision_pb2.COMPARISON_OPERATOR_STARTS_WITH: "starts",
    decision_pb2.COMPARISON_OPERATOR_CONTAINS: "contains",
    decision_pb2.COMPARISON_OPERATOR_LESS_THAN: "<",
    decision_pb2.COMPARISON_OPERATOR_LESS_THAN_OR_EQUALS: "<=",
    decision_pb2.COMPARISON_OPERATOR_GREATER_THAN: ">",
    decision_pb2.COMPARISON_OPERATOR_GREATER_THAN_OR_EQUALS: ">=",
}
_TYPES = ("token", "reference", "string", "uri", "date", "number", "quantity")


class NotExpressible(PdpError):
    """What may be found cannot be said as a condition (docs/filter.md says what
    cannot).  Run `FilterResult.queries` at the Medplum server instead."""


class HiddenFieldsNotHonored(PdpError):
    """Fields have to be removed before anything is shown, and the caller did
    not say that it does so."""

    http_status = 403


class ResourceMapping:
    """Where a model keeps what conditions over a resource type ask about.

    `tenant`: the compartments that a resource is in (`meta.compartment`, by
    which `_compartment=%organization` narrows): its own organization, those it
    is shared with, its patient.  `project`: the id of the project that all rows
    are of, or where it is kept.  `elements`: by the path of FHIRPath that
    docs/filter.md and the message of a MappingError show.

    Raises MappingError: no tenant, a column of another table, or one whose type
    cannot be compared exactly.
    """

    def __init__(self, model: Any, resource_type: str, *,
                 tenant: Optional[Element],
                 project: Union[str, Element],
                 elements: Optional[Mapping[str, Element]] = None) -> None:
        if not isinstance(tenant, Element):
            raise MappingError(
                f"{resource_type} has no tenant: say which column holds it")
        self.resource_type = resource_type
        self.selectable: FromClause = model if isinstance(model, FromClause) \
            else sa.inspect(model).selectable
        self._elements: Dict[str, Element] = {
            **(elements or {}),
            f"{resource_type}.meta.compartment": tenant,
            f"{resource_type}.meta.project":
                constant(project) if isinstance(project, str) else project,
        }
        for path, element in self._elements.items():
            if not isinstance(element, Element):
                raise MappingError(f"`{path}` is mapped to no element")
            for column in element.columns():
                if not _has(self.selectable, column.table):
                    raise MappingError(
                        f"{column} is no column of the model mapped to "
                        f"{resource_type}")

    def element(self, path: str) -> Element:
        """Raises MappingError where it is not mapped."""
        try:
            return self._elements[path]
        except KeyError:
            raise MappingError(
                f"the condition asks about `{path}`, which is not mapped"
            ) from None


def filter_to_sqlalchemy(result: Optional[FilterResult],
                         mapping: ResourceMapping,
                         *honored: Obligation) -> Clause:
    """The condition under which a row may be shown, never null.

    It finds nothing where there is no answer, where it is not permitted, and
    where it says what is not understood here.  Raises MappingError where the
    mapping lacks what is asked about, NotExpressible where there is no exact
    condition, HiddenFieldsNotHonored where fields have to be removed and
    `honored` does not have Obligation.HIDDEN_FIELDS.
    """
    if result is None or not result.permitted:
        return sa.false()
    if result.resource_type != mapping.resource_type:
        raise MappingError(f"the filter is for {result.resource_type}, "
                           f"the mapping for {mapping.resource_type}")
    if (result.strip_fields_required or result.hidden_fields) and \
            Obligation.HIDDEN_FIELDS not in honored:
        raise HiddenFieldsNotHonored("fields have to be removed from the rows")
    if result.condition is None:
        raise NotExpressible("what may be found cannot be said as a condition")
    try:
        return _clause(result.condition, mapping)
    except UnknownCondition:
        return sa.false()


def where_permitted(statement: Any, result: Optional[FilterResult],
                    mapping: ResourceMapping, *honored: Obligation) -> Any:
    """`statement`, a select of the mapped model, narrowed to what may be shown.

    Raises MappingError where the model is not among what is selected from: the
    condition would then be of other rows.
    """
    froms = statement.get_final_froms()
    if not any(_has(one, mapping.selectable) for one in froms):
        raise MappingError("the statement does not select from the model that "
                           f"is mapped to {mapping.resource_type}")
    return statement.where(filter_to_sqlalchemy(result, mapping, *honored))


def _has(selectable: Any, table: Any) -> bool:
    # What the ORM annotates has the hash of what it is.
    if hash(selectable) == hash(table):
        return True
    return isinstance(selectable, Join) and (
        _has(selectable.left, table) or _has(selectable.right, table))


def _clause(condition: decision_pb2.Condition,
            mapping: ResourceMapping) -> Clause:
    node = condition.WhichOneof("node")
    if node == "constant":
        return sa.true() if condition.constant else sa.false()
    if node == "not":
        return sa.not_(_clause(getattr(condition, "not"), mapping))
    if node in ("all_of", "any_of"):
        parts = [_clause(child, mapping)
                 for child in getattr(condition, node).conditions]
        if not parts:
            raise UnknownCondition  # No answer has an empty list.
        return sa.and_(*parts) if node == "all_of" else sa.or_(*parts)
    if node == "comparison":
        return _comparison(condition.comparison, mapping)
    raise UnknownCondition


def _comparison(comparison: decision_pb2.Comparison,
                mapping: ResourceMapping) -> Clause:
    element = mapping.element(comparison.path)
    values = list(comparison.values)
    if comparison.parameter_type not in _TYPES or not values or \
            any("\0" in value for value in values):
        raise UnknownCondition
    if comparison.parameter_type not in element.types:
        raise MappingError(f"`{comparison.path}` is a "
                           f"{comparison.parameter_type}, and not mapped so")
    operator = comparison.operator
    if operator == decision_pb2.COMPARISON_OPERATOR_EXISTS:
        if values not in (["true"], ["false"]):
            raise UnknownCondition
        exists = element.exists()
        return exists if values == ["true"] else sa.not_(exists)
    if operator == decision_pb2.COMPARISON_OPERATOR_NOT_EQUALS:
        return sa.not_(_any(comparison, element, "="))
    if operator not in _ORDERS:
        raise UnknownCondition
    return _any(comparison, element, _ORDERS[operator])


def _any(comparison: decision_pb2.Comparison, element: Element,
         operator: str) -> Clause:
    if comparison.parameter == "_compartment":
        if operator != "=":
            raise UnknownCondition
        return sa.or_(*[element.compare_id(value)
                        for value in comparison.values])
    return sa.or_(*[
        element.compare(operator, value, comparison.parameter == "_id")
        for value in comparison.values])
