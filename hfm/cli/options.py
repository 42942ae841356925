"""The options, declared once: those of every command, those of fetch and run, and what they mean as settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from hfm.errors import UsageError

Flags = dict[str, object]
"""Settings that flags gave: key of the command's section -> value. A key that is not there was not given."""


Values: TypeAlias = Mapping[str, Any]  # Any: an option's value as typer gives it
Options: TypeAlias = Mapping[str, tuple[Any, object]]
"""Parameter name -> (annotation for typer, default)."""


@dataclass(frozen=True)
class Common:
    """The options that every command has."""

    run: str | None = None
    home: str | None = None
    config: tuple[Path, ...] = ()
    set_: tuple[str, ...] = ()
    json: bool = False
    quiet: bool = False
    debug: bool = False
    wait: float = 0.0
    workers: int | None = None


def option(
    kind: Any, *names: str, help: str, default: object = None, **more: Any
) -> tuple[Any, object]:  # Any: what typer.Option takes
    """One option for typer: its annotation and its default; the help names the default itself."""
    return Annotated[kind, typer.Option(*names, help=help, show_default=False, **more)], default


COMMON: Options = {
    "run": option(str | None, "--run", help="Run to work in: a name under runs/, or a path. [HFM_RUN, else latest]"),
    "home": option(str | None, "--home", help="Folder of runs/ and data/. [HFM_HOME, else hfm.toml's, else here]"),
    "config": option(list[Path], "--config", help="TOML file of settings; may be given again.", default=[]),
    "set_": option(list[str], "--set", metavar="SECTION.KEY=VALUE", default=[],
                    help="One setting, such as train.lr=1e-3; may be given again."),
    "json": option(bool, "--json", help="Print one JSON object instead of paths.", default=False),
    "quiet": option(bool, "--quiet", "-q", help="Print nothing on success, for cron.", default=False),
    "debug": option(bool, "--debug", help="Show the traceback of a fault.", default=False),
    "wait": option(float, "--wait", min=0, help="Seconds to wait for a run that is locked. [0]", default=0.0),
    "workers": option(int | None, "--workers", min=1, help="Processes; changes no result. [one a core]"),
}  # fmt: skip

FETCH: Options = {
    "symbols": (Annotated[list[str] | None, typer.Argument(metavar="SYMBOL", show_default=False,
                                                           help="What to fetch, such as SPY QQQ.")], None),
    "days": option(int | None, "--days", help="Calendar days back from now. [30; a file: all of it]"),
    "sessions": option(int | None, "--sessions", help="Trading sessions back, instead of days."),
    "interval": option(str | None, "--interval", help="Bar interval: 1m 2m 5m 15m 30m 1h. [5m]"),
    "source": option(str | None, "--source", help="yahoo, synthetic, file; books: lobster, binance, tardis. [yahoo]"),
    "path": option(Path | None, "--path", help="File or folder that the source reads."),
    "map": option(list[str] | None, "--map", metavar="NAME=COLUMN",
                   help="Column of a file by name or position, such as close=Last; may be given again."),
    "no_volume": option(bool, "--no-volume", help="A file has no volume: it is 0 in every bar.", default=False),
    "tz": option(str | None, "--tz", help="Time zone of a file that does not say, such as America/New_York."),
    "label": option(str | None, "--label", help="A file's times label each bar's start or end. [auto]"),
    "as_of": option(str | None, "--as-of", help="ISO time to stand in for now."),
    "max_gap": option(str | None, "--max-gap", help="Largest share of bars that may miss. [5%]"),
    "adjust": option(list[str] | None, "--adjust", metavar="SESSION=RATIO",
                      help="Multiply prices from SESSION on by RATIO (10 for a split), or no; may be repeated."),
    "rebase": option(bool, "--rebase", help="Let a split rescale what the archive holds.", default=False),
    "max_time": option(float | None, "--max-time", help="Seconds for all of a vendor's requests together. [300]"),
}  # fmt: skip


