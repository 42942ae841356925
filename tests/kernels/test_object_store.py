"""Finished kernels in files: told apart as numba tells them, taken whole or not at all."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import warnings
from collections import namedtuple
from pathlib import Path
from types import FunctionType
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit, objmode, typeof

from hfm.kernels import numba_backend, object_store

WORKS = pytest.mark.skipif(not object_store.works_here(), reason="made for Linux on x86-64")
OPTIONS = {"fastmath": False, "error_model": "numpy", "nogil": True}


class Pair(NamedTuple):
    """Two values."""

    a: object
    b: object


class Other(NamedTuple):
    """Two values, meant otherwise."""

    a: object
    b: object


def read_only(array: np.ndarray) -> np.ndarray:
    """The array, not to be written."""
    array.flags.writeable = False
    return array


SQUARE = np.zeros((4, 4))
ARGUMENTS = {
    "int": 3, "least": -(2**63), "most": 2**63 - 1, "float": 1.5, "bool": True,
    "float64": np.float64(2), "float32": np.float32(2), "int64": np.int64(2), "uint64": np.uint64(1),
    "vector": np.zeros(3), "empty": np.zeros(0), "half": np.zeros(6)[::2], "read": read_only(np.zeros(3)),
    "square": SQUARE, "turned": SQUARE.T, "corner": SQUARE[:2, :2], "scalar": np.zeros(()),
    "single": np.zeros(3, np.float32), "signs": np.zeros(3, np.int8), "flags": np.zeros(3, bool),
    "days": np.zeros(3, "M8[D]"), "nanoseconds": np.zeros(3, "M8[ns]"),
    "unaligned": np.frombuffer(bytearray(33), np.uint8)[1:].view(np.float64),
    "tuple": (np.zeros(3), 1), "tuple of two": (np.zeros(3), np.ones(3)), "one": (np.zeros(3),), "none": (),
    "nested": ((1.0, 2), np.zeros(3)), "pair": Pair(np.zeros(3), 1), "other": Other(np.zeros(3), 1),
    "pair of floats": Pair(1.0, 2.0),
}  # fmt: skip


def test_kinds_are_told_apart_as_numba_tells_them() -> None:
    """Machine code for one kind of array would read another wrong; two words for one kind would compile twice."""
    for (one, a), (two, b) in itertools.product(ARGUMENTS.items(), repeat=2):
        assert object_store.kind(a) is not None, one
        alike = typeof(a) == typeof(b)
        assert (object_store.kind(a) == object_store.kind(b)) == alike, (one, two)
        if not alike:
            assert object_store.key((a,)) != object_store.key((b,)), (one, two)
        assert hash(object_store.key((a, b))) == hash(object_store.key((a, b)))


def test_named_tuples_are_told_apart_by_the_order_of_their_names() -> None:
    """Two of one name in one place: before and after an edit."""
    one, two = (namedtuple("Point", names)(1.0, 2.0) for names in ("a b", "b a"))
    assert object_store.kind((one,)) != object_store.kind((two,))


@pytest.mark.parametrize(
    "argument",
    ["word", None, 1j, 2**63, np.zeros(2, [("a", "f8")]), np.zeros(2, "U3"), np.ma.zeros(2), [1.0], (1, "word"),
     np.zeros(2, object), np.zeros(2, complex), np.zeros(2, ">f8")],
    ids=repr,
)  # fmt: skip
def test_what_is_no_plain_array_or_number_is_left_to_numba(argument: object) -> None:
    """It knows more kinds than have ever been wanted here."""
    assert object_store.kind(argument) is None
    hash(object_store.key((argument,)))


def scaled(a: np.ndarray, b: float) -> float:
    """The sum of a, doubled in place, times b."""
    total = 0.0
    for i in range(a.size):
        a[i] *= 2.0
        total += a[i]
    return total * b


def made(function: FunctionType, folder: Path, arguments: tuple[object, ...]) -> tuple[bytes, str]:
    """What the compiler gives to be kept."""
    out = numba_backend.finished(numba_backend.dispatcher(function, OPTIONS, folder), arguments)
    assert out is not None
    return out


def kept(folder: Path) -> Path:
    """A file with `scaled` for a vector and a number."""
    arguments = (np.zeros(3), 1.0)
    path = object_store.place(folder, scaled, str(object_store.kind(arguments)))
    object_store.keep(path, *made(scaled, folder, arguments))
    return path


@WORKS
def test_what_was_kept_is_taken_and_computes_the_same(tmp_path: Path) -> None:
    """Arrays are worked on in place; results come back as Python's numbers; a wrong argument is numba's own error."""
    taken = object_store.take(kept(tmp_path), scaled)
    assert taken is not None
    a = np.array([0.1, 0.2, 0.3])
    assert taken(a, 3.0) == scaled(np.array([0.1, 0.2, 0.3]), 3.0)
    np.testing.assert_array_equal(a, [0.2, 0.4, 0.6])
    with pytest.raises(TypeError):
        taken(a)
    with pytest.raises(TypeError):
        taken("word", 1.0)
    assert [p.suffix for p in tmp_path.iterdir() if not p.is_dir()] == [".o"]


@WORKS
def test_a_file_that_is_not_whole_is_not_taken(tmp_path: Path) -> None:
    """Cut short, grown, emptied, or with any bit turned: machine code is run as it stands."""
    path = kept(tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    damaged = [whole[:-1], whole + b"\0", b"", whole[:40], bytes(len(whole))]
    turned = rng.integers(0, len(whole), 50).tolist()
    damaged += [whole[:at] + bytes([whole[at] ^ 1 << int(rng.integers(8))]) + whole[at + 1 :] for at in turned]
    for content in damaged:
        path.write_bytes(content)
        assert object_store.take(path, scaled) is None
    path.unlink()
    assert object_store.take(path, scaled) is None


@WORKS
def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    """The next process asks numba again."""
    path = kept(tmp_path)
    names = made(scaled, tmp_path, (np.zeros(3), 1.0))
    gone = tmp_path / "none" / path.name
    object_store.keep(gone, *names)
    assert not gone.exists()


@WORKS
@pytest.mark.parametrize(
    "more", [{"NUMBA_OPT": "1"}, {"NUMBA_CPU_NAME": "generic"}, {"NUMBA_BOUNDSCHECK": "1"}, {"PYTHONOPTIMIZE": "1"}, {}]
)
def test_what_is_compiled_otherwise_lies_elsewhere(tmp_path: Path, more: dict[str, str]) -> None:
    """Settings of numba's and of Python's that change machine code; those that do not, find the same."""
    code = ("from pathlib import Path; from hfm.compiled import store; from hfm.atomic import sweep; "
            "print(store.place(Path(), sweep, 'f8'))")  # fmt: skip
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "PYTHONOPTIMIZE"))}
    other = plain | {"NUMBA_NUM_THREADS": "1", "NUMBA_CACHE_DIR": str(tmp_path)} | more
    one, two = (
        subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
        for env in (plain, other)
    )
    assert (one != two) == bool(more)


BIG = np.arange(300_000.0)


@njit
def speaking(a: np.ndarray) -> None:
    """Needs Python's objects, which the kernel that calls it does not."""
    if a[0] > 1.0:
        raise ValueError("beyond one", a[0])


