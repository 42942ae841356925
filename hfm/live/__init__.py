"""One quotes row in, one signal out: a feature step -> inference.step -> policy -> orders.step.

In: rows of the quotes table (prices in currency, spreads in bps), one at a time. Out: P(up), spread forecast (bps),
signal, wanted position (shares) and the ledger's figures, equal to the batch to the bit. quote_rows.py makes a row,
row_step.py is the kernel, node.py holds its state, sequence.py judges what arrives, fit_handover.py changes the fit,
stream.py and predict.py are the two commands, snapshot.py saves and restores, onnx_export.py and onnx_session.py run
graphs, bench.py times it all.
"""
