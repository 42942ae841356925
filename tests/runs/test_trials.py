"""N counts what was tried, not how often it was run; nights of one configuration are looks, not configurations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfm.config import Config, Simulate
from hfm.runs import journal, stages
from hfm.runs.manifest import JOURNAL, Run
from hfm.runs.pipeline import Options, run_all
from hfm.runs.trials import SWEEP_RANKS, record_of, trial_keys
from hfm.stage import Look, Record
from tests import toy
from tests.backtest import market

EVENT = {"event": "trial", "trial": "q0.9", "policy": {"q": 0.9}, "cost": {}, "span": ["a", "b"], "symbols": ["SPY"]}
SETTINGS: dict[str, dict[str, Any]] = {
    "fetch": {"symbols": ["SPY"], "days": 365, "as_of": None, "seed": 7}, "simulate": {"seed": 7},
    "train": {"model": "lstm", "seed": 7},
}  # fmt: skip


def test_the_key_is_of_what_can_change_the_result_and_not_of_the_name() -> None:
    """Same policy on the same data is the same trial."""
    inputs = {"simulate/quotes.parquet": "1"}
    key = trial_keys([EVENT], inputs)[0]["key"]
    assert trial_keys([EVENT | {"trial": "mine"}], inputs)[0]["key"] == key
    assert trial_keys([EVENT | {"cost": {"fee": 1}}], inputs)[0]["key"] != key
    assert trial_keys([EVENT], {"simulate/quotes.parquet": "2"})[0]["key"] != key
    assert "key" not in trial_keys([{"event": "halt"}], inputs)[0]


@pytest.mark.parametrize(("change", "same"), [
    ({"fetch": {"days": 400}}, True), ({"fetch": {"as_of": "2026-01-05"}}, True), ({"fetch": {"seed": 8}}, False),
    ({"simulate": {"seed": 8}}, False), ({"train": {"model": "gbm"}}, False), ({"train": {"seed": 8}}, False),
])  # fmt: skip
def test_a_configuration_is_every_setting_but_the_dates(change: dict[str, dict[str, Any]], same: bool) -> None:
    """More days are another look; another seed or model is another configuration."""
    other = {stage: values | change.get(stage, {}) for stage, values in SETTINGS.items()}
    one, two = (trial_keys([EVENT], {}, settings)[0]["configuration"] for settings in (SETTINGS, other))
    assert (one == two) is same


def test_a_choice_that_is_younger_than_a_run_is_one_more_configuration() -> None:
    """Networks began anew before they could begin warm: to say so is no other configuration, and to begin warm is."""
    said = {name: {**SETTINGS, "train": {**SETTINGS["train"], "warm_start": name}} for name in (True, False)}
    old, anew, warm = (trial_keys([EVENT], {}, s)[0]["configuration"] for s in (SETTINGS, said[False], said[True]))
    assert old == anew != warm


def test_a_threshold_of_the_family_is_no_other_configuration_and_one_beyond_it_is() -> None:
    """Every back-test tries q90 and q95 whichever was asked for; nobody else tries .57."""
    quoted = market.walk(["AAA"], 4, 20)
    p = 0.5 + np.random.default_rng(3).normal(0, 0.1, quoted.num_rows)
    predicted = market.predictions(quoted, {"lstm": p, "constant": 0.5})

    def known(**settings: object) -> tuple[set[str], set[str]]:
        events = trial_keys(market.run(quoted, predicted, **settings)[1].events, {"simulate/quotes.parquet": "1"})
        trials = [event for event in events if event["event"] == "trial"]
        return {event["key"] for event in trials}, {event["configuration"] for event in trials}

    keys, one = known(threshold="q90")
    assert len(one) == 1
    assert known(threshold="q90") == known(threshold="q95") == known(threshold="q90", sweep=5) == (keys, one)
    more, other = known(threshold="0.57")
    assert len(more - keys) == 1
    assert other != one
    dear, costly = known(threshold="q90", fee_bps=2.0)
    assert len(dear - keys) == len(keys)
    assert costly != one


def test_trials_are_counted_over_all_runs_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rerun adds none, another seed adds its own, another home knows nothing of this one."""
    monkeypatch.setattr(stages, "STAGES", toy.STAGES)
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        run = Run(tmp_path / "runs" / name)
        run.path.mkdir(parents=True)
        list(run_all(run, Config(simulate=Simulate(seed=seed)), Options(tmp_path), False))
        list(run_all(run, Config(simulate=Simulate(seed=seed)), Options(tmp_path), True))
    assert record_of(tmp_path, tmp_path / "runs" / "a").trials == 4
    assert record_of(tmp_path / "elsewhere", tmp_path / "runs" / "c").trials == 2
    assert record_of(tmp_path, tmp_path / "runs" / "none") == Record()


class Home:
    """A home whose journals are written by hand, a back-test a line or two."""

    def __init__(self, path: Path) -> None:
        self.path, self._clock, self._heads = path, 0, dict[str, tuple[str, int]]()

    def tried(
        self, run: str, configuration: str, last: str, sessions: int, *, first: str = "2024-01-02",
        symbols: tuple[str, ...] = ("SPY",), data: str = "", sweep: int = 0,
    ) -> Record:  # fmt: skip
        """What is on record in the run right after such a back-test of two trials."""
        self._clock += 1
        body = {
            "configuration": configuration, "span": [first, last], "sessions": sessions, "symbols": list(symbols),
            "data": data or last, "time": f"2026-01-01T00:00:{self._clock:02d}Z",
        }  # fmt: skip
        key = json.dumps([configuration, first, last, data])
        events = [{"event": "trial", "trial": f"t{k}", "key": f"{key}{k}", **body} for k in range(2)]
        events += [{"event": "sweep", "key": f"{key}s", "levels": sweep, **body}] if sweep else []
        folder = self.path / "runs" / run
        folder.mkdir(parents=True, exist_ok=True)
        head, count = self._heads.get(run, (journal.START, 0))
        self._heads[run] = journal.append(folder / JOURNAL, head, count, events)
        return record_of(self.path, folder)


