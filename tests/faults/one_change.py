"""Makes one change in a process of its own: `python -m tests.faults.one_change FOLDER NAME`.

It says `begin` when the change begins, which is when it may be killed, and `done` when it has returned.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from storage import Workspace
from tests.faults import changes


def main(root: Path, name: str) -> None:
    with Workspace.open(root) as workspace:
        steps = getattr(changes, name)(workspace)
        next(steps)
        os.write(1, b"begin\n")
        next(steps, None)
        os.write(1, b"done\n")
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
