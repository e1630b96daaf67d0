"""Pickles of others: what they name, told without running them; and loading those that name only what does no harm.

A pickle is a program for a small machine. Both machines here are Python's own (`pickle._Unpickler`, which is written in
Python) with the instructions taken out that Runshelf never writes; one looks nothing up and calls nothing, the other
looks up and calls only what `known_safe` has.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

from storage.errors import Corrupt, StorageError, Untrusted

UNREADABLE = (
    pickle.PickleError, EOFError, ValueError, TypeError, AttributeError, LookupError, ImportError, MemoryError,
    RecursionError, ArithmeticError, AssertionError, NotImplementedError, RuntimeError, OSError, struct.error,
)  # fmt: skip
"""What damaged pickles, and those of other versions, make unpickling raise."""

_PLAIN = frozenset(
    {
        pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET,
        pickle.BINPUT, pickle.LONG_BINPUT, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BININT, pickle.BININT1,
        pickle.BININT2, pickle.LONG1, pickle.BINFLOAT, pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8,
        pickle.SHORT_BINBYTES, pickle.BINBYTES, pickle.BINBYTES8, pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1,
        pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_SET, pickle.STACK_GLOBAL,
    }
)  # fmt: skip
_KEYS = (str, bytes, int, float, bool, type(None))
_KEY_DEPTH = 4
_ROOM = 16 * 1024 * 1024  # bytes that objects may take beyond a few times the size of the pickle
_MAX_NAME = 200


class _Machine(pickle._Unpickler):
    """Python's unpickler with the instructions of protocol 4 and 5 as Runshelf writes them, and no others."""

    dispatch: ClassVar[dict[int, Callable[..., Any]]] = {
        code[0]: pickle._Unpickler.dispatch[code[0]] for code in _PLAIN
    }
    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]

    def __init__(self, data: bytes) -> None:
        self._size = len(data)
        super().__init__(io.BytesIO(data))

    def read_value(self) -> Any:
        """Run the program to its end; what it gives."""
        return self.load()

    def load_bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        if size > self._size:
            raise pickle.UnpicklingError("an array is longer than the file")
        self.append(bytearray(self.read(size)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


class _Listing(_Machine):
    """Notes what is named; nothing is looked up, called or filled."""

    dispatch: ClassVar[dict[int, Callable[..., Any]]] = dict(_Machine.dispatch)

    def __init__(self, data: bytes) -> None:
        self.names: set[str] = set()
        super().__init__(data)

    def find_class(self, module: str, name: str) -> Any:
        self.names.add(f"{module}.{name}"[:_MAX_NAME])
        return None

    def load_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is str and type(module) is str:
            self.find_class(module, name)
        else:
            self.names.add("a name that is computed")
        self.append(None)

    def load_global(self) -> None:
        module, name = (self.readline()[:-1].decode("utf-8", "replace") for _ in range(2))
        self.find_class(module, name)
        self.append(None)

    def load_inst(self) -> None:
        self.load_global()
        self.stack.pop()
        self.pop_mark()
        self.append(None)

    def _two_become_one(self) -> None:
        self.stack.pop()
        self.stack[-1] = None

    def _three_become_one(self) -> None:
        self.stack.pop()
        self._two_become_one()

    def _last_is_gone(self) -> None:
        self.stack.pop()

    def _two_are_gone(self) -> None:
        self.stack.pop()
        self.stack.pop()

    def _marked_are_gone(self) -> None:
        self.pop_mark()

    def _marked_become_one(self) -> None:
        self.pop_mark()
        self.append(None)

    def _last_is_copied(self) -> None:
        self.append(self.stack[-1])

    for code in (pickle.REDUCE, pickle.NEWOBJ):
        dispatch[code[0]] = _two_become_one
    for code in (pickle.BUILD, pickle.APPEND, pickle.POP):
        dispatch[code[0]] = _last_is_gone
    for code in (pickle.APPENDS, pickle.SETITEMS, pickle.ADDITEMS, pickle.POP_MARK):
        dispatch[code[0]] = _marked_are_gone
    for code in (pickle.FROZENSET, pickle.OBJ, pickle.DICT, pickle.LIST):
        dispatch[code[0]] = _marked_become_one
    dispatch[pickle.NEWOBJ_EX[0]] = _three_become_one
    dispatch[pickle.SETITEM[0]] = _two_are_gone
    dispatch[pickle.DUP[0]] = _last_is_copied
    dispatch[pickle.GLOBAL[0]] = load_global
    dispatch[pickle.INST[0]] = load_inst
    dispatch[pickle.STACK_GLOBAL[0]] = load_stack_global
    # The text forms of protocol 0 carry no names; they are read so that what follows them is found.
    for code in (pickle.INT, pickle.LONG, pickle.FLOAT, pickle.STRING, pickle.UNICODE, pickle.GET, pickle.PUT,
                 pickle.BINSTRING, pickle.SHORT_BINSTRING, pickle.LONG4):  # fmt: skip
        dispatch[code[0]] = pickle._Unpickler.dispatch[code[0]]
    del code


class _Restricted(_Machine):
    """Makes objects of what `known_safe` has, and of nothing else."""

    dispatch: ClassVar[dict[int, Callable[..., Any]]] = dict(_Machine.dispatch)

    def __init__(self, data: bytes) -> None:
        self._room = _ROOM + 4 * len(data)
        self._made: list[Any] = []
        super().__init__(data)

    def read_value(self) -> Any:
        from storage.known_safe import check_filled

        value = super().read_value()
        for one in self._made:
            check_filled(one)
        return value

    def find_class(self, module: str, name: str) -> Any:
        from storage.known_safe import found

        return found(module, name)

    def load_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            _refuse("a name that is computed")
        self.append(self.find_class(module, name))

    def load_reduce(self) -> None:
        from storage.known_safe import Call

        arguments, call = self.stack.pop(), self.stack[-1]
        if type(call) is not Call or type(arguments) is not tuple:
            _refuse("a call of something that is only to be made, not called")
        self.stack[-1] = call.made_by(arguments)

    def load_newobj(self) -> None:
        from storage.known_safe import is_made

        arguments, cls = self.stack.pop(), self.stack[-1]
        if type(arguments) is not tuple or arguments or not is_made(cls):
            _refuse("an object that is made in an unusual way")
        self.stack[-1] = cls.__new__(cls)
        self._made.append(self.stack[-1])

    def load_build(self) -> None:
        from storage.known_safe import fill

        state = self.stack.pop()
        self._room -= fill(self.stack[-1], state)
        if self._room < 0:
            raise pickle.UnpicklingError("it would take far more memory than its size")

    def load_append(self) -> None:
        value = self.stack.pop()
        self._last(list).append(value)

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._last(list).extend(items)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        _check_key(key)
        self._dictionary()[key] = value

    def load_setitems(self) -> None:
        items = self.pop_mark()
        target = self._dictionary()
        for key, value in zip(items[::2], items[1::2], strict=True):
            _check_key(key)
            target[key] = value

    def load_additems(self) -> None:
        items = self.pop_mark()
        for item in items:
            _check_key(item)
        self._last(set).update(items)

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        for item in items:
            _check_key(item)
        self.append(frozenset(items))

    def _last(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            _refuse("items for something that takes none")
        return self.stack[-1]

    def _dictionary(self) -> Any:
        from storage.known_safe import is_made

        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict) and not (isinstance(target, dict) and is_made(type(target))):
            _refuse("items for something that takes none")
        return target

    dispatch[pickle.STACK_GLOBAL[0]] = load_stack_global
    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.APPEND[0]] = load_append
    dispatch[pickle.APPENDS[0]] = load_appends
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.ADDITEMS[0]] = load_additems
    dispatch[pickle.FROZENSET[0]] = load_frozenset


