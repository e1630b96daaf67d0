"""Files cut short and files with a changed bit: the damaged item is named, nothing else answers otherwise."""

from __future__ import annotations

import functools
import json
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing, nullcontext, suppress
from fnmatch import fnmatch
from pathlib import Path

import pytest

from storage import BadInput, Corrupt, StorageError, Workspace, check_workspace
from storage.journal import NoteRecord
from storage.predictions import differ, read_csv
from storage.records import utc_now
from storage.trust import Keyring
from tests.faults.specimen import KINDS, NOTE, UNNAMED, Kind, answers, changed, command, look_round, settings_in, told

CUTS = 5
EDITED = ("tags", "notes", "noted_at", "stars")
FLIPS = 4  # bits changed in each kind of file, one at a time
# What other programs write, too; and the index, which is compared by what it says: a flip in one of its free pages
# changes no answer.
WITHOUT_DIGEST = {"manifest", "index"}


def rounds() -> list[list[str]]:
    """The kinds in groups of such that are damaged at once: none lie in the same run, item or archive."""
    found: list[list[str]] = []
    for name, kind in KINDS.items():
        for group in found:
            if all(item_of(KINDS[other]) != item_of(kind) for other in group):
                group.append(name)
                break
        else:
            found.append([name])
    return found


def item_of(kind: Kind) -> str:
    """What a file is a part of: its run, its archive, its item of the library; the catalog without its archives."""
    parts = kind.where.split("/")
    depth = {"runs": 2, ".trash": 2, "library": 4}.get(parts[0], 4 if parts[1] == "archives" else 1)
    return "/".join(parts[:depth])


def to_damage(root: Path, kinds: list[str]) -> dict[str, tuple[Path, str, bytes]]:
    """A file of each kind, its place as findings name it, and its bytes."""
    files = {name: KINDS[name].file(root) for name in kinds}
    return {name: (path, KINDS[name].place(root), path.read_bytes()) for name, path in files.items()}


@functools.cache
def sound(place: Path) -> tuple[dict[str, object], set[tuple[str, str]]]:
    """What the undamaged workspace answers, and what a check of it finds."""
    root = place / "workspace"
    with settings_in(place):
        return told(root), {(one.code, one.place) for one in check_workspace(root, deep=True).findings}


