"""The README.md that goes along with an exported pipeline, its model card: what the model is, how good it was, what it
can't be trusted for, how to use it again. Facts alone: what nobody recorded or computed is not said.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath, PurePosixPath
from typing import Any

import numpy as np

from storage.chains import ChainStep, chain_of_record
from storage.markdown import as_code, as_text, one_line
from storage.metrics import Metric, metric_for
from storage.predictions import PredictionArrays
from storage.records import PipelineRecord, RunConfig, iso
from storage.wording import counted, direction, number, shortened
from storage.worse_on_test import worsening

FEW_SAMPLES = 30  # below it a single sample moves a metric by more than people expect
_MOST_LETTERS = 200  # of a parameter's value
Find = Callable[[str], Metric | None]
_ABOUT = {
    "pipeline.json": "what it is: steps with all parameters, environment, seed, data",
    "metrics.json": "metrics by partition and fold",
    "predictions.csv": "every prediction",
    "config.json": "the configuration, to be run again",
    "error.log": "why it failed",
}


def model_card(
    run: RunConfig | None,
    record: PipelineRecord,
    metrics: Mapping[str, Any],
    files: Sequence[str],
    arrays: Sequence[PredictionArrays] = (),
    find: Find = metric_for,
) -> str:
    """README.md of an exported pipeline, in Markdown.

    `files` are the paths in its folder, `arrays` its predictions, `find` tells what is best of a metric.
    """
    parts = [
        f"# {as_text(record.name or record.id)}",
        _facts(run, record),
        _steps(record),
        _metrics(metrics, find),
        _limits(record, metrics, arrays, find),
        _files(files),
        _again(record, files),
        _loading(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(run: RunConfig | None, record: PipelineRecord) -> str:
    source = record.dataset_source
    split = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in source.split.items())
    facts = {
        "pipeline": record.id,
        "status": record.status,
        "run": run.run_id if run else "",
        "dataset": run.dataset_name if run else "",
        "about the data": run.description if run else "",
        "task": record.task_type or "",
        "target": ", ".join(source.target) + (f" ({source.units})" if source.units else ""),
        "classes": ", ".join(record.labels),
        "samples × features": " × ".join(str(n) for n in source.shape),
        "split": split,
        "sha256 of the data file": source.sha256,
        "trained": iso(record.created_at),
        "by": record.created_by,
        "seed": "" if record.seed is None else str(record.seed),
        "versions": ", ".join(f"{k} {v}" for k, v in record.environment.items() if k not in ("platform", "seed")),
        "machine": str(record.environment.get("platform", "")),
    }
    return "\n".join(f"- {name}: {as_text(value)}" for name, value in facts.items() if value)


def _steps(record: PipelineRecord) -> str:
    if not record.steps:
        return ""
    chain = chain_of_record(record.prediction_id, record.name, record)
    lines = [f"{i}. {_step(step)}" for i, step in enumerate(chain.steps, 1)]
    return "\n".join(["## Steps", "", *lines])


def _step(step: ChainStep) -> str:
    """One step with its parameters, those first that somebody chose."""
    chosen = {name: value for name, value in step.params.items() if step.chosen is None or name in step.chosen}
    told = _params(chosen)
    rest = _params({name: value for name, value in step.params.items() if name not in chosen})
    parts = [told, f"by default {rest}" if rest else "", *(f"within it {_step(part)}" for part in step.parts)]
    said = "; ".join(part for part in parts if part)
    return f"{as_text(step.name)} ({as_text(step.class_name)})" + (f": {said}" if said else "")


def _params(params: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{as_text(name)} = {as_text(shortened(str(value), _MOST_LETTERS))}" for name, value in params.items()
    )


def _metrics(metrics: Mapping[str, Any], find: Find) -> str:
    parts = {p: v for p in ("train", "val", "test") if isinstance(v := metrics.get(p), Mapping)}
    names = list(dict.fromkeys(name for values in parts.values() for name in values))
    if not names:
        return ""
    found = metrics.get("cross_validation")
    folds = found if isinstance(found, Mapping) else {}
    heads = [*parts, *(["over folds"] if folds else [])]
    lines = ["## Metrics", "", f"| | {' | '.join(heads)} | |", "|---|" + "---:|" * len(heads) + "---|"]
    for name in names:
        cells = [_number(values.get(name)) for values in parts.values()]
        cells += [_over_folds(folds, name)] if folds else []
        lines.append(f"| {as_text(name)} | {' | '.join(cells)} | {direction(find(name))} |")
    count = folds.get("folds")
    note = f"Over folds: mean ± standard deviation over {counted(count, 'fold')}." if isinstance(count, int) else ""
    return "\n".join([*lines, "", note]).rstrip()


def _over_folds(folds: Mapping[str, Any], name: str) -> str:
    mean, spread = _number(folds.get(f"mean_{name}")), _number(folds.get(f"std_{name}"), 3)
    return mean if spread == "–" else f"{mean} ± {spread}"


def _limits(record: PipelineRecord, metrics: Mapping[str, Any], arrays: Sequence[PredictionArrays], find: Find) -> str:
    """What can be computed of where the model should not be trusted."""
    sizes = {name: sum(len(a.y_true) for a in arrays if a.partition == name) for name in ("train", "val", "test")}
    if not arrays:
        return ""
    found = _classes_seen(arrays) if arrays[0].labels else _range_seen(record, arrays)
    worse = worsening(metrics, record.task_type or "", find)
    if worse is not None:
        values = f"{number(worse.test, worse.metric.digits)}, in validation {number(worse.val, worse.metric.digits)}"
        found.append(f"{worse.metric.title} is much worse on test ({values}): the validated value can't be trusted.")
    few = [f"{sizes[name]} {word} samples" for name, word in _PARTITIONS.items() if 0 < sizes[name] < FEW_SAMPLES]
    if few:
        found.append(f"There are only {' and '.join(few)}: with other samples its metrics may differ much.")
    found += [said for name, said in _UNTESTED.items() if sizes["train"] and not sizes[name]]
    return "\n".join(["## Limits", "", *(f"- {line}" for line in found)]) if found else ""


_PARTITIONS = {"train": "training", "test": "test"}
_UNTESTED = {
    "val": "It was not cross-validated.",
    "test": "It was not tested on samples that were held back.",
}


def _range_seen(record: PipelineRecord, arrays: Sequence[PredictionArrays]) -> list[str]:
    """The range of each target in training, and how many test samples lie outside."""
    train, test = (_measured(arrays, name) for name in ("train", "test"))
    if not train.size:
        return []
    names, units = record.dataset_source.target, record.dataset_source.units
    found = []
    for column in range(train.shape[1]):
        low, high = float(train[:, column].min()), float(train[:, column].max())
        name = as_text(names[column]) if len(names) == train.shape[1] else "the target"
        unit = f" {as_text(units)}" if units else ""
        said = f"In training {name} was between {_number(low, 4)} and {_number(high, 4)}{unit}"
        outside = int(((test[:, column] < low) | (test[:, column] > high)).sum()) if test.size else 0
        found.append(f"{said}; of {len(test)} test samples {outside} lay outside." if outside else f"{said}.")
    return found


def _measured(arrays: Sequence[PredictionArrays], partition: str) -> Any:
    """The true values of a partition as (samples, targets)."""
    chosen = [a.y_true.reshape(len(a.y_true), -1) for a in arrays if a.partition == partition]
    return np.concatenate(chosen) if chosen else np.empty((0, 0))


def _classes_seen(arrays: Sequence[PredictionArrays]) -> list[str]:
    """How many samples of each class there were in training."""
    labels = arrays[0].labels
    codes = [a.y_true.astype(int) for a in arrays if a.partition == "train"]
    if not codes:
        return []
    counts = np.bincount(np.concatenate(codes), minlength=len(labels))
    told = ", ".join(f"{as_text(label)} {count}" for label, count in zip(labels, counts, strict=False))
    return [f"It knows no other classes than those it was trained on, with samples of each: {told}."]


def _number(value: Any, digits: int = 6) -> str:
    return f"{value:.{digits}g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else "–"


def _files(files: Sequence[str]) -> str:
    lines = []
    for path in files:
        about = _ABOUT.get(path) or _about_artifact(path)
        lines.append(f"- {as_text(path)}" + (f": {about}" if about else ""))
    return "\n".join(["## Files", "", *lines])


def _about_artifact(path: str) -> str:
    if not path.startswith("artifacts/"):
        return ""
    return "samples by which a model that is loaded is compared" if path.endswith(".npy") else "fitted step"


def _again(record: PipelineRecord, files: Sequence[str]) -> str:
    if "config.json" not in files or not record.steps:
        return ""
    return "\n".join(
        [
            "## Run it again",
            "",
            "```",
            one_line(shlex.join(_command(record))),
            "```",
        ]
    )


def _command(record: PipelineRecord) -> list[str]:
    """The command that trains it again; the data file is named where it was, as one that says so may be elsewhere."""
    source = record.dataset_source
    words = ["runshelf", "run", PurePath(source.path).name or "DATA.csv"]
    words += [word for name in source.target or ["COLUMN"] for word in ("--target", name)]
    told = {"--id": (source.model_extra or {}).get("id_column"), "--split-column": source.split.get("column"),
            "--test-size": source.split.get("test_size"), "--seed": record.seed}  # fmt: skip
    words += [word for option, value in told.items() if value is not None for word in (option, str(value))]
    if (source.model_extra or {}).get("leave_out_incomplete") is True:
        words.append("--leave-out-incomplete")
    return [*words, "--pipelines", "config.json"]


def _loading(record: PipelineRecord) -> str:
    fitted = sorted((a for a in record.artifacts if a.fold is None), key=lambda a: a.step)
    if not fitted or len({a.step for a in fitted}) != len(fitted):
        return ""
    needed = ", ".join(sorted({"sklearn", *(step.class_name.partition(".")[0] for step in record.steps)}))
    features = f"{record.n_features} features" if record.n_features else "features"
    using = [
        f"# X has a row for each sample and its {features}, in the order of the data file",
        "# predicted = model.predict(X)",
    ]
    steps = [f"    ({as_code(a.name)}, {as_code('artifacts/' + PurePosixPath(a.path).name)})," for a in fitted]
    return "\n".join(
        [
            "## Use the fitted model",
            "",
            "With Runshelf, which loads what can do no harm, refuses anything else until you trust it, and says",
            "whether it predicts as before:",
            "",
            "```python",
            "from storage import load_exported",
            "",
            'loaded = load_exported(".")  # where this file lies',
            "print(loaded.foreseen, loaded.verdict)",
            "model = loaded.model",
            *using,
            "```",
            "",
            "Without it: the artifacts are pickles, and a pickle is a program. Load them only if you trust where they",
            f"come from. The packages it needs ({as_text(needed)}) should have the versions that are named above.",
            "",
            "```python",
            "import pickle",
            "from pathlib import Path",
            "",
            "from sklearn.pipeline import Pipeline",
            "",
            'folder = Path(".")  # where this file lies',
            "steps = [",
            *steps,
            "]",
            "model = Pipeline([(name, pickle.loads((folder / path).read_bytes())) for name, path in steps])",
            *using,
            "```",
        ]
    )
