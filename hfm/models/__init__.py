"""Models: a panel of feature rows in, heads.HEADS out: logit, log volatility (log bps), log-spread quantiles.

linear is NumPy, trees scikit-learn; stacking is what networks correct; inference is the compiled inference of every
linear floor, of the trees beside it and of the LSTM on top, one row at a time; checkpoint turns fitted arrays into
safetensors and model.json and refuses what does not fit. torch is imported by networks, lstm_cpu and eager alone.
Importing this package imports nothing.
"""
