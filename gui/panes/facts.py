"""What is told of a pipeline, as rows of text: its steps and parameters, its folds, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gui.formats import (
    bytes_text,
    counted,
    duration_text,
    full_time_text,
    integer_text,
    number_text,
    parameter_text,
    plain_text,
    tr,
)

if TYPE_CHECKING:
    from storage import ChainStep, PipelineDetails

MOST_WORDS, MOST_LETTERS = 3, 16
UNSET = "deprecated"  # how some libraries write a parameter that isn't one any more


def short(class_name: str) -> str:
    """Call a class by its last name."""
    return class_name.rsplit(".", 1)[-1]


# --- steps ---


def first_words(step: ChainStep) -> str:
    """Name the parameters that somebody chose, as far as they fit in a line."""
    chosen = step.chosen or ()
    given = {key: value for key, value in step.params.items() if key in chosen}
    telling = [f"{key}={parameter_text(value)}" for key, value in given.items() if len(str(value)) <= MOST_LETTERS]
    return ", ".join(telling[:MOST_WORDS])


def steps_text(steps: Sequence[ChainStep]) -> str:
    """Write a chain in a line: "StandardScaler → PLSRegression (n_components=8)"."""
    return " → ".join(f"{step.title} ({words})" if (words := first_words(step)) else step.title for step in steps)


def step_tip(step: ChainStep) -> str:
    """Say all there is to know of a step."""
    lines = [step.class_name or step.title, *_params(step, "")]
    for part in step.parts:
        lines += [f"{part.name}: {part.title}", *_params(part, "    ")]
    return "\n".join(lines)


def _params(step: ChainStep, indent: str) -> list[str]:
    chosen = step.chosen or frozenset()
    keys = sorted((key for key, value in step.params.items() if value != UNSET), key=lambda key: key not in chosen)
    return [f"{indent}{'• ' if key in chosen else '  '}{key} = {parameter_text(step.params[key])}" for key in keys]


@dataclass(frozen=True)
class ParameterRows:
    """The parameters by step as rows; `defaults` are rows of those nobody chose, `starts` the first of each step."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    defaults: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)


def parameter_rows(steps: Sequence[ChainStep]) -> ParameterRows:
    """List the parameters by step: those that were chosen first, then the defaults; steps within a step follow it."""
    found = ParameterRows()
    for number, step in enumerate(steps):
        found.starts.append(len(found.rows))
        for name, inner in _within(f"{number + 1}. {step.title}", step):
            _add_rows(found, name, inner)
    return found


def _within(name: str, step: ChainStep) -> Iterator[tuple[str, ChainStep]]:
    yield name, step
    for part in step.parts:
        yield from _within(f"{name} › {part.name}: {part.title}", part)


def _add_rows(found: ParameterRows, name: str, step: ChainStep) -> None:
    known = step.chosen
    keys = [key for key, value in step.params.items() if value != UNSET or (known and key in known)]
    keys.sort(key=lambda key: known is not None and key not in known)
    for key in keys or [""]:
        if not key or (known is not None and key not in known):
            found.defaults.append(len(found.rows))
        found.rows.append((name, key, parameter_text(step.params[key]) if key else tr("no parameters")))
        name = ""


def configuration_text(details: PipelineDetails) -> str:
    """Write the configuration as JSON that a run can be started from again; empty where it is not known."""
    record = details.pipeline
    if record is not None and record.template:
        config = {key: value for key, value in record.template.items() if key != "config_file"}
        return json.dumps(config, indent=2, ensure_ascii=False, default=str)
    try:
        steps = json.loads(details.config or "null")
    except ValueError:
        return details.config  # shortened by the catalog; better than nothing
    if not isinstance(steps, list):
        return json.dumps(steps, indent=2, ensure_ascii=False) if steps else ""
    bare = [{key: step[key] for key in ("class", "params") if key in step} for step in steps if isinstance(step, dict)]
    return json.dumps({"name": pipeline_name(details), "steps": bare}, indent=2, ensure_ascii=False)


