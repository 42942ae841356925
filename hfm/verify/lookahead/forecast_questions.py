"""What a model is asked again about a fold's test part: the part, its questions, and which rows they are of.

Growing: sequence by sequence, each cut at more and more rows. Cut: all sequences, each cut elsewhere. Changed: all
rows, the later ones being other ones. Fresh and twice: all rows as they are. Axes: S sequences, n rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hfm.arrays import Bool, Float, Int
from hfm.models import inference
from hfm.plugins import ROWS, Arrays, Panel
from hfm.tables.records import Records
from hfm.train.fold_rows import LABELS
from hfm.train.folds import Fold
from hfm.verify.lookahead import cuts
from hfm.verify.lookahead.compare import Keys

ALONE = 150
"""Most sequences that are asked one by one, growing."""
AT_ONCE, CALLS = 40, 30
"""Most rounds in which all sequences of a fold are cut, each elsewhere; most calls with another future."""
BUDGET = 1_200_000
"""Most rows that a model is asked about."""


@dataclass(frozen=True)
class FoldForecast:
    """A fold's test part as the stage saw it, what the stored model says of it, and what it is made of.

    panel: with the rows before the part that carry the state; inside [n]: the part's own; out [n]: of
    inference.FORECAST; time, label_time [n]: when each row and its label are known (ns UTC).
    """

    model: str
    arrays: Arrays
    fold: Fold
    panel: Panel
    inside: Bool
    out: Records
    time: Int
    label_time: Int

    @property
    def lengths(self) -> Int:
        """Rows of each sequence."""
        return np.diff(self.panel.start)

    @property
    def lead(self) -> Int:
        """Rows of each sequence before the test part."""
        return np.array([int(self.inside[a:b].argmax()) for a, b in itertools.pairwise(self.panel.start.tolist())])

    def keys(self, rows: Int) -> Keys:
        """Keys of some rows.

        Parameters
        ----------
        rows
            [m] row numbers in the panel.

        Returns
        -------
        Keys
            symbol, session, seq, [m] each.
        """
        owner = np.searchsorted(self.panel.start, rows, "right") - 1
        words = np.array(self.panel.symbols, object)[self.panel.symbol[owner]]
        day = self.panel.session[owner].astype("datetime64[D]")
        return {"symbol": words, "session": day, "seq": self.panel.slot[rows]}

    def finished(self, heads: Float, panel: Panel) -> Records:
        """Forecasts from heads, by the stored model's calibration.

        Parameters
        ----------
        heads
            [n, 5] of HEADS.
        panel
            n rows.

        Returns
        -------
        Records
            [n] of inference.FORECAST.
        """
        return inference.finished(heads, panel.spread_bps, self.arrays)


@dataclass(frozen=True)
class ForecastQuestion:
    """One call of predict: why, on which panel, and which of its rows (at `stay`) are rows `rows` of the forecast."""

    kind: str
    panel: Panel
    rows: Int
    stay: Int


def owners(item: FoldForecast, question: ForecastQuestion) -> Int:
    """Numbers of the sequences that a question is about, growing."""
    return np.unique(np.searchsorted(item.panel.start, question.rows, "right") - 1)


def questions(item: FoldForecast, plan: Sequence[FoldForecast], rng: np.random.Generator) -> list[ForecastQuestion]:
    """What is asked about a fold.

    Parameters
    ----------
    item
        The fold.
    plan
        All folds, which share the budget.
    rng
        Draws the cuts.

    Returns
    -------
    list[ForecastQuestion]
        First the growing ones: in order of time, each row before any that comes later is ever seen.
    """
    count, lengths, lead = len(item.lengths), item.lengths, item.lead
    total = sum(len(each.lengths) for each in plan)
    rows = sum(len(each.panel.slot) for each in plan)
    share = min(1.0, ALONE / total, BUDGET / 3 / max(rows * 3, 1))
    alone = np.sort(rng.choice(count, max(int(np.ceil(share * count)), 1), replace=False))
    out = []
    for s in alone:
        steps = [int(lead[s]) + stay for stay in cuts.ladder(rng, int(lengths[s] - lead[s]))]
        out += [cut("growing", item, np.where(np.arange(count) == s, stay, 0)) for stay in steps]
    rounds = int(np.clip(-(-cuts.LEAST // max(total, 1)), 2, min(AT_ONCE, max(BUDGET // 3 // max(rows, 1), 1))))
    for _ in range(rounds):
        out.append(cut("cut", item, lead + cuts.within(rng, lengths - lead)))
        out.append(_other(rng, item, lead + cuts.within(rng, lengths - lead)))
    complete = np.arange(len(item.panel.slot))
    return [
        *out,
        ForecastQuestion("fresh", item.panel, complete, complete),
        ForecastQuestion("twice", item.panel, complete, complete),
    ]


def cut(kind: str, item: FoldForecast, stay: Int) -> ForecastQuestion:
    """The first rows of each sequence, with the labels that are known by the last of them.

    Parameters
    ----------
    kind
        Of the question.
    item
        The fold.
    stay
        [S] rows of each sequence; 0: it is not asked about.

    Returns
    -------
    ForecastQuestion
        Labels that are known only later are NaN.
    """
    start, keep = item.panel.start[:-1], np.flatnonzero(stay > 0)
    rows = np.concatenate([np.arange(start[s], start[s] + stay[s]) for s in keep])
    known = np.repeat(item.time[start[keep] + stay[keep] - 1], stay[keep])
    late = item.label_time[rows] > known
    known_rows = {name: getattr(item.panel, name)[rows] for name in ROWS if getattr(item.panel, name) is not None}
    known_rows |= {name: np.where(late, np.nan, known_rows[name]) for name in LABELS}
    panel = replace(
        item.panel, **known_rows, start=np.concatenate([[0], np.cumsum(stay[keep])]).astype(np.int64),
        symbol=item.panel.symbol[keep], session=item.panel.session[keep],
    )  # fmt: skip
    return ForecastQuestion(kind, panel, rows, np.arange(len(rows)))


def _other(rng: np.random.Generator, item: FoldForecast, stay: Int) -> ForecastQuestion:
    """All rows, of which those after the first stay [S] of each sequence are other ones, and labels known only then."""
    panel, n = item.panel, len(item.panel.slot)
    place = np.arange(n) - np.repeat(panel.start[:-1], item.lengths)
    later = place >= np.repeat(stay, item.lengths)
    known = np.repeat(item.time[panel.start[:-1] + stay - 1], item.lengths)
    late = item.label_time > known
    drawn = rng.permutation(n)
    known_rows: dict[str, np.ndarray] = {"x": np.where(later[:, None], panel.x[drawn] * 1.3, panel.x)}
    known_rows["spread_bps"] = np.where(later, panel.spread_bps[drawn] * 1.5, panel.spread_bps)
    turned = {"up": 1.0 - panel.up, "ret_bps": -1.5 * panel.ret_bps - 3.0, "log_spread": panel.log_spread + 0.4,
              "log_vol": panel.log_vol + 0.5}  # fmt: skip
    known_rows |= {name: np.where(late, turned[name], getattr(panel, name)) for name in LABELS}
    stays = np.flatnonzero(~later)
    return ForecastQuestion("changed", replace(panel, **known_rows), stays, stays)  # type: ignore[arg-type]  # arrays by name
