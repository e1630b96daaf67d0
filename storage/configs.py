"""Pipeline configurations: read from JSON or YAML files or Python objects, expanded from grids, hashed.

A configuration file is data; what of it may be built is decided in `storage.estimators`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.resources
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.errors import BadInput
from storage.estimators import (
    ALLOWED_MODULES,
    build_estimator,
    class_path,
    encode,
    encode_cv,
    seed_all,
    task_of_class,
)
from storage.reading import read_bytes
from storage.records import first_reason

MAX_PIPELINES = 100_000
MAX_NAME = 120  # characters of a name made from parameters
METADATA_KEY = "library_metadata"  # what the library notes in a template; no part of the configuration
_MAX_CONFIG_BYTES = 16 * 1024 * 1024
_MAX_VALUES = 1_000_000
_MAX_LEVELS = 50
_MAX_BITS = 10_000  # of a number: Python writes none of more than 4,300 digits
_STEP_ADVICE = 'Each step is {"class": "sklearn.preprocessing.StandardScaler", "params": {…}}.'
_FIVE_FOLDS = {"n_splits": 5}


class StepSpec(BaseModel):
    """One step as a file says it: class path, parameters, and a name for the grid."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    class_path: str = Field(alias="class")
    params: dict[str, Any] = {}
    name: str = ""

    @property
    def step_name(self) -> str:
        return self.name or self.class_path.rpartition(".")[2]


class ConfigSpec(BaseModel):
    """One configuration as a file says it, before its grid is expanded."""

    model_config = ConfigDict(extra="forbid")
    name: str = ""
    description: str = ""
    steps: list[StepSpec] = Field(min_length=1)
    grid: dict[str, list[Any]] | None = None
    cv: dict[str, Any] | None = Field(default_factory=lambda: {"n_splits": 5})


