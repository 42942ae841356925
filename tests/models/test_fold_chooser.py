"""A row's fold answers it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from hfm.models.fold_chooser import FoldChooser
from hfm.plugins import REGISTRY, FitChooser, find


def fold(number: int, train: tuple[str, str], valid: tuple[str, str], test: tuple[str, str] | None) -> dict[str, Any]:
    """A fold as a checkpoint's document has it."""
    return {"name": "final" if number < 0 else f"fold{number}", "train": train, "valid": valid, "test": test}


DOCUMENT = {"folds": [
    fold(0, ("2024-01-02", "2024-01-05"), ("2024-01-08", "2024-01-08"), ("2024-01-09", "2024-01-10")),
    fold(1, ("2024-01-02", "2024-01-08"), ("2024-01-09", "2024-01-10"), ("2024-01-11", "2024-01-11")),
    fold(-1, ("2024-01-02", "2024-01-10"), ("2024-01-11", "2024-01-11"), None),
]}  # fmt: skip


def day(text: str) -> int:
    """Days since 1970."""
    return int(np.datetime64(text, "D").astype(np.int64))


@pytest.mark.parametrize("name", REGISTRY["choosers"])
def test_no_fit_answers_what_it_has_seen(name: str) -> None:
    """The contract: from the document as it stands on disk, a name of the document or none for every session."""
    chooser: FitChooser = find("choosers", name)(json.loads(json.dumps(DOCUMENT)))
    for session in range(day("2024-01-01"), day("2024-02-01")):
        fit = chooser.of_session(session)
        if fit is not None:
            seen = next(f for f in DOCUMENT["folds"] if f["name"] == fit)
            assert max(day(seen["train"][1]), day(seen["valid"][1])) < session


def test_the_fold_whose_test_part_holds_the_session_answers_it() -> None:
    """None before the first, the final fit after the last."""
    chooser = FoldChooser(DOCUMENT)
    found = {text: chooser.of_session(day(text)) for text in ("2024-01-08", "2024-01-10", "2024-01-11", "2024-01-12")}
    assert found == {"2024-01-08": None, "2024-01-10": "fold0", "2024-01-11": "fold1", "2024-01-12": "final"}
    assert not chooser.within_sessions
    assert chooser.of_row(day("2024-01-10"), 0) == "fold0"


def test_folds_cut_by_time_change_inside_the_session() -> None:
    """By the row's close; between two test parts none answers."""
    session = ("2024-01-09", "2024-01-09")
    folds = [fold(k, session, session, session) | {"times": {"test": [100 * k, 100 * k + 50]}} for k in (1, 2)]
    chooser = FoldChooser({"folds": folds})
    assert chooser.within_sessions
    assert [chooser.of_row(day("2024-01-09"), time) for time in (99, 100, 150, 175, 200)] == [
        None, "fold1", "fold1", None, "fold2",
    ]  # fmt: skip
    assert chooser.of_row(day("2024-01-10"), 100) == "final"
