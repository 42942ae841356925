"""Positions, cash, fills, costs: the accounting of one row, shared by the back-test and live.

In: one row of one symbol (prices in currency a share) and what filled in it. Out: the ledger's columns for that row
(shares, currency). accounting.py holds the kernels, fills.py prices and costs, round_trips.py what a trip earned,
reasons.py why a position differs from what the policy wants, account.py makes the records from the settings.
hfm.orders.step puts limits, fills and accounting together.
"""
