"""Each policy that looks ahead does so by itself: what it says of early rows hangs on later ones, or on state."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hfm.plugins import Signals
from hfm.verify.leaks import leaky_policies
from hfm.verify.leaks.leaky_policies import LEAKS, MARK

P = np.append(0.5 + 0.2 * np.sin(np.arange(60.0) ** 1.7), 0.35)
EARLY = 10 + int(np.flatnonzero(np.diff(np.sign(P[9:] - 0.5)))[5])
"""So many rows that the next one is on the other side of a half."""


def signals(p: np.ndarray) -> Signals:
    """Rows that differ in P(up) alone."""
    return Signals(p, np.full(len(p), 0.5), np.full(len(p), 10.0), np.full(len(p), 1.0))


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is kept before or after a test."""
    leaky_policies.forget()
    monkeypatch.delenv(MARK, raising=False)
    yield
    if mark := os.environ.pop(MARK, ""):
        Path(mark.split("|")[2]).unlink(missing_ok=True)
    leaky_policies.forget()


@pytest.mark.parametrize("name", ["RolledForecast", "Median", "Ties", "Final", "Ending"])
def test_early_answers_hang_on_the_rows_that_stand_behind_them(name: str) -> None:
    """All rows at once against the early ones alone."""
    policy = getattr(leaky_policies, name)()
    complete = policy.weights(signals(P))[:EARLY]
    assert complete.dtype == np.int8
    assert set(np.unique(complete)) <= {-1, 0, 1}
    assert (policy.weights(signals(P[:EARLY])) != complete).any()


@pytest.mark.parametrize("name", ["GlobalMemory", "Numbered", "Filed"])
def test_what_was_shown_once_is_remembered_when_the_future_is_gone(name: str) -> None:
    """The early rows alone give what they gave beside the later ones; after forgetting, another answer."""
    policy = getattr(leaky_policies, name)()
    first = policy.weights(signals(P))[:EARLY]
    assert (policy.weights(signals(P[:EARLY])) == first).all()
    assert leaky_policies.leftovers()
    if mark := os.environ.pop(MARK, ""):
        Path(mark.split("|")[2]).unlink()
    leaky_policies.forget()
    assert not leaky_policies.leftovers()
    assert (policy.weights(signals(P[:EARLY])) != first).any()


def test_the_clock_and_the_process_decide_where_they_are_the_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour later, or under another process id, both answer by the row's own P(up)."""
    honest = np.sign(P - 0.5).astype(np.int8)
    hour, process = leaky_policies.Hour(), leaky_policies.Process()
    for policy in (hour, process):
        assert (policy.weights(signals(P)) != honest).any()
    now, number = time.time(), os.getpid()
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    monkeypatch.setattr(os, "getpid", lambda: number + 1)
    for policy in (hour, process):
        np.testing.assert_array_equal(policy.weights(signals(P)), honest)


def test_every_leak_of_the_list_is_a_class_that_stands_where_it_says() -> None:
    """With a sentence of what it knows."""
    for leak in LEAKS:
        module, _, name = leak.target.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), type), leak.name
        assert leak.knows