@WORKS
def test_what_an_object_file_is_not_all_of_is_left_to_numba(tmp_path: Path) -> None:
    """A type of numbers to hand over an array with, a large global array's address, a loop that runs as Python."""

    def doubled(a: np.ndarray) -> np.ndarray:
        return a * 2.0

    def found(i: int) -> float:
        return BIG[i]

    def calling(a: np.ndarray) -> float:
        with objmode(b="float64[:]"):
            b = a + 1.0
        return b[0]

    for function, argument in ((doubled, np.zeros(3)), (found, 5), (calling, np.zeros(3))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numba says so too
            dispatcher = numba_backend.dispatcher(function, OPTIONS, tmp_path)
            assert numba_backend.finished(dispatcher, (argument,)) is None, function


@WORKS
def test_a_kernel_that_calls_one_that_raises_says_what_it_says(tmp_path: Path) -> None:
    """Each kernel looks for an environment of its own."""

    def caller(a: np.ndarray) -> float:
        speaking(a)
        return a.sum()

    arguments = (np.zeros(3),)
    path = object_store.place(tmp_path, caller, str(object_store.kind(arguments)))
    object_store.keep(path, *made(caller, tmp_path, arguments))
    taken = object_store.take(path, caller)
    assert taken is not None
    assert taken(np.ones(3)) == 3.0
    with pytest.raises(ValueError, match="beyond one") as e:
        taken(np.full(3, 2.0))
    assert e.value.args == ("beyond one", 2.0)


ALONE = """
import sys
import numpy as np
from pathlib import Path
from hfm.kernels.jit import Kernel

def halves(a, limit):
    if a.size and a[0] > limit:
        raise ValueError("beyond the limit")
    made = a[::2] * 0.5
    return made.sum()

kernel = Kernel(halves, {"fastmath": False, "error_model": "numpy", "nogil": True}, True)
a = np.arange(200_000.0)
counts, tall = sys.getrefcount(a), a + 2.0
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
kernel(a, 1.0)
brought = sorted({"numba", "llvmlite"} & set(sys.modules))  # numba's helpers import it to make an error
for i in range(400):
    assert kernel(a, 1.0) == halves(a, 1.0)
    try:
        kernel(tall, 1.0)
    except ValueError as e:
        assert e.args == ("beyond the limit",)
    else:
        raise SystemExit("no error")
    if i == 9:
        early = peak()
print(sys.getrefcount(a) == counts, peak() - early < 20_000, brought)
"""


@WORKS
def test_a_kernel_that_makes_arrays_and_raises_does_so_without_numba(tmp_path: Path) -> None:
    """In a process of its own: what is made is given back (320 MB would be left), and errors are the kernel's own."""
    (tmp_path / "alone.py").write_text(ALONE)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", "import alone"]
    first, second = (
        subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == "True True ['llvmlite', 'numba']\n"
    assert second == "True True []\n"


def test_numba_switched_off_means_no_compiled_code_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass in which kernels run as plain Python."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert not object_store.works_here()
