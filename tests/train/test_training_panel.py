"""The panel: features by the causal step whatever the row groups, labels, symbols apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from hfm import tables
from hfm.features.batch import GROUPS
from hfm.tables import MemoryReader
from hfm.train import training_panel
from tests.bars import GroupedReader
from tests.train.market import market, rows


def test_row_groups_of_any_size_give_the_same_panel() -> None:
    """Features stream; the hash follows."""
    quotes = market(symbols=("AAA", "BBB"))[0]
    whole, parts = (
        training_panel.read(MemoryReader(quotes), training_panel.ForecastTask()),
        training_panel.read(GroupedReader(quotes, 4), training_panel.ForecastTask()),
    )
    np.testing.assert_array_equal(whole.panel.x, parts.panel.x)
    np.testing.assert_array_equal(whole.time_label, parts.time_label)


def test_the_first_rows_are_masked_and_the_rest_is_complete() -> None:
    """NaN until the ring is full, nothing filled; gk_1 of the next row is the label."""
    data = rows().panel
    masked = np.isnan(data.x).any(axis=1)
    assert masked[:77].all()
    assert not masked[77:].any()
    gk = data.x[:, data.names.index("gk_1")]
    inside = np.isfinite(data.log_vol)
    assert inside.sum() > 300
    np.testing.assert_array_equal(data.log_vol[inside], gk[1:][inside[:-1]])


def test_a_part_of_the_sessions_is_what_it_says() -> None:
    """Borders start at 0 again; rows, symbols and days are those of the sessions asked for."""
    data = rows(symbols=("AAA", "BBB")).panel
    part = data.of_sessions(5, 8)
    assert len(np.unique(part.session)) == 3
    assert part.start[0] == 0
    assert part.start[-1] == len(part.slot)
    first = int(data.start[np.searchsorted(data.session, part.session[0])])
    np.testing.assert_array_equal(part.x, data.x[first : first + len(part.slot)])
    assert len(data.of_sessions(3, 3).slot) == 0


@pytest.mark.parametrize("column", ["mid_close", "ofi", "spread_bps"])
def test_the_hash_of_the_data_follows_every_value_read(column: str) -> None:
    """One bit in one row."""
    quotes = market()[0]
    values = tables.column_array(quotes.column(column)).copy()
    values[100] = np.nextafter(values[100], np.inf)
    changed = quotes.set_column(quotes.schema.get_field_index(column), quotes.schema.field(column), pa.array(values))
    assert (
        training_panel.read(MemoryReader(changed), training_panel.ForecastTask()).digest
        != training_panel.read(MemoryReader(quotes), training_panel.ForecastTask()).digest
    )


@pytest.mark.parametrize("row", [150, 300])
def test_what_comes_after_a_row_changes_no_feature_up_to_it(row: int) -> None:
    """Future poison: every price, volume and flow after the row is changed; features up to it are the same bits."""
    quotes = market()[0]
    poisoned = quotes
    for field in quotes.schema:
        if pa.types.is_float64(field.type):
            values = tables.column_array(quotes.column(field.name)).copy()
            values[row + 1 :] = np.abs(values[row + 1 :]) * 1.7 + 0.01
            poisoned = poisoned.set_column(poisoned.schema.get_field_index(field.name), field, pa.array(values))
    clean, dirty = (
        training_panel.read(MemoryReader(q), training_panel.ForecastTask()).panel for q in (quotes, poisoned)
    )
    np.testing.assert_array_equal(clean.x[: row + 1], dirty.x[: row + 1])
    assert (clean.x[row + 1 :] != dirty.x[row + 1 :]).any()
    np.testing.assert_array_equal(clean.log_vol[:row], dirty.log_vol[:row])


def test_the_seed_group_keeps_its_own_features_first() -> None:
    """Networks see the first `own`; the floors' regressors follow."""
    data = training_panel.read(MemoryReader(market()[0]), training_panel.ForecastTask("seed")).panel
    assert data.names[: data.own] == GROUPS["seed"]
    assert "gk_12" in data.names[data.own :]
