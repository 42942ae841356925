"""The one numba decorator: compiled once, cached, exact.

fastmath stays off (sums keep their order, so live equals batch bit for bit; only what fits networks rounds as its
vectors do) and division by zero gives inf/nan as in NumPy. numba does not notice a changed callee in another module, so
the cache lies in a folder named by a hash of every source file in which a kernel can stand, and by the registers that
they are compiled for; a kernel may therefore read constants only from such files. A kernel leaves the interpreter to
other threads: it touches nothing but its arrays, which one thread owns.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import llvmlite.binding
import numba
import numpy.typing as npt
import platformdirs
from numba.core import event
from numba.core.caching import FunctionCache
from numba.core.codegen import get_host_cpu_features
from numba.core.runtime.nrt import rtsys

P = ParamSpec("P")
R = TypeVar("R")
Array = npt.NDArray[Any]  # Any: of any dtype


def registers(features: str, machine: str) -> tuple[int, bool]:
    """(float32 numbers in a register, whether a product and a sum are one instruction) of a processor.

    features: as LLVM spells them, "+avx,-avx512f". machine: a triple, "x86_64-unknown-linux-gnu".
    """
    if machine.startswith(("arm", "aarch64")):
        return 4, True
    known = set(features.split(","))
    return 16 if "+avx512f" in known else 8 if "+avx" in known else 4, "+fma" in known


def compiled_for() -> tuple[int, bool]:
    """`registers` of what numba compiles for here: the host, unless NUMBA_CPU_FEATURES or NUMBA_CPU_NAME say other."""
    chosen = numba.config.CPU_FEATURES  # type: ignore[attr-defined]  # numba makes its settings at run time
    return registers(get_host_cpu_features() if chosen is None else chosen, llvmlite.binding.get_process_triple())  # type: ignore[no-untyped-call]  # numba's own


LANES, FUSED = compiled_for()


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
    folder = root / f"{source_hash(Path(__file__).parent)}-{LANES}{'f' * FUSED}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a cron user without a home: compile again each time rather than fail
        return Path(tempfile.mkdtemp(prefix="hfm-kernels-"))


@contextlib.contextmanager
def without_blas() -> Iterator[None]:
    """Here numba may load its array functions without scipy.linalg, .2 s a process that no kernel has a use for.

    numba looks for a BLAS as it loads them, though each function looks again when it is compiled: so nothing is lost.
    """
    blas, functions = "scipy.linalg.cython_blas", "numba.np.arraymath"
    if functions in sys.modules or blas in sys.modules:
        yield
        return
    sys.modules[blas] = None  # type: ignore[assignment]  # Python's own word for: cannot be imported
    try:
        yield
    finally:
        with contextlib.suppress(KeyError):
            del sys.modules[blas]
        if functions in sys.modules:
            sys.modules[functions]._HAVE_BLAS = True  # type: ignore[attr-defined]  # SciPy is one of our dependencies


class Compiled(FunctionCache):
    """numba's cache of one kernel, which gives what is there without numba's registries.

    They say how to type and lower every function that numba knows, a seventh of a second a process. A compilation asks
    them; finished machine code needs no more than the runtime that counts references, which is started here.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # Any: numba's own
        """The kernel compiled for a signature; None where it is not there: then numba is made ready to compile it."""
        with without_blas():
            rtsys.initialize(target_context)
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]  # numba's own
            if found is None:
                target_context.refresh()
        return found


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
    jitted: Callable[P, R] = _cached(numba.njit(fastmath=False, error_model="numpy", nogil=True)(function))
    return jitted


def bare(function: Callable[P, R]) -> Callable[P, R]:
    """`kernel` without reference counts, for steps that allocate nothing: their atomic adds cost 8 times the step.

    It calls only bare kernels, which are inlined (an array costs seven arguments a call), and makes no array (views
    are free); numba refuses to compile one that does.
    """
    options = {"fastmath": False, "error_model": "numpy", "nogil": True, "_nrt": False, "forceinline": True}
    jitted: Callable[P, R] = _cached(numba.njit(**options)(function))  # type: ignore[call-overload]  # _nrt: no stub
    return jitted


def _cached(jitted: Any) -> Any:  # Any: numba's dispatcher; with NUMBA_DISABLE_JIT the function itself
    """The dispatcher, its machine code kept in cache_folder()."""
    if hasattr(jitted, "py_func"):
        jitted._cache = Compiled(jitted.py_func)  # type: ignore[no-untyped-call]  # numba's own
    return jitted


def frozen(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """The arrays as a kernel may only read them: what came from a file and what was computed are then of one type."""
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views
