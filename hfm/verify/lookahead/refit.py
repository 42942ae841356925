"""Fits made again in a fresh process that holds nothing but the rows a fit may know, and with validation rows that are
hardly other ones: the part of the look-ahead tests that trains.

Every fold of a model that fits at once, the first, the last and one drawn of a deep one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from hfm import plugins
from hfm.config import Train
from hfm.models import checkpoint
from hfm.plugins import Arrays, Float, Panel
from hfm.train import fold_rows
from hfm.train.fit_jobs import FitInputs, is_chained
from hfm.verify.claims import Row
from hfm.verify.lookahead import compare, isolation
from hfm.verify.lookahead.forecast_questions import FoldForecast
from hfm.verify.lookahead.isolation import Isolated

SETTLED = ("gates", "weights", "finish")
"""Arrays that are chosen on validation rows, not fitted."""
ERRORS = ("residual", "ret_sd")
"""Arrays that a model may take from its errors on validation rows, because those on training rows flatter it."""
HAIR = 1e-6
"""Relative change of a validation row that moves whatever is fitted on it, and hardly ever a choice."""
TRIES = 3
"""Such changes, of which a fit that only chooses on validation rows withstands one."""


def of_folds(items: Sequence[FoldForecast], panel: Panel, options: Train, asked: Isolated,
             rng: np.random.Generator) -> Iterator[Row]:  # fmt: skip
    """The rows of the table about the fits of a model.

    Parameters
    ----------
    items
        All folds, with what was stored.
    panel
        The run's rows, of which a fit is given its own alone.
    options
        Of training.
    asked
        The process in which the model is fitted again.
    rng
        Draws folds, and changes of validation rows.

    Yields
    ------
    Row
        Of files, of rows after the validation rows, and of those themselves.
    """
    model = items[0].model
    deep = plugins.find("models", model).deep
    drawn = {0, len(items) - 1, int(rng.integers(len(items)))} if deep else set(range(len(items)))
    some = {items[k].fold.number: items[k] for k in sorted(drawn)}
    before = _before(items, options)
    given = [(_given(model, panel, each, options, before.get(number)), number) for number, each in some.items()]
    reply = asked.ask(isolation.fit, given)
    if reply.error:
        yield reply.error_row("train", f"the fit of {model}")
        return
    yield reply.touched_row("train", f"the fit of {model}")
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
        first, number = given[0]
        fitted_keys = [key for at, key in keys if at == number]
        yield from _validation(first, again[number], fitted_keys, number, asked, rng)


def _before(items: Sequence[FoldForecast], options: Train) -> dict[int, Arrays]:
    """By fold, the stored fit of the fold before, where training gave it to a fit of this model."""
    if not is_chained(items[0].model, options):
        return {}
    return {later.fold.number: earlier.arrays for earlier, later in itertools.pairwise(items)}


def _given(model: str, panel: Panel, items: FoldForecast, options: Train, before: Arrays | None) -> FitInputs:
    """What the fit of a fold may know, beside rows the stored fit of the fold before; sent to a process as a copy."""
    fold = items.fold
    return FitInputs(
        model,
        fold_rows.purged_part(panel, *fold.train),
        fold_rows.purged_part(panel, *fold.valid),
        options,
        options.seed,
        before,
    )


def _fitted(key: str, stored: Arrays) -> bool:
    return key in stored and not key.startswith("history/") and key.split("/")[-1] not in SETTLED


def _near(a: Float, b: Float) -> bool:
    one, two = np.asarray(a, float), np.asarray(b, float)
    return one.shape == two.shape and bool(compare.near(one, two).all())


def _validation(given: FitInputs, base: Arrays, keys: Sequence[str], fold: int, asked: Isolated,
                rng: np.random.Generator) -> Iterator[Row]:  # fmt: skip
    """The row of the table about a fit's arrays `base` with other validation rows.

    What is fitted stands, to the last bit, whatever is chosen; and its scalers with validation rows that are quite
    other ones. keys: the arrays that are compared.

    Yields
    ------
    Row
        One; it names the first array that moves.
    """
    moved = {key for key in keys if not key.endswith(ERRORS)}
    for _ in range(TRIES):
        reply = asked.ask(isolation.fit, [(replace(given, valid=hardly(rng, given.valid)), fold)])
        if reply.error:
            yield reply.error_row("train", f"the fit of {given.model}")
            return
        moved = {key for key in moved if not np.array_equal(base[key], reply.answers[0][key], equal_nan=True)}
        if not moved:
            break
    quick = replace(given, valid=quite(given.valid), options=replace(given.options, epochs=1, seeds=1))
    reply = asked.ask(isolation.fit, [(quick, fold)])
    if reply.error:
        yield reply.error_row("train", f"the fit of {given.model}")
        return
    scaled = reply.answers[0]
    moved |= {key for key in keys if key.endswith(checkpoint.SCALERS) and not _near(scaled[key], base[key])}
    text = f"train: arrays of {given.model}, fold {fold}, choose on validation rows and are not fitted on them"
    if moved:
        first = next(key for key in keys if key in moved)
        text = f"train: {first} of {given.model}, fold {fold}, is fitted on its validation rows"
    yield Row(text, f"{len(keys)} of {len(keys)}", len(keys) - len(moved), len(keys), len(keys), " arrays")


def hardly(rng: np.random.Generator, valid: Panel) -> Panel:
    """The validation rows with every number changed by a hair, and one direction turned round."""

    def _hair(values: Float) -> Float:
        return np.asarray(values * (1.0 + HAIR * rng.standard_normal(values.shape)))

    up = valid.up.copy()
    known = np.flatnonzero(np.isfinite(up))
    if len(known):
        turned = rng.choice(known)
        up[turned] = 1.0 - up[turned]
    return replace(valid, x=_hair(valid.x), spread_bps=_hair(valid.spread_bps), up=up, ret_bps=_hair(valid.ret_bps),
                   log_spread=_hair(valid.log_spread), log_vol=_hair(valid.log_vol))  # fmt: skip


def quite(valid: Panel) -> Panel:
    """The validation rows with every number quite another."""
    return replace(valid, x=valid.x * 1.5 + 1.0, spread_bps=valid.spread_bps * 1.5, ret_bps=valid.ret_bps * 1.5,
                   log_spread=valid.log_spread + 0.4, log_vol=valid.log_vol + 0.4)  # fmt: skip
