"""Kernels of a first run: the list is what the run calls, and the processes that compile beside it leave no trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from hfm import processes
from hfm.kernels import first_run, jit
from tests.gone import ended

COMPILED = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled here")


class Pair(NamedTuple):
    """Two arrays."""

    a: np.ndarray
    b: np.ndarray


RECORD = np.dtype([("x", "f8"), ("n", "i8")])
ARGUMENTS = {
    "plain": np.zeros(3),
    "read-only": np.frombuffer(bytes(8)),
    "rows": np.zeros((2, 3), np.float32),
    "columns": np.zeros((2, 3), np.int8, order="F"),
    "strided": np.zeros((4, 4))[:, ::2],
    "times": np.zeros(2, "M8[ns]"),
    "numbers": (1, 2.0, True, np.float32(3)),
    "named": Pair(np.zeros(1), np.zeros((1, 1))),
    "records": np.zeros(2, RECORD),
    "record": np.zeros(2, RECORD)[0],
}


@COMPILED
@pytest.mark.parametrize("argument", ARGUMENTS.values(), ids=ARGUMENTS)
def test_an_argument_is_described_and_made_again_of_the_same_type(
    argument: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a helper compiles is what the run calls."""
    import numba

    monkeypatch.setattr(jit, "RECORD", RECORD, raising=False)
    words = json.loads(json.dumps(first_run.words(argument)))
    made = first_run.example(words)
    assert numba.typeof(made) == numba.typeof(argument)
    assert first_run.words(made) == words


def test_what_cannot_be_listed_is_refused() -> None:
    """A list that a helper could not read would go unnoticed."""
    for argument in ("text", np.zeros(1, [("q", "f8")]), (1, None)):
        with pytest.raises(LookupError):
            first_run.words(argument)


def test_every_kernel_of_the_list_is_there() -> None:
    """One that was renamed would be passed over in silence, and a first run take longer."""
    for name, kinds in first_run.entries():
        assert isinstance(first_run._found(name), jit.Kernel), name
        for kind in kinds:
            first_run.example(kind)


@COMPILED
@pytest.mark.slow
def test_the_list_is_what_a_run_calls(tmp_path: Path) -> None:
    """Where this fails, `python -m tests.kernels.first_run` writes it anew; until then a first run takes longer."""
    code = "import json; from tests.kernels.first_run import listed; print(json.dumps(listed('--days', '30')))"
    env = {**os.environ, "HFM_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [tuple(entry) for entry in json.loads(done.stdout.splitlines()[-1])] == first_run.entries()


KEPT = """
from hfm.kernels.jit import kernel

@kernel
def twice(x):
    return 2.0 * x[0]

@kernel
def thrice(x):
    return 3.0 * x[0]
"""
PROGRAM = """
import json, sys, time
from pathlib import Path
import numpy as np
from hfm import processes
from hfm.kernels import first_run, jit
processes.cores = lambda: 2
first_run.LIST = Path("list.json")
first_run.watch(lambda line: print(line, flush=True))
import kept
result = kept.twice(np.ones(1))
print(*(helper.pid for helper in first_run._helpers), flush=True)
end = time.monotonic() + WAIT
while time.monotonic() < end and len(list(jit.cache_folder().glob("kept.t*.ready"))) < 2:
    time.sleep(0.1)
print(result, jit.compile_seconds() > 0)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with two kernels, and a helper whose list is theirs."""
    (tmp_path / "kept.py").write_text(KEPT)
    entries = [["kept:twice", ["<f8 1C"]], ["kept:gone", []], ["kept:thrice", ["<f8 1C"]]]
    (tmp_path / "list.json").write_text(json.dumps(entries))
    (tmp_path / "sitecustomize.py").write_text(SITE)
    return tmp_path


SITE = """
import os
if os.environ.get("HFM_LIST"):
    from pathlib import Path
    from hfm.kernels import first_run
    first_run.LIST = Path(os.environ["HFM_LIST"])
"""


def started(home: Path, wait: float) -> subprocess.Popen[str]:
    """The program, with a cache of its own."""
    paths = [str(home), *filter(None, sys.path)]
    env = {**os.environ, "NUMBA_CACHE_DIR": str(home / "cache"), "HFM_LIST": str(home / "list.json"),
           "PYTHONPATH": os.pathsep.join(paths)}  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", PROGRAM.replace("WAIT", str(wait))], cwd=home, env=env, text=True,
                            stdout=subprocess.PIPE)  # fmt: skip


LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks for processes in /proc")


