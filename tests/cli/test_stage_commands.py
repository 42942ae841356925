"""The stages one by one, as typed; what one run gives another."""

from __future__ import annotations

import json
from pathlib import Path

from hfm.cli.stage_commands import under_way
from tests.cli.test_app import AS_OF, FETCH
from tests.command import hfm


def test_constants_go_from_a_replayed_run_to_another(real: Path, tmp_path: Path) -> None:
    """AMZN's book is replayed; invented bars take its constants; a run that replayed nothing is refused by name."""
    assert hfm("fetch", "AMZN", "--source", "lobster", "--path", real / "book", "--run", "book", cwd=tmp_path).code == 0
    assert hfm("simulate", "--run", "book", "--fidelity", "replay", "--every", "10s", cwd=tmp_path).code == 0
    assert hfm("fetch", "SPY", "--source", "synthetic", "--sessions", 5, "--run", "bars", cwd=tmp_path).code == 0
    assert hfm("simulate", "--run", "bars", "--calibrate-from", "book", cwd=tmp_path).code == 0
    froze, took = (
        json.loads((tmp_path / "runs" / run / "simulate/facts.json").read_text())["constants"]
        for run in ("book", "bars")
    )
    assert froze
    assert {name: took[name] for name in froze} == froze
    played = hfm("simulate", "--run", "bars", "--fidelity", "book", "--calibrate-from", "book", cwd=tmp_path)
    assert played.code == 0, played.err
    fitted, used = (
        json.loads((tmp_path / "runs" / run / "simulate/facts.json").read_text()) for run in ("book", "bars")
    )
    assert used["tables"] == fitted["tables"]
    assert used["facts"]["reaggregated"]["value"] == 1.0
    assert fitted["gain_nats"] > fitted["gain_nats_held_out"] > 0.2
    refused = hfm("simulate", "--run", "bars", "--calibrate-from", "bars", cwd=tmp_path)
    assert refused.code == 2
    assert "--calibrate-from RUN" in refused.err


def test_stages_typed_one_by_one_work_on_the_latest_run(tmp_path: Path) -> None:
    """As the mission types them; without simulate between, train exits 4 and names it."""
    assert hfm("fetch", *FETCH, cwd=tmp_path).code == 0
    done = hfm("train", "--epochs", 1, cwd=tmp_path)
    assert done.code == 4
    assert "hfm simulate" in done.err
    assert hfm("simulate", cwd=tmp_path).code == 0
    assert hfm("train", "--epochs", 1, "--seeds", 1, cwd=tmp_path).code == 0
    assert hfm("backtest", "--threshold", 0.6, cwd=tmp_path).code == 0
    assert hfm("report", cwd=tmp_path).code == 0
    assert hfm("simulate", "--set", "simulate.seed=8", cwd=tmp_path).code == 0
    rows = hfm("status", "--json", cwd=tmp_path).json["metrics"]["stages"]
    assert [rows[s]["state"] for s in ("fetch", "simulate", "train", "backtest", "report")] == [
        "fresh", "fresh", "stale", "stale", "stale"]  # fmt: skip
    assert "simulate/quotes.parquet has changed" in rows["train"]["why"]
    assert "stale" in hfm("backtest", cwd=tmp_path).err


def test_a_dry_run_says_what_it_would_do_and_makes_nothing(tmp_path: Path) -> None:
    """Of a vendor: what the archive has and what would be asked; of a file or a generator: what it would give."""
    done = hfm("fetch", "SPY", "--days", 30, "--dry-run", "--as-of", AS_OF, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "0 sessions archived" in done.out
    assert "yahoo is asked" in done.out
    assert "21 sessions" in hfm("fetch", *FETCH, "--dry-run", cwd=tmp_path).out
    assert not (tmp_path / "runs").exists()


def test_a_damaged_input_is_found_and_the_cure_is_named(tmp_path: Path) -> None:
    """One flipped bit in the bars: exit 4, the file, the command."""
    assert hfm("fetch", *FETCH, "--run", "r", cwd=tmp_path).code == 0
    path = tmp_path / "runs" / "r" / "fetch" / "bars.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    done = hfm("simulate", "--run", "r", cwd=tmp_path)
    assert done.code == 4
    assert "bars.parquet" in done.err
    assert "hfm fetch" in done.err


def test_a_report_by_two_processes_is_that_by_one(tmp_path: Path) -> None:
    """Page, summary and picture are the same bytes; a run that is not there is refused as ever."""
    assert hfm("fetch", *FETCH, "--run", "bars", cwd=tmp_path).code == 0
    made = []
    for workers in (1, 2):
        done = hfm("report", "--run", "bars", "--workers", workers, cwd=tmp_path)
        assert done.code == 0, done.err
        made.append({path.name: path.read_bytes() for path in (tmp_path / "runs/bars/report").iterdir()})
    assert len(made[0]) == 3
    assert made[0] == made[1]
    refused = hfm("report", "--run", "no-such-run", "--workers", 2, cwd=tmp_path)
    assert refused.code == 4, refused.err


def test_what_runs_is_not_called_missing() -> None:
    """And what has run before says why it runs again."""
    assert under_way("missing") == "running"
    assert under_way("train.epochs 50 -> 2") == "running (train.epochs 50 -> 2)"
    assert under_way("fresh") == "fresh"
