"""The bytes of a file, by their magic and not by the file's name: text in UTF-8, or a table."""

from __future__ import annotations

import codecs
import io
import lzma
import shlex
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq

from hfm.errors import DataError

CODECS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
"""First bytes -> name of the compression in pyarrow."""
XZ, ZIP, PARQUET, FEATHER = b"\xfd7zXZ\x00", b"PK\x03\x04", b"PAR1", (b"ARROW1", b"FEA1")
OTHERS = {
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save the sheet as CSV"),
    b"\x89HDF": ("an HDF5 file", "write the table as Parquet or CSV"),
    b"SQLite format 3": ("an SQLite database", "write the table as CSV"),
    b"\x93NUMPY": ("a NumPy array", "write the table as Parquet or CSV, with names of columns"),
    b"%PDF": ("a PDF", "export CSV or Parquet"),
    b"\x89PNG": ("a picture", "export CSV or Parquet"),
    b"DBN": ("a DBN file", "hfm fetch SYMBOL --source databento --path FILE"),
    b"ORC": ("an ORC file", "write the table as Parquet or CSV"),
    b"Obj\x01": ("an Avro file", "write the table as Parquet or CSV"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it"),
    b"Rar!": ("a RAR archive", "unpack it"),
}
"""First bytes -> what the file is, and what to do."""
PAGE = "download the file again: a page came in its place"
MARKUP = {
    "<!doctype": ("HTML", PAGE),
    "<html": ("HTML", PAGE),
    "<?xml": ("XML", PAGE),
    "[{": ("JSON", "write it as CSV"),
    '{"': ("JSON", "write it as CSV"),
}
"""First characters of a text that is no table -> what it is, and what to do."""
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SAMPLE = 4096
"""Bytes in which the encoding is looked for."""


def unpack(path: Path) -> pa.Table | bytes:
    """The table of a Parquet or Feather file, or the unpacked bytes of a text.

    Returns
    -------
    pa.Table or bytes

    Raises
    ------
    DataError
        For a format that is neither, and for a zip of several files.
    OSError, ArrowException, EOFError, LZMAError, BadZipFile, zlib.error
        For a file that is damaged: the decoder's own.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(PARQUET):
        with pq.ParquetFile(path, page_checksum_verification=True) as found:
            return found.read()
    if start.startswith(ZIP):
        return _format(path, _zip(path))
    codec = next((name for magic, name in CODECS.items() if start.startswith(magic)), None)
    if start.startswith(XZ):
        return _format(path, lzma.decompress(path.read_bytes()))
    with pa.input_stream(str(path), compression=codec) as stream:
        return _format(path, stream.read())


def _format(path: Path, data: bytes) -> pa.Table | bytes:
    """Unpacked bytes: a table where they are one, else themselves."""
    if data.startswith(PARQUET):
        with pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True) as found:
            return found.read()
    if data.startswith(FEATHER):
        return pf.read_table(io.BytesIO(data))
    for magic, (what, todo) in OTHERS.items():
        if data.startswith(magic):
            raise DataError(f"{path} is {what}, not CSV or Parquet", hint=todo.replace("FILE", shlex.quote(str(path))))
    return data


def _zip(path: Path) -> bytes:
    """The one file of a zip. Raises DataError where it is a workbook, or holds several files or none."""
    with zipfile.ZipFile(path) as archive:
        names = [item.filename for item in archive.infolist() if not item.is_dir()]
        if "xl/workbook.xml" in names:
            raise DataError(f"{path} is an Excel workbook, not CSV or Parquet", hint="save the sheet as CSV")
        names = [name for name in names if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]
        if len(names) != 1:
            folder = shlex.quote(str(path.with_suffix("")))
            raise DataError(
                f"{path} holds {len(names)} files ({', '.join(names[:5])}{' ...' if len(names) > 5 else ''})",
                hint=f"unzip {shlex.quote(str(path))} -d {folder}, then --path {folder}",
            )
        try:
            return archive.read(names[0])
        except RuntimeError as e:  # encrypted, or packed in a way that zipfile does not know
            raise DataError(f"{path} cannot be unpacked", why=str(e)[:200], hint="unpack it by hand") from e


def text(data: bytes, path: Path) -> tuple[bytes, tuple[str, ...]]:
    """The same text in UTF-8 without a byte order mark and with LF or CRLF line ends, and a note of what it was in.

    Returns
    -------
    bytes, tuple of str
        No note where it was UTF-8.

    Raises
    ------
    DataError
        For bytes that are no text, and for HTML, XML and JSON.
    UnicodeDecodeError
        For UTF-16 and UTF-32 that are damaged.
    """
    encoding = next((name for bom, name in BOMS if data.startswith(bom)), None) or _unmarked(data[:SAMPLE])
    notes: tuple[str, ...] = ()
    if encoding == "utf-8":
        data = data.removeprefix(codecs.BOM_UTF8)
    elif encoding is not None:
        data = data.decode(encoding).removeprefix("\ufeff").encode()
        notes = (f"the text is in {encoding.removesuffix('-le').removesuffix('-be').upper()}",)
    head = data[: 16 * SAMPLE]
    odd = sum(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in head[:SAMPLE])
    if b"\0" in head or odd > 0.02 * min(len(head), SAMPLE):
        raise DataError(f"{path} is neither text nor Parquet", hint="export it as CSV or Parquet")
    first = head[:100].decode("ascii", "replace").lstrip().lower()
    for beginning, (what, todo) in MARKUP.items():
        if first.startswith(beginning):
            raise DataError(f"{path} is {what}, not CSV", hint=todo)
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            data = data.decode("cp1252" if not set(data) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "latin-1").encode()
            notes = ("the text is read as Windows-1252 (it is not UTF-8)",)
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data.rstrip(b"\x1a"), notes


def _unmarked(head: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of its Latin letters and digits is 0."""
    half = len(head) // 2
    if half >= 8 and head[1::2].count(0) > 0.7 * half and not head[::2].count(0):
        return "utf-16-le"
    if half >= 8 and head[::2].count(0) > 0.7 * half and not head[1::2].count(0):
        return "utf-16-be"
    return None
