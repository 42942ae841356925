"""From a target to the ledger: order, acknowledgement, fills.

In: one row of one symbol, whose target weight lies in [-1, 1]. Out: the ledger's columns for that row (units,
currency). step.py is the composition, the same for the back-test and live: the risk limits size and hold back, the
broker fills, the ledger accounts. simulated_broker.py is the broker of both; order_state.py says what an order may
become.
"""
