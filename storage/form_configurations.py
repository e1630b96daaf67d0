"""Configurations that were run, with everything that came of them, as pipelines: one for each model of a configuration.

Each has the steps before its model, the artifacts of these steps and its own, and all charts and files.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from storage.foreign import ForeignFile, ForeignPipeline, ForeignRun
from storage.form_entries import Entry, by_times, class_of, fill, params_of
from storage.form_files import speakable
from storage.form_steps import Step, WrittenStep, until_model, written_steps

_LAST = 10**9  # the order of a model whose step isn't known


@dataclass(frozen=True)
class Stored:
    """A stored object of a configuration: a file, the step it was stored at (counted from 1), and its fold if told.

    `label` is what the program called it, such as `PLS-5_2.pkl`.
    """

    file: ForeignFile
    step: int | None = None
    fold: int | None = None
    label: str = ""


@dataclass
class Configuration:
    """One configuration as it was run on one dataset. `id` tells it from all others of the source."""

    id: str
    name: str
    dataset_name: str
    config: Any = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    original: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    artifacts: list[Stored] = field(default_factory=list)
    charts: list[ForeignFile] = field(default_factory=list)
    files: list[ForeignFile] = field(default_factory=list)
    reports: list[ForeignFile] = field(default_factory=list)  # each belongs to one of the models
    document: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass
class _Model:
    """One model of a configuration while its record is made; `again` counts how often it was recorded before."""

    number: int | None
    name: str
    branch: str = ""
    entries: list[Entry] = field(default_factory=list)
    again: int = 0
    steps: list[Step] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    written: WrittenStep | None = None

    @property
    def step(self) -> int | None:
        return self.written.number if self.written is not None else self.number

    @property
    def order(self) -> tuple[int, int]:
        return (_LAST if self.step is None else self.step, self.again)


def share_out(configurations: Sequence[Configuration], entries: Iterable[Entry]) -> None:
    """Give the entries of one configuration that was run several times to its runs, in their order.

    Where fewer were recorded than there are runs, the last ones have them: a run again writes over what was there.
    """
    by_model: dict[tuple[int | None, str, str], list[Entry]] = {}
    for entry in entries:
        by_model.setdefault(entry.model, []).append(entry)
    for of_model in by_model.values():
        times = [of_model] if len(configurations) == 1 else by_times(of_model)
        first = max(len(configurations) - len(times), 0)
        for number, time in enumerate(times):
            configurations[min(first + number, len(configurations) - 1)].entries += time


def attach(files: Iterable[ForeignFile], configurations: Sequence[Configuration]) -> None:
    """Give files that lie beside the configurations to the ones their names name, by a prediction or as a whole.

    A file that names none belongs to the first. Within a configuration it belongs to the model it names.
    """
    by_word: dict[str, list[Configuration]] = {}
    by_prediction: dict[str, Configuration] = {}
    for one in configurations:
        by_word.setdefault((_words(one.name) or [""])[-1], []).append(one)
        by_prediction.update((entry.id, one) for entry in one.entries if entry.id)
    for file in files:
        words = _words(file.name)
        owner = next((by_prediction[word] for word in reversed(words) if word in by_prediction), None)
        if owner is None:
            candidates = [one for word in words for one in by_word.get(word, ()) if one.name and one.name in file.name]
            owner = max(candidates, key=lambda one: len(one.name), default=configurations[0])
        owner.reports.append(file)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name)


def runs_by_day(configurations: Iterable[Configuration]) -> Iterator[ForeignRun]:
    """Runs from configurations: those of one dataset and one day are one."""
    groups: dict[tuple[date, str], list[Configuration]] = {}
    for one in configurations:
        groups.setdefault((day_of(one), one.dataset_name), []).append(one)
    for (day, dataset_name), group in sorted(groups.items()):
        yield run_of(dataset_name, day, group)


def day_of(configuration: Configuration) -> date:
    """The day a configuration was run, in the zone that was recorded."""
    made = configuration.created_at
    return made.date() if made is not None else date(1970, 1, 1)


def run_of(dataset_name: str, day: date, group: Sequence[Configuration], run_name: str = "") -> ForeignRun:
    """One run from its configurations, in the order they were made."""
    earliest = datetime(1970, 1, 1, tzinfo=UTC)
    ordered = sorted(group, key=lambda one: (one.created_at or earliest, one.id))
    pipelines = [pipeline for one in ordered for pipeline in pipelines_of(one)]
    dated = [one.created_at for one in group if one.created_at is not None]
    return tidied(dataset_name, day, pipelines, speakable(run_name), min(dated, default=None))


def pipelines_of(configuration: Configuration) -> list[ForeignPipeline]:
    """The pipelines of a configuration: one for each model, and again for each time its results were recorded."""
    models = _models(configuration)
    artifacts = _artifacts(configuration, models)
    found = [_pipeline(configuration, model, own) for model, own in zip(models, artifacts, strict=True)]
    for kind in ("charts", "files"):
        for file in getattr(configuration, kind):
            owner = _named_by(file.name, models)
            for pipeline in found if owner is None else [found[owner]]:
                getattr(pipeline, kind).append(file)
    for file in configuration.reports:
        found[_named_by(file.name, models) or 0].files.append(file)
    return tell_apart(found)


def tell_apart(pipelines: list[ForeignPipeline]) -> list[ForeignPipeline]:
    """Number ids that are used twice."""
    seen: Counter[str] = Counter()
    for pipeline in pipelines:
        seen[pipeline.id] += 1
        if seen[pipeline.id] > 1:
            pipeline.id += f"~{seen[pipeline.id]}"
    return pipelines


def tidied(dataset_name: str, day: date, pipelines: list[ForeignPipeline], *told: Any, **more: Any) -> ForeignRun:
    """A run in which all names can be written as UTF-8: names of files may be any bytes."""
    for one in pipelines:
        for name in ("id", "name", "config_name", "model_type", "error", "metric"):
            setattr(one, name, speakable(getattr(one, name)))
        one.original = {
            key: speakable(value) if isinstance(value, str) else value for key, value in one.original.items()
        }
        one.problems[:] = [speakable(problem) for problem in one.problems]
        for files in (one.artifacts, one.charts, one.files):
            files[:] = [file if file.name.isascii() else replace(file, name=speakable(file.name)) for file in files]
    return ForeignRun(speakable(dataset_name), day, pipelines, *told, **more)


# ---------------------------------------------------------------- models


def _models(configuration: Configuration) -> list[_Model]:
    """The models that have entries, and those that are written and have none; one without a name if there is none."""
    steps = written_steps(configuration.config)
    groups: dict[tuple[int | None, str, str], list[Entry]] = {}
    for entry in configuration.entries:
        groups.setdefault(entry.model, []).append(entry)
    models = [
        _Model(*key, time, again) for key, entries in groups.items() for again, time in enumerate(by_times(entries))
    ]
    for model in models:
        _write(model, steps, class_of(model.entries, model.name), params_of(model.entries))
    known = {model.step for model in models} | {model.name for model in models}
    for step in steps:
        if step.is_model and not {step.number, step.title} & known:
            models.append(_write(_Model(step.number, step.title), steps, "", {}))
    if not models:
        model = _Model(None, "")
        model.steps = [part for step in steps for part in step.parts]
        model.numbers = [step.number for step in steps for _ in step.parts]
        models.append(model)
    return sorted(models, key=lambda one: one.order)


def _named_by(name: str, models: Sequence[_Model]) -> int | None:
    """The place of the model a file is named for: by one of its predictions, else by its own name; None for none."""
    words = set(_words(name))
    for i, model in enumerate(models):
        if any(entry.id in words for entry in model.entries):
            return i
    edge = r"[^\W_]"
    called = [
        i for i, one in enumerate(models) if one.name and re.search(f"(?<!{edge}){re.escape(one.name)}(?!{edge})", name)
    ]
    return max(called, key=lambda i: len(models[i].name), default=None)


def _write(model: _Model, steps: list[WrittenStep], class_name: str, params: dict[str, Any]) -> _Model:
    model.steps, model.numbers, model.written = until_model(steps, model.number, model.name, class_name, params)
    return model


# ---------------------------------------------------------------- artifacts


def _artifacts(configuration: Configuration, models: Sequence[_Model]) -> list[list[ForeignFile]]:
    """The artifacts of each model: those of the steps before it, and its own with their folds. None is left out."""
    paths: dict[str, dict[int, str]] = {}
    for i, model in enumerate(models):
        for entry in model.entries:
            path = posixpath.basename(str(entry.said.get("model_path") or "").replace("\\", "/"))
            if path:
                paths.setdefault(path, {})[i] = entry.fold
    found: list[list[ForeignFile]] = [[] for _ in models]
    for stored in configuration.artifacts:
        for i, fold in _owners(stored, models, paths).items():
            given = stored.fold if stored.fold is not None else fold
            found[i].append(replace(stored.file, step=_step_index(models[i], stored), fold=given))
    return found


def _owners(stored: Stored, models: Sequence[_Model], paths: Mapping[str, Mapping[int, str]]) -> dict[int, int | None]:
    """The models an artifact belongs to, by their places, with the fold of each."""
    told = paths.get(stored.label) or paths.get(f"{stored.step}_{stored.label}")
    if told:
        return {i: int(fold) if fold.isdecimal() else None for i, fold in told.items()}
    at_step = [i for i, model in enumerate(models) if model.step is not None and model.step == stored.step]
    if at_step:
        counted = {i: _counter(stored, models[i].name) for i in at_step}
        called = {i: count for i, count in counted.items() if count is not None}
        return {i: count - 1 if count else None for i, count in called.items()} or dict.fromkeys(at_step)
    after = [i for i, one in enumerate(models) if None in (one.step, stored.step) or one.order[0] > (stored.step or 0)]
    return dict.fromkeys(after or range(len(models)))


def _counter(stored: Stored, name: str) -> int | None:
    """The number at the end of an artifact's name if the name is the model's: 2 of `PLS-5_2.pkl`; 0 without one."""
    match = re.fullmatch(rf"(?:\d+_)?{re.escape(name)}(?:_(\d+))?(?:\.\w+)?", stored.label)
    return int(match[1] or 0) if match is not None else None


def _step_index(model: _Model, stored: Stored) -> int:
    """The place of an artifact's step among the steps of a model: of those written together the one of its class."""
    places = [i for i, number in enumerate(model.numbers) if number == stored.step]
    if not places:
        return 0
    tails = {i: model.steps[i][1].rpartition(".")[2] for i in places}
    return next((i for i, tail in tails.items() if tail and tail in stored.label), places[-1])


# ---------------------------------------------------------------- records


def _pipeline(configuration: Configuration, model: _Model, artifacts: list[ForeignFile]) -> ForeignPipeline:
    """The record of one model."""
    class_name = next((one[1] for one in reversed(model.steps) if one[0] == "model"), "")
    told = class_of(model.entries, model.name)
    parts = [configuration.id, "" if model.step is None else str(model.step), model.name, model.branch]
    pipeline = ForeignPipeline(
        id="/".join(part for part in parts if part),
        name=" ".join(part for part in (configuration.name, model.name) if part),
        original={**configuration.original, "model_name": model.name, "step": model.step},
        created_at=configuration.created_at,
        completed_at=configuration.completed_at,
        config_name=configuration.name,
        config=configuration.config,
        steps=model.steps,
        model_type=(class_name or told or model.name).rpartition(".")[2],
        environment=dict(configuration.environment),
        artifacts=artifacts,
        document=dict(configuration.document),
        problems=list(configuration.problems),
    )
    if model.entries:
        fill(pipeline, model.entries)
    elif not any(one.step == len(model.steps) - 1 for one in artifacts):
        pipeline.status = "interrupted"  # nothing came of it, and nothing says why
    return pipeline
