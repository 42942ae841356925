"""Does anything in a run know what comes later? Its own source, simulator, features, models and policy are asked again
with another future, or with none, and must say of the past what they said.

Bounded: bars of at most SESSIONS sessions, order books of BOOK_SESSIONS, one fold, one refit; a source that asks a
vendor is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from hfm import freshness, plugins
from hfm.config import Config, Layer, load
from hfm.errors import HfmError
from hfm.report import verdict
from hfm.run import Run
from hfm.tables import Reader, arrays, column_array
from hfm.verify import compare, refit
from hfm.verify.claims import Row
from hfm.verify.market import Market, carry_out

BARS, BOOK, QUOTES = "fetch/bars.parquet", "fetch/book.parquet", "simulate/quotes.parquet"
PREDICTIONS, METRICS = "train/predictions.parquet", "backtest/metrics.json"
SESSIONS, BOOK_SESSIONS = 40, 2
NOT_QUOTES = ("symbol", "session", "seq", "time")


def of_run(run: Run, tell: Callable[[str], None]) -> list[Row]:
    """The look-ahead tests of every stage that the run has. Its files must be those that were committed."""
    manifest = run.manifest()
    config = load([Layer("the run's manifest.json", manifest.config)])
    made = {name for entry in manifest.stages.values() for name in entry.artifacts}
    readers: dict[str, Reader] = freshness.readers(run, dict.fromkeys(made, ""))
    tests: list[tuple[str, Callable[[], Iterator[Row]]]] = [
        ("fetch", lambda: source(readers, config)),
        ("simulate", lambda: quotes(readers, config)),
        ("train", lambda: refit.of_run(readers, config)),
        ("backtest", lambda: strategy(readers, config)),
    ]
    rows = []
    for stage, test in tests:
        if stage in manifest.stages:
            tell(f"look-ahead: {stage}")
            rows += list(test())
    return rows


def source(readers: dict[str, Reader], config: Config) -> Iterator[Row]:
    """A source that is asked earlier gives, of what it gave, the part that there was then."""
    plugin = plugins.find("sources", config.fetch.source)()
    if plugin.network or BARS not in readers:
        return
    bars = readers[BARS].read()
    names = [name for name in bars.column_names if name not in NOT_QUOTES]
    for share in (0.3, 0.7):
        at = compare.instant(bars, share)
        moment = datetime.fromtimestamp(at // 10**9, UTC) - timedelta(seconds=1)
        earlier = replace(config, fetch=replace(config.fetch, as_of=moment.isoformat(), max_gap=1.0))
        try:
            again = carry_out("fetch", {}, earlier)[BARS]
        except HfmError as e:
            yield Row(f"fetch: asked for what there was at {moment:%Y-%m-%d %H:%M}Z: {e.what}", "bars", 0.0, 1, 1)
            continue
        assert isinstance(again, pa.Table)
        found = compare.difference(_since(bars, again), _since(again, bars), at, names)
        yield compare.claim("fetch", f"bars known at {moment:%Y-%m-%d %H:%M}Z", found, compare.GONE)


def _since(bars: pa.Table, other: pa.Table) -> pa.Table:
    """The rows of `bars` from the first session of `other` on: a count of sessions reaches back further or less far."""
    if not other.num_rows:
        return bars
    day = column_array(bars.column("session"))
    return bars.filter(pa.array(day >= column_array(other.column("session"))[0]))


def quotes(readers: dict[str, Reader], config: Config) -> Iterator[Row]:
    """Quotes and oracle up to a row, made of bars (or a book) that are other ones from there on, or end there."""
    name = BARS if BARS in readers else BOOK
    whole = _head(readers[name], BOOK_SESSIONS if name == BOOK or config.simulate.fidelity != "bars" else SESSIONS)
    at = compare.instant(whole, 1.0)
    futures = [(compare.GONE, compare.cut(whole, at))]
    if name == BARS:
        futures.append((compare.CHANGED, compare.poisoned(whole, at)))
    for how, other in futures:
        made = Market(config, {name: other}).through("simulate")
        for artifact in (QUOTES, "simulate/oracle.parquet"):
            before = readers[artifact].read()
            known = at if name == BARS else min(at, int(compare.times(other).max()))
            columns = [c for c in before.column_names if c not in NOT_QUOTES]
            found = compare.difference(before, made.table(artifact), known, columns)
            yield compare.claim("simulate", artifact.split("/")[1].removesuffix(".parquet"), found, how)


def _head(reader: Reader, sessions: int) -> pa.Table:
    """The first sessions of a table, read no further than it takes."""
    parts, days = [], np.empty(0, "datetime64[D]")
    for group in reader.groups():
        parts.append(group)
        days = np.union1d(days, np.unique(column_array(group.column("session"))))
        if len(days) > sessions:
            break
    table = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    day = column_array(table.column("session"))
    return table.filter(pa.array(day <= days[min(sessions, len(days)) - 1]))


def strategy(readers: dict[str, Reader], config: Config) -> Iterator[Row]:
    """The policy sees a row alone; no fill is at the price that made its signal; the edge outlives one row's delay."""
    document = json.loads(readers[METRICS].data())
    cheat = bool(document["lookahead"])
    words = "backtest: a signal is filled after it is known" if not cheat else (
        "backtest: px_open of every row is the close that its own signal is made of (--fill close)"
    )  # fmt: skip
    yield Row(words, "0 look-ahead fills", float(cheat), 0, 0)
    if PREDICTIONS in readers:
        yield _policy(readers[PREDICTIONS], str(document["model"]), config)
    yield _delay(readers, document, config)


