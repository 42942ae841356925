"""Protocols of what can be plugged in, and the registries that find it: name -> "module:attribute".

A built-in is a line in a registry here; a third party's source, model or policy is an entry point in the group
`hfm.sources`, `hfm.models` or `hfm.policies`. No setting names another recipe, chooser or executor yet. Modules are
imported on demand. Each protocol has contract tests that a new member inherits.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from hfm.config import Train
from hfm.errors import HfmError, UsageError
from hfm.raw_data import RawBars, RawBook
from hfm.stage import Context

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Group = Literal["sources", "recipes", "models", "choosers", "policies", "executors", "recipe_parts"]

REGISTRY: dict[Group, dict[str, str]] = {
    "sources": {
        "yahoo": "hfm.fetch.sources.yahoo:Yahoo",
        "synthetic": "hfm.fetch.sources.synthetic:Synthetic",
        "file": "hfm.fetch.sources.file:File",
        "lobster": "hfm.fetch.sources.lobster:Lobster",
        "binance": "hfm.fetch.sources.binance:Binance",
        "tardis": "hfm.fetch.sources.tardis:Tardis",
        "databento": "hfm.fetch.sources.databento:Databento",
    },
    "recipes": {"seed": "hfm.recipe.original_spread:OriginalRecipe"},
    "models": {
        "constant": "hfm.models.linear.floors:Constant",
        "persistence": "hfm.models.linear.floors:Persistence",
        "rule": "hfm.models.linear.floors:SpreadRule",
        "har": "hfm.models.linear.floors:Har",
        "logistic": "hfm.models.linear.floors:Logistic",
        "gbm": "hfm.models.trees.boosted:Gbm",
        "lstm": "hfm.models.networks.lstm:Lstm",
        "bare": "hfm.models.networks.lstm:Bare",
        "gru": "hfm.models.networks.gru:Gru",
        "attention": "hfm.models.networks.attention:Attention",
        "transformer": "hfm.models.networks.transformer:Transformer",
        "deeplob": "hfm.models.networks.deeplob:DeepLob",
        "ensemble": "hfm.models.ensemble:Ensemble",
    },
    "policies": {
        "threshold": "hfm.policies.threshold:Threshold",
        "quantile": "hfm.policies.quantile:Quantile",
        "cost": "hfm.policies.cost:Cost",
    },
    "choosers": {"fold": "hfm.models.fold_chooser:FoldChooser"},
    "executors": {
        "threads": "hfm.compute.local:Threads",
        "processes": "hfm.compute.local:Processes",
    },
    "recipe_parts": {
        "insample": "hfm.recipe.insample:products",
        "reconciliation": "hfm.recipe.reconciliation:table",
        "panel": "hfm.recipe.recipe_waterfall:PANEL",
        "tables": "hfm.recipe.recipe_waterfall:tables",
    },
}
"""recipe_parts: the original recipe's parts of the stages, a wing of its own that no stage imports."""


def names(group: Group) -> list[str]:
    """All known names of a group: built-in first, then entry points."""
    extra = sorted(p.name for p in entry_points(group=f"hfm.{group}"))
    return [*REGISTRY[group], *(n for n in extra if n not in REGISTRY[group])]


def find(group: Group, name: str) -> Any:  # Any: the class that the group's protocol describes
    """The class registered as `name`. Raises UsageError, with the nearest name, where there is none."""
    target = REGISTRY[group].get(name)
    if target is None:
        for point in entry_points(group=f"hfm.{group}", name=name):
            return point.load()
        known = names(group)
        close = difflib.get_close_matches(name, known, 1)
        raise UsageError(
            f"there is no {group.removesuffix('s').replace('policie', 'policy')} {name!r}",
            hint=f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}",
        )
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


# -------------------------------------------------------------------------------------------------------------- sources
@dataclass(frozen=True)
class BarRequest:
    """What a source is asked for. start and end are instants (UTC); None: all that the source has."""

    symbols: tuple[str, ...]
    interval_s: int
    calendar: str
    as_of: datetime
    days: int | None = None
    sessions: int | None = None
    path: str | None = None
    tz: str | None = None
    label: Literal["auto", "start", "end"] = "auto"
    columns: Mapping[str, str] | None = None
    adjust: tuple[str, ...] = ()
    no_volume: bool = False
    decimal: Literal["auto", "point", "comma"] = "auto"
    price_unit: float | None = None
    max_time: float = 300.0
    seed: int = 7
    since: Mapping[str, datetime] | None = None
    """Symbol -> instant before which nothing need be asked of a vendor: the archive has it. Else the whole span."""


