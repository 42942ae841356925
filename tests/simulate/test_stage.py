"""The simulate stage as the pipeline runs it: bars in, quotes, oracle and facts out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.config import Config, Simulate, load, parse_set
from hfm.errors import ConfigError, DataError, UsageError
from hfm.simulate import stage
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import GroupedReader, bar_meta, bar_table, edited, same
from tests.orderbook import DAY, book_table

FLOATS = [
    c.name for c in tables.QUOTES.columns if c.kind == "f8" and c.name not in ("trades", "imbalance", "micro_bps")
]


def simulate(
    bars: pa.Table, seed: int = 7, sessions: int = 0, **settings: Any
) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """(quotes, oracle, facts.json) of a table of bars, given in groups of `sessions` where that is not 0."""
    reader = GroupedReader(bars, sessions) if sessions else MemoryReader(bars)
    config = Config(simulate=Simulate(seed=seed, **settings))
    found: dict[str, list[Any]] = {}
    for name, payload in stage.run({"fetch/bars.parquet": reader}, config, Context("simulate", seed=seed)):
        found.setdefault(name, []).append(payload)
    quotes, oracle = (
        pa.concat_tables(found[f"simulate/{name}.parquet"]).unify_dictionaries().combine_chunks()
        for name in ("quotes", "oracle")
    )
    tables.check(quotes, tables.QUOTES)
    tables.check(oracle, tables.ORACLE)
    return quotes, oracle, found["simulate/facts.json"][0]


BARS = bar_table(40)


@pytest.fixture(scope="module")
def plain() -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """The default run of BARS."""
    return simulate(BARS)


def test_trades_and_volume_are_the_bars_own(plain: tuple[pa.Table, ...]) -> None:
    """Re-aggregated, quotes give back open, high, low, close and volume of every bar, exactly."""
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(plain[0][f"trade_{name}"].to_numpy(), BARS[name].to_numpy())
    np.testing.assert_array_equal(plain[0]["volume"].to_numpy(), BARS["volume"].to_numpy())


def test_quotes_are_lawful(plain: tuple[pa.Table, ...]) -> None:
    """Everything finite, ask above bid by a tick at least, mid inside, flow within volume, sizes positive."""
    q = tables.arrays(plain[0])
    for name in FLOATS:
        assert np.isfinite(q[name]).all(), name
    for end in ("open", "close"):
        assert (q[f"ask_{end}"] - q[f"bid_{end}"] >= 0.01 - 1e-9).all()
        np.testing.assert_allclose((q[f"ask_{end}"] + q[f"bid_{end}"]) / 2, q[f"mid_{end}"], rtol=1e-12)
    assert (np.abs(q["signed_volume"]) <= q["volume"]).all()
    assert (q["sigma_bps"] > 0).all()
    assert (q["depth_bid"] > 0).all()
    assert (q["half_spread"] * 2 / 0.75 >= 0.01 - 1e-9).all()


def test_the_spread_at_an_open_is_that_of_the_close_before(plain: tuple[pa.Table, ...]) -> None:
    """Inside a session the book does not jump between two rows; a session's first open has a draw of its own."""
    q = tables.arrays(plain[0])
    inside = q["seq"][1:] > 0
    at_open, at_close = q["ask_open"] - q["bid_open"], q["ask_close"] - q["bid_close"]
    np.testing.assert_allclose(at_open[1:][inside], at_close[:-1][inside], rtol=1e-9)
    assert not np.isclose(at_open[1:][~inside], at_close[:-1][~inside], rtol=1e-9).any()


def test_the_same_seed_gives_the_same_tables_and_another_seed_others(plain: tuple[pa.Table, ...]) -> None:
    """A run is a function of bars, settings and seed."""
    again, other = simulate(BARS), simulate(BARS, seed=8)
    assert same(again[0], plain[0])
    assert same(again[1], plain[1])
    assert again[2] == plain[2]
    assert not np.array_equal(other[0]["ofi"].to_numpy(), plain[0]["ofi"].to_numpy())


