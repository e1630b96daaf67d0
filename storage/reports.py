"""Reports of runs and datasets as files: gathered once, written as Markdown and as one HTML file that needs no other.

A report is derived: made again it takes the place of the one before, at once or not at all. It says when it was made
and from which generation of the catalog; beside that the same results make the same bytes. All of it is gathered before
the first file is written: one that is cancelled leaves what was there.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

import resources
from storage.catalog import Catalog
from storage.dataset_reports import dataset_report
from storage.destinations import chosen_folder, is_inside
from storage.disk import Disk, write_atomic
from storage.errors import BadInput, Exists, from_os_error
from storage.layout import Layout, file_part
from storage.markdown import as_text, one_line
from storage.places import Places
from storage.records import utc_now
from storage.report_blocks import Report
from storage.report_parts import Tell
from storage.run_reports import run_report
from storage.runs import Run
from storage.version import VERSION
from storage.wording import moment

FORMATS = ("html", "md")
_HEAD = 2_000  # bytes in which the mark of a report stands


class Reports:
    """The reports of one workspace."""

    def __init__(self, layout: Layout, disk: Disk, catalog: Catalog, places: Places) -> None:
        self._layout = layout
        self._disk = disk
        self._catalog = catalog
        self._places = places

    def run(self, run: Run, formats: Sequence[str], to: Path | None, tell: Tell | None) -> list[Path]:
        """Report a run; see Workspace.report_run."""
        make = functools.partial(run_report, run, self._catalog, self._places, tell or _nobody)
        return self._write("run", run.run_id, file_part(run.run_id), make, formats, to)

    def dataset(self, name: str, formats: Sequence[str], to: Path | None, tell: Tell | None) -> list[Path]:
        """Report a dataset; see Workspace.report_dataset."""
        make = functools.partial(dataset_report, name, self._catalog, self._places, tell or _nobody)
        return self._write("dataset", name, f"{file_part(name)}_dataset", make, formats, to)

    def _write(
        self,
        kind: Literal["run", "dataset"],
        subject: str,
        name: str,
        make: Callable[[str, str], Report],
        formats: Sequence[str],
        to: Path | None,
    ) -> list[Path]:
        wanted = list(dict.fromkeys(formats))
        wrong = next((one for one in wanted if one not in FORMATS), None)
        if wrong is not None or not wanted:
            raise BadInput(f"A report can't be written as '{wrong or ''}'.", advice=f"Choose {' or '.join(FORMATS)}.")
        home = chosen_folder(self._layout, to, self._layout.reports)
        mark = f"runshelf-report {kind} {hashlib.sha256(subject.encode(errors='replace')).hexdigest()[:16]}"
        paths = [home / f"{name}.{format}" for format in wanted]
        for path in paths:
            _check_is_ours(path, mark)
        generation = self._catalog.manifest().generation
        made = f"Made {moment(utc_now())} by Runshelf {VERSION} from the catalog of {self._layout.root.name}, "
        report = make(f"{made}generation {generation}.", mark)
        texts = [render(report, format) for format in wanted]
        files = [(path, text.encode(errors="replace")) for path, text in zip(paths, texts, strict=True)]
        if is_inside(home / name, self._layout.root):
            self._disk.make_folders([home])
            self._disk.write_all(files)
        else:
            for path, data in files:
                write_atomic(path, data)
        return paths


def _nobody(done: int, total: int, text: str) -> None:
    """Where nobody listens."""


def render(report: Report, format: str) -> str:
    """A report as Markdown ("md") or as a whole HTML page ("html"); whatever values hold comes out as text."""
    text = _environment(format).get_template(f"report.{format}.j2").render(report=report)
    return text.strip() + "\n"


@functools.cache
def _environment(format: str) -> Environment:
    return Environment(
        loader=FunctionLoader(lambda name: resources.path(f"templates/{name}").read_text("utf-8")),
        autoescape=True,
        finalize=_FINALIZE[format],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _for_html(value: Any) -> Any:
    return value if isinstance(value, Markup) else one_line(value)  # the autoescape follows


def _for_markdown(value: Any) -> Markup:
    return value if isinstance(value, Markup) else Markup(as_text(value))


_FINALIZE: dict[str, Callable[[Any], Any]] = {"html": _for_html, "md": _for_markdown}


def _check_is_ours(path: Path, mark: str) -> None:
    """Refuse to take the place of anything but the same report. Raises Exists."""
    if not os.path.lexists(path):
        return
    try:
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if mark.encode() in file.read(_HEAD):
                    return
    except OSError as error:
        raise from_os_error(error, "read the report", path) from error
    raise Exists(f"{path} is there already and is not this report.", path, "Move it away, or choose another folder.")
