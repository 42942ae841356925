"""Predictions lie model by model on disk and come back in the table's order; one model is read alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hfm import tables
from hfm.tables import parquet, partition
from tests.backtest import market

MODELS = {"lstm": 0.6, "constant": 0.5, "har": 0.55}


@pytest.fixture(scope="module")
def predicted() -> pa.Table:
    quoted = market.walk(["AAA", "BBB"], 6, 4)
    p = np.linspace(0.1, 0.9, quoted.num_rows)
    return market.predictions(quoted, {name: p + shift for name, shift in MODELS.items()})


def written(path: Path, *groups: pa.Table) -> tables.FileReader:
    with path.open("wb") as sink:
        writer = tables.Writer(sink, tables.PREDICTIONS)
        for group in groups:
            writer.write(group)
        writer.close()
    return tables.FileReader(path, "hfm train")


def test_each_model_has_row_groups_of_its_own(
    tmp_path: Path, predicted: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of whole sessions, models by spelling, each group's statistics naming its one model."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 16)
    reader = written(tmp_path / "predictions.parquet", predicted)
    metadata = pq.ParquetFile(reader.path).metadata
    found = [[value for _, value in batch] for batch in partition.batches(metadata, "model")]
    assert found == [["constant", "har", "lstm"]] * 3
    assert all(metadata.row_group(i).num_rows == 16 for i in range(9))


@pytest.mark.parametrize("rows", [8, 16, 24, 1000])
def test_readers_give_the_tables_order_however_it_is_cut(
    tmp_path: Path, predicted: pa.Table, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """All columns or a few, whole or in groups: the rows as they were written, in one file's bytes."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", rows)
    reader = written(tmp_path / "predictions.parquet", predicted)
    assert plain(reader.read()) == plain(predicted)
    few = ["p_up", "model"]
    assert plain(pa.concat_tables(reader.groups(few))) == plain(predicted.select(few))
    assert tables.first_disorder(reader.read().unify_dictionaries(), tables.PREDICTIONS.order) is None
    parts = [predicted.slice(i, 24) for i in range(0, predicted.num_rows, 24)]
    again = written(tmp_path / "again.parquet", *parts)
    assert again.path.read_bytes() == reader.path.read_bytes()


def test_one_model_is_read_alone(tmp_path: Path, predicted: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file and from memory the same rows; none of a model that is not there."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 16)
    reader = written(tmp_path / "predictions.parquet", predicted)
    names = np.array(predicted.column("model").to_pylist())
    for source in (reader, tables.MemoryReader(predicted)):
        for model in MODELS:
            mine = pa.concat_tables(source.groups(["seq", "p_up"], model))
            assert plain(mine) == plain(predicted.filter(pa.array(names == model)).select(["seq", "p_up"]))
        assert sum(part.num_rows for part in source.groups(["seq"], "gbm")) == 0


def test_models_may_speak_of_different_rows(tmp_path: Path, predicted: pa.Table) -> None:
    """A model that passes over a row leaves the others where they are."""
    keep = np.ones(predicted.num_rows, bool)
    keep[[4, 17, 30]] = False
    some = predicted.filter(pa.array(keep))
    assert plain(written(tmp_path / "predictions.parquet", some).read()) == plain(some)


def test_a_file_in_which_the_models_are_mixed_is_read_all_the_same(tmp_path: Path, predicted: pa.Table) -> None:
    """As files were before models lay apart: no group says which model it holds."""
    path = tmp_path / "predictions.parquet"
    pq.write_table(predicted, path, row_group_size=24)
    reader = tables.FileReader(path, "hfm train")
    assert plain(reader.read()) == plain(predicted)
    names = np.array(predicted.column("model").to_pylist())
    mine = pa.concat_tables(reader.groups(["p_up"], "har"))
    assert plain(mine) == plain(predicted.filter(pa.array(names == "har")).select(["p_up"]))


def test_a_table_without_rows_or_with_one_model_stays_as_it_is(tmp_path: Path, predicted: pa.Table) -> None:
    """One group each."""
    names = np.array(predicted.column("model").to_pylist())
    for table in (predicted.slice(0, 0), predicted.filter(pa.array(names == "har"))):
        assert len(list(partition.split(table, "model"))) == 1
        assert plain(written(tmp_path / "predictions.parquet", table).read()) == plain(table)


def plain(table: pa.Table) -> dict[str, list[object]]:
    """Values by column, NaN as a word."""
    found = {name: column.to_pylist() for name, column in zip(table.column_names, table.columns, strict=True)}
    return {name: ["nan" if v != v else v for v in values] for name, values in found.items()}
