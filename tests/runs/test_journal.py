"""Any changed byte, and any dropped, doubled, swapped or cut line of the journal is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfm.errors import DataError
from hfm.runs import journal


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, str, int]:
    path = tmp_path / "journal.jsonl"
    head, count = journal.append(path, journal.START, 0, [{"event": "a", "n": i} for i in range(4)])
    head, count = journal.append(path, head, count, [{"event": "b", "n": i} for i in range(3)])
    return path, head, count


def test_what_was_written_holds(written: tuple[Path, str, int]) -> None:
    """The untouched journal has no fault and gives its events back."""
    path, head, count = written
    assert journal.fault(journal.read(path), head, count) is None
    assert [e["n"] for e in journal.events(path, "b")] == [0, 1, 2]


def test_every_single_byte_counts(written: tuple[Path, str, int]) -> None:
    """Each byte substituted once: each time a fault."""
    path, head, count = written
    raw = path.read_bytes()
    for i in range(len(raw)):
        path.write_bytes(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :])
        assert journal.fault(journal.read(path), head, count), f"byte {i}"


def test_every_dropped_doubled_or_swapped_line_counts(written: tuple[Path, str, int]) -> None:
    """Each line dropped, doubled, swapped with the next, and the tail cut there."""
    path, head, count = written
    lines = journal.read(path)
    for i in range(len(lines)):
        assert journal.fault(lines[:i] + lines[i + 1 :], head, count)
        assert journal.fault([*lines[: i + 1], *lines[i:]], head, count)
        assert journal.fault(lines[:i], head, count)
        if i + 1 < len(lines):
            assert journal.fault([*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]], head, count)


def test_lines_after_the_head_are_valid_if_they_chain(written: tuple[Path, str, int]) -> None:
    """A crash between the journal's write and the manifest's is no tampering."""
    path, head, count = written
    journal.append(path, head, count, [{"event": "c"}])
    assert journal.fault(journal.read(path), head, count) is None
    assert journal.append(path, head, count, [{"event": "d"}])[1] == count + 2


def test_a_torn_last_line_is_cut_before_the_next_event(written: tuple[Path, str, int]) -> None:
    """A crash in the middle of a write leaves no newline; the next append goes over it."""
    path, head, count = written
    path.write_bytes(path.read_bytes() + b'{"event": "to')
    head, count = journal.append(path, head, count, [{"event": "next"}])
    assert journal.fault(journal.read(path), head, count) is None
    assert b'"to' not in path.read_bytes()


def test_a_changed_journal_takes_no_more_events(written: tuple[Path, str, int]) -> None:
    """Appending to it would hide the change."""
    path, head, count = written
    path.write_bytes(path.read_bytes().replace(b'"n": 1', b'"n": 9', 1))
    with pytest.raises(DataError, match="was changed"):
        journal.append(path, head, count, [{"event": "x"}])
