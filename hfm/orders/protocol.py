"""What a broker is to the back-test and to live: what an order's row fills, at which price and cost.

hfm.orders.step is written against this shape. Its first guest is the module hfm.orders.simulated_broker, whose kernels
the step calls by name, since a compiled kernel cannot choose its callee row by row. At a row's open the step rejects an
order without a price or accepts it, then asks `executable`, holds that back by the limits on fills (hfm.risk.limits),
and books the Fill that `execute` gives of what is left. At a close it books all of it. `rest` comes once the row's
close has passed, with what is still open.

So a broker answers for one row and fills what it is told to. It keeps no state in the order but the place in a queue:
the rest is the step's to write (hfm.orders.order_records.TRANSITIONS). A venue does more: it may refuse or fill at any
time, and limits on fills must hold before an order is sent. An adapter of one therefore stands on the order records
and their transitions, and not behind `executable`. tests/contract/test_brokers.py holds every broker to this page.
"""

from __future__ import annotations

from typing import Protocol

from hfm.ledger.fills import Fill
from hfm.ledger.ledger_records import Record


class Broker(Protocol):
    """Fills orders. A module of functions will do."""

    def executable(self, order: Record, params: Record, row: Record, want: float) -> float:
        """How much of an order the row can fill at its open.

        Parameters
        ----------
        order : ORDER
            The order; `bid` and `ask` are the quote on which it was decided, at which a passive one rests. Its
            place in the queue may be updated.
        params : PARAMS
            Of the symbol.
        row : LEDGER_ROW
            Its open has prices; what traded in it may be NaN, and then fills no passive order.
        want : float
            Signed units that are left of it, not 0.

        Returns
        -------
        float
            Unsigned units, in [0, abs(want)].
        """
        ...

    def execute(self, order: Record, params: Record, row: Record, qty: float, when: int) -> Fill:
        """The execution of `qty` units of an order, which changes nothing.

        Parameters
        ----------
        order : ORDER
            As in `executable`.
        params : PARAMS
            Of the symbol.
        row : LEDGER_ROW
            Its prices of the instant are prices.
        qty : float
            Signed units, not 0.
        when : int
            OPEN, CLOSE or FLATTEN of simulated_broker.

        Returns
        -------
        Fill
            Of `qty`; price and mid in currency a unit, finite; costs in currency.
        """
        ...

    def rest(self, order: Record, row: Record, want: float) -> None:
        """Take note that an order rests at the row's close, before the row's quote becomes the one it is decided on.

        Parameters
        ----------
        order : ORDER
            Its place in the queue is updated, nothing else.
        row : LEDGER_ROW
            Depths may be NaN: not known.
        want : float
            Signed units that are left of it; 0: no order rests.
        """
        ...
