"""What the original recipe's network says of the sample that it was fitted on: train/insample.parquet.

Made only where the quotes are of that recipe and the features are its four, and read by nothing but the bridge from its
figures to honest ones.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from hfm import tables
from hfm.config import Train
from hfm.plugins import Float
from hfm.stage import Context
from hfm.tables import Array, Reader

ARTIFACT = "train/insample.parquet"
OWN_SEED = 23
"""The recipe's; the default seed of training stands for it."""
DROPPED = 5
"""Rows at the start without a momentum, which the recipe drops."""
LEAST = 200
"""Fewest rows that it can be fitted on."""
_ROWS = 20
_COLUMNS = ("symbol", "session", "seq", "time", "mid_close", "volume", "spread_bps", "ofi")


def asked(quotes: Reader, options: Train) -> bool:
    """Whether this is a run of the original recipe: its spread, its features."""
    return quotes.meta.recipe == "seed" and options.features == "seed"


def table(quotes: Reader, options: Train, ctx: Context) -> pa.Table | None:
    """The table; None, with a warning, where the quotes are of several symbols or too few rows."""
    data = tables.arrays(quotes.read(_COLUMNS), _COLUMNS)
    n = len(data["seq"])
    if len(np.unique(data["symbol"].astype(str))) != 1 or n < LEAST:
        ctx.warn(f"no bridge from the original recipe's figures: it takes one symbol and {LEAST} rows")
        return None
    from hfm.recipe import original_network  # imports torch

    spread = data["spread_bps"]
    seed = OWN_SEED if options.seed == Train().seed else options.seed
    found = original_network.said(
        features(data)[DROPPED:], spread[DROPPED:], seed, options.threads,
        lambda epoch: ctx.progress("original recipe", epoch, original_network.EPOCHS),
    )  # fmt: skip
    p = np.concatenate((np.full(DROPPED, np.nan), found.p_widen))
    widens = np.append(np.diff(spread) > 0, False).astype(np.int8)
    known = np.arange(n) < n - 1
    columns: dict[str, object] = {name: data[name] for name in ("symbol", "session", "seq", "time")}
    columns |= {
        "p_widen": p, "y_widen": tables.fixed(widens, known), "fitted": np.arange(n) < DROPPED + found.split,
    }  # fmt: skip
    return tables.build(tables.INSAMPLE, columns, quotes.meta, "estimated")


def features(data: dict[str, Array]) -> Float:
    """The recipe's four [n, 4]: volume over its mean of 20 rows, return of 5 rows, volatility of 20, OFI in shares.

    NaN where there is no such return yet (volatility: 2 rows; momentum: 5). From close to close, nights included.
    """
    close, volume = data["mid_close"], data["volume"]
    n = len(close)
    moves = np.append(np.nan, close[1:] / close[:-1] - 1.0)
    back = np.lib.stride_tricks.sliding_window_view(np.concatenate((np.full(_ROWS - 1, np.nan), moves)), _ROWS)
    volatility = np.full(n, np.nan)
    volatility[2:] = np.nanstd(back[2:], axis=1, ddof=1)
    behind = np.lib.stride_tricks.sliding_window_view(np.concatenate((np.full(_ROWS - 1, np.nan), volume)), _ROWS)
    mean = np.nanmean(behind, axis=1)
    ratio = np.divide(volume, mean, out=np.ones(n), where=mean > 0)
    momentum = np.full(n, np.nan)
    momentum[5:] = close[5:] / close[:-5] - 1.0
    return np.column_stack([ratio, momentum, volatility, data["ofi"]])