# --- what it is ---


def pipeline_name(details: PipelineDetails) -> str:
    """Return what people call a pipeline."""
    own = details.pipeline.name if details.pipeline is not None else str(details.row.get("pipeline_name") or "")
    return own or details.pipeline_id


def pipeline_status(details: PipelineDetails) -> str:
    """Return how a pipeline stands; that its folder is deleted or damaged comes before how it once ended."""
    if details.deleted:
        return "folder deleted"
    return details.pipeline.status if details.pipeline is not None else "damaged"


def dataset_of(details: PipelineDetails) -> str:
    """Return the name of the dataset a pipeline was trained on."""
    return details.run.dataset_name if details.run is not None else str(details.row.get("dataset_name") or "")


def task_of(details: PipelineDetails) -> str:
    """Return "regression", "classification", or nothing where nobody noted it."""
    told = [details.pipeline.task_type if details.pipeline is not None else None]
    told += [details.run.task_type if details.run is not None else None, details.row.get("task_type")]
    return str(next((task for task in told if task), ""))


def target_names(details: PipelineDetails) -> tuple[list[str], str]:
    """Name the targets of a pipeline and their units."""
    for document in (details.pipeline, details.run):
        if document is not None and document.dataset_source.target:
            return list(document.dataset_source.target), document.dataset_source.units
    return [], ""


def why_no_charts(details: PipelineDetails) -> str:
    """Say why there is nothing to draw."""
    if details.pipeline is not None and details.pipeline.status == "failed":
        return tr("No predictions: this pipeline failed.")
    return tr("No predictions are stored for this pipeline.")


# --- folds ---


def fold_columns(validation: Mapping[str, Any]) -> list[str]:
    """Name the metrics that the folds have."""
    results = validation.get("fold_results") or []
    names: list[str] = []
    for result in results:
        names.extend(name for name in result if name not in names and name not in ("fold", "fold_id"))
    return names


def fold_rows(validation: Mapping[str, Any]) -> list[tuple[Any, ...]]:
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


# --- where it comes from ---

Section = tuple[str, list[tuple[str, str]]]


def origin_sections(details: PipelineDetails) -> list[Section]:
    """List where a result comes from: how and when it was made, its dataset, run, template and environment.

    What the documents don't tell is taken from the catalog; lines without a value are left out.
    """
    record, row = details.pipeline, details.row
    environment = record.environment if record is not None else {}
    sections = [
        (tr("Result"), _result_lines(details)),
        (tr("Dataset"), _dataset_lines(details)),
        (tr("Run"), _run_lines(details)),
        (tr("Template"), _template_lines(details)),
        (tr("Environment"), [(str(key), plain_text(value)) for key, value in _flat(environment)]),
    ]
    if record is None and not row:
        sections.append((tr("Problem"), [(tr("What"), " ".join(details.problems))]))
    told = [(title, [(key, value) for key, value in lines if value]) for title, lines in sections]
    return [(title, lines) for title, lines in told if lines]


def _result_lines(details: PipelineDetails) -> list[tuple[str, str]]:
    record, row = details.pipeline, details.row
    if record is None:
        return [
            (tr("Created"), full_time_text(row.get("created_at")) if row.get("created_at") else ""),
            (tr("Created by"), str(row.get("created_by") or "")),
            (tr("Fit time"), duration_text(row["fit_seconds"]) if row.get("fit_seconds") else ""),
            (tr("Seed"), plain_text(row.get("seed"))),
            (tr("Folder"), tr("deleted") if details.deleted else str(details.folder)),
        ]
    size = bytes_text(sum(one.bytes for one in record.artifacts))
    return [
        (tr("Created"), full_time_text(record.created_at)),
        (tr("Created by"), record.created_by),
        (tr("Took"), duration_text(record.duration_seconds)),
        (tr("Fit time"), duration_text(record.fit_seconds) if record.fit_seconds is not None else ""),
        (tr("Seed"), plain_text(record.seed)),
        (tr("Artifacts"), tr("{n}, {size}").format(n=len(record.artifacts), size=size)),
        (tr("Folder"), str(details.folder)),
    ]


