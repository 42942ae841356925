"""A fit on its way survives as bytes."""

from __future__ import annotations

import numpy as np
import torch

from hfm.models.networks import saved_fit
from hfm.stage import Context


class Kept:
    """A checkpoint that holds some bytes."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data

    def save(self, data: bytes) -> None:
        """Keep them."""
        self.data = data

    def load(self) -> bytes | None:
        """What was kept."""
        return self.data


def test_what_is_loaded_is_what_was_dumped() -> None:
    """Two networks that are done, whose names have slashes, and one in progress."""
    done = [
        {"seed0/l0/ih": np.arange(6.0).reshape(2, 3), "history/seed0": np.ones((1, 4))},
        {"seed1/head/b": np.ones(5)},
    ]
    current = {"net/cell.weight": torch.arange(4.0), "at": torch.tensor(3)}
    found = saved_fit.load(Context("train", checkpoint=Kept(saved_fit.dump(done, current)), resume=True))
    assert [sorted(part) for part in found.done] == [sorted(part) for part in done]
    for part, want in zip(found.done, done, strict=True):
        for name, value in want.items():
            np.testing.assert_array_equal(part[name], value)
    assert found.current is not None
    assert {name: value.tolist() for name, value in found.current.items()} == {
        name: value.tolist() for name, value in current.items()
    }


def test_without_resume_or_a_checkpoint_there_is_nothing() -> None:
    """Nor of one that was never saved to."""
    for ctx in (Context("train"), Context("train", checkpoint=Kept(b"x")),
                Context("train", checkpoint=Kept(None), resume=True)):  # fmt: skip
        assert saved_fit.load(ctx) == saved_fit.SavedFit([], None)
