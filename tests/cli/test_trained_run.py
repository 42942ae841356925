"""The run that a live command works on: its parts are there and whole, or the command that makes them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfm.cli.console import Show
from hfm.cli.options import Common
from hfm.cli.trained_run import trained
from hfm.errors import DataError
from tests.command import hfm

FETCH = ("SPY", "--source", "synthetic", "--sessions", "21", "--as-of", "2026-03-06T22:00:00Z", "--interval", "1h")


def test_without_a_model_the_command_that_makes_it_is_named(tmp_path: Path) -> None:
    """hfm simulate without quotes, hfm train with them."""
    assert hfm("fetch", *FETCH, "--run", "fresh", cwd=tmp_path).code == 0
    assert "hfm simulate" in hfm("predict", "--run", "fresh", cwd=tmp_path).err
    assert hfm("simulate", "--run", "fresh", cwd=tmp_path).code == 0
    done = hfm("predict", "--run", "fresh", cwd=tmp_path)
    assert done.code == 4
    assert "hfm train" in done.err


def test_a_model_older_than_its_quotes_forecasts_but_does_not_replay(tmp_path: Path) -> None:
    """A night's new bars meet last night's model; a replay must be of the very sessions that the model left out."""
    small = ("--set", "train.epochs=1", "--set", "train.seeds=1", "--set", "train.hidden=4")
    for words in (("fetch", *FETCH, "--run", "r"), ("simulate",), ("train", *small)):
        assert hfm(*words, cwd=tmp_path).code == 0
    common = Common(run="r", home=str(tmp_path))
    found = trained(Show("stream"), common, replay=True)
    assert (found.model, found.stepless(), found.identity()["symbols"]) == ("lstm", False, ("SPY",))
    assert found.identity()["source"] != trained(Show("stream"), common).identity()["source"] == "stdin"
    assert hfm("simulate", "--set", "simulate.seed=8", cwd=tmp_path).code == 0
    later = trained(Show("predict"), common)
    assert later.weights == found.weights
    assert later.stream().node.model == "lstm"
    with pytest.raises(DataError, match="stale") as caught:
        trained(Show("stream"), common, replay=True)
    assert caught.value.hint == "hfm train --run r"
