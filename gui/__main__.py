"""Start the window: `python -m gui [WORKSPACE]`."""

from __future__ import annotations

import multiprocessing
import os
import sys


def start() -> int:
    """Run the application and return its exit code."""
    import faulthandler

    occupy_streams()
    if sys.stderr is not None:  # None in a program without a console; the crash log is there for it later
        faulthandler.enable()
    from gui.app import main

    return main(sys.argv[1:])


def occupy_streams() -> None:
    """Let no file be taken for the console: one opened while 0, 1 or 2 is free would get that number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one


if __name__ == "__main__":
    multiprocessing.freeze_support()  # a frozen child process starts here and must never open a window
    sys.exit(start())
