"""What a policy proposed is asked again in a fresh process: with the future cut, with another one, in another order.

A policy decides row by row: whichever rows stand beside a row, its proposal is the one in the back-test's ledger.
Axes: n rows of all out-of-sample sessions, in the order of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hfm.artifacts import LEDGER, PREDICTIONS, QUOTES
from hfm.backtest.engine import Engine
from hfm.backtest.joined_panel import RESTING, panels
from hfm.config import Config
from hfm.plugins import Signals
from hfm.tables import Reader, arrays
from hfm.verify.claims import Row
from hfm.verify.lookahead import compare, isolation
from hfm.verify.lookahead.compare import Difference, Keys
from hfm.verify.lookahead.cuts import LEAST, Int
from hfm.verify.lookahead.isolation import Isolated

FIELDS = ("p_up", "conf_rank", "ret_sd_bps", "cost_bps")
MOST, SPACING = 3000, 4
"""Most cut points, and rows from which one is made."""
PAST = 256
"""Rows before a cut, and after it where they are other ones, that are asked with it."""
CHUNK = 20_000
"""Most rows asked at a time where all are asked."""
ALONE = 60
"""Rows asked one by one."""
SOME = 40
"""Rows that differ of which it is found out why."""


@dataclass(frozen=True)
class Traded:
    """The rows that were traded: what the policy saw, its proposals [n] in the ledger, whether it was asked for one (a
    session's last row opens nothing), their keys and times (ns UTC). weights [n]: its answer about all rows, of which
    the ledger keeps the sign; None before it was asked.
    """

    signals: Signals
    proposed: compare.Float
    decided: compare.Bool
    keys: Keys
    time: Int
    weights: compare.Float | None = None

    def pick(self, rows: Int) -> Signals:
        """What the policy sees of some rows."""
        return Signals(*(np.ascontiguousarray(getattr(self.signals, name)[rows]) for name in FIELDS))

    def equal(self, answer: compare.Float, rows: Int) -> tuple[compare.Bool, compare.Bool]:
        """Whether the answer about `rows` has the ledger's sign, and is the weight that was given before, each [n]."""
        weight = np.ones(len(rows), bool) if self.weights is None else answer == self.weights[rows]
        return np.sign(answer) == self.proposed[rows], weight

    def compared(self, answer: object, rows: Int, stay: int | None) -> Difference:
        """The answer about `rows`, of which the first `stay` (all) are compared, beside the ledger's."""
        got = np.asarray(answer, np.float64)
        keep = np.flatnonzero(self.decided[rows[:stay]])
        keys = {name: value[rows[keep]] for name, value in self.keys.items()}
        if got.shape != rows.shape:
            where = compare.place(self.keys, int(rows[0]))
            return Difference(max(len(keep), 1), 0, f"count of {got.size} signals", where)
        signal, weight = self.equal(got[keep], rows[keep])
        return compare.first({"signal": signal, "weight": weight}, keys)


@dataclass(frozen=True)
class PolicyQuestion:
    """One call of the policy: why, about which rows, what it sees of them, and how many of the first are compared."""

    kind: str
    rows: Int
    signals: Signals
    stay: int | None = None


def of_run(
    readers: Mapping[str, Reader], config: Config, model: str, asked: Isolated, rng: np.random.Generator
) -> Iterator[Row]:
    """The rows of the table about the policy of a back-test on `model`."""
    rows, name = traded(readers, config, model), config.backtest.threshold
    subject, questions = f"policy {name}", list(_growing(rng, rows))
    cuts = len(questions)
    others = [*_complete(rows, "fresh"), *_complete(rows, "twice"), *_changed(rng, rows, questions), *_mixed(rng, rows)]
    questions += [others[i] for i in rng.permutation(len(others))]
    reply = asked.ask(isolation.propose, name, [q.signals for q in questions])
    if reply.error:
        yield isolation.refused("backtest", subject, reply.error)
        return
    yield isolation.touched("backtest", subject, reply)
    answers = [(q, a) for q, a in zip(questions, reply.answers, strict=True)]
    if (twice := _twice(rows, answers)).same < twice.rows:
        yield compare.line(f"backtest: {twice.column} of {twice.place} is another when asked twice", twice)
        return  # what changes by itself cannot be compared with another future
    yield compare.line(f"backtest: signals of {subject} are the same when asked twice", twice)
    complete = {int(q.rows[0]): np.asarray(a, np.float64) for q, a in answers if q.kind == "fresh"}
    weights = np.concatenate([complete[start] for start in sorted(complete)])
    rows = replace(rows, weights=weights if len(weights) == len(rows.time) else None)
    found = {kind: compare.total(rows.compared(a, q.rows, q.stay) for q, a in answers if q.kind == kind)
             for kind in ("growing", "changed", "fresh", "mixed")}  # fmt: skip
    gone = found["growing"]
    if gone.same < gone.rows and _of_the_past(rows, name, [p for p in answers if p[0].kind == "growing"], asked):
        text = f"backtest: {gone.column} of {gone.place} hangs on the rows before it: a policy decides row by row"
        yield compare.line(text, gone)
    else:
        yield compare.claim("backtest", "signals", gone, compare.GONE, cuts=cuts)
    yield compare.claim("backtest", "signals", found["changed"], compare.CHANGED, cuts=min(cuts, LEAST))
    for kind, good, bad in (
        ("fresh", "are the same in a fresh process, another folder, at another hour", "is another in a fresh process"),
        ("mixed", "are those of their own rows alone", "hangs on the rows beside it"),
    ):
        one = found[kind]
        text = f"{one.column} of {one.place} {bad}" if one.same < one.rows else f"signals {good}"
        yield compare.line(f"backtest: {text}", one)


def traded(readers: Mapping[str, Reader], config: Config, model: str) -> Traded:
    """The rows that a back-test traded, its policy's inputs made again as it made them."""
    quotes, predictions = readers[QUOTES], readers[PREDICTIONS]
    meta, symbols = quotes.meta, sorted(quotes.meta.symbols)
    meta = replace(meta, block_s=predictions.meta.block_s)
    engine = Engine(config.backtest, symbols, meta, predictions.meta.horizon or config.train.horizon)
    passive = config.backtest.fill == "passive"
    observed = [
        found for panel in panels(quotes, predictions, model, symbols, RESTING if passive else ())
        if (found := engine.observe(panel)) is not None
    ]  # fmt: skip
    names = ("symbol", "session", "seq", "signal")
    parts = [arrays(group, names) for group in readers[LEDGER].groups(names)]
    ledger = {name: np.concatenate([part[name] for part in parts]) for name in names}
    signals = Signals(*(np.concatenate([getattr(s.signals, name) for s in observed]) for name in FIELDS))
    time, last = (np.concatenate([getattr(s.panel, name) for s in observed]) for name in ("time", "is_last"))
    return Traded(signals, ledger.pop("signal").astype(float), ~last, ledger, time)


def _growing(rng: np.random.Generator, rows: Traded) -> Iterator[PolicyQuestion]:
    """Each row before any that comes later is ever seen, with the PAST rows before it; first and last rows of sessions
    are cut points as a matter of course.
    """
    n = len(rows.time)
    order = np.argsort(rows.time, kind="stable")
    day = rows.keys["session"][order]
    edge = np.flatnonzero(day[1:] != day[:-1]) + 1
    edges = np.concatenate([edge, edge + 1, edge - 1, [1, n - 1, n]])
    count = min(n, max(LEAST, min(MOST, n // SPACING)))
    if len(edges) > count // 2:
        edges = rng.choice(edges, count // 2, replace=False)
    ends = np.unique(np.clip(np.concatenate([edges, rng.choice(np.arange(1, n + 1), count, replace=False), [n]]), 1, n))
    for before, end in zip([0, *ends[:-1]], ends, strict=True):
        picked = np.sort(order[max(min(before, end - PAST), 0) : end])
        yield PolicyQuestion("growing", picked, rows.pick(picked))


def _complete(rows: Traded, kind: str) -> Iterator[PolicyQuestion]:
    """All rows, as the back-test asks."""
    for start in range(0, len(rows.time), CHUNK):
        picked = np.arange(start, min(start + CHUNK, len(rows.time)))
        yield PolicyQuestion(kind, picked, rows.pick(picked))


def _changed(rng: np.random.Generator, rows: Traded, growing: Sequence[PolicyQuestion]) -> Iterator[PolicyQuestion]:
    """The same rows, followed by what rows drawn from anywhere say."""
    some = growing if len(growing) <= LEAST else [growing[i] for i in rng.choice(len(growing), LEAST, replace=False)]
    for question in some:
        later = rng.integers(0, len(rows.time), PAST)
        picked = np.concatenate([question.rows, later])
        yield PolicyQuestion("changed", picked, rows.pick(picked), len(question.rows))


def _mixed(rng: np.random.Generator, rows: Traded) -> Iterator[PolicyQuestion]:
    """In another order, every other row, and one by one."""
    for chunk in _complete(rows, "mixed"):
        count = len(chunk.rows)
        for picked in (rng.permutation(count), np.sort(rng.choice(count, (count + 1) // 2, replace=False))):
            yield PolicyQuestion("mixed", chunk.rows[picked], rows.pick(chunk.rows[picked]))
    for row in rng.integers(0, len(rows.time), ALONE):
        alone = np.array([row])
        yield PolicyQuestion("mixed", alone, rows.pick(alone))


def _twice(rows: Traded, answers: Sequence[tuple[PolicyQuestion, object]]) -> Difference:
    """The first answer about all rows beside the second."""
    one, two = (
        {int(q.rows[0]): (q, np.asarray(a)) for q, a in answers if q.kind == kind} for kind in ("fresh", "twice")
    )
    parts = []
    for start in sorted(one):
        question, first, second = *one[start], two[start][1]
        keys = {name: value[question.rows] for name, value in rows.keys.items()}
        good = first == second if first.shape == second.shape == question.rows.shape else None
        count = len(question.rows)
        parts.append(Difference(count, count) if good is None else compare.first({"signal": good}, keys))
    return compare.total(parts)


def _of_the_past(rows: Traded, name: str, growing: Sequence[tuple[PolicyQuestion, object]], asked: Isolated) -> bool:
    """Whether the first rows that differ are as the ledger has them once all earlier rows of their chunk stand before
    them, and none that comes later: then the policy knows the past only.
    """
    wrong: list[int] = []
    for question, answer in growing:
        got = np.asarray(answer, np.float64)
        if got.shape != question.rows.shape:
            return False
        signal, weight = rows.equal(got, question.rows)
        wrong += question.rows[~(signal & weight) & rows.decided[question.rows]].tolist()
    some = np.unique(wrong)[:SOME]
    starts = some - some % CHUNK
    before = [np.arange(a, row + 1) for a, row in zip(starts, some, strict=True)]
    before = [part[rows.time[part] <= rows.time[part[-1]]] for part in before]
    reply = asked.spare.ask(isolation.propose, name, [rows.pick(part) for part in before])
    if reply.error:
        return False
    signal, weight = rows.equal(np.array([np.asarray(answer, np.float64)[-1] for answer in reply.answers]), some)
    return bool((signal & weight).all())
