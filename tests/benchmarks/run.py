"""Measure Runshelf against its budgets, each line beside a baseline taken in the same run.

    python3 start.py bench [--rows N] [--json FILE] [--readme]

Prints a table; `--readme` also puts it into README.md, with the date and the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MARKS = ("<!-- benchmark: begin -->", "<!-- benchmark: end -->")


@dataclass(frozen=True)
class Line:
    """One measured budget: values in milliseconds (median and spread), beside its baseline."""

    what: str
    measured: str
    baseline: str
    budget: str
    kept: bool


def timed(work: Callable[[], Any], times: int = 7, warmup: int = 1) -> list[float]:
    """Milliseconds of each of `times` calls, after `warmup` more."""
    found = []
    for i in range(warmup + times):
        start = time.perf_counter()
        work()
        if i >= warmup:
            found.append((time.perf_counter() - start) * 1e3)
    return found


def spread(values: list[float]) -> str:
    """Median and range, for example `4.1 ms (3.9–6.0)`."""
    middle = statistics.median(values)
    digits = 1 if middle < 100 else 0
    return f"{middle:.{digits}f} ms ({min(values):.{digits}f}–{max(values):.{digits}f})"


def process(*arguments: str, times: int = 7) -> list[float]:
    """Milliseconds of a whole process."""

    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=ROOT)

    return timed(run, times)


# ---------------------------------------------------------------- the lines


def start_up(workspace: Path, rows: int) -> Iterator[Line]:
    bare = process("-c", "pass")
    found = process("-c", "import storage")
    middle = statistics.median(found)
    yield Line(
        "`import storage`, whole process", spread(found), f"bare Python {spread(bare)}", "≤ 300 ms", middle <= 300
    )
    found = process("-m", "storage", "catalog", "best", "test_rmse", "-w", str(workspace))
    yield Line(
        f"`runshelf catalog best`, whole process, {rows:,} rows",
        spread(found),
        f"bare Python {spread(bare)}",
        "≤ 600 ms",
        statistics.median(found) <= 600,
    )


def appending(folder: Path, count: int) -> Iterator[Line]:
    """One result after the other into one run: folder, documents, catalog and index, all durable."""
    import pandas as pd

    from storage import Workspace

    table = pd.DataFrame({"y_true": [float(i) for i in range(50)], "y_pred": [i + 0.5 for i in range(50)]})
    commit: list[float] = []
    whole: list[float] = []
    with Workspace.create(folder) as workspace:
        run = workspace.create_run("bench")
        append = workspace.catalog.append

        def measured(*arguments: Any) -> None:
            start = time.perf_counter()
            append(*arguments)
            commit.append((time.perf_counter() - start) * 1e3)

        workspace.catalog.append = measured  # type: ignore[method-assign]
        for i in range(count):
            start = time.perf_counter()
            pipeline = run.add_pipeline({"model": "m", "i": i}, name="bench")
            pipeline.save_metrics({"test": {"rmse": i / count, "r2": 0.5}})
            pipeline.save_predictions(table)
            pipeline.complete()
            whole.append((time.perf_counter() - start) * 1e3)
        base = timed(lambda: _synced(folder / "plain.bin"), 50)
    plain = f"write + fsync of one file {spread(base)}"
    late = statistics.median(whole[-count // 4 :])
    yield Line("append one result: catalog commit", spread(commit), plain, "≤ 10 ms", statistics.median(commit) <= 10)
    yield Line(
        f"append one result: the whole, {count} in a row",
        f"{spread(whole)}, last quarter {late:.1f} ms",
        plain,
        "≤ 30 ms",
        late <= 30,
    )


def _synced(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"x" * 8000)
        file.flush()
        os.fsync(file.fileno())


def overhead(folder: Path) -> Iterator[Line]:
    """The demo batch against the same pipelines in plain scikit-learn, charts aside, in pairs."""
    import numpy as np
    from sklearn.base import clone

    from storage import Workspace, load_configs, load_dataset
    from storage.demo import write_demo_data
    from storage.estimators import build_splitter

    plain_ms, ours_ms, pipelines = [], [], 0
    for attempt in range(4):
        plain = ours = 0.0
        pipelines = 0
        with Workspace.create(folder / f"overhead{attempt}") as workspace:
            for demo in write_demo_data(folder / "data"):
                request = demo.request()
                data = load_dataset(
                    demo.data, [demo.target], split_column=demo.split_column, test_size=demo.test_size, units=demo.units
                )
                configs = load_configs(request.pipelines)
                pipelines += len(configs)
                y = np.asarray(data.labels)[data.y] if data.labels else data.y
                train, test = data.train_rows, data.test_rows
                start = time.perf_counter()
                for config in configs:
                    model = config.build(0)
                    splitter = build_splitter(config.cv, data.task_type, 0)
                    for a, b in splitter.split(data.X[train], y[train]):
                        clone(model).fit(data.X[train][a], y[train][a]).predict(data.X[train][b])
                    model.fit(data.X[train], y[train])
                    model.predict(data.X[train])
                    model.predict(data.X[test])
                plain += time.perf_counter() - start
                start = time.perf_counter()
                workspace.run_batch(data, configs, charts=False)
                ours += time.perf_counter() - start
        if attempt:  # the first warms up
            plain_ms.append(plain * 1e3 / pipelines)
            ours_ms.append(ours * 1e3 / pipelines)
    extra = [o - p for o, p in zip(ours_ms, plain_ms, strict=True)]
    yield Line(
        f"runner, demo batch of {pipelines} pipelines: extra a pipeline, charts aside",
        spread(extra),
        f"plain scikit-learn {spread(plain_ms)}",
        "≤ 30 ms",
        statistics.median(extra) <= 30,
    )


def charts(folder: Path) -> Iterator[Line]:
    import io

    import numpy as np

    from storage import PredictionArrays
    from storage.figures import parity

    values = np.linspace(0, 1, 200)
    arrays = [PredictionArrays(p, None, np.arange(200), values, values**2) for p in ("train", "val", "test")]
    found = timed(lambda: parity(arrays, "title", "glucose").savefig(io.BytesIO(), dpi=100), 15)
    yield Line(
        "draw one chart (PNG), off the training path", spread(found), "–", "≤ 150 ms", statistics.median(found) <= 150
    )


def finding(workspace_folder: Path, rows: int) -> Iterator[Line]:
    """The best of many through the public door, beside the query that SQLite needs at the least."""
    import sqlite3

    from storage import Workspace

    with Workspace.open(workspace_folder) as workspace:
        found = timed(lambda: workspace.catalog.best("test_rmse", dataset="d1", n=50), 15)
        middle = timed(
            lambda: workspace.catalog.rows(workspace.catalog.keys(order_by="test_rmse")[rows // 2 :][:100]), 7
        )
    with sqlite3.connect(workspace_folder / "catalog/index.sqlite") as connection:
        sql = "select key from predictions where dataset_name = 'd1' and test_rmse > 0 order by test_rmse limit 50"
        raw = timed(lambda: connection.execute(sql).fetchall(), 15)
    yield Line(
        f"best 50 of a dataset among {rows:,}, to a DataFrame",
        spread(found),
        f"raw SQLite query {spread(raw)}",
        "≤ 10 ms",
        statistics.median(found) <= 10,
    )
    yield Line(
        f"a page from the middle of {rows:,} sorted rows",
        spread(middle),
        "–",
        "≤ 100 ms",
        statistics.median(middle) <= 100,
    )


def generate(folder: Path, rows: int) -> None:
    """Make a catalog of `rows` results straight as parts, by the documented format."""
    import numpy as np
    import pyarrow as pa

    from storage import Workspace
    from storage.parts import META_SCHEMA
    from storage.records import new_id

    Workspace.create(folder).close()
    random = np.random.default_rng(1)
    names = [f"test_{m}" for m in ("rmse", "mae", "r2", "rpd")] + [f"val_{m}" for m in ("rmse", "mae", "r2", "rpd")]
    schema = META_SCHEMA
    for name in names:
        schema = schema.append(pa.field(name, pa.float64()))
    columns: dict[str, Any] = {
        "prediction_id": [new_id() for _ in range(rows)],
        "dataset_name": [f"d{i % 20}" for i in range(rows)],
        "run_id": [f"2026-01-01_d{i % 20}_{i // 1000}" for i in range(rows)],
        "pipeline_id": [f"{i % 1000:04d}_p_{i:06x}" for i in range(rows)],
        "pipeline_name": [f"pls n_components={i % 30}" for i in range(rows)],
        "model_type": [("PLSRegression", "Ridge", "SVR")[i % 3] for i in range(rows)],
        "status": ["completed"] * rows,
        "created_at": (np.int64(1_780_000_000_000_000) + np.arange(rows) * 1000).astype("datetime64[us]"),
        **{name: random.gamma(2, 1, rows) for name in names},
    }
    arrays = []
    for field in schema:
        values = columns.get(field.name)
        arrays.append(pa.nulls(rows, field.type) if values is None else pa.array(values).cast(field.type))
    table = pa.Table.from_arrays(arrays, schema=schema)
    with Workspace.open(folder) as workspace:
        parts = workspace._parts
        files = [parts._write("meta", table.slice(i, 262_144)) for i in range(0, rows, 262_144)]
        manifest = parts.manifest().model_copy(update={"generation": 1, "meta": [part for _, part in files]})
        parts._commit([(staged, parts.path("meta", part)) for staged, part in files], manifest)
        workspace.sync()


# ---------------------------------------------------------------- the table


def table(lines: list[Line]) -> str:
    head = "| what | measured | beside it | budget | kept |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {line.what} | {line.measured} | {line.baseline} | {line.budget} | {'yes' if line.kept else '**no**'} |\n"
        for line in lines
    )


def caption() -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"Measured {date.today().isoformat()} on {machine}; median and range of several calls.\n"


def into_readme(text: str) -> None:
    readme = ROOT / "README.md"
    pattern = re.compile(re.escape(MARKS[0]) + ".*?" + re.escape(MARKS[1]), re.DOTALL)
    block = f"{MARKS[0]}\n{text}{MARKS[1]}"
    readme.write_text(pattern.sub(lambda _: block, readme.read_text("utf-8")), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the generated catalog")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder / "large", options.rows)
        lines = [
            *start_up(folder / "large", options.rows),
            *finding(folder / "large", options.rows),
            *appending(folder / "append", 400),
            *overhead(folder),
            *charts(folder),
        ]
    text = f"{caption()}\n{table(lines)}"
    print(text)
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=2, ensure_ascii=False), "utf-8")
    if options.readme:
        into_readme(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
