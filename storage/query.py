"""The query language of the catalog: one for the command line, Python and the window.

    dataset_name = 'corn' and test_rmse < 0.5
    (model_type in ('Ridge', 'PLSRegression') or pipeline_name ~ 'snv') and not status = 'failed'
    test_r2 between 0.9 and 1 and val_rmse is not null and created_at >= 2026-10-01
    PLSRegression.n_components >= 8 and tags has 'final' and notes ~ 'outlier'
    corn pls last 7 days            free words are looked for in names, configurations, tags and notes
    test_rmse - train_rmse as gap and gap < 0.1 order by gap, -test_r2

Read by a grammar, compiled to SQLAlchemy: no text of a query ever becomes SQL.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lark import Token, Transformer, v_args
from lark.exceptions import VisitError
from sqlalchemy import ColumnElement, Float, Integer, and_, false, func, literal, not_, or_, true
from sqlalchemy.sql.expression import UnaryExpression

from storage.errors import BadInput, QueryError, StorageError
from storage.grammar import MAX_CONDITIONS, parse
from storage.metrics import Metric, Metrics
from storage.moments import DAY, spoken_span, to_microseconds
from storage.parameters import fold
from storage.sources import Columns, Parameter, Source, value_of

_MARKS = {"tag": "tags", "tags": "tags", "note": "notes", "notes": "notes", "star": "stars", "stars": "stars"}
_RESERVED = frozenset({"key", "folder_exists", "folder_damaged", "rowid"})


@dataclass(frozen=True)
class Query:
    """What a query text means: a condition, an order (empty if it has none), and columns it computes."""

    condition: ColumnElement[bool]
    order: list[UnaryExpression[Any]] = field(default_factory=list)
    computed: dict[str, ColumnElement[Any]] = field(default_factory=dict)


def compile_query(text: str, source: Source | Columns) -> Query:
    """Read a query text; an empty one matches everything. Raises QueryError that points at the character.

    `not X` matches exactly the rows that `X` does not, also those without a value.
    """
    try:
        return _read(text, source if isinstance(source, Source) else Source(source))
    except QueryError as error:
        error.text = text
        raise


def _read(text: str, source: Source) -> Query:
    if not text.strip():
        return Query(true())
    try:
        query: Query = _Compiler(source).transform(parse(text))
        return query
    except VisitError as error:
        if isinstance(error.orig_exc, StorageError):
            raise error.orig_exc from None
        raise


def compile_filter(text: str, source: Source | Columns) -> ColumnElement[bool]:
    """The condition of a query text alone; see `compile_query`."""
    return compile_query(text, source).condition


def compile_order(
    order_by: str, source: Source | Columns, computed: Columns | None = None
) -> list[UnaryExpression[Any]]:
    """`"test_rmse"` ascending, `"-test_r2"` descending, `"best:test_rmse"` best first; comma for more.

    What has no value comes last. Raises QueryError for an unknown column, BadInput for "best" where what is best is
    not known.
    """
    source = source if isinstance(source, Source) else Source(source)
    order: list[UnaryExpression[Any]] = []
    for part in filter(None, (piece.strip() for piece in order_by.split(","))):
        name = part.removeprefix("-").removeprefix("best:")
        try:
            column = value_of(source.named(name, computed or {}, order_by.find(name)))
        except QueryError as error:
            error.text = order_by
            raise
        if "best:" in part:
            order.append(best_first(column, _best_of(name, column, source.metrics)))
        else:
            order.append((column.desc() if part.startswith("-") else column.asc()).nulls_last())
    return order


def compile_columns(names: Sequence[str], source: Source, computed: Columns) -> list[ColumnElement[Any]]:
    """What columns, computed columns and parameters stand for. Raises QueryError for an unknown name."""
    return [value_of(source.named(name, computed, 0)) for name in names]


def best_first(column: ColumnElement[Any], metric: Metric) -> UnaryExpression[Any]:
    """The order that puts the best values of a metric first, and what has none last."""
    if metric.target is not None:
        return func.abs(column - metric.target).asc().nulls_last()
    return (column.asc() if metric.lower_is_better else column.desc()).nulls_last()


def _best_of(name: str, column: ColumnElement[Any], metrics: Metrics) -> Metric:
    """The metric of a column, with what is best of it. Raises BadInput."""
    if not isinstance(column.type, (Float, Integer)) or _is_time(column):
        raise BadInput(f"There is no best '{name}': it is no number.", advice="Sort by it with asc or desc.")
    return metrics.best(name)


@v_args(inline=True)
class _Compiler(Transformer[Token, Any]):
    """Turns the parse tree into SQLAlchemy, from the leaves up and from left to right."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._columns = source.columns
        self._computed: dict[str, ColumnElement[Any]] = {}

    # ------------------------------------------------------------ the whole

    def start(self, *parts: Any) -> Query:
        order = parts[-1] if parts and isinstance(parts[-1], list) else []
        conditions = [part for part in parts if not isinstance(part, list)]
        return Query(conditions[0] if conditions else true(), order, self._computed)

    def order(self, *ways: UnaryExpression[Any]) -> list[UnaryExpression[Any]]:
        return list(ways)

    def way(self, *tokens: Token) -> UnaryExpression[Any]:
        name = next(token for token in tokens if token.type == "NAME")
        column = self._column(name)
        said = {str(token).lower() for token in tokens if token is not name}
        if "best" in said:
            try:
                return best_first(column, _best_of(str(name), column, self._source.metrics))
            except BadInput as error:
                raise QueryError(error.what, name.start_pos or 0, len(name), error.advice) from None
        return (column.desc() if said & {"-", "desc"} else column.asc()).nulls_last()

    def any_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return or_(*conditions)

    def all_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(*conditions)

    def negate(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return not_(func.coalesce(condition, false()))

    # ------------------------------------------------------------ conditions

    def compare(self, left: Any, sign: Token, right: Any) -> ColumnElement[bool]:
        if sign.lower() == "contains":
            sign = Token.new_borrow_pos("OPERATOR", "~", sign)
        if sign in ("!=", "<>", "!~"):
            return self.negate(self.compare(left, Token("OPERATOR", "~" if sign == "!~" else "="), right))
        column = self._left(left)
        if isinstance(column, Parameter):
            return self._compare_parameter(column, sign, right)
        if sign == "~":
            return _contains(column, _text(self._token(right)))
        if sign in ("=", "==") and self._is_tags(column):
            return self._tagged(right)
        if sign in ("=", "==") and self._is_damaged(column, right):
            assert self._source.damaged is not None
            return self._source.damaged()
        span = self._span(column, right)
        if span is not None:
            return _in_span(column, str(sign), *span)
        condition: ColumnElement[bool] = _COMPARE[str(sign)](column, self._right(column, right))
        return condition

    def _compare_parameter(self, parameter: Parameter, sign: Token, right: Any) -> ColumnElement[bool]:
        """A parameter is a number where the other side is one, else text."""
        if sign == "~":
            return parameter.where(_contains(parameter.text, _text(self._token(right))))
        column, value = self._parameter_sides(parameter, right)
        condition: ColumnElement[bool] = _COMPARE[str(sign)](column, value)
        if isinstance(value, ColumnElement):
            return condition
        if right.type == "STRING" and sign in ("=", "=="):  # a text may look like a number
            condition = or_(condition, _same(parameter.text, _text(right)))
        return parameter.where(condition)

    def _parameter_sides(self, parameter: Parameter, right: Any) -> tuple[ColumnElement[Any], Any]:
        if not isinstance(right, Token) or (right.type == "NAME" and self._knows(right)):
            return parameter.value, self._number(right)
        text = _text(right)
        try:
            return parameter.number, float(text)
        except ValueError:
            ascii_only = text.isascii()
            return (func.lower if ascii_only else func.fold)(parameter.text), text.lower() if ascii_only else fold(text)

    def has(self, name: Token, value: Any) -> ColumnElement[bool]:
        """`tags has 'final'`."""
        if not self._is_tags(self._named(name)):
            raise _at(name, "Only tags can be asked with 'has'", "For example tags has 'final', or notes ~ 'word'.")
        return self._tagged(value)

    def _is_tags(self, column: Any) -> bool:
        return self._source.tagged is not None and column is self._columns.get("tags")

    def _is_damaged(self, column: Any, value: Any) -> bool:
        """Whether `status` is compared with "damaged"."""
        known = self._source.damaged is not None and column is self._columns.get("status")
        return known and isinstance(value, Token) and _text(value) == "damaged"

    def _tagged(self, value: Any) -> ColumnElement[bool]:
        assert self._source.tagged is not None
        return self._source.tagged(_text(self._token(value)))

    def _span(self, column: ColumnElement[Any], part: Any) -> tuple[int, int | None] | None:
        """From when until when a time goes that is no moment: a day without a time is the whole of it."""
        if not _is_time(column) or not isinstance(part, Token):
            return None
        text = _text(part).strip()
        spoken = spoken_span(text, datetime.now(UTC))
        if spoken is not None or len(text) != 10:
            return spoken
        start = self._moment(part)
        return start, start + DAY

    def between(self, name: Token, low: Any, high: Any) -> ColumnElement[bool]:
        column = self._named(name)
        if isinstance(column, Parameter):
            sides = [self._parameter_sides(column, part) for part in (low, high)]
            return column.where(and_(sides[0][0] >= sides[0][1], sides[1][0] <= sides[1][1]))
        span, first = self._span(column, high), self._span(column, low)
        bottom = first[0] if first is not None else self._right(column, low)
        if span is None:
            return column.between(bottom, self._right(column, high))
        return and_(column >= bottom, _in_span(column, "<=", *span))

    def not_between(self, name: Token, low: Any, high: Any) -> ColumnElement[bool]:
        return self.negate(self.between(name, low, high))

    def one_of(self, name: Token, *values: Any) -> ColumnElement[bool]:
        column = self._named(name)
        damaged = any(self._is_damaged(column, value) for value in values)
        if damaged or isinstance(column, Parameter) or _is_time(column) or self._is_tags(column):
            if len(values) > MAX_CONDITIONS:
                raise _at(name, f"At most {MAX_CONDITIONS} values can be compared", "Use a range.")
            return or_(*(self.compare(name, Token("OPERATOR", "="), value) for value in values))
        return column.in_([self._right(column, value) for value in values])

    def none_of(self, name: Token, *values: Any) -> ColumnElement[bool]:
        return self.negate(self.one_of(name, *values))

    def is_null(self, name: Token) -> ColumnElement[bool]:
        return self.negate(self.is_not_null(name))

    def is_not_null(self, name: Token) -> ColumnElement[bool]:
        column = self._named(name)
        return column.where(column.text.is_not(None)) if isinstance(column, Parameter) else column.is_not(None)

    def last(self, number: Token, period: Token) -> ColumnElement[bool]:
        """`last 7 days`: created since then."""
        return self._spoken(self.span(number, period))

    def span(self, number: Token, period: Token) -> Token:
        """`created_at >= last 7 days`: a time like `last week`, which is one token."""
        return Token.new_borrow_pos("RELATIVE", f"last {number} {period}", number)

    def last_of(self, name: Token, number: Token, period: Token) -> ColumnElement[bool]:
        """`noted_at last 7 days`: noted since then."""
        return self.spoken_of(name, self.span(number, period))

    def spoken_of(self, name: Token, token: Token) -> ColumnElement[bool]:
        """`noted_at yesterday`: noted then."""
        return self._then(self._column(name), token)

    def _spoken(self, token: Token) -> ColumnElement[bool]:
        """`yesterday` alone: created then."""
        return self._then(self._columns["created_at"], token)

    def _then(self, column: ColumnElement[Any], token: Token) -> ColumnElement[bool]:
        span = self._span(column, token)
        assert span is not None
        return _in_span(column, "=", *span)

    def name_it(self, value: Any, name: Token) -> ColumnElement[bool]:
        """`a - b as gap`: a column from now on; it matches where it has a value."""
        if name.lower() in _RESERVED or name.lower() in {column.lower() for column in self._columns}:
            raise _at(name, f"There is a column '{name}' already", "Use another name.")
        column = value_of(self._left(value))
        self._computed[str(name)] = column
        return column.is_not(None)

    def word(self, token: Token) -> ColumnElement[bool]:
        """A word alone is looked for in the names; the name of a column alone is surely a half-written condition.

        What people note is no half of one: `notes` alone, or `note`, finds the results that have some, too.
        """
        name = str(token).lower() if token.type == "NAME" else ""
        mark = _MARKS.get(name)
        if mark is not None and mark in self._columns:
            return or_(self._columns[mark].is_not(None), self._source.find(str(token)))
        column = next((one for one in self._columns if name == one.lower()), "")
        if column:
            advice = f"For example {column} is not null. In quotes it is a word to look for."
            raise QueryError(f"'{token}' needs a comparison.", token.start_pos or 0, len(token), advice)
        return self._spoken(token) if token.type == "RELATIVE" else self._source.find(_text(token))

    # ------------------------------------------------------------ values

    def chain(self, first: Any, *rest: Any) -> Any:
        """Sums and products; a single value stays what it is."""
        if not rest:
            return first
        result = self._number(first)
        for sign, value in zip(rest[::2], rest[1::2], strict=True):
            result = _ARITHMETIC[str(sign)](result, self._number(value))
        return result

    def signed(self, *parts: Any) -> Any:
        if len(parts) == 1:
            return parts[0]
        sign, value = parts
        if isinstance(value, Token) and value.type == "NUMBER":
            return Token.new_borrow_pos("NUMBER", f"{sign}{value}", value)
        return -self._number(value) if sign == "-" else self._number(value)

    def _number(self, part: Any) -> ColumnElement[Any]:
        """A part of a computation: a number, or a column of numbers."""
        if not isinstance(part, Token):
            return part  # type: ignore[no-any-return]
        if part.type == "NUMBER":
            return literal(float(part))
        column = value_of(self._named(part)) if part.type == "NAME" else None
        if column is None or not isinstance(column.type, (Float, Integer)) or _is_time(column):
            raise _at(part, "Only numbers can be computed with", "Use metric columns and numbers.")
        return column

    def _left(self, part: Any) -> ColumnElement[Any] | Parameter:
        if not isinstance(part, Token):
            return part  # type: ignore[no-any-return]
        if part.type != "NAME":
            raise _at(part, "A comparison begins with a column", "For example test_rmse < 0.5.")
        return self._named(part)

    def _right(self, column: ColumnElement[Any], part: Any) -> Any:
        """What to compare a column with, in the column's own kind; a number column may meet another."""
        if not isinstance(part, Token):
            return part
        if _is_time(column):
            return self._moment(part)
        if not isinstance(column.type, (Float, Integer)):
            return _text(part)
        if part.type == "NAME" and self._knows(part):
            return self._number(part)
        try:
            return float(_text(part))
        except ValueError:
            name = getattr(column, "key", None) or "The left side"
            raise _at(part, f"{name} is a number", "Give a number, such as 0.5.") from None

    def _moment(self, part: Any) -> int:
        token = self._token(part)
        try:
            moment = datetime.fromisoformat(_text(token).strip())
            if moment.tzinfo is None:
                moment = moment.astimezone()  # people write local times
        except (ValueError, OverflowError, OSError):
            raise _at(token, "A time is expected", "Write it as 2026-10-01 or '2026-10-01 14:30'.") from None
        return to_microseconds(moment)

    def _token(self, part: Any) -> Token:
        if isinstance(part, Token):
            return part
        raise QueryError("A computation can't stand here.", 0, 1, "Compare with a plain value.")

    def _knows(self, name: Token) -> bool:
        return name.lower() in {key.lower() for key in (*self._columns, *self._computed)}

    def _column(self, name: Token) -> ColumnElement[Any]:
        return value_of(self._named(name))

    def _named(self, name: Token) -> ColumnElement[Any] | Parameter:
        return self._source.named(str(name), self._computed, name.start_pos or 0)


def _at(token: Token, what: str, advice: str) -> QueryError:
    return QueryError(f"{what}, not {token}.", token.start_pos or 0, len(token), advice)


def _same(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether a column is a text, in upper or lower case."""
    return func.lower(column) == text.lower() if text.isascii() else func.fold(column) == fold(text)


def _contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether a column contains a text, in upper or lower case; SQLite knows these of ASCII alone."""
    if text.isascii():
        return column.icontains(text, autoescape=True)
    return func.fold(column).contains(fold(text), autoescape=True)


_ARITHMETIC: dict[str, Any] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_COMPARE: dict[str, Any] = {
    "=": operator.eq,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _text(token: Token) -> str:
    text = str(token)
    if token.type != "STRING":
        return text
    body = text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
    return body.replace("\\'", "'").replace('\\"', '"').replace("\\\\", "\\")


def _is_time(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "info", {}).get("kind") == "time")


def _in_span(column: ColumnElement[Any], sign: str, start: int, stop: int | None) -> ColumnElement[bool]:
    """Compare with a time that goes from `start` until `stop`, or until now: `= 2026-10-01` is any time on that day."""
    ends = stop is not None
    conditions: dict[str, ColumnElement[bool]] = {
        "=": and_(column >= start, column < stop) if ends else column >= start,
        ">": column >= (stop if ends else start),
        ">=": column >= start,
        "<": column < start,
        "<=": column < stop if ends else column.is_not(None),
    }
    return conditions["=" if sign == "==" else sign]