@pytest.mark.parametrize("signal", ["none", "planted"])
def test_groups_of_any_size_give_the_same_rows(signal: str) -> None:
    """State is carried from group to group: the cut of the stream is nothing to the numbers."""
    bars = bar_table(30, ("SPY", "QQQ"), slots=26, drop=(3, 40, 41, 500))
    whole = simulate(bars, signal=signal)
    for sessions in (1, 7):
        parts = simulate(bars, signal=signal, sessions=sessions)
        assert same(parts[0], whole[0])
        assert same(parts[1], whole[1])
        for name, fact in whole[2]["facts"].items():
            assert parts[2]["facts"][name]["value"] == pytest.approx(fact["value"], rel=1e-5, nan_ok=True), name


def test_appending_bars_changes_no_earlier_row(plain: tuple[pa.Table, ...]) -> None:
    """Quotes of 40 sessions are the first 40 of 60."""
    longer = simulate(bar_table(60))
    head = bar_table(60).slice(0, BARS.num_rows)
    assert same(simulate(head)[0], longer[0].slice(0, BARS.num_rows))


def test_a_day_with_its_look_back_equals_the_day_in_the_batch(plain: tuple[pa.Table, ...]) -> None:
    """Twenty sessions before a day are all that it needs."""
    rows = BARS.num_rows - 21 * 78
    alone = simulate(BARS.slice(rows))[0]
    assert same(alone.slice(20 * 78), plain[0].slice(BARS.num_rows - 78))


@pytest.mark.parametrize("row", [0, 77, 78, 900, 2000])
def test_what_comes_after_a_row_changes_nothing_up_to_it(row: int, plain: tuple[pa.Table, ...]) -> None:
    """Future poison: prices x 1.07 and volume x 3 from the next bar on."""
    after = np.arange(BARS.num_rows) > row
    poisoned = edited(
        BARS,
        **{n: np.where(after, BARS[n].to_numpy() * 1.07, BARS[n].to_numpy()) for n in ("open", "high", "low", "close")},
        volume=np.where(after, BARS["volume"].to_numpy() * 3, BARS["volume"].to_numpy()),
    )
    assert same(simulate(poisoned)[0].slice(0, row + 1), plain[0].slice(0, row + 1))


def test_sigma_is_known_before_its_row(plain: tuple[pa.Table, ...]) -> None:
    """The forecast of a row does not change with the row itself."""
    row = 1000
    at = np.arange(BARS.num_rows) == row
    shocked = edited(BARS, high=np.where(at, BARS["high"].to_numpy() * 1.05, BARS["high"].to_numpy()))
    other = simulate(shocked)[0]["sigma_bps"].to_numpy()
    np.testing.assert_array_equal(other[: row + 1], plain[0]["sigma_bps"].to_numpy()[: row + 1])
    assert other[row + 1] > plain[0]["sigma_bps"].to_numpy()[row + 1]


def test_symbols_do_not_disturb_each_other() -> None:
    """A symbol's rows are the same alone and among others."""
    symbols = ("SPY", "QQQ", "AAPL")
    together = simulate(bar_table(25, symbols, slots=20))[0]
    for i, symbol in enumerate(symbols):
        alone = simulate(bar_table(25, (symbol,), slots=20, seed=i))[0]
        assert same(together.filter(pc.equal(together["symbol"].cast(pa.string()), symbol)), alone)


@pytest.mark.parametrize("signal", ["none", "planted"])
def test_holes_still_prices_and_short_sessions_give_lawful_quotes(signal: str) -> None:
    """A late start, a session of one bar, holes, zero volume, one-price bars: rows stay, finite and flagged."""
    drop = [0, 1, *range(79, 156), *range(200, 205)]
    bars = bar_table(25, drop=drop)
    volume, close = bars["volume"].to_numpy().copy(), bars["close"].to_numpy()
    volume[300:310] = 0.0
    still = np.isin(np.arange(bars.num_rows), [10, 11, 400])
    flat = {n: np.where(still, close, bars[n].to_numpy()) for n in ("open", "high", "low")}
    quotes, oracle, _ = simulate(edited(bars, volume=volume, **flat), signal=signal)
    q = tables.arrays(quotes)
    assert len(q["seq"]) == bars.num_rows
    for name in FLOATS:
        assert np.isfinite(q[name]).all(), name
    np.testing.assert_array_equal(q["flags"] & tables.FLAG_NO_VOLUME > 0, volume == 0)
    after_hole = (q["seq"] > 0) & np.concatenate(([True], (np.diff(q["seq"]) != 1)))
    np.testing.assert_array_equal(q["flags"] & tables.FLAG_AFTER_HOLE > 0, after_hole)
    p = oracle["p_up"].to_numpy()[~q["is_last"]]
    assert np.isfinite(p).all() if signal == "planted" else np.isnan(p).all()


