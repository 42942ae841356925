"""Facts as tables: statistics of sums against the bands that they must lie in.

Band, value and error of a fact have the unit of its statistic. The sums come session by session (moments.py), so that
errors are clustered by session.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hfm.simulate.moments import Moments, Sums

TOLERANCE = 2.0
"""Standard errors beyond its band at which a fact that is judged with its error fails."""
WIDTH = 3.5
"""Standard errors to each side, where a fact has a value that it should be equal to."""
Statistic = Callable[[Sums], float]


class Band(NamedTuple):
    """What a fact must lie in, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Fact:
    """A statistic of sums. band: what it must lie in, or the one value it should be equal to within its
    error.

    of: whose property it is: bars (the input's), simulated or planted. tolerance: standard errors by which the band
    is wider on each side: 0 where the band leaves room for the error of the shortest sample.
    """

    label: str
    statistic: Statistic
    band: Band | float | None
    of: str
    tolerance: float = 0.0


def correlation(name: str) -> Statistic:
    """Of the pair of sums `name`: name.n, .a, .b, .aa, .bb, .ab."""

    def statistic(s: Sums) -> float:
        n, a, b, aa, bb, ab = (s[f"{name}.{k}"] for k in ("n", "a", "b", "aa", "bb", "ab"))
        return (ab - a * b / n) / math.sqrt((aa - a * a / n) * (bb - b * b / n))

    return statistic


def ratio(above: str, below: str) -> Statistic:
    """Of two sums."""
    return lambda s: s[above] / s[below]


def table(moments: Moments, known: Mapping[str, Fact]) -> dict[str, Any]:  # Any: JSON
    """Each fact's value, standard error and band, and whether the value lies inside.

    Parameters
    ----------
    moments
        Sums of the sessions.
    known
        Facts by id, whose statistics read these sums.

    Returns
    -------
    dict[str, Any]
        By id: label, value, se, band, pass and whose property it is; band and pass are None where there is no band, or
        a value or an error is not finite.
    """
    rows = {}
    for name, fact in known.items():
        value, error = moments.estimate(fact.statistic)
        band = fact.band
        if isinstance(band, float):
            band = Band(band - WIDTH * error, band + WIDTH * error)
        elif band is not None and math.isfinite(error):
            band = Band(band.low - fact.tolerance * error, band.high + fact.tolerance * error)
        judged = band is not None and math.isfinite(value) and math.isfinite(band.low)
        rows[name] = {
            "label": fact.label, "value": _json(value), "se": _json(error),
            "band": [_json(b) for b in band] if band is not None and judged else None,
            "pass": band.low <= value <= band.high if band is not None and judged else None, "of": fact.of,
        }  # fmt: skip
    return rows


def outside(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:  # Any: JSON
    """Ids of the facts that miss their bands by more than two standard errors: worth a word in a short sample."""
    out = []
    for name, row in rows.items():
        if row["pass"] is False:
            slack = 2.0 * (row["se"] or 0.0)
            if not row["band"][0] - slack <= row["value"] <= row["band"][1] + slack:
                out.append(name)
    return out


def _json(x: float) -> float | None:
    return float(f"{x:.6g}") if math.isfinite(x) else None
