"""Files that are whole or not there: temp in the same folder, fsync, replace, fsync the folder.

Every OSError of a write becomes a DiskError that names the path; the old file then still stands and no temp is left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from hfm.errors import DiskError

TEMP_MARK = ".hfm-tmp"
CHUNK = 1 << 22
"""Bytes hashed at a time: so long that a thread that hashes seldom waits for the one that runs Python."""


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into DiskError about `path`."""
    try:
        yield
    except OSError as e:
        raise DiskError(
            f"cannot write {path}: {e.strerror or e}",
            hint="free space or change the permissions there, then run the same command again",
        ) from e


def temp_path(path: Path) -> Path:
    """Where the next version of `path` is written before it replaces it."""
    return path.with_name(f".{path.name}.{os.getpid()}{TEMP_MARK}")


def sweep(folder: Path) -> None:
    """Remove what a killed process left half-written below `folder`; only under the folder's lock."""
    if folder.is_dir():
        for path in folder.rglob(f".*{TEMP_MARK}"):
            path.unlink(missing_ok=True)


def fsync(path: Path) -> None:
    """Force a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(temp: Path, path: Path) -> None:
    """Put a finished, synced temp file in the place of `path`, and force the folder's entry to the disk."""
    with disk_errors(path):
        os.replace(temp, path)
        fsync(path.parent)


def write(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, atomically and durably. Raises DiskError; then the old file is untouched."""
    temp = temp_path(path)
    with disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temp.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
    replace(temp, path)


def exists(path: Path) -> bool:
    """Whether something lies at `path`; False too for a path that no file can have (too long, a null byte)."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes. Raises OSError where it cannot be read."""
    digest, room = hashlib.sha256(), memoryview(bytearray(min(CHUNK, max(path.stat().st_size, 1))))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(room):
            digest.update(room[:count])
    return digest.hexdigest()
