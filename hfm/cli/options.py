"""The options of the command line, each declared once as a type, and what they mean as settings.

A command is a plain function whose parameters have these types: its signature is its help. The help of an option names
the default itself, in brackets at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from hfm.errors import UsageError

Flags = dict[str, object]
"""Settings that flags gave: key of the command's section -> value. A key that is not there was not given."""


def _option(*names: str, help: str, **more: Any) -> Any:  # Any: as typer.Option has it
    return typer.Option(*names, help=help, show_default=False, **more)


def _argument(metavar: str, help: str) -> Any:  # Any: as typer.Argument has it
    return typer.Argument(metavar=metavar, help=help, show_default=False)


# fmt: off
# Of every command.
RunName = Annotated[str | None, _option(
    "--run", help="Run to work in: a name under runs/, or a path. [HFM_RUN, else latest]")]
Home = Annotated[str | None, _option(
    "--home", help="Folder of runs/ and data/. [HFM_HOME, else hfm.toml's, else here]")]
ConfigFiles = Annotated[list[Path] | None, _option("--config", help="TOML file of settings; may be given again.")]
Settings = Annotated[list[str] | None, _option(
    "--set", metavar="SECTION.KEY=VALUE", help="One setting, such as train.lr=1e-3; may be given again.")]
Json = Annotated[bool, _option("--json", help="Print one JSON object instead of paths.")]
Quiet = Annotated[bool, _option("--quiet", "-q", help="Print nothing on success, for cron.")]
Debug = Annotated[bool, _option("--debug", help="Show the traceback of a fault.")]
Wait = Annotated[float, _option("--wait", min=0, help="Seconds to wait for a run that is locked. [0]")]
Workers = Annotated[int | None, _option("--workers", min=1, help="Processes; changes no result. [one a core]")]

# fetch and run
Symbols = Annotated[list[str] | None, _argument("SYMBOL", "What to fetch, such as SPY QQQ.")]
Days = Annotated[int | None, _option("--days", help="Calendar days back from now. [30; a file: all of it]")]
Sessions = Annotated[int | None, _option("--sessions", help="Trading sessions back, instead of days.")]
Interval = Annotated[str | None, _option("--interval", help="Bar interval: 1m 2m 5m 15m 30m 1h. [5m]")]
SourceName = Annotated[str | None, _option(
    "--source", help="yahoo, synthetic, file; books: lobster, binance, tardis. [yahoo]")]
SourcePath = Annotated[Path | None, _option("--path", help="File or folder that the source reads.")]
ColumnMap = Annotated[list[str] | None, _option(
    "--map", metavar="NAME=COLUMN",
    help="Column of a file by name or position, such as close=Last; may be given again.")]
NoVolume = Annotated[bool, _option("--no-volume", help="A file has no volume: it is 0 in every bar.")]
Zone = Annotated[str | None, _option("--tz", help="Time zone of a file that does not say, such as America/New_York.")]
TimeLabel = Annotated[str | None, _option("--label", help="A file's times label each bar's start or end. [auto]")]
AsOf = Annotated[str | None, _option("--as-of", help="ISO time to stand in for now.")]
MaxGap = Annotated[str | None, _option("--max-gap", help="Largest share of bars that may miss. [5%]")]
Adjust = Annotated[list[str] | None, _option(
    "--adjust", metavar="SESSION=RATIO",
    help="Multiply prices from SESSION on by RATIO (10 for a split), or no; may be repeated.")]
Rebase = Annotated[bool, _option("--rebase", help="Let a split rescale what the archive holds.")]
MaxTime = Annotated[float | None, _option("--max-time", help="Seconds for all of a vendor's requests together. [300]")]
DryRun = Annotated[bool, _option("--dry-run", help="Say what would be asked for; change nothing.")]
Refresh = Annotated[bool, _option("--refresh", help="Fetch again in an existing run.")]

# simulate
Fidelity = Annotated[str | None, _option(
    "--fidelity", help="bars, book (event by event) or replay (a real book). [bars]")]
Recipe = Annotated[str | None, _option("--recipe", help="calibrated, or seed (the original's). [calibrated]")]
PlantedSignal = Annotated[str | None, _option("--signal", help="none, or planted (synthetic bars only). [none]")]
Rho = Annotated[float | None, _option("--rho", help="Strength of a planted signal, between 0 and 1. [0.1]")]
SpreadBps = Annotated[float | None, _option(
    "--spread-bps", help="Mean quoted spread in bp. [SPY's tick model, else what the bars show]")]
