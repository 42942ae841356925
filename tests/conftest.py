"""What every test stands on: no network, one kernel cache, real data only where it is pointed to."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

# Set before hfm.kernel is imported anywhere, and inherited by subprocesses whatever else they change.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(platformdirs.user_cache_dir("hfm")) / "kernels"))
os.environ.setdefault("MPLBACKEND", "Agg")
OUTSIDE = dict(os.environ)
"""The environment that pytest was started in: for the one test that installs."""
CLOSED = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client that honours proxies (libcurl too) meets a closed port; the home of the user is out of reach."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, CLOSED)
        monkeypatch.setenv(name.lower(), CLOSED)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    for name in ("HFM_HOME", "HFM_RUN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real market data; skips by name where HFM_REAL_DATA is unset."""
    folder = os.environ.get("HFM_REAL_DATA")
    if not folder:
        pytest.skip("HFM_REAL_DATA is unset")
    return Path(folder)
