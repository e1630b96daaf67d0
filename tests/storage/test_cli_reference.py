"""docs/cli.md says what the commands are, and what they print for programs is what it says and what the files hold."""

from __future__ import annotations

import json
import runpy
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from storage import Workspace
from storage.cli import main
from storage.trust import Keyring
from tests.storage.samples import fill, fill_with_models

DOCS = Path(__file__).parents[2] / "docs"
MADE = runpy.run_path(str(DOCS / "make_cli_reference.py"))
LISTINGS, FACTS, EACH = MADE["LISTINGS"], MADE["FACTS"], MADE["EACH"]
VERBS = dict(MADE["verbs"]())
LOOKING = {"list", "show", "search", "best", "columns", "summary", "compare", "status", "verify"}
DESTROYING = {"delete", "empty", "thin", "check"}
KINDS = {"text": str, "time": str, "date": str, "integer": int, "number": (int, float), "boolean": bool}


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "cli.md").read_text("utf-8") == MADE["reference"](), "run: python docs/make_cli_reference.py"


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_explained_with_an_example_that_is_right_use(verb: str) -> None:
    command = VERBS[verb]
    words = shlex.split(MADE["example"](command))
    assert words[: 1 + len(verb.split())] == ["runshelf", *verb.split()]
    assert all(parameter.help for parameter in command.params if parameter.name != "help")
    command.make_context(verb, words[1 + len(verb.split()) :])  # refuses what is no option, and what lacks one


def test_what_lists_has_a_format_and_what_destroys_can_be_looked_at_first() -> None:
    listing = {verb for verb in VERBS if verb.split()[-1] in LOOKING and verb != "export best"}
    with_format = {verb for verb, command in VERBS.items() if "--format" in options(command)}
    assert listing <= with_format
    assert with_format - {"report run", "report dataset"} == set(LISTINGS) | set(FACTS)  # those write files
    destroying = {verb for verb in VERBS if verb.split()[-1] in DESTROYING}
    assert len(destroying) == 7
    assert destroying <= {verb for verb, command in VERBS.items() if {"--dry-run", "--yes"} <= options(command)}
    assert all("--dry-run" in options(command) for command in VERBS.values() if "--yes" in options(command))


@pytest.fixture
def filled(root: Path) -> Path:
    """Runs of two datasets, one of them with models, a failed pipeline, edits, and something of everything else."""
    with Workspace.create(root) as workspace:
        fill(workspace, 3)
        wheat = fill_with_models(workspace, 2, "wheat")
        run = workspace.create_run("corn", "second")
        run.add_pipeline({"model": "mean", "k": 0}, name="none").fail(ValueError("no such thing"))
        run.finalize()
        workspace.sync()
        workspace.catalog.annotate(workspace.catalog.ids("test_rmse < 2"), add_tags=["good", "a"], notes="n", stars=4)
        pipeline = workspace.pipelines(wheat)[0].pipeline_id
        workspace.library.save_pipeline(wheat, pipeline, "kept", "for the plant", ["b", "a"])
        workspace.library.save_template((wheat, pipeline), "again")
        workspace.archive("pipeline", run_id=wheat)
        workspace.catalog.plan_delete("pipeline_name = 'p2'").apply(lambda done, total, text: None)
        gone = fill_with_models(workspace, 1, "gone")
        workspace.plan_delete_run(gone).apply(lambda done, total, text: None)
    (root / "stray.txt").write_text("nobody's")
    return root