def _dataset_lines(details: PipelineDetails) -> list[tuple[str, str]]:
    documents = [one for one in (details.pipeline, details.run) if one is not None]
    sources = [one.dataset_source for one in documents]
    source = next((one for one in sources if one.path or one.sha256 or one.target), None)
    lines = [(tr("Name"), dataset_of(details))]
    if source is None:
        counts = [integer_text(details.row[key]) for key in ("n_samples", "n_features") if details.row.get(key)]
        return [*lines, (tr("Shape"), " × ".join(counts)), (tr("Data hash"), str(details.row.get("data_hash") or ""))]
    shape = [integer_text(count) for count in source.shape]
    words = tr("{rows} samples × {columns} columns").format(rows=shape[0], columns=shape[1]) if len(shape) == 2 else ""
    return [
        *lines,
        (tr("File"), source.path),
        (tr("Shape"), words or " × ".join(shape)),
        (tr("Target"), ", ".join(source.target)),
        (tr("Units"), source.units),
        (tr("Split"), split_words(source.split)),
        (tr("Left out"), left_out_words(source.model_extra or {})),
        (tr("SHA-256 of the file"), source.sha256),
        (tr("Hash of the data"), source.data_hash),
    ]


def left_out_words(facts: Mapping[str, Any]) -> str:
    """Say how many samples were left out as they lack a value, empty where that was not asked for."""
    count = facts.get("left_out")
    if facts.get("leave_out_incomplete") is not True or not isinstance(count, int):
        return ""
    return counted(count, "{n} sample without a value", "{n} samples without a value")


def split_words(split: Mapping[str, Any]) -> str:
    """Say how a dataset was split into train and test."""
    counts = [f"{integer_text(split[name])} {name}" for name in ("train", "test") if isinstance(split.get(name), int)]
    how = ""
    if split.get("column"):
        how = tr("by the column {name}").format(name=split["column"])
    elif split.get("test_size"):
        share = split["test_size"]
        part = f"{number_text(100 * share)} %" if isinstance(share, float) else str(share)
        how = tr("{part} at random, seed {seed}").format(part=part, seed=split.get("seed", 0))
    return ", ".join(counts) + (f" ({how})" if how and counts else how)


def _run_lines(details: PipelineDetails) -> list[tuple[str, str]]:
    run, row = details.run, details.row
    if run is None:
        name = str(row.get("run_name") or "")
        return [(tr("Run"), details.run_id or str(row.get("run_id") or "")), (tr("Name"), name)]
    return [
        (tr("Run"), run.run_id),
        (tr("Name"), run.run_name),
        (tr("Description"), run.description),
        (tr("Created"), full_time_text(run.created_at)),
        (tr("Created by"), run.created_by),
        (tr("Pipelines asked for"), integer_text(len(run.pipelines)) if run.pipelines else ""),
        (tr("Runshelf"), run.app_version),
    ]


def _template_lines(details: PipelineDetails) -> list[tuple[str, str]]:
    record, row = details.pipeline, details.row
    if record is None:
        return [
            (tr("Name"), str(row.get("config_name") or "")),
            (tr("Configuration hash"), str(row.get("config_hash") or "")),
        ]
    template = record.template
    validation = ", ".join(f"{key} {plain_text(value)}" for key, value in _flat(template.get("cv") or {}))
    return [
        (tr("Name"), record.config_name or str(template.get("name") or "")),
        (tr("File"), str(template.get("config_file") or "")),
        (tr("Cross-validation"), validation),
        (tr("Configuration hash"), record.hash),
    ]


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Write a document as lines of "outer inner: value"."""
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _flat(inner, f"{prefix} {key}".strip())]
    if isinstance(value, (list, tuple)):
        return [(prefix, ", ".join(map(str, value)))]
    return [] if value is None else [(prefix.replace("_", " "), value)]
