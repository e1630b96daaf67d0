"""Pipelines and runs on their way by drag from one pane to another, in a format of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMimeData

from gui.selection import Picked

MIME = "application/x-runshelf-pipelines"


@dataclass(frozen=True)
class Carried:
    """What is being dragged: pipelines, and whole runs by their ids, of the workspace at `root`."""

    root: Path
    pipelines: tuple[Picked, ...] = ()
    runs: tuple[str, ...] = ()


def pack(carried: Carried, text: str = "") -> QMimeData:
    """Make what a drag carries; `text` is what a text editor gets."""
    plain = {
        "root": str(carried.root),
        "pipelines": [[one.run_id, one.pipeline_id, one.prediction_id] for one in carried.pipelines],
        "runs": list(carried.runs),
    }
    mime = QMimeData()
    mime.setData(MIME, json.dumps(plain).encode())
    if text:
        mime.setText(text)
    return mime


def unpack(mime: QMimeData, root: Path | None) -> Carried | None:
    """Return what a drag carries, None where it isn't ours or is of another workspace than the one at `root`."""
    if root is None or not mime.hasFormat(MIME):
        return None
    try:
        plain = json.loads(bytes(mime.data(MIME).data()))
        carried = Carried(Path(plain["root"]), _picked(plain["pipelines"]), tuple(str(run) for run in plain["runs"]))
    except (ValueError, KeyError, TypeError):
        return None  # another program uses the name
    return carried if carried.root == root else None


def _picked(rows: Sequence[Sequence[str]]) -> tuple[Picked, ...]:
    return tuple(Picked(*(str(part) for part in row)) for row in rows)
