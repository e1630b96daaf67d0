"""Taking things away: rows of the catalog as a file, pipelines with their files. What is wanted, and the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gui.formats import counted, tr
from gui.tasks import Report

if TYPE_CHECKING:
    from storage import Workspace


@dataclass(frozen=True)
class ExportRequest:
    """Which rows and columns go where; `ids` is None for all rows that match."""

    path: Path
    filter: str
    order: str
    columns: tuple[str, ...]
    ids: tuple[str, ...] | None = None
    overwrite: bool = False
    create: bool = False  # make the folder if it isn't there


def write_export(root: Path, request: ExportRequest, report: Report) -> int:
    """Write the file and return how many rows it has; the workspace is opened anew, for this thread, to read it."""
    from storage import Workspace

    report(0, 0, tr("opening the workspace"))
    with Workspace.open(root, read_only=True, report=report) as workspace:
        return workspace.catalog.export(
            request.path,
            request.filter,
            request.order,
            request.columns,
            request.ids,
            report,
            overwrite=request.overwrite,
            create=request.create,
        )


@dataclass(frozen=True)
class TakeRequest:
    """Which pipelines go to which folder; an empty pipeline id stands for every completed one of the run."""

    folder: Path
    places: tuple[tuple[str, str], ...]
    create: bool = False  # make the folder if it isn't there


def take_pipelines(root: Path, request: TakeRequest, report: Report) -> Taken:
    """Write pipelines with their files, each to a folder of its own; the workspace is opened anew to read it.

    One that can't be taken is told of and the others go on; that none can raises what was wrong with the first.
    """
    from storage import Cancelled, StorageError, Workspace

    taken, problems, first = [], [], None
    report(0, 0, tr("opening the workspace"))
    with Workspace.open(root, read_only=True, report=report) as workspace:
        places = [place for one in request.places for place in _pipelines_of(one, workspace)]
        for number, (run_id, pipeline_id) in enumerate(places):
            report(number, len(places), pipeline_id)
            try:
                taken.append(workspace.export_pipeline(run_id, pipeline_id, request.folder, create=request.create))
            except Cancelled:
                raise
            except StorageError as error:
                first = first or error
                problems.append(error.what)
        report(len(places), len(places), "")
    if first is not None and not taken:
        raise first
    return Taken(tuple(taken), tuple(problems))


@dataclass(frozen=True)
class Taken:
    """The folders that were written, and what was wrong with the pipelines that were not."""

    folders: tuple[Path, ...]
    problems: tuple[str, ...] = ()

    def text(self) -> str:
        """Say what was taken away, and what not."""
        done = len(self.folders)
        if done == 1 and not self.problems:
            return tr("Exported 1 pipeline to {path}").format(path=self.folders[0])
        where = self.folders[0].parent if self.folders else ""
        text = counted(done, "Exported {n} pipeline", "Exported {n} pipelines")
        text = tr("{done} to {path}").format(done=text, path=where)
        return f"{text}; {_missed(self.problems)}" if self.problems else text


def look_at(folder: Path, file: Path | None, report: Report) -> tuple[bool, bool]:
    """Whether a folder is there to put something into, and whether a file of that name is in it already."""
    return folder.is_dir(), file is not None and file.exists()


def free_name(file: Path, report: Report) -> Path:
    """The name of a file, or the first with a number behind it that no file has."""
    names = (file, *(file.with_name(f"{file.stem}-{number}{file.suffix}") for number in range(2, 1_000)))
    return next((name for name in names if not name.exists()), file)


def _missed(problems: Sequence[str]) -> str:
    missed = counted(len(problems), "{n} was not taken", "{n} were not taken")
    return tr("{missed}, because: {why}").format(missed=missed, why=problems[0])


def _pipelines_of(place: tuple[str, str], workspace: Workspace) -> list[tuple[str, str]]:
    run_id, pipeline_id = place
    if pipeline_id:
        return [place]
    return [(run_id, one.pipeline_id) for one in workspace.pipelines(run_id) if one.status == "completed"]
