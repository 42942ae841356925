"""A policy gives target weights from P(up), its rank, the forecast sd and the cost: 1 long, -1 short, 0 flat.

Row by row, so that no row sees another; NaN in what it needs is flat. An allocator gives those of all symbols at one
instant. Sizing and limits are hfm.risk's, fills hfm.orders'.
"""
