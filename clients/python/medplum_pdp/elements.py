"""Which columns hold the elements that a condition asks about.

Each of these is given to `medplum_pdp.sqlalchemy.ResourceMapping`.  A column
that is NULL is an element that is not there; nothing else is, an empty text
neither.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Callable, FrozenSet, List, Optional, Union

import sqlalchemy as sa

from medplum_pdp import _sql
from medplum_pdp._sql import Clause

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)


class MappingError(ValueError):
    """The mapping does not say what a condition asks about.  Nothing may be
    shown."""


class UnknownCondition(Exception):
    """A condition that is not understood: nothing may be found."""


class Element:
    """The values of an element, of each row."""

    #: The parameter types whose comparisons this answers.
    types: FrozenSet[str] = frozenset()

    def columns(self) -> List[Any]:
        """Those of the mapped table that are compared."""
        return []

    def exists(self) -> Clause:
        raise NotImplementedError

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        """`operator`: = < <= > >= starts contains."""
        raise NotImplementedError

    def compare_id(self, reference: str) -> Clause:
        """Of compartments: the id of a reference to such a resource.  Raises
        MappingError where this may have references that it does not map."""
        raise MappingError("is no reference: map compartments by "
                           "reference_id, related and any_of")


def _column(column: Any, fits: Callable[[Any], bool], what: str) -> Any:
    found = column.__clause_element__() \
        if hasattr(column, "__clause_element__") else column
    if getattr(found, "table", None) is None:
        raise MappingError("an element is mapped to a column")
    if not fits(found):
        raise MappingError(f"{found} holds no {what}: {found.type!r}")
    return found


class _Single(Element):
    def __init__(self, column: Any, fits: Callable[[Any], bool],
                 what: str) -> None:
        self._column = _column(column, fits, what)

    def columns(self) -> List[Any]:
        return [self._column]

    def exists(self) -> Clause:
        return _sql.present(self._column)


class text(_Single):
    """A code, an id, a text or a uri: the column as it is."""

    types = frozenset({"token", "string", "uri"})

    def __init__(self, column: Any) -> None:
        super().__init__(column, _sql.is_identifying, "text")

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        if operator == "=":
            return (_sql.equals_ignoring_case if ignores_case
                    else _sql.equals)(self._column, value)
        if operator not in ("starts", "contains") or not value.isascii():
            raise UnknownCondition
        if not _sql.is_text(self._column):
            raise MappingError(f"{self._column} holds no text to be searched")
        return (_sql.starts_with if operator == "starts"
                else _sql.contains)(self._column, value)


class boolean(_Single):
    """A boolean."""

    types = frozenset({"token"})

    def __init__(self, column: Any) -> None:
        super().__init__(column, lambda c: isinstance(c.type, sa.Boolean),
                         "boolean")

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        if operator != "=":
            raise UnknownCondition
        if value not in ("true", "false"):
            return sa.false()
        wanted = sa.true() if value == "true" else sa.false()
        return sa.and_(self.exists(), self._column.is_(wanted))


class reference(_Single):
    """A whole reference or a canonical url, `Organization/1`."""

    types = frozenset({"reference"})

    def __init__(self, column: Any) -> None:
        super().__init__(column, _sql.is_text, "reference")

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        if operator != "=":
            raise UnknownCondition
        return _sql.equals(self._column, value)

    def compare_id(self, reference: str) -> Clause:
        if "/" not in reference:
            raise MappingError("compartments are mapped by whole references, "
                               "and the condition has an id alone")
        return _sql.equals(self._column, reference)


class reference_id(_Single):
    """The id of a resource of one type: a reference to it."""

    types = frozenset({"reference"})

    def __init__(self, column: Any, resource_type: str) -> None:
        super().__init__(column, _sql.is_identifying, "id")
        self.resource_type = resource_type

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        if operator != "=":
            raise UnknownCondition
        prefix = self.resource_type + "/"
        if not value.startswith(prefix):
            return sa.false()
        return _sql.equals(self._column, value[len(prefix):])

    def compare_id(self, reference: str) -> Clause:
        resource_type, slash, id = reference.rpartition("/")
        if slash and resource_type != self.resource_type:
            raise MappingError(
                f"compartments of {resource_type} are not mapped")
        return _sql.equals(self._column, id)


class coding(Element):
    """An Identifier, a Coding or a CodeableConcept: its code (an Identifier's
    value) and, where it has them, its system (a column, or the one that all
    have), its display (an Identifier's type.text) and its text."""

    types = frozenset({"token"})

    def __init__(self, code: Any, *, system: Union[Any, str, None] = None,
                 display: Any = None, text: Any = None) -> None:
        self._code = _column(code, _sql.is_text, "text")
        self._system = system if isinstance(system, str) or system is None \
            else _column(system, _sql.is_text, "text")
        self._texts = [_column(column, _sql.is_text, "text")
                       for column in (display, text) if column is not None]

    def columns(self) -> List[Any]:
        system = [] if isinstance(self._system, (str, type(None))) \
            else [self._system]
        return [self._code, *system, *self._texts]

    def exists(self) -> Clause:
        return sa.or_(*[_sql.present(column) for column in
                        [self._code, *self._texts]])

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        if operator != "=" or ignores_case:
            raise UnknownCondition
        system, bar, code = (part.strip(" ") for part in value.partition("|"))
        if not bar:
            return sa.or_(self._is_code(system), *[
                _sql.equals(column, system) for column in self._texts])
        if not system and not code:
            return sa.false()
        return sa.and_(self._has_system(system),
                       self._is_code(code) if code
                       else _sql.present(self._code))

    def _is_code(self, code: str) -> Clause:
        return _sql.equals(self._code, code)

    def _has_system(self, system: str) -> Clause:
        if self._system is None or isinstance(self._system, str):
            return sa.true() if (self._system or "") == system else sa.false()
        return _sql.equals(self._system, system) if system \
            else sa.not_(_sql.present(self._system))


class contact_point(coding):
    """The value of a ContactPoint, and its system: a column, or the one that
    all have.  Capital letters are as small ones."""

    def __init__(self, value: Any, system: Union[Any, str]) -> None:
        super().__init__(value, system=system)

    def _is_code(self, code: str) -> Clause:
        return _sql.equals_ignoring_case(self._code, code)

    def _has_system(self, system: str) -> Clause:
        return super()._has_system(_sql.lower(system))


class day(_Single):
    """A date without a time."""

    types = frozenset({"date"})

    def __init__(self, column: Any) -> None:
        super().__init__(column, lambda c: isinstance(c.type, sa.Date), "date")

    def exists(self) -> Clause:
        return _sql.day_present(self._column)

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        try:
            return _sql.day_is(self._column, *_moment(operator, value))
        except OverflowError:  # No midnight follows.
            raise UnknownCondition from None


class instant(_Single):
    """A moment that the column keeps in UTC."""

    types = frozenset({"date"})

    def __init__(self, column: Any) -> None:
        super().__init__(column, lambda c: isinstance(c.type, sa.DateTime),
                         "moment")

    def exists(self) -> Clause:
        return _sql.instant_present(self._column)

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        return _sql.instant_is(self._column, *_moment(operator, value))


def _moment(operator: str, value: str) -> (
        "tuple[str, datetime.datetime, datetime.datetime]"):
    if operator in ("starts", "contains"):
        raise UnknownCondition
    try:
        return (operator, *_sql.range_of(value))
    except ValueError:
        raise UnknownCondition from None


class number(_Single):
    """A number, or the value of a Quantity, whatever the unit."""

    types = frozenset({"number", "quantity"})

    def __init__(self, column: Any) -> None:
        super().__init__(
            column, lambda c: isinstance(
                c.type, (sa.Numeric, sa.Float, sa.Integer)), "number")

    def exists(self) -> Clause:
        return _sql.number_present(self._column)

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        if operator in ("starts", "contains") or not _NUMBER.fullmatch(value):
            raise UnknownCondition
        wanted = float(value)
        if wanted in (float("inf"), float("-inf")):
            raise UnknownCondition
        return _sql.number_is(self._column, operator, wanted)


class constant(Element):
    """One value that every row has, such as the project of all."""

    types = frozenset({"token", "string", "uri", "reference"})

    def __init__(self, value: str) -> None:
        if not isinstance(value, str) or not value:
            raise MappingError("a constant is a text")
        self._value = value

    def exists(self) -> Clause:
        return sa.true()

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        own = self._value
        if ignores_case or operator in ("starts", "contains"):
            own, value = _sql.lower(own), _sql.lower(value)
        found = {"=": own == value, "starts": own.startswith(value),
                 "contains": value in own}.get(operator)
        if found is None:
            raise UnknownCondition
        return sa.true() if found else sa.false()

    def compare_id(self, reference: str) -> Clause:
        resource_type, slash, id = reference.rpartition("/")
        own_type, _, own_id = self._value.rpartition("/")
        if slash and resource_type != own_type:
            raise MappingError(
                f"compartments of {resource_type} are not mapped")
        return sa.true() if id == own_id else sa.false()


class absent(Element):
    """No row has this element."""

    types = frozenset({"token", "string", "uri", "reference", "date", "number",
                       "quantity"})

    def exists(self) -> Clause:
        return sa.false()

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        return sa.false()


class related(Element):
    """The elements in the rows of another table: those whose `key` is the row's
    `of`.  An element may so have several values, such as the organizations that
    a row is shared with."""

    def __init__(self, key: Any, of: Any, element: Element) -> None:
        if not isinstance(element, Element) or not element.columns():
            raise MappingError("a related element is mapped to columns")
        self._key = _column(key, _sql.is_identifying, "key")
        self._of = _column(of, _sql.is_identifying, "key")
        self._element = element
        self.types = element.types
        for column in element.columns():
            if hash(column.table) != hash(self._key.table):
                raise MappingError(f"{column} is not beside {self._key}")

    def columns(self) -> List[Any]:
        return [self._of]

    def exists(self) -> Clause:
        return self._some(self._element.exists())

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        return self._some(self._element.compare(operator, value, ignores_case))

    def compare_id(self, reference: str) -> Clause:
        return self._some(self._element.compare_id(reference))

    def _some(self, clause: Clause) -> Clause:
        # IN, as a correlated EXISTS would be of any row at all in a statement
        # that does not have the table.
        keys = sa.select(self._key).where(_sql.present(self._key), clause)
        return sa.and_(_sql.present(self._of), self._of.in_(keys))


class any_of(Element):
    """All of these together: own or shared."""

    def __init__(self, *elements: Element) -> None:
        if not elements:
            raise MappingError("any_of nothing")
        self._elements = elements
        self.types = frozenset.intersection(*[e.types for e in elements])

    def columns(self) -> List[Any]:
        return [column for element in self._elements
                for column in element.columns()]

    def exists(self) -> Clause:
        return sa.or_(*[element.exists() for element in self._elements])

    def compare(self, operator: str, value: str, ignores_case: bool) -> Clause:
        return sa.or_(*[element.compare(operator, value, ignores_case)
                        for element in self._elements])

    def compare_id(self, reference: str) -> Clause:
        found: List[Clause] = []
        error: Optional[MappingError] = None
        for element in self._elements:
            try:
                found.append(element.compare_id(reference))
            except MappingError as unmapped:
                error = unmapped
        if not found:
            raise error or MappingError("compartments are not mapped")
        return sa.or_(*found)
