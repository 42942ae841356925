"""Which stage is at work in a run, for other processes to see: its name in a file, and a lock that its process holds.

The file stays where the process ended in the middle of the stage; the lock does not, however it ended. No writer is
held up: this lock is not the run's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

RUNNING = ".running"
"""The file with the stage's name; the lock lies beside it."""
_PATIENCE_S = 2.0
"""How long a stage waits for the lock, which a reader holds for the blink of an eye."""


@dataclass(frozen=True)
class AtWork:
    """The stage that a run's file names; alive: whether the process that carries it out is still there."""

    stage: str
    alive: bool


@contextlib.contextmanager
def announced(folder: Path, stage: str) -> Iterator[None]:
    """While the block lasts others see that `stage` is at work; after an interruption or a kill, that it was.

    Nothing depends on it: where the files cannot be written, nobody sees it. Only under the run's lock.
    """
    path, lock = folder / RUNNING, _lock(folder)
    with contextlib.suppress(OSError, NotImplementedError):  # filelock's Timeout is an OSError
        lock.acquire(timeout=_PATIENCE_S)
        path.write_text(stage)
    try:
        yield
    except Exception:
        _gone(path)
        raise
    else:
        _gone(path)
    finally:
        lock.release()


def at_work(folder: Path) -> AtWork | None:
    """The stage that is, or was when its process ended, at work in a run; None: the last one came to its end."""
    try:
        stage = (folder / RUNNING).read_text()
    except OSError:
        return None
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except (OSError, NotImplementedError):  # held, or not ours to ask: then it is taken to be at work
        return AtWork(stage, alive=True)
    lock.release()
    return AtWork(stage, alive=False)


def _lock(folder: Path) -> filelock.FileLock:
    return filelock.FileLock(folder / f"{RUNNING}.lock")


def _gone(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
