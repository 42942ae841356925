"""The contract of sources, for the built-in ones and for one that a third party installs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hfm import plugins
from hfm.plugins import BarRequest, BarSource
from tests.command import hfm
from tests.contract.sources import SourceContract
from tests.fetch.drive import AS_OF, frame, raw, week
from tests.yahoo import Yahoo


def request_of(*symbols: str, **more: Any) -> BarRequest:  # Any: fields of BarRequest
    """Five days up to a Saturday."""
    return BarRequest(symbols=symbols, interval_s=300, calendar="XNYS", as_of=AS_OF, **{"days": 5, **more})


class TestSynthetic(SourceContract):
    """The generator."""

    @pytest.fixture
    def source(self) -> BarSource:
        """As the registry gives it."""
        found: BarSource = plugins.find("sources", "synthetic")()
        return found

    @pytest.fixture
    def request_(self) -> BarRequest:
        """Two symbols."""
        return request_of("SPY", "QQQ")


class TestFile(SourceContract):
    """A CSV."""

    @pytest.fixture
    def source(self) -> BarSource:
        """As the registry gives it."""
        found: BarSource = plugins.find("sources", "file")()
        return found

    @pytest.fixture
    def request_(self, tmp_path: Path) -> BarRequest:
        """One symbol, the week before."""
        frame(raw(week())).to_csv(tmp_path / "bars.csv", index=False)
        return request_of("SPY", path=str(tmp_path / "bars.csv"))


class TestYahoo(SourceContract):
    """The real client against the stand-in."""

    @pytest.fixture(scope="class")
    def vendor(self, tmp_path_factory: pytest.TempPathFactory) -> Any:
        """Yahoo, with nothing wrong."""
        with Yahoo(tmp_path_factory.mktemp("yahoo"), AS_OF.isoformat()) as found:
            yield found

    @pytest.fixture
    def source(self, vendor: Yahoo, monkeypatch: pytest.MonkeyPatch) -> BarSource:
        """Sent to the stand-in by the environment."""
        for name, value in vendor.env().items():
            monkeypatch.setenv(name, value)
        found: BarSource = plugins.find("sources", "yahoo")()
        return found

    @pytest.fixture
    def request_(self) -> BarRequest:
        """Two symbols."""
        return request_of("SPY", "QQQ")


CODE = '''
import numpy as np
from hfm.errors import DataError
from hfm.fetch import sessions
from hfm.instants import instant_ns
from hfm.plugins import RawBars

class Flat:
    """A price that never moves."""
    network = False
    synthetic = False

    def fetch(self, request, ctx):
        until = instant_ns(request.as_of)
        over = sessions.recent(request.calendar, request.interval_s, until, request.days or 5, request.sessions)
        time = np.concatenate([over.slot_end(np.full(n, i), np.arange(n)) for i, n in enumerate(over.slots)])
        for symbol in request.symbols:
            if symbol == "NOPE":
                yield symbol, DataError("NOPE is not flat", hint="ask for another")
            else:
                price = np.full(len(time), 100.0)
                yield symbol, RawBars(time, price, price, price, price, np.full(len(time), 1e3), ("flat by design",))
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site folder with a third party's distribution, as pip leaves it."""
    site = tmp_path_factory.mktemp("site")
    (site / "flatland.py").write_text(CODE)
    info = site / "flatland-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flatland\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hfm.sources]\nflat = flatland:Flat\n")
    return site


class TestThirdParty(SourceContract):
    """A module and an entry point: nothing else."""

    @pytest.fixture
    def source(self, installed: Path, monkeypatch: pytest.MonkeyPatch) -> BarSource:
        """Found by name."""
        monkeypatch.syspath_prepend(str(installed))
        assert "flat" in plugins.names("sources")
        found: BarSource = plugins.find("sources", "flat")()
        return found

    @pytest.fixture
    def request_(self) -> BarRequest:
        """Two symbols."""
        return request_of("SPY", "QQQ")


def test_the_command_line_takes_a_third_partys_source(installed: Path, tmp_path: Path) -> None:
    """`--source flat`: bars, notes, and exit 7 for the symbol that it does not have."""
    env = {"PYTHONPATH": f"{installed}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = hfm(
        "fetch",
        "SPY",
        "NOPE",
        "--source",
        "flat",
        "--days",
        5,
        "--as-of",
        AS_OF.isoformat(),
        "--json",
        cwd=tmp_path,
        env=env,
    )
    assert done.code == 7, done.err
    assert done.json["metrics"]["fetch"]["symbols"] == ["SPY"]
    assert "NOPE is left out: it is not flat" in json.dumps(done.json["warnings"]) + done.err
