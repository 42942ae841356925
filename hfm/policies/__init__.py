"""A policy proposes a direction a row: 1 long, -1 short, 0 flat, from P(up), its rank, the forecast sd and the cost.

Row by row, so that no row sees another; NaN in what it needs is flat. Sizing, limits and fills are the ledger's.
"""
