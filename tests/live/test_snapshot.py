"""A stream's state is its own, whole, and no other's."""

from __future__ import annotations

import hashlib
import json

import pytest

from hfm.errors import DataError
from hfm.live import snapshot
from hfm.live.stream import Stream
from hfm.tables import MemoryReader
from tests.live.market import made
from tests.live.test_stream import stream

IDENTITY = {"model": "abc", "settings": {"cash": 1e6}, "symbols": ("SPY",), "source": "stdin"}


def under_way(rows: int = 30) -> tuple[Stream, list[str]]:
    """A stream some answers into its replay, and what it will say next."""
    live = stream(made())
    answers = live.replay(MemoryReader(made().quotes))
    for _ in range(rows):
        next(answers)
    kept = snapshot.dump(live, IDENTITY)
    rest = [next(answers) for _ in range(5)]
    again = stream(made())
    snapshot.load(kept, again, IDENTITY, "state")
    return again, rest


def test_what_is_loaded_goes_on_where_it_was_saved() -> None:
    """The next answers are the same to the letter, and a second dump is the same bytes."""
    again, rest = under_way()
    answers = again.replay(MemoryReader(made().quotes))
    assert [next(answers) for _ in rest] == rest
    one, _ = under_way()
    assert snapshot.dump(one, IDENTITY) == snapshot.dump(under_way()[0], IDENTITY)


@pytest.mark.parametrize("part", ["model", "settings", "symbols", "source"])
def test_the_state_of_another_stream_is_refused_by_what_differs(part: str) -> None:
    """Never taken for one's own."""
    kept = snapshot.dump(under_way()[0], IDENTITY)
    with pytest.raises(DataError, match=f"its {part} differs"):
        snapshot.load(kept, stream(made()), {**IDENTITY, part: "other"}, "state")


def test_every_flipped_or_missing_byte_is_found() -> None:
    """The digest stands before the body."""
    kept = snapshot.dump(under_way()[0], IDENTITY)
    for bad in (kept[:-1], kept[:40], b"", *(kept[:i] + bytes([kept[i] ^ 1]) + kept[i + 1 :] for i in (0, 31, 50, -9))):
        with pytest.raises(DataError, match="is damaged"):
            snapshot.load(bad, stream(made()), IDENTITY, "state")


def test_a_state_of_another_format_is_refused() -> None:
    """With the way out."""
    kept = snapshot.dump(under_way()[0], IDENTITY)[32:]
    size = int.from_bytes(kept[:8], "little")
    head = json.loads(kept[8 : 8 + size])
    inner = json.loads(head["__metadata__"]["hfm"])
    head["__metadata__"]["hfm"] = json.dumps({**inner, "format": 99})
    text = json.dumps(head).encode()
    body = len(text).to_bytes(8, "little") + text + kept[8 + size :]
    with pytest.raises(DataError, match="format 99") as error:
        snapshot.load(hashlib.sha256(body).digest() + body, stream(made()), IDENTITY, "state")
    assert "rm state" in error.value.hint
