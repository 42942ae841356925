"""One quotes row in, one signal out: features.step -> model.step -> policy -> ledger.step.

In: rows of the quotes table (prices in currency, spreads in bps), one at a time. Out: P(up), spread forecast (bps),
signal, wanted position (shares) and the ledger's figures, equal to the batch to the bit. rows.py says what a row is,
step.py is the kernel, engine.py holds its state, order.py judges what arrives, stream.py and predict.py are the two
commands, snapshot.py saves and restores, market.py knows the clock, schedule.py, graph.py and bench.py are the rest.
"""
