"""Several processes at one workspace for as long as one likes, killed at random: what was acknowledged is there.

    python -m tests.faults.soak --minutes 10 --seed 1 --workers 3

Each worker writes down, outside the workspace, what it begins and what was acknowledged. What was begun and not
acknowledged when it was killed may be there or not. At the end everything acknowledged must be there, the deep check
clean, and the rebuilt index must tell what the maintained one told, and what DuckDB reads in the files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from storage import Workspace, check_workspace
from storage.errors import Conflict
from tests.storage.kills import processes

PATIENCE = 120  # seconds that the workers have to come to their end


# ---------------------------------------------------------------- what a worker has written down


@dataclass
class State:
    """What a worker knows to be there; `limbo` are results of which it was killed before it knew."""

    live: dict[str, dict[str, Any]] = field(default_factory=dict)  # by prediction id: name, value, notes
    trashed: dict[str, list[str]] = field(default_factory=dict)  # ids by trash id
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    limbo: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)  # names of pipelines that may have come to be
    library: set[str] = field(default_factory=set)
    archives: set[str] = field(default_factory=set)
    exports: set[str] = field(default_factory=set)
    acknowledged: int = 0
    number: int = 0
    failures: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> State:
        """What the lines of a worker's file amount to."""
        state, open_ = cls(), dict[str, Any]()
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                told = json.loads(line)
            except ValueError:
                continue  # the worker was killed while it wrote it
            if told["what"] == "begin":
                state.give_up(open_)
                open_ = told
                state.number = max(state.number, told.get("number", 0))
                state.begun |= {told["name"]} if told["op"] == "add" else set()
            elif told["what"] == "failed":
                state.failures.append(told["why"])
            else:
                state.take(told)
                open_ = {}
        state.give_up(open_)
        return state

    def give_up(self, open_: dict[str, Any]) -> None:
        """Of what was begun and not acknowledged nothing is known."""
        self.limbo |= set(open_.get("ids", ()))
        if open_.get("op") == "unkeep":
            self.library.discard(open_["name"])

    def take(self, told: dict[str, Any]) -> None:
        """Take in what was acknowledged."""
        self.acknowledged += 1
        self.kinds[told["op"]] = self.kinds.get(told["op"], 0) + 1
        match told["op"]:
            case "add":
                self.live[told["id"]] = {"name": told["name"], "value": told["value"], "notes": None}
            case "annotate":
                for one in told["ids"]:
                    self.live[one]["notes"] = told["notes"]
            case "delete":
                self.trashed[told["trash_id"]] = told["ids"]
                for one in told["ids"]:
                    self.deleted[one] = self.live.pop(one)
            case "restore":
                for one in self.trashed.pop(told["trash_id"]):
                    self.live[one] = self.deleted.pop(one)
            case "keep":
                self.library.add(told["name"])
            case "unkeep":
                self.library.discard(told["name"])
            case "archive":
                self.archives |= set(told["names"])
            case "export":
                self.exports.add(told["name"])

    @property
    def sure(self) -> list[str]:
        """The results that are there for sure."""
        return [one for one in self.live if one not in self.limbo]


