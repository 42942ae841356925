"""PNG by strips: what another library reads is what was written, however it was cut."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread
from PIL import Image

from hfm.report import png


def picture(height: int = 37, width: int = 23) -> np.ndarray:
    """[H, W, 4] colours by chance, opaque."""
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = 255
    return pixels


@pytest.mark.parametrize("borders", [(), (1,), (36,), (12, 13, 20)])
def test_what_is_read_is_what_was_written(borders: tuple[int, ...]) -> None:
    """By matplotlib and by PIL, in one strip or in several, with the dots an inch."""
    pixels = picture()
    data = png.join([png.strip(part) for part in np.split(pixels, borders)], 140)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels[..., :3])
    assert np.array_equal(imread(io.BytesIO(data)), pixels[..., :3] / np.float32(255))
    image = Image.open(io.BytesIO(data))
    image.verify()  # checksums of all chunks
    assert image.info["dpi"] == pytest.approx((140, 140), rel=1e-3)


@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_the_checksum_of_two_parts_is_that_of_the_whole(first: bytes, second: bytes) -> None:
    """Adler-32 of both from their own."""
    found = png._adler_of_both(zlib.adler32(first), zlib.adler32(second), len(second))
    assert found == zlib.adler32(first + second)


def test_the_same_pixels_are_the_same_bytes() -> None:
    """No clock in the file."""
    assert png.join([png.strip(picture())], 140) == png.join([png.strip(picture())], 140)
