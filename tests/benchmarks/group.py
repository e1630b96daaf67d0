"""One group of cases, in a process of its own: `python -m tests.benchmarks.group NAME SETTINGS RESULT`.

So each group's memory is its own, and what one has loaded makes no other quicker. SETTINGS is a Place as JSON,
RESULT the file to write.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.cases import measure
from tests.benchmarks.place import Place

GROUPS = {
    "starting": "catalog",
    "finding": "catalog",
    "filtering": "catalog",
    "aggregating": "catalog",
    "arrays": "catalog",
    "painting": "catalog",
    "appending": "catalog",
    "indexing": "catalog",
    "syncing": "runs",
    "training": "",
    "tracking": "",
}  # each with the workspace it needs; those that write to the catalog come after those that read it


def main() -> int:
    """Measure one group and write what was found."""
    name, settings, result = sys.argv[1:]
    module = importlib.import_module(f"tests.benchmarks.{name}")
    with module.cases(Place(**json.loads(settings))) as cases:
        lines, memory = measure(cases)
    found = {"name": name, "lines": [asdict(line) for line in lines], "memory": memory}
    Path(result).write_text(json.dumps(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
