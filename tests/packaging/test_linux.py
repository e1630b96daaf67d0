"""The Debian package: what it depends on, and what it brings beside the bundle."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import deb
import icons
import start
from storage import desktop

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="packages are made on Linux")


def test_what_files_ask_for_is_read_from_them():
    python = Path(sys.executable).resolve()
    if not shutil.which("objdump"):
        pytest.skip("objdump is not installed")
    libraries, glibc = deb.needed([python])
    assert "libc.so.6" in libraries
    assert glibc >= (2, 17)


def test_the_libraries_that_start_py_knows_for_qt_have_packages():
    assert {"libxcb-cursor0", "libxkbcommon-x11-0", "libegl1"} <= set(start.DEBIAN_PACKAGES.values())
    assert not set(deb.MORE_PACKAGES) & set(start.DEBIAN_PACKAGES)


def test_what_is_installed_for_all_is_what_a_user_installs_for_himself():
    assert {place.removeprefix("usr/share/") for place in deb.SOURCES if "/doc/" not in place} == {
        place for place in desktop.PLACES if not place.startswith("icons/")
    }


@pytest.mark.skipif(not (shutil.which("dpkg-deb") and shutil.which("objdump")), reason="this is no Debian")
def test_a_bundle_is_packed(tmp_path, monkeypatch):
    bundle = tmp_path / "dist" / "runshelf"
    (bundle / "_internal").mkdir(parents=True)
    for name in deb.PROGRAMS:
        shutil.copy(Path(sys.executable).resolve(), bundle / name)
    (bundle / "_internal" / "module.pyc").write_bytes(b"bytes")
    os.chmod(bundle / "_internal" / "module.pyc", 0o600)
    monkeypatch.setattr(deb, "THEME", icons.make_theme(tmp_path))
    monkeypatch.setattr(deb, "dependencies", lambda bundle: ["libc6 (>= 2.17)", "libegl1"])
    package = deb.pack(bundle, tmp_path, "1.2.3")
    told = subprocess.check_output(["dpkg-deb", "--contents", package], text=True).splitlines()
    facts = {line.split(None, 5)[5].split(" -> ")[0]: line.split()[0] for line in told}
    assert facts["./usr/bin/runshelf"].startswith("l")
    assert facts["./usr/lib/runshelf/runshelf"] == "-rwxr-xr-x"
    assert facts["./usr/lib/runshelf/_internal/module.pyc"] == "-rw-r--r--"
    assert {"./usr/share/applications/runshelf.desktop", "./usr/share/icons/hicolor/48x48/apps/runshelf.png"} <= set(
        facts
    )
    assert "./usr/share/icons/hicolor/scalable/apps/runshelf.svg" in facts
    depends = subprocess.check_output(["dpkg-deb", "--field", package, "Depends"], text=True)
    assert depends.strip() == "libc6 (>= 2.17), libegl1"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("runshelf-deb-")] == []


def test_icons_are_drawn_in_every_size(tmp_path):
    from PIL import Image

    icons.make_all(tmp_path)
    for size in icons.SIZES:
        with Image.open(tmp_path / f"hicolor/{size}x{size}/apps/runshelf.png") as image:
            assert image.size == (size, size)
            assert image.convert("RGBA").getpixel((size // 2, size // 8))[3] == 255
    with Image.open(tmp_path / "runshelf.ico") as image:
        assert image.info["sizes"] == {(size, size) for size in icons.WINDOWS}
    with Image.open(tmp_path / "runshelf.icns") as image:
        assert image.size[0] == max(icons.MAC)
    assert {path.name for path in tmp_path.iterdir()} == {"hicolor", "runshelf.ico", "runshelf.icns"}
