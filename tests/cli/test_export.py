"""`hfm export` as a user types it; the model's graph is tested beside the other live commands."""

from __future__ import annotations

from pathlib import Path

from tests.command import hfm


def test_a_simulated_book_is_exported_as_lobster_files_and_fetched_again(tmp_path: Path) -> None:
    """Bars to a book with its events, to CSV, to another run's book; a run without one says how to get it."""
    given = ("--run", "bars")
    fetched = hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 1, "--interval", "1h", *given, cwd=tmp_path)
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
