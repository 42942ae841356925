"""The context's random streams are a function of (seed, stage, symbol, session) and of nothing else."""

from __future__ import annotations

import itertools

import numpy as np

from hfm.stage import Context


def test_a_day_alone_draws_what_it_draws_in_the_batch() -> None:
    """The same four words, the same numbers; any other word, other numbers."""
    days = [np.datetime64("2025-03-03"), np.datetime64("2025-03-04"), None]
    keys = list(itertools.product((1, 2), ("simulate", "train"), ("SPY", "QQQ"), days))
    draws = [Context(stage, seed=seed).rng(symbol, day).integers(2**62) for seed, stage, symbol, day in keys]
    again = [Context(stage, seed=seed).rng(symbol, day).integers(2**62) for seed, stage, symbol, day in reversed(keys)]
    assert draws == again[::-1]
    assert len(set(draws)) == len(keys)


def test_losses_warnings_and_lines_are_kept_apart() -> None:
    """A loss makes the command exit 7, a warning does not."""
    ctx = Context("fetch")
    ctx.warn("w")
    ctx.lose("l")
    ctx.say("s")
    assert (ctx.warnings, ctx.losses, ctx.lines) == (["w"], ["l"], ["s"])
