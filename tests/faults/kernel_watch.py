"""What is opened or changed in a folder, told by the kernel: also what libraries do that are no Python."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPENED, _CHANGED = 0x20, 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200
_NONBLOCK = 0o4000


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """The names of what is opened or changed in a folder and below meanwhile; filled at the end."""
    system = ctypes.CDLL(None, use_errno=True)
    queue = system.inotify_init1(_NONBLOCK)
    assert queue >= 0, os.strerror(ctypes.get_errno())
    names: dict[int, str] = {}
    for place in [place for place, _, _ in os.walk(folder)]:  # all of them first: looking is seen, too
        watch = system.inotify_add_watch(queue, os.fsencode(place), _OPENED | _CHANGED)
        names[watch] = os.path.relpath(place, folder)
    seen: list[str] = []
    try:
        yield seen
        while True:
            try:
                events = os.read(queue, 65536)
            except BlockingIOError:
                break
            while events:
                watch, mask, _, length = struct.unpack_from("iIII", events)
                name = events[16 : 16 + length].rstrip(b"\0").decode(errors="replace")
                done = "opened" if mask & _OPENED else "changed"
                seen.append(f"{done} {names.get(watch, '?')}/{name}")
                events = events[16 + length :]
    finally:
        os.close(queue)
