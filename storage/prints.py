"""What pipelines print goes on to where it would go anyway, in moderation: a terminal, or a log, has other uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOST = 100_000  # characters of one pipeline
_LEFT_OUT = "\n… what else this pipeline prints is left out …\n"


class Prints:
    """Counts what is printed while a batch is at work. Of several pipelines at once all count as the latest begun.

    What a library prints past Python, and a process of its own, is not seen.
    """

    def __init__(self) -> None:
        self._left = MOST
        self._told = False
        self._free = False

    @contextmanager
    def moderated(self) -> Iterator[None]:
        """Moderate the standard output and the standard error."""
        streams: tuple[Any, Any] = sys.stdout, sys.stderr  # None in a program without a terminal
        sys.stdout, sys.stderr = (None if one is None else _Stream(one, self) for one in streams)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = streams

    def begin(self) -> None:
        """Another pipeline begins: it may print as much as any."""
        self._left, self._told = MOST, False

    @contextmanager
    def free(self) -> Iterator[None]:
        """Whoever asked for the batch may print as he likes."""
        self._free = True
        try:
            yield
        finally:
            self._free = False

    def passed(self, text: str) -> str:
        """What of a text is printed."""
        if self._free:
            return text
        shown = text[: self._left]
        self._left -= len(shown)
        if len(shown) == len(text) or self._told:
            return shown
        self._told = True
        return shown + _LEFT_OUT


class _Stream:
    """A stream of text that `prints` moderates; otherwise it is the one it stands for."""

    def __init__(self, stream: Any, prints: Prints) -> None:
        self._stream = stream
        self._prints = prints

    def write(self, text: str) -> int:
        if shown := self._prints.passed(text):
            self._stream.write(shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
