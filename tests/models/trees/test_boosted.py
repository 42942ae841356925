"""gbm finds what linear floors cannot, and nothing in noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hfm.config import Train
from hfm.models.trees.boosted import Gbm
from hfm.plugins import Panel
from hfm.stage import Context
from tests.train.market import rows


def product() -> Panel:
    """Up where two features have the same sign."""
    panel = rows(sessions=60).panel
    up = (panel.x[:, 0] * panel.x[:, 1] > 0).astype(float)
    return replace(panel, up=np.where(np.isfinite(panel.up), up, np.nan))


def test_it_learns_a_product_of_features() -> None:
    """The direction of fresh rows."""
    panel = product()
    arrays = Gbm().fit(panel.of_sessions(0, 40), panel.of_sessions(40, 50), Train(), Context("train"))
    test = panel.of_sessions(50, 60)
    heads = Gbm().predict(arrays, test)
    good = np.isfinite(test.up)
    assert ((heads[good, 0] > 0) == (test.up[good] > 0)).mean() > 0.85


def test_no_tree_is_kept_where_none_helps() -> None:
    """Labels of a coin: the number of trees is the best on validation rows, near none."""
    panel = rows(sessions=60).panel
    coin = np.random.default_rng(0).integers(0, 2, len(panel.up)).astype(float)
    noise = replace(panel, up=np.where(np.isfinite(panel.up), coin, np.nan))
    arrays = Gbm().fit(noise.of_sessions(0, 40), noise.of_sessions(40, 60), Train(), Context("train"))
    assert len(arrays["direction/roots"]) < 20
    assert len(arrays["vol/roots"]) > 20


def test_its_quantiles_cover_fresh_rows() -> None:
    """Errors of validation rows, not of the rows fitted, give the widths."""
    panel = rows(sessions=60).panel
    arrays = Gbm().fit(panel.of_sessions(0, 40), panel.of_sessions(40, 50), Train(), Context("train"))
    test = panel.of_sessions(50, 60)
    heads = Gbm().predict(arrays, test)
    good = np.isfinite(test.log_spread)
    covered = ((test.log_spread > heads[:, 2]) & (test.log_spread < heads[:, 4]))[good].mean()
    assert 0.7 < covered < 0.9
