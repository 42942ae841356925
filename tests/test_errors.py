"""Errors say what, why and what next, and cross process borders whole."""

from __future__ import annotations

import pickle

import pytest

from hfm import errors
from hfm.errors import LONGEST, ExitCode, HfmError

KINDS = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, HfmError)]


def test_every_kind_has_an_exit_code_and_a_name_of_its_own() -> None:
    """A script can tell kinds apart by number or by name."""
    assert len({k.code for k in KINDS}) == len({k.kind for k in KINDS}) == len(KINDS)


def test_the_exit_codes_are_the_documented_numbers() -> None:
    """Cron scripts compare numbers: they must never move."""
    expected = {"OK": 0, "BUG": 1, "USAGE": 2, "CONFIG": 3, "DATA": 4, "UPSTREAM": 5, "RATE_LIMIT": 6, "PARTIAL": 7,
                "CHECK": 8, "LOCKED": 9, "DISK": 10, "SIGINT": 130, "SIGTERM": 143}  # fmt: skip
    assert {c.name: int(c) for c in ExitCode} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling_with_its_hint(kind: type[HfmError]) -> None:
    """A worker process raises it; the parent prints it."""
    back = pickle.loads(pickle.dumps(kind("what", why="why", hint="hint")))
    assert type(back) is kind
    assert back.lines() == ["error: what", "  why: why", "  next: (advice) hint"]


def test_a_reason_that_is_not_known_gives_no_empty_line() -> None:
    """Two lines where there is no why."""
    assert HfmError("a", hint="b").lines() == ["error: a", "  next: (advice) b"]


def test_a_line_stays_a_line_whatever_was_typed() -> None:
    """Ten kilobytes and line breaks in a value: its beginning and its end, on one line."""
    error = HfmError(f"--recipe is {'x' * 10_000!r}:\nno recipe", hint="calibrated or seed")
    assert len(error.lines()) == 2
    assert all(len(line) < LONGEST + 20 and "\n" not in line for line in error.lines())
    assert error.lines()[0].startswith("error: --recipe is 'xxx")
    assert error.lines()[0].endswith("xxx': no recipe")


def test_bytes_of_a_file_never_reach_the_terminal_raw() -> None:
    """Escapes, NULs, marks that turn the line around: as text that shows what they are."""
    error = HfmError("column \x1b[2J\0", why="\u202eevil\x07", hint="a\udc80b")
    assert error.lines() == ["error: column \\x1b[2J\\x00", "  why: \\u202eevil\\x07", "  next: (advice) a\\udc80b"]
    assert all(line.isprintable() for line in error.lines())
