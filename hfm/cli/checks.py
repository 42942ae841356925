"""The commands that check: verify, the bands of simulate --check, doctor; and prune, which tidies up."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hfm.cli.app import command
from hfm.cli.console import Show
from hfm.cli.options import PRUNE, VERIFY, Common, Flags, Values
from hfm.cli.settings import config_of, home_of
from hfm.errors import ExitCode, HfmError, UsageError

if TYPE_CHECKING:
    from hfm.runs.manifest import Manifest, Run
    from hfm.stage import Verification
    from hfm.verify.claims import Row


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


@command("verify", VERIFY)
def verify(show: Show, common: Common, values: Values) -> ExitCode:
    """Check claims with known answers.

    With --run NAME: whether that run is what it says it is.
    """
    from hfm.runs.manifest import locate
    from hfm.verify import claims

    if values["quick"] and values["full"]:
        raise UsageError("--quick and --full are two levels", hint="give one of them")
    if common.run is not None:
        run = locate(home_of(common), common.run, os.environ)
        show.run_dir = run.path
        rows = of_run(show, run, common.wait, values["seed"])
    elif values["leaks"]:
        from hfm.verify.leaks import detection
        from hfm.verify.lookahead import cuts

        rows = detection.rows(show.talk, cuts.seed_new() if values["seed"] is None else values["seed"])
    elif values["null"] or values["power"] or values["bounce"]:
        rows = list(_markets(show, common, values))
    else:
        rows = list(claims.check("quick" if values["quick"] else "full" if values["full"] else "standard", show.talk))
    return judge(show, rows)


def _markets(show: Show, common: Common, values: Values) -> Iterator[Row]:
    """The rows of --null, --bounce and --power."""
    from hfm.verify import nulls, verdicts

    workers, model = common.workers or os.cpu_count() or 1, values["model"]
    if values["null"]:
        names = nulls.KINDS if values["kinds"] == "all" else tuple(values["kinds"].split(","))
        kinds = [kind for kind in nulls.KINDS if kind in names]
        if unknown := [name for name in names if name not in nulls.KINDS]:
            raise UsageError(
                f"--kinds has no {unknown[0][:40]!r}", why=f"it has {', '.join(nulls.KINDS)}", hint="--kinds all"
            )
        yield from verdicts.null(values["null"], model, kinds, values["bars"], workers, show.talk)
    if values["bounce"]:
        yield from verdicts.bounce(values["bounce"], model, workers, show.talk)
    if values["power"]:
        yield from verdicts.power(values["power"], model, workers, show.talk)


def of_run(show: Show, run: Run, wait_s: float = 0.0, seed: int | None = None) -> list[Row]:
    """Is a run what it says it is: its files, inputs and journal, and then whether anything in it knows the future.

    Each line that fails is also said on stderr. What the look-ahead tests say goes on record in the run's journal.
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


@command("doctor", {})
def doctor(show: Show, common: Common, values: Values) -> ExitCode:
    """Look at what a run will stand on: libraries, disk, kernels."""
    from hfm.ops import doctor

    findings = doctor.examine(home_of(common))
    show.table = doctor.table(findings)
    show.metrics["findings"] = [dataclasses.asdict(f) for f in findings]
    return ExitCode.CHECK if any(f.cure for f in findings) else ExitCode.OK


@command("prune", PRUNE)
def prune(show: Show, common: Common, values: Values) -> ExitCode:
    """Empty old runs; their trials stay on record."""
    from datetime import UTC, datetime

    from hfm.runs import prune

    home = home_of(common)
    for item in prune.prune(home, values["keep"], datetime.now(UTC)):
        if item.why:
            show.talk(f"{item.run}: left alone, {item.why}")
        else:
            show.paths.append(home / "runs" / item.run)
            show.talk(f"{item.run}: {item.freed / 1e6:.1f} MB freed")
    return ExitCode.OK