@pytest.fixture
def ask(filled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RUNSHELF_WORKSPACE", str(filled))  # trust is of no workspace and takes none

    def asked(*arguments: str) -> Any:
        capsys.readouterr()
        assert main([*arguments, "--format", "json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return asked


def conforms(row: dict[str, Any], shape: dict[str, str], given: dict[str, list[str]]) -> None:
    """The row has the columns of the shape in its order, `<…>` replaced by what is given, with values of its types."""
    expected = []
    for column, kind in shape.items():
        key = next((key for key in given if key in column), "")
        expected += [(column.replace(key, one), kind) for one in given[key]] if key else [(column, kind)]
    assert list(row) == [column for column, _ in expected]
    for column, kind in expected:
        words = kind.replace(", with commas", "").replace(",", " or").split(" or ")
        if row[column] is None:
            assert "null" in words, column
        elif not kind.startswith("list"):
            fits = [isinstance(row[column], KINDS[word.strip()]) for word in words if word.strip() != "null"]
            assert any(fits) and (isinstance(row[column], bool) <= ("boolean" in kind)), (column, row[column], kind)
            if kind.startswith("time"):
                datetime.fromisoformat(row[column])


def test_every_listing_prints_the_columns_and_types_that_the_page_says(filled: Path, ask: Any) -> None:
    Keyring().trust(["ab" * 32], "by phone")
    (wheat,) = [row["run_id"] for row in ask("runs", "list", "--dataset", "wheat")]
    hash_ = ask("catalog", "search", "dataset_name = 'wheat'")[0]["config_hash"]
    metrics = [row["name"] for row in ask("catalog", "columns") if row["kind"] == "metric"]
    assert {"test_rmse", "test_r2"} == set(metrics)
    arguments = {
        "runs show": [wheat],
        "runs verify": [wheat],
        "catalog best": ["test_rmse"],
        "catalog search": ["test_rmse * 2 as double"],
        "catalog compare": [hash_, "test_rmse"],
        "catalog summary": ["--metric", "test_rmse", "--by", "run_id"],
    }
    for verb, shape in LISTINGS.items():
        rows = ask(*verb.split(), *arguments.get(verb, []))
        assert rows, verb
        given = {"<metric>": metrics, "<computed>": ["double"], "<by>": ["run_id"]}
        if verb in ("catalog summary", "catalog compare"):
            given["<metric>"] = ["test_rmse"]
        for row in rows:
            conforms(row, shape, given)
    for row in ask("catalog", "best", "--each", "--per-dataset"):
        conforms(row, EACH, {})
    conforms(ask("index", "status"), FACTS["index status"], {})
    item = ask("library", "show", "pipeline", "kept")
    conforms(item, FACTS["library show"], {"<metric>": ["test_rmse"]})


def test_what_is_printed_is_what_duckdb_reads_in_the_parts(filled: Path, ask: Any) -> None:
    meta = f"read_parquet('{filled}/catalog/predictions_meta.parquet/*.parquet')"
    edits = (
        f"(select * from read_parquet('{filled}/catalog/annotations.parquet/*.parquet') "
        'qualify row_number() over (partition by prediction_id order by "at" desc) = 1)'
    )
    listed = ask("catalog", "list")
    table = duckdb.sql(
        f"select m.* replace (epoch_ms(created_at) as created_at), e.tags, e.notes, e.stars, "
        "case when len(e.tags) > 0 or e.notes <> '' or e.stars > 0 then epoch_ms(e.\"at\") end as noted_at "
        f"from {meta} m "
        f"left join {edits} e using (prediction_id) "
        "order by m.created_at desc"
    )
    rows = [dict(zip(table.columns, values, strict=True)) for values in table.fetchall()]
    assert len(listed) == len(rows) == 6  # 2 of corn, 2 of wheat, the failed one, 1 whose run is gone
    for shown, row in zip(listed, rows, strict=True):
        shown["tags"] = shown["tags"] and shown["tags"].split(", ")
        for name in ("created_at", "noted_at"):
            shown[name] = shown[name] and round(datetime.fromisoformat(shown[name]).timestamp() * 1000)
        row["run_date"] = str(row["run_date"])
        row["tags"] = row["tags"] or None
        assert shown == {name: row.get(name) for name in shown}
    assert {"good, a"} == {", ".join(row["tags"]) for row in listed if row["tags"]}

    best = ask("catalog", "best", "test_rmse", "-n", "3")
    expected = duckdb.sql(f"select test_rmse from {meta} where test_rmse is not null order by test_rmse limit 3")
    assert [row["test_rmse"] for row in best] == [value for (value,) in expected.fetchall()]

    found = ask("catalog", "search", "test_rmse > 1 and dataset_name = 'corn'", "--order-by", "-test_rmse")
    expected = duckdb.sql(
        f"select prediction_id from {meta} where test_rmse > 1 and dataset_name = 'corn' order by test_rmse desc"
    )
    assert [row["prediction_id"] for row in found] == [one for (one,) in expected.fetchall()]

    grouped = ask("catalog", "summary", "--by", "dataset_name", "--metric", "test_rmse")
    expected = duckdb.sql(
        "select dataset_name, count(*), count(*) filter (status = 'completed'), count(*) filter (status = 'failed'), "
        f"min(test_rmse), avg(test_rmse), stddev_samp(test_rmse) from {meta} group by dataset_name"
    )
    assert {tuple(row.values()) for row in grouped} == set(expected.fetchall())

    hash_ = found[0]["config_hash"]
    compared = ask("catalog", "compare", hash_, "test_rmse")
    expected = duckdb.sql(
        "select dataset_name, count(*), min(test_rmse), arg_min(prediction_id, test_rmse), avg(test_rmse) "
        f"from {meta} where config_hash = '{hash_}' and test_rmse is not null group by dataset_name order by 3"
    )
    assert [tuple(row.values()) for row in compared] == expected.fetchall()


def test_what_is_printed_is_what_duckdb_reads_in_the_documents(filled: Path, ask: Any) -> None:
    def documents(pattern: str, *names: str) -> list[tuple[Any, ...]]:
        found = duckdb.sql(f"select {', '.join(names)} from read_json('{filled}/{pattern}', union_by_name = true)")
        return sorted(found.fetchall())

    def shown(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row[name] for name in names) for row in rows)

    runs = ask("runs", "list")
    counts = ("status", "total", "successful", "failed", "interrupted")
    assert shown(runs, *counts) == documents("runs/*/run_summary.json", *counts)
    asked = ("run_id", "dataset_name", "run_name")
    assert shown(runs, *asked) == documents("runs/*/run_config.json", *asked)
    for run in runs:
        pipelines = documents(f"runs/{run['folder']}/*/pipeline.json", "id", "name", "status", "prediction_id::text")
        names = ("pipeline_id", "name", "status", "prediction_id")
        assert shown(ask("runs", "show", run["run_id"]), *names) == pipelines
    trash = ("trash_id", "kind", "title", "rows", "bytes", "origin", "deleted_by")
    assert shown(ask("trash", "list"), *trash) == documents(".trash/*/trash.json", *trash)
    kept = ("kind", "name", "description", "metric_name", "metric_value", "bytes", "digest")
    assert shown(ask("library", "list", "--kind", "pipeline"), *kept) == documents(
        "library/trained/*/*/library_metadata.json", *kept
    )
    (template,) = ask("library", "list", "--kind", "template")
    assert template["config_hash"] == documents("library/templates/*.json", "library_metadata.source.config_hash")[0][0]
