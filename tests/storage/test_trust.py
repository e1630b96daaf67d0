"""Signatures and trust: what is one's own, what somebody else's; the key is made once and stays with its owner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage import BadInput, Corrupt, NotFound, Workspace
from storage.records import ArtifactRecord, PipelineRecord, read_document
from storage.trust import Keyring
from tests.storage.samples import fill_with_models

DIGEST, OTHER = "a1" * 32, "b2" * 32


def artifacts_of(workspace: Workspace, run_id: str) -> list[ArtifactRecord]:
    folder = workspace.root / "runs" / run_id / workspace.pipelines(run_id)[0].pipeline_id
    return read_document(folder / "pipeline.json", PipelineRecord).artifacts


def test_what_is_stored_is_signed_and_known_as_ones_own(workspace: Workspace) -> None:
    artifacts = artifacts_of(workspace, fill_with_models(workspace))
    mine, stranger = Keyring(), Keyring(workspace.root.parent / "stranger")
    stranger.sign(DIGEST)
    for one in artifacts:
        assert mine.judge(one.sha256, one.signature, one.key_id).origin == "own"
        assert stranger.judge(one.sha256, one.signature, one.key_id).origin == "foreign"
        assert mine.judge(OTHER, one.signature, one.key_id).origin == "foreign"
        assert mine.judge(one.sha256).origin == "unsigned"
        assert mine.judge(one.sha256, "ä", one.key_id).origin == "foreign"
    assert len({one.key_id for one in artifacts}) == 1 and artifacts[0].key_id not in mine.path.read_bytes().hex()
    assert mine.path.stat().st_mode & 0o777 == 0o600


def test_an_older_document_says_nothing_of_signatures() -> None:
    old = {"step": 0, "name": "scaler", "sha256": DIGEST, "path": "../_binaries/x.pkl", "bytes": 1}
    assert Keyring().judge(DIGEST, ArtifactRecord.model_validate(old).signature).origin == "unsigned"


def test_processes_that_begin_at_once_have_the_same_key(tmp_path: Path) -> None:
    code = "import sys, pathlib, storage.trust as t; print(t.Keyring(pathlib.Path(sys.argv[1])).sign('a1' * 32))"
    command = [sys.executable, "-c", code, str(tmp_path / "settings")]
    begun = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate()[0] for process in begun}) == 1


@pytest.mark.skipif(os.name == "nt", reason="files have no modes there")
def test_a_key_that_is_open_to_others_or_damaged_signs_nothing(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    signed = keyring.sign(DIGEST)
    os.chmod(keyring.path, 0o644)
    opened = Keyring(tmp_path)
    assert opened.sign(DIGEST) == ("", "") and "open to others" in opened.problem
    assert Keyring(tmp_path).judge(DIGEST, *signed).origin == "foreign"
    os.chmod(keyring.path, 0o600)
    keyring.path.write_bytes(b"short")
    damaged = Keyring(tmp_path)
    assert damaged.sign(DIGEST) == ("", "") and "damaged" in damaged.problem


def test_where_settings_cant_be_written_work_goes_on_unsigned(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with Workspace.create(root) as workspace:
        run_id = fill_with_models(workspace)
        assert {one.signature for one in artifacts_of(workspace, run_id)} == {""}
        log = (root / "runs" / run_id / "run.log").read_text()
        assert log.count("Artifacts are not signed") == 1


def test_trusting_is_remembered_and_taken_back(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    assert keyring.trusted() == []
    assert [one.sha256 for one in keyring.trust([DIGEST, OTHER, DIGEST.upper()], "from Ann")] == [DIGEST, OTHER]
    assert keyring.trust([DIGEST]) == []
    assert Keyring(tmp_path).judge(DIGEST).origin == "trusted"
    assert [(one.sha256, one.why) for one in Keyring(tmp_path).trusted()] == [(DIGEST, "from Ann"), (OTHER, "from Ann")]
    assert (tmp_path / "trusted.json").stat().st_mode & 0o777 == 0o600
    for wrong in ("", "a1", "../x", DIGEST[:-1] + "g"):
        with pytest.raises(BadInput):
            keyring.trust([wrong])
    with pytest.raises(NotFound):
        keyring.untrust([OTHER, "ff"])
    with pytest.raises(NotFound):
        keyring.untrust([""])
    assert len(keyring.trusted()) == 2
    assert [one.sha256 for one in keyring.untrust(["b2b2"])] == [OTHER]
    assert keyring.judge(OTHER).origin == "unsigned"


def test_a_list_that_others_can_write_is_not_relied_on(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    keyring.trust([DIGEST])
    path = tmp_path / "trusted.json"
    path.write_text(json.dumps({"trusted": "everything"}))
    with pytest.raises(Corrupt):
        keyring.judge(OTHER)
    os.chmod(path, 0o666)
    with pytest.raises(BadInput):
        keyring.judge(OTHER)
