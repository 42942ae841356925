"""The one numba decorator: compiled once, cached, exact.

fastmath stays off (sums keep their order, so live equals batch bit for bit) and division by zero gives inf/nan as
in NumPy. numba does not notice a changed callee in another module, so the cache lies in a folder named by a hash of
every source file in which a kernel can stand; a kernel may therefore read constants only from such files. A kernel
leaves the interpreter to other threads: it touches nothing but its arrays, which one thread owns.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
import numpy.typing as npt
import platformdirs
from numba.core import event

P = ParamSpec("P")
R = TypeVar("R")
Array = npt.NDArray[Any]  # Any: of any dtype


def source_hash(root: Path) -> str:
    """Hex digest of all sources below `root` that mention kernels: names the cache folder."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        text = path.read_bytes()
        if b"kernel" in text:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """A writable folder for compiled kernels: $NUMBA_CACHE_DIR, else the user's cache, else a temporary one."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(base) if base else Path(platformdirs.user_cache_dir("hfm")) / "kernels"
    folder = root / source_hash(Path(__file__).parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a cron user without a home: compile again each time rather than fail
        return Path(tempfile.mkdtemp(prefix="hfm-kernels-"))


def without_blas() -> None:
    """Load numba's array functions without scipy.linalg, a fifth of a second a process that no kernel has a use for.

    numba looks for a BLAS as it loads them, though each function looks again when it is compiled: so nothing is lost.
    """
    name = "scipy.linalg.cython_blas"
    if "numba.np.arraymath" in sys.modules or name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]  # Python's own word for: cannot be imported
    try:
        module = importlib.import_module("numba.np.arraymath")
    finally:
        with contextlib.suppress(KeyError):
            del sys.modules[name]
    module._HAVE_BLAS = True  # type: ignore[attr-defined]  # numba's own; SciPy is one of our dependencies


without_blas()
numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]  # numba makes its settings at run time


class _Stopwatch(event.Listener):
    """Sums the time of outermost compilations in this process."""

    def __init__(self) -> None:
        self.depth, self.began, self.total = 0, 0.0, 0.0

    def on_start(self, event: object) -> None:
        """numba starts to compile."""
        if self.depth == 0:
            self.began = time.perf_counter()
        self.depth += 1

    def on_end(self, event: object) -> None:
        """numba has compiled, or given up."""
        self.depth -= 1
        if self.depth == 0:
            self.total += time.perf_counter() - self.began


_stopwatch = _Stopwatch()
event.register("numba:compile", _stopwatch)  # type: ignore[no-untyped-call]  # numba's own


def compile_seconds() -> float:
    """Seconds that this process has spent compiling kernels; 0 where all came from the cache."""
    return _stopwatch.total


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, compiled by numba on its first call; `.py_func` is the plain one, the tests' reference."""
    jitted: Callable[P, R] = numba.njit(cache=True, fastmath=False, error_model="numpy", nogil=True)(function)
    return jitted


def bare(function: Callable[P, R]) -> Callable[P, R]:
    """`kernel` without reference counts, for steps that allocate nothing: their atomic adds cost 8 times the step.

    It calls only bare kernels, which are inlined (an array costs seven arguments a call), and makes no array (views
    are free); numba refuses to compile one that does.
    """
    options = {
        "cache": True,
        "fastmath": False,
        "error_model": "numpy",
        "nogil": True,
        "_nrt": False,
        "forceinline": True,
    }
    jitted: Callable[P, R] = numba.njit(**options)(function)  # type: ignore[call-overload]  # _nrt is not in the stubs
    return jitted


def frozen(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """The arrays as a kernel may only read them: what came from a file and what was computed are then of one type."""
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views
