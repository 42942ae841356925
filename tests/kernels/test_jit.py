"""Kernels keep their order of summation, divide as NumPy does, and are cached by their sources."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import numpy as np
import pytest
from filelock import FileLock

from hfm.kernels import jit
from hfm.kernels.jit import Kernel, compile_seconds, frozen, kernel, source_hash

COMPILED = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled here")


@kernel
def ratio(a: float, b: float) -> float:
    return a / b


def test_division_by_zero_is_infinity_as_in_numpy() -> None:
    """No ZeroDivisionError in the middle of a session."""
    assert ratio(1.0, 0.0) == np.inf
    assert np.isnan(ratio(0.0, 0.0))


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


def split(a: np.ndarray, b: float) -> tuple[np.ndarray, tuple[float, float]]:
    """a b, and two numbers."""
    return a * b, (a[0], b)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for this test alone."""
    monkeypatch.setattr(jit, "cache_folder", lambda: tmp_path)
    return tmp_path


def test_each_kind_of_argument_has_its_own_code(folder: Path) -> None:
    """What was compiled for one is not run on another, in whatever order they come; names of arguments may be given."""
    total, wide = Kernel(summed, OPTIONS), np.arange(8.0)
    for array in (wide, wide.astype(np.float32), wide[::2], wide.astype(np.int64), wide[:0], frozen((wide,))[0], wide):
        for b in (1.5, 2, np.float32(0.5), True):
            assert total(array, b) == summed(array, b)
            assert total(a=array, b=b) == summed(array, b)


POINT = np.dtype([("x", "f8"), ("n", "i8")])
PATH = np.dtype([("points", POINT, (3,)), ("scale", "f4")])


class Paths(NamedTuple):
    """Arrays of records, as a kernel takes them."""

    paths: np.ndarray
    weights: np.ndarray


@kernel
def moved(point: np.void, by: float) -> None:
    point["x"] += by
    point["n"] += 1


@kernel
def moved_all(given: Paths, first: np.void) -> float:
    for path in given.paths:
        for j in range(len(path.points)):
            moved(path.points[j], path.scale * given.weights[j])
    return first.points[0].x


@kernel
def read_all(given: Paths, first: np.void) -> float:
    return given.paths[1].points[1].x + given.paths[0].points[1].x / 10.0 * given.weights[0] * 5.0 + first.points[0].x


def test_kernels_take_arrays_of_records_and_single_records_by_their_fields(folder: Path) -> None:
    """Nested ones, in a named tuple, and read-only: what structured tables are made of."""
    paths = np.zeros(2, PATH)
    paths["scale"] = [1.0, 2.0]
    given = Paths(paths, np.array([1.0, 10.0, 100.0]))
    assert moved_all(given, paths[1]) == 2.0
    assert read_all(Paths(*frozen(given)), frozen((paths,))[0][1]) == 20.0 + 5.0 + 2.0
    np.testing.assert_array_equal(paths["points"]["x"][:, 1], [10.0, 20.0])
    moved(paths[0]["points"][0], 0.5)
    assert paths["points"][0, 0]["n"] == 2


def test_records_of_other_fields_have_code_of_their_own(folder: Path) -> None:
    """Equal bytes under other names are another type."""

    def first(a: np.ndarray) -> float:
        return float(a[0]["x"])

    read = Kernel(first, OPTIONS)
    for names in ("xy", "yx"):
        array = np.array([(1.0, 2.0)], [(names[0], "f8"), (names[1], "f8")])
        assert read(array) == array[0]["x"]


def test_arguments_may_be_named_or_left_out(folder: Path) -> None:
    """As of the function; too many, too few or unknown ones are its own error."""

    def shifted(a: np.ndarray, by: float = 2.0, times: float = 1.0) -> float:
        return (a[0] + by) * times

    given, a = Kernel(shifted, OPTIONS), np.ones(2)
    assert [given(a), given(a, 3.0), given(a, times=2.0), given(by=1.0, a=a, times=3.0)] == [3.0, 4.0, 6.0, 6.0]
    for wrong in (lambda: given(), lambda: given(a, 1.0, 1.0, 1.0), lambda: given(a, bye=1.0)):
        with pytest.raises(TypeError):
            wrong()


def test_what_a_function_closes_over_is_its_own(folder: Path) -> None:
    """Two functions of one name, made by a third."""

    def timed(by: float) -> Kernel:
        def times(a: float) -> float:
            return a * by

        return Kernel(times, OPTIONS)

    assert [timed(2.0)(1.5), timed(3.0)(1.5)] == [3.0, 4.5]
    assert repr(timed(1.0)).startswith("<kernel tests.kernels.test_jit.test_what_a_function")


def test_a_kernel_may_return_arrays_and_several_values(folder: Path) -> None:
    """As the function does, on the first call and on the next."""
    given = Kernel(split, OPTIONS)
    for _ in range(2):
        product, parts = given(np.arange(4.0), 2.0)
        np.testing.assert_array_equal(product, [0.0, 2.0, 4.0, 6.0])
        assert parts == (0.0, 2.0)


