"""Settings: sections.py says what there is to set, one frozen dataclass a stage; layers.py makes one Config of files,
flags and what a run recorded.
"""

from hfm.config.layers import Layer, as_tree, load, parse_set, parse_threshold, read_toml
from hfm.config.sections import BEFORE_IT_EXISTED, INTERVALS, Backtest, Config, Fetch, Report, Simulate, Train

__all__ = [
    "BEFORE_IT_EXISTED",
    "INTERVALS",
    "Backtest",
    "Config",
    "Fetch",
    "Layer",
    "Report",
    "Simulate",
    "Train",
    "as_tree",
    "load",
    "parse_set",
    "parse_threshold",
    "read_toml",
]
