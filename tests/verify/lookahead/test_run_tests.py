"""Look-ahead is found and named, wherever it is planted; a clean run passes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import plugins
from hfm.config import Backtest, Config, Fetch, Simulate, Train
from hfm.features import batch
from hfm.runs.manifest import Run
from hfm.runs.pipeline import Options, run_all
from hfm.simulate.bars import generator as simulated
from hfm.tables import MemoryReader
from hfm.tables.json_document import from_json
from hfm.tables.metrics_document import Metrics
from hfm.verify.claims import Row
from hfm.verify.lookahead import run_tests
from tests.verify import cheats

NOW = datetime(2026, 3, 6, 22, 0, tzinfo=UTC)
HERE = "tests.verify.cheats"


def made(home: Path, source: str = "synthetic", model: str = "logistic", **other: Any) -> Run:
    """A run of half-hour bars through all stages but the report. other: sections."""
    sections: dict[str, Any] = {
        "fetch": Fetch(symbols=("SPY",), source=source, sessions=21, interval="30m"),
        "train": Train(model=model, seeds=1, epochs=2, hidden=4, layers=1), **other,
    }  # fmt: skip
    run = Run(home / "runs" / "r")
    run.path.mkdir(parents=True)
    for item in run_all(run, Config(**sections), Options(home, clock=lambda: NOW), False):
        if isinstance(item, tuple) and item[0].name == "report":
            break
    return run


def failed(run: Run, *stages: str) -> list[str]:
    """The claims about stages (all of them) that do not hold."""
    rows = run_tests.of_run(run, lambda _: None, stages=stages or run_tests.STAGES)
    return [row.claim for row in rows if not row.passed]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which nothing knows the future."""
    return made(tmp_path_factory.mktemp("clean"))


def test_a_clean_run_passes_every_test_of_every_stage(clean: Run) -> None:
    """Rows are compared in all four stages, and none is nought of nought."""
    heard: list[str] = []
    rows = run_tests.of_run(clean, heard.append)
    assert [row.claim for row in rows if not row.passed] == []
    assert re.match(r"look-ahead: the cuts are drawn by --seed \d+", heard.pop(0))
    assert heard == [f"look-ahead: {stage}" for stage in ("fetch", "simulate", "train", "backtest")]
    assert {row.claim.split(":")[0] for row in rows} == {"fetch", "simulate", "train", "backtest"}
    assert all(row.got > 0 for row in rows if row.unit)


def test_a_source_that_smooths_around_each_row_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A centred rolling mean of the close: stage, column, and the first row whose mean reached further."""
    monkeypatch.setitem(plugins.REGISTRY["sources"], "smooth", f"{HERE}:SmoothSource")
    claims = failed(made(tmp_path, source="smooth"), "fetch")
    assert claims
    assert all(
        re.match(r"fetch: (high|low|close) of SPY 2026-\d\d-\d\d row \d+ knows what comes later", c) for c in claims
    )


@pytest.mark.parametrize(("model", "said"), [
    ("Whole", r"train: Whole's p_up of SPY \S+ row 0 knows what comes later"),
    ("Late", r"train: Late's p_up of SPY \S+ row \d+ knows what comes later"),
    ("WideScaler", r"train: floor/centre of WideScaler, fold 0, is fitted on its validation rows"),
    ("FarSeeing", r"train: floor/direction of FarSeeing, fold 0, is fitted on everything after"),
])  # fmt: skip
def test_a_model_that_peeks_is_named(model: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scaler over all rows, a label one row late, a scaler that saw validation, weights that saw the test."""
    monkeypatch.setitem(plugins.REGISTRY["models"], model, f"{HERE}:{model}")
    claims = failed(made(tmp_path, model=model), "train")
    assert claims
    assert any(re.match(said, claim) for claim in claims), claims
    assert all(claim.startswith("train: ") for claim in claims)


def test_a_quotes_column_with_a_centred_mean_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the simulator itself: the column and the first row that it changes."""
    plain = simulated.quotes

    def smooth(sheet: simulated.SimulatedSessions, grid: Any) -> dict[str, Any]:  # Any: Grid, columns
        columns = plain(sheet, grid)
        return columns | {"ofi": cheats.centred(columns["ofi"])}

    monkeypatch.setattr("hfm.simulate.bars.stage.quotes", smooth)
    claims = failed(made(tmp_path), "simulate")
    assert all(re.match(r"simulate: ofi of SPY \S+ row \d+ knows what comes later", claim) for claim in claims)
    assert len(claims) == 2


def test_a_feature_with_a_centred_mean_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feature, and the row, in the stage that uses it."""
    compute: Callable[..., Any] = batch.compute

    def smooth(columns: Any, states: Any, names: Any) -> Any:  # Any: as batch.compute
        out = compute(columns, states, names)
        place = list(names).index("gk_1")
        out[:, place] = cheats.centred(out[:, place])
        return out

    monkeypatch.setattr(batch, "compute", smooth)
    claims = failed(made(tmp_path), "train")
    assert any(re.match(r"train: feature gk_1 of SPY \S+ row \d+ knows what comes later", claim) for claim in claims)


def test_a_policy_that_compares_rows_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It proposes another signal for a row once later rows are gone."""
    monkeypatch.setitem(plugins.REGISTRY["policies"], "best", f"{HERE}:Best")
    claims = failed(made(tmp_path, backtest=Backtest(threshold="best")), "backtest")
    assert any(re.match(r"backtest: signal of SPY \S+ row \d+ (knows what comes later|hangs on)", c) for c in claims)
    assert all(claim.startswith("backtest: ") for claim in claims)


def test_fills_at_the_signals_own_close_are_named(tmp_path: Path) -> None:
    """Asked for by name, and a look-ahead all the same."""
    (claim,) = failed(made(tmp_path, backtest=Backtest(fill="close", allow_lookahead=True)), "backtest")
    assert claim.startswith("backtest: px_open of every row")


def test_the_original_recipe_is_told_that_its_noise_knows_the_whole_sample(tmp_path: Path) -> None:
    """Its spread is scaled by all rows: the first row already changes."""
    claims = failed(made(tmp_path, simulate=Simulate(recipe="seed")), "simulate")
    assert claims
    assert all(re.match(r"simulate: bid_\w+ of SPY \S+ row 0", claim) for claim in claims)


def test_a_delay_that_takes_everything_is_suspicious_only_where_directions_are_called_too_well() -> None:
    """Without suspicion any share passes; the row says what is left either way."""
    from tests.backtest.market import predictions, walk

    quoted = walk(("SPY",), 20, 78)
    moves = np.append(np.diff(quoted["mid_close"].to_numpy()), 0.0)
    for p, passed in ((np.where(moves > 0, 0.7, 0.3), False), (np.full(len(moves), 0.49), True)):
        said: pa.Table = predictions(quoted, {"constant": np.full(len(moves), 0.5), "logistic": p})
        curve = [{"lag": 0, "gross_return": 1.0}, {"lag": 1, "gross_return": 0.01}]
        document = from_json(Metrics, {"model": "logistic", "sensitivity": {"delay": curve}})
        readers = {run_tests.PREDICTIONS: MemoryReader(said)}
        row: Row = run_tests._delay(readers, document, Config())
        assert row.passed is passed
        assert "signals one row later" in row.claim
