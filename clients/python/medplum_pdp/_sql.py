"""Comparisons of columns that are the same whatever the collation, and never
null: of a column without a value they are false."""

from __future__ import annotations

import datetime
import re
import uuid
from typing import Any, Callable, Dict

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

#: A boolean expression.
Clause = Any

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DAY = datetime.timedelta(days=1)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_LARGEST = 1.7976931348623157e308
_UTC = datetime.timezone.utc


class _Exact(FunctionElement):  # type: ignore[misc]
    """A text, compared byte by byte."""

    type = sa.Text()
    inherit_cache = True
    name = "pdp_exact"


class _Lowered(FunctionElement):  # type: ignore[misc]
    """A text whose letters A to Z are small, compared byte by byte."""

    type = sa.Text()
    inherit_cache = True
    name = "pdp_lowered"


class _Position(FunctionElement):  # type: ignore[misc]
    """Where the second text begins in the first, from 1; 0: nowhere."""

    type = sa.Integer()
    inherit_cache = True
    name = "pdp_position"


@compiles(_Exact)  # type: ignore[misc]
@compiles(_Lowered)  # type: ignore[misc]
@compiles(_Position)  # type: ignore[misc]
def _other(element: Any, compiler: Any, **kw: Any) -> str:
    raise exc.CompileError(
        f"medplum_pdp knows no exact comparison of texts in "
        f"{compiler.dialect.name}")


@compiles(_Exact, "sqlite")  # type: ignore[misc]
def _exact_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return "(CAST(%s AS TEXT) COLLATE BINARY)" % compiler.process(
        element.clauses, **kw)


@compiles(_Exact, "postgresql")  # type: ignore[misc]
def _exact_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return '(CAST(%s AS TEXT) COLLATE "C")' % compiler.process(
        element.clauses, **kw)


@compiles(_Lowered, "sqlite")  # type: ignore[misc]
def _lowered_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return "(lower(CAST(%s AS TEXT)) COLLATE BINARY)" % compiler.process(
        element.clauses, **kw)


@compiles(_Lowered, "postgresql")  # type: ignore[misc]
def _lowered_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return "translate((CAST(%s AS TEXT) COLLATE \"C\"), '%s', '%s')" % (
        compiler.process(element.clauses, **kw), _UPPER, _UPPER.lower())


@compiles(_Position, "sqlite")  # type: ignore[misc]
def _position_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return "instr(%s)" % compiler.process(element.clauses, **kw)


@compiles(_Position, "postgresql")  # type: ignore[misc]
def _position_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return "strpos(%s)" % compiler.process(element.clauses, **kw)


def present(column: Any) -> Clause:
    return column.isnot(None)


def is_text(column: Any) -> bool:
    """Whether the column holds texts as they are: neither padded nor drawn
    from a list."""
    return isinstance(column.type, sa.String) and \
        not isinstance(column.type, (sa.CHAR, sa.NCHAR, sa.Enum))


def is_uuid(column: Any) -> bool:
    return type(column.type).__name__ in ("UUID", "Uuid")


def is_identifying(column: Any) -> bool:
    """Whether the column may hold ids."""
    return is_text(column) or is_uuid(column) or \
        isinstance(column.type, sa.Integer)


def equals(column: Any, value: str) -> Clause:
    """`value`, letter by letter."""
    if isinstance(column.type, sa.Integer):
        if not _INTEGER.fullmatch(value):
            return sa.false()
        return sa.and_(present(column), column == int(value))
    if is_uuid(column):
        return _is_uuid(column, value)
    # The first comparison may use an index; the second is the exact one.
    return sa.and_(present(column), column == value, _Exact(column) == value)


def equals_ignoring_case(column: Any, value: str) -> Clause:
    """`value`, in capital letters or small ones."""
    lowered = lower(value)
    if not is_text(column):
        return equals(column, lowered)
    return sa.and_(present(column), _Lowered(column) == lowered)


def _is_uuid(column: Any, value: str) -> Clause:
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        return sa.false()
    if str(parsed) != value:
        return sa.false()
    wanted = parsed if getattr(column.type, "as_uuid", False) else value
    return sa.and_(present(column), column == wanted)


def starts_with(column: Any, value: str) -> Clause:
    """`value` at the beginning, in capital letters or small ones."""
    return sa.and_(
        present(column),
        sa.func.substr(_Lowered(column), 1, len(value)) == lower(value))


def contains(column: Any, value: str) -> Clause:
    """`value` anywhere, in capital letters or small ones."""
    return sa.and_(present(column),
                   _Position(_Lowered(column), lower(value)) > 0)


def lower(value: str) -> str:
    """Of ASCII's letters alone."""
    return value.translate(str.maketrans(_UPPER, _UPPER.lower()))


def number_is(column: Any, operator: str, value: float) -> Clause:
    """A finite number that compares so."""
    number = sa.cast(column, sa.Float)
    return sa.and_(number_present(column), _OPERATORS[operator](number, value))


def number_present(column: Any) -> Clause:
    number = sa.cast(column, sa.Float)
    return sa.and_(present(column), number <= _LARGEST, number >= -_LARGEST)


def day_is(column: Any, operator: str, begin: datetime.datetime,
           end: datetime.datetime) -> Clause:
    """A date whose beginning, in UTC, compares so with [begin, end)."""
    # The first midnights at or after either.
    first, last = (_day_from(moment) for moment in (begin, end))
    return sa.and_(day_present(column),
                   _in_range(column, operator, first, last))


def day_present(column: Any) -> Clause:
    """A day of the calendar, which PostgreSQL's `infinity` is not."""
    return sa.and_(present(column), column >= datetime.date.min,
                   column <= datetime.date.max)


def _day_from(moment: datetime.datetime) -> datetime.date:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight if midnight == moment else midnight + _DAY).date()


def instant_is(column: Any, operator: str, begin: datetime.datetime,
               end: datetime.datetime) -> Clause:
    """A moment, kept in UTC, that compares so with [begin, end)."""
    return sa.and_(instant_present(column), _in_range(
        column, operator, _as_kept(column, begin), _as_kept(column, end)))


def instant_present(column: Any) -> Clause:
    return sa.and_(
        present(column),
        column >= _as_kept(column, datetime.datetime.min),
        column <= _as_kept(column, datetime.datetime.max))


def _as_kept(column: Any, moment: datetime.datetime) -> datetime.datetime:
    is_zoned = getattr(column.type, "timezone", False)
    return moment.replace(tzinfo=_UTC if is_zoned else None)


def _in_range(column: Any, operator: str, begin: Any, end: Any) -> Clause:
    tests: Dict[str, Callable[[], Clause]] = {
        "=": lambda: sa.and_(column >= begin, column < end),
        "<": lambda: column < begin,
        "<=": lambda: column < end,
        ">": lambda: column >= end,
        ">=": lambda: column >= begin,
    }
    return tests[operator]()


def range_of(value: str) -> tuple[datetime.datetime, datetime.datetime]:
    """The day, or the millisecond, that `value` says.  Raises ValueError."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        begin = datetime.datetime.strptime(value, "%Y-%m-%d")
        length = _DAY
    elif re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value,
                      re.ASCII):
        begin = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
        length = _MILLISECOND
    else:
        raise ValueError("neither a day nor a moment")
    begin = begin.replace(tzinfo=_UTC)
    try:
        return begin, begin + length
    except OverflowError:
        raise ValueError("past the end of the calendar") from None


_OPERATORS: Dict[str, Callable[[Any, Any], Clause]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
