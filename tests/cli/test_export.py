"""`hfm export` as a user types it; the model's graph is tested beside the other live commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import hfm


def test_a_simulated_book_is_exported_as_lobster_files_and_fetched_again(tmp_path: Path) -> None:
    """Bars to a book with its events, to CSV, to another run's book; a run without one says how to get it."""
    given = ("--run", "bars")
    whole = ("--as-of", "2025-06-03T00:00:00Z")  # after a whole day: half ones end at 13:00
    fetched = hfm(
        "fetch", "SPY", "--source", "synthetic", "--sessions", 1, "--interval", "1h", *whole, *given, cwd=tmp_path
    )
    assert fetched.code == 0
    refused = hfm("export", "--format", "lobster", *given, cwd=tmp_path)
    assert refused.code == 2
    assert "simulate.events=true" in refused.err
    assert hfm("simulate", *given, "--fidelity", "book", "--set", "simulate.events=true", cwd=tmp_path).code == 0
    done = hfm("export", "--format", "lobster", "--output", "csv", "--json", *given, cwd=tmp_path)
    assert done.code == 0, done.err
    assert [Path(p).name.split("_34200000_")[1] for p in done.json["artifacts"]] == [
        "57600000_message_1.csv", "57600000_orderbook_1.csv",
    ]  # fmt: skip
    assert hfm("fetch", "SPY", "--source", "lobster", "--path", "csv", "--run", "again", cwd=tmp_path).code == 0
    wrong = hfm("export", "--format", "lobster", "--symbol", "QQQ", *given, cwd=tmp_path)
    assert wrong.code == 2


def test_a_network_without_a_step_is_exported_fit_by_fit_then_forecasts_streams_and_replays(tmp_path: Path) -> None:
    """Before the export each command says what to type; after it a replay has the back-test's rows."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    bars = ("--source", "synthetic", "--sessions", 21, "--interval", "1h", "--run", "r")
    small = ("--model", "gru", "--set", "train.epochs=1", "--set", "train.seeds=1", "--set", "train.hidden=4")
    for words in (("fetch", "SPY", *bars), ("simulate",), ("train", *small), ("backtest",)):
        assert hfm(*words, cwd=tmp_path).code == 0
    for words in (("predict",), ("stream",)):
        refused = hfm(*words, cwd=tmp_path)
        assert (refused.code, "hfm export --format onnx --run r" in refused.err) == (4, True)
    done = hfm("export", "--format", "onnx", cwd=tmp_path)
    assert done.code == 0, done.err
    names = [Path(line).name for line in done.out.split()]
    assert (names[0], names[1]) == ("gru.onnx", "gru.fold0.onnx")
    assert "gru/final" in hfm("predict", cwd=tmp_path).out
    replayed = hfm("stream", "-q", cwd=tmp_path)
    assert replayed.code == 0, replayed.err
    models = [line.split('"model":"')[1].split('"')[0] for line in replayed.out.splitlines()]
    assert sorted(set(models)) == [f"gru/{name[4:9]}" for name in names[1:]]
