"""Times of day beside a date, in writings that people and spreadsheets have, as HH:MM:SS or HHMM."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SECONDS = 86_400


def written(clock: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells of a column of text as clocks, where all of them are of one such writing; else as they are.

    Read are 09h30, 9.30, 930.0 (a number that a spreadsheet or pandas wrote), 9:30a and parts of a day, 0.395833.
    """
    words = pc.utf8_trim_whitespace(clock)
    for pattern, replacement in (
        (r"^(\d{3,6})\.0+$", r"\1"),
        (r"^(\d{1,2})[hH]([0-5]\d)(?:m|min)?$", r"\1:\2"),
        (r"^(\d{1,2}:\d{2}(?::\d{2})?) ?([aApP])$", r"\1 \2m"),
        (r"^(\d|1\d|2[0-3])\.([0-5]\d)$", r"\1:\2"),
    ):
        if len(words) and pc.all(pc.match_substring_regex(words, pattern)).as_py():
            return pc.replace_substring_regex(words, pattern, replacement)
    if len(words) and pc.all(pc.match_substring_regex(words, r"^0?\.\d{3,}$|^0(\.5|\.25|\.75)?$")).as_py():
        seconds = np.rint(words.cast(pa.float64()).to_numpy() * SECONDS).astype(np.int64)
        return pa.chunked_array([[f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in seconds.tolist()]])
    return clock
