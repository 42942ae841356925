"""Vendors' CSV files, plain, .gz or .zip, as columns; a file that is cut or damaged is refused with its line."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from hfm.errors import DataError

BLOCK = 1 << 20
"""Bytes that are parsed at a time."""
AGAIN = "download or copy the file again"


def read_bytes(path: Path) -> bytes:
    """The bytes of a plain, .gz or .zip file (of one member). Raises DataError for one that is cut or not there."""
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                if len(names) != 1:
                    raise DataError(f"{path} holds {len(names)} files, not one", hint="unpack it and give the folder")
                return archive.read(names[0])
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as e:
        at = f" at line {_lines(path)}" if path.suffix == ".gz" else ""
        raise DataError(f"{path} is cut or damaged{at}", why=str(e), hint=AGAIN) from e
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}", hint="give another --path") from e


def _lines(path: Path) -> int:
    """Number of the line in which a damaged gzip file ends."""
    unpack, lines = zlib.decompressobj(31), 1
    with path.open("rb") as file:
        try:
            while piece := file.read(4096):
                lines += unpack.decompress(piece).count(b"\n")
        except zlib.error:
            pass
    return lines


def first_line(path: Path) -> bytes:
    """The first line of a plain, .gz or .zip file, of at most 64 KiB; nothing where there is none."""
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
                return member.readline(1 << 16)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return bytes(file.readline(1 << 16))
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, IndexError) as e:
        raise DataError(f"{path} is cut or damaged at line 1", why=str(e), hint=AGAIN) from e


def first_fields(data: bytes) -> list[str]:
    """The fields of the first line."""
    line = data[: data.find(b"\n")] if b"\n" in data else data
    return [field.strip() for field in line.decode("utf-8", "replace").strip("﻿\r").split(",")]


def table(data: bytes, path: Path, kinds: Mapping[str, pa.DataType], header: bool, extra: bool = False) -> pa.Table:
    """Columns of a CSV file, none of them with a null.

    Parameters
    ----------
    data : the file's bytes.
    path : for messages.
    kinds : name -> type of the columns wanted; without a header they are all the file's columns, in order.
    header : whether the first line has names.
    extra : whether there may be other columns, which are left out.

    Returns
    -------
    pa.Table
        The columns of `kinds`.

    Raises
    ------
    DataError
        Naming the line, where one has too few or too many fields or one is not of its type: nothing is skipped.
    """
    names = first_fields(data) if header else list(kinds)
    missing = [name for name in kinds if name not in names]
    if missing:
        raise DataError(f"{path} has no column {', '.join(missing)}", why=f"it has {', '.join(names[:20])}", hint=AGAIN)
    if not extra and len(first_fields(data)) != len(kinds):
        raise DataError(f"{path}: line 1 has {len(first_fields(data))} fields, not {len(kinds)}", hint=AGAIN)
    read = pc.ReadOptions(block_size=BLOCK, column_names=None if header else names, autogenerate_column_names=False)
    kept = pc.ConvertOptions(
        column_types=dict(kinds), include_columns=list(kinds), null_values=[], true_values=TRUE, false_values=FALSE
    )
    try:
        return pc.read_csv(io.BytesIO(data), read, pc.ParseOptions(ignore_empty_lines=False), kept).combine_chunks()
    except pa.ArrowInvalid as e:
        line, why = find_fault(data, names, kinds, header)
        raise DataError(f"{path}: line {line} is cut or damaged", why=why or str(e).splitlines()[0], hint=AGAIN) from e


TRUE, FALSE = ["true", "True", "TRUE", "1"], ["false", "False", "FALSE", "0"]


def find_fault(data: bytes, names: list[str], kinds: Mapping[str, pa.DataType], header: bool) -> tuple[int, str]:
    """The first bad line of a file that is known to have one (slow).

    Parameters
    ----------
    data : the file's bytes.
    names : of its columns, in order.
    kinds : name -> type of the columns that are judged.
    header : whether the first line has names.

    Returns
    -------
    int, str
        Its number from 1, and what is wrong.
    """
    lines = data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if (number == 1 and header) or (number == len(lines) and not line):
            continue
        fields = line.rstrip(b"\r").decode("utf-8", "replace").split(",")
        if len(fields) != len(names):
            return number, f"{len(fields)} fields, not {len(names)}"
        for name, field in zip(names, fields, strict=True):
            if name in kinds and not _fits(field, kinds[name]):
                return number, f"{name} is {field[:40]!r}, not {kinds[name]}"
    return len(lines), ""


def _fits(field: str, kind: pa.DataType) -> bool:
    if pa.types.is_boolean(kind):
        return field in TRUE + FALSE
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        try:
            int(field) if pa.types.is_integer(kind) else float(field)
        except ValueError:
            return False
    return True
