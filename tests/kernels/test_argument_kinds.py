"""Kinds of arguments: what numba compiles apart has another key, and what the key does not tell is not plain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from hfm.kernels.argument_kinds import is_plain, kind_key


class Pair(NamedTuple):
    """Two arrays."""

    a: np.ndarray
    b: np.ndarray


class Other(NamedTuple):
    """The same of another name."""

    a: np.ndarray
    b: np.ndarray


def locked(array: np.ndarray) -> np.ndarray:
    """The array, which may not be written to."""
    array.flags.writeable = False
    return array


RECORD, SMALLER = np.dtype([("x", "f8"), ("n", "i8")]), np.dtype([("x", "f4"), ("n", "i8")])
NAMED, NAMED_SMALLER = np.dtype((np.record, RECORD)), np.dtype((np.record, SMALLER))
PLAIN = [
    np.zeros(3), np.zeros(3, np.float32), np.zeros((2, 3)), np.zeros((2, 3), order="F"), np.zeros((4, 4))[:, ::2],
    np.zeros(2, NAMED)[0], np.zeros(2, NAMED_SMALLER)[0],
    locked(np.zeros(3)), np.zeros(2, RECORD), np.zeros(2, SMALLER), np.zeros(2, RECORD)[0], np.zeros(2, SMALLER)[0],
    1, 2**63, 1.0, True, np.float32(1), np.float64(1), np.int64(1), (1, 2.0), (1.0, 2), (1, (2.0,)),
    Pair(np.zeros(1), np.zeros(1)), Other(np.zeros(1), np.zeros(1)), Pair(np.zeros(1), np.zeros((1, 1))),
]  # fmt: skip


def test_no_two_kinds_have_one_key() -> None:
    """Dtype, dimensions, layout, writeable or not, record, number, tuple."""
    keys = [kind_key((argument,)) for argument in PLAIN]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("argument", PLAIN, ids=range(len(PLAIN)))
def test_numba_compiles_one_key_once(argument: object) -> None:
    """Another value of the kind has its key and its type, and the kind is plain unless numba has no integer for it."""
    import numba

    again = argument.copy() if isinstance(argument, np.ndarray) and argument.flags.writeable else argument
    if isinstance(again, np.ndarray) and again.flags.num == argument.flags.num:  # type: ignore[attr-defined]
        assert kind_key((again,)) == kind_key((argument,))
        assert numba.typeof(again) == numba.typeof(argument)
    assert is_plain(argument) == (argument != 2**63 if isinstance(argument, int) else True)


def test_what_numba_tells_apart_by_its_value_is_not_plain() -> None:
    """Units of time, text, arrays of a class of their own."""
    for argument in (np.timedelta64(1, "s"), "text", None, np.ma.zeros(3), (1, "text"), 2**64):
        assert not is_plain(argument)
