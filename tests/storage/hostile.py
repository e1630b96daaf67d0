"""Pickles that somebody would send who means harm. Each would make a file if it were run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

PROTO = pickle.PROTO + b"\x05"


class Calls:
    """Pickles to a call of `function`."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self._what = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self._what


def text(value: str) -> bytes:
    """The instruction that pushes a text."""
    data = value.encode()
    return pickle.BINUNICODE + len(data).to_bytes(4, "little") + data


def named(module: str, name: str) -> bytes:
    """The instructions that look a name up."""
    return text(module) + text(name) + pickle.STACK_GLOBAL


def corpus(canary: Path) -> dict[str, bytes]:
    """Hostile pickles by what they try; `canary` is the file that would be made."""
    import builtins
    import functools
    import importlib
    import operator
    import os
    import subprocess

    import joblib
    import numpy as np
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    command = f"touch '{canary}'"
    code = f"open({str(canary)!r}, 'w').close()"
    other = canary.with_name("other.pkl")
    other.write_bytes(pickle.dumps(Calls(os.system, command)))
    calls: dict[str, Any] = {
        "system": Calls(os.system, command),
        "popen": Calls(subprocess.Popen, ["touch", str(canary)]),
        "eval": Calls(eval, code),
        "exec": Calls(exec, code),
        "compile": Calls(compile, code, "x", "exec"),
        "import": Calls(importlib.import_module, "os"),
        "getattr": Calls(builtins.getattr, StandardScaler, "fit"),
        "open": Calls(open, str(canary), "w"),
        "methodcaller": Calls(operator.methodcaller, "touch"),
        "attrgetter": Calls(operator.attrgetter, "fit.__globals__"),
        "partial": Calls(functools.partial, os.system, command),
        "reduce": Calls(functools.reduce, os.system, [command]),
        "map": Calls(map, os.system, [command]),
        "loads": Calls(pickle.loads, other.read_bytes()),
        "joblib": Calls(joblib.load, str(other)),
        "memory": Calls(joblib.Memory, str(canary.parent)),
        "npy": Calls(np.load, str(other), None, True),
        "memmap": Calls(np.memmap, str(canary), "b", "w+", 0, (1,)),
        "fromfile": Calls(np.fromfile, str(other)),
        "path": Calls(type(canary), str(canary)),
        "estimator": Calls(StandardScaler),
        "nested step": Pipeline([("scale", StandardScaler()), ("bad", Calls(os.system, command))]),
        "function": FunctionTransformer(os.system),
        "in an array": np.array([Calls(os.system, command)], dtype=object),
        "in a dict": {"a": [(Calls(os.system, command),)]},
        "folder of a cache": Pipeline([("r", Ridge())], memory=str(canary.parent)),
        "state with a call": Calls(StandardScaler, state={"x": Calls(os.system, command)}),
    }
    found = {f"{name} {p}": pickle.dumps(value, p) for name, value in calls.items() for p in range(6)}
    found |= _written_by_hand(command, code)
    return found | _torn(pickle.dumps(Pipeline([("s", StandardScaler()), ("r", Ridge())]), 5))


