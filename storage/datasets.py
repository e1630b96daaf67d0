"""Data to train on: read from CSV, Parquet or NumPy files, checked, split and hashed.

Rows are samples. Where column names are numbers (wavenumbers, wavelengths), with or without a unit, those columns are
the features and any other column is ignored and named; otherwise every remaining numeric column is a feature.
"""

from __future__ import annotations

import codecs
import difflib
import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import BadInput, NotFound
from storage.layout import checked_name

if TYPE_CHECKING:
    import pandas as pd

TEXTS = (".csv", ".tsv", ".txt")
READABLE = (*TEXTS, ".parquet", ".npy", ".npz")
WINDOWS = "cp1252"
ENCODING = "encoding"  # among the attributes of a table that was read from text
TRAIN_WORDS = frozenset({"train", "training", "cal", "calibration"})
TEST_WORDS = frozenset({"test", "testing", "val", "validation", "prediction"})
ID_WORDS = ("sample_id", "id", "sample", "name", "sample_name", "sampleid")
ID_WORDS_ELSEWHERE = ("probe", "proben_id", "probe_id", "probenname", "probenbezeichnung", "probennummer", "probennr")
TARGET_WORDS = ("target", "y")
SPLIT_WORDS = ("split", "partition", "set", "subset")
_WITH_UNIT = re.compile(r"(\d+(?:[.,]\d+)?) *(nm|[µμu]m|cm ?-1|cm\^-1|cm⁻¹|1/cm|eV|THz)")
_UNITS_AT_END = re.compile(r".*\S\s*[(\[]([^()\[\]]{1,20})[)\]]")
_FEWEST_WAVELENGTHS = 3
_BLOCK = 1 << 20  # bytes
_NO_VALUE = ["n.d.", "N.D.", "n. d.", "n.a.", "N.A.", "n.b.", "k.A.", "k. A.", "#NV", "#WERT!", "#VALUE!", "#DIV/0!"]
_MICROMETRES = ("um", "µm", "μm")
_LEAVE_OUT = "Leave such samples out (--leave-out-incomplete), or fill the gaps in the file."
MAX_CLASSES = 10  # integers with more distinct values than this are taken for measurements


