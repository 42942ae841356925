"""Flipped bits and cuts in every kind of file: all found, by name, with the command that makes the file again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from hfm.config import Config
from hfm.errors import DataError
from hfm.fetch.archive import month_files
from hfm.raw_data import RawBars
from hfm.runs import freshness, journal, stages
from hfm.runs.manifest import JOURNAL, MANIFEST, Run
from tests.command import hfm
from tests.conftest import Count
from tests.reliability.corridor import files, whole

FLIPS = 300


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole run for the module."""
    return whole(tmp_path_factory.mktemp("home"))


def damages(raw: bytes, flips: int, seed: int) -> Iterator[bytes]:
    """Single-bit flips at random places, and cuts at every tenth of the length."""
    rng = np.random.default_rng(seed)
    for at, bit in zip(rng.integers(0, len(raw), flips), rng.integers(0, 8, flips), strict=True):
        yield raw[:at] + bytes([raw[at] ^ (1 << int(bit))]) + raw[at + 1 :]
    for tenth in range(10):
        yield raw[: len(raw) * tenth // 10]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_damaged_artifact_is_found_where_it_is_read(made: Path, count: Count) -> None:
    """By the stage that reads it (exit 4, the file, the command); a last artifact by status, and `run` remakes it."""
    run = Run(made)
    manifest = run.manifest()
    for seed, (name, raw) in enumerate(files(made, report=True).items()):
        maker = stages.maker(name)
        reader = next((s for s in stages.STAGES if name in s.reads), None)
        n = 0
        for bad in damages(raw, FLIPS, seed):
            n += 1
            (made / name).write_bytes(bad)
            if reader is None:
                assert freshness.why_stale(run, manifest, maker, Config()) == (
                    f"{name} is not the file that was committed")  # fmt: skip
                continue
            with pytest.raises(DataError, match=r"damaged") as caught:
                freshness.check_inputs(run, manifest, reader)
            assert str(made / name) in caught.value.what
            assert caught.value.hint == f"hfm {maker.name} --run r"
        (made / name).write_bytes(raw)
        count(f"flips and cuts of {name}", n)


@pytest.mark.slow
def test_the_command_that_is_named_makes_the_file_again(made: Path, tmp_path: Path) -> None:
    """As a user meets it: one bit, exit 4, the hint typed as it stands, and the same bytes are back."""
    home = tmp_path / "home"
    shutil.copytree(made.parent.parent, home, symlinks=True)
    run = home / "runs" / "r"
    before = files(run)
    path = run / "train" / "predictions.parquet"
    path.write_bytes(bytes([path.read_bytes()[0] ^ 4]) + path.read_bytes()[1:])
    done = hfm("backtest", "--run", "r", cwd=home)
    assert done.code == 4
    assert str(path) in done.err
    (hint,) = [line.split("next: ")[1] for line in done.err.splitlines() if "next: " in line]
    assert hfm(*hint.split()[1:], cwd=home).code == 0
    assert files(run) == before


@pytest.mark.slow
def test_every_damaged_manifest_is_refused(made: Path, tmp_path: Path, count: Count) -> None:
    """Never another meaning: exit 4, and what to do."""
    raw, run = (made / MANIFEST).read_bytes(), Run(tmp_path)
    n = 0
    for bad in damages(raw, FLIPS, 1):
        (tmp_path / MANIFEST).write_bytes(bad)
        with pytest.raises(DataError, match="damaged"):
            run.manifest()
        n += 1
    count("flips and cuts of manifest.json", n)


def test_every_damaged_month_of_the_archive_is_found(tmp_path: Path, count: Count) -> None:
    """Its bytes and the hash beside it: a month is what was written, or an error that names it."""
    where = month_files.folder(tmp_path, "yahoo", "SPY", 300)
    end = int(datetime(2026, 3, 2, 14, 35, tzinfo=UTC).timestamp()) * 10**9 + 300 * 10**9 * np.arange(78)
    close = 500 + np.sin(np.arange(78.0))
    month_files.append(where, RawBars(end, close, close + 1, close - 1, close, np.full(78, 1e5)))
    (path,) = where.glob("*.parquet")
    raw, n = path.read_bytes(), 0
    for bad in damages(raw, FLIPS, 2):
        path.write_bytes(bad)
        with pytest.raises(DataError, match=r"archive: .*2026-03\.parquet is damaged"):
            month_files.read_month(path)
        n += 1
    path.write_bytes(raw)
    assert len(month_files.read_month(path).time) == 78
    count("flips and cuts of a month of the archive", n)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_way_to_tamper_with_a_journal_of_20_kb_is_found(tmp_path: Path, count: Count) -> None:
    """Every byte substituted once; every line dropped, doubled, swapped; the tail cut at every line."""
    path = tmp_path / JOURNAL
    events = [{"event": "trial", "trial": f"q0.{i}", "policy": {"value": i / 100}} for i in range(150)]
    head, total = journal.append(path, journal.START, 0, events)
    raw = path.read_bytes()
    assert len(raw) > 20_000
    lines, tried = journal.read(path), 0
    for at in range(len(raw)):
        bad = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert journal.fault(bad.split(b"\n")[:-1], head, total) is not None, f"byte {at}"
    count("bytes of a journal substituted", len(raw))
    for i in range(total):
        ways = [[*lines[:i], *lines[i + 1 :]], [*lines[: i + 1], *lines[i:]], lines[:i]]
        if i + 1 < total:
            ways.append([*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]])
        for bad_lines in ways:
            assert journal.fault(bad_lines, head, total) is not None
            tried += 1
    count("lines of a journal dropped, doubled, swapped or cut off", tried)
