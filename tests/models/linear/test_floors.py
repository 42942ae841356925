"""What each floor says, on markets where it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.config import Train
from hfm.models.linear import floors
from hfm.plugins import Arrays, Panel
from hfm.stage import Context
from tests.train.market import rows

OPTIONS = Train()


def fitted(kind: type[floors.Constant], panel: Panel) -> np.ndarray:
    """Heads on the rows the floor was fitted on."""
    model = kind()
    return model.predict(model.fit(panel, panel.of_sessions(0, 0), OPTIONS, Context("train")), panel)


def test_constant_says_the_base_rate_the_mean_and_the_quantiles() -> None:
    """Of the training rows."""
    panel = rows().panel
    heads = fitted(floors.Constant, panel)
    known = np.isfinite(panel.x).all(axis=1)
    up = panel.up[known & np.isfinite(panel.up)]
    p = 1 / (1 + np.exp(-heads[known][0, 0]))
    assert p == pytest.approx((up.sum() + 1) / (len(up) + 2))
    rows_known = known & np.isfinite(panel.log_vol)
    assert heads[known][0, 1] == pytest.approx(panel.log_vol[rows_known].mean())
    np.testing.assert_allclose(
        heads[known][0, 2:], np.quantile(panel.log_spread[rows_known], [0.1, 0.5, 0.9]), atol=1e-9
    )


def test_persistence_says_what_is() -> None:
    """The row's own volatility; its own spread, moved by the median change; one half for the direction."""
    panel = rows(symbols=("AAA", "BBB")).panel
    heads = fitted(floors.Persistence, panel)
    known = np.isfinite(panel.x).all(axis=1)
    gk = panel.x[known, panel.names.index("gk_1")]
    z = np.abs(gk - gk.mean()) < 3 * gk.std()
    np.testing.assert_allclose(heads[known, 1][z], gk[z], atol=1e-9)
    np.testing.assert_array_equal(heads[known, 0], 0)


def test_har_beats_persistence_and_the_constant_in_sample() -> None:
    """Volatility and spread, squared error."""
    panel = rows().panel
    good = np.isfinite(panel.log_vol) & np.isfinite(panel.x).all(axis=1)
    for column, y in ((1, panel.log_vol), (3, panel.log_spread)):
        errors = {k.__name__: np.mean((y[good] - fitted(k, panel)[good, column]) ** 2)
                  for k in (floors.Constant, floors.Persistence, floors.Har)}  # fmt: skip
        assert errors["Har"] < min(errors["Constant"], errors["Persistence"])


def test_the_residual_quantiles_cover_what_they_say() -> None:
    """10, 50 and 90 % of the training labels lie below."""
    panel = rows().panel
    heads = fitted(floors.Har, panel)
    good = np.isfinite(panel.log_spread) & np.isfinite(heads[:, 3])
    below = [(panel.log_spread[good] < heads[good, 2 + q]).mean() for q in range(3)]
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.01)


def test_the_rule_calls_a_fall_where_the_spread_stands_above_its_level() -> None:
    """Only the spread; its median is the level."""
    panel = rows().panel
    heads = fitted(floors.SpreadRule, panel)
    known = np.isfinite(panel.x).all(axis=1)
    assert np.isnan(heads[known, 1]).all()
    above = np.log(panel.spread_bps[known]) > heads[known, 3]
    assert 0.3 < above.mean() < 0.7


def test_the_logistic_floor_carries_hars_heads_and_finds_a_planted_signal() -> None:
    """rho .5: the weight of the order flow is far from 0; volatility and spread are HAR's bits."""
    panel = rows(signal="planted", rho=0.5).panel
    logistic, har = fitted(floors.Logistic, panel), fitted(floors.Har, panel)
    np.testing.assert_array_equal(logistic[:, 1:], har[:, 1:])
    good = np.isfinite(panel.up) & np.isfinite(logistic[:, 0])
    assert ((logistic[good, 0] > 0) == (panel.up[good] > 0)).mean() > 0.6


def test_the_networks_features_alone_make_the_direction() -> None:
    """The floors' extra regressors have no weight in it."""
    panel = replace(rows().panel, own=4)
    arrays = floors.Logistic().fit(panel, panel, OPTIONS, Context("train"))
    np.testing.assert_array_equal(arrays["floor/direction"][4:-1], 0)


def test_symbols_pooled_keep_their_own_levels() -> None:
    """A symbol with a spread a hundred times wider is not forecast with the other's."""
    panel = rows(symbols=("AAA", "BBB")).panel
    heads = fitted(floors.Har, panel)
    owner = np.repeat(panel.symbol, np.diff(panel.start))
    good = np.isfinite(panel.log_spread) & np.isfinite(heads[:, 3])
    for s in (0, 1):
        mine = good & (owner == s)
        assert abs(np.mean(panel.log_spread[mine] - heads[mine, 3])) < 0.5 * panel.log_spread[mine].std()


@pytest.mark.parametrize("symbols", [("SPY",), ("AAA", "BBB")])
def test_floors_that_go_on_from_fitted_ones_are_those_that_are_fitted_anew(symbols: tuple[str, ...]) -> None:
    """Bit for bit, and what they go on from stays as it was."""
    panel = rows(symbols=symbols).panel
    none = panel.of_sessions(0, 0)
    kinds = {"constant": floors.Constant, "persistence": floors.Persistence, "rule": floors.SpreadRule,
             "har": floors.Har, "logistic": floors.Logistic}  # fmt: skip
    fitted_before: dict[str, Arrays] = {}
    for name, kind in kinds.items():
        anew = kind().fit(panel, none, OPTIONS, Context("train"))
        fitted_before[name] = kind().fit(panel, none, OPTIONS, Context("train", fitted=fitted_before))
        assert {key: value.tobytes() for key, value in anew.items()} == {
            key: value.tobytes() for key, value in fitted_before[name].items()
        }
    for name in ("constant", "har"):
        again = kinds[name]().fit(panel, none, OPTIONS, Context("train"))
        assert all(np.array_equal(again[key], fitted_before[name][key]) for key in again)
