"""Files in every dialect that vendors, spreadsheets and libraries write: the bars, or a refusal; never other bars."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfm.errors import HfmError
from tests.fetch.drive import fetch, frame, raw, week
from tests.fetch.faults.writer import CHOICES, shown, write

OVER = week()
AMBIGUOUS = ("thousands or decimals", "columns, most have", "no header", "header names")
"""What a refusal of the writer's files may say: marks of one reading too many, torn lines, no names."""


def bars(scale: float, symbols: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Clean bars of each symbol, prices around 100 times `scale` with two decimals, volumes of all sizes."""
    out = {}
    for k, symbol in enumerate(symbols):
        table = frame(raw(OVER, k + 1))
        prices = ["open", "high", "low", "close"]
        table[prices] = (table[prices] * scale * (k + 1)).round(2 if scale >= 1 else 5)
        table["high"], table["low"] = table[prices].max(axis=1), table[prices].min(axis=1)
        noise = np.random.default_rng(k).integers(1, 40, len(table))
        out[symbol] = table.assign(volume=(table.volume * noise).round(0) + 7)
    return out


def unequal(path: Path, asked: dict[str, Any], truth: dict[str, pd.DataFrame], choices: dict[str, str]) -> str:
    """What is wrong with the bars that fetch gives; empty where they are true. Raises the HfmError of a refusal."""
    got = fetch(**asked)
    names = shown(truth, **choices)
    if got.meta["symbols"] != sorted(names):
        return f"symbols {got.meta['symbols']}"
    if got.ctx.losses:
        return f"losses {got.ctx.losses}"
    owner = np.array(got.bars.column("symbol").to_pylist())
    for symbol in names:
        for role in ("open", "high", "low", "close", "volume"):
            true = truth[symbol][role].to_numpy(float)
            if role == "volume" and choices.get("volume", "real") in ("unknown", "absent", "beside"):
                true = np.zeros(len(true))
            found = got.column(role)[owner == symbol]
            if len(found) != len(true) or not np.allclose(found, true, rtol=1e-9, atol=0):
                return f"{role} of {symbol}"
        if not np.array_equal(got.column("time")[owner == symbol], raw(OVER).time):
            return f"time of {symbol}"
    return ""


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    choices=st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in CHOICES.items()}),
    scale=st.sampled_from([1.0, 0.01, 37.5, 420.0]),
)
def test_a_file_of_any_dialect_gives_the_true_bars_or_is_refused(choices: dict[str, str], scale: float) -> None:
    """Delimiters, decimals, thousands, headers, encodings, line ends, layouts: exit 0 only with the true bars."""
    truth = bars(scale, ("BTC/USDT", "NA") if choices.get("layout") == "slashes" else ("SPY", "QQQ"))
    folder = Path(tempfile.mkdtemp())
    try:
        path, asked = write(truth, folder, **choices)
        assert not unequal(path, asked, truth, choices)
    except HfmError as e:
        assert any(text in e.what for text in AMBIGUOUS), e.lines()
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in CHOICES.items() for value in values])
def test_one_dialect_at_a_time_is_read(tmp_path: Path, name: str, value: str) -> None:
    """Each choice alone, the rest as plain as can be: the true bars."""
    choices = {name: value} | ({"delimiter": ";"} if name in ("decimal", "thousands") else {})
    truth = bars(1.0, ("SPY", "QQQ"))
    path, asked = write(truth, tmp_path, **choices)
    assert not unequal(path, asked, truth, choices)
