"""What a report is made of: sections of facts, tables, drawings and sentences, plain values without any markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from storage.drawings import Drawing

Tone = Literal["", "best", "bad"]


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `tone` marks the best value and what should be looked at."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand to the right."""

    title: str
    number: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and values; what has no value is left out."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells, and a note on what they are."""

    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Sentence:
    """A sentence of its own."""

    kind: ClassVar[str] = "sentence"
    text: str
    tone: Tone = ""


Block = Facts | Table | Sentence | Drawing


@dataclass(frozen=True)
class Section:
    """A part of a report under its own heading."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def written(self) -> tuple[Block, ...]:
        """What can be told without drawing: the drawings have their numbers beside them."""
        return tuple(block for block in self.blocks if block.kind != "drawing")


@dataclass(frozen=True)
class Report:
    """A whole report: `about` says what it is of, `lead` the main thing, `made` when and from what it was made.

    `mark` tells its file from any other.
    """

    title: str
    about: str
    made: str
    mark: str
    lead: str = ""
    sections: tuple[Section, ...] = field(default=())


def facts(rows: dict[str, str]) -> Facts:
    """Facts without those that have no value."""
    return Facts(tuple((name, value) for name, value in rows.items() if value))


def table(columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]], note: str = "") -> Table:
    """A table of cells and plain texts."""
    made = tuple(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Table(tuple(columns), made, note)


def section(title: str, *blocks: Block | None) -> Section:
    """A section of the blocks that are there."""
    return Section(title, tuple(block for block in blocks if block is not None))
