"""Documents: schema versions, UTC times, unknown fields, damage."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from storage import records
from storage.checksums import is_changed
from storage.errors import BadInput, Corrupt, NotFound, TooNew
from storage.records import (
    Document,
    PipelineRecord,
    RunConfig,
    RunSummary,
    WorkspaceRecord,
    new_id,
    read_document,
    to_json,
)

DOCUMENTS: list[Document] = [
    WorkspaceRecord(),
    RunConfig(run_id="r", dataset_name="corn"),
    RunSummary(),
    PipelineRecord(id="0001_a", number=1, prediction_id="p"),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: type(d).__name__)
def test_fields_of_a_newer_version_survive(document: Document, tmp_path: Path) -> None:
    content = json.loads(document.to_json())
    assert content["schema_version"] == 1
    content["from_the_future"] = {"deep": [1, {"x": None}]}
    path = tmp_path / "document.json"
    path.write_text(json.dumps(content))
    again = json.loads(read_document(path, type(document)).to_json())
    assert again.pop("checksum") != content.pop("checksum") and again == content


def test_a_changed_letter_in_the_name_of_its_checksum_is_a_change(tmp_path: Path) -> None:
    data = PipelineRecord(id="0001_a", number=1, prediction_id="p", digests={"a.png": "0" * 64}).to_json()
    place = data.index(b"checksum")
    assert not is_changed(data) and is_changed(data[:place] + b"chebksum" + data[place + 8 :])
    assert not is_changed(data.replace(b',\n  "checksum": "', b"").partition(b"}")[0] + b"}\n}\n")


def test_half_a_character_is_written_as_an_escape() -> None:
    assert json.loads(to_json({"note": "half \ud800"})) == {"note": "half \ud800"}


def test_a_document_says_what_was_written_to_it_to_the_last_digit(tmp_path: Path) -> None:
    """Times of other programs have more digits than documents: the catalog would have them, too."""
    moment = datetime(2026, 11, 28, 19, 0, 40, 935230, tzinfo=timezone(timedelta(hours=1)))
    written = PipelineRecord(id="0001_a", number=1, prediction_id="p", created_at=moment)
    path = tmp_path / "pipeline.json"
    path.write_bytes(written.to_json())
    assert read_document(path, PipelineRecord).created_at == written.created_at
    assert written.created_at == datetime(2026, 11, 28, 18, 0, 40, 935000, tzinfo=UTC)


def test_a_newer_schema_is_read_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "run_config.json"
    path.write_text(json.dumps({"schema_version": 99, "run_id": "r", "dataset_name": "corn", "new": 1}))
    document = read_document(path, RunConfig)
    assert document.dataset_name == "corn"
    with pytest.raises(TooNew):
        document.to_json()


def test_times_are_written_in_utc_whatever_zone_they_came_in() -> None:
    moment = datetime(2026, 11, 20, 15, 3, tzinfo=timezone(timedelta(hours=2)))
    config = RunConfig(run_id="r", dataset_name="corn", created_at=moment)
    assert json.loads(config.to_json())["created_at"] == "2026-11-20T13:03:00.000Z"
    handwritten = RunConfig.model_validate({"run_id": "r", "dataset_name": "c", "created_at": "2026-11-20T13:03:00"})
    assert handwritten.created_at == datetime(2026, 11, 20, 13, 3, tzinfo=UTC)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"run_id": 5}', b"\xff\xfe", b"[" * 100_000])
def test_damage_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run_config.json"
    path.write_bytes(content)
    with pytest.raises(Corrupt) as caught:
        read_document(path, RunConfig)
    assert "run_config.json" in caught.value.what


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "run_config.json")
    with pytest.raises(NotFound):  # and it does not hang
        read_document(tmp_path / "run_config.json", RunConfig)


def test_numbers_that_are_no_numbers_become_null() -> None:
    assert json.loads(to_json({"a": float("nan"), "b": [float("inf"), 1.5]})) == {"a": None, "b": [None, 1.5]}


def test_ids_are_version_7_unique_and_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    assert {i[14] for i in ids} == {"7"} and {i[19] for i in ids} <= set("89ab")
    assert abs(int(ids[0].replace("-", "")[:12], 16) / 1000 - time.time()) < 60
    monkeypatch.setattr(records.time, "time_ns", lambda: 1_000_000_000)  # the clock is set back
    assert ids[-1] < new_id() < new_id()


def test_what_can_not_be_written_is_a_sentence() -> None:
    with pytest.raises(BadInput):
        RunConfig(run_id="r", dataset_name="d", description="no \udcff text").to_json()
