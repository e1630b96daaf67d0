"""The query language of the catalog: one for the command line, Python and the window.

    dataset_name = 'corn' and test_rmse < 0.5
    (model_type in ('Ridge', 'PLSRegression') or pipeline_name ~ 'snv') and not status = 'failed'
    test_r2 between 0.9 and 1 and val_rmse is not null and created_at >= 2026-10-01
    corn pls last 7 days            free words are looked for in the names
    test_rmse - train_rmse as gap and gap < 0.1 order by gap, -test_r2

Read by a grammar, compiled to SQLAlchemy: no text of a query ever becomes SQL.
"""

from __future__ import annotations

import difflib
import functools
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedEOF, VisitError
from sqlalchemy import ColumnElement, Float, Integer, and_, false, func, literal, not_, or_, true
from sqlalchemy.sql.expression import UnaryExpression

from storage.errors import BadInput, QueryError, StorageError

GRAMMAR = r"""
start: either? order?
?either: both (_OR both)*             -> any_of
?both: negation (_AND? negation)*     -> all_of
?negation: _NOT negation              -> negate
         | "(" either ")"
         | condition
?condition: sum OPERATOR right                          -> compare
          | sum _AS NAME                                -> name_it
          | NAME _BETWEEN value _AND value              -> between
          | NAME _NOT _BETWEEN value _AND value         -> not_between
          | NAME _IN "(" value ("," value)* ")"         -> one_of
          | NAME _NOT _IN "(" value ("," value)* ")"    -> none_of
          | NAME _IS _NULL                              -> is_null
          | NAME _IS _NOT _NULL                         -> is_not_null
          | _LAST NUMBER PERIOD                         -> last
          | (NAME | STRING | NUMBER)                    -> word
?right: sum | SIGN sum                                  -> signed
?sum: product (SIGN product)*                           -> chain
?product: atom (TIMES atom)*                            -> chain
?atom: NAME | STRING | NUMBER | DATE
?value: atom | SIGN NUMBER                              -> signed
order: _ORDER _BY way ("," way)*
way: SIGN? NAME DIRECTION?
OPERATOR: "<=" | ">=" | "!=" | "<>" | "==" | "=" | "<" | ">" | "!~" | "~"
SIGN: "+" | "-"
TIMES: "*" | "/"
DIRECTION.3: /(asc|desc|best)(?![\w.])/i
PERIOD.3: /(minute|hour|day|week|month|year)s?(?![\w.])/i
_ORDER.3: /order(?=\s+by\s)/i
_BY.3: /by(?![\w.])/i
_LAST.3: /last(?=\s+\d)/i
_OR.3: /or(?![\w.])/i
_AND.3: /and(?![\w.])/i
_NOT.3: /not(?![\w.])/i
_BETWEEN.3: /between(?![\w.])/i
_IN.3: /in(?![\w.])/i
_IS.3: /is(?![\w.])/i
_AS.3: /as(?![\w.])/i
_NULL.3: /null(?![\w.])/i
DATE.4: /\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?Z?)?/
NUMBER.3: /(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\w])/
STRING: /'([^'\\]|\\.|'')*'/ | /"([^"\\]|\\.)*"/
NAME: /[^\W\d][\w.]*(-[\w.]+)*/
%ignore /\s+/
"""
MAX_QUERY = 10_000  # characters
MAX_DEPTH = 100  # parentheses and nots within each other
MAX_CONDITIONS = 500  # SQLite stops at a thousand within each other
_FREE_WORDS = ("pipeline_name", "config_name", "dataset_name", "model_type", "run_id")
_DAY = 86_400_000_000  # microseconds
_PLAIN = ("chain", "signed", "any_of", "all_of")  # branches of the tree that are no conditions
_PERIODS = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_629_800, "year": 31_557_600}

Columns = Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True)
class Query:
    """What a query text means: a condition, an order (empty if it has none), and columns it computes."""

    condition: ColumnElement[bool]
    order: list[UnaryExpression[Any]] = field(default_factory=list)
    computed: dict[str, ColumnElement[Any]] = field(default_factory=dict)


@functools.cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=True)


def compile_query(text: str, columns: Columns) -> Query:
    """Read a query text; an empty one matches everything. Raises QueryError that points at the character.

    `columns` are the known columns by name. `not X` matches exactly the rows that `X` does not, also those without a
    value.
    """
    try:
        return _read(text, columns)
    except QueryError as error:
        error.text = text
        raise


