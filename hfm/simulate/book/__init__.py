"""Bars in, an event-level limit order book out, whose trades re-aggregate to the bars exactly.

In: sessions of bars, what the `bars` fidelity says of each (forecast sigma, spread, depth), and perhaps the laws of a
real book's flow (fitted.py). Out: quotes rows; trades, one-second snapshots and book events on demand. Prices inside
the engine are whole ticks above a base, sizes whole units (shares, or a fraction of one where the bars trade
fractions), times seconds since the session's open.
"""
