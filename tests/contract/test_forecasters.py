"""What every forecaster promises, whatever it is: a new one inherits these tests with its registry line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm import plugins
from hfm.models import checkpoint
from hfm.models.heads import HEADS
from hfm.plugins import Arrays, Forecaster, Panel
from hfm.stage import Context
from tests.train.market import SMALL, rows

MODELS = plugins.names("models")


def model(name: str) -> Forecaster:
    """A fresh forecaster."""
    found: Forecaster = plugins.find("models", name)()
    return found


def data() -> Panel:
    """Two symbols, 21 sessions."""
    return rows(symbols=("AAA", "BBB")).panel


@pytest.fixture(scope="module")
def fitted() -> dict[str, Arrays]:
    """Each model, fitted on 12 sessions."""
    panel = data()
    return {name: model(name).fit(panel.of_sessions(0, 12), panel.of_sessions(12, 15), SMALL, Context("train", seed=7))
            for name in MODELS}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_heads_are_finite_where_features_are_known_and_nan_elsewhere(name: str, fitted: dict[str, Arrays]) -> None:
    """A head that a model has is a number in every known row; masked rows are NaN in all heads."""
    panel = data()
    heads = model(name).predict(fitted[name], panel)
    known = np.isfinite(panel.x).all(axis=1)
    assert heads.shape == (len(panel.slot), len(HEADS))
    assert np.isnan(heads[~known]).all()
    finite = np.isfinite(heads[known])
    assert (finite.all(axis=0) | ~finite.any(axis=0)).all()
    assert finite.any()
    with np.errstate(invalid="ignore"):
        assert not (np.diff(heads[:, 2:], axis=1) < 0).any()


@pytest.mark.parametrize("name", MODELS)
def test_a_row_depends_on_nothing_after_it(name: str, fitted: dict[str, Arrays]) -> None:
    """Changed features and labels after a row leave the heads up to it bit-equal."""
    panel = data().of_sessions(15, 18)
    x = panel.x.copy()
    cut = int(panel.start[1]) + 7
    x[cut:] = x[cut:] * -2 + 1
    clean = model(name).predict(fitted[name], panel)
    dirty = model(name).predict(fitted[name], replace(panel, x=x, up=1 - panel.up, log_vol=panel.log_vol + 9))
    np.testing.assert_array_equal(clean[:cut], dirty[:cut])


@pytest.mark.parametrize("name", MODELS)
def test_a_session_alone_is_what_it_is_in_the_batch(name: str, fitted: dict[str, Arrays]) -> None:
    """No sequence sees another: nothing is normalised over the batch."""
    panel = data()
    whole = model(name).predict(fitted[name], panel)
    first = int(panel.start[np.searchsorted(panel.session, panel.session[-1])])
    np.testing.assert_array_equal(model(name).predict(fitted[name], panel.of_sessions(20, 21)), whole[first:])


@pytest.mark.parametrize("name", MODELS)
def test_only_training_rows_are_fitted(name: str) -> None:
    """Test rows are never given; validation rows may choose but not move the scalers."""
    panel = data()
    train, valid = panel.of_sessions(0, 12), panel.of_sessions(12, 15)
    other = replace(valid, x=valid.x * 3 + 1)
    one, two = (model(name).fit(train, v, replace(SMALL, epochs=1), Context("train", seed=7)) for v in (valid, other))
    for key in one:
        if key.endswith(checkpoint.SCALERS):
            np.testing.assert_array_equal(one[key], two[key])


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_arrays(name: str, fitted: dict[str, Arrays]) -> None:
    """Byte-equal."""
    panel = data()
    again = model(name).fit(panel.of_sessions(0, 12), panel.of_sessions(12, 15), SMALL, Context("train", seed=7))
    assert {k: v.tobytes() for k, v in again.items()} == {k: v.tobytes() for k, v in fitted[name].items()}


@pytest.mark.parametrize("name", MODELS)
def test_a_symbol_not_seen_in_training_is_forecast_with_the_pooled_scaler(name: str, fitted: dict[str, Arrays]) -> None:
    """Its index is -1; the heads are finite where the features are."""
    panel = data().of_sessions(15, 16)
    stranger = replace(panel, symbol=np.full_like(panel.symbol, -1))
    heads = model(name).predict(fitted[name], stranger)
    assert np.isfinite(heads[:, 3]).all()


@pytest.mark.parametrize("name", MODELS)
def test_gates_of_zero_give_the_base(name: str, fitted: dict[str, Arrays]) -> None:
    """A correction that validation does not support leaves its floor, bit for bit."""
    forecaster = model(name)
    if forecaster.base is None:
        pytest.skip(f"{name} stands alone")
    panel = data().of_sessions(12, 18)
    shut = forecaster.predict({**fitted[name], "gates": np.zeros(3)}, panel)
    np.testing.assert_array_equal(shut, model(forecaster.base).predict(fitted[forecaster.base], panel))


@pytest.mark.parametrize("name", MODELS)
def test_masked_labels_and_still_prices_do_not_break_a_fit(name: str) -> None:
    """Labels all NaN, or a constant feature: finite arrays, no warning."""
    panel = data()
    nan = np.full(len(panel.up), np.nan)
    x = panel.x.copy()
    x[np.isfinite(x[:, 0]), :3] = 1.0
    for edge in (replace(panel, up=nan, ret_bps=nan), replace(panel, x=x)):
        arrays = model(name).fit(edge.of_sessions(0, 12), edge.of_sessions(12, 15), replace(SMALL, epochs=1, seeds=1),
                                 Context("train", seed=7))  # fmt: skip
        assert all(np.isfinite(v).all() for k, v in arrays.items() if name != "rule" or k != "floor/label")
