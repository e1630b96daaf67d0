"""What a pickle from anybody may name: types and functions that do no harm, whatever is done with them.

A pickle tells the reader which objects to look up, to call and to fill. Here stands which may be, and each call that is
needed is one of ours that looks at its arguments first: numpy trusts the flags, lengths and pointers it is given.
Whatever is not named here is refused.

On the list are arrays, dtypes, scalars and random states of numpy, sparse matrices of scipy, the estimators of
scikit-learn and chemotools, and the few types that fitted ones hold. Not on it: `BisectingKMeans`, `SplineTransformer`,
neighbours by a metric other than Euclidean, Manhattan and Chebyshev that are searched in trees, and whatever holds
functions of the user's own. Estimators are made without their constructor, and what they hold is numbers: a prediction
with made-up numbers may be wrong or end the process, but nothing that was written by somebody else is run.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import math
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from storage.errors import Untrusted

ROOTS = ("sklearn", "chemotools")
_NOT_MODELS = frozenset(
    {"tests", "conftest", "datasets", "experimental", "externals", "_build_utils", "_mocking", "_testing", "plotting",
     "inspector", "estimator_checks"}
)  # fmt: skip
_VALUES = frozenset(
    {
        ("builtins", name) for name in ("bool", "float", "int", "object", "str")
    }
    | {("numpy", name) for name in ("mean", "median", "ndarray")}
    | {("numpy.ma", "MaskedArray"), ("numpy.ma.core", "MaskedArray"), ("numpy.linalg", "pinv")}
    | {("numpy.random.bit_generator", "SeedSequence"), ("numpy.random._mt19937", "MT19937")}
    | {("numpy.random._pcg64", "PCG64"), ("numpy.random._pcg64", "PCG64DXSM")}
    | {("sklearn.metrics._dist_metrics", f"{name}Distance64") for name in ("Chebyshev", "Euclidean", "Manhattan")}
    | {(f"sklearn.neighbors.{module}", name) for module, name in (("_kd_tree", "KDTree"), ("_ball_tree", "BallTree"))}
    | {
        ("sklearn.feature_selection._univariate_selection", name)
        for name in ("chi2", "f_classif", "f_oneway", "f_regression", "r_regression")
    }
    | {
        ("sklearn.metrics._classification", name)
        for name in ("accuracy_score", "balanced_accuracy_score", "brier_score_loss", "f1_score", "jaccard_score",
                     "log_loss", "matthews_corrcoef", "precision_score", "recall_score")
    }
    | {("sklearn.metrics._ranking", name) for name in ("average_precision_score", "roc_auc_score")}
    | {
        ("sklearn.metrics._regression", name)
        for name in ("d2_absolute_error_score", "explained_variance_score", "max_error", "mean_absolute_error",
                     "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_log_error",
                     "median_absolute_error", "r2_score", "root_mean_squared_error", "root_mean_squared_log_error")
    }
)  # fmt: skip
_MADE = frozenset(
    {
        ("chemotools.utils._whittaker_solvers", "BandedSolver"),
        ("ikpls.numpy", "PLS"),
        ("ikpls._impl.r_y_mapping", "_R_Y_Mapping"),
        ("sklearn._loss.link", "Interval"),
        ("sklearn.calibration", "_CalibratedClassifier"),
        ("sklearn.cluster._birch", "_CFNode"),
        ("sklearn.cluster._birch", "_CFSubcluster"),
        ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
        ("sklearn.metrics._scorer", "_CurveScorer"),
        ("sklearn.metrics._scorer", "_PassthroughScorer"),
        ("sklearn.metrics._scorer", "_Scorer"),
        ("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer"),
        ("sklearn.neural_network._stochastic_optimizers", "SGDOptimizer"),
        ("sklearn.utils._bunch", "Bunch"),
        ("sklearn.utils._metadata_requests", "MetadataRequest"),
        ("sklearn.utils._metadata_requests", "MethodMetadataRequest"),
    }
)
_BASES = (
    ("sklearn.base", "BaseEstimator"),
    ("sklearn._loss.link", "BaseLink"),
    ("sklearn._loss.loss", "BaseLoss"),
    ("sklearn.gaussian_process.kernels", "Kernel"),
    ("sklearn.model_selection._split", "BaseCrossValidator"),
    ("sklearn.model_selection._split", "BaseShuffleSplit"),
)
_SPARSE = frozenset(
    (f"scipy.sparse._{form}", f"{form}_{kind}") for form in ("csr", "csc") for kind in ("array", "matrix")
)
_LOSSES = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast")  # compiled; they hold one number at most
_UFUNCS = ("numpy", "scipy.special._special_ufuncs", "scipy.special._ufuncs")
_PLAIN_DTYPE = re.compile(r"[<>|=]?[?bBhHiIlLqQfdgFDGOSUVcumM][0-9]*")
_HARMLESS_FLAGS = 0x10 | 0x80  # of a dtype of records: needs Python, aligned; none of those of objects
_MT19937_LENGTH = 624
_TEXT_DEPTH = 5
_FUNCTIONS = (np.ufunc, type, FunctionType, BuiltinFunctionType)
_PLAIN_TYPES = (
    np.ndarray, np.generic, np.dtype, np.ma.MaskedArray,
    str, bytes, bytearray, int, float, list, tuple, dict, set, slice,
)  # fmt: skip
_TREE_SHAPES = {"KDTree": 2, "BallTree": 1}  # how many points bound a node


class Call:
    """Something that a pickle may call; it can't be called by anybody else, so it is of no use where it is left."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def made_by(self, arguments: tuple[Any, ...]) -> Any:
        """What the call gives. Raises Untrusted for arguments that no fitted estimator has."""
        return self._make(*arguments)


