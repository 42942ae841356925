"""The fitted flow at work in the engine."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config, Simulate
from hfm.simulate import stage
from hfm.simulate.book import fitted, observed_events
from hfm.simulate.book.marks import bucket
from hfm.simulate.book.random_draws import draw
from hfm.simulate.replay import book_distance, event_tape
from hfm.stage import Context
from hfm.tables import MemoryReader
from tests.bars import bar_table, same

SLOTS = 78


def run(settings: dict[str, Any], seed: int = 7, slots: int = 12) -> dict[str, Any]:
    """Artifacts of a session of `slots` bars by name."""
    config = Config(simulate=Simulate(fidelity="book", events=True, **settings))
    inputs = {"fetch/bars.parquet": MemoryReader(bar_table(1, slots=SLOTS, drop=range(slots, SLOTS)))}
    made = stage.run(inputs, config, Context("simulate", seed=seed))
    return {name.split("/")[1].split(".")[0]: payload for name, payload in made}


@lru_cache(maxsize=1)
def flow() -> dict[str, tuple[float, ...]]:
    """Laws of a book of ours that stands for a real one: three levels of an hour of the built-in flow."""
    book = run({"levels": 3})["book"]
    rows = observed_events.read_events(book, 0.01)
    found = fitted.fit([rows], [np.ones(len(rows.kind), bool)], 3600.0)
    return {name: tuple(values) for name, values in found.items()}


@pytest.mark.parametrize("l3", [False, True])
def test_bars_are_made_again_whatever_the_flow(l3: bool) -> None:
    """Every bar from its trades; the book never crossed; the tape leads to the book after each event."""
    made = run({"tables": flow(), "l3": l3, "levels": 2}, slots=6)
    assert made["facts"]["facts"]["reaggregated"]["value"] == 1.0
    book = tables.arrays(made["book"])
    both = np.isfinite(book["bid_px_1"]) & np.isfinite(book["ask_px_1"])
    assert (book["bid_px_1"] < book["ask_px_1"] - 1e-9)[both].all()
    spread = (book["ask_px_1"] - book["bid_px_1"])[both] / 0.01
    assert np.quantile(spread, 0.99) <= flow()["pace"][5]  # the widest of the file: it does not run away
    assert made["facts"]["facts"]["book_spread_ticks"]["band"] is None
    assert made["facts"]["tables"]["pace"] == list(flow()["pace"])


def test_same_seed_same_events_and_later_bars_change_no_earlier_row() -> None:
    """The fitted flow keeps what the built-in one promises."""
    one, two = (run({"tables": flow()}, slots=n) for n in (4, 5))
    keep = [n for n in one["book"].column_names if n != "seq"]
    last = int(np.searchsorted(tables.arrays(one["book"])["time"], tables.arrays(one["quotes"])["time"][2]))
    assert last > 1000
    assert same(one["book"].select(keep).slice(0, last), two["book"].select(keep).slice(0, last))
    assert same(run({"tables": flow()}, slots=4)["book"], one["book"])


def test_a_book_fitted_to_a_book_is_near_it() -> None:
    """Spread, gaps, imbalance, depth, OFI, sizes and volumes of an hour: within .4 of an sd of those of the book that
    it was fitted to, which lives by quite another law."""
    sides = []
    for settings in ({"levels": 3}, {"tables": flow(), "levels": 3}):
        book = run(settings)["book"]
        found = event_tape.read(book, 3)
        assert found is not None
        begin = int(found.time[0])
        sides.append(book_distance.windows(found, begin, begin + 2 * book_distance.HALF_HOUR, 0.01))
    assert len(sides[0]) == len(sides[1]) == 2
    assert book_distance.mean(book_distance.distances(*sides))[0] < 0.4


def test_kernels_look_up_as_numpy_does() -> None:
    """Buckets by edges below, of a table each point as likely."""
    edges = np.array([1.0, 3.0, 3.0, 7.0])
    for x in (0.5, 1.0, 2.0, 3.0, 3.5, 9.0):
        assert bucket(edges, x) == np.searchsorted(edges, x, "left")
    seed = np.array([12345, 678910], np.uint64)
    for many in (24, 64):
        values = np.array([draw(np.arange(float(many)), seed) for _ in range(200 * many)])
        counts = np.bincount(values.astype(int), minlength=many)
        assert len(counts) == many
        assert np.abs(counts - 200).max() < 6 * np.sqrt(200)


def test_every_group_of_a_multi_day_run_has_its_own_flow_state() -> None:
    """A day alone equals the day in the batch, fitted flow too."""
    settings = Simulate(fidelity="book", events=True, tables=flow())
    bars = bar_table(2, slots=4)

    def books(table: pa.Table) -> list[pa.Table]:
        inputs = {"fetch/bars.parquet": MemoryReader(table)}
        made = stage.run(inputs, Config(simulate=settings), Context("simulate", seed=7))
        return [p for name, p in made if name == "simulate/book.parquet"]

    both = books(bars)
    assert len(both) == 2
    assert same(books(bars.slice(0, 4))[0], both[0])
