"""Panels of the models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.report.panels.shapes import by_name, drawn, lines, on_paper, parts, run, words


def test_losses_start_at_their_floor_and_the_best_is_said() -> None:
    """Validation is drawn less epoch 0, which is the floor; the words hold its lowest mean."""
    figure, caption = drawn("loss", "short")
    valid = np.asarray(lines(figure)["validation"].get_ydata(), float)
    assert valid[0] == 0
    assert f"{-valid.min():.4f} below the floor's" in caption.text


def test_every_model_has_its_score_and_the_shown_one_its_floor() -> None:
    """Three tasks side by side; the dotted floor is the shown model's."""
    figure, caption = drawn("models", "short")
    tasks = [ax.get_title(loc="left").split("\n")[0] for ax in parts(figure)[1:]]
    assert tasks == ["direction", "spread", "volatility"]
    names = [label.get_text() for label in parts(figure)[1].get_yticklabels()]
    assert names == ["constant", "persistence", "har", "logistic", "lstm"]
    assert caption.text.startswith("lstm: direction")
    assert "floor 51.2%" in caption.text


def test_the_calibration_points_are_those_of_the_evidence() -> None:
    """Mean forecast against the share that rose, beside the ECE and what calibrated forecasts would show."""
    figure, caption = drawn("reliability", "long")
    cast = run("long").forecast
    assert cast is not None
    assert cast.calibration is not None
    points = lines(figure).get("lstm") or figure.axes[0].containers[0].lines[0]
    np.testing.assert_allclose(points.get_xdata(), cast.calibration.forecast)
    np.testing.assert_allclose(points.get_ydata(), cast.calibration.observed)
    assert f"{cast.calibration.ece:.4f}" in caption.text
    assert f"{cast.calibration.floor:.4f}" in caption.text


def test_the_spreads_series_is_the_last_session_alone() -> None:
    """As many points as that session has rows with a label."""
    figure, caption = drawn("spread_series", "short")
    cast = run("short").forecast
    assert cast is not None
    assert cast.bands is not None
    last = cast.bands.session == cast.bands.session[-1]
    assert len(np.asarray(lines(figure)["realised"].get_xdata())) == last.sum()
    assert "80% expected" in caption.text


def test_coverage_is_written_with_its_error() -> None:
    """Each quantile with the share at or below it."""
    figure, caption = drawn("spread_scatter", "short")
    cast = run("short").forecast
    assert cast is not None
    assert cast.bands is not None
    for quantile, share, _ in cast.bands.coverage:
        assert f"{quantile:.0%}: {share:.1%}" in words(figure)
        assert f"{share:.1%} at or below the {quantile:.0%} quantile" in caption.text


def test_a_model_without_spread_head_or_history_says_so() -> None:
    """Floors have no epochs; `constant` has no spread."""
    cast = run("short").forecast
    assert cast is not None
    hide_axes = dataclasses.replace(run("short"), forecast=dataclasses.replace(cast, bands=None, curves=(), scores=()))
    said = {name: on_paper(by_name(name), hide_axes)[1].text for name in ("loss", "models", "spread_series")}
    assert said["loss"].startswith("No loss history")
    assert said["models"] == "No scores on record."
    assert said["spread_series"].startswith("This model has no spread head")


@pytest.mark.parametrize("name", ["reliability", "spread_scatter"])
def test_a_price_that_never_moves_has_no_direction(name: str) -> None:
    """No labelled row, no calibration; the spread is there all the same."""
    _, caption = drawn(name, "constant")
    assert ("No row has a direction" in caption.text) is (name == "reliability")


def test_many_filled_prices_stand_beside_the_scores() -> None:
    """Above 5 % of the test rows: how many, in how many sessions, and the R2 that they would make; not below."""
    cast = run("short").forecast
    assert cast is not None
    own = next(s for s in cast.scores if (s.model, s.metric) == (cast.model, "r2"))
    scores = (*cast.scores, dataclasses.replace(own, metric="r2_all_rows", value=0.925))
    for stale, shown in ((230, True), (40, False)):
        meta = dataclasses.replace(cast.meta, test_rows=1000, stale_rows=stale, stale_sessions=17)
        found = dataclasses.replace(run("short"), forecast=dataclasses.replace(cast, meta=meta, scores=scores))
        caption = on_paper(by_name("models"), found)[1].text
        assert ("23.0% of the test rows, in 17 sessions" in caption) is shown
        assert ("[0.925 with filled rows]" in caption) is shown
        assert "0.620 (har)" in caption
