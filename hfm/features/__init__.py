"""Quotes rows in, feature rows out, one causal step at a time.

In: the quotes columns of `batch.inputs`, a symbol's rows in time order. Out: float64 features, unit-free or
in the unit that `NAMES` states (bps, log bps); a row whose ring of LOOKBACK rows is not full is NaN in
all of them. `step` is the one definition: a batch is the loop over it, and live calls the very same
kernel.
"""
