"""Pipelines as chains of steps, and what differs between them: step by step, not key by key.

Two chains are aligned like two texts: the longest run of steps of the same class in the same order stays, and where a
class occurs more than once the steps whose parameters are most alike belong together (S. Needleman, C. Wunsch, "A
general method applicable to the search for similarities in the amino acid sequence of two proteins", Journal of
Molecular Biology 48, 1970). What is left over and of the same class was moved; the rest was added or removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from storage.parameters import MAX_CONFIG

if TYPE_CHECKING:
    from storage.records import PipelineRecord

Kind = Literal["same", "added", "removed", "moved", "changed"]
_MAX_DEPTH = 10
_OF_NO_STEP = frozenset({"name", "cv", "grid", "config_file", "description"})


@dataclass(frozen=True)
class ChainStep:
    """One step: its class and all its parameters; `chosen` are those somebody set, None where that is not known.

    `parts` are the steps within it (of a ColumnTransformer, a FeatureUnion, a search); they are not among `params`.
    """

    name: str
    class_name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    chosen: frozenset[str] | None = None
    parts: tuple[ChainStep, ...] = ()

    @property
    def title(self) -> str:
        """The class without its module; the name where there is no class."""
        return self.class_name.rpartition(".")[2] or self.name


@dataclass(frozen=True)
class Chain:
    """The steps of one pipeline; `problem` says why they are not known."""

    prediction_id: str
    name: str
    steps: tuple[ChainStep, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class ParamChange:
    """One parameter that differs. `old_chosen` and `new_chosen` tell a chosen value from a default; None: not known."""

    name: str
    old: Any
    new: Any
    old_chosen: bool | None
    new_chosen: bool | None


@dataclass(frozen=True)
class StepDiff:
    """What became of one step: places count from 0, `parts` compares the steps within it.

    A moved step may have changed, too: then it has `changes`.
    """

    kind: Kind
    old: ChainStep | None
    new: ChainStep | None
    old_place: int | None
    new_place: int | None
    changes: tuple[ParamChange, ...] = ()
    parts: tuple[StepDiff, ...] = ()


@dataclass(frozen=True)
class ChainRow:
    """One step of the union of all chains, and what each chain did with it.

    A cell is None where neither the chain nor the baseline has the step.
    """

    title: str
    cells: tuple[StepDiff | None, ...]


@dataclass(frozen=True)
class ChainGrid:
    """Chains side by side, each compared with the one numbered `baseline`; rows are in the order of the steps."""

    chains: tuple[Chain, ...]
    baseline: int
    rows: tuple[ChainRow, ...]


# ---------------------------------------------------------------- reading


def chain_of_record(prediction_id: str, name: str, record: PipelineRecord) -> Chain:
    """The chain that pipeline.json tells; the template says which parameters were chosen."""
    written = record.template.get("steps")
    if not record.steps:
        return _checked(prediction_id, name, _of_description(record.template))
    given = written if isinstance(written, list) and len(written) == len(record.steps) else []
    built = [
        {"operator": step.operator, "class": step.class_name, "params": step.params} for step in record.steps
    ]  # fmt: skip
    padded = [*given, *[None] * (len(built) - len(given))]
    return Chain(prediction_id, name, tuple(_step(b, w, 0) for b, w in zip(built, padded, strict=True)))


def chain_of_config(prediction_id: str, name: str, config: str | None) -> Chain:
    """The chain that the catalog's own text of a configuration tells; which parameters were chosen it doesn't say."""
    try:
        document = json.loads((config or "null")[:MAX_CONFIG])
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, list):
        steps = tuple(_step(part, None, 0) for part in document if isinstance(part, dict))
        return _checked(prediction_id, name, steps)
    return _checked(prediction_id, name, _of_description(document if isinstance(document, dict) else {}))


def with_known_defaults(chains: Sequence[Chain]) -> list[Chain]:
    """Tell chosen parameters from defaults where only other chains of the same classes know the defaults."""
    defaults: dict[tuple[str, str], Any] = {}
    for chain in chains:
        for step in chain.steps:
            _note_defaults(step, defaults)
    return [
        replace(chain, steps=tuple(_with_defaults(step, defaults) for step in chain.steps)) for chain in chains
    ]  # fmt: skip


def _checked(prediction_id: str, name: str, steps: tuple[ChainStep, ...]) -> Chain:
    problem = "" if steps else "Nobody noted the steps of this pipeline."
    return Chain(prediction_id, name, steps, problem)


def _of_description(template: Mapping[str, Any]) -> tuple[ChainStep, ...]:
    """The steps of a configuration that nobody built here, or one step that is a free description."""
    steps = template.get("steps")
    if (
        isinstance(steps, list)
        and steps
        and all(isinstance(s, dict) and isinstance(s.get("class"), str) for s in steps)
    ):
        return tuple(_step(step, step, 0) for step in steps)
    params = {str(key): value for key, value in template.items() if key not in _OF_NO_STEP}
    if not params:
        return ()
    return (ChainStep(str(params.get("model") or "configuration"), "", params, frozenset(params)),)


def _step(built: Mapping[str, Any], written: Any, depth: int) -> ChainStep:
    """A step from its record; `written` is the same step as the configuration said it, if that is known."""
    class_name = str(built.get("class") or "")
    name = str(built.get("operator") or built.get("name") or class_name.rpartition(".")[2])
    params = built.get("params") if isinstance(built.get("params"), dict) else {}
    given = written.get("params") or {} if isinstance(written, dict) else None
    if not isinstance(given, dict):
        given = None
    plain: dict[str, Any] = {}
    parts: list[ChainStep] = []
    for key, value in (params or {}).items():
        within = _parts(key, value, None if given is None else given.get(key), depth + 1)
        if within:
            parts += within
        else:
            plain[key] = value
    chosen = None if given is None else frozenset(key for key in given if key in plain)
    return ChainStep(name, class_name, plain, chosen, tuple(parts))


def _parts(key: str, value: Any, written: Any, depth: int) -> list[ChainStep]:
    """The steps within a parameter: an estimator, or a list of (name, estimator, columns); none for other values."""
    if depth > _MAX_DEPTH:
        return []
    if _is_step(value):
        return [replace(_step(value, written, depth), name=key)]
    if not (isinstance(value, list) and value and all(_is_named_part(item) for item in value)):
        return []
    known = written if isinstance(written, list) and len(written) == len(value) else [None] * len(value)
    return [_named_part(item, own, depth) for item, own in zip(value, known, strict=True)]


def _is_step(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class"), str)


def _is_named_part(item: Any) -> bool:
    """Whether an item of a list is a part with its name: ["scale", {"class": …}, ["a", "b"]] or ["rest", "drop"]."""
    if not (isinstance(item, list) and 2 <= len(item) <= 3 and isinstance(item[0], str)):
        return False
    return _is_step(item[1]) or item[1] in ("passthrough", "drop")


def _named_part(item: list[Any], written: Any, depth: int) -> ChainStep:
    own = written[1] if isinstance(written, list) and len(written) > 1 else None
    step = _step(item[1], own, depth) if _is_step(item[1]) else ChainStep(str(item[0]), str(item[1]), {}, frozenset())
    step = replace(step, name=str(item[0]))
    if len(item) < 3:
        return step
    chosen = step.chosen if step.chosen is None else step.chosen | {"columns"}
    return replace(step, params={**step.params, "columns": item[2]}, chosen=chosen)


def _note_defaults(step: ChainStep, defaults: dict[tuple[str, str], Any]) -> None:
    if step.chosen is not None and step.class_name:
        for key in step.params.keys() - step.chosen:
            defaults[step.class_name, key] = step.params[key]
    for part in step.parts:
        _note_defaults(part, defaults)


def _with_defaults(step: ChainStep, defaults: Mapping[tuple[str, str], Any]) -> ChainStep:
    parts = tuple(_with_defaults(part, defaults) for part in step.parts)
    if step.chosen is not None or not all((step.class_name, key) in defaults for key in step.params):
        return replace(step, parts=parts)
    chosen = frozenset(key for key, value in step.params.items() if defaults[step.class_name, key] != value)
    return replace(step, parts=parts, chosen=chosen)


# ---------------------------------------------------------------- two chains


def diff_chains(old: Sequence[ChainStep], new: Sequence[ChainStep]) -> list[StepDiff]:
    """What became of each step of `old` in `new`, and what came in: in the order of `new`, removed where they were.

    Every step of both is in exactly one difference.
    """
    pairs = dict(_aligned(old, new))
    moved = dict(_moved(old, new, pairs))
    from_new = {j: i for i, j in (pairs | moved).items()}
    gone = [i for i in range(len(old)) if i not in pairs and i not in moved]
    found: list[StepDiff] = []
    for j, step in enumerate(new):
        if j not in from_new:
            found.append(StepDiff("added", None, step, None, j))
            continue
        i = from_new[j]
        if i in pairs:  # the removed ones before it come first
            found += [StepDiff("removed", old[k], None, k, None) for k in gone if k < i]
            gone = [k for k in gone if k > i]
        found.append(_compared(old[i], step, i, j, is_moved=i in moved))
    return [*found, *(StepDiff("removed", old[k], None, k, None) for k in gone)]


def _aligned(old: Sequence[ChainStep], new: Sequence[ChainStep]) -> list[tuple[int, int]]:
    """The pairs of steps that keep their order: as many as can be, and of those the most alike."""
    best: list[list[tuple[int, float]]] = [[(0, 0.0)] * (len(new) + 1) for _ in range(len(old) + 1)]
    alike = [[_alike(a, b) for b in new] for a in old]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if alike[i][j] is not None:
                best[i][j] = max(best[i][j], _plus(best[i + 1][j + 1], alike[i][j]))
    pairs, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if alike[i][j] is not None and best[i][j] == _plus(best[i + 1][j + 1], alike[i][j]):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _plus(score: tuple[int, float], alike: float | None) -> tuple[int, float]:
    return score[0] + 1, score[1] + (alike or 0.0)


def _moved(
    old: Sequence[ChainStep], new: Sequence[ChainStep], pairs: Mapping[int, int]
) -> list[tuple[int, int]]:  # fmt: skip
    """Steps of the same class that did not keep their order, the most alike together."""
    taken = set(pairs.values())
    candidates = [
        (-alike, i, j)
        for i, a in enumerate(old)
        if i not in pairs
        for j, b in enumerate(new)
        if j not in taken and (alike := _alike(a, b)) is not None
    ]
    found: dict[int, int] = {}
    for _, i, j in sorted(candidates):
        if i not in found and j not in found.values():
            found[i] = j
    return list(found.items())


def _alike(a: ChainStep, b: ChainStep) -> float | None:
    """How alike two steps are, 0 to 1; None where they are of different classes."""
    if (a.class_name or a.name) != (b.class_name or b.name):
        return None
    names = a.params.keys() | b.params.keys()
    same = sum(key in a.params and key in b.params and a.params[key] == b.params[key] for key in names)
    named = a.name == b.name and [part.class_name for part in a.parts] == [part.class_name for part in b.parts]
    return float(same + named) / (len(names) + 1)


def _compared(old: ChainStep, new: ChainStep, i: int, j: int, *, is_moved: bool) -> StepDiff:
    changes = _changes(old, new)
    parts = tuple(diff_chains(old.parts, new.parts))
    differs = bool(changes) or any(part.kind != "same" for part in parts)
    return StepDiff("moved" if is_moved else "changed" if differs else "same", old, new, i, j, changes, parts)


def _changes(old: ChainStep, new: ChainStep) -> tuple[ParamChange, ...]:
    """The parameters that differ, chosen ones first; a default that is recorded on one side alone is no difference."""
    found = []
    for key in dict.fromkeys([*old.params, *new.params]):
        a, b = old.params.get(key), new.params.get(key)
        was, is_ = _was_chosen(old, key), _was_chosen(new, key)
        one_sided = (key in old.params) != (key in new.params)
        if one_sided and not (was or is_):
            continue
        if a != b or one_sided:
            found.append(ParamChange(key, a, b, was, is_))
    return tuple(sorted(found, key=lambda change: not (change.old_chosen or change.new_chosen)))


def _was_chosen(step: ChainStep, key: str) -> bool | None:
    return None if step.chosen is None else key in step.chosen


# ---------------------------------------------------------------- many chains


def compare_chains(chains: Sequence[Chain], baseline: int = 0) -> ChainGrid:
    """Lay chains side by side, each compared with the baseline.

    Rows are the baseline's steps and, between them, those that others have more; steps of the same class that several
    chains have in the same place share a row. A chain that is not known has no cells.
    """
    known = with_known_defaults(chains)
    base = known[baseline]
    rows: list[_Row] = [_Row(step, place) for place, step in enumerate(base.steps)]
    diffs = {n: diff_chains(base.steps, chain.steps) for n, chain in enumerate(known) if not chain.problem}
    # The most alike first: their steps have neighbours in the baseline that say where new rows belong.
    for number in sorted(diffs, key=lambda n: -sum(d.kind in ("same", "changed") for d in diffs[n])):
        _place(rows, number, diffs[number])
    laid = tuple(ChainRow(row.step.title, tuple(row.cells.get(n) for n in range(len(known)))) for row in rows)
    return ChainGrid(tuple(known), baseline, laid)


@dataclass
class _Row:
    """A row while it is being filled; `place` is that in the baseline, None for a step the baseline lacks."""

    step: ChainStep
    place: int | None
    cells: dict[int, StepDiff] = field(default_factory=dict)


def _place(rows: list[_Row], number: int, diffs: Sequence[StepDiff]) -> None:
    """Put the differences of one chain into the rows, making new ones for steps that no row is about."""
    kept = {diff.old_place for diff in diffs if diff.kind in ("same", "changed")}
    final = max((diff.new_place for diff in diffs if diff.new_place is not None), default=-1)
    last = -1
    for diff in diffs:
        if diff.old_place is not None:
            at = next(n for n, row in enumerate(rows) if row.place == diff.old_place)
            if diff.kind in ("same", "changed"):
                last = at
        else:
            at = last = _row_for(rows, number, diff, last, kept, final)
        rows[at].cells[number] = diff


def _row_for(
    rows: list[_Row], number: int, diff: StepDiff, after: int, kept: Set[int | None], final: int
) -> int:  # fmt: skip
    """The row of an added step: one of its class before the next step that was kept, else a new one.

    A new row stands right after the step before, that of a chain's last step (the model) as far down as can be.
    """
    assert diff.new is not None
    end = next((n for n in range(after + 1, len(rows)) if rows[n].place is not None and rows[n].place in kept), None)
    end = len(rows) if end is None else end
    for at in range(after + 1, end):
        if rows[at].place is None and number not in rows[at].cells and _alike(rows[at].step, diff.new) is not None:
            return at
    at = end if diff.new_place == final else after + 1
    rows.insert(at, _Row(diff.new, None))
    return at
