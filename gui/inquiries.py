"""What the New run dialog wants to know before anything is trained. Runs beside the workspace, on other threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gui.tasks import Report

if TYPE_CHECKING:
    from storage import DataPreview


def preview(path: Path, report: Report) -> DataPreview:
    """Look at the beginning of a data file."""
    from storage import preview_data

    return preview_data(path)


def count_configs(paths: Sequence[Path], report: Report) -> int:
    """Count the pipelines that configuration files expand to."""
    from storage import load_configs

    return len(load_configs(paths))


def shipped(report: Report) -> list[Path]:
    """List the configuration files that come with Runshelf."""
    from storage import RunRequest, shipped_configs

    assert RunRequest is not None  # loaded here, so that nobody waits for it when the training starts
    return shipped_configs()
