"""ensemble: a weighted mean of the members' heads, the weights one set a head, chosen on validation rows.

Its arrays are its members' under <member>/, and `weights` [3, members] for direction, volatility and spread; until they
are settled all members weigh the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hfm import plugins
from hfm.config import Train
from hfm.models.heads import TASKS, blend
from hfm.plugins import Arrays, Float, Panel
from hfm.stage import Context


class Ensemble:
    """Floors, trees and network together."""

    base: ClassVar[str | None] = None
    deep, warm, stepped = True, True, False
    members: ClassVar[tuple[str, ...]] = ("logistic", "gbm", "lstm")

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """Fit the members that ctx.fitted has not, and weigh them all the same.

        Beside networks but the first, only members with networks.

        Parameters
        ----------
        train, valid, options, ctx
            See Forecaster.

        Returns
        -------
        arrays by name
            See the module.
        """
        arrays: Arrays = {"weights": np.full((len(TASKS), len(self.members)), 1 / len(self.members))}
        is_first = ctx.networks is None or ctx.networks.start == 0
        for member in self.members:
            model: plugins.Forecaster = plugins.find("models", member)()
            if not is_first and not getattr(model, "warm", False):
                continue
            if member in ctx.fitted:
                arrays |= under(member, ctx.fitted[member])
                continue
            before = None if ctx.before is None else part(ctx.before, member)
            arrays |= under(member, model.fit(train, valid, options, replace(ctx, before=before)))
        if is_first:
            arrays["floor/ret_sd"] = arrays[f"{self.members[0]}/floor/ret_sd"]
        return arrays

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """See Forecaster."""
        models: list[plugins.Forecaster] = [plugins.find("models", member)() for member in self.members]
        heads = [model.predict(part(arrays, name), panel) for name, model in zip(self.members, models, strict=True)]
        return blend(np.stack(heads, axis=2), arrays["weights"])


def under(member: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Arrays:  # Any: of any dtype
    """A member's arrays as they stand in the ensemble's."""
    return {f"{member}/{name}": value for name, value in arrays.items()}


def part(arrays: Arrays, member: str) -> Arrays:
    """A member's own arrays."""
    start = f"{member}/"
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