def refused(what: str) -> Untrusted:
    """The error for something that is not on the list; the advice is the caller's."""
    return Untrusted(f"It holds {what}.")


@functools.cache
def found(module: str, name: str) -> Any:
    """What is meant by a name: a `Call`, a class or a function that does no harm. Raises Untrusted."""
    named = f"{module}.{name}"
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise refused(f"the name {ascii(named)[:80]}, which is none of a type")
    if (module, name) in _calls():
        return Call(_calls()[module, name])
    if module in _LOSSES:
        return Call(functools.partial(_loss, _looked_up(module, name), named))
    if (module, name) in _VALUES:
        return _looked_up(module, name)
    if module in _UFUNCS or module == "numpy":
        value = _looked_up(module, name)
        if isinstance(value, np.ufunc) or (inspect.isclass(value) and issubclass(value, np.generic)):
            return value
    elif (module, name) in _MADE | _SPARSE or module.split(".")[0] in ROOTS:
        value = _looked_up(module, name)
        if is_made(value):
            return value
    raise refused(f"{named}, which is not on the list of types that do no harm")


@functools.cache
def is_made(cls: Any) -> bool:
    """Whether it is a class of which a pickle may make and fill objects."""
    if not inspect.isclass(cls) or inspect.isabstract(cls):
        return False
    place = (cls.__module__, cls.__qualname__)
    if place in _MADE | _SPARSE:
        return True
    parts = cls.__module__.split(".")
    if parts[0] not in ROOTS or _NOT_MODELS.intersection(parts):
        return False
    return issubclass(cls, tuple(_looked_up(module, name) for module, name in _BASES))


def _looked_up(module: str, name: str) -> Any:
    """Import an installed module and look a name up in it. Raises Untrusted where it is not there, or means another."""
    root = module.split(".")[0]
    if _NOT_MODELS.intersection(module.split(".")):
        raise refused(f"{module}.{name}, which is no part of a model")
    if root not in sys.modules and _lies_here(root):
        raise refused(f"{module}.{name}, and the package {root} lies in the current folder instead of being installed")
    try:
        value = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise refused(f"{module}.{name}, which is not installed here ({error})") from error
    if inspect.isclass(value) and value.__module__.split(".")[0] != root:
        raise refused(f"{module}.{name}, which is another name for {value.__module__}.{value.__qualname__}")
    return value


