"""Names that become folders, and numbers read from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import NameRefused
from storage.layout import checked_name, file_part, folder_part, pipeline_folder_name, pipeline_number

HOSTILE = ["../../x", "..", ".", "", "  ", "a/b", "a\\b", "CON", "con.txt", "NUL", "com1", "a\x00b", "x.", "x ", "_x"]
HOSTILE += [".hidden", "a:b", "a*b", "a" * 81, "é" * 41, "a\u202eb", "tab\there", "line\nfeed", "lpt9", "a|b", "<a>"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_with_advice(name: str) -> None:
    with pytest.raises(NameRefused) as caught:
        checked_name(name, "dataset")
    assert caught.value.advice


@pytest.mark.parametrize("name", ["corn", "wheat_sample1", "Maïs 2026", "corn (final) v2.1", "玉米"])
def test_names_of_people_pass_as_they_are(name: str) -> None:
    assert checked_name(name, "dataset") == name


def test_both_forms_of_an_accent_are_one_name() -> None:
    assert checked_name("Mai\u0308s", "dataset") == checked_name("Ma\u00efs", "dataset")


@given(st.text(max_size=100))
def test_any_text_makes_one_safe_folder_name(text: str) -> None:
    """Whatever a pipeline is called, its folder is one name below 255 bytes and its number is read back."""
    name = pipeline_folder_name(7, text, "a1b2c3d4")
    assert pipeline_number(name) == 7
    assert len(name.encode()) < 255
    assert not any(c in name for c in '/\\\0:*?"<>|') and name not in (".", "..")
    assert os.path.normpath(f"root/{name}") == str(Path("root") / name)


@given(st.text(max_size=100))
def test_an_accepted_name_is_one_folder_below_its_parent(text: str) -> None:
    try:
        name = checked_name(text, "dataset")
    except NameRefused:
        return
    assert Path("root", name).parent == Path("root")
    assert Path("root", name).name == name and os.path.normpath(name) == name


@given(st.lists(st.text() | st.sampled_from(HOSTILE), unique=True, max_size=10))
def test_any_texts_make_file_names_that_are_different(names: list[str]) -> None:
    parts = [file_part(name) for name in names]
    assert len(set(parts)) == len(names)
    for part in parts:
        assert Path(part).name == part and len(part.encode()) <= 140
        checked_name(part[:20].rstrip(" .") or "x", "report")
    assert file_part("2026-11-20_corn") == "2026-11-20_corn" and file_part("con") != "con"


def test_folder_part_keeps_what_people_read() -> None:
    assert folder_part("pls SNV n_components=6") == "pls-SNV-n_components=6"
    assert folder_part("../../etc/passwd") == "etc-passwd"
