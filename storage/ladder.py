"""Asking the index, whatever happens to it: opened again, filled again, made again, and the question once more.

The index is a cache. Nothing that befalls it may reach the one who asks, except that it takes longer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DatabaseError

from storage.errors import BadInput
from storage.index import Index, IndexBusy, is_busy, is_damage, is_full, is_refused

_BUSY = "is in use by another program and is kept elsewhere until it is opened again"
_ATTEMPTS = 4
Answer = TypeVar("Answer")


class Ladder:
    """The way to one index. `refill` fills it from the files after it had to be started again."""

    def __init__(self, index: Index, refill: Callable[[], None]) -> None:
        self._index = index
        self._refill = refill
        self._filler: int | None = None  # the thread that fills it

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask the index; if it turns out damaged or deleted, make it again from the files and ask once more.

        What one process made again, the others take up. An index that another program holds on to is left to it, and
        another one is made elsewhere. Raises BadInput for a question that SQLite can't take.
        """
        if self._filler == threading.get_ident():
            return question()  # what befalls it there befalls the filling
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._make_ready()
                return question()
            except DatabaseError as error:
                if attempt == _ATTEMPTS:
                    raise
                self._start_again(error, elsewhere=attempt > _ATTEMPTS // 2)
            except UnicodeDecodeError:  # what SQLite says of a database that is no text
                if attempt == _ATTEMPTS:
                    raise
                with self._index.lock:
                    self._index.start_again("was damaged and was made again", elsewhere=attempt > _ATTEMPTS // 2)
            except UnicodeEncodeError as error:
                raise BadInput("The text has a character that can't be written.", advice="Leave it out.") from error
            except (TypeError, ValueError, OverflowError) as error:
                if attempt < _ATTEMPTS and self.mend():
                    continue
                if isinstance(error, OverflowError):  # SQLite counts to 2**63
                    raise BadInput("The number is too large.", advice="Take a smaller one.") from error
                raise
            except IndexBusy:
                if attempt == _ATTEMPTS:
                    raise
                with self._index.lock:
                    self._index.start_again(_BUSY, keep=True)
        raise AssertionError("unreachable")

    def mend(self) -> bool:
        """Start the index again if it holds what can't be; False where it doesn't, and all is as it was."""
        with self._index.lock:
            if not self._index.has_odd_values():
                return False
            self._index.start_again("was damaged and was made again")
            return True

    def _make_ready(self) -> None:
        """Open the index again if it went away, and fill it after that; other threads wait meanwhile."""
        if self._index.unfilled or self._index.connection.invalidated or self._index.vanished():
            with self._index.lock:
                self._index.revive()
                if self._index.vanished():
                    self._index.reopen()
                if self._index.unfilled:
                    self._fill()
        self._index.refresh()

    def _fill(self) -> None:
        self._filler = threading.get_ident()  # filling asks questions too
        try:
            self._refill()
            self._index.unfilled = False
        finally:
            self._filler = None

    def _start_again(self, error: DatabaseError, elsewhere: bool) -> None:
        """Make it again; `elsewhere` where it does not stay whole in its place."""
        with self._index.lock:
            if self._index.vanished() and not elsewhere:  # another process has put one in its place
                self._index.reopen()
                return
            reason = self._reason_to_start_again(error)
            self._index.start_again(reason, elsewhere=elsewhere or is_full(error), keep=is_busy(error))

    def _reason_to_start_again(self, error: DatabaseError) -> str:
        if is_busy(error):
            return _BUSY
        if is_full(error):
            return "had no room on the disk and is kept elsewhere until there is some"
        if not is_damage(error):
            raise BadInput(f"SQLite can't answer this: {error.orig}.", advice="Ask for less at once.") from error
        what = "could not be read or written" if is_refused(error) else "was damaged"
        return f"{what} and was made again"
