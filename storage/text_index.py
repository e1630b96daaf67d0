"""Words, configurations, parameters and tags in the index: everything of a result that is looked up by its text.

A million results have few different names and configurations. Each different text is kept once, in a full text
index over three letters at a time, so that any part of a word is found; a row says which texts are its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Float, and_, bindparam, delete, func, insert, literal, select, union_all
from sqlalchemy.engine import Connection

from storage.layout import numbered
from storage.parameters import PREPROCESSING, fold, parameters_of, preprocessing_of, words_of
from storage.schema import TEXT_COLUMNS
from storage.sources import Parameter

if TYPE_CHECKING:
    from storage.index import Index

TRIGRAM = 3  # letters: shorter words are looked for in every text
_CHUNK = 500
_MANY = 10_000  # rows asked for by key at once


class TextIndex:
    """The texts of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._names: list[str] = []
        self._names_at: tuple[int, int, int] | None = None  # the state of the index they were read at

    # ------------------------------------------------------------ taking in

    def ids(self, texts: Iterable[str], configs: Iterable[str] = ()) -> dict[str, int]:
        """The ids of texts and of configurations; those not known are taken in, of configurations the parameters."""
        parameters = set(configs)
        wanted = {text: _digest(text, text in parameters) for text in (*texts, *parameters)}
        with self._index.change() as connection:
            known = self._known(list(wanted.values()))
            fresh = [text for text, digest in wanted.items() if digest not in known]
            last = self._index.raw(("SELECT max(id) FROM texts", ()))[0][0] or 0
            numbered = list(enumerate(fresh, last + 1))
            if fresh:
                rows = [(number, wanted[text]) for number, text in numbered]
                connection.exec_driver_sql("INSERT INTO texts (id, digest) VALUES (?, ?)", rows)
                words = [(n, fold(words_of(text) if text in parameters else text)) for n, text in numbered]
                connection.exec_driver_sql("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
            for number, text in numbered:
                known[wanted[text]] = number
                if text in parameters:
                    self._take_parameters(connection, number, text)
        return {text: known[digest] for text, digest in wanted.items()}

    def _known(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        known: dict[bytes, int] = {}
        for chunk in _chunks(digests):
            marks = ",".join("?" * len(chunk))
            sql = f"SELECT digest, id FROM texts WHERE digest IN ({marks})"
            known.update((row[0], row[1]) for row in self._index.raw((sql, tuple(chunk))))
        return known

    def _take_parameters(self, connection: Connection, number: int, config: str) -> None:
        t = self._index.tables
        own = {"id": number, "config": config, "preprocessing": preprocessing_of(config)}
        connection.execute(insert(t.configs), own)
        rows = [
            {"name": p.name, "config_text": number, "place": place, "number": p.number, "text": p.text}
            for place, p in enumerate(parameters_of(config))
        ]
        if rows:
            connection.execute(insert(t.parameters).prefix_with("OR IGNORE"), rows)
            names = [{"name": name} for name in dict.fromkeys(row["name"] for row in rows)]
            connection.execute(insert(t.parameter_names).prefix_with("OR IGNORE"), names)

    def put_tags(self, connection: Connection, tags: Mapping[int, Sequence[str]]) -> None:
        """Make these the tags of rows, by key."""
        if not tags:
            return
        table = self._index.tables.tags
        connection.execute(delete(table).where(table.c.key == bindparam("k")), [{"k": key} for key in tags])
        rows = [{"folded": fold(tag), "key": key, "tag": tag} for key, own in tags.items() for tag in own]
        if rows:
            connection.execute(insert(table).prefix_with("OR IGNORE"), rows)

    # ------------------------------------------------------------ conditions for queries

    def word(self, word: str) -> ColumnElement[bool]:
        """Rows with this word in a name, the configuration, tags or notes, or with this number, or begin, of their id.

        Ids are no texts of the index: each result has its own, and a million of them would be most of it.
        """
        folded = fold(word)
        words = self._index.tables.words
        if len(folded) >= TRIGRAM:
            quoted = folded.replace('"', '""')
            match: ColumnElement[bool] = words.c.text.op("MATCH", is_comparison=True)(f'"{quoted}"')
        else:
            match = words.c.text.contains(folded, autoescape=True)
        found = select(words.c.rowid).where(match).scalar_subquery()
        rows, own = self._index.predictions.alias(), []
        for name in TEXT_COLUMNS:
            self._index.results.ensure_sorted([name])
            own.append(select(rows.c.key).where(rows.c[name].in_(found)))
        digits = numbered(folded)
        if digits is not None:
            self._index.results.ensure_sorted(["pipeline_id"])
            own.append(select(rows.c.key).where(begins_with_id(rows.c.pipeline_id, digits, folded)))
        return self._index.predictions.c.key.in_(union_all(*own))

    def tagged(self, tag: str) -> ColumnElement[bool]:
        """Rows with this tag, in upper or lower case."""
        table = self._index.tables.tags
        return self._index.predictions.c.key.in_(select(table.c.key).where(table.c.folded == fold(tag)))

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, in upper or lower case; `n_components` alone means that of any step."""
        folded = name.lower()
        if folded == PREPROCESSING:
            return self._preprocessing()
        names = [known for known in self.parameter_names() if known.lower() == folded]
        if not names and "." not in name:
            names = [known for known in self.parameter_names() if known.lower().rpartition(".")[2] == folded]
        return self._parameter(names) if names else None

    def _parameter(self, names: Sequence[str]) -> Parameter:
        p, row = self._index.tables.parameters, self._index.predictions.c.config_text
        own = p.c.name.in_(names)
        numeric = bool(self._index.ask(select(p.c.number).where(own, p.c.number.is_not(None)).limit(1)))
        values = p.alias()
        value = values.c.number if numeric else values.c.text
        scalar = select(func.min(value)).where(values.c.name.in_(names), values.c.config_text == row).scalar_subquery()

        def where(condition: ColumnElement[bool]) -> ColumnElement[bool]:
            return row.in_(select(p.c.config_text).where(own, condition))

        return Parameter(p.c.number, p.c.text, scalar, where)

    def _preprocessing(self) -> Parameter:
        """The steps before the model as a parameter: always a text."""
        configs, row = self._index.tables.configs, self._index.predictions.c.config_text
        own = configs.alias()
        scalar = select(own.c.preprocessing).where(own.c.id == row).scalar_subquery()

        def where(condition: ColumnElement[bool]) -> ColumnElement[bool]:
            return row.in_(select(configs.c.id).where(condition))

        return Parameter(literal(None, Float), configs.c.preprocessing, scalar, where)

    def parameter_names(self) -> list[str]:
        """The names of all parameters that any result has, in order."""
        state = self._index.state()
        if self._names_at != state:
            rows = self._index.raw(("SELECT name FROM parameter_names ORDER BY name", ()))
            self._names, self._names_at = [row[0] for row in rows], state
        return self._names

    def spoken_names(self) -> list[str]:
        """What a query may name beside columns: the preprocessing, and all parameters."""
        return list(dict.fromkeys([PREPROCESSING, *self.parameter_names()]))

    def parameter_values(self, name: str, start: str, limit: int) -> list[str]:
        """Values a parameter has, those that begin with `start`."""
        p, configs = self._index.tables.parameters, self._index.tables.configs
        if name.lower() == PREPROCESSING:
            own = configs.c.preprocessing
            known = select(own).where(own.istartswith(start, autoescape=True)).distinct().order_by(own).limit(limit)
            return [row["preprocessing"] for row in self._index.ask(known)]
        statement = select(p.c.text).where(p.c.name == name, p.c.text.istartswith(start, autoescape=True)).distinct()
        return [row["text"] for row in self._index.ask(statement.order_by(p.c.number, p.c.text).limit(limit))]

    def parameters_of(self, keys: Sequence[int]) -> dict[str, list[float | str | None]]:
        """The parameters that differ among some rows, each with its value in every row; see `Catalog.parameters_of`."""
        p, own = self._index.tables.parameters, self._configs_of(keys)
        found: dict[str, dict[int, float | str | None]] = {}
        for chunk in _chunks(sorted({one for one in own if one is not None}), _MANY):
            statement = select(p.c.name, p.c.config_text, func.min(p.c.number), func.min(p.c.text))
            statement = statement.where(p.c.config_text.in_(chunk)).group_by(p.c.name, p.c.config_text)
            for name, config, number, text in self._index.raw(self._index.prepared(statement)):
                found.setdefault(name, {})[config] = number if number is not None else text
        return {
            name: [values.get(config) if config is not None else None for config in own]
            for name, values in found.items()
            if len({one for one in values.values() if one is not None}) > 1
        }

    def _configs_of(self, keys: Sequence[int]) -> list[int | None]:
        """Which configuration each row has, in this order."""
        c = self._index.predictions.c
        found: dict[int, int | None] = {}
        for chunk in _chunks(list(keys), _MANY):
            found.update(zip(*self._index.results.values_of(c.key.in_(chunk), [c.key, c.config_text]), strict=True))
        return [found.get(key) for key in keys]

    def known_tags(self, start: str = "", limit: int = 1000) -> list[tuple[str, int]]:
        """Tags that begin with `start` and how many rows have each, the most used first."""
        t = self._index.tables.tags
        count = func.count().label("n")
        statement = select(func.min(t.c.tag).label("tag"), count).group_by(t.c.folded)
        statement = statement.where(t.c.folded.startswith(fold(start), autoescape=True))
        rows = self._index.ask(statement.order_by(count.desc(), t.c.folded).limit(limit))
        return [(row["tag"], row["n"]) for row in rows]

    def config(self, prediction_id: str) -> str | None:
        """The configuration of a row as the catalog keeps it, or None."""
        c, configs = self._index.predictions.c, self._index.tables.configs
        statement = select(configs.c.config).join_from(self._index.predictions, configs, configs.c.id == c.config_text)
        rows = self._index.ask(statement.where(c.prediction_id == prediction_id))
        return rows[0]["config"] if rows else None


def begins_with_id(column: ColumnElement[Any], digits: str, folded: str) -> ColumnElement[bool]:
    """Ids with this number, found by a range of their index, and of these such as begin with the whole word."""
    numbered_so = and_(column >= f"{digits}_", column < f"{digits}`")  # the character after "_"
    begins_so = func.fold(column).startswith(folded, autoescape=True)
    return numbered_so if folded == digits else and_(numbered_so, begins_so)


def _digest(text: str, is_config: bool) -> bytes:
    """What tells texts apart; a note that looks like a configuration is none."""
    return hashlib.sha256((b"config\0" if is_config else b"") + text.encode("utf-8", "replace")).digest()[:16]


def _chunks(values: Sequence[Any], size: int = _CHUNK) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