def _lies_here(root: str) -> bool:
    """Whether a package would be taken from the current folder, where what was downloaded may lie beside a pickle."""
    spec = importlib.util.find_spec(root)
    return spec is not None and spec.origin is not None and Path(spec.origin).absolute().parent.parent == Path.cwd()


# ---------------------------------------------------------------- what may be called


@functools.cache
def _calls() -> dict[tuple[str, str], Callable[..., Any]]:
    arrays: dict[str, Callable[..., Any]] = {"_reconstruct": _empty_array, "scalar": _scalar}
    randoms: dict[str, Callable[..., Any]] = {
        "__bit_generator_ctor": _bit_generator,
        "__generator_ctor": functools.partial(_random, np.random.Generator),
        "__randomstate_ctor": functools.partial(_random, np.random.RandomState),
    }
    calls: dict[tuple[str, str], Callable[..., Any]] = {
        ("builtins", "slice"): _slice,
        ("collections", "OrderedDict"): _ordered,
        ("numpy", "dtype"): _dtype,
        ("numpy.ma.core", "_mareconstruct"): _empty_masked,
        ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): _seed_sequence,
        ("sklearn.metrics._dist_metrics", "newObj"): _new,
        ("sklearn.neighbors._ball_tree", "newObj"): _new,
        ("sklearn.neighbors._kd_tree", "newObj"): _new,
        ("sklearn.tree._tree", "Tree"): _tree,
    }
    for core in ("numpy.core", "numpy._core"):
        calls |= {(f"{core}.multiarray", name): call for name, call in arrays.items()}
        calls[f"{core}.numeric", "_frombuffer"] = _array
    return calls | {("numpy.random._pickle", name): call for name, call in randoms.items()}


def _slice(*ends: Any) -> slice:
    if len(ends) != 3 or not all(end is None or type(end) is int or isinstance(end, (str, np.integer)) for end in ends):
        raise refused("a slice between things that are no numbers")
    return slice(*ends)


def _ordered(*nothing: Any) -> OrderedDict[Any, Any]:
    if nothing:
        raise refused("a dictionary that is made from something else")
    return OrderedDict()


def _dtype(name: Any, *how: Any) -> np.dtype[Any]:
    if type(name) is not str or not _PLAIN_DTYPE.fullmatch(name) or how != (False, True):  # a copy: it will be filled
        raise refused(f"the dtype {ascii(name)[:80]}")
    return np.dtype(name, copy=True)


