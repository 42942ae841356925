"""Quotes and out-of-sample predictions in; ledger, trades, trials and metrics out.

In: prices in currency a share, P(up), spreads in bps. Out: shares and currency by row (ledger) and by round trip
(trades), session returns of a family of policies (trials; 0.01 is 1 %), and metrics.json, where each number carries
its unit, n, interval and floor. joined_panel and prediction_feed join, prior_sessions knows earlier sessions, family
lists the policies, session_counts and session_sums add up by session, holding and matched_hold are buy-and-hold,
metrics and permutation are pure functions, metrics_table and performance put them together and into words.
"""
