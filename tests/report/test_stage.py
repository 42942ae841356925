"""The report of a run, whole, half missing or empty of trades, as the pipeline would ask for it."""

from __future__ import annotations

import functools
import io
import itertools
import json
import sys
from html.parser import HTMLParser
from typing import Any
from unittest import mock

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from hfm.config import Config, Report
from hfm.report import stage, svg
from hfm.report.evidence import Evidence
from hfm.report.panels.catalogue import PANELS, ReportPanel
from hfm.report.panels.style import Caption
from hfm.report.svg import RenderedPanel
from hfm.stage import Context, Record
from hfm.tables import MemoryReader
from tests.report.builder import make

CONFIG = Config(report=Report(reps=500))
EDGES: dict[str, dict[str, Any]] = {  # Any: the fields of Shape
    "fifteen sessions": {},
    "no trade": {"trades": "none"},
    "one trade": {"trades": "one"},
    "one session": {"sessions": 1},
    "constant price": {"constant": True},
    "two symbols": {"symbols": ("QQQ", "SPY")},
    "bars alone": {"stages": ("fetch",)},
    "not back-tested": {"stages": ("fetch", "simulate", "train")},
}


def whole(**shape: Any) -> tuple[dict[str, Any], Context]:  # Any: the fields of Shape, payloads
    """The three artifacts of a run of that shape, and what was said."""
    ctx = Context("report", record=Record(trials=40))
    return dict(stage.run(make(**shape), CONFIG, ctx)), ctx


@functools.cache
def report(name: str) -> tuple[dict[str, Any], Context]:  # Any: payloads
    """Page and summary of one of the EDGES, without its picture; made once for all tests that look at it."""
    ctx = Context("report", record=Record(trials=40))
    return dict(itertools.islice(stage.run(make(**EDGES[name]), CONFIG, ctx), 2)), ctx


def paper(**shape: Any) -> tuple[dict[str, Any], Context]:  # Any: the fields of Shape, payloads
    """Page and summary of another shape, with empty frames for figures: for tests that read words."""

    def blank(panel: ReportPanel, run: Evidence) -> RenderedPanel:
        return RenderedPanel(panel.name, panel.title, "<svg></svg>", Caption("a caption", "a text"))

    with mock.patch.object(svg, "draw", blank):
        ctx = Context("report", record=Record(trials=40))
        return dict(itertools.islice(stage.run(make(**shape), CONFIG, ctx), 2)), ctx


@functools.cache
def ordinary() -> tuple[dict[str, Any], Context]:  # Any: payloads
    """All of an ordinary run."""
    return whole()


class Page(HTMLParser):
    """Tags and text of a page, with what would leave the page or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep it."""
        self.words.append(data)


@pytest.mark.parametrize("name", EDGES)
def test_every_kind_of_run_gets_a_page_and_a_summary(name: str) -> None:
    """No edge of the data stops the report; the page opens with the verdict, the summary is strict JSON."""
    made, ctx = report(name)
    summary = json.loads(json.dumps(made[stage.SUMMARY], allow_nan=False))
    assert summary["schema_version"] == 1
    assert summary["verdict"]["label"] == "insufficient data"
    assert all(reason.endswith((".", "?")) for reason in summary["verdict"]["reasons"])
    assert ctx.lines[0] == "verdict: insufficient data"
    text = made[stage.PAGE].decode()
    assert 0 < text.index("insufficient data</h2>") < text.index("<figure")
    assert len(made[stage.PAGE]) < 1_000_000


