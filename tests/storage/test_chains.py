"""Differences between chains of steps: properties of any two chains, and the cases people meet."""

from __future__ import annotations

import shutil
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Lasso, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from storage import ChainStep, Dataset, StepDiff, Workspace, diff_chains

SNV = "chemotools.scatter.StandardNormalVariate"
SG = "chemotools.derivative.SavitzkyGolay"
PLS = "sklearn.cross_decomposition.PLSRegression"
SCALER = "sklearn.preprocessing.StandardScaler"


def step(class_name: str, **params: Any) -> ChainStep:
    return ChainStep(class_name.rpartition(".")[2], class_name, params, frozenset(params))


steps = st.builds(
    lambda name, k, parts: ChainStep(name, name, {"k": k, "mode": "default"}, frozenset({"k"}), tuple(parts)),
    st.sampled_from("ABC"),
    st.integers(0, 2),
    st.lists(st.builds(lambda name: ChainStep(name, name), st.sampled_from("xy")), max_size=2),
)
chains = st.lists(steps, max_size=6)


def side(diffs: list[StepDiff], old: bool) -> list[ChainStep]:
    """The chain that the differences tell of one side."""
    found = [(d.old_place, d.old) if old else (d.new_place, d.new) for d in diffs]
    return [one for _, one in sorted(((p, s) for p, s in found if p is not None and s is not None), key=lambda x: x[0])]


@given(chains)
def test_a_chain_is_the_same_as_itself(chain: list[ChainStep]) -> None:
    assert [d.kind for d in diff_chains(chain, chain)] == ["same"] * len(chain)
    assert [d.new_place for d in diff_chains(chain, chain)] == list(range(len(chain)))


@given(chains, chains)
def test_differences_tell_both_chains_and_turn_round(old: list[ChainStep], new: list[ChainStep]) -> None:
    there, back = diff_chains(old, new), diff_chains(new, old)
    assert side(there, old=True) == old and side(there, old=False) == new
    turned = {"added": "removed", "removed": "added"}
    titles = [(turned.get(d.kind), (d.old or d.new).title) for d in there if d.kind in turned]  # type: ignore[union-attr]
    assert sorted(titles) == sorted((d.kind, (d.old or d.new).title) for d in back if d.kind in turned)  # type: ignore[union-attr]
    assert sum(d.kind == "moved" for d in there) == sum(d.kind == "moved" for d in back)
    for diff in there:
        assert (diff.kind == "same") <= (diff.old == diff.new)


def test_added_removed_moved_and_changed() -> None:
    old = [step(SNV), step(SG, deriv=1, window_length=15), step(PLS, n_components=4)]
    new = [step(SG, deriv=2, window_length=15), step(SNV), step(SCALER), step(PLS, n_components=6)]
    found = diff_chains(old, new)
    assert [(d.kind, d.new.title if d.new else "") for d in found] == [
        ("moved", "SavitzkyGolay"),  # it changed as well, so it is the other one that stayed
        ("same", "StandardNormalVariate"),
        ("added", "StandardScaler"),
        ("changed", "PLSRegression"),
    ]
    (change,) = found[-1].changes
    assert (change.name, change.old, change.new) == ("n_components", 4, 6)
    assert [c.name for d in found for c in d.changes if d.old is not None and d.old.class_name == SG] == ["deriv"]


def test_of_two_steps_of_a_class_those_that_are_alike_belong_together() -> None:
    old = [step(SG, deriv=1, window_length=15), step(PLS)]
    new = [step(SG, deriv=0, window_length=7), step(SG, deriv=1, window_length=15), step(PLS)]
    assert [d.kind for d in diff_chains(old, new)] == ["added", "same", "same"]


def train(workspace: Workspace, dataset: Dataset, *configs: Any) -> list[str]:
    workspace.run_batch(dataset, configs, charts=False)
    rows = workspace.catalog.rows(workspace.catalog.keys(order_by="created_at"))
    return [row["prediction_id"] for row in rows]


