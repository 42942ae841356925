"""`hfm list`: what a home holds, as a user sees it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hfm.cli import inventory
from hfm.runs.run_list import ListedRun
from tests import terminal
from tests.command import hfm

STAGES = ("fetch", "simulate", "train", "backtest", "report")
WHOLE = ListedRun(
    "planted", True, "2026-12-01T04:50:00Z", ("SPY",), 1250, "synthetic", "logistic", "q90", "edge supported",
    dict.fromkeys(STAGES, "fresh"), 12_345_678,
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: one with bars, a newer one whose manifest is torn, and one of two symbols."""
    folder = tmp_path_factory.mktemp("home")
    for name, symbols in (("first", ["SPY"]), ("torn", ["SPY"]), ("two", ["SPY", "QQQ"])):
        done = hfm("fetch", *symbols, "--source", "synthetic", "--sessions", 2, "--run", name, cwd=folder)
        assert done.code == 0, done.err
    path = folder / "runs" / "torn" / "manifest.json"
    path.write_bytes(path.read_bytes()[:-9])
    return folder


def test_an_empty_home_is_one_line_and_the_next_command(tmp_path: Path) -> None:
    """Exit 0: there are none, and that is no fault; nothing is made."""
    done = hfm("list", cwd=tmp_path)
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == ["there is no run under runs yet", "  next: hfm demo"]
    assert hfm("list", "-q", cwd=tmp_path).err == ""
    assert hfm("list", "--json", cwd=tmp_path).json["metrics"] == {"runs": []}
    assert list(tmp_path.iterdir()) == []
    elsewhere = hfm("list", "--home", tmp_path, cwd=tmp_path.parent)
    assert elsewhere.err.splitlines()[-1] == f"  next: hfm demo --home {tmp_path}"


def test_runs_stand_there_with_what_they_hold_and_a_damaged_one_by_name(home: Path) -> None:
    """Newest first; the sound ones say what they are of."""
    done = hfm("list", cwd=home)
    assert done.code == 0, done.err
    text = " ".join(done.out.split())
    assert "SPY, 2 sessions, synthetic fetch fresh; simulate, train, backtest, report missing" in text
    assert "QQQ SPY, 2 sessions" in text or "SPY QQQ, 2 sessions" in text
    assert "manifest.json is damaged: its own SHA-256 does not fit" in text
    assert "next: (advice) remove " in text
    heads = [line for line in done.out.splitlines() if not line.startswith(" ")]
    assert sorted(line.split()[0] for line in heads) == ["first", "torn", "two"]
    assert [line.split()[0] for line in heads if line.endswith("latest")] == ["two"]


def test_json_has_a_run_an_object(home: Path) -> None:
    """The envelope of every command; what is damaged is among the warnings too."""
    body = hfm("list", "--json", cwd=home).json
    runs = {run["name"]: run for run in body["metrics"]["runs"]}
    assert (body["schema_version"], body["command"], body["run_dir"], body["artifacts"]) == (1, "list", None, [])
    assert [w.partition(":")[0] for w in body["warnings"]] == ["torn"]
    assert runs["two"]["latest"]
    assert not runs["first"]["latest"]
    assert runs["first"]["stages"] == {"fetch": "fresh", **dict.fromkeys(STAGES[1:], "missing")}
    assert runs["first"]["bytes"] > 0
    assert runs["torn"]["fault"]
    assert Path(runs["first"]["path"]) == (home / "runs" / "first").resolve()


def test_settings_of_today_make_stages_stale(home: Path) -> None:
    """As in status; a wrong one is said once, and not of every run."""
    run = {r["name"]: r for r in hfm("list", "--set", "fetch.seed=8", "--json", cwd=home).json["metrics"]["runs"]}
    assert run["first"]["stages"]["fetch"] == "stale"
    assert hfm("list", "--set", "fetch.sead=8", cwd=home).code == 3


def test_no_line_is_wider_than_a_terminal(home: Path) -> None:
    """At 80 columns, with all that a run can have, and a name of any length."""
    seen = terminal.hfm("list", cwd=home)
    assert seen.code == 0
    long = dataclasses.replace(WHOLE, name="x" * 100, symbols=tuple(f"SYMBOL{i}" for i in range(40)))
    lines = [*seen.text.splitlines(), *inventory.lines(WHOLE), *inventory.lines(long)]
    assert max(map(len, lines)) <= 80


def test_a_run_that_is_done_takes_two_lines() -> None:
    """Its name, date and size; what it is of and what came of it."""
    head, below = inventory.lines(WHOLE)
    assert head.split() == ["planted", "2026-12-01", "04:50", "12.3", "MB", "latest"]
    assert below == "  SPY, 1,250 sessions, synthetic; logistic at q90: edge supported; all fresh"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 kB"), (999_499, "999 kB"), (999_949_999, "999.9 MB"), (1_000_000_000, "1.0 GB"), (10**12, "1000.0 GB")],
)
def test_sizes_are_of_a_thousand(count: int, text: str) -> None:
    """As disks are sold, and prune counts."""
    assert inventory._size(count) == text
