"""While a model that nobody vouches for predicts, its thread writes no file, starts no program and reaches no network.

A second line of defence: what such a model may hold is looked at before it is loaded (`storage.known_safe`).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_held = threading.local()
_hook = threading.Lock()
_hooked = False
_REFUSED = ("os.", "shutil.", "subprocess.", "socket.", "ctypes.", "winreg.", "pty.", "fcntl.", "sqlite3.", "ftplib.",
            "http.", "smtplib.", "urllib.", "webbrowser.", "tempfile.", "pickle.")  # fmt: skip
_HARMLESS = frozenset({"os.listdir", "os.scandir", "os.walk", "os.fwalk", "ctypes.dlopen", "ctypes.dlsym"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@contextmanager
def restrained() -> Iterator[None]:
    """Refuse, with a PermissionError, what changes something outside of this thread's own memory."""
    global _hooked
    with _hook:
        if not _hooked:
            sys.addaudithook(_refuse)  # which stays for good, and looks at what threads do that are restrained
            _hooked = True
    before = getattr(_held, "on", False)
    _held.on = True
    try:
        yield
    finally:
        _held.on = before


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not getattr(_held, "on", False):
        return
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        writes = flags & _WRITING if isinstance(flags, int) else False
        if not writes and not (isinstance(mode, str) and set(mode) & set("wax+")):
            return
    elif event in _HARMLESS or not event.startswith(_REFUSED):
        return
    raise PermissionError(f"a model that nobody vouches for is not allowed to do this: {event}")
