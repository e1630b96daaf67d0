"""Estimators from data and back: built from class path and parameters, recorded as JSON.

Only classes under allowed modules are imported, only estimators and splitters are built, and only NumPy's ufuncs may be
named as functions, so that reading somebody's file can't run their program.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import itertools
import json
import math
import pickle
from collections.abc import Sequence
from typing import Any, Literal

from storage.errors import BadInput

ALLOWED_MODULES = ("sklearn", "chemotools")

# Models of scikit-learn whose names don't end with what they are, as most do.
_CLASSIFIERS = frozenset({
    "ClassifierChain", "LabelPropagation", "LabelSpreading", "LinearDiscriminantAnalysis", "LinearSVC",
    "LogisticRegression", "LogisticRegressionCV", "NearestCentroid", "NuSVC", "Perceptron",
    "QuadraticDiscriminantAnalysis", "SVC",
})  # fmt: skip
_REGRESSORS = frozenset({
    "ARDRegression", "BayesianRidge", "CCA", "ElasticNet", "ElasticNetCV", "IsotonicRegression", "KernelRidge", "Lars",
    "LarsCV", "Lasso", "LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearRegression", "LinearSVR",
    "MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV", "NuSVR",
    "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV", "PLSCanonical", "PLSRegression", "RegressorChain",
    "Ridge", "RidgeCV", "SVR",
})  # fmt: skip


def task_of_class(path: str) -> Literal["regression", "classification"] | None:
    """What a model is made for, told from its name, as nothing is imported for a look; None where that doesn't tell."""
    module, _, name = path.rpartition(".")
    own = module.partition(".")[0] == "sklearn"
    if name.endswith(("Classifier", "ClassifierCV")) or (own and (name in _CLASSIFIERS or name.endswith("NB"))):
        return "classification"
    if name.endswith(("Regressor", "RegressorCV")) or (own and name in _REGRESSORS):
        return "regression"
    return None


# ---------------------------------------------------------------- building


def build_estimator(path: str, params: dict[str, Any], allowed: Sequence[str] = ALLOWED_MODULES) -> Any:
    """Build one estimator. Raises BadInput for a class that is unknown, not allowed, or misused."""
    from sklearn.base import BaseEstimator

    cls = _import_class(path, allowed)
    if not issubclass(cls, BaseEstimator):
        raise BadInput(f"{path} is no scikit-learn estimator.", advice="Name a transformer or a model.")
    return _construct(cls, params, allowed)


def _build_part(value: dict[str, Any], allowed: Sequence[str]) -> Any:
    """Build what a parameter takes: an estimator, a kernel or a splitter. Nothing else is ever constructed."""
    cls = _import_class(value["class"], allowed)
    if not hasattr(cls, "get_params") and not hasattr(cls, "split"):
        raise BadInput(f"{value['class']} is no estimator.", advice="Name an estimator, a kernel or a splitter.")
    return _construct(cls, _params_in(value), allowed)


def _params_in(value: dict[str, Any]) -> dict[str, Any]:
    unknown = set(value) - {"class", "params", "name"}
    params = value.get("params") or {}
    if unknown or not isinstance(params, dict):
        raise BadInput(f"{value['class']} is not written as a step.", advice='Write {"class": …, "params": {…}}.')
    return params


