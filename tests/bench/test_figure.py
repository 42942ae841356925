"""A figure for a person, and commands in turn."""

from __future__ import annotations

from tests.bench.command import Cost, cost
from tests.bench.figure import Figure, alternate


def test_a_line_has_what_there_is() -> None:
    """A peer without a ratio, a peak, a note; none of them where there is none."""
    assert Figure("a", "s", 2.0, None, None, 3, 1.0).line() == "a: 2 s · n 3 · spread 1.00"
    found = Figure("a", "", 2.0, 0.0, None, 3, 1.0, "why", 12.4).line()
    assert found == "a: 2 · peer 0 · n 3 · spread 1.00 · peak 12 MiB · why"
    assert "· peer 4 · ratio 2 ·" in Figure("a", "s", 2.0, 4.0, 2.0, 3, 1.0).line()


def test_commands_in_turn_have_a_median_and_the_largest_peak() -> None:
    """Processor seconds; the peer's memory is not ours."""
    ours = iter([Cost(3.0, 10.0, 9.0), Cost(1.0, 30.0, 9.0), Cost(2.0, 20.0, 9.0)])
    found = alternate("a", lambda: next(ours), lambda: Cost(4.0, 99.0, 9.0), times=3)
    assert (found.ours, found.peer, found.ratio, found.spread, found.mib) == (2.0, 4.0, 2.0, 3.0, 30.0)


def test_the_peak_of_a_command_is_its_own() -> None:
    """Beside a small one, a command that holds 200 MiB shows them."""
    small, large = cost(["-c", "pass"]), cost(["-c", "x = bytearray(200 * 2**20)"])
    assert 190 < large.mib - small.mib < 215
    assert large.cpu > 0
    assert large.wall > 0
