"""What goes into the bundle and what is left out: plain lists, read by the spec and by its tests."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import PurePosixPath

ON_LINUX = sys.platform.startswith("linux")

# Packages whose modules are asked for by name at run time: estimators come from configurations and from pickles.
BY_NAME = ("sklearn", "chemotools", "storage", "gui", "resources")

# Whatever else the environment has: tests, other toolkits, other readers of the catalog, what PyInstaller itself needs.
UNWANTED = (
    "polars", "duckdb", "dask", "fsspec",
    "pytest", "_pytest", "xdist", "execnet", "hypothesis", "mypy", "ruff", "pandas-stubs",
    "IPython", "ipykernel", "notebook", "sphinx", "docutils", "numpydoc",
    "readline", "tkinter", "_tkinter", "turtle", "idlelib", "lib2to3", "ensurepip", "venv", "pydoc_data",
    "pip", "setuptools", "pkg_resources", "wheel", "_distutils_hack",
    "PyQt5", "PyQt6", "PySide2", "wx", "gi", "OpenGL",
    "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtQuickWidgets", "PySide6.QtDesigner", "PySide6.QtUiTools",
    "PySide6.QtHelp", "PySide6.QtSql", "PySide6.QtConcurrent",
    "pyarrow.flight", "pyarrow._flight", "pyarrow.gandiva", "pyarrow.orc", "pyarrow._orc", "pyarrow.cuda",
    "pyarrow._s3fs", "pyarrow._gcsfs", "pyarrow._azurefs", "pyarrow._hdfs", "pyarrow._dataset_orc",
    "pyarrow.tests", "pyarrow._pyarrow_cpp_tests",
    "numpy.tests", "scipy.tests",
    "sqlalchemy.testing", "sqlalchemy.dialects.mssql", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.oracle",
    "sqlalchemy.dialects.postgresql",
)  # fmt: skip

# Scripts that would run before each program. That of matplotlib gives every process a new place for its settings, where
# it looks through all fonts anew: some seconds for each training. A folder that stays where it is needs none. That of
# pyqtgraph is for processes of its own, which nobody starts here.
UNWANTED_HOOKS = ("pyi_rth_mplconfig", "pyi_rth_pyqtgraph_multiprocess")

# Modules below packages that are taken whole, which nobody asks for; `conftest` needs pytest.
LEFT_OUT_OF_PACKAGES = re.compile(r"(^|\.)(tests?|conftest|_build_utils|_pytest_plugin)(\.|$)|^resources\.translate$")

# Files that hooks collect and nothing reads, by their place in the bundle.
LEFT_OUT_FILES = (
    re.compile(r"(^|/)(tests?|testing)/data/"),
    re.compile(r"(^|/)tests?/"),
    re.compile(r"\.(pyx|pxd|pxi|pyi|h|hpp|c|cc|cpp|f|tp|in|build|txt\.in|cmake|pc|rst)$"),
    re.compile(r"^pyarrow/(include|src|tests)/"),
    # Data in the cloud are not looked for; `libarrow_substrait` stays, as pyarrow.dataset may ask for it.
    re.compile(r"^pyarrow/(lib)?(arrow_flight|arrow_python_flight|gandiva|arrow_s3|arrow_gcs|arrow_azure)"),
    re.compile(r"^pyarrow/_?(flight|gandiva|orc|dataset_orc|cuda|pyarrow_cpp_tests|s3fs|gcsfs|azurefs|hdfs)\."),
    re.compile(r"^pyarrow/libarrow_python(_parquet_encryption)?\.so(\.\d+\.\d+\.\d+)?$"),  # copies of one file
    re.compile(r"^PIL/_(avif|webp|imagingcms|imagingtk)\.|^pillow\.libs/lib(avif|webp|sharpyuv|lcms2)"),
    re.compile(r"^matplotlib/mpl-data/(sample_data|plot_directive|images)/"),
    re.compile(r"^matplotlib/mpl-data/fonts/(afm|pdfcorefonts)/"),
    re.compile(r"^sklearn/datasets/(data|images|descr)/"),
    re.compile(r"^scipy/datasets/"),
    re.compile(r"^pyqtgraph/(examples|icons/.*\.ico)"),
    re.compile(r"^PySide6/(QtQml|QtQuick|QtQuickWidgets|QtDesigner|QtUiTools|QtHelp|QtSql|QtConcurrent)\."),
    re.compile(
        r"^(PySide6/Qt/lib/|PySide6/)?(lib)?Qt6(Qml|Quick|Designer|UiTools|Help|Sql|VirtualKeyboard|Pdf|EglF[Ss])"
    ),
)
KEPT_FILES = (re.compile(r"^sklearn/utils/.*\.(css|html|js)$"),)

# Plugins of Qt by folder; those of other folders are left out.
QT_PLUGINS = {
    "platforms": ("qxcb", "qwayland", "qwayland-generic", "qwayland-egl", "qoffscreen", "qwindows", "qcocoa"),
    "platforminputcontexts": ("composeplatforminputcontextplugin", "ibusplatforminputcontextplugin"),
    "platformthemes": ("qxdgdesktopportal", "qgtk3"),
    "xcbglintegrations": (),
    "egldeviceintegrations": (),
    "imageformats": ("qsvg", "qico", "qjpeg", "qicns"),
    "iconengines": ("qsvgicon",),
    "styles": ("qmodernwindowsstyle", "qwindowsvistastyle", "qmacstyle"),
    "tls": (),
    "wayland-decoration-client": ("adwaita", "bradient"),
    "wayland-graphics-integration-client": (),
    "wayland-shell-integration": ("xdg-shell",),
}
_PLUGIN = re.compile(r"^PySide6/(?:Qt/)?plugins/(?P<folder>[^/]+)/(?:lib)?(?P<name>[^/]+?)\.(?:so|dll|dylib)$")
_TRANSLATION = re.compile(r"^PySide6/(?:Qt/)?translations/(?P<name>[^/]+)\.qm$")

# Of the libraries that come from the system it is built on, only what Python's own modules need goes in. All others
# must fit those of the machine it runs on, such as drivers of its graphics card; the Debian package depends on them.
SYSTEM_LIBRARIES = re.compile(r"^lib(python3|crypto|ssl|ffi|bz2|lzma|sqlite3|uuid)\b")
_OF_SYSTEM = re.compile(
    r"^lib[^/]+\.so(\.|$)"
)  # collected from the system's folders, they lie beside the programs' own


def is_left_out(place: str, languages: tuple[str, ...] = (), *, linked: str = "") -> bool:
    """Whether a file at this place in the bundle is not wanted; `languages` are those Runshelf itself speaks.

    A link is wanted if what it leads to is, whose place is `linked`.
    """
    if linked:
        return is_left_out(linked, languages)
    name = PurePosixPath(place.replace("\\", "/")).as_posix()
    if any(kept.search(name) for kept in KEPT_FILES):
        return False
    if (plugin := _PLUGIN.match(name)) is not None:
        return plugin["name"] not in QT_PLUGINS.get(plugin["folder"], ())
    if (translation := _TRANSLATION.match(name)) is not None:
        # The dialogs Qt brings are shown in the language of the window, and in no other.
        return not any(translation["name"] == f"qtbase_{language}" for language in languages)
    if ON_LINUX and _OF_SYSTEM.match(name):
        return SYSTEM_LIBRARIES.match(name) is None
    return any(pattern.search(name) for pattern in LEFT_OUT_FILES)


def is_wanted_module(name: str) -> bool:
    """Whether a module of a package that is taken whole goes in."""
    return LEFT_OUT_OF_PACKAGES.search(name) is None


def distributions(root: str = "runshelf", extras: tuple[str, ...] = ("gui",)) -> list[str]:
    """The names of Runshelf and all it needs: their metadata tell versions, which every result records."""
    from packaging.requirements import Requirement

    found: dict[str, None] = {}
    waiting = [(root, extras)]
    while waiting:
        name, wanted = waiting.pop()
        if name.lower() in found:
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # of another platform
        found[name.lower()] = None
        for line in needs:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                waiting.append((need.name, tuple(need.extras)))
    return sorted(found)
