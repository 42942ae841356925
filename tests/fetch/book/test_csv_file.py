"""Vendors' CSV files: whole, or refused with the line."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from hfm.errors import DataError
from hfm.fetch.book import csv_file

KINDS = {"a": pa.int64(), "b": pa.float64(), "c": pa.bool_()}


def test_columns_are_taken_by_name_where_there_is_a_header(tmp_path: Path) -> None:
    """In any order, further ones left out, Windows line ends, a mark at the start, no end of the last line."""
    data = "﻿b,x,a,c\r\n0.5,,1,True\r\n2,y,-3,false".encode()
    found = csv_file.table(data, tmp_path / "f.csv", KINDS, header=True, extra=True)
    assert found.to_pydict() == {"a": [1, -3], "b": [0.5, 2.0], "c": [True, False]}
    assert csv_file.first_fields(data) == ["b", "x", "a", "c"]


def test_columns_are_taken_by_place_where_there_is_none(tmp_path: Path) -> None:
    """As many as there are kinds."""
    assert csv_file.table(b"1,2,1\n", tmp_path / "f.csv", KINDS, header=False).num_rows == 1
    with pytest.raises(DataError, match="line 1 has 2 fields, not 3"):
        csv_file.table(b"1,2\n", tmp_path / "f.csv", KINDS, header=False)
    with pytest.raises(DataError, match="no column c"):
        csv_file.table(b"a,b\n1,2\n", tmp_path / "f.csv", KINDS, header=True, extra=True)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a,b,c\n1,2,true\n1,2\n", 3, "2 fields, not 3"),
        ("a,b,c\n1,2,true,4\n", 2, "4 fields, not 3"),
        ("a,b,c\n1.5,2,true\n", 2, "a is '1.5'"),
        ("a,b,c\n1,,true\n", 2, "b is ''"),
        ("a,b,c\n1,2,yes\n", 2, "c is 'yes'"),
        ("a,b,c\n1,2,true\n\n1,2,true\n", 3, "1 fields, not 3"),
    ],
)
def test_the_first_bad_line_is_named(tmp_path: Path, text: str, line: int, why: str) -> None:
    """Nothing is skipped, nothing becomes null."""
    with pytest.raises(DataError, match=rf"f\.csv: line {line} is cut or damaged") as caught:
        csv_file.table(text.encode(), tmp_path / "f.csv", KINDS, header=True)
    assert why in caught.value.why


def test_a_file_is_unpacked_by_its_name(tmp_path: Path) -> None:
    """Plain, .gz, .zip of one member; first lines too."""
    (tmp_path / "f.csv").write_bytes(b"1\n2\n")
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress(b"1\n2\n"))
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("f.csv", b"1\n2\n")
    for name in ("f.csv", "f.csv.gz", "f.zip"):
        assert csv_file.read_bytes(tmp_path / name) == b"1\n2\n"
        assert csv_file.first_line(tmp_path / name) == b"1\n"


def test_what_cannot_be_unpacked_is_refused(tmp_path: Path) -> None:
    """Two members, no archive at all, a flipped byte, no file."""
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("b", b"2")
    (tmp_path / "no.zip").write_bytes(b"hello")
    packed = bytearray(gzip.compress(b"12345,6789\n" * 1000))
    packed[-6] ^= 1
    (tmp_path / "bad.csv.gz").write_bytes(packed)
    for name, says in (
        ("two.zip", "2 files"),
        ("no.zip", "cut or damaged"),
        ("bad.csv.gz", "at line"),
        ("x.csv", "read"),
    ):
        with pytest.raises(DataError, match=says):
            csv_file.read_bytes(tmp_path / name)


def test_a_first_line_that_cannot_be_unpacked_is_refused(tmp_path: Path) -> None:
    """The download broke off at once."""
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"time,price\n" * 100)[:12])
    with pytest.raises(DataError, match="cut or damaged at line 1"):
        csv_file.first_line(tmp_path / "cut.csv.gz")
