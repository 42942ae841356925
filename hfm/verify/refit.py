"""Fits made again in a fresh process that holds nothing but the rows a fit may know, and with validation rows that are
hardly other ones: the part of the look-ahead tests that trains.

Every fold of a model that fits at once, the first, the last and one drawn of a deep one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from hfm import plugins
from hfm.config import Train
from hfm.models import store
from hfm.plugins import Arrays, Float, Panel
from hfm.train import spans
from hfm.train.jobs import Given
from hfm.verify import compare, isolation
from hfm.verify.claims import Row
from hfm.verify.forecasts import Forecast
from hfm.verify.isolation import Isolated, Reply

SETTLED = ("gates", "weights", "finish")
"""Arrays that are chosen on validation rows, not fitted."""
HAIR = 1e-6
"""Relative change of a validation row that moves whatever is fitted on it, and hardly ever a choice."""
TRIES = 3
"""Such changes, of which a fit that only chooses on validation rows withstands one."""


def of_folds(items: Sequence[Forecast], panel: Panel, options: Train, asked: Isolated,
             rng: np.random.Generator) -> Iterator[Row]:  # fmt: skip
    """The rows of the table about the fits of a model. items: all folds with what was stored."""
    model = items[0].model
    deep = plugins.find("models", model).deep
    drawn = {0, len(items) - 1, int(rng.integers(len(items)))} if deep else set(range(len(items)))
    some = {items[k].fold.number: items[k] for k in sorted(drawn)}
    given = [(_given(model, panel, each, options), number) for number, each in some.items()]
    reply = asked.ask(isolation.fit, given)
    if reply.error:
        yield isolation.refused("train", f"the fit of {model}", reply.error)
        return
    yield isolation.touched("train", f"the fit of {model}", reply)
    again = dict(zip(some, reply.answers, strict=True))
    keys = [(number, key) for number, fitted in again.items() for key in fitted if _fitted(key, some[number].arrays)]
    wrong = [(number, key) for number, key in keys if not _near(again[number][key], some[number].arrays[key])]
    count = len(keys)
    text = f"train: arrays of {model} in {len(some)} of {len(items)} folds know nothing after their validation rows"
    if wrong:
        number, key = wrong[0]
        second = asked.ask(isolation.fit, [item for item in given if item[1] == number])
        same = not second.error and _near(second.answers[0][key], again[number][key])
        text = f"train: {key} of {model}, fold {number}, is " + (
            "fitted on everything after its validation rows" if same else "another when fitted twice"
        )
    yield Row(text, f"{count} of {count}", count - len(wrong), count, count, " arrays")
    if not wrong:
        yield from _validation(items, panel, options, asked, rng)


def _given(model: str, panel: Panel, items: Forecast, options: Train) -> Given:
    """What the fit of a fold may know; a copy once it is sent to another process."""
    fold = items.fold
    return Given(model, spans.learn(panel, *fold.train), spans.learn(panel, *fold.valid), options, options.seed)


def _fitted(key: str, stored: Arrays) -> bool:
    return key in stored and not key.startswith("history/") and key.split("/")[-1] not in SETTLED


def _near(a: Float, b: Float) -> bool:
    one, two = np.asarray(a, float), np.asarray(b, float)
    return one.shape == two.shape and bool(compare.near(one, two).all())


def _validation(items: Sequence[Forecast], panel: Panel, options: Train, asked: Isolated,
                rng: np.random.Generator) -> Iterator[Row]:  # fmt: skip
    """The first fold's arrays with other validation rows: what is fitted stands, to the last bit, whatever is chosen;
    and its scalers with validation rows that are quite other ones."""
    first, model = items[0], items[0].model
    given = _given(model, panel, first, options)
    base = asked.ask(isolation.fit, [(given, first.fold.number)])
    tries: list[Reply] = []
    moved: set[str] = set()
    for k in range(TRIES):
        other = replace(given, valid=hardly(rng, given.valid))
        tries.append(asked.ask(isolation.fit, [(other, first.fold.number)]))
        changed = {key for key in base.answers[0] if _fitted(key, first.arrays)
                   and not np.array_equal(base.answers[0][key], tries[-1].answers[0][key], equal_nan=True)}  # fmt: skip
        moved = changed if k == 0 else moved & changed
        if not moved:
            break
    quick = replace(given, valid=quite(given.valid), options=replace(options, epochs=1, seeds=1))
    scaled = asked.ask(isolation.fit, [(quick, first.fold.number)]).answers[0]
    keys = [key for key in base.answers[0] if _fitted(key, first.arrays)]
    moved |= {key for key in keys if key.endswith(store.SCALERS) and not _near(scaled[key], first.arrays[key])}
    text = f"train: arrays of {model}, fold 0, choose on validation rows and are not fitted on them"
    if moved:
        text = f"train: {next(k for k in keys if k in moved)} of {model}, fold 0, is fitted on its validation rows"
    yield Row(text, f"{len(keys)} of {len(keys)}", len(keys) - len(moved), len(keys), len(keys), " arrays")


def hardly(rng: np.random.Generator, valid: Panel) -> Panel:
    """The validation rows with every number changed by a hair, and one direction turned round."""

    def hair(values: Float) -> Float:
        return np.asarray(values * (1.0 + HAIR * rng.standard_normal(values.shape)))

    up = valid.up.copy()
    known = np.flatnonzero(np.isfinite(up))
    if len(known):
        turned = rng.choice(known)
        up[turned] = 1.0 - up[turned]
    return replace(valid, x=hair(valid.x), spread_bps=hair(valid.spread_bps), up=up, ret_bps=hair(valid.ret_bps),
                   log_spread=hair(valid.log_spread), log_vol=hair(valid.log_vol))  # fmt: skip


def quite(valid: Panel) -> Panel:
    """The validation rows with every number quite another."""
    return replace(valid, x=valid.x * 1.5 + 1.0, spread_bps=valid.spread_bps * 1.5, ret_bps=valid.ret_bps * 1.5,
                   log_spread=valid.log_spread + 0.4, log_vol=valid.log_vol + 0.4)  # fmt: skip
