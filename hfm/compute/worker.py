"""One process beside its caller, and tasks that both take from the front of one list.

It is a fresh interpreter that imports what the tasks need while its caller still prepares them; a command that knows
from its first line what it will do starts it at once (`start`). It can be lost at any time, killed or out of memory,
and nothing is lost with it: what it had begun its caller does itself. It ends with its caller, however that ends, since
it then reads the end of a pipe.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from typing import Any, Generic, TypeVar

from hfm import processes

R = TypeVar("R")
S = TypeVar("S")
PATIENCE_S = 20.0
"""Seconds that the caller waits, with nothing else to do, for a task that the worker has begun."""


_started: dict[str, Worker] = {}


def start(module: str, workers: int) -> None:
    """Start the worker that the next `beside` for that module takes; it ends with this process if none does.

    Parameters
    ----------
    module : what it imports.
    workers : processes that may work, the caller's included; 1: none is started.
    """
    if workers > 1 and module not in _started and os.name == "posix":  # elsewhere a pipe is no standard stream
        with contextlib.suppress(OSError):  # no memory, or too many processes: the caller works alone
            _started[module] = Worker(module)
            atexit.register(_dismiss, module)


def _dismiss(module: str) -> None:
    worker = _started.pop(module, None)
    if worker is not None:
        worker.close()


@contextmanager
def beside(module: str, workers: int) -> Iterator[Worker | None]:
    """A worker for the time of the context.

    Parameters
    ----------
    module : what it imports at once.
    workers : processes that may work, the caller's included.

    Yields
    ------
    The worker; None where `workers` is 1 or the system gives no process.
    """
    start(module, workers)
    found = _started.pop(module, None)
    try:
        yield found
    finally:
        if found is not None:
            found.close()


class Worker:
    """The process, as its caller sees it; answers: where it speaks, first when it has imported its module."""

    def __init__(self, module: str) -> None:
        theirs, self._tasks = Pipe(duplex=False)
        self.answers, out = Pipe(duplex=False)
        try:
            self._process = subprocess.Popen(
                processes.command("hfm.compute.worker", "serve", module),
                stdin=theirs.fileno(), stdout=out.fileno(), stderr=subprocess.DEVNULL,
            )  # fmt: skip
        finally:  # the ends that are left: where one process is gone, the other reads the end
            theirs.close()
            out.close()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def feed(self, job: Job[S, R]) -> None:
        """Let the process do tasks of the job as long as there are any; in a thread of its own."""
        with contextlib.suppress(Exception):  # whatever became of the process: its caller does what is missing
            self.answers.recv()  # it has imported the module
            self._tasks.send(job.shared)
            while job.waiting:
                place = job.waiting.popleft()
                self._tasks.send(job.tasks[place])
                job.done.put((place, self.answers.recv()))
        job.done.put(None)


@dataclass
class Job(Generic[S, R]):
    """Tasks by place, and what they share.

    Attributes
    ----------
    waiting : places of the tasks that nobody has begun.
    done : place and result of each task that the worker has done; None after the last.
    ended : whether the worker does no more, as far as the caller knows.
    """

    tasks: Sequence[Callable[[S], R]]
    shared: S
    waiting: deque[int] = field(default_factory=deque)
    done: queue.SimpleQueue[tuple[int, R] | None] = field(default_factory=queue.SimpleQueue)
    ended: bool = False


def in_order(worker: Worker | None, tasks: Sequence[Callable[[S], R]], shared: S) -> Iterator[R]:
    """Results in the order of the tasks, which the caller and the worker do side by side.

    Parameters
    ----------
    worker : None: the caller works alone.
    tasks : functions of a module with their arguments bound by functools.partial, so that they pickle; what comes back
        hangs on nothing but arguments.
    shared : what all tasks read; it is pickled once.

    Yields
    ------
    Each task's result; what a task raises is raised in its place.
    """
    job = Job(tasks, shared, deque(range(len(tasks))))
    if worker is not None:
        threading.Thread(target=worker.feed, args=(job,), daemon=True).start()
    found: dict[int, R] = {}
    for place in range(len(tasks)):
        while place not in found:
            _advance(job, found, place)
        yield found.pop(place)


def _advance(job: Job[S, R], found: dict[int, R], needed: int) -> None:
    """Do one task more, else wait for the worker's; what it has done is put into `found`."""
    try:
        place = job.waiting.popleft()
    except IndexError:
        _hear(job, found, PATIENCE_S)
        if job.ended and needed not in found:  # the worker is gone, or as good as gone, with the task that is needed
            found[needed] = job.tasks[needed](job.shared)
        return
    found[place] = job.tasks[place](job.shared)
    while not job.done.empty():
        _hear(job, found, 0.0)


def _hear(job: Job[S, R], found: dict[int, R], patience_s: float) -> None:
    """Take one thing that the worker has done; where nothing comes in time, or no more, the job has ended for it."""
    try:
        answer = None if job.ended else job.done.get(timeout=patience_s)
    except queue.Empty:
        answer = None
    if answer is None:
        job.ended = True
    else:
        found[answer[0]] = answer[1]


def serve(module: str) -> None:
    """What the process does: import, then tasks until its caller is gone or one fails."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the caller ends this one
    tasks: Connection[Any, Any] = Connection(os.dup(0), writable=False)
    answers: Connection[Any, Any] = Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # what a task prints is no answer
    gc.disable()
    importlib.import_module(module)
    gc.freeze()  # what is imported stays: the collector need not look through it again and again, a tenth of the time
    gc.enable()
    with contextlib.suppress(EOFError, OSError):
        answers.send(None)
        shared = tasks.recv()
        while True:
            answers.send(tasks.recv()(shared))