class Diary:
    """Where a worker writes down what it does: each line is on the disk before it goes on."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(self._file, b"\n")  # the line before may have been cut short

    def write(self, what: str, **told: Any) -> None:
        os.write(self._file, (json.dumps({"what": what, **told}) + "\n").encode())
        os.fsync(self._file)


# ---------------------------------------------------------------- a worker


class Worker:
    """Does random things to its own results, and to the workspace as a whole."""

    def __init__(self, folder: Path, owner: int, seed: int) -> None:
        self.root = folder / "workspace"
        self.owner = owner
        self.random = random.Random(seed)
        self.path = folder / f"worker-{owner}.jsonl"
        self.state = State.read(self.path)
        self.diary = Diary(self.path)
        self.folder = folder

    def work(self) -> None:
        """Work until the main process says stop."""
        while not (self.folder / "stop").exists():
            try:
                with Workspace.open(self.root) as workspace:
                    for _ in range(self.random.randint(1, 12)):
                        if (self.folder / "stop").exists():
                            return
                        self._one(workspace)
            except Exception as error:  # whatever it is, it is told at the end
                self.diary.write("failed", why=f"{type(error).__name__}: {error}")
                return

    def _one(self, workspace: Workspace) -> None:
        doings: list[tuple[int, Callable[[Workspace], None]]] = [
            (40, self._add), (12, self._annotate), (8, self._delete), (6, self._restore), (4, self._compact),
            (4, self._keep), (3, self._unkeep), (3, self._archive), (3, self._export), (2, self._rebuild),
            (3, self._rename_run), (3, self._check), (2, self._lose_index),
        ]  # fmt: skip
        (do,) = self.random.choices([do for _, do in doings], [weight for weight, _ in doings])
        do(workspace)

    def _did(self, op: str, **told: Any) -> None:
        self.diary.write("done", op=op, **told)
        self.state.take({"op": op, **told})

    def _begin(self, op: str, **told: Any) -> None:
        self.diary.write("begin", op=op, **told)

    def _some(self, most: int = 3) -> list[str]:
        there = self.state.sure
        return self.random.sample(there, min(len(there), self.random.randint(1, most)))

    def _add(self, workspace: Workspace) -> None:
        self.state.number += 1
        name, value = f"o{self.owner}-{self.state.number}", round(self.random.uniform(0.1, 9), 6)
        self._begin("add", name=name, number=self.state.number)
        run = workspace.create_run("corn", f"o{self.owner}-{self.state.number // 15}")
        pipeline = run.add_pipeline({"k": self.state.number}, name=name)
        pipeline.save_artifact("model", np.full(50, value))
        pipeline.save_metrics({"test": {"rmse": value}, "val": {f"m{self.random.randint(0, 4)}": 1.0}})
        pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [value, 2.0]}))
        pipeline.complete()
        self._did("add", name=name, id=pipeline.prediction_id, value=value)
        if self.random.random() < 0.3:
            run.finalize()

    def _annotate(self, workspace: Workspace) -> None:
        if ids := self._some():
            notes = f"note {self.random.random()}"
            self._begin("annotate", ids=ids)
            workspace.catalog.annotate(ids, notes=notes, add_tags=["seen"])
            self._did("annotate", ids=ids, notes=notes)

    def _delete(self, workspace: Workspace) -> None:
        if ids := self._some():
            self._begin("delete", ids=ids)
            plan = workspace.catalog.plan_delete("some", ids)
            plan.apply()
            self._did("delete", ids=ids, trash_id=plan.trashed[0])

    def _restore(self, workspace: Workspace) -> None:
        sure = [one for one, ids in self.state.trashed.items() if not self.state.limbo & set(ids)]
        if sure:
            trash_id = self.random.choice(sure)
            self._begin("restore", ids=self.state.trashed[trash_id])
            workspace.catalog.restore(trash_id)
            self._did("restore", trash_id=trash_id)

    def _place(self, workspace: Workspace) -> tuple[str, str]:
        row = workspace.catalog.get(self._some(1)[0])
        return row["run_id"], row["pipeline_id"]

    def _keep(self, workspace: Workspace) -> None:
        if self.state.sure:
            self.state.number += 1
            name = f"kept {self.owner} {self.state.number}"
            self._begin("keep", number=self.state.number)
            workspace.library.save_pipeline(*self._place(workspace), name)
            self._did("keep", name=name)

    def _unkeep(self, workspace: Workspace) -> None:
        if self.state.library:
            name = self.random.choice(sorted(self.state.library))
            self._begin("unkeep", name=name)
            workspace.library.plan_delete("pipeline", name).apply()
            self._did("unkeep", name=name)

    def _archive(self, workspace: Workspace) -> None:
        if self.state.sure:
            self._begin("archive")
            found = workspace.archive("pipeline", prediction_ids=self._some(1))
            self._did("archive", names=[one.name for one in found])

    def _export(self, workspace: Workspace) -> None:
        self.state.number += 1
        name = f"export-{self.owner}-{self.state.number}.csv"
        self._begin("export", number=self.state.number)
        with suppress(Conflict):  # the index was made again meanwhile
            workspace.catalog.export(self.folder / name)
            self._did("export", name=name)

    def _compact(self, workspace: Workspace) -> None:
        self._begin("compact")
        workspace.catalog.compact()
        self._did("compact")

    def _rebuild(self, workspace: Workspace) -> None:
        self._begin("rebuild")
        workspace.rebuild_index()
        self._did("rebuild")

    def _lose_index(self, workspace: Workspace) -> None:
        """By hand, under all who have it open; sometimes its journal stays."""
        self._begin("lose index")
        for suffix in ("", "-wal", "-shm")[: self.random.choice((1, 3))]:
            (self.root / "catalog" / f"index.sqlite{suffix}").unlink(missing_ok=True)
        self._did("lose index")

    def _check(self, workspace: Workspace) -> None:
        self._begin("check")
        report = check_workspace(self.root)
        wrong = [one for one in report.findings if one.severity == "damage"]
        if wrong:
            self.diary.write("failed", why=f"a check at work found {wrong}")
        self._did("check")

    def _rename_run(self, workspace: Workspace) -> None:
        """By hand, as somebody does it: a run to which nothing is added any more."""
        current = f"_o{self.owner}-{self.state.number // 15}"
        mine = [one for one in (self.root / "runs").glob(f"*_o{self.owner}-*") if not one.name.endswith(current)]
        ended = [one for one in mine if json.loads((one / "run_summary.json").read_text())["status"] != "running"]
        if ended:
            self._begin("rename")
            one = self.random.choice(sorted(ended))
            base = one.name.partition(" renamed")[0]
            one.rename(one.with_name(f"{base} renamed {self.random.randint(0, 10**6)}"))
            workspace.sync()
            self._did("rename")


def work(folder: Path, owner: int, seed: int) -> None:
    """The whole life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(folder, owner, seed).work()


# ---------------------------------------------------------------- from outside


