"""Prometheus' text: escaped, whole families, one writer beside another."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from hfm.prometheus import MetricFamily, histogram, merge, render

SAMPLES = [
    MetricFamily("a_total", "counter", "A.\nB \\", [({"k": 'x"\\\n'}, 3.0), ({}, float("nan")), ({}, float("inf"))]),
    histogram("lat_seconds", "L.", (0.001, 0.1), [2, 0, 1], 0.5),
    MetricFamily("none", "gauge", "Nothing.", [({}, float("nan"))]),
]


def test_the_text_is_as_the_format_says() -> None:
    """Labels escaped, NaN left out, buckets cumulative."""
    assert render(SAMPLES, {"run": "r"}).splitlines() == [
        "# HELP a_total A.\\nB \\\\", "# TYPE a_total counter", 'a_total{run="r",k="x\\"\\\\\\n"} 3',
        'a_total{run="r"} +Inf', "# HELP lat_seconds L.", "# TYPE lat_seconds histogram",
        'lat_seconds_bucket{run="r",le="0.001"} 2', 'lat_seconds_bucket{run="r",le="0.1"} 2',
        'lat_seconds_bucket{run="r",le="+Inf"} 3', 'lat_seconds_sum{run="r"} 0.5', 'lat_seconds_count{run="r"} 3',
    ]  # fmt: skip


def test_two_writers_keep_each_other_s_metrics() -> None:
    """Each replaces its own prefix and nothing else, however often."""
    one, two = (
        [MetricFamily("hfm_a_x", "gauge", "X.", [({}, 1.0)])],
        [MetricFamily("hfm_b_y", "gauge", "Y.", [({}, 2.0)])],
    )
    text = merge(merge("", one, "hfm_a_", {}), two, "hfm_b_", {})
    assert text == render(one, {}) + render(two, {})
    changed = [MetricFamily("hfm_a_x", "gauge", "X.", [({}, 5.0)])]
    assert merge(text, changed, "hfm_a_", {}) == render(two, {}) + render(changed, {})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_it() -> None:
    """Prometheus' own linter."""
    text = render([SAMPLES[1], MetricFamily("hfm_x_total", "counter", "X.", [({}, 1.0)])], {"run": "r"})
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