MarketSeed = Annotated[int | None, _option("--seed", help="Seed of the market. [7]")]
Every = Annotated[str | None, _option("--every", help="Rows of a replay: event, or a clock such as 1s. [event]")]
CalibrateFrom = Annotated[str | None, _option(
    "--calibrate-from", help="Run whose replayed book gives the constants.")]
Check = Annotated[bool, _option(
    "--check", help="Write nothing; print stylised facts beside their bands (of --run NAME, else synthetic).")]

# train
Epochs = Annotated[int | None, _option("--epochs", help="Passes over the data, at most. [50]")]
ModelName = Annotated[str | None, _option(
    "--model", help="Model beside its floors: constant, persistence, rule, "
                    "har, logistic, gbm, lstm, bare, gru, attention, transformer, deeplob or ensemble. [lstm]")]
Features = Annotated[str | None, _option(
    "--features",
    help="default, book, events or seed (the original's four). [default; of an order book's events: events]")]
Seeds = Annotated[int | None, _option("--seeds", help="Networks averaged. [3]")]
Threads = Annotated[int | None, _option("--threads", help="Threads of one network. [1]")]
Device = Annotated[str | None, _option(
    "--device", help="auto, cpu, cuda or mps. [auto: cuda where there is one, else cpu]")]
Resume = Annotated[bool, _option("--resume", help="Go on where a killed training stopped.")]

# backtest and report
Threshold = Annotated[str | None, _option(
    "--threshold", help="P from 0.5 to below 1, a quantile (q90), or cost. [0.6]")]
PredictionsOf = Annotated[str | None, _option("--model", help="Whose predictions. [the trained model's]")]
Fill = Annotated[str | None, _option("--fill", help="next-open, next-mid, cross, passive or close. [next-open]")]
FeeBps = Annotated[float | None, _option("--fee-bps", help="Fee a side in bp of notional. [0.05]")]
Sweep = Annotated[int | None, _option(
    "--sweep", min=1, help="Show so many quantile thresholds beside the one asked for.")]
Sizing = Annotated[str | None, _option("--sizing", help="fixed, vol or kelly. [fixed]")]
HoldOvernight = Annotated[bool, _option("--hold-overnight", help="Keep positions over the close.")]
AllowLookahead = Annotated[bool, _option("--allow-lookahead", help="Permit --fill close; watermarked.")]
OpenPage = Annotated[bool, _option("--open", help="Open the page in a browser.")]

# demo
DemoSeed = Annotated[int, _option("--seed", min=0, help="Seed of both markets. [7]")]
DemoRefresh = Annotated[bool, _option("--refresh", help="Make both runs again, though they are fresh.")]

# verify, prune, docs, settings, init, schema
Quick = Annotated[bool, _option("--quick", help="Under half a minute.")]
Full = Annotated[bool, _option("--full", help="All claims, under ten minutes.")]
NullMarkets = Annotated[int | None, _option(
    "--null", min=1, help="Instead: so many verdicts on markets without an edge.")]
NullKinds = Annotated[str, _option(
    "--kinds",
    help="Makes of these: all, or some of walk, garch, flipped, bootstrapped, bounced, with commas between. [walk]")]
RealBars = Annotated[Path | None, _option(
    "--bars", help="File of real bars for flipped and bootstrapped. [synthetic ones]")]
BounceMarkets = Annotated[int | None, _option(
    "--bounce", min=1, help="Instead: so many verdicts on bars that bounce between bid and ask.")]
PowerMarkets = Annotated[int | None, _option(
    "--power", min=1, help="Instead: judge that many markets with a planted one.")]
Leaks = Annotated[bool, _option(
    "--leaks", help="Instead: name 30 plug-ins that look ahead, and none of 50 honest ones.")]
CutSeed = Annotated[int | None, _option(
    "--seed", min=0, help="Seed of the cuts of --run and --leaks. [a new one each time]")]
NullModel = Annotated[str, _option("--model", help="Model of --null, --bounce and --power. [logistic]")]
ManualPage = Annotated[str | None, _argument("PAGE", "Of the manual, such as verdict; none: the list of pages.")]
SettingsOf = Annotated[str | None, _argument(
    "SECTION", "Of the settings, such as train, or one, such as train.epochs; none: all.")]