def test_the_kernel_for_arguments_like_these_is_the_same(folder: Path) -> None:
    """What a loop of short calls is handed over."""
    total, wide = Kernel(summed, OPTIONS), np.arange(8.0)
    assert total.like(wide, 1.5)(wide, 1.5) == total(wide, 1.5)
    assert total.like(wide, 1.5) is total.like(wide[1:], 2.5)


def test_arguments_of_numba_s_own_kinds_are_left_to_it(folder: Path) -> None:
    """A string, nothing at all, a unit of time: what their type alone does not tell."""

    def length(a: object) -> int:
        return 0 if a is None else len(str(a))

    given = Kernel(length, OPTIONS)
    assert [given("four"), given(None), given("seven77")] == [4, 0, 7]


def test_threads_that_need_a_kernel_at_once_get_it(folder: Path) -> None:
    """One reads ahead while another works."""
    total, found = Kernel(summed, OPTIONS), []
    threads = [Thread(target=lambda: found.append(total(np.arange(4.0), 0.5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [6.5] * 4


def test_a_kernel_is_pickled_by_its_name() -> None:
    """Another process finds it where it finds a function."""
    assert pickle.loads(pickle.dumps(ratio)) is ratio


@COMPILED
def test_what_must_be_compiled_is_announced_and_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it begins; what another process has compiled is neither."""
    calls: list[float] = []
    monkeypatch.setattr(jit, "on_compile", lambda: calls.append(compile_seconds()))
    for seen in (1, 1, 2):
        total, before = Kernel(summed if seen == 1 else split, OPTIONS), compile_seconds()
        total(np.arange(4.0), 0.5)
        assert (len(calls), compile_seconds() > before) == (seen, len(calls) > seen - 1 and calls[-1] == before)


@COMPILED
def test_a_kernel_that_another_process_compiles_is_waited_for_or_left_to_it(folder: Path) -> None:
    """`prepare` goes on to the next; a call waits until the other has ended, in whatever way."""
    total, args = Kernel(summed, OPTIONS), (np.arange(4.0), 0.5)
    total(*args)
    (ready,) = folder.glob("*.ready")
    ready.unlink()
    other = FileLock(ready.with_suffix(".lock"))
    with other:
        Kernel(summed, OPTIONS).prepare(*args)
        assert not ready.exists()
        waiting = Thread(target=Kernel(summed, OPTIONS), args=args)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(20.0)
    assert ready.exists()
    ready.unlink()
    Kernel(summed, OPTIONS).prepare(*args)
    assert ready.exists()


PROGRAM = """
import sys
import numpy as np
from hfm.kernels.jit import compile_seconds
from kept import total, twice

print("numba" in sys.modules, total(np.arange(5.0)), twice(np.arange(5.0)), compile_seconds() > 0)
"""
KEPT = """
from hfm.kernels.jit import bare, kernel

@bare
def total(x):
    out = 0.0
    for value in x:
        out += value
    return out

@kernel
def twice(x):
    return total(2.0 * x)
"""


@COMPILED
@pytest.mark.parametrize("private", ["0", "1"])
def test_the_next_process_finds_what_the_first_compiled(tmp_path: Path, private: str) -> None:
    """With numba's private names and without them; numba comes with the first call, and not before it."""
    (tmp_path / "kept.py").write_text(KEPT)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "HFM_NUMBA_PRIVATE": private}
    command = [sys.executable, "-c", PROGRAM]
    printed = [
        subprocess.run(command, cwd=tmp_path, env=env, text=True, capture_output=True, check=True).stdout
        for _ in range(2)
    ]
    assert printed == ["False 10.0 20.0 True\n", "False 10.0 20.0 False\n"]


def test_a_home_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    """A cron user's: kernels are compiled for the one process, which leaves nothing behind."""
    (tmp_path / "kept.py").write_text(KEPT)
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file" / "cache"), "TMPDIR": str(tmp_path / "temporary")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, env=env, text=True, capture_output=True)
    assert done.stdout.startswith("False 10.0 20.0"), done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


FULL = """
from numba.core.caching import FunctionCache

def full(*_):
    raise OSError(28, "No space left on device")

FunctionCache.save_overload = full
"""


@COMPILED
@pytest.mark.parametrize("private", ["0", "1"])
def test_a_cache_on_a_full_disk_is_no_error(tmp_path: Path, private: str) -> None:
    """With numba's private names and without them; of a kernel that another calls too."""
    (tmp_path / "kept.py").write_text(KEPT)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "HFM_NUMBA_PRIVATE": private}
    program = FULL + PROGRAM.replace("total(np.arange(5.0)), twice(np.arange(5.0))", "twice(np.arange(5.0))")
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, text=True, capture_output=True)
    assert done.stdout == "True 20.0 True\n", done.stderr


def test_code_for_other_versions_and_settings_lies_in_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code of another numba, or made without its private names, is not taken for this one's."""
    found = {jit.target_hash()}
    monkeypatch.setenv("NUMBA_OPT", "1")
    found.add(jit.target_hash())
    monkeypatch.setattr(jit.numba_private, "ENABLED", not jit.numba_private.ENABLED)
    found.add(jit.target_hash())
    monkeypatch.setattr(jit.metadata, "version", lambda name: "0.0")
    found.add(jit.target_hash())
    assert len(found) == 4
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    assert jit.target_hash() in found
