"""Facts of the book: by hand, on generated markets and on a year of SPY."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import fact_check, stage
from hfm.simulate.bars.generator import SymbolSettings
from hfm.simulate.book import book_facts, book_session, book_sums, price_path
from hfm.simulate.moments import Moments
from hfm.stage import Context
from hfm.tables import MemoryReader
from hfm.verify import bands
from tests.bars import bar_meta, bar_table


def sums_of(pairs: dict[str, tuple[Any, Any]]) -> dict[str, float]:
    """Sums of named pairs of arrays."""
    out: dict[str, float] = {}
    for name, (a, b) in pairs.items():
        book_sums.pair(out, name, np.asarray(a, float), np.asarray(b, float))
    return out


def test_a_correlation_is_that_of_numpy_over_what_is_there() -> None:
    """Pairs with a NaN do not count."""
    a, b = np.array([1.0, 2.0, 4.0, np.nan, 3.0]), np.array([2.0, 1.0, 5.0, 7.0, 3.0])
    s = sums_of({"x": (a, b)})
    keep = np.isfinite(a)
    assert s["x.n"] == 4
    assert book_facts.correlation("x")(s) == pytest.approx(np.corrcoef(a[keep], b[keep])[0, 1])


def test_lead_is_the_partial_correlation() -> None:
    """A next return that follows from the return alone has none beside it."""
    rng = np.random.default_rng(0)
    r = rng.standard_normal(4000)
    e = r + rng.standard_normal(4000)
    following = 0.5 * r + rng.standard_normal(4000)
    s = sums_of({"ofi300": (e, r), "next300": (e, following), "ac300": (r, following)})
    assert book_facts.correlation("next300")(s) > 0.2
    assert book_facts.lead(300)(s) == pytest.approx(0.0, abs=0.05)


def test_the_impact_exponent_of_a_square_root_is_a_half() -> None:
    """Bins with few metaorders, or against them, are left out."""
    s = {}
    for b in range(book_sums.BINS):
        size = book_sums.LEAST * 2.0**b
        n = 1000.0 if b < 10 else 5.0
        s |= {f"meta{b}.n": n, f"meta{b}.size": n * size, f"meta{b}.impact": n * 3.0 * size**0.5 if b < 10 else -n}
    assert book_facts.impact_exponent(s) == pytest.approx(0.5)


def test_the_opening_excess_is_taken_over_that_of_volatility() -> None:
    """A spread of 1.6 ticks in the opening and 1.2 at midday, volatility 2.5 times as high: 3 / 2.5."""
    s = {"ticks.open": 4.8, "n.open": 3.0, "ticks.mid": 19.2, "n.mid": 16.0, "vol.open": 7.5, "vol.mid": 16.0}
    assert book_facts.opening_spread(s) == pytest.approx(1.6 / 1.2)
    assert book_facts.opening_excess(s) == pytest.approx(3.0 / 2.5)


@pytest.mark.parametrize(("ratio", "inside"), [(1.10, True), (1.28, True), (2.10, True), (0.57, False), (2.2, False)])
def test_real_books_lie_in_the_band_of_the_opening_spread(ratio: float, inside: bool) -> None:
    """AMZN and two days of a NYSE stock; a spread that knows no opening, over a volatility of 1.75, does not."""
    assert (book_facts.OPENING[0] <= ratio <= book_facts.OPENING[1]) is inside


def test_autocorrelation_is_judged_with_its_clustered_error() -> None:
    """The same .05 at 10 s: within the band's two errors in five noisy sessions, outside in 500."""
    setting = SymbolSettings(Simulate(fidelity="book"), 78, 300.0, True)
    for sessions, per_symbol in ((5, True), (500, False)):
        moments = judged_moments(sessions)
        row = book_facts.fact_table.table(moments, {"x": book_facts.facts(setting, True)["mid_ac_10s"]})["x"]
        assert row["pass"] is per_symbol
        assert row["band"][1] == pytest.approx(0.03 + 2.0 * row["se"], abs=1e-5)


