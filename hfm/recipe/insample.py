"""The original recipe's forecasts of the sample that its network was fitted on: train/insample.parquet.

Made only where the quotes are of that recipe and the features are its four, and read by nothing but the reconciliation
of its figures with honest ones. The train stage finds `products` in the registry.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from hfm import artifacts, tables
from hfm.config import Train
from hfm.plugins import Float
from hfm.stage import Context, Product
from hfm.tables import Array, Reader

ARTIFACT = artifacts.INSAMPLE
RECIPE_SEED = 23
"""The recipe's; the default seed of training stands for it."""
DROPPED = 5
"""Rows at the start without a momentum, which the recipe drops."""
FEWEST_ROWS = 200
"""Fewest rows that it can be fitted on."""
_ROWS = 20
_COLUMNS = ("symbol", "session", "seq", "time", "mid_close", "volume", "spread_bps", "ofi")


def is_original(quotes: Reader, options: Train) -> bool:
    """Whether this is a run of the original recipe: its spread, its features."""
    return quotes.meta.recipe == "seed" and options.features == "seed"


def products(quotes: Reader, options: Train, ctx: Context) -> Iterator[Product]:
    """The table as a product of the train stage, where this is a run of the original recipe; else nothing.

    Parameters
    ----------
    quotes : Reader
        The quotes table.
    options : Train
        The stage's settings.
    ctx : Context
        Of the stage; warned where the table cannot be made.

    Yields
    ------
    (artifact, table)
    """
    if is_original(quotes, options) and (made := table(quotes, options, ctx)) is not None:
        yield ARTIFACT, made


def table(quotes: Reader, options: Train, ctx: Context) -> pa.Table | None:
    """The recipe's forecasts of its own sample.

    Parameters
    ----------
    quotes
        The quotes table.
    options
        Of training: seed and threads.
    ctx
        Warned where there is no table; hears of each epoch.

    Returns
    -------
    pa.Table | None
        tables.INSAMPLE, a row for each of the quotes; None where they are of several symbols or too few rows.
    """
    data = tables.arrays(quotes.read(_COLUMNS), _COLUMNS)
    n = len(data["seq"])
    if len(np.unique(data["symbol"].astype(str))) != 1 or n < FEWEST_ROWS:
        ctx.warn(f"no bridge from the original recipe's figures: it takes one symbol and {FEWEST_ROWS} rows")
        return None
    from hfm.recipe import original_network  # imports torch

    spread = data["spread_bps"]
    seed = RECIPE_SEED if options.seed == Train().seed else options.seed
    found = original_network.in_sample_forecast(
        features(data)[DROPPED:], spread[DROPPED:], seed, options.threads,
        lambda epoch: ctx.progress("original recipe", epoch, original_network.EPOCHS),
    )  # fmt: skip
    p = np.concatenate((np.full(DROPPED, np.nan), found.p_widen))
    widens = np.append(np.diff(spread) > 0, False).astype(np.int8)
    has_next = np.arange(n) < n - 1
    columns: dict[str, object] = {name: data[name] for name in ("symbol", "session", "seq", "time")}
    columns |= {
        "p_widen": p, "y_widen": tables.fixed(widens, has_next), "fitted": np.arange(n) < DROPPED + found.split,
    }  # fmt: skip
    return tables.build(tables.INSAMPLE, columns, quotes.meta, "estimated")


def features(data: dict[str, Array]) -> Float:
    """The recipe's four features, from close to close, nights included.

    Parameters
    ----------
    data
        Columns of the quotes of one symbol, [n] each.

    Returns
    -------
    Float
        [n, 4]: volume over its mean of 20 rows, return of 5 rows, volatility of 20, OFI in shares. NaN where there is
        no such return yet (volatility: 2 rows; momentum: 5).
    """
    close, volume = data["mid_close"], data["volume"]
    n = len(close)
    returns = np.append(np.nan, close[1:] / close[:-1] - 1.0)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate((np.full(_ROWS - 1, np.nan), returns)), _ROWS)
    volatility = np.full(n, np.nan)
    volatility[2:] = np.nanstd(windows[2:], axis=1, ddof=1)
    volumes = np.lib.stride_tricks.sliding_window_view(np.concatenate((np.full(_ROWS - 1, np.nan), volume)), _ROWS)
    mean = np.nanmean(volumes, axis=1)
    ratio = np.divide(volume, mean, out=np.ones(n), where=mean > 0)
    momentum = np.full(n, np.nan)
    momentum[5:] = close[5:] / close[:-5] - 1.0
    return np.column_stack([ratio, momentum, volatility, data["ofi"]])
