"""numba's side of a kernel: what compiles it, the cache of what was compiled, and how long that took."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numba
from numba.core import event
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys

from hfm.kernels import simd_numba  # noqa: F401  # numba learns them

Dispatcher = Any  # numba's own, which has no types


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


class Cache(FunctionCache):
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

    def save_overload(self, sig: Any, data: Any) -> None:  # Any: numba's own
        """Keep what was compiled; a disk that is full is no error, the next process compiles again."""
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]  # numba's own


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


def dispatcher(function: Callable[..., object], options: Mapping[str, Any], folder: Path) -> Dispatcher:
    """`function` as numba compiles it, machine code kept in `folder`; the function itself where numba is switched off.

    options: of numba.njit.
    """
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # numba makes its settings at run time
    made = numba.njit(**options)(function)
    if hasattr(made, "py_func"):
        made._cache = Cache(function)  # type: ignore[no-untyped-call]  # numba's own
    return made


def finished(dispatcher: Dispatcher, arguments: tuple[object, ...]) -> tuple[bytes, str] | None:
    """(object file, symbol of its wrapper), compiled for arguments like these.

    None for a kernel that an object file is not all of: one with Python objects in its environment or in that of a
    kernel that it calls, with a loop that runs as Python, or with addresses of this process (of a large global array).
    """
    kinds = tuple(dispatcher.typeof_pyval(argument) for argument in arguments)
    dispatcher.compile(kinds)
    result = dispatcher.overloads[kinds]
    library, objects = result.library, any(env.consts for env in result._find_referenced_environments())
    if objects or result.environment.consts or result.lifted or library.has_dynamic_globals:
        return None
    # written again: a library that came from numba's own cache has given its object file away
    content = library.codegen._tm.emit_object(library._get_module_for_linking())
    return content, result.fndesc.llvm_cpython_wrapper_name
