"""hfm: high-frequency microstructure, as a corridor of five stages.

fetch     a source -> bars                      simulate  bars -> quotes with a known truth
train     quotes -> out-of-sample predictions   backtest  quotes + predictions -> ledger, trials, metrics
report    tables -> picture, page, verdict      verify    claims with known answers
live      one row in, one signal out: the steps that the batches loop over
Shared rooms: features (causal steps), models, policies, ledger; tables (every schema), stage (the contract),
plugins (protocols and registries), config, errors, kernel (compiled holds the compiler's side of it). corridor says
what each stage reads and makes; run, freshness and pipeline are the only code that touches a run directory; cli only
parses. Data flows from left to right, and no stage imports another.
"""

__version__ = "0.1.0"
