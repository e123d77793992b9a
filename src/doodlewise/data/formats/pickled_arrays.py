"""The arrays in a pickled list of arrays, read without unpickling: nothing in the file can run.

An array of objects in an .npy or .npz file is a pickle, and a pickle is a program. This reads the
few instructions that NumPy's pickles of numeric arrays consist of, of Python 2 and 3, and refuses
any other. It hands over the arrays as it comes to them, so a list of any length takes little
memory; a pickle that would take much is refused as well.

Source of the instructions: Lib/pickletools.py of CPython.
"""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BrokenPickleError", "ForbiddenGlobalError", "pickled_arrays"]

_RECONSTRUCT: Final = "numpy.core.multiarray._reconstruct"
_NDARRAY: Final = "numpy.ndarray"
_DTYPE: Final = "numpy.dtype"
_GLOBALS = {
    _RECONSTRUCT: _RECONSTRUCT,
    "numpy._core.multiarray._reconstruct": _RECONSTRUCT,
    _NDARRAY: _NDARRAY,
    _DTYPE: _DTYPE,
}
_NUMERIC = re.compile("[iuf][1248]|O8?")

_BUDGET = 256 << 20
"""Bytes, about, that may be taken until arrays are handed over; picklers append a thousand."""
_OBJECT_BYTES = 100

_REMEMBERED = 4096
"""Objects that can be referred back to. What is referred to again and again is not forgotten."""


class BrokenPickleError(Exception):
    """This is not a whole pickle of a list of arrays; the message says why."""


class ForbiddenGlobalError(Exception):
    """The pickle asks for something else of Python than to make an array; the message is what."""


class _Global(str):
    """The name of something outside the pickle."""

    __slots__ = ()


class _Type:
    """A dtype, whose byte order comes later."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype


class _Array:
    """An array, whose content comes later; None if that is not of numbers."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: NDArray[Any] | None = None


def pickled_arrays(stream: BinaryIO) -> Iterator[NDArray[Any] | None]:
    """Yield the elements of a pickled array of objects: read-only arrays, None for other things.

    Args:
        stream: at the beginning of the pickle, best buffered; it is read up to the pickle's end.

    Raises:
        ForbiddenGlobalError: it asks for more than the three names that make arrays.
        BrokenPickleError: it breaks off, or holds something else than a list of arrays.
    """
    machine = _Machine(stream)
    read, handlers = stream.read, machine.handlers
    while True:
        code = read(1)
        if code == pickle.STOP:
            break
        handler = handlers.get(code)
        if handler is None:
            what = f"the instruction {code!r}" if code else "an end before the last instruction"
            raise BrokenPickleError(f"there is {what} in it")
        machine.spend(_OBJECT_BYTES)
        try:
            handler()
        except (IndexError, TypeError, ValueError, struct.error):
            raise BrokenPickleError(f"the instruction {code!r} has not what it needs") from None
        if machine.elements:
            yield from machine.elements
            machine.start_again()
    if not machine.has_list:
        raise BrokenPickleError("there is no list in it")


