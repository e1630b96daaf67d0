"""Packages of the library: there and back unchanged; a hostile one changes nothing, wherever the trick is."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import (
    LIBRARY_KINDS,
    BadInput,
    Cancelled,
    Corrupt,
    DiskFull,
    Exists,
    NameRefused,
    NotFound,
    StorageError,
    TooNew,
    Workspace,
)
from storage.packages import _check_name
from tests.storage.samples import content_of, fill_with_models

CONFIG = b'{"name": "ridge", "steps": [{"class": "sklearn.linear_model.Ridge"}]}'


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def listing(files: dict[str, bytes]) -> str:
    return sha256("".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)).encode())


class Pack:
    """A package that is right in everything, until a test changes something before `write`."""

    def __init__(self, kind: str = "filtered", files: dict[str, bytes] | None = None) -> None:
        self.kind = kind
        self.files = files if files is not None else {"config.json": CONFIG, "metrics.json": b"{}"}
        self.metadata: dict[str, Any] = {"kind": kind, "name": "item", "digest": listing(self.files)}
        self.record: dict[str, Any] = {}  # changes of package.json
        self.entries: list[tuple[str | zipfile.ZipInfo, bytes]] = []  # further ones
        self.folders: set[str] = set()
        self.method = zipfile.ZIP_DEFLATED

    def write(self, path: Path) -> Path:
        files = {**self.files, "library_metadata.json": json.dumps(self.metadata).encode()}
        record = {
            "format": "runshelf-library",
            "version": 1,
            "kind": self.kind,
            "name": "item",
            "created_at": "2026-11-20T10:00:00Z",
            "files": [{"path": n, "sha256": sha256(d), "bytes": len(d)} for n, d in files.items()],
            "folders": sorted(self.folders),
            "digest": listing(files),
            **self.record,
        }
        with zipfile.ZipFile(path, "w", self.method) as package:
            for name, data in files.items():
                package.writestr(f"content/{name}", data)
            for name in self.folders:
                package.writestr(f"content/{name}/", b"")
            for entry, data in self.entries:
                package.writestr(entry, data)
            package.writestr("package.json", json.dumps(record))
        return path


def added(name: str, data: bytes = b"x", mode: int = 0) -> Callable[[Pack], None]:
    """One more file, named in package.json too."""

    def change(pack: Pack) -> None:
        if mode:
            info = zipfile.ZipInfo(f"content/{name}")
            info.create_system, info.external_attr = 3, mode << 16
            pack.entries.append((info, data))
        else:
            pack.files[name] = data
            pack.metadata["digest"] = ""

    return change


def entry(name: str) -> Callable[[Pack], None]:
    return lambda pack: pack.entries.append((name, b"x"))


def set_record(**fields: Any) -> Callable[[Pack], None]:
    return lambda pack: pack.record.update(fields)


def twins(*names: str) -> Callable[[Pack], None]:
    def change(pack: Pack) -> None:
        for name in names:
            added(name)(pack)

    return change


def folders(*names: str) -> Callable[[Pack], None]:
    def change(pack: Pack) -> None:
        added("sub/x")(pack)
        pack.folders.update(names)

    return change


def with_method(method: int) -> Callable[[Pack], None]:
    return lambda pack: setattr(pack, "method", method)


def with_metadata(**fields: Any) -> Callable[[Pack], None]:
    return lambda pack: pack.metadata.update(fields)


def both(*changes: Callable[[Pack], None]) -> Callable[[Pack], None]:
    def change(pack: Pack) -> None:
        for one in changes:
            one(pack)

    return change


def bomb(pack: Pack) -> None:
    pack.files["zeros.csv"] = bytes(80 * 1024 * 1024)


HOSTILE: dict[str, tuple[Callable[[Pack], None], type[StorageError]]] = {
    "up": (entry("../evil.txt"), BadInput),
    "up in content": (added("../../evil.txt"), NameRefused),
    "up in the middle": (added("a/../../../evil.txt"), NameRefused),
    "absolute": (entry("/tmp/evil.txt"), BadInput),
    "absolute in content": (added("/tmp/evil.txt"), NameRefused),
    "drive": (added("C:/evil.txt"), NameRefused),
    "backslash": (added("..\\..\\evil.txt"), NameRefused),
    "stream": (added("metrics.json:evil"), NameRefused),
    "device": (added("CON.txt"), NameRefused),
    "device folder": (added("aux/x"), NameRefused),
    "trailing dot": (added("config.json."), NameRefused),
    "trailing space": (added("config.json "), NameRefused),
    "empty part": (added("a//b"), NameRefused),
    "dot": (added("./config2.json"), NameRefused),
    "invisible": (added("a\u2028b"), NameRefused),
    "newline": (added("a\nb"), NameRefused),
    "long": (added("x" * 300), NameRefused),
    "deep": (added("/".join("a" * 40)), NameRefused),
    "outside content": (entry("evil.txt"), BadInput),
    "link": (added("link", b"/etc/passwd", stat.S_IFLNK | 0o777), BadInput),
    "device file": (added("dev", b"", stat.S_IFCHR | 0o666), BadInput),
    "fifo": (added("fifo", b"", stat.S_IFIFO | 0o666), BadInput),
    "case twins": (twins("Model.pkl", "model.pkl"), BadInput),
    "unicode twins": (twins("caf\u00e9.csv", "cafe\u0301.csv"), BadInput),
    "folder twins": (folders("sub", "SUB"), BadInput),
    "file as folder": (twins("sub", "sub/x"), Corrupt),
    "folder not named": (added("sub/x"), Corrupt),
    "not named": (entry("content/more.txt"), Corrupt),
    "packed otherwise": (with_method(zipfile.ZIP_BZIP2), BadInput),
    "bomb": (bomb, BadInput),
    "newer": (set_record(version=2), TooNew),
    "newer document": (set_record(schema_version=2), TooNew),
    "other format": (set_record(format="other"), BadInput),
    "wrong digest": (set_record(digest="0" * 64), Corrupt),
    "no files": (set_record(files=[]), Corrupt),
    "record garbage": (set_record(files=3), Corrupt),
    "unknown kind": (set_record(kind="robot"), TooNew),
    "kind as path": (set_record(kind="../../runs"), TooNew),
    "name as path": (set_record(name="../../evil"), NameRefused),
    "name as device": (set_record(name="nul"), NameRefused),
    "other kind in metadata": (with_metadata(kind="pipeline"), Corrupt),
    "other digest in metadata": (with_metadata(digest="0" * 64), Corrupt),
    "metadata garbage": (with_metadata(metrics="x"), Corrupt),
    "metadata newer kind of number": (with_metadata(created_at="yesterday"), Corrupt),
    "template not alone": (lambda pack: pack.record.update(kind="template"), Corrupt),
    "no run in a full run": (both(set_record(kind="fullrun"), with_metadata(kind="fullrun")), Corrupt),
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("packages") / "workspace") as made:
        yield made


def refused(workspace: Workspace, path: Path, error: type[StorageError]) -> None:
    home = workspace.root.parent
    before = content_of(home)
    with pytest.raises(error):
        workspace.library.import_zip(path)
    assert content_of(home) == before


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_package_changes_nothing(shared: Workspace, tmp_path: Path, name: str) -> None:
    change, error = HOSTILE[name]
    pack = Pack()
    change(pack)
    refused(shared, pack.write(tmp_path / "x.zip"), error)


def test_the_package_those_are_made_from_is_taken(workspace: Workspace, tmp_path: Path) -> None:
    pack = Pack()
    folders("sub")(pack)
    item = workspace.library.import_zip(pack.write(tmp_path / "x.zip"))
    assert (item.kind, item.name, item.problem) == ("filtered", "item", None)
    assert (item.path / "sub" / "x").read_bytes() == b"x"


def hostile_bytes() -> dict[str, tuple[Callable[[bytes], bytes], type[StorageError]]]:
    """Tricks in the bytes of a zip file, which no zip library writes."""

    def declared_smaller(data: bytes) -> bytes:
        """The content of a file is larger than header and table of contents say."""
        at = data.rindex(b"content/config.json")
        end = data.index(b"content/config.json")
        size = struct.pack("<I", len(CONFIG) - 1)
        return data[: end - 30 + 22] + size + data[end - 30 + 26 : at - 46 + 24] + size + data[at - 46 + 28 :]

    def encrypted(data: bytes) -> bytes:
        at = data.rindex(b"content/config.json") - 46 + 8
        return data[:at] + struct.pack("<H", 1) + data[at + 2 :]

    def overlapping(data: bytes) -> bytes:
        """Two names for the same bytes: how a small file becomes endless."""
        out = io.BytesIO(data)
        with zipfile.ZipFile(out, "a") as package:
            first = package.getinfo("content/config.json")
            package.filelist.append(first)
            package._didModify = True  # type: ignore[attr-defined]
        return out.getvalue()

    def other_name(data: bytes) -> bytes:
        """Header and table of contents disagree on a name."""
        return data.replace(b"content/config.json", b"content/configX.json"[:19], 1)

    def name_with_nul(data: bytes) -> bytes:
        return data.replace(b"content/config.json", b"content/config\0json")

    def flipped(data: bytes) -> bytes:
        at = data.index(b"content/config.json") + 25
        return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

    return {
        "declared smaller": (declared_smaller, Corrupt),
        "encrypted": (encrypted, BadInput),
        "overlapping": (overlapping, BadInput),
        "two names": (other_name, Corrupt),
        "nul": (name_with_nul, BadInput),
        "flipped": (flipped, Corrupt),
        "cut off": (lambda data: data[: len(data) // 2], BadInput),
        "empty": (lambda data: b"", BadInput),
        "no zip": (lambda data: b"hello" * 100, BadInput),
    }


@pytest.mark.parametrize("name", hostile_bytes())
def test_a_zip_file_with_tricks_in_its_bytes_changes_nothing(shared: Workspace, tmp_path: Path, name: str) -> None:
    change, error = hostile_bytes()[name]
    path = Pack().write(tmp_path / "x.zip")
    path.write_bytes(change(path.read_bytes()))
    refused(shared, path, error)


def test_a_package_whose_artifact_is_not_what_pipeline_json_says_is_refused(shared: Workspace, tmp_path: Path) -> None:
    def pack(artifact: dict[str, Any]) -> Path:
        document = {
            "id": "0001_x",
            "number": 1,
            "prediction_id": "x",
            "artifacts": [{"step": 0, "name": "m", **artifact}],
        }
        files = {"pipeline.json": json.dumps(document).encode(), "artifacts/m.pkl": b"model", "config.json": CONFIG}
        made = Pack("pipeline", files)
        made.folders.add("artifacts")
        return made.write(tmp_path / "x.zip")

    right = {"sha256": sha256(b"model"), "path": "artifacts/m.pkl", "bytes": 5}
    for wrong in ({"sha256": sha256(b"other")}, {"path": "../../../etc/passwd"}, {"path": "artifacts/none.pkl"}):
        refused(shared, pack({**right, **wrong}), Corrupt)
    assert shared.library.import_zip(pack(right)).problem is None


def test_a_template_from_elsewhere_must_be_a_configuration(shared: Workspace, tmp_path: Path) -> None:
    def pack(data: bytes) -> Path:
        path, record = tmp_path / "t.zip", {"path": "t.json", "sha256": sha256(data), "bytes": len(data)}
        with zipfile.ZipFile(path, "w") as package:
            package.writestr("content/t.json", data)
            document = {"kind": "template", "name": "t", "created_at": "2026-11-20", "files": [record]}
            package.writestr("package.json", json.dumps({**document, "digest": listing({"t.json": data})}))
        return path

    for wrong in (b"{}", b"[]", b"\x80\x04", b'{"steps": 1}', b"[" * 200_000):
        refused(shared, pack(wrong), Corrupt)
    assert shared.library.import_zip(pack(CONFIG)).kind == "template"


def test_everything_travels_to_another_workspace_unchanged(workspace: Workspace, tmp_path: Path) -> None:
    run_id = fill_with_models(workspace)
    pipeline_id = workspace.pipelines(run_id)[0].pipeline_id
    library = workspace.library
    library.save_template((run_id, pipeline_id), "template", "told", ["a"])
    library.save_filtered(run_id, pipeline_id, "filtered")
    library.save_pipeline(run_id, pipeline_id, "pipeline")
    library.save_fullrun(run_id, "fullrun")
    with Workspace.create(tmp_path / "other") as other:
        for kind in LIBRARY_KINDS:
            path = library.export_zip(kind, kind, tmp_path / f"{kind}.zip")
            with pytest.raises(Exists):
                library.export_zip(kind, kind, path)
            assert library.export_zip(kind, kind, path, overwrite=True) == path
            first, second = other.library.import_zip(path), other.library.import_zip(path)
            assert (first.name, second.name) == (kind, f"{kind} 2")
            here = library.get(kind, kind)
            assert {**vars(first), "path": here.path} == vars(here)
            if kind == "template":
                assert first.path.read_bytes() == second.path.read_bytes() == here.path.read_bytes()
            else:  # folders too: _numbers/0001 is empty
                assert content_of(first.path) == content_of(second.path) == content_of(here.path)
            assert other.library.verify(kind, second.name) == []
    with zipfile.ZipFile(tmp_path / "fullrun.zip") as package:  # any program can look into it
        assert package.testzip() is None and f"content/{pipeline_id}/metrics.json" in package.namelist()


def test_a_package_that_is_cancelled_or_has_no_room_leaves_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = fill_with_models(workspace)
    workspace.library.save_fullrun(run_id, "run")

    def stop(done: int, total: int, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        workspace.library.export_zip("fullrun", "run", tmp_path / "run.zip", stop)
    assert not list(tmp_path.glob("*run.zip*"))
    path = workspace.library.export_zip("fullrun", "run", tmp_path / "run.zip")

    def stop_late(done: int, total: int, text: str) -> None:
        if text.startswith("unpacking"):
            raise Cancelled

    for report in (stop, stop_late):
        with pytest.raises(Cancelled):
            workspace.library.import_zip(path, report)
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage)
    with pytest.raises(DiskFull):
        workspace.library.import_zip(path)
    assert [item.name for item in workspace.library.list()] == ["run"]
    assert not [p for p in (workspace.root / ".staging").rglob("*") if p.parent.parent.name == ".staging"]
    with pytest.raises(NotFound):
        workspace.library.import_zip(tmp_path / "none.zip")


def test_what_packs_too_well_to_be_taken_is_not_packed(workspace: Workspace, tmp_path: Path) -> None:
    run_id = fill_with_models(workspace)
    (workspace.root / "runs" / run_id / "zeros.bin").write_bytes(bytes(70 * 1024 * 1024))
    workspace.library.save_fullrun(run_id, "zeros")
    path = workspace.library.export_zip("fullrun", "zeros", tmp_path / "zeros.zip")
    assert workspace.library.import_zip(path).name == "zeros 2"


@given(st.text(st.characters(codec=None), min_size=1, max_size=40) | st.sampled_from(["a/b", "a/../b", "~", "..x"]))
def test_a_name_that_is_taken_stays_below_its_folder_on_every_system(name: str) -> None:
    try:
        _check_name(name, Path("x.zip"))
    except NameRefused:
        return
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(name)
        assert not path.is_absolute() and not path.drive and not path.root and ".." not in path.parts
        assert path.as_posix() == name
