"""Each model and source that looks ahead does so by itself; the plain one beside it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hfm.artifacts import QUOTES
from hfm.config import Train
from hfm.fetch.sources.synthetic import Synthetic
from hfm.models.linear.floors import Logistic
from hfm.plugins import Arrays, BarRequest, Panel
from hfm.raw_data import RawBars
from hfm.stage import Context
from hfm.tables import MemoryReader
from hfm.train import training_panel
from hfm.verify.leaks import leaky_models
from tests.verify.lookahead.market import market

PEEKS = ("LateLabel", "LastRow", "FirstRow", "FirstSymbol", "OneWeekday", "FinalVolatility", "AllScaler", "Centred",
         "NextOpen", "TargetCoded")  # fmt: skip
ALTERED = ("BackAdjusted", "Revised", "Dated", "SharedVolume", "FinalRange", "Cached")
LATER = datetime(2026, 3, 6, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def panel() -> Panel:
    """All rows of the small market."""
    reader = MemoryReader(market().table(QUOTES))
    return training_panel.read(reader, training_panel.task(reader.meta, Train(model="logistic"))).panel


@pytest.fixture(scope="module")
def fitted(panel: Panel) -> Arrays:
    """The logistic floor on the first sessions."""
    return Logistic().fit(panel.of_sessions(0, 12), panel.of_sessions(12, 16), Train(), Context("train"))


def other_future(panel: Panel) -> tuple[Panel, np.ndarray]:
    """The panel with the second half of every sequence another, and [n] which rows stay; labels known only later go."""
    place = np.arange(len(panel.slot)) - np.repeat(panel.start[:-1], np.diff(panel.start))
    stay = place < 6
    turned = {"x": np.where(stay[:, None], panel.x, -1.5 * panel.x - 0.1), "up": np.where(place < 5, panel.up, np.nan)}
    return replace(panel, **turned), stay


def test_the_plain_model_says_the_same_of_rows_whose_future_is_another(panel: Panel, fitted: Arrays) -> None:
    """What the leaks are measured against."""
    other, stay = other_future(panel)
    one, two = (Logistic().predict(fitted, p) for p in (panel, other))
    np.testing.assert_array_equal(one[stay], two[stay])
    assert (one[~stay] != two[~stay]).any()


@pytest.mark.parametrize("name", [n for n in PEEKS if n not in ("LastRow", "FirstRow", "NextOpen")])
def test_a_model_that_peeks_says_something_else(name: str, panel: Panel, fitted: Arrays) -> None:
    """Of the rows whose own past is the same, in the direction's head alone."""
    other, stay = other_future(panel)
    model = getattr(leaky_models, name)()
    one, two = (model.predict(fitted, p)[stay] for p in (panel, other))
    assert (one[:, 0] != two[:, 0]).any()
    np.testing.assert_array_equal(one[:, 1:], two[:, 1:])


@pytest.mark.parametrize(("name", "slot"), [("LastRow", -2), ("FirstRow", 0), ("NextOpen", -1)])
def test_some_peek_in_one_row_of_each_session_alone(name: str, slot: int, panel: Panel, fitted: Arrays) -> None:
    """Everywhere else they are the plain logistic: who compares a few rows does not find them."""
    model = getattr(leaky_models, name)()
    one, two = (each.predict(fitted, panel)[:, 0] for each in (model, Logistic()))
    moved = (one != two) & np.isfinite(one)
    assert set(panel.slot[moved].tolist()) == {slot % panel.slots}


@pytest.mark.parametrize("name", ["WideScaler", "WideRate", "FarSeeing", "LastFold"])
def test_a_fit_that_peeks_gives_other_arrays(name: str, panel: Panel) -> None:
    """With other validation rows, or other rows behind the arrays; the last fold's leak only in the last fold."""
    model = getattr(leaky_models, name)()
    train, valid = panel.of_sessions(0, 12), panel.of_sessions(12, 16)
    copy = replace(train, ret_bps=train.ret_bps.copy())
    if name.startswith("Wide"):
        one, two = (model.fit(train, v, Train(), Context("train")) for v in (valid, panel.of_sessions(17, 21)))
    else:
        one, two = (model.fit(t, valid, Train(), Context("train fold 2")) for t in (train, copy))
    key = "floor/centre" if name == "WideScaler" else "floor/direction"
    assert (one[key] != two[key]).any()
    if name == "LastFold":
        same = [model.fit(t, valid, Train(), Context("train fold 0"))[key] for t in (train, copy)]
        np.testing.assert_array_equal(same[0], same[1])


def bars(source: type[Synthetic], as_of: datetime) -> RawBars:
    """What a source gives of SPY at a moment."""
    request = BarRequest(("SPY",), interval_s=1800, calendar="XNYS", as_of=as_of, sessions=5)
    ((_, raw),) = source().fetch(request, Context("fetch", seed=3, as_of=as_of))
    assert isinstance(raw, RawBars)
    return raw


@pytest.mark.parametrize("name", ["Synthetic", *ALTERED])
def test_a_source_that_looks_ahead_gives_other_bars_of_the_same_time(name: str) -> None:
    """Three hours earlier, in the same session; the source that they all come from gives the same ones."""
    leaky_models.held.clear()
    source = Synthetic if name == "Synthetic" else getattr(leaky_models, name)
    earlier = bars(source, LATER - timedelta(hours=4))
    if name == "Dated":
        earlier = bars(source, LATER - timedelta(days=1))
    now = bars(source, LATER)
    both = np.intersect1d(earlier.time, now.time)
    assert len(both) > 20
    same = all(
        np.array_equal(getattr(earlier, field)[np.isin(earlier.time, both)],
                       getattr(now, field)[np.isin(now.time, both)])
        for field in ("open", "high", "low", "close", "volume")
    )  # fmt: skip
    leaky_models.held.clear()
    assert same is (name == "Synthetic")
