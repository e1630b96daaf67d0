"""Every call that changes a file, told before it is made: to be recorded, to be refused, or to copy what is there then.

What is written by SQLite and by pyarrow's own code passes by, but for the name of a part that pyarrow writes.
"""

from __future__ import annotations

import builtins
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
import pytest

What = Literal["write", "sync", "rename", "link", "mkdir", "remove"]
_CHANGING = os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Call:
    """One call. `target` is the new name of what is renamed or linked; `folders` and `files` are what lies below it."""

    what: What
    path: Path
    target: Path | None = None
    folders: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


@contextmanager
def watched(below: Path, told: Callable[[Call], None]) -> Iterator[None]:
    """Tell of every change below a folder before it is made, one at a time; what `told` raises, the call raises."""
    opened: dict[int, Path] = {}
    guard = threading.RLock()
    real = {name: getattr(os, name) for name in ("open", "write", "fsync", "replace", "rename", "link", "mkdir")}
    real |= {name: getattr(os, name) for name in ("unlink", "remove", "rmdir")}
    real_open, real_table = io.open, pq.write_table

    telling = threading.local()  # what `told` does itself is not told

    def tell(what: What, path: Path, target: Path | None = None) -> None:
        if getattr(telling, "now", False):
            return
        if not path.is_relative_to(below) and not (target and target.is_relative_to(below)):
            return
        folders, files = [], []
        if target is not None and path.is_dir():
            for place, _, names in os.walk(path):
                folders.append(Path(place))
                files += [Path(place, name) for name in names]
        telling.now = True
        try:
            told(Call(what, path, target, tuple(folders), tuple(files)))
        finally:
            telling.now = False

    def place(path: Any, folder: int | None = None) -> Path:
        if isinstance(path, int):
            return opened.get(path, Path("/unknown"))
        return Path(os.path.abspath(opened[folder] / os.fspath(path) if folder in opened else os.fspath(path)))

    def opening(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        with guard:
            where = place(path, dir_fd)
            if flags & _CHANGING and (flags & os.O_TRUNC or not os.path.lexists(where)):
                tell("write", where)
            descriptor: int = real["open"](path, flags, mode, dir_fd=dir_fd)
            opened[descriptor] = where
            return descriptor

    def file_opening(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        if isinstance(file, int) or not set(mode) & set("wxa+"):
            return real_open(file, mode, *args, **named)
        with guard:
            where = place(file)
            tell("write", where)
            if "b" not in mode or not where.is_relative_to(below):
                made = real_open(file, mode, *args, **named)
            else:
                raw = Told(where, mode)
                made = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            opened[made.fileno()] = where
            return made

    class Told(io.FileIO):
        def __init__(self, where: Path, mode: str) -> None:
            super().__init__(where, mode.replace("b", ""))
            self.where = where

        def write(self, data: Any) -> int:
            with guard:
                tell("write", self.where)
                return super().write(data)

    def by_descriptor(name: str, what: What) -> Callable[..., Any]:
        def call(descriptor: int, *args: Any) -> Any:
            with guard:
                tell(what, place(descriptor))
                return real[name](descriptor, *args)

        return call

    def by_name(name: str, what: What) -> Callable[..., Any]:
        def call(path: Any, *args: Any, dir_fd: int | None = None, **named: Any) -> Any:
            with guard:
                if what != "mkdir" or not os.path.lexists(path):  # it is tried where there is one already
                    tell(what, place(path, dir_fd))
                named |= {} if dir_fd is None else {"dir_fd": dir_fd}
                return real[name](path, *args, **named)

        return call

    def by_names(name: str, what: What) -> Callable[..., Any]:
        def call(path: Any, target: Any, **named: Any) -> Any:
            with guard:
                if what != "link" or not os.path.lexists(target):
                    tell(what, place(path), place(target))
                return real[name](path, target, **named)

        return call

    def write_table(table: Any, where: Any, *args: Any, **named: Any) -> None:
        with guard:
            if isinstance(where, str | os.PathLike):
                tell("write", place(where))
            real_table(table, where, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", opening)
        patch.setattr(io, "open", file_opening)
        patch.setattr(builtins, "open", file_opening)
        patch.setattr(pq, "write_table", write_table)
        patch.setattr(os, "write", by_descriptor("write", "write"))
        patch.setattr(os, "fsync", by_descriptor("fsync", "sync"))
        patch.setattr(os, "mkdir", by_name("mkdir", "mkdir"))
        for name in ("unlink", "remove", "rmdir"):
            patch.setattr(os, name, by_name(name, "remove"))
        for name in ("replace", "rename"):
            patch.setattr(os, name, by_names(name, "rename"))
        patch.setattr(os, "link", by_names("link", "link"))
        yield
