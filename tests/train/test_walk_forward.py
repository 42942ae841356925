"""Settling: only validation blocks up to the fold decide, and the confidence is that of its own block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hfm.errors import UsageError
from hfm.models.linear import floors
from hfm.stage import Context
from hfm.tables import MemoryReader
from hfm.train import fit_jobs, folds, training_panel, walk_forward
from tests.train.market import SMALL, market, rows

NAMES = ("constant", "logistic", "lstm")


def walked(data: training_panel.TrainingRows) -> walk_forward.WalkForward:
    """A fitted walk of 21 sessions."""
    plan = [*folds.plan(21), folds.final(21)]
    options = replace(SMALL, epochs=2)
    return walk_forward.WalkForward(
        data, plan, "lstm", NAMES, walk_forward.fit(data.panel, plan, NAMES, options, Context("train"))
    )


def test_later_sessions_do_not_reach_into_an_earlier_fold() -> None:
    """Labels of the test part and after it are changed: what settles the first fold is the same bits."""
    data = rows(signal="planted", rho=0.5)
    late = np.repeat(data.panel.session, np.diff(data.panel.start)) >= np.unique(data.panel.session)[15]
    changed = replace(data, panel=replace(data.panel, up=np.where(late, 1 - data.panel.up, data.panel.up)))
    found = []
    for made in (walked(data), walked(changed)):
        for name in NAMES:
            walk_forward.calibrate(made, name, made.plan[0])
        found.append({n: made.arrays[n, 0]["finish"].tobytes() for n in NAMES})
    assert found[0] == found[1]


def test_networks_get_the_floors_that_are_fitted_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """And make of them, bit for bit, what they make of floors of their own."""
    data, plan = rows(), folds.plan(21)[:1]
    options = replace(SMALL, epochs=2)
    fitted = [0]

    def counted(model: floors.Logistic, *given: object) -> object:
        fitted[0] += 1
        return whole(model, *given)  # type: ignore[arg-type]

    whole = floors.Logistic.fit
    monkeypatch.setattr(floors.Logistic, "fit", counted)
    walk = walk_forward.fit(data.panel, plan, NAMES, options, Context("train"))
    assert fitted == [1]
    alone = fit_jobs.fit(fit_jobs.FitTask("lstm", data.panel, options, options.seed), plan[0], lambda report: None)
    assert fitted == [2]
    assert {name: value.tobytes() for name, value in alone.items()} == {
        name: value.tobytes() for name, value in walk["lstm", plan[0].number].items()
    }


def test_models_asked_for_beside_the_model_come_once_each_after_their_members() -> None:
    """Floors first; a name that is not known is refused at once."""
    assert walk_forward.model_names("lstm") == (*walk_forward.FLOORS, "lstm")
    assert walk_forward.model_names("lstm", ("bare", "lstm", "bare")) == (*walk_forward.FLOORS, "bare", "lstm")
    assert walk_forward.model_names("lstm", ("ensemble",)) == (*walk_forward.FLOORS, "gbm", "lstm", "ensemble")
    with pytest.raises(UsageError, match="'bear'"):
        walk_forward.model_names("lstm", ("bear",))


def test_confidence_ranks_count_the_folds_own_validation_rows() -> None:
    """On those rows themselves the ranks are 0/n, 1/n, ... (n - 1)/n."""
    data = rows(signal="planted", rho=0.5)
    made = walked(data)
    fold = made.plan[0]
    walk_forward.calibrate(made, "logistic", fold)
    valid = data.panel.of_sessions(*fold.valid)
    _, out = walk_forward.predict(made, "logistic", fold, valid)
    rank = np.sort(out["conf_rank"])
    assert np.abs(rank - np.arange(len(rank)) / len(rank)).max() < 3 / len(rank)


def test_the_temperature_rests_on_all_validation_blocks_so_far() -> None:
    """The second fold's pool holds the first one's block as well."""
    made = walked(rows())
    for fold in made.plan[:2]:
        walk_forward.calibrate(made, "constant", fold)
    assert [len(b.up) for b in made.blocks["constant"]] == [
        len(made.rows.panel.of_sessions(*f.valid).slot) for f in made.plan[:2]
    ]


@pytest.mark.parametrize("horizon", [1, 4])
def test_the_forecast_deviation_is_that_of_the_return_over_the_horizon(horizon: int) -> None:
    """Returns over ret_sd_bps have a root mean square of about one, however many rows ahead."""
    quotes = market(40)[0]
    data = training_panel.read(MemoryReader(quotes), training_panel.ForecastTask(horizon=horizon))
    fold = folds.Fold(0, (0, 25), (25, 30), (30, 40))
    made = walk_forward.WalkForward(
        data, [fold], "har", ("har",), walk_forward.fit(data.panel, [fold], ("har",), SMALL, Context("train"))
    )
    walk_forward.calibrate(made, "har", fold)
    test = data.panel.of_sessions(*fold.test)
    _, out = walk_forward.predict(made, "har", fold, test)
    ratio = test.ret_bps / out["ret_sd_bps"]
    assert 0.8 < np.sqrt(np.nanmean(ratio**2)) < 1.25