@dataclass(frozen=True)
class Dataset:
    """Samples ready to train on.

    X is (samples, features) float64 without gaps; y is (samples,) or (samples, targets) float64 for regression and
    (samples,) codes into `labels` for classification. `test` marks the test samples; all False means none. `units` are
    those of y, `axis_unit` that of the wavelengths, empty where the columns don't tell it. `left_out` names samples of
    the file that lack a value, where it was asked to leave those out.
    """

    name: str
    X: NDArray[np.float64]
    y: NDArray[Any]
    task_type: str
    sample_ids: list[str]
    test: NDArray[np.bool_]
    target: list[str] = field(default_factory=lambda: ["y"])
    labels: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    units: str = ""
    axis_unit: str = ""
    path: str = ""
    sha256: str = ""
    split: dict[str, Any] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    id_column: str | None = None
    leave_out_incomplete: bool = False
    left_out: list[str] = field(default_factory=list)

    @property
    def train_rows(self) -> NDArray[np.int64]:
        return np.flatnonzero(~self.test)

    @property
    def test_rows(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.test)

    def data_hash(self) -> str:
        """sha256 (hex) of what is trained on: X, y, labels, targets, task and the split, not of the file's bytes."""
        digest = hashlib.sha256()
        for array in (self.X, self.y, self.test):
            digest.update(f"{array.shape}{array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(repr((self.task_type, self.target, self.labels)).encode())
        return digest.hexdigest()


def load_dataset(
    path: Path,
    target: Sequence[str],
    *,
    name: str | None = None,
    id_column: str | None = None,
    split_column: str | None = None,
    test_size: float | None = None,
    task: str | None = None,
    units: str = "",
    seed: int = 0,
    leave_out_incomplete: bool = False,
) -> Dataset:
    """Read a data file into a Dataset. Raises NotFound or BadInput with what to change.

    Samples that lack a value of a target or a feature are refused, or left out where that is asked for.
    """
    path = Path(path)
    name = checked_name(path.stem if name is None else name, "dataset")
    table, axis_unit = read_table(path)
    targets = [_column(table, column, "target", path) for column in target]
    if not targets:
        raise BadInput("No target was named.", path, f"Name one of: {_some(candidates(table))}.")
    id_column = _column(table, id_column, "id", path) if id_column else guess_id(table, targets)
    split_column = _column(table, split_column, "split", path) if split_column else None
    if split_column and test_size:
        raise BadInput("Both a split column and a test size were given.", path, "Choose one of the two.")
    roles = {*targets, *([id_column] if id_column else []), *([split_column] if split_column else [])}
    features, ignored = _features(table, roles, path)
    ids = _sample_ids(table, id_column)
    X = numbers(table, features)
    left_out: list[str] = []
    if leave_out_incomplete:
        rows = find_incomplete(table, targets, X, features).rows
        left_out = [ids[row] for row in rows]
        kept = np.setdiff1d(np.arange(len(ids)), rows)
        if not len(kept):
            raise BadInput(f"No sample of {path.name} has all its values.", path, _where_gaps(X, features, ids))
        table, X, ids = table.iloc[kept], X[kept], [ids[row] for row in kept]
    _check_gaps(X, features, ids, path)
    y, labels, task_type = _target(table, targets, ids, task, path)
    dataset = Dataset(
        name=name,
        X=X,
        y=y,
        task_type=task_type,
        sample_ids=ids,
        test=np.zeros(len(ids), dtype=bool),
        target=targets,
        labels=labels,
        features=features,
        units=units,
        axis_unit=axis_unit,
        path=str(path.absolute()),
        sha256=file_hash(path),
        ignored=ignored,
        id_column=id_column,
        leave_out_incomplete=leave_out_incomplete,
        left_out=left_out,
    )
    return _split(dataset, table, split_column, test_size, seed)


def from_arrays(
    name: str,
    X: Any,
    y: Any,
    *,
    task: str | None = None,
    test: Any = None,
    test_size: float | None = None,
    sample_ids: Sequence[str] | None = None,
    target: str = "y",
    units: str = "",
    seed: int = 0,
) -> Dataset:
    """Make a Dataset from arrays in memory; `test` marks the test samples. Raises BadInput as for a file."""
    import pandas as pd

    try:
        X = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"X is not made of numbers: {error}.", advice="X must be (samples, features).") from error
    values = np.asarray(y)
    if X.ndim != 2 or not len(X) or values.ndim not in (1, 2) or len(X) != len(values):
        raise BadInput(
            f"X has the shape {X.shape} and y {values.shape}.",
            advice="X must be (samples, features), y (samples,) or (samples, targets).",
        )
    ids = [str(i) for i in (sample_ids if sample_ids is not None else range(len(X)))]
    for given, what in ((ids, "sample ids"), (test if test is not None else ids, "marks of test samples")):
        if len(given) != len(X):
            raise BadInput(f"There are {len(given)} {what} for {len(X)} samples.", advice="Give one for each.")
    columns = [target] if values.ndim == 1 else [f"{target}{i}" for i in range(values.shape[1])]
    table = pd.DataFrame(values.reshape(len(X), -1), columns=columns)
    _check_gaps(X, [str(i) for i in range(X.shape[1])], ids, None)
    codes, labels, task_type = _target(table, columns, ids, task, None)
    dataset = Dataset(
        checked_name(name, "dataset"),
        X,
        codes,
        task_type,
        ids,
        np.zeros(len(X), bool) if test is None else np.asarray(test, bool),
        target=columns,
        labels=labels,
        units=units,
        split={} if test is None else {"given": True},
    )
    return dataset if test is not None else _split(dataset, table, None, test_size, seed)


# ---------------------------------------------------------------- reading


