"""Roles without names: taken where the values prove them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hfm.fetch.files.positions import find_positions
from tests.fetch.drive import raw, week

BARS = raw(week())
TIMES = [str(np.datetime64(int(t), "ns").astype("datetime64[s]")).replace("T", " ") for t in BARS.time[:100]]


def find(order: tuple[str, ...], symbol: bool = False) -> tuple[dict[str, int], bool]:
    cells = [TIMES, *([repr(float(x)) for x in getattr(BARS, name)[:100]] for name in order)]
    columns = [pa.chunked_array([c]) for c in ([["SPY"] * 100] if symbol else []) + cells]
    return find_positions(columns, Path("a.csv"), "auto", ",")


def test_time_prices_and_volume_in_the_usual_order_are_proved() -> None:
    """With a symbol in front, or none."""
    usual = ("open", "high", "low", "close", "volume")
    for symbol in (False, True):
        roles, proved = find(usual, symbol)
        assert proved
        assert [roles[role] for role in ("time", *usual)] == [k + symbol for k in range(6)]


@given(st.permutations(("open", "high", "low", "close")))
def test_another_order_is_never_taken_as_proved(order: tuple[str, ...]) -> None:
    """At most it is offered."""
    roles, proved = find((*order, "volume"))
    assert proved is (tuple(order) == ("open", "high", "low", "close"))
    if "open" in roles:
        assert [order[roles[role] - 1] for role in ("open", "high", "low", "close")] == ["open", "high", "low", "close"]
