"""The stylised facts of simulated bars: values, errors clustered by session, bands.

The sums that they are made of are named in bar_sums.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hfm.config import Simulate
from hfm.simulate.bars.bar_sums import PARTS
from hfm.simulate.bars.planted_signal import PERSISTENCE, STAY
from hfm.simulate.moments import Moments, Sums
from hfm.simulate.symbol_settings import SymbolSettings

TOLERANCE = 2.0
"""Standard errors beyond its band at which a fact that is judged with its error fails."""
WIDTH = 3.5
"""Standard errors to each side, where a fact has a value that it should be equal to."""


@dataclass(frozen=True)
class Fact:
    """A statistic of sums. band: what it must lie in, or the one value it should be equal to within its
    error.

    of: whose property it is: bars (the input's), simulated or planted. tolerance: standard errors by which the band
    is wider on each side: 0 where the band leaves room for the error of the shortest sample.
    """

    label: str
    statistic: Callable[[Sums], float]
    band: tuple[float, float] | float | None
    of: str
    tolerance: float = 0.0


Statistic = Callable[[Sums], float]


def correlation(name: str) -> Statistic:
    """Of the pair of sums `name`: name.n, .a, .b, .aa, .bb, .ab."""

    def statistic(s: Sums) -> float:
        n, a, b, aa, bb, ab = (s[f"{name}.{k}"] for k in ("n", "a", "b", "aa", "bb", "ab"))
        return (ab - a * b / n) / math.sqrt((aa - a * a / n) * (bb - b * b / n))

    return statistic


def _slope(s: Sums) -> float:
    n, a, b = s["ofi.n"], s["ofi.a"], s["ofi.b"]
    return (s["ofi.ab"] - a * b / n) / (s["ofi.aa"] - a * a / n)


def _kurtosis(letter: str) -> Callable[[Sums], float]:
    def statistic(s: Sums) -> float:
        m1, m2, m3, m4 = (s[f"{letter}{k}"] / s["n"] for k in (1, 2, 3, 4))
        variance = m2 - m1 * m1
        return (m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4) / variance**2 - 3.0

    return statistic


def _fit(s: Sums) -> list[float]:
    """Intercept and elasticities of ln(s / tick - 1) less its curve on g and v."""
    names = ("1", "g", "v")
    left = np.array([[s[f"fit.{a}{b}"] for a in names] for b in names])
    return [float(c) for c in np.linalg.solve(left, np.array([s[f"fit.{a}y"] for a in names]))]


def _residual_ar(s: Sums) -> float:
    c = dict(zip(("1", "g", "v"), (-b for b in _fit(s)), strict=True)) | {"y": 1.0}
    lagged = sum(c[a] * c[b] * s[f"lag.{a}{b}"] for a in c for b in c)
    square = sum(c[a] * c[b] * s[f"fit.{a}{b}"] for a in c for b in c)
    return lagged / s["lag.11"] / (square / s["fit.11"])


def _over_least(name: str, part: int, parts: int) -> Callable[[Sums], float]:
    def statistic(s: Sums) -> float:
        means = [s[f"{name}.{j}"] / s[f"rows.{j}"] for j in range(parts)]
        return means[part] / min(means)

    return statistic


def _open_midday(parts: int) -> Callable[[Sums], float]:
    first = min(int(parts * 0.4), parts - 1)
    middle = range(first, min(max(int(parts * 0.6), first + 1) + 1, parts))

    def statistic(s: Sums) -> float:
        level = sum(s[f"sq.{j}"] for j in middle) / sum(s[f"rows.{j}"] for j in middle)
        return math.sqrt(s["sq.0"] / s["rows.0"] / level)

    return statistic


def known_gain(rho: float, carry: float) -> tuple[float, float]:
    """Correlation of the filter's forecast with the next return, and the share of rows that it puts beyond .6.

    The filter's variance is that of the stationary Riccati equation (see filters.p_up).

    Parameters
    ----------
    rho
        Correlation of the drive with the next return.
    carry
        Share of the order flow's noise that is the signal.

    Returns
    -------
    tuple[float, float]
        Both between 0 and 1.
    """
    prior = 1.0
    for _ in range(200):
        kept = prior * (1.0 - carry) / (carry * prior + 1.0 - carry) if carry < 1.0 else 0.0
        kept = kept * (1.0 - rho * rho) / (rho * rho * kept + 1.0 - rho * rho)
        prior = PERSISTENCE**2 * kept + 1.0 - PERSISTENCE**2
    filtered = prior * (1.0 - carry) / (carry * prior + 1.0 - carry) if carry < 1.0 else 0.0
    c = rho * math.sqrt(1.0 - filtered)
    far = math.erfc(0.2533471031357997 * math.sqrt(1.0 - c * c) / c / math.sqrt(2.0))
    return c, far


def ratio(above: str, below: str) -> Statistic:
    """Of two sums."""
    return lambda s: s[above] / s[below]


def _spread_open(s: Sums) -> float:
    return s["ticks.open"] / s["n.open"] / (s["ticks.mid"] / s["n.mid"])


def facts(setting: SymbolSettings) -> dict[str, Fact]:
    """The facts that apply to a run, by id.

    Parameters
    ----------
    setting
        Of a symbol, or of several pooled; a band is SPY's, and None where the name, recipe or signal has none.

    Returns
    -------
    dict[str, Fact]
        Label, statistic and band of each.
    """
    out = _of_path(setting)
    if setting.simulate.recipe == "calibrated":
        out |= _of_model(setting)
    if setting.simulate.signal == "planted":
        out |= _of_oracle(setting.simulate)
    return out


def _of_path(setting: SymbolSettings) -> dict[str, Fact]:
    """Facts of returns and volume."""
    sim, parts = setting.simulate, min(PARTS, setting.slots)
    plant = sim.signal == "planted"
    rho = sim.rho if plant else 0.0
    path, bars = "planted" if plant else "bars", "bars"
    tails, scaled_tails = (None, None) if plant else ((4.0, 40.0), (0.5, 6.0))  # a planted r / sigma is normal
    memory = (None,) * 3 if plant else ((0.15, 0.40), (0.08, 0.30), (0.05, 0.25))
    first, last = _over_least("vol", 0, parts), _over_least("vol", parts - 1, parts)
    lead = rho * math.sqrt(sim.carry) if sim.kind == "linear" else 0.0
    joint = {"linear": 1.0, "switch": 2.0 * STAY - 1.0, "product": PERSISTENCE}[sim.kind] * PERSISTENCE
    rows = {
        "return_ac1": ("lag-1 autocorrelation of r / sigma", correlation("ac"), joint * rho * rho, path),
        "lead_eps": ("correlation of eps with the next r / sigma", correlation("lead"), lead, "simulated"),
        "kurtosis": ("excess kurtosis of returns", _kurtosis("r"), tails, path),
        "kurtosis_standardised": ("excess kurtosis of r / sigma", _kurtosis("x"), scaled_tails, path),
        "abs_ac1": ("autocorrelation of |r|, lag 1", correlation("abs1"), memory[0], path),
        "abs_ac12": ("autocorrelation of |r|, lag 12", correlation("abs12"), memory[1], path),
        "abs_ac_day": ("autocorrelation of |r|, a session apart", correlation("absday"), memory[2], path),
        "volume_first": ("volume, first part over the least", first, (2.5, 4.5), bars),
        "volume_last": ("volume, last part over the least", last, (2.5, 4.5), bars),
        "volatility_open": ("volatility, first part over midday", _open_midday(parts), (2.0, 4.0), path),
    }
    return {name: Fact(*row) for name, row in rows.items()}


def _of_model(setting: SymbolSettings) -> dict[str, Fact]:
    """Facts of the calibrated spread and flow. Constants of another book have no bands here."""
    own = not setting.simulate.constants
    stands = setting.charge is None or not setting.charge.contradicted.any()
    spy = own and setting.like_spy and stands and setting.simulate.spread_bps is None
    mean, one = ((1.0, 1.4), (0.75, 1.0)) if spy else (None, None)
    r2, opening, on_vol, on_size, memory = (
        ((0.45, 0.70), (1.3, 3.0), (0.5, 0.9), (-0.3, -0.1), (0.3, 0.6)) if own else (None,) * 5
    )

    def share(s: Sums) -> float:
        return math.sqrt(s["flow2"] / s["n"])

    def explained(s: Sums) -> float:
        return correlation("ofi")(s) ** 2

    rows = {
        "ofi_slope": ("slope of r on beta x OFI", _slope, (0.9, 1.1)),
        "ofi_r2": ("R2 of r on OFI", explained, r2),
        "spread_ticks": ("mean spread in ticks", ratio("ticks", "n"), mean),
        "spread_one_tick": ("share of time at one tick", ratio("one", "n"), one),
        "spread_open": ("spread, first 15 minutes over midday", _spread_open, opening),
        "elasticity_volatility": ("elasticity of ln(s/tick - 1) on volatility", lambda s: _fit(s)[1], on_vol),
        "elasticity_volume": ("elasticity of ln(s/tick - 1) on volume", lambda s: _fit(s)[2], on_size),
        "spread_ar1": ("lag-1 autocorrelation of the rest of it", _residual_ar, memory),
        "flow_share": ("sd of signed volume over volume", share, None),
        "flow_cut": ("share of rows with signed volume cut to volume", ratio("cut", "n"), None),
    }
    return {name: Fact(*row, "simulated") for name, row in rows.items()}


def _of_oracle(sim: Simulate) -> dict[str, Fact]:
    """Facts of the planted signal against what is known of it: for a linear one, its accuracy itself."""
    gain, far = known_gain(sim.rho, sim.carry)
    linear = sim.kind == "linear"

    def excess(s: Sums) -> float:
        return (s["oracle.right"] - s["oracle.sure"]) / s["oracle.n"]

    rows = {
        "oracle_accuracy": (
            "oracle's accuracy on the next return",
            ratio("oracle.right", "oracle.n"),
            0.5 + math.asin(gain) / math.pi if linear else None,
        ),
        "oracle_excess": ("oracle's accuracy less what it claims", excess, 0.0),
        "oracle_far": (
            "share of rows the oracle puts beyond .6",
            ratio("oracle.far", "oracle.n"),
            far if linear else None,
        ),
    }
    return {name: Fact(*row, "planted") for name, row in rows.items()}


def pooled(settings: Mapping[str, SymbolSettings]) -> SymbolSettings:
    """The setting by which the facts of several symbols are judged: SPY's bands where all are like SPY."""
    one = next(iter(settings.values()))
    return replace(one, like_spy=all(s.like_spy for s in settings.values()))


def document(moments: Moments, setting: SymbolSettings, observed: bool) -> dict[str, Any]:  # Any: JSON
    """Each fact's value, standard error, band, and whether it lies inside, as facts.json has them.

    Parameters
    ----------
    moments
        Sums of the sessions.
    setting
        Of a symbol, or of several pooled.
    observed
        Whether the bars are real: what is theirs (`of` bars) is then nothing for the model to pass, and has no band.

    Returns
    -------
    dict[str, dict[str, Any]]
        By id.
    """
    known = facts(setting)
    blind = {n: replace(f, band=None) if observed and f.of == "bars" else f for n, f in known.items()}
    return table(moments, blind)


def table(moments: Moments, known: Mapping[str, Fact]) -> dict[str, Any]:  # Any: JSON
    """By id: label, value, standard error, band and whether the value lies inside it; None where there is no band."""
    rows = {}
    for name, fact in known.items():
        value, error = moments.estimate(fact.statistic)
        band = fact.band
        if isinstance(band, float):
            band = (band - WIDTH * error, band + WIDTH * error)
        elif band is not None and math.isfinite(error):
            band = (band[0] - fact.tolerance * error, band[1] + fact.tolerance * error)
        judged = band is not None and math.isfinite(value) and math.isfinite(band[0])
        rows[name] = {
            "label": fact.label, "value": _json(value), "se": _json(error),
            "band": [_json(b) for b in band] if band is not None and judged else None,
            "pass": band[0] <= value <= band[1] if band is not None and judged else None, "of": fact.of,
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
