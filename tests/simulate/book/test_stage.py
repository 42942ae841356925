"""The book fidelity as the pipeline runs it: bars in, quotes, events and facts out."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hfm import tables
from hfm.config import Config, Simulate
from hfm.errors import DataError, UsageError
from hfm.simulate import stage
from hfm.simulate.replay import event_tape
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import GroupedReader, bar_table, edited, same

Columns = dict[str, Any]


def simulate(bars: pa.Table, sessions: int = 0, seed: int = 7, **settings: Any) -> dict[str, Any]:
    """Artifacts by stem, tables put together, of a table of bars, given in groups of `sessions` where that is not 0."""
    reader = GroupedReader(bars, sessions) if sessions else MemoryReader(bars)
    config = Config(simulate=Simulate(fidelity="book", seed=seed, **settings))
    found: dict[str, list[Any]] = {}
    for name, payload in stage.run({"fetch/bars.parquet": reader}, config, Context("simulate", seed=seed)):
        found.setdefault(name.removeprefix("simulate/").partition(".")[0], []).append(payload)
    out: dict[str, Any] = {"facts": found.pop("facts")[0]}
    for name, parts in found.items():
        out[name] = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        tables.check(out[name], tables.book(settings.get("levels", 1)) if name == "book" else tables.TABLES[name])
    return out


def on_grid(bars: pa.Table, share: float = 0.75, seed: int = 0) -> pa.Table:
    """The bars with most of their prices on the cent, the rest on a hundredth of it, as real ones have them."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name in ("open", "high", "low", "close"):
        x = bars[name].to_numpy()
        columns[name] = np.where(rng.random(len(x)) < share, np.round(x, 2), np.round(x, 4))
    ends = columns["open"], columns["close"]
    columns["high"] = np.maximum(columns["high"], np.maximum(*ends))
    columns["low"] = np.minimum(columns["low"], np.minimum(*ends))
    return edited(bars, **columns)


def rebuilt(book: Columns, bars: Columns) -> Columns:
    """Open, high, low, close, volume of each bar, from the executions among the events alone; NaN where none is."""
    traded = np.char.startswith(book["event"].astype(str), "execute")
    time, price, size = (book[name][traded] for name in ("time", "price", "size"))
    symbol = book["symbol"][traded].astype(str)
    out = {name: np.full(len(bars["time"]), np.nan) for name in ("open", "high", "low", "close")}
    out["volume"] = np.zeros(len(bars["time"]))
    width = 300 * 10**9
    for n, end in enumerate(bars["time"]):
        own = (time >= end - width) & (time < end) & (symbol == str(bars["symbol"][n]))
        if own.any():
            p = price[own]
            out["open"][n], out["high"][n], out["low"][n], out["close"][n] = p[0], p.max(), p.min(), p[-1]
            out["volume"][n] = size[own].sum()
    return out


BARS = on_grid(bar_table(2, ("QQQ", "SPY"), slots=13))


@pytest.fixture(scope="module", params=[False, True], ids=["l2", "l3"])
def played(request: pytest.FixtureRequest) -> dict[str, Any]:
    """BARS with every event kept, three levels a side."""
    return simulate(BARS, l3=request.param, events=True, levels=3)