def _empty_array(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    if kind is not np.ndarray or shape != (0,) or code not in (b"b", "b"):
        raise refused("an array that is made in an unusual way")
    return np.ndarray((0,), "b")


def _empty_masked(kind: Any, base: Any, shape: Any, code: Any) -> np.ma.MaskedArray[Any, Any]:
    if kind is not np.ma.MaskedArray or base is not np.ndarray or shape != (0,) or code not in (b"b", "b"):
        raise refused("a masked array that is made in an unusual way")
    return np.ma.MaskedArray(np.ndarray((0,), "b"))


def _array(data: Any, dtype: Any, shape: Any, order: Any = "C", axes: Any = None) -> np.ndarray[Any, Any]:
    if type(data) not in (bytes, bytearray) or not isinstance(dtype, np.dtype) or dtype.hasobject:
        raise refused("an array of something else than numbers")
    if not is_shape(shape) or not _fits(shape, dtype, data) or order not in ("C", "F", "A", "K"):
        raise refused("an array that is not as large as it says")
    if axes is not None and not (is_shape(axes) and order == "K"):
        raise refused("an array with unusual axes")
    if not data:
        return np.empty(shape, dtype, order=order if order in ("C", "F") else "C")
    flat = np.frombuffer(data, dtype)
    if order == "K" and axes is not None:
        return flat.reshape(shape, order="C").transpose(axes)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _fits(shape: tuple[int, ...], dtype: np.dtype[Any], data: Any) -> bool:
    """Whether there is as much data as such an array has: a list of objects, or bytes."""
    size = 1 if dtype.hasobject else dtype.itemsize
    return math.prod(shape) * size == len(data) and (size > 0 or 0 in shape)


def _scalar(dtype: Any, data: Any = b"") -> Any:
    if not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.fields is not None or type(data) is not bytes:
        raise refused("a number that is something else")
    if len(data) != dtype.itemsize or not data:
        raise refused("a number that is not as large as it says")
    return np.frombuffer(data, dtype)[0]


def _bit_generator(kind: Any = "MT19937") -> Any:
    kind = getattr(np.random, kind, None) if kind in ("MT19937", "PCG64", "PCG64DXSM") else kind
    if kind not in (np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM):
        raise refused("an unusual random generator")
    return kind(0)


def _random(kind: Any, generator: Any = None, *maker: Any) -> Any:
    generator = _bit_generator(generator) if isinstance(generator, (str, type)) else generator
    if not isinstance(generator, np.random.BitGenerator) or any(not isinstance(one, Call) for one in maker):
        raise refused("an unusual random generator")
    return kind(generator)


def _seed_sequence(*arguments: Any) -> Any:
    from numpy.random import bit_generator

    kind, checksum, state = arguments
    if kind is not bit_generator.SeedSequence or type(checksum) is not int:
        raise refused("an unusual seed")
    return bit_generator.__pyx_unpickle_SeedSequence(kind, checksum, state)  # type: ignore[attr-defined]


def _loss(cls: Any, named: str, *numbers: Any) -> Any:
    if not inspect.isclass(cls) or not all(isinstance(number, (int, float, np.number)) for number in numbers):
        raise refused(f"{named}, which is no loss")
    return cls(*numbers)


def _new(kind: Any) -> Any:
    if not inspect.isclass(kind) or (kind.__module__, kind.__qualname__) not in _VALUES:
        raise refused("a search tree or distance that is none")
    return kind.__new__(kind)


def _tree(features: Any, classes: Any, outputs: Any) -> Any:
    from sklearn.tree._tree import Tree

    sound = isinstance(classes, np.ndarray) and classes.dtype == np.intp and classes.ndim == 1
    if not sound or not (type(features) is int and type(outputs) is int and features > 0 and outputs > 0):
        raise refused("a decision tree that is none")
    if outputs != len(classes) or classes.min() < 1 or classes.max() > 1_000_000:
        raise refused("a decision tree that is none")
    return Tree(features, classes, outputs)


# ---------------------------------------------------------------- what may be filled


def fill(made: Any, state: Any) -> int:
    """Give an object its state, where both are of a kind that does no harm; returns how many bytes it takes.

    Raises Untrusted, or whatever the object does with a state that is not its own.
    """
    kind = type(made)
    if kind is np.ndarray or kind is np.ma.MaskedArray:
        return _fill_array(made, state)
    if isinstance(made, np.dtype):
        _check_dtype(made, state)
    elif f"{kind.__module__}.{kind.__qualname__}" == "sklearn.tree._tree.Tree":
        return _fill_tree(made, state)
    elif kind.__module__ in ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree"):
        _check_neighbours(kind.__name__, state)
    elif kind.__module__ == "sklearn.metrics._dist_metrics":
        pass  # those on the list use none of it
    elif isinstance(made, np.random.BitGenerator):
        _check_generator(state)
    elif isinstance(made, (np.random.RandomState, np.random.Generator)):
        _check_generator((state,) if isinstance(state, dict) else state)
    elif kind is np.random.SeedSequence:
        pass
    elif is_made(kind):  # type: ignore[arg-type]
        _fill_object(made, state)
        return 0
    else:
        raise refused(f"an object of {kind.__module__}.{kind.__qualname__} that is filled")
    made.__setstate__(state)
    return 0


def _fill_object(made: Any, state: Any) -> None:
    if type(state) is not dict or not all(type(key) is str and key.isidentifier() for key in state):
        raise refused(f"a {type(made).__name__} with an unusual content")
    if any(key.startswith("__") for key in state):
        raise refused(f"a {type(made).__name__} whose ways of working are replaced")
    if state.get("memory") is not None:  # joblib unpickles what lies in such a folder
        raise refused(f"a {type(made).__name__} that reads from a folder of its own choice")
    nodes = state.get("nodes")
    if isinstance(nodes, np.ndarray) and nodes.dtype.names:  # a tree of histogram boosting
        _check_branches(nodes["left"], nodes["right"], nodes["is_leaf"] == 0)
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        made.__dict__.update(state)
    if hasattr(made, "check_format"):  # a sparse matrix: its numbers say where to read
        made.check_format(full_check=True)


def check_filled(made: Any) -> None:
    """Look at an object once all of the pickle is read: lists in it may have grown after it was filled.

    Raises Untrusted where something in it would be called by a name that the pickle chose, or instead of a method.
    """
    kind = type(made)
    if isinstance(made, dict) and any(isinstance(value, _FUNCTIONS) for value in made.values()):
        raise refused(f"a {kind.__name__} of functions")  # which would be found under the names of methods
    for name, value in getattr(made, "__dict__", {}).items():
        own = inspect.getattr_static(kind, name, None)
        if hasattr(type(own), "__get__"):  # a method, however it is decorated
            raise refused(f"a {kind.__name__} whose {name} is replaced")
        if ("method" in name or name == "importance_getter") and any(_is_of_plain(text) for text in _texts(value)):
            raise refused(f"a {kind.__name__} that calls what is none of an estimator's methods")
        if name.endswith("kw_args") and not _is_plain(value):
            raise refused(f"a {kind.__name__} with unusual arguments of a function")


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts in a value, however they are held."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (bytes, bytearray)) or depth > _TEXT_DEPTH:
        raise refused("a name of a method that is none")
    elif isinstance(value, dict):
        for one in (*value, *value.values()):
            yield from _texts(one, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from _texts(one, depth + 1)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        for one in value.ravel().tolist():
            yield from _texts(one, depth + 1)


def _is_of_plain(name: str) -> bool:
    """Whether numbers, texts, arrays or files have something of this name, which a fitted estimator never asks for."""
    return any(hasattr(kind, part) for part in name.split(".") for kind in _PLAIN_TYPES)


def _is_plain(value: Any) -> bool:
    """Whether arguments of a function are numbers and texts by name."""
    if value is None:
        return True
    kinds = (str, int, float, bool, type(None), np.number)
    return type(value) is dict and "out" not in value and all(isinstance(one, kinds) for one in value.values())


def _fill_array(made: Any, state: Any) -> int:
    """Fill an array that has nothing yet, once: what it had may be in use."""
    masked = type(made) is np.ma.MaskedArray
    if made.size or type(state) is not tuple or len(state) != (7 if masked else 5):
        raise refused("an array that is filled in an unusual way")
    _, shape, dtype, fortran, data = state[:5]
    if not is_shape(shape) or not isinstance(dtype, np.dtype) or type(fortran) not in (bool, int):
        raise refused("an array that is filled in an unusual way")
    if dtype.hasobject and dtype.type is not np.object_:
        raise refused("an array of records that hold objects")
    if type(data) is not (list if dtype.hasobject else bytes) or not _fits(shape, dtype, data):
        raise refused("an array that is not as large as it says")
    if masked and (type(state[5]) is not bytes or len(state[5]) != math.prod(shape) or dtype.fields is not None):
        raise refused("a mask that is not as large as its array")
    made.__setstate__(state)
    return int(made.nbytes)


def _check_dtype(made: np.dtype[Any], state: Any) -> None:
    """Refuse what would let bytes be taken for pointers."""
    if type(state) is not tuple or len(state) != 8 or type(state[7]) is not int:
        raise refused("an unusual dtype")
    _, order, inner, names, fields, size, _, flags = state
    if order not in ("<", ">", "|", "=") or inner is not None or made.fields is not None:
        raise refused("an unusual dtype")
    if fields is None:
        if names is not None or flags != made.flags or size not in (-1, made.itemsize):
            raise refused("an unusual dtype")
        return
    if made.kind != "V" or flags & ~_HARMLESS_FLAGS or type(fields) is not dict or type(names) is not tuple:
        raise refused("an unusual dtype")
    if set(names) != set(fields) or size != made.itemsize:
        raise refused("an unusual dtype")
    for field in fields.values():
        inner, offset = field[:2] if type(field) is tuple and len(field) == 2 else (None, -1)
        sound = isinstance(inner, np.dtype) and not inner.hasobject and inner.fields is None and type(offset) is int
        if not sound or not 0 <= offset <= size - inner.itemsize:  # type: ignore[union-attr]
            raise refused("an unusual dtype")


def _check_generator(state: Any) -> None:
    inner = state[0] if type(state) is tuple and state else state
    if not isinstance(inner, dict):
        return
    key = inner.get("state")
    if inner.get("bit_generator") == "MT19937" and isinstance(key, dict):
        place = key.get("pos")
        if not isinstance(place, (int, np.integer)) or not 0 <= place <= _MT19937_LENGTH:
            raise refused("an unusual random generator")


def _fill_tree(made: Any, state: Any) -> int:
    """Fill a decision tree whose branches end: each leads on to a later node that is there."""
    nodes = state.get("nodes") if type(state) is dict else None
    values = state.get("values") if type(state) is dict else None
    if not isinstance(nodes, np.ndarray) or not isinstance(values, np.ndarray) or nodes.ndim != 1 or made.node_count:
        raise refused("a decision tree that is none")
    if state.get("node_count") != len(nodes) or not len(nodes):
        raise refused("a decision tree that is none")
    inner = nodes["left_child"] != -1
    _check_branches(nodes["left_child"], nodes["right_child"], inner)
    features = nodes["feature"][inner]
    if not ((features >= 0) & (features < made.n_features)).all():
        raise refused("a decision tree that asks for features that are not there")
    made.__setstate__(state)
    return int(nodes.nbytes + values.nbytes)


def _check_branches(left: Any, right: Any, inner: Any) -> None:
    own = np.arange(len(inner))[inner]
    for side in (left[inner], right[inner]):
        if not ((side > own) & (side < len(inner))).all():
            raise refused("a decision tree whose branches lead nowhere")


def _check_neighbours(kind: str, state: Any) -> None:
    """Refuse a search tree that would look beyond its ends."""
    data, order, nodes, bounds, leaf_size, levels, count = state[:7]
    if any(not isinstance(one, np.ndarray) for one in (data, order, nodes, bounds)) or len(state) != 13:
        raise refused("a search tree that is none")
    samples, features = data.shape
    sound = order.shape == (samples,) and nodes.shape == (count,) and levels < 64 and count == 2**levels - 1
    sound = sound and bounds.shape == (_TREE_SHAPES[kind], count, features) and leaf_size >= 1
    sound = (
        sound
        and all(type(one) is int for one in state[4:11])
        and state[11].__class__.__module__ == ("sklearn.metrics._dist_metrics")
    )
    sound = sound and (state[12] is None or state[12].shape == (samples,))
    sound = sound and bool(((order >= 0) & (order < samples)).all())
    start, end = nodes["idx_start"], nodes["idx_end"]
    sound = sound and bool(((start >= 0) & (start <= end) & (end <= samples)).all())
    if not sound or not (nodes["is_leaf"][count // 2 :] == 1).all():
        raise refused("a search tree that is none")


def is_shape(value: Any) -> bool:
    """Whether it is a tuple of sizes."""
    return type(value) is tuple and len(value) <= 32 and all(type(one) is int and one >= 0 for one in value)
