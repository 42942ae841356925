"""Private names of numba, all of them, each with the public way that replaces it.

HFM_NUMBA_PRIVATE=0 switches all of them off: results are the same to the bit, starts and short calls take longer. A
name that the numba at hand lacks is left out in the same way. Tested with numba 0.61.2 and 0.68.1 (.ci/run tests the
lowest and the highest version that pyproject allows).

- njit(_nrt=False), njit(forceinline=True), of `bare`: no reference counts, and callees inlined. Serves the rows
  `latency`, `backtest` and `sweep`. Without: njit's defaults.
- njit(no_cfunc_wrapper=True): leaves out the C entry that no kernel has a use for. Serves the first run after
  installation. Without: it is compiled too.
- numba.core.caching.FunctionCache with its `_load_overload`, numba.core.runtime.nrt.rtsys.initialize,
  target_context.refresh and dispatcher._cache: compiled code is loaded without the registries that say how to compile.
  Serves the rows `backtest-cold` and `startup predict`. Without: numba's own cache, which fills them first.
- dispatcher.overloads[types].entry_point: the machine code for one kind of arguments. Serves the row `latency`.
  Without: the dispatcher, which looks at each argument again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

Dispatcher = Any  # numba's own, which has no types

ENABLED = os.environ.get("HFM_NUMBA_PRIVATE", "1") != "0"
"""Whether private names are used; read once, and part of the name of the cache's folder."""


def options(bare: bool) -> dict[str, Any]:  # Any: numba's own
    """Private options of njit that this numba knows; `bare` as of hfm.kernels.jit.bare."""
    if not ENABLED:
        return {}
    try:
        from numba.core.cpu import CPUTargetOptions as known
    except ImportError:
        return {}
    wanted = {"no_cfunc_wrapper": True} | ({"_nrt": False, "forceinline": True} if bare else {})
    return {name: value for name, value in wanted.items() if hasattr(known, name)}


def quick_cache(dispatcher: Dispatcher, function: Callable[..., object]) -> None:
    """Let a dispatcher made with cache=True load what is compiled without numba's registries.

    They say how to type and lower every function that numba knows, and bring scipy.linalg: a third of a second a
    process. Compiling asks them; finished machine code needs only the runtime that counts references.
    """
    if not ENABLED or not hasattr(dispatcher, "_cache"):
        return
    with contextlib.suppress(ImportError, AttributeError):
        dispatcher._cache = _cache_class()(function)


def _cache_class() -> Any:  # Any: numba's own
    """A FunctionCache that asks numba's registries only where it has to compile."""
    from numba.core.caching import FunctionCache
    from numba.core.runtime.nrt import rtsys

    start: Any = rtsys.initialize  # Any: numba's own
    load: Any = FunctionCache._load_overload  # where it is not, an AttributeError leaves numba's own cache

    class QuickCache(FunctionCache):
        def load_overload(self, sig: Any, target_context: Any) -> Any:  # Any: numba's own
            """The kernel compiled for a signature; None where it is not there: then numba is made ready to compile."""
            start(target_context)
            found = load(self, sig, target_context)
            if found is None:
                target_context.refresh()
            return found

        def save_overload(self, sig: Any, data: Any) -> None:  # Any: numba's own
            """Keep what was compiled; a full disk is no error, the next process compiles again."""
            with contextlib.suppress(OSError):
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]  # numba's own

    return QuickCache


def entry_point(dispatcher: Dispatcher, types: tuple[Any, ...]) -> Callable[..., Any]:
    """Machine code for arguments of `types`, which it does not check; the dispatcher where private names are off."""
    if not ENABLED:
        return dispatcher  # type: ignore[no-any-return]  # numba's own
    found: Callable[..., Any] | None = getattr(getattr(dispatcher, "overloads", {}).get(types), "entry_point", None)
    return found or dispatcher
