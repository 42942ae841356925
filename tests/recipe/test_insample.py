"""insample.parquet: the original recipe's features, and when it is made at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config, Train
from hfm.recipe import insample, original_network
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table
from tests.simulate.test_stage import simulate
from tests.train.test_acceptance import spy
from tests.train.test_stage import train

SEED = Train(features="seed")


def quotes(**shape: object) -> pa.Table:
    """Quotes of the recipe around 12 sessions of bars."""
    return simulate(bar_table(12, **shape), recipe="seed")[0]  # type: ignore[arg-type]  # the fields of bar_table


def test_the_features_are_those_of_a_data_frame() -> None:
    """Volume ratio, momentum, volatility and OFI as pandas has them, from the row on at which each is known."""
    data = tables.arrays(quotes())
    close, volume = pd.Series(data["mid_close"]), pd.Series(data["volume"])
    wanted = np.column_stack([
        volume / volume.rolling(20, min_periods=1).mean(), close.pct_change(periods=5),
        close.pct_change().rolling(20, min_periods=1).std(), np.where(close.diff() > 0, 0.6, -0.4) * volume,
    ])  # fmt: skip
    np.testing.assert_allclose(insample.features(data), wanted, rtol=1e-9, atol=1e-15)


def test_bars_without_volume_have_a_ratio_of_one() -> None:
    """No trade in twenty rows: nothing is divided by nothing."""
    data = tables.arrays(quotes()) | {"volume": np.zeros(12 * 78)}
    assert (insample.features(data)[:, 0] == 1.0).all()


@pytest.mark.parametrize(("recipe", "features", "made"), [
    ("seed", "seed", True), ("seed", "default", False), ("calibrated", "seed", False),
])  # fmt: skip
def test_it_is_made_for_the_recipe_with_its_features_alone(recipe: str, features: str, made: bool) -> None:
    """Any other run has no such artifact."""
    reader = MemoryReader(simulate(bar_table(2), recipe=recipe)[0])
    assert insample.is_original(reader, Train(features=features)) is made  # type: ignore[arg-type]  # one of three


@pytest.mark.parametrize("shape", [{"symbols": ("QQQ", "SPY")}, {"slots": 10}])
def test_several_symbols_or_too_few_rows_are_said_and_left_out(shape: dict[str, object]) -> None:
    """The recipe is of one symbol, and needs rows to train on."""
    ctx = Context("train")
    assert insample.table(MemoryReader(quotes(**shape)), SEED, ctx) is None
    assert "one symbol" in ctx.warnings[0]


def test_the_stage_writes_it_with_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each quote; the label is the next spread's direction; four fifths are fitted."""
    monkeypatch.setattr(original_network, "EPOCHS", 1)
    made = simulate(bar_table(21, slots=13), recipe="seed")[0]
    found, _ = train(made, Config(train=Train(features="seed", model="logistic")))
    data, spread = tables.arrays(found[insample.ARTIFACT]), tables.arrays(made)["spread_bps"]
    assert np.isnan(data["p_widen"][:25]).all()
    assert np.isfinite(data["p_widen"][25:]).all()
    np.testing.assert_array_equal(data["y_widen"][:-1], np.diff(spread) > 0)
    assert data["y_widen"][-1] == -1
    assert data["fitted"].sum() == 5 + int((21 * 13 - 6) * 0.8)


@pytest.mark.slow
def test_on_thirty_real_sessions_it_prints_what_the_recipe_prints(real: Path) -> None:
    """The last thirty: 51.90 % of its spread's direction (larger class 50.34 %), from a rerun of the recipe itself."""
    made = insample.table(MemoryReader(spy(real, 30, "seed")), SEED, Context("train"))
    assert made is not None
    data = tables.arrays(made)
    judged = np.flatnonzero(~data["fitted"].astype(bool))[20:-1]
    widens = data["y_widen"][judged] == 1
    assert len(judged) == 447
    assert max(widens.mean(), 1 - widens.mean()) == pytest.approx(0.5034, abs=5e-5)
    assert ((data["p_widen"][judged] > 0.5) == widens).mean() == pytest.approx(0.5190, abs=0.0046)
