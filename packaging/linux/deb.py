"""Pack the bundle for Debian and Ubuntu: `python3 start.py bundle --deb` makes dist/runshelf_VERSION_ARCHITECTURE.deb.

The package holds the bundle in /usr/lib/runshelf, both programs in /usr/bin, and the desktop's files. It depends on the
libraries of the system that the bundle needs and does not bring; which those are is read from the bundle's files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUNDLE = ROOT / "dist" / "runshelf"
THEME = ROOT / "build" / "made" / "hicolor"
HOME = "usr/lib/runshelf"
PROGRAMS = ("runshelf", "runshelf-cli")
SOURCES = {
    "usr/share/applications/runshelf.desktop": "resources/desktop/runshelf.desktop",
    "usr/share/mime/packages/runshelf.xml": "resources/desktop/runshelf.xml",
    "usr/share/doc/runshelf/copyright": "LICENSE",
}
# Beside those that start.py knows from setting up Qt.
MORE_PACKAGES = {
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libgssapi.so.3": "libgssapi-krb5-2",
    "libdrm.so.2": "libdrm2",
    "libgbm.so.1": "libgbm1",
}
# Of glibc, which stands first with the version it must have.
GLIBC = re.compile(r"^(lib(c|m|dl|rt|pthread|util|resolv)\.so\.\d+|ld-linux[-\w]*\.so\.\d+)$")
# What only a plugin needs that Qt does without where it can't be loaded, such as the look of another desktop.
OPTIONAL = re.compile(r"/platformthemes/")
CONTROL = """\
Package: runshelf
Version: {version}
Architecture: {architecture}
Maintainer: The Runshelf authors <runshelf@localhost>
Installed-Size: {size}
Depends: {depends}
Recommends: xdg-utils
Section: science
Priority: optional
Description: find the best of many scikit-learn pipelines
 Train many pipelines, find the best result you ever got, see why it is the
 best, and take it with you. Everything lies in a plain folder, with no server.
 .
 This package brings its own Python and libraries.
"""


def needed(files: Iterable[Path]) -> tuple[set[str], tuple[int, ...]]:
    """The libraries that these files ask for, and the newest version of glibc that any of them does."""
    libraries: set[str] = set()
    newest: tuple[int, ...] = (0,)
    for file in files:
        told = subprocess.run(["objdump", "-p", str(file)], capture_output=True, text=True).stdout
        libraries |= set(re.findall(r"^\s*NEEDED\s+(\S+)$", told, re.MULTILINE))
        versions = re.findall(r"\bGLIBC_(\d+(?:\.\d+)+)\b", told)
        newest = max([newest, *(tuple(map(int, version.split("."))) for version in versions)])
    return libraries, newest


def dependencies(bundle: Path) -> list[str]:
    """What the package depends on. Raises KeyError for a library of which no package is known."""
    sys.path.insert(0, str(ROOT))
    from start import DEBIAN_PACKAGES

    files = [path for path in bundle.rglob("*") if path.is_file() and not path.is_symlink()]
    own = {path.name for path in bundle.rglob("*.so*")}
    binaries = [path for path in files if _is_program(path) and not OPTIONAL.search(path.as_posix())]
    libraries, glibc = needed(binaries)
    missing = {name for name in libraries - own if not GLIBC.match(name)}
    known = {**DEBIAN_PACKAGES, **MORE_PACKAGES}
    packages = sorted({known[name] for name in missing})
    return [f"libc6 (>= {'.'.join(map(str, glibc))})", *packages]


def pack(bundle: Path, target: Path, version: str) -> Path:
    """Make the package in the folder `target`."""
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    with tempfile.TemporaryDirectory(prefix="runshelf-deb-", dir=target) as name:
        root = Path(name) / "root"
        root.mkdir(mode=0o755)
        shutil.copytree(bundle, root / HOME, symlinks=True)
        _put_beside(root)
        size = sum(path.lstat().st_size for path in root.rglob("*")) // 1024
        facts = {"version": version, "architecture": architecture, "size": size}
        control = root / "DEBIAN" / "control"
        control.parent.mkdir()
        control.write_text(CONTROL.format(**facts, depends=", ".join(dependencies(bundle))), encoding="utf-8")
        _let_all_read(root)
        file = target / f"runshelf_{version}_{architecture}.deb"
        # xz would make it a fifth smaller and take minutes; whatever has the C library it needs reads zstd.
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z9", "--build", str(root), str(file)], check=True)
    return file


def _put_beside(root: Path) -> None:
    """The programs on the path, the desktop's files, the icons."""
    (root / "usr" / "bin").mkdir(parents=True)
    for program in PROGRAMS:
        os.symlink(f"../lib/runshelf/{program}", root / "usr" / "bin" / program)
    for place, source in SOURCES.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, root / place)
    shutil.copytree(THEME, root / "usr" / "share" / "icons" / "hicolor")


def _let_all_read(root: Path) -> None:
    """Whatever the umask was: folders and programs 755, files 644."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or (os.access(path, os.X_OK) and _is_program(path)) else 0o644)


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def main() -> int:
    """Make the package and name it."""
    sys.path.insert(0, str(ROOT))
    from storage.version import VERSION

    try:
        file = pack(BUNDLE, ROOT / "dist", VERSION)
    except KeyError as library:
        print(f"No package is known that brings {library}; name it in packaging/linux/deb.py.", file=sys.stderr)
        return 1
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1e6:,.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
