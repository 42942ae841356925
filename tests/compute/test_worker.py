"""The worker beside its caller: the same results with it, without it, and whatever becomes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from typing import Any
from unittest import mock

import pytest

from hfm.compute import worker
from tests.gone import ended

HERE = "tests.compute.test_worker"


def square(n: int, shared: list[int]) -> tuple[int, int]:
    """The shared number at that place, squared; who did it."""
    return shared[n] ** 2, os.getpid()


def slow(n: int, shared: list[int]) -> tuple[int, int]:
    """The same, later."""
    time.sleep(0.05)
    return square(n, shared)


def dying(caller: int, n: int, shared: list[int]) -> tuple[int, int]:
    """The same; a process that is not the caller is killed in the middle of it."""
    if os.getpid() != caller:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return slow(n, shared)


def stuck(caller: int, n: int, shared: list[int]) -> tuple[int, int]:
    """The same; a process that is not the caller never ends it."""
    if os.getpid() != caller:
        time.sleep(600)
    return slow(n, shared)


def failing(n: int, shared: list[int]) -> tuple[int, int]:
    """The third cannot be done."""
    if n == 2:
        raise ValueError("task 2")
    return slow(n, shared)


SHARED = list(range(100, 120))


def results(kind: Any, workers: int) -> tuple[list[int], set[int]]:  # Any: a task without its place
    """Results of a task for each place, and the processes that did them."""
    with worker.beside(HERE, workers) as helper:
        if helper is not None:
            ready(helper)
        made = list(worker.in_order(helper, [partial(kind, n) for n in range(len(SHARED))], SHARED))
    return [value for value, _ in made], {who for _, who in made}


def ready(helper: worker.Worker) -> None:
    """Wait until the worker has imported its module: else its caller may have done all before."""
    assert helper.answers.poll(60)


def test_both_do_tasks_and_results_come_in_order() -> None:
    """The caller and the worker; alone, the caller."""
    squares = [n**2 for n in SHARED]
    values, processes = results(slow, 2)
    assert values == squares
    assert len(processes) == 2
    assert results(square, 1) == (squares, {os.getpid()})


def test_a_worker_that_is_killed_loses_nothing() -> None:
    """What it had begun is done by the caller, which does not wait for it."""
    start = time.monotonic()
    values, processes = results(partial(dying, os.getpid()), 2)
    assert time.monotonic() - start < worker.PATIENCE_S
    assert values == [n**2 for n in SHARED]
    assert processes == {os.getpid()}


def test_a_worker_that_is_stuck_is_not_waited_for_without_end() -> None:
    """After PATIENCE_S the caller does the task itself."""
    with mock.patch.object(worker, "PATIENCE_S", 0.2):
        values, processes = results(partial(stuck, os.getpid()), 2)
    assert values == [n**2 for n in SHARED]
    assert processes == {os.getpid()}


def test_a_worker_that_cannot_begin_loses_nothing() -> None:
    """A module that it does not find; no process at all."""
    with worker.beside("tests.no_such_module", 2) as helper:
        assert list(worker.in_order(helper, [partial(square, 1)], SHARED)) == [(SHARED[1] ** 2, os.getpid())]
    with mock.patch.object(subprocess, "Popen", side_effect=OSError("no process")), worker.beside(HERE, 2) as none:
        assert none is None


def test_what_a_task_raises_is_raised_in_the_caller() -> None:
    """Wherever it was begun."""
    with worker.beside(HERE, 2) as helper:
        assert helper is not None
        ready(helper)
        with pytest.raises(ValueError, match="task 2"):
            list(worker.in_order(helper, [partial(failing, n) for n in range(4)], SHARED))


def test_a_worker_that_was_started_before_is_taken_and_ends_with_the_context() -> None:
    """Once: the next context has a new one. Its process is gone afterwards."""
    worker.start(HERE, 1)
    assert not worker._started
    worker.start(HERE, 2)
    early = worker._started[HERE]
    with worker.beside(HERE, 2) as helper:
        assert helper is early
    assert early._process.returncode is not None
    with worker.beside(HERE, 2) as again:
        assert again is not early


def test_a_worker_ends_with_its_caller_though_that_is_killed() -> None:
    """The end of its pipe is all that it hears of it."""
    code = f"import sys, time; sys.path[:] = {sys.path!r}; from hfm.compute import worker; worker.start({HERE!r}, 2); "
    code += f"print(worker._started[{HERE!r}]._process.pid, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as caller:
        assert caller.stdout is not None
        helper = int(caller.stdout.readline())
        caller.kill()
    assert ended(helper)


def test_a_context_that_fails_leaves_no_process_and_no_thread() -> None:
    """The worker is ended, and the thread that fed it ends with it."""
    before = threading.active_count()
    with pytest.raises(KeyError), worker.beside(HERE, 2) as helper:
        assert helper is not None
        ready(helper)
        next(worker.in_order(helper, [partial(slow, n) for n in range(20)], SHARED))
        raise KeyError
    assert helper._process.returncode is not None
    until = time.monotonic() + 30
    while time.monotonic() < until and threading.active_count() > before:
        time.sleep(0.02)
    assert threading.active_count() <= before
