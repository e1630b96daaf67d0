"""Parts that the reports of runs and of datasets share: data, parameters, one pipeline shown whole, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from storage.catalog import Catalog
from storage.chains import Chain, ChainStep
from storage.drawings import Drawing, confusion, drawable, parity
from storage.errors import StorageError
from storage.places import Places
from storage.predictions import PredictionArrays, telling
from storage.ranking import Ranking, Row, is_doubtful, metrics_table
from storage.recorded_steps import recorded_chain
from storage.records import DatasetSource, PipelineRecord, RunConfig, read_document
from storage.report_blocks import Block, Column, Facts, Section, Sentence, Table, facts, section, table
from storage.wording import PARTITION_WORDS, counted, number, shortened

MOST_FAILURES = 50
_MOST_VALUES = 8  # of a parameter that are told one by one
_MOST_CLASSES = 30  # of a confusion matrix that can still be read
_MOST_LETTERS = 60  # of a parameter's value

Tell = Callable[[int, int, str], None]
Planned = tuple[str, Callable[[], Iterable[Block | None]]]  # the title of a section, and what makes its blocks


def made_sections(planned: Sequence[Planned], tell: Tell) -> tuple[Section, ...]:
    """The sections, made one after the other; each is told of before it is made. Raises Cancelled where `tell` does."""
    made = []
    for done, (title, blocks) in enumerate(planned):
        tell(done, len(planned), title)
        made.append(section(title, *blocks()))
    tell(len(planned), len(planned), "writing")
    return tuple(made)


def data_facts(source: DatasetSource) -> dict[str, str]:
    """What is known of the data: file, target, size, split."""
    split = {str(key): number(value) if isinstance(value, float) else str(value) for key, value in source.split.items()}
    return {
        "target": ", ".join(source.target) + (f" ({source.units})" if source.units and source.target else ""),
        "data file": file_name(source.path),
        "sha256 of the data file": source.sha256,
        "samples × features": " × ".join(f"{n:,}" for n in source.shape),
        "split": ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in split.items()),
    }


def file_name(path: str) -> str:
    """The name of a file without its folders: those are of the machine it was on."""
    return PurePath(path.replace("\\", "/")).name


def varied(catalog: Catalog, filter: str, most: int = 5_000) -> Table | None:
    """Which parameters differ among the newest results that match, and their values."""
    keys = catalog.keys(filter, "-created_at", most)
    rows = []
    for name, values in sorted(catalog.parameters_of(keys).items()):
        different = sorted({one for one in values if one is not None}, key=lambda one: (isinstance(one, str), one))
        if len(different) > 1:
            told = [shortened(one, 40) if isinstance(one, str) else f"{one:g}" for one in different]
            shown = ", ".join(told) if len(told) <= _MOST_VALUES else f"{told[0]} … {told[-1]}"
            rows.append([name, shown, f"{len(different):,}"])
    return table([Column("parameter"), Column("values"), Column("different", True)], rows) if rows else None


# ---------------------------------------------------------------- one pipeline


def whole_pipeline(row: Row, ranks: Ranking, catalog: Catalog, places: Places, target: str) -> list[Block]:
    """One result: what it is, its metrics, and how well it predicts, drawn. What can't be read is said."""
    prediction_id = str(row["prediction_id"])
    name = str(row["pipeline_name"] or "")
    told = {
        "pipeline": str(row["pipeline_id"] or ""),
        "name": name if name != row["pipeline_id"] else "",
        "model": str(row["model_type"] or ""),
        "steps": steps_in_words(recorded_chain(catalog, places, prediction_id)),
    }
    found: list[Block] = [facts(told), metrics_table(row, ranks, catalog)]
    if is_doubtful(row, "test", ranks.name, catalog):
        text = f"{ranks.metric.title} is much worse on test than in validation: the validated value can't be trusted."
        found.append(Sentence(text, "bad"))
    try:
        drawing = predictions_drawn(telling(catalog.arrays(prediction_id)), target)
    except StorageError as error:
        found.append(Sentence(f"The predictions can't be read: {error.what}", "bad"))
    else:
        found += [drawing] if drawing is not None else []
    return found


def predictions_drawn(arrays: Sequence[PredictionArrays], target: str) -> Drawing | None:
    """Predicted against measured, or true against predicted classes; None where there is nothing to be drawn."""
    by_partition = {name: [a for a in arrays if a.partition == name] for name in ("train", "val", "test")}
    there = {name: blocks for name, blocks in by_partition.items() if blocks}
    if not there:
        return None
    true, pred = (
        {name: np.concatenate([getattr(a, kind).ravel() for a in blocks]) for name, blocks in there.items()}
        for kind in ("y_true", "y_pred")
    )
    labels = arrays[0].labels
    if labels:
        return _classes_drawn(true, pred, labels) if len(labels) <= _MOST_CLASSES else None
    kept = {name: drawable(true[name]) & drawable(pred[name]) for name in there}
    shown = [(name, true[name][those], pred[name][those]) for name, those in kept.items() if those.any()]
    return parity(shown, "Predicted against measured", target) if shown else None


def _classes_drawn(true: Mapping[str, Any], pred: Mapping[str, Any], labels: Sequence[str]) -> Drawing:
    partition = next(name for name in ("test", "val", "train") if name in true)
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts, (true[partition].astype(int), pred[partition].astype(int)), 1)
    caption = f"{counted(int(counts.sum()), f'{PARTITION_WORDS[partition]} sample')}."
    return confusion(counts, labels, "True against predicted class", caption)


def steps_in_words(chain: Chain) -> str:
    """`StandardScaler → PLSRegression (n_components 4)`: the steps with the parameters somebody chose."""
    return " → ".join(_step_in_words(step) for step in chain.steps)


def _step_in_words(step: ChainStep) -> str:
    chosen = {name: value for name, value in step.params.items() if step.chosen is None or name in step.chosen}
    told = [f"{name} {shortened(str(value), _MOST_LETTERS)}" for name, value in chosen.items()]
    told += [_step_in_words(part) for part in step.parts]
    return f"{step.title} ({', '.join(told)})" if told else step.title


def environment(row: Row | None, places: Places, run: RunConfig | None) -> Facts | None:
    """With what a result was computed, as its pipeline.json says; else what the run says."""
    record = _record_of(row, places)
    found = {str(key): str(value) for key, value in record.environment.items()} if record else {}
    if not found and run is not None:
        found = {"runshelf": run.app_version, "python": run.python_version}
    return facts(found) if any(found.values()) else None


def _record_of(row: Row | None, places: Places) -> PipelineRecord | None:
    try:
        folder = places.pipeline(str(row["prediction_id"])) if row is not None else None
        return read_document(folder / "pipeline.json", PipelineRecord) if folder is not None else None
    except StorageError:
        return None


# ---------------------------------------------------------------- failures


def failures_table(errors: Iterable[tuple[str, str]]) -> Table | None:
    """Errors by their first line, the most frequent first; each with one of the pipelines that had it."""
    count: dict[str, int] = {}
    example: dict[str, str] = {}
    for pipeline, message in errors:
        count[message] = count.get(message, 0) + 1
        example.setdefault(message, pipeline)
    if not count:
        return None
    order = sorted(count, key=lambda message: (-count[message], message))
    rows = [[f"{count[one]:,}", shortened(one, 300) or "no message", example[one]] for one in order[:MOST_FAILURES]]
    note = f"{len(order) - MOST_FAILURES:,} more different errors are not listed." if len(order) > MOST_FAILURES else ""
    return table([Column("pipelines", True), Column("error"), Column("for example")], rows, note)
