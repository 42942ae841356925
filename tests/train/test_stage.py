"""The train stage on a small market: schemas, causality, determinism, its figures."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.config import Config
from hfm.errors import DataError
from hfm.models import checkpoint as store
from hfm.stage import Context
from hfm.tables import MemoryReader
from hfm.train import stage
from tests.train.market import market, small


def train(
    quotes: pa.Table, config: Config, oracle: pa.Table | None = None, **changes: Any
) -> tuple[dict[str, Any], Context]:
    """(artifact -> table or document, the context) of one run of the stage."""
    ctx = Context("train", seed=config.train.seed, **changes)
    inputs = {"simulate/quotes.parquet": MemoryReader(quotes)}
    if oracle is not None:
        inputs["simulate/oracle.parquet"] = MemoryReader(oracle)
    found: dict[str, list[Any]] = {}
    for name, payload in stage.run(inputs, config, ctx):
        if isinstance(payload, pa.Table):
            tables.check(payload, tables.TABLES[name.removeprefix("train/").removesuffix(".parquet")])
        found.setdefault(name, []).append(payload)
    merged = {
        name: pa.concat_tables(parts).unify_dictionaries() if isinstance(parts[0], pa.Table) else parts[0]
        for name, parts in found.items()
    }
    return merged, ctx


def digest(found: dict[str, Any]) -> dict[str, str]:
    """Artifact -> hash of its content."""
    out = {}
    for name, value in found.items():
        data = value if isinstance(value, bytes) else (
            json.dumps(value).encode() if isinstance(value, dict) else repr(value.to_pydict()).encode()
        )  # fmt: skip
        out[name] = hashlib.sha256(data).hexdigest()
    return out


@pytest.fixture(scope="module")
def done() -> tuple[dict[str, Any], Context]:
    """Two symbols, 21 sessions."""
    quotes, oracle = market(symbols=("AAA", "BBB"))
    return train(quotes, small(), oracle)


def test_every_artifact_is_made_and_fits_its_schema(done: tuple[dict[str, Any], Context]) -> None:
    """Five artifacts; six test sessions; a row for each model."""
    found, ctx = done
    assert set(found) == {"train/model.safetensors", "train/model.json", "train/predictions.parquet",
                          "train/scores.parquet", "train/history.parquet"}  # fmt: skip
    data = tables.arrays(found["train/predictions.parquet"])
    assert len(np.unique(data["session"])) == 6
    assert sorted(set(data["model"])) == ["constant", "har", "logistic", "lstm", "persistence"]
    tested = np.isin(tables.arrays(market(symbols=("AAA", "BBB"))[0])["session"], np.unique(data["session"]))
    assert len(data["seq"]) == 5 * tested.sum()
    assert ctx.figures["model"] == "lstm"
    assert any(line.startswith("lstm *") for line in ctx.lines)


def test_predictions_are_probabilities_and_ordered_quantiles(done: tuple[dict[str, Any], Context]) -> None:
    """Ranges, and a label time later than the row."""
    data = tables.arrays(done[0]["train/predictions.parquet"])
    for name in ("p_up", "p_raw", "p_widen", "conf_rank"):
        assert ((data[name] >= 0) & (data[name] <= 1)).all(), name
    assert (data["spread_q10"] <= data["spread_q50"]).all()
    assert (data["spread_q50"] <= data["spread_q90"]).all()
    assert (data["ret_sd_bps"] > 0).all()
    labelled = data["time_label"] > 0
    assert (data["time_label"][labelled] > data["time"][labelled]).all()
    assert (np.isfinite(data["y_ret_bps"]) == labelled).all()


def test_the_labels_say_what_the_next_row_says(done: tuple[dict[str, Any], Context]) -> None:
    """Joined on (symbol, session, seq + 1), from the quotes alone."""
    quotes = tables.arrays(market(symbols=("AAA", "BBB"))[0])
    keys = zip(quotes["symbol"], quotes["session"], quotes["seq"], strict=True)
    mid = dict(zip(keys, quotes["mid_close"], strict=True))
    data = tables.arrays(done[0]["train/predictions.parquet"])
    for i in range(0, len(data["seq"]), 7):
        key = (data["symbol"][i], data["session"][i], data["seq"][i])
        after = mid.get((*key[:2], key[2] + 1))
        expected = np.nan if after is None else 1e4 * np.log(after / mid[key])
        np.testing.assert_allclose(data["y_ret_bps"][i], expected, atol=1e-9)


def test_what_comes_after_a_row_changes_no_prediction_up_to_it(done: tuple[dict[str, Any], Context]) -> None:
    """Future poison in the last session: all earlier predictions are the same bits."""
    quotes = market(symbols=("AAA", "BBB"))[0]
    session = tables.column_array(quotes.column("session"))
    rows = np.flatnonzero(session == session[-1])
    poisoned, cut = quotes, int(rows[5])
    for field in quotes.schema:
        if pa.types.is_float64(field.type):
            values = tables.column_array(quotes.column(field.name)).copy()
            values[cut:] = np.abs(values[cut:]) * 1.5 + 0.01
            poisoned = poisoned.set_column(poisoned.schema.get_field_index(field.name), field, pa.array(values))
    clean, dirty = (tables.arrays(t["train/predictions.parquet"]) for t in (done[0], train(poisoned, small())[0]))
    first = next(iter(tables.arrays(quotes.slice(cut, 1))["seq"]))
    known = ~((clean["session"] == session[-1]) & ((clean["symbol"] == "BBB") | (clean["seq"] >= first)))
    for name in ("p_up", "p_raw", "conf_rank", "ret_sd_bps", "spread_q10", "spread_q50", "spread_q90", "p_widen"):
        np.testing.assert_array_equal(clean[name][known], dirty[name][known])
    assert (clean["p_widen"][~known] != dirty["p_widen"][~known]).any()


def test_the_same_run_twice_gives_the_same_bytes_and_another_seed_others() -> None:
    """Determinism in one process."""
    quotes = market()[0]
    one, two, other = (digest(train(quotes, small(epochs=2, seed=s))[0]) for s in (7, 7, 8))
    assert one == two
    assert one["train/model.safetensors"] != other["train/model.safetensors"]


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds in two spawned workers against folds one after the other."""
    quotes = market()[0]
    monkeypatch.setattr("hfm.train.fit_jobs.WORTH", 0)
    assert digest(train(quotes, small(epochs=2))[0]) == digest(train(quotes, small(epochs=2), workers=2)[0])


