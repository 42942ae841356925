"""The look-ahead tests find look-ahead."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hfm.tables import column_array
from hfm.verify import causality
from hfm.verify.in_memory_run import synthetic


def test_a_poisoned_future_differs_and_the_past_does_not() -> None:
    """What the poison claims rest on."""
    bars = synthetic(3, 1).table("fetch/bars.parquet")
    other = causality.poisoned(bars, 100)
    assert causality.equal_rows(bars, other, 100) == 100
    assert causality.equal_rows(bars, other, 101) == 100


def test_a_centred_mean_would_be_found() -> None:
    """A column that looks one row ahead changes before the poison."""
    bars = synthetic(3, 1).table("fetch/bars.parquet")

    def centred(table: pa.Table) -> pa.Table:
        close = column_array(table["close"])
        at = table.schema.get_field_index("close")
        return table.set_column(at, table.schema.field(at), pa.array(np.convolve(close, np.ones(3) / 3, "same")))

    assert causality.equal_rows(centred(bars), centred(causality.poisoned(bars, 100)), 100) < 100
