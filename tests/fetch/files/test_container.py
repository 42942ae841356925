"""A file's bytes are known by what they are, not by its name."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfm.errors import DataError
from hfm.fetch.files.container import text, unpack

TEXT = b"time,open\n2024-03-18 09:30,1.5\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_text_is_unpacked_whatever_it_is_called(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """By its first bytes."""
    path = tmp_path / "bars.bin"
    path.write_bytes(pack(TEXT))
    assert unpack(path) == TEXT


def test_a_zip_of_one_file_is_that_file_and_of_two_is_refused(tmp_path: Path) -> None:
    """Which of two is meant is not guessed."""
    for count in (1, 2):
        with zipfile.ZipFile(tmp_path / f"{count}.zip", "w") as archive:
            for k in range(count):
                archive.writestr(f"{k}.csv", TEXT)
    assert unpack(tmp_path / "1.zip") == TEXT
    with pytest.raises(DataError, match="holds 2 files"):
        unpack(tmp_path / "2.zip")


def test_a_table_comes_as_a_table(tmp_path: Path) -> None:
    """Parquet under another name."""
    table = pa.table({"open": [1.0, 2.0]})
    pq.write_table(table, tmp_path / "bars.csv")
    assert unpack(tmp_path / "bars.csv") == table


LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=20, max_size=40)


@given(LETTERS, st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]))
def test_a_text_is_the_same_in_every_marked_encoding(content: str, encoding: str) -> None:
    """UTF-8 comes out, without its mark."""
    lines = f"time,{content}\n".replace("\ufeff", "")
    found, _ = text(lines.encode(encoding), Path("a.csv"))
    assert found.decode() == lines


@pytest.mark.parametrize(("data", "what"), [(b"\x89HDF\r\n", "HDF5"), (b"%PDF-1.4", "PDF"), (b"DBN\x01", "DBN")])
def test_another_format_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    """With what to do."""
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(DataError, match=what):
        unpack(tmp_path / "a.csv")


@pytest.mark.parametrize("data", [b"<!doctype html><p>", b'[{"open": 1}]', bytes(100)])
def test_what_is_no_table_of_text_is_refused(data: bytes) -> None:
    """A page, JSON, zeros."""
    with pytest.raises(DataError):
        text(data, Path("a.csv"))
