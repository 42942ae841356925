"""Types of NumPy arrays, and dates as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hfm.instants import DAY_NS

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Sign = npt.NDArray[np.int8]
"""1, 0 or -1."""
Days = npt.NDArray[np.datetime64]
"""Dates, datetime64[D]."""
Array = npt.NDArray[Any]  # Any: the dtype is the schema's
"""A column of a table, in the dtype of its schema."""


def day_numbers(dates: Array) -> Int:
    """Days since 1970 of dates.

    Parameters
    ----------
    dates : datetime64 of any unit and shape, no NaT.

    Returns
    -------
    int64 of their shape
    """
    return dates.astype("datetime64[D]").astype(np.int64)


def day_ns(dates: Array) -> Int:
    """The midnight UTC that begins each date.

    Parameters
    ----------
    dates : datetime64 of any unit and shape, no NaT.

    Returns
    -------
    int64 of their shape
        ns UTC.
    """
    return day_numbers(dates) * DAY_NS
