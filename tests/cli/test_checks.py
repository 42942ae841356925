"""The commands that check, as typed: their tables, their exit codes, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfm.cli import checks
from hfm.cli.console import Show
from hfm.cli.options import Common
from hfm.errors import ExitCode
from hfm.verify import claims
from hfm.verify.claims import Row
from tests.cli.test_app import FETCH
from tests.command import hfm


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs with bars and quotes in each."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("a", "b", "c"):
        assert hfm("fetch", *FETCH, "--run", name, "-q", cwd=folder).code == 0
    assert hfm("simulate", "--run", "c", "-q", cwd=folder).code == 0
    return folder


def test_one_claim_that_fails_is_exit_8() -> None:
    """And the table and the JSON hold all of them."""
    rows = [Row("holds", "1", 1.0, 1.0, 1.0), Row("does not", "1", 2.0, 1.0, 1.0)]
    show = Show("verify", as_json=True, quiet=True)
    assert checks.judge(show, rows[:1]) == ExitCode.OK
    assert checks.judge(show, rows) == ExitCode.CHECK
    assert [claim["passed"] for claim in show.metrics["claims"]] == [True, False]
    assert "does not" in "\n".join(show.table)


def test_verify_says_how_long_each_claim_took(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its JSON by the claim's name, and on stderr as it is done; the table holds the rows alone."""
    monkeypatch.setattr(claims, "CLAIMS", (claims.Claim("hfm.verify.arithmetic:deflated_hurdle", "quick", 0.1),))
    show = Show("verify", as_json=True)
    markets = checks.Markets(None, "walk", None, None, None, "logistic")
    rows = list(checks._claims(show, Common(), markets, "full", False, None))
    assert checks.judge(show, rows) == ExitCode.OK
    assert list(show.metrics["seconds"]) == ["deflated hurdle"]
    assert show.metrics["seconds"]["deflated hurdle"] >= 0
    assert len(show.metrics["claims"]) == len(rows) == 1
    assert capsys.readouterr().err.startswith("deflated hurdle: ")


def test_verify_takes_one_level_at_a_time(tmp_path: Path) -> None:
    """Exit 2."""
    done = hfm("verify", "--quick", "--full", cwd=tmp_path)
    assert done.code == 2
    assert "--quick and --full" in done.err


def test_verify_of_a_changed_run_is_exit_8_and_names_the_stage(home: Path) -> None:
    """A bit of the quotes; and back."""
    path = home / "runs" / "c" / "simulate" / "facts.json"
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"0", b"1", 1))
    done = hfm("verify", "--run", "c", cwd=home)
    path.write_bytes(raw)
    assert done.code == 8
    assert "simulate: files as committed" in done.out


def test_verify_of_a_run_whose_simulator_knows_the_whole_sample_is_exit_8_with_one_clear_line(home: Path) -> None:
    """The original recipe scales its noise by all rows: the stage, the column and the row, on stderr too."""
    assert hfm("simulate", "--recipe", "seed", "--run", "c", "-q", cwd=home).code == 0
    done = hfm("verify", "--run", "c", cwd=home)
    assert done.code == 8
    said = [line for line in done.err.splitlines() if line.startswith("failed: ")]
    assert len(said) == 2
    assert all(line.startswith("failed: simulate: bid_") and "knows what comes later" in line for line in said)


def test_doctor_says_what_a_run_stands_on_and_fails_where_something_is_missing(home: Path) -> None:
    """A table for a person, findings for a machine."""
    done = hfm("doctor", "--json", cwd=home)
    findings = done.json["metrics"]["findings"]
    assert findings
    assert done.code == (8 if any(f["cure"] for f in findings) else 0)


def test_prune_empties_the_oldest_and_keeps_what_is_asked(home: Path) -> None:
    """The newest two stay as they are; of the oldest the record stays; twice is once."""
    done = hfm("prune", "--keep", 2, "--json", cwd=home)
    assert done.code == 0
    assert [Path(p).name for p in done.json["artifacts"]] == ["a"]
    assert not list((home / "runs" / "a").glob("*/*"))
    assert (home / "runs" / "a" / "journal.jsonl").is_file()
    assert (home / "runs" / "b" / "fetch" / "bars.parquet").is_file()
    assert hfm("prune", "--keep", 2, "--json", cwd=home).json["artifacts"] == []
    assert hfm("prune", "--keep", 0, cwd=home).code == 2