def _read(text: str, columns: Columns) -> Query:
    if not text.strip():
        return Query(true())
    if len(text) > MAX_QUERY:
        raise QueryError("The query is too long.", MAX_QUERY, len(text) - MAX_QUERY, f"At most {MAX_QUERY} characters.")
    _check_depth(text)
    try:
        tree = _parser().parse(text)
        if sum(branch.data not in _PLAIN for branch in tree.iter_subtrees()) > MAX_CONDITIONS:
            raise QueryError("The query has too many conditions.", 0, len(text), f"At most {MAX_CONDITIONS}.")
        query: Query = _Compiler(columns).transform(tree)
        return query
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from error
    except VisitError as error:
        if isinstance(error.orig_exc, StorageError):
            raise error.orig_exc from None
        raise


def compile_filter(text: str, columns: Columns) -> ColumnElement[bool]:
    """The condition of a query text alone; see `compile_query`."""
    return compile_query(text, columns).condition


def compile_order(order_by: str, columns: Mapping[str, ColumnElement[Any]]) -> list[UnaryExpression[Any]]:
    """`"test_rmse"` ascending, `"-test_r2"` descending, `"best:test_rmse"` by the metric's direction; comma for more.

    What has no value comes last. Raises QueryError for an unknown column, BadInput for "best" without a direction.
    """
    from storage.metrics import lower_is_better

    order: list[UnaryExpression[Any]] = []
    for part in filter(None, (piece.strip() for piece in order_by.split(","))):
        descending = part.startswith("-")
        name = part.removeprefix("-")
        if name.startswith("best:"):
            name = name.removeprefix("best:")
            descending = not lower_is_better(name)
        try:
            column = _known(name, columns, order_by.find(name))
        except QueryError as error:
            error.text = order_by
            raise
        order.append((column.desc() if descending else column.asc()).nulls_last())
    return order


def _known(name: str, columns: Mapping[str, ColumnElement[Any]], position: int) -> ColumnElement[Any]:
    if name in columns:
        return columns[name]
    folded = {key.lower(): key for key in columns}
    if name.lower() in folded:
        return columns[folded[name.lower()]]
    close = difflib.get_close_matches(name.lower(), folded, 1, cutoff=0.5)
    hint = f"Did you mean {folded[close[0]]}?" if close else f"Columns are {', '.join(list(columns)[:6])}, …"
    raise QueryError(f"There is no column '{name}'.", max(position, 0), len(name), hint)


def _check_depth(text: str) -> None:
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > MAX_DEPTH:
            raise QueryError("The query has too many parentheses within each other.", position, 1, "Simplify it.")
    nots = list(re.finditer(r"\bnot\b", text, re.IGNORECASE))
    if len(nots) > MAX_DEPTH:
        raise QueryError("The query says 'not' too often.", nots[MAX_DEPTH].start(), 3, "Simplify it.")


def _syntax_error(error: UnexpectedInput, text: str) -> QueryError:
    position: int = getattr(error, "pos_in_stream", None) or 0
    token = getattr(error, "token", None)
    if isinstance(error, UnexpectedEOF) or (token is not None and token.type == "$END"):
        return QueryError("The query ends too early.", len(text), 1, "Add the missing value or ')'.")
    length = len(token) if token is not None else 1
    shown = text[position : position + length]
    if shown in ("'", '"'):
        return QueryError("The quoted text has no end.", position, len(text) - position, f"Add a closing {shown}.")
    return QueryError(
        f"'{shown}' is not expected here.", position, length, "Example: test_rmse < 0.5 and status = 'completed'."
    )


