"""Pipeline configurations: read from JSON or YAML, expanded from grids, hashed, and built into scikit-learn objects.

A configuration file is data. Only classes under allowed modules are imported, only estimators and splitters are
built, and only NumPy's ufuncs may be named as functions, so that reading somebody's file can't run their program.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.resources
import inspect
import itertools
import json
import math
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.disk import read_bytes
from storage.errors import BadInput

ALLOWED_MODULES = ("sklearn", "chemotools")
MAX_PIPELINES = 100_000
_MAX_CONFIG_BYTES = 16 * 1024 * 1024


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
            (name, build_estimator(step, allowed) if isinstance(step, StepSpec) else clone(step, safe=False))
            for name, step in self.steps
        ]
        pipeline = Pipeline(_unique_names(steps))
        _seed(pipeline, seed)
        return pipeline

    def with_name(self, name: str) -> PipelineConfig:
        return replace(self, name=name)

    def template(self) -> dict[str, Any]:
        """The configuration as a file would say it: it can be run again from this."""
        steps = []
        for name, step in self.steps:
            spec: dict[str, Any] = (
                {"class": step.class_path, "params": step.params} if isinstance(step, StepSpec) else encode(step, True)
            )
            steps.append({**spec, "name": name} if name != spec["class"].rpartition(".")[2] else spec)
        return {"name": self.config_name or self.name, "steps": steps, "cv": _encode_cv(self.cv)}

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
        text = json.dumps({"steps": steps, "cv": _encode_cv(self.cv)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------- reading


def load_configs(paths: Sequence[Path]) -> list[PipelineConfig]:
    """Read configuration files (JSON or YAML) and expand their grids. Raises BadInput with file and reason."""
    return [config for path in paths for spec in read_specs(Path(path)) for config in expand(spec, str(path))]


def read_specs(path: Path) -> list[ConfigSpec]:
    """Read one file: a configuration or a list of them."""
    data = read_bytes(path, "pipeline configuration")
    if len(data) > _MAX_CONFIG_BYTES:
        raise BadInput(f"{path.name} is too large to be a pipeline configuration.", path, "Name another file.")
    found = _parse(path, data)
    entries = found if isinstance(found, list) else [found]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(
            f"{path.name} holds no pipeline configuration.", path, "It needs a 'name' and a list of 'steps'."
        )
    return [_spec(entry, path) for entry in entries]


def from_object(source: Any) -> list[PipelineConfig]:
    """Make configurations from what Python code passes: config, dict, path, estimator, or list of estimators."""
    if isinstance(source, PipelineConfig):
        return [source]
    if isinstance(source, (str, Path)):
        return load_configs([Path(source)])
    if isinstance(source, dict):
        steps = source.get("steps")
        if isinstance(steps, (list, tuple)) and any(not isinstance(step, dict) for step in steps):
            return [_from_estimators(list(steps), source.get("name", ""), source.get("cv", {"n_splits": 5}))]
        return list(expand(_spec(source, None), ""))
    if isinstance(source, (list, tuple)):
        return [_from_estimators(list(source), "", {"n_splits": 5})]
    if hasattr(source, "steps"):
        return [_from_estimators([step for step in source.steps if step[1] not in (None, "passthrough")], "")]
    return [_from_estimators([source], "")]


def _from_estimators(steps: list[Any], name: str, cv: Any = None) -> PipelineConfig:
    named: list[tuple[str, Any]] = []
    for step in steps:
        label, part = step if isinstance(step, tuple) else (type(step).__name__, step)
        if isinstance(part, dict):
            part = StepSpec.model_validate(part)
            label = part.step_name
        elif isinstance(part, type) or not hasattr(part, "get_params"):
            raise BadInput(
                f"{part!r} is no scikit-learn step.", advice="Pass an estimator object, such as StandardScaler()."
            )
        named.append((label, part))
    if not named:
        raise BadInput("A pipeline without steps can't be run.", advice="Give at least one estimator.")
    name = name or " ".join(_short_class(_class_name(part)) for _, part in named)
    return PipelineConfig(name, tuple(named), cv if cv is not None else {"n_splits": 5}, config_name=name)


def _parse(path: Path, data: bytes) -> Any:
    if path.suffix.lower() == ".json":
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path.name} is not valid JSON: {error}.", path, "Mend the file at that place.") from error
    import yaml

    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise BadInput(f"{path.name} is not valid YAML{place}.", path, "Mend the file at that place.") from error


def _spec(entry: dict[str, Any], path: Path | None) -> ConfigSpec:
    where = path.name if path else f"the configuration '{entry.get('name', '')}'"
    unknown = sorted(set(entry) - set(ConfigSpec.model_fields), key=str)
    if unknown:
        close = difflib.get_close_matches(str(unknown[0]), ConfigSpec.model_fields, 1)
        hint = f"Did you mean '{close[0]}'?" if close else f"Known are {', '.join(ConfigSpec.model_fields)}."
        raise BadInput(f"{where} has an unknown key '{unknown[0]}'.", path, hint)
    try:
        return ConfigSpec.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{where} is no pipeline configuration: {place}: {first['msg'].lower()}.",
            path,
            'Each step is {"class": "sklearn.preprocessing.StandardScaler", "params": {…}}.',
        ) from error


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
        steps = [StepSpec.model_validate(option) for option in _checked_options(options, step.step_name)]
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


# ---------------------------------------------------------------- building


def build_estimator(spec: StepSpec, allowed: Sequence[str] = ALLOWED_MODULES) -> Any:
    """Build one estimator from its spec. Raises BadInput for a class that is unknown, not allowed, or misused."""
    from sklearn.base import BaseEstimator

    cls = _import_class(spec.class_path, allowed)
    if not issubclass(cls, BaseEstimator):
        raise BadInput(f"{spec.class_path} is no scikit-learn estimator.", advice="Name a transformer or a model.")
    return _construct(cls, spec.params, allowed)


def build_splitter(cv: Any, task_type: str, seed: int, allowed: Sequence[str] = ALLOWED_MODULES) -> Any:
    """Build the cross-validation splitter; None for no cross-validation.

    `{"n_splits": k}` is a shuffled k-fold with the run's seed, stratified for classes.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if cv is None or hasattr(cv, "split"):
        return cv
    if "class" in cv:
        splitter = _construct(_import_class(cv["class"], allowed), cv.get("params", {}), allowed)
        if not hasattr(splitter, "split"):
            raise BadInput(f"{cv['class']} does not split data.", advice="Name a class of sklearn.model_selection.")
        _seed_splitter(splitter, seed)
        return splitter
    unknown = set(cv) - {"n_splits", "shuffle"}
    n_splits = cv.get("n_splits", 5)
    if unknown or not isinstance(n_splits, int) or n_splits < 2:
        raise BadInput(
            f"The cross-validation {json.dumps(cv)} is not understood.",
            advice='Write {"n_splits": 5}, or {"class": "sklearn.model_selection.LeaveOneOut"}, or null.',
        )
    shuffle = bool(cv.get("shuffle", True))
    kind = StratifiedKFold if task_type == "classification" else KFold
    return kind(n_splits, shuffle=shuffle, random_state=seed if shuffle else None)


