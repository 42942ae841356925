"""Executors of this machine: threads of this process, and processes beside it.

Threads suit kernels, which leave the interpreter to others while they run. A process is a fresh interpreter (spawn)
with memory of its own: it must have enough to do, since importing torch there takes seconds. It dies with the process
that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from hfm.plugins import Emit, ReportingTask

R = TypeVar("R")
S = TypeVar("S")
POLL_S = 0.2
"""Seconds between two looks at what the workers have reported."""
PATIENCE_S = 10.0
"""Seconds for the last reports once all workers are gone: what a task has forked may hold their pipe open."""


Reports = queue.SimpleQueue[Any]  # Any: what a task reports
"""What tasks have reported and nobody has heard yet."""


@dataclass(frozen=True)
class Threads:
    """See plugins.Executor: threads of this process; one worker is the caller's own thread."""

    workers: int

    def in_order(self, tasks: Iterable[Callable[[], R]]) -> Iterator[R]:
        """See Executor."""
        if self.workers < 2:
            yield from (task() for task in tasks)
            return
        with _ending(ThreadPoolExecutor(self.workers)) as pool:
            yield from _in_order(pool, self.workers, tasks)

    def as_completed(self, tasks: Sequence[ReportingTask[S, R]], shared: S, listen: Emit) -> Iterator[tuple[int, R]]:
        """Results as they are done.

        Parameters
        ----------
        tasks
            Begun in this order.
        shared
            What all tasks read: the object itself.
        listen
            Called in the caller's thread with what the tasks report.

        Yields
        ------
        tuple[int, R]
            Place in `tasks`, and the task's result.
        """
        if self.workers < 2:
            yield from _one_by_one(tasks, shared, listen)
            return
        reports: Reports = queue.SimpleQueue()
        with _ending(ThreadPoolExecutor(self.workers)) as pool:
            futures = {pool.submit(task, shared, reports.put): k for k, task in enumerate(tasks)}
            yield from _as_completed(futures, reports, listen)


@dataclass(frozen=True)
class Processes:
    """See plugins.Executor: processes of this machine; one worker is the caller's own process.

    `shared` is pickled once a worker, a task and its result once each.
    """

    workers: int

    def in_order(self, tasks: Iterable[Callable[[], R]]) -> Iterator[R]:
        """See Executor."""
        if self.workers < 2:
            yield from (task() for task in tasks)
            return
        with _processes(self.workers, None, queue.SimpleQueue()) as pool:
            yield from _in_order(pool, self.workers, tasks)

    def as_completed(self, tasks: Sequence[ReportingTask[S, R]], shared: S, listen: Emit) -> Iterator[tuple[int, R]]:
        """Results as they are done.

        Parameters
        ----------
        tasks
            Begun in this order; they must pickle.
        shared
            What all tasks read: each worker has a copy.
        listen
            Called in the caller's thread with what the tasks report.

        Yields
        ------
        tuple[int, R]
            Place in `tasks`, and the task's result.
        """
        if self.workers < 2:
            yield from _one_by_one(tasks, shared, listen)
            return

        def hear(report: bytes) -> None:
            listen(ForkingPickler.loads(report))  # here, where what is wrong with it is raised in the caller's thread

        reports: Reports = queue.SimpleQueue()
        with _processes(max(1, min(self.workers, len(tasks))), shared, reports) as pool:
            futures = {pool.submit(_reporting, task): k for k, task in enumerate(tasks)}
            pool.submit(int)  # the pool watches over the process that it began last only once it is given more to do
            yield from _as_completed(futures, reports, hear)
        _hear(reports, hear)


def _one_by_one(tasks: Sequence[ReportingTask[S, R]], shared: S, listen: Emit) -> Iterator[tuple[int, R]]:
    """as_completed in the caller's thread."""
    for k, task in enumerate(tasks):
        yield k, task(shared, listen)


def _in_order(pool: Executor, workers: int, tasks: Iterable[Callable[[], R]]) -> Iterator[R]:
    """Results in the order of the tasks; at most `workers` of them wait to be taken, so memory stays flat."""
    waiting: deque[Future[R]] = deque()
    for task in tasks:
        waiting.append(pool.submit(task))
        if len(waiting) == workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _as_completed(futures: dict[Future[R], int], reports: Reports, listen: Emit) -> Iterator[tuple[int, R]]:
    """Results as they are done; what the tasks report is heard in the caller's thread."""
    while futures:
        done, _ = wait(futures, timeout=POLL_S, return_when=FIRST_COMPLETED)
        _hear(reports, listen)
        for future in done:
            yield futures.pop(future), future.result()


def _hear(reports: Reports, listen: Emit) -> None:
    """Listen to all that has been reported by now."""
    while not reports.empty():
        listen(reports.get())


@contextmanager
def _ending(pool: Executor) -> Iterator[Executor]:
    """The pool; at the end tasks that have not begun are dropped, and those under way are waited for."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


# ----------------------------------------------------------------------------------------------------- worker processes
_shared: Any = None  # Any: what the tasks of one call share
_report: Emit | None = None


@contextmanager
def _processes(workers: int, shared: object, reports: Reports) -> Iterator[Executor]:
    """A pool of processes; what their tasks report is put into `reports`, all of it by the end of the block.

    A thread takes it from a pipe, whose end it reads when the last worker is gone: one that is killed in the middle of
    a report holds up nobody but that thread.

    Yields
    ------
    Executor
        The pool.
    """
    spawn = multiprocessing.get_context("spawn")
    theirs, ours = spawn.Pipe(duplex=False)
    heard, said = spawn.Pipe(duplex=False)
    start = (shared, said, spawn.Lock(), theirs)
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start, initargs=start)
    taker = threading.Thread(target=_take, args=(heard, reports), daemon=True)
    taker.start()
    try:
        yield pool
    except BaseException:
        ours.close()  # the workers see the end of the pipe and end at once, in the middle of an epoch
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for end in (ours, theirs, said):
            end.close()
        taker.join(PATIENCE_S)


def _take(heard: Connection, reports: Reports) -> None:
    """Put what the workers report, pickled, into a queue, until there are none."""
    with heard, contextlib.suppress(EOFError, OSError):
        while True:
            reports.put(heard.recv_bytes())


def _start(shared: object, said: Connection, turn: AbstractContextManager[Any], alive: Connection) -> None:  # Any: bool
    """Make this process a worker: it ends when the other end of the pipe `alive` is closed.

    A report is in the pipe before its task goes on, and so before the task's result; one worker writes at a time.
    """
    global _shared, _report

    def report(news: Any) -> None:  # Any: what a task reports
        with turn:
            said.send(news)

    def watch() -> None:
        try:
            alive.recv()
        except (EOFError, OSError):
            os._exit(1)

    _shared, _report = shared, report
    threading.Thread(target=watch, daemon=True).start()


def _reporting(task: ReportingTask[Any, R]) -> R:  # Any: of the kind that its caller shares
    """The task's result, with what this worker was given at its start."""
    assert _report is not None
    return task(_shared, _report)
