"""What a policy proposed is asked again in a fresh process: with the future cut, with another one, in another order.

A policy decides row by row: whichever rows stand beside a row, its proposal is the one in the back-test's ledger.
Axes: n rows of all out-of-sample sessions, in the order of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hfm.artifacts import LEDGER, PREDICTIONS, QUOTES
from hfm.backtest.engine import Engine
from hfm.backtest.joined_panel import RESTING, panels
from hfm.config import Config
from hfm.plugins import Signals
from hfm.tables import Reader, arrays
from hfm.verify.claims import Row
from hfm.verify.lookahead import compare, isolation, policy_questions
from hfm.verify.lookahead.compare import Difference
from hfm.verify.lookahead.cuts import LEAST
from hfm.verify.lookahead.isolation import Isolated
from hfm.verify.lookahead.policy_questions import PolicyQuestion, Traded

SOME = 40
"""Rows that differ of which it is found out why."""


def of_run(
    readers: Mapping[str, Reader], config: Config, model: str, asked: Isolated, rng: np.random.Generator
) -> Iterator[Row]:
    """The rows of the table about the policy of a back-test.

    Parameters
    ----------
    readers
        Artifact -> reader, of the run.
    config
        The run's.
    model
        Whose forecasts were traded.
    asked
        The process in which the policy is asked again.
    rng
        Draws the cuts.

    Yields
    ------
    Row
        Of files, of being asked twice, and of another future, process and order.
    """
    rows, name = traded(readers, config, model), config.backtest.threshold
    subject, questions = f"policy {name}", list(policy_questions.growing(rng, rows))
    others = [
        *policy_questions.complete(rows, "fresh"),
        *policy_questions.complete(rows, "twice"),
        *policy_questions.changed(rng, rows, questions),
        *policy_questions.mixed(rng, rows),
    ]
    questions += [others[i] for i in rng.permutation(len(others))]
    reply = asked.ask(isolation.propose, name, [q.signals for q in questions])
    if reply.error:
        yield reply.error_row("backtest", subject)
        return
    yield reply.touched_row("backtest", subject)
    answers = [(q, a) for q, a in zip(questions, reply.answers, strict=True)]
    if (twice := _twice(rows, answers)).same < twice.rows:
        yield compare.line(f"backtest: {twice.column} of {twice.place} is another when asked twice", twice)
        return  # what changes by itself cannot be compared with another future
    yield compare.line(f"backtest: signals of {subject} are the same when asked twice", twice)
    yield from _judged(rows, name, answers, asked)


def _judged(
    rows: Traded, name: str, answers: Sequence[tuple[PolicyQuestion, object]], asked: Isolated
) -> Iterator[Row]:
    """What the answers of the policy `name` say, kind by kind of question."""
    complete = {int(q.rows[0]): np.asarray(a, np.float64) for q, a in answers if q.kind == "fresh"}
    weights = np.concatenate([complete[start] for start in sorted(complete)])
    rows = replace(rows, weights=weights if len(weights) == len(rows.time) else None)
    found = {kind: compare.total(rows.compared(a, q.rows, q.stay) for q, a in answers if q.kind == kind)
             for kind in ("growing", "changed", "fresh", "mixed")}  # fmt: skip
    gone, growing = found["growing"], [pair for pair in answers if pair[0].kind == "growing"]
    if gone.same < gone.rows and _of_the_past(rows, name, growing, asked):
        text = f"backtest: {gone.column} of {gone.place} hangs on the rows before it: a policy decides row by row"
        yield compare.line(text, gone)
    else:
        yield compare.claim("backtest", "signals", gone, compare.GONE, cuts=len(growing))
    yield compare.claim("backtest", "signals", found["changed"], compare.CHANGED, cuts=min(len(growing), LEAST))
    for kind, good, bad in (
        ("fresh", "are the same in a fresh process, another folder, at another hour", "is another in a fresh process"),
        ("mixed", "are those of their own rows alone", "hangs on the rows beside it"),
    ):
        one = found[kind]
        text = f"{one.column} of {one.place} {bad}" if one.same < one.rows else f"signals {good}"
        yield compare.line(f"backtest: {text}", one)


def traded(readers: Mapping[str, Reader], config: Config, model: str) -> Traded:
    """The rows that a back-test traded, its policy's inputs made again as it made them.

    Parameters
    ----------
    readers
        Artifact -> reader: quotes, predictions and ledger.
    config
        The run's.
    model
        Whose forecasts were traded.

    Returns
    -------
    Traded
        n rows in the order of the ledger.
    """
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
    signals = Signals(
        *(np.concatenate([getattr(s.signals, name) for s in observed]) for name in policy_questions.FIELDS)
    )
    time, last = (np.concatenate([getattr(s.panel, name) for s in observed]) for name in ("time", "is_last"))
    return Traded(signals, ledger.pop("signal").astype(float), ~last, ledger, time)


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
    """Whether the first rows that differ are as the ledger has them once earlier rows alone stand before them.

    All earlier rows of their chunk do, and none that comes later: then the policy knows the past only.

    Parameters
    ----------
    rows
        That were traded.
    name
        Of the policy.
    growing
        The questions, and what was answered.
    asked
        Whose spare process is asked.

    Returns
    -------
    bool
        False where there is no answer.
    """
    wrong: list[int] = []
    for question, answer in growing:
        got = np.asarray(answer, np.float64)
        if got.shape != question.rows.shape:
            return False
        signal, weight = rows.equal(got, question.rows)
        wrong += question.rows[~(signal & weight) & rows.decided[question.rows]].tolist()
    some = np.unique(wrong)[:SOME]
    starts = some - some % policy_questions.CHUNK
    before = [np.arange(a, row + 1) for a, row in zip(starts, some, strict=True)]
    before = [part[rows.time[part] <= rows.time[part[-1]]] for part in before]
    reply = asked.spare.ask(isolation.propose, name, [rows.pick(part) for part in before])
    if reply.error:
        return False
    signal, weight = rows.equal(np.array([np.asarray(answer, np.float64)[-1] for answer in reply.answers]), some)
    return bool((signal & weight).all())
