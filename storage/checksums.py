"""The checksum at the end of a JSON document, by which every changed byte of it is noticed.

It is the last field, the sha256 of all the bytes before it. Line ends count the same in either form, for programs that
share folders may turn them. A document without one is believed: whoever edits one takes it out.
"""

from __future__ import annotations

import hashlib
import re

FIELD = "checksum"
_END = re.compile(rb',\s*"checksum"\s*:\s*"([^"]*)"\s*(?:\}\s*)+$')
_SPOILT = re.compile(rb',\n +"[^".]{8}": "[0-9a-f]{64}"\n(?: *\}\n)+$')  # with a changed letter in its name
_LONGEST_END = 512


def with_checksum(document: bytes, depth: int = 1) -> bytes:
    """A document, indented and ended by a line, with its checksum as the last field of the object at this depth."""
    body, *closing = document.rsplit(b"\n", depth + 1)
    field = f',\n{"  " * depth}"{FIELD}": "{_digest(body)}"'.encode()
    return b"\n".join([body + field, *closing])


def is_changed(document: bytes) -> bool:
    """Whether a document is another than its checksum says."""
    start = max(0, len(document) - _LONGEST_END)
    end = _END.search(document, start)
    if end is None:
        return _SPOILT.search(document, start) is not None
    return end[1].decode(errors="replace") != _digest(document[: end.start()])


def _digest(body: bytes) -> str:
    return hashlib.sha256(body.replace(b"\r\n", b"\n")).hexdigest()
