"""Start the window: `python -m gui [WORKSPACE]`."""

from __future__ import annotations

import multiprocessing
import sys


def start() -> int:
    """Run the application and return its exit code."""
    import faulthandler

    faulthandler.enable()
    from gui.app import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    multiprocessing.freeze_support()  # a frozen child process starts here and must never open a window
    sys.exit(start())
