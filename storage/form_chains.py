"""Chains of a store: one model with the steps before it, and the artifacts of the folds and of what they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from storage.form_entries import fold_name
from storage.form_files import as_dict, as_list, whole
from storage.form_steps import MODEL, Step, until_model, written_steps


def chain_steps(
    config: Any, chain: Mapping[str, Any], model: str, class_name: str, params: dict[str, Any]
) -> list[Step]:
    """The steps from the configuration, or where that is missing those of the chain."""
    written = written_steps(config)
    if written:
        return until_model(written, None, model, class_name, params)[0]
    index = whole(chain.get("model_step_idx"))
    found: list[Step] = []
    for step in map(as_dict, as_list(chain.get("steps"))):
        is_model = whole(step.get("step_idx")) == index
        found.append(
            (MODEL if is_model else "transformer", str(step.get("operator_class") or ""), as_dict(step.get("params")))
        )
    if all(operator != MODEL for operator, _, _ in found):
        found.append((MODEL, class_name or model, params))
    return found


def model_type_of(steps: list[Step], told: str) -> str:
    """The class of the model: from the configuration, because a chain may have what the model is called."""
    written = next((class_name for operator, class_name, _ in reversed(steps) if operator == MODEL), "")
    return (written if "." in written else told or written).rpartition(".")[2]


def artifact_ids(chain: Mapping[str, Any]) -> Iterator[tuple[str, int | None, int | None]]:
    """The artifacts of a chain: their ids, the steps they are told for, their folds."""
    for key, value in as_dict(chain.get("shared_artifacts")).items():
        for artifact_id in _leaves(value):
            yield artifact_id, whole(key), None
    for key, value in as_dict(chain.get("fold_artifacts")).items():
        fold = fold_name(key)
        for artifact_id in _leaves(value):
            yield artifact_id, None, int(fold) if fold.isdecimal() else None
    for step in map(as_dict, as_list(chain.get("steps"))):
        for artifact_id in _leaves(step.get("artifact_id")):
            yield artifact_id, whole(step.get("step_idx")), None


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _leaves(one)
    elif value:
        yield str(value)


def index_of(steps: list[Step], row: Mapping[str, Any], step: int | None) -> int:
    """The place of an artifact among the steps: that of its class, else of its number; a model's is the last."""
    tail = str(row.get("operator_class") or "").rpartition(".")[2]
    last = max(len(steps) - 1, 0)
    if step is None or "model" in str(row.get("artifact_type") or ""):
        return last
    return next((i for i, one in enumerate(steps) if tail and one[1].endswith(tail)), min(max(step - 1, 0), last))
