"""The archive's files on disk."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from hfm import atomic
from hfm.errors import DataError, DiskError, LockedError
from hfm.fetch.archive import month_files
from hfm.fetch.archive.overlap import scaled
from hfm.plugins import BAR_COLUMNS, RawBars
from tests.fetch.drive import raw, week

BARS = raw(week(first="2026-02-23", last="2026-03-06"))
MARCH = int(np.searchsorted(BARS.time, week().open[0]))


def equal(a: RawBars, b: RawBars) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in BAR_COLUMNS)


def tree(folder: Path) -> dict[str, str]:
    """Every file below and its hash."""
    return {str(p.relative_to(folder)): atomic.sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """Where SPY's five-minute bars lie."""
    return month_files.folder(tmp_path, "yahoo", "SPY", 300)


def test_what_was_appended_is_read_back_month_by_month(where: Path) -> None:
    """Two months, each with its hash beside it; later bars touch their month alone."""
    assert month_files.append(where, BARS.take(np.arange(MARCH + 5))) == ["2026-02", "2026-03"]
    before = tree(where)
    assert set(before) == {"2026-02.parquet", ".2026-02.sha256", "2026-03.parquet", ".2026-03.sha256"}
    assert month_files.append(where, BARS.take(np.arange(MARCH + 5, len(BARS.time)))) == ["2026-03"]
    after = tree(where)
    assert {k for k in before if before[k] != after[k]} == {"2026-03.parquet", ".2026-03.sha256"}
    assert equal(month_files.read(where), BARS)
    assert equal(month_files.read(where, int(BARS.time[MARCH])), BARS.take(np.arange(MARCH, len(BARS.time))))
    assert (where / ".2026-03.sha256").read_text().split() == [
        hashlib.sha256((where / "2026-03.parquet").read_bytes()).hexdigest()
    ]


def test_the_folder_is_plain_hive_parquet_for_any_reader(tmp_path: Path) -> None:
    """pyarrow.dataset, with no help from hfm: partitions as columns, one row a bar, odd symbols too."""
    for symbol in ("SPY", "^GSPC", "BTC-USD", "7203.T", "NQ=F", "BRK-B"):
        month_files.append(month_files.folder(tmp_path, "yahoo", symbol, 300), BARS)
    table = ds.dataset(tmp_path / "bars", format="parquet", partitioning="hive").to_table()
    assert set(table.column_names) == {*BAR_COLUMNS, "source", "symbol", "interval"}
    assert sorted(set(table["symbol"].to_pylist())) == ["7203.T", "BRK-B", "BTC-USD", "NQ=F", "SPY", "^GSPC"]
    mine = table.filter(pc.field("symbol") == "NQ=F").sort_by("time")
    assert mine["close"].to_numpy().tolist() == BARS.close.tolist()
    assert str(mine["time"].type) == "timestamp[ns, tz=UTC]"


@pytest.mark.parametrize("at", [0, 100, 1000, -1])
def test_a_flipped_bit_is_an_error_with_the_file_and_the_cure(where: Path, at: int) -> None:
    """Never a wrong number; the other months are still read."""
    month_files.append(where, BARS)
    path = where / "2026-03.parquet"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"2026-03.parquet is damaged") as e:
        month_files.read(where)
    assert "hfm fetch" in e.value.hint
    assert len(month_files.read(where, None, int(BARS.time[0])).time) == MARCH


def test_a_torn_month_a_lost_hash_and_a_foreign_month_are_errors(where: Path) -> None:
    """A file whose hash is not known does not count as data."""
    month_files.append(where, BARS)
    path, beside = where / "2026-02.parquet", where / ".2026-02.sha256"
    whole, known = path.read_bytes(), beside.read_bytes()
    for damage in (lambda: path.write_bytes(whole[:-10]), beside.unlink, lambda: path.write_bytes(b"")):
        damage()
        with pytest.raises(DataError, match="is damaged"):
            month_files.read(where)
        path.write_bytes(whole)
        beside.write_bytes(known)
    assert equal(month_files.read(where), BARS)


