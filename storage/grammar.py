"""The grammar of the query language: from text to a tree, or an error that points at the character."""

from __future__ import annotations

import functools

from lark import Lark, Token, Tree, UnexpectedInput
from lark.exceptions import UnexpectedEOF

from storage.errors import QueryError

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
          | NAME _HAS value                             -> has
          | _LAST NUMBER PERIOD                         -> last
          | MOMENT RELATIVE                             -> spoken_of
          | MOMENT _LAST NUMBER PERIOD                  -> last_of
          | (NAME | STRING | NUMBER | DATE | RELATIVE | ID) -> word
?right: sum | SIGN sum                                  -> signed
      | _LAST NUMBER PERIOD                             -> span
?sum: product (SIGN product)*                           -> chain
?product: atom (TIMES atom)*                            -> chain
?atom: NAME | STRING | NUMBER | DATE | RELATIVE
?value: atom | SIGN NUMBER                              -> signed
order: _ORDER _BY way ("," way)*
way: SIGN? NAME DIRECTION?
OPERATOR.3: "<=" | ">=" | "!=" | "<>" | "==" | "=" | "<" | ">" | "!~" | "~" | /contains(?![\w.])/i
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
_HAS.3: /has(?![\w.])/i
_NULL.3: /null(?![\w.])/i
RELATIVE.5: /(today|yesterday|last\s+(minute|hour|day|week|month|year))(?![\w.-])/i
    | /\d+\s+(minute|hour|day|week|month|year)s?\s+ago(?![\w.-])/i
MOMENT.4: /(created|noted)(_at)?(?=\s+(today|yesterday|last\s+(\d|minute|hour|day|week|month|year))(?![.-]))/i
    | /(created|noted)(_at)?(?=\s+\d+\s+(minute|hour|day|week|month|year)s?\s+ago(?![\w.-]))/i
DATE.4: /\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?Z?)?/
ID.4: /\d{4,9}_[\w.]*(-[\w.]+)*/
NUMBER.3: /(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\w])/
STRING: /'([^'\\]|\\.|'')*'/ | /"([^"\\]|\\.)*"/
NAME: /[^\W\d][\w.]*(-[\w.]+)*/
%ignore /\s+/
"""
MAX_QUERY = 10_000  # characters
MAX_DEPTH = 30  # conditions within each other; SQLite's parser stops at about fifty
MAX_CONDITIONS = 500  # SQLite stops at a thousand within each other
_NESTING = ("any_of", "all_of", "negate")
_PLAIN = ("chain", "signed", "any_of", "all_of")  # branches of the tree that are no conditions


def parse(text: str) -> Tree[Token]:
    """The tree of a query text. Raises QueryError."""
    if len(text) > MAX_QUERY:
        raise QueryError("The query is too long.", MAX_QUERY, len(text) - MAX_QUERY, f"At most {MAX_QUERY} characters.")
    _check_characters(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from error
    size = sum(branch.data not in _PLAIN for branch in tree.iter_subtrees())
    size += sum(len(branch.children) // 2 for branch in tree.find_data("chain"))
    if size > MAX_CONDITIONS:
        raise QueryError("The query has too many conditions.", 0, len(text), f"At most {MAX_CONDITIONS}.")
    if _depth(tree) > MAX_DEPTH:
        raise QueryError("The query has too many conditions within each other.", 0, len(text), "Simplify it.")
    return tree


@functools.cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=True)


def _check_characters(text: str) -> None:
    """Refuse what no text of a result can hold, and nothing may be told by."""
    for position, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise QueryError("The query has a character that can't be looked for.", position, 1, "Leave it out.")


def _depth(tree: Tree[Token]) -> int:
    """How many conditions stand within each other, counted without recursion; parentheses alone count a little."""
    deepest, waiting = 0, [(tree, 0, 0)]
    while waiting and deepest <= MAX_DEPTH:
        branch, depth, level = waiting.pop()
        depth += branch.data in _NESTING and len(branch.children) + (branch.data == "negate") > 1
        deepest = max(deepest, depth, level // 8)
        waiting += [(child, depth, level + 1) for child in branch.children if isinstance(child, Tree)]
    return deepest


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


def expected(text: str) -> tuple[set[str], list[Token]]:
    """What may come after `text`, by the names of the grammar, and its tokens; nothing where it is wrong."""
    waiting = _parser().parse_interactive(text)
    try:
        found = list(waiting.iter_parse())
    except UnexpectedInput:
        return set(), []
    return waiting.accepts(), found  # type: ignore[no-untyped-call]


def quote(text: str) -> str:
    """A text as a query says it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
