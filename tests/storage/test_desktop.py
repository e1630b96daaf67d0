"""Runshelf among the programs of a Linux desktop."""

import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import resources
from storage import BadInput, cli, desktop, install_desktop, uninstall_desktop

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="desktop entries are for Linux")
ENTRY = "applications/runshelf.desktop"


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """The user's data folder; nothing is on the path, so that only our own files come to lie there."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", "")
    return tmp_path / "data"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_is_installed_is_removed_again(data):
    (data / "applications").mkdir(parents=True)
    (data / "applications" / "other.desktop").write_text("[Desktop Entry]")
    written = install_desktop()
    assert files(data) == {*desktop.PLACES, "applications/other.desktop"}
    assert {path.relative_to(data).as_posix() for path in written} == set(desktop.PLACES)
    assert install_desktop() == written
    assert set(uninstall_desktop()) == set(written)
    assert files(data) == {"applications/other.desktop"}
    assert uninstall_desktop() == []


def test_the_entry_starts_this_program_with_what_is_opened(data):
    install_desktop()
    (line,) = [one for one in (data / ENTRY).read_text().splitlines() if one.startswith("Exec=")]
    words = shlex.split(line.removeprefix("Exec="))
    assert words == [*desktop.program(), "%f"]
    assert Path(words[0]).is_absolute() and os.access(words[0], os.X_OK)


def test_the_entry_of_a_bundle_starts_its_window(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "runshelf-cli"))
    assert desktop.program() == [str(tmp_path / "runshelf")]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/opt/my apps/runshelf", '"/opt/my apps/runshelf"'),
        ("/100%/runshelf", '"/100%%/runshelf"'),
        ('/a"b/runshelf', r'"/a\\"b/runshelf"'),
        ("/$HOME/runshelf", r'"/\\$HOME/runshelf"'),
        ("/back\\slash", r'"/back\\\\slash"'),
    ],
)
def test_any_path_is_written_as_the_specification_says(word, written):
    assert desktop.with_program("Name=x\nExec=y %f\n", [word]) == f"Name=x\nExec={written} %f\n"


def test_the_type_is_that_of_a_workspaces_document_and_the_entry_opens_it():
    space = "{http://www.freedesktop.org/standards/shared-mime-info}"
    kind = ET.fromstring(resources.path("desktop/runshelf.xml").read_text(encoding="utf-8")).find(f"{space}mime-type")
    assert [glob.get("pattern") for glob in kind.iter(f"{space}glob")] == ["runshelf.json"]
    entry = resources.path(desktop.ENTRY).read_text(encoding="utf-8")
    assert f"MimeType={kind.get('type')};" in entry


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="desktop-file-validate is not installed")
def test_the_entry_is_valid(data, monkeypatch):
    install_desktop()
    monkeypatch.undo()
    done = subprocess.run(["desktop-file-validate", str(data / ENTRY)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(not shutil.which("update-mime-database"), reason="update-mime-database is not installed")
def test_the_desktop_knows_the_type_afterwards(data, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    install_desktop()
    assert "application/x-runshelf-workspace:runshelf.json" in (data / "mime" / "globs2").read_text()
    uninstall_desktop()
    assert "runshelf" not in (data / "mime" / "globs2").read_text()


def test_a_relative_data_folder_counts_as_none(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert all(path.is_relative_to(tmp_path / ".local" / "share") for path in install_desktop())


def test_elsewhere_it_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(BadInput):
        install_desktop()


def test_the_command_line_installs_and_removes(data, capsys):
    assert cli.main(["--install-desktop"]) == 0
    assert f"Installed {data / ENTRY}" in capsys.readouterr().out
    assert cli.main(["--uninstall-desktop"]) == 0
    assert f"Removed {data / ENTRY}" in capsys.readouterr().out
    assert cli.main(["--uninstall-desktop"]) == 0
    assert "not on the desktop" in capsys.readouterr().out