def read_table(path: Path) -> tuple[pd.DataFrame, str]:
    """The file as it stands, column names as text, wavelengths without their unit, and that unit, empty for none.

    Raises NotFound or BadInput.
    """
    import pandas as pd

    if not path.exists():
        raise NotFound(f"The data file {path} is not there.", path, "Check the path.")
    kind = path.suffix.lower()
    if not path.is_file() and not path.is_dir():
        raise BadInput(f"{path} is not a file.", path, "Name a file.")  # a pipe would block
    if kind not in READABLE or path.is_dir():
        raise BadInput(f"{path.name} is not a kind of data file Runshelf reads.", path, f"Use {', '.join(READABLE)}.")
    try:
        if kind == ".parquet":
            table = pd.read_parquet(path)
        elif kind in (".npy", ".npz"):
            table = _read_numpy(path)
        else:
            table = _read_text(path)
    except (ValueError, OSError, EOFError, KeyError, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{path.name} could not be read: {reason}.", path, "Check that the file is whole.") from error
    names, unit = _without_units([str(column) for column in table.columns])
    table.columns = names
    if table.empty:
        raise BadInput(f"{path.name} has no rows.", path, "Name a file with one row per sample.")
    doubled = table.columns[table.columns.duplicated()]
    if len(doubled):
        raise BadInput(f"{path.name} has two columns named '{doubled[0]}'.", path, "Rename one of them.")
    return table, unit


def _without_units(names: list[str]) -> tuple[list[str], str]:
    """`1000 nm`, `1002 nm`, … as 1000, 1002, … in nm: columns named by a number and one unit are wavelengths."""
    found = [_WITH_UNIT.fullmatch(name.strip()) for name in names]
    units = Counter(match[2] for match in found if match)
    if not units or units.most_common(1)[0][1] < _FEWEST_WAVELENGTHS:
        return names, ""
    unit = units.most_common(1)[0][0]
    plain = [
        match[1].replace(",", ".") if match and match[2] == unit else name
        for match, name in zip(found, names, strict=True)
    ]
    return (plain, _written(unit)) if len(set(plain)) == len(set(names)) else (names, "")


def _written(unit: str) -> str:
    """A unit as it is usually written, whatever was at hand to type it."""
    if unit in _MICROMETRES:
        return "µm"
    return "cm⁻¹" if "cm" in unit else unit


def _read_text(path: Path) -> pd.DataFrame:
    """CSV with comma, semicolon (then decimal commas may occur) or tab, told from the first line."""
    import pandas as pd

    encoding = _text_encoding(path)
    with path.open(encoding=encoding) as file:
        first = file.readline()
    separator = max((",", ";", "\t"), key=first.count)
    options: dict[str, Any] = {"sep": separator, "encoding": encoding, "low_memory": False, "na_values": _NO_VALUE}
    table: pd.DataFrame = pd.read_csv(path, **options)
    table.attrs[ENCODING] = encoding
    if separator == ";" and any(table[c].dtype == object or str(table[c].dtype) == "str" for c in table.columns):
        with_commas: pd.DataFrame = pd.read_csv(path, decimal=",", **options)
        if with_commas.select_dtypes("number").shape[1] > table.select_dtypes("number").shape[1]:
            with_commas.attrs[ENCODING] = encoding
            with_commas.columns = [_with_point(str(column)) for column in with_commas.columns]
            for column in with_commas.select_dtypes(exclude="number").columns:  # text for a single gap
                if is_number(column) or _WITH_UNIT.fullmatch(column.strip()):
                    with_commas[column] = with_commas[column].map(_with_point, na_action="ignore")
            return with_commas
    return table


def _text_encoding(path: Path) -> str:
    """How a CSV is encoded: UTF-16 where its byte order mark says so, UTF-8, else Windows-1252, as Excel writes it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        try:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return WINDOWS
    return "utf-8-sig"


def _with_point(text: str) -> str:
    """`1100,5` as `1100.5`: where values have decimal commas, so have wavelengths, and numbers among other text."""
    return text.replace(",", ".") if is_number(text.replace(",", ".")) else text


def _read_numpy(path: Path) -> pd.DataFrame:
    """`.npy`: one 2-D array, columns named 0, 1, …; `.npz`: `X` and any one-dimensional arrays beside it."""
    import pandas as pd

    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        if loaded.ndim != 2:
            raise ValueError("the array is not two-dimensional")
        return pd.DataFrame(loaded, columns=[str(i) for i in range(loaded.shape[1])])
    with loaded:
        if "X" not in loaded:
            raise ValueError("the file has no array named X")
        table = pd.DataFrame(loaded["X"], columns=[str(i) for i in range(loaded["X"].shape[1])])
        for key in loaded.files:
            if key != "X" and loaded[key].ndim == 1 and len(loaded[key]) == len(table):
                table[key] = loaded[key]
    return table


def file_hash(path: Path) -> str:
    """sha256 (hex) of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---------------------------------------------------------------- columns


def _column(table: pd.DataFrame, name: str, role: str, path: Path) -> str:
    if name in table.columns:
        return name
    close = difflib.get_close_matches(name, list(table.columns), 1, cutoff=0.6)
    hint = (
        f"Did you mean '{close[0]}'?" if close else f"Columns are: {_some(candidates(table) or list(table.columns))}."
    )
    raise BadInput(f"{path.name} has no column '{name}' for the {role}.", path, hint)


def candidates(table: pd.DataFrame) -> list[str]:
    """Columns that are no wavelength: targets, names, splits."""
    return [str(column) for column in table.columns if not is_number(str(column))]


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" … ({len(names)} in all)" if len(names) > most else "")


