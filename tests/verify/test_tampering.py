"""A run that was changed after its commits is found out, stage by stage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hfm.config import Config
from hfm.runs.manifest import Run
from hfm.runs.pipeline import Options, run_all
from hfm.verify import tampering
from tests import toy


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    made = toy.placed(tmp_path, monkeypatch)
    list(run_all(made, Config(), Options(tmp_path, clock=lambda: datetime(2026, 3, 2, tzinfo=UTC)), False))
    return made


def failed(run: Run) -> list[str]:
    return [r.claim for r in tampering.of_run(run) if not r.passed]


def test_an_untouched_run_passes(run: Run) -> None:
    """Every file, every input, every line."""
    assert failed(run) == []


@pytest.mark.parametrize("name", ["fetch/bars.parquet", "simulate/facts.json", "train/model.safetensors"])
def test_a_changed_or_lost_file_names_its_stage(run: Run, name: str) -> None:
    """One bit, then the whole file."""
    path = run.path / name
    raw = path.read_bytes()
    path.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])
    assert failed(run) == [f"{name.split('/')[0]}: files as committed"]
    path.unlink()
    assert failed(run) == [f"{name.split('/')[0]}: files as committed"]


def test_a_changed_journal_line_is_named(run: Run) -> None:
    """By its number."""
    path = run.path / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"q0.9"', b'"q0.8"', 1))
    (claim,) = failed(run)
    assert claim.startswith("journal: line")
