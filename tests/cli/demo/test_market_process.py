"""A market's process: what it does, what it says, and when it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hfm.artifacts import SUMMARY
from hfm.cli.demo import market_process
from hfm.cli.demo.market_process import Order, carry_out
from hfm.cli.demo.markets import MARKETS, settings
from hfm.errors import UsageError
from hfm.kernels import first_run
from hfm.runs.manifest import Run
from tests import toy
from tests.cli.demo.test_markets import SUMMARY as DOCUMENT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Toy stages, and a report that is there."""
    run = toy.placed(tmp_path, monkeypatch)
    (run.path.parent / "demo-planted" / "report").mkdir(parents=True)
    (run.path.parent / "demo-planted" / SUMMARY).write_text(json.dumps(DOCUMENT))
    return run.path.parent.parent


def said(home: Path, **changes: Any) -> list[dict[str, Any]]:
    """What a market's process says."""
    messages: list[dict[str, Any]] = []
    carry_out(Order("planted", str(home), 7, **changes), messages.append, lambda: None)
    return messages


def test_each_stage_is_said_before_and_after_and_the_verdict_last(home: Path) -> None:
    """A fresh stage once, unless all is to be made again; runs/latest is nobody's."""
    states = [(m["stage"], m["state"]) for m in said(home) if "state" in m]
    assert states == [(stage, state) for stage in ("fetch", "simulate", "train") for state in ("running", "done")]
    again = said(home)
    assert [(m["stage"], m["state"]) for m in again[:-1]] == [(s, "fresh") for s in ("fetch", "simulate", "train")]
    assert again[-1]["verdict"]["label"] == "edge supported"
    assert again[-1]["verdict"]["run_dir"] == str(home / "runs" / "demo-planted")
    assert sum(m.get("state") == "done" for m in said(home, refresh=True)) == 3
    assert not (home / "runs" / "latest").exists()


def test_another_seed_replaces_the_run(home: Path) -> None:
    """Its settings are the order's, whatever was done in the run before."""
    said(home)
    messages: list[dict[str, Any]] = []
    carry_out(Order("planted", str(home), 8), messages.append, lambda: None)
    assert sum(m.get("state") == "done" for m in messages) == 3
    recorded = Run(home / "runs" / "demo-planted").manifest().config
    assert recorded["fetch"]["seed"] == 8 == settings(MARKETS[0], 8).fetch.seed


def test_a_run_of_that_name_that_is_somebody_s_own_is_left_alone(home: Path) -> None:
    """Bars of another symbol were fetched into it."""
    said(home)
    run = Run(home / "runs" / "demo-planted")
    manifest = run.manifest()
    manifest.stages["fetch"].config["symbols"] = ["SPY"]
    run.commit(manifest, [], datetime.now(UTC))
    before = (run.path / "manifest.json").read_bytes()
    with pytest.raises(UsageError, match="not a run of the demonstration"):
        said(home, refresh=True)
    assert (run.path / "manifest.json").read_bytes() == before


def test_progress_is_said_now_and_then_and_kernels_are_counted() -> None:
    """Ten words a second are enough to be drawn."""
    messages: list[dict[str, Any]] = []
    tell = market_process._progress(messages.append, "train")
    for done in range(1000):
        tell("train", done, 1000)
    assert messages[0] == {"stage": "train", "note": "0 of 1000"}
    assert len(messages) < 10
    tell(first_run.LABEL, 3, 10)
    assert messages[-1] == {"kernels": [3, 10]}


def started(order: Order) -> subprocess.Popen[str]:
    """The process itself."""
    process = subprocess.Popen([sys.executable, "-m", "hfm.cli.demo.market_process"], text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(order)) + "\n")
    process.stdin.flush()
    return process


def test_an_error_is_said_and_is_no_traceback(tmp_path: Path) -> None:
    """As what, why and what next."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "demo-none").write_text("a file where a folder belongs")
    process = started(Order("none", str(tmp_path), 7))
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readlines()[-1])["error"]["kind"] == "disk"
    assert process.wait(30) == 0
    assert process.stderr.read() == ""


def test_it_ends_when_the_process_that_gave_the_order_is_gone(tmp_path: Path) -> None:
    """Killed or not: its stdin ends. What it was at is seen as interrupted."""
    process = started(Order("none", str(tmp_path), 7))
    assert process.stdin is not None
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"stage": "fetch", "state": "running"}
    process.stdin.close()
    threading.Thread(target=process.stdout.read, daemon=True).start()
    assert process.wait(30) != 0