def test_the_checkpoint_loads_and_the_step_gives_the_predictions_again(done: tuple[dict[str, Any], Context]) -> None:
    """Live equals batch: rows of a test session, one step at a time from the stored file, bit for bit."""
    from hfm.models import inference
    from tests.train.market import rows

    found, _ = done
    checkpoint = store.load(found["train/model.safetensors"], json.loads(json.dumps(found["train/model.json"])))
    panel = rows(symbols=("AAA", "BBB")).panel
    data = tables.arrays(found["train/predictions.parquet"])
    for name in ("lstm", "logistic", "har", "constant", "persistence"):
        for i in np.flatnonzero(panel.session == panel.session[-1]):
            symbol = panel.symbols[panel.symbol[i]]
            model, finish = checkpoint.steps("fold1", symbol, name)
            state, out = inference.state_new(model), np.empty(1, inference.FORECAST)
            final = inference.calibration.py_func(finish)
            mine = (data["model"] == name) & (data["symbol"] == symbol) & (data["session"] == data["session"][-1])
            said = np.column_stack([data[c][mine] for c in inference.FORECAST_COLUMNS])
            for k, t in enumerate(range(int(panel.start[i]), int(panel.start[i + 1]))):
                slot, spread_bps = int(panel.slot[t]), float(panel.spread_bps[t])
                inference.step(state, panel.x[t], slot, spread_bps, model, final, out[0])
                np.testing.assert_array_equal(out[0].item(), said[k])


def test_history_and_scores_speak_of_every_network_and_model(done: tuple[dict[str, Any], Context]) -> None:
    """Epoch 0 is the floor; scores pooled and by fold."""
    history, scores = (tables.arrays(done[0][f"train/{n}.parquet"]) for n in ("history", "scores"))
    assert set(history["fold"]) == {-1, 0, 1}
    assert set(history["seed"]) == {0, 1}
    assert history["epoch"].min() == 0
    assert set(scores["fold"]) == {-1, 0, 1}
    assert {"constant", "persistence", "rule", "har", "logistic", "lstm", "oracle"} == set(scores["model"])
    assert done[1].figures["spread_r2_oracle"] > 0
    assert any(line.startswith("oracle") for line in done[1].lines)


def test_too_few_sessions_are_refused_before_anything_is_fitted() -> None:
    """Exit 4 with the minimum needed."""
    with pytest.raises(DataError, match=r"10 sessions are too few.*18"):
        train(market(sessions=10)[0], small())


def test_a_floor_can_be_the_model() -> None:
    """hfm train --model har: no network, no torch, empty history."""
    found, ctx = train(market()[0], small(model="har"))
    assert found["train/history.parquet"].num_rows == 0
    assert "lstm" not in set(tables.arrays(found["train/scores.parquet"])["model"])
    assert ctx.figures["model"] == "har"


def test_a_model_beside_the_model_is_scored_predicted_and_stored() -> None:
    """train.also: the run's model stays the run's, byte for byte."""
    alone, both = (train(market()[0], small(model="har", also=also))[0] for also in ((), ("bare",)))
    assert "bare" in set(tables.arrays(both["train/scores.parquet"])["model"])
    loaded = store.load(both["train/model.safetensors"], both["train/model.json"])
    assert "seed0/head/b" in loaded.part("final", "bare")
    one, two = (tables.arrays(found["train/predictions.parquet"]) for found in (alone, both))
    np.testing.assert_array_equal(one["p_up"][one["model"] == "har"], two["p_up"][two["model"] == "har"])
    assert set(two["model"]) - set(one["model"]) == {"bare"}


def test_a_longer_horizon_and_the_seed_features_run_through() -> None:
    """Labels are thinner at the close; the checkpoint says which features it reads."""
    found, _ = train(market()[0], small(horizon=3, features="seed", epochs=1, seeds=1))
    data = tables.arrays(found["train/predictions.parquet"])
    mine = data["model"] == "lstm"
    assert (np.isnan(data["y_vol"][mine])).sum() == 3 * 6
    assert found["train/model.json"]["features"]["group"] == "seed"


def test_progress_counts_up_to_the_end() -> None:
    """One bar over all folds and networks; early stops are filled in."""
    seen: list[tuple[int, int, str]] = []
    train(
        market()[0],
        small(epochs=3, patience=1),
        progress=lambda _, done, total, note="": seen.append((done, total, note)),
    )
    counts = [done for done, *_ in seen]
    assert counts == sorted(counts)
    assert counts[-1] == seen[-1][1] == 3 * 3 * 2
    assert "valid log-loss" in seen[0][2]
