"""Estimators that behave the way users' own do when something is wrong; workspaces must allow the module `tests`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.linear_model import Ridge


class NeedsFile(Ridge):
    """Fits once a file is there, and fails before."""

    def __init__(self, needed: str = "", alpha: float = 1.0) -> None:
        super().__init__(alpha=alpha)
        self.needed = needed

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803 - as scikit-learn calls it
        if not Path(self.needed).exists():
            raise RuntimeError(f"the licence file {self.needed} is missing")
        return super().fit(X, y)
