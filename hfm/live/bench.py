"""Latencies of the whole path over a run's own rows, and of rivals in the same process.

`step`: a row's vector to its signal and ledger (features, networks, policy, accounts). `line`: the same with a JSON
row in front and a JSON answer behind. The rivals run one network alone, with neither features nor ledger. `nothing`: a
loop as long as the line above, which says what of its tail is the machine's: other programs, interrupts, the clock.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hfm.arrays import Float
from hfm.config import Backtest
from hfm.instants import DAY_NS
from hfm.live import onnx_export, quote_rows
from hfm.live.node import MarketSpec, Node
from hfm.live.stream import Stream, in_time, sessions
from hfm.models.checkpoint import Checkpoint
from hfm.models.packed_model import pack
from hfm.plugins import Arrays
from hfm.tables import Reader
from hfm.tables.records import Values

ROWS = 20_000
WARM = 500
QUANTILES = (50.0, 90.0, 99.0, 99.9, 100.0)


@dataclass(frozen=True)
class Timing:
    """Latencies in microseconds: p50, p90, p99, p99.9, max of `rows`."""

    name: str
    rows: int
    us: tuple[float, ...]


def paths(checkpoint: Checkpoint, settings: Backtest, market: MarketSpec, quotes: Reader) -> list[Timing]:
    """Latencies of the path with one network, and with the mean of all where there are several: step, then line.

    Parameters
    ----------
    checkpoint : Checkpoint
        Of which the final fit is used.
    settings : Backtest
        As for a stream.
    market : MarketSpec
        Of the quotes.
    quotes : Reader
        Whose rows are taken, again and again.

    Returns
    -------
    list of Timing
        Each followed by that of a loop that does nothing for as long.
    """
    count = _networks(checkpoint)
    out: list[Timing] = []
    for kept in sorted({min(count, 1), count}):
        node = Node(_only(checkpoint, kept), settings, market)
        rows = [row for _, block in sessions(quotes, node) for row in in_time(block)]
        name = f"{node.model}, {kept} network{'s' * (kept != 1)}"
        seconds = _timed(lambda i, node=node, rows=rows: node.take(rows[i % len(rows)]), ROWS)  # type: ignore[misc]  # bound now
        for timing in (_timing(f"step: {name}", seconds),
                       _timing(f"line: {name}", _lines(Stream(node), rows))):  # fmt: skip
            out += timing, _nothing(timing)
    return out


def _nothing(of: Timing) -> Timing:
    """A loop that does nothing for as long as the median of another timing."""
    turns = 1000
    seconds = _timed(lambda i: _idle(turns), WARM)
    turns = round(turns * 1e-6 * of.us[0] / float(np.median(seconds)))
    return _timing("  nothing, for as long", _timed(lambda i: _idle(turns), of.rows))


def _idle(turns: int) -> None:
    for _ in range(turns):
        pass


def rival(name: str, function: Callable[[Any], object], inputs: Sequence[Any]) -> Timing:
    """The latencies of one rival over its inputs, again and again.

    Parameters
    ----------
    name : str
        Of the line.
    function : callable
        Takes one of the inputs.
    inputs : sequence
        Of what it takes.

    Returns
    -------
    Timing
    """
    return _timing(name, _timed(lambda i: function(inputs[i % len(inputs)]), 2_000))


def windows(x: Float, length: int) -> list[Any]:  # Any: float32 arrays
    """The windows that end at each of the last 64 rows.

    Parameters
    ----------
    x : float64 [n, F]
        Rows in order.
    length : int
        Rows of a window, at most n.

    Returns
    -------
    list of float32 [length, F]
    """
    last = len(x) - length + 1
    return [np.ascontiguousarray(x[i : i + length], np.float32) for i in range(max(last - 64, 0), last)]


def graphs(arrays: Arrays, x: Float, slots: int) -> list[Timing]:
    """Latencies of ONNX Runtime: the exported graph, and one network over a window and stepped with its state.

    Parameters
    ----------
    arrays : Arrays
        The final fit.
    x : float64 [n, F + 2]
        What the model reads of each row.
    slots : int
        Rows of the window: a full session.

    Returns
    -------
    list of Timing
    """
    one = {k: v for k, v in arrays.items() if not k.startswith("seed") or k.startswith("seed0/")}
    model, last = pack(one, 0), len(x) - slots
    steps = [onnx_export.inputs_of(x[i : i + 1, None], model, None) for i in range(last - 64, last)]
    out = [rival("ONNX Runtime, exported graph, step", onnx_export.session_of(onnx_export.build(one, 0)), steps)]
    if model.constants["networks"][0]:
        run = onnx_export.session_of(onnx_export.network(one))
        for name, length in (("window", slots), ("step", 1)):
            inputs = [onnx_export.inputs_of(x[i : i + length, None], model, None) for i in range(last - 64, last)]
            out.append(rival(f"ONNX Runtime, 1 network, {name}", run, inputs))
    return out


def table(timings: Sequence[Timing]) -> list[str]:
    """Lines for a person."""
    head = f"{'microseconds':<44}{'rows':>8}" + "".join(f"{n:>9}" for n in ("p50", "p90", "p99", "p99.9", "max"))
    return [head, *(f"{t.name:<44}{t.rows:>8}" + "".join(f"{v:>9.1f}" for v in t.us) for t in timings)]


def plain(timings: Sequence[Timing]) -> list[Mapping[str, Any]]:  # Any: JSON
    """For --json."""
    return [dataclasses.asdict(t) for t in timings]


def _networks(checkpoint: Checkpoint) -> int:
    return sum(1 for name in checkpoint.part("final") if name.endswith("/head/b"))


def _only(checkpoint: Checkpoint, kept: int) -> Checkpoint:
    """The checkpoint with the first `kept` networks of its final fit."""
    drop = tuple(f"final/seed{k}/" for k in range(kept, _networks(checkpoint)))
    arrays = {k: v for k, v in checkpoint.arrays.items() if not (drop and k.startswith(drop))}
    return Checkpoint(arrays, checkpoint.document)


def _lines(stream: Stream, rows: Sequence[Values]) -> list[float]:
    """Seconds of each line; sessions move on with each pass, so that every row is new."""
    shift = rows[-1].session - rows[0].session + 1
    seconds: list[float] = []
    turn = 0
    while len(seconds) < ROWS:
        for row in rows:
            line = json.dumps(_object(row, stream.node.market.symbols, turn * shift)).encode()
            start = time.perf_counter()
            stream.answer(line)
            seconds.append(time.perf_counter() - start)
        turn += 1
    return seconds[WARM:]


def _object(row: Values, symbols: Sequence[str], days: int) -> dict[str, Any]:  # Any: JSON
    """A row as a feed sends it, so many days later, times as ns."""
    item = {name: None if value != value else value
            for name, value in zip(quote_rows.CODEC.names, row, strict=True)
            if name in quote_rows.READ or name == "is_last"}  # fmt: skip
    later = {"time_open": row.time_open + days * DAY_NS, "time": row.time + days * DAY_NS}
    return {**item, **later, "symbol": symbols[row.symbol], "session": quote_rows.spell_day(row.session + days)}


def _timed(function: Callable[[int], object], count: int) -> list[float]:
    """Seconds of each of `count` calls, after WARM others, the garbage collector off."""
    for i in range(WARM):
        function(i)
    out = [0.0] * count
    gc.collect()
    gc.disable()
    try:
        for i in range(count):
            began = time.perf_counter()
            function(WARM + i)
            out[i] = time.perf_counter() - began
    finally:
        gc.enable()
    return out


def _timing(name: str, seconds: Sequence[float]) -> Timing:
    us = 1e6 * np.percentile(np.array(seconds), QUANTILES)
    return Timing(name, len(seconds), tuple(round(float(v), 2) for v in us))
