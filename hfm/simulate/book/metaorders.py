"""Metaorders: a large order that trades in parts, on one side, for a while. At most one is at work.

It makes market orders of its side likelier (order_flow.market_order), and its children are trades that come anyway.
"""

from __future__ import annotations

import math

from hfm.kernels.jit import bare
from hfm.simulate.book.book_state import BookEngine
from hfm.simulate.book.random_draws import uniform

META_TAIL, META_LEAST = 1.5, 3.0
"""Child orders of a metaorder: Pareto of that exponent (Gopikrishnan, Plerou, Gabaix and Stanley 2000,
doi:10.1103/PhysRevE.62.R4493), from META_LEAST on."""
META_START = 0.1
"""Chance that a trade is the first of a metaorder where none is at work."""


@bare
def begin_metaorder(engine: BookEngine) -> None:
    """Perhaps start a metaorder, on the side (with chance `ahead`) to which the bar's path goes while it is at work.

    So its impact is that of one who knows something, and grows with the square root of its time; beyond the bar
    nobody knows anything.
    """
    book, bar = engine.book[0], engine.bar[0]
    if uniform(engine.seed) > META_START:
        return
    # child orders: Pareto, by inversion
    children = math.ceil(META_LEAST * uniform(engine.seed) ** (-1.0 / META_TAIL))
    # the time that it takes at the rate of its side's trades
    time = children / max(book.trade_rate * 0.5 * (1.0 + bar.sway), 0.1)
    last = min(bar.step + int(time / bar.step_length) + 1, bar.steps - 1)
    if children > 10000.0 or last <= bar.step:
        return
    # its side: that of the path's move until it is done, with chance `ahead`
    move = engine.path[last] - engine.path[bar.step]
    side = 1 if (uniform(engine.seed) < bar.ahead) == (move > 0.0) else -1
    book.meta_side = side
    book.meta_left = int(children)
    book.meta_qty = 0
    book.meta_children = 0
    book.meta_mid = 0.5 * (book.bid + book.ask)
    book.meta_time = book.now


@bare
def count_child(engine: BookEngine, side: int, qty: int) -> None:
    """Count a trade for the metaorder at work, if it is on its side; after the last one `finish_metaorder` is due.

    Parameters
    ----------
    engine
        Read and written.
    side
        1 a buyer, -1 a seller.
    qty
        Units.
    """
    book = engine.book[0]
    if book.meta_left > 0 and book.meta_side == side:
        book.meta_left -= 1
        book.meta_qty += qty
        book.meta_children += 1


@bare
def finish_metaorder(engine: BookEngine) -> None:
    """End the metaorder at work, and write what became of it; one without trades leaves nothing."""
    book = engine.book[0]
    side = book.meta_side
    book.meta_side = 0
    book.meta_left = 0
    if book.meta_children == 0:
        return
    row = min(book.metaorders, len(engine.metaorders) - 1)
    if row < book.metaorders:
        book.overflow = True
    book.metaorders = row + 1
    metaorder = engine.metaorders[row]
    metaorder.start = book.meta_time
    metaorder.end = book.now
    metaorder.move = 0.5 * (book.bid + book.ask) - book.meta_mid
    metaorder.qty = book.meta_qty
    metaorder.side = side
    metaorder.children = book.meta_children
