"""What belongs to the whole process and a pipeline's code may change: put back, so that no other suffers from it.

A process that belongs to its batch ends itself where something can't be put back; another one goes on with the batch.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import json
import os
import pathlib
import pickle
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from types import ModuleType
from typing import Any

WORN = 71  # the exit code of a process that a pipeline left unfit for others
# Whose functions every result needs.
_NEEDED: tuple[Any, ...] = (
    os, os.path, io, json, pickle, hashlib, time, threading, shutil, signal, stat, tempfile, uuid, pathlib,
    pathlib.PurePath, pathlib.Path,
)  # fmt: skip
_MOST_FILES = 256  # as many numbers of open files are looked at: those that were there first are low

if sys.platform != "win32":
    import resource

    _OF_FILES = {resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE}
    _ALL = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")} - {resource.RLIMIT_CORE}
    _TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


class Surroundings:
    """The process as a batch found it: what `put_back` names. Safe to share between threads.

    Where several pipelines are at work, of the limits only those of files are put back, which every result needs, and
    what was lowered for good: one of the pipelines may have set another for a while. What others have suffered
    meanwhile can't be known: with `own_process`, which the batch has for itself, it then ends, and each of them is to
    be run alone.
    """

    def __init__(self, jobs: int, *, own_process: bool = False) -> None:
        self._shared = jobs > 1
        self._own_process = own_process
        self._process = os.getpid()
        self._builtins = _functions(builtins)
        self._functions = [(owner, _functions(owner)) for owner in _NEEDED]
        self._path = list(sys.path)
        self._recursion = sys.getrecursionlimit()
        self._umask = os.umask(0o022)  # it can be asked for in no other way than by setting it
        os.umask(self._umask)
        self._folder = ""
        with suppress(OSError):  # it may have been removed
            self._folder = os.getcwd()
        self._handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._files = _open_files() if own_process else {}
        if sys.platform != "win32":
            self._limits = {limit: resource.getrlimit(limit) for limit in _ALL}
            self._timers = [timer for timer in _TIMERS if signal.getitimer(timer) == (0.0, 0.0)]

    def put_back(self) -> None:
        """Make functions of Python, umask, folder, import path, timers, signals and limits what they were.

        Limits as far as the system lets them be raised again. A process that a pipeline forked, and that came back here
        as if it were the batch, ends; and so does the batch's own where files were closed that it needs.
        """
        found = builtins.__dict__.copy()
        builtins.__dict__.update(self._builtins)  # up to here by nothing that could have been replaced
        harmed = any(found.get(name) is not function for name, function in self._builtins.items())
        harmed |= self._put_back_functions()
        if os.getpid() != self._process:
            os._exit(0)
        harmed |= os.umask(self._umask) != self._umask
        self._put_back_places()
        self._put_back_signals()
        harmed |= self._put_back_limits()
        if (harmed and self._shared) or self._lost_files():
            self.end_process()

    def end_if_worn(self) -> None:
        """End the process, if it is the batch's own, where a limit was lowered for good."""
        if sys.platform != "win32":
            if any(resource.getrlimit(limit)[1] != before[1] for limit, before in self._limits.items()):
                self.end_process()

    def end_process(self) -> None:
        """End the process, if it is the batch's own: whoever started it starts another."""
        if self._own_process:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):  # they may be anything by now
                    stream.flush()
            os._exit(WORN)

    def _put_back_functions(self) -> bool:
        replaced = False
        for owner, functions in self._functions:
            now = vars(owner)
            for name, function in functions.items():
                if now.get(name) is not function:
                    setattr(owner, name, function)
                    replaced = True
        return replaced

    def _put_back_places(self) -> None:
        with suppress(OSError):
            os.chdir(self._folder)
        now = sys.path if isinstance(sys.path, list) else []
        if any(place not in now for place in self._path):
            sys.path = [*self._path, *(place for place in now if place not in self._path)]
        if sys.getrecursionlimit() < self._recursion:
            sys.setrecursionlimit(self._recursion)

    def _put_back_signals(self) -> None:
        if sys.platform != "win32":
            for timer in self._timers:
                signal.setitimer(timer, 0)
        if threading.current_thread() is threading.main_thread():  # no other can change them
            for number, handler in self._handlers.items():
                if handler is not None and signal.getsignal(number) is not handler:
                    signal.signal(number, handler)

    def _put_back_limits(self) -> bool:
        """Returns whether one was another that others at work need."""
        changed = False
        if sys.platform != "win32":
            for limit, before in self._limits.items():
                now = resource.getrlimit(limit)
                harmful = limit in _OF_FILES or now[1] != before[1]
                if now != before and (harmful or not self._shared):
                    _set_limit(limit, before)
                    changed |= harmful
        return changed

    def _lost_files(self) -> bool:
        """Whether files were closed that the batch has open; its streams may lead elsewhere."""
        for number, before in self._files.items():
            try:
                found = os.fstat(number)
            except OSError:
                return True
            if number > 2 and (found.st_dev, found.st_ino) != before:
                return True
        return False


def _functions(owner: Any) -> dict[str, Any]:
    """The functions, classes and modules of a module, or of a class.

    Without those of two underscores: libraries put a way to import of their own before Python's as they are imported.
    """
    known = ((name, value) for name, value in vars(owner).items() if not name.startswith("__"))
    return {name: value for name, value in known if callable(value) or isinstance(value, ModuleType)}


def _open_files() -> dict[int, tuple[int, int]]:
    """The open files of the process, by number: what each is."""
    found = {}
    for number in range(_MOST_FILES):
        with suppress(OSError):
            file = os.fstat(number)
            found[number] = (file.st_dev, file.st_ino)
    return found


def _set_limit(limit: int, wanted: tuple[int, int]) -> None:
    """Set a limit; where the hard one was lowered for good, the soft one as high as that allows."""
    try:
        resource.setrlimit(limit, wanted)
    except (OSError, ValueError):
        hard = resource.getrlimit(limit)[1]
        soft = wanted[0] if 0 <= wanted[0] <= hard else hard
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (soft, hard))
