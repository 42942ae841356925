"""The one decorator of kernels: compiled by numba on the first call, cached, exact.

fastmath stays off (sums keep their order, so live equals batch bit for bit; only what fits networks rounds as its
vectors do) and division by zero gives inf/nan as in NumPy. numba does not notice a changed callee in another module, so
the cache lies in a folder named by a hash of all sources, and by the registers that kernels are compiled for. A kernel
leaves the interpreter to other threads: it touches nothing but its arrays, which one thread owns.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy.typing as npt
import platformdirs

from hfm.kernels import object_store
from hfm.kernels.cpu import FUSED, LANES

P = ParamSpec("P")
R = TypeVar("R")
Array = npt.NDArray[Any]  # Any: of any dtype
_ROOT = Path(__file__).parents[1]


def source_hash(root: Path) -> str:
    """Hex digest of all sources below `root`: names the cache folder, since a kernel reads constants from anywhere."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def cache_folder() -> Path:
    """A writable folder for compiled kernels: $NUMBA_CACHE_DIR, else the user's cache, else a temporary one."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(base) if base else Path(platformdirs.user_cache_dir("hfm")) / "kernels"
    folder = root / f"{source_hash(_ROOT)}-{LANES}{'f' * FUSED}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a cron user without a home: compile again each time rather than fail
        return Path(tempfile.mkdtemp(prefix="hfm-kernels-"))


class Kernel(Generic[P, R]):
    """A function that numba compiles for each kind of arguments that it is called with, unless it has done so before.

    What has been compiled lies in a file, from which hfm.kernels.object_store takes it: numba is imported only to compile.
    `py_func` is the plain function, the tests' reference.
    """

    def __init__(self, function: Callable[P, R], options: dict[str, Any], stored: bool) -> None:  # Any: numba's own
        functools.update_wrapper(self, function)
        self.py_func: FunctionType = function  # type: ignore[assignment]  # only functions are decorated
        self._options = options
        self._stored = stored and self.py_func.__closure__ is None  # what a closure holds stands in no source
        self._arguments = self.py_func.__code__.co_argcount
        self._by_key: dict[object, Callable[P, R]] = {}
        self._by_kind: dict[str, Callable[P, R]] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function gives."""
        given: tuple[Any, ...] = args  # Any: whatever the function takes
        if kwargs or len(args) != self._arguments:
            bound = inspect.signature(self.py_func).bind(*args, **kwargs)
            bound.apply_defaults()
            given = bound.args
        return self.like(*given)(*given)

    def __repr__(self) -> str:
        return f"<kernel {self.py_func.__module__}.{self.py_func.__qualname__}>"

    def __reduce__(self) -> str:
        """By name, as a function is."""
        return self.py_func.__qualname__

    def like(self, *args: object) -> Callable[..., R]:
        """The kernel for arguments of these kinds, which it does not look at again: a loop of short calls hands it over
        once, and then only arguments of the very same kinds, or it reads one for another."""
        if not self._stored:
            return self.dispatcher  # type: ignore[no-any-return]  # numba's own
        key = object_store.key(args)
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = self._of_kind(object_store.kind(args), args)
        return found

    @cached_property
    def dispatcher(self) -> Any:  # Any: numba's own
        """What numba makes of the function."""
        from hfm.kernels import numba_backend as compiler

        return compiler.dispatcher(self.py_func, self._options, cache_folder())

    @property
    def _numba_type_(self) -> Any:  # Any: numba's own
        """So numba knows what another kernel calls."""
        return self.dispatcher._numba_type_

    def _of_kind(self, kind: str | None, args: tuple[object, ...]) -> Callable[P, R]:
        """The finished kernel; numba's where no file can be named by the kind of arguments, or hold what it needs."""
        if kind is None:
            return self.dispatcher  # type: ignore[no-any-return]  # numba's own
        if kind not in self._by_kind:
            path = object_store.place(cache_folder(), self.py_func, kind)
            self._by_kind[kind] = object_store.take(path, self.py_func) or self._compiled(path, args)
        return self._by_kind[kind]

    def _compiled(self, path: Path, args: tuple[object, ...]) -> Callable[P, R]:
        from hfm.kernels import numba_backend as compiler

        made = compiler.finished(self.dispatcher, args)
        if made is not None:
            object_store.keep(path, *made)
        return object_store.take(path, self.py_func) or self.dispatcher


def compile_seconds() -> float:
    """Seconds that this process has spent compiling kernels; 0 where all came from the cache."""
    compiler = sys.modules.get("hfm.kernels.numba_backend")
    return compiler.compile_seconds() if compiler else 0.0


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """`function` as a kernel."""
    return _kernel(function, {})


def bare(function: Callable[P, R]) -> Kernel[P, R]:
    """`kernel` without reference counts, for steps that allocate nothing: their atomic adds cost 8 times the step.

    It calls only bare kernels, which are inlined (an array costs seven arguments a call), and makes no array (views
    are free); numba refuses to compile one that does.
    """
    return _kernel(function, {"_nrt": False, "forceinline": True})


def _kernel(function: Callable[P, R], more: dict[str, Any]) -> Kernel[P, R]:  # Any: numba's own
    options = {"fastmath": False, "error_model": "numpy", "nogil": True} | more
    own = function.__module__.startswith("hfm.")  # of other sources the folder's name says nothing
    return Kernel(function, options, own and object_store.works_here())


def frozen(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """The arrays as a kernel may only read them: what came from a file and what was computed are then of one type."""
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views
