"""What the demonstration prints."""

from __future__ import annotations

import dataclasses
import re

from hfm.cli.demo.markets import MARKETS, MarketVerdict, WithInterval
from hfm.cli.demo.screen import INTRODUCTION, Lines, conclusion, table
from hfm.report.verdict_reasons import p_text

PLANTED = MarketVerdict(
    "planted", "/home/me/runs/demo-planted", "/home/me/runs/demo-planted/report/report.html", "edge supported",
    "edge supported", WithInterval(0.564, 0.556, 0.572), 0.503, WithInterval(1.518, 1.112, 2.003), 1221, 200,
    1 / 20_001, 0.00333, 20_000,
)  # fmt: skip
NONE = dataclasses.replace(
    PLANTED, market="none", label="no edge found", expected="no edge found",
    net_return=WithInterval(-0.128, -0.269, 0.041), p=1.0,
)  # fmt: skip


def test_it_is_as_wide_as_a_terminal() -> None:
    """But for the links, which stand alone at the end of their lines."""
    lines = table([PLANTED, NONE])
    assert max(map(len, INTRODUCTION)) <= 80
    assert max(len(line) for line in lines if "file:" not in line) <= 80
    assert [line.split()[-1] for line in lines[-2:]] == [f"file://{v.page}" for v in (PLANTED, NONE)]
    assert len(conclusion([PLANTED, NONE])) <= 90


def test_the_verdicts_stand_side_by_side() -> None:
    """With their intervals, and a bound where p is smaller than the resamples resolve."""
    text = "\n".join(table([PLANTED, NONE]))
    assert "edge supported               no edge found" in text
    assert "+151.8% [+111.2%, +200.3%]   −12.8% [−26.9%, +4.1%]" in text
    assert f"< {float(p_text(PLANTED.p, PLANTED.reps).removeprefix('< ')):.5f}   " in text
    assert re.search(r"p of no edge +< 0.00007 +1.0000", text)


def test_a_wrong_verdict_is_named() -> None:
    """Beside the right one."""
    assert "are right" in conclusion([PLANTED, NONE])
    wrong = dataclasses.replace(NONE, label="edge supported")
    assert conclusion([PLANTED, wrong]) == "none: edge supported, where no edge found would be right"


def test_a_pipe_gets_a_line_at_the_begin_and_at_the_end_of_each_stage() -> None:
    """And no progress."""
    lines: list[str] = []
    shown = Lines(lines.append)
    for message in ({"stage": "train", "state": "running"}, {"stage": "train", "note": "3 of 4"}, {"kernels": [1, 10]},
                    {"stage": "train", "state": "done", "elapsed_s": 2.04}):  # fmt: skip
        shown.hear(MARKETS[0].name, message)
    assert lines == ["planted: train: running", "planted: train: 2.0 s"]
