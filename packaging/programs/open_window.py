"""The program `runshelf` of the bundle: the window. Children that train begin here too, and import nothing of it."""

import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a child goes no further, so that it never opens a window
    from gui.__main__ import start

    sys.exit(start())
