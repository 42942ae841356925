"""A payload belongs to the writer once it is given: a stage that used its arrays again would change what is written."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hfm.config import Backtest, Config, Fetch, Simulate, Train
from hfm.runs import stages
from hfm.runs.manifest import Run
from hfm.runs.pipeline import Options, execute
from hfm.runs.staging import Staged
from hfm.stage import Payload

NOW = datetime(2026, 3, 6, 22, 0, tzinfo=UTC)
FETCH = Fetch(symbols=("SPY", "QQQ"), source="synthetic", sessions=21, interval="30m")
KINDS: dict[str, dict[str, Any]] = {  # Any: sections
    "bars": {},
    "a book": {
        "simulate": Simulate(fidelity="book", events=True, prints=True, snapshots=True),
        "fetch": Fetch(symbols=("SPY",), source="synthetic", sessions=2, interval="1h"),
    },
}


def digests(home: Path, kind: str) -> dict[str, str]:
    """SHA-256 of each artifact of a run through its stages; a book's two."""
    sections = {"fetch": FETCH, "backtest": Backtest(threshold="q50")} | KINDS[kind]
    config = Config(train=Train(seeds=1, epochs=2, hidden=8, layers=1), **sections)
    run = Run(home / "runs" / "r")
    run.path.mkdir(parents=True)
    for stage in stages.STAGES[: 5 if kind == "bars" else 2]:
        execute(run, stage, config, Options(home, clock=lambda: NOW))
    return {name: item.sha256 for stage in run.manifest().stages.values() for name, item in stage.artifacts.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_at_the_end_is_what_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Every payload written when its stage is over, against every one written at once."""

    def now(self: Staged, artifact: str, payload: Payload) -> None:
        self.made.add(artifact)
        self._write(artifact, payload)

    held: list[tuple[str, Payload]] = []
    close = Staged.close

    def later(self: Staged, artifact: str, payload: Payload) -> None:
        self.made.add(artifact)
        held.append((artifact, payload))

    def over(self: Staged, writes: Collection[str], may_write: Collection[str]) -> None:
        for item in held:
            self._write(*item)
        held.clear()
        close(self, writes, may_write)

    monkeypatch.setattr(Staged, "take", now)
    want = digests(tmp_path / "now", kind)
    monkeypatch.setattr(Staged, "take", later)
    monkeypatch.setattr(Staged, "close", over)
    assert digests(tmp_path / "later", kind) == want
    assert len(want) >= 7