@COMPILED
@LINUX
def test_a_helper_compiles_what_is_listed_and_ends_with_the_run(home: Path) -> None:
    """The run says one line where something is compiled, has the same result, and next time starts no helper."""
    out, _ = started(home, 120.0).communicate()  # the helper has time to end its list
    line, pid, result = out.splitlines()
    assert line == first_run.NOTICE
    assert result == "2.0 True"
    assert ended(int(pid))
    assert len(list((home / "cache").glob("*/kept.t*.ready"))) == 2
    assert started(home, 0.0).communicate()[0] == "\n2.0 False\n"


@COMPILED
@LINUX
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_leaves_no_helper(home: Path, how: signal.Signals) -> None:
    """Its end closes a pipe."""
    (home / "sleepy.py").write_text("import time; time.sleep(600)")
    (home / "list.json").write_text(json.dumps([["sleepy:kernel", []]]))
    run = started(home, 60.0)
    assert run.stdout is not None
    assert run.stdout.readline() == first_run.NOTICE + "\n"
    pid = int(run.stdout.readline())
    run.send_signal(how)
    run.wait()
    assert ended(pid)


@pytest.mark.parametrize(("cores", "folder", "helpers"), [(1, "kept", 0), (4, "hfm-kernels-x", 0), (3, "kept", 2)])
def test_helpers_are_one_a_core_beside_the_runs_and_none_without_a_lasting_cache(
    cores: int, folder: str, helpers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They start with the first kernel that is compiled, which is said once."""
    lines: list[str] = []
    begun: list[list[str]] = []
    monkeypatch.setattr(jit, "on_compile", None)
    monkeypatch.setattr(first_run, "_helpers", [])  # not those of other tests
    monkeypatch.setattr(first_run, "_announced", False)
    monkeypatch.setattr(processes, "cores", lambda: cores)
    monkeypatch.setattr(first_run, "_count", lambda networks: None)
    monkeypatch.setattr(first_run.subprocess, "Popen", lambda words, **_: begun.append(words))
    monkeypatch.setattr(first_run.atexit, "register", lambda _: None)
    monkeypatch.setattr(jit, "cache_folder", lambda: tmp_path / folder)
    first_run.watch(lines.append)
    assert (lines, begun) == ([], [])
    assert jit.on_compile is not None
    jit.on_compile()
    assert lines == [first_run.NOTICE]
    assert len(begun) == helpers
    first_run.watch(lines.append)  # the next stage of the run
    assert jit.on_compile is None


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no helper: what a process would have begun is not."""
    monkeypatch.setattr(jit, "on_compile", None)
    monkeypatch.setattr(first_run, "_announced", False)
    monkeypatch.setattr(first_run, "_told", None)
    monkeypatch.setattr(first_run, "_helpers", [])
    monkeypatch.setattr(processes, "cores", lambda: 1)
    monkeypatch.setattr(first_run, "_LOOK_S", 0.01)
    monkeypatch.setattr(first_run.atexit, "register", lambda _: None)
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(jit, "cache_folder", lambda: tmp_path / "kept")
    return tmp_path / "kept"


def fill(cache: Path, names: list[str]) -> None:
    """As if these kernels were compiled."""
    for name in names:
        (cache / f"{name.replace(':', '.')}-0123.ready").touch()


def test_kernels_in_the_cache_are_counted(cache: Path) -> None:
    """Without those of networks where none is fitted."""
    every = [name for name, _ in first_run.entries()]
    few = [name for name, _ in first_run.entries(networks=False)]
    assert set(few) < set(every)
    assert not any("lstm" in name for name in few)
    fill(cache, few[:3])
    assert (first_run.compiled(), first_run.compiled(networks=False)) == (3, 3)
    fill(cache, every)
    assert (first_run.compiled(), first_run.compiled(networks=False)) == (len(every), len(few))


def test_progress_is_told_while_something_is_compiled_and_then_that_all_is(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a thread; nothing is told between two kernels of a process without helpers."""
    told: list[tuple[str, int, int, str]] = []
    names = [name for name, _ in first_run.entries(networks=False)]
    monkeypatch.setattr(jit, "_under_way", 1)
    first_run.watch(None, lambda *words: told.append(words))
    first_run.begin(networks=False)
    for _ in range(500):
        if told:
            break
        time.sleep(0.01)
    assert told[0] == (first_run.LABEL, 0, len(names), f"0 of {len(names)}, first run only")
    fill(cache, names)
    for _ in range(500):
        if told[-1][1] == len(names):
            break
        time.sleep(0.01)
    assert told[-1][1:3] == (len(names), len(names))


def test_nothing_begins_ahead_where_all_is_compiled(cache: Path) -> None:
    """Nor is anything said."""
    fill(cache, [name for name, _ in first_run.entries(networks=False)])
    first_run.begin(networks=False)
    assert not first_run._announced
