"""The commands that check: verify, the bands of simulate --check, doctor; and prune, which tidies up."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import Show
from hfm.cli.options import Common, Flags
from hfm.cli.settings import config_of, home_of, workers_of
from hfm.errors import ExitCode, HfmError, UsageError

if TYPE_CHECKING:
    from hfm.runs.manifest import Manifest, Run
    from hfm.stage import Verification
    from hfm.verify.claims import Level, Row


def check_bands(show: Show, common: Common, flags: Flags) -> ExitCode:
    """The table of simulate --check: the bars of --run NAME, else the markets that the bands were drawn for."""
    from hfm.runs import freshness, stages
    from hfm.runs.manifest import locate
    from hfm.verify import bands

    home = home_of(common)
    if common.run is None:
        config, bars = config_of(common, home, {}, "simulate", flags), bands.markets()
    else:
        run = locate(home, common.run, os.environ)
        show.run_dir, manifest = run.path, run.manifest()
        config = config_of(common, home, manifest.config, "simulate", flags)
        readers = freshness.readers(run, freshness.check_inputs(run, manifest, stages.by_name("simulate")))
        bars = list(readers.values())
    return judge(show, bands.check(bars, config))


def judge(show: Show, rows: Sequence[Row]) -> ExitCode:
    """Show a table of claims; CHECK where one failed."""
    from hfm.verify.claims import table

    show.table = table(rows)
    show.metrics["claims"] = [{**dataclasses.asdict(r), "passed": r.passed} for r in rows]
    return ExitCode.OK if all(r.passed for r in rows) else ExitCode.CHECK


@app.command("verify")
def verify(
    quick: opt.Quick = False, full: opt.Full = False, null: opt.NullMarkets = None, kinds: opt.NullKinds = "walk",
    bars: opt.RealBars = None, bounce: opt.BounceMarkets = None, power: opt.PowerMarkets = None,
    leaks: opt.Leaks = False, seed: opt.CutSeed = None, model: opt.NullModel = "logistic",
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Check claims with known answers.

    With --run NAME: whether that run is what it says it is.
    """
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    markets = Markets(null, kinds, bars, bounce, power, model)
    level: Level = "quick" if quick else "full" if full else "standard"

    def work(show: Show) -> ExitCode:
        if quick and full:
            raise UsageError("--quick and --full are two levels", hint="give one of them")
        return judge(show, list(_claims(show, common, markets, level, leaks, seed)))

    answer("verify", common, work)


@dataclasses.dataclass(frozen=True)
class Markets:
    """What --null, --bounce and --power ask for: how many verdicts of each, on which kinds, of which model."""

    null: int | None
    kinds: str
    bars: Path | None
    bounce: int | None
    power: int | None
    model: str


def _claims(show: Show, common: Common, markets: Markets, level: Level, leaks: bool, seed: int | None) -> Iterator[Row]:
    """The rows that verify prints."""
    from hfm.runs.manifest import locate
    from hfm.verify import claims

    if common.run is not None:
        run = locate(home_of(common), common.run, os.environ)
        show.run_dir = run.path
        yield from of_run(show, run, common.wait, seed)
    elif leaks:
        from hfm.verify.leaks import detection
        from hfm.verify.lookahead import cuts

        yield from detection.rows(show.talk, cuts.seed_new() if seed is None else seed)
    elif markets.null or markets.power or markets.bounce:
        yield from _verdicts(show, common, markets)
    else:
        for outcome in claims.check(level, show.talk, workers_of(common)):
            show.metrics.setdefault("seconds", {})[outcome.name] = round(outcome.seconds, 3)
            yield from outcome.rows


