"""Each honest plug-in answers about a row by that row and what came before: in any company, with any future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.config import Train
from hfm.plugins import ROWS, Panel, Signals
from hfm.raw_data import RawBars
from hfm.stage import Context
from hfm.verify.leaks import honest_plugins
from hfm.verify.leaks.honest_plugins import MODELS, POLICIES, SOURCES
from tests.verify.leaks.test_leaky_models import LATER, bars, panel

__all__ = ["panel"]  # the fixture


def drawn(n: int) -> Signals:
    """Rows of every kind, some without a forecast of the return's size."""
    rng = np.random.default_rng(5)
    size = np.where(rng.random(n) < 0.1, np.nan, rng.uniform(1, 40, n))
    return Signals(rng.uniform(0.3, 0.7, n), rng.random(n), size, rng.uniform(0.5, 6, n))


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_decides_row_by_row(name: str) -> None:
    """In another order, and alone, each row gets what it got."""
    policy, rows = getattr(honest_plugins, name)(), drawn(80)
    complete = policy.weights(rows)
    assert complete.dtype == np.int8
    assert set(np.unique(complete)) <= {-1, 0, 1}
    order = np.random.default_rng(6).permutation(80)
    for picked in (order, order[:1], np.sort(order[:30])):
        some = Signals(*(getattr(rows, field)[picked] for field in ("p_up", "conf_rank", "ret_sd_bps", "cost_bps")))
        np.testing.assert_array_equal(policy.weights(some), complete[picked])


def shortened(panel: Panel, length: int) -> tuple[Panel, np.ndarray]:
    """The first `length` rows of each sequence, the last of them without its label; and which rows these are."""
    rows = np.concatenate(
        [np.arange(a, min(a + length, b)) for a, b in zip(panel.start, panel.start[1:], strict=False)]
    )
    cut = {name: getattr(panel, name)[rows] for name in ROWS if getattr(panel, name) is not None}
    counts = np.minimum(np.diff(panel.start), length)
    start = np.concatenate([[0], np.cumsum(counts)])
    cut["up"] = cut["up"].copy()
    cut["up"][start[1:] - 1] = np.nan
    return replace(panel, **cut, start=start), rows


@pytest.mark.parametrize("name", MODELS)
def test_a_model_says_the_same_where_every_session_ends_early(name: str, panel: Panel) -> None:
    """Heads of the rows that are left, bit for bit; the fit is the same twice."""
    model = getattr(honest_plugins, name)()
    train, valid = panel.of_sessions(0, 12), panel.of_sessions(12, 16)
    arrays, again = (model.fit(train, valid, Train(), Context("train", seed=3)) for _ in range(2))
    assert {key: value.tolist() for key, value in arrays.items()} == {k: v.tolist() for k, v in again.items()}
    short, rows = shortened(panel, 7)
    np.testing.assert_array_equal(model.predict(arrays, short), model.predict(arrays, panel)[rows])


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_gives_the_same_bars_where_the_later_ones_are_not_there_yet(name: str) -> None:
    """The rule on the first half of the bars, and on all of them."""
    raw = bars(honest_plugins.as_is, LATER)
    order = np.argsort(raw.time)
    half = order[: len(order) // 2]
    early = RawBars(*(getattr(raw, field)[half] for field in ("time", "open", "high", "low", "close", "volume")))
    one, two = SOURCES[name](early), SOURCES[name](raw)
    kept = np.isin(two.time, early.time)
    for field in ("time", "open", "high", "low", "close", "volume"):
        a, b = np.sort(getattr(one, field)), np.sort(getattr(two, field)[kept])
        np.testing.assert_array_equal(a, b)
    assert len(one.time)


def test_an_unknown_name_is_no_plug_in() -> None:
    """The classes are made on demand, of names in the three tables alone."""
    assert honest_plugins.coin.__name__ == "coin"
    with pytest.raises(AttributeError, match="nobody"):
        _ = honest_plugins.nobody
