"""Bad files as a user would feed them: one clear answer each, its exit code, nothing left behind, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.command import hfm, retype


def bars(sessions: int = 3) -> pd.DataFrame:
    """Five-minute bars of whole sessions, labelled by their start, as a vendor's CSV has them."""
    days = pd.bdate_range("2025-03-03", periods=sessions, tz="America/New_York")
    stamps = [day + pd.Timedelta(minutes=m) for day in days for m in range(570, 960, 5)]
    close = 100 + 0.05 * np.sin(np.arange(len(stamps)))
    frame = pd.DataFrame({"timestamp": stamps, "open": close, "high": close + 0.1, "low": close - 0.1, "close": close})
    return frame.assign(volume=1000.0)


Change = Callable[[pd.DataFrame], pd.DataFrame]
REFUSED: dict[str, tuple[Change, str]] = {
    "no rows": (lambda b: b.iloc[:0], "bars.csv"),
    "no volume column": (lambda b: b.drop(columns="volume"), "volume"),
    "words for prices": (lambda b: b.assign(close="dear"), "close"),
    "all prices NaN": (lambda b: b.assign(open=np.nan, high=np.nan, low=np.nan, close=np.nan), "SPY"),
    "times without a zone": (lambda b: b.assign(timestamp=b.timestamp.dt.tz_localize(None)), "--tz"),
    "another interval": (lambda b: b.iloc[::3], "15"),
    "no session of the calendar": (lambda b: b.assign(timestamp=b.timestamp + pd.Timedelta(hours=12)), "bars.csv"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_for_certain_is_refused(tmp_path: Path, name: str) -> None:
    """Exit 4, the file or the column by name, no run left behind."""
    change, says = REFUSED[name]
    change(bars()).to_csv(tmp_path / "bars.csv", index=False)
    arguments = ("fetch", "SPY", "--source", "file", "--path", "bars.csv")
    done = hfm(*arguments, cwd=tmp_path)
    retype(done, arguments, tmp_path)
    assert done.code == 4, done.err
    assert says in done.err, done.err
    assert not list((tmp_path / "runs").glob("*"))


@pytest.mark.parametrize(
    "content", [b"", b"\n\n\n", b"\x00\x01\x02", b"PAR1junk", b'{"a": 1}', "時間,価格\n1,2\n".encode()]
)
@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_junk_is_no_file_of_bars(tmp_path: Path, content: bytes, name: str) -> None:
    """Whatever the bytes are: exit 4 and the file's name."""
    (tmp_path / name).write_bytes(content)
    done = hfm("fetch", "SPY", "--source", "file", "--path", name, cwd=tmp_path)
    assert done.code == 4, done.err
    assert name in done.err


MENDED: dict[str, tuple[Change, str]] = {
    "unsorted rows": (lambda b: b.sample(frac=1, random_state=1), "duplicates"),
    "doubled rows": (lambda b: pd.concat([b, b.iloc[10:20]]), "duplicates"),
    "a NaN price": (lambda b: b.assign(close=b.close.where(b.index != 17)), "rejected"),
    "high below low": (lambda b: b.assign(high=b.high.where(b.index != 17, 90.0)), "rejected"),
    "a negative price": (lambda b: b.assign(low=b.low.where(b.index != 17, -1.0)), "rejected"),
}


@pytest.mark.parametrize("name", MENDED)
def test_rows_that_are_wrong_are_counted_and_never_guessed(tmp_path: Path, name: str) -> None:
    """Sorted and single rows go in, broken ones are left out by name (exit 7); no price is invented."""
    change, count = MENDED[name]
    whole = bars()
    change(whole).to_csv(tmp_path / "bars.csv", index=False)
    done = hfm("fetch", "SPY", "--source", "file", "--path", "bars.csv", "--json", cwd=tmp_path)
    quality = done.json["metrics"]["fetch"]["quality"]["SPY"]
    got = pd.read_parquet(done.json["artifacts"][0])
    if count == "rejected":
        assert done.code == 7, done.err
        assert sum(quality["rejected"].values()) == 1
        assert len(got) == len(whole) - 1
        assert got.close.tolist() == whole.close.drop(17).tolist()
    else:
        assert done.code == 0, done.err
        assert quality["duplicates"] == (10 if name == "doubled rows" else 0)
        assert got.close.tolist() == whole.close.tolist()


@pytest.mark.parametrize("symbol", ["../../etc", "", "💥", "x" * 10_000, "SPY;rm", "a b", "/etc/passwd"])
def test_a_symbol_that_is_none_is_refused_and_touches_nothing(tmp_path: Path, symbol: str) -> None:
    """Exit 2; no folder, here or above."""
    done = hfm("fetch", symbol, "--source", "synthetic", cwd=tmp_path)
    assert done.code == 2, done.err
    assert [p.name for p in tmp_path.rglob("*")] in ([], ["runs"])


@pytest.mark.parametrize("symbol", ["BRK-B", "^GSPC", "BTC-USD", "7203.T", "spy"])
def test_a_symbol_that_looks_odd_is_one(tmp_path: Path, symbol: str) -> None:
    """Classes, indices, pairs, foreign listings, lower case."""
    done = hfm("fetch", symbol, "--source", "synthetic", "--sessions", 2, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.json["metrics"]["fetch"]["symbols"] == [symbol.upper()]
