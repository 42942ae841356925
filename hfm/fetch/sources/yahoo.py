"""Yahoo's chart API through the yfinance client, with every way that it fails told apart.

Measured on yfinance 1.7: `download` never raises and turns each failure into an empty frame, so Ticker.history is asked
with exceptions on; its lru_cache also keeps bad answers, so it is emptied before every try; `timeout` covers one call
of several, so each try runs in a thread that is left behind at the deadline; warnings of pandas reach stderr past any
filter on the command line, so they are caught around the call.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import platformdirs

from hfm.arrays import Float
from hfm.config import INTERVALS
from hfm.errors import DataError, DiskError, HfmError, RateLimitError, UpstreamError
from hfm.fetch import sessions
from hfm.fetch.sessions import Sessions
from hfm.instants import DAY_NS, SECOND_NS, instant_ns
from hfm.plugins import BarRequest
from hfm.raw_data import RawBars
from hfm.stage import Context

T = TypeVar("T")
TRIES = 5
BACKOFF, CEILING, PATIENCE = 0.5, 16.0, 30.0
"""Seconds: of the first wait, of the longest, and the least that Yahoo wants after a 429."""
CALL = 10.0
"""Seconds for one data call."""
KEPT = {60: 30, 120: 60, 300: 60, 900: 60, 1800: 60, 3600: 730}
"""Bar seconds -> calendar days that Yahoo keeps."""
WINDOW = {60: 7}
"""Bar seconds -> calendar days of one request (1m: eight are the limit)."""
UNREACHABLE = ("resolve host", "resolve proxy", "Failed to connect", "Could not connect", "Connection refused")
NO_ANSWER = "check the network, or fetch again later: Yahoo may be down"


@dataclass
class TimeBudget:
    """Time left for all requests together; `dead` once nothing more is worth asking."""

    end: float
    dead: HfmError | None = None

    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()


class Yahoo:
    """The BarSource over Yahoo: `--source yahoo`, the default."""

    network = True
    synthetic = False
    kept = KEPT

    def fetch(self, request: BarRequest, ctx: Context) -> Iterator[tuple[str, RawBars | HfmError]]:
        """Bars of the sessions asked for, as far back as Yahoo keeps them; why there are none, by symbol.

        After a rate limit, a dead network or the deadline nothing more is asked: the remaining symbols get that error.

        Yields
        ------
        symbol, RawBars or HfmError
        """
        until = instant_ns(request.as_of)
        requested = sessions.recent(request.calendar, request.interval_s, until, request.days, request.sessions)
        budget = TimeBudget(time.monotonic() + request.max_time)
        for symbol in request.symbols:
            if budget.dead is not None:
                text = budget.dead.what.partition(": ")[2]
                yield symbol, type(budget.dead)(f"{symbol}: {text}", why=budget.dead.why, hint=budget.dead.hint)
                continue
            try:
                since = (request.since or {}).get(symbol)
                part = requested
                if since is not None:
                    part = sessions.span(request.calendar, request.interval_s, instant_ns(since), until)
                yield symbol, bars(symbol, part, until, budget, ctx)
            except (DataError, RateLimitError, UpstreamError) as e:
                yield symbol, e


def bars(symbol: str, requested: Sessions, until: int, budget: TimeBudget, ctx: Context) -> RawBars:
    """The bars of sessions, end-stamped, as far back as Yahoo keeps them.

    Parameters
    ----------
    symbol : Yahoo's.
    requested : the sessions.
    until : ns UTC; later bars are not asked for.
    budget : time for all requests.
    ctx : is told progress; draws the jitter.

    Returns
    -------
    RawBars

    Raises
    ------
    DataError
        For what Yahoo does not have.
    RateLimitError, UpstreamError
    """
    interval = requested.interval // SECOND_NS
    if not len(requested):
        raise DataError(f"{symbol}: no session is asked for", hint="ask for more --days")
    kept = until - KEPT[interval] * DAY_NS + 300 * SECOND_NS
    kept_opens = requested.open[requested.open >= kept]  # a session of which half is kept would pass for a thin one
    start = int(kept_opens[0]) if kept_opens.size else kept
    notes = [] if start == requested.open[0] else [f"Yahoo keeps {KEPT[interval]} calendar days of these bars"]
    end = min(until, int(requested.close[-1]) + requested.interval)
    frames, error = [], None
    width = WINDOW.get(interval, KEPT[interval]) * DAY_NS
    for low in range(start, max(end, start + 1), width):
        ask = _asker(symbol, interval, low, min(low + width, end), budget)
        try:
            frames.append(with_retries(ask, symbol, budget, ctx))
        except DataError as e:
            error = e
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        raise error or DataError(
            f"{symbol}: Yahoo has no bars in these days", hint="ask for more --days, or check the symbol"
        )
    return _raw_bars(frames, requested, tuple(notes))


def _raw_bars(frames: Sequence[Any], requested: Sessions, notes: tuple[str, ...]) -> RawBars:  # Any: pandas frames
    """The rows of yfinance's frames, end-stamped; without the live quote, which Yahoo puts last."""
    index = np.concatenate([frame.index.as_unit("ns").tz_convert("UTC").asi8 for frame in frames])
    values: dict[str, Float] = {
        name.lower(): np.concatenate([frame[name].to_numpy(np.float64) for frame in frames])
        for name in ("Open", "High", "Low", "Close", "Volume")
    }
    ends = requested.ends(index)
    *_, on_grid = requested.grid(ends[-1:])
    if not on_grid[0] and values["volume"][-1] == 0:  # the live quote
        ends, values = ends[:-1], {name: column[:-1] for name, column in values.items()}
    opening, high, lowest, close, volume = (values[name] for name in ("open", "high", "low", "close", "volume"))
    return RawBars(ends, opening, high, lowest, close, volume, notes)


