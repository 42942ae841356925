"""Payloads are staged beside their place; a checkpoint counts only for its own inputs and settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.runs import staging as commit
from hfm.runs.manifest import Run
from hfm.runs.staging import ResumeFile, plain, staging
from tests import toy


def test_nothing_is_in_place_before_all_is_whole(tmp_path: Path) -> None:
    """The old file stands until swap_in; a failure sweeps the temps away."""
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(RuntimeError), staging(Run(tmp_path)) as staged:
        staged.take("a.json", {"x": 1})
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    with staging(Run(tmp_path)) as staged:
        staged.take("a.json", {"x": np.int64(1)})
        staged.close(["a.json"], [])
        assert (tmp_path / "a.json").read_text() == "old"
        known = staged.swap_in()
    assert (tmp_path / "a.json").read_bytes() == b'{\n "x": 1\n}\n'
    assert known["a.json"].bytes == 12


def test_a_fault_in_writing_beside_the_stage_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    """Whether the stage has more to give or not: rows out of order are found, and no file is left."""
    good = toy.bars()
    for more in (0, 3):
        with pytest.raises(DataError, match="sorts before"), staging(Run(tmp_path)) as staged:
            for group in [good, *[good] * (1 + more)]:
                staged.take("bars.parquet", group)
            staged.close(["bars.parquet"], [])
        assert not list(tmp_path.iterdir())


def test_little_waits_to_be_written_however_fast_a_stage_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small payloads up to AHEAD bytes in their order; a large one is on disk when `take` returns."""
    monkeypatch.setattr(commit, "AHEAD", 100)
    with staging(Run(tmp_path)) as staged:
        for i in range(50):
            staged.take("a.bin", bytes([i]) * 30)
            assert sum(size for _, size in staged._waiting) <= 100
        staged.take("b.bin", bytes(1_000))
        assert {"a.bin", "b.bin"} <= set(staged.done)
        staged.close(["a.bin", "b.bin"], [])
        staged.swap_in()
    assert (tmp_path / "a.bin").read_bytes() == bytes([49]) * 30


def test_a_checkpoint_of_other_inputs_or_with_a_changed_byte_is_none(tmp_path: Path) -> None:
    """Work in progress is taken up only where it fits exactly."""
    mine, other = ResumeFile(tmp_path / "r", [{"a": "1"}, {}]), ResumeFile(tmp_path / "r", [{"a": "2"}, {}])
    assert mine.load() is None
    mine.save(b"half way")
    assert mine.load() == b"half way"
    assert other.load() is None
    path = tmp_path / "r" / "checkpoint"
    raw = path.read_bytes()
    for i in range(len(raw)):
        path.write_bytes(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :])
        assert mine.load() is None
    mine.remove()
    assert not (tmp_path / "r").exists()


def test_plain_values_are_json() -> None:
    """NumPy scalars become numbers, NaN and infinities null, tuples lists."""
    assert plain({"a": np.float64(1.5), "b": (np.int8(1), float("inf"), "x"), 3: None}) == {
        "a": 1.5, "b": [1, None, "x"], "3": None,
    }  # fmt: skip