def soak(folder: Path, seconds: float, workers: int, seed: int, calm: float = 2.0) -> dict[str, Any]:
    """Let workers work and kill them; returns what was counted. Raises AssertionError where something is lost."""
    chance = random.Random(seed)
    Workspace.create(folder / "workspace").close()
    alive = {owner: _start(folder, owner, chance.random()) for owner in range(workers)}
    end, kills = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        owner = chance.randrange(workers)
        alive[owner].join(min(chance.expovariate(1 / calm), max(0.0, end - time.monotonic())))
        kills += alive[owner].is_alive()
        alive[owner].kill()
        alive[owner].join()
        alive[owner] = _start(folder, owner, chance.random())
    (folder / "stop").touch()
    for process in alive.values():
        process.join(PATIENCE)
        assert not process.is_alive(), "a worker hangs"
    return {"kills": kills, "seed": seed, **verify(folder, workers)}


def _start(folder: Path, owner: int, seed: float) -> Any:
    process = processes().Process(target=work, args=(folder, owner, int(seed * 2**31)), daemon=True)
    process.start()
    return process


def verify(folder: Path, workers: int) -> dict[str, Any]:
    """Compare the workspace with what was acknowledged; returns what was counted."""
    root = folder / "workspace"
    states = [State.read(folder / f"worker-{owner}.jsonl") for owner in range(workers)]
    failures = [failure for state in states for failure in state.failures]
    assert not failures, failures
    Workspace.open(root).close()  # the last of the killed ones are cleared up after
    with Workspace.open(root) as workspace:
        rows = {row["prediction_id"]: row for row in workspace.catalog.search(limit=None).to_dict("records")}
        for state in states:
            _compare(workspace, state, rows)
        names = [row["pipeline_name"] for row in rows.values()]
        assert len(set(names)) == len(names), "a result is there twice"
        assert set(names) <= {name for state in states for name in state.begun}
        maintained = _answers(workspace)
        workspace.rebuild_index()
        differs = _difference(maintained, _answers(workspace))
        assert not differs, f"the rebuilt index tells otherwise: {differs}"
        kept = {item.name for item in workspace.library.list()}
        archives = {one.name for one in workspace.archives()}
        for state in states:
            assert state.library <= kept and state.archives <= archives
            assert all((folder / name).stat().st_size for name in state.exports)
    files = duckdb.sql(f"select prediction_id, test_rmse from '{root}/catalog/predictions_meta.parquet/*.parquet'")
    assert dict(files.fetchall()) == {one: row["test_rmse"] for one, row in rows.items()}
    report = check_workspace(root, deep=True)
    assert report.verdict == "clean", [one for one in report.findings if one.severity != "note"]
    counted = {kind: sum(state.kinds.get(kind, 0) for state in states) for kind in sorted(
        {kind for state in states for kind in state.kinds})}  # fmt: skip
    return {"acknowledged": sum(state.acknowledged for state in states), "results": len(rows),
            "limbo": sum(len(state.limbo) for state in states), "runs": report.checked["runs"], **counted}  # fmt: skip


def _compare(workspace: Workspace, state: State, rows: dict[str, Any]) -> None:
    """Whether everything is there that a worker knows to be there, and nothing that it deleted."""
    for one in state.sure:
        assert one in rows, f"{state.live[one]} is lost"
        notes = rows[one]["notes"]
        assert (notes if isinstance(notes, str) else None) == state.live[one]["notes"], state.live[one]
        assert rows[one]["test_rmse"] == state.live[one]["value"]
        (block,) = workspace.catalog.arrays(one)
        assert block.y_pred[0] == state.live[one]["value"]
    back = [one for one in state.deleted if one in rows and one not in state.limbo]
    assert not back, f"{back} came back"
    entries = {record.trash_id for record in workspace.catalog.trash()}
    assert {trash_id for trash_id, ids in state.trashed.items() if not state.limbo & set(ids)} <= entries


def _answers(workspace: Workspace) -> Any:
    """What an index tells: every row, every run, every pipeline."""
    workspace.sync()
    rows = workspace.catalog.rows(workspace.catalog.keys(order_by="pipeline_name"))
    runs = [(one.run_id, one.folder, one.status) for one in workspace.runs()]
    pipelines = [
        (p.pipeline_id, p.status, p.number) for run in workspace.runs() for p in workspace.pipelines(run.run_id)
    ]
    told = [{k: v for k, v in sorted(row.items()) if v is not None and k != "key"} for row in rows]
    return told, sorted(runs), sorted(pipelines)


def _difference(one: Any, other: Any) -> list[Any]:
    """What is told in one way here, in another there."""
    return [pair for mine, theirs in zip(one, other, strict=True) for pair in (
        [(x, "") for x in mine if x not in theirs] + [("", x) for x in theirs if x not in mine])]  # fmt: skip


def main() -> int:
    """Soak as the command line says."""
    parser = argparse.ArgumentParser(description="Several processes at one workspace, killed at random.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--calm", type=float, default=2.0, help="seconds between two kills, on average")
    parser.add_argument("--folder", type=Path, help="where to work, new; else a folder that is gone at the end")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(soak(folder, options.minutes * 60, options.workers, options.seed, options.calm))
    return 0


if __name__ == "__main__":
    sys.exit(main())
