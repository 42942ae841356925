"""What a model forecast is asked again in a fresh process: with the future cut, with another one, in another order.

A row's heads depend on its sequence (a session of a symbol) up to it, and on nothing else: alone, cut anywhere, beside
others that are cut elsewhere, they are what predictions.parquet holds. Axes: S sequences, n rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hfm import plugins
from hfm.arrays import Bool, Float, Int
from hfm.models import inference
from hfm.models.checkpoint import Checkpoint
from hfm.models.heads import HEADS
from hfm.plugins import ROWS, Arrays, Panel
from hfm.tables import Reader, arrays
from hfm.tables.records import Records
from hfm.train import fold_rows
from hfm.train.fold_rows import LABELS
from hfm.train.folds import Fold
from hfm.train.training_panel import TrainingRows
from hfm.verify.claims import Row
from hfm.verify.lookahead import compare, cuts, isolation
from hfm.verify.lookahead.compare import Difference, Keys
from hfm.verify.lookahead.isolation import Isolated

ALONE = 150
"""Most sequences that are asked one by one, growing."""
AT_ONCE, CALLS = 40, 30
"""Most rounds in which all sequences of a fold are cut, each elsewhere; most calls with another future."""
BUDGET = 1_200_000
"""Most rows that a model is asked about."""


@dataclass(frozen=True)
class FoldForecast:
    """A fold's test part as the stage saw it, what the stored model says of it, and what it is made of.

    panel: with the rows before the part that carry the state; inside [n]: the part's own; out [n]: of
    inference.FORECAST; time, label_time [n]: when each row and its label are known (ns UTC).
    """

    model: str
    arrays: Arrays
    fold: Fold
    panel: Panel
    inside: Bool
    out: Records
    time: Int
    label_time: Int

    @property
    def lengths(self) -> Int:
        """Rows of each sequence."""
        return np.diff(self.panel.start)

    @property
    def lead(self) -> Int:
        """Rows of each sequence before the test part."""
        return np.array([int(self.inside[a:b].argmax()) for a, b in itertools.pairwise(self.panel.start.tolist())])

    def keys(self, rows: Int) -> Keys:
        """symbol, session, seq of some rows."""
        owner = np.searchsorted(self.panel.start, rows, "right") - 1
        words = np.array(self.panel.symbols, object)[self.panel.symbol[owner]]
        day = self.panel.session[owner].astype("datetime64[D]")
        return {"symbol": words, "session": day, "seq": self.panel.slot[rows]}

    def finished(self, heads: Float, panel: Panel) -> Records:
        """[n] of inference.FORECAST."""
        return inference.finished(heads, panel.spread_bps, self.arrays)


@dataclass(frozen=True)
class ForecastQuestion:
    """One call of predict: why, on which panel, and which of its rows (at `stay`) are rows `rows` of the forecast."""

    kind: str
    panel: Panel
    rows: Int
    stay: Int


def forecast(checkpoint: Checkpoint, model: str, rows: TrainingRows, fold: Fold) -> FoldForecast:
    """The FoldForecast of one fold: its model predicts in this process."""
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
    """What predict needs of a fold: the model's arrays and those of its members."""
    place = f"fold{fold.number}"
    out = checkpoint.part(place, model)
    for member in plugins.find("models", model).members:
        out |= {f"{member}/{key}": value for key, value in checkpoint.part(place, member).items()}
    return out


def as_written(predictions: Reader, items: Sequence[FoldForecast]) -> Row:
    """The stored model says what predictions.parquet holds, row by row of every fold."""
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
    """The rows of the table about the forecasts of all folds."""
    model = items[0].model
    plan = [(each, questions(each, items, rng)) for each in items]
    answers: list[tuple[FoldForecast, ForecastQuestion, Float]] = []
    replies = []
    for growing in (True, False):
        for each, all_questions in plan:
            batch = [q for q in all_questions if (q.kind == "growing") is growing]
            batch = batch if growing else [batch[i] for i in rng.permutation(len(batch))]
            reply = asked.ask(isolation.predict, model, each.arrays, [q.panel for q in batch])
            if reply.error:
                yield isolation.refused("train", model, reply.error)
                return
            replies.append(reply)
            answers += [(each, q, a) for q, a in zip(batch, reply.answers, strict=True)]
    both = tuple(name for reply in replies for name in reply.touched)
    yield isolation.touched("train", model, replace(replies[0], touched=both))
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
        count = sum(len(_owners(each, q)) for each, q, _ in of_fold)
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


