"""Pipeline parameters as the catalog keeps them: one JSON text per configuration, flattened for queries.

`PLSRegression.n_components` names a parameter by the class of its step, wherever in the pipeline that stands, also
within another estimator; `scatter.window_size` by the name of a step; `layers` a field of a free description.
`preprocessing` stands for all steps before the model.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from storage.records import PipelineRecord, plain

MAX_CONFIG = 200_000  # characters of a configuration that are read
MAX_TEXT = 200  # characters of a parameter's value that can be compared
MAX_DEPTH = 20
PREPROCESSING = "preprocessing"  # what a query calls the steps before the model
_NO_STEPS = "none"
_SKIPPED = frozenset({"name", "cv", "grid", "config_file"})  # fields of a template that are no parameters


@dataclass(frozen=True)
class Parameter:
    """One parameter of one configuration: a number where it is one, and its text; both None for None."""

    name: str
    number: float | None
    text: str | None


def config_text(record: PipelineRecord) -> str | None:
    """What the catalog keeps of a pipeline's configuration: its steps with all parameters, else what described it."""
    if record.steps:
        steps: Any = [
            step.model_dump(by_alias=True, include={"operator", "class_name", "params"}) for step in record.steps
        ]
    else:
        steps = {key: value for key, value in record.template.items() if key not in _SKIPPED}
    return json.dumps(plain(steps), separators=(",", ":"), ensure_ascii=False) if steps else None


def parameters_of(config: str) -> list[Parameter]:
    """The parameters of a configuration text, without repetition; none where it isn't what `config_text` makes."""
    try:
        document = json.loads(config[:MAX_CONFIG])
    except (ValueError, RecursionError):
        return []
    return list(dict.fromkeys(_walk(document, "", 0)))


def _walk(value: Any, name: str, depth: int) -> Iterator[Parameter]:
    """The parameters within `value`, which is called `name`."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        if all(isinstance(item, (dict, list)) for item in value):
            for item in value:
                yield from _walk(item, name, depth + 1)
        else:
            yield _parameter(name, json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict):
        yield from _within(value, name, depth)
    elif name:
        yield _parameter(name, value)


def _within(value: Mapping[str, Any], name: str, depth: int) -> Iterator[Parameter]:
    step = value.get("class")
    if not isinstance(step, str):
        for key, item in value.items():
            yield from _walk(item, f"{name}.{key}" if name else key, depth + 1)
        return
    own = step.rpartition(".")[2]
    if name:
        yield _parameter(name, own)
    operator, params = value.get("operator"), value.get("params")
    named = isinstance(operator, str) and operator and operator.lower() != own.lower()
    for owner in (own, operator) if named else (own,):
        for key, item in (params if isinstance(params, dict) else {}).items():
            yield from _walk(item, f"{owner}.{key}", depth + 1)


def _parameter(name: str, value: Any) -> Parameter:
    if value is None:
        return Parameter(name, None, None)
    if isinstance(value, bool):
        return Parameter(name, None, "true" if value else "false")
    if isinstance(value, (int, float)):
        return Parameter(name, _number(value), str(value))
    return Parameter(name, None, str(value)[:MAX_TEXT])


def _number(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def words_of(config: str) -> str:
    """What full text finds of a configuration: the classes and names of its steps, and `name=value` of parameters."""
    known = parameters_of(config)
    classes = re.findall(r'"(?:class|operator)":\s*"([^"]*)"', config[:MAX_CONFIG])
    if not (known or classes):
        return config[:MAX_CONFIG]
    values = [f"{p.name.rpartition('.')[2]}={p.text}" for p in known]
    return " ".join(dict.fromkeys([*(name.rpartition(".")[2] for name in classes), *values]))


def classes_of(config: str) -> tuple[str, ...]:
    """The classes of the steps of a configuration text, in their order; none where it isn't what `config_text` makes.

    Of a step within another estimator the outer one alone counts.
    """
    try:
        document = json.loads(config)
    except (ValueError, RecursionError):
        return ()
    steps = document if isinstance(document, list) else []
    named = (step.get("class") for step in steps if isinstance(step, dict))
    return tuple(one.rpartition(".")[2] for one in named if isinstance(one, str))


def preprocessing_of(config: str) -> str | None:
    """The steps before the model by their classes, `StandardNormalVariate → SavitzkyGolay`; "none" without any.

    None where nobody noted steps; a free description may name it itself, in a field `preprocessing`.
    """
    classes = classes_of(config)
    if classes:
        return " → ".join(classes[:-1]) or _NO_STEPS
    own = next((one.text for one in parameters_of(config) if one.name == PREPROCESSING), None)
    return own or None


def fold(text: str) -> str:
    """Text for looking things up: without case and accents, whatever its Unicode form."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c))
