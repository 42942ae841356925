"""A stage's payloads on their way to disk: temp files, checked and synced, swapped in only when all are whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hfm import __version__, atomic
from hfm.runs.manifest import Artifact, Run

if TYPE_CHECKING:
    from hfm.stage import Payload

AHEAD = 1 << 24
"""Bytes of payloads that may wait to be written while the stage computes on."""


def plain(value: Any) -> Any:  # Any: JSON in, JSON out
    """`value` with NumPy scalars as numbers and NaN or infinity as None, so that it is JSON."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Staged:
    """The stage's artifacts on their way: temp files, checked and synced, not yet in place."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._open: dict[str, tuple[Any, BinaryIO]] = {}  # Any: tables.Writer, whose module loads on demand
        self._beside = ThreadPoolExecutor(1)
        self._waiting: deque[tuple[Future[None], int]] = deque()
        self.made: set[str] = set()
        """What has been taken so far."""
        self.done: dict[str, int | None] = {}

    def take(self, artifact: str, payload: Payload) -> None:
        """Add a row group, or write a whole document: in order, beside what the stage does next.

        Raises what one taken before has raised. More than AHEAD bytes are waited for.
        """
        self.made.add(artifact)
        size = len(payload) if isinstance(payload, (bytes, dict)) else payload.nbytes
        self._waiting.append((self._beside.submit(self._write, artifact, payload), size))
        self._settle(AHEAD)

    def _settle(self, most: int) -> None:
        """Wait until at most so many bytes are waiting; raise what the writing of others has raised."""
        while self._waiting and (self._waiting[0][0].done() or sum(size for _, size in self._waiting) > most):
            self._waiting.popleft()[0].result()

    def _write(self, artifact: str, payload: Payload) -> None:
        path = atomic.temp_path(self._run.path / artifact)
        with atomic.disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(payload, dict):
                payload = (json.dumps(plain(payload), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
            if isinstance(payload, bytes):
                path.write_bytes(payload)
                self.done[artifact] = None
                return
            from hfm import tables

            if artifact not in self._open:
                file = path.open("wb")
                name = Path(artifact).stem
                levels = tables.meta_of(payload.schema).levels or tables.BOOK_LEVELS
                table = tables.book(levels) if name == "book" else tables.TABLES[name]
                self._open[artifact] = (tables.Writer(file, table), file)
            self._open[artifact][0].write(payload)

    def close(self, writes: Collection[str], may_write: Collection[str]) -> None:
        """End and sync all files; what was made must be what was promised."""
        self._settle(-1)
        self._beside.shutdown()
        for artifact, (writer, file) in list(self._open.items()):
            with atomic.disk_errors(self._run.path / artifact):
                writer.close()
                file.close()
            self.done[artifact] = writer.rows
            del self._open[artifact]
        if set(writes) != set(self.done) - set(may_write):
            raise AssertionError(f"promised {sorted(writes)}, made {sorted(self.done)}")
        for artifact in self.done:
            with atomic.disk_errors(self._run.path / artifact):
                atomic.fsync(atomic.temp_path(self._run.path / artifact))

    def swap_in(self) -> dict[str, Artifact]:
        """Put every file in its place; what the manifest will know of them."""
        out = {}
        for artifact, rows in sorted(self.done.items()):
            path = self._run.path / artifact
            temp = atomic.temp_path(path)
            out[artifact] = Artifact(atomic.sha256(temp), temp.stat().st_size, rows)
            atomic.replace(temp, path)
        return out

    def abandon(self) -> None:
        """Leave no trace."""
        self._beside.shutdown(cancel_futures=True)
        for writer, file in self._open.values():
            writer.abandon()
            with contextlib.suppress(OSError):  # a full disk fails once more when the last buffer is flushed
                file.close()
        atomic.sweep(self._run.path)


@contextlib.contextmanager
def staging(run: Run) -> Iterator[Staged]:
    """A Staged for `run`, swept away if the block fails."""
    staged = Staged(run)
    try:
        yield staged
    except BaseException:
        staged.abandon()
        raise


class ResumeFile:
    """Work in progress of one stage for one set of inputs and settings, on disk; any other is as good as none."""

    def __init__(self, folder: Path, identity: object) -> None:
        self._path = folder / "checkpoint"
        self._mark = hashlib.sha256(json.dumps([identity, __version__], sort_keys=True).encode()).digest()

    def save(self, data: bytes) -> None:
        """See stage.ResumeStore."""
        atomic.write(self._path, hashlib.sha256(self._mark + data).digest() + data)

    def load(self) -> bytes | None:
        """See stage.ResumeStore; None too where the bytes are damaged."""
        try:
            raw = self._path.read_bytes()
        except OSError:
            return None
        return raw[32:] if raw[:32] == hashlib.sha256(self._mark + raw[32:]).digest() else None

    def remove(self) -> None:
        """The stage has committed: its work in progress is done."""
        self._path.unlink(missing_ok=True)
        if self._path.parent.is_dir():
            os.rmdir(self._path.parent)
