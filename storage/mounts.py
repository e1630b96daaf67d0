"""What kind of disk a folder lies on: SQLite's locks and its shared memory can't be relied on over a network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

# fmt: off
NETWORK_FILE_SYSTEMS = frozenset({
    "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.cephfs", "fuse.davfs", "fuse.glusterfs",
    "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs",
    "smb", "smb2", "smb3", "smbfs", "virtiofs", "vboxsf", "webdav",
})
# fmt: on
_REMOTE_DRIVE = 4  # DRIVE_REMOTE of Windows' GetDriveType


def is_network_folder(folder: Path) -> bool:
    """Whether a folder lies on another machine, as far as the system tells."""
    real = os.path.realpath(folder)
    if sys.platform == "win32":
        return _is_remote_drive(real)
    return file_system_of(real, _mounts()) in NETWORK_FILE_SYSTEMS


def file_system_of(folder: str, mounts: Iterator[tuple[str, str]]) -> str:
    """The file system of a folder: that of the mount point closest above it; of two at one place, the later."""
    place, found = "", ""
    for point, kind in mounts:
        if len(point) >= len(place) and (point == folder or PurePosixPath(point) in PurePosixPath(folder).parents):
            place, found = point, kind
    return found


def linux_mounts(text: str) -> Iterator[tuple[str, str]]:
    """Mount points and file systems from /proc/self/mountinfo (proc(5)); blanks in names are written \\040."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        with suppress(IndexError):
            yield before.split()[4].encode().decode("unicode_escape"), after.split()[0]


def bsd_mounts(text: str) -> Iterator[tuple[str, str]]:
    """Mount points and file systems from what `mount` prints on macOS: `//host/share on /Volumes/share (smbfs, …)`."""
    for line in text.splitlines():
        what, _, options = line.rpartition(" (")
        point = what.partition(" on ")[2]
        if point:
            yield point, options.partition(",")[0].rstrip(")")


def _mounts() -> Iterator[tuple[str, str]]:
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        if sys.platform == "darwin":
            listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout
            yield from bsd_mounts(listed)
        else:
            yield from linux_mounts(Path("/proc/self/mountinfo").read_text("utf-8", errors="replace"))


def _is_remote_drive(folder: str) -> bool:
    if folder.startswith("\\\\"):
        return True
    import ctypes

    drive = os.path.splitdrive(folder)[0] + "\\"
    return bool(getattr(ctypes, "windll").kernel32.GetDriveTypeW(drive) == _REMOTE_DRIVE)  # noqa: B009 - Windows alone
