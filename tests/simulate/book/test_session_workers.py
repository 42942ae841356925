"""Jobs side by side, results in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from hfm.simulate.book.session_workers import in_order


def slow(n: int) -> int:
    """The later the job, the sooner it is done."""
    time.sleep(0.002 * (10 - n))
    return n


@pytest.mark.parametrize("workers", [1, 2, 4, 16])
def test_results_come_in_the_order_of_the_jobs(workers: int) -> None:
    """However many work, and whoever is done first."""
    assert list(in_order((partial(slow, n) for n in range(10)), workers)) == list(range(10))


def test_no_more_than_the_workers_run_ahead() -> None:
    """A job is asked for only when there is room for its result."""
    asked = 0

    def jobs() -> Iterator[Callable[[], int]]:
        nonlocal asked
        for n in range(100):
            asked += 1
            yield partial(int, n)

    results = in_order(jobs(), 3)
    next(results)
    assert asked <= 3
    results.close()  # type: ignore[attr-defined]  # a generator
    assert asked <= 3


def test_what_a_job_raises_is_raised_in_its_turn() -> None:
    """After the results before it; no thread is left behind."""

    def bad() -> int:
        raise ValueError("third")

    before = threading.active_count()
    taken = []
    with pytest.raises(ValueError, match="third"):
        taken.extend(in_order(iter([partial(int, 1), partial(int, 2), bad, partial(slow, 1)]), 2))
    assert taken == [1, 2]
    assert threading.active_count() == before
