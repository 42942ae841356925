"""Random messages of new level sizes with the book after each, kept in dicts: the reference of crypto book tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.fetch.flow import ladder


@dataclass(frozen=True)
class Message:
    """changes: (side 1 or -1, price, size), size 0 removes. book: {side: {price: size}} after it."""

    time_us: int
    snapshot: bool
    changes: tuple[tuple[int, float, float], ...]
    before: dict[int, dict[float, float]]
    book: dict[int, dict[float, float]]

    def levels(self, count: int) -> npt.NDArray[np.float64]:
        """[4 L] as RawBook has them."""
        live = {(s, p): (s, p, q) for s, side in self.book.items() for p, q in side.items()}
        out = ladder(live, count)  # type: ignore[arg-type]  # any numbers do
        return np.array([np.nan if value is None else value for value in out], np.float64)


def messages(seed: int, count: int, start_us: int, again: int) -> list[Message]:
    """`count` messages from `start_us` on, the first and the `again`-th whole books; the book is never crossed."""
    rng = np.random.default_rng(seed)
    book: dict[int, dict[float, float]] = {1: {}, -1: {}}
    out, time = [], start_us
    for i in range(count):
        time += int(rng.integers(0, 3)) * 1500 + 1
        before = {side: dict(levels) for side, levels in book.items()}
        changes = []
        if whole := i in (0, again):
            book = {1: {}, -1: {}}
        for _ in range(30 if whole else int(rng.integers(1, 5))):
            side = int(rng.choice([-1, 1]))
            price = round(100 - side * 0.1 * int(rng.integers(1, 25)), 1)
            size = 0.0 if not whole and rng.random() < 0.4 else round(float(rng.integers(1, 9999)) / 1000, 3)
            if any(price == p for _, p, _ in changes):
                continue
            changes.append((side, price, size))
            book[side].pop(price, None)
            if size:
                book[side][price] = size
        after = {side: dict(levels) for side, levels in book.items()}
        out.append(Message(time, whole, tuple(changes), before, after))
    return out


def expected(made: list[Message]) -> list[tuple[int, str, int, float, float]]:
    """(message, event, side, price, size) of every row that the book feed makes."""
    rows = []
    for k, message in enumerate(made):
        if message.snapshot:
            rows.append((k, "snapshot", 0, 0.0, 0.0))
            continue
        for side, price, size in message.changes:
            change = size - message.before[side].get(price, 0.0)
            if change:
                word = "add" if change > 0 else "delete" if size == 0 else "reduce"
                rows.append((k, word, side, price, abs(change)))
    return rows
