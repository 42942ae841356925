"""What holds for a symbol's whole run, whatever the fidelity that starts from bars."""

from __future__ import annotations

from dataclasses import dataclass, field

from hfm.config import Simulate
from hfm.plugins import Recipe
from hfm.simulate.spread.spread_claims import Charge
from hfm.simulate.spread_model import SpreadModel
from hfm.simulate.ticks import TickSizes


@dataclass(frozen=True)
class SymbolSettings:
    """Settings of one symbol. slots, interval_s: of a full session, seconds; like_spy: the model's own level holds.

    charge: the spreads of observed bars (None: the model's own); ticks: the tick size of each session; recipe: what
    replaces the calibrated spread and flow (None: nothing).
    """

    simulate: Simulate
    slots: int
    interval_s: float
    like_spy: bool
    model: SpreadModel = field(default_factory=SpreadModel)
    charge: Charge | None = None
    ticks: TickSizes = field(default_factory=TickSizes)
    recipe: Recipe | None = None
