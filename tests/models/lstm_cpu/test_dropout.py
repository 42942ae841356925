"""The masks' law."""

from __future__ import annotations

import numpy as np
import pytest

from hfm.models.lstm_cpu import dropout


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_masks_keep_what_they_should_and_their_mean_is_one(share: float) -> None:
    """Zeros in their share, the rest scaled; neighbours and seeds independent; the same seed, the same mask."""
    out, again, other = (np.empty(100_003, np.float32) for _ in range(3))
    for seed, where in ((1, out), (1, again), (2, other)):
        dropout.dropout_mask(seed, share, where)
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / (1 - share))}
    error = np.sqrt(share * (1 - share) / len(out))
    assert abs((out == 0).mean() - share) < 4 * error
    np.testing.assert_array_equal(out, again)
    for one, two in ((out, other), (out[1:], out[:-1]), (out[4:], out[:-4])):
        assert abs(((one == 0) & (two == 0)).mean() - share**2) < 4 * error


def test_a_mask_of_a_length_that_four_does_not_divide_is_filled_to_its_end() -> None:
    """Its first elements are those of a longer one."""
    short, long = np.full(7, np.nan, np.float32), np.empty(8, np.float32)
    dropout.dropout_mask(3, 0.4, short)
    dropout.dropout_mask(3, 0.4, long)
    np.testing.assert_array_equal(short, long[:7])
