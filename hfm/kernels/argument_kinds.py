"""Kinds of a kernel's arguments, told apart at a look: numba's own look at each costs more than a short kernel does."""

from __future__ import annotations

import numpy as np

_LEAST, _MOST = -(2**63), 2**63 - 1
_RECORDS = (np.record, np.void)
_dtype_of = np.generic.dtype.__get__  # past np.record's own look-up, which is slow


def kind_key(args: tuple[object, ...]) -> tuple[object, ...]:
    """What tells kinds of arguments apart at a look; two may be of one kind. Flat: it is much called."""
    out: list[object] = []
    for argument in args:
        kind = type(argument)
        if kind is np.ndarray:
            out += argument.dtype, argument.ndim, argument.flags.num  # type: ignore[attr-defined]  # just looked at
        elif kind is int:
            out.append(kind if _LEAST <= argument <= _MOST else "large")  # type: ignore[operator]  # just looked at
        elif kind is float:
            out.append(kind)
        elif kind in _RECORDS:
            out += kind, _dtype_of(argument)
        elif isinstance(argument, tuple):
            out += kind, kind_key(argument)
        else:
            out.append(kind)
    return tuple(out)


def is_plain(argument: object) -> bool:
    """Whether `kind_key` says all of an argument: an array, a number, a record, or a tuple of such."""
    if isinstance(argument, tuple):
        return all(map(is_plain, argument))
    if isinstance(argument, np.ndarray):
        return type(argument) is np.ndarray
    if type(argument) is int:
        return _LEAST <= argument <= _MOST
    timeless = not isinstance(argument, np.timedelta64)  # whose unit is no part of its type
    return type(argument) in (bool, float, *_RECORDS) or (isinstance(argument, np.number | np.bool_) and timeless)
