"""The page's tables: every number with what it needs to be read, and only tables that have rows."""

from __future__ import annotations

import dataclasses

from hfm.report import evidence
from hfm.report.page_tables import PageTable, page_tables
from hfm.stage import Record
from tests.report.bridged import STEPS
from tests.report.builder import make
from tests.report.panels.shapes import bridged, run
from tests.report.test_evidence import CONFIG


def found(shape: str) -> dict[str, PageTable]:
    """Title -> table."""
    return {grid.title: grid for grid in page_tables(run(shape))}


def test_every_row_has_a_cell_for_every_head_and_none_is_blank_at_its_front() -> None:
    """Whatever the run: rows are as wide as their head, and their first cell names them."""
    for shape in ("long", "short", "flat", "one day", "constant", "bars"):
        for grid in page_tables(run(shape)):
            assert grid.rows
            for row in grid.rows:
                assert len(row) == len(grid.head), grid.title
                assert row[0]
            assert all(0 <= k < len(grid.rows) for k in grid.strong)


def test_the_trials_table_adds_up_with_the_evidence_and_marks_the_verdicts_trial() -> None:
    """Net of each trial as its returns sum; the user's is called so; the best is bold."""
    grid, strategy = found("long")["Trials"], run("long").strategy
    assert strategy is not None
    family = strategy.family
    assert family is not None
    for row, k in zip(grid.rows, range(len(family.names)), strict=True):
        assert row[0].startswith(family.names[k])
        assert row[5] == f"{family.net[:, k].sum():+.2%}".replace("-", "−")
    assert [row[0] for row in grid.rows if "(yours)" in row[0]] == [f"{family.user} (yours)"]
    (strong,) = grid.strong
    assert family.names[strong] == run("long").verdict.numbers.document()["best_trial"]


def test_beside_the_verdict_stand_p_psr_dsr_and_the_interval_only_where_it_was_tested() -> None:
    """Fifteen sessions are not tested: no such table."""
    titles = [title for title in found("long") if title.startswith("Beside the verdict")]
    assert len(titles) == 1
    names = [row[0] for row in found("long")[titles[0]].rows]
    assert {"p of the family", "t of the family", "t of the best trial"} <= set(names)
    assert "P(true Sharpe > hurdle)" in names
    assert not any(title.startswith("Beside the verdict") for title in found("short"))


def test_models_stand_beside_their_floors_in_one_row_a_metric() -> None:
    """A column a model, and a score with its error."""
    grid = found("short")["Models and scores"]
    assert grid.head[2:-1] == ("constant", "persistence", "har", "logistic", "lstm")
    row = next(row for row in grid.rows if row[:2] == ("direction", "accuracy"))
    assert row[grid.head.index("lstm")] == "0.5110 ± 0.0078"


def test_the_published_figures_are_cited_as_such_and_stand_beside_this_runs() -> None:
    """53.42 %, .66 % against 4.41 %, 17.136, .03 %: with what they are figures of."""
    grid = next(grid for title, grid in found("short").items() if title.startswith("Cited"))
    text = " ".join(cell for row in grid.rows for cell in row)
    for figure in ("53.42%", "0.66%", "4.41%", "17.136", "0.03%"):
        assert figure in text
    assert "of its simulated spread's direction, not of the price's" in text
    assert not any(title.startswith("Cited") for title in found("bars"))


def test_the_bridge_has_a_row_a_step_with_its_command() -> None:
    """And its note says whose accuracy it is; other runs have none."""
    grid = next(grid for grid in page_tables(bridged()) if grid.title.startswith("From the original"))
    assert [row[-1] for row in grid.rows] == [f"hfm backtest {name}" for name, *_ in STEPS]
    assert grid.rows[5][5] == "–"
    assert "not of the price's" in grid.note
    assert not any(title.startswith("From the original") for title in found("short"))


def test_quality_lists_what_is_not_nought() -> None:
    """Three missing bars are listed, no duplicates are not, and notes stand below."""
    rows = found("short")["Data quality"].rows
    assert ("SPY", "missing", "3") in rows
    assert not any(row[1] == "duplicates" for row in rows)
    assert ("SPY", "note", "times were starts") in rows
    many = evidence.gather(make(quality={"holes": {str(i): 1 for i in range(99)}, "days": []}), CONFIG, Record(1))
    rows = next(grid for grid in page_tables(many) if grid.title == "Data quality").rows
    assert sum(row[1].startswith("holes") for row in rows) == 40


def test_facts_say_inside_outside_or_not_judged() -> None:
    """By their own pass."""
    whole = run("short")
    fact = {"label": "x", "value": 1.0, "se": None, "band": [2.0, 3.0], "of": "bars"}
    facts = {name: fact | {"pass": passed} for name, passed in (("a", True), ("b", False), ("c", None))}
    grid = next(
        g for g in page_tables(dataclasses.replace(whole, facts={"facts": facts})) if g.title.startswith("Stylised")
    )
    assert [row[-1] for row in grid.rows] == ["inside", "OUTSIDE", "not judged"]
    assert grid.rows[0][3] == "2 to 3"