@dataclass(frozen=True)
class PipelineConfig:
    """One pipeline to run: steps as specs or as scikit-learn objects, and its cross-validation.

    `config_name` is the name in the file, shared by all pipelines of its grid; `name` tells this one apart.
    """

    name: str
    steps: tuple[tuple[str, Any], ...]  # (step name, StepSpec or estimator)
    cv: Any = field(default_factory=lambda: {"n_splits": 5})
    config_name: str = ""
    config_file: str = ""

    def build(self, seed: int = 0, allowed: Sequence[str] = ALLOWED_MODULES) -> Any:
        """A new, unfitted `sklearn.pipeline.Pipeline`; every open `random_state` is set to `seed`."""
        from sklearn.base import clone
        from sklearn.pipeline import Pipeline

        steps = [
            (
                name,
                build_estimator(step.class_path, step.params, allowed)
                if isinstance(step, StepSpec)
                else clone(step, safe=False),
            )
            for name, step in self.steps
        ]
        pipeline = Pipeline(_unique_names(steps))
        seed_all(pipeline, seed)
        return pipeline

    def made_for(self) -> Literal["regression", "classification"] | None:
        """The task its model is made for, as far as its name tells."""
        model = self.steps[-1][1]
        return task_of_class(model.class_path if isinstance(model, StepSpec) else class_path(type(model)))

    def with_name(self, name: str) -> PipelineConfig:
        return replace(self, name=name)

    def template(self) -> dict[str, Any]:
        """The configuration as a file would say it: it can be run again from this."""
        steps = []
        for name, step in self.steps:
            spec: dict[str, Any] = (
                {"class": step.class_path, "params": encode(step.params)}
                if isinstance(step, StepSpec)
                else encode(step, True)
            )
            steps.append({**spec, "name": name} if name != spec["class"].rpartition(".")[2] else spec)
        return {"name": self.config_name or self.name, "steps": steps, "cv": encode_cv(self.cv)}

    def digest(self, pipeline: Any) -> str:
        """The canonical hash (sha256, hex) of what is computed: classes, parameters that differ from the default, cv.

        The same for a file and for objects, whatever the steps are called and in whatever order parameters stand.
        `pipeline` is what `build` gave, before the seed matters: `random_state` given by the run is left out.
        """
        steps = []
        for (_, source), (_, built) in zip(self.steps, pipeline.steps, strict=True):
            spec = encode(built, changed_only=True)
            if not _given_random_state(source) and isinstance(spec.get("params"), dict):
                spec["params"].pop("random_state", None)
            steps.append(spec)
        text = json.dumps({"steps": steps, "cv": encode_cv(self.cv)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------- reading


def load_configs(paths: Sequence[Path]) -> list[PipelineConfig]:
    """Read configuration files (JSON or YAML) and expand their grids. Raises BadInput with file and reason."""
    return [config for path in paths for spec in read_specs(Path(path)) for config in expand(spec, str(path))]


def inline_configs(entries: Sequence[Mapping[str, Any]]) -> list[PipelineConfig]:
    """Configurations as a run request holds them: each as a file says it, perhaps with `pipeline_name`, `config_file`.

    Raises BadInput.
    """
    planned: list[PipelineConfig] = []
    for entry in entries:
        known = {key: value for key, value in entry.items() if key not in ("pipeline_name", "config_file")}
        made = list(expand(_spec(known, None), str(entry.get("config_file") or "")))
        name = str(entry.get("pipeline_name") or "")
        planned += [made[0].with_name(name)] if name and len(made) == 1 else made
    return planned


def read_specs(path: Path) -> list[ConfigSpec]:
    """Read one file: a configuration or a list of them. Raises BadInput."""
    return [_spec(entry, path) for entry in read_configs(path)]


def read_configs(path: Path) -> list[dict[str, Any]]:
    """The configurations of a file as they stand there; whether each is one is not looked at. Raises BadInput."""
    data = read_bytes(path, "pipeline configuration", follow=True)
    if len(data) > _MAX_CONFIG_BYTES:
        raise BadInput(f"{path.name} is too large to be a pipeline configuration.", path, "Name another file.")
    found = _parse(path, data)
    _check_plain(found, path)
    entries = found if isinstance(found, list) else [found]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(
            f"{path.name} holds no pipeline configuration.", path, "It needs a 'name' and a list of 'steps'."
        )
    return entries


def checked_config(config: Any) -> dict[str, Any]:
    """A configuration as a file says it, its grid as it stands; steps may be estimators. Raises BadInput."""
    if not isinstance(config, dict):
        raise BadInput("A pipeline configuration is a mapping with 'steps'.", advice=_STEP_ADVICE)
    steps = config.get("steps")
    if isinstance(steps, (list, tuple)) and any(not isinstance(step, dict) for step in steps):
        return from_object(config)[0].template()
    _spec(config, None)
    return {key: value for key, value in config.items() if key != METADATA_KEY}


def from_object(source: Any) -> list[PipelineConfig]:
    """Make configurations from what Python code passes: config, dict, path, estimator, or list of estimators."""
    if isinstance(source, PipelineConfig):
        return [source]
    if isinstance(source, (str, Path)):
        return load_configs([Path(source)])
    if isinstance(source, dict):
        steps = source.get("steps")
        if isinstance(steps, (list, tuple)) and any(not isinstance(step, dict) for step in steps):
            return [_from_estimators(list(steps), source.get("name", ""), source.get("cv", _FIVE_FOLDS))]
        return list(expand(_spec(source, None), ""))
    if isinstance(source, (list, tuple)):
        return [_from_estimators(list(source))]
    if hasattr(source, "steps"):
        return [_from_estimators([step for step in source.steps if step[1] not in (None, "passthrough")])]
    return [_from_estimators([source])]


def _from_estimators(steps: list[Any], name: str = "", cv: Any = _FIVE_FOLDS) -> PipelineConfig:
    named: list[tuple[str, Any]] = []
    for step in steps:
        label, part = step if isinstance(step, tuple) else (type(step).__name__, step)
        if isinstance(part, dict):
            part = _step(part)
            label = part.step_name
        elif isinstance(part, type) or not hasattr(part, "get_params"):
            raise BadInput(
                f"{part!r} is no scikit-learn step.", advice="Pass an estimator object, such as StandardScaler()."
            )
        named.append((label, part))
    if not named:
        raise BadInput("A pipeline without steps can't be run.", advice="Give at least one estimator.")
    name = name or _described_name([part for _, part in named])
    return PipelineConfig(name, tuple(named), cv, config_name=name)


def _described_name(parts: list[Any]) -> str:
    """A name that tells estimators apart by what differs from the defaults: `SNV PLSR n_components=6`."""
    words: list[str] = []
    for part in parts:
        words.append(_short_class(_class_name(part)))
        params = part.params if isinstance(part, StepSpec) else encode(part, changed_only=True)["params"]
        words += [f"{key}={value}" for key, value in params.items() if isinstance(value, (bool, int, float, str))]
    return " ".join(words)[:MAX_NAME]


def _step(value: dict[str, Any]) -> StepSpec:
    try:
        return StepSpec.model_validate(value)
    except ValidationError as error:
        raise BadInput(
            f"The step {value.get('class')} is not written as a step: {first_reason(error)}.",
            advice=_STEP_ADVICE,
        ) from error


def _parse(path: Path, data: bytes) -> Any:
    if path.suffix.lower() == ".json":
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path.name} is not valid JSON: {error}.", path, "Mend the file at that place.") from error
    import yaml

    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError, ValueError, KeyError, TypeError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise BadInput(f"{path.name} is not valid YAML{place}.", path, "Mend the file at that place.") from error


def _check_plain(found: Any, path: Path) -> None:
    """Refuse values that JSON has no word for, and YAML aliases that unfold into more than anybody writes."""
    waiting, seen = [(found, 0)], 0
    while waiting:
        value, level = waiting.pop()
        seen += 1
        if seen > _MAX_VALUES or level > _MAX_LEVELS:
            raise BadInput(f"{path.name} holds too much, or too deep within each other.", path, "Simplify it.")
        if isinstance(value, (dict, list)):
            waiting += [(item, level + 1) for item in (value.values() if isinstance(value, dict) else value)]
        elif isinstance(value, int) and value.bit_length() > _MAX_BITS:
            raise BadInput(f"{path.name} has a number that is too large.", path, "Take a smaller one.")
        elif value is not None and not isinstance(value, (bool, int, float, str)):
            kind = type(value).__name__
            raise BadInput(f"{path.name} has a value of the kind {kind}: {value}.", path, "Write a number or a text.")


def _spec(entry: dict[str, Any], path: Path | None) -> ConfigSpec:
    where = path.name if path else f"the configuration '{entry.get('name', '')}'"
    entry = {key: value for key, value in entry.items() if key != METADATA_KEY}
    unknown = sorted(set(entry) - set(ConfigSpec.model_fields), key=str)
    if unknown:
        close = difflib.get_close_matches(str(unknown[0]), ConfigSpec.model_fields, 1)
        hint = f"Did you mean '{close[0]}'?" if close else f"Known are {', '.join(ConfigSpec.model_fields)}."
        raise BadInput(f"{where} has an unknown key '{unknown[0]}'.", path, hint)
    try:
        return ConfigSpec.model_validate(entry)
    except ValidationError as error:
        raise BadInput(f"{where} is no pipeline configuration: {first_reason(error)}.", path, _STEP_ADVICE) from error


# ---------------------------------------------------------------- grids


def expand(spec: ConfigSpec, config_file: str) -> Iterator[PipelineConfig]:
    """All pipelines of a configuration, in the order of its grid; each name tells which values it has."""
    base = spec.name or Path(config_file).stem or "pipeline"
    if spec.grid is None:
        yield PipelineConfig(base, tuple((s.step_name, s) for s in spec.steps), spec.cv, base, config_file)
        return
    _check_grid(spec, base)
    for values in itertools.product(*spec.grid.values()):
        chosen = dict(zip(spec.grid, values, strict=True))
        steps = tuple((step.step_name, step) for old in spec.steps for step in _apply(old, chosen))
        if not steps:
            raise BadInput(f"The grid of '{base}' leaves a pipeline without steps.", advice="Keep at least one step.")
        labels = [_label(key, value) for key, value in chosen.items() if len(spec.grid[key]) > 1]
        name = " ".join([base, *(label for label in labels if label)])
        yield PipelineConfig(name, steps, spec.cv, base, config_file)


def _check_grid(spec: ConfigSpec, base: str) -> None:
    assert spec.grid is not None
    if not spec.grid:
        raise BadInput(f"The grid of '{base}' is empty.", advice="Give values for a parameter, or leave 'grid' out.")
    names = [step.step_name for step in spec.steps]
    for key, values in spec.grid.items():
        if not values:
            raise BadInput(f"The grid of '{base}' has no values for '{key}'.", advice="Give at least one value.")
        step = key.partition("__")[0]
        if step not in names:
            raise BadInput(
                f"The grid of '{base}' names the step '{step}', which is not among its steps.",
                advice=f"Steps are {', '.join(names)}; write STEP__PARAMETER.",
            )
    total = math.prod(len(values) for values in spec.grid.values())
    if total > MAX_PIPELINES:
        raise BadInput(f"The grid of '{base}' makes {total:,} pipelines.", advice=f"At most {MAX_PIPELINES:,} at once.")


def _apply(step: StepSpec, chosen: dict[str, Any]) -> list[StepSpec]:
    """What a grid point makes of one step: itself with other parameters, other steps, or nothing."""
    steps = [step]
    if step.step_name in chosen:
        value = chosen[step.step_name]
        options = value if isinstance(value, list) else [] if value is None else [value]
        steps = [_step(option) for option in _checked_options(options, step.step_name)]
    prefix = f"{step.step_name}__"
    params = {key.removeprefix(prefix): value for key, value in chosen.items() if key.startswith(prefix)}
    if params and len(steps) == 1:
        steps = [steps[0].model_copy(update={"params": {**steps[0].params, **params}})]
    return steps


def _checked_options(options: list[Any], step: str) -> list[Any]:
    for option in options:
        if not isinstance(option, dict) or not isinstance(option.get("class"), str):
            raise BadInput(
                f"The grid replaces the step '{step}' by {option!r}, which is no step.",
                advice='Write {"class": …, "params": {…}}, a list of those, or null.',
            )
    return options


def _label(key: str, value: Any) -> str:
    """A few readable characters for one grid value: `n_components=6`, `SNV`, `SNV+SG`."""
    if "__" in key:
        shown = _short_class(_class_of(value)) if isinstance(value, dict) and "class" in value else str(value)
        return f"{key.rpartition('__')[2]}={shown}"
    options = value if isinstance(value, list) else [] if value is None else [value]
    labels = []
    for option in options:
        if option.get("name"):
            labels.append(str(option["name"]))
            continue
        params = " ".join(f"{k}={v}" for k, v in option.get("params", {}).items() if not isinstance(v, (dict, list)))
        labels.append(f"{_short_class(_class_of(option))}({params})" if params else _short_class(_class_of(option)))
    return "+".join(labels) or "raw"


def _class_of(option: dict[str, Any]) -> str:
    return str(option["class"]).rpartition(".")[2]


def _class_name(step: Any) -> str:
    return step.class_path.rpartition(".")[2] if isinstance(step, StepSpec) else type(step).__name__


def _short_class(name: str) -> str:
    """`SNV` for StandardNormalVariate: the capitals of a long class name; a short one as it is."""
    capitals = "".join(c for c in name if c.isupper())
    return capitals if len(name) > 12 and len(capitals) > 1 else name


def _given_random_state(source: Any) -> bool:
    if isinstance(source, StepSpec):
        return source.params.get("random_state") is not None
    return source.get_params(deep=False).get("random_state") is not None


def _unique_names(steps: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """scikit-learn wants step names to differ: the second SavitzkyGolay becomes SavitzkyGolay-2."""
    seen: dict[str, int] = {}
    unique = []
    for name, step in steps:
        name = name.replace("__", "_")
        seen[name] = seen.get(name, 0) + 1
        unique.append((name if seen[name] == 1 else f"{name}-{seen[name]}", step))
    return unique


# ---------------------------------------------------------------- recording


def describe(source: Any, seed: int = 0, allowed: Sequence[str] = ALLOWED_MODULES) -> dict[str, Any]:
    """The fields of pipeline.json that a configuration decides: hash, template, steps, model type.

    A dict whose steps can't be built here is recorded as it stands and hashed as text.
    """
    try:
        configs = from_object(source)
        if len(configs) > 1:
            raise BadInput("This configuration is a grid of pipelines.", advice="Add them one by one, or run a batch.")
        pipeline = configs[0].build(seed, allowed)
    except BadInput:
        if not isinstance(source, dict) or source.get("grid"):
            raise
        text = json.dumps({key: value for key, value in source.items() if key != "name"}, sort_keys=True, default=str)
        return {
            "hash": hashlib.sha256(text.encode()).hexdigest(),
            "template": json.loads(json.dumps(source, default=str)),
        }
    return fields_of(configs[0], pipeline)


def fields_of(config: PipelineConfig, pipeline: Any) -> dict[str, Any]:
    """What pipeline.json records of a built configuration; `params` are all parameters, defaults included."""
    steps = [
        {"step": i, "operator": name, "class": class_path(type(step)), "params": encode(step)["params"]}
        for i, (name, step) in enumerate(pipeline.steps)
    ]
    return {
        "hash": config.digest(pipeline),
        "template": {**config.template(), "config_file": config.config_file},
        "steps": steps,
        "model_type": type(pipeline.steps[-1][1]).__name__,
        "config_name": config.config_name,
    }


def shipped_configs() -> list[Path]:
    """The configuration files that come with Runshelf."""
    folder = Path(str(importlib.resources.files("resources") / "configs"))
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".json"))
