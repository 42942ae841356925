"""A replay is the back-test again, bit for bit; a feed is judged row by row, and what is clean is answered alike."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hfm import tables
from hfm.config import Backtest
from hfm.errors import DataError
from hfm.live import sequence, snapshot
from hfm.live.node import MarketSpec, Node
from hfm.live.stream import Stream
from hfm.models.fold_chooser import FoldChooser
from hfm.models.inference import FORECAST_COLUMNS
from hfm.orders.order_records import FILLED, NEW, is_open
from hfm.tables import MemoryReader
from tests.bars import edited
from tests.live.market import LEDGER, Q50, Made, batch, keys, made, objects, rows_of, with_fill

COLUMNS = ("signal", "target", "net_pnl", "position", "equity")
"""The ledger's columns that an answer has."""
TWO = ("AAA", "BBB")


def stream(of: Made, settings: Backtest = Q50) -> Stream:
    """A new stream over a market."""
    return Stream(Node(of.checkpoint, settings, MarketSpec.of(MemoryReader(of.quotes).meta)))


def replayed(of: Made, settings: Backtest = Q50) -> list[str]:
    """All answers of a replay."""
    return list(stream(of, settings).replay(MemoryReader(of.quotes)))


def assert_is_batch(lines: list[str], of: Made, settings: Backtest) -> None:
    """Every answer has the batch's numbers, to the bit, and there is one for each of its rows."""
    want = batch(of, settings)
    assert len(lines) == len(want) > 100
    for line in lines:
        said = json.loads(line)
        forecast, book = want[said["symbol"], said["session"], said["seq"]]
        mine = [said[name] if said[name] is not None else np.nan for name in FORECAST_COLUMNS]
        np.testing.assert_array_equal(mine, forecast)
        for name in COLUMNS:
            assert said[name] == book[LEDGER.index(name)], (name, said)


@pytest.mark.parametrize(
    "settings",
    [
        Q50,
        Backtest(threshold="0.5", sizing="vol", daily_loss=0.0005, max_spread_bps=5.0),
        Backtest(threshold="cost", fee_bps=0.0, spread_share=0.0, impact=0.01, sizing="kelly", hold_overnight=True),
        Backtest(threshold="q50", fill="passive", max_drawdown=0.002, model="logistic"),
    ],
    ids=["quantile", "volatility sized, limits", "cost, kelly, overnight", "passive, logistic"],
)
def test_a_replay_equals_predictions_and_ledger_to_the_bit(settings: Backtest) -> None:
    """Of every out-of-sample session: probabilities, spreads, signal, wanted position, position, P&L, equity."""
    of = made(TWO)
    assert_is_batch(replayed(of, settings), of, settings)


def test_a_queue_sees_the_depths_and_the_flow_that_the_batch_sees() -> None:
    """Rows of events that trade at the quotes and never through them: an order is filled when its turn comes."""
    of = made(TWO)
    data = tables.arrays(of.quotes, ["seq", "bid_close", "ask_close"])
    first = data["seq"] == 0
    low, high = (np.where(first, data[name], np.roll(data[name], 1)) for name in ("bid_close", "ask_close"))
    quotes = edited(of.quotes, trade_low=low, trade_high=high)
    head = tables.header(quotes.schema)
    head["meta"]["every"] = "event"
    events = replace(of, quotes=quotes.replace_schema_metadata({b"hfm": json.dumps(head).encode()}))
    settings, at_once = (with_fill("passive", queue=queue) for queue in (True, False))
    lines = replayed(events, settings)
    assert_is_batch(lines, events, settings)
    assert lines != replayed(events, at_once)
    assert any(json.loads(line)["position"] for line in lines)


def test_every_ledger_column_of_the_node_is_the_batch_s() -> None:
    """Not only those that the answers show: all twenty, fills and costs included."""
    of = made()
    want, got = batch(of, Q50), {}
    live = stream(of)
    for line in live.replay(MemoryReader(of.quotes)):
        said = json.loads(line)
        got[said["symbol"], said["session"], said["seq"]] = live.node.result
    for key, (forecast, book) in want.items():
        np.testing.assert_array_equal([getattr(got[key], name) for name in FORECAST_COLUMNS], forecast)
        np.testing.assert_array_equal([getattr(got[key], name) for name in LEDGER], book)
    assert sum(book[0] != 0 for _, book in want.values()) > 20


def test_the_order_that_live_carries_is_the_way_from_the_position_to_the_target() -> None:
    """After each row, by the columns that the batch writes as well; a new one at a decision, filled a row later."""
    of, seen = made(), set()
    live = stream(of)
    order = live.node.memory.views["orders"][0]
    for _ in live.replay(MemoryReader(of.quotes)):
        row = live.node.result
        assert (order["leaves"] if is_open(order) else 0.0) == row.target - row.position
        assert row.qty_open == 0.0 or order["state"] in (FILLED, NEW)
        seen.add(int(order["state"]))
    assert {NEW, FILLED} <= seen


