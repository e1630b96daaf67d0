"""What takes how much room is what the disk says, and what sharing saves is what it would take without."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from storage import Cancelled, Usage, Workspace


def train(workspace: Workspace, finalize: bool = True) -> str:
    run = workspace.create_run("corn", "shared" if finalize else "running")
    for number in range(5):
        pipeline = run.add_pipeline({"k": number})
        pipeline.save_artifact("scaler", np.zeros(1000))
        pipeline.save_artifact("model", np.full(100, number))
        pipeline.complete()
    if finalize:
        run.finalize()
    return pipeline.prediction_id


def named_bytes(root: Path) -> int:
    return sum(a["bytes"] for p in root.glob("runs/*/0*/pipeline.json") for a in json.loads(p.read_text())["artifacts"])


def stored(root: Path, pattern: str) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in root.glob(pattern) if path.is_file()]
    return sum(sizes), len(sizes)


def of(usage: Usage, name: str) -> tuple[int, int]:
    area = usage.area(name)  # type: ignore[arg-type]
    return area.bytes, area.files


@pytest.mark.parametrize("finalize", [True, False])
def test_every_file_is_counted_once_and_the_saving_is_real(workspace: Workspace, root: Path, finalize: bool) -> None:
    workspace.catalog.plan_delete(f"prediction_id = '{train(workspace, finalize)}'").apply()
    (root / "exports/report.txt").write_text("x" * 1234)
    (root / "catalog/archives/filtered/old.csv").write_text("x" * 77)
    (root / "library/templates/t.json").write_text("{}")
    (root / "notes.txt").write_text("mine")
    (root / "runs/out").symlink_to("/usr")
    usage = workspace.usage()
    assert of(usage, "artifacts") == stored(root, "runs/*/_binaries/*")
    assert of(usage, "runs") == (
        sum(stored(root, f"runs/*/{p}")[0] for p in ("*", "0*/*")),
        sum(stored(root, f"runs/*/{p}")[1] for p in ("*", "0*/*")),
    )
    assert of(usage, "parts")[0] == stored(root, "catalog/*.parquet/*")[0] + stored(root, "catalog/*.json")[0]
    assert of(usage, "index")[0] >= (root / "catalog/index.sqlite").stat().st_size
    assert (of(usage, "exports"), of(usage, "library"), of(usage, "archives")) == ((1234, 1), (2, 1), (77, 1))
    assert of(usage, "trash") == stored(root, ".trash/**/*") and of(usage, "trash")[0] > 0
    locks = stored(root, ".staging/*lock*")
    assert of(usage, "other") == (4 + (root / "runshelf.json").stat().st_size + locks[0], 2 + locks[1])
    assert locks[1] > 0 and of(usage, "staging") == (0, 0)  # nothing is unfinished because of them
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert usage.files == len(files)
    assert usage.saved == named_bytes(root) - usage.area("artifacts").bytes > 4 * 8000
    assert 0.5 < usage.saved_share < 0.9


def test_measuring_can_be_cancelled(workspace: Workspace) -> None:
    train(workspace)

    def stop(done: int, total: int, text: str) -> None:
        raise Cancelled()

    with pytest.raises(Cancelled):
        workspace.usage(stop)