def _policy(predictions: Reader, model: str, config: Config) -> Row:
    """What a policy proposes of half the rows is what it proposes of them among all."""
    from hfm.policies.choice import choose

    names = ("symbol", "session", "seq", "model", "p_up", "conf_rank", "ret_sd_bps")
    data = arrays(next(iter(predictions.groups(names, model))), names)
    n = min(len(data["seq"]), 5000)
    policy = choose(config.backtest.threshold).policy

    def proposed(rows: int) -> compare.Float:
        seen = {name: np.ascontiguousarray(data[name][:rows]) for name in ("p_up", "conf_rank", "ret_sd_bps")}
        signals = plugins.Signals(**seen, cost_bps=np.ones(rows))
        return np.asarray(policy.propose(signals), np.float64)

    half = n // 2
    found = compare.first({"signal": proposed(n)[:half] == proposed(half)}, {k: v[:half] for k, v in data.items()})
    return compare.claim("backtest", "signals", found, compare.GONE)


def _delay(readers: dict[str, Reader], document: dict[str, object], config: Config) -> Row:
    """Share of the gross return that is left with the signals one row later. A real edge decays; where direction is
    called better than honest data allows and a row's delay takes nearly all, something knows the next row."""
    curve = document["sensitivity"]["delay"]  # type: ignore[index]  # JSON of our own making
    now, later = (float(point["gross_return"]) for point in curve[:2])
    kept = later / now if now > 0 else float("nan")
    names = ("p_up", "y_up", "model")
    model = str(document["model"])
    parts = [arrays(group, names) for group in readers[PREDICTIONS].groups(names, model)]
    p, y = (np.concatenate([part[name] for part in parts]) for name in ("p_up", "y_up"))
    judged = (y >= 0) & np.isfinite(p)
    right, n = int(((p > 0.5) == (y == 1))[judged].sum()), int(judged.sum())
    flag = verdict.leakage(right, n, interval_s=int(readers[PREDICTIONS].meta.get("interval_s", 0)), spread_bps=0.0,
                           empty=0.0, planted=config.simulate.signal == "planted")  # fmt: skip
    text = f"backtest: gross return left with signals one row later ({right / max(n, 1):.1%} of directions called)"
    if flag is None:
        return Row(text, "no bound: nothing is suspicious", 0.0 if np.isnan(kept) else kept, -np.inf, np.inf)
    return Row(text, "more than 0.2", 0.0 if np.isnan(kept) else kept, 0.2, np.inf)