def _asker(symbol: str, interval: int, start: int, end: int, budget: TimeBudget) -> Callable[[], Any]:
    """A call that asks for one window (ns UTC) and returns yfinance's frame, or raises what yfinance raises."""
    word = next(name for name, seconds in INTERVALS.items() if seconds == interval)

    def ask() -> Any:  # Any: a pandas frame
        import pandas as pd
        import yfinance
        from yfinance.data import YfData

        yfinance.config.debug.hide_exceptions = False
        logging.getLogger("yfinance").setLevel(logging.CRITICAL + 1)
        yfinance.set_tz_cache_location(str(cache_folder()))
        YfData.cache_get.cache_clear()
        ticker = yfinance.Ticker(symbol)
        ticker._tz = "UTC"  # spares a request that knows no deadline; the times asked for have their zone
        try:
            return ticker.history(
                start=pd.Timestamp(start, tz="UTC"),
                end=pd.Timestamp(end, tz="UTC"),
                interval=word,
                auto_adjust=False,
                actions=True,
                prepost=False,
                repair=False,
                keepna=True,
                timeout=max(min(CALL, budget.left()), 0.1),
            )
        except yfinance.exceptions.YFPricesMissingError as e:
            known = getattr(getattr(ticker, "_price_history", None), "_history_metadata", None) or {}
            if e.yahoo_reason is None and "symbol" not in known:
                raise KeyError("chart") from e  # the body of a 401: a stale crumb, not a missing symbol
            raise

    return ask


def cache_folder() -> Path:
    """Where yfinance keeps cookies and zones: $HFM_CACHE, else the user's cache."""
    return Path(os.environ.get("HFM_CACHE") or platformdirs.user_cache_dir("hfm")) / "yfinance"


