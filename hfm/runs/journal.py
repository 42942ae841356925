r"""The run's diary: one JSON line an event, each holding the SHA-256 of the raw line before it.

The chain is taken over raw bytes split on b"\n": parse-and-reserialise would miss a changed space. The manifest keeps
the head and the count; lines after that head are valid if they chain, since a crash between the two writes is no
tampering. A torn last line (no newline) after the head is such a crash too, and is cut off before the next event.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hfm.atomic import disk_errors
from hfm.errors import DataError

START = "0" * 64


def link(line: bytes) -> str:
    """What the next line must hold as its `prev`."""
    return hashlib.sha256(line).hexdigest()


def read(path: Path) -> list[bytes]:
    """Whole raw lines, without their newline; a torn last line is left out."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def fault(lines: Sequence[bytes], head: str, count: int) -> str | None:
    """Why the journal's chain does not hold.

    Parameters
    ----------
    lines
        The journal's, without their newlines.
    head, count
        SHA-256 of the chain's last line, and its lines, as the manifest has them; more may follow.

    Returns
    -------
    str | None
        A sentence with the number of the line, from 1; None where the chain holds.
    """
    prev = START
    for number, line in enumerate(lines, 1):
        try:
            body = json.loads(line)
        except ValueError:
            return f"line {number} is not JSON"
        if not isinstance(body, dict) or body.get("prev") != prev:
            return f"line {number} does not follow from line {number - 1}"
        prev = link(line)
        if number == count and prev != head:
            return f"line {number} is not the one that the manifest knows"
    if len(lines) < count:
        return f"{count - len(lines)} of {count} lines are missing"
    return None


def append(path: Path, head: str, count: int, events: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
    """Add events to the journal, durably.

    Parameters
    ----------
    path : of the journal; it need not exist.
    head, count : SHA-256 of the chain's last line, and its lines, as the manifest has them.
    events : JSON objects.

    Returns
    -------
    (head, count) : the new ones.

    Raises
    ------
    DataError
        Where the lines that stand there do not chain.
    DiskError
        Where it cannot be written.
    """
    lines = read(path)
    why = fault(lines, head, count)
    if why is not None:
        raise DataError(
            f"{path} was changed: {why}",
            why="its lines are chained by SHA-256",
            hint="keep the folder as evidence, and fetch into a new run",
        )
    prev = link(lines[-1]) if lines else START
    fresh = []
    for event in events:
        fresh.append(json.dumps({**event, "prev": prev}, sort_keys=True, allow_nan=False).encode())
        prev = link(fresh[-1])
    with disk_errors(path), path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(sum(len(line) + 1 for line in lines))
        file.truncate()
        file.write(b"".join(line + b"\n" for line in fresh))
        file.flush()
        os.fsync(file.fileno())
    return prev, len(lines) + len(fresh)


def events(path: Path, kind: str) -> Iterator[dict[str, Any]]:
    """Parsed events of one kind, in order; lines that are not JSON are passed over (verify reports them)."""
    needle = f'"{kind}"'.encode()
    for line in read(path):
        if needle in line:
            try:
                body = json.loads(line)
            except ValueError:
                continue
            if isinstance(body, dict) and body.get("event") == kind:
                yield body
