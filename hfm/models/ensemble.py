"""ensemble: a weighted mean of the members' heads, the weights one set a head, chosen on validation rows.

Its arrays are its members' under <member>/, and `weights` [3, members] for direction, volatility and spread; until they
are settled all members weigh the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from hfm import plugins
from hfm.config import Train
from hfm.models.heads import HEADS, TASK_OF_HEAD
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context


class Ensemble:
    """Floors, trees and network together."""

    base: ClassVar[str | None] = None
    deep, warm, stepped = True, True, False
    members: ClassVar[tuple[str, ...]] = ("logistic", "gbm", "lstm")

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """See Forecaster. Beside networks other than the first, no member without networks is fitted."""
        arrays: Arrays = {"weights": np.full((3, len(self.members)), 1 / len(self.members))}
        is_first = ctx.networks is None or ctx.networks.start == 0
        for member in self.members:
            model: plugins.Forecaster = plugins.find("models", member)()
            if not is_first and not getattr(model, "warm", False):
                continue
            before = None if ctx.before is None else part(ctx.before, member)
            arrays |= under(member, model.fit(train, valid, options, replace(ctx, before=before)))
        if is_first:
            arrays["floor/ret_sd"] = arrays[f"{self.members[0]}/floor/ret_sd"]
        return arrays

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        out = np.zeros((len(panel.slot), len(HEADS)))
        for k, member in enumerate(self.members):
            model: plugins.Forecaster = plugins.find("models", member)()
            out += arrays["weights"][TASK_OF_HEAD, k] * model.predict(part(arrays, member), panel)
        return out


def under(member: str, arrays: Arrays) -> Arrays:
    """A member's arrays as they stand in the ensemble's."""
    return {f"{member}/{name}": value for name, value in arrays.items()}


def part(arrays: Arrays, member: str) -> Arrays:
    """A member's own arrays."""
    start = f"{member}/"
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
