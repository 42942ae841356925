"""Payloads are staged beside their place; a checkpoint counts only for its own inputs and settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hfm.commit import Checkpoint, plain, staging
from hfm.run import Run


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


def test_a_checkpoint_of_other_inputs_or_with_a_changed_byte_is_none(tmp_path: Path) -> None:
    """Work in progress is taken up only where it fits exactly."""
    mine, other = Checkpoint(tmp_path / "r", [{"a": "1"}, {}]), Checkpoint(tmp_path / "r", [{"a": "2"}, {}])
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
