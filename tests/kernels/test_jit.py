"""Kernels keep their order of summation, divide as NumPy does, and are cached by their sources."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

import hfm.kernels.jit
from hfm.kernels import object_store
from hfm.kernels.jit import Kernel, compile_seconds, frozen, kernel, source_hash


@kernel
def ratio(a: float, b: float) -> float:
    return a / b


def test_division_by_zero_is_infinity_as_in_numpy() -> None:
    """No ZeroDivisionError in the middle of a session."""
    assert ratio(1.0, 0.0) == np.inf
    assert np.isnan(ratio(0.0, 0.0))
    assert compile_seconds() >= 0


def test_a_changed_kernel_source_changes_the_cache_folder(tmp_path: Path) -> None:
    """numba would not notice a changed callee in another module, nor a constant, which may stand in any file."""
    (tmp_path / "a.py").write_text("from hfm.kernels.jit import kernel")
    (tmp_path / "b.py").write_text("x = 1")
    found = {source_hash(tmp_path)}
    for name, text in (("b.py", "x = 2"), ("a.py", "from hfm.kernels.jit import kernel  # changed"), ("c.py", "")):
        (tmp_path / name).write_text(text)
        found.add(source_hash(tmp_path))
    assert len(found) == 4


def test_frozen_arrays_are_the_same_memory_and_of_one_type() -> None:
    """Whether they could be written before or not: a kernel is compiled once for both."""
    mine, given = np.arange(3.0), np.frombuffer(bytes(24))
    views = frozen((mine, given))
    assert [v.flags.writeable for v in views] == [False, False]
    assert all(np.shares_memory(a, b) for a, b in zip((mine, given), views, strict=True))
    assert mine.flags.writeable


OPTIONS = {"fastmath": False, "error_model": "numpy", "nogil": True}


def summed(a: np.ndarray, b: float) -> float:
    """b and all of a."""
    total = b
    for i in range(a.size):
        total += a[i]
    return total


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """A kernel as one of the package's own, in a cache of its own."""
    monkeypatch.setattr(hfm.kernels.jit, "cache_folder", lambda: tmp_path)
    return Kernel(summed, OPTIONS, object_store.works_here())


def test_each_kind_of_argument_has_its_own_code(own: Kernel) -> None:
    """What was compiled for one is not run on another, in whatever order they come; names of arguments may be given."""
    wide = np.arange(8.0)
    for array in (wide, wide.astype(np.float32), wide[::2], wide.astype(np.int64), wide[:0], frozen((wide,))[0], wide):
        for b in (1.5, 2):
            assert own(array, b) == own.py_func(array, b)
            assert own(a=array, b=b) == own.py_func(array, b)


def test_arguments_may_be_named_or_left_out(own: Kernel) -> None:
    """As of the function; too many, too few or unknown ones are its own error."""

    def shifted(a: np.ndarray, by: float = 2.0, times: float = 1.0) -> float:
        return (a[0] + by) * times

    own.__init__(shifted, OPTIONS, object_store.works_here())  # type: ignore[misc]  # another function in the same cache
    a = np.ones(2)
    assert [own(a), own(a, 3.0), own(a, times=2.0), own(by=1.0, a=a, times=3.0)] == [3.0, 4.0, 6.0, 6.0]
    for wrong in (lambda: own(), lambda: own(a, 1.0, 1.0, 1.0), lambda: own(a, bye=1.0)):
        with pytest.raises(TypeError):
            wrong()


def test_what_a_function_closes_over_is_its_own(own: Kernel) -> None:
    """Two functions of one name, made by a third."""

    def timed(by: float) -> Kernel:
        def times(a: float) -> float:
            return a * by

        return Kernel(times, OPTIONS, object_store.works_here())

    assert [timed(2.0)(1.5), timed(3.0)(1.5)] == [3.0, 4.5]
    assert repr(own) == "<kernel tests.kernels.test_jit.summed>"


def test_a_kernel_may_give_back_arrays_and_several_values(own: Kernel) -> None:
    """What no file can hold is left to numba, which hands over the same."""
    own.py_func = split
    for _ in range(2):
        whole, parts = own(np.arange(4.0), 2.0)
        np.testing.assert_array_equal(whole, [0.0, 2.0, 4.0, 6.0])
        assert parts == (0.0, 2.0)


def split(a: np.ndarray, b: float) -> tuple[np.ndarray, tuple[float, float]]:
    """a b, and two numbers."""
    return a * b, (a[0], b)


def test_the_kernel_for_arguments_like_these_is_the_same(own: Kernel) -> None:
    """What a loop of short calls is handed over."""
    wide = np.arange(8.0)
    assert own.like(wide, 1.5)(wide, 1.5) == own(wide, 1.5)
    assert (own.like(wide, 1.5) is own.like(wide[1:], 2.5)) == object_store.works_here()


def test_threads_that_need_a_kernel_at_once_get_it(own: Kernel) -> None:
    """One reads ahead while another works."""
    found: list[float] = []
    threads = [Thread(target=lambda: found.append(own(np.arange(4.0), 0.5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [6.5] * 4


def test_a_kernel_is_pickled_by_its_name() -> None:
    """Another process finds it where it finds a function."""
    assert pickle.loads(pickle.dumps(ratio)) is ratio


OWN = """
import sys
import numpy as np
from hfm.backtest.ledger_tables import edges
from hfm.kernels.jit import compile_seconds
from hfm.ledger.records import LEDGER_ROW

rows = np.zeros(6, LEDGER_ROW)
rows["mid_close"], rows["session"] = [1, 2, np.nan, 1, 1, 1], [0, 0, 0, 0, 1, 1]
print(edges(rows).tolist(), compile_seconds() > 0, sorted({"numba", "llvmlite"} & set(sys.modules)))
"""
LATER = """
from kept import least
print(least(np.arange(3.0)), edges(rows).tolist() == edges(rows.copy()).tolist())
"""


@pytest.mark.skipif(not object_store.works_here(), reason="made for Linux on x86-64")
def test_a_finished_kernel_needs_no_compiler(tmp_path: Path) -> None:
    """The first process compiles, the second imports no numba; a plug-in may still bring it; damage is mended."""
    (tmp_path / "kept.py").write_text(
        "from hfm.kernels.jit import kernel\n\n\n@kernel\ndef least(x):\n    return x.min()\n"
    )
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def printed(code: str) -> list[str]:
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    answer = "[2, 0, 2, 0, 2, 0]".replace("2", str(edge()))
    assert printed(OWN) == [f"{answer} True ['llvmlite', 'numba']"]
    assert printed(OWN) == [f"{answer} False []"]
    assert printed(OWN + LATER) == [f"{answer} False []", "0.0 True"]
    (file,) = (tmp_path / "cache").rglob("*.o")
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    assert printed(OWN) == [f"{answer} False ['llvmlite', 'numba']"]  # numba has it in a cache of its own
    assert printed(OWN) == [f"{answer} False []"]


def edge() -> int:
    """The mark of a row that must be looked at."""
    from hfm.backtest.sweep.summary_ledger import EDGE

    return EDGE
