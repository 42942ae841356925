"""The decorators of kernels: numba's `njit(cache=True)`, made at the first call, in a cache of the package's own.

fastmath stays off (sums keep their order, so live equals batch bit for bit; only what fits networks rounds as its
vectors do) and division by zero gives inf or nan as in NumPy. A kernel releases the interpreter's lock: it touches
nothing but its arrays, which one thread owns. numba does not notice a changed callee in another module, so the cache's
folder is named by a hash of all sources, of the processor, and of numba's version and settings.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import inspect
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy.typing as npt
import platformdirs

from hfm.kernels import numba_private
from hfm.kernels.argument_kinds import is_plain, kind_key
from hfm.kernels.cpu import FUSED, LANES, SETTINGS, described

P = ParamSpec("P")
R = TypeVar("R")
Array = npt.NDArray[Any]  # Any: of any dtype
_ROOT = Path(__file__).parent.parent
_NOT_IN_CODE = ("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS")
"""Settings of numba's that change no machine code."""
_TEMPORARY = "hfm-kernels-"
_LOCK_SECONDS = 120.0
"""How long a process waits for another that compiles the same kernel before it compiles it too."""
_CALLEES = 100
"""More kernels than one calls."""
_making = threading.Lock()
_seconds = 0.0
_under_way = 0
on_compile: Callable[[], None] | None = None
"""Called before this process compiles, or waits for, a kernel that is in no cache."""
on_first_use: Callable[[Kernel[..., Any], tuple[object, ...]], None] | None = None
"""Called with a kernel and the first arguments of each kind that this process calls it with."""


