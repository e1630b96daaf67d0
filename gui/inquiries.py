"""What the New run dialog wants to know before anything is trained. Nothing here runs on the window's thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gui.tasks import Report

if TYPE_CHECKING:
    from storage import ConfigPreview, DataPreview, LibraryItem, Workspace

Configs = Path | Sequence[Mapping[str, Any]]
SECONDS_TO_RECORD = 0.2  # a pipeline, for its files and charts, which are drawn one after the other


def preview(path: Path, report: Report) -> DataPreview:
    """Look at a data file."""
    import pyqtgraph  # noqa: F401 - what it holds is drawn; loaded here, so that the window need not wait for it

    from storage import preview_data

    return preview_data(path)


def describe(sources: Sequence[Configs], report: Report) -> list[list[ConfigPreview] | str]:
    """Say what configurations come to, for each source in turn; a sentence for one that can't be read."""
    from storage import StorageError, preview_configs

    found: list[list[ConfigPreview] | str] = []
    for number, source in enumerate(sources):
        report(number, len(sources), "")
        try:
            found.append(preview_configs(source))
        except StorageError as error:
            found.append(f"{error.what} {error.advice}".strip())
    return found


def shipped(report: Report) -> list[Path]:
    """List the configuration files that come with Runshelf."""
    from storage import RunRequest, shipped_configs

    assert RunRequest is not None  # loaded here, so that nobody waits for it when the training starts
    return shipped_configs()


def templates(workspace: Workspace) -> list[LibraryItem]:
    """List the templates of the library that can be read."""
    return [item for item in workspace.library.list("template") if item.problem is None]


def fit_times(dataset: str, workspace: Workspace) -> dict[str, float]:
    """Return the mean seconds of a fit of each configuration on a dataset; under "" that of all of them."""
    name = dataset.replace("'", "''")
    rows = workspace.catalog.group(
        ["config_name"], ["fit_seconds"], f"dataset_name = '{name}' and status = 'completed'"
    )
    timed = [row for row in rows if row.get("mean_fit_seconds") is not None]
    total = sum(row["completed"] for row in timed)
    if not total:
        return {}
    mean = sum(row["mean_fit_seconds"] * row["completed"] for row in timed) / total
    return {**{str(row["config_name"]): row["mean_fit_seconds"] for row in timed}, "": mean}


def seconds_for(counts: Mapping[str, int], times: Mapping[str, float], jobs: int) -> float | None:
    """Estimate how long so many pipelines of each configuration take; None where nothing is known."""
    if not times or not counts:
        return None
    fits = sum(count * times.get(name, times[""]) for name, count in counts.items())
    return max(fits / jobs, sum(counts.values()) * SECONDS_TO_RECORD)