def with_retries(ask: Callable[[], T], symbol: str, budget: TimeBudget, ctx: Context) -> T:
    """What a call returns, tried up to TRIES times with full jitter between.

    A wait that the budget does not hold is not begun. What Yahoo does not have, and a network that is not there, are
    not asked for again.

    Parameters
    ----------
    ask : the call.
    symbol : for messages, and of the jitter's stream.
    budget : time for all requests.
    ctx : is told progress; draws the jitter.

    Returns
    -------
    T

    Raises
    ------
    HfmError
        The last failure, by `map_failure`.
    """
    rng, earlier = ctx.rng(symbol), None
    for k in range(TRIES):
        try:
            return within_deadline(ask, symbol, budget)
        except Exception as e:  # whatever yfinance raises, by the table in `failure`
            error, floor = map_failure(symbol, e)
        if earlier is not None and budget.left() <= 0:
            error = earlier  # the deadline cut a retry short: what was wrong before is the reason
        earlier = error
        wait = (floor or 0.0) + rng.uniform(0, min(BACKOFF * 2**k, CEILING))
        if floor is None or k == TRIES - 1:
            break
        if wait > budget.left():
            budget.dead = error
            break
        ctx.progress("fetch", 0, 1, f"{error.what}; trying again in {wait:.0f} s")
        time.sleep(wait)
    if isinstance(error, RateLimitError) or (isinstance(error, UpstreamError) and floor is None):
        budget.dead = error
    raise error


def within_deadline(ask: Callable[[], T], symbol: str, budget: TimeBudget) -> T:
    """What a call returns or raises; UpstreamError once the budget is spent.

    Parameters
    ----------
    ask : the call, run in a thread that is left behind at the deadline.
    symbol : for messages.
    budget : time for all requests.

    Returns
    -------
    T

    Raises
    ------
    UpstreamError
    """
    answers: queue.Queue[tuple[bool, Any]] = queue.Queue()  # Any: the answer, or what was raised

    def work() -> None:
        try:
            answers.put((True, ask()))
        except Exception as e:
            answers.put((False, e))

    with warnings.catch_warnings():
        importlib.import_module("yfinance")  # it sets filters of its own: first, so that the next line is above them
        warnings.simplefilter("ignore")
        threading.Thread(target=work, daemon=True, name=f"yahoo {symbol}").start()
        try:
            fine, answer = answers.get(timeout=max(budget.left(), 0.0))
        except queue.Empty:
            raise UpstreamError(
                f"{symbol}: no answer from Yahoo within --max-time",
                why="every request together has that long",
                hint="--max-time 600",
            ) from None
    if not fine:
        raise answer
    out: T = answer
    return out


def map_failure(symbol: str, e: Exception) -> tuple[HfmError, float | None]:
    """The HfmError that an exception of yfinance 1.7 stands for, and the least wait before a retry (None: no retry)."""
    from peewee import PeeweeException
    from yfinance.exceptions import YFException, YFRateLimitError, YFTickerMissingError

    message = " ".join(str(e).split())[:200]
    if isinstance(e, HfmError):
        return e, None
    if isinstance(e, PeeweeException):  # yfinance's cookie jar: a full disk, or a damaged file
        where = cache_folder()
        return DiskError(f"{symbol}: the cache of yfinance, {where}, cannot be used", why=message,
                         hint=f"free space there, or remove {where}: it holds cookies alone"), None  # fmt: skip
    if isinstance(e, YFRateLimitError):
        what = f"{symbol}: Yahoo answers 429, too many requests"
        return RateLimitError(what, hint="wait some minutes, then fetch again"), PATIENCE
    if isinstance(e, YFTickerMissingError):
        message = message.removeprefix(f"${symbol}: ").removeprefix("possibly delisted; ")
        return DataError(f"{symbol}: {message}", why="so Yahoo says", hint="check the symbol and the days"), None
    if isinstance(e, KeyError) and e.args == ("chart",):
        what = f"{symbol}: Yahoo refuses the session's crumb (401)"
        return UpstreamError(what, hint="fetch again in a minute"), 0.0
    if isinstance(e, OSError):
        error = UpstreamError(
            f"{symbol}: Yahoo cannot be reached", why=message.partition(". See http")[0], hint=NO_ANSWER
        )
        return error, None if any(word in message for word in UNREACHABLE) else 0.0
    if isinstance(e, YFException | ValueError | KeyError | TypeError | IndexError | AttributeError):
        why = f"{type(e).__name__}: {message}"
        return UpstreamError(f"{symbol}: Yahoo's answer makes no sense", why=why, hint=NO_ANSWER), 0.0
    raise e
