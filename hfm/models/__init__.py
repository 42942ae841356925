"""Models: a panel of feature rows in, heads.HEADS out: logit, log volatility (log bps), log-spread quantiles.

floors and ridge are NumPy; stacked is what networks correct; step is the compiled inference of every linear floor, of
the trees beside it and of the LSTM on top, one row at a time; store turns fitted arrays into safetensors and model.json
and refuses what does not fit; deep has the networks that are not stepped. torch is imported by fit, device, eager and
the networks. Importing this package imports nothing.
"""
