"""The stylised facts of simulated bars: values, errors clustered by session, bands.

The sums that they are made of are named in bar_sums.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hfm.config import Simulate
from hfm.simulate.bars.bar_sums import PARTS
from hfm.simulate.bars.planted_signal import PERSISTENCE, STAY
from hfm.simulate.fact_table import Band, Fact, Statistic, correlation, ratio, table
from hfm.simulate.moments import Moments, Sums
from hfm.simulate.symbol_settings import SymbolSettings


def _slope(s: Sums) -> float:
    n, a, b = s["ofi.n"], s["ofi.a"], s["ofi.b"]
    return (s["ofi.ab"] - a * b / n) / (s["ofi.aa"] - a * a / n)


def _kurtosis(letter: str) -> Statistic:
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


def _over_least(name: str, part: int, parts: int) -> Statistic:
    def statistic(s: Sums) -> float:
        means = [s[f"{name}.{j}"] / s[f"rows.{j}"] for j in range(parts)]
        return means[part] / min(means)

    return statistic


def _open_midday(parts: int) -> Statistic:
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
    tails, scaled_tails = (None, None) if plant else (Band(4.0, 40.0), Band(0.5, 6.0))  # a planted r / sigma is normal
    of_size = (None,) * 3 if plant else (Band(0.15, 0.40), Band(0.08, 0.30), Band(0.05, 0.25))
    next_row, hour, day = of_size
    first, last = _over_least("vol", 0, parts), _over_least("vol", parts - 1, parts)
    lead = rho * math.sqrt(sim.carry) if sim.kind == "linear" else 0.0
    joint = {"linear": 1.0, "switch": 2.0 * STAY - 1.0, "product": PERSISTENCE}[sim.kind] * PERSISTENCE
    rows = {
        "return_ac1": ("lag-1 autocorrelation of r / sigma", correlation("ac"), joint * rho * rho, path),
        "lead_eps": ("correlation of eps with the next r / sigma", correlation("lead"), lead, "simulated"),
        "kurtosis": ("excess kurtosis of returns", _kurtosis("r"), tails, path),
        "kurtosis_standardised": ("excess kurtosis of r / sigma", _kurtosis("x"), scaled_tails, path),
        "abs_ac1": ("autocorrelation of |r|, lag 1", correlation("abs1"), next_row, path),
        "abs_ac12": ("autocorrelation of |r|, lag 12", correlation("abs12"), hour, path),
        "abs_ac_day": ("autocorrelation of |r|, a session apart", correlation("absday"), day, path),
        "volume_first": ("volume, first part over the least", first, Band(2.5, 4.5), bars),
        "volume_last": ("volume, last part over the least", last, Band(2.5, 4.5), bars),
        "volatility_open": ("volatility, first part over midday", _open_midday(parts), Band(2.0, 4.0), path),
    }
    return {name: Fact(*row) for name, row in rows.items()}


def _of_model(setting: SymbolSettings) -> dict[str, Fact]:
    """Facts of the calibrated spread and flow. Constants of another book have no bands here."""
    own = not setting.simulate.constants
    stands = setting.charge is None or not setting.charge.contradicted.any()
    spy = own and setting.like_spy and stands and setting.simulate.spread_bps is None
    mean, one = (Band(1.0, 1.4), Band(0.75, 1.0)) if spy else (None, None)
    r2, opening, on_vol, on_size, memory = (
        (Band(0.45, 0.70), Band(1.3, 3.0), Band(0.5, 0.9), Band(-0.3, -0.1), Band(0.3, 0.6)) if own else (None,) * 5
    )

    def share(s: Sums) -> float:
        return math.sqrt(s["flow2"] / s["n"])

    def explained(s: Sums) -> float:
        return correlation("ofi")(s) ** 2

    rows = {
        "ofi_slope": ("slope of r on beta x OFI", _slope, Band(0.9, 1.1)),
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
