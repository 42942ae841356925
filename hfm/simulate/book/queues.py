"""The queues: orders come, are cancelled and are executed, and every change of the best prices is accounted for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hfm.kernel import bare
from hfm.simulate.book import layout as at
from hfm.simulate.book.orders import append, consume

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
REACH = 50
"""Ticks from the opposite best within which orders stand."""


@bare
def emit(i: Int, tape: Int, kind: int, side: int, price: int, size: int) -> None:
    """One event on the tape, with the best prices after it; `tape` is not touched where events are not kept."""
    row = i[at.EVENTS]
    i[at.EVENTS] = row + 1
    if i[at.KEEP] == 0:
        return
    tape[row, 0] = i[at.CLOCK]
    tape[row, 1] = kind
    tape[row, 2] = side
    tape[row, 3] = price
    tape[row, 4] = size
    tape[row, 5] = i[at.ORDER_ID]
    tape[row, 6] = i[at.BID]
    tape[row, 7] = i[at.ASK]
    tape[row, 8] = i[at.QUEUE + i[at.BID]]
    tape[row, 9] = i[at.QUEUE + i[at.ASK]]


@bare
def add(i: Int, tape: Int, side: int, price: int, size: int) -> None:
    """A limit order joins the queue at `price`, which may be a new best."""
    i[at.QUEUE + price] += size
    if side > 0:
        if price > i[at.BID]:
            i[at.BID] = price
    elif price < i[at.ASK]:
        i[at.ASK] = price
    i[at.ORDER_ID] = 0
    if i[at.L3]:
        append(i, price, size)
    emit(i, tape, at.ADD, side, price, size)


@bare
def remove(i: Int, tape: Int, side: int, price: int, size: int, kind: int) -> None:  # noqa: PLR0913
    """`size` (at most what is there) leaves the queue at `price`; kind EXECUTE takes the first in line."""
    if i[at.L3]:
        consume(i, tape, side, price, size, kind)
        return
    left = i[at.QUEUE + price] - size
    i[at.QUEUE + price] = left
    i[at.ORDER_ID] = 0
    if left == 0:
        follow(i, tape, side, price)
    word = kind
    if kind != at.EXECUTE:
        word = at.REDUCE if left > 0 else at.DELETE
    emit(i, tape, word, side, price, size)
