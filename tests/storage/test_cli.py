"""The command line as people and scripts use it: real processes where it matters, exit codes, output."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from storage import Workspace
from storage.cli import main
from tests.storage.samples import fill

GRID = """
name: ridge
steps:
  - class: sklearn.preprocessing.StandardScaler
  - class: sklearn.linear_model.Ridge
grid:
  Ridge__alpha: [0.1, 1.0, 10.0]
"""


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "ridge.yaml"
    path.write_text(GRID)
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_a_morning_with_the_command_line(
    root: Path, spectra_csv: Path, grid: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("init", root) == 0
    train = ["run", spectra_csv, "--target", "protein", "--split-column", "split", "--pipelines", grid, "-w", root]
    assert run(*train, "--run-name", "first", "--jobs", 2) == 0
    said = capsys.readouterr().out
    assert "3 completed, 0 failed" in said and "Best by val_rmse" in said
    assert run(*train) == 0
    said = capsys.readouterr().out
    assert said.count("Skipped ridge alpha=") == 3 and "--again" in said

    monkeypatch.chdir(root / "runs")  # the workspace one stands in
    assert run("catalog", "best", "test_rmse", "-n", 1, "--format", "json") == 0
    (best,) = json.loads(capsys.readouterr().out)
    expected = duckdb.sql(
        f"select pipeline_id, test_rmse from read_parquet('{root}/catalog/predictions_meta.parquet/*.parquet') "
        "order by test_rmse limit 1"
    ).fetchall()
    assert [(best["pipeline_id"], best["test_rmse"])] == expected

    assert run("catalog", "search", "test_rmse > 0", "--order-by", "-test_rmse", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(r["test_rmse"]) for r in rows] == sorted((float(r["test_rmse"]) for r in rows), reverse=True)

    assert run("runs", "list") == 0
    assert "_corn_first" in capsys.readouterr().out
    run_id = next((root / "runs").iterdir()).name
    assert run("runs", "show", run_id, "--format", "json") == 0
    assert [p["status"] for p in json.loads(capsys.readouterr().out)] == ["completed"] * 3

    assert run("index", "rebuild") == 0
    assert "3 results" in capsys.readouterr().out
    assert run("index", "status", "--format", "json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["current"] is True and status["predictions"] == 3


def test_several_files_may_follow_one_option(root: Path, spectra_csv: Path, grid: Path, tmp_path: Path) -> None:
    Workspace.create(root).close()
    other = tmp_path / "other.yaml"
    other.write_text("{name: other, steps: [{class: sklearn.linear_model.LinearRegression}]}")
    names = ["a", "b", "c", "d"]
    assert (
        run(
            "run",
            spectra_csv,
            "--target",
            "protein",
            "--pipelines",
            grid,
            other,
            "--pipeline-names",
            *names,
            "--no-charts",
            "-w",
            root,
        )
        == 0
    )
    with Workspace.open(root) as workspace:
        assert sorted(workspace.catalog.search()["pipeline_name"]) == names


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have one")
def test_no_display_is_a_sentence(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Workspace.create(root).close()
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert run(root) == 1
    assert "no display" in capsys.readouterr().err


def test_wrong_use_is_a_sentence_and_exit_code_2(
    root: Path, spectra_csv: Path, grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(root).close()
    unknown = tmp_path / "unknown.yaml"
    unknown.write_text("steps: [{class: sklearn.linear_model.Rigde}]")
    empty = tmp_path / "empty.yaml"
    empty.write_text(GRID.replace("[0.1, 1.0, 10.0]", "[]"))
    gaps = tmp_path / "gaps.csv"
    gaps.write_text("1100,1102,protein\n1,2,3\n,5,6\n7,8,9\n")
    before = sorted(tmp_path.rglob("*"))

    def said(data: Path, *options: object, target: str = "protein", pipelines: Path = grid) -> str:
        assert run("run", data, "--target", target, "--pipelines", pipelines, "-w", root, *options) == 2
        shown = capsys.readouterr().err
        assert shown.startswith("Error: ") and "Traceback" not in shown and len(shown.splitlines()) >= 2
        return shown

    assert "not there" in said(tmp_path / "missing.csv")
    assert "Did you mean 'protein'" in said(spectra_csv, target="protien")
    assert "1 of 3 samples has missing" in said(gaps)
    assert "no class Rigde" in said(spectra_csv, pipelines=unknown)
    assert "has no values" in said(spectra_csv, pipelines=empty)
    assert "'../../x'" in said(spectra_csv, "--dataset", "../../x")
    assert "device name" in said(spectra_csv, "--dataset", "CON")
    assert "character '/'" in said(spectra_csv, "--run-name", "a/b")
    assert "is no task" in said(spectra_csv, "--task", "clustering")
    assert [p for p in sorted(tmp_path.rglob("*")) if ".staging" not in p.parts] == [
        p for p in before if ".staging" not in p.parts
    ]
    assert run("run", spectra_csv) == 2 and run("catalog", "best") == 2 and run("nonsense") == 2
    capsys.readouterr()
    assert run("runs", "list", "-w", tmp_path) == 2
    assert "runshelf init" in capsys.readouterr().err


def test_a_wrong_query_is_marked_at_the_place(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
    assert run("catalog", "search", "-w", root, "test_rmze < 1") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:] == ["  test_rmze < 1", "  ^^^^^^^^^", "Did you mean test_rmse?"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs", "show", ".."),
        ("runs", "show", "../catalog"),
        ("catalog", "search", "--limit", "9" * 30),
        ("catalog", "best", "test_rmse", "-n", "0"),
        ("catalog", "summary", "--by", "nothing"),
        ("catalog", "compare", "x", "created_at"),
    ],
)
def test_odd_arguments_are_wrong_use(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 1)
    assert run(*arguments, "-w", root) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_summary_and_compare_as_csv(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.create(root) as workspace:
        fill(workspace, 3)
        digest = workspace.catalog.search("pipeline_name = p1")["config_hash"].iloc[0]
    assert run("catalog", "summary", "--metric", "test_r2", "--format", "csv", "-w", root) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["dataset_name"], row["results"], float(row["best_test_r2"])) == ("corn", "3", 1.0)
    assert run("catalog", "compare", digest, "test_r2", "--format", "csv", "-w", root) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert float(row["best_test_r2"]) == 0.9


def test_failed_work_is_exit_code_1(
    root: Path, spectra_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(root).close()
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "{name: bad, steps: [{class: sklearn.cross_decomposition.PLSRegression, params: {n_components: -1}}]}"
    )
    assert run("run", spectra_csv, "--target", "protein", "--pipelines", bad, "-w", root) == 1
    shown = capsys.readouterr()
    assert "Failed bad: InvalidParameterError" in shown.err and "1 failed" in shown.out


def test_text_that_is_a_formula_comes_out_harmless(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace.create(root) as workspace:
        run_ = workspace.create_run("corn")
        pipeline = run_.add_pipeline({"k": 1}, name="=cmd|' /C calc'!A0")
        pipeline.save_metrics({"test": {"bias": -0.5}})
        pipeline.complete()
    run("catalog", "search", "--format", "csv", "-w", root)
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["pipeline_name"].startswith("'=") and row["test_bias"] == "-0.5"


def shell(*arguments: object, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "storage", *(str(a) for a in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_batch_that_is_stopped_goes_on_where_it_was(
    root: Path, spectra_csv: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """Kill the batch in its middle, start it again: finished work is kept, nothing is there twice."""
    Workspace.create(root).close()
    forest = tmp_path / "forest.yaml"
    forest.write_text(
        "{name: f, steps: [{class: sklearn.ensemble.RandomForestRegressor, params: {n_estimators: 20}}], "
        "grid: {RandomForestRegressor__max_depth: [1,2,3,4,5,6]}}"
    )
    command = ("run", spectra_csv, "--target", "protein", "--pipelines", forest, "-w", root, "--format", "json")
    batch = shell(*command)
    while len(list(root.glob("runs/*/*/metrics.json"))) < 2:
        assert batch.poll() is None, batch.communicate()
        time.sleep(0.01)
    batch.send_signal(how)
    batch.communicate()
    assert batch.returncode == (-9 if how is signal.SIGKILL else 130)
    with Workspace.open(root) as workspace:
        (stopped,) = workspace.runs()
        assert stopped.status == ("interrupted" if how is signal.SIGKILL else "cancelled")
        completed = {p.prediction_id for p in workspace.pipelines(stopped.run_id) if p.status == "completed"}
        assert 1 <= len(completed) < 6
        assert set(workspace.catalog.search()["prediction_id"]) == completed
    again = shell(*command, "--no-charts")
    outcome = json.loads(again.communicate()[0])
    assert (again.returncode, outcome["completed"], len(outcome["skipped"])) == (0, 6 - len(completed), len(completed))
    with Workspace.open(root) as workspace:
        names = workspace.catalog.search()["pipeline_name"]
        assert len(names) == 6 and names.is_unique
        (run_,) = workspace.runs()
        assert run_.successful == 6


# ---------------------------------------------------------------- completion by the shell


@pytest.mark.parametrize(
    ("line", "expected", "others"),
    [
        ("runshelf cat", {"catalog"}, {"check"}),
        ("runshelf ", {"catalog", "run", "export"}, set()),
        ("runshelf catalog b", {"best"}, {"search"}),
        ("runshelf catalog best --", {"--dataset", "--format", "--workspace"}, {"--keep"}),
        ("runshelf thin --", {"--keep", "--undo", "--dry-run"}, {"--dataset-name"}),
    ],
)
def test_the_shell_is_told_what_may_come_and_no_window_opens(line: str, expected: set[str], others: set[str]) -> None:
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")  # a window fails at once where there is none
    asked = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "_RUNSHELF_COMPLETE": "complete_bash",
    }
    env = {name: value for name, value in os.environ.items() if name not in displays} | asked
    with shell(env=env) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert expected <= set(out.split()) and not others & set(out.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_with_the_script_that_is_shown(tmp_path: Path) -> None:
    command = tmp_path / "runshelf"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m storage "$@"\n')
    command.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    line = (
        'eval "$(runshelf --show-completion bash)"; COMP_WORDS=(runshelf cat); COMP_CWORD=1;'
        ' _runshelf_completion runshelf; echo "${COMPREPLY[*]}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", line], env=env, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("catalog\n", "", 0)


def test_a_dry_run_tells_which_pipelines_are_made_for_another_task(
    root: Path, spectra_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(root).close()
    config = tmp_path / "svc.yaml"
    config.write_text("{name: svc, steps: [{class: sklearn.svm.SVC}]}")
    assert run("run", spectra_csv, "--target", "protein", "--pipelines", config, "-w", root, "--dry-run") == 0
    assert "svc (not made for regression: it is likely to fail)" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="closing a stream takes a shell of Unix, a name that is no text too")
def test_without_an_output_or_a_name_of_the_user_it_does_its_work(root: Path) -> None:
    Workspace.create(root).close()
    command = f"exec {sys.executable} -m storage runs list -w {root} >&-"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        [sys.executable, "-m", "storage", "runs", "list", "-w", str(root)], capture_output=True, text=True, check=False,
        env={**os.environ, "LOGNAME": "\udcff"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_number_in_a_configuration_that_python_can_not_write_is_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Workspace.create(root).close()
    config = tmp_path / "ridge.yaml"
    config.write_text(f"{{name: r, steps: [{{class: sklearn.linear_model.Ridge, params: {{alpha: 0x{'f' * 5000}}}}}]}}")
    assert main(["library", "save", "template", "ridge", "--config", str(config), "-w", str(root)]) == 2
    assert "too large" in capsys.readouterr().err
