"""A fit and its forecasts made again: what was written must be what the stored model says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hfm import plugins
from hfm.artifacts import MODEL, PREDICTIONS, WEIGHTS
from hfm.config import Fetch, Layer, Train, load
from hfm.models import checkpoint
from hfm.plugins import Arrays, Float, Panel
from hfm.runs import freshness
from hfm.stage import Context
from hfm.tables import MemoryReader, Reader, column_array
from hfm.train import fit_jobs
from hfm.verify import warm_folds
from hfm.verify.in_memory_run import InMemoryRun, synthetic
from hfm.verify.lookahead import run_tests
from hfm.verify.lookahead.isolation import Isolated
from tests.verify.lookahead.test_run_tests import failed, made
from tests.verify.test_warm_folds import from_the_later


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


class Onward:
    """The share of rises, half of it from the fold before where one is given."""

    base = None
    deep, warm, stepped = True, True, False
    members = ()

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """One number."""
        share = np.array([np.nanmean(train.up)])
        return {"share": share if ctx.before is None else (share + ctx.before["share"]) / 2}

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """It, in every row that is whole."""
        heads = np.full((len(panel.slot), 5), np.nan)
        heads[np.isfinite(panel.x).all(axis=1), 0] = np.log(arrays["share"][0] / (1 - arrays["share"][0]))
        return heads


class OnwardAlone(Onward):
    """One that has no say in how its folds are fitted."""

    warm = False


@pytest.mark.parametrize(("name", "warm_start"), [("Onward", True), ("Onward", False), ("OnwardAlone", True)])
def test_a_fit_is_given_the_fold_before_where_training_gave_it(
    name: str, warm_start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that begins there if it can is honest with warm starts, without, and where its folds are fitted apart."""
    monkeypatch.setitem(plugins.REGISTRY["models"], "onward", f"{__name__}:{name}")
    train = {"model": "onward", "warm_start": warm_start}
    run = synthetic(24, 61, {"fetch": {"interval": "30m"}, "train": train}).through("simulate", "train")
    readers = {artifact: MemoryReader(payload) for artifact, payload in run.artifacts.items()}
    with Isolated() as asked:
        rows = list(run_tests.learnt(readers, run.config, asked, np.random.default_rng(1)))
    assert [line.claim for line in rows if not line.passed] == []


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lstm", "gbm", "ensemble"])
def test_every_kind_of_model_passes_when_it_is_honest(model: str, tmp_path: Path) -> None:
    """Networks, trees, and what combines them: members and all."""
    fetch = Fetch(symbols=("SPY", "QQQ"), source="synthetic", sessions=21, interval="30m")
    assert failed(made(tmp_path, model=model, fetch=fetch), "train") == []


def warm() -> InMemoryRun:
    """A run whose later networks begin from the fold before."""
    return synthetic(warm_folds.SESSIONS, warm_folds.SEED, warm_folds.SETTINGS).through("simulate", "train")


def wrong(run: InMemoryRun) -> list[str]:
    """What the look-ahead tests of training say does not hold."""
    readers: dict[str, Reader] = {name: MemoryReader(payload) for name, payload in run.artifacts.items()}
    with Isolated() as asked:
        rows = run_tests.of_stage("train", readers, run.config, asked, np.random.default_rng(3))
    return [row.claim for row in rows if not row.passed]


def swapped(run: InMemoryRun, one: str, other: str) -> InMemoryRun:
    """The run with the arrays of one fit in the place of another's, in a checkpoint that is whole."""
    weights = run.artifacts[WEIGHTS]
    assert isinstance(weights, bytes)
    found, document = checkpoint.load(weights, run.document(MODEL)), run.document(MODEL)
    later: Arrays = {f"{one}/{key}": value for key, value in found.part(other).items()}
    data, document = checkpoint.dump({**found.arrays, **later}, document)
    return InMemoryRun(run.config, {**run.artifacts, WEIGHTS: data, MODEL: json.dumps(document).encode()})


@pytest.mark.slow
def test_a_fold_refitted_from_the_stored_one_before_it_is_the_stored_one_and_no_other_is() -> None:
    """A later fold's arrays in the place of an earlier one's: stage, column and row, and the array of the next fit."""
    run = warm()
    assert wrong(run) == []
    found = wrong(swapped(run, "fold1", "fold2"))
    written = run.table(PREDICTIONS)
    tested = column_array(written["fold"]) == 1
    days = np.unique(column_array(written["session"])[tested]).astype("datetime64[D]")
    match = re.fullmatch(r"train: \w+ of SPY (\S+) row \d+ is not what the stored lstm says", found[0])
    assert match
    assert np.datetime64(match[1]) in days
    assert any(re.match(r"train: \S+ of lstm, fold [12], is fitted on everything", text) for text in found[1:])


@pytest.mark.slow
def test_a_trainer_that_begins_from_the_later_fold_is_named_by_array_and_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its forecasts are what its model says; the fit that is given the fold before comes out another."""
    with monkeypatch.context() as patched:
        patched.setattr(fit_jobs, "_fit_chain", from_the_later)
        run = warm()
    (found,) = wrong(run)
    assert re.fullmatch(r"train: seed\d/\S+ of lstm, fold 0, is fitted on everything after its validation rows", found)