def judged_moments(sessions: int) -> Moments:
    """Sessions of 200 pairs of returns whose correlation is .05, with an error of a session of .1."""
    moments, rng = Moments(), np.random.default_rng(8)
    excess = rng.standard_normal(sessions)
    excess = 0.1 * (excess - excess.mean()) / excess.std()
    for day, rho in enumerate(0.05 + excess):
        n = np.full(1, 200.0)
        sums = {"ac10.n": n, "ac10.a": 0 * n, "ac10.b": 0 * n, "ac10.aa": n, "ac10.bb": n, "ac10.ab": rho * n}
        moments.add([(np.array([np.datetime64("2020-01-01") + day]), sums)])
    return moments


def folded(known: price_path.PathPool, start: float, end: float, spread: float, error_sd: float, draw: float) -> Any:
    """A Brownian bridge folded into [0, 1]: not a walk."""
    steps = known.walks.shape[1] - 1
    rng = np.random.default_rng(int(draw * 2**32))
    clock = np.linspace(0.0, 1.0, steps + 1)
    walk = np.concatenate(([0.0], np.cumsum(rng.standard_normal(steps)))) / np.sqrt(steps) / spread
    walk += start - (walk[-1] - (end - start)) * clock
    return np.abs((walk + 1.0) % 2.0 - 1.0)


def test_a_folded_bridge_fails_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its autocorrelation is found, errors and all."""
    monkeypatch.setattr(book_session.price_path, "path", folded)
    rows = fact_check.table([MemoryReader(bar_table(8, seed=3))], CONFIG)
    assert "mid_ac_10s" in fact_check.failed(rows), {k: rows[k] for k in rows if "mid_ac" in k}


CONFIG = Config(simulate=Simulate(fidelity="book"))


def spy(real: Path) -> pa.Table:
    """The real SPY bars as fetch would give them."""
    raw = pq.read_table(real / "bars/spy_5m_2024-03_2025-04.parquet").to_pandas()
    local = raw["timestamp"]
    seq = ((local.dt.hour * 60 + local.dt.minute - 570) // 5).to_numpy().astype(np.int64)
    end = local.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ns]") + np.timedelta64(300, "s")
    columns: dict[str, Any] = {n: raw[n].to_numpy() for n in ("open", "high", "low", "close", "volume")}
    columns |= {"symbol": "SPY", "session": local.dt.date.to_numpy().astype("datetime64[D]")}
    columns |= {"seq": seq, "time": end, "is_last": seq == 77}
    return tables.build(tables.BARS, columns, bar_meta(("SPY",), synthetic=False), "observed")


def failed(rows: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """Value and band of what is outside its band."""
    return {name: (row["value"], row["band"]) for name, row in rows.items() if row["pass"] is False}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_year_of_spy_is_made_again_bar_by_bar(real: Path) -> None:
    """All 19,782 bars: prices to 1e-9, volume to the share; and every band."""
    bars = spy(real)
    products = stage.run({"fetch/bars.parquet": MemoryReader(bars)}, CONFIG, Context("simulate", seed=7))
    document = next(p for name, p in products if name == "simulate/facts.json")
    assert isinstance(document, dict)
    assert document["counts"]["bars"] == bars.num_rows == 19_782
    assert document["facts"]["reaggregated"]["value"] == 1.0
    assert failed(document["facts"]) == {}


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("first", [-30, 0, 100])
def test_thirty_sessions_of_spy_lie_in_all_bands(real: Path, first: int) -> None:
    """The newest, the first and thirty between: `--check` on real bars."""
    bars = spy(real)
    days = np.unique(tables.column_array(bars["session"]))[first:][:30]
    few = bars.filter(pa.array(np.isin(tables.column_array(bars["session"]), days)))
    assert failed(fact_check.table([MemoryReader(few)], CONFIG)) == {}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_generated_markets_lie_in_all_bands() -> None:
    """Three markets of 60 sessions, three seeds: every band of the book, as it stands."""
    rows = fact_check.table(bands.markets(), CONFIG)
    assert len(rows) >= 25
    assert failed(rows) == {}
    setting = SymbolSettings(CONFIG.simulate, 78, 300.0, True)
    for name, fact in book_facts.facts(setting, False).items():
        if fact.tolerance and isinstance(fact.band, tuple):  # 180 sessions need no room for their error
            assert fact.band[0] <= rows[name]["value"] <= fact.band[1], (name, rows[name])
