"""What a run can be relied on for: stale with its reason, refused inputs with the command that makes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hfm
from hfm.config import Config, Fetch, Simulate, Train
from hfm.errors import DataError
from hfm.runs import stages
from hfm.runs.freshness import check_committed, recorded_config, status, why_stale
from hfm.runs.manifest import Run
from hfm.runs.pipeline import execute
from hfm.runs.stages import by_name
from tests import toy
from tests.toy import bytes_of, everything, options


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return toy.placed(tmp_path, monkeypatch)


def test_a_changed_setting_makes_its_stage_and_what_follows_stale(run: Run) -> None:
    """And status says which setting, from what to what."""
    everything(run)
    config = Config(simulate=Simulate(seed=8))
    rows = status(run, run.manifest(), config)
    assert [r[1] for r in rows] == ["fresh", "stale", "fresh"]
    assert "simulate.seed 7 -> 8" in rows[1][2]
    execute(run, by_name("simulate"), config, options(run))
    rows = status(run, run.manifest(), config)
    assert [r[1] for r in rows] == ["fresh", "fresh", "stale"]
    assert "simulate/facts.json has changed" in rows[2][2]
    assert everything(run, config) == ["train"]


def test_a_setting_that_is_younger_than_the_run_had_its_default(run: Run) -> None:
    """An update alone makes nothing stale; another value of the new setting does, from the default on."""
    everything(run)
    manifest = run.manifest()
    del manifest.stages["simulate"].config["seed"]
    assert [r[1] for r in status(run, manifest, Config())] == ["fresh"] * 3
    assert status(run, manifest, Config(simulate=Simulate(seed=8)))[1][1:] == ("stale", "simulate.seed 7 -> 8")


def test_a_run_older_than_a_choice_was_made_without_it(run: Run) -> None:
    """Networks began anew in each fold before they could begin warm: so it is stale now, and is verified as it was."""
    everything(run)
    manifest = run.manifest()
    assert recorded_config(manifest).train.warm_start
    del manifest.stages["train"].config["warm_start"]
    assert not recorded_config(manifest).train.warm_start
    assert status(run, manifest, Config())[2][1:] == ("stale", "train.warm_start False -> True")
    assert status(run, manifest, Config(train=Train(warm_start=False)))[2][1] == "fresh"


def test_a_run_older_than_thinning_was_fitted_to_all_rows(run: Run) -> None:
    """So today's default may make another one of it."""
    everything(run)
    manifest = run.manifest()
    del manifest.stages["train"].config["rows"]
    assert recorded_config(manifest).train.rows == 1_000_000_000
    assert status(run, manifest, Config())[2][1:] == ("stale", "train.rows 1000000000 -> 500000")


def test_what_a_run_was_made_with_is_each_stages_own(run: Run) -> None:
    """Settings of a later command change nothing that was made before."""
    everything(run, Config(simulate=Simulate(seed=8)))
    manifest = run.manifest()
    manifest.config["simulate"]["seed"] = 9
    assert recorded_config(manifest).simulate.seed == 8


def test_a_stage_before_its_input_names_the_command(run: Run) -> None:
    """Exit 4 and what to type."""
    execute(run, by_name("fetch"), Config(), options(run))
    with pytest.raises(DataError, match=r"facts\.json") as caught:
        execute(run, by_name("train"), Config(), options(run))
    assert caught.value.hint == "hfm simulate --run r"


def test_a_stage_on_stale_inputs_is_refused(run: Run) -> None:
    """Predictions of other quotes are no input: train must run again first."""
    everything(run)
    execute(run, by_name("fetch"), Config(fetch=Fetch(seed=9)), options(run))
    with pytest.raises(DataError, match="stale"):
        execute(run, by_name("train"), Config(), options(run))


def changed(run: Run, place: float) -> None:
    """Flip a bit of the fetched bars."""
    path = run.path / "fetch/bars.parquet"
    raw = bytearray(path.read_bytes())
    raw[int(place * (len(raw) - 1))] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_a_changed_byte_in_an_input_is_refused(run: Run, place: float) -> None:
    """Whatever the stage makes of it meanwhile: the hash has the last word, and the old result stands."""
    everything(run)
    before = {k: v for k, v in bytes_of(run).items() if k.startswith("simulate")}
    changed(run, place)
    with pytest.raises(DataError, match="damaged") as caught:
        execute(run, by_name("simulate"), Config(), options(run))
    assert caught.value.hint == "hfm fetch --run r"
    assert {k: v for k, v in bytes_of(run).items() if k.startswith("simulate")} == before


