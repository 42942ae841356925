"""Kernels keep their order of summation, divide as NumPy does, and are cached by their sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import hfm.kernel
from hfm.kernel import compile_seconds, frozen, kernel, source_hash


@kernel
def ratio(a: float, b: float) -> float:
    return a / b


def test_division_by_zero_is_infinity_as_in_numpy() -> None:
    """No ZeroDivisionError in the middle of a session."""
    assert ratio(1.0, 0.0) == np.inf
    assert np.isnan(ratio(0.0, 0.0))
    assert compile_seconds() >= 0


def test_a_changed_kernel_source_changes_the_cache_folder(tmp_path: Path) -> None:
    """numba would not notice a changed callee in another module; a file without kernels does not matter."""
    (tmp_path / "a.py").write_text("from hfm.kernel import kernel")
    (tmp_path / "b.py").write_text("x = 1")
    first = source_hash(tmp_path)
    (tmp_path / "b.py").write_text("x = 2")
    assert source_hash(tmp_path) == first
    (tmp_path / "a.py").write_text("from hfm.kernel import kernel  # changed")
    assert source_hash(tmp_path) != first


def test_frozen_arrays_are_the_same_memory_and_of_one_type() -> None:
    """Whether they could be written before or not: a kernel is compiled once for both."""
    mine, given = np.arange(3.0), np.frombuffer(bytes(24))
    views = frozen((mine, given))
    assert [v.flags.writeable for v in views] == [False, False]
    assert all(np.shares_memory(a, b) for a, b in zip((mine, given), views, strict=True))
    assert mine.flags.writeable


@kernel
def inner(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a, b))


def test_a_kernel_of_a_plug_in_may_still_use_blas() -> None:
    """It is left out of what every process loads, not taken away."""
    hfm.kernel.without_blas()
    assert inner(np.arange(3.0), np.ones(3)) == 3.0
