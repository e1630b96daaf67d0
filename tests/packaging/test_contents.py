"""The bundle: what goes in, what is left out, what must not be missed, and how its size is told."""

import pytest

import contents
import sizes
import unresolved
import windows_version

PLUGINS = "PySide6/Qt/plugins"


@pytest.mark.parametrize(
    ("place", "left_out"),
    [
        ("pyarrow/libarrow_substrait.so.2600", False),
        ("pyarrow/libarrow_dataset.so.2600", False),
        ("pyarrow/libarrow_python.so.2600", False),
        ("pyarrow/libarrow_python.so.2600.1.0", True),
        ("pyarrow/libarrow_flight.so.2600", True),
        ("pyarrow/_s3fs.cpython-311-x86_64-linux-gnu.so", True),
        ("pyarrow/include/arrow/api.h", True),
        (f"{PLUGINS}/platforms/libqxcb.so", False),
        (f"{PLUGINS}/platforms/libqvnc.so", True),
        (f"{PLUGINS}/platforms/libqoffscreen.so", False),
        (f"{PLUGINS}/sqldrivers/libqsqlite.so", True),
        ("PySide6/plugins/platforms/qwindows.dll", False),
        ("PySide6/Qt/translations/qtbase_de.qm", False),
        ("PySide6/Qt/translations/qtbase_fr.qm", True),
        ("PySide6/Qt/translations/qtdeclarative_de.qm", True),
        ("sklearn/datasets/data/iris.csv", True),
        ("sklearn/utils/_repr_html/estimator.css", False),
        ("chemotools/datasets/data/coffee_spectra.csv", False),
        ("resources/templates/report.html.j2", False),
        ("resources/desktop/runshelf.desktop", False),
    ],
)
def test_what_goes_into_the_bundle(place, left_out):
    assert contents.is_left_out(place, ("de",)) is left_out


@pytest.mark.skipif(not contents.ON_LINUX, reason="libraries of the system are told from own ones by Linux's names")
@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("libpython3.11.so.1.0", False),
        ("libcrypto.so.3", False),
        ("libsqlite3.so.0", False),
        ("libstdc++.so.6", True),
        ("libxcb-cursor.so.0", True),
        ("libpcre2-8.so.0", True),
        ("libz.so.1", True),
    ],
)
def test_libraries_of_the_system_are_left_to_it(name, left_out):
    assert contents.is_left_out(name) is left_out


def test_a_link_goes_where_its_file_goes():
    assert not contents.is_left_out("libQt6Core.so.6", linked="PySide6/Qt/lib/libQt6Core.so.6")
    assert contents.is_left_out("libarrow_flight.so.2600", linked="pyarrow/libarrow_flight.so.2600")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sklearn.cross_decomposition._pls", True),
        ("sklearn.tests.test_base", False),
        ("sklearn.linear_model.tests", False),
        ("sklearn.conftest", False),
        ("sklearn.utils._testing", True),
        ("resources.translate", False),
    ],
)
def test_packages_are_taken_whole_but_for_their_tests(name, wanted):
    assert contents.is_wanted_module(name) is wanted


def test_the_metadata_of_all_that_is_needed_are_taken_and_no_more():
    found = contents.distributions()
    assert {"runshelf", "scikit-learn", "pyarrow", "pyside6-essentials", "scipy"} <= set(found)
    assert not {"polars", "duckdb", "pytest", "mypy", "pyinstaller"} & set(found)


def test_a_module_that_is_installed_and_was_not_found_is_told():
    warnings = (
        "missing module named sklearn.linear_model - imported by storage.training (delayed)\n"
        "missing module named 'numpy._core.zeros' - imported by numpy._core (top-level)\n"
        "missing module named numba_of_tomorrow - imported by pandas.core.window (top-level)\n"
        "missing module named nowhere - imported by storage.scores (top-level), gui.app (optional)\n"
        "missing module named nothing - imported by storage.scores (delayed, optional)\n"
        "excluded module named polars - imported by narwhals (conditional)\n"
        "missing module named polars.selectors - imported by narwhals._polars.expr (top-level)\n"
    )
    assert unresolved.missing_modules(warnings, "", contents.UNWANTED) == [
        "The module sklearn.linear_model is missing, which storage.training imports.",
        "The module nowhere is missing, which storage.scores imports.",
    ]


def test_a_hidden_import_that_is_installed_is_told():
    log = (
        '302050 WARNING: Hidden import "psycopg2" not found!\n302051 WARNING: Hidden import "sqlite3.dump" not found!\n'
    )
    assert unresolved.missing_modules("", log, contents.UNWANTED) == [
        "The module sqlite3.dump is missing, which a hook asks for."
    ]


def test_a_library_that_was_not_found_is_told_unless_its_file_is_left_out():
    log = (
        "12 WARNING: Library not found: could not resolve 'libtbb.so.12', dependency of 'numba/core.so'.\n"
        "13 WARNING: Library not found: could not resolve 'libvnc.so.1', "
        f"dependency of '{PLUGINS}/platforms/libqvnc.so'.\n"
    )
    assert unresolved.missing_libraries(log, contents.is_left_out) == [
        "libtbb.so.12 is missing, which numba/core.so needs."
    ]


def test_sizes_are_told_by_component(tmp_path):
    for place, size in {
        "runshelf": 10, "_internal/storage/run.pyc": 20, "_internal/pyarrow/libarrow.so.1": 3_000_000,
        "_internal/json/decoder.pyc": 5, "_internal/abc.pyc": 5, "_internal/libcrypto.so.3": 7,
        "_internal/rich/x.pyc": 1,
    }.items():  # fmt: skip
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"x" * size)
    (tmp_path / "_internal/libarrow.so.1").symlink_to("pyarrow/libarrow.so.1")
    found = sizes.sizes(tmp_path)
    assert found == {
        "pyarrow": 3_000_000, "Runshelf itself": 20, "the programs": 10, "Python": 10, "libraries of the system": 7,
        "everything else": 1,
    }  # fmt: skip
    assert "| pyarrow | 3.0 MB |" in sizes.table(found, "Linux")


def test_the_table_goes_between_its_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{sizes.BEGIN}\nold\n{sizes.END}\nafter\n", encoding="utf-8")
    sizes.put_into(readme, "new")
    assert readme.read_text(encoding="utf-8") == f"before\n{sizes.BEGIN}\nnew\n{sizes.END}\nafter\n"
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    readme.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks the marks"):
        sizes.put_into(readme, "new")


@pytest.mark.parametrize(("version", "four"), [("0.1.0", (0, 1, 0, 0)), ("1.2rc3", (1, 2, 3, 0)), ("3", (3, 0, 0, 0))])
def test_windows_wants_four_numbers(version, four):
    assert windows_version.numbers(version) == four
