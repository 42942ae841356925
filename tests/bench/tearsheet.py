"""The page that quantstats makes of a back-test's session returns: `tearsheet.py TRIALS PAGE`. Its licence: Apache-2.0.

The peer of `report`: 60 figures and 15 drawings of one series beside a benchmark, without an error bar or a test.
"""

from __future__ import annotations

import logging
import sys

import pandas as pd
import quantstats


def main(trials: str, page: str) -> None:
    """Write the page of the user's own trial beside buy-and-hold."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it asks for Arial, often
    table = pd.read_parquet(trials)
    user = table[table["user"]]
    sessions = pd.to_datetime(user["session"].to_numpy())
    returns, hold = (pd.Series(user[name].to_numpy(), sessions) for name in ("net_return", "hold_return"))
    quantstats.reports.html(returns, benchmark=hold, output=page)


if __name__ == "__main__":
    main(*sys.argv[1:])
