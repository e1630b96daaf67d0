"""What is told of a pipeline, as rows of text: its steps and parameters, its folds, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gui.formats import bytes_text, duration_text, full_time_text, parameter_text, plain_text, tr

if TYPE_CHECKING:
    from storage import PipelineDetails, StepRecord

MOST_WORDS, MOST_LETTERS = 3, 16


def short(class_name: str) -> str:
    """Call a class by its last name."""
    return class_name.rsplit(".", 1)[-1]


def first_words(given: dict[str, Any]) -> str:
    """Name the parameters that somebody chose, as far as they fit in a line."""
    telling = [f"{key}={parameter_text(value)}" for key, value in given.items() if len(str(value)) <= MOST_LETTERS]
    return ", ".join(telling[:MOST_WORDS])


def given_steps(details: PipelineDetails) -> list[tuple[StepRecord, dict[str, Any]]]:
    """Pair each step with the parameters its configuration gave; all the others are defaults."""
    record = details.pipeline
    if record is None:
        return []
    written = record.template.get("steps") or []
    given = [step.get("params") or {} if isinstance(step, dict) else {} for step in written]
    if len(given) != len(record.steps):
        given = [{} for _ in record.steps]
    return list(zip(record.steps, given, strict=True))


def parameter_rows(details: PipelineDetails) -> tuple[list[tuple[str, ...]], list[int]]:
    """List the parameters by step: those that were chosen first, then the defaults, whose row numbers come along."""
    rows: list[tuple[str, ...]] = []
    defaults: list[int] = []
    for step, given in given_steps(details):
        name = f"{step.step + 1}. {short(step.class_name) or step.operator}"
        every = {**given, **{key: value for key, value in step.params.items() if value != "deprecated"}}
        keys = [*given, *(key for key in every if key not in given)]
        for key in keys or [""]:
            if key not in given:
                defaults.append(len(rows))
            rows.append((name, key, parameter_text(every[key]) if key else tr("no parameters")))
            name = ""
    return rows, defaults


def target_names(details: PipelineDetails) -> tuple[list[str], str]:
    """Name the targets of a pipeline and their units."""
    source = details.pipeline.dataset_source if details.pipeline is not None else None
    return (list(source.target), source.units) if source is not None else ([], "")


def fold_columns(validation: dict[str, Any]) -> list[str]:
    """Name the metrics that the folds have."""
    results = validation.get("fold_results") or []
    names: list[str] = []
    for result in results:
        names.extend(name for name in result if name not in names and name not in ("fold", "fold_id"))
    return names


def fold_rows(validation: dict[str, Any]) -> list[tuple[Any, ...]]:
    """List the folds with their metrics, then mean and spread."""
    names = fold_columns(validation)
    rows: list[tuple[Any, ...]] = []
    for number, result in enumerate(validation.get("fold_results") or []):
        label = result.get("fold", result.get("fold_id", number))
        rows.append((str(label), *(result.get(name) for name in names)))
    for prefix, title in (("mean", tr("mean")), ("std", tr("spread"))):
        values = [validation.get(f"{prefix}_{name}") for name in names]
        if any(value is not None for value in values):
            rows.append((title, *values))
    return rows


def about_rows(details: PipelineDetails) -> list[tuple[str, ...]]:
    """List where and when a result was made, from which data, and with which versions."""
    rows: list[tuple[str, ...]] = []
    record, run = details.pipeline, details.run
    if record is not None:
        rows += [
            (tr("Created"), full_time_text(record.created_at)),
            (tr("Took"), duration_text(record.duration_seconds)),
            (tr("Seed"), plain_text(record.seed)),
            (tr("Configuration hash"), record.hash),
            (tr("Artifacts"), tr("{n}, {size}").format(
                n=len(record.artifacts), size=bytes_text(sum(one.bytes for one in record.artifacts)))),
        ]  # fmt: skip
    if run is not None:
        rows += [(tr("Dataset"), run.dataset_name), (tr("Run"), run.run_name), (tr("Description"), run.description)]
        source = run.dataset_source
        rows += [(key, plain_text(value)) for key, value in _flat(source)]
    if record is not None:
        rows += [(key, plain_text(value)) for key, value in _flat(record.environment)]
    rows.append((tr("Folder"), str(details.folder)))
    return [(key, value) for key, value in rows if value]


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Write a document as lines of "outer inner: value"."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _flat(inner, f"{prefix} {key}".strip())]
    if isinstance(value, (list, tuple)):
        return [(prefix, ", ".join(map(str, value)))]
    return [] if value is None else [(prefix.replace("_", " "), value)]


def why_no_charts(details: PipelineDetails) -> str:
    """Say why there is nothing to draw."""
    if details.pipeline is not None and details.pipeline.status == "failed":
        return tr("No predictions: this pipeline failed.")
    return tr("No predictions are stored for this pipeline.")