def _written_by_hand(command: str, code: str) -> dict[str, bytes]:
    scaler = named("sklearn.preprocessing._data", "StandardScaler")
    made = scaler + pickle.EMPTY_TUPLE + pickle.NEWOBJ
    interval = named("sklearn._loss.link", "Interval")
    stop = pickle.STOP

    def call(*parts: bytes) -> bytes:
        return PROTO + b"".join(parts) + stop

    def with_state(target: bytes, key: str, value: bytes) -> bytes:
        return call(target, pickle.EMPTY_DICT, text(key), value, pickle.SETITEM, pickle.BUILD)

    array = named("numpy._core.multiarray", "_reconstruct") + named("numpy", "ndarray")
    array += pickle.BININT1 + b"\0" + pickle.TUPLE1 + pickle.SHORT_BINBYTES + b"\x01b" + pickle.TUPLE3 + pickle.REDUCE
    dtype = named("numpy", "dtype") + text("O8") + pickle.NEWFALSE + pickle.NEWTRUE + pickle.TUPLE3 + pickle.REDUCE
    flags = pickle.MARK + pickle.BININT1 + b"\x03" + text("|") + pickle.NONE * 3 + pickle.BININT + b"\xff" * 4
    flags += pickle.BININT + b"\xff" * 4 + pickle.BININT1 + b"\0" + pickle.TUPLE + pickle.BUILD
    pointers = pickle.MARK + pickle.BININT1 + b"\x01" + pickle.BININT1 + b"\x01" + pickle.TUPLE1
    short = pickle.MARK + pickle.BININT1 + b"\x01" + pickle.BININT2 + b"\xff\xff" + pickle.TUPLE1 + dtype
    short += pickle.NEWFALSE + pickle.EMPTY_LIST + pickle.TUPLE + pickle.BUILD
    return {
        "system by INST": b"(S" + repr(command).encode() + b"\nios\nsystem\n.",
        "system by OBJ": b"(cos\nsystem\nS" + repr(command).encode() + b"\no.",
        "system by GLOBAL": b"cos\nsystem\n(S" + repr(command).encode() + b"\ntR.",
        "dotted name": call(named("sklearn.utils", "os.system"), text(command), pickle.TUPLE1, pickle.REDUCE),
        "module in a module": call(named("sklearn.utils", "os")),
        "dotted class": call(named("sklearn.preprocessing._data", "StandardScaler.fit")),
        "function of sklearn": call(named("sklearn.datasets", "load_files"), text("/"), pickle.TUPLE1, pickle.REDUCE),
        "fetching": call(named("sklearn.datasets", "fetch_openml"), text("iris"), pickle.TUPLE1, pickle.REDUCE),
        "import by name": call(named("builtins", "__import__"), text("os"), pickle.TUPLE1, pickle.REDUCE),
        "printing": call(named("sklearn.utils._show_versions", "show_versions"), pickle.EMPTY_TUPLE, pickle.REDUCE),
        "test module": call(named("sklearn.tests.test_base", "MyEstimator")),
        "relative module": call(named("sklearn.", "x")),
        "module with a path": call(named("sklearn/../../x", "y")),
        "empty name": call(named("sklearn", "")),
        "own module": call(named("storage.disk", "Disk")),
        "name that is no text": PROTO + pickle.NONE + text("x") + pickle.STACK_GLOBAL + stop,
        "name that is computed": call(text("os"), array, pickle.STACK_GLOBAL),
        "persistent id": b"Psomething\n.",
        "persistent id of the stack": call(text("x"), pickle.BINPERSID),
        "extension code": call(pickle.EXT1 + b"\x01"),
        "buffer from outside": call(pickle.NEXT_BUFFER),
        "class overridden": call(scaler, pickle.NONE, pickle.EMPTY_DICT, text("fit"), scaler, pickle.SETITEM,
                                 pickle.TUPLE2, pickle.BUILD),
        "class without setstate overridden": call(interval, pickle.NONE, pickle.EMPTY_DICT, text("includes"), scaler,
                                                  pickle.SETITEM, pickle.TUPLE2, pickle.BUILD),
        "module filled": call(named("sklearn", "base"), pickle.EMPTY_DICT, pickle.BUILD),
        "function filled": call(named("numpy.linalg", "pinv"), pickle.EMPTY_DICT, pickle.BUILD),
        "slots of an object": call(made, pickle.NONE, pickle.EMPTY_DICT, pickle.TUPLE2, pickle.BUILD),
        "setstate replaced": with_state(made, "__setstate__", scaler),
        "class replaced": with_state(made, "__class__", scaler),
        "dotted attribute": with_state(made, "fit.__globals__", pickle.NONE),
        "constructor called": call(scaler, pickle.EMPTY_TUPLE, pickle.REDUCE),
        "made with arguments": call(scaler, text("x"), pickle.TUPLE1, pickle.NEWOBJ),
        "made by keywords": call(scaler, pickle.EMPTY_TUPLE, pickle.EMPTY_DICT, pickle.NEWOBJ_EX),
        "items for an object": call(made, pickle.MARK, text("a"), text("b"), pickle.SETITEMS),
        "array of another class": call(named("numpy._core.multiarray", "_reconstruct"), scaler, pickle.EMPTY_TUPLE,
                                       text("b"), pickle.TUPLE3, pickle.REDUCE),
        "dtype that lies": call(array, pointers, dtype + flags, pickle.NEWFALSE,
                                pickle.SHORT_BINBYTES + b"\x08" + b"A" * 8, pickle.TUPLE, pickle.BUILD),
        "list that is too short": call(array, short),
        "frombuffer of objects": call(named("numpy._core.numeric", "_frombuffer"), pickle.MARK,
                                      pickle.SHORT_BINBYTES + b"\x08" + b"A" * 8, dtype, pickle.BININT1 + b"\x01",
                                      pickle.TUPLE1, text("C"), pickle.TUPLE, pickle.REDUCE),
        "key of great depth": call(pickle.EMPTY_DICT, pickle.EMPTY_TUPLE + pickle.TUPLE1 * 200_000, pickle.NONE,
                                   pickle.SETITEM),
        "set of great depth": call(pickle.EMPTY_SET, pickle.MARK, pickle.EMPTY_TUPLE + pickle.TUPLE1 * 200_000,
                                   pickle.ADDITEMS),
    }  # fmt: skip


def _torn(good: bytes) -> dict[str, bytes]:
    huge = (2**62).to_bytes(8, "little")
    return {
        "nothing": b"",
        "zeros": bytes(100),
        "text": b"hello",
        "stop alone": b".",
        **{f"cut at {end}": good[:end] for end in range(1, len(good) - 1, 97)},
        "huge frame": PROTO + pickle.FRAME + huge,
        "huge array": PROTO + pickle.BYTEARRAY8 + huge + b"x",
        "huge bytes": PROTO + pickle.BINBYTES8 + huge + b"x",
        "huge text": PROTO + pickle.BINUNICODE8 + huge + b"x",
        "huge number": PROTO + pickle.LONG4 + (2**31 - 1).to_bytes(4, "little") + b"x",
        "huge memo": PROTO + pickle.NONE + pickle.LONG_BINPUT + b"\xff" * 4 + pickle.POP,
        "unknown memo": PROTO + pickle.BINGET + b"\x09.",
        "newer protocol": pickle.PROTO + b"\x63.",
        "marks": PROTO + pickle.MARK * 100_000,
        "pops": PROTO + pickle.POP * 10,
    }
