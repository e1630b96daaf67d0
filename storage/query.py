"""The filter language of the catalog: one for the command line, Python and the window.

    dataset_name = 'corn' and test_rmse < 0.5
    (model_type in ('Ridge', 'PLSRegression') or pipeline_name ~ 'snv') and not status = 'failed'
    test_r2 between 0.9 and 1 and val_rmse is not null and created_at >= 2026-10-01
    corn pls                        free words are looked for in the names

Read by a grammar, compiled to SQLAlchemy: no text of a query ever becomes SQL.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedEOF, VisitError
from sqlalchemy import ColumnElement, Float, Integer, and_, false, not_, or_, true
from sqlalchemy.sql.expression import UnaryExpression

from storage.errors import QueryError

GRAMMAR = r"""
?start: either
?either: both (_OR both)*             -> any_of
?both: negation (_AND? negation)*     -> all_of
?negation: _NOT negation              -> negate
         | "(" either ")"
         | condition
?condition: NAME OPERATOR value                         -> compare
          | NAME _BETWEEN value _AND value              -> between
          | NAME _NOT _BETWEEN value _AND value         -> not_between
          | NAME _IN "(" value ("," value)* ")"         -> one_of
          | NAME _NOT _IN "(" value ("," value)* ")"    -> none_of
          | NAME _IS _NULL                              -> is_null
          | NAME _IS _NOT _NULL                         -> is_not_null
          | (NAME | STRING | NUMBER)                    -> word