class _Machine:
    """The stack and the memory that the instructions of a pickle work on.

    Attributes:
        handlers: what each instruction does.
        elements: of the list, since the last `start_again`.
        has_list: whether the list has begun.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._memoised = 0
        self._spent = 0
        self.elements: list[NDArray[Any] | None] = []
        self.has_list = False
        push = self._stack.append
        number = self._number
        self.handlers: dict[bytes, Callable[[], object]] = {
            pickle.PROTO: lambda: number("<B"),
            pickle.FRAME: lambda: number("<Q"),
            pickle.GLOBAL: lambda: self._global(self._line(), self._line()),
            pickle.STACK_GLOBAL: lambda: self._global(*self._pop(2)),
            pickle.BINPUT: lambda: self._put(number("<B")),
            pickle.LONG_BINPUT: lambda: self._put(number("<I")),
            pickle.MEMOIZE: lambda: self._put(self._memoised),
            pickle.BINGET: lambda: self._get(number("<B")),
            pickle.LONG_BINGET: lambda: self._get(number("<I")),
            pickle.NONE: lambda: push(None),
            pickle.NEWTRUE: lambda: push(True),
            pickle.NEWFALSE: lambda: push(False),
            pickle.BININT: lambda: push(number("<i")),
            pickle.BININT1: lambda: push(number("<B")),
            pickle.BININT2: lambda: push(number("<H")),
            pickle.LONG1: lambda: push(
                int.from_bytes(self._bytes(number("<B")), "little", signed=True)
            ),
            pickle.SHORT_BINSTRING: lambda: push(self._bytes(number("<B"))),
            pickle.BINSTRING: lambda: push(self._bytes(number("<i"))),
            pickle.SHORT_BINBYTES: lambda: push(self._bytes(number("<B"))),
            pickle.BINBYTES: lambda: push(self._bytes(number("<I"))),
            pickle.SHORT_BINUNICODE: lambda: push(self._bytes(number("<B")).decode()),
            pickle.BINUNICODE: lambda: push(self._bytes(number("<I")).decode()),
            pickle.MARK: lambda: self._marks.append(len(self._stack)),
            pickle.EMPTY_TUPLE: lambda: push(()),
            pickle.TUPLE1: lambda: push(self._pop(1)),
            pickle.TUPLE2: lambda: push(self._pop(2)),
            pickle.TUPLE3: lambda: push(self._pop(3)),
            pickle.TUPLE: lambda: push(self._pop_to_mark()),
            pickle.EMPTY_LIST: self._begin_list,
            pickle.APPEND: lambda: self._append(self._pop(1)),
            pickle.APPENDS: lambda: self._append(self._pop_to_mark()),
            pickle.REDUCE: self._reduce,
            pickle.BUILD: self._build,
        }

    def spend(self, n_bytes: int) -> None:
        self._spent += n_bytes
        if self._spent > _BUDGET:
            raise BrokenPickleError(f"there are {_BUDGET >> 20} MiB and more in one piece")

    def start_again(self) -> None:
        """The elements have been handed over."""
        self.elements = []
        self._spent = 0

    def _bytes(self, size: int) -> bytes:
        if size < 0:
            raise BrokenPickleError(f"there is a text of {size} bytes in it")
        self.spend(size)
        content = self._stream.read(size)
        if len(content) < size:
            raise BrokenPickleError("it breaks off")
        return content

    def _number(self, layout: str) -> int:
        value: int = struct.unpack(layout, self._stream.read(struct.calcsize(layout)))[0]
        return value

    def _line(self) -> str:
        return self._stream.readline(256).decode().removesuffix("\n")

    def _pop(self, count: int) -> tuple[Any, ...]:
        if len(self._stack) < count:
            raise IndexError
        popped = tuple(self._stack[-count:])
        del self._stack[-count:]
        return popped

    def _pop_to_mark(self) -> tuple[Any, ...]:
        mark = self._marks.pop()
        popped = tuple(self._stack[mark:])
        del self._stack[mark:]
        return popped

    def _put(self, index: int) -> None:
        self._memo.pop(index, None)
        self._memo[index] = self._stack[-1]
        self._memoised += 1
        if len(self._memo) > _REMEMBERED:
            del self._memo[next(iter(self._memo))]

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise BrokenPickleError("it refers to something far back, or to nothing")
        value = self._memo[index] = self._memo.pop(index)
        self._stack.append(value)

    def _global(self, module: object, name: object) -> None:
        asked_for = f"{module}.{name}"
        if asked_for not in _GLOBALS:
            raise ForbiddenGlobalError(asked_for)
        self._stack.append(_Global(_GLOBALS[asked_for]))

    def _begin_list(self) -> None:
        if self.has_list:
            raise BrokenPickleError("there are lists in the list, where arrays should be")
        self.has_list = True
        self._stack.append(self)

    def _append(self, items: tuple[Any, ...]) -> None:
        if self._stack[-1] is not self:
            raise BrokenPickleError("something is appended to what is not the list")
        self.elements += [item.array if isinstance(item, _Array) else None for item in items]

    def _reduce(self) -> None:
        function, arguments = self._pop(2)
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise BrokenPickleError("there is a call in it of what is no function")
        if function == _RECONSTRUCT and arguments[:1] == (_NDARRAY,):
            self._stack.append(_Array())
        elif function == _DTYPE and _NUMERIC.fullmatch(_text(arguments[0])):
            self._stack.append(_Type(np.dtype(_text(arguments[0]))))
        else:
            raise BrokenPickleError("there is something in it that is no array of numbers")

    def _build(self) -> None:
        made, state = self._stack[-2:]
        del self._stack[-1]
        if isinstance(made, _Type) and isinstance(state, tuple):
            if _text(state[1]) == ">":
                made.dtype = made.dtype.newbyteorder(">")
        elif isinstance(made, _Array) and isinstance(state, tuple):
            _version, shape, kind, is_fortran, data = state
            made.array = _array(shape, kind, bool(is_fortran), data)
        else:
            raise BrokenPickleError("there is something in it that is no array of numbers")


def _array(shape: Any, kind: object, is_fortran: bool, data: object) -> NDArray[Any] | None:
    """The array; None for one of objects.

    Raises:
        ValueError, TypeError: what is given makes no array.
    """
    if not isinstance(kind, _Type) or not isinstance(data, bytes) or kind.dtype.hasobject:
        return None
    return np.frombuffer(data, kind.dtype).reshape(shape, order="F" if is_fortran else "C")


def _text(value: object) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)
