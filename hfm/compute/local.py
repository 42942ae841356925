"""Executors of this machine: threads of this process, and processes beside it.

Threads suit kernels, which leave the interpreter to others while they run. A process is a fresh interpreter (spawn)
with memory of its own: it must have enough to do, since importing torch there takes seconds. It dies with the process
that started it, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from hfm.plugins import Emit, ReportingTask

R = TypeVar("R")
S = TypeVar("S")
POLL_S = 0.2
"""Seconds between two looks at what the workers have reported."""


class _Mailbox(Protocol):
    """What a queue of threads and one of processes have in common."""

    def put(self, item: Any) -> None: ...  # Any: what a task reports
    def get(self) -> Any: ...
    def empty(self) -> bool: ...


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
        reports: _Mailbox = queue.SimpleQueue()
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
        with _processes(self.workers, None) as (pool, _):
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
        sent = heard = 0

        def hear(report: Any) -> None:  # Any: what a task reports
            nonlocal heard
            heard += 1
            listen(report)

        with _processes(self.workers, shared) as (pool, reports):
            futures = {pool.submit(_reporting, task): k for k, task in enumerate(tasks)}
            for k, done in _as_completed(futures, reports, hear):
                sent += done.reports
                yield k, done.result
            while heard < sent:  # some are still on their way, and a worker ends only once all of its own are read
                hear(reports.get())


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


def _as_completed(futures: dict[Future[R], int], reports: _Mailbox, listen: Emit) -> Iterator[tuple[int, R]]:
    """Results as they are done; what the tasks report is heard in the caller's thread."""
    while futures:
        done, _ = wait(futures, timeout=POLL_S, return_when=FIRST_COMPLETED)
        while not reports.empty():
            listen(reports.get())
        for future in done:
            yield futures.pop(future), future.result()


@contextmanager
def _ending(pool: Executor) -> Iterator[Executor]:
    """The pool; at the end tasks that have not begun are dropped, and those under way are waited for."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


# ----------------------------------------------------------------------------------------------------- worker processes
_shared: Any = None  # Any: what the tasks of one call share
_reports: _Mailbox | None = None


@contextmanager
def _processes(workers: int, shared: object) -> Iterator[tuple[Executor, _Mailbox]]:
    """A pool of processes, and the queue that their tasks report into."""
    spawn = multiprocessing.get_context("spawn")
    reports: _Mailbox = spawn.Queue()
    theirs, ours = spawn.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start, initargs=(shared, reports, theirs))
    try:
        yield pool, reports
    except BaseException:
        ours.close()  # the workers see the end of the pipe and end at once, in the middle of an epoch
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        ours.close()
        theirs.close()


def _start(shared: object, reports: _Mailbox, alive: Connection) -> None:
    """Make this process a worker: it ends when the other end of the pipe `alive` is closed."""
    global _shared, _reports
    _shared, _reports = shared, reports

    def watch() -> None:
        try:
            alive.recv()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Reported(NamedTuple, Generic[R]):
    """The result of a task, and how many reports it sent."""

    result: R
    reports: int


def _reporting(task: ReportingTask[Any, R]) -> _Reported[R]:  # Any: of the kind that its caller shares
    """The task's result, with what this worker was given at its start."""
    assert _reports is not None
    put, sent = _reports.put, 0

    def report(news: Any) -> None:  # Any: what a task reports
        nonlocal sent
        sent += 1
        put(news)

    return _Reported(task(_shared, report), sent)
