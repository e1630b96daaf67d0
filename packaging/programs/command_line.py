"""The program `runshelf-cli` of the bundle: the whole command line."""

import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a child goes no further, so that it never runs the command again
    from storage.cli import main

    sys.exit(main())