@v_args(inline=True)
class _Compiler(Transformer[Token, Any]):
    """Turns the parse tree into SQLAlchemy, from the leaves up and from left to right."""

    def __init__(self, columns: Columns) -> None:
        super().__init__()
        self._columns = columns
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
        descending = not _lower_is_better(name) if "best" in said else bool(said & {"-", "desc"})
        return (column.desc() if descending else column.asc()).nulls_last()

    def any_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return or_(*conditions)

    def all_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(*conditions)

    def negate(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return not_(func.coalesce(condition, false()))

    # ------------------------------------------------------------ conditions

    def compare(self, left: Any, sign: Token, right: Any) -> ColumnElement[bool]:
        column = self._left(left)
        if sign in ("~", "!~"):
            found = column.icontains(_text(self._token(right)), autoescape=True)
            return found if sign == "~" else self.negate(found)
        if sign in ("!=", "<>"):
            return self.negate(self.compare(left, Token("OPERATOR", "="), right))
        if _is_day(column, right):
            return self._on_day(column, sign, right)
        condition: ColumnElement[bool] = _COMPARE[str(sign)](column, self._right(column, right))
        return condition

    def _on_day(self, column: ColumnElement[Any], sign: Token, token: Token) -> ColumnElement[bool]:
        """A day without a time stands for the whole of it: `= 2026-10-01` is any time on that day."""
        start = self._moment(token)
        conditions: dict[str, ColumnElement[bool]] = {
            "=": and_(column >= start, column < start + _DAY),
            ">": column >= start + _DAY,
            ">=": column >= start,
            "<": column < start,
            "<=": column < start + _DAY,
        }
        return conditions["=" if sign == "==" else str(sign)]

    def between(self, name: Token, low: Any, high: Any) -> ColumnElement[bool]:
        column = self._column(name)
        top = self._right(column, high)
        if _is_day(column, high):
            top += _DAY - 1
        return column.between(self._right(column, low), top)

    def not_between(self, name: Token, low: Any, high: Any) -> ColumnElement[bool]:
        return self.negate(self.between(name, low, high))

    def one_of(self, name: Token, *values: Any) -> ColumnElement[bool]:
        column = self._column(name)
        if _is_time(column):
            return or_(*(self.compare(name, Token("OPERATOR", "="), value) for value in values))
        return column.in_([self._right(column, value) for value in values])

    def none_of(self, name: Token, *values: Any) -> ColumnElement[bool]:
        return self.negate(self.one_of(name, *values))

    def is_null(self, name: Token) -> ColumnElement[bool]:
        return self._column(name).is_(None)

    def is_not_null(self, name: Token) -> ColumnElement[bool]:
        return self._column(name).is_not(None)

    def last(self, number: Token, period: Token) -> ColumnElement[bool]:
        """`last 7 days`: created since then."""
        seconds = float(number) * _PERIODS[period.lower().removesuffix("s")]
        since = to_microseconds(datetime.now(UTC)) - min(int(seconds * 1e6), 2**62)
        created: ColumnElement[bool] = self._columns["created_at"] >= since
        return created

    def name_it(self, value: Any, name: Token) -> ColumnElement[bool]:
        """`a - b as gap`: a column from now on; it matches where it has a value."""
        if str(name) in self._columns:
            raise _at(name, f"There is a column '{name}' already", "Use another name.")
        column = self._left(value)
        self._computed[str(name)] = column
        return column.is_not(None)

    def word(self, token: Token) -> ColumnElement[bool]:
        """A word alone is looked for in the names; the name of a column alone is surely a half-written condition."""
        if token.type == "NAME" and str(token) in self._columns:
            raise QueryError(
                f"'{token}' needs a comparison.", token.start_pos or 0, len(token), f"For example {token} is not null."
            )
        text = _text(token)
        names = [self._columns[name] for name in _FREE_WORDS if name in self._columns]
        return or_(false(), *(column.icontains(text, autoescape=True) for column in names))

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
        column = self._column(part) if part.type == "NAME" else None
        if column is None or not isinstance(column.type, (Float, Integer)) or _is_time(column):
            raise _at(part, "Only numbers can be computed with", "Use metric columns and numbers.")
        return column

    def _left(self, part: Any) -> ColumnElement[Any]:
        if not isinstance(part, Token):
            return part  # type: ignore[no-any-return]
        if part.type != "NAME":
            raise _at(part, "A comparison begins with a column", "For example test_rmse < 0.5.")
        return self._column(part)

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
        return _known(str(name), {**self._columns, **self._computed}, name.start_pos or 0)


def _at(token: Token, what: str, advice: str) -> QueryError:
    return QueryError(f"{what}, not {token}.", token.start_pos or 0, len(token), advice)


def _lower_is_better(name: Token) -> bool:
    from storage.metrics import lower_is_better

    try:
        return lower_is_better(str(name))
    except BadInput as error:
        raise QueryError(error.what, name.start_pos or 0, len(name), error.advice) from None


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


def _is_day(column: ColumnElement[Any], part: Any) -> bool:
    return _is_time(column) and isinstance(part, Token) and len(_text(part).strip()) == 10


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC: how the index keeps times."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """The moment `to_microseconds` made a number of."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
