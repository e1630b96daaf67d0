"""One pipeline folder: filled, ended, read. What is on disk is the result; the catalog row follows it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

from storage.errors import BadInput, Conflict, Corrupt, NotFound, in_sentences
from storage.layout import checked_name
from storage.metrics import PARTITIONS
from storage.reading import cut_short
from storage.records import PipelineRecord, Status, has_classes, plain, read_json, to_json, utc_now

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from storage.predictions import PredictionArrays
    from storage.runs import Run

_CHARTS_DPI = 100
_MOST_DETAILS = 10_000  # characters of error.log
_MOST_WORDS = 1_000  # characters of an error in pipeline.json, and wherever it is told


@in_sentences
class Pipeline:
    """One pipeline folder. What is saved is on disk at once; `complete` or `fail` ends it and commits its row."""

    def __init__(self, run: Run, folder: Path, record: PipelineRecord) -> None:
        self.run = run
        self.folder = folder
        self.record = record
        self._metrics: dict[str, Any] | None = None
        self._arrays: list[PredictionArrays] | None = None
        self._uncommitted = False  # it came to its end, and its row could not be written then

    @property
    def pipeline_id(self) -> str:
        return self.record.id

    @property
    def prediction_id(self) -> str:
        return self.record.prediction_id

    def save_artifact(self, name: str, value: Any, step: int = 0, fold: int | None = None) -> None:
        """Store a fitted object, shared with every pipeline of the run that has the same one."""
        self.record.artifacts.append(self.run.artifacts.save(name, value, step, fold))

    def save_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json: `{"train": {"rmse": 0.3, "samples": 40}, "test": {…}}`."""
        self._metrics = dict(plain(dict(metrics)))
        self._write("metrics.json", to_json(self._metrics))

    def save_predictions(self, table: pd.DataFrame) -> None:
        """Write predictions.csv from a table with y_true and y_pred; see `storage.predictions` for the columns."""
        from storage.predictions import as_written

        try:
            content, self._arrays = as_written(table, self._has_classes())
        except (ValueError, OverflowError) as error:
            raise BadInput(f"The predictions can't be read: {error}.", advice="Make the columns numbers.") from error
        self._write("predictions.csv", content)

    def save_arrays(
        self, arrays: Sequence[PredictionArrays], sample_ids: Sequence[str], targets: Sequence[str]
    ) -> None:
        """Write predictions.csv from arrays."""
        from storage.predictions import to_frame

        self._arrays = list(arrays)
        table = to_frame(arrays, sample_ids, targets)
        self._write("predictions.csv", table.to_csv(index=False).encode())

    def save_chart(self, name: str, chart: Figure | bytes) -> None:
        """Write a matplotlib figure, or one that is PNG already, as `<name>.png`."""
        if not isinstance(chart, bytes):
            buffer = io.BytesIO()
            chart.savefig(buffer, format="png", dpi=_CHARTS_DPI)
            chart = buffer.getvalue()
        self._write(f"{checked_name(name, 'chart')}.png", chart)

    def _write(self, name: str, content: bytes) -> None:
        self.run.disk.write(self.folder / name, content)
        self.record.digests[name] = hashlib.sha256(content).hexdigest()  # on disk with the end of the pipeline

    def complete(self, **fields: Any) -> None:
        """End well: pipeline.json says completed, and the catalog has the row when this returns.

        Where the disk was full it can be called again; else the next open takes the result in.
        """
        self._end("completed", fields)

    def fail(self, error: BaseException | str, details: str = "") -> str:
        """End badly: error.log keeps the details, the row in the catalog says failed. Returns what error.log says."""
        message = error if isinstance(error, str) else _words(error)
        kept = _beginning_and_end(_writable(details or message).rstrip())
        self._write("error.log", kept.encode() + b"\n")
        self._end("failed", {"error": in_a_line(message) or "failed"})
        return kept

    def interrupt(self, status: Status = "interrupted") -> None:
        """End without a result: no row in the catalog. What came to its end before this stands."""
        if self.record.status == "running":
            self._write_end(status, {})

    def _end(self, status: Status, fields: Mapping[str, Any]) -> None:
        if not (self._uncommitted and self.record.status == status):
            if self.record.status != "running":
                raise Conflict(f"{self.record.id} is {self.record.status} already.", self.folder, "Add a new pipeline.")
            self._write_end(status, fields)
            self._uncommitted = True
        self.commit()
        self._uncommitted = False

    def _write_end(self, status: Status, fields: Mapping[str, Any]) -> None:
        ended = utc_now()
        seconds = round((ended - self.record.created_at).total_seconds(), 3)
        update = {"status": status, "completed_at": ended, "duration_seconds": seconds, **fields}
        record = self.record.model_copy(update=update)
        self.run.disk.write(self.folder / "pipeline.json", record.to_json())
        self.run.changes += 1
        self.record = record

    def commit(self) -> None:
        """Put this pipeline's row and arrays into the catalog, unless they are there."""
        self.run.catalog.append(self.run.config, self.record, self.metrics(), self.arrays())

    # ------------------------------------------------------------ looking

    def metrics(self) -> dict[str, Any]:
        """metrics.json; empty when there is none. Raises Corrupt."""
        if self._metrics is None:
            try:
                found = read_json(self.folder / "metrics.json")
                self._metrics = found if isinstance(found, dict) else {}
            except NotFound:
                self._metrics = {}
        return self._metrics

    def arrays(self) -> list[PredictionArrays]:
        """The predictions, from predictions.csv if not in memory; empty when there are none or it was thinned.

        Raises Corrupt.
        """
        if self._arrays is None:
            self._arrays = read_predictions(self.folder / "predictions.csv", self._has_classes())
        return self._arrays

    def shortfall(self) -> str:
        """Whether there are fewer predictions than were scored, in a few words: a table may be cut between two lines.

        Empty where there are not, and where nobody said how many were scored. Raises Corrupt.
        """
        there: Counter[str] = Counter()
        for one in self.arrays():
            there[one.partition] += len(one.sample_indices)
        for name, found in self.metrics().items():
            scored = found.get("samples") if isinstance(found, dict) and name in PARTITIONS else None
            if there and isinstance(scored, int) and there[name] < scored:
                return f"{there[name]:,} of the {scored:,} {name} samples that were scored"
        return ""

    def _has_classes(self) -> bool | None:
        return has_classes(self.record.task_type or self.run.config.task_type)


