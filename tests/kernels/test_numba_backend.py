"""numba's side of a kernel: what a process loads to compile, and to take what was compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hfm.kernels import numba_backend
from hfm.kernels.jit import kernel


@kernel
def inner(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a, b))


def test_a_kernel_of_a_plug_in_may_still_use_blas() -> None:
    """It is left out of what every process loads, not taken away."""
    with numba_backend.without_blas():
        pass
    assert inner(np.arange(3.0), np.ones(3)) == 3.0


PROGRAM = """
import sys
import numpy as np
from hfm.kernels.jit import compile_seconds
from kept import least, total

heavy = ("numba.np.linalg", "scipy.linalg")
print(total(np.arange(5.0)), compile_seconds() > 0, *(m in sys.modules for m in heavy))
print(least(np.arange(5.0)), compile_seconds() > 0, *(m in sys.modules for m in heavy))
"""
KEPT = """
import numpy as np
from hfm.kernels.jit import kernel

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


def test_a_full_disk_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compiled is used; the next process compiles it again."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def twice(a: float) -> float:
        return 2.0 * a

    monkeypatch.setattr(numba_backend.FunctionCache, "save_overload", full)
    assert numba_backend.dispatcher(twice, {}, tmp_path)(2.0) == 4.0
