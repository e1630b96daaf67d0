"""Workspaces of every format version there ever was: they open, tell what they told, and can be written into."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from storage import Workspace, check_workspace
from storage.marker import FORMAT_VERSION
from tests.faults.golden.make_golden import HERE, answers
from tests.faults.specimen import settings_in
from tests.storage.samples import fill

MAX_BYTES = 300_000


def test_every_format_version_has_one() -> None:
    assert {path.name for path in HERE.glob("*.zip")} == {f"format-{n}.zip" for n in range(1, FORMAT_VERSION + 1)}
    assert all(path.stat().st_size <= MAX_BYTES for path in HERE.glob("*.zip"))


@pytest.mark.parametrize("package", sorted(HERE.glob("*.zip")), ids=lambda path: path.stem)
def test_it_is_read_as_it_was_and_written_into(package: Path, tmp_path: Path) -> None:
    expected = json.loads(package.with_suffix(".json").read_text())
    with zipfile.ZipFile(package) as packed:
        packed.extractall(tmp_path)
    root = tmp_path / "workspace"
    for path in (tmp_path / "config").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    with settings_in(tmp_path):
        for read_only in (True, False):
            with Workspace.open(root, read_only=read_only) as workspace:
                told = answers(workspace)
                assert told.keys() == expected.keys()
                for name, value in told.items():
                    assert value == expected[name], name
                assert workspace.notices == []
        found = check_workspace(root, deep=True).findings
        assert {one.code for one in found} <= {"folder-gone", "trash-expired"}
        with Workspace.open(root) as workspace:
            fill(workspace, 1, "rye")
            workspace.catalog.annotate(workspace.catalog.ids()[:1], stars=1)
            workspace.library.rename("filtered", "numbers", "figures")
            assert len(workspace.catalog.ids()) == len(expected["results"]) + 1
            workspace.catalog.compact()
            workspace.trash.plan_restore([one.trash_id for one in workspace.trash.list()]).apply()
        assert not [one for one in check_workspace(root, deep=True).findings if one.severity != "note"]
