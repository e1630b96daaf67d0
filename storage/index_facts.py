"""What an index says, read from its file without taking part in it: check compares it with the files."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from storage.index import VERSION
from storage.reading import stamp

_ATTEMPTS = 3  # at reading one that others open and close
_ANY_ORDER = ("key", "names_text", "run_text", "config_text", "note_text")  # numbers given in the order of taking in
_COMPARED = ("kept", "made")
_OF_UNCHANGED = "({names}) IN (SELECT {names} FROM kept.{table} INTERSECT SELECT {names} FROM made.{table})"
# What an index must tell as one made anew does. It may still have configurations that nothing uses, and either may have
# such texts: an earlier note.
_BOTH_WAYS = {
    "tags": "SELECT p.prediction_id, t.folded, t.tag FROM {0}.tags t LEFT JOIN {0}.predictions p ON p.key = t.key",
    "edits": "SELECT * FROM {0}.annotations",
    "parts": "SELECT * FROM {0}.parts WHERE dataset != 'data'",
    "texts of results": "SELECT p.prediction_id, a.digest, b.digest, c.digest, d.digest FROM {0}.predictions p"
    " LEFT JOIN {0}.texts a ON a.id = p.names_text LEFT JOIN {0}.texts b ON b.id = p.run_text"
    " LEFT JOIN {0}.texts c ON c.id = p.config_text LEFT JOIN {0}.texts d ON d.id = p.note_text",
}
_AT_MOST = {"places of arrays": "SELECT * FROM {0}.row_groups"}  # taken in when they are first looked for
_AT_LEAST = {
    "texts": "SELECT t.digest, w.text FROM {0}.texts t LEFT JOIN {0}.words w ON w.rowid = t.id WHERE t.id IN ("
    "SELECT names_text FROM {0}.predictions UNION SELECT run_text FROM {0}.predictions"
    " UNION SELECT config_text FROM {0}.predictions UNION SELECT note_text FROM {0}.predictions)",
    "configurations": "SELECT t.digest, c.config, c.preprocessing FROM {0}.configs c"
    " LEFT JOIN {0}.texts t ON t.id = c.id",
    "parameters": "SELECT t.digest, q.name, q.place, q.number, q.text FROM {0}.parameters q"
    " LEFT JOIN {0}.texts t ON t.id = q.config_text",
    "names of parameters": "SELECT name FROM {0}.parameter_names",
}
_BUSY_SECONDS = 2
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)  # of a damaged index, and of what SQLite says of it
State = Literal["missing", "other", "damaged", "busy", "readable"]


@dataclass(frozen=True)
class IndexFacts:
    """The state of an index file; `ids` only when asked for.

    `runs` are signatures by folder, `pipelines` statuses by folder and pipeline, `documents` the signatures of theirs.
    """

    state: State
    problem: str = ""
    mark: str = ""
    predictions: int = 0
    runs: dict[str, str] = field(default_factory=dict)
    pipelines: dict[tuple[str, str], str] = field(default_factory=dict)
    documents: dict[tuple[str, str], str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remembered:
    """What an index still knows when documents are lost: whose it is, at which generation, and its parts' names."""

    workspace_id: str = ""
    generation: int = 0
    parts: frozenset[tuple[str, str]] = frozenset()  # data set and file


def remembered(path: Path) -> Remembered:
    """What the index at `path` remembers, whosever it is; nothing where it can't be read."""
    if not path.is_file() or path.is_symlink():
        return Remembered()
    try:
        with closing(_connect(path, _is_still(path))) as file:
            facts = dict(file.execute("SELECT key, value FROM facts").fetchall())
            parts = frozenset((str(d), str(f)) for d, f in file.execute("SELECT dataset, file FROM parts"))
    except sqlite3.Error:
        return Remembered()
    generation = str(facts.get("manifest") or "").partition(":")[0]
    return Remembered(str(facts.get("workspace_id") or ""), int(generation) if generation.isdecimal() else 0, parts)


def read_index(path: Path, workspace_id: str, *, deep: bool = False) -> IndexFacts:
    """Read the facts of the index at `path`; nothing of it is changed. `deep` reads every page and every id."""
    if not path.is_file() or path.is_symlink():
        return IndexFacts("missing")
    found = _read_still(path, workspace_id, deep) or _read(path, workspace_id, deep, still=False)
    if found.state in ("busy", "damaged") and not os.access(path.parent, os.W_OK):
        return IndexFacts("other")  # SQLite has to write beside it; where nobody can, another one is used
    return found