def _import_class(path: str, allowed: Sequence[str]) -> Any:
    module_name, _, class_name = path.rpartition(".")
    if not any(module_name == root or module_name.startswith(f"{root}.") for root in allowed):
        raise BadInput(
            f"The class {path} is not under an allowed module ({', '.join(allowed)}).",
            advice="Use one that is, or allow its module for this workspace (allowed_modules in runshelf.json).",
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise BadInput(
            f"There is no module {module_name} for the class {path}.", advice="Check the spelling."
        ) from error
    cls = getattr(module, class_name, None)
    if not inspect.isclass(cls):
        close = difflib.get_close_matches(
            class_name, [n for n in dir(module) if inspect.isclass(getattr(module, n))], 1
        )
        hint = f"Did you mean {module_name}.{close[0]}?" if close else "Check the spelling."
        raise BadInput(f"There is no class {class_name} in {module_name}.", advice=hint)
    return cls


def _construct(cls: Any, params: dict[str, Any], allowed: Sequence[str]) -> Any:
    signature = inspect.signature(cls.__init__).parameters
    free = any(p.kind is p.VAR_KEYWORD for p in signature.values())
    for name in params:
        if name not in signature and not free:
            close = difflib.get_close_matches(name, signature, 1)
            hint = (
                f"Did you mean '{close[0]}'?"
                if close
                else f"Known are {', '.join(p for p in signature if p != 'self')}."
            )
            raise BadInput(f"{cls.__name__} has no parameter '{name}'.", advice=hint)
    values = {
        name: decode(value, signature[name].default if name in signature else None, allowed)
        for name, value in params.items()
    }
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{cls.__name__} can't be built: {error}.", advice="Check its parameters.") from error


def decode(value: Any, default: Any, allowed: Sequence[str]) -> Any:
    """Turn a value of a file into what an estimator takes; lists become tuples where the default is a tuple."""
    if isinstance(value, dict):
        if "class" in value:
            return build_estimator(StepSpec.model_validate(value), allowed)
        if set(value) == {"function"}:
            return _ufunc(value["function"])
        if set(value) == {"float"}:
            return float(value["float"])
        if set(value) == {"array"}:
            import numpy as np

            return np.asarray(value["array"])
        if "opaque" in value:
            raise BadInput(
                f"The value {value['opaque']} came from Python code and can't be built from a file.",
                advice="Pass the object from Python again.",
            )
        return {key: decode(item, None, allowed) for key, item in value.items()}
    if isinstance(value, list):
        items = [decode(item, None, allowed) for item in value]
        return tuple(items) if isinstance(default, tuple) else items
    return value


def _ufunc(path: Any) -> Any:
    import numpy as np

    name = str(path).removeprefix("numpy.")
    found = getattr(np, name, None) if name.isidentifier() else None
    if not isinstance(found, np.ufunc):
        raise BadInput(
            f"The function {path} is not allowed in a file.", advice="NumPy's ufuncs are, such as numpy.log1p."
        )
    return found


# ---------------------------------------------------------------- recording


def encode(value: Any, changed_only: bool = False) -> Any:
    """Turn a parameter value or an estimator into JSON that `decode` reads back.

    With `changed_only`, parameters of estimators that equal their default are left out. What has no JSON form is
    recorded as `{"opaque": text, "digest": hash of its content}`.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, dict):
        return {str(key): encode(item, changed_only) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item, changed_only) for item in value]
    if hasattr(value, "get_params") and not isinstance(value, type):
        return {"class": class_path(type(value)), "params": encode(_params(value, changed_only), changed_only)}
    return _encode_foreign(value)


def _encode_foreign(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, np.ndarray) and value.dtype != object:
        return {"array": value.tolist()}
    if isinstance(value, np.ufunc):
        return {"function": f"numpy.{value.__name__}"}
    import joblib

    try:
        digest = joblib.hash(value)
    except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:
        raise BadInput(
            f"The parameter {value!r} can't be recorded: {error}.", advice="Use a named function."
        ) from error
    return {"opaque": repr(value)[:200], "digest": digest}


def _params(estimator: Any, changed_only: bool) -> dict[str, Any]:
    params: dict[str, Any] = estimator.get_params(deep=False)
    if not changed_only:
        return params
    signature = inspect.signature(type(estimator).__init__).parameters
    return {n: v for n, v in params.items() if n not in signature or not _same(v, signature[n].default)}


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if isinstance(value, float) and isinstance(default, float) and math.isnan(value) and math.isnan(default):
        return True
    return type(value) in (bool, int, float, str, tuple) and type(value) is type(default) and value == default


def class_path(cls: type) -> str:
    """The public path of a class: `sklearn.cross_decomposition.PLSRegression`, not its private module."""
    parts = cls.__module__.split(".")
    public = list(itertools.takewhile(lambda part: not part.startswith("_"), parts))
    if public and len(public) < len(parts):
        module = importlib.import_module(".".join(public))
        if getattr(module, cls.__name__, None) is cls:
            return f"{'.'.join(public)}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def _encode_cv(cv: Any) -> Any:
    if cv is None:
        return None
    if not isinstance(cv, dict):
        attributes = {key: value for key, value in vars(cv).items() if not key.startswith("_")}
        return {"class": class_path(type(cv)), "params": encode(attributes)}
    return encode({"n_splits": 5, **cv} if "class" not in cv else cv)


def _given_random_state(source: Any) -> bool:
    if isinstance(source, StepSpec):
        return source.params.get("random_state") is not None
    return source.get_params(deep=False).get("random_state") is not None


def _seed(pipeline: Any, seed: int) -> None:
    params = pipeline.get_params(deep=True)
    pipeline.set_params(
        **{k: seed for k, v in params.items() if v is None and (k == "random_state" or k.endswith("__random_state"))}
    )


def _seed_splitter(splitter: Any, seed: int) -> None:
    if getattr(splitter, "random_state", 0) is None and getattr(splitter, "shuffle", True):
        splitter.random_state = seed


def _unique_names(steps: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """scikit-learn wants step names to differ: the second SavitzkyGolay becomes SavitzkyGolay-2."""
    seen: dict[str, int] = {}
    unique = []
    for name, step in steps:
        name = name.replace("__", "_")
        seen[name] = seen.get(name, 0) + 1
        unique.append((name if seen[name] == 1 else f"{name}-{seen[name]}", step))
    return unique


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