class BarSource(Protocol):
    """Somewhere bars come from.

    A network source may have `kept`, bar seconds -> calendar days that its vendor keeps: older bars are not asked for.
    """

    network: bool
    """Whether it asks a vendor: only such bars go through the archive."""
    synthetic: bool
    """Whether the bars are invented: every artifact then says SYNTHETIC."""

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """(symbol, its bars or why there are none), one for each symbol; an error spoils no other symbol.

        A file with several symbols yields all of them where the request names none.
        """
        ...


class BookSource(Protocol):
    """Somewhere order books come from: the fetch stage then writes fetch/book.parquet in place of the bars."""

    network: bool
    synthetic: bool
    calendar: str | None
    """The calendar that its sessions follow; None: the one that is asked for."""

    def books(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBook | HfmError]]:
        """(symbol, a session of it or why there is none), by session, then symbol; all with the same levels.

        Of the request: symbols (none: all that are there), path (a file or a folder of them).
        """
        ...


# -------------------------------------------------------------------------------------------------------------- recipes
@dataclass(frozen=True)
class RecipeRows:
    """Rows [n] of one symbol in order, by a recipe, and its state after them.

    spread_bps: quoted spread over the close, in bps; ofi: shares, of signed volume too.
    """

    spread_bps: Float
    ofi: Float
    state: Any  # Any: the recipe's own


class Recipe(Protocol):
    """Spread and order flow of simulated bars by another model than the calibrated one, whose name is none of these."""

    warning: str
    """What a user should know of it."""
    open_bps: float
    """Quoted spread at the open of each session, in bps."""

    def fit(self, closes: Iterable[tuple[str, Float]]) -> None:
        """Read all closes ahead.

        Parameters
        ----------
        closes : (symbol, its next closes [n], currency), in order of time for each symbol.
        """
        ...

    def rows(self, symbol: str, close: Float, volume: Float, state: Any, seed: int) -> RecipeRows:
        """The next rows of a symbol.

        Parameters
        ----------
        close, volume : [n] of the bars in order, without holes: currency, shares.
        state : what the rows before came to, of a type of the recipe's own; None before the first.
        seed : that of the simulation.
        """
        ...


# ------------------------------------------------------------------------------------------------------------- policies
@dataclass(frozen=True)
class Signals:
    """What a policy may look at, one entry a row: arrays [n], known at the row's close.

    p_up: calibrated; conf_rank: in [0, 1]; ret_sd_bps: NaN where not forecast; cost_bps: expected round trip.
    """

    p_up: Float
    conf_rank: Float
    ret_sd_bps: Float
    cost_bps: Float


Weights: TypeAlias = npt.NDArray[np.int8] | npt.NDArray[np.float64]
"""Target weights: shares of a full position, in [-1, 1]; int8 where all are -1, 0 or 1."""


class Policy(Protocol):
    """Chooses the target of one symbol; sizing, limits and fills come after it."""

    def weights(self, signals: Signals) -> Weights:
        """The target weights [n]: 1 a full long position, -1 a short one, 0 flat; 0 where an input it needs is NaN.

        Row by row: no row sees another.
        """
        ...


@dataclass(frozen=True)
class Risk:
    """What an allocator may know of the symbols' risk at an instant, arrays [S]."""

    sd_bps: Float
    """Forecast sd of the return over the horizon; NaN where not forecast."""


class Allocator(Protocol):
    """Chooses the targets of all symbols at one instant together; sizing, limits and fills come after it."""

    def targets(self, signals: Signals, positions: Float, risk: Risk) -> Weights:
        """The target weights of the symbols that have a row at an instant.

        Parameters
        ----------
        signals : [S] each, in the symbols' order.
        positions : [S] the weights that it gave them last in the session, 0 at its start.
        risk : [S] each.

        Returns
        -------
        int8 or float64 [S]
            Shares of a full position, in [-1, 1]; 0 where an input it needs is NaN.
        """
        ...


# --------------------------------------------------------------------------------------------------------------- models
Arrays = dict[str, npt.NDArray[Any]]  # Any: float64 floors, float32 networks


