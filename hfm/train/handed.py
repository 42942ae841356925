"""What a model that is not hfm's own is handed: read-only views.

Its rows are those that other models are fitted and scored on, and its arrays those that others were fitted to: to write
into them would change results that are not its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from hfm.kernels.jit import frozen
from hfm.plugins import ROWS, Arrays, Panel

BORDERS = ("start", "symbol", "session")
"""Arrays of a Panel that have an entry a sequence."""


def rows(model: type, panel: Panel) -> Panel:
    """Rows for a model to be fitted on, or to forecast.

    Parameters
    ----------
    model : type
        Whose they will be.
    panel : Panel
        Of n rows.

    Returns
    -------
    Panel
        The same memory.
    """
    if _is_own(model):
        return panel
    names = [name for name in (*ROWS, *BORDERS) if getattr(panel, name) is not None]
    views = frozen(tuple(getattr(panel, name) for name in names))
    return replace(panel, **dict(zip(names, views, strict=True)))  # type: ignore[arg-type]  # arrays by name


def arrays(model: type, given: Mapping[str, npt.NDArray[Any]]) -> Arrays:  # Any: of any dtype
    """Fitted arrays for a model to go on from, or to forecast with.

    Parameters
    ----------
    model : type
        Whose they will be.
    given : arrays by name
        Of any fit.

    Returns
    -------
    arrays by name
        The same memory.
    """
    return dict(given) if _is_own(model) else dict(zip(given, frozen(tuple(given.values())), strict=True))


def _is_own(model: type) -> bool:
    """Whether the class stands in hfm, whose models are tested to write into nothing that they are given."""
    return model.__module__.startswith("hfm.")
