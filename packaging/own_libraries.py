"""Runs first in the bundle: programs that it starts, such as a browser, get the system's libraries, not the bundle's.

The bundle's start points the loader at its own folder through the environment. By now everything of ours is found
without that, and each program of ours that is started anew sets it again.
"""

import os

for _name in ("LD_LIBRARY_PATH", "LIBPATH"):
    if f"{_name}_ORIG" in os.environ:
        os.environ[_name] = os.environ.pop(f"{_name}_ORIG")
    else:
        os.environ.pop(_name, None)