def test_a_slot_beyond_the_session_is_named() -> None:
    """Metadata that disagree with the rows: DataError, not an index out of range."""
    bars = bar_table(2, slots=30)
    wrong = tables.build(tables.BARS, tables.arrays(bars), bar_meta(("SPY",), slots=20))
    with pytest.raises(DataError, match="20 slots"):
        simulate(wrong)


def test_nothing_is_planted_in_observed_bars() -> None:
    """The price path would be redrawn: exit 2, and what to type instead."""
    with pytest.raises(UsageError) as caught:
        simulate(bar_table(2, synthetic=False), signal="planted")
    assert "--source synthetic" in caught.value.hint


def test_the_seed_recipe_is_the_original_one() -> None:
    """Spread 10 bp + 2 x volatility of 20 rows, within its noise; OFI +.6 or -.4 of volume; a warning."""
    config = Config(simulate=Simulate(recipe="seed"))
    ctx = Context("simulate", seed=7)
    out = list(stage.run({"fetch/bars.parquet": MemoryReader(BARS)}, config, ctx))
    q = tables.arrays(out[0][1])
    assert any("whole sample" in w for w in ctx.warnings)
    r = np.diff(q["mid_close"]) / q["mid_close"][:-1]
    vol = np.array([1e4 * r[t - 19 : t + 1].std(ddof=1) for t in range(19, len(r))])
    noise = q["spread_bps"][20:] - 10.0 - 2.0 * vol
    assert noise.std() == pytest.approx(0.1 * 2.0 * vol.std(ddof=1), rel=0.05)
    np.testing.assert_allclose(q["ofi"][1:], np.where(r > 0, 0.6, -0.4) * q["volume"][1:])


def test_a_given_spread_is_the_mean_spread() -> None:
    """spread_bps 5 on a name of 500: the mean quoted spread is 5 bp, within a tenth."""
    quotes = simulate(bar_table(60), spread_bps=5.0)[0]
    assert quotes["spread_bps"].to_numpy().mean() == pytest.approx(5.0, rel=0.1)


def test_real_spy_bars_have_quotes_inside_the_bands(real: Path) -> None:
    """A year of SPY: finite, at least a tick wide, 1.15 ticks in the mean, and facts in their bands but one."""
    quotes, _, facts = simulate(spy(real))
    q = tables.arrays(quotes)
    for name in FLOATS:
        assert np.isfinite(q[name]).all(), name
    ticks = (q["ask_close"] - q["bid_close"]) / 0.01
    assert ticks.min() >= 1.0 - 1e-6
    assert ticks.mean() == pytest.approx(1.15, abs=0.05)
    outside = {name for name, fact in facts["facts"].items() if fact["pass"] is False}
    assert outside <= {"spread_open"}  # 1.296 +- .009 where the band begins at 1.3


def spy(real: Path) -> pa.Table:
    """The real SPY bars as fetch would give them."""
    raw = pq.read_table(real / "bars/spy_5m_2024-03_2025-04.parquet").to_pandas()
    local = raw["timestamp"]
    seq = ((local.dt.hour * 60 + local.dt.minute - 570) // 5).to_numpy()
    end = local.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ns]") + np.timedelta64(300, "s")
    columns = {n: raw[n].to_numpy() for n in ("open", "high", "low", "close", "volume")}
    return tables.build(
        tables.BARS,
        columns | {"symbol": "SPY", "session": local.dt.date.to_numpy().astype("datetime64[D]"),
                   "seq": seq.astype(np.int64), "time": end, "is_last": seq == 77},
        bar_meta(("SPY",), synthetic=False),
        "observed",
    )  # fmt: skip


