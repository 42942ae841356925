"""What survives kill -9: the fits that are done, and the last state of those in progress."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import safetensors.numpy

from hfm.plugins import Arrays
from hfm.stage import Context

DEVICE = "device"
"""The part of a checkpoint that says on what kind of device its networks are fitted."""


class FitCheckpoints:
    """One checkpoint for all fits of a run, by model and fold.

    It is taken up again only with ctx.resume, and only on the kind of device that it was written on: generators of
    random numbers cannot go on elsewhere, and one set of folds has one arithmetic. On another the fits start afresh,
    and a warning says so.
    """

    def __init__(self, ctx: Context, device: Callable[[], str] = lambda: "cpu") -> None:
        """device: the kind of device that networks are fitted on; called once there is something to load or to save,
        since torch is asked for it.
        """
        self._checkpoint, self._device = ctx.checkpoint, device
        data = ctx.checkpoint.load() if ctx.resume and ctx.checkpoint is not None else None
        found = safetensors.numpy.load(data) if data is not None else {}
        self._parts = {name: value.tobytes() for name, value in found.items()}
        if self._parts and self._parts.get(DEVICE) != device().encode():
            before = self._parts.get(DEVICE, b"another device").decode()
            ctx.warn(f"the training that was stopped ran on {before}, this one runs on {device()}: it starts afresh")
            self._parts = {}

    def arrays(self, model: str, fold: int) -> Arrays | None:
        """The arrays of a fit that was done, or None."""
        data = self._parts.get(f"done/{model}/{fold}")
        return None if data is None else safetensors.numpy.load(data)

    def state(self, model: str, fold: int, network: int = 0) -> bytes | None:
        """The last state of a fit that was in progress, or None.

        Parameters
        ----------
        model, fold
            As in save_state.
        network : int
            The first that the fit was asked for.

        Returns
        -------
        bytes or None
            What the fit can be resumed from.
        """
        return self._parts.get(f"state/{model}/{fold}/{network}")

    def save_state(self, model: str, fold: int, network: int, data: bytes) -> None:
        """Keep how far a fit has come; news that arrive after its end are dropped.

        Parameters
        ----------
        model : str
            Its name.
        fold : int
            The fold's number.
        network : int
            The first that the fit was asked for.
        data : bytes
            What the fit can be resumed from.
        """
        if f"done/{model}/{fold}" not in self._parts:
            self._save(f"state/{model}/{fold}/{network}", data)

    def save_arrays(self, model: str, fold: int, arrays: Arrays) -> None:
        """Keep a fit that is done, with all its networks, in the place of their last states; one that is kept stays.

        Parameters
        ----------
        model : str
            Its name.
        fold : int
            The fold's number.
        arrays : arrays by name
            What the fit gave.
        """
        if f"done/{model}/{fold}" in self._parts:  # each save writes the whole checkpoint
            return
        for name in [name for name in self._parts if name.startswith(f"state/{model}/{fold}/")]:
            del self._parts[name]
        self._save(f"done/{model}/{fold}", _bytes(arrays))

    def _save(self, name: str, data: bytes) -> None:
        if self._checkpoint is not None:
            if DEVICE not in self._parts:
                self._parts[DEVICE] = self._device().encode()
            self._parts[name] = data
            parts = {key: np.frombuffer(value, np.uint8) for key, value in sorted(self._parts.items())}
            self._checkpoint.save(safetensors.numpy.save(parts))


def _bytes(arrays: Arrays) -> bytes:
    data: bytes = safetensors.numpy.save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
    return data