def cut(whole: bytes, number: int) -> bytes:
    """A file as it is when the disk or a copy stopped half-way: cut at 0, 1, half, before its end; its end lost."""
    if number < CUTS - 1:
        return whole[: (0, 1, len(whole) // 2, len(whole) - 1)[number]]
    lost = min(100, len(whole))
    return whole[:-lost] + bytes(lost)


def cuts(whole: bytes) -> list[bytes]:
    """All of them."""
    return [cut(whole, number) for number in range(CUTS)]


def flipped(whole: bytes, chance: random.Random) -> bytes:
    """A file with one bit changed."""
    content = bytearray(whole)
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def lose_index(root: Path) -> None:
    """The index has to be made anew."""
    for path in (root / "catalog").glob("index.sqlite*"):
        path.unlink()


def same(path: Path, before: bytes, after: bytes) -> bool:
    """Whether a document says what it said: the line end after it is no part of it."""
    try:
        return path.suffix == ".json" and bool(json.loads(before) == json.loads(after))
    except ValueError:
        return False


def beside(items: set[str], allowed: Iterable[str]) -> set[str]:
    """Those of these items that were not to change."""
    patterns = list(allowed)
    return {item for item in items if not any(fnmatch(item, pattern) for pattern in patterns)}


@pytest.mark.parametrize("kinds", rounds(), ids=", ".join)
def test_a_torn_file_is_named_and_harms_no_other(made: Path, root: Path, kinds: list[str]) -> None:
    before, usual = sound(made)
    damaged = to_damage(root, kinds)
    for number in range(CUTS):
        for path, _, whole in damaged.values():
            path.write_bytes(cut(whole, number))
        found = {(one.code, one.place) for one in check_workspace(root, deep=True).findings} - usual
        for name, (path, place, whole) in damaged.items():
            harmless = same(path, whole, cut(whole, number)) or (name == "index" and number < 2)  # it is made anew
            assert (KINDS[name].code, place) in found or harmless, (name, number)
        assert {code for code, _ in found} <= {*(KINDS[name].code for name in kinds), "index-behind", "document-edited"}
    for path, _, whole in damaged.values():
        path.write_bytes(cut(whole, 2))
    touched = [pattern for name in kinds for pattern in KINDS[name].touches]
    with Workspace.open(root) as workspace:
        assert not beside(changed(before, answers(workspace)), touched)
    assert set(look_round(root)) == {0}
    lose_index(root)
    with Workspace.open(root) as workspace:
        harmed = beside(changed(before, answers(workspace)), touched)
        assert not beside(harmed, [pattern for name in kinds for pattern in KINDS[name].cold])
        assert workspace.notices or not any("result" in item for item in harmed), "nobody was told"


def test_a_torn_marker_opens_nothing_and_is_a_sentence(root: Path) -> None:
    marker = root / "runshelf.json"
    whole = marker.read_bytes()
    for torn in cuts(whole):
        marker.write_bytes(torn)
        named = "marker-damaged" in {one.code for one in check_workspace(root).findings}
        assert named is not same(marker, whole, torn)
        if named:
            with pytest.raises(Corrupt):
                Workspace.open(root)
    assert 0 not in look_round(root)


def test_what_no_check_names_changes_no_answer(made: Path, root: Path) -> None:
    before, usual = sound(made)
    for number in range(CUTS):
        for where in UNNAMED.values():
            (path, *_) = made.joinpath("workspace").glob(where)
            (root / path.relative_to(made / "workspace")).write_bytes(cut(path.read_bytes(), number))
        assert {(one.code, one.place) for one in check_workspace(root, deep=True).findings} == usual
    for where in UNNAMED.values():
        next(root.glob(where)).write_bytes(b"\xff\xfe\0 no text any more")
    assert not beside(changed(before, told(root)), ["details *_wheat/0002*"])


def test_torn_notes_settings_and_packages_are_sentences(root: Path) -> None:
    """What lies beside the results: a note of work under way, the key and the list of what is trusted, a package."""
    note, package, settings = root / NOTE, root.parent / "best.zip", root.parent / "config/runshelf"
    record = NoteRecord(kind="remove", title="Empty the trash", writer="gone-1-1", begun_at=utc_now())
    for torn in cuts(record.to_json()):
        note.write_bytes(torn)
        found = {one.code for one in check_workspace(root).findings}
        assert found & {"stale-file", "plan-unfinished"}, len(torn)
    note.write_bytes(record.to_json()[:40])
    with Workspace.open(root) as workspace:
        before = answers(workspace)
        for file in (settings / "trusted.json", settings / "artifacts.key"):
            whole = file.read_bytes()
            for torn in cuts(whole):
                file.write_bytes(torn)
                if not same(file, whole, torn):
                    keyring = Keyring()
                    if file.suffix == ".json":
                        with pytest.raises(Corrupt):
                            keyring.trusted()
                    else:
                        assert len(torn) == len(whole) or keyring.sign("0" * 64) == ("", "")
            assert changed(before, answers(workspace)) == set()
            file.write_bytes(whole)
        whole = package.read_bytes()
        for torn in cuts(whole):
            package.write_bytes(torn)
            with pytest.raises(StorageError):
                workspace.library.import_zip(package)
        assert len(workspace.library.list()) == 4


@pytest.mark.parametrize("kinds", rounds(), ids=", ".join)
def test_a_flipped_bit_is_named_by_the_deep_check(made: Path, root: Path, kinds: list[str]) -> None:
    _, usual = sound(made)
    chance = random.Random(kinds[0])
    damaged = to_damage(root, kinds)
    for _ in range(FLIPS):
        for path, _, whole in damaged.values():
            path.write_bytes(flipped(whole, chance))
        found = {(one.code, one.place) for one in check_workspace(root, deep=True).findings} - usual
        for name, (path, place, whole) in damaged.items():
            named = any(where == place or where.startswith(f"{place}/") for _, where in found)
            assert named or name in WITHOUT_DIGEST or nothing_but_its_checksum(path, whole), name


def nothing_but_its_checksum(path: Path, whole: bytes) -> bool:
    """Whether a flip hit the name of the checksum: what is left is a document without one that says the same."""
    body, _, end = whole.rpartition(b",\n")
    return b'"checksum"' in end and path.read_bytes().startswith(body + b",\n")


def test_a_flipped_bit_in_the_index_is_named_or_changes_no_answer(made: Path, root: Path) -> None:
    before, _ = sound(made)
    path, place = KINDS["index"].file(root), KINDS["index"].place(root)
    whole, chance = path.read_bytes(), random.Random(2)
    for _ in range(4 * FLIPS):
        lose_index(root)
        path.write_bytes(flipped(whole, chance))
        if place not in {one.place for one in check_workspace(root, deep=True).findings}:
            assert told(root) == before


def test_an_index_whose_tables_are_no_text_any_more_is_made_again(root: Path) -> None:
    """What SQLite says of it can't be read as text either."""
    path = root / "catalog/index.sqlite"
    whole = path.read_bytes()
    for place in (whole.index(b"CREATE TABLE predictions") + 20, whole.index(b"CREATE TABLE facts") + 20):
        lose_index(root)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :])
        assert "index-damaged" in {one.code for one in check_workspace(root).findings}
        with Workspace.open(root) as workspace:
            assert workspace.catalog.count() and any("made again" in notice for notice in workspace.notices)


