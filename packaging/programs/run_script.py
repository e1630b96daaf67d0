"""The program `runshelf-inside`, for packaging/smoke.py alone: runs a script with what the bundle has.

Built from the same parts as `runshelf`, it is put beside it for a trial and not shipped: so the shipped programs need
no way in for tests.
"""

import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()
    import runpy

    script, *sys.argv[1:] = sys.argv[1:]
    sys.argv[0] = script
    # Not as the main module: children begin as those of `runshelf` do, and know nothing of the script.
    sys.exit(runpy.run_path(script, run_name="runshelf_inside")["main"](sys.argv[1:]))