def in_a_line(error: BaseException | str) -> str:
    """The first line of what an error says, as far as anybody reads it, in characters that can be written."""
    lines = (error if isinstance(error, str) else _words(error)).strip().splitlines()
    line = _writable(lines[0]) if lines else ""
    return line if len(line) <= _MOST_WORDS else f"{line[: _MOST_WORDS - 1]}…"


def _words(error: BaseException) -> str:
    """What an exception is and says; one of a user's class may fail even at that."""
    said = TracebackException.from_exception(error, lookup_lines=False)
    return f"{type(error).__name__}: {said}"


def _writable(text: str) -> str:
    """Text with what no file can hold, halves of characters, written as \\ud800."""
    return text.encode(errors="backslashreplace").decode()


def _beginning_and_end(text: str) -> str:
    """As much of a text as anybody reads, with a line that says how much is left out in the middle."""
    left_out, half = len(text) - _MOST_DETAILS, _MOST_DETAILS // 2
    return text if left_out <= 0 else f"{text[:half]}\n… {left_out:,} characters are left out …\n{text[-half:]}"


def read_predictions(path: Path, classes: bool | None) -> list[PredictionArrays]:
    """The arrays in a predictions.csv; none where there is no such file. Raises Corrupt."""
    from storage.predictions import read_csv

    if path.is_symlink():
        raise Corrupt(f"{path.name} is a link, which is not followed.", path, "Put the file itself there.")
    if not path.is_file():
        return []
    try:
        if wrong := cut_short(path):
            raise ValueError(wrong)
        return read_csv(path, classes)
    except (ValueError, BadInput) as error:
        raise Corrupt(
            f"predictions.csv is damaged: {str(error).rstrip('.')}.", path, "Restore it from a copy."
        ) from error
