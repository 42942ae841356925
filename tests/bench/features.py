"""Features, rows a second, against the same columns by pandas rolling windows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from hfm.features import batch
from hfm.tables import Array
from tests.bench.figure import Figure, rate
from tests.quotes import quote_columns

ROWS = 200_000
WINDOWED = (
    "volume_ratio", "momentum", "volatility", "ofi", "rv_3", "rv_12", "rv_78", "gk_3", "gk_12", "gk_78",
    "spread_3", "spread_12", "spread_78",
)  # fmt: skip


def figures() -> Iterator[Figure]:
    """The default group; the windowed features alone, ours against pandas."""
    columns = quote_columns(ROWS, 78, 0)
    frame = pd.DataFrame({name: data for name, data in columns.items() if data.dtype == float})
    yield rate("features default, rows", ROWS, lambda: ours(columns, batch.GROUPS["default"]))
    yield rate(
        "features windowed, rows", ROWS, lambda: ours(columns, WINDOWED), lambda: by_pandas(frame), note="pandas"
    )


def ours(columns: dict[str, Array], names: tuple[str, ...]) -> Array:
    """One pass of the step."""
    return batch.compute(columns, {"SPY": batch.state_new(78, 300.0)}, names)


def by_pandas(q: pd.DataFrame) -> pd.DataFrame:
    """The same thirteen columns as a user of pandas would write them (returns close to close, for simplicity)."""
    r = np.log(q["mid_close"]).diff()
    square, spread = r**2, np.log(q["spread_bps"])
    gk = np.log(0.5 * np.log(q["mid_high"] / q["mid_low"]) ** 2 - 0.386 * np.log(q["mid_close"] / q["mid_open"]) ** 2)
    sd = r.rolling(20).std()
    out = {
        "volume_ratio": np.log(q["volume"] / q["volume"].rolling(20).mean()),
        "momentum": r.rolling(5).sum() / (sd * 5**0.5),
        "volatility": 1e4 * sd,
        "ofi": q["ofi"] / np.sqrt((q["ofi"] ** 2).rolling(78).mean()),
    }
    for window in (3, 12, 78):
        out[f"rv_{window}"] = 0.5 * np.log(square.rolling(window).mean())
        out[f"gk_{window}"] = 0.5 * gk.rolling(window).mean()
        out[f"spread_{window}"] = spread.rolling(window).mean()
    return pd.DataFrame(out)