def test_nights_of_one_configuration_are_looks(tmp_path: Path) -> None:
    """Three nights: one configuration, two trials, two earlier looks, a session added each night; a rerun adds none."""
    home = Home(tmp_path)
    home.tried("n1", "c", "2024-12-31", 200)
    home.tried("n2", "c", "2025-01-02", 201)
    record = home.tried("n3", "c", "2025-01-03", 202)
    assert (record.rank, record.configurations, record.trials) == (1, 1, 2)
    assert record.looks == (Look(200, 200), Look(201, 1))
    assert record.added == 1
    assert home.tried("n3", "c", "2025-01-03", 202) == record


def test_each_other_configuration_has_the_next_rank_and_keeps_it(tmp_path: Path) -> None:
    """Ranks are those of the first back-test: going back to the first configuration costs nothing more."""
    home = Home(tmp_path)
    assert [home.tried(f"r{k}", f"c{k}", "2024-12-31", 200).rank for k in range(4)] == [1, 2, 3, 4]
    again = home.tried("r9", "c0", "2025-01-02", 201)
    assert (again.rank, again.configurations, len(again.looks)) == (1, 4, 1)


def test_a_sweep_takes_ranks_from_what_is_tried_after_it(tmp_path: Path) -> None:
    """Who sweeps a thousand thresholds and then asks for the best pays for the sweep; who asked before does not."""
    home = Home(tmp_path)
    assert home.tried("a", "c0", "2024-12-31", 200, sweep=1000).rank == 1
    late = home.tried("a", "c1", "2024-12-31", 200)
    assert late.rank == 2 + SWEEP_RANKS
    assert (late.trials, late.swept) == (4 + 1000, 1000)
    assert Home(tmp_path / "other").tried("a", "c0", "2024-12-31", 200, sweep=3).rank == 1


def test_other_data_under_the_same_settings_is_another_configuration(tmp_path: Path) -> None:
    """The same dates with edited bars, or an earlier stretch, are another try and no look at what was added."""
    home = Home(tmp_path)
    home.tried("a", "c", "2024-12-31", 200, data="1")
    assert home.tried("b", "c", "2024-12-31", 200, data="2").rank == 2
    assert home.tried("c", "c", "2024-06-28", 100, data="3").rank == 3
    assert home.tried("a", "c", "2024-12-31", 200, data="1").rank == 1


def test_trials_count_where_symbols_meet_and_sessions_overlap(tmp_path: Path) -> None:
    """A basket one symbol smaller is the next configuration; another symbol, or another year, is a first one."""
    home = Home(tmp_path)
    home.tried("a", "c0", "2024-12-31", 200, symbols=("IWM", "QQQ", "SPY"))
    assert home.tried("b", "c1", "2024-12-31", 200, symbols=("IWM", "SPY")).rank == 2
    assert home.tried("c", "c2", "2024-12-31", 200, symbols=("GLD",)).rank == 1
    assert home.tried("d", "c3", "2023-12-29", 200, first="2023-01-03", symbols=("SPY",)).rank == 1


def test_a_holiday_is_no_other_configuration(tmp_path: Path) -> None:
    """A window that rolled past its first day and gained none at its end is the same hypothesis: nothing is spent."""
    home = Home(tmp_path)
    home.tried("wed", "c", "2024-12-31", 200, first="2024-03-01")
    holiday = home.tried("thu", "c", "2024-12-31", 199, first="2024-03-04")
    after = home.tried("fri", "c", "2025-01-02", 199, first="2024-03-05")
    assert (holiday.rank, after.rank, after.configurations) == (1, 1, 1)
    assert (holiday.added, after.added, len(after.looks)) == (0, 1, 2)


def test_rerunning_one_configuration_moves_no_other(tmp_path: Path) -> None:
    """Two configurations share most of their trials' keys; each keeps its own rank whichever was run last."""
    home = Home(tmp_path)
    shared = {"key": "the same", "span": ["2024-01-02", "2024-12-31"], "sessions": 200, "symbols": ["SPY"], "data": "d"}
    records = []
    for k, (run, name) in enumerate((("a", "q90"), ("b", "0.57"), ("a2", "q90"))):
        folder = tmp_path / "runs" / run
        folder.mkdir(parents=True)
        event = {"event": "trial", "trial": "q0.9", "configuration": name, "time": f"2026-01-01T00:00:0{k}Z", **shared}
        journal.append(folder / JOURNAL, journal.START, 0, [event])
        records.append(record_of(tmp_path, folder))
    assert [record.rank for record in records] == [1, 2, 1]
    assert record_of(tmp_path, tmp_path / "runs" / "a").rank == 1
    assert record_of(tmp_path, tmp_path / "runs" / "b").rank == 2
    assert home.path == tmp_path


def test_what_an_older_version_tried_is_one_configuration_a_back_test(tmp_path: Path) -> None:
    """Nothing that was written before configurations were known is forgotten; its own report still finds itself."""
    folder = tmp_path / "runs" / "old"
    folder.mkdir(parents=True)
    old = [EVENT | {"span": ["2024-01-02", "2024-12-31"], "key": str(k)} for k in range(3)]
    journal.append(folder / JOURNAL, journal.START, 0, old)
    record = Home(tmp_path).tried("new", "c", "2024-12-31", 200)
    assert (record.rank, record.trials) == (2, 3 + 2)
    assert record_of(tmp_path, folder).rank == 1
