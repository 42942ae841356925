"""A picture as PNG, made of strips that are compressed apart, in any order and by any process.

W3C, Portable Network Graphics (PNG) Specification, third edition, 2025; RFC 1950, ZLIB compressed data format.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 6
"""Of compression. Rows are not filtered: a poster is lines and letters on white, which filters make larger."""
BASE = 65521
"""Modulus of Adler-32: RFC 1950, section 9."""


@dataclass(frozen=True)
class Strip:
    """Rows of a picture, from one side to the other.

    Attributes
    ----------
    width, height : pixels.
    size : bytes before compression.
    deflated : raw deflate blocks up to a byte's border, the last of them not marked as the last.
    adler : Adler-32 of the bytes before compression.
    """

    width: int
    height: int
    size: int
    deflated: bytes
    adler: int


def strip(pixels: npt.NDArray[np.uint8]) -> Strip:
    """Compress rows of a picture.

    Parameters
    ----------
    pixels
        [H, W, 3] or more channels, of which red, green and blue are kept.

    Returns
    -------
    Strip
        Of those rows.
    """
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # before each row the number of its filter, 0: none
    rows[:, 1:].reshape(height, width, 3)[...] = pixels[..., :3]
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = deflate.compress(rows.data) + deflate.flush(zlib.Z_FULL_FLUSH)
    return Strip(width, height, rows.size, deflated, zlib.adler32(rows.data))


def join(strips: Sequence[Strip], dpi: float) -> bytes:
    """The PNG of strips.

    Parameters
    ----------
    strips
        From the top down, of one width.
    dpi
        Pixels an inch, as the file says.

    Returns
    -------
    bytes
        The file.
    """
    adler, height = 1, sum(each.height for each in strips)
    for each in strips:
        adler = _adler_of_both(adler, each.adler, each.size)
    last = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS).flush()  # a block of nothing, marked as the last
    data = b"\x78\x9c" + b"".join(each.deflated for each in strips) + last + struct.pack(">I", adler)
    metre = round(dpi / 0.0254)
    return b"\x89PNG\r\n\x1a\n" + b"".join((
        _chunk(b"IHDR", struct.pack(">IIBBBBB", strips[0].width, height, 8, 2, 0, 0, 0)),  # 8 bits, RGB, not interlaced
        _chunk(b"pHYs", struct.pack(">IIB", metre, metre, 1)), _chunk(b"IDAT", data), _chunk(b"IEND", b""),
    ))  # fmt: skip


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _adler_of_both(first: int, second: int, size: int) -> int:
    """Adler-32 of bytes followed by `size` others: a = 1 + sum of bytes, b = sum of all a so far, each modulo BASE."""
    a1, b1, a2, b2 = first & 0xFFFF, first >> 16, second & 0xFFFF, second >> 16
    return ((b1 + b2 + size * (a1 - 1)) % BASE) << 16 | (a1 + a2 - 1) % BASE