def guess_column(table: pd.DataFrame, words: Sequence[str], taken: Sequence[str]) -> str | None:
    """The first column of these names that is not taken, whatever its case and what stands between its words."""
    known = {_plain_word(str(column)): str(column) for column in reversed(table.columns) if column not in taken}
    return next((known[word] for word in words if word in known), None)


def _plain_word(name: str) -> str:
    return re.sub(r"[\s_.-]+", "_", name.lower()).strip("_")


def guess_id(table: pd.DataFrame, taken: Sequence[str]) -> str | None:
    """The column that names the samples; of words that mean other things, too, one whose values are all different."""
    found = guess_column(table, ID_WORDS, taken)
    if found is None and (other := guess_column(table, ID_WORDS_ELSEWHERE, taken)) is not None:
        values = table[other]
        found = other if values.dtype.kind != "f" and values.is_unique else None
    return found


def units_in(name: str) -> str:
    """The units that a column's name ends with, as `Protein (%)` does; empty where it doesn't."""
    found = _UNITS_AT_END.fullmatch(name.strip())
    return found[1].strip() if found else ""


def is_number(text: str) -> bool:
    """Whether a column name is a number, as wavelengths are."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _features(table: pd.DataFrame, roles: set[str], path: Path) -> tuple[list[str], list[str]]:
    rest = [str(column) for column in table.columns if column not in roles]
    axis = [column for column in rest if is_number(column)]
    numeric = [column for column in rest if table[column].dtype.kind in "fiub"]
    features = axis if axis else numeric
    if not features:
        raise BadInput(f"{path.name} has no numeric columns beside the target.", path, "Add the spectra as columns.")
    return features, [column for column in rest if column not in set(features)]


def _sample_ids(table: pd.DataFrame, id_column: str | None) -> list[str]:
    if id_column is None:
        return [str(i) for i in range(len(table))]
    return [str(value) for value in table[id_column]]


# ---------------------------------------------------------------- values that lack


@dataclass(frozen=True)
class Incomplete:
    """Samples that lack a value, by their rows in order: of a target, and of features.

    `column` is the feature that the first of these lacks.
    """

    in_target: NDArray[np.int64]
    in_features: NDArray[np.int64]
    column: str = ""

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.union1d(self.in_target, self.in_features)


def find_incomplete(
    table: pd.DataFrame, targets: Sequence[str], X: NDArray[np.float64], features: Sequence[str]
) -> Incomplete:
    """The samples that lack a value of a target or, in X, of a feature."""
    gaps = ~np.isfinite(X)
    in_features = np.flatnonzero(gaps.any(axis=1))
    in_target = np.unique(np.concatenate([rows_without(table[target]) for target in targets]))
    column = features[int(np.argmax(gaps[in_features[0]]))] if len(in_features) else ""
    return Incomplete(in_target, in_features, column)


def rows_without(values: pd.Series[Any]) -> NDArray[np.int64]:
    """The rows where a column has no value, or an infinite number."""
    lacking = ~np.isfinite(values.to_numpy()) if values.dtype.kind == "f" else values.isna().to_numpy(dtype=bool)
    return np.flatnonzero(lacking).astype(np.int64)


def numbers(table: pd.DataFrame, features: Sequence[str]) -> NDArray[np.float64]:
    """The features as (samples, features), NaN for what is no number, such as "n.d." where the others are numbers."""
    import pandas as pd

    block = table[list(features)]
    text = [column for column, kind in block.dtypes.items() if kind.kind not in "fiub"]
    if text:
        block = block.assign(**{str(column): pd.to_numeric(block[column], errors="coerce") for column in text})
    return np.ascontiguousarray(block.to_numpy(dtype=np.float64, na_value=np.nan))


def _check_gaps(X: NDArray[np.float64], features: list[str], ids: list[str], path: Path | None) -> None:
    gaps = ~np.isfinite(X)
    if not gaps.any():
        return
    n = int(gaps.any(axis=1).sum())
    have = "has" if n == 1 else "have"
    raise BadInput(
        f"{n:,} of {len(X):,} samples {have} missing or infinite values. {_where_gaps(X, features, ids)}",
        path,
        _LEAVE_OUT if path is not None else "Remove those samples or fill the gaps, then run again.",
    )


def _where_gaps(X: NDArray[np.float64], features: list[str], ids: list[str]) -> str:
    """Name the first place without a number; empty where there is none."""
    places = np.argwhere(~np.isfinite(X))
    return f"The first is sample {ids[places[0][0]]}, column {features[places[0][1]]}." if len(places) else ""


# ---------------------------------------------------------------- target and split


def looks_like_classes(values: pd.Series[Any]) -> bool:
    """Whether values are classes rather than measurements."""
    if values.dtype.kind == "f":
        return False
    if values.dtype.kind in "iu":
        return bool(values.nunique() <= MAX_CLASSES and len(values) >= 3 * values.nunique())
    return True


def _target(
    table: pd.DataFrame, targets: list[str], ids: list[str], task: str | None, path: Path | None
) -> tuple[NDArray[Any], list[str], str]:
    block = table[targets]
    missing = np.flatnonzero(block.isna().any(axis=1).to_numpy())
    if len(missing):
        have = "has" if len(missing) == 1 else "have"
        raise BadInput(
            f"{len(missing):,} of {len(table):,} samples {have} no value of {' or '.join(targets)}. "
            f"The first is sample {ids[missing[0]]}.",
            path,
            f"{_LEAVE_OUT} Or name another target." if path is not None else "Remove those samples.",
        )
    found = task or ("classification" if looks_like_classes(block[targets[0]]) else "regression")
    if found == "classification":
        if len(targets) > 1:
            raise BadInput("Classification takes one target.", path, "Name one column.")
        return (*_codes(block[targets[0]], path), "classification")
    if any(kind.kind not in "fiub" for kind in block.dtypes):
        raise BadInput(f"The target '{targets[0]}' is text, not numbers.", path, "Use --task classification.")
    y = block.to_numpy(dtype=np.float64)
    if not np.isfinite(y).all():
        raise BadInput(f"The target '{targets[0]}' has infinite values.", path, "Remove those samples.")
    return (y[:, 0] if len(targets) == 1 else y), [], "regression"


def _codes(values: pd.Series[Any], path: Path | None) -> tuple[NDArray[np.int64], list[str]]:
    labels = sorted({str(value) for value in values})
    if len(labels) < 2:
        raise BadInput(f"The target '{values.name}' has a single class.", path, "Classification needs two or more.")
    place = {label: code for code, label in enumerate(labels)}
    return np.array([place[str(value)] for value in values], dtype=np.int64), labels


def _split(
    dataset: Dataset, table: pd.DataFrame, split_column: str | None, test_size: float | None, seed: int
) -> Dataset:
    test = dataset.test
    split: dict[str, Any] = {}
    path = Path(dataset.path) if dataset.path else None
    if split_column:
        split = {"column": split_column}
        test = _by_column(table[split_column], split_column, path)
    elif test_size:
        split = {"test_size": test_size, "seed": seed}
        test = _by_size(dataset, test_size, seed, path)
    if len(dataset.X) - int(test.sum()) < 2:
        raise BadInput("Fewer than two samples are left to train on.", path, "Use a smaller test set.")
    return replace(dataset, test=test, split=split)


def _by_column(values: pd.Series[Any], name: str, path: Path | None) -> NDArray[np.bool_]:
    words = [str(value).strip().lower() for value in values]
    strange = sorted(set(words) - TRAIN_WORDS - TEST_WORDS)
    if strange:
        raise BadInput(f"The split column '{name}' says '{strange[0]}'.", path, "Each row must say train or test.")
    return np.array([word in TEST_WORDS for word in words])


def _by_size(dataset: Dataset, test_size: float, seed: int, path: Path | None) -> NDArray[np.bool_]:
    from sklearn.model_selection import train_test_split

    if not 0 < test_size < 1:
        raise BadInput(f"The test size {test_size:g} is not between 0 and 1.", path, "Give a share, such as 0.25.")
    rows = np.arange(len(dataset.X))
    strata = dataset.y if dataset.task_type == "classification" else None
    try:
        _, chosen = train_test_split(rows, test_size=test_size, random_state=seed, stratify=strata)
    except ValueError as error:
        raise BadInput(f"The data can't be split: {error}", path, "Use another test size.") from error
    test = np.zeros(len(rows), dtype=bool)
    test[chosen] = True
    return test