def types_in(data: bytes) -> list[str]:
    """What a pickle names, sorted, as far as it can be read; nothing of it is looked up or run."""
    listing = _Listing(data)
    try:
        listing.read_value()
    except UNREADABLE:
        listing.names.add("something that can't be read")
    return sorted(listing.names)


def load_known_safe(data: bytes) -> Any:
    """Load a pickle that names only what is known to do no harm.

    Raises Untrusted where it names something else or does something unusual, Corrupt where it can't be read.
    """
    try:
        return _Restricted(data).read_value()
    except StorageError:
        raise
    except KeyError as error:
        if isinstance(error.args[0], int):  # an instruction that is none of ours
            raise Untrusted("It is written in a way that Runshelf never writes.") from error
        raise _unreadable(error) from error
    except UNREADABLE as error:
        raise _unreadable(error) from error


def _unreadable(error: BaseException) -> Corrupt:
    return Corrupt(f"It can't be read: {type(error).__name__}: {str(error)[:200]}.", advice="Use another copy of it.")


def _check_key(key: Any, depth: int = 0) -> None:
    """Refuse keys whose hash could be made to overflow the stack, or to run something."""
    if type(key) is tuple and depth < _KEY_DEPTH:
        for part in key:
            _check_key(part, depth + 1)
    elif type(key) not in _KEYS and type(key).__module__ != "numpy":
        _refuse("a key that is no number and no text")


def _refuse(what: str) -> NoReturn:
    from storage.known_safe import refused

    raise refused(what)
