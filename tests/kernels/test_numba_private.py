"""Private names of numba: what they buy is there, and a numba without them is used in the public way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hfm.kernels import jit, numba_private
from hfm.kernels.jit import Kernel
from tests.command import hfm

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1" or not numba_private.ENABLED, reason="no private name is used"
)
OPTIONS = {"error_model": "numpy", "nogil": True}


def twice(a: np.ndarray) -> float:
    """2 of the first."""
    return 2.0 * a[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for this test alone."""
    monkeypatch.setattr(jit, "cache_folder", lambda: tmp_path)
    return tmp_path


PROGRAM = """
import sys
import numpy as np
from kept import total

print(total(np.arange(5.0)), *(m in sys.modules for m in ("numba.np.linalg", "scipy.linalg")))
"""
KEPT = """
from hfm.kernels.jit import kernel

@kernel
def total(x):
    out = 0.0
    for value in x:
        out += value
    return out
"""


def test_a_kernel_that_is_there_is_loaded_without_what_compiles_it(tmp_path: Path) -> None:
    """The first process compiles; the second takes the machine code, with a third of a second less to import."""
    (tmp_path / "kept.py").write_text(KEPT)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", PROGRAM]
    printed = [
        subprocess.run(command, cwd=tmp_path, env=env, text=True, capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    assert printed == ["10.0 True True\n", "10.0 False False\n"]


def test_a_full_disk_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compiled is used; the next process compiles it again."""
    from numba.core.caching import FunctionCache

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FunctionCache, "save_overload", full)
    assert Kernel(twice, OPTIONS)(np.ones(1)) == 2.0


RENAMED = {
    "options": "numba.core.cpu.CPUTargetOptions",
    "cache": "numba.core.caching.FunctionCache",
    "runtime": "numba.core.runtime.nrt.rtsys",
}


@pytest.mark.parametrize("path", RENAMED.values(), ids=RENAMED)
def test_a_numba_that_renames_a_part_is_used_in_the_public_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Slower, never an error: nobody promised these names."""
    monkeypatch.setattr(path, type("Other", (), {}))
    for bare in (False, True):
        assert Kernel(twice, OPTIONS, bare)(np.ones(1)) == 2.0
    if "options" in path.lower():
        assert numba_private.options(bare=True) == {}


def test_machine_code_of_a_numba_that_hides_it_is_called_through_the_dispatcher() -> None:
    """Which looks at its arguments, and comes to the same."""

    def dispatcher() -> None:
        """Without overloads."""

    assert numba_private.entry_point(dispatcher, ()) is dispatcher


def test_all_are_off_at_the_switch(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No option, no cache of its own, no entry."""
    monkeypatch.setattr(numba_private, "ENABLED", False)
    function: Callable[..., float] = twice
    kernel = Kernel(function, OPTIONS, bare=True)
    assert numba_private.options(bare=True) == {}
    assert kernel.like(np.ones(1)) is kernel.dispatcher
    assert type(kernel.dispatcher._cache).__module__ == "numba.core.caching"
    assert kernel(np.ones(1)) == 2.0


@pytest.mark.slow
def test_a_run_is_the_same_to_the_bit_without_private_names(tmp_path: Path) -> None:
    """They buy time and nothing else."""
    found = []
    for private in ("1", "0"):
        home = tmp_path / private
        home.mkdir()
        words = ("run", "SPY", "--source", "synthetic", "--sessions", "21", "--as-of", "2026-03-06T22:00:00Z", "--run",
                 "one", "--set", "train.epochs=2", "--set", "backtest.threshold=0.51", "-q")  # fmt: skip
        done = hfm(*words, cwd=home, env={"HFM_NUMBA_PRIVATE": private, "HFM_HOME": str(home)})
        assert done.code == 0, done.err
        folder = home / "runs" / "one"
        found.append({str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*.parquet"))})
    assert len(found[0]) >= 8
    assert found[0] == found[1]
