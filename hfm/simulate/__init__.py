"""Bars or an order book in; quotes, an oracle and stylised facts out.

In: fetch/bars.parquet (fidelity `bars`: a row a bar; `book`: event by event) or fetch/book.parquet (`replay`). Out:
simulate/quotes.parquet (prices in currency a share, sizes in shares, spreads and sigma in bps), simulate/oracle.parquet
(what a perfect forecaster would know), simulate/facts.json (value, error, band, pass; of a replay what a calibration
takes), and of a `book` on demand simulate/{book,prints,snapshots}.parquet. A row of quotes uses what was there up to
that row, and at most the LOOK sessions before its own; never a later one.
"""
