"""report: every table of a run -> one picture, one page, one verdict.

In: fetch/bars.parquet, and whatever else the run holds; what is missing is named. Out:
report/microstructure_performance.png, report/report.html (self-contained, no script), report/summary.json.
Returns are fractions of fixed capital (0.01 is 1 %), spreads bp, probabilities in [0, 1]; standard errors are
clustered by session (or block). Nothing is computed here but the inference behind the verdict: verdict, statistics.
"""

DRAWING = "hfm.report.drawing"
"""What draws, here and in a process beside; imported late, since matplotlib takes .35 s (`report` of the bench)."""