def test_a_table_of_predictions_that_says_something_else_is_named(root: Path) -> None:
    path = next(root.glob("runs/*_study/0001*/predictions.csv"))
    whole, chance = path.read_bytes(), random.Random(7)
    arrays = read_csv(path, classes=False)
    for data in [*(cut(whole, number) for number in range(CUTS)), *(flipped(whole, chance) for _ in range(FLIPS))]:
        path.write_bytes(data)
        found = {one.code for one in check_workspace(root, deep=True).findings if one.place.endswith(path.name)}
        try:
            differs = bool(differ(arrays, read_csv(path, classes=False)))
        except (ValueError, BadInput):
            differs = True
        differs = differs or not data.endswith(b"\n")
        assert bool(found & {"document-damaged", "document-differs"}) is differs, data[:200]


def test_a_flipped_bit_in_a_part_is_never_read_as_another_value(made: Path, root: Path) -> None:
    """Whatever byte it is: the values are those that were stored, or Corrupt, or the rows are left out and told of."""
    before, _ = sound(made)
    chance = random.Random(1)
    for dataset in ("meta", "data", "annotations"):
        kind = KINDS[f"part of {dataset}"]
        path, whole = kind.file(root), kind.file(root).read_bytes()
        for _ in range(FLIPS):
            path.write_bytes(flipped(whole, chance))
            lose_index(root)
            with Workspace.open(root, read_only=True) as workspace:
                now, notices = answers(workspace), list(workspace.notices)
            for item in changed(before, now):
                if item.startswith("arrays") and item in now:
                    assert now[item] is Corrupt
                elif dataset == "annotations":
                    assert now[item] == {k: v for k, v in before[item].items() if k not in EDITED}
                else:
                    assert item not in now or item.startswith("pipeline")
                assert notices or item.startswith("arrays")
        path.write_bytes(whole)


def test_a_damaged_part_is_told_of_at_every_opening_and_counts_again_when_it_is_back(made: Path, root: Path) -> None:
    before, _ = sound(made)
    path, whole = KINDS["part of meta"].file(root), KINDS["part of meta"].file(root).read_bytes()
    path.write_bytes(cut(whole, 2))
    lose_index(root)
    for _ in range(2):
        with Workspace.open(root) as workspace:
            assert any("missing from the list" in notice for notice in workspace.notices)
            workspace.sync()
            assert len(workspace.notices) == 1 and changed(before, answers(workspace))
    path.write_bytes(whole)
    with Workspace.open(root) as workspace:
        assert workspace.notices == [] and not changed(before, answers(workspace))


ODD_VALUES = [
    "UPDATE runs SET created_at = x'00'",
    "UPDATE pipelines SET number = 'first'",
    "UPDATE predictions SET test_rmse = x''",
    "UPDATE predictions SET created_at = 'yesterday'",
]


@pytest.mark.parametrize("statement", ODD_VALUES)
def test_a_value_of_another_type_in_the_index_has_it_made_again(root: Path, statement: str) -> None:
    """As one byte does it in what tells the types of a row: SQLite gives whatever then stands there."""
    before = told(root)
    with closing(sqlite3.connect(root / "catalog/index.sqlite", isolation_level=None)) as file:
        file.execute(statement)
    with Workspace.open(root) as workspace:
        for number in range(2):  # whoever finds it says so; it is made again then
            with suppress(Corrupt) if number == 0 else nullcontext():
                workspace.catalog.export(root.parent / f"rows {number}.csv", overwrite=True)
                workspace.report_run(workspace.runs()[0].run_id)
                workspace.session_report()
                workspace.pipelines(workspace.runs()[0].run_id)
                workspace.catalog.search("created_at > 2020-01-01")
    assert set(look_round(root)) == {0}
    assert not changed(before, told(root))


def test_a_number_that_sqlite_can_not_count_to_is_refused(root: Path) -> None:
    code, said = command("thin", "--keep", 10**30, "--metric", "val_rmse", "--dry-run", "-w", root)
    assert code == 2 and "too large" in said
