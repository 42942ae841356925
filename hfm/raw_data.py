"""What sources give: bars and order books as a vendor has them, before they are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hfm.arrays import Bool, Float, Int, Sign


@dataclass(frozen=True)
class RawBars:
    """Bars of one symbol as a source has them: unsorted, ungridded, with holes. Arrays [n].

    Attributes
    ----------
    time : int64 [n], ns UTC, the END of each bar.
    open, high, low, close : [n], currency; NaN or anything else that the source wrote. The accounting judges them.
    volume : [n], shares; NaN where the source has none.
    notes : what was assumed or done, a sentence each.
    warnings : what the user should check, a sentence each.
    """

    time: Int
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.time)

    def take(self, index: Int | Bool | slice) -> RawBars:
        """The bars that a NumPy index picks, with the same notes and warnings.

        Parameters
        ----------
        index : int64 [m] positions in the order wanted, bool [n], or a slice.

        Returns
        -------
        RawBars
        """
        return replace(self, **{name: getattr(self, name)[index] for name in BAR_COLUMNS})

    @staticmethod
    def concat(parts: Sequence[RawBars]) -> RawBars:
        """The bars of all parts one after the other, with each note and warning once; no bars of no parts."""
        none = dict.fromkeys(BAR_COLUMNS, np.zeros(0)) | {"time": np.zeros(0, np.int64)}
        columns = {name: np.concatenate([none[name], *(getattr(part, name) for part in parts)]) for name in BAR_COLUMNS}
        notes = tuple(dict.fromkeys(text for part in parts for text in part.notes))
        warnings = tuple(dict.fromkeys(text for part in parts for text in part.warnings))
        return RawBars(**columns, notes=notes, warnings=warnings)


BAR_COLUMNS = ("time", "open", "high", "low", "close", "volume")
"""Fields of RawBars that have an entry a bar."""


@dataclass(frozen=True)
class RawBook:
    """The order book of one symbol in one session, event by event, n rows in the feed's order.

    Attributes
    ----------
    session : date.
    time : int64 [n], ns UTC at which the event is known, never decreasing.
    event : int8 [n], indices into tables.BOOK_EVENTS.
    side : int8 [n], the resting side: 1 bid, -1 ask, 0 not known.
    price : [n], currency; NaN where the event has none.
    size : [n], shares.
    order_id : int64 [n], -1 where the event has none; None where the feed has none at all.
    levels : [4 L, n], rows bid_px_1, bid_sz_1, ask_px_1, ask_sz_1, bid_px_2, ... after the event, currency and shares;
        an empty level is NaN and 0.
    tick : the price step seen, currency.
    estimated : whether the levels were rebuilt and are not the vendor's.
    notes : what was assumed or done, a sentence each.
    counts : what was found, by name.
    start : rows of the session that came before these: a long session comes in parts, one after the other. The tick is
        that of all rows so far, counts are those of the part.
    """

    session: np.datetime64
    time: Int
    event: Sign
    side: Sign
    price: Float
    size: Float
    order_id: Int | None
    levels: Float
    tick: float
    estimated: bool = False
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    start: int = 0

    def rows(self, part: slice) -> RawBook:
        """The events that a slice of rows picks; what is said of the whole stays."""
        columns = {name: getattr(self, name)[part] for name in ("time", "event", "side", "price", "size")}
        order_id = None if self.order_id is None else self.order_id[part]
        return replace(self, **columns, order_id=order_id, levels=self.levels[:, part])
