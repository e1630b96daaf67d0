"""What parameters say of a pipeline: its steps and their parameters as scikit-learn's are logged, its model, its seed.

A text such as `[('scaler', StandardScaler()), ('pls', PLSRegression(n_components=3))]` is taken apart, never evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_Steps = list[tuple[str, str, dict[str, Any]]]
_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_WORDS = {"True": True, "False": False, "None": None}
_CLASS = re.compile(r"[A-Za-z_][\w.]{0,200}")
_CLASS_TAG = "estimator_class"
_MODEL_NAMES = ("model_type", "model_class", "model", "model_name", "estimator", "estimator_name", "algorithm",
                "classifier", "regressor", "clf")  # fmt: skip
_SEEDS = ("seed", "random_state", "random_seed")
_MAX_TEXT = 100_000  # characters; a list of steps has some hundred
_MODEL, _TRANSFORMER = "model", "transformer"


def said(value: str) -> Any:
    """The number, True, False or None that a text is when it is written again; else the text."""
    if _WHOLE.fullmatch(value) and value != "-0":
        return int(value)
    if value in _WORDS:
        return _WORDS[value]
    if value[:1].isdigit() or value[:1] == "-":
        try:
            number = float(value)
        except ValueError:
            return value
        return number if repr(number) == value else value
    return value


def steps_of(params: Mapping[str, str], tags: Mapping[str, str]) -> tuple[_Steps, str]:
    """The steps, the model last, and the class or kind of the model; both empty where nothing tells them."""
    logged = tags.get(_CLASS_TAG, "").strip()
    named = _named_steps(params.get("steps", "")) if logged.endswith("Pipeline") or not logged else ()
    if named:
        steps = [(_TRANSFORMER, written, _own(params, name)) for name, written in named]
        steps[-1] = (_MODEL, *steps[-1][1:])
        return steps, named[-1][1].rpartition(".")[2]
    if _CLASS.fullmatch(logged):
        # Of a search the model is the one it searched with.
        inner = _class_of(params["estimator"]) if logged.endswith("SearchCV") and "estimator" in params else ""
        return [(_MODEL, logged, _all(params))], inner or logged.rpartition(".")[2]
    for key in _MODEL_NAMES:
        written = _class_of(params.get(key) or tags.get(key) or "")
        if written:
            others = {name: value for name, value in params.items() if name != key}
            return [(_MODEL, written, _all(others))], written.rpartition(".")[2]
    return [], ""


def seed_of(params: Mapping[str, str]) -> int | None:
    """The seed, where one was logged: of the whole, else the only one of the steps."""
    for key in _SEEDS:
        if isinstance(seed := said(params.get(key, "")), int) and not isinstance(seed, bool):
            return seed
    steps = {said(value) for key, value in params.items() if key.endswith("__random_state")}
    seeds = [one for one in steps if isinstance(one, int) and not isinstance(one, bool)]
    return seeds[0] if len(seeds) == 1 else None


def _all(params: Mapping[str, str]) -> dict[str, Any]:
    return {key: said(value) for key, value in params.items()}


def _own(params: Mapping[str, str], step: str) -> dict[str, Any]:
    start = f"{step}__"
    return {key.removeprefix(start): said(value) for key, value in params.items() if key.startswith(start)}


@lru_cache(maxsize=4096)
def _named_steps(written: str) -> Sequence[tuple[str, str]]:
    """Names and classes from the text of a list of steps; nothing from anything else."""
    return _listed(_parsed(written))


def _listed(found: ast.expr | None) -> list[tuple[str, str]]:
    if not isinstance(found, ast.List) or not found.elts:
        return []
    named = []
    for one in found.elts:
        if not (isinstance(one, ast.Tuple) and len(one.elts) == 2 and isinstance(one.elts[0], ast.Constant)):
            return []
        step = one.elts[1]
        kind = str(step.value) if isinstance(step, ast.Constant) else _called(step)
        if not kind:
            return []
        named.append((str(one.elts[0].value), kind))
    return named


def _class_of(written: str) -> str:
    """The class that a text names: `Ridge`, `Ridge(alpha=1)`, or that of the last step of a pipeline."""
    if _CLASS.fullmatch(written.strip()):
        return written.strip() if written.strip() not in _WORDS else ""
    found = _parsed(written)
    if isinstance(found, ast.Call) and _called(found).endswith("Pipeline"):
        lists = [one.value for one in found.keywords if one.arg == "steps"] + found.args
        named = _listed(lists[0]) if lists else []
        return named[-1][1] if named else _called(found)
    return _called(found) if found is not None else ""


def _called(node: ast.expr) -> str:
    if not isinstance(node, ast.Call):
        return ""
    parts, place = [], node.func
    while isinstance(place, ast.Attribute):
        parts.append(place.attr)
        place = place.value
    return ".".join([place.id, *reversed(parts)]) if isinstance(place, ast.Name) else ""


def _parsed(written: str) -> ast.expr | None:
    if "(" not in written or len(written) > _MAX_TEXT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in texts that are nobody's program
            return ast.parse(written.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
