"""Make `format-N.zip`, a small workspace as the Runshelf of today writes it, and `format-N.json`, what it answers.

    python -m tests.faults.golden.make_golden

Run once for each format version and kept for ever: every later Runshelf must open it. One that is there is not made
again; the answers are written down at that time, never corrected afterwards.
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from storage import LibraryItem, LoadedPipeline, Workspace
from storage.marker import FORMAT_VERSION
from tests.faults.specimen import make, settings_in
from tests.storage.samples import regression_arrays

HERE = Path(__file__).parent
_LEFT_OUT = ("index.sqlite", "lock-", ".html")  # made anew, or of no matter here


def answers(workspace: Workspace) -> dict[str, Any]:
    """What a workspace tells, as plain JSON."""
    from storage.records import plain

    spectra, _ = regression_arrays()
    catalog = workspace.catalog
    rows = catalog.search(order_by="prediction_id", limit=None)
    names = ("prediction_id", "pipeline_name", "dataset_name", "status", "config_hash", "test_rmse", "val_accuracy")
    told: dict[str, Any] = {
        "runs": sorted([run.folder, run.run_name, run.status, run.total, run.failed] for run in workspace.runs()),
        "results": [[None if value != value else value for value in row] for row in rows[list(names)].values.tolist()],
        "arrays": {
            one: [[a.partition, a.fold_id, a.y_true.tolist(), a.y_pred.tolist()] for a in catalog.arrays(one)]
            for one in rows["prediction_id"]
        },
        "edits": [[row["notes"], row["stars"], row["tags"]] for row in catalog.rows(catalog.keys("notes is not null"))],
        "library": sorted([item.kind, item.name, item.problem] for item in workspace.library.list()),
        "archives": sorted([one.kind, one.name, one.problem] for one in workspace.archives()),
        "trash": sorted([entry.kind, entry.title, entry.problem] for entry in workspace.trash.list()),
        "predicted": predicted(workspace.library.load("pipeline", "best"), spectra),
    }
    return dict(plain(told))


def predicted(loaded: object, spectra: Any) -> list[float]:
    """What the kept pipeline predicts, rounded as far as other versions of the libraries may differ."""
    assert isinstance(loaded, LoadedPipeline) and not isinstance(loaded, LibraryItem)
    return [round(float(value), 6) for value in loaded.model.predict(spectra)]


def pack(place: Path, target: Path) -> None:
    """Pack the workspace and the settings beside it; empty folders too."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for folder in (place / "workspace", place / "config"):
            for path in sorted(folder.rglob("*")):
                if not any(word in path.name for word in _LEFT_OUT):
                    package.write(path, path.relative_to(place).as_posix())


def main() -> None:
    target = HERE / f"format-{FORMAT_VERSION}.zip"
    if target.exists():
        sys.exit(f"{target.name} is there: what was written once must be read as it is.")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with settings_in(place):
            root = make(place, charts=False)
            with Workspace.open(root) as workspace:
                told = answers(workspace)
        pack(place, target)
    target.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
    print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
