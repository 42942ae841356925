"""A batch of features: streaming, symbols, causality, scale."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfm.features import bar_features, batch, event_features
from hfm.tables import Array
from hfm.tables.records import Records
from tests.quotes import quote_columns

Float = npt.NDArray[np.float64]
N, SLOTS = 300, 50
COLUMNS = quote_columns(N, SLOTS, 1)
NAMES = batch.GROUPS["default"]


def states(*symbols: str) -> dict[str, Records]:
    """A fresh state for each symbol."""
    return {s: batch.state_new(SLOTS, 300.0) for s in symbols or ("SPY",)}


def part(columns: dict[str, Array], where: slice | Array) -> dict[str, Array]:
    """Some rows of the columns."""
    return {name: data[where] for name, data in columns.items()}


def weave(*parts: dict[str, Array]) -> dict[str, Array]:
    """Rows of several symbols in the order of a table: by session, symbol, seq."""
    joined = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    order = np.lexsort((joined["seq"], joined["symbol"].astype(str), joined["session"]))
    return part(joined, order)


WHOLE = batch.compute(COLUMNS, states(), bar_features.NAMES)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, N))
def test_rows_split_anywhere_give_the_same_bits(cut: int) -> None:
    """The state is the whole memory: two calls equal one."""
    memory = states()
    first = batch.compute(part(COLUMNS, slice(0, cut)), memory, bar_features.NAMES)
    memory = {name: np.frombuffer(state.tobytes(), state.dtype).copy() for name, state in memory.items()}
    second = batch.compute(part(COLUMNS, slice(cut, N)), memory, bar_features.NAMES)
    np.testing.assert_array_equal(np.concatenate((first, second)), WHOLE)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, N - 2), st.floats(0.5, 2.0))
def test_what_comes_later_changes_no_feature(at: int, factor: float) -> None:
    """Every input after row `at` is poisoned: features up to it are the same bits."""
    poisoned = {
        name: np.where(np.arange(N) > at, data * factor + 1.0, data) if data.dtype == float else data
        for name, data in COLUMNS.items()
    }
    changed = batch.compute(poisoned, states(), bar_features.NAMES)
    np.testing.assert_array_equal(changed[: at + 1], WHOLE[: at + 1])


@pytest.mark.parametrize("factor", [1e-3, 3.7, 1e4])
def test_prices_in_another_unit_change_no_feature(factor: float) -> None:
    """Features are unit-free: prices times a constant leave them as they are."""
    scaled = {n: c * factor if n.startswith("mid_") else c for n, c in COLUMNS.items()}
    np.testing.assert_allclose(batch.compute(scaled, states(), bar_features.NAMES), WHOLE, rtol=1e-7, atol=1e-9)


def test_sizes_in_another_unit_change_no_feature() -> None:
    """Shares in lots of a hundred: volumes, flows and depths together leave every feature as it is."""
    sizes = ("volume", "signed_volume", "ofi", "depth_bid", "depth_ask")
    scaled = {n: c / 100.0 if n in sizes else c for n, c in COLUMNS.items()}
    np.testing.assert_allclose(batch.compute(scaled, states(), bar_features.NAMES), WHOLE, rtol=1e-7, atol=1e-9)


def test_each_symbol_has_what_it_would_have_alone() -> None:
    """Rows of three symbols woven by session: each symbol's features are those of its own table, whatever its name."""
    tables = [quote_columns(N, SLOTS, seed, symbol) for seed, symbol in ((1, "B"), (2, "A"), (3, "C"))]
    woven = weave(*tables)
    together = batch.compute(woven, states("A", "B", "C"), NAMES)
    for table in tables:
        symbol = table["symbol"][0]
        alone = batch.compute(table, states(symbol), NAMES)
        np.testing.assert_array_equal(together[woven["symbol"] == symbol], alone)


def test_mirrored_prices_flip_the_signed_features_and_no_others() -> None:
    """Log prices and flows negated: SIGNED change sign; what is even in the price stays."""
    mirror = dict(COLUMNS)
    for name in ("mid_open", "mid_close"):
        mirror[name] = 250_000.0 / COLUMNS[name]
    mirror["mid_high"], mirror["mid_low"] = 250_000.0 / COLUMNS["mid_low"], 250_000.0 / COLUMNS["mid_high"]
    mirror |= {name: -COLUMNS[name] for name in ("signed_volume", "ofi", "imbalance", "micro_bps")}
    flipped = batch.compute(mirror, states(), bar_features.NAMES)
    sign = np.array([-1.0 if name in batch.SIGNED else 1.0 for name in bar_features.NAMES])
    np.testing.assert_allclose(flipped, sign * WHOLE, rtol=1e-7, atol=1e-9)


def test_groups_name_known_features_and_the_seed_group_holds_the_missions_four() -> None:
    """A group is a list of features that exist, without a double."""
    for names in batch.GROUPS.values():
        assert set(names) <= set(event_features.NAMES)
        assert set(names) <= set(bar_features.NAMES) or names is batch.GROUPS["events"]
        assert len(set(names)) == len(names)
    assert {"volume_ratio", "momentum", "volatility", "ofi"} <= set(batch.GROUPS["seed"])


def test_bars_without_a_book_have_all_features_but_the_books_own() -> None:
    """Imbalance and microprice NaN: the default group is finite, the book group's two are not."""
    blind = COLUMNS | {name: np.full(N, np.nan) for name in ("imbalance", "micro_bps")}
    out = batch.compute(blind, states(), batch.GROUPS["book"])[bar_features.LOOKBACK - 1 :]
    known = [name not in ("imbalance", "micro") for name in batch.GROUPS["book"]]
    assert np.isfinite(out[:, known]).all()
    assert np.isnan(out[:, np.logical_not(known)]).all()


def test_no_rows_give_no_features() -> None:
    """An empty group is an empty matrix."""
    assert batch.compute(part(COLUMNS, slice(0, 0)), states(), NAMES).shape == (0, len(NAMES))


def test_an_unknown_feature_is_a_key_error() -> None:
    """A name that is no feature is a bug of the caller, found at once."""
    with pytest.raises(KeyError):
        batch.compute(COLUMNS, states(), ("volume_ration",))


def test_a_state_of_other_features_is_refused_before_a_kernel_writes_beyond_it() -> None:
    """Event features with the state of bars: ValueError, and nothing is written."""
    with pytest.raises(ValueError, match="state_new"):
        batch.compute(COLUMNS, {"SPY": batch.state_new(78, 300.0)}, batch.GROUPS["events"])
