"""The engine against itself: its tape replayed, its orders followed one by one, its compiled code against the plain."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from hfm.simulate.book import book_state as at
from hfm.simulate.book import level3, simulator
from hfm.simulate.book.bar_target import BarTarget
from hfm.simulate.book.book_tables import replay_levels
from hfm.simulate.book.queues import REACH

PATH = 210.5 + 8.0 * np.sin(np.linspace(0.0, 5.0, 241))
"""Ticks of the mid, an eighth of a second apart."""
MARGIN = 2 * REACH + 40


def play(seconds: float = 30.0, **options: Any) -> tuple[simulator.SimulatedBook, simulator.PlayedBar]:
    """One bar between 100.60 and 100.80 dollars on a book whose origin is 98.60."""
    book = simulator.SimulatedBook(100.0, 101.2, simulator.BookOptions(0.01, 100, keep=True, **options))
    assert book.origin == 10000 - MARGIN
    path = PATH - 210.5 + 70.5 + MARGIN
    low, high = 100.62, 100.79
    bar = BarTarget(100.7, high, low, 100.65, 50_000, path, 1000.0, 0.2, 4.0, 0.0, seconds)
    book.seed(np.array([11, 22], np.uint64))
    return book, book.play(bar)


@pytest.mark.parametrize("l3", [False, True])
def test_the_tape_leads_to_the_book_after_each_event(l3: bool) -> None:
    """Replayed on an empty book: no size below 0, best prices and sizes those of the tape, clock in order."""
    book, played = play(l3=l3)
    assert len(played.tape) == played.events > 1000
    out = np.zeros((len(played.tape), 2), at.LEVEL)
    assert replay_levels(played.tape, np.zeros(book.ticks, np.int64), out) == -1
    assert (np.diff(played.tape["clock"]) >= 0).all()
    wrong = played.tape.copy()
    wrong["qty"][500] += 1
    assert 500 <= replay_levels(wrong, np.zeros(book.ticks, np.int64), out) < len(wrong)


def test_orders_are_first_in_first_out_and_leave_whole() -> None:
    """Every execution takes the oldest order at its price; numbers are used once; a cancel takes what is left."""
    _, played = play(l3=True)
    queues: dict[int, list[list[int]]] = {}
    seen = set()
    for kind, price, size, number in played.tape[["kind", "price", "qty", "order_id"]].tolist():
        queue = queues.setdefault(price, []) if kind != at.EXECUTE_HIDDEN else []
        if kind == at.ADD:
            assert number not in seen
            seen.add(number)
            queue.append([number, size])
        elif kind == at.EXECUTE:
            assert queue[0][0] == number
            queue[0][1] -= size
            assert queue[0][1] >= 0
            if queue[0][1] == 0:
                queue.pop(0)
        elif kind == at.DELETE:
            assert [number, size] in queue
            queue.remove([number, size])
        else:
            assert kind == at.EXECUTE_HIDDEN
    held = {price: sum(size for _, size in queue) for price, queue in queues.items() if queue}
    assert held


def test_lifetimes_are_mixed() -> None:
    """Cancelled orders live from less than a tenth of a second to more than ten: three classes of patience."""
    _, played = play(l3=True)
    born = {n: t for t, kind, n in played.tape[["clock", "kind", "order_id"]].tolist() if kind == at.ADD}
    lives = [
        (t - born[n]) / 1e9 for t, kind, n in played.tape[["clock", "kind", "order_id"]].tolist() if kind == at.DELETE
    ]
    assert np.quantile(lives, 0.1) < 0.2
    assert np.quantile(lives, 0.99) > 5.0
    assert len(level3.LIFETIMES) == 3


def test_a_full_buffer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Emptied often or once, the same events and prints come out."""
    _, whole = play()
    monkeypatch.setattr(simulator, "ROOM", 2000)
    monkeypatch.setattr(simulator, "BUFFER", 4200)
    _, parts = play()
    np.testing.assert_array_equal(whole.tape, parts.tape)
    for name in ("trades", "metaorders", "snapshots"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_events_kept_or_not_are_the_same_events() -> None:
    """Keeping the tape draws no random number."""
    _, kept = play()
    book = simulator.SimulatedBook(100.0, 101.2, simulator.BookOptions(0.01, 100))
    path = PATH - 210.5 + 70.5 + MARGIN
    book.seed(np.array([11, 22], np.uint64))
    other = book.play(BarTarget(100.7, 100.79, 100.62, 100.65, 50_000, path, 1000.0, 0.2, 4.0, 0.0, 30.0))
    assert other.events == kept.events
    assert not len(other.tape)
    np.testing.assert_array_equal(kept.trades, other.trades)
    np.testing.assert_array_equal(kept.snapshots, other.snapshots)


def digest() -> str:
    """Of everything that the bar comes to."""
    _, played = play(l3=True)
    rows = (played.tape, played.trades, played.metaorders, played.snapshots, np.array([played.sums]))
    fields = [np.ascontiguousarray(x[name]).tobytes() for x in rows for name in x.dtype.names]
    return hashlib.sha256(b"".join(fields)).hexdigest()


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="the kernels are not compiled here")
def test_compiled_and_plain_kernels_agree_bit_for_bit() -> None:
    """The same bar in a process whose kernels are plain Python."""
    code = "from tests.simulate.book import test_simulator as t; print(t.digest())"
    plain = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, text=True, capture_output=True,
        check=True, timeout=200,
    )  # fmt: skip
    assert plain.stdout.strip() == digest()


def test_the_bars_fidelity_does_not_load_the_book() -> None:
    """Nothing of the event engine is imported, so nothing of it compiles, by a run of bars fidelity."""
    code = (
        "import sys\n"
        "from hfm.config import Config\n"
        "from hfm.simulate import stage\n"
        "from hfm.stage import Context\n"
        "from hfm.tables import MemoryReader\n"
        "from tests.bars import bar_table\n"
        "list(stage.run({'fetch/bars.parquet': MemoryReader(bar_table(2))}, Config(), Context('simulate')))\n"
        "assert not [m for m in sys.modules if m.startswith('hfm.simulate.book')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
