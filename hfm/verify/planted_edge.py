"""Markets with a planted signal, whose best possible forecast is known: do the simulator and the models reach it?"""

from __future__ import annotations

import math

import numpy as np

from hfm.artifacts import ORACLE, QUOTES
from hfm.stage import Context
from hfm.tables import MemoryReader, arrays, column_array
from hfm.train import measures, training_output, walk_forward
from hfm.train.folds import Fold, Units
from hfm.train.training_panel import ForecastTask, read
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import InMemoryRun, synthetic

RHO, WEAK = 0.2, 0.1
SPLIT = 640
"""Sessions to fit on, about 50,000 bars, and as many to be scored on."""
LEAST = "0.8 and more"


def market(sessions: int, rho: float, seed: int, model: str = "logistic") -> InMemoryRun:
    """Synthetic bars with a linear signal, wholly carried by the order flow.

    Parameters
    ----------
    sessions
        How many.
    rho
        Strength of the signal, in [0, 1].
    seed
        Of fetch, simulate and train.
    model
        That the settings of training name.

    Returns
    -------
    InMemoryRun
        After simulate.
    """
    settings: dict[str, dict[str, object]] = {"simulate": {"signal": "planted", "rho": rho}, "train": {"model": model}}
    return synthetic(sessions, seed, settings).through("simulate")


def accuracy() -> list[Row]:
    """The oracle's accuracy is 1/2 + asin(rho)/pi, within 3.5 standard errors."""
    run = market(250, RHO, 11)
    quotes = arrays(run.table(QUOTES), ["session", "seq", "mid_close"])
    p_up = column_array(run.table(ORACLE)["p_up"])
    follows = (quotes["session"][1:] == quotes["session"][:-1]) & (quotes["seq"][1:] == quotes["seq"][:-1] + 1)
    move = np.diff(quotes["mid_close"])
    rows = follows & (move != 0) & np.isfinite(p_up[:-1])
    hits = ((p_up[:-1] > 0.5) == (move > 0))[rows]
    truth = 0.5 + math.asin(RHO) / math.pi
    error = 3.5 * math.sqrt(truth * (1 - truth) / len(hits))
    return [Row(f"oracle accuracy on planted rho {RHO}", f"1/2 + asin(rho)/pi = {truth:.4f}",
                float(hits.mean()), truth - error, truth + error)]  # fmt: skip


def share(name: str) -> float:
    """Share of the oracle's expected log-loss gain over the base rate that a model fitted on SPLIT sessions has.

    Fitted once on 80 % and settled on 20 % of them, scored on as many fresh ones after; expected, that is weighted by
    the oracle's own probability, so that the luck of the draw drops out.

    Parameters
    ----------
    name
        Of the model.

    Returns
    -------
    float
        1 is all of it.
    """
    run = market(2 * SPLIT, WEAK, 12, name)
    rows = read(MemoryReader(run.table(QUOTES)), ForecastTask())
    edge = SPLIT * 4 // 5
    fold = Fold(0, Units(0, edge), Units(edge, SPLIT), Units(SPLIT, 2 * SPLIT))
    names = walk_forward.model_names(name)
    arrays = walk_forward.fit(rows.panel, [fold], names, run.config.train, Context("verify", seed=12))
    walked = walk_forward.WalkForward(rows, [fold], name, names, arrays)
    walk_forward.calibrate(walked, name, fold)
    _, forecast = walk_forward.predict(walked, name, fold, rows.panel.of_sessions(*fold.test))
    truth = training_output.truth(rows, [fold], MemoryReader(run.table(ORACLE)))
    return measures.oracle_share(forecast["p_up"], truth.oracle)


def logistic_share() -> list[Row]:
    """The logistic floor reaches most of the oracle's gain on a linear signal."""
    return [Row(_title("logistic"), LEAST, share("logistic"), 0.8, 1.02)]


def network_share() -> list[Row]:
    """So does the default model, which stands on it."""
    return [Row(_title("LSTM"), LEAST, share("lstm"), 0.8, 1.02)]


def _title(name: str) -> str:
    return f"{name}'s share of the oracle's gain: {SPLIT} sessions, rho {WEAK}"
