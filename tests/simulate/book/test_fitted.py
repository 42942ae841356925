"""Laws of a real book's flow: what a fit recovers, what it refuses, and how near the book made of it comes."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from hfm.simulate.book import fitted, observed_events
from hfm.simulate.replay import book_distance

RNG = np.random.default_rng(5)


def flow(n: int = 20_000, seed: int = 1) -> observed_events.ObservedEvents:
    """Events whose law is known: a trade is always followed by a cancel of the same side; gaps are 1 ms or 1 s; what
    the spread is, four or eight ticks, decides whether an order joins or improves."""
    rng = np.random.default_rng(seed)
    kind, side = np.zeros(n, np.int64), np.where(rng.random(n) < 0.5, 1, -1)
    wide = rng.random(n) < 0.5
    draw = rng.random(n)
    for j in range(n):
        if j and kind[j - 1] == observed_events.TRADE:
            kind[j], side[j] = observed_events.CANCEL, side[j - 1]
        elif draw[j] < 0.25:
            kind[j] = observed_events.TRADE
        else:
            kind[j] = observed_events.IMPROVE if wide[j] else observed_events.JOIN
    gap = np.where(kind == observed_events.CANCEL, 1e-3, 1.0) * rng.uniform(0.9, 1.1, n)
    many = np.ones(n)
    return observed_events.ObservedEvents(
        np.cumsum(gap * 1e9).astype(np.int64), kind, side, gap, np.where(wide, 8.0, 4.0), 300 * many, 300 * many,
        np.where(kind == observed_events.TRADE, 60.0, 100.0), np.where(kind == observed_events.IMPROVE, 2.0, 0.0),
        np.where(kind == observed_events.CANCEL, 3.0, 0.0), 150 * many, np.ones(n, bool),
    )  # fmt: skip


def shaped(tables: dict[str, list[float]], name: str) -> np.ndarray:
    return np.asarray(tables[name]).reshape(fitted.SHAPES[name])


def test_a_known_law_is_recovered() -> None:
    """What follows a trade, the length of gaps, what the spread decides, sizes and distances."""
    rows = flow()
    tables = fitted.fit([rows], [np.ones(len(rows.kind), bool)], 10_000.0)
    marks = shaped(tables, "marks")
    assert marks[observed_events.TRADE, 0, observed_events.CANCEL * 2] == pytest.approx(1.0, abs=1e-3)
    of_spread, narrow, wide = shaped(tables, "of_spread"), 0, int((shaped(tables, "spread_edges") < 8.0).sum())
    assert of_spread[observed_events.JOIN, narrow] > 100 * of_spread[observed_events.JOIN, wide]
    assert of_spread[observed_events.IMPROVE, wide] > 100 * of_spread[observed_events.IMPROVE, narrow]
    assert set(tables["join"]) == {100.0}
    assert set(tables["inside"]) == {2.0}
    assert set(tables["back"]) == {3.0}
    np.testing.assert_allclose(tables["trade"], 60.0 / 300.0)
    short = np.exp(tables["gaps"]) < 0.01
    assert short.mean() == pytest.approx((rows.gap < 0.01).mean(), abs=0.01)
    assert math.exp(tables["pace"][0]) == pytest.approx(len(rows.kind) / 10_000.0, rel=1e-3)


def test_the_gain_is_the_information_of_the_law_and_none_where_there_is_none() -> None:
    """In another sample of the same law; of kinds and sides drawn by lot it is nothing."""
    rows, fresh = flow(), flow(seed=2)
    every = np.ones(len(rows.kind), bool)
    tables = fitted.fit([rows], [every], 10_000.0)
    assert fitted.gain(tables, fresh, every) == pytest.approx(fitted.gain(tables, rows, every), abs=0.02)
    assert fitted.gain(tables, fresh, every) > 0.8
    lot = RNG.permutation(len(rows.kind))
    blind = dataclasses.replace(rows, kind=rows.kind[lot], side=np.where(lot % 2, 1, -1), spread=rows.spread[lot][::-1])
    none = fitted.fit([blind], [every], 10_000.0)
    assert fitted.gain(none, blind, every) == pytest.approx(0.0, abs=0.02)


def test_too_few_events_fit_nothing() -> None:
    """An empty calibration rather than a wild one."""
    assert fitted.fit([flow(100)], [np.ones(100, bool)], 60.0) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("symbol", "hours"), [("AMZN", 6.5), ("AAPL", 1.0)])
def test_ours_is_near_the_real_book_and_far_nearer_than_the_peer(real: Path, symbol: str, hours: float) -> None:
    """Odd half-hours against ours, fitted to the even ones: at most twice what the even ones are from the odd ones, and
    at most 70 % of a fitted Cont-Stoikov-Talreja book's distance; of AAPL's ten levels with the depths of orders."""
    from tests.bench import book_distance as bench

    book = bench.real(str(real), symbol, hours)
    odd = book.parts[1::2]
    near, made, peer = (
        book_distance.mean(book_distance.distances(odd, other))
        for other in (book.parts[::2], bench.ours(book), bench.peer(book))
    )
    for k in (0, 1):
        assert made[k] <= 2.0 * near[k]
        assert made[k] <= 0.7 * peer[k]