FETCH_ALONE: Options = {
    **FETCH,
    "dry_run": option(bool, "--dry-run", help="Say what would be asked for; change nothing.", default=False),
}
RUN: Options = {
    **FETCH,
    "refresh": option(bool, "--refresh", help="Fetch again in an existing run.", default=False),
}
SIMULATE: Options = {
    "fidelity": option(str | None, "--fidelity", help="bars, book (event by event) or replay (a real book). [bars]"),
    "recipe": option(str | None, "--recipe", help="calibrated, or seed (the original's). [calibrated]"),
    "signal": option(str | None, "--signal", help="none, or planted (synthetic bars only). [none]"),
    "rho": option(float | None, "--rho", help="Strength of a planted signal, between 0 and 1. [0.1]"),
    "spread_bps": option(float | None, "--spread-bps",
                         help="Mean quoted spread in bp. [SPY's tick model, else what the bars show]"),
    "seed": option(int | None, "--seed", help="Seed of the market. [7]"),
    "every": option(str | None, "--every", help="Rows of a replay: event, or a clock such as 1s. [event]"),
    "calibrate_from": option(str | None, "--calibrate-from", help="Run whose replayed book gives the constants."),
    "check": option(bool, "--check", default=False,
                     help="Write nothing; print stylised facts beside their bands (of --run NAME, else synthetic)."),
}  # fmt: skip
TRAIN: Options = {
    "epochs": option(int | None, "--epochs", help="Passes over the data, at most. [50]"),
    "model": option(
        str | None,
        "--model",
        help="Model beside its floors: constant, persistence, rule, "
        "har, logistic, gbm, lstm, bare, gru, attention, transformer, deeplob or ensemble. [lstm]",
    ),
    "features": option(
        str | None,
        "--features",
        help="default, book, events or seed (the original's four). [default; of an order book's events: events]",
    ),
    "seeds": option(int | None, "--seeds", help="Networks averaged. [3]"),
    "threads": option(int | None, "--threads", help="Threads of one network. [1]"),
    "device": option(str | None, "--device", help="auto, cpu, cuda or mps. [auto: cuda where there is one, else cpu]"),
    "resume": option(bool, "--resume", help="Go on where a killed training stopped.", default=False),
}
BACKTEST: Options = {
    "threshold": option(str | None, "--threshold", help="P from 0.5 to below 1, a quantile (q90), or cost. [0.6]"),
    "model": option(str | None, "--model", help="Whose predictions. [the trained model's]"),
    "fill": option(str | None, "--fill", help="next-open, next-mid, cross, passive or close. [next-open]"),
    "fee_bps": option(float | None, "--fee-bps", help="Fee a side in bp of notional. [0.05]"),
    "sweep": option(int | None, "--sweep", min=1, help="Show so many quantile thresholds beside the one asked for."),
    "sizing": option(str | None, "--sizing", help="fixed, vol or kelly. [fixed]"),
    "hold_overnight": option(bool, "--hold-overnight", help="Keep positions over the close.", default=False),
    "allow_lookahead": option(bool, "--allow-lookahead", help="Permit --fill close; watermarked.", default=False),
}
VERIFY: Options = {
    "quick": option(bool, "--quick", help="Under half a minute.", default=False),
    "full": option(bool, "--full", help="All claims, under ten minutes.", default=False),
    "null": option(int | None, "--null", min=1, help="Instead: so many verdicts on markets without an edge."),
    "kinds": option(
        str,
        "--kinds",
        help="Makes of these: all, or some of walk, garch, flipped, bootstrapped, bounced, with commas between. [walk]",
        default="walk",
    ),
    "bars": option(Path | None, "--bars", help="File of real bars for flipped and bootstrapped. [synthetic ones]"),
    "bounce": option(
        int | None, "--bounce", min=1, help="Instead: so many verdicts on bars that bounce between bid and ask."
    ),
    "power": option(int | None, "--power", min=1, help="Instead: judge that many markets with a planted one."),
    "leaks": option(bool, "--leaks", help="Instead: name 30 plug-ins that look ahead, and none of 50 honest ones.",
                     default=False),
    "seed": option(int | None, "--seed", min=0, help="Seed of the cuts of --run and --leaks. [a new one each time]"),
    "model": option(str, "--model", help="Model of --null, --bounce and --power. [logistic]", default="logistic"),
}  # fmt: skip
PRUNE: Options = {"keep": option(int, "--keep", min=1, help="Newest runs that stay as they are. [10]", default=10)}
REPORT: Options = {"open": option(bool, "--open", help="Open the page in a browser.", default=False)}


def given(**values: object) -> Flags:
    """The options that were typed; a switch that was not leaves what stands."""
    return {k: v for k, v in values.items() if v is not None and v is not False}


def fetch_flags(values: Mapping[str, Any]) -> Flags:  # Any: typer's values
    """fetch's options as settings. Raises UsageError for a --map or --max-gap that says nothing."""
    plain = ("days", "sessions", "interval", "source", "tz", "label", "as_of", "max_time", "rebase", "no_volume")
    flags = given(**{k: values[k] for k in plain})
    if "days" in flags and "sessions" in flags:
        raise UsageError("--days and --sessions both say how far back", hint="give one of them")
    if "days" in flags:
        flags["sessions"] = None
    elif "sessions" in flags:
        flags["days"] = None
    if values["symbols"]:
        flags["symbols"] = tuple(dict.fromkeys(s.upper() for s in values["symbols"]))
    if values["path"] is not None:
        flags["path"] = str(values["path"].expanduser().absolute())
    if values["map"]:
        pairs = [item.partition("=") for item in values["map"]]
        if bad := next((p[0] for p in pairs if not p[0] or not p[2]), None):
            raise UsageError(f"--map {bad!r} is not NAME=COLUMN", hint="write it as --map close=Last")
        flags["map"] = {name: column for name, _, column in pairs}
    if values["adjust"]:
        flags["adjust"] = tuple(values["adjust"])
    if values["max_gap"] is not None:
        flags["max_gap"] = _share(values["max_gap"])
    return flags


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise UsageError(f"--max-gap is {text[:40]!r}, not a share", hint="--max-gap 5%") from None
