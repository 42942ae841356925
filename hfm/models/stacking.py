"""The floor that networks correct: the linear one, and where rows lie in blocks of clock time boosted trees beside it.

Its logit is (1 - w) times that of the logistic floor and w times that of the trees; w is chosen by
cross-validated log-loss (stacking: Wolpert 1992, Neural Networks 5(2), doi:10.1016/S0893-6080(05)80023-1; it does as
well as the best choice in hindsight, but for a term of order log n / n: van der Laan, Polley and Hubbard 2007,
doi:10.2202/1544-6115.1309). With w = 1 it is `gbm`, bit for bit. Networks are fitted on the cross-validated logits:
trees that have seen a row are nearer to its label than they are to a fresh row's. By sessions, as bars are split, the
linear floor stands alone.
Legend: n rows, F features, B trees.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfm.config import Train
from hfm.models import inference
from hfm.models.heads import columns_of
from hfm.models.linear import floor_arrays, floors
from hfm.models.linear.ridge import Mask, known, logistic, rows_of, standardise
from hfm.models.networks.losses import log_loss
from hfm.models.packed_model import TREES
from hfm.models.trees import boosted, tree_arrays
from hfm.plugins import Arrays, Float, Int, Panel
from hfm.stage import Context

PARTS = 5
"""Stretches of the training blocks, each forecast by what was fitted on the others."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Weights of the trees that are tried."""
CHUNK = 16384
"""Rows whose sums over every number of trees are in memory at once."""
HEAD = "direction"


class FittedFloor(NamedTuple):
    """A fitted floor, and its logits [n] of the training rows: where there are trees, by trees that have not seen the
    row.
    """

    arrays: Arrays
    logit: Float


class CrossFits(NamedTuple):
    """By part: the logistic logits [n] of fits on the other parts, and (rows of the part, trees of the others)."""

    linear: Float
    grown: list[tuple[Mask, Arrays]]


def constant(train: Panel, valid: Panel, options: Train, ctx: Context) -> FittedFloor:
    """The training rows' means, for a network that stands alone.

    Parameters
    ----------
    train, valid, options, ctx
        See Forecaster.

    Returns
    -------
    FittedFloor
    """
    arrays = floor_arrays.fitted(ctx, "constant", lambda: floors.Constant().fit(train, valid, options, ctx))
    return FittedFloor(arrays, columns_of(inference.heads(arrays, train)).logit)


def stacked(train: Panel, valid: Panel, options: Train, ctx: Context) -> FittedFloor:
    """HAR, and the direction as the module says.

    Parameters
    ----------
    train, valid, options, ctx
        See Forecaster; `valid` chooses the number of trees.

    Returns
    -------
    FittedFloor
        Its logit is NaN in masked rows.
    """
    arrays = floor_arrays.fitted(ctx, "logistic", lambda: floors.Logistic().fit(train, valid, options, ctx))
    logit = columns_of(inference.heads(arrays, train)).logit
    rows = known(train) & np.isfinite(train.up)
    if train.block is None or not _enough(train.block, train.up[rows]):
        return FittedFloor(arrays, logit)
    x = boosted.design(arrays, train)
    # stacking: both floors on each part of the rows by what was fitted on the others
    crossed = _crossed(arrays, train, train.block, options)
    count = int(np.argmin(sum(_losses(found, x[part & rows], train.up[part & rows]) for part, found in crossed.grown)))
    linear, grown = crossed.linear, np.full(len(x), np.nan)
    for part, found in crossed.grown:
        grown[part] = tree_arrays.summed(tree_arrays.first_trees(found, HEAD, count), HEAD, x[part])
    seen = rows & np.isfinite(linear)  # the weight is chosen on those forecasts
    share = _share(linear[seen], grown[seen], train.up[seen], train.block[seen]) if count else 0.0
    if share == 0.0:
        return FittedFloor(arrays, logit)
    # and then both are fitted on all rows
    final = boosted.grown(x[rows], train.up[rows], HEAD, options.threads)
    kept = boosted.best(final, HEAD, *boosted.rows(arrays, valid, HEAD))
    if kept == 0:
        return FittedFloor(arrays, logit)
    final = tree_arrays.first_trees(final, HEAD, kept)
    arrays |= _as_stepped(final, x.shape[1] - 1, train.x.shape[1]) | {"floor/share": np.array([share])}
    return FittedFloor(arrays, np.where(np.isfinite(linear), (1 - share) * linear + share * grown, logit))


