"""The run that predict, stream, export and schedule work on: its model, its quotes, and a stream over them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfm.artifacts import CHECKPOINT, QUOTES, WEIGHTS
from hfm.cli.console import Show
from hfm.cli.options import Common
from hfm.cli.settings import config_of, home_of
from hfm.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from hfm.config import Backtest
    from hfm.live.stream import Stream
    from hfm.models.checkpoint import Checkpoint
    from hfm.runs.manifest import Run


@dataclass(frozen=True)
class Trained:
    """One run with a checkpoint. weights, source: SHA-256 of the model's arrays and of the quotes (or "stdin")."""

    run: Run
    settings: Backtest
    checkpoint: Checkpoint
    quotes: Any  # Any: Reader
    weights: str
    source: str

    @property
    def model(self) -> str:
        """The model whose forecasts are traded."""
        return self.settings.model or str(self.checkpoint.document["model"])

    def stepless(self) -> bool:
        """Whether it is a network without a step of its own, which runs as an exported graph."""
        document = self.checkpoint.document
        return self.model not in document["stepped"] and "shape" in self.checkpoint.part("final", self.model)

    def identity(self) -> dict[str, Any]:  # Any: JSON
        """What a saved state belongs to."""
        import dataclasses

        symbols = tuple(sorted(self.quotes.meta.symbols))
        return {"model": self.weights, "settings": dataclasses.asdict(self.settings), "symbols": symbols,
                "source": self.source}  # fmt: skip

    def stream(self) -> Stream:
        """A new stream over the run. Raises ConfigError and DataError as _onnx."""
        from hfm.live.node import MarketSpec, Node
        from hfm.live.stream import Stream

        market = MarketSpec.of(self.quotes.meta)
        return Stream(Node(self.checkpoint, self.settings, market, self._onnx(len(market.symbols))))

    def fits(self) -> tuple[str, ...]:
        """Names of the fits in the checkpoint: final, and those of the folds with sessions that a replay answers."""
        return "final", *(str(f["name"]) for f in self.checkpoint.document["folds"] if f["test"])

    def graph(self, fit: str) -> Path:
        """Where the exported graph of a fit lies."""
        return self.run.path / "live" / (f"{self.model}.onnx" if fit == "final" else f"{self.model}.{fit}.onnx")

    def _onnx(self, symbols: int) -> Any:  # Any: OnnxNetwork, or None
        """The graphs of a network that has no step.

        Returns
        -------
        OnnxNetwork or None
            None for a model that has a step.

        Raises
        ------
        ConfigError
            Without the extra.
        DataError
            Where a graph that is asked for has not been made.
        """
        if not self.stepless():
            return None
        from hfm.live import onnx_export, onnx_session

        def sealed(fit: str) -> bytes:
            path = self.graph(fit)
            if not path.is_file():
                why = "it has no step of its own, and runs through ONNX Runtime"
                again = f"hfm export --format onnx --run {self.run.name}"
                raise DataError(f"{self.model} has no exported graph ({fit})", why=why, hint=again)
            return path.read_bytes()

        onnx_export.extra()
        return onnx_session.OnnxNetwork(sealed, self.model, self.weights, symbols)


def trained(show: Show, common: Common, replay: bool = False) -> Trained:
    """The run that the options mean, its model and quotes checked. replay: the model must be of these very quotes."""
    import json

    from hfm.models.checkpoint import load
    from hfm.runs import freshness, stages
    from hfm.runs.manifest import locate

    home = home_of(common)
    run = locate(home, common.run, os.environ)
    show.run_dir, manifest = run.path, run.manifest()
    config = config_of(common, home, manifest.config, "backtest", {})
    hashes = freshness.check_inputs(run, manifest, stages.REPLAY if replay else stages.FEED)
    hashes |= freshness.check_committed(run, manifest, CHECKPOINT)
    weights, document = ((run.path / name).read_bytes() for name in CHECKPOINT)
    quotes = freshness.readers(run, hashes)[QUOTES]
    source = hashes[QUOTES] if replay else "stdin"
    checkpoint = load(weights, json.loads(document))
    return Trained(run, config.backtest, checkpoint, quotes, hashes[WEIGHTS], source)
