"""The first run after installation: its kernels are compiled by processes beside the one that works.

first_run.json lists, in the order of need, the kernels that `hfm run` calls and for what kinds of arguments;
`python -m tests.kernels.first_run` writes it. The run compiles from the front, as it comes to them, and one process for
each other core from the back: a kernel that one of them is at is waited for. They end with the run, however it ends,
and change nothing but time: what they fail at, the run compiles itself. Meanwhile whoever watches is told how many are
there.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hfm import processes
from hfm.kernels import jit

LIST = Path(__file__).with_name("first_run.json")
NOTICE = "compiling kernels (first run after installation), 10 to 20 s"
LABEL = "compiling kernels"
NETWORKS = ("hfm.models.lstm_cpu.", "hfm.models.networks.")
"""Beginnings of the names of what only networks call."""
MOST = 3
"""Processes beside the run; the longest kernel takes a third of all, so that more would wait for it."""
_LOOK_S = 0.25
Told = Callable[[str, int, int, str], object]
"""Called with a label, what is done, of how much, and a note, as a stage's progress is."""
Words = Any  # JSON values
_SCALARS = {t.__name__: t for t in (bool, int, float, np.float32, np.float64, np.int64, np.uint64, np.int8, np.bool_)}
_helpers: list[subprocess.Popen[bytes]] = []
_announced = False
_told: Told | None = None


def watch(talk: Callable[[str], None] | None = None, progress: Told | None = None) -> None:
    """From the first kernel on that no cache holds, compile those of `hfm run` beside the run.

    Parameters
    ----------
    talk
        Is told NOTICE, once a process, however many stages compile some.
    progress
        Is told how many there are, from a thread: the one of the latest call, while any is compiled.
    """
    global _told
    _told = progress
    if not _announced:
        jit.on_compile = partial(_begin, talk)


def begin(networks: bool = True) -> None:
    """Compile before the first kernel is called, where some of the list is in no cache.

    Parameters
    ----------
    networks
        Whether the run fits any; else the kernels that only they call are left out.
    """
    if compiled(networks) < len(entries(networks)):
        _begin(None, networks)


def compiled(networks: bool = True) -> int:
    """How many kernels of the list are in the cache, for arguments of any kind."""
    kept = {path.name.rpartition("-")[0] for path in jit.cache_folder().glob("*.ready")}
    return sum(name.replace(":", ".") in kept for name, _ in entries(networks))


def _begin(talk: Callable[[str], None] | None, networks: bool = True) -> None:
    """Say that kernels are compiled, and start the helpers: one for each other core. Where all is compiled, none is."""
    global _announced
    _announced, jit.on_compile = True, None
    if talk is not None:
        talk(NOTICE)
    if _helpers or jit.is_temporary(jit.cache_folder()):
        return
    atexit.register(stop)
    threading.Thread(target=_count, args=(networks,), daemon=True).start()
    for place in range(min(processes.cores() - 1, MOST)):
        line = processes.command("hfm.kernels.first_run", "work", place, networks)
        with contextlib.suppress(OSError):  # no memory, or too many processes: the run compiles alone
            null = subprocess.DEVNULL
            _helpers.append(subprocess.Popen(line, stdin=subprocess.PIPE, stdout=null, stderr=null))


def _count(networks: bool) -> None:
    """Tell whoever watches how many kernels there are, while this process or a helper compiles; then that all are."""
    total, shown, done = len(entries(networks)), False, 0
    while done < total:
        time.sleep(_LOOK_S)
        done = compiled(networks)
        busy = done < total and (jit.compiling() or any(helper.poll() is None for helper in _helpers))
        if _told is not None and (busy or shown):
            note = f"{done} of {total}, first run only"
            _told(LABEL, done if busy else total, total, note)
        shown = busy


def stop() -> None:
    """End the processes that compile."""
    while _helpers:
        helper = _helpers.pop()
        helper.kill()
        helper.communicate()


