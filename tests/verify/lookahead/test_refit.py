"""A fit and its forecasts made again: what was written must be what the stored model says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hfm.config import Fetch, Layer, load
from hfm.runs import freshness
from hfm.tables import MemoryReader, column_array
from hfm.verify.lookahead import run_tests
from hfm.verify.lookahead.isolation import Isolated
from tests.verify.lookahead.test_run_tests import failed, made


def test_a_forecast_that_the_stored_model_does_not_say_is_named(tmp_path: Path) -> None:
    """One probability of one row written otherwise: its column and its row."""
    run = made(tmp_path)
    manifest = run.manifest()
    config = load([Layer("run", manifest.config)])
    readers = freshness.readers(run, {a: "" for stage in manifest.stages.values() for a in stage.artifacts})
    table = readers[run_tests.PREDICTIONS].read()
    model = column_array(table["model"])
    row = int(np.flatnonzero(model == "logistic")[4])
    p = column_array(table["p_up"]).copy()
    p[row] += 0.01
    place = table.schema.get_field_index("p_up")
    readers[run_tests.PREDICTIONS] = MemoryReader(table.set_column(place, table.schema.field(place), pa.array(p)))
    with Isolated() as asked:
        rows = run_tests.of_stage("train", readers, config, asked, np.random.default_rng(1))
    wrong = [line.claim for line in rows if not line.passed]
    day = column_array(table["session"])[row].astype("datetime64[D]")
    assert wrong == [
        f"train: p_up of SPY {day} row {column_array(table['seq'])[row]} is not what the stored logistic says"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lstm", "gbm", "ensemble"])
def test_every_kind_of_model_passes_when_it_is_honest(model: str, tmp_path: Path) -> None:
    """Networks, trees, and what combines them: members and all."""
    fetch = Fetch(symbols=("SPY", "QQQ"), source="synthetic", sessions=21, interval="30m")
    assert failed(made(tmp_path, model=model, fetch=fetch), "train") == []
