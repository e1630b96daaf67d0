"""Looking into compiled queries: what a column holds, which columns an order and a condition go by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer
from sqlalchemy.sql import operators


def kind_of(column: ColumnElement[Any]) -> str:
    """What a column holds, also a computed one: text, number, integer, time or date."""
    known = getattr(column, "info", {}).get("kind")
    if known is not None:
        return str(known)
    return "number" if isinstance(column.type, (Float, Integer)) else "text"


def sort_names(order: Sequence[Any]) -> list[str]:
    """The columns of an order, as far as they are columns of the table: an index can give these."""
    names = []
    for one in order:
        column = one
        while getattr(column, "modifier", None) is not None:  # asc, desc, nulls last
            column = column.element
        if "kind" not in getattr(column, "info", {}):
            break
        names.append(column.name)
    return names


def equal_names(condition: ColumnElement[bool]) -> list[str]:
    """`dataset_name`, where the condition holds it to one value: an index over it and the order finds at once."""
    parts = (
        getattr(condition, "clauses", [condition])
        if getattr(condition, "operator", None) is operators.and_
        else [condition]
    )
    for part in parts:
        left = getattr(part, "left", None)
        if getattr(part, "operator", None) is operators.eq and getattr(left, "name", "") == "dataset_name":
            return ["dataset_name"]
    return []
