"""Records of a file, piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfm.errors import DataError
from hfm.fetch.sources import dbn_file
from tests.fetch.orderflow import made
from tests.fetch.sources.test_databento import day, header, orders

databento = pytest.importorskip("databento")


def store(path: Path, raw: bytes) -> Any:
    """The library's view of a file."""
    path.write_bytes(raw)
    return databento.DBNStore.from_file(path)


@pytest.mark.parametrize("count", [1, 7, 10**6])
@pytest.mark.parametrize("frames", [0, 1, 3])
def test_pieces_are_the_librarys_records(tmp_path: Path, count: int, frames: int) -> None:
    """Plain and packed, in one frame or in several; none is longer than asked for."""
    raw = day(made(3, 100, 10))
    path = tmp_path / "x.mbo.dbn"
    want = store(path, raw).to_ndarray()
    if frames:
        zstd = pytest.importorskip("zstandard")
        step = -(-len(raw) // frames)
        raw = b"".join(zstd.ZstdCompressor().compress(raw[i : i + step]) for i in range(0, len(raw), step))
        path = tmp_path / "x.mbo.dbn.zst"
    found = list(dbn_file.pieces(path, store(path, raw)))
    np.testing.assert_array_equal(np.concatenate(found), want)
    assert max(map(len, dbn_file.pieces(path, store(path, raw), count))) <= count


def test_a_file_without_records_has_no_piece(tmp_path: Path) -> None:
    """No error either: what that means is said elsewhere."""
    path = tmp_path / "x.mbo.dbn"
    assert list(dbn_file.pieces(path, store(path, header("mbo", {"XYZ": 17})))) == []


def test_a_symbol_is_taken_alone_and_of_one_venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own records, in order; a second venue, in a later piece too, is refused."""
    path = tmp_path / "x.mbo.dbn"
    of = store(path, header("mbo", {"XYZ": 17, "ABC": 18}) + orders(made(1, 60, 10)) + orders(made(2, 60, 10), 18))
    every = np.concatenate(list(dbn_file.pieces(path, of)))
    monkeypatch.setattr(dbn_file.pieces, "__defaults__", (11,))
    found = np.concatenate(list(dbn_file.of_symbol(path, of, "ABC")))
    np.testing.assert_array_equal(found, every[every["instrument_id"] == 18])
    other = every[every["instrument_id"] == 18].copy()
    other["publisher_id"][-1] += 1
    monkeypatch.setattr(dbn_file, "pieces", lambda *_: iter([other[:5], other[5:]]))
    with pytest.raises(DataError, match="several venues"):
        list(dbn_file.of_symbol(path, of, "ABC"))
