"""metrics.prom after every stage: what it says of the run, and that a stream's part survives it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hfm.config import Config, Fetch
from hfm.prometheus import MetricFamily
from hfm.runs import metrics_file, stages
from hfm.runs.manifest import create
from hfm.runs.pipeline import Options, execute
from tests import toy

NOW = datetime(2025, 4, 1, 20, 0, tzinfo=UTC)


def test_a_stage_leaves_its_time_rows_and_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One family a fact, one sample a stage, the run as a label; no other file of the run changes."""
    monkeypatch.setattr(stages, "STAGES", toy.STAGES)
    run = create(tmp_path, "r", ["SPY"], NOW)
    config = Config(fetch=Fetch(symbols=("SPY", "X")))
    options = Options(tmp_path, clock=lambda: NOW)
    with run.lock():
        execute(run, toy.STAGES[0], config, options)
        metrics_file.renew(
            run, [MetricFamily("hfm_stream_rows_total", "counter", "R.", [({}, 5.0)])], metrics_file.STREAM
        )
        execute(run, toy.STAGES[1], config, options)
    text = (run.path / metrics_file.FILE).read_text()
    for line in (
        f'hfm_stage_last_success_timestamp_seconds{{run="r",stage="fetch"}} {NOW.timestamp():.0f}.0'.removesuffix(".0"),
        'hfm_stage_rows{run="r",artifact="fetch/bars.parquet"} 12', 'hfm_stage_losses{run="r",stage="fetch"} 1',
        'hfm_stage_losses{run="r",stage="simulate"} 0', 'hfm_stream_rows_total{run="r"} 5',
    ):  # fmt: skip
        assert line in text.splitlines(), text
    assert text.count("# TYPE hfm_stage_losses") == 1
