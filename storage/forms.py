"""The forms of other programs that Runshelf reads. A new one is a module with a `Form`, and its line here."""

from __future__ import annotations

from pathlib import Path

from storage import form_folders, form_manifests, form_mlflow, form_results, form_store
from storage.errors import BadInput, NotFound
from storage.foreign import Form

FORMS: tuple[Form, ...] = (form_results, form_manifests, form_folders, form_store, form_mlflow)


def detect(source: Path) -> list[tuple[Form, Path]]:
    """The forms that lie in or at a folder, and where. Raises NotFound, or BadInput where nothing is recognised."""
    if not source.exists():
        raise NotFound(f"There is nothing at {source}.", source, "Name a folder with results.")
    found = [(form, place) for form in FORMS if (place := form.find(source)) is not None]
    if not found:
        raise BadInput(
            f"No results that Runshelf can read were found in {source}.",
            source,
            f"It reads: {', '.join(form.title for form in FORMS)}.",
        )
    return found
