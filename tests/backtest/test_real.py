"""Real markets: how few bars are forecast with confidence, and what crossing or waiting costs in an order book."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hfm.backtest import metric_inputs
from hfm.config import Config, Fetch
from hfm.fetch import stage as fetch
from hfm.simulate import stage as simulate
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.backtest import market
from tests.live.test_real import hour_of_amzn
from tests.train.market import small
from tests.train.test_stage import train

NOW = datetime(2025, 4, 2, tzinfo=UTC)


@cache
def year(real: Path) -> tuple[pa.Table, pa.Table]:
    """Quotes and predictions of 255 sessions of SPY; the logistic model's, which a minute does not make wait for."""
    path = str(real / "bars" / "spy_5m_2024-03_2025-04.parquet")
    config = Config(fetch=Fetch(symbols=("SPY",), source="file", path=path))
    bars = pa.concat_tables([p for _, p in fetch.run({}, config, Context("fetch", as_of=NOW))]).unify_dictionaries()
    made = simulate.run({"fetch/bars.parquet": MemoryReader(bars)}, config, Context("simulate", seed=7))
    quotes = pa.concat_tables([p for name, p in made if name == "simulate/quotes.parquet"]).unify_dictionaries()
    found, _ = train(quotes, small(model="logistic"))
    return quotes, found["train/predictions.parquet"]


def traded(tables: tuple[pa.Table, pa.Table], **settings: Any) -> dict[str, Any]:  # Any: JSON
    metrics: dict[str, Any] = market.run(*tables, model="logistic", **settings)[0]["metrics"]
    return metrics


@pytest.mark.slow
def test_few_bars_of_a_real_year_pass_a_threshold_of_six_tenths(real: Path) -> None:
    """It says how few, the largest P, and the quantile thresholds that more pass."""
    doc = traded(year(real), threshold="0.6")
    rows, seen = (next(t["rows"] for t in doc["thresholds"] if t["trial"] == "p0.6"), doc["span"]["predicted"])
    assert seen > 10_000
    assert rows < 0.02 * seen
    text = " ".join(doc["messages"])
    assert f"threshold 0.6: {rows:,} of {seen:,} rows give a signal" in text
    assert "the largest P(up) is" in text
    assert "these would trade more: --threshold q97.5 (" in text


@pytest.mark.slow
@pytest.mark.parametrize("threshold", ["q90", "cost"])
def test_quantile_and_cost_thresholds_of_a_real_year_have_their_whole_sheet(real: Path, threshold: str) -> None:
    """Trades with an interval on each figure that can have one, the break-even cost beside the assumed one, delays."""
    free = {"fee_bps": 0.0, "impact": 0.0} if threshold == "cost" else {}  # at full cost it trades next to nothing
    doc = traded(year(real), threshold=threshold, **free)
    sheet = doc["metrics"]
    assert sheet["trips"]["value"] > 300
    whole = ("return_net", "sharpe", "accuracy_direction", "accuracy_traded", "hit_rate", "break_even_cost_bps")
    for name in whole:
        assert sheet[name]["lo"] < sheet[name]["value"] < sheet[name]["hi"], name
    assert math.isfinite(sheet["break_even_cost_bps"]["floor"])
    assert any("for its trading" in text for text in doc["messages"])
    assert [point["lag"] for point in doc["sensitivity"]["delay"]] == [0, 1, 2, 3]
    assert len(doc["sensitivity"]["cost"]) == 5


@pytest.mark.slow
def test_it_says_whether_being_right_pays_the_half_spread_in_an_order_book(
    real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AMZN, event rows: crossing pays the spread, waiting in the queue earns it; gross, spread and net add up."""
    of = hour_of_amzn(real)
    hour = market.run(of.quotes, of.predictions, threshold="0.5", fill="cross")[0]["metrics"]["messages"]
    assert any("cannot be told (6 of 12 blocks traded: too few for an interval)" in text for text in hour)
    monkeypatch.setattr(metric_inputs, "TRADED", 5)  # a day has seventy
    for fill, more in (("cross", {}), ("passive", {"queue": True, "cash": 20_000.0})):
        doc = market.run(of.quotes, of.predictions, threshold="0.5", fill=fill, **more)[0]["metrics"]
        money = doc["costs"]
        assert doc["metrics"]["trips"]["value"] > 0
        hits = doc["metrics"]["accuracy_direction"]  # one session, and an error by five minutes all the same
        assert hits["floor"] < hits["lo"] < hits["value"] < hits["hi"]
        assert money["net"] == pytest.approx(money["gross"] - money["spread"] - money["fee"] - money["impact"])
        assert (money["spread"] > 0) == (fill == "cross")
        (said,) = [text for text in doc["messages"] if "for its trading" in text]
        assert ("of them the half-spread" if fill == "cross" else "of half-spread were earned") in said
        assert "does not pay" in said or fill == "passive"
        if fill == "cross":
            edge = doc["metrics"]["break_even_cost_bps"]  # by five minutes too
            assert edge["lo"] < edge["value"] < edge["hi"] < edge["floor"]
