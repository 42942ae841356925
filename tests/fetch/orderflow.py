"""Random market-by-order records with the orders kept in a dict: the reference of order books rebuilt from orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.fetch.flow import ladder

UNIT = 10_000_000
"""A cent in the records' 1e-9."""


@dataclass(frozen=True)
class Record:
    """One record. message: running number; last: it ends it."""

    action: str
    side: int
    price: int
    size: int
    order: int
    message: int
    snapshot: bool = False


@dataclass(frozen=True)
class Made:
    """records; rows: (event, side, price, size, order, message) as they must come out; books: after each message."""

    records: list[Record]
    rows: list[tuple[str, int, int, int, int, int]]
    books: list[list[int | None]]

    def levels(self) -> npt.NDArray[np.float64]:
        """[4 L, messages], prices in the records' unit."""
        return np.array([[np.nan if v is None else v for v in book] for book in self.books], np.float64).T


def made(seed: int, count: int, levels: int) -> Made:
    """`count` messages: a snapshot, then adds, cancels, modifications, trades with and without fills; one clearing."""
    rng = np.random.default_rng(seed)
    live: dict[int, tuple[int, int, int]] = {}
    out = Made([], [], [])
    number = 100

    def price(side: int) -> int:
        return (10_000 - side * int(rng.integers(1, 12))) * UNIT

    def put(action: str, side: int, at: int, size: int, order: int, message: int, snapshot: bool = False) -> None:
        out.records.append(Record(action, side, at, size, order, message, snapshot))

    for k in range(count):
        kind = "snapshot" if k == 0 else "R" if k == count // 2 else str(rng.choice(list("AACMMTXH")))
        if kind in "CMT" and not live:
            kind = "A"
        if kind == "snapshot":
            put("R", 0, 2**63 - 1, 0, 0, k, True)
            for _ in range(20):
                number += 1
                side = int(rng.choice([1, -1]))
                live[number] = (side, price(side), int(rng.integers(1, 50)))
                put("A", *live[number], number, k, True)
            out.rows.append(("snapshot", 0, 0, 0, -1, k))
        elif kind == "R":
            live.clear()
            put("R", 0, 2**63 - 1, 0, 0, k)
            out.rows.append(("snapshot", 0, 0, 0, -1, k))
        elif kind in "AX":  # X: a modification of an order that was never seen
            number += 1
            side = int(rng.choice([1, -1]))
            live[number] = (side, price(side), int(rng.integers(1, 50)))
            put("A" if kind == "A" else "M", *live[number], number, k)
            out.rows.append(("add", *live[number], number, k))
        elif kind == "H":
            put("T", 1, 10_000 * UNIT, 7, 0, k)
            out.rows.append(("execute_hidden", -1, 10_000 * UNIT, 7, -1, k))
        else:
            order = int(rng.choice(list(live)))
            side, at, size = live.pop(order)
            if kind == "C":
                gone = int(rng.integers(1, size + 1))
                put("C", side, at, gone, order, k)
                out.rows.append(("reduce" if gone < size else "delete", side, at, gone, order, k))
                if gone < size:
                    live[order] = (side, at, size - gone)
            elif kind == "T":
                gone = int(rng.integers(1, size + 1))
                put("T", -side, at, gone, 0, k)
                put("F", side, at, gone, order, k)
                put("C", side, at, gone, order, k)
                out.rows.append(("execute", side, at, gone, order, k))
                if gone < size:
                    live[order] = (side, at, size - gone)
            else:
                to = at if rng.random() < 0.5 else price(side)
                new = int(rng.integers(1, 50))
                put("M", side, to, new, order, k)
                live[order] = (side, to, new)
                if to != at:
                    out.rows.extend([("delete", side, at, size, order, k), ("add", side, to, new, order, k)])
                elif new != size:
                    out.rows.append(("add" if new > size else "reduce", side, at, abs(new - size), order, k))
        out.books.append(ladder(live, levels))
    return out
