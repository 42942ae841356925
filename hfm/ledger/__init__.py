"""Positions, cash, fills, costs: one accounting step, shared by the back-test and live.

In: one row of one symbol (prices in currency a share, a signal in -1, 0, 1). Out: the ledger's columns for that row
(shares, currency). step.py is the kernel, profit.py and abreast.py its short cuts for sweeps, layout.py says
what stands where in its flat arrays, reasons.py why a position differs from what the policy wants, account.py makes the
arrays from the settings.
"""
