"""A random order flow with the book after each event, kept the slow and plain way: the reference of book tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

WORDS = {1: "add", 2: "reduce", 3: "delete", 4: "execute", 5: "execute_hidden", 6: "cross"}
HALTS = {-1: "halt", 0: "quoting", 1: "resume"}


@dataclass(frozen=True)
class Flow:
    """messages, orderbook: texts of LOBSTER files. levels: [4 L, n] as in RawBook."""

    messages: str
    orderbook: str
    seconds: list[str]
    words: list[str]
    levels: npt.NDArray[np.float64]


def refile(made: Flow, messages: str | None = None, orderbook: str | None = None) -> Flow:
    """The same with other texts."""
    return replace(
        made,
        messages=made.messages if messages is None else messages,
        orderbook=made.orderbook if orderbook is None else orderbook,
    )


Order = tuple[int, int, int]
"""Direction, price x 10,000, size."""


def flow(seed: int, events: int, level: int, resting: int = 0, mid: int = 100) -> Flow:
    """`events` messages of types 1 to 7 around a price of `mid` dollars, with `level` levels of book.

    resting: orders that are there before the first message; all of them go before the end.
    """
    rng = np.random.default_rng(seed)
    live: dict[int, Order] = {}
    halts = [-1, 0, 1]
    number, rows, books, words, seconds = 1000, [], [], [], []
    for i in range(resting):
        way = 1 if i % 2 else -1
        live[i + 1] = (way, mid * 10_000 - way * 100 * int(rng.integers(1, 30)), 100 * int(rng.integers(1, 9)))
    stale = sorted(live)
    for i in range(events):
        at = f"{34_200 + i * 0.013 + 1e-9 * int(rng.integers(0, 999)):.9f}".rstrip("0")
        kind = int(rng.choice([1, 1, 1, 2, 3, 4, 5, 6, 7], p=[0.2, 0.2, 0.1, 0.1, 0.16, 0.16, 0.05, 0.02, 0.01]))
        if i > events - 2 * len(stale) and stale:
            kind = 3
        if i < 3:
            kind = (7, 6, 5)[i]
        if i in (10, 11):
            kind = 7
        if kind in (2, 3, 4) and not live:
            kind = 1
        order, way, price, size = 0, int(rng.choice([-1, 1])), mid * 10_000, 100
        if kind == 1:
            number += int(rng.integers(1, 5))
            best = [p for w, p, _ in live.values() if w == -way]
            edge = (min(best) if way > 0 else max(best)) if best else mid * 10_000
            order, price = number, edge - way * 100 * int(rng.integers(1, 20))
            size = int(rng.integers(1, 500))
            live[order] = (way, price, size)
        elif kind in (2, 3, 4):
            front = min(live.values(), key=lambda o: -o[0] * o[1]) if kind == 4 else None
            pool = [key for key, o in live.items() if front is None or o[:2] == front[:2]]
            order = stale.pop() if i > events - 2 * len(stale) and stale else int(rng.choice(pool))
            way, price, held = live.pop(order)
            size = held if kind == 3 else int(rng.integers(1, held + 1))
            if size < held:
                live[order] = (way, price, held - size)
            elif kind == 2:
                kind = 3
            stale = [key for key in stale if key in live]
        elif kind == 7:
            order, size, price, way = 0, 0, halts[len([w for w in words if w in HALTS.values()]) % 3], -1
        rows.append(f"{at},{kind},{order},{size},{price},{way}")
        words.append(HALTS[price] if kind == 7 else WORDS[kind])
        seconds.append(at)
        books.append(ladder(live, level))
    text = "".join(",".join(map(str, vendor_row(book))) + "\n" for book in books)
    levels = np.array([[np.nan if value is None else value for value in book] for book in books], np.float64).T
    levels[0::2] /= 10_000
    return Flow("".join(row + "\n" for row in rows), text, seconds, words, levels)


def ladder(live: dict[int, Order], level: int) -> list[int | None]:
    """bid_px_1, bid_sz_1, ask_px_1, ask_sz_1, ... with None for no price."""
    out: list[int | None] = []
    sides = []
    for way in (1, -1):
        sums: dict[int, int] = {}
        for _, price, size in (order for order in live.values() if order[0] == way):
            sums[price] = sums.get(price, 0) + size
        sides.append(sorted(sums.items(), reverse=way > 0))
    for i in range(level):
        for side in sides:
            out += side[i] if i < len(side) else (None, 0)
    return out


def vendor_row(book: list[int | None]) -> list[int]:
    """The same as LOBSTER writes it: ask first, dummies for no price."""
    out = []
    for i in range(0, len(book), 4):
        bid, bid_size, ask, ask_size = book[i : i + 4]
        out += [
            9_999_999_999 if ask is None else ask,
            ask_size or 0,
            -9_999_999_999 if bid is None else bid,
            bid_size or 0,
        ]
    return out
