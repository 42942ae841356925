"""What survives kill -9: the fits that are done, and the last state of those in progress."""

from __future__ import annotations

import numpy as np
import safetensors.numpy

from hfm.plugins import Arrays
from hfm.stage import Context


class FitCheckpoints:
    """One checkpoint for all fits of a run, by model and fold; it is taken up again only with ctx.resume."""

    def __init__(self, ctx: Context) -> None:
        self._checkpoint = ctx.checkpoint
        data = ctx.checkpoint.load() if ctx.resume and ctx.checkpoint is not None else None
        found = safetensors.numpy.load(data) if data is not None else {}
        self._parts = {name: value.tobytes() for name, value in found.items()}

    def arrays(self, model: str, fold: int) -> Arrays | None:
        """The arrays of a fit that was done, or None."""
        data = self._parts.get(f"done/{model}/{fold}")
        return None if data is None else safetensors.numpy.load(data)

    def state(self, model: str, fold: int, network: int = 0) -> bytes | None:
        """The last state of a fit that was in progress, by the first of its networks, or None."""
        return self._parts.get(f"state/{model}/{fold}/{network}")

    def save_state(self, model: str, fold: int, network: int, data: bytes) -> None:
        """A fit has come this far. News that arrive after its end are dropped."""
        if f"done/{model}/{fold}" not in self._parts:
            self._save(f"state/{model}/{fold}/{network}", data)

    def save_arrays(self, model: str, fold: int, arrays: Arrays) -> None:
        """A fit is done, with all its networks."""
        for name in [name for name in self._parts if name.startswith(f"state/{model}/{fold}/")]:
            del self._parts[name]
        self._save(f"done/{model}/{fold}", _bytes(arrays))

    def _save(self, name: str, data: bytes) -> None:
        if self._checkpoint is not None:
            self._parts[name] = data
            parts = {key: np.frombuffer(value, np.uint8) for key, value in sorted(self._parts.items())}
            self._checkpoint.save(safetensors.numpy.save(parts))


def _bytes(arrays: Arrays) -> bytes:
    data: bytes = safetensors.numpy.save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    return data