RunOfSettings = Annotated[str | None, _option(
    "--run", help="Run whose settings are shown too, where they are not the defaults. [none]")]
NewFile = Annotated[Path | None, _argument(
    "FILE", "File to write, which must not exist. [hfm.toml in the home that is named, else here]")]
TableName = Annotated[str | None, _argument("TABLE", "Such as ledger; none: the list of tables.")]
Keep = Annotated[int, _option("--keep", min=1, help="Newest runs that stay as they are. [10]")]

# predict, stream, export, schedule
OneSymbol = Annotated[str | None, _argument("[SYMBOL]", "One of the run's symbols. [all]")]
Feed = Annotated[str, _option("--source", help="replay (the run's own quotes) or stdin (JSON rows). [replay]")]
StateFile = Annotated[Path | None, _option("--state", help="File that keeps the state: a restart goes on from it.")]
SaveEvery = Annotated[int | None, _option(
    "--every", min=1, help="Rows between saves of the state and of metrics.prom. [stdin: 1; replay: 1000]")]
Bench = Annotated[bool, _option("--bench", help="Time the whole path, beside torch and ONNX Runtime.")]
Scheduler = Annotated[str, typer.Argument(metavar="cron|systemd", help="What to print.")]
Format = Annotated[str, _option("--format", help="onnx (the model), or lobster (the order book as CSV). [onnx]")]
Output = Annotated[Path | None, _option(
    "--output", help="File to write, of lobster the folder. [model.onnx in the run's live/; the run's lobster/]")]
ExportSymbol = Annotated[str | None, _option(
    "--symbol", help="Whose scaler, [the run's first]; whose book. [all]")]
# fmt: on


@dataclass(frozen=True)
class Common:
    """The options that every command has."""

    run: str | None = None
    home: str | None = None
    config: Sequence[Path] | None = None
    set_: Sequence[str] | None = None
    json: bool = False
    quiet: bool = False
    debug: bool = False
    wait: float = 0.0
    workers: int | None = None


@dataclass(frozen=True)
class FetchOptions:
    """The options of fetch and run that say what is fetched; None, False: not typed."""

    symbols: Sequence[str] | None = None
    days: int | None = None
    sessions: int | None = None
    interval: str | None = None
    source: str | None = None
    path: Path | None = None
    map: Sequence[str] | None = None
    no_volume: bool = False
    tz: str | None = None
    label: str | None = None
    as_of: str | None = None
    max_gap: str | None = None
    adjust: Sequence[str] | None = None
    rebase: bool = False
    max_time: float | None = None

    def any(self) -> bool:
        """Whether any of them was typed."""
        return any(astuple(self))


def given(**values: object) -> Flags:
    """The options that were typed; a switch that was not leaves what stands."""
    return {k: v for k, v in values.items() if v is not None and v is not False}


def fetch_flags(options: FetchOptions) -> Flags:
    """Fetch's options as settings. Raises UsageError for a --map or --max-gap that says nothing."""
    plain = ("days", "sessions", "interval", "source", "tz", "label", "as_of", "max_time", "rebase", "no_volume")
    flags = given(**{name: getattr(options, name) for name in plain})
    if "days" in flags and "sessions" in flags:
        raise UsageError("--days and --sessions both say how far back", hint="give one of them")
    if "days" in flags:
        flags["sessions"] = None
    elif "sessions" in flags:
        flags["days"] = None
    if options.symbols:
        flags["symbols"] = tuple(dict.fromkeys(symbol.upper() for symbol in options.symbols))
    if options.path is not None:
        flags["path"] = str(options.path.expanduser().absolute())
    if options.map:
        pairs = [item.partition("=") for item in options.map]
        if bad := next((pair[0] for pair in pairs if not pair[0] or not pair[2]), None):
            raise UsageError(f"--map {bad!r} is not NAME=COLUMN", hint="write it as --map close=Last")
        flags["map"] = {name: column for name, _, column in pairs}
    if options.adjust:
        flags["adjust"] = tuple(options.adjust)
    if options.max_gap is not None:
        flags["max_gap"] = _share(options.max_gap)
    return flags


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise UsageError(f"--max-gap is {text[:40]!r}, not a share", hint="--max-gap 5%") from None