@dataclass(frozen=True)
class Panel:
    """Rows of whole sequences, one sequence a (session, symbol), in the order of the quotes table.

    x: [n, F] raw features; a row with a NaN is masked. names: the F names; the first `own` of them are the chosen
    group, which networks see, the rest serve the floors. slot: [n] clock slot, 0..slots-1. spread_bps: [n] its own.
    Labels [n], NaN where masked: up (1 or 0), ret_bps, log_spread (log bps), log_vol.
    start: [S+1] borders of the sequences; symbol: [S] index into symbols; session: [S] days since 1970.
    Where folds are cut inside sessions, block: [n] the number of the stretch of clock time that a row lies in, and
    known: [n] of that in which its label is known (-1: none); else None, and folds are of whole sessions.
    """

    x: Float
    names: tuple[str, ...]
    own: int
    slot: Int
    spread_bps: Float
    up: Float
    ret_bps: Float
    log_spread: Float
    log_vol: Float
    start: Int
    symbol: Int
    session: Int
    symbols: tuple[str, ...]
    slots: int
    horizon: int
    block: Int | None = None
    known: Int | None = None

    def of_sessions(self, first: int, last: int) -> Panel:
        """The sequences whose session is the first-th up to (not with) the last-th of the panel's distinct sessions."""
        days = np.unique(self.session)[first:last]
        keep = np.flatnonzero((self.session >= days[0]) & (self.session <= days[-1])) if len(days) else np.arange(0)
        a, b = (int(keep[0]), int(keep[-1]) + 1) if keep.size else (0, 0)
        rows = slice(int(self.start[a]), int(self.start[b]))
        cut = {name: getattr(self, name)[rows] for name in ROWS if getattr(self, name) is not None}
        start = self.start[a : b + 1] - self.start[a]
        return replace(self, **cut, start=start, symbol=self.symbol[a:b], session=self.session[a:b])


ROWS = ("x", "slot", "spread_bps", "up", "ret_bps", "log_spread", "log_vol", "block", "known")
"""Fields of a Panel that have an entry a row."""


class Forecaster(Protocol):
    """A model: arrays out of train and validation rows, heads out of arrays and rows.

    A new one is a file, a line of the registry, and passes the contract test of all forecasters: fitted on train only,
    causal (a row's heads depend on its sequence up to it), symbols apart, NaN heads in masked rows, same bytes twice.
    """

    base: str | None
    """The model that its arrays contain and its heads equal where `gates` is 0 (by blocks of clock time with trees
    beside it: models.stacking); None where it stands alone."""
    deep: bool
    """Whether fitting is worth a process. With a true `warm` beside it: folds in turn (ctx.before), by ctx.networks."""
    stepped: bool
    """Whether models.inference can run it a row at a time, as live does."""
    members: tuple[str, ...]
    """The models that it combines: their arrays stand in its own under <member>/, and are not fitted twice."""

    def fit(self, train: Panel, valid: Panel, options: Train, ctx: Context) -> Arrays:
        """What predict needs, as arrays by name. `history/seed<s>` [epochs, 4] (epoch, train, valid, lr) is optional.

        Parameters
        ----------
        train : rows that are fitted.
        valid : rows that choose (penalties, epochs), and nothing else.
        options : the section train of the config.
        ctx : of whose rng all randomness comes.
        """
        ...

    def predict(self, arrays: Arrays, panel: Panel) -> Float:
        """[n, 5] of models.heads.HEADS; NaN in masked rows and for heads that the model does not have."""
        ...


# ------------------------------------------------------------------------------------------------------------- choosers
class FitChooser(Protocol):
    """Which fit of a checkpoint may answer a row; made from the checkpoint's document, and asked by live's replay.

    A fit is named as in the checkpoint: `final`, or `fold3`. One that has seen the row in training may not answer it.
    """

    within_sessions: bool
    """Whether the fit may change inside a session; it is then asked for each row."""

    def of_session(self, session: int) -> str | None:
        """The fit of a session (days since 1970): of all its rows, or inside one of some; None: its rows warm up."""
        ...

    def of_row(self, session: int, time: int) -> str | None:
        """The fit of a row, by its session (days since 1970) and close (ns UTC); None: none may answer it."""
        ...


# ------------------------------------------------------------------------------------------------------------ executors
R_co = TypeVar("R_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)
R = TypeVar("R")
S = TypeVar("S")
Emit: TypeAlias = Callable[[Any], None]  # Any: what a task reports
"""Hands on what a task reports on its way, such as progress or a checkpoint."""


class ReportingTask(Protocol[S_contra, R_co]):
    """A task that shares a value with others and reports on its way."""

    def __call__(self, shared: S_contra, emit: Emit, /) -> R_co:
        """The task's result."""
        ...


class Executor(Protocol):
    """Workers for independent tasks. No result depends on how many there are.

    Tasks are functions of a module with their arguments bound by functools.partial: such pickle by name. What a task
    raises is raised to the caller in its turn; tasks that have not begun then never do.
    """

    def in_order(self, tasks: Iterable[Callable[[], R]]) -> Iterator[R]:
        """Results in the order of the tasks.

        A task is asked for only when a worker is free, so at most as many results as workers wait to be taken.
        """
        ...

    def as_completed(self, tasks: Sequence[ReportingTask[S, R]], shared: S, listen: Emit) -> Iterator[tuple[int, R]]:
        """(place in `tasks`, result) as they are done.

        Parameters
        ----------
        tasks : begun in this order.
        shared : what all tasks read, handed to each worker once.
        listen : called in the caller's thread with what the tasks report; a report may come after its task's result.
        """
        ...
