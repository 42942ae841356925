"""Sessions side by side in threads: each is a world of its own, and its kernels leave the interpreter free."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_order(jobs: Iterator[Callable[[], T]], workers: int) -> Iterator[T]:
    """What each job returns, in the order of the jobs, `workers` of them under way at once.

    At most `workers` results wait to be taken, so memory stays flat. What a job raises is raised here in its turn; jobs
    behind it that have not begun never do. With one worker nothing runs ahead.
    """
    if workers < 2:
        for job in jobs:
            yield job()
        return
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) == workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
