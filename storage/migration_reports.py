"""The report of a migration: what was found, carried over, left out and why, and what could not be carried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from storage.disk import Disk
from storage.layout import Layout, file_part
from storage.markdown import as_text
from storage.records import iso, to_json, utc_now
from storage.wording import moment

if TYPE_CHECKING:
    from storage.migration import Carried

_WORDS = ("runs", "datasets", "pipelines", "scores", "predictions", "artifacts", "charts", "files", "bytes")


def write_report(layout: Layout, disk: Disk, carried: Carried) -> Path:
    """Write Markdown, and the data of it as JSON beside, to catalog/reports/; returns the path of the first."""
    now = utc_now()
    stamp = now.astimezone().strftime("%Y-%m-%d_%H%M%S")
    name = f"migration_{file_part(carried.source.name or 'root')}_{stamp}"
    disk.make_folders([layout.reports])
    for number in range(1, 1_000):
        path = layout.reports / f"{name if number == 1 else f'{name}~{number}'}.md"
        if disk.write_new(path, _markdown(carried, moment(now)).encode(errors="replace")):
            break
    disk.write(path.with_suffix(".json"), to_json(_data(carried, iso(now))))
    return path


def _data(carried: Carried, at: str) -> dict[str, object]:
    return {
        "schema_version": 1,
        "at": at,
        "source": str(carried.source),
        "forms": carried.forms,
        "found": carried.found,
        "carried": carried.carried,
        "there_before": carried.before,
        "left_out": carried.left_out,
        "failed": carried.failed,
        "runs": carried.runs,
        "seconds": round(carried.seconds, 3),
        "differences": carried.differences,
    }


def _markdown(carried: Carried, at: str) -> str:
    lines = [
        f"# Migration of {as_text(carried.source.name)}",
        "",
        f"Made {at} from {as_text(carried.source)} ({as_text(', '.join(carried.forms))}). {carried.sentence()}",
        "",
        "| | found | carried over now |",
        "|---|---:|---:|",
        *(
            f"| {word} | {_number(carried.found.get(word))} | {_number(carried.carried.get(word))} |"
            for word in _WORDS
            if word in carried.found or word in carried.carried
        ),
        "",
    ]
    if carried.differences is not None:
        lines += _section("Differences from the source", carried.differences)
        if not carried.differences:
            lines += ["Every prediction, score, artifact and file was found again with equal value.", ""]
    lines += _section("Could not be carried over", carried.failed)
    lines += _section("Left out", carried.left_out)
    lines += _section("Runs", carried.runs)
    return "\n".join(lines).rstrip() + "\n"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {as_text(line)}" for line in lines), ""] if lines else []