def _owners(item: FoldForecast, question: ForecastQuestion) -> Int:
    return np.unique(np.searchsorted(item.panel.start, question.rows, "right") - 1)


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
    owner = int(_owners(item, question)[0])
    stay = np.where(np.arange(len(item.lengths)) < owner, item.lengths, 0)
    stay[owner] = len(question.rows)
    complete = _cut("past", item, stay)
    reply = asked.spare.ask(isolation.predict, item.model, item.arrays, [complete.panel])
    if reply.error:
        return False
    found = _compared(item, complete, reply.answers[0])
    return found.same == found.rows


# ------------------------------------------------------------------------------------------------------- the questions
def questions(item: FoldForecast, plan: Sequence[FoldForecast], rng: np.random.Generator) -> list[ForecastQuestion]:
    """What is asked about a fold. Growing: sequence by sequence in order of time, each row before any that comes later
    is ever seen. plan: all folds, which share the budget.
    """
    count, lengths, lead = len(item.lengths), item.lengths, item.lead
    total = sum(len(each.lengths) for each in plan)
    rows = sum(len(each.panel.slot) for each in plan)
    share = min(1.0, ALONE / total, BUDGET / 3 / max(rows * 3, 1))
    alone = np.sort(rng.choice(count, max(int(np.ceil(share * count)), 1), replace=False))
    out = []
    for s in alone:
        steps = [int(lead[s]) + stay for stay in cuts.ladder(rng, int(lengths[s] - lead[s]))]
        out += [_cut("growing", item, np.where(np.arange(count) == s, stay, 0)) for stay in steps]
    rounds = int(np.clip(-(-cuts.LEAST // max(total, 1)), 2, min(AT_ONCE, max(BUDGET // 3 // max(rows, 1), 1))))
    for _ in range(rounds):
        out.append(_cut("cut", item, lead + cuts.within(rng, lengths - lead)))
        out.append(_other(rng, item, lead + cuts.within(rng, lengths - lead)))
    complete = np.arange(len(item.panel.slot))
    return [
        *out,
        ForecastQuestion("fresh", item.panel, complete, complete),
        ForecastQuestion("twice", item.panel, complete, complete),
    ]


def _cut(kind: str, item: FoldForecast, stay: Int) -> ForecastQuestion:
    """The first stay [S] rows of each sequence, with the labels that are known by the last of them."""
    start, keep = item.panel.start[:-1], np.flatnonzero(stay > 0)
    rows = np.concatenate([np.arange(start[s], start[s] + stay[s]) for s in keep])
    known = np.repeat(item.time[start[keep] + stay[keep] - 1], stay[keep])
    late = item.label_time[rows] > known
    cut = {name: getattr(item.panel, name)[rows] for name in ROWS if getattr(item.panel, name) is not None}
    cut |= {name: np.where(late, np.nan, cut[name]) for name in LABELS}
    panel = replace(
        item.panel, **cut, start=np.concatenate([[0], np.cumsum(stay[keep])]).astype(np.int64),
        symbol=item.panel.symbol[keep], session=item.panel.session[keep],
    )  # fmt: skip
    return ForecastQuestion(kind, panel, rows, np.arange(len(rows)))


def _other(rng: np.random.Generator, item: FoldForecast, stay: Int) -> ForecastQuestion:
    """All rows, of which those after the first stay [S] of each sequence are other ones, and so are labels that are
    known only then.
    """
    panel, n = item.panel, len(item.panel.slot)
    place = np.arange(n) - np.repeat(panel.start[:-1], item.lengths)
    later = place >= np.repeat(stay, item.lengths)
    known = np.repeat(item.time[panel.start[:-1] + stay - 1], item.lengths)
    late = item.label_time > known
    drawn = rng.permutation(n)
    cut: dict[str, np.ndarray] = {"x": np.where(later[:, None], panel.x[drawn] * 1.3, panel.x)}
    cut["spread_bps"] = np.where(later, panel.spread_bps[drawn] * 1.5, panel.spread_bps)
    turned = {"up": 1.0 - panel.up, "ret_bps": -1.5 * panel.ret_bps - 3.0, "log_spread": panel.log_spread + 0.4,
              "log_vol": panel.log_vol + 0.5}  # fmt: skip
    cut |= {name: np.where(late, turned[name], getattr(panel, name)) for name in LABELS}
    stays = np.flatnonzero(~later)
    return ForecastQuestion("changed", replace(panel, **cut), stays, stays)  # type: ignore[arg-type]  # arrays by name