def _verdicts(show: Show, common: Common, markets: Markets) -> Iterator[Row]:
    """The rows of --null, --bounce and --power."""
    from hfm.verify import nulls, verdicts

    workers = workers_of(common)
    if markets.null:
        names = nulls.KINDS if markets.kinds == "all" else tuple(markets.kinds.split(","))
        kinds = [kind for kind in nulls.KINDS if kind in names]
        if unknown := [name for name in names if name not in nulls.KINDS]:
            raise UsageError(
                f"--kinds has no {unknown[0][:40]!r}", why=f"it has {', '.join(nulls.KINDS)}", hint="--kinds all"
            )
        yield from verdicts.null(markets.null, markets.model, kinds, markets.bars, workers, show.talk)
    if markets.bounce:
        yield from verdicts.bounce(markets.bounce, markets.model, workers, show.talk)
    if markets.power:
        yield from verdicts.power(markets.power, markets.model, workers, show.talk)


def of_run(show: Show, run: Run, wait_s: float = 0.0, seed: int | None = None) -> list[Row]:
    """Is a run what it says it is: its files, inputs and journal, and then whether anything in it knows the future.

    Each line that fails is also said on stderr. What the look-ahead tests say goes on record in the run's journal.

    Parameters
    ----------
    show : takes the talk.
    run : whose manifest is whole.
    wait_s : s to wait for the run's lock, to put the result on record.
    seed : of the cuts; None: a new one.

    Returns
    -------
    list of Row : of the files first; of look-ahead only where these are as committed.
    """
    from hfm.verify import tampering
    from hfm.verify.lookahead import cuts, run_tests

    rows = tampering.of_run(run)
    if all(row.passed for row in rows):
        seed = cuts.seed_new() if seed is None else seed
        manifest = run.manifest()
        found = run_tests.of_run(run, show.talk, seed)
        rows += found
        record(show, run, manifest, run_tests.as_verification(found, seed), wait_s)
    else:
        show.talk("look-ahead is not looked for: the files are not those that were committed together")
    for row in rows:
        if not row.passed:
            show.talk(f"failed: {row.claim}")
    return rows


def record(show: Show, run: Run, manifest: Manifest, found: Verification, wait_s: float) -> None:
    """Put what was found on record, unless the run has changed meanwhile or cannot be written."""
    from datetime import UTC, datetime

    from hfm.runs import verification

    try:
        with run.lock(wait_s):
            now = run.manifest()
            if verification.artifacts(now) != verification.artifacts(manifest):
                show.talk("not put on record: the run has changed meanwhile")
            else:
                run.commit(now, [verification.event(found, now)], datetime.now(UTC))
    except HfmError as e:
        show.talk(f"not put on record: {e.what}")


@app.command("doctor")
def doctor(
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Look at what a run will stand on: libraries, disk, kernels."""
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    answer("doctor", common, lambda show: _doctor(show, common))


def _doctor(show: Show, common: Common) -> ExitCode:
    from hfm.ops import doctor

    findings = doctor.examine(home_of(common))
    show.table = doctor.table(findings)
    show.metrics["findings"] = [dataclasses.asdict(f) for f in findings]
    return ExitCode.CHECK if any(f.cure for f in findings) else ExitCode.OK


@app.command("prune")
def prune(
    keep: opt.Keep = 10,
    run: opt.RunName = None, home: opt.Home = None, config: opt.ConfigFiles = None, set_: opt.Settings = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False, wait: opt.Wait = 0.0,
    workers: opt.Workers = None,
) -> None:  # fmt: skip
    """Empty old runs; their trials stay on record."""
    common = Common(run, home, config, set_, json, quiet, debug, wait, workers)
    answer("prune", common, lambda show: _prune(show, common, keep))


def _prune(show: Show, common: Common, keep: int) -> ExitCode:
    from datetime import UTC, datetime

    from hfm.runs import prune

    home = home_of(common)
    for item in prune.prune(home, keep, datetime.now(UTC)):
        if item.why:
            show.talk(f"{item.run}: left alone, {item.why}")
        else:
            show.paths.append(home / "runs" / item.run)
            show.talk(f"{item.run}: {item.freed / 1e6:.1f} MB freed")
    return ExitCode.OK