def build_splitter(cv: Any, task_type: str, seed: int, allowed: Sequence[str] = ALLOWED_MODULES) -> Any:
    """Build the cross-validation splitter; None for no cross-validation.

    `{"n_splits": k}` is a shuffled k-fold with the run's seed, stratified for classes.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    if cv is None or hasattr(cv, "split"):
        return cv
    if "class" in cv:
        cls = _import_class(cv["class"], allowed)
        if not hasattr(cls, "split"):  # looked at before it is made: making any class may already do something
            raise BadInput(f"{cv['class']} does not split data.", advice="Name a class of sklearn.model_selection.")
        splitter = _construct(cls, _params_in(cv), allowed)
        _seed_splitter(splitter, seed)
        return splitter
    unknown = set(cv) - {"n_splits", "shuffle"}
    n_splits = cv.get("n_splits", 5)
    if unknown or not isinstance(n_splits, int) or n_splits < 2:
        raise BadInput(
            f"The cross-validation {json.dumps(cv)} is not understood.",
            advice='Write {"n_splits": 5}, or {"class": "sklearn.model_selection.LeaveOneOut"}, or null.',
        )
    shuffle = bool(cv.get("shuffle", True))
    kind = StratifiedKFold if task_type == "classification" else KFold
    return kind(n_splits, shuffle=shuffle, random_state=seed if shuffle else None)


def _import_class(path: Any, allowed: Sequence[str]) -> Any:
    path = str(path)
    module_name, _, class_name = path.rpartition(".")
    if not any(module_name == root or module_name.startswith(f"{root}.") for root in allowed):
        raise BadInput(
            f"The class {path} is not under an allowed module ({', '.join(allowed)}).",
            advice="Use one that is, or allow its module for this workspace (allowed_modules in runshelf.json).",
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise BadInput(
            f"There is no module {module_name} for the class {path}.", advice="Check the spelling."
        ) from error
    cls = getattr(module, class_name, None)
    if not inspect.isclass(cls):
        close = difflib.get_close_matches(
            class_name, [n for n in dir(module) if inspect.isclass(getattr(module, n))], 1
        )
        hint = f"Did you mean {module_name}.{close[0]}?" if close else "Check the spelling."
        raise BadInput(f"There is no class {class_name} in {module_name}.", advice=hint)
    return cls


def _construct(cls: Any, params: dict[str, Any], allowed: Sequence[str]) -> Any:
    signature = inspect.signature(cls.__init__).parameters
    free = any(p.kind is p.VAR_KEYWORD for p in signature.values())
    for name in params:
        if name not in signature and not free:
            close = difflib.get_close_matches(name, signature, 1)
            hint = (
                f"Did you mean '{close[0]}'?"
                if close
                else f"Known are {', '.join(p for p in signature if p != 'self')}."
            )
            raise BadInput(f"{cls.__name__} has no parameter '{name}'.", advice=hint)
    if params.get("memory") is not None:  # joblib unpickles what lies in such a folder
        raise BadInput(f"The 'memory' of {cls.__name__} can't be set in a file.", advice="Leave it out.")
    values = {
        name: decode(value, signature[name].default if name in signature else None, allowed)
        for name, value in params.items()
    }
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{cls.__name__} can't be built: {error}.", advice="Check its parameters.") from error


def decode(value: Any, default: Any, allowed: Sequence[str]) -> Any:
    """Turn a value of a file into what an estimator takes; lists become tuples where the default is a tuple."""
    if isinstance(value, dict):
        if "class" in value:
            return _build_part(value, allowed)
        if set(value) == {"function"}:
            return _ufunc(value["function"])
        try:
            if set(value) == {"float"}:
                return float(value["float"])
            if set(value) == {"array"}:
                import numpy as np

                return np.asarray(value["array"])
        except (TypeError, ValueError) as error:
            raise BadInput(f"{value} is no value: {error}.", advice="Write numbers.") from error
        if "opaque" in value:
            raise BadInput(
                f"The value {value['opaque']} came from Python code and can't be built from a file.",
                advice="Pass the object from Python again.",
            )
        return {key: decode(item, None, allowed) for key, item in value.items()}
    if isinstance(value, list):
        items = [decode(item, None, allowed) for item in value]
        return tuple(items) if isinstance(default, tuple) else items
    return value


def _ufunc(path: Any) -> Any:
    import numpy as np

    name = str(path).removeprefix("numpy.")
    found = getattr(np, name, None) if name.isidentifier() else None
    if not isinstance(found, np.ufunc):
        raise BadInput(
            f"The function {path} is not allowed in a file.", advice="NumPy's ufuncs are, such as numpy.log1p."
        )
    return found


# ---------------------------------------------------------------- recording


def encode(value: Any, changed_only: bool = False) -> Any:
    """Turn a parameter value or an estimator into JSON that `decode` reads back.

    With `changed_only`, parameters of estimators that equal their default are left out. What has no JSON form is
    recorded as `{"opaque": text, "digest": hash of its content}`.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, dict):
        return {str(key): encode(item, changed_only) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item, changed_only) for item in value]
    if hasattr(value, "get_params") and not isinstance(value, type):
        return {"class": class_path(type(value)), "params": encode(_params(value, changed_only), changed_only)}
    return _encode_foreign(value)


def _encode_foreign(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, np.ndarray) and value.dtype != object:
        return {"array": value.tolist()}
    if isinstance(value, np.ufunc):
        return {"function": f"numpy.{value.__name__}"}
    import joblib

    try:
        digest = joblib.hash(value)
    except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:
        raise BadInput(
            f"The parameter {value!r} can't be recorded: {error}.", advice="Use a named function."
        ) from error
    return {"opaque": repr(value)[:200], "digest": digest}


def _params(estimator: Any, changed_only: bool) -> dict[str, Any]:
    params: dict[str, Any] = estimator.get_params(deep=False)
    if not changed_only:
        return params
    signature = inspect.signature(type(estimator).__init__).parameters
    return {n: v for n, v in params.items() if n not in signature or not _same(v, signature[n].default)}


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if isinstance(value, float) and isinstance(default, float) and math.isnan(value) and math.isnan(default):
        return True
    return type(value) in (bool, int, float, str, tuple) and type(value) is type(default) and value == default


def class_path(cls: type) -> str:
    """The public path of a class: `sklearn.cross_decomposition.PLSRegression`, not its private module."""
    parts = cls.__module__.split(".")
    public = list(itertools.takewhile(lambda part: not part.startswith("_"), parts))
    if public and len(public) < len(parts):
        module = importlib.import_module(".".join(public))
        if getattr(module, cls.__name__, None) is cls:
            return f"{'.'.join(public)}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


def encode_cv(cv: Any) -> Any:
    if cv is None:
        return None
    if not isinstance(cv, dict):
        attributes = {key: value for key, value in vars(cv).items() if not key.startswith("_")}
        return {"class": class_path(type(cv)), "params": encode(attributes)}
    return encode({"n_splits": 5, **cv} if "class" not in cv else cv)


def seed_all(pipeline: Any, seed: int) -> None:
    params = pipeline.get_params(deep=True)
    pipeline.set_params(
        **{k: seed for k, v in params.items() if v is None and (k == "random_state" or k.endswith("__random_state"))}
    )


def _seed_splitter(splitter: Any, seed: int) -> None:
    if getattr(splitter, "random_state", 0) is None and getattr(splitter, "shuffle", True):
        splitter.random_state = seed
