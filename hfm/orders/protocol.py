"""What a broker is: what stands between an order and its fills.

hfm.orders.step is written against this shape. Its first guest is the module hfm.orders.simulated_broker, whose kernels
the step calls by name, since a compiled kernel cannot choose its callee row by row. An adapter of a venue has the same
three functions and answers from what the venue has sent since the row before:

- `executable` submits an order that is NEW, and says how much of it the venue has executed, 0 before it acknowledges
  (hfm.orders.order_records.accept) or after it refuses (reject);
- `execute` is the execution report: price, mid and costs of that quantity;
- `rest` is called once a row's close has passed, with what is left: an adapter cancels and replaces there.

What becomes of the order record is the step's to write (hfm.orders.order_records.TRANSITIONS): a broker keeps no state
in it but the place in a queue. tests/contract/test_brokers.py holds every broker to this page.
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
