"""What several tests of simulate stand on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from hfm.config import Config, Fetch
from hfm.fetch import stage as fetch
from hfm.stage import Context


@pytest.fixture(scope="session")
def amzn(real: Path) -> pa.Table:
    """AMZN's book of 2012-06-21 as fetch gives it."""
    ctx = Context("fetch", as_of=datetime(2025, 1, 1, tzinfo=UTC))
    config = Config(fetch=Fetch(symbols=("AMZN",), source="lobster", path=str(real / "book")))
    return dict(fetch.run({}, config, ctx))["fetch/book.parquet"]
