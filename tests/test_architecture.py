"""The house rules that a reader of the folder listing relies on, checked from the source text."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import storage

ROOT = Path(__file__).parent.parent

# From the ground up; a module imports only from rooms before its own.
FLOORS = [
    {"errors", "version", "moments", "checksums"},
    {"reading", "layout", "disk", "mounts", "control", "trees", "markdown", "restraint", "surroundings", "prints"},
    {"records", "metrics", "scores", "predictions"},
    {"marker", "parameters", "grammar", "sources", "plan", "manifest", "findings", "packages", "wording", "foreign"},
    {"form_files", "form_tables", "form_steps", "form_databases"},
    {"form_entries"},
    {"form_configurations"},
    {"form_results", "form_bundles", "form_chains"},
    {"form_manifests", "form_folders", "form_store"},
    {"form_mlflow_records", "form_mlflow_steps"},
    {"form_mlflow_places", "form_mlflow_metrics"},
    {"form_mlflow_files", "form_mlflow_database"},
    {"form_mlflow_pipelines"},
    {"form_mlflow"},
    {"trust", "known_safe", "pickles"},
    {"drawings", "destinations", "desktop"},
    {"estimators", "datasets", "figures", "query", "requests", "chains", "comparison", "curves", "sample_errors"},
    {"configs", "training", "schema", "spectra", "best_values", "importance", "worse_on_test", "report_blocks"},
    {"previews", "inspection", "forms"},
    {"part_files"},
    {"stored_samples", "reloading"},
    {"parts", "artifacts", "trash", "journal", "run_index", "text_index", "prediction_index", "part_index"},
    {"index"},
    {"ladder", "annotations", "aggregates", "arrow_query", "expressions", "completion", "scan", "exports", "copies"},
    {"readmes", "loading"},
    {"index_facts", "check_charts", "library_items", "provenance", "quarantine"},
    {"rescue"},
    {"catalog_row", "stored_arrays", "groups", "deletion", "check_runs", "archives"},
    {"catalog", "check_archives", "check_library"},
    {"pipelines", "pipeline_anew", "places", "flat_predictions", "carrying", "migration_reports"},
    {"runs", "endings", "verifying", "check_results", "check_trash"},
    {"check_catalog", "following"},
    {"check_index"},
    {"check"},
    {"folder_deletion", "restoration", "run_deletion", "library", "takeaway", "intake"},
    {"listing", "recorded_steps", "recovery", "reruns", "runner", "output", "usage"},
    {"archiving", "thinning", "session_reports", "migration", "documents_anew", "mending"},
    {"repair", "ranking", "report_parts"},
    {"run_reports", "dataset_reports"},
    {"reports"},
    {"workspace"},
    {"process", "demo"},
    {"cli_options"},
    {"cli_catalog", "cli_check", "cli_keep", "cli_library", "cli_migrate", "cli_report", "cli_runs", "cli_trust"},
    {"cli"},
    {"__main__", "__init__"},
]
WRITING = {"write_text", "write_bytes", "unlink", "rmdir", "mkdir", "rename", "replace_file", "symlink_to", "touch"}
WRITING_OS = {"remove", "rename", "replace", "mkdir", "makedirs", "rmdir", "unlink", "link", "symlink", "truncate"}
FORBIDDEN_IN_GUI = {"sqlite3", "sqlalchemy", "pyarrow", "pandas", "sklearn", "joblib", "matplotlib"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(path: Path, *, type_checking: bool = False) -> set[str]:
    """Dotted names a module imports anywhere in it, those for type checkers left out."""
    tree = parsed(path)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not type_checking:
            skipped |= {id(inner) for inner in ast.walk(node)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def floor(name: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if name in names)


@pytest.mark.parametrize("path", modules("storage"), ids=lambda p: p.stem)
def test_storage_modules_import_downwards_and_no_qt(path: Path) -> None:
    below = {name.split(".")[1] for name in imports(path) if name.startswith("storage.")}
    upwards = {name for name in below if any(name in names for names in FLOORS) and floor(name) > floor(path.stem)} - (
        {"workspace"} if path.stem == "process" else set()
    )
    assert not upwards, f"{path.stem} imports from a floor above: {upwards}"
    if path.stem != "cli":  # the one place that opens the window, when it is installed
        assert not {n for n in imports(path) if n.split(".")[0] in ("PySide6", "pyqtgraph", "gui")}


@pytest.mark.parametrize("path", modules("storage"), ids=lambda p: p.stem)
def test_only_disk_changes_files(path: Path) -> None:
    if path.stem == "disk":
        return
    for node in ast.walk(parsed(path)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = ast.unparse(node.func.value)
        name = node.func.attr
        # A library has a `rename` of its own, which asks the disk.
        by_disk = owner.endswith(("disk", "library"))
        assert by_disk or not (name in WRITING or (owner in ("os", "shutil") and name in WRITING_OS)), (
            f"{path.name}:{node.lineno} changes files: {owner}.{name}"
        )


@pytest.mark.parametrize("path", modules("storage"), ids=lambda p: p.stem)
def test_only_the_index_and_the_query_speak_sql(path: Path) -> None:
    names = {n.split(".")[0] for n in imports(path)}
    speaking = {
        "arrow_query",
        "expressions",
        "ladder",
        "index",
        "index_facts",
        "run_index",
        "text_index",
        "prediction_index",
        "part_index",
        "schema",
        "query",
        "sources",
        "form_databases",  # opens those of other programs
        "form_store",  # reads the tables of another program
        "form_mlflow_database",  # reads the tables of another program
    }
    if path.stem not in speaking | {"catalog"}:  # catalog combines conditions and knows the error
        assert not names & {"sqlalchemy", "sqlite3"}


@pytest.mark.parametrize("path", modules("gui"), ids=lambda p: p.stem)
def test_the_window_uses_storage_by_its_public_names(path: Path) -> None:
    names = imports(path, type_checking=True)
    assert not {n for n in names if n.split(".")[0] in FORBIDDEN_IN_GUI}
    deep = {n for n in names if n.startswith("storage.") and n.removeprefix("storage.") not in storage.__all__}
    assert not deep, f"{path.name} reaches into storage: {deep}"


@pytest.mark.parametrize("path", [*modules("storage"), *modules("gui")], ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_broad_excepts_stand_where_the_edge_is(path: Path) -> None:
    # runner: a user's estimator may raise anything; inspection: one thing that can't be checked hides no other
    allowed = {"tasks", "cli", "app", "runner", "inspection", "__main__"}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler) and path.stem not in allowed:
            assert node.type is not None and ast.unparse(node.type) != "Exception", f"{path.name}:{node.lineno}"


def test_every_public_name_is_found_where_it_is_said_to_be() -> None:
    declared = imports(ROOT / "storage" / "__init__.py", type_checking=True)
    for name in storage.__all__:
        assert getattr(storage, name) is not None
        assert any(dotted.endswith(f".{name}") for dotted in declared), f"{name} is unknown to type checkers"


def test_no_public_name_is_that_of_a_module() -> None:
    """Once such a module is imported, by whatever way, it stands where people look for the name."""
    assert not {path.stem for path in modules("storage")} & set(storage.__all__)
