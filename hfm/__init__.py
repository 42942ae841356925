"""hfm: high-frequency microstructure in five stages.

fetch     a source -> bars                      simulate  bars -> quotes with a known truth
train     quotes -> out-of-sample predictions   backtest  quotes + predictions -> ledger, trials, metrics
report    tables -> picture, page, verdict      verify    claims with known answers
live      one row in, one signal out: the steps that the batches loop over
Shared rooms: features (causal steps), models, policies, orders, risk, ledger; tables (every schema), stage (the
contract), plugins (protocols and registries), compute (workers), config, errors, kernels (compiled functions).
runs.stages says what each stage reads and writes; runs is the only code that touches a run directory; cli only parses.
Data flows from left to right, and no stage imports another.
"""

__version__ = "0.1.0"
