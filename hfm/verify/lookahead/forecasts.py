"""What a model forecast is asked again in a fresh process: with the future cut, with another one, in another order.

A row's heads depend on its sequence (a session of a symbol) up to it, and on nothing else: alone, cut anywhere, beside
others that are cut elsewhere, they are what predictions.parquet holds. Axes: S sequences, n rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from hfm import plugins
from hfm.arrays import Float, Int
from hfm.models import inference
from hfm.models.checkpoint import Checkpoint
from hfm.models.heads import HEADS
from hfm.plugins import Arrays, Panel
from hfm.tables import Reader, arrays
from hfm.train import fold_rows
from hfm.train.folds import Fold
from hfm.train.training_panel import TrainingRows
from hfm.verify.claims import Row
from hfm.verify.lookahead import compare, forecast_questions, isolation
from hfm.verify.lookahead.compare import Difference
from hfm.verify.lookahead.forecast_questions import FoldForecast, ForecastQuestion
from hfm.verify.lookahead.isolation import Isolated


def forecast(checkpoint: Checkpoint, model: str, rows: TrainingRows, fold: Fold) -> FoldForecast:
    """What the stored model of a fold says of its test part, in this process.

    Parameters
    ----------
    checkpoint
        With the arrays of all folds.
    model
        Its name.
    rows
        Of the run.
    fold
        Which one.

    Returns
    -------
    FoldForecast
        With the rows before the part that carry the state.
    """
    fitted = stored(checkpoint, model, fold)
    lead = fold_rows.lead(rows.panel, *fold.test)
    heads = plugins.find("models", model)().predict(fitted, lead.panel)
    place = _place(rows.panel, lead, fold)
    empty = FoldForecast(
        model,
        fitted,
        fold,
        lead.panel,
        lead.inside,
        np.empty(0, inference.FORECAST),
        rows.time[place],
        rows.time_label[place],
    )  # fmt: skip
    return replace(empty, out=empty.finished(heads, lead.panel))


def _place(panel: Panel, lead: fold_rows.LeadIn, fold: Fold) -> slice | Int:
    """Where the rows of a lead stand in the panel."""
    if panel.block is None:
        return fold_rows.place(panel, *fold.test)
    owner = np.repeat(panel.session, np.diff(panel.start))
    return np.flatnonzero(np.isin(owner, np.unique(lead.panel.session)) & (panel.block < fold.test[1]))


def stored(checkpoint: Checkpoint, model: str, fold: Fold) -> Arrays:
    """What predict needs of a fold.

    Parameters
    ----------
    checkpoint
        With the arrays of all folds.
    model
        Its name.
    fold
        Which one.

    Returns
    -------
    Arrays
        The model's, and those of its members behind their names.
    """
    place = f"fold{fold.number}"
    out = checkpoint.part(place, model)
    for member in plugins.find("models", model).members:
        out |= {f"{member}/{key}": value for key, value in checkpoint.part(place, member).items()}
    return out


def as_written(predictions: Reader, items: Sequence[FoldForecast]) -> Row:
    """Whether the stored model says what predictions.parquet holds, row by row of every fold.

    Parameters
    ----------
    predictions
        The table.
    items
        All folds of a model.

    Returns
    -------
    Row
        Names the first column and row that is another.
    """
    model, names = items[0].model, ("fold", *inference.FORECAST_COLUMNS)
    parts = [arrays(group, names) for group in predictions.groups(("model", *names), model)]
    complete = {name: np.concatenate([part[name] for part in parts]) for name in names}
    differences = []
    for each in items:
        rows = np.flatnonzero(each.inside)
        of_fold = complete["fold"] == each.fold.number
        n = min(len(rows), int(of_fold.sum()))
        good = {
            name: compare.near(each.out[name][rows[:n]], complete[name][of_fold][:n])
            for name in inference.FORECAST_COLUMNS
        }
        found = compare.first(good, each.keys(rows[:n]))
        differences.append(replace(found, rows=max(len(rows), int(of_fold.sum()))))
    found = compare.total(differences)
    text = f"train: {model} stored says what was written"
    if found.same < found.rows:
        text = f"train: {found.column} of {found.place} is not what the stored {model} says"
    return compare.line(text, found)


def again(items: Sequence[FoldForecast], asked: Isolated, rng: np.random.Generator) -> Iterator[Row]:
    """The rows of the table about the forecasts of all folds.

    Parameters
    ----------
    items
        All folds of a model.
    asked
        The process in which the model is asked again.
    rng
        Draws the cuts.

    Yields
    ------
    Row
        Of files, of being asked twice, and of another future and process.
    """
    model = items[0].model
    plan = [(each, forecast_questions.questions(each, items, rng)) for each in items]
    answers: list[tuple[FoldForecast, ForecastQuestion, Float]] = []
    replies = []
    for growing in (True, False):
        for each, all_questions in plan:
            batch = [q for q in all_questions if (q.kind == "growing") is growing]
            batch = batch if growing else [batch[i] for i in rng.permutation(len(batch))]
            reply = asked.ask(isolation.predict, model, each.arrays, [q.panel for q in batch])
            if reply.error:
                yield reply.error_row("train", model)
                return
            replies.append(reply)
            answers += [(each, q, a) for q, a in zip(batch, reply.answers, strict=True)]
    both = tuple(name for reply in replies for name in reply.touched)
    yield replace(replies[0], touched=both).touched_row("train", model)
    twice = _twice(answers)
    if twice.same < twice.rows:
        yield compare.line(f"train: {model}'s {twice.column} of {twice.place} is another when asked twice", twice)
        return  # what changes by itself cannot be compared with another future
    yield compare.line(f"train: forecasts of {model} are the same when asked twice", twice)
    yield from _judged(model, answers, asked)


def _judged(
    model: str, answers: Sequence[tuple[FoldForecast, ForecastQuestion, Float]], asked: Isolated
) -> Iterator[Row]:
    for kind, how in (("growing", "gone"), ("cut", "gone, each session at its own row"), ("changed", compare.CHANGED)):
        of_fold = [one for one in answers if one[1].kind == kind]
        parts = [_compared(*item) for item in of_fold]
        found = compare.total(parts)
        count = sum(len(forecast_questions.owners(each, q)) for each, q, _ in of_fold)
        wrong = next((item for item, d in zip(of_fold, parts, strict=True) if d.same < d.rows), None)
        if kind == "growing" and wrong is not None and _of_the_past(asked, *wrong):
            text = f"train: {model}'s {found.column} of {found.place} hangs on the sessions asked before it"
            yield compare.line(text, found)
        else:
            yield compare.claim("train", f"forecasts of {model}", found, how, f"{model}'s ", count)
    found = compare.total(_compared(*one) for one in answers if one[1].kind == "fresh")
    text = f"train: forecasts of {model} are the same in a fresh process, another folder, at another hour"
    if found.same < found.rows:
        text = f"train: {model}'s {found.column} of {found.place} is another in a fresh process"
    yield compare.line(text, found)


def _compared(item: FoldForecast, question: ForecastQuestion, heads: Float) -> Difference:
    """An answer beside the forecast, in the rows that stay and belong to the test part."""
    keep = item.inside[question.rows]
    rows, stay = question.rows[keep], question.stay[keep]
    if heads.shape[0] != len(question.panel.slot):
        return Difference(len(rows), 0, f"count of {heads.shape[0]} heads", compare.place(item.keys(rows), 0))
    out = item.finished(heads, question.panel)[stay]
    good = {name: compare.near(out[name], item.out[name][rows]) for name in inference.FORECAST_COLUMNS}
    return compare.first(good, item.keys(rows))


def _twice(answers: Sequence[tuple[FoldForecast, ForecastQuestion, Float]]) -> Difference:
    """The two answers about all rows of each fold beside each other."""
    parts = []
    one = {each.fold.number: (each, q, a) for each, q, a in answers if q.kind == "fresh"}
    for each, question, second in answers:
        if question.kind == "twice":
            first = one[each.fold.number][2]
            if first.shape == second.shape == (len(question.rows), len(HEADS)):
                good = {name: compare.near(first[:, j], second[:, j]) for j, name in enumerate(HEADS)}
                parts.append(compare.first(good, each.keys(question.rows)))
    return compare.total(parts)


def _of_the_past(asked: Isolated, item: FoldForecast, question: ForecastQuestion, heads: Float) -> bool:
    """Whether the first sequence that differs is as it was once the earlier ones stand before it in the panel."""
    if heads.shape[0] != len(question.panel.slot):
        return False
    owner = int(forecast_questions.owners(item, question)[0])
    stay = np.where(np.arange(len(item.lengths)) < owner, item.lengths, 0)
    stay[owner] = len(question.rows)
    complete = forecast_questions.cut("past", item, stay)
    reply = asked.spare.ask(isolation.predict, item.model, item.arrays, [complete.panel])
    if reply.error:
        return False
    found = _compared(item, complete, reply.answers[0])
    return found.same == found.rows
