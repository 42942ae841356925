"""What the summary, facts.json and the quotes table say of the spreads that are charged around observed bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hfm.config import Simulate
from hfm.simulate.spread import estimators, spread_charge
from hfm.simulate.spread.spread_claims import Charge
from hfm.stage import Context
from hfm.tables import TableMeta

EARLY = 5
"""Sessions that may pass without an estimate before that is worth a warning."""


def warn_of_charges(charges: Mapping[str, Charge], ctx: Context) -> None:
    """What a user should know of the charges: claims that the bars contradict, sessions that cannot be estimated."""
    for symbol, one in charges.items():
        if one.contradicted.any():
            bps = float(one.bps[one.contradicted].mean())
            ctx.warn(
                f"{symbol}: its bars contradict a spread of {one.claim_bps:.3g} bp there and back; charged instead in "
                f"{int(one.contradicted.sum())} of {len(one.bps)} sessions: {bps:.3g} bp on average, "
                f"{ruling_estimator(one)}"
            )
        if one.unknown[EARLY:].any() or (one.unknown.all() and len(one.unknown) > 1):
            ctx.warn(
                f"{symbol}: the spread cannot be estimated in {int(one.unknown.sum())} of {len(one.bps)} sessions "
                f"({one.why}): {spread_charge.UNKNOWN_BPS:g} bp there and back are charged in them; "
                "--spread-bps sets another"
            )


def ruling_estimator(one: Charge) -> str:
    """What ruled in most of a symbol's sessions, in words; of a claim that gave way, what ruled instead."""
    counts = dict(one.rulers)
    if one.contradicted.any():
        counts = {name: count for name, count in counts.items() if name not in ("claim", "pip")}
    name = max(counts, key=lambda k: counts[k])
    fixed = {
        "bound": "a bound, for nothing can be estimated", "claim": "as claimed", "tick": "the step of its prices",
        "pip": "half a pip, the dealers' price increment",
    }  # fmt: skip
    return fixed.get(name) or f"upper 95 % side of {_LABEL[name]}"


_LABEL = dict(zip(estimators.NAMES, estimators.LABELS, strict=True))


def report_charges(charges: Mapping[str, Charge], ctx: Context) -> None:
    """A line of the summary a symbol, up to three; of more their range."""
    if len(charges) > 3:
        levels = sorted((float(one.bps.mean()), symbol) for symbol, one in charges.items())
        (low, first), (high, last) = levels[0], levels[-1]
        ctx.say(f"spread charged there and back: {low:.3g} bp ({first}) to {high:.3g} ({last}); each in facts.json")
        return
    for symbol, one in charges.items():
        known = ~one.unknown
        level = float(one.bps[known].mean()) if known.any() else spread_charge.UNKNOWN_BPS
        bound = f", {spread_charge.UNKNOWN_BPS:g} in {int(one.unknown.sum())} sessions with nothing to go by"
        rest = ", ".join(
            f"{_LABEL[name]} {_span(row)}" for name, row in one.estimate.table.items() if _is_reported(name, row)
        )
        ctx.say(
            f"spread charged, {symbol}: {level:.3g} bp there and back ({ruling_estimator(one)})"
            + (bound if known.any() and not known.all() else "")
            + (f"; all bars show {rest}" if rest else "")
        )


def _is_reported(name: str, row: Mapping[str, float | bool | None]) -> bool:
    return bool(row["trusted"]) and (name in ("roll", "corwin_schultz", "abdi_ranaldo", "edge") or bool(row["shown"]))


def _span(row: Mapping[str, float | bool | None]) -> str:
    """An estimate and its upper limit, in bp."""
    bps = np.sqrt(max(float(row["squared_bps2"] or 0.0), 0.0))
    return f"{bps:.2g} (at most {float(row['upper_bps'] or 0.0):.2g})"


def charge_facts(charges: Mapping[str, Charge]) -> dict[str, Any]:  # Any: JSON
    """The entry of facts.json: by symbol what is claimed, charged and shown."""
    return {
        symbol: {
            "charged_bps": _json(one.bps.mean()), "claimed_bps": _json(one.claim_bps),
            "sessions": len(one.bps), "unknown": int(one.unknown.sum()), "contradicted": int(one.contradicted.sum()),
            "ruled_by": dict(one.rulers), "joined_opens": _json(one.estimate.joined),
            "whole_sample": {
                "squared_bps2": _json(one.estimate.squared_bps2), "se": _json(one.estimate.se),
                "upper_bps": _json(2.0 * one.estimate.upper_half_spread_bps), "ruled_by": one.estimate.ruled_by,
                "estimators": {name: dict(row) for name, row in one.estimate.table.items()},
            },
        }
        for symbol, one in charges.items()
    }  # fmt: skip


def with_charges(meta: TableMeta, charges: Mapping[str, Charge], sim: Simulate) -> TableMeta:
    """The metadata of quotes: whether mids are prices of trades, and by symbol what is charged.

    Parameters
    ----------
    meta
        Of the bars.
    charges
        By symbol; none where bars are invented.
    sim
        The configuration.

    Returns
    -------
    TableMeta
        `spread` stays as it is where nothing is charged.
    """
    spread = {
        symbol: {
            "bps": _json(one.bps.mean()), "claimed_bps": _json(one.claim_bps),
            "upper_bps": _json(2.0 * one.estimate.upper_half_spread_bps), "ruled_by": one.estimate.ruled_by,
        }
        for symbol, one in charges.items()
    }  # fmt: skip
    mid_is_trade = not meta.synthetic and sim.signal != "planted"
    return replace(meta, mid_is_trade=mid_is_trade, spread=spread or meta.spread)


def _json(x: float) -> float | None:
    return float(f"{x:.6g}") if np.isfinite(x) else None