def differences(path: Path, made: Path, copy: Path) -> Iterator[tuple[str, int]]:
    """What the index at `path` tells otherwise than the one that was just `made`: subjects with numbers of rows.

    Each subject is yielded, also where nothing differs. Of runs and pipelines those are compared that both took in
    from the same documents; nothing is where the catalog went on meanwhile. It is read from a `copy` that is written.
    """
    with closing(_connect(path, _is_still(path))) as kept, closing(sqlite3.connect(copy)) as target:
        kept.backup(target)
    with closing(sqlite3.connect(":memory:")) as file:
        for name, place in (("kept", copy), ("made", made)):
            file.execute(f"ATTACH ? AS {name}", (str(place),))
        marks = {file.execute(f"SELECT value FROM {n}.facts WHERE key = 'manifest'").fetchone() for n in _COMPARED}
        if len(marks) == 1:
            yield "words", _faults_of_words(file)
            for subject, rows in {**_BOTH_WAYS, **_tables(file)}.items():
                yield subject, max(_only(file, rows, "kept", "made"), _only(file, rows, "made", "kept"))
            for subject, rows in _AT_MOST.items():
                yield subject, _only(file, rows, "kept", "made")
            for subject, rows in _AT_LEAST.items():
                yield subject, _only(file, rows, "made", "kept")


def _tables(file: sqlite3.Connection) -> dict[str, str]:
    """Whole tables as rows to compare; a metric that nothing has any more may have kept its column."""
    selects = {}
    names = {"runs": "folder, signature", "pipelines": "folder, pipeline_id, signature"}
    for table in ("predictions", "runs", "pipelines"):
        columns = [row[1] for row in file.execute(f"PRAGMA made.table_info({table})") if row[1] not in _ANY_ORDER]
        where = f" WHERE {_OF_UNCHANGED.format(names=names[table], table=table)}" if table in names else ""
        told = ", ".join(f'"{name}"' for name in columns)
        selects["results" if table == "predictions" else table] = f"SELECT {told} FROM {{0}}.{table}{where}"
    return selects


def _faults_of_words(file: sqlite3.Connection) -> int:
    """Whether SQLite finds the full text at odds with what it was made of; its check of pages leaves that out."""
    try:
        file.execute("INSERT INTO kept.words (words) VALUES ('integrity-check')")
    except sqlite3.DatabaseError:
        return 1
    return 0


def _only(file: sqlite3.Connection, rows: str, one: str, other: str) -> int:
    sql = f"SELECT count(*) FROM ({rows.format(one)} EXCEPT {rows.format(other)})"
    return int(file.execute(sql).fetchone()[0])


def _read_still(path: Path, workspace_id: str, deep: bool) -> IndexFacts | None:
    """The facts of an index that nobody is at work on, read without a file beside it; None where somebody is."""
    for _ in range(_ATTEMPTS):
        before = stamp(path)
        if not _is_still(path):
            return None
        found = _read(path, workspace_id, deep, still=True)
        if _is_still(path) and stamp(path) == before:
            return found
    return None


def _read(path: Path, workspace_id: str, deep: bool, still: bool) -> IndexFacts:
    try:
        with closing(_connect(path, still)) as file:
            return _facts(file, workspace_id, deep)
    except sqlite3.DatabaseError as error:
        busy = "locked" in str(error) or "busy" in str(error)
        return IndexFacts("busy" if busy else "damaged", str(error))


def _is_still(path: Path) -> bool:
    """Whether nobody is at work on an index: then SQLite need not make the files beside it that it otherwise does."""
    return not any(os.path.lexists(f"{path}{suffix}") for suffix in ("-wal", "-shm", "-journal"))


def _connect(path: Path, still: bool) -> sqlite3.Connection:
    """A connection that changes nothing."""
    how = "mode=ro&immutable=1" if still else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_BUSY_SECONDS)


def _facts(file: sqlite3.Connection, workspace_id: str, deep: bool) -> IndexFacts:
    tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "facts" not in tables:
        return IndexFacts("other")
    facts = dict(file.execute("SELECT key, value FROM facts").fetchall())
    if (facts.get("version"), facts.get("workspace_id")) != (VERSION, workspace_id):
        return IndexFacts("other")
    if deep:
        told = file.execute("PRAGMA integrity_check(3)").fetchall()
        if told != [("ok",)]:
            return IndexFacts("damaged", "; ".join(str(row[0]) for row in told))
    file.execute("BEGIN")  # one moment for all of it
    pipelines = file.execute("SELECT folder, pipeline_id, status, signature FROM pipelines").fetchall()
    return IndexFacts(
        "readable",
        mark=str(file.execute("SELECT value FROM facts WHERE key = 'manifest'").fetchone()[0] or ""),
        predictions=int(file.execute("SELECT count(*) FROM predictions").fetchone()[0]),
        runs=dict(file.execute("SELECT folder, signature FROM runs").fetchall()),
        pipelines={(folder, pipeline): status for folder, pipeline, status, _ in pipelines},
        documents={(folder, pipeline): signature or "" for folder, pipeline, _, signature in pipelines},
        ids=tuple(row[0] for row in file.execute("SELECT prediction_id FROM predictions")) if deep else (),
    )