def test_trades_make_every_bar_again(played: dict[str, Any]) -> None:
    """Executions alone give back open, high, low, close and volume of every bar."""
    bars = tables.arrays(BARS)
    made = rebuilt(tables.arrays(played["book"]), bars)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(made[name], bars[name], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(made["volume"], bars["volume"])
    assert played["facts"]["facts"]["reaggregated"] == {
        "label": "share of bars that their trades make again", "value": 1.0, "se": 0.0, "band": [1.0, 1.0],
        "pass": True, "of": "simulated",
    }  # fmt: skip


def test_book_trades_are_on_the_grid_and_all_trades_inside_the_touch(played: dict[str, Any]) -> None:
    """Executions of orders stand on whole cents at a best price; off-book ones between the best prices before them."""
    book = tables.arrays(played["book"])
    event = book["event"].astype(str)
    lit, hidden = np.flatnonzero(event == "execute"), np.flatnonzero(event == "execute_hidden")
    assert lit.size > 100 < hidden.size
    cents = book["price"][lit] * 100
    np.testing.assert_allclose(cents, np.rint(cents), rtol=0, atol=1e-6)
    best = np.where(book["side"][lit] > 0, book["bid_px_1"][lit - 1], book["ask_px_1"][lit - 1])
    np.testing.assert_allclose(book["price"][lit], best, rtol=0, atol=1e-9)
    assert (book["price"][hidden] >= book["bid_px_1"][hidden - 1] - 1e-7).all()
    assert (book["price"][hidden] <= book["ask_px_1"][hidden - 1] + 1e-7).all()


def test_book_is_never_crossed_and_its_levels_are_in_order(played: dict[str, Any]) -> None:
    """Best bid below best ask, sizes above 0, bids falling and asks rising level by level, after each event.

    Only a session's very first orders have nobody opposite.
    """
    book = tables.arrays(played["book"])
    both = np.isfinite(book["bid_px_1"]) & np.isfinite(book["ask_px_1"])
    assert (book["seq"][~both] < 50).all()
    assert (book["bid_px_1"] < book["ask_px_1"] - 1e-9)[both].all()
    for side, sign in (("bid", -1), ("ask", 1)):
        assert (book[f"{side}_sz_1"][both] > 0).all()
        for k in (1, 2):
            nearer, farther = book[f"{side}_px_{k}"], book[f"{side}_px_{k + 1}"]
            there = np.isfinite(farther)
            assert (sign * (farther - nearer)[there] > 0).all()
            assert (book[f"{side}_sz_{k + 1}"][there] > 0).all()


def test_quotes_are_what_the_replay_reads_out_of_the_events(played: dict[str, Any]) -> None:
    """Spread, closing quotes, OFI and signed volume of each bar, by the code that reads real books.

    Not of a session's first bar: its book comes before its first quote.
    """
    quotes = tables.arrays(played["quotes"])
    borders = tables.blocks(played["book"])
    for first, last in itertools.pairwise(borders.tolist()):
        group = played["book"].slice(first, last - first)
        day, symbol = group["session"][0].as_py(), group["symbol"][0].as_py()
        found = event_tape.read(group, 3)
        assert found is not None
        own = np.flatnonzero((quotes["session"] == np.datetime64(day)) & (quotes["symbol"].astype(str) == symbol))
        for n in own[1:]:
            start, end = quotes["time"][n] - 300 * 10**9, quotes["time"][n]
            a, b = np.searchsorted(found.time, [start, end])
            held = np.diff(np.concatenate(([start], found.time[a:b], [end])))
            spread = float((held * found.spread[a - 1 : b]).sum() / held.sum())
            assert quotes["spread_bps"][n] == pytest.approx(1e4 * spread / quotes["mid_close"][n], rel=1e-6)
            assert quotes["ofi"][n] == pytest.approx(found.ofi[a:b].sum(), abs=1e-6)
            assert quotes["bid_close"][n] == pytest.approx(found.bid[b - 1], abs=1e-9)
            assert quotes["ask_close"][n] == pytest.approx(found.ask[b - 1], abs=1e-9)
            traded = (found.at >= a) & (found.at < b) & (tables.arrays(group, ["side"])["side"][found.at] != 0)
            assert quotes["signed_volume"][n] == pytest.approx((found.size * found.sign)[traded].sum(), abs=1e-6)


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    """All artifacts, twice; and different events under another seed."""
    bars = bar_table(1, slots=6)
    a, b, c = (simulate(bars, seed=seed, events=True) for seed in (7, 7, 8))
    for name in ("quotes", "book"):
        assert same(a[name], b[name])
    assert json.dumps(a["facts"]) == json.dumps(b["facts"])
    assert not same(a["quotes"], c["quotes"])


def test_a_day_alone_is_the_day_in_the_batch() -> None:
    """With its look-back, a session's rows do not depend on what else is simulated, nor on the groups."""
    bars = bar_table(23, slots=6)
    whole = simulate(bars)["quotes"]
    grouped = simulate(bars, sessions=5)["quotes"]
    assert same(whole, grouped)
    late = simulate(bars.slice(2 * 6))["quotes"]
    assert same(late.slice(20 * 6), whole.slice(22 * 6))


def test_workers_change_no_byte() -> None:
    """One, two and four; two symbols, all tables, in the same order."""
    bars = bar_table(3, ("AAA", "BBB"), slots=4)
    wanted = Config(simulate=Simulate(fidelity="book", events=True, prints=True, snapshots=True))
    runs = []
    for workers in (1, 2, 4):
        ctx = Context("simulate", seed=7, workers=workers)
        runs.append(list(stage.run({"fetch/bars.parquet": MemoryReader(bars)}, wanted, ctx)))
    for other in runs[1:]:
        assert [name for name, _ in other] == [name for name, _ in runs[0]]
        for (name, a), (_, b) in zip(runs[0], other, strict=True):
            if isinstance(a, pa.Table):
                assert same(a, b), name
                assert a.schema.equals(b.schema, check_metadata=True)
            else:
                assert json.dumps(a) == json.dumps(b)


def test_later_bars_change_no_earlier_row() -> None:
    """Poison in the last bar shows in its own row alone."""
    bars = bar_table(1, slots=8)
    poisoned = {name: bars[name].to_numpy().copy() for name in ("open", "high", "low", "close", "volume")}
    for name in ("open", "high", "low", "close"):
        poisoned[name][-1] *= 1.05
    poisoned["volume"][-1] *= 9
    a, b = simulate(bars)["quotes"], simulate(edited(bars, **poisoned))["quotes"]
    assert same(a.slice(0, 7), b.slice(0, 7))
    assert not same(a.slice(7), b.slice(7))


def test_a_bar_without_volume_keeps_quotes_and_prints_nothing() -> None:
    """No trade, no signed volume, a book all the same; it is counted."""
    bars = bar_table(1, slots=6)
    volume = bars["volume"].to_numpy().copy()
    volume[2] = 0.0
    made = simulate(edited(bars, volume=volume), events=True)
    quotes, book = tables.arrays(made["quotes"]), tables.arrays(made["book"])
    assert quotes["trades"][2] == quotes["volume"][2] == quotes["signed_volume"][2] == 0.0
    assert quotes["spread_bps"][2] > 0 < quotes["half_spread"][2]
    assert quotes["flags"][2] & tables.FLAG_NO_VOLUME
    assert made["facts"]["counts"]["silent"] == 1
    assert np.isnan(rebuilt(book, tables.arrays(bars))["open"][2])
    assert made["facts"]["facts"]["reaggregated"]["value"] == 1.0


ODD: dict[str, Callable[[Columns], None]] = {}


def odd(change: Callable[[Columns], None]) -> Callable[[Columns], None]:
    """Bars that a market seldom gives."""
    ODD[change.__name__] = change
    return change


@odd
def one_price(c: Columns) -> None:
    """A bar of one price, on the grid, and one off it."""
    for n, price in ((2, 500.13), (3, 500.1375)):
        for name in ("open", "high", "low", "close"):
            c[name][n] = price


@odd
def one_tick(c: Columns) -> None:
    """A bar one tick wide, and one half a tick wide between ticks."""
    for n, low, high in ((2, 500.13, 500.14), (3, 500.132, 500.137)):
        c["low"][n] = c["open"][n] = low
        c["high"][n] = c["close"][n] = high


@odd
def few_shares(c: Columns) -> None:
    """Fewer shares than prices, and a single share at a single price."""
    c["volume"][1] = 2.0
    c["volume"][2] = 1.0
    for name in ("open", "high", "low", "close"):
        c[name][2] = c["close"][1]
    c["volume"][3] = 4.0


@odd
def fractions(c: Columns) -> None:
    """Volumes of a market that trades parts of a unit."""
    c["volume"][:] = c["volume"] * 1e-5 + 0.123456789


@odd
def a_jump(c: Columns) -> None:
    """A gap of ten per cent between two bars."""
    for name in ("open", "high", "low", "close"):
        c[name][3:] *= 1.1


@odd
def a_wide_bar(c: Columns) -> None:
    """Six dollars in five minutes."""
    c["high"][2] += 3.0
    c["low"][2] -= 3.0


@odd
def a_flood(c: Columns) -> None:
    """Thousandfold volume, and almost none beside it."""
    c["volume"][2] *= 1000
    c["volume"][3] = 7


@pytest.mark.parametrize("name", ODD)
def test_odd_bars_are_made_again_too(name: str) -> None:
    """Whatever a lawful bar looks like, its trades re-aggregate to it, inside an uncrossed book."""
    bars = on_grid(bar_table(1, slots=6))
    columns = {c: bars[c].to_numpy().copy() for c in ("open", "high", "low", "close", "volume")}
    ODD[name](columns)
    bars = edited(bars, **columns)
    made = simulate(bars, events=True)
    assert made["facts"]["facts"]["reaggregated"]["value"] == 1.0
    again, wanted = rebuilt(tables.arrays(made["book"]), tables.arrays(bars)), tables.arrays(bars)
    for column in ("open", "high", "low", "close"):
        np.testing.assert_allclose(again[column], wanted[column], rtol=0, atol=1e-9)
    if name not in ("fractions", "few_shares"):
        np.testing.assert_array_equal(again["volume"], wanted["volume"])


def test_holes_and_a_session_of_one_bar() -> None:
    """After a hole the book is made anew, and says so; one bar is a session."""
    made = simulate(bar_table(1, slots=8, drop=(3, 4)), events=True)
    assert pc.sum(pc.equal(made["book"]["event"], "halt")).as_py() == 1
    assert made["quotes"].num_rows == 6
    assert simulate(bar_table(1, slots=8, drop=range(1, 8)))["facts"]["facts"]["reaggregated"]["value"] == 1.0


def test_a_tick_that_does_not_suit_the_prices_is_named() -> None:
    """Too fine for the range of a bar, or so coarse that bids would fall below 0."""
    bars = bar_table(1, slots=6)
    for tick, word in ((1e-6, "spans"), (10.0, "needs")):
        with pytest.raises(DataError, match=word) as caught:
            simulate(bars, tick=tick)
        (better,) = re.findall(r"--set simulate\.tick=([0-9.e-]+)", caught.value.hint)
        simulate(bars, tick=float(better))  # as printed it works


def test_what_the_book_cannot_do_is_refused() -> None:
    """A planted signal and the original recipe belong to the bars fidelity."""
    for settings in ({"signal": "planted"}, {"recipe": "seed"}):
        with pytest.raises(UsageError, match="not for the book"):
            simulate(bar_table(1, slots=6), **settings)
