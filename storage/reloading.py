"""Whether a stored pipeline will load here, said before anything is unpickled.

What its pickles need is told by the environment the pipeline recorded and by the classes they name. scikit-learn
promises nothing of models between its versions; whether one still predicts the same, `stored_samples` tells after.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from storage.records import PipelineRecord

_PACKAGES = {"sklearn": "scikit-learn"}  # what is installed as something else than it is imported
_LOOKED_INTO = ("sklearn", "chemotools")  # only these are imported to see whether a class is there
_DECIDING = ("scikit-learn", "numpy", "scipy", "chemotools")
Outlook = Literal["same", "patch", "differs", "missing"]


@dataclass(frozen=True)
class Foreseen:
    """What is to be expected of loading: nothing, little, much, or that it fails; `sentences` say why."""

    outlook: Outlook
    sentences: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.sentences) or "It was made with the versions that are installed here."


def foresee(record: PipelineRecord, names: Sequence[str]) -> Foreseen:
    """What loading a pipeline will come to, by its record and what its pickles name; nothing is unpickled."""
    missing = _missing_packages(record, names)
    differing = {
        package: (str(was), now)
        for package in _DECIDING
        if (was := record.environment.get(package)) is not None
        and (now := _version(package)) is not None
        and str(was) != now
    }
    gone = _gone_classes(names) if differing and not missing else []
    sentences = [f"The package {package} is not installed here." for package in missing]
    sentences += [f"{name} is not there any more in the version that is installed here." for name in gone]
    sentences += [_about(package, was, now) for package, (was, now) in differing.items()]
    if (was := str(record.environment.get("python", ""))) and _minor(was) != _minor(platform.python_version()):
        sentences.append(f"It was made with Python {was}; this is {platform.python_version()}.")
    outlook: Outlook = "same"
    if missing or gone:
        outlook = "missing"
    elif any(_minor(was) != _minor(now) for was, now in differing.values()):
        outlook = "differs"
    elif differing:
        outlook = "patch"
    return Foreseen(outlook, tuple(sentences), tuple(names))


def _about(package: str, was: str, now: str) -> str:
    said = f"It was made with {package} {was}; {now} is installed here."
    if _minor(was) == _minor(now):
        return f"{said} Only the last number differs: it usually loads."
    if package == "scikit-learn":
        return f"{said} Between these, models often fail to load and may predict something else."
    if package == "numpy" and was.split(".")[0] != now.split(".")[0]:
        return f"{said} What one major version of it stored the other often can't read."
    return said


def _missing_packages(record: PipelineRecord, names: Sequence[str]) -> list[str]:
    classes = [step.class_name for step in record.steps]
    roots = {name.split(".")[0] for name in [*names, *classes] if name.split(".")[0].isidentifier() and "." in name}
    return sorted(_PACKAGES.get(root, root) for root in roots if not _is_there(root))


def _is_there(root: str) -> bool:
    try:
        return importlib.util.find_spec(root) is not None  # of a name without dots nothing is imported
    except (ImportError, ValueError):
        return False


def _gone_classes(names: Sequence[str]) -> list[str]:
    """Those of scikit-learn and chemotools that the installed ones lack; only their own modules are imported."""
    gone = []
    for name in names:
        module, _, kind = name.rpartition(".")
        if module.split(".")[0] not in _LOOKED_INTO or {"tests", "conftest", "experimental"} & set(module.split(".")):
            continue
        try:
            if not hasattr(importlib.import_module(module), kind):
                gone.append(name)
        except (ImportError, ValueError):
            gone.append(name)
    return gone


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
