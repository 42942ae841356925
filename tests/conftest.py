"""What every test stands on: no network, one kernel cache, real data only where it is pointed to."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
import pytest
from _pytest.terminal import TerminalReporter

from tests import hints

# Set before hfm.kernels.jit is imported anywhere, and inherited by subprocesses whatever else they change.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(platformdirs.user_cache_dir("hfm")) / "kernels"))
os.environ.setdefault("MPLBACKEND", "Agg")
OUTSIDE = dict(os.environ)
"""The environment that pytest was started in: for the one test that installs."""
for _name in ("HFM_HOME", "HFM_RUN"):  # a home of the user's is none of a test's, nor of a module's fixture
    os.environ.pop(_name, None)
hints.watch()
CLOSED = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client that honours proxies (libcurl too) meets a closed port."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, CLOSED)
        monkeypatch.setenv(name.lower(), CLOSED)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")


@pytest.fixture(autouse=True)
def true_hints() -> Iterator[None]:
    """What any error of a test says to type can be typed (see tests.hints)."""
    yield
    hints.WATCH.check()


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real market data; skips by name where HFM_REAL_DATA is unset."""
    folder = os.environ.get("HFM_REAL_DATA")
    if not folder:
        pytest.skip("HFM_REAL_DATA is unset")
    return Path(folder)


Count = Callable[[str, int], None]
"""Takes what was tried, and how often."""


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Count:
    """Adds to the table of counts that ends a run; properties travel with the report, so workers' counts arrive too."""
    return lambda what, n: request.node.user_properties.append(("tried", (what, n)))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """What the tests that passed have tried, summed by name."""
    tried: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for what, n in (value for name, value in report.user_properties if name == "tried"):
            tried[what] += n
    if tried:
        terminalreporter.section("tried, with no fault found")
        for what in sorted(tried):
            terminalreporter.write_line(f"{tried[what]:>9,}  {what}")
