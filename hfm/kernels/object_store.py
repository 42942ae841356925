"""Finished kernels in files: one for each kernel and kind of arguments, taken up without numba.

A file is the SHA-256 of what follows, a line with the symbol of the entry, and the object file. Its name says what it
was made for: processor, Python, numba and its settings; its folder is named by the sources. numba's own wrapper in it
takes Python's arguments apart; of numba only the small libraries that such wrappers call are loaded.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import hashlib
import importlib.machinery
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.kernels import elf
from hfm.kernels.cpu import SETTINGS, described

Compiled = Callable[..., Any]  # Any: of any kernel
_HELPERS = {"numba_": "_helperlib", "NRT_": "core/runtime/_nrt_python"}
"""How the names of numba's helpers begin -> the library in which they are."""
_UNFIT = (elf.Unfit, LookupError, AttributeError, OSError)
"""What cannot be loaded here: a file of another kind, a name that nobody has (or another numba gives otherwise), memory
that the system does not give."""
_ENVIRONMENT = "_ZN08NumbaEnv"
_DIGEST = 32
_NUMBERS: Mapping[type, str] = {t: t.__name__ for t in (bool, np.float32, np.float64, np.int64, np.uint64)} | {
    float: "float64"
}
_LEAST, _MOST = -(2**63), 2**63 - 1
_NOT_IN_CODE = ("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS")
"""Settings of numba's that change no machine code."""


def works_here() -> bool:
    """Whether this process takes up finished kernels: CPython on what `elf` is made for, which says what processor it
    has (code for another would be an illegal instruction), and numba neither switched off nor set by a file."""
    machine = (sys.platform, platform.machine(), sys.implementation.name)
    compiled = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0") and not SETTINGS.exists()
    return machine == ("linux", "x86_64", "cpython") and compiled and "flags" in described()


def key(arguments: tuple[object, ...]) -> tuple[object, ...]:
    """What tells kinds of arguments apart at a look; two may be of one kind. Flat: it is much called."""
    out: list[object] = []
    for argument in arguments:
        exact = type(argument)
        if exact is np.ndarray:
            out += argument.dtype, argument.ndim, argument.flags.num  # type: ignore[attr-defined]  # just looked at
        elif exact is int:
            out.append(exact if _LEAST <= argument <= _MOST else "large")  # type: ignore[operator]  # just looked at
        elif exact is not float and isinstance(argument, tuple):
            out += exact, key(argument)
        else:
            out.append(exact)
    return tuple(out)


def kind(argument: object) -> str | None:
    """What numba would compile for, in words; None for what is not made of plain arrays and numbers."""
    exact = type(argument)
    if isinstance(argument, np.ndarray):
        return _kind_of_array(argument) if exact is np.ndarray else None
    if isinstance(argument, tuple):
        inside = [kind(element) for element in argument]
        fields = ",".join(getattr(argument, "_fields", ()))
        name = "" if exact is tuple else f"{exact.__module__}.{exact.__qualname__}[{fields}]"
        return None if None in inside else f"{name}({','.join(map(str, inside))})"
    if exact is int:
        return "int64" if _LEAST <= argument <= _MOST else None  # type: ignore[operator]  # just looked at
    return _NUMBERS.get(exact)


def _kind_of_array(array: npt.NDArray[Any]) -> str | None:  # Any: of any dtype
    flags, dtype = array.flags, array.dtype
    if dtype.kind not in "biufM" or not dtype.isnative:
        return None
    layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
    return f"{dtype.str}{array.ndim}{layout}{'' if flags.writeable else 'r'}"


def place(folder: Path, function: FunctionType, arguments: str) -> Path:
    """Where the kernel for these kinds of arguments lies, once there is one."""
    name = f"{function.__module__}.{function.__qualname__}"
    digest = hashlib.sha256(f"{name}\n{arguments}\n{_surroundings()}".encode()).hexdigest()
    return folder / f"{name}-{digest[:24]}.o"


@cache
def _surroundings() -> str:
    """All that code depends on beside its source and its arguments."""
    versions = [metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    settings = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_") and k not in _NOT_IN_CODE)
    return repr((described(), sys.version, sys.flags.optimize, versions, settings))


def keep(path: Path, content: bytes, entry: str) -> None:
    """Write a kernel's object file. entry: the symbol of numba's wrapper.

    Nothing is written where it could not be taken up again, or the folder cannot be written to.
    """
    try:
        elf.load(content, _resolve)
    except _UNFIT:
        return
    held = entry.encode() + b"\n" + content
    temp = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # a folder that cannot be written to: the next process asks numba again
        temp.write_bytes(hashlib.sha256(held).digest() + held)
        temp.replace(path)


def take(path: Path, function: FunctionType) -> Compiled | None:
    """The kernel in the file as a function; None where there is none, or not a whole one."""
    try:
        held = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(held[_DIGEST:]).digest() != held[:_DIGEST]:
        return None
    entry, _, content = held[_DIGEST:].partition(b"\n")
    try:
        return _callable(elf.load(content, _resolve), entry.decode(), function)
    except _UNFIT:
        return None


def _callable(image: elf.Image, entry: str, function: FunctionType) -> Compiled:
    """As numba makes one: numba.core.cpu.CPUContext.get_executable.

    An environment holds Python objects of a kernel; each kernel that is called looks for its own, and has none in it.
    """
    made = _extension("_dynfunc")
    environment = made.Environment(function.__globals__)
    for name, address in image.symbols.items():
        if name.startswith(_ENVIRONMENT):
            ctypes.c_void_p.from_address(address).value = id(environment)
    module, said = sys.modules[function.__module__], function.__doc__ or ""
    wrapper: Compiled = made.make_function(
        module, function.__name__, said, image.symbols[entry], environment, (image, environment)
    )
    return wrapper


def _resolve(name: str) -> int:
    """The address under a name that a wrapper or a kernel asks for, as numba gives them to LLVM.

    That is numba.core.base._load_global_helpers (an exception is the object, not Python's variable that holds it),
    numba.core.externals (functions of libm are those that numba was linked with), and for all else this process.
    """
    for start, library in _HELPERS.items():
        if name.startswith(start):
            return int(_extension(library).c_helpers[name.removeprefix(start)])
    if name.startswith("PyExc_"):
        return id(getattr(builtins, name.removeprefix("PyExc_")))
    known: Mapping[str, int] = _extension("_helperlib").c_helpers
    if name in known:
        return known[name]
    try:
        return ctypes.addressof(ctypes.c_char.in_dll(_process(), name))
    except ValueError:
        raise LookupError(name) from None


@cache
def _process() -> ctypes.CDLL:
    return ctypes.CDLL(None)


@cache
def _extension(name: str) -> ModuleType:
    """One of numba's small C libraries, without numba."""
    full = f"numba.{name.replace('/', '.')}"
    if full in sys.modules:
        return sys.modules[full]
    loader = importlib.machinery.ExtensionFileLoader(full, str(_library(name)))
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(full, loader, origin=loader.path))
    loader.exec_module(module)
    sys.modules.pop(full, None)  # numba, should it come later, imports it as part of its package
    return module


@cache
def _library(name: str) -> Path:
    found = importlib.util.find_spec("numba")
    for folder in (found and found.submodule_search_locations) or []:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder) / f"{name}{suffix}"
            if path.exists():
                return path
    raise LookupError(name)
