"""How one fit takes over from another inside a session."""

from __future__ import annotations

from collections.abc import Sequence

from hfm.arrays import Float
from hfm.live.node import Node
from hfm.tables.records import Records


class FitHandover:
    """Changes of fit inside a session: a fit that takes over has carried its state since the session's open."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._states = [node.features_new() for _ in node.market.symbols]
        self._inputs: dict[int, Float] = {}
        self._taken: list[int] = []

    def open(self, block: Sequence[Records]) -> None:
        """A session begins, whose rows these are, one array a symbol."""
        self._inputs = {}
        for rows in block:
            symbol = int(rows["symbol"][0])
            self._inputs[symbol] = self._node.model_inputs(self._states[symbol], rows)
        self._taken = [0] * len(self._states)

    def next(self, fit: str | None, symbol: int, fresh: bool) -> bool:
        """Whether something is to be answered to a symbol's next row.

        Parameters
        ----------
        fit : str, optional
            Which answers it; None: none may.
        symbol : int
            Its number.
        fresh : bool
            Whether the row has not been taken before.

        Returns
        -------
        bool
        """
        if fresh and fit is not None and fit != self._node.fit:
            self._node.use(fit)
            for other, x in self._inputs.items():
                self._node.carry(other, x[: self._taken[other]])
        self._taken[symbol] += 1
        return fit is not None
