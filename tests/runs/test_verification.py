"""What the look-ahead tests said of a run goes on record, and is good for the artifacts that it was said of."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hfm.artifacts import FACTS, SUMMARY
from hfm.config import Config, Simulate
from hfm.runs import journal, stages, verification
from hfm.runs.manifest import JOURNAL, Run
from hfm.runs.pipeline import Options, execute
from hfm.runs.stages import Stage
from hfm.stage import Context, Product, Verification
from hfm.tables import Reader
from tests import toy

LEAK = "train: p_up of SPY 2026-02-24 row 3 knows what comes later"


def report(inputs: Mapping[str, Reader], config: Config, ctx: Context) -> Iterator[Product]:
    """The record that it is given, asked for where the seed is even."""
    found = ctx.verified() if config.report.seed % 2 == 0 else None
    yield "report/summary.json", {"found": None if found is None else dataclasses.asdict(found)}


STAGES = (
    *toy.STAGES,
    Stage("report", "tests.runs.test_verification:report", needs=(FACTS,), writes=(SUMMARY,)),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run through fetch and simulate."""
    run = toy.placed(tmp_path, monkeypatch)
    monkeypatch.setattr(stages, "STAGES", STAGES)
    for name in ("fetch", "simulate"):
        carry_out(run, name)
    return run


def carry_out(run: Run, name: str, config: Config | None = None, **options: Any) -> None:
    """One stage."""
    home = run.path.parent.parent
    execute(run, stages.by_name(name), config or asking(8), Options(home, clock=lambda: toy.NOW, **options))


def asking(seed: int, **sections: Any) -> Config:
    """Settings under which the report asks (an even seed) or does not."""
    plain = Config(**sections)
    return dataclasses.replace(plain, report=dataclasses.replace(plain.report, seed=seed))


def found(run: Run) -> dict[str, Any] | None:
    """What the report was given."""
    document: dict[str, Any] = json.loads((run.path / "report" / "summary.json").read_text())
    return document["found"]


def records(run: Run) -> list[dict[str, Any]]:
    """The events of the journal, whose chain holds."""
    manifest = run.manifest()
    assert journal.fault(journal.read(run.path / JOURNAL), manifest.head, manifest.count) is None
    return list(journal.events(run.path / JOURNAL, "verified"))


def test_without_tests_and_without_a_record_nothing_is_known(run: Run) -> None:
    """And nothing is recorded."""
    carry_out(run, "report")
    assert found(run) is None
    assert records(run) == []


def test_tests_are_made_only_when_the_report_asks(run: Run) -> None:
    """They cost a minute."""
    carry_out(run, "report", asking(7), verify=lambda _: pytest.fail("asked"))
    assert records(run) == []


def test_a_report_that_tests_records_what_was_found_for_later_ones(run: Run) -> None:
    """The event names the artifacts of the stages before; a report alone reads it."""
    asked: list[Run] = []

    def tests(of: Run) -> Verification:
        asked.append(of)
        return Verification(12, 5, (LEAK,))

    carry_out(run, "report", verify=tests)
    assert [each.path for each in asked] == [run.path]
    assert found(run) == {"tests": 12, "seed": 5, "failed": [LEAK]}
    (record,) = records(run)
    assert record["artifacts"] == verification.artifacts(run.manifest())
    assert set(record["artifacts"]) == {"fetch/bars.parquet", "simulate/facts.json"}
    carry_out(run, "report")
    assert found(run) == {"tests": 12, "seed": 5, "failed": [LEAK]}
    assert len(records(run)) == 1


def test_a_failure_stands_over_a_later_pass_and_other_files_know_nothing(run: Run) -> None:
    """Asking until a seed misses the leak helps nobody; simulated again otherwise, nothing is known of the files."""
    now = run.manifest()
    for seed, failed in ((1, (LEAK,)), (2, ())):
        run.commit(now, [verification.event(Verification(3, seed, failed), now)], toy.NOW)
    assert verification.on_record(run, run.manifest()) == Verification(3, 1, (LEAK,))
    carry_out(run, "simulate", asking(8, simulate=Simulate(seed=99)))
    assert verification.on_record(run, run.manifest()) is None
    carry_out(run, "simulate")
    assert verification.on_record(run, run.manifest()) == Verification(3, 1, (LEAK,))
