"""The planted markets are planted."""

from __future__ import annotations

from hfm.tables import header
from hfm.verify.planted_edge import market


def test_a_planted_market_says_what_was_planted() -> None:
    """In the table that every later stage reads."""
    meta = header(market(2, 0.3, 5).table("simulate/quotes.parquet").schema)["meta"]
    assert (meta["signal"], meta["rho"], meta["synthetic"]) == ("planted", 0.3, True)
