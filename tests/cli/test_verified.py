"""`hfm run` looks for look-ahead of itself before it says that an edge is supported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import hfm
from tests.test_readme import register

SMALL = ("SPY", "--source", "synthetic", "--sessions", "110", "--interval", "30m", "--as-of", "2026-03-06T22:00:00Z",
         "--set", "train.model=logistic")  # fmt: skip
PLANTED = ("--set", "simulate.signal=planted", "--set", "simulate.rho=0.5")
ROLL = """
import numpy as np

class Roll:
    def propose(self, signals):
        return np.sign(np.nan_to_num(np.roll(signals.p_up, -1) - 0.5)).astype(np.int8)
"""
LATE = """
import numpy as np
from hfm.models.linear.floors import Logistic

class Late(Logistic):
    def predict(self, arrays, panel):
        heads = super().predict(arrays, panel)
        heads[:, 0] += np.nan_to_num(panel.up - 0.5)
        return heads
"""


def summary(home: Path, run: str) -> dict[str, Any]:
    """summary.json of a run."""
    document: dict[str, Any] = json.loads((home / "runs" / run / "report" / "summary.json").read_text())
    return document


@pytest.mark.slow
def test_an_honest_planted_run_says_that_it_passed_and_a_report_alone_says_so_too(tmp_path: Path) -> None:
    """By a record of its own files; a back-test that is another has none until it is verified."""
    done = hfm("run", *SMALL, *PLANTED, "--run", "p", cwd=tmp_path)
    assert done.code == 0
    assert "looking for look-ahead first" in done.err
    first = summary(tmp_path, "p")
    assert first["verdict"]["label"] == "edge supported"
    assert "in this very run, and not found" in first["verdict"]["reasons"][-1]
    assert first["verification"]["passed"] is True
    assert hfm("report", "--run", "p", "-q", cwd=tmp_path).code == 0
    assert summary(tmp_path, "p") == first
    assert hfm("backtest", "--run", "p", "--threshold", "0.55", "-q", cwd=tmp_path).code == 0
    assert hfm("report", "--run", "p", "-q", cwd=tmp_path).code == 0
    assert "has not been looked for" in summary(tmp_path, "p")["verdict"]["reasons"][-1]
    assert hfm("verify", "--run", "p", "--seed", "4", cwd=tmp_path).code == 0
    assert hfm("report", "--run", "p", "-q", cwd=tmp_path).code == 0
    assert summary(tmp_path, "p")["verification"]["passed"] is True


@pytest.mark.slow
@pytest.mark.parametrize(("group", "name", "code", "options", "leak"), [
    ("policies", "roll", ROLL, (*PLANTED, "--set", "backtest.threshold=roll"), "backtest: signal of SPY"),
    ("models", "late", LATE, ("--set", "train.model=late"), "train: late's p_up of SPY"),
])  # fmt: skip
def test_a_run_that_looks_ahead_is_no_edge(
    group: str, name: str, code: str, options: tuple[str, ...], leak: str, tmp_path: Path
) -> None:
    """Its own report alone would support it; the first reason names stage, column and row."""
    env = register(tmp_path / "plugin", group, name, code)
    done = hfm("run", *SMALL, *options, "--run", "c", cwd=tmp_path, env=env)
    assert done.code == 0, done.err
    document = summary(tmp_path, "c")
    assert "looking for look-ahead first" in done.err  # an edge would have been supported
    assert document["verdict"]["label"] == "no edge found"
    assert leak in document["verdict"]["reasons"][0]
    assert document["verification"]["passed"] is False
    again = hfm("verify", "--run", "c", cwd=tmp_path, env=env)
    assert again.code == 8
