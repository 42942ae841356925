"""The commands that say what there is: settings and their bounds, a file of them all, and the columns of the tables."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfm.cli import options as opt
from hfm.cli.app import answer, app
from hfm.cli.console import WIDTH, Show
from hfm.cli.options import Common
from hfm.cli.settings import home_of
from hfm.errors import ExitCode, UsageError, typed

if TYPE_CHECKING:
    from hfm.config import Config
    from hfm.config.reference import Setting
    from hfm.tables.schema import Table

SUBJECTS = {
    "bars": "the bars that were fetched, a row each",
    "book": "an order book, a row an event: fetched, or simulated",
    "quotes": "bid, ask, order flow and depth, a row a bar or an event",
    "prints": "every trade of a simulated order book",
    "snapshots": "best prices and sizes of a simulated book, once a second",
    "oracle": "what a perfect forecaster would know of a simulated row",
    "predictions": "forecasts out of sample, a row a model and row",
    "scores": "how good they are, beside the best floor",
    "history": "losses of each network, epoch by epoch",
    "insample": "what the original recipe's network says of its own rows",
    "ledger": "positions, fills, costs and equity, row by row",
    "trades": "round trips: entry, exit, costs, and why it ended",
    "trials": "what each trial made of each session",
    "bridge": "from the original recipe's figures to honest ones",
}
"""What a row of each table is of."""


# ---------------------------------------------------------------------------------------------------------- settings
@app.command("settings")
def settings(
    section: opt.SettingsOf = None,
    run: opt.RunOfSettings = None, home: opt.Home = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False,
) -> None:  # fmt: skip
    """Every setting: its default, bounds and meaning.

    hfm settings train shows one section; with --run NAME also what that run was made with, where it differs.
    """
    common = Common(run=run, home=home, json=json, quiet=quiet, debug=debug)
    answer("settings", common, lambda show: _settings(show, common, section))


def _settings(show: Show, common: Common, wanted: str | None) -> ExitCode:
    from hfm.config import reference

    chosen = _chosen(reference.settings(), list(reference.about()), wanted)
    recorded = _recorded(show, common) if common.run is not None else {}
    name = show.run_dir.name if show.run_dir else ""
    tree: dict[str, dict[str, Any]] = {}  # Any: JSON
    for section, group in itertools.groupby(chosen, key=lambda setting: setting.section):
        show.table += [f"[{section}]  {reference.about()[section]}", ""]
        for setting in group:
            body = {k: v for k, v in dataclasses.asdict(setting).items() if k not in ("section", "key")}
            now = recorded.get(section, {}).get(setting.key, setting.default)
            differs = now != setting.default
            tree.setdefault(section, {})[setting.key] = body | ({"run": now} if differs else {})
            show.table += entry(setting, f"in {name}: {reference.toml(now) or 'none'}" if differs else "")
    show.table.pop()
    show.metrics["settings"] = tree
    return ExitCode.OK


def _recorded(show: Show, common: Common) -> Mapping[str, Mapping[str, Any]]:  # Any: JSON
    """The settings that the artifacts of the run were made with, section -> key -> JSON value."""
    import json

    from hfm.runs import freshness
    from hfm.runs.manifest import locate

    run = locate(home_of(common), common.run, os.environ)
    show.run_dir = run.path
    config: Config = freshness.recorded_config(run.manifest())
    tree: dict[str, dict[str, Any]] = json.loads(json.dumps(dataclasses.asdict(config)))
    return tree


def _chosen(known: Sequence[Setting], sections: Sequence[str], wanted: str | None) -> list[Setting]:
    """The settings of a section, or the one that `section.key` names. Raises UsageError with the nearest name."""
    if wanted is None:
        return list(known)
    found = [s for s in known if wanted in (s.section, s.name)]
    if found:
        return found
    section, _, key = wanted.partition(".")
    if section in sections:
        keys = [s.key for s in known if s.section == section]
        what, near = f"section {section} has no setting {key[:40]!r}", _nearest(key, keys)
        raise _unknown(what, keys, "hfm", "settings", f"{section}.{near}" if near else section)
    near = next((s.name for s in known if s.key == wanted), "") or _nearest(wanted, sections)
    raise _unknown(f"there is no section {wanted[:40]!r}", sections, "hfm", "settings", near)


def _nearest(name: str, known: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(name.lower(), known, 1, 0.5)), "")


def _unknown(what: str, known: Sequence[str], *next_: str) -> UsageError:
    """The error of a name that is not known; next is a command, whose last word may be empty."""
    return UsageError(what, why=f"there are {', '.join(known)}", hint=typed(*filter(None, next_)))


def entry(setting: Setting, differs: str = "") -> list[str]:
    """A setting on the terminal: its default and form, its meaning below, and what differs from the default."""
    from hfm.config.reference import toml

    head = f"{setting.name} = {toml(setting.default) or 'none'}"
    line = f"{head:32}  {setting.form}"
    lines = [line] if len(line) <= WIDTH else [head, *_indented(setting.form)]
    return [*lines, *_indented(setting.meaning), *(_indented(differs) if differs else ()), ""]


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


# -------------------------------------------------------------------------------------------------------------- init
@app.command("init")
def init(
    file: opt.NewFile = None, home: opt.Home = None,
    json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False,
) -> None:  # fmt: skip
    """Write a file of all settings at their defaults.

    hfm init mine.toml, then hfm run SPY --config mine.toml. As hfm.toml it is read without being named. No file is
    written over.
    """
    common = Common(home=home, json=json, quiet=quiet, debug=debug)
    answer("init", common, lambda show: _init(show, common, file))


def _init(show: Show, common: Common, file: Path | None) -> ExitCode:
    from hfm import atomic
    from hfm.config import reference

    path = (file or _default_file(common)).expanduser().absolute()
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint=typed("hfm", "init", str(_free(path / "hfm.toml"))))
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", hint=typed("mkdir", "-p", str(path.parent)))
    data = reference.template().encode()
    with atomic.disk_errors(path):
        try:
            stream = path.open("xb")
        except FileExistsError:
            hint = typed("hfm", "init", str(_free(file or path)))
            raise UsageError(f"{path} is there already", why="no file is written over", hint=hint) from None
        try:
            with stream:
                stream.write(data)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    show.paths.append(path)
    show.metrics["init"] = {"settings": len(reference.settings()), "bytes": len(data)}
    return ExitCode.OK


def _default_file(common: Common) -> Path:
    named = common.home or os.environ.get("HFM_HOME")
    return home_of(common) / "hfm.toml" if named else Path("hfm.toml")


def _free(path: Path) -> Path:
    """The first of mine.toml, mine-2.toml, mine-3.toml and so on that is not there."""
    names = itertools.chain([path], (path.with_stem(f"{path.stem}-{i}") for i in itertools.count(2)))
    return next(name for name in names if not os.path.lexists(name.expanduser()))


# ------------------------------------------------------------------------------------------------------------ schema
@app.command("schema")
def schema(
    table: opt.TableName = None, json: opt.Json = False, quiet: opt.Quiet = False, debug: opt.Debug = False,
) -> None:  # fmt: skip
    """The tables of a run: their columns, types, units and meanings.

    hfm schema ledger shows one table.
    """
    answer("schema", Common(json=json, quiet=quiet, debug=debug), lambda show: _schema(show, table))


def _schema(show: Show, wanted: str | None) -> ExitCode:
    from hfm.tables.schema import TABLES

    if wanted is None:
        show.metrics["tables"] = {name: _summary(table) for name, table in TABLES.items()}
        width = max(map(len, TABLES))
        for name, table in TABLES.items():
            show.table.append(f"{name:{width}}  {SUBJECTS[name]}")
            show.table.append(f"{'':{width}}  {len(table.columns)} columns; {', '.join(files(name))}")
        return ExitCode.OK
    if wanted not in TABLES:
        known = list(TABLES)
        raise _unknown(f"there is no table {wanted[:40]!r}", known, "hfm", "schema", _nearest(wanted, known))
    table = TABLES[wanted]
    show.metrics |= {"table": wanted, **_summary(table), "columns": [_column(column) for column in table.columns]}
    show.table = table_lines(table)
    return ExitCode.OK


def files(name: str) -> list[str]:
    """The artifacts that hold a table of this name, in the order of the stages."""
    from hfm.runs.stages import STAGES

    written = [artifact for s in STAGES for artifact in (*s.writes, *s.may_write, *s.writes_one)]
    return [artifact for artifact in written if Path(artifact).name == f"{name}.parquet"]


def _summary(table: Table) -> dict[str, Any]:  # Any: JSON
    return {
        "meaning": SUBJECTS[table.name], "version": table.version, "files": files(table.name),
        "order": list(table.order), "columns": len(table.columns),
    }  # fmt: skip


def _column(column: Any) -> dict[str, Any]:  # Any: schema.Column, JSON
    from hfm.tables.schema import TYPES

    return {
        "name": column.name, "type": str(TYPES[column.kind]), "unit": column.unit, "meaning": column.doc,
        "nullable": column.nullable,
    }  # fmt: skip


def table_lines(table: Table) -> list[str]:
    """A table on the terminal: what it is, its files and order, and a line a column."""
    rows = [(c.name, _type(c.kind) + "?" * c.nullable, c.unit, c.doc) for c in table.columns]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        f"{table.name}: {SUBJECTS[table.name]}",
        *textwrap.wrap(f"{', '.join(files(table.name))}; rows by {', '.join(table.order)}", WIDTH), "",
    ]  # fmt: skip
    for name, kind, unit, doc in rows:
        left = f"{name:{widths[0]}}  {kind:{widths[1]}}  {unit:{widths[2]}}  "
        lines += textwrap.wrap(doc, WIDTH, initial_indent=left, subsequent_indent=" " * len(left))
    if any(column.nullable for column in table.columns):
        lines += ["", "? after a type: the value may be null."]
    return lines


def _type(kind: str) -> str:
    """A column's type in a short word."""
    from hfm.tables.schema import TYPES

    return {"time": "time", "date": "date", "word": "text"}.get(kind, str(TYPES[kind]))