def test_chosen_parameters_are_told_from_defaults_also_when_a_folder_is_gone(
    workspace: Workspace, dataset: Dataset
) -> None:
    ids = train(
        workspace, dataset, [StandardScaler(), Ridge(alpha=2.0)], [StandardScaler(), Ridge(solver="svd")], [Ridge()]
    )  # fmt: skip
    place = workspace.place_of(ids[1])
    assert place is not None
    shutil.rmtree(workspace.layout.run(place[0]) / place[1])
    workspace.sync()
    grid = workspace.compare_chains(ids, ids[0])
    assert [chain.steps[1].chosen for chain in grid.chains[:2]] == [{"alpha"}, {"solver"}]
    (ridge,) = (row for row in grid.rows if row.title == "Ridge")
    diff = ridge.cells[1]
    assert diff is not None and diff.kind == "changed"
    assert {(c.name, c.old, c.new, c.old_chosen, c.new_chosen) for c in diff.changes} == {
        ("alpha", 2.0, 1.0, True, False),
        ("solver", "auto", "svd", False, True),
    }


def test_steps_within_steps_are_compared(workspace: Workspace, dataset: Dataset) -> None:
    def nested(scaler: Any, model: Any) -> list[Any]:
        columns = ColumnTransformer([("first", scaler, [0, 1]), ("rest", "passthrough", [2, 3])])
        return [columns, GridSearchCV(Pipeline([("model", model)]), {"model__alpha": [1.0]}, cv=2)]

    ids = train(
        workspace, dataset, nested(StandardScaler(), Ridge()), nested(MinMaxScaler(), Ridge(alpha=3.0)),
        nested(StandardScaler(), Lasso()),
    )  # fmt: skip
    grid = workspace.compare_chains(ids, ids[0])
    assert [row.title for row in grid.rows] == ["ColumnTransformer", "GridSearchCV"]
    columns, search = (row.cells for row in grid.rows)
    assert columns[1] is not None and search[1] is not None and search[2] is not None
    assert sorted((p.kind, (p.old or p.new).title) for p in columns[1].parts) == [  # type: ignore[union-attr]
        ("added", "MinMaxScaler"),
        ("removed", "StandardScaler"),
        ("same", "passthrough"),
    ]
    (pipeline,) = search[1].parts
    (model,) = pipeline.parts
    assert (search[1].kind, model.kind, [c.name for c in model.changes]) == ("changed", "changed", ["alpha"])
    assert sorted(part.kind for part in search[2].parts[0].parts) == ["added", "removed"]


def test_many_chains_share_the_rows_of_their_steps(workspace: Workspace, dataset: Dataset) -> None:
    ids = train(
        workspace, dataset, [StandardScaler(), Ridge()], [StandardScaler(), MinMaxScaler(), Ridge()],
        [MinMaxScaler(), Lasso()], [MinMaxScaler(), StandardScaler(), Ridge()],
    )  # fmt: skip
    grid = workspace.compare_chains(ids, ids[0])
    kinds = {row.title: [cell.kind if cell else None for cell in row.cells] for row in grid.rows}
    assert [row.title for row in grid.rows].count("Lasso") == 1
    assert kinds["StandardScaler"] == ["same", "same", "removed", "same"]
    assert kinds["Ridge"] == ["same", "same", "removed", "same"]
    assert kinds["Lasso"] == [None, None, "added", None]
    assert grid.rows[-1].title in ("Ridge", "Lasso")
    for number, chain in enumerate(grid.chains):  # every step of every chain has its cell
        shown = [row.cells[number] for row in grid.rows]
        assert {c.new_place for c in shown if c is not None and c.new is not None} == set(range(len(chain.steps)))


def test_descriptions_that_are_no_steps_are_one_step(workspace: Workspace) -> None:
    run = workspace.create_run("corn")
    for k in (1, 2):
        run.add_pipeline({"model": "mean", "k": k}, name=f"p{k}").complete()
    empty = run.add_pipeline(None, name="empty")
    empty.complete()
    workspace.sync()
    ids = [p.prediction_id for p in run.pipelines()]
    grid = workspace.compare_chains(ids, ids[0])
    (row,) = grid.rows
    assert row.title == "mean" and row.cells[1] is not None
    assert [(c.name, c.old, c.new) for c in row.cells[1].changes] == [("k", 1, 2)]
    assert grid.chains[2].problem and row.cells[2] is None
