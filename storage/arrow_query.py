"""A compiled query over Parquet parts: the same condition in pyarrow's terms, for aggregates over many rows.

Only what the parts can tell: words, tags and parameters are known to the index alone, and `translated` says so by
returning None. Where it returns an expression, that holds for exactly the rows the index would give.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Column, ColumnElement, Float, Integer
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ExpressionClauseList,
    False_,
    Grouping,
    Null,
    True_,
    UnaryExpression,
)
from sqlalchemy.sql.functions import FunctionElement

from storage.schema import PREDICTION_COLUMNS

_COMPARE: dict[Any, Any] = {
    operators.eq: operator.eq,
    operators.lt: operator.lt,
    operators.gt: operator.gt,
    operators.le: operator.le,
    operators.ge: operator.ge,
    operators.add: operator.add,
    operators.sub: operator.sub,
    operators.mul: operator.mul,
}


# In the form the index keeps them; a whole number as a double, or Arrow compares with what it takes for the literal.
_AS_KEPT = {"time": pa.int64(), "date": pa.string(), "integer": pa.float64()}
_JOIN: dict[Any, Any] = {**_COMPARE, operators.and_: operator.and_, operators.or_: operator.or_}


class _Unknown(Exception):
    """What the parts can't tell."""


def translated(condition: ColumnElement[bool]) -> tuple[pc.Expression, set[str]] | None:
    """A condition for pyarrow and the columns it needs; None where only the index can tell."""
    names: set[str] = set()
    try:
        return _expression(condition, names), names
    except _Unknown:
        return None


def _expression(part: Any, names: set[str]) -> Any:
    match part:
        case True_():
            return pc.scalar(True)
        case False_():
            return pc.scalar(False)
        case Grouping():
            return _expression(part.element, names)
        case Column():
            return _column(part, names)
        case BindParameter() if isinstance(part.value, (int, float, str)):
            return pc.scalar(part.value)
        case BooleanClauseList() | ExpressionClauseList() if part.operator in _JOIN:
            return functools.reduce(_JOIN[part.operator], [_expression(one, names) for one in part.clauses])
        case UnaryExpression() if part.operator in (operators.inv, operators.is_false):
            return pc.invert(_expression(part.element, names))
        case FunctionElement() if getattr(part, "name", "") == "coalesce":
            return pc.coalesce(*(_expression(one, names) for one in part.clauses))
        case BinaryExpression():
            return _binary(part, names)
    raise _Unknown


def _column(column: Column[Any], names: set[str]) -> Any:
    kind = column.info.get("kind")
    if kind is None or (kind != "number" and column.name not in PREDICTION_COLUMNS):
        raise _Unknown
    names.add(column.name)
    found = pc.field(column.name)
    return found.cast(_AS_KEPT[kind]) if kind in _AS_KEPT else found


def _binary(part: BinaryExpression[Any], names: set[str]) -> Any:
    left = _expression(part.left, names)
    if part.operator in _COMPARE:
        return _COMPARE[part.operator](left, _expression(part.right, names))
    if part.operator in (operators.is_, operators.is_not) and isinstance(part.right, Null):
        missing = left.is_null(nan_is_null=isinstance(part.left.type, (Float, Integer)))
        return missing if part.operator is operators.is_ else pc.invert(missing)
    if part.operator is operators.between_op:
        low, high = part.right.clauses
        return (left >= _expression(low, names)) & (left <= _expression(high, names))
    if part.operator is operators.in_op and isinstance(part.right, BindParameter):
        return left.isin(list(part.right.value or ()))
    text = isinstance(part.left, Column) and part.left.info.get("kind") == "text"
    if part.operator is operators.icontains_op and isinstance(part.right, BindParameter) and text:
        escaped = str(part.right.value)
        plain = escaped.replace("/%", "%").replace("/_", "_").replace("//", "/")
        return pc.match_substring(pc.ascii_lower(left), plain.lower())  # the case of ASCII alone, as SQLite has it
    raise _Unknown
