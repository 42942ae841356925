"""A file is the old one or the new one; a failed write says where and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hfm import atomic
from hfm.errors import DiskError, ExitCode


def test_a_write_replaces_the_whole_file(tmp_path: Path) -> None:
    """The new bytes, and no temp beside them."""
    path = tmp_path / "deep" / "a.bin"
    atomic.write(path, b"one")
    atomic.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_temp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """ENOSPC at the sync or at the swap: exit 10, the path, the old bytes."""
    path = tmp_path / "a.bin"
    atomic.write(path, b"one")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(DiskError, match=r"a\.bin") as caught:
        atomic.write(path, b"two")
    monkeypatch.undo()
    assert caught.value.code == ExitCode.DISK
    assert path.read_bytes() == b"one"
    atomic.sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_sweeping_takes_temps_only(tmp_path: Path) -> None:
    """What a killed process left goes; what looks like the user's stays."""
    (tmp_path / "sub").mkdir()
    atomic.temp_path(tmp_path / "sub" / "a.parquet").write_bytes(b"half")
    (tmp_path / ".hidden").write_bytes(b"mine")
    atomic.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".hidden", "sub"]


def test_nothing_lies_at_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    """Too long for the system, or with a null byte in it: not there, and no error."""
    assert atomic.exists(tmp_path)
    assert not atomic.exists(tmp_path / "none")
    assert not atomic.exists(tmp_path / ("x" * 10_000))
    assert not atomic.exists(Path("a\0b"))
