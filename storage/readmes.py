"""The README.md that goes along with an exported pipeline: what it is, how good it was, how to use it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from storage.records import PipelineRecord, RunConfig, iso

_ABOUT = {
    "pipeline.json": "what it is: steps with all parameters, environment, seed, data",
    "metrics.json": "metrics by partition and fold",
    "predictions.csv": "every prediction",
    "config.json": "the configuration, to be run again",
    "error.log": "why it failed",
}


def pipeline_readme(
    run: RunConfig | None, record: PipelineRecord, metrics: Mapping[str, Any], files: Sequence[str]
) -> str:
    """README.md of an exported pipeline, in Markdown. `files` are the paths in its folder."""
    parts = [
        f"# {_text(record.name or record.id)}",
        _facts(run, record),
        _steps(record),
        _metrics(metrics),
        _files(files),
        _again(record, files),
        _loading(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(run: RunConfig | None, record: PipelineRecord) -> str:
    source = record.dataset_source
    facts = {
        "pipeline": record.id,
        "status": record.status,
        "run": run.run_id if run else "",
        "dataset": run.dataset_name if run else "",
        "target": ", ".join(source.target) + (f" ({source.units})" if source.units else ""),
        "samples × features": " × ".join(str(n) for n in source.shape),
        "sha256 of the data file": source.sha256,
        "trained": iso(record.created_at),
        "by": record.created_by,
        "seed": "" if record.seed is None else str(record.seed),
        "versions": ", ".join(f"{k} {v}" for k, v in record.environment.items() if k not in ("platform", "seed")),
    }
    return "\n".join(f"- {name}: {_text(value)}" for name, value in facts.items() if value)


def _steps(record: PipelineRecord) -> str:
    lines = [f"{i}. {_text(step.operator)} ({_text(step.class_name)})" for i, step in enumerate(record.steps, 1)]
    return "\n".join(["## Steps", "", *lines]) if lines else ""


def _metrics(metrics: Mapping[str, Any]) -> str:
    parts = {p: v for p in ("train", "val", "test") if isinstance(v := metrics.get(p), Mapping)}
    names = list(dict.fromkeys(name for values in parts.values() for name in values))
    if not names:
        return ""
    lines = ["## Metrics", "", f"| | {' | '.join(parts)} |", "|---|" + "---:|" * len(parts)]
    lines += [f"| {_text(name)} | {' | '.join(_number(v.get(name)) for v in parts.values())} |" for name in names]
    return "\n".join(lines)


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else "–"


def _files(files: Sequence[str]) -> str:
    lines = []
    for path in files:
        about = _ABOUT.get(path) or _about_artifact(path)
        lines.append(f"- {_text(path)}" + (f": {about}" if about else ""))
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
            "runshelf run DATA.csv --target COLUMN --pipelines config.json"
            + (f" --seed {record.seed}" if record.seed is not None else ""),
            "```",
        ]
    )


def _loading(record: PipelineRecord) -> str:
    fitted = sorted((a for a in record.artifacts if a.fold is None), key=lambda a: a.step)
    if not fitted or len({a.step for a in fitted}) != len(fitted):
        return ""
    steps = [f"    ({_code(a.name)}, {_code('artifacts/' + PurePosixPath(a.path).name)})," for a in fitted]
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
            "# predicted = model.predict(X)",
            "```",
            "",
            "Without it: the artifacts are pickles, and a pickle is a program. Load them only if you trust where they",
            "come from. scikit-learn should have the version that is named above.",
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
            "# predicted = model.predict(X)",
            "```",
        ]
    )


def _text(value: str) -> str:
    """Text as Markdown shows it, whatever is in it: one line, nothing of it is markup."""
    line = " ".join(str(value).split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!~" else c for c in line)


def _code(value: str) -> str:
    """A Python string literal that can't end the block it stands in."""
    return ascii(value).replace("`", "\\x60")
