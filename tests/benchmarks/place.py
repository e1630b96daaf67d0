"""Where things lie while the benchmark runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where a group works: the workspace with a large catalog, that of many runs, and a folder for its own things."""

    folder: str
    rows: int
    runs: int
    tracker_python: str = ""  # an interpreter that has MLflow; empty: this one, if it has

    @property
    def catalog(self) -> Path:
        return Path(self.folder) / "catalog-workspace"

    @property
    def many_runs(self) -> Path:
        return Path(self.folder) / "runs-workspace"

    def own(self, name: str) -> Path:
        """A folder for the things of one group; made if it isn't there."""
        path = Path(self.folder) / name
        path.mkdir(exist_ok=True)
        return path
