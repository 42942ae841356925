"""What the tests of files share: the true bars, refusals, and what a hint says to type."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hfm.errors import HfmError
from tests.fetch.drive import Fetched, fetch, raw, week

OVER = week()
TRUE = replace(raw(OVER), high=raw(OVER).high.round(2), low=raw(OVER).low.round(2))
LATER = datetime(2027, 1, 1, tzinfo=UTC)
PRICES = ["open", "high", "low", "close"]
Write = Callable[[pd.DataFrame, Path], object]
FIRST, LAST, VOLUME = 470.10, 460.97, 73_343.0
"""First and last close and last volume of the bars that most files of the folder of faults hold."""


def same(got: Fetched, symbol: str = "SPY", volume: bool = True) -> bool:
    """Whether the bars of one symbol are exactly the true ones, and nothing was lost."""
    own = np.array(got.bars.column("symbol").to_pylist()) == symbol
    names = ("time", *PRICES, "volume") if volume else ("time", *PRICES)
    return not got.ctx.losses and all(np.array_equal(got.column(n)[own], getattr(TRUE, n)) for n in names)


def typed(hint: str, **settings: Any) -> dict[str, Any]:
    """`settings` with what a hint says to type: a whole command, or options to add; the first of two alternatives."""
    words = shlex.split(hint.split(", or ")[0])
    out = dict(settings)
    if words[:2] == ["hfm", "fetch"]:
        out["symbols"] = (words[2],)
        words = words[3:]
    while words:
        name = words.pop(0)
        if name == "--no-volume":
            out["no_volume"] = True
            continue
        value = words.pop(0)
        if name == "--map":
            role, _, column = value.partition("=")
            out["map"] = {**out.get("map", {}), role: column}
        elif name == "--set":
            key, _, text = value.partition("=")
            out[key.removeprefix("fetch.")] = float(text) if key == "fetch.price_unit" else text
        else:
            out[name.removeprefix("--").replace("-", "_")] = value
    return out


def refused(path: Path, **settings: Any) -> HfmError:
    """The error of a fetch from `path`."""
    with pytest.raises(HfmError) as e:
        fetch(source="file", path=str(path), **settings)
    return e.value


def save(table: pd.DataFrame, path: Path, **how: Any) -> Path:
    """A CSV."""
    table.to_csv(path, index=False, **how)
    return path


def folder(where: Path, **pieces: pd.DataFrame) -> Path:
    """A folder of one CSV a name."""
    where.mkdir()
    for name, table in pieces.items():
        save(table, where / f"{name}.csv")
    return where


def clocked(table: pd.DataFrame, form: str) -> pd.DataFrame:
    """The table with its times by the clock of their zone, in a format of strftime."""
    return table.assign(timestamp=table.timestamp.dt.strftime(form))
