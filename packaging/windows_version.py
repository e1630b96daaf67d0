"""The version resource that Windows shows of a program."""

from __future__ import annotations

import re
from typing import Any


def numbers(version: str) -> tuple[int, int, int, int]:
    """The four numbers of Windows for a version such as 0.1.0 or 1.2rc1."""
    found = [int(number) for number in re.findall(r"\d+", version.split("+")[0])]
    first, second, third, fourth = [*found, 0, 0, 0, 0][:4]
    return first, second, third, fourth


def resource(version: str, name: str) -> Any:
    """The resource as PyInstaller takes it."""
    from PyInstaller.utils.win32 import versioninfo as info

    texts = {
        "CompanyName": "The Runshelf authors",
        "FileDescription": "Runshelf" if name == "runshelf" else "Runshelf command line",
        "FileVersion": version,
        "InternalName": name,
        "LegalCopyright": "MIT licence",
        "OriginalFilename": f"{name}.exe",
        "ProductName": "Runshelf",
        "ProductVersion": version,
    }
    strings = info.StringTable("040904B0", [info.StringStruct(key, text) for key, text in texts.items()])
    return info.VSVersionInfo(
        ffi=info.FixedFileInfo(filevers=numbers(version), prodvers=numbers(version), mask=0x3F, OS=0x40004),
        kids=[
            info.StringFileInfo([strings]),
            info.VarFileInfo([info.VarStruct("Translation", [0x0409, 0x04B0])]),
        ],
    )