def _enough(block: Int, up: Float) -> bool:
    """Whether there are blocks for PARTS, labels for leaves in each fit, and both classes."""
    return len(np.unique(block)) >= PARTS and len(up) >= 4 * boosted.LEAST and bool(up.min() < up.max())


def _crossed(arrays: Arrays, train: Panel, block: Int, options: Train) -> CrossFits:
    """Both kinds of floor fitted without each part in turn, nor the labels that are known only inside it.

    Returns
    -------
    CrossFits
        A part without which there is but one class is left out (NaN).
    """
    z = standardise(train.x, rows_of(train), arrays["floor/centre"], arrays["floor/factor"])
    x, seen, own = boosted.design(arrays, train), known(train), floors.signed(train)
    later = block if train.known is None else train.known
    out = CrossFits(np.full(len(x), np.nan), [])
    for part in np.array_split(np.unique(block), PARTS):
        inside = np.isin(block, part)
        fitted = seen & np.isfinite(train.up) & ~inside & ~np.isin(later, part)
        y = train.up[fitted]
        if len(y) < 2 * boosted.LEAST or y.min() == y.max():
            continue
        w, _ = logistic(z[fitted][:, own], y, (float(arrays["floor/penalty"][0]),))
        out.linear[inside & seen] = z[inside & seen][:, own] @ w[:-1] + w[-1]
        out.grown.append((inside & seen, boosted.grown(x[fitted], y, HEAD, options.threads)))
    return out


def _share(linear: Float, grown: Float, up: Float, block: Int) -> float:
    """Of SHARES that of the better floor; one between, if its gain over that one is more than one standard error.

    Clustered by block. Trees of four fifths of the rows are worse than those of all of them, and a line is not: what
    little a mixture gains in cross-validation is then lost.

    Returns
    -------
    float
        One of SHARES.
    """
    losses = [log_loss((1 - w) * linear + w * grown, up) for w in SHARES]
    single = 0 if losses[0].mean() <= losses[-1].mean() else len(SHARES) - 1
    best = int(np.argmin([loss.mean() for loss in losses]))
    gain = losses[single] - losses[best]
    sums = np.bincount(np.unique(block, return_inverse=True)[1], gain - gain.mean())
    error = np.sqrt(len(sums) / (len(sums) - 1) * np.sum(sums * sums)) / len(gain)
    return SHARES[best if gain.mean() > error else single]


def _losses(found: Arrays, x: Float, y: Float) -> Float:
    """[B + 1] the summed log-loss of labels y by the number of trees."""
    out = np.zeros(len(found[f"{HEAD}/roots"]) + 1)
    for at in range(0, len(x), CHUNK):
        path = tree_arrays.running_sums(found, HEAD, x[at : at + CHUNK])
        out += log_loss(path, y[at : at + CHUNK, None]).sum(axis=0)
    return out


def _as_stepped(found: Arrays, slot: int, place: int) -> Arrays:
    """The trees under the names that packed_model.pack reads, the clock slot at `place` and not at `slot`."""
    links = found[f"{HEAD}/links"].copy()
    links[links[:, 0] == slot, 0] = place
    parts = {part: found[f"{HEAD}/{part}"] for part in ("values", "roots", "base")}
    return {f"{TREES}/{part}": value for part, value in {**parts, "links": links}.items()}