@pytest.mark.parametrize("odd", ["document", "nothing"])
def test_what_a_stage_made_of_a_changed_byte_is_not_told_as_its_fault(
    run: Run, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    """Nor where it shows only as the files are ended: a document that is none, an artifact that is missing."""
    everything(run)
    monkeypatch.setenv("TOY_BLIND", "1")
    monkeypatch.setenv("TOY_ODD", odd)
    with pytest.raises((TypeError, AssertionError)):
        execute(run, by_name("simulate"), Config(), options(run))
    changed(run, 0.5)
    with pytest.raises(DataError, match="damaged"):
        execute(run, by_name("simulate"), Config(), options(run))


def test_a_changed_byte_that_the_stage_never_reads_is_refused_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the file is what the manifest names, not only the columns in use."""
    everything(run)
    monkeypatch.setenv("TOY_BLIND", "1")
    changed(run, 0.5)
    with pytest.raises(DataError, match="damaged"):
        execute(run, by_name("simulate"), Config(), options(run))


def test_work_in_progress_on_a_changed_input_is_never_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint goes by its inputs' hashes: the stage that keeps one does not begin before they are found right."""
    everything(run)
    monkeypatch.setenv("TOY_SAVE", "1")
    path = run.path / "simulate/facts.json"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="damaged"):
        execute(run, by_name("train"), Config(), options(run))
    assert not (run.path / "train" / ".resume").exists()


def test_a_run_holds_bars_or_a_book_and_the_next_stage_takes_either(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch that changes from one to the other makes the next stage stale, and leaves one of them in the manifest."""
    monkeypatch.setattr(stages, "STAGES", toy.EITHER)
    for source, artifact in (("file", "fetch/bars.parquet"), ("lobster", "fetch/book.parquet")):
        config = Config(fetch=Fetch(source=source))
        assert everything(run, config) == ["fetch", "simulate"]
        assert everything(run, config) == []
        assert list(run.manifest().stages["fetch"].artifacts) == [artifact]
        assert json.loads((run.path / "simulate/facts.json").read_bytes()) == {"given": [artifact]}
    assert status(run, run.manifest(), Config(fetch=Fetch(source="file")))[0][1] == "stale"


def test_neither_bars_nor_a_book_is_named_and_both_are_a_bug(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 4 with the command that makes one; a fetch that makes two never commits."""
    monkeypatch.setattr(stages, "STAGES", toy.EITHER)
    with pytest.raises(DataError, match=r"bars\.parquet or .*book\.parquet, and neither") as caught:
        execute(run, by_name("simulate"), Config(), options(run))
    assert caught.value.hint == "hfm fetch SPY --run r"
    with pytest.raises(AssertionError, match="promised"):
        execute(run, by_name("fetch"), Config(fetch=Fetch(source="tardis")), options(run))
    assert not run.exists()


def test_a_committed_artifact_may_be_stale_but_not_damaged_or_gone(run: Run) -> None:
    """A model older than its quotes still forecasts; one whose bytes moved does not."""
    everything(run)
    execute(run, by_name("fetch"), Config(fetch=Fetch(seed=9)), options(run))
    assert list(check_committed(run, run.manifest(), ["train/model.safetensors"])) == ["train/model.safetensors"]
    path = run.path / "train/model.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DataError, match="damaged") as caught:
        check_committed(run, run.manifest(), ["train/model.safetensors"])
    assert caught.value.hint == "hfm train --run r"
    path.unlink()
    with pytest.raises(DataError, match="not there"):
        check_committed(run, run.manifest(), ["train/model.safetensors"])


def test_another_version_of_hfm_makes_a_stage_stale_and_what_follows_refuses_it(run: Run) -> None:
    """Numbers may have changed: status says which version, and a chain of stages is told through."""
    everything(run)
    manifest = run.manifest()
    manifest.stages["train"].versions["hfm"] = "0.0.9"
    run.commit(manifest, [], options(run).clock())
    assert why_stale(run, run.manifest(), by_name("train"), Config()) == "made by hfm 0.0.9, this is 0.1.0"
    execute(run, by_name("fetch"), Config(fetch=Fetch(seed=9)), options(run))
    why = why_stale(run, run.manifest(), by_name("train"), Config(train=Train(seed=7)))
    assert why is not None
    manifest = run.manifest()
    manifest.stages["train"].versions["hfm"] = hfm.__version__
    assert why_stale(run, manifest, by_name("train"), Config()) == (
        "simulate is stale (fetch/bars.parquet has changed)"
    )


def test_an_input_that_is_not_a_file_is_named(run: Run) -> None:
    """Someone made a folder of it."""
    everything(run)
    (run.path / "fetch/bars.parquet").unlink()
    (run.path / "fetch/bars.parquet").mkdir()
    with pytest.raises(DataError, match=r"bars\.parquet cannot be read") as caught:
        execute(run, by_name("simulate"), Config(), options(run))
    assert caught.value.hint == "hfm fetch --run r"
