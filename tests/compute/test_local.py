"""What every executor promises: the same results with any number of workers, in order or as they are done."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

import pytest

from hfm import plugins

KINDS = plugins.names("executors")


def made(kind: str, workers: int) -> plugins.Executor:
    """An executor by its name in the registry."""
    found: plugins.Executor = plugins.find("executors", kind)(workers)
    return found


def slow(n: int) -> int:
    """The later the task, the sooner it is done."""
    time.sleep(0.002 * (10 - n))
    return n


def counted(n: int, shared: list[int], emit: Callable[[Any], None]) -> int:
    """Reports its number, and returns what it shares with the others at that place."""
    emit(n)
    return shared[n]


class SlowToPickle:
    """More than a pipe holds, half a second after it is sent off: by then its task is done."""

    def __reduce__(self) -> tuple[object, ...]:
        time.sleep(0.5)
        return bytes, (bytes(1_000_000),)


def late(n: int, shared: int, emit: Callable[[Any], None]) -> int:
    """A task whose report is still on its way when its result is there."""
    emit(SlowToPickle())
    return n


class Deadly:
    """It takes a second to pickle, and half of that to kill the process that does it."""

    def __reduce__(self) -> tuple[object, ...]:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
        time.sleep(1.0)
        return bytes, (b"",)


def killed(n: int, shared: int, emit: Callable[[Any], None]) -> int:
    """A task whose worker is killed before its report is sent."""
    emit(Deadly())
    return n


def unspeakable(n: int, shared: int, emit: Callable[[Any], None]) -> int:
    """A task that reports what cannot be pickled."""
    emit(threading.Lock())
    return n


def failing(n: int) -> int:
    """A task that cannot be done."""
    raise ValueError(f"task {n}")


def failing_report(n: int, shared: list[int], emit: Callable[[Any], None]) -> int:
    """The same for as_completed."""
    raise ValueError(f"task {n}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_come_in_the_order_of_the_tasks(kind: str, workers: int) -> None:
    """However many work, and whoever is done first."""
    assert list(made(kind, workers).in_order(partial(slow, n) for n in range(8))) == list(range(8))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [1, 3])
def test_each_task_is_done_once_and_heard_in_the_callers_thread(kind: str, workers: int) -> None:
    """as_completed gives each place with its result; what tasks report before they end is not lost."""
    heard: list[tuple[int, int]] = []
    shared = [n * n for n in range(8)]
    tasks = [partial(counted, n) for n in range(8)]
    found = dict(made(kind, workers).as_completed(tasks, shared, lambda n: heard.append((n, threading.get_ident()))))
    assert found == dict(enumerate(shared))
    assert {thread for _, thread in heard} == {threading.get_ident()}
    assert sorted(n for n, _ in heard) == list(range(8))


@pytest.mark.timeout(60)
def test_a_report_that_comes_after_the_results_is_heard_and_holds_nobody_up() -> None:
    """A worker ends only once its reports are read: nobody may stop reading before."""
    heard: list[bytes] = []
    found = dict(made("processes", 2).as_completed([partial(late, n) for n in range(2)], 0, heard.append))
    assert found == {0: 0, 1: 1}
    assert [len(report) for report in heard] == [1_000_000] * 2


@pytest.mark.timeout(60)
def test_a_worker_that_is_killed_before_it_has_reported_is_not_waited_for() -> None:
    """Its result may be there or not: what counts is that the caller goes on."""
    with contextlib.suppress(BrokenProcessPool):
        list(made("processes", 2).as_completed([partial(killed, n) for n in range(2)], 0, print))


@pytest.mark.timeout(60)
def test_a_report_that_does_not_pickle_is_a_fault_of_its_task() -> None:
    """And holds nobody up."""
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        list(made("processes", 2).as_completed([partial(unspeakable, n) for n in range(2)], 0, print))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_is_raised_in_its_turn(kind: str, workers: int) -> None:
    """After the results before it; no thread of the executor is left behind."""
    before, taken = threading.active_count(), []
    with pytest.raises(ValueError, match="task 2"):
        taken.extend(made(kind, workers).in_order([partial(slow, 8), partial(slow, 9), partial(failing, 2)]))
    with pytest.raises(ValueError, match="task 7"):
        list(made(kind, workers).as_completed([partial(failing_report, 7)], [1], print))
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_than_the_workers_run_ahead(kind: str) -> None:
    """A task is asked for only when there is room for its result."""
    asked = 0

    def tasks() -> Iterator[Callable[[], int]]:
        nonlocal asked
        for n in range(100):
            asked += 1
            yield partial(int, n)

    results = made(kind, 3).in_order(tasks())
    next(results)
    assert asked <= 3
    results.close()  # type: ignore[attr-defined]  # a generator
    assert asked <= 3


def test_what_a_task_raises_comes_after_the_results_before_it() -> None:
    """The caller has taken what was done before."""
    taken: list[int] = []
    with pytest.raises(ValueError, match="task 2"):
        for value in made("threads", 2).in_order([partial(int, 0), partial(int, 1), partial(failing, 2)]):
            taken.append(value)  # noqa: PERF402  # one by one is the point
    assert taken == [0, 1]