@pytest.mark.parametrize("slots", [1, 2, 7, 390])
@pytest.mark.parametrize("signal", ["none", "planted"])
def test_any_number_of_slots_will_do(slots: int, signal: str) -> None:
    """One bar a session, hourly bars, one-minute bars: lawful quotes, and facts that are undefined say so."""
    quotes, _, facts = simulate(bar_table(14, slots=slots), signal=signal)
    q = tables.arrays(quotes)
    for name in FLOATS:
        assert np.isfinite(q[name]).all(), name
    assert facts["facts"]["abs_ac12"]["value"] is None or slots > 12


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("rho=-0.1", ("0", "1")), ("rho=1", ("0", "1")), ("rho=nan", ("0",)), ("carry=0", ("0", "1")),
        ("spread_bps=-5", ("0", "1000")), ("spread_bps=1e9", ("1000",)), ("tick=0", ("0", "10")),
        ("tick=1e6", ("10",)), ("levels=0", ("0", "50")), ("levels=51", ("50",)), ("seed=-1", ("0",)),
    ],
)  # fmt: skip
def test_absurd_parameters_are_named_with_what_is_accepted(text: str, limits: tuple[str, ...]) -> None:
    """The key, the value, and the bounds."""
    with pytest.raises(ConfigError) as caught:
        load([parse_set([f"simulate.{text}"])])
    said = f"{caught.value} {caught.value.hint}"
    assert f"simulate.{text.split('=')[0]}" in said
    assert all(limit in said for limit in limits), said


def test_a_constant_out_of_its_range_is_named() -> None:
    """What a calibration may set, and within which bounds."""
    for constants, word in (({"effective": -1.0}, "not within 0 to 2"), ({"magic": 1.0}, "no 'magic'")):
        with pytest.raises(ConfigError, match=word):
            simulate(bar_table(2), constants=constants)


def test_a_book_file_that_is_cut_in_the_middle_is_refused(tmp_path: Path) -> None:
    """The artifact, and the command that makes it again; never half a day of quotes."""
    path = tmp_path / "book.parquet"
    with path.open("wb") as sink:
        writer = tables.Writer(sink, tables.book(1))
        writer.write(book_table(DAY))
        writer.close()
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 10, 3):
        path.write_bytes(whole[:length])
        inputs = {"fetch/book.parquet": tables.FileReader(path, "hfm fetch --run r")}
        config = Config(simulate=Simulate(fidelity="replay"))
        with pytest.raises(DataError) as caught:
            list(stage.run(inputs, config, Context("simulate", seed=7)))
        assert "hfm fetch --run r" in caught.value.hint


def test_rows_that_were_filled_forward_are_flagged() -> None:
    """Unmoved rows, and those of them that are stale, as hfm.stale_rows says of each symbol's bars; no other row, and
    the same in groups of whole sessions."""
    bars = bar_table(30, ("AAA", "BBB"), synthetic=False)
    values = tables.arrays(bars)
    rows = np.flatnonzero((values["symbol"] == "BBB") & (values["session"] == np.unique(values["session"])[20]))[20:60]
    prices = {name: values[name].copy() for name in ("open", "high", "low", "close")}
    for column in prices.values():
        column[rows] = values["close"][rows[0] - 1]
    flat = edited(bars, **prices)
    flags = simulate(flat)[0]["flags"].to_numpy()
    unmoved, rare = flags & tables.FLAG_UNMOVED > 0, flags & tables.FLAG_STALE > 0
    assert np.flatnonzero(unmoved).tolist() == rows.tolist()
    assert np.flatnonzero(rare).tolist() == rows[-rare.sum() :].tolist()
    assert 20 < rare.sum() < 40  # from that row on at which the run is improbable
    np.testing.assert_array_equal(simulate(flat, sessions=1)[0]["flags"].to_numpy(), flags)
    assert not (simulate(bars)[0]["flags"].to_numpy() & (tables.FLAG_UNMOVED | tables.FLAG_STALE)).any()
