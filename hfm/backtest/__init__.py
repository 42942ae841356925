"""Quotes and out-of-sample predictions in; ledger, trades, trials and metrics out.

In: prices in currency a share, P(up), spreads in bps. Out: shares and currency by row (ledger) and by round trip
(trades), session returns of a family of policies (trials; 0.01 is 1 %), and metrics.json, where each number carries
its unit, n, interval and floor. panel.py joins, history.py knows earlier sessions, family.py lists the policies,
count.py and tally.py sum by session, holding.py is buy-and-hold, metrics.py and chance.py are pure functions,
summary.py puts them into words.
"""