value: STRING | NUMBER | DATE | NAME
OPERATOR: "<=" | ">=" | "!=" | "<>" | "==" | "=" | "<" | ">" | "!~" | "~"
_OR.2: /or(?![\w.])/i
_AND.2: /and(?![\w.])/i
_NOT.2: /not(?![\w.])/i
_BETWEEN.2: /between(?![\w.])/i
_IN.2: /in(?![\w.])/i
_IS.2: /is(?![\w.])/i
_NULL.2: /null(?![\w.])/i
DATE.3: /\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?Z?)?/
NUMBER.2: /[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\w])/
STRING: /'([^'\\]|\\.|'')*'/ | /"([^"\\]|\\.)*"/
NAME: /[^\W\d][\w.\-]*/
%ignore /\s+/
"""
MAX_QUERY = 10_000  # characters
MAX_DEPTH = 100  # parentheses and nots within each other
MAX_CONDITIONS = 500  # SQLite stops at a thousand within each other
_DAY = 86_400_000_000  # microseconds
_FREE_WORDS = ("pipeline_name", "config_name", "dataset_name", "model_type", "run_id")


@functools.cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=True)


def compile_filter(text: str, columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """The condition a filter text stands for; an empty text is always true.

    `columns` are the known columns by name. Raises QueryError that points at the character.
    """
    if not text.strip():
        return true()
    if len(text) > MAX_QUERY:
        raise QueryError("The query is too long.", MAX_QUERY, len(text) - MAX_QUERY, f"At most {MAX_QUERY} characters.")
    _check_depth(text)
    try:
        tree = _parser().parse(text)
        if sum(branch.data != "value" for branch in tree.iter_subtrees()) > MAX_CONDITIONS:
            raise QueryError("The query has too many conditions.", 0, len(text), f"At most {MAX_CONDITIONS}.")
        result: ColumnElement[bool] = _Compiler(columns, text).transform(tree)
        return result
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from error
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from None
        raise


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
        column = _known(name, columns, order_by.find(name))
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
    """Turns the parse tree into a SQLAlchemy condition."""

    def __init__(self, columns: Mapping[str, ColumnElement[Any]], text: str) -> None:
        super().__init__()
        self._columns = columns
        self._text = text

    def any_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return or_(*conditions)

    def all_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(*conditions)

    def negate(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return not_(condition)

    def value(self, token: Token) -> Token:
        return token

    def compare(self, name: Token, operator: Token, token: Token) -> ColumnElement[bool]:
        column = self._column(name)
        if operator in ("~", "!~"):
            found = column.icontains(_text(token), autoescape=True)
            return found if operator == "~" else or_(not_(found), column.is_(None))
        if _is_day(column, token) and operator in ("=", "==", "!=", "<>", ">", "<="):
            return self._on_day(column, operator, token)
        value = self._value(column, token)
        if operator in ("!=", "<>"):
            return or_(column != value, column.is_(None))
        condition: ColumnElement[bool] = _COMPARE[str(operator)](column, value)
        return condition

    def _on_day(self, column: ColumnElement[Any], operator: Token, token: Token) -> ColumnElement[bool]:
        """A day without a time stands for the whole of it: `= 2026-10-01` is any time on that day."""
        start = self._value(column, token)
        end = start + _DAY
        within = and_(column >= start, column < end)
        if operator in ("=", "=="):
            return within
        if operator in ("!=", "<>"):
            return not_(within)
        after: ColumnElement[bool] = column >= end
        return after if operator == ">" else not_(after)

    def between(self, name: Token, low: Token, high: Token) -> ColumnElement[bool]:
        column = self._column(name)
        top = self._value(column, high)
        if _is_day(column, high):
            top += _DAY - 1
        return column.between(self._value(column, low), top)

    def not_between(self, name: Token, low: Token, high: Token) -> ColumnElement[bool]:
        return not_(self.between(name, low, high))

    def one_of(self, name: Token, *tokens: Token) -> ColumnElement[bool]:
        column = self._column(name)
        return column.in_([self._value(column, token) for token in tokens])

    def none_of(self, name: Token, *tokens: Token) -> ColumnElement[bool]:
        column = self._column(name)
        return or_(not_(self.one_of(name, *tokens)), column.is_(None))

    def is_null(self, name: Token) -> ColumnElement[bool]:
        return self._column(name).is_(None)

    def is_not_null(self, name: Token) -> ColumnElement[bool]:
        return self._column(name).is_not(None)

    def word(self, token: Token) -> ColumnElement[bool]:
        """A word alone is looked for in the names; the name of a column alone is surely a half-written condition."""
        if token.type == "NAME" and str(token) in self._columns:
            raise QueryError(
                f"'{token}' needs a comparison.", token.start_pos or 0, len(token), f"For example {token} is not null."
            )
        text = _text(token)
        names = [self._columns[name] for name in _FREE_WORDS if name in self._columns]
        return or_(false(), *(column.icontains(text, autoescape=True) for column in names))

    def _column(self, name: Token) -> ColumnElement[Any]:
        return _known(str(name), self._columns, name.start_pos or 0)

    def _value(self, column: ColumnElement[Any], token: Token) -> Any:
        """The value to compare a column with, in the column's own kind."""
        if _is_time(column):
            return self._moment(token)
        if isinstance(column.type, (Float, Integer)):
            try:
                return float(_text(token))
            except ValueError:
                raise self._wrong(token, f"{column.key} is a number", "Give a number, such as 0.5.") from None
        return _text(token)

    def _moment(self, token: Token) -> int:
        text = _text(token).strip()
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.astimezone()  # people write local times
        except (ValueError, OverflowError):
            raise self._wrong(token, "A time is expected", "Write it as 2026-10-01 or '2026-10-01 14:30'.") from None
        return to_microseconds(moment)

    def _wrong(self, token: Token, what: str, advice: str) -> QueryError:
        return QueryError(f"{what}, not {token}.", token.start_pos or 0, len(token), advice)


_COMPARE: dict[str, Any] = {
    "=": lambda c, v: c == v,
    "==": lambda c, v: c == v,
    "<": lambda c, v: c < v,
    ">": lambda c, v: c > v,
    "<=": lambda c, v: c <= v,
    ">=": lambda c, v: c >= v,
}


def _text(token: Token) -> str:
    text = str(token)
    if token.type != "STRING":
        return text
    body = text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
    return body.replace("\\'", "'").replace('\\"', '"').replace("\\\\", "\\")


def _is_time(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "info", {}).get("kind") == "time")


def _is_day(column: ColumnElement[Any], token: Token) -> bool:
    return _is_time(column) and len(_text(token).strip()) == 10


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC: how the index keeps times."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """The moment `to_microseconds` made a number of."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
