"""A configuration that was written as a list of steps, and what of it comes before one of its models.

A step is a class by its path, `{"class": …, "params": …}`, a word such as `chart_2d`, or a mapping from what it does
(`y_processing`, `feature_augmentation`, `model`) to one of these or to several.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Step = tuple[str, str, dict[str, Any]]

MODEL = "model"
_TRANSFORMER = "transformer"
_SPLITTER = "splitter"
_SPLITS = re.compile(r"model_selection\.|\.splitters?\.|(Fold|Folds|Split|Splitter|Splits|KennardStone|SPXY)$")
_STACKS = re.compile(r"Meta|Stack")
_LISTS = ("pipeline", "steps")


@dataclass(frozen=True)
class WrittenStep:
    """One step as it was written: its number counted from 1, what it is made of, and of a model the name."""

    number: int
    parts: list[Step]
    name: str = ""

    @property
    def is_model(self) -> bool:
        return any(operator == MODEL for operator, _, _ in self.parts)

    @property
    def class_name(self) -> str:
        """The class of the model."""
        return next((class_name for operator, class_name, _ in self.parts if operator == MODEL), "")

    @property
    def title(self) -> str:
        """What the model is called: by its name, else by its class."""
        return self.name or self.class_name.rpartition(".")[2]


def step_list(config: Any) -> list[Any]:
    """The list of steps of a configuration: itself, or what stands in it under `pipeline` or `steps`."""
    for _ in range(3):
        if not isinstance(config, Mapping):
            break
        config = next((config[key] for key in _LISTS if key in config), None)
    return list(config) if isinstance(config, (list, tuple)) else []


def written_steps(config: Any) -> list[WrittenStep]:
    """The steps of a configuration."""
    found = []
    for number, step in enumerate(step_list(config), start=1):
        name = str(step.get("name") or "") if isinstance(step, Mapping) else ""
        found.append(WrittenStep(number, _parts(step), name))
    return found


def until_model(
    steps: list[WrittenStep], number: int | None, name: str, class_name: str, params: dict[str, Any]
) -> tuple[list[Step], list[int], WrittenStep | None]:
    """The steps of one model: all before it that are no other models, then itself.

    It is the step of that number, else the one of that name or class. Returns the steps, for each the number it was
    written under, and the model as it was written; where the configuration has none, it is made of what is given.
    """
    model = _find(steps, number, name, class_name)
    if model is None:
        last = number if number is not None else len(steps) + 1
        before = [step for step in steps if not step.is_model and step.number < last]
    else:
        last = model.number
        stacked = bool(_STACKS.search(model.class_name))
        before = [step for step in steps if step.number < last and (stacked or not step.is_model)]
    parts = [(part, step.number) for step in before for part in step.parts]
    if model is None:
        own: list[Step] = [(MODEL, class_name or name, params)]
    else:
        own = [(MODEL, part[1], part[2]) if part[0] == _TRANSFORMER else part for part in model.parts]
        own.sort(key=lambda part: part[0] == MODEL)
    return [*(part for part, _ in parts), *own], [*(n for _, n in parts), *[last] * len(own)], model


def _find(steps: list[WrittenStep], number: int | None, name: str, class_name: str) -> WrittenStep | None:
    tail = class_name.rpartition(".")[2]
    at = next((step for step in steps if step.number == number), None)
    if at is not None and (at.is_model or _is_class(at, name, tail)):
        return at
    models = [step for step in steps if step.is_model]
    for matches in (
        [step for step in models if name and step.title == name],
        [step for step in models if tail and step.class_name.rpartition(".")[2] == tail],
        [step for step in steps if _is_class(step, name, tail)],
    ):
        if matches:
            return matches[0]
    return models[0] if len(models) == 1 else None


def _is_class(step: WrittenStep, name: str, tail: str) -> bool:
    """Whether a step that is not said to be a model is one by its class."""
    tails = {class_name.rpartition(".")[2] for _, class_name, _ in step.parts if class_name}
    return bool(tails & {name, tail} - {""})


def _parts(step: Any) -> list[Step]:
    if isinstance(step, str):
        return [(_kind(step), step, {})] if "." in step else [(step, "", {})]
    if not isinstance(step, Mapping):
        return [(_TRANSFORMER, "", {"value": step})] if step is not None else []
    plain = _class_of(step)
    if plain is not None:
        return [_split_of(_kind(plain[0]), *plain)]
    found: list[Step] = []
    for operator, value in step.items():
        if operator in ("name", "params") or operator.endswith("_params"):
            continue
        found += _under(str(operator), value)
    return found


def _under(operator: str, value: Any) -> list[Step]:
    """What is written under the word for what a step does."""
    if isinstance(value, str):
        return [(operator, value, {})] if "." in value or operator == MODEL else [(operator, "", {"value": value})]
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(one, (str, Mapping)) for one in value):
            inner = [_class_of(one) for one in value]
            if all(one is not None for one in inner):
                return [_split_of(operator, *one) for one in inner if one is not None]
        return [(operator, "", {"value": list(value)})]
    if isinstance(value, Mapping):
        plain = _class_of(value)
        return [_split_of(operator, *plain)] if plain is not None else [(operator, "", dict(value))]
    return [(operator, "", {} if value is None else {"value": value})]


def _class_of(value: Any) -> tuple[str, dict[str, Any]] | None:
    if isinstance(value, str):
        return (value, {}) if "." in value else None
    if not isinstance(value, Mapping):
        return None
    path = value.get("class") or value.get("function") or value.get("class_name")
    if not isinstance(path, str):
        return None
    params = value.get("params")
    return path, {str(key): one for key, one in params.items()} if isinstance(params, Mapping) else {}


def _split_of(operator: str, path: str, params: dict[str, Any]) -> Step:
    """A step; a splitter whose folds were written down with it is the splitter: the folds are in the predictions."""
    inner = _class_of(params.get("splitter"))
    if inner is not None and "folds" in params:
        return (_SPLITTER, *inner)
    return operator, path, params


def _kind(path: str) -> str:
    return _SPLITTER if _SPLITS.search(path) else _TRANSFORMER