def source_hash(root: Path) -> str:
    """Hex digest of all sources below `root`: names the cache folder, since a kernel reads constants from anywhere."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def target_hash() -> str:
    """Hex digest of what machine code depends on beside its source: processor, versions, settings of numba's."""
    versions = [metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    settings = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_") and k not in _NOT_IN_CODE)
    folder_settings = SETTINGS.read_bytes() if SETTINGS.exists() else b""
    target = (described(), LANES, FUSED, sys.version, versions, settings, folder_settings, numba_private.ENABLED)
    return hashlib.sha256(repr(target).encode()).hexdigest()[:8]


@cache
def cache_folder() -> Path:
    """A writable folder for compiled kernels: $NUMBA_CACHE_DIR, else the user's cache, else a temporary one."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    root = Path(base) if base else Path(platformdirs.user_cache_dir("hfm")) / "kernels"
    folder = root / f"{source_hash(_ROOT)}-{target_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a cron user without a home: compile again each time rather than fail
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder


def is_temporary(folder: Path) -> bool:
    """Whether a cache folder serves one process alone, since no other place could be written to."""
    return folder.name.startswith(_TEMPORARY)


class Kernel(Generic[P, R]):
    """A function that numba compiles for each kind of arguments it meets, and keeps in `cache_folder`.

    numba is imported with the first call. `py_func` is the plain function, the tests' reference.
    """

    def __init__(self, function: Callable[P, R], options: dict[str, Any], bare: bool = False) -> None:  # Any: numba's
        functools.update_wrapper(self, function)
        self.py_func: FunctionType = function  # type: ignore[assignment]  # only functions are decorated
        self._options, self._bare = options, bare
        self._arguments = self.py_func.__code__.co_argcount
        self._by_key: dict[object, Callable[..., R]] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function gives."""
        values: tuple[Any, ...] = args  # Any: whatever the function takes
        if kwargs or len(args) != self._arguments:
            bound = inspect.signature(self.py_func).bind(*args, **kwargs)
            bound.apply_defaults()
            values = bound.args
        return self.like(*values)(*values)

    def __repr__(self) -> str:
        return f"<kernel {self.name}>"

    def __reduce__(self) -> str:
        """By name, as a function is."""
        return self.py_func.__qualname__

    @property
    def name(self) -> str:
        """Module and name, as an import spells them."""
        return f"{self.py_func.__module__}.{self.py_func.__qualname__}"

    def like(self, *args: object) -> Callable[..., R]:
        """Machine code for arguments of these kinds, for a loop of short calls.

        IT DOES NOT LOOK AT ITS ARGUMENTS: call it only with arrays of the same dtype, dimensions and layout and numbers
        of the same type, or it reads one kind for another.

        Returns
        -------
        Callable[..., R]
            Takes them by position.
        """
        key = kind_key(args)
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = self._compiled(args)
        return found

    def prepare(self, *args: object) -> None:
        """Compile for arguments of these kinds, unless that is done or another process is at it."""
        with contextlib.suppress(TimeoutError):
            self._compiled(args, patience=0.0)

    @cached_property
    def dispatcher(self) -> Any:  # Any: numba's own
        """What numba makes of the function; the function itself under NUMBA_DISABLE_JIT=1."""
        import numba

        if "hfm.kernels.simd" in sys.modules:
            from hfm.kernels import simd_numba  # noqa: F401  # numba learns its functions
        with _making:
            before = numba.config.CACHE_DIR  # type: ignore[attr-defined]  # numba makes its settings at run time
            numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
            try:
                options = self._options | numba_private.options(self._bare)
                dispatcher = numba.njit(cache=True, **options)(self.py_func)
                numba_private.quick_cache(dispatcher, self.py_func)
            finally:
                numba.config.CACHE_DIR = before  # type: ignore[attr-defined]
        return dispatcher

    @property
    def _numba_type_(self) -> Any:  # Any: numba's own
        """So numba knows what another kernel calls."""
        return self.dispatcher._numba_type_

    def _compiled(self, args: tuple[object, ...], patience: float = _LOCK_SECONDS) -> Callable[..., R]:
        """The kernel for these kinds of arguments; the dispatcher where they are more than arrays and numbers."""
        dispatcher = self.dispatcher
        if dispatcher is self.py_func or not all(map(is_plain, args)):
            return dispatcher  # type: ignore[no-any-return]  # numba's own
        import numba

        types = tuple(numba.typeof(argument) for argument in args)  # type: ignore[no-untyped-call]  # numba's own
        digest = hashlib.sha256(repr(types).encode()).hexdigest()[:16]
        with _first_time(cache_folder() / f"{self.name.replace('<locals>', '')}-{digest}", patience):
            _compile(dispatcher, types)
        if on_first_use is not None:
            on_first_use(self, args)
        return numba_private.entry_point(dispatcher, types)


def _compile(dispatcher: Any, types: tuple[Any, ...]) -> None:  # Any: numba's own
    """Compile, or load; a disk that is full is no error, the next process compiles again.

    numba's own cache raises, once for each callee and for the kernel itself, when it cannot keep what is compiled by
    then and stays in memory.

    Raises
    ------
    OSError
        For another fault, which comes again and again.
    """
    for last in (*(False,) * _CALLEES, True):
        try:
            dispatcher.compile(types)
            return
        except OSError:
            if last:
                raise


@contextlib.contextmanager
def _first_time(path: Path, patience: float) -> Iterator[None]:
    """Here one process compiles what has no file `path`.ready; the next ones wait for it and load what it compiled.

    Raises TimeoutError where another process is at it and `patience` is 0 seconds; after any longer time, it compiles
    too.
    """
    global _seconds, _under_way
    ready = path.with_name(f"{path.name}.ready")
    if ready.exists():
        yield
        return
    if on_compile is not None:
        on_compile()
    began = time.perf_counter()
    _under_way += 1
    try:
        with _lock(path, patience):
            yield
    finally:
        _under_way -= 1
    with contextlib.suppress(OSError):  # a full disk: the next process compiles again
        ready.touch()
    _seconds += time.perf_counter() - began


@contextlib.contextmanager
def _lock(path: Path, patience: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire(timeout=patience)
    except (Timeout, OSError, NotImplementedError):  # beside a process at it, a file system may know no locks
        if not patience:
            raise TimeoutError(str(path)) from None
    try:
        yield
    finally:
        lock.release()


def compiling() -> bool:
    """Whether this process is compiling, or waits for, a kernel that was in no cache."""
    return _under_way > 0


def compile_seconds() -> float:
    """Seconds that this process has spent on kernels that were in no cache; 0 where all came from it."""
    return _seconds


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """`function` as a kernel."""
    return _kernel(function)


def bare(function: Callable[P, R]) -> Kernel[P, R]:
    """`kernel` without reference counts, for steps that allocate nothing: their atomic adds cost 8 times the step.

    It calls only bare kernels, which are inlined (an array costs seven arguments a call), and makes no array (views
    are free); numba refuses to compile one that does.

    Returns
    -------
    Kernel[P, R]
        Called as the function is.
    """
    return _kernel(function, bare=True)


def _kernel(function: Callable[P, R], bare: bool = False) -> Kernel[P, R]:
    return Kernel(function, {"fastmath": False, "error_model": "numpy", "nogil": True}, bare)


def frozen(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """Arrays as a kernel may only read them: what came from a file and what was computed are then of one type.

    Parameters
    ----------
    arrays
        Of any shape and dtype.

    Returns
    -------
    tuple[Array, ...]
        Read-only views, in the same order.
    """
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views