@pytest.mark.parametrize(
    "name",
    [
        "bars alone",
        pytest.param("no trade", marks=pytest.mark.slow),
        pytest.param("one session", marks=pytest.mark.slow),
        pytest.param("constant price", marks=pytest.mark.slow),
        pytest.param("two symbols", marks=pytest.mark.slow),
    ],
)
def test_every_kind_of_run_gets_a_picture(name: str) -> None:
    """The sheet is drawn whatever is missing, and comes last of the three artifacts."""
    made, _ = whole(**EDGES[name])
    assert list(made) == [stage.PAGE, stage.SUMMARY, stage.PICTURE]
    assert made[stage.PICTURE].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "said"),
    [("no trade", "Nothing was ever traded"), ("one trade", "made 1 round trip on 1 session "),
     ("one session", "1 out-of-sample session of at least 60"), ("constant price", "the mid never moved"),
     ("bars alone", "hfm simulate makes it"),
     ("not back-tested", "There is no back-test in this run: hfm backtest makes it"), ("fifteen sessions", "SYNTHETIC"),
     ("two symbols", "QQQ, SPY")],
)  # fmt: skip
def test_the_page_says_what_is_odd_about_the_run(name: str, said: str) -> None:
    """No trade, one trade, one session, a constant price, missing stages: each is said in words."""
    made, _ = report(name)
    assert said in made[stage.PAGE].decode()


def test_what_fetch_and_simulate_warned_of_stands_on_the_page_and_in_the_summary() -> None:
    """Each sentence, escaped; the command says them again; without any there is no such part."""
    texts = ("SPY: 1 row rejected (1 open), the first at 2025-01-02T15:00:00Z", "SPY: prices <b>before</b> it")
    made, ctx = paper(warnings=texts)
    page = made[stage.PAGE].decode()
    assert "Warnings about the data" in page
    assert texts[0] in page
    assert "prices &lt;b&gt;before&lt;/b&gt; it" in page
    assert made[stage.SUMMARY]["fetch"]["warnings"] == list(texts)
    assert f"of the data: {texts[0]}" in ctx.lines
    assert "Warnings about the data" not in paper()[0][stage.PAGE].decode()


def test_real_bars_are_not_called_synthetic() -> None:
    """The badge is there where the bars are invented, and only there."""
    made, ctx = paper(synthetic=False, sessions=20)
    assert "SYNTHETIC" not in made[stage.PAGE].decode()
    assert not any("SYNTHETIC" in line for line in ctx.lines)
    assert made[stage.SUMMARY]["provenance"]["synthetic"] is False


def test_a_second_report_of_the_same_run_is_byte_equal() -> None:
    """No clock, no random id, no address in page and summary (the picture: see the next test)."""
    again, _ = report("fifteen sessions")
    assert {path: ordinary()[0][path] for path in again} == again


def test_nothing_of_matplotlib_leaks_and_no_setting_of_the_user_gets_in() -> None:
    """rcParams are the same after as before; the user's own style does not change a byte; pyplot stays out."""
    plain, _ = ordinary()
    with mpl.rc_context({"font.size": 31.0, "axes.facecolor": "red", "lines.linewidth": 9.0, "svg.fonttype": "path"}):
        before = dict(mpl.rcParams)
        styled, _ = whole()
        assert dict(mpl.rcParams) == before
    assert styled == plain
    assert "matplotlib.pyplot" not in sys.modules


def test_the_page_is_self_contained_and_every_figure_has_words() -> None:
    """No script, no link that loads, no url() but to itself; each figure has an alternative text and a caption."""
    made, _ = ordinary()
    text = made[stage.PAGE].decode()
    page = Page(text)
    assert not any(tag in ("script", "iframe", "object", "embed") for tag, _ in page.tags)
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), (tag, target)
    assert "url(http" not in text
    assert "@import" not in text
    figures = text.split("<figure ")[1:]
    assert len(figures) == len(PANELS)
    for figure in figures:
        assert 'role="img" aria-label="' in figure
        assert len(figure.split("<figcaption>")[1].split("</figcaption>")[0]) > 20


def test_ids_are_unique_and_references_resolve() -> None:
    """Fourteen inline figures share no id, so that no clip path of one hides a line of another."""
    made, _ = ordinary()
    text = made[stage.PAGE].decode()
    ids = [a["id"] for _, a in Page(text).tags if a.get("id")]
    assert len(ids) == len(set(ids))
    used = {part.split(")")[0] for part in text.split("url(#")[1:]}
    used |= {(a.get("href") or "#")[1:] for tag, a in Page(text).tags if tag == "use"}
    assert used - {""} <= set(ids)


def test_words_from_outside_are_escaped() -> None:
    """A symbol, a note or a message cannot write markup into the page."""
    made, _ = paper(symbols=("<script>x</script>",), quality={"<b>bold</b>": 3})
    text = made[stage.PAGE].decode()
    assert "<script" not in text
    assert "<b>bold" not in text


