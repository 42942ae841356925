"""Kernels keep their order of summation, divide as NumPy does, and are cached by their sources."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hfm.kernel
from hfm.kernel import compile_seconds, frozen, kernel, registers, source_hash


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
    with hfm.kernel.without_blas():
        pass
    assert inner(np.arange(3.0), np.ones(3)) == 3.0


PROGRAM = """
import sys
import numpy as np
from hfm.kernel import compile_seconds
from kept import least, total

heavy = ("numba.np.linalg", "scipy.linalg")
print(total(np.arange(5.0)), compile_seconds() > 0, *(m in sys.modules for m in heavy))
print(least(np.arange(5.0)), compile_seconds() > 0, *(m in sys.modules for m in heavy))
"""
KEPT = """
import numpy as np
from hfm.kernel import kernel

@kernel
def total(x):
    out = np.zeros(1)
    for value in x:
        out[0] += value
    return out.copy()[0]

@kernel
def least(x):
    return x.min()
"""


def test_a_kernel_that_is_there_is_loaded_without_what_compiles_it(tmp_path: Path) -> None:
    """The first process compiles; the second takes the machine code, with a seventh of a second less to import.

    A kernel that calls a function of numba's own brings that function's module, but never scipy.linalg.
    """
    (tmp_path / "kept.py").write_text(KEPT)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-c", PROGRAM]
    first, second = (
        subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(2)
    )
    assert first == ["10.0 True True False", "0.0 True True False"]
    assert second == ["10.0 False False False", "0.0 False True False"]


@pytest.mark.parametrize(
    ("machine", "features", "expected"),
    [("x86_64-unknown-linux-gnu", "+avx,+avx2,+avx512f,+fma", (16, True)),
     ("x86_64-apple-darwin", "+avx,+avx2,-avx512f,+fma", (8, True)),
     ("x86_64-unknown-linux-gnu", "+avx,-fma", (8, False)),
     ("x86_64-unknown-linux-gnu", "", (4, False)), ("aarch64-unknown-linux-gnu", "+neon", (4, True)),
     ("arm64-apple-darwin23.5.0", "", (4, True))],
)  # fmt: skip
def test_registers_are_the_processor_s(machine: str, features: str, expected: tuple[int, bool]) -> None:
    """Numbers in a register, and whether it multiplies and adds in one."""
    assert registers(features, machine) == expected


@pytest.mark.skipif(platform.machine().startswith(("arm", "aarch64")), reason="one kind of register")
def test_kernels_for_other_registers_lie_in_another_folder(tmp_path: Path) -> None:
    """A cache that machines share: those of one would write beyond the arrays of another."""
    folders = set()
    for more, expected in (({"NUMBA_CPU_NAME": "generic"}, "4"), ({"NUMBA_CPU_FEATURES": "+avx,+avx2"}, "8"),
                           ({"NUMBA_CPU_FEATURES": "+avx,+fma"}, "8")):  # fmt: skip
        code = "from hfm.kernel import LANES, cache_folder; print(LANES, cache_folder().name)"
        environ = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **more}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
        lanes, folder = done.stdout.split()
        assert lanes == expected
        folders.add(folder)
    assert len(folders) == 3
