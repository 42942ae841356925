"""The artifacts of a run by name: the path of each file below the run directory. Which stage writes and which read them
stands in runs/stages.py, what is in the tables in tables/schema.py.
"""

from __future__ import annotations

BARS, BOOK = "fetch/bars.parquet", "fetch/book.parquet"
QUOTES, ORACLE, FACTS = "simulate/quotes.parquet", "simulate/oracle.parquet", "simulate/facts.json"
EVENTS = "simulate/book.parquet"
"""The simulated order book, event by event."""
PRINTS, SNAPSHOTS = "simulate/prints.parquet", "simulate/snapshots.parquet"
WEIGHTS, MODEL = "train/model.safetensors", "train/model.json"
"""The arrays of all fits, and the document that describes them."""
CHECKPOINT = (WEIGHTS, MODEL)
PREDICTIONS, SCORES, HISTORY = "train/predictions.parquet", "train/scores.parquet", "train/history.parquet"
INSAMPLE = "train/insample.parquet"
LEDGER, TRADES, TRIALS = "backtest/ledger.parquet", "backtest/trades.parquet", "backtest/trials.parquet"
METRICS, BRIDGE = "backtest/metrics.json", "backtest/bridge.parquet"
PICTURE, PAGE = "report/microstructure_performance.png", "report/report.html"
SUMMARY = "report/summary.json"
