"""How many of the plug-ins that look ahead are named, and how many honest ones are: `hfm verify --leaks`.

Each is put into a small market in memory, as a user would plug it in, and the look-ahead tests of its stage are asked.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from hfm import plugins
from hfm.plugins import Group
from hfm.tables import MemoryReader, Reader
from hfm.verify.claims import Row
from hfm.verify.in_memory_run import InMemoryRun, synthetic
from hfm.verify.leaks import honest_plugins, leaky_policies
from hfm.verify.leaks.leaky_policies import LEAKS, Leak
from hfm.verify.lookahead import asof, decisions, run_tests
from hfm.verify.lookahead.isolation import Isolated

SESSIONS, SEED = 24, 61
"""24 leave nine out of sample, in three folds."""
RULES: dict[Group, Iterable[str]] = {
    "policies": honest_plugins.POLICIES, "models": honest_plugins.MODELS, "sources": honest_plugins.SOURCES,
}  # fmt: skip
HONEST: tuple[Leak, ...] = tuple(
    Leak(name.replace("_", "-"), group, f"{honest_plugins.__name__}:{name}", "nothing")
    for group, names in RULES.items()
    for name in names
)
NAMED: dict[Group, str] = {
    "policies": r"backtest: \w+ of (SPY|QQQ) \S+ row \d+ ",
    "models": r"train: (\S+'s \w+ of (SPY|QQQ) \S+ row \d+|\S+ of \S+, fold \d+,) ",
    "sources": r"fetch: \w+ of (SPY|QQQ) \S+ row \d+ ",
}
"""What a claim that names the stage, the column and the row (of an array its fold) begins with."""


@dataclass(frozen=True)
class LeakFinding:
    """A plug-in, and the claims about it that do not hold."""

    plugin: Leak
    failed: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first claim that names stage, column and row; "" where none does."""
        return next((text for text in self.failed if re.match(NAMED[self.plugin.group], text)), "")


def rows(tell: Callable[[str], None], seed: int) -> list[Row]:
    """A line for each leak, then one for each honest plug-in that is named, then their counts."""
    found = list(examine(LEAKS, seed, tell))
    out = [Row(f"leak: {f.plugin.knows}: {f.name or 'not named'}", "named", float(bool(f.name)), 1, 1) for f in found]
    good = list(examine(HONEST, seed, tell))
    out += [Row(f"honest: {f.plugin.name}: {f.failed[0]}", "no alarm", len(f.failed), 0, 0) for f in good if f.failed]
    return [*out, *counts(found, good)]


def counts(found: Sequence[LeakFinding], good: Sequence[LeakFinding]) -> list[Row]:
    """How many leaks are named, and how many honest plug-ins are."""
    named, alarms = sum(bool(f.name) for f in found), sum(bool(f.failed) for f in good)
    return [
        Row("plug-ins that look ahead, named with stage, column and row", f"{len(found)} of {len(found)}", named,
            len(found), len(found)),
        Row(f"alarms over {len(good)} honest plug-ins", f"0 of {len(good)}", alarms, 0, 0),
    ]  # fmt: skip


def detected() -> list[Row]:
    """The claim of `hfm verify --full`: by a seed of its own at each time."""
    from hfm.verify.lookahead.cuts import seed_new

    seed = seed_new()
    return counts(list(examine(LEAKS, seed)), list(examine(HONEST, seed)))


def examine(some: Sequence[Leak], seed: int, tell: Callable[[str], None] = lambda _: None) -> Iterator[LeakFinding]:
    """What the look-ahead tests say of each plug-in.

    Parameters
    ----------
    some
        The plug-ins.
    seed
        Of the cuts.
    tell
        Hears a line a plug-in.

    Yields
    ------
    LeakFinding
        One a plug-in, in order.
    """
    with registered(some), Isolated() as asked:
        for k, plugin in enumerate(some):
            failed = [row.claim for row in _asked(plugin, asked, np.random.default_rng([seed, k])) if not row.passed]
            tell(f"{plugin.name}: {failed[0] if failed else 'nothing'}")
            yield LeakFinding(plugin, tuple(failed))


@contextlib.contextmanager
def registered(some: Sequence[Leak]) -> Iterator[None]:
    """With these plug-ins in the registry; what they left in files and the environment is taken away."""
    try:
        for plugin in some:
            plugins.REGISTRY[plugin.group][plugin.name] = plugin.target
        yield
    finally:
        for plugin in some:
            plugins.REGISTRY[plugin.group].pop(plugin.name, None)
        if mark := os.environ.pop(leaky_policies.MARK, ""):
            Path(mark.split("|")[2]).unlink(missing_ok=True)
        leaky_policies.forget()


def _asked(plugin: Leak, asked: Isolated, rng: np.random.Generator) -> Iterator[Row]:
    """The rows of the table about a plug-in in the market."""
    base = _base()
    if plugin.group == "sources":
        config = replace(base.config, fetch=replace(base.config.fetch, source=plugin.name))
        yield from asof.of_run(_readers(InMemoryRun(config, {}).through("fetch")), config, asked, rng)
    elif plugin.group == "models":
        config = replace(base.config, train=replace(base.config.train, model=plugin.name))
        market = InMemoryRun(config, base.artifacts).through("train")
        yield from run_tests.learnt(_readers(market), config, asked, rng)
    else:
        config = replace(base.config, backtest=replace(base.config.backtest, threshold=plugin.name))
        market = InMemoryRun(config, base.artifacts).through("backtest")
        model = config.train.model
        yield from decisions.of_run(_readers(market), config, model, asked, rng)


@cache
def _base() -> InMemoryRun:
    """Two symbols in half-hour bars, trained on; with a strong signal, so that forecasts vary."""
    settings: dict[str, dict[str, object]] = {
        "fetch": {"symbols": ("SPY", "QQQ"), "interval": "30m"}, "train": {"model": "logistic"},
        "simulate": {"signal": "planted", "rho": 0.5},
    }  # fmt: skip
    return synthetic(SESSIONS, SEED, settings).through("simulate", "train")


def _readers(market: InMemoryRun) -> dict[str, Reader]:
    return {name: MemoryReader(payload) for name, payload in market.artifacts.items()}
