"""From a target to the ledger: order, acknowledgement, fills.

In: one row of one symbol, whose target weight lies in [-1, 1]. Out: the ledger's columns for that row (units,
currency). step.py is the composition, the same for the back-test and live: the risk limits size and hold back, the
broker fills, the ledger accounts. order_records.py, which stands below the ledger, says what an order is and may
become; protocol.py what a broker is; simulated_broker.py is that of the back-test and of live.
"""
