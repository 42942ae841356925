"""`hfm simulate --calibrate-from`, as typed."""

from __future__ import annotations

import json
from pathlib import Path

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
    refused = hfm("simulate", "--run", "bars", "--calibrate-from", "bars", cwd=tmp_path)
    assert refused.code == 2
    assert "--fidelity replay" in refused.err
