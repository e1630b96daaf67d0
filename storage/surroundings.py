"""What belongs to the whole process and a pipeline's code may change: put back, so that no other suffers from it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

if sys.platform != "win32":
    import resource

    _OF_FILES = {resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE}
    _ALL = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}


class Surroundings:
    """The process as a batch found it: its number, its umask, its limits. Safe to share between threads.

    Where several pipelines are at work, only the limits of files are put back, which every result needs: one of the
    pipelines may have set another for a while.
    """

    def __init__(self, jobs: int) -> None:
        self._process = os.getpid()
        self._umask = os.umask(0o022)  # it can be asked for in no other way than by setting it
        os.umask(self._umask)
        if sys.platform != "win32":
            self._limits = {limit: resource.getrlimit(limit) for limit in (_ALL if jobs == 1 else _OF_FILES)}

    def put_back(self) -> None:
        """Make umask and limits what they were, limits as far as the system lets them be raised again.

        A process that a pipeline forked, and that came back here as if it were the batch, ends.
        """
        if os.getpid() != self._process:
            os._exit(0)
        os.umask(self._umask)
        if sys.platform != "win32":
            for limit, before in self._limits.items():
                if resource.getrlimit(limit) != before:
                    _set_limit(limit, before)


def _set_limit(limit: int, wanted: tuple[int, int]) -> None:
    """Set a limit; where the hard one was lowered for good, the soft one as high as that allows."""
    try:
        resource.setrlimit(limit, wanted)
    except (OSError, ValueError):
        hard = resource.getrlimit(limit)[1]
        soft = wanted[0] if 0 <= wanted[0] <= hard else hard
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (soft, hard))