@pytest.mark.parametrize("threshold", ["0.5", "q50", "cost"])
def test_a_restart_from_any_snapshot_changes_nothing(threshold: str) -> None:
    """Stopped after random rows and restored into a new process' objects: the same answers as undisturbed."""
    of, settings = made(TWO), Backtest(threshold=threshold, fee_bps=0.0, spread_share=0.0)
    whole = replayed(of, settings)
    rng = np.random.default_rng(5)
    live, lines, identity = stream(of, settings), list[str](), {"model": "m"}
    for stop in sorted(rng.choice(len(whole), 12, replace=False)):
        answers = live.replay(MemoryReader(of.quotes))
        while len(lines) < stop:
            lines.append(next(answers))
        kept = snapshot.dump(live, identity)
        next(answers)  # goes on a little, then is killed: what it did since the snapshot is lost
        live = stream(of, settings)
        snapshot.load(kept, live, identity, "s")
    lines += list(live.replay(MemoryReader(of.quotes)))
    assert lines == whole


def test_a_snapshot_of_another_stream_or_a_damaged_one_is_refused() -> None:
    """Each changed byte is found; another model, source or setting is named."""
    live = stream(made())
    list(live.replay(MemoryReader(made().quotes)))
    data = snapshot.dump(live, {"model": "m", "source": "replay"})
    with pytest.raises(DataError, match="another stream: its source differs"):
        snapshot.load(data, stream(made()), {"model": "m", "source": "stdin"}, "s")
    for at in range(0, len(data), len(data) // 50):
        changed = bytearray(data)
        changed[at] ^= 4
        with pytest.raises(DataError, match="damaged"):
            snapshot.load(bytes(changed), stream(made()), {"model": "m", "source": "replay"}, "s")


# ------------------------------------------------------------------------------------------------------------- a feed
def cut(of: Made, sessions: int) -> tuple[Made, list[dict[str, Any]]]:
    """The market without its last sessions, and those as a feed sends them."""
    day = tables.column_array(of.quotes["session"])
    border = np.unique(day)[-sessions]
    rest = of.quotes.filter(day < border)
    return Made(rest, of.predictions, of.checkpoint, of.files), objects(of.quotes.filter(day >= border))


def answers(live: Stream, items: list[Any]) -> list[dict[str, Any]]:
    """The answers to a feed."""
    lines = (i if isinstance(i, bytes) else json.dumps(i).encode() for i in items)
    return [json.loads(line) for line in live.feed(lines)]


def test_a_feed_equals_a_batch_over_the_same_rows_with_final() -> None:
    """Through JSON and back: each number is the one that stepping the table itself gives."""
    of = made()
    short, items = cut(of, 2)
    live = stream(of)
    live.warm(MemoryReader(short.quotes))
    got = answers(live, items)
    assert [a["status"] for a in got] == ["ok"] * len(items)
    whole = stream(of)
    whole.node.use("final")
    first = keys(of.quotes).index((got[0]["symbol"], got[0]["session"], got[0]["seq"]))
    rows = rows_of(of)
    for row in rows[:first]:
        whole.node.take(row, trade=False)
    for said, row in zip(got, rows[first:], strict=True):
        whole.node.take(row)
        result = whole.node.result
        forecast = [getattr(result, name) for name in FORECAST_COLUMNS]
        assert [said[n] for n in FORECAST_COLUMNS] == [v if v == v else None for v in forecast]
        assert (said["signal"], said["equity"]) == (result.signal, result.equity)


def test_a_row_in_disorder_is_counted_and_answered_by_its_rule_and_clean_rows_are_answered_alike() -> None:
    """Duplicates, a gap, its filler, a row of yesterday, a halt, nonsense: clean rows are answered as without them."""
    short, items = cut(made(), 2)
    n = len(items) // 2
    halt = {**copy.deepcopy(items[9]), "mid_close": None, "mid_open": None}
    clean = items[:5] + items[7:9] + items[10:n] + items[n:]
    dirty = [
        *items[:3], items[2], *items[3:5], items[7], items[6], items[8], halt, items[10], items[10], *items[11 : n + 1],
        items[n - 1], b"{", {"symbol": "XXX"}, {**items[n + 1], "symbol": "XXX"}, {**items[n + 1], "seq": "1"},
        *items[n + 1 :],
    ]  # fmt: skip
    expected = {
        sequence.OK: len(clean), sequence.DUPLICATE: 2, sequence.DISORDER: 1, sequence.LATE: 1, sequence.HALT: 1,
        "invalid": 4,
    }  # fmt: skip
    one, two = stream(made()), stream(made())
    for live in (one, two):
        live.warm(MemoryReader(short.quotes))
    undisturbed, disturbed = answers(one, clean), answers(two, dirty)
    assert two.monitor.counts == expected
    taken = [a for a in disturbed if a["status"] == "ok"]
    assert taken == undisturbed
    assert [a["gap"] for a in taken if "gap" in a] == [2, 1]
    assert (two.monitor.gaps, two.monitor.missing) == (2, 3)
    assert all("why" in a for a in disturbed if a["status"] == "invalid")
    assert "1 late" in two.monitor.summary()


NONSENSE = [
    b"\xff\xfe", b'{"symbol": "S\xffY"}', b"\0\0", b"[" * 100_000, b"x" * 2_000_000, b"nan", b'{"a": 1', b"1e999999",
    b"9" * 5_000, b'"\\ud800"', b"{}{}",
]  # fmt: skip


def test_bytes_that_are_no_row_are_answered_and_change_nothing() -> None:
    """No UTF-8, no JSON, half of one, nested without end, numbers without end; then rows that cannot be meant."""
    short, items = cut(made(), 2)
    far = {**items[3], "session": "2090-01-03", "time": "2090-01-03T15:00Z", "time_open": "2090-01-03T14:45Z"}
    wrong = [far, {**items[3], "ofi": float("inf")}, {**items[3], "volume": 10**400}, {**items[3], "volume": "7"}]
    one, two = stream(made()), stream(made())
    for live in (one, two):
        live.warm(MemoryReader(short.quotes))
    undisturbed, disturbed = answers(one, items), answers(two, [*items[:3], *NONSENSE, *wrong, *items[3:]])
    assert [a["status"] for a in disturbed[3 : -len(items) + 3]] == ["invalid"] * (len(NONSENSE) + len(wrong))
    assert [a for a in disturbed if a["status"] == "ok"] == undisturbed


def test_lines_may_end_as_they_do_on_windows_and_of_a_name_given_twice_the_last_counts() -> None:
    """Empty lines are none; NaN is null."""
    short, items = cut(made(), 2)
    one, two = stream(made()), stream(made())
    for live in (one, two):
        live.warm(MemoryReader(short.quotes))
    text = json.dumps({**items[1], "micro_bps": float("nan")}).encode()
    odd = [json.dumps(items[0]).encode() + b"\r\n", b"\r\n", b" \n", b'{"seq": 0, "volume": 1, ' + text[1:] + b"\n"]
    assert answers(one, odd) == answers(two, items[:2])


def test_a_half_day_ends_flat_and_is_counted() -> None:
    """The calendar's last slot comes early: the position is closed in it, and the next session starts anew."""
    short, items = cut(made(), 2)
    half = len(items) // 4
    items[half - 1] = {**items[half - 1], "is_last": True}
    live = stream(made(), Backtest(threshold="0.5"))
    live.warm(MemoryReader(short.quotes))
    got = answers(live, items[:half] + items[len(items) // 2 :])
    assert got[half - 1]["last"]
    assert (got[half - 1]["position"], got[half - 1]["target"]) == (0.0, 0.0)
    assert any(a["position"] for a in got[:half])
    assert (live.monitor.half_days, live.monitor.unfinished) == (1, 0)


def test_a_session_that_never_ended_is_said() -> None:
    """Its last row was lost: the next row says so, and the position is closed at the next open."""
    short, items = cut(made(), 2)
    n = len(items) // 2
    live = stream(made(), Backtest(threshold="0.5"))
    live.warm(MemoryReader(short.quotes))
    got = answers(live, items[: n - 1] + items[n:])
    assert got[n - 1]["unfinished"]
    assert got[n - 2]["position"]
    assert "carried over a missing close" in got[n - 1]["reasons"]


def test_rows_that_the_run_has_are_duplicates() -> None:
    """A feed that starts again at the open is not counted twice."""
    items = cut(made(), 1)[1]
    live = stream(made())
    live.warm(MemoryReader(made().quotes))
    assert {a["status"] for a in answers(live, items)} == {"duplicate"}


def test_each_session_has_the_fit_that_had_not_seen_it() -> None:
    """Warm-up rows none, test sessions their fold's, later ones the final fit."""
    document = made().checkpoint.document
    plan, spans = FoldChooser(document), [f for f in document["folds"] if f["test"]]
    day = int(np.datetime64(spans[0]["test"][0]).astype(int))
    assert plan.of_session(day - 1) is None
    assert plan.of_session(day) == spans[0]["name"]
    assert plan.of_session(int(np.datetime64(spans[-1]["test"][1]).astype(int)) + 1) == "final"