def work(place: int, networks: bool = True) -> None:
    """What helper `place` does: compile the listed kernels from the last to the first."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.set_threshold(50_000, 20, 50)  # a compiler makes many objects and drops few: a tenth of its time
    from filelock import FileLock, Timeout

    lock = FileLock(jit.cache_folder() / f"helper-{place}.lock", timeout=0)
    with contextlib.suppress(Timeout), lock:  # one set of helpers, however many runs begin at once
        for prepare in (jit.Kernel.prepare, jit.Kernel.like):  # what others are at, once more when they are done
            for name, arguments in reversed(entries(networks)):
                with contextlib.suppress(Exception):  # whatever it is, the run meets it by itself
                    prepare(_found(name), *map(example, arguments))


def entries(networks: bool = True) -> list[tuple[str, list[Words]]]:
    """(module:name of a kernel, its arguments in words), in the order of need; networks: those of networks too."""
    found = [(name, arguments) for name, arguments in json.loads(LIST.read_text())]
    return [entry for entry in found if networks or not entry[0].startswith(NETWORKS)]


def words(argument: object) -> Words:
    """Describe an argument's kind, so that `example` can make another of it.

    Parameters
    ----------
    argument
        An array, a record, a number, or a tuple of such, named or not.

    Returns
    -------
    words
        "<f8 2C": an array of that dtype, 2-dimensional, C-contiguous ("F", "A": Fortran, any), read-only with an "r"
        at the end; "MODULE:DTYPE": a record; "float": a number; a list: a tuple, whose first element is its class as
        MODULE:CLASS, or "".

    Raises
    ------
    LookupError
        For what cannot be listed.
    """
    if isinstance(argument, tuple):
        kind = type(argument)
        name = "" if kind is tuple else f"{kind.__module__}:{kind.__qualname__}"
        return [name, *(words(element) for element in argument)]
    if isinstance(argument, np.ndarray):
        flags = argument.flags
        layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "A"
        return f"{_dtype_name(argument.dtype)} {argument.ndim}{layout}{'' if flags.writeable else 'r'}"
    if isinstance(argument, np.void):
        return _dtype_name(argument.dtype)
    if type(argument).__name__ not in _SCALARS:
        raise LookupError(f"{type(argument)} is no array, record or number")
    return type(argument).__name__


def example(kind: Words) -> Any:  # Any: an argument of a kernel
    """An argument of the kind that `words` described."""
    if isinstance(kind, list):
        values = [example(element) for element in kind[1:]]
        return _found(kind[0])(*values) if kind[0] else tuple(values)
    if kind in _SCALARS:
        return _SCALARS[kind](0)
    dtype, _, form = kind.partition(" ")
    if not form:
        return np.zeros(1, _dtype(dtype))[0]
    ndim, layout = int(form[0]), form[1]
    array = np.zeros((4,) * ndim, _dtype(dtype), order="F" if layout == "F" else "C")
    if layout == "A":
        array = array[(slice(None, None, 2),) * ndim]
    array.flags.writeable = not form.endswith("r")
    return array


def _dtype_name(dtype: np.dtype[Any]) -> str:  # Any: of any kind
    """A dtype in words: of records, the module:name under which the package holds it, so that fields may change."""
    if dtype.names is None:
        return dtype.str
    for module in sorted(name for name in sys.modules if name.startswith("hfm.")):
        for name, value in vars(sys.modules[module]).items():
            if isinstance(value, np.dtype) and value == dtype:
                return f"{module}:{name}"
    raise LookupError(f"no module holds {dtype}")


def _dtype(name: str) -> np.dtype[Any]:  # Any: of any kind
    return np.dtype(_found(name) if ":" in name else name)


def _found(name: str) -> Any:  # Any: a kernel, a class or a dtype
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, which closes the pipe; a killed one too."""
    sys.stdin.buffer.read()
    os._exit(0)