def test_a_kill_at_any_write_leaves_the_old_month_or_the_new(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replacing a month takes three writes: after each prefix of them the archive reads, and a rerun completes it."""
    old, new = BARS.take(np.arange(100)), BARS.take(np.arange(100, MARCH))
    write = atomic.write
    for stop in range(4):
        shutil.rmtree(where, ignore_errors=True)
        month_files.append(where, old)
        left = [stop]

        def limited(path: Path, data: bytes, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            write(path, data)

        monkeypatch.setattr(atomic, "write", limited)
        with contextlib.suppress(KeyboardInterrupt):
            month_files.append(where, new)
        monkeypatch.setattr(atomic, "write", write)
        have = month_files.read(where)
        assert len(have.time) in (100, MARCH)
        if len(have.time) == 100:
            month_files.append(where, new)
        assert equal(month_files.read(where), BARS.take(np.arange(MARCH)))


def test_a_killed_rebase_is_finished_or_undone(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All months or none: whatever rename was the last, recover makes one of the two."""
    half = scaled(BARS, 0.5)
    rename = Path.rename
    for stop in range(3):
        shutil.rmtree(where.parent, ignore_errors=True)
        month_files.append(where, BARS)
        left = [stop]

        def limited(self: Path, target: Path, left: list[int] = left) -> Path:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", limited)
        with contextlib.suppress(KeyboardInterrupt):
            month_files.rewrite(where, half)
        monkeypatch.setattr(Path, "rename", rename)
        month_files.recover(where)
        assert equal(month_files.read(where), half if stop else BARS)
        assert sorted(p.name for p in where.parent.iterdir()) == ["interval=5m"]


def test_a_full_disk_leaves_the_old_month_and_says_the_path(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 10; no temporary file stays."""
    month_files.append(where, BARS.take(np.arange(100)))
    before = tree(where)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="No space left"):
        month_files.append(where, BARS.take(np.arange(100, 200)))
    monkeypatch.undo()
    assert tree(where) == before


def _hold(folder: str, holding: multiprocessing.synchronize.Event, go: multiprocessing.synchronize.Event) -> None:
    with month_files.locked(Path(folder), "yahoo", "SPY", 0):
        holding.set()
        go.wait(30)


def test_a_symbol_has_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second process is refused at once, or waits; other symbols are free."""
    context = multiprocessing.get_context("spawn")
    holding, go = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(tmp_path), holding, go))
    other.start()
    assert holding.wait(30)
    with pytest.raises(LockedError, match="archive of SPY"), month_files.locked(tmp_path, "yahoo", "SPY", 0):
        pass
    with month_files.locked(tmp_path, "yahoo", "QQQ", 0):
        pass
    go.set()
    with month_files.locked(tmp_path, "yahoo", "SPY", 30):
        pass
    other.join()


def _append_for_ever(folder: str, begun: multiprocessing.synchronize.Event) -> None:
    where = Path(folder)
    begun.set()
    for row in range(len(month_files.read(where).time), len(BARS.time)):
        month_files.recover(where)
        month_files.append(where, BARS.take(np.arange(row, row + 1)))


@pytest.mark.slow
def test_kill_9_at_random_moments_leaves_an_archive_that_reads_and_goes_on(where: Path) -> None:
    """A writer that appends bar after bar is killed fifteen times: what is there is always a prefix of the truth."""
    context, rng = multiprocessing.get_context("spawn"), np.random.default_rng(5)
    counts = []
    for _ in range(15):
        begun = context.Event()
        writer = context.Process(target=_append_for_ever, args=(str(where), begun))
        writer.start()
        assert begun.wait(60)
        writer.join(rng.uniform(0.05, 0.4))
        writer.kill()
        writer.join()
        have = month_files.read(where)
        assert equal(have, BARS.take(np.arange(len(have.time))))
        counts.append(len(have.time))
    assert counts == sorted(counts)
    assert counts[-1] > 0
    month_files.recover(where)
    assert all(not p.name.endswith(".hfm-tmp") for p in where.iterdir())