def test_the_picture_is_whole_and_legible_at_half_size() -> None:
    """At least 2,300 points wide; every text of the sheet has 9 points and more; nothing is drawn beyond its edge."""
    made, _ = ordinary()
    pixels = imread(io.BytesIO(made[stage.PICTURE]))
    assert pixels.shape[1] >= 2300
    border = np.concatenate([pixels[:4].reshape(-1, pixels.shape[2]), pixels[-4:].reshape(-1, pixels.shape[2])])
    assert np.all(border[:, :3] == 1.0)


def test_the_summary_carries_the_headline_and_the_verdicts_numbers() -> None:
    """summary.json and --json hold the same numbers; N is the pipeline's."""
    made, ctx = paper(sessions=80)
    summary = made[stage.SUMMARY]
    assert summary["verdict"]["label"] == "no edge found"
    assert summary["verdict"]["numbers"]["trials"] == 40
    assert ctx.figures["verdict"] == "no edge found"
    assert ctx.figures["p"] == summary["verdict"]["numbers"]["p"]
    assert ctx.figures["sharpe"] == summary["headline"]["sharpe"]["value"]
    assert set(summary["headline"]) >= {"accuracy_direction", "accuracy_spread", "return_net", "sharpe", "max_drawdown"}
    for name in ("fetch", "simulate", "train", "backtest", "provenance"):
        assert summary[name]


def test_an_edge_is_supported_and_a_leak_is_flagged() -> None:
    """A family that earns 8 bp a trade is supported; direction right 60 % of the time on liquid bars is flagged."""
    made, ctx = paper(sessions=90, edge=8.0, accuracy=0.60, synthetic=False)
    assert made[stage.SUMMARY]["verdict"]["label"] == "edge supported"
    assert any("Too good to be taken as it is" in text and "hfm verify --run" in text for text in ctx.warnings)
    assert "Too good to be taken as it is" in made[stage.PAGE].decode()


def test_a_planted_edge_is_no_leak() -> None:
    """The same accuracy on a planted market is not flagged, and the page says PLANTED."""
    made, ctx = paper(sessions=90, edge=8.0, accuracy=0.60, planted=True)
    assert ctx.warnings == []
    assert "PLANTED EDGE" in made[stage.PAGE].decode()


def test_each_missing_stage_is_named_with_the_command_that_makes_it() -> None:
    """A run that was fetched and simulated says that training and the back-test are missing, artifact by artifact."""
    made, ctx = paper(stages=("fetch", "simulate"))
    missing = made[stage.SUMMARY]["missing"]
    assert [line.split(": ")[1] for line in missing] == ["hfm train makes it"] * 3 + ["hfm backtest makes it"] * 4
    assert all(line in made[stage.PAGE].decode() for line in missing)
    assert [line for line in ctx.lines if line.startswith("missing: ")] == [f"missing: {line}" for line in missing]


def test_fills_at_the_signals_own_close_are_watermarked_everywhere() -> None:
    """Badge, flag and figure say that a look-ahead run is no result."""
    run = make()
    metrics = json.loads(run["backtest/metrics.json"].data()) | {"lookahead": True}
    ctx = Context("report", record=Record(trials=40))
    inputs = run | {"backtest/metrics.json": MemoryReader(json.dumps(metrics).encode())}
    made = dict(itertools.islice(stage.run(inputs, CONFIG, ctx), 2))
    text = made[stage.PAGE].decode()
    assert text.count("LOOK-AHEAD FILLS") >= 2
    assert any(flag.startswith("Look-ahead:") for flag in made[stage.SUMMARY]["verdict"]["flags"])
    assert any("Look-ahead" in warning for warning in ctx.warnings)


@pytest.mark.slow
def test_four_years_of_sessions_still_make_a_page_below_a_megabyte() -> None:
    """Lines are thinned and coordinates cut to a hundredth of a point: the page hardly grows with the run."""
    made, _ = whole(sessions=1000, seed=3)
    assert len(made[stage.PAGE]) < 1_000_000
